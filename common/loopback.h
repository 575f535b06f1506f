/* Whether a host is this machine, so that what is said to it in the clear stays here. */
#pragma once

#include <stdbool.h>

/* localhost, 127.0.0.0/8 and ::1, the last also in brackets. Other names are another machine's,
   whatever a resolver makes of them. */
bool host_is_loopback(const char *host);
