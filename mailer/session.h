/* One SMTP session with the relay for one batch of mails. Way in: session_run(). */
#pragma once

#include "batch.h"
#include "settings.h"
#include "tls.h"

/* Sends the mails of batch in one session and reports each as soon as its outcome is known; those
   without one are reported as deferred at the end. tls is NULL exactly when settings turn STARTTLS
   off. Returns 0 when every mail was reported, whatever the relay said; a negative errno when
   nobody hears the reports, or libesmtp can't be set up. */
int session_run(struct batch *batch, const struct settings *settings, struct tls *tls);
