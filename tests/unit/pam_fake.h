/* A portald that says what it is told to: a child process on api.sock and account.sock that writes
   down every request and gives the next reply of a list. */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

#define FAKE_REPLIES 16
#define FAKE_FRAME   8192

enum fake_manner {
    FAKE_ANSWERS,
    FAKE_CLOSES,    /* ends the connection without a byte */
    FAKE_TRUNCATES, /* ends it in the middle of the frame */
    FAKE_HANGS,     /* never answers */
};

struct fake_reply {
    bool account; /* on account.sock, else on api.sock */
    enum fake_manner manner;
    unsigned char frame[FAKE_FRAME];
    size_t size;
};

struct fake {
    const char *directory;
    bool foreign; /* listens as another user: needs root */
    struct fake_reply replies[FAKE_REPLIES];
    size_t count;
    pid_t pid;
    int control; /* closed: end */
};

/* Listens and serves until fake_stop(), which returns what it was asked, a malloc'ed string with
   one line a request: "api AUTHENTICATE PASSWORD=…", fields as they came, but for USER, SERVICE and
   LANGUAGE where they are the usual ones. Exits on failure: a test without it means nothing. */
void fake_start(struct fake *fake);
char *fake_stop(struct fake *fake);

#define FAKE_USER     "anna@example.org"
#define FAKE_SERVICE  "portal-test"
#define FAKE_LANGUAGE "de"
