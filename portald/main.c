/* portald: the daemon. main() reads as a sentence; everything else is in manager.c. */
#include "config.h"

#include "manager.h"
#include "sockets.h"

#include "cleanup.h"
#include "clock.h"
#include "daemon.h"
#include "keys.h"
#include "log.h"
#include "messages.h"
#include "process.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <systemd/sd-daemon.h>

struct portald {
    const char *file;
    int fds[WIRE_SOCKETS];
    struct manager *manager;
};

static void portald_clear(struct portald *p)
{
    p->manager = manager_free(p->manager);
}

/* Everything is made anew from the files, if they are in order; until then connections wait in the
   backlog. */
static int reload(void *userdata)
{
    struct portald *p = userdata;
    int r;

    if (manager_check(p->file, true) < 0) {
        log_event(LOG_ERR, MESSAGE_CONFIGURATION, NULL,
                  "The configuration is not taken over; the old one stays in force");
        process_set_zone(p->manager->settings->zone);
        return 0;
    }
    p->manager = manager_free(p->manager);
    if ((r = manager_open(p->file, &p->manager)) < 0 || (r = manager_start(p->manager, p->fds)) < 0)
        return r;
    log_line(LOG_NOTICE, "Configuration, templates and keys were read again");
    return 0;
}

static void status(void *userdata)
{
    const struct manager *m = ((struct portald *)userdata)->manager;
    struct queue_stats stats;

    if (queue_stats(m->queue, &stats) < 0) {
        sd_notify(false, queue_health(m->queue) == -EBADMSG
                             ? "STATUS=The queue is damaged: see DAMAGE in portald(8)"
                             : "STATUS=The queue can't be read");
        return;
    }
    sd_notifyf(false,
               "STATUS=%lu logins, %lu failed, %lu throttled; waiting: %lu registrations, %lu "
               "mails, %lu letters",
               atomic_load(&m->logins.ok), atomic_load(&m->logins.failed),
               atomic_load(&m->logins.throttled), stats.count[JOB_REGISTRATION][JOB_READY],
               stats.count[JOB_MAIL][JOB_READY], stats.count[JOB_LETTER][JOB_READY]);
}

static void tick(void *userdata)
{
    server_sweep(((struct portald *)userdata)->manager->server);
}

static int run(const char *file)
{
    static const struct daemon_calls calls = {.reload = reload, .tick = tick, .status = status};
    _cleanup_(portald_clear) struct portald p = {.file = file};
    int r;

    daemon_block_signals();
    if ((r = sockets_inherit(p.fds)) < 0) {
        log_line(LOG_ERR, "The sockets that systemd passed are not portald's: %s", strerror(-r));
        return r;
    }
    if ((r = manager_open(file, &p.manager)) < 0)
        return r;
    if ((r = sockets_make(p.manager->settings->socket_dir, p.fds)) < 0) {
        log_line(LOG_ERR, "The sockets in %s can't be made: %s", p.manager->settings->socket_dir,
                 strerror(-r));
        return r;
    }
    if ((r = manager_start(p.manager, p.fds)) < 0)
        return r;
    return daemon_loop("portald", &calls, &p);
}

static int complain_key(const char *file, int r)
{
    log_line(LOG_ERR, "%s could not be made: %s%s", file, strerror(-r),
             r == -EEXIST ? ". A key is never overwritten; move the old one away first" : "");
    return r;
}

/* FILE.key gets the secret, FILE.pub what print stations check claims with. */
static int make_key(const char *file)
{
    uint8_t master[32];
    struct keys *keys = NULL;
    char public_file[4096];
    size_t stem = strlen(file);
    int r;

    if (stem > 4 && strcmp(file + stem - 4, ".key") == 0)
        stem -= 4;
    if (snprintf(public_file, sizeof public_file, "%.*s.pub", (int)stem, file) >=
        (int)sizeof public_file)
        return -ENAMETOOLONG;
    randombytes_buf(master, sizeof master);
    r = key_write(file, 0600, master, sizeof master);
    sodium_memzero(master, sizeof master);
    if (r == 0)
        r = keys_load(file, &keys);
    if (r == 0)
        r = key_write(public_file, 0644, keys->sign_public, sizeof keys->sign_public);
    keys_free(keys);
    return r < 0 ? complain_key(file, r) : 0;
}

/* A key that seals TOTP secrets: [keys] totp. */
static int make_totp_key(const char *file)
{
    uint8_t key[TOTP_KEY_BYTES];
    int r;

    if (sodium_init() < 0)
        return -EIO;
    randombytes_buf(key, sizeof key);
    r = key_write(file, 0600, key, sizeof key);
    sodium_memzero(key, sizeof key);
    return r < 0 ? complain_key(file, r) : 0;
}

static int check(const char *file)
{
    if (manager_check(file, false) < 0)
        return 1;
    printf("%s: configuration, keys and templates are in order\n", file);
    return 0;
}

static int usage(FILE *to)
{
    fprintf(to,
            "portald [--config FILE] [--debug]   serve; FILE is %s/portald.conf unless given\n"
            "portald [--config FILE] --check     only say whether configuration, keys and "
            "templates are in order\n"
            "portald --make-key FILE             make the master key, and beside it the public one "
            "(.pub)\n"
            "portald --make-totp-key FILE        make a key that seals TOTP secrets\n"
            "portald --version\n",
            SYSCONF_DIR);
    return to == stdout ? 0 : 2;
}

enum mode {
    MODE_RUN,
    MODE_CHECK,
    MODE_MAKE_KEY,
    MODE_MAKE_TOTP_KEY,
    MODE_VERSION,
    MODE_HELP,
    MODE_WRONG
};

struct arguments {
    enum mode mode;
    const char *file, *key;
    int level;
};

static void read_arguments(int argc, char **argv, struct arguments *ret)
{
    static const struct option options[] = {
        {"config", required_argument, NULL, 'c'},   {"check", no_argument, NULL, 'k'},
        {"make-key", required_argument, NULL, 'm'}, {"make-totp-key", required_argument, NULL, 't'},
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
        case 't':
            ret->mode = c == 'm' ? MODE_MAKE_KEY : MODE_MAKE_TOTP_KEY;
            ret->key = optarg;
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
    struct arguments arguments = {.file = SYSCONF_DIR "/portald.conf", .level = LOG_INFO};
    int r;

    read_arguments(argc, argv, &arguments);
    setenv("LDAPNOINIT", "1",
           1); /* while there is one thread: libldap reads no ldap.conf, .ldaprc */
    log_open("portald", arguments.level);
    if ((r = process_harden()) < 0) {
        log_line(LOG_ERR, "The process can't be made safe: %s", strerror(-r));
        return 1;
    }
    switch (arguments.mode) {
    case MODE_RUN:
        return run(arguments.file) < 0;
    case MODE_CHECK:
        return check(arguments.file);
    case MODE_MAKE_KEY:
        return make_key(arguments.key) < 0;
    case MODE_MAKE_TOTP_KEY:
        return make_totp_key(arguments.key) < 0;
    case MODE_VERSION:
        printf("portald %s\n", PACKAGE_VERSION);
        return 0;
    case MODE_HELP:
        return usage(stdout);
    default:
        return usage(stderr);
    }
}
