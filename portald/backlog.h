/* Entries that wait for their turn: first come, first served, none of them twice, and no more than
   there is room for. For one thread. Way in: backlog_open(). */
#pragma once

#include "cleanup.h"
#include "queue.h"

#include <stdbool.h>
#include <stddef.h>

#define BACKLOG_ORDER_SIZE 48 /* an entryCSN */

struct backlog;
/* most: how many may wait. -ENOMEM. */
int backlog_open(size_t most, struct backlog **ret);
struct backlog *backlog_free(struct backlog *backlog);
DEFINE_CLEANUP(struct backlog, backlog_free)

/* At the end. order: what backlog_sort() goes by. Returns 0; -EEXIST when it waits already;
   -ENOBUFS. */
int backlog_add(struct backlog *backlog, const char *uuid, const char *order);
/* The first, which is then no longer in it. */
bool backlog_take(struct backlog *backlog, char ret_uuid[static JOB_ENTRY_SIZE]);
/* Brings all that wait into order. */
void backlog_sort(struct backlog *backlog);
size_t backlog_count(const struct backlog *backlog);
