/* The clock of portald: the system's, moved by an offset in builds for testing. */
#include "config.h"

#include "clock.h"

#include "calendar.h"
#include "cleanup.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/stat.h>

#ifdef ENABLE_TEST_CLOCK
#include <limits.h>
#include <stdatomic.h>

/* Either way; keeps all arithmetic with times far from its limits. */
#define OFFSET_MAX (INT64_C(50) * 366 * DAY)

static _Atomic int64_t offset;

int64_t clock_offset(void)
{
    return offset;
}

/* Replaces file, so that a crash leaves the old offset or the new one. */
static int offset_store(const char *file, int64_t value)
{
    _cleanup_fclose_ FILE *f = NULL;
    char temporary[PATH_MAX];

    if (snprintf(temporary, sizeof temporary, "%s.new", file) >= (int)sizeof temporary)
        return -ENAMETOOLONG;
    f = fopen(temporary, "we");
    if (!f)
        return -errno;
    if (fprintf(f, "%" PRId64 "\n", value) < 0 || fflush(f) != 0 || fsync(fileno(f)) < 0 ||
        rename(temporary, file) < 0)
        return -errno;
    return 0;
}

int clock_move(int64_t seconds, const char *file)
{
    int64_t moved;
    int r;

    if (__builtin_add_overflow(offset, seconds, &moved) || moved > OFFSET_MAX ||
        moved < -OFFSET_MAX)
        return -ERANGE;
    if (file) {
        r = offset_store(file, moved);
        if (r < 0)
            return r;
    }
    offset = moved;
    return 0;
}

int clock_restore(const char *file)
{
    _cleanup_fclose_ FILE *f = fopen(file, "re");
    int64_t stored;

    if (!f)
        return errno == ENOENT ? 0 : -errno;
    if (fscanf(f, "%" SCNd64, &stored) != 1 || stored > OFFSET_MAX || stored < -OFFSET_MAX)
        return -EINVAL;
    offset = stored;
    return 0;
}
#else
int64_t clock_offset(void)
{
    return 0;
}

int clock_move(int64_t seconds, const char *file)
{
    (void)seconds;
    (void)file;
    return -EOPNOTSUPP;
}

int clock_restore(const char *file)
{
    (void)file;
    return 0;
}
#endif

static int64_t read_ms(clockid_t id)
{
    struct timespec t = {0};

    clock_gettime(id, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

int64_t clock_now_ms(void)
{
    return read_ms(CLOCK_REALTIME) + clock_offset() * 1000;
}

time_t clock_now(void)
{
    return (time_t)(clock_now_ms() / 1000);
}

int64_t clock_monotonic_ms(void)
{
    return read_ms(CLOCK_BOOTTIME);
}
