/* The new password that somebody chooses. */
#pragma once

#include "transaction.h"

/* Asks for it twice and leaves it to the modules behind us. *ret is for wipe_free. Returns
   PAM_SUCCESS; PAM_AUTHTOK_ERR when it can't be used, which was shown; PAM_BUF_ERR, or as the
   conversation fails. */
int newpassword_ask(const struct transaction *t, char **ret);
/* The same, or the one that the module before us asked for, as use_authtok and try_first_pass
   say. */
int newpassword_get(const struct transaction *t, char **ret);
