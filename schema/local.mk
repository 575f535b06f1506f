# What schema builds and installs.
