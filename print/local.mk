# What print builds and installs.
