/* Everything that pages share; made once by web_open(), and again on reload. */
#pragma once

#include "hung.h"
#include "settings.h"
#include "sessions.h"
#include "site.h"
#include "template.h"

#include <stdint.h>
#include <sys/types.h>
#include <time.h>

struct assets;
struct codes;
struct limits;

#define WEB_PROCESS 8

/* Derived from the cookie key file, in memory that is locked and never dumped. */
struct web_keys {
    uint8_t cookie[32]; /* seals cookies */
    uint8_t form[32];   /* form tokens */
    uint8_t code[32];   /* seals one-time codes (auth.h) */
    uint8_t table[32];  /* hashes in the table of sessions */
};

struct web {
    struct settings *settings;
    struct web_keys *keys;
    struct templates *templates;
    struct assets *assets;
    struct sessions *sessions;
    struct site *site;
    struct codes *codes;
    struct limits *limits;
    struct hung hung;
    uid_t peer;                   /* who may own portald's sockets besides root */
    uint8_t process[WEB_PROCESS]; /* random: in one-time codes, since which of those of before were
                                     used isn't known */
};

/* Reads configuration, key, templates, assets; every problem is logged. Returns 0 or a negative
   errno. */
int web_open(const char *file, struct web **ret);
/* The same, but nothing is kept, made or changed: whether all of it is in order. */
int web_check(const char *file);
struct web *web_free(struct web *web);
