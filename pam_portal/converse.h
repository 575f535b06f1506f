/* The conversation with the person, through whatever the application makes of it. */
#pragma once

#include "texts.h"
#include "transaction.h"

#define CONVERSE_SECRET_MAX 511 /* PAM_MAX_RESP_SIZE less its NUL */

/* Asks one hidden question: applications answer visible ones with the user name. *ret is malloc'ed,
   for wipe_free. Returns PAM_SUCCESS, PAM_INCOMPLETE, or PAM_CONV_ERR; no answer (NULL) is
   PAM_CONV_ERR, an empty one is not. */
int converse_ask(const struct transaction *t, enum text question, char **ret);
/* Two hidden questions in one conversation. *ret_second is NULL where no answer came to the second:
   there are applications that answer the first only. */
int converse_ask_both(const struct transaction *t, enum text first, enum text second, char **ret,
                      char **ret_second);
/* Shows a text, line by line. Returns PAM_SUCCESS when all of it was taken, PAM_CONV_ERR where the
   application shows nothing, or mustn't (PAM_SILENT). */
int converse_show(const struct transaction *t, const char *text);
/* The same where nothing depends on it; error: it says why something failed. Never fails: an
   application that shows nothing must not keep anybody out. Keeps still under PAM_SILENT. */
void converse_say(const struct transaction *t, bool error, const char *text);
void converse_say_own(const struct transaction *t, bool error, enum text text);
/* Can this be anybody's password: not empty, UTF-8, not over CONVERSE_SECRET_MAX? */
bool converse_secret_fits(const char *secret);
