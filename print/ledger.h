/* What this print station has printed, durably: so that no letter is printed twice, whoever asks,
   and that a batch is asked for again under its old name until its report has arrived. One SQLite
   file, held by one process at a time. */
#pragma once

#include "ulid.h"

#define LEDGER_FILE        "ledger.db"
#define LEDGER_SHA256_SIZE 65 /* hex and NUL */

struct ledger;

struct ledger_letter {
    char job[ULID_SIZE];
    char sha256[LEDGER_SHA256_SIZE]; /* of the PDF */
    unsigned pages;
};

/* Opens directory's ledger, making it where there is none. Returns 0; -EBUSY when another process
   holds it; -EOPNOTSUPP when a newer program wrote it; -EIO when it is damaged; or what else
   opening a file fails with. */
int ledger_open(const char *directory, struct ledger **ret);
struct ledger *ledger_close(struct ledger *ledger);

/* The unfinished batch: 0, or -ENOENT. */
int ledger_batch(struct ledger *ledger, char ret[static ULID_SIZE]);
/* Durable when they return 0. */
int ledger_batch_begin(struct ledger *ledger, const char *batch);
int ledger_batch_end(struct ledger *ledger, const char *batch);

/* 0, or -ENOENT when job was never printed here. */
int ledger_find(struct ledger *ledger, const char *job, struct ledger_letter *ret);
/* Durable when it returns 0. -EEXIST when job was printed before. */
int ledger_add(struct ledger *ledger, const char *batch, const struct ledger_letter *letter);
/* Calls each for every letter of batch, in the order of printing, until one returns non-zero, and
   returns that; or a negative errno. */
int ledger_each(struct ledger *ledger, const char *batch,
                int (*each)(void *userdata, const struct ledger_letter *letter), void *userdata);
