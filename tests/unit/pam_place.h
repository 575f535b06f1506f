/* A login in somebody's process: a service with our module, a fake portald, and a person who
   answers as one of the flows has it. Entry points are reached through libpam. */
#pragma once

#include "pam_fake.h"

#include <stddef.h>

#define PLACE_STEPS 5

/* One way through authenticate and acct_mgmt: options of our line, portald's replies for one login,
   and the answers to its hidden questions, words that stand nowhere else. */
struct place_flow {
    const char *name, *options;
    struct {
        unsigned char verdict;
        bool account; /* WIRE_OK, with a uid */
        const char *grant, *state, *uri;
    } replies[PLACE_STEPS];
    size_t reply_count;
    const char *answers[PLACE_STEPS];
};

struct place {
    char directory[64];
    const struct place_flow *flow;
    struct fake fake;
};

/* Makes the service for logins in a row and starts the fake portald, unless logins is 0. Of what it
   will say nothing stays in this process. */
void place_make(struct place *place, const char *module, const struct place_flow *flow,
                size_t logins);
/* cmocka's, around each test: *state is a struct place, and a failed test leaves nothing either. */
int place_setup(void **state);
int place_teardown(void **state);
/* Authenticates and asks for the account; returns the codes of both. Exits when PAM_USER changed.
 */
void place_login(const struct place *place, int *ret_authenticate, int *ret_account);
