/* portal-web's configuration: one table that reads like web.conf(5). */
#include "config.h"

#include "settings.h"

#include "cleanup.h"
#include "log.h"
#include "loopback.h"
#include "messages.h"
#include "process.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>

#define S      struct settings
#define MINUTE 60
#define HOUR   3600

static const char *const languages[] = {"de", "en", NULL};

static const struct conf_key keys[] = {
    CONF_STRING("site", "base_url", S, base_url, NULL,
                "the address of these pages, https://… without a slash at its end"),
    CONF_STRING("site", "name", S, name, "", "the insurer's name; empty: portald's company"),
    CONF_PATH("site", "logo", S, logo, "", "an SVG or PNG file; empty: the name as text"),
    CONF_STRING("site", "colour", S, colour, "#0b5c6b", "a colour, #rrggbb"),
    CONF_STRING("site", "colour_dark", S, colour_dark, "#7fd1e0", "a colour, #rrggbb"),
    CONF_STRING("site", "imprint_url", S, imprint_url, "",
                "https://… of the legal notice, or empty"),
    CONF_LIST("site", "hosts", S, hosts, "", "hosts of applications, separated by blanks"),
    CONF_CHOICE("site", "language", S, language, "de", languages, "de or en"),
    CONF_STRING("site", "zone", S, zone, "Europe/Berlin", "a time zone, such as Europe/Berlin"),
    CONF_PATH("site", "locale_dir", S, locale_dir, LOCALE_DIR, "a directory"),
    CONF_PATH("site", "templates", S, templates, DATA_DIR "/web", "a directory"),
    CONF_PATH("site", "assets", S, assets, DATA_DIR "/web", "a directory"),

    CONF_PATH("portald", "socket_dir", S, socket_dir, RUN_DIR, "a directory"),
    CONF_STRING("portald", "peer", S, peer, "",
                "the user who may own portald's sockets besides root"),
    CONF_SPAN("portald", "timeout", S, timeout, "15s", 1, MINUTE, "a span from 1s to 1min"),

    CONF_STRING("http", "listen", S, listen, "127.0.0.1:8080",
                "a loopback address and a port, 127.0.0.1:8080"),
    CONF_LIST("http", "proxies", S, proxies, "127.0.0.1 ::1",
              "addresses of proxies, separated by blanks"),
    CONF_NUMBER("http", "threads", S, threads, "2", 1, 64, "a number from 1 to 64"),
    CONF_NUMBER("http", "workers", S, workers, "32", 1, 256, "a number from 1 to 256"),
    CONF_NUMBER("http", "connections", S, connections, "4096", 16, 60000,
                "a number from 16 to 60000"),
    CONF_NUMBER("http", "connections_per_client", S, connections_per_client, "64", 1, 60000,
                "a number from 1 to 60000"),
    CONF_SPAN("http", "header_time", S, header_time, "10s", 1, MINUTE, "a span from 1s to 1min"),
    CONF_SPAN("http", "request_time", S, request_time, "30s", 2, 10 * MINUTE,
              "a span from 2s to 10min"),
    CONF_SPAN("http", "idle_time", S, idle_time, "15s", 1, 10 * MINUTE, "a span from 1s to 10min"),
    CONF_NUMBER("http", "posts_per_client", S, posts_per_client, "120", 1, 1000000,
                "a number from 1 to 1000000"),

    CONF_PATH("sessions", "cookie_key", S, cookie_key, "credential:cookie.key",
              "a key file, or credential:NAME"),
    CONF_PATH("sessions", "state_dir", S, state_dir, WEB_STATE_DIR, "a directory"),
    CONF_SPAN("sessions", "idle", S, idle, "30min", MINUTE, 24 * HOUR, "a span from 1min to 24h"),
    CONF_SPAN("sessions", "absolute", S, absolute, "12h", 5 * MINUTE, 168 * HOUR,
              "a span from 5min to 168h"),
    CONF_SPAN("sessions", "step", S, step, "10min", MINUTE, HOUR, "a span from 1min to 1h"),
    CONF_NUMBER("sessions", "slots", S, slots, "65536", 1024, 16777216,
                "a number from 1024 to 16777216"),
};

static int wrong(const char *file, const char *problem)
{
    log_event(LOG_ERR, MESSAGE_CONFIGURATION, NULL, "%s: %s", file, problem);
    return -EINVAL;
}

/* What follows the scheme: a host with an optional port and nothing else. */
static bool is_origin(const char *host)
{
    return *host && strlen(host) < 254 && !strpbrk(host, "/?#@\\ \t");
}

static bool base_url_loopback(const char *host)
{
    char name[256];
    size_t length = *host == '[' ? strcspn(host, "]") + 1 : strcspn(host, ":");

    if (length >= sizeof name)
        return false;
    memcpy(name, host, length);
    name[length] = '\0';
    return host_is_loopback(name);
}

static bool base_url_good(const char *url)
{
    if (strncmp(url, "https://", 8) == 0)
        return is_origin(url + 8);
    return strncmp(url, "http://", 7) == 0 && is_origin(url + 7) && base_url_loopback(url + 7);
}

static bool is_colour(const char *text)
{
    if (*text != '#' || strlen(text) != 7)
        return false;
    for (const char *c = text + 1; *c; c++)
        if (!isxdigit((unsigned char)*c))
            return false;
    return true;
}

static bool are_hosts(char *const *hosts)
{
    for (; hosts && *hosts; hosts++)
        if (!is_origin(*hosts))
            return false;
    return true;
}

static bool are_addresses(char *const *addresses)
{
    unsigned char ignored[sizeof(struct in6_addr)];

    for (; addresses && *addresses; addresses++)
        if (inet_pton(AF_INET, *addresses, ignored) != 1 &&
            inet_pton(AF_INET6, *addresses, ignored) != 1)
            return false;
    return true;
}

static int settings_check(const char *file, const S *s)
{
    if (!base_url_good(s->base_url))
        return wrong(file, "[site] base_url: expected https://HOST without a path; http:// only on "
                           "a loopback address");
    if (!is_colour(s->colour) || !is_colour(s->colour_dark))
        return wrong(file, "[site] colour and colour_dark: expected #rrggbb");
    if (*s->imprint_url && strncmp(s->imprint_url, "https://", 8) != 0)
        return wrong(file, "[site] imprint_url: expected https://…");
    if (!are_hosts(s->hosts))
        return wrong(file, "[site] hosts: expected HOST or HOST:PORT, separated by blanks");
    if (!are_addresses(s->proxies))
        return wrong(file, "[http] proxies: expected IP addresses, separated by blanks");
    if (!s->templates || !s->assets || !s->socket_dir || !s->cookie_key || !s->locale_dir)
        return wrong(file, "a path is empty that must be given");
    if (process_set_zone(s->zone) < 0)
        return wrong(file, "[site] zone: expected a time zone of this system");
    if (s->idle > s->absolute)
        return wrong(file, "[sessions] idle: expected no more than absolute");
    return 0;
}

int settings_load(const char *file, struct settings **ret)
{
    struct settings *settings = calloc(1, sizeof *settings);
    int r;

    if (!settings)
        return -ENOMEM;
    r = conf_load(file, keys, ELEMENTS(keys), settings, conf_log, NULL);
    if (r == -ENOENT)
        wrong(file, "there is no such file");
    if (r == 0)
        r = settings_check(file, settings);
    if (r < 0) {
        settings_free(settings);
        return r;
    }
    *ret = settings;
    return 0;
}

struct settings *settings_free(struct settings *settings)
{
    if (settings)
        conf_clear(keys, ELEMENTS(keys), settings);
    free(settings);
    return NULL;
}

bool settings_secure(const struct settings *settings)
{
    return strncmp(settings->base_url, "https:", 6) == 0;
}
