/* What one client address may do: requests at the same time, and posts in a minute, so that nobody
   takes the workers from everybody else. Kept in memory: a restart forgives. Any thread may call.
 */
#pragma once

#include "settings.h"

#include "cleanup.h"

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

struct limits;

int limits_new(const struct settings *settings, const uint8_t key[static 32], struct limits **ret);
struct limits *limits_free(struct limits *limits);
DEFINE_CLEANUP(struct limits, limits_free)

/* A request begins to be worked on. False: client has [http] connections_per_client under way
   already; then nothing was counted. client "": nobody knows who it is, and nothing is counted. */
bool limits_enter(struct limits *limits, const char *client);
void limits_leave(struct limits *limits, const char *client);
/* One more post; false beyond [http] posts_per_client in this minute. */
bool limits_post(struct limits *limits, const char *client, time_t now);
