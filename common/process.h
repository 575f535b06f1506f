/* What every program of ours does to its own process before it holds a secret. */
#pragma once

/* No core dumps, not traceable by others of the same user (PR_SET_DUMPABLE 0), no new privileges,
   umask 077, SIGPIPE ignored, locale C.UTF-8, libsodium ready. Returns 0 or a negative errno. With
   sanitizers PR_SET_DUMPABLE is left alone, since LeakSanitizer needs it. */
int process_harden(void);
/* Sets TZ for calendar.h and reads it. Returns -EINVAL for a zone that the system doesn't know. */
int process_set_zone(const char *zone);
