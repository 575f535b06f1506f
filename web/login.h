/* What every way that ends logged in has in common: the page that begins it, and where it leads. */
#pragma once

#include "page.h"

/* /login with e-mail and password. mail: what was typed, put back; answer: why it is shown again,
   or NULL. What is wrong with a login was found out at the password, the code or later: it always
   begins here again. */
void login_show(struct web *web, struct request *request, struct response *response,
                const char *mail, const char *to, const struct answer *answer);
/* to where it may be gone to (target.h), or else otherwise. */
const char *login_target(const struct web *web, const char *to, const char *otherwise);
/* answer has UID and SESSION: the session begins, the step is over, and the browser goes to
   login_target(). */
void login_finish(struct web *web, struct request *request, struct response *response,
                  const struct answer *answer, const char *mail, const char *to,
                  const char *otherwise);
#define LOGIN_PATH_MAX 2048
/* path, and to as its query. to "": path alone. */
void login_path(const char *path, const char *to, char ret[static LOGIN_PATH_MAX]);
/* Something failed on our side that a person can only try again. */
void login_failed(struct web *web, struct request *request, struct response *response);
/* What was typed into a field, without the blanks around it that phones put there. */
void login_trim(const char *typed, char *ret, size_t size);
