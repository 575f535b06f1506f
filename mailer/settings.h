/* mailer.conf. Way in: settings_load(). */
#pragma once

#include <stddef.h>

enum { STARTTLS_REQUIRED, STARTTLS_OFF };

#define SETTINGS_PASSWORD_MAX 255

struct settings {
    char *host;
    long port;
    int starttls;
    char *ca_file;       /* NULL: the system's */
    char *helo;          /* "": this machine's name */
    char *user;          /* "": no login */
    char *password_file; /* NULL: none */
    long reply;          /* seconds to wait for a reply */
    long accept;         /* seconds to wait for the reply to a whole message */
    long lifetime;       /* seconds after which the process ends itself, with mails in hand */
    long idle;           /* seconds that a session is kept open with nothing to do */
    long batch;          /* most mails an SMTP session */
    char *password;      /* read from password_file, wiped by settings_clear() */
};

/* Reads and checks file; what is wrong has been logged when it returns an error. Returns 0,
   -EINVAL, or what opening said. settings_clear() in every case. */
int settings_load(const char *file, struct settings *ret);
void settings_clear(struct settings *settings);
