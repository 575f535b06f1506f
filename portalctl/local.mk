# What portalctl builds and installs.
