# What mailer builds and installs.
