/* Words that stand in a mail for what it must keep secret while others hold it: stdio and GMime
   leave copies of what passes through them in memory that they give back. The message is made with
   the stand-ins, and only its last copy, which is wiped after sending, gets the secrets. The way in
   is stand_ins_make(). */
#pragma once

#include "code.h"
#include "derive.h"

/* A mailed code is shown as two groups of four. */
#define CODE_SHOWN_SIZE (MAILED_CODE_SIZE + 1)

struct stand_ins {
    char token[TOKEN_SIZE], reference[REFERENCE_PRINTED_SIZE], code[CODE_SHOWN_SIZE];
};

/* Random ones, as long as what they stand for, and of letters that neither HTML nor
   quoted-printable writes differently. */
void stand_ins_make(struct stand_ins *ret);
/* Puts the secrets of job's mail in their places in a message that is encoded already; a place may
   go across quoted-printable's soft line breaks (RFC 2045, section 6.7). */
void stand_ins_replace(const struct stand_ins *stand_ins, const struct keys *keys, const char *job,
                       char *message, size_t size);
