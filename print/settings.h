/* print.conf. Way in: settings_load(). */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

struct settings {
    char *socket_dir, *socket; /* of portald: the path in two parts */
    char *portald_key;
    char *peer;
    uid_t peer_uid; /* who may own portald's socket besides root */
    long timeout;   /* seconds to wait for an answer of portald */
    char *zone;

    char *station_key;
    char *old_keys; /* paths, separated by one blank each; or NULL */
    char *state_dir;
    char *output;
    bool one_file; /* for a batch, instead of one for each letter */
    char *printer; /* an IPP URI; "": files in output */
    bool printer_plain;
    char *printer_ca;  /* a file, or NULL: the system's */
    long printer_wait; /* seconds */

    char *texts; /* directory */
    char *font, *code_font, *colour;
    char *company, *return_address, *letterhead, *footer;
    char *support, *portal_url, *signature;
    int form;                     /* enum render_form */
    char *logo, *signature_image; /* files, or NULL */
    bool qr;
};

/* Reads and checks file and sets the time zone; what is wrong has been logged when it returns an
   error. Returns 0, -EINVAL, or what opening said. settings_clear() in every case. */
int settings_load(const char *file, struct settings *ret);
void settings_clear(struct settings *settings);
