/* The conversation with the person, through whatever the application makes of it. */
#pragma once

#include "texts.h"
#include "transaction.h"

#define CONVERSE_SECRET_MAX 511 /* PAM_MAX_RESP_SIZE less its NUL */

/* Asks one hidden question: applications answer visible ones with the user name. *ret is malloc'ed,
   for wipe_free. Returns PAM_SUCCESS, PAM_INCOMPLETE, or PAM_CONV_ERR; no answer (NULL) is
   PAM_CONV_ERR, an empty one is not. */
int converse_ask(const struct transaction *t, enum text question, char **ret);
/* Shows a text, line by line; error: it says why something failed. Never fails: an application
   that shows nothing must not keep anybody out. Keeps still under PAM_SILENT. */
void converse_say(const struct transaction *t, bool error, const char *text);
void converse_say_own(const struct transaction *t, bool error, enum text text);
/* Can this be anybody's password: not empty, UTF-8, not over CONVERSE_SECRET_MAX? */
bool converse_secret_fits(const char *secret);
