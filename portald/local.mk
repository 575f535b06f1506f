# What portald builds and installs.
