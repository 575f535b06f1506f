# What config builds and installs.
