# What systemd builds and installs.
