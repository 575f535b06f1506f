/* A customer's entry as the rules see it: parsed once from what LDAP returned, never changed. What
   is to change is a list of changes, made by account.c and carried out by directory_swap(). */
#pragma once

#include "cleanup.h"
#include "queue.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

/* portalState: portal.schema. */
enum account_state {
    ACCOUNT_PROVISIONED, /* known to the insurer, no account; also when portalState is absent */
    ACCOUNT_PENDING,     /* registered, mail not confirmed */
    ACCOUNT_INITIAL,     /* confirmed; initial password issued */
    ACCOUNT_ACTIVE,      /* personal password set */
    ACCOUNT_LOCKED,      /* by an administrator or "this wasn't me" */
    ACCOUNT_CLOSED,      /* contract over */
    ACCOUNT_STATES,
};
const char *account_state_word(enum account_state state);
int account_state_read(const char *word); /* or -EINVAL */

/* Every attribute that we read or write. Names, syntaxes and who may hold a secret: a table in
   entry.c. */
enum attribute {
    ATTRIBUTE_UID,
    ATTRIBUTE_CN,
    ATTRIBUTE_SN,
    ATTRIBUTE_GIVEN_NAME,
    ATTRIBUTE_MAIL,
    ATTRIBUTE_CONFIRMED_MAIL,
    ATTRIBUTE_LANGUAGE,
    ATTRIBUTE_POSTAL_ADDRESS,
    ATTRIBUTE_USER_PASSWORD, /* secret */
    ATTRIBUTE_PWD_RESET,
    ATTRIBUTE_PWD_HISTORY, /* secret; operational */
    ATTRIBUTE_PWD_LOCKED,  /* operational; only taken away */
    ATTRIBUTE_POLICY_NUMBER,
    ATTRIBUTE_BIRTH_DATE,
    ATTRIBUTE_STATE,
    ATTRIBUTE_REVISION,
    ATTRIBUTE_PENDING,
    ATTRIBUTE_JOB,
    ATTRIBUTE_CONSENT,
    ATTRIBUTE_INITIAL_EXPIRES,
    ATTRIBUTE_PASSWORD_CHANGED,
    ATTRIBUTE_PUK, /* secret */
    ATTRIBUTE_LETTER,
    ATTRIBUTE_LETTER_ADDRESS,
    ATTRIBUTE_CODE, /* secret */
    ATTRIBUTE_TOTP_SECRET,
    ATTRIBUTE_TOTP_LAST_STEP,
    ATTRIBUTE_PASSWORD_FAILURES,
    ATTRIBUTE_PASSWORD_RETRY_AFTER,
    ATTRIBUTE_TOTP_FAILURES,
    ATTRIBUTE_TOTP_RETRY_AFTER,
    ATTRIBUTE_PUK_FAILURES,
    ATTRIBUTE_PUK_RETRY_AFTER,
    ATTRIBUTE_SESSION_EPOCH,
    ATTRIBUTE_LOCK_REASON,
    ATTRIBUTE_LAST_LOGIN,
    ATTRIBUTE_REQUEST,
    ATTRIBUTE_REQUEST_RESULT,
    ATTRIBUTE_ENTRY_UUID, /* operational; never written */
    ATTRIBUTE_FORMER_MAIL,
    ATTRIBUTES,
};
const char *attribute_name(enum attribute attribute); /* "portalState", … */
bool attribute_secret(enum attribute attribute);
/* The attribute of this name, in either case, or -ENOENT. */
int attribute_find(const char *name, size_t length);

/* What a link confirms. */
enum entry_link {
    LINK_REGISTRATION, /* the address that somebody registered with */
    LINK_CHANGE,       /* the one that a customer wants instead of the present one */
    LINK_ENDED,        /* likewise, but it was pressed, or another wish took its place */
};

/* portalPending: "TOKENHASH EXPIRES ADDRESS", for a change with " change EPOCH CHANGED" or " ended"
   behind it; all times in values are generalized times. */
struct entry_pending {
    char hash[JOB_HASH_SIZE];
    time_t expires;
    char *address;
    enum entry_link kind;
    uint64_t epoch;          /* portalSessionEpoch and … */
    time_t password_changed; /* … portalPasswordChanged (0: none) when the change was wished for */
    char *value;             /* the attribute's value as it stands, to be removed by */
};

/* portalFormerMail: "ADDRESS UNTIL JOB TOTP", an address that its customer has changed. */
struct entry_former {
    char *address;
    time_t until;             /* from then on nobody can undo the change */
    char job[ULID_SIZE];      /* of the mail whose reference undoes it */
    char totp[JOB_HASH_SIZE]; /* what tells the second factor of then from others; "-": there was
                                 none */
    char *value;
};

/* portalLetter: "KIND JOB STATE TIME". */
struct entry_letter {
    char kind[JOB_TOPIC_SIZE], job[ULID_SIZE], state[16];
    time_t time;
    char *value;
};

/* pwdHistory: a password of earlier days. */
struct entry_history {
    time_t time;
    char *hash; /* secret */
};

/* portalRequest, portalRequestResult: what administrators typed, and what came of it. Whatever the
   bytes are, they never make the entry malformed: a typing error in a wish is no reason to refuse
   anything else. */
struct entry_request {
    char *value; /* followed by NUL, and may hold others */
    size_t length;
};

/* What is tried, and counted each by itself. */
enum entry_factor {
    FACTOR_PASSWORD,
    FACTOR_TOTP,
    FACTOR_PUK,
    FACTORS,
};

struct entry_failures {
    unsigned count;
    time_t retry_after; /* 0: none */
};

/* portalCode: "HASH EXPIRES TRIES" or "HASH EXPIRES TRIES RETRYAFTER". */
struct entry_code {
    char hash[JOB_HASH_SIZE]; /* "": there is none */
    time_t expires;
    unsigned tries;     /* wrong ones, across codes */
    time_t retry_after; /* 0: none */
};

#define ENTRY_TOTP_MAX      256 /* bytes of portalTOTPSecret */
#define ENTRY_UID_SIZE      257
#define ENTRY_PROBLEM_VALUE 64
#define ENTRY_ADDRESS_BYTES 32 /* portalLetterAddress: BLAKE2b-256 of the postal address */

struct entry {
    char *dn;
    char uid[ENTRY_UID_SIZE];
    char uuid[JOB_ENTRY_SIZE];
    char *name;       /* cn, the first */
    char *given_name; /* or NULL */
    char *surname;
    char *mail;           /* or NULL */
    char *confirmed_mail; /* the address that portald confirmed or told of last; or NULL */
    char language[3];     /* "de" or "en"; "de" when absent or another */
    char *postal_address; /* lines separated by newlines; NULL when there is none or
                             several, because nobody may guess which */
    char **policies;      /* NULL-terminated */
    char birth_date[CALENDAR_DAY_SIZE]; /* "" when absent */
    enum account_state state;
    bool has_revision;
    uint64_t revision;
    struct entry_pending *pending;
    size_t pending_count;
    struct entry_former *formers;
    size_t former_count;
    char **jobs;            /* NULL-terminated */
    char **consents;        /* NULL-terminated */
    time_t initial_expires; /* 0: none */
    time_t password_changed;
    char *puk;                     /* secret */
    char *password;                /* userPassword; secret */
    struct entry_history *history; /* the newest first */
    size_t history_count;
    struct entry_letter *letters;
    size_t letter_count;
    unsigned char letter_address[ENTRY_ADDRESS_BYTES];
    bool has_letter_address;
    struct entry_failures failures[FACTORS];
    unsigned char totp_secret[ENTRY_TOTP_MAX]; /* sealed (totp.h) */
    size_t totp_size;                          /* 0: TOTP isn't set up */
    uint64_t totp_last_step;                   /* 0: none accepted yet */
    struct entry_code code;                    /* only among the secrets */
    uint64_t session_epoch;
    char *lock_reason;
    time_t last_login;
    char *pwd_locked; /* pwdAccountLockedTime, slapo-ppolicy(5): slapd refuses every password */
    struct entry_request *requests; /* wishes */
    size_t request_count;
    bool left_out;                 /* … and some that are beyond ENTRY_VALUE_MAX or _VALUES_MAX */
    struct entry_request *results; /* "TIME VERB …", in no order */
    size_t result_count;
    /* Some value of ours can't be understood: nothing is decided on such an entry. */
    bool malformed;
    char problem[128];                       /* which, for the log and lint */
    char problem_value[ENTRY_PROBLEM_VALUE]; /* the value, cut, for lint and explain; "": a secret
                                                one, or there is none */
};
struct entry *entry_free(struct entry *entry); /* wipes */
DEFINE_CLEANUP(struct entry, entry_free)

/* Making one of what the directory returned: begin, put every value, end. Errors stick until the
   end. A value of ours that isn't understood makes the entry malformed; more bytes or values than
   these limits do, too. */
#define ENTRY_VALUE_MAX  8192
#define ENTRY_VALUES_MAX 1024
struct entry_reader {
    struct entry *entry;
    size_t seen[ATTRIBUTES];
    int error; /* 0 or -ENOMEM */
};
void entry_begin(struct entry_reader *r, const char *dn, size_t length);
void entry_put(struct entry_reader *r, enum attribute attribute, const void *data, size_t length);
/* Returns 0 and the entry, which the caller frees, or -ENOMEM. The reader is empty afterwards. */
int entry_end(struct entry_reader *r, struct entry **ret);

/* Changes. Values are copied; errors (-ENOMEM, -E2BIG) stick in .error and make directory_swap()
   refuse. */
enum change_op {
    CHANGE_SET,         /* this value alone */
    CHANGE_ADD,         /* one value more */
    CHANGE_REMOVE,      /* exactly this value, which must be there */
    CHANGE_CLEAR,       /* no value at all, whether there was one or not */
    CHANGE_CLEAR_NAMED, /* the same of an attribute that isn't ours: value is its name */
    CHANGE_DROP_CLASS,  /* objectClass loses this value */
};
struct change {
    enum change_op op;
    enum attribute attribute;
    char *value;
    size_t length;
};
#define CHANGES_MAX 96
struct changes {
    struct change items[CHANGES_MAX];
    size_t count;
    int error;
};
void changes_clear(struct changes *changes); /* wipes */
void changes_bytes(struct changes *c, enum change_op op, enum attribute attribute,
                   const void *value, size_t length);
void changes_string(struct changes *c, enum change_op op, enum attribute attribute,
                    const char *value);
void changes_format(struct changes *c, enum change_op op, enum attribute attribute,
                    const char *format, ...) __attribute__((format(printf, 4, 5)));
void changes_number(struct changes *c, enum attribute attribute, uint64_t value); /* SET */
void changes_time(struct changes *c, enum attribute attribute,
                  time_t value);                                /* SET, generalized time */
void changes_drop(struct changes *c, enum attribute attribute); /* CLEAR */
