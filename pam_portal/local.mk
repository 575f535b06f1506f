# What pam_portal builds and installs.
