/* What a person knows a browser by: "Firefox, Android". */
#pragma once

#include "sessions.h"

/* user_agent: the header or NULL. Only words of our own come out, never what the header says. */
void browser_label(const char *user_agent, char ret[static SESSIONS_LABEL]);
