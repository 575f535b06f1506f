/* A customer's wish for another e-mail address, behind the answer that new-mail.c gives: the wish
   as it lies in the queue, and what the clerk makes of it, a link to the new address or, where
   another customer has that, a mail that says so. Way in: move_run(). */
#pragma once

#include "address.h"
#include "manager.h"

#define MOVE_TOPIC "new-mail"     /* of the wish, a JOB_REGISTRATION with its entry */
#define MOVE_LINK  "mail-confirm" /* of the mail with the link */

struct move {
    char address[MAIL_ADDRESS_SIZE];
    uint64_t epoch;          /* of the sessions, … */
    time_t password_changed; /* … and of the password that the wish rests on */
};
/* To and from a job's payload: 0, -ENOMEM, -EBADMSG. */
int move_write(const struct move *move, uint8_t **ret, size_t *ret_size);
int move_read(const uint8_t *payload, size_t size, struct move *ret);

/* Carries out one claimed wish to its end. Each step may be run again. Returns 0, or an error after
   which it is to be tried again later. */
int move_run(const struct manager *manager, struct directory *directory, const struct job *job,
             long long deadline);
