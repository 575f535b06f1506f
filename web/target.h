/* Where somebody may be sent after login (open redirects): a path of ours, or an https URL at a
   host of [site] hosts. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct settings;

#define TARGET_MAX 512

enum target_kind {
    TARGET_REFUSED,
    TARGET_PATH, /* begins with exactly one slash, no backslash, no control characters */
    TARGET_OTHER, /* https://HOST[:PORT]/… with HOST[:PORT] in hosts; no user, no fragment needed */
};

/* typed: from a query or header, at most TARGET_MAX bytes. ret_host (or NULL): HOST[:PORT] of
   TARGET_OTHER. */
enum target_kind target_check(const struct settings *settings, const char *typed, char *ret_host,
                              size_t size);
