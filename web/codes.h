/* Which one-time codes were used: by this process, for as long as they could be used again. Any
   thread may call. */
#pragma once

#include "cleanup.h"

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#define CODES_ID   16
#define CODES_LIFE 30 /* seconds */
#define CODES_MOST 4096

struct codes;

int codes_new(struct codes **ret);
struct codes *codes_free(struct codes *codes);
DEFINE_CLEANUP(struct codes, codes_free)
/* Whether the code id, made at made, is used now for the first time. No, too, when its life is
   over, and when more are in use than can be known. */
bool codes_use(struct codes *codes, const uint8_t id[static CODES_ID], time_t made, time_t now);
