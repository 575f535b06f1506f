/* portal-web's clock, ahead by as many seconds as the file PORTAL_CLOCK says: preloaded, so that
   the program itself is the one that is shipped. Way in: clock_gettime(). */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

int clock_gettime(clockid_t id, struct timespec *ret)
{
    const char *name = getenv("PORTAL_CLOCK");
    FILE *file = NULL;
    long ahead = 0;

    if (syscall(SYS_clock_gettime, id, ret) < 0)
        return -1;
    if (id == CLOCK_REALTIME && name)
        file = fopen(name, "re");
    if (!file)
        return 0;
    if (fscanf(file, "%ld", &ahead) == 1)
        ret->tv_sec += ahead;
    fclose(file);
    return 0;
}
