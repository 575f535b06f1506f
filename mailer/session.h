/* One SMTP session with the relay for one batch of mails. Way in: session_run(). */
#pragma once

#include "batch.h"
#include "settings.h"
#include "tls.h"

/* Sends the mails of batch, and those that the courier sends meanwhile, in one session; reports
   each as soon as its outcome is known. When nothing is left to do, the session is kept open for
   settings' idle seconds. Those without an outcome are reported as deferred at the end; but when
   the relay ended a session that was of use, those whose text it hasn't seen stay in batch for the
   next one. tls is NULL exactly when settings turn STARTTLS off. Returns 0 whatever the relay said;
   a negative errno when nobody hears the reports, what the courier sent isn't mails, or libesmtp
   can't be set up. */
int session_run(struct batch *batch, const struct settings *settings, struct tls *tls);
