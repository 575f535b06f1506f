/* Jobs of the queue as tables, for the commands that show some. */
#pragma once

#include "command.h"

#include <jansson.h>

/* Asks for jobs page by page until limit (0: all). verb and member name the request and the array
   in its reports; filter, {}, is taken over. *ret is an array of jobs. */
int queue_fetch(const struct arguments *a, const char *verb, const char *member, json_t *filter,
                size_t limit, json_t **ret);
/* How many jobs of each kind are in each state; oldest may be NULL. */
void queue_stats_print(const json_t *stats, const json_t *oldest);
