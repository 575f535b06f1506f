/* What station.c and station-files.c share: the station, and one batch in the making. */
#pragma once

#include "batch.h"
#include "press.h"
#include "station.h"

struct station {
    const struct settings *settings;
    uint32_t batch_size;
    struct station_key *key; /* and older ones */
    uint8_t portald[crypto_sign_PUBLICKEYBYTES];
    struct renderer *renderer;
    json_t *seen; /* jobs that this run has dealt with */
    bool stopped;
};

/* One batch in the making. */
struct batch {
    struct station *station;
    struct ledger *ledger;
    struct press *press;
    char id[ULID_SIZE];
    bool by_file, answered;            /* answered: by an earlier run */
    char blocked[PRINTER_WHY_SIZE];    /* why nothing more is printed now, or "" */
    int64_t asked;                     /* monotonic ms, when portald was last asked for it */
    json_t *rows;                      /* of the report */
    size_t printed, failed, uncertain; /* printed, uncertain: by earlier runs, too */
    struct page_pdf pdf;               /* of all letters, with one_file */
    struct ledger_letter *gathered;    /* what is in it */
    size_t gathered_count;
    size_t fresh; /* letters that this run hadn't seen */
};

void batch_clear(struct batch *b);
/* Logs what went wrong and returns it. */
int station_trouble(int r, const char *what);
/* Opens output and ledger. */
int batch_open(struct batch *b);
/* For press_recover(). */
int batch_recovered(void *userdata, const struct ledger_letter *letter);
/* Prints what there is to print of a claim; then all that is known of the batch becomes rows. */
int batch_print(struct batch *b, struct claim *claim);
int batch_rows(struct batch *b);
void batch_say(const struct batch *b);
