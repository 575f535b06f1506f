/* One request about a login, as the handlers of authenticate, second factor and recovery share it:
   who, from where, what has been proven, and the counters of each factor. Order of things: read,
   find, ask login_throttled(), count first where a failure is on record, verify, then
   login_succeed() or login_failed(). */
#pragma once

#include "handlers.h"
#include "state.h"

struct login {
    struct worker *worker;
    struct manager *manager;
    const struct request *request;
    struct wire_writer *reply;
    char language[LANGUAGE_SIZE], service[SERVICE_SIZE], client[THROTTLE_CLIENT_SIZE],
        known_as[THROTTLE_CLIENT_SIZE];
    char name[MAIL_ADDRESS_SIZE];
    enum wire_purpose purpose;
    struct entry *entry; /* NULL: no such name */
    bool secrets;        /* it was read with PUK and mailed code */
    bool known;          /* the client is known to the account: its counters count */
    struct proof proof;  /* what the password was right for */
    const char *news;    /* what has happened to the account with this login (N_()), or NULL */
    time_t now;
};
/* A login with nothing read yet; begins the reply. */
struct login login_make(struct worker *worker, const struct request *request,
                        struct wire_writer *reply);
/* Reads USER, SERVICE, LANGUAGE, CLIENT, DEVICE, PURPOSE. False when the name can't be one: the
   answer is the caller's. */
bool login_read(struct login *login);
void login_clear(struct login *login);
/* What its STATE is bound to: a telephone that comes from another address between password and code
   is the same device still. */
struct state_bounds login_bounds(const struct login *login);
/* Finds the entry by its name (again). secrets: with PUK and mailed code. 0 also where there is
   none. */
int login_find(struct login *login, bool secrets);
/* Whether there is an entry that anybody may log in to; otherwise the decoy stands in for it. */
bool login_exists(const struct login *login);

/* Sets of factors, for what is decided about two at once. */
#define LOGIN_SET(factor) (1u << (factor))
#define LOGIN_PASSWORD    LOGIN_SET(FACTOR_PASSWORD)
#define LOGIN_TOTP        LOGIN_SET(FACTOR_TOTP)
#define LOGIN_PUK         LOGIN_SET(FACTOR_PUK)

/* The counter of a factor: of the entry, of the client that it knows, or of the table for names
   that don't exist. */
struct entry_failures login_failures(const struct login *login, enum entry_factor factor);
/* Whether the client has failed with so many other names that nothing is checked from there. */
bool login_client_full(const struct login *login, time_t *ret_wait);
/* True when a throttle holds for any of the set, and the request is answered. */
bool login_throttled(struct login *login, unsigned set);
/* Counts one failure more, of each of the set in one write; a lost race is run again on what the
   winner left. -EDQUOT when that makes a throttle hold. A name that doesn't exist costs the same
   write. */
int login_count(struct login *login, unsigned set);
/* The same before verifying, where a failure is on record: guesses that run side by side, here or
   at another portald, each find the others counted. False when the request is answered. */
bool login_count_first(struct login *login, unsigned set, bool *ret_counted);
/* All of the set were right: the counts start over. changes: what else is to be written with it, or
   NULL; without, and with no failure on record, nothing is. Returns 0, -ESTALE (read again, decide
   again) or an error. */
int login_succeed(struct login *login, unsigned set, struct changes *changes);
/* Something was wrong: the journal, the statistics and the client's set of failing names get it. It
   must have been counted; the answer is the caller's. */
void login_failed(struct login *login, const char *why);

void login_answer(struct login *login, enum wire_verdict verdict);
/* "Nothing was checked; again in N minutes." */
void login_answer_wait(struct login *login, time_t wait);
/* The journal says what the person isn't told. A name that nobody has may be a password that was
   typed into the wrong field, so it is never logged. */
void login_log(const struct login *login, const char *message, const char *what, const char *why);
/* Answers a login that is through: what keeps a right password out (locked, closed, expired), or
   OK, ACCOUNT, UID, TIME, GRANT; last login and client are noted. */
void login_admit(struct login *login);
