/* One letter as the print station holds it: what portald says about it, and what the seal holds,
   once both are known to belong together. */
#pragma once

#include "calendar.h"
#include "code.h"
#include "ulid.h"
#include "wire.h"

#include <sodium.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#define LETTER_ENTRY_SIZE   37
#define LETTER_ADDRESS_SIZE 1025
#define LETTER_NAME_SIZE    513
#define LETTER_LOGIN_SIZE   255
#define LETTER_WHY_SIZE     (WIRE_WHY_MAX + 1) /* why a letter was refused */

enum letter_kind {
    LETTER_ACCESS,   /* initial password and PUK */
    LETTER_PASSWORD, /* initial password; the PUK comes in a letter of its own */
    LETTER_PUK,
    LETTER_KINDS,
};

enum letter_language {
    LETTER_GERMAN,
    LETTER_ENGLISH,
    LETTER_LANGUAGES,
};

struct letter {
    char job[ULID_SIZE];
    enum letter_kind kind;
    enum letter_language language;
    char entry[LETTER_ENTRY_SIZE];
    char address[LETTER_ADDRESS_SIZE]; /* lines separated by newlines */
    char name[LETTER_NAME_SIZE];
    char login[LETTER_LOGIN_SIZE];
    char reference[REFERENCE_PRINTED_SIZE];
    char last_day[CALENDAR_DAY_SIZE]; /* "" where nothing expires */
    time_t time;                      /* of portald's clock */
    char password[CODE_PRINTED_SIZE]; /* "" where the kind has none */
    char puk[CODE_PRINTED_SIZE];
};

/* A key pair of a print station, in memory that is locked, guarded and never dumped. */
struct station_key {
    uint8_t secret[crypto_box_SECRETKEYBYTES];
    uint8_t public_key[crypto_box_PUBLICKEYBYTES];
    struct station_key *older; /* opens what was sealed before this one was made; or NULL */
};

/* older goes with the new key when it returns 0. */
int station_key_load(const char *file, struct station_key *older, struct station_key **ret);
struct station_key *station_key_free(struct station_key *key); /* and those that are older */

bool letter_has_password(enum letter_kind kind);
bool letter_has_puk(enum letter_kind kind);
const char *letter_kind_word(enum letter_kind kind);
int letter_kind_read(const char *word); /* or -EINVAL */
const char *letter_language_word(enum letter_language language);

/* In memory as for keys; letter_free() wipes. */
struct letter *letter_new(void);
struct letter *letter_free(struct letter *letter);

/* The job of one LETTER field, so that whatever is wrong with the rest can be reported under its
   name. Returns 0 or -EPROTO. */
int letter_job(const uint8_t *field, size_t size, char ret[static ULID_SIZE]);
/* Reads one LETTER field and opens its seal. Job, entry and kind inside must be those outside, and
   the codes those that the kind has, check symbols right. Any of the keys may open it. Returns 0;
   -EBADMSG, and why in a few words, when this letter must not be printed; -ENOMEM. letter's content
   is undefined then. */
int letter_read(const struct station_key *key, const uint8_t *field, size_t size,
                struct letter *letter, char why[static LETTER_WHY_SIZE]);

/* An allocator for jansson that wipes what it frees, because what is sealed passes through it. Call
   once, before the first letter. */
void letter_wipe_json(void);
