/* What an authentication leaves behind for the calls that follow it in the same process, kept as
   PAM data: how it ended, portald's verdict on the account, and what portald sealed for the change
   of the password.
   A ticket holds for one user, service, directory of sockets and process. */
#pragma once

#include "exchange.h"
#include "transaction.h"

#include <stdbool.h>
#include <stdint.h>

#define TICKET_MS       10000  /* for the verdict on the account */
#define TICKET_GRANT_MS 600000 /* portald ends grant and state then, too */

struct ticket; /* libpam's: gone with pam_end() or the next ticket_renew() */

/* Throws away what there was. *ret is a ticket of a failed authentication without verdict or grant.
   Returns PAM_SUCCESS or PAM_BUF_ERR; in both cases nothing old is left. */
int ticket_renew(const struct transaction *t, struct ticket **ret);
/* The ticket if there is one and it was made for this user, service, directory and process; else
   NULL. */
struct ticket *ticket_find(const struct transaction *t);

/* The PAM code that the last authentication ended with. */
void ticket_set_result(struct ticket *ticket, int code);
int ticket_result(const struct ticket *ticket);

/* The verdict on the account: noted when it comes, taken once by acct_mgmt, looked at by others.
   The last two return 0 and *ret_verdict, -ENOENT when there is none or it is older than TICKET_MS;
   ticket_take_account() also when it was taken before. */
void ticket_note_account(struct ticket *ticket, uint8_t verdict, bool taken);
int ticket_take_account(struct ticket *ticket, uint8_t *ret_verdict);
int ticket_look_account(const struct ticket *ticket, uint8_t *ret_verdict);

/* The grant, or before it the state of a password that was right and needs a code yet: setting one
   drops the other. forced says that it came with an account that must have a new password. Those
   that look return NULL when there is none or it is over. */
void ticket_set_grant(struct ticket *ticket, const struct sealed *grant, bool forced);
void ticket_set_state(struct ticket *ticket, const struct sealed *state);
const struct sealed *ticket_grant(const struct ticket *ticket);
const struct sealed *ticket_state(const struct ticket *ticket);
bool ticket_forced(const struct ticket *ticket);
/* After a change, or when portald says that it is over. The verdict on the account goes with it. */
void ticket_drop_sealed(struct ticket *ticket);

/* chauthtok's first pass has proven that there is nothing to change. */
void ticket_set_unneeded(struct ticket *ticket, bool unneeded);
bool ticket_unneeded(const struct ticket *ticket);
