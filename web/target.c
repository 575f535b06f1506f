/* Where somebody may be sent. What isn't plainly good is refused: browsers read URLs in more ways
   than anybody can list. */
#include "config.h"

#include "target.h"

#include "settings.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

/* Visible ASCII without the backslash, which browsers take for a slash (WHATWG URL, 4.4). */
static bool is_plain(const char *text)
{
    for (const unsigned char *c = (const unsigned char *)text; *c; c++)
        if (*c <= 0x20 || *c >= 0x7f || *c == '\\')
            return false;
    return true;
}

static bool is_slash(const char *text)
{
    return *text == '/' || strncasecmp(text, "%2f", 3) == 0 || strncasecmp(text, "%5c", 3) == 0;
}

/* A segment of one or two dots, each perhaps encoded: browsers resolve it, and never send one. */
static bool is_dots(const char *segment, size_t length)
{
    const char *end = segment + length;
    unsigned dots = 0;

    while (segment < end) {
        if (*segment == '.')
            segment++;
        else if (end - segment >= 3 && strncasecmp(segment, "%2e", 3) == 0)
            segment += 3;
        else
            return false;
        dots++;
    }
    return dots == 1 || dots == 2;
}

static bool path_good(const char *path)
{
    if (*path != '/' || is_slash(path + 1))
        return false;
    do {
        size_t length;

        path++;
        length = strcspn(path, "/?#");
        if (is_dots(path, length))
            return false;
        path += length;
    } while (*path == '/');
    return true;
}

/* authority as a host of [site] hosts; a port that the scheme has anyway may be said. */
static bool host_is(const char *host, const char *authority, size_t length, const char *port)
{
    size_t size = strlen(host);

    if (length < size || strncasecmp(host, authority, size) != 0)
        return false;
    if (length == size)
        return true;
    return !strchr(host, ':') && length == size + strlen(port) &&
           strncmp(authority + size, port, strlen(port)) == 0;
}

const char *target_host(const struct settings *settings, const char *authority, size_t length)
{
    const char *port = settings_secure(settings) ? ":443" : ":80";

    for (char *const *host = settings->hosts; host && *host; host++)
        if (length > 0 && host_is(*host, authority, length, port))
            return *host;
    return NULL;
}

enum target_kind target_check(const struct settings *settings, const char *typed, char *ret_host,
                              size_t size)
{
    const char *scheme = settings_secure(settings) ? "https://" : "http://";
    const char *authority = typed + strlen(scheme), *host;
    size_t length;

    if (strnlen(typed, TARGET_MAX + 1) > TARGET_MAX || !is_plain(typed))
        return TARGET_REFUSED;
    if (*typed == '/')
        return path_good(typed) ? TARGET_PATH : TARGET_REFUSED;
    if (strncmp(typed, scheme, strlen(scheme)) != 0)
        return TARGET_REFUSED;
    length = strcspn(authority, "/?#");
    host = target_host(settings, authority, length);
    if (!host || (authority[length] && !path_good(authority + length)))
        return TARGET_REFUSED;
    if (ret_host) {
        if (strlen(host) >= size)
            return TARGET_REFUSED;
        snprintf(ret_host, size, "%s", host);
    }
    return TARGET_OTHER;
}
