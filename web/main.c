/* portal-web: the pages of customers. main() reads as a sentence; everything else is in web.c and
   server.c. */
#include "config.h"

#include "server.h"
#include "web.h"

#include "cleanup.h"
#include "daemon.h"
#include "keys.h"
#include "listen.h"
#include "log.h"
#include "messages.h"
#include "process.h"

#include <errno.h>
#include <getopt.h>
#include <sodium.h>
#include <stdio.h>
#include <systemd/sd-daemon.h>

struct portal_web {
    const char *file;
    int fd;
    struct web *web;
    struct server *server;
};

static void portal_web_clear(struct portal_web *p)
{
    p->server = server_stop(p->server);
    p->web = web_free(p->web);
}

/* Everything is made anew from the files, if they are in order; until then connections wait in the
   backlog. */
static int reload(void *userdata)
{
    struct portal_web *p = userdata;
    struct web *next = NULL;
    int r;

    if (web_open(p->file, &next) < 0) {
        log_event(LOG_ERR, MESSAGE_CONFIGURATION, NULL,
                  "The configuration is not taken over; the old one stays in force");
        process_set_zone(p->web->settings->zone);
        return 0;
    }
    p->server = server_stop(p->server);
    p->web = web_free(p->web);
    p->web = next;
    if ((r = server_start(p->web, p->fd, &p->server)) < 0)
        return r;
    log_line(LOG_NOTICE, "Configuration, templates and keys were read again");
    return 0;
}

static void tick(void *userdata)
{
    server_sweep(((struct portal_web *)userdata)->server);
}

static void status(void *userdata)
{
    struct server_counts counts = server_count(((struct portal_web *)userdata)->server);

    sd_notifyf(false, "STATUS=%lu requests, %lu refused, %lu too slow, %u under way",
               counts.requests, counts.refused, counts.slow, counts.busy);
}

static int run(const char *file, const char *port_file)
{
    static const struct daemon_calls calls = {.reload = reload, .tick = tick, .status = status};
    _cleanup_(portal_web_clear) struct portal_web p = {.file = file, .fd = -1};
    int r;

    daemon_block_signals();
    if ((r = web_open(file, &p.web)) < 0)
        return r;
    if ((r = listen_open(p.web->settings->listen, port_file, &p.fd)) < 0) {
        log_line(LOG_ERR, "%s can't be listened on: %s", p.web->settings->listen, strerror(-r));
        return r;
    }
    if ((r = server_start(p.web, p.fd, &p.server)) < 0) {
        log_line(LOG_ERR, "The server can't be started: %s", strerror(-r));
        return r;
    }
    return daemon_loop("portal-web", &calls, &p);
}

static int make_key(const char *file)
{
    uint8_t key[32];
    int r;

    randombytes_buf(key, sizeof key);
    r = key_write(file, 0600, key, sizeof key);
    sodium_memzero(key, sizeof key);
    if (r < 0)
        log_line(LOG_ERR, "%s could not be made: %s%s", file, strerror(-r),
                 r == -EEXIST ? ". A key is never overwritten; move the old one away first" : "");
    return r;
}

static int check(const char *file)
{
    if (web_check(file) < 0)
        return 1;
    printf("%s: configuration, keys and templates are in order\n", file);
    return 0;
}

static int usage(FILE *to)
{
    fprintf(to,
            "portal-web [--config FILE] [--port-file FILE] [--debug]   serve; FILE is %s/web.conf "
            "unless given\n"
            "portal-web [--config FILE] --check     only say whether configuration, keys and "
            "templates are in order\n"
            "portal-web --make-key FILE             make the cookie key\n"
            "portal-web --version\n",
            SYSCONF_DIR);
    return to == stdout ? 0 : 2;
}

enum mode { MODE_RUN, MODE_CHECK, MODE_MAKE_KEY, MODE_VERSION, MODE_HELP, MODE_WRONG };

struct arguments {
    enum mode mode;
    const char *file, *key, *port_file;
    int level;
};

static void read_arguments(int argc, char **argv, struct arguments *ret)
{
    static const struct option options[] = {
        {"config", required_argument, NULL, 'c'},   {"check", no_argument, NULL, 'k'},
        {"make-key", required_argument, NULL, 'm'}, {"port-file", required_argument, NULL, 'p'},
        {"debug", no_argument, NULL, 'd'},          {"version", no_argument, NULL, 'v'},
        {"help", no_argument, NULL, 'h'},           {0},
    };
    int c;

    while ((c = getopt_long(argc, argv, "c:h", options, NULL)) >= 0)
        switch (c) {
        case 'c':
            ret->file = optarg;
            break;
        case 'k':
            ret->mode = MODE_CHECK;
            break;
        case 'm':
            ret->mode = MODE_MAKE_KEY;
            ret->key = optarg;
            break;
        case 'p':
            ret->port_file = optarg;
            break;
        case 'd':
            ret->level = LOG_DEBUG;
            break;
        case 'v':
            ret->mode = MODE_VERSION;
            break;
        case 'h':
            ret->mode = MODE_HELP;
            break;
        default:
            ret->mode = MODE_WRONG;
        }
    if (optind < argc)
        ret->mode = MODE_WRONG;
}

int main(int argc, char **argv)
{
    struct arguments arguments = {.file = SYSCONF_DIR "/web.conf", .level = LOG_INFO};
    int r;

    read_arguments(argc, argv, &arguments);
    log_open("portal-web", arguments.level);
    if ((r = process_harden()) < 0) {
        log_line(LOG_ERR, "The process can't be made safe: %s", strerror(-r));
        return 1;
    }
    switch (arguments.mode) {
    case MODE_RUN:
        return run(arguments.file, arguments.port_file) < 0;
    case MODE_CHECK:
        return check(arguments.file);
    case MODE_MAKE_KEY:
        return make_key(arguments.key) < 0;
    case MODE_VERSION:
        printf("portal-web %s\n", PACKAGE_VERSION);
        return 0;
    case MODE_HELP:
        return usage(stdout);
    default:
        return usage(stderr);
    }
}
