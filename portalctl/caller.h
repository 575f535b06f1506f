/* The directory, as whoever calls portalctl: never as portald. */
#pragma once

#include "command.h"

#include <ldap.h>

#define CALLER_OPTIONS                                                                             \
    (OPTION_BIT(OPTION_URI) | OPTION_BIT(OPTION_BASE) | OPTION_BIT(OPTION_BIND_DN) |               \
     OPTION_BIT(OPTION_ASK) | OPTION_BIT(OPTION_PASSWORD_FILE))

struct caller {
    LDAP *ld;
    char *uri, *base; /* base: where customers are */
    char *bind_dn;    /* NULL: SASL EXTERNAL */
};
/* Connects and binds as the options say, and looks whether base is there. Says on stderr what went
   wrong. Returns an exit_status. */
int caller_bind(const struct arguments *a, struct caller *ret);
void caller_clear(struct caller *caller);
/* What the server said to a finished operation: an LDAP result code, and its own words without
   control characters. */
#define CALLER_SAID_SIZE 256
int caller_result(struct caller *caller, LDAPMessage *message,
                  char ret_said[static CALLER_SAID_SIZE]);
