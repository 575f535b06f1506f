/* What a program of ours does to its own process first: process_harden(). */
#include "config.h"

#include "process.h"

#include "cleanup.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <locale.h>
#include <signal.h>
#include <sodium.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>

#define ZONE_DIRECTORY "/usr/share/zoneinfo"

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED 1
#endif
#elif defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#endif
#ifndef SANITIZED
#define SANITIZED 0
#endif

int process_harden(void)
{
    struct sigaction ignore = {.sa_handler = SIG_IGN};
    struct rlimit none = {0};

    if (!SANITIZED && prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
        return -errno;
    if (setrlimit(RLIMIT_CORE, &none) < 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
        sigaction(SIGPIPE, &ignore, NULL) < 0)
        return -errno;
    umask(077);
    if (!setlocale(LC_ALL, "C.UTF-8"))
        return -ENOENT;
    return sodium_init() < 0 ? -EIO : 0;
}

/* Whether the system has rules for zone: glibc silently takes UTC when it doesn't. */
static bool zone_exists(const char *zone)
{
    _cleanup_close_ int fd = -1;
    char path[PATH_MAX], magic[4];

    if (strcmp(zone, "UTC") == 0)
        return true;
    if (!*zone || *zone == '/' || strstr(zone, "..") ||
        snprintf(path, sizeof path, ZONE_DIRECTORY "/%s", zone) >= (int)sizeof path)
        return false;
    fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    return fd >= 0 && read(fd, magic, sizeof magic) == sizeof magic &&
           memcmp(magic, "TZif", sizeof magic) == 0;
}

int process_set_zone(const char *zone)
{
    if (!zone_exists(zone))
        return -EINVAL;
    if (setenv("TZ", zone, 1) < 0)
        return -errno;
    tzset();
    return 0;
}
