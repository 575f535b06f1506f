/* The few sentences of the module itself. All others come from portald. */
#pragma once

#include "options.h"

enum text {
    TEXT_ASK_USER,
    TEXT_ASK_PASSWORD,
    TEXT_ASK_CURRENT,
    TEXT_ASK_NEW,
    TEXT_ASK_AGAIN,
    TEXT_WRONG,        /* alike for every reason that a login isn't right */
    TEXT_CHANGE_NOW,   /* before a forced change */
    TEXT_CHANGE_FIRST, /* change=auth: this service can't ask for the new password itself */
    TEXT_NONE,         /* no new password was typed */
    TEXT_UNFIT,        /* the new password is too long or isn't UTF-8 */
    TEXT_MISMATCH,     /* typed differently the second time */
    TEXT_UNAVAILABLE,
    TEXTS,
};

const char *text_get(enum text text, enum options_language language);
