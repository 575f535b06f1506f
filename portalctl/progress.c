/* A progress bar; progress_show() is the way in. */
#include "config.h"

#include "progress.h"

#include "clock.h"

#include <stdio.h>
#include <unistd.h>

#define EVERY_MS 100
#define WIDTH    30

struct progress progress_start(const char *what)
{
    return (struct progress){.what = what, .on = isatty(STDERR_FILENO) == 1};
}

void progress_show(struct progress *p, long long done, long long total, unsigned long items)
{
    static const char full[] = "##############################";
    long long now = clock_monotonic_ms();
    int part = total > 0 ? (int)(done * WIDTH / total) : 0;

    if (!p->on || now - p->shown_ms < EVERY_MS)
        return;
    p->shown_ms = now;
    if (total > 0)
        fprintf(stderr, "\r%s [%.*s%*s] %3lld %%  %lu lines\033[K", p->what, part, full,
                WIDTH - part, "", done * 100 / total, items);
    else
        fprintf(stderr, "\r%s  %lu lines\033[K", p->what, items);
    fflush(stderr);
}

void progress_clear(struct progress *p)
{
    if (!p->on || p->shown_ms == 0)
        return;
    fprintf(stderr, "\r\033[K");
    fflush(stderr);
    p->shown_ms = 0;
}
