/* Sealing every TOTP secret anew, with the first key: work in the background, one entry after the
   other, so that the old key can be taken away afterwards. It may be interrupted and run again at
   any time: what is done is done. */
#pragma once

#include "directory.h"
#include "totp.h"

/* At most so many are named; all are counted. */
#define REKEY_LOST_MOST 200

struct rekey_lost {
    char uid[ENTRY_UID_SIZE];
    char why[TOTP_WHY_SIZE];
};

struct rekey_progress {
    char id[ULID_SIZE]; /* of this run; "": none since portald started */
    bool running;
    unsigned long seen;        /* secrets */
    unsigned long resealed;    /* of those */
    unsigned long lost;        /* that can't be opened or written */
    struct rekey_lost *losses; /* the first of them */
    size_t loss_count;
    int error; /* 0, or why it ended before the last */
};
void rekey_progress_clear(struct rekey_progress *progress);

struct rekey;
/* keys and options stay the caller's. */
int rekey_open(const struct totp_keys *keys, const struct directory_options *options,
               struct rekey **ret);
/* Waits for what runs to leave the entry that it is at. */
struct rekey *rekey_free(struct rekey *rekey);
DEFINE_CLEANUP(struct rekey, rekey_free)
/* -EALREADY while one runs. */
int rekey_start(struct rekey *rekey);
/* A copy of how far it is: 0, or -ENOMEM. */
int rekey_look(struct rekey *rekey, struct rekey_progress *ret);
