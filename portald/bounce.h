/* Return paths of mails, and what comes back to them: each mail's envelope sender carries a
   reference to its job that only portald can have made. bounce_sender() makes it,
   bounce_reference_read() checks it, and bounce_handle() (bounce-report.c) notes what a delivery
   status notification (RFC 3464) said. */
#pragma once

#include "address.h"
#include "keys.h"
#include "queue.h"
#include "wire.h"

/* The job's id and 80 bits of a keyed hash of it, in Crockford's base32: relays may write it in
   either case, and it fits into a local part with what stands before it. */
#define BOUNCE_MAC_SYMBOLS       16
#define BOUNCE_REFERENCE_SYMBOLS (ULID_SIZE - 1 + BOUNCE_MAC_SYMBOLS)
#define BOUNCE_REFERENCE_SIZE    (BOUNCE_REFERENCE_SYMBOLS + 1)

void bounce_reference(const struct keys *keys, const char *job,
                      char ret[static BOUNCE_REFERENCE_SIZE]);
/* The job that a reference is for. Returns 0, or -EINVAL for what isn't one of ours. */
int bounce_reference_read(const struct keys *keys, const char *reference,
                          char ret[static ULID_SIZE]);

/* Whether typed, [mail] bounce_address, is an address that leaves room for a reference; -EINVAL. */
int bounce_address_read(const char *typed, char ret[static MAIL_ADDRESS_SIZE]);
/* The return path of job's mail: bounces+REFERENCE@DOMAIN for the address bounces@DOMAIN, which
   bounce_address_read() gave. A local part that ends in "+", "-" or "=" gets no second one. */
void bounce_sender(const struct keys *keys, const char *address, const char *job,
                   char ret[static MAIL_ADDRESS_SIZE]);

/* What stands in the job's note: "bounced: 5.1.1 550 5.1.1 no such user". recipient, and whatever
   else must not be kept (note.h), is left out of diagnostic. */
void bounce_note(enum wire_bounce what, const char *status, const char *diagnostic,
                 const char *recipient, char ret[static JOB_NOTE_SIZE]);
