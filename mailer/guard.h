/* What libesmtp doesn't watch in an SMTP conversation, seen through its monitor callback. Pure: it
   is told what was read and what is about to be written, and says whether to go on. Way in:
   guard_begin() for each connection. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#define GUARD_LINE_SIZE 160

struct guard {
    bool demand_tls;   /* nothing but greetings and STARTTLS may be said in plaintext */
    bool demand_login; /* no mail before the relay took our login */
    bool secured;      /* TLS is up */
    bool logged_in;
    const char *problem; /* why the connection must not go on; NULL while all is well */
    bool closing; /* the relay said 421, or more than it was asked: nothing more may be said */
    bool over;    /* … and something would have been: what is heard now answers nothing */

    unsigned asked, replies;       /* replies to come for what was written, and whole ones read;
                                      from the connection's start, then from TLS's */
    size_t column;                 /* within the line being read */
    bool last_line;                /* of a reply: the code is followed by a blank */
    char line[GUARD_LINE_SIZE];    /* what came of the line being read */
    char trouble[GUARD_LINE_SIZE]; /* the last reply of 4xx or 5xx, for the operator; or "" */
};

void guard_begin(struct guard *guard, bool demand_tls, bool demand_login);
/* TLS is up: from here on replies are the relay's own. */
void guard_secure(struct guard *guard);
/* Both return false when the connection must be cut. With closing what has been asked is still
   answered by what was read; with problem nothing is to be believed:
   - a reply that came before its command was written (RFC 3207, 6; RFC 5321, 4.3.1): bytes that
     somebody put behind the 220 of STARTTLS, or earlier, would be taken for the TLS side's replies;
   - a command that must not be said in plaintext;
   - MAIL before the login that was demanded: libesmtp goes on without it.
   The text of messages isn't told: a reply 354 is to be followed by one more. */
bool guard_read(struct guard *guard, const char *data, size_t size);
bool guard_write(struct guard *guard, const char *data, size_t size);
