/* How far a long command is, as one line on standard error that writes over itself; only for a
   person who looks. */
#pragma once

#include <stdbool.h>

struct progress {
    const char *what; /* "checking" */
    long long shown_ms;
    bool on;
};
struct progress progress_start(const char *what);
/* done of total, in whatever unit; total 0: nobody knows. items: so many are through. Draws ten
   times a second at most. */
void progress_show(struct progress *progress, long long done, long long total, unsigned long items);
/* Takes the line away, for what is printed next. */
void progress_clear(struct progress *progress);
