# What tests/bench builds and installs.
