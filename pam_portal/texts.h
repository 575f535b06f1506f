/* The few sentences of the module itself. All others come from portald. */
#pragma once

#include "options.h"

enum text {
    TEXT_ASK_USER,
    TEXT_ASK_PASSWORD,
    TEXT_ASK_COMBINED, /* password and code in one */
    TEXT_ASK_CODE,
    TEXT_ASK_CODE_OR_NOT, /* in one conversation with the password: not everybody has one */
    TEXT_ASK_FIRST_CODE,  /* of a set-up */
    TEXT_ASK_MAILED_CODE,
    TEXT_ASK_PUK,
    TEXT_ASK_CURRENT,
    TEXT_ASK_NEW,
    TEXT_ASK_AGAIN,
    TEXT_WRONG, /* alike for every reason that a login isn't right */
    TEXT_WRONG_CODE,
    TEXT_WRONG_RECOVERY, /* mailed code or PUK, told apart by nothing */
    TEXT_CODE_HELP,      /* what kind of code is asked for */
    TEXT_CODE_STILL,     /* the same behind a recovery, which has used the PUK up */
    TEXT_CHANGE_NOW,     /* before a forced change */
    TEXT_CHANGE_FIRST,   /* change=auth: this service can't ask for the new password itself */
    TEXT_NONE,           /* no new password was typed */
    TEXT_UNFIT,          /* the new password is too long or isn't UTF-8 */
    TEXT_MISMATCH,       /* typed differently the second time */
    TEXT_PASSWORD_SET,   /* what followed has failed, but the new password is in force */
    TEXT_ENROLL_SKIP,    /* of an offer */
    TEXT_ENROLL_LATER,   /* enroll=offer: not now */
    TEXT_ENROLL_REQUIRED,
    TEXT_UNAVAILABLE,
    TEXTS,
};

const char *text_get(enum text text, enum options_language language);
