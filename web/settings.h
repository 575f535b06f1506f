/* web.conf: every setting, with its default and limits, is a row of the table in settings.c. */
#pragma once

#include "conf.h"

struct settings {
    /* [site] */
    char *base_url; /* https://HOST[:PORT]: all links are built from it, and cookies fit it */
    char *name;     /* the insurer's; empty: portald's company */
    char *logo;     /* an SVG or PNG file; NULL: the name as text */
    char *colour, *colour_dark; /* #rrggbb: buttons and links, light and dark */
    char *imprint_url;          /* where the insurer's legal notice is, or "" */
    char **hosts; /* other hosts whose applications may ask /auth for their users; ours is one */
    int language; /* where the browser asks for neither */
    char *zone, *locale_dir, *templates, *assets;
    /* [portald] */
    char *socket_dir, *peer;
    long timeout;
    /* [http] */
    char *listen;   /* without systemd: a loopback address with port, "127.0.0.1:0" */
    char **proxies; /* addresses whose X-Forwarded-For is believed; a Unix socket's always is */
    long threads, workers, connections, connections_per_client;
    long header_time, request_time, idle_time; /* seconds */
    long posts_per_client;                     /* a minute */
    /* [sessions] */
    char *cookie_key, *state_dir;
    long idle, absolute, step, slots;
};

/* Languages by number, as [site] language has them. */
#define LANGUAGE_DE 0
#define LANGUAGE_EN 1

/* Reads file and its drop-ins; every problem is logged. Returns 0 or a negative errno. */
int settings_load(const char *file, struct settings **ret);
struct settings *settings_free(struct settings *settings);
/* Whether base_url is https: cookies are then Secure and have __Host- in front, and HSTS is said.
   http is taken for loopback addresses only, for a sandbox. */
bool settings_secure(const struct settings *settings);
