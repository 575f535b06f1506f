# What po builds and installs.
