/* Where somebody may be sent after login (open redirects): a path of ours, or an https URL at a
   host of [site] hosts. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct settings;

#define TARGET_MAX 512

enum target_kind {
    TARGET_REFUSED,
    TARGET_PATH,  /* begins with exactly one slash; visible ASCII, no backslash, no dot segments */
    TARGET_OTHER, /* https://HOST[:PORT]/… with HOST[:PORT] in hosts; where base_url is http, on
                     loopback, that is the scheme */
};

/* The host of [site] hosts that authority (HOST or HOST:PORT) is, as it is spelled there; NULL when
   it is none of them. */
const char *target_host(const struct settings *settings, const char *authority, size_t length);
/* typed: from a query or header, at most TARGET_MAX bytes. ret_host (or NULL): HOST[:PORT] of
   TARGET_OTHER, as it stands in hosts. */
enum target_kind target_check(const struct settings *settings, const char *typed, char *ret_host,
                              size_t size);
