/* What this print station has printed, durably: so that no letter is printed twice, whoever asks,
   and that a batch is asked for again under its old name until its report has arrived. One SQLite
   file, held by one process at a time. */
#pragma once

#include "ulid.h"
#include "wire.h"

#include <stddef.h>

#define LEDGER_FILE        "ledger.db"
#define LEDGER_SHA256_SIZE 65 /* hex and NUL */
#define LEDGER_WHY_SIZE    (WIRE_WHY_MAX + 1)

struct ledger;

enum ledger_state {
    LEDGER_AT_PRINTER, /* perhaps on its way; printer_job says which job it is there, 0: none yet */
    LEDGER_PRINTED,
    LEDGER_UNCERTAIN, /* why says why nobody knows */
};

struct ledger_letter {
    char job[ULID_SIZE];
    char batch[ULID_SIZE];
    char sha256[LEDGER_SHA256_SIZE]; /* of the PDF */
    unsigned pages;
    enum ledger_state state;
    int printer_job;
    char why[LEDGER_WHY_SIZE];
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
/* A batch that came as a file is answered once: what wasn't printed by then comes in another. */
int ledger_batch_answered(struct ledger *ledger, const char *batch);     /* 1 or 0 */
int ledger_batch_set_answered(struct ledger *ledger, const char *batch); /* durable */
/* portald has refused the report of batch once more: *ret_times in all. */
int ledger_batch_refused(struct ledger *ledger, const char *batch, unsigned *ret_times);

/* 0, or -ENOENT when job was never printed here. */
int ledger_find(struct ledger *ledger, const char *job, struct ledger_letter *ret);
/* Durable when it returns 0. -EEXIST when job is in it already. */
int ledger_add(struct ledger *ledger, const struct ledger_letter *letter);
/* All of them or none. */
int ledger_add_all(struct ledger *ledger, const struct ledger_letter *letters, size_t count);
/* 1 when a letter of batch is in it, else 0. */
int ledger_has_batch(struct ledger *ledger, const char *batch);
/* The letter's new state, printer_job and why. Durable when it returns 0. */
int ledger_set(struct ledger *ledger, const struct ledger_letter *letter);
/* Nothing of it is on paper, so that it may be printed. Durable when it returns 0. */
int ledger_drop(struct ledger *ledger, const char *job);
/* One letter that is LEDGER_AT_PRINTER: 0, or -ENOENT. */
int ledger_at_printer(struct ledger *ledger, struct ledger_letter *ret);
/* Calls each for every letter of batch, in the order of printing, until one returns non-zero, and
   returns that; or a negative errno. */
int ledger_each(struct ledger *ledger, const char *batch,
                int (*each)(void *userdata, const struct ledger_letter *letter), void *userdata);
