/* One request about a login, as the handlers of authenticate, second factor and recovery share it:
   who, from where, and the counters of each factor. */
#pragma once

#include "handlers.h"

struct login {
    struct worker *worker;
    struct manager *manager;
    const struct request *request;
    struct wire_writer *reply;
    char language[LANGUAGE_SIZE], service[SERVICE_SIZE], client[THROTTLE_CLIENT_SIZE];
    char name[MAIL_ADDRESS_SIZE];
    enum wire_purpose purpose;
    struct entry *entry; /* NULL: no such name */
    bool known;          /* the client is known to the account: its counters count */
    time_t now;
};
/* Reads USER, SERVICE, LANGUAGE, CLIENT, PURPOSE. False when the name can't be one: the answer is
   the caller's. */
bool login_read(struct login *login);
void login_clear(struct login *login);
/* Finds the entry by its name (again). secrets: with PUK and mailed code. 0 also where there is
   none. */
int login_find(struct login *login, bool secrets);

/* The counter of a factor: of the entry, of the client that it knows, or of the table for names
   that don't exist. */
struct entry_failures login_failures(const struct login *login, enum entry_factor factor);
/* True when a throttle holds for this factor and the request is answered. */
bool login_throttled(struct login *login, enum entry_factor factor);
/* Counts one failure more; a lost race is run again on what the winner left. -EDQUOT when that
   makes the throttle hold. A name that doesn't exist costs the same write. */
int login_count(struct login *login, enum entry_factor factor);
/* The factor was right: its count starts over. changes: what else is to be written with it, or
   NULL. Returns 0, -ESTALE (read again, decide again) or an error. */
int login_succeed(struct login *login, enum entry_factor factor, struct changes *changes);

void login_answer(struct login *login, enum wire_verdict verdict);
/* The journal says what the person isn't told. */
void login_log(const struct login *login, const char *message, const char *what, const char *why);
/* Answers a login that is through: OK, ACCOUNT, UID, TIME, GRANT; last login and client are noted.
 */
void login_admit(struct login *login);
