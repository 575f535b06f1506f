/* Mails as the courier sends them, and the results that go back: protocol.h. Way in:
   batch_next(). */
#pragma once

#include "protocol.h"
#include "ulid.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BATCH_ADDRESS_SIZE 255  /* RFC 5321, 4.5.3.1.3, without the brackets */
#define BATCH_LINE_MAX     998u /* RFC 5322, 2.1.1, without CRLF */

struct batch_mail {
    struct batch_mail *next;
    char job[ULID_SIZE];
    char sender[BATCH_ADDRESS_SIZE], recipient[BATCH_ADDRESS_SIZE];
    uint8_t *message; /* owned; NULL once it was reported */
    size_t size;
    bool fetched;  /* libesmtp has asked for the message */
    bool reported; /* the courier was told; it is told once */
};

struct batch {
    int fd;                   /* the courier */
    struct batch_mail *first; /* taken, in order; owned */
    /* What the courier sent beyond them. */
    uint8_t *buffer;
    size_t start, have;
};

/* Takes the next mail that the courier has sent; without wait only what is there already. A mail
   that must not be given to an SMTP library (address with control characters, blanks, "<" or ">";
   message with anything but lines of ASCII ended by CRLF) is reported as rejected and passed over.
   Returns 1 and the mail, which is batch's; 0 when the courier has shut its side down; -EAGAIN when
   nothing is there; -EPROTO when what came isn't frames of mails; or what recv() said. */
int batch_next(struct batch *batch, bool wait, struct batch_mail **ret);
/* Tells the courier what became of mail, unless it was told before. text may be any bytes. Returns
   0 or a negative errno: then nobody is there to hear of results any more. */
int batch_report(struct batch *batch, struct batch_mail *mail, enum mailer_result result,
                 unsigned status, const char *text);
/* Forgets the mails that were reported. */
void batch_forget(struct batch *batch);
void batch_clear(struct batch *batch);
