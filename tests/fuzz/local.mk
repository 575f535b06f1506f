# What tests/fuzz builds and installs.
