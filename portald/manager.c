/* Puts portald together from its parts; manager_open() is the way in. */
#include "config.h"

#include "manager.h"

#include "handlers.h"
#include "known.h"
#include "texts.h"

#include "cleanup.h"
#include "clock.h"
#include "log.h"
#include "messages.h"
#include "process.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <sys/stat.h>

#define PASSWORD_MAX 1024
#define NAME_SLOTS   65536
#define RATE_SLOTS   16384

DEFINE_CLEANUP(struct manager, manager_free)

static int trouble(int r, const char *what, const char *file)
{
    log_event(LOG_ERR, MESSAGE_CONFIGURATION, NULL, "%s%s%s: %s", what, file ? " " : "",
              file ? file : "", strerror(-r));
    return r;
}

/* The first line of a file that nobody else may read, in locked memory. */
static int read_password(const char *file, char **ret)
{
    _cleanup_close_ int fd = open(file, O_RDONLY | O_CLOEXEC);
    struct stat st;
    char *password;
    ssize_t n;

    if (fd < 0 || fstat(fd, &st) < 0)
        return -errno;
    if (!S_ISREG(st.st_mode) || st.st_mode & (S_IRWXO | S_IWGRP))
        return -EPERM;
    password = sodium_malloc(PASSWORD_MAX);
    if (!password)
        return -ENOMEM;
    n = read(fd, password, PASSWORD_MAX - 1);
    password[n > 0 ? n : 0] = 0;
    password[strcspn(password, "\r\n")] = 0;
    if (n < 0 || !*password) {
        sodium_free(password);
        return n < 0 ? -EIO : -EINVAL;
    }
    *ret = password;
    return 0;
}

static int key_trouble(int r, const char *what, const char *file)
{
    log_event(LOG_ERR, MESSAGE_CONFIGURATION, NULL, "%s %s: %s", what, file, key_error(r));
    return r;
}

static int load_totp_keys(struct manager *m)
{
    char problem[512] = "";
    int r = totp_keys_load(m->keys, m->settings->totp_keys, problem, sizeof problem, &m->totp);

    if (r < 0)
        log_event(LOG_ERR, MESSAGE_CONFIGURATION, NULL, "[keys] totp: %s",
                  *problem ? problem : strerror(-r));
    return r;
}

static int load_secrets(struct manager *m)
{
    struct settings *s = m->settings;
    int r;

    if ((r = keys_load(s->master_key, &m->keys)) < 0)
        return key_trouble(r, "The master key", s->master_key);
    if ((r = load_totp_keys(m)) < 0)
        return r;
    if ((r = key_read(s->station_key, false, m->station, sizeof m->station)) < 0)
        return key_trouble(r, "The print station's public key", s->station_key);
    if (*s->bind_dn && !s->bind_password_file)
        return trouble(-EINVAL, "[directory] bind_dn needs bind_password_file", NULL);
    if (*s->bind_dn && (r = read_password(s->bind_password_file, &m->bind_password)) < 0)
        return trouble(r, "The directory's password", s->bind_password_file);
    return 0;
}

/* A text that customers consent to is shown as it was read, and recorded by the hash of that. */
static int load_site(struct manager *m)
{
    _cleanup_(site_text_clear) struct site_text privacy = {0}, terms = {0};
    struct settings *s = m->settings;
    int r;

    if ((r = site_text_read(s->privacy_file, &privacy)) < 0)
        return trouble(r, "The privacy notice", s->privacy_file);
    if ((r = site_text_read(s->terms_file, &terms)) < 0)
        return trouble(r, "The terms of use", s->terms_file);
    if (!(m->site = site_describe(s, privacy.text, terms.text)))
        return trouble(-EILSEQ, "[portal] company or support", NULL);
    memcpy(m->privacy_sha256, privacy.sha256, sizeof m->privacy_sha256);
    memcpy(m->terms_sha256, terms.sha256, sizeof m->terms_sha256);
    return 0;
}

static int load_texts(struct manager *m)
{
    struct settings *s = m->settings;
    struct compose_options options = {.templates = s->templates,
                                      .sender = s->sender,
                                      .sender_name = *s->sender_name ? s->sender_name : s->company,
                                      .bounce_address = s->bounce_address,
                                      .base_url = s->base_url,
                                      .company = s->company,
                                      .support = s->support,
                                      .message_domain = s->message_domain,
                                      .link_hours = s->rules.link_valid / HOUR,
                                      .code_minutes = s->rules.code_life / MINUTE};
    char problem[256] = "";
    int r;

    if ((r = texts_open(s->locale_dir)) < 0)
        return trouble(r, "The German texts below [portal] locale_dir", s->locale_dir);
    if ((r = load_site(m)) < 0)
        return r;
    if ((r = compose_open(&options, m->keys, problem, sizeof problem, &m->compose)) < 0)
        log_event(LOG_ERR, MESSAGE_CONFIGURATION, NULL, "The mail templates: %s",
                  *problem ? problem : strerror(-r));
    return r;
}

/* A missing dictionary of cracklib's is said, but keeps nobody from working. */
static int load_quality(struct manager *m)
{
    struct quality_words words = {.common = m->settings->common_words,
                                  .words = m->settings->words,
                                  .company = m->settings->company};
    char problem[512] = "";
    int r = quality_open(&words, problem, sizeof problem, &m->quality);

    if (r < 0 || *problem)
        log_event(r < 0 ? LOG_ERR : LOG_WARNING, MESSAGE_CONFIGURATION, NULL, "[passwords] %s",
                  *problem ? problem : strerror(-r));
    return r;
}

/* With several servers one that is stuck leaves time to ask the next. */
static long reply_timeout(const struct settings *s)
{
    long most = strpbrk(s->uri, " \t") ? s->request_timeout / 2 : s->directory_timeout;

    return s->directory_timeout < most ? s->directory_timeout : most > 0 ? most : 1;
}

static void describe_directory(struct manager *m)
{
    struct settings *s = m->settings;

    m->directory = (struct directory_options){.uri = s->uri,
                                              .base = s->base,
                                              .bind_dn = *s->bind_dn ? s->bind_dn : NULL,
                                              .bind_password = m->bind_password,
                                              .decoy_dn = s->decoy_dn,
                                              .starttls = s->starttls,
                                              .ca_file = s->ca_file,
                                              .cert_file = s->cert_file,
                                              .key_file = s->key_file,
                                              .network_timeout = reply_timeout(s)};
}

/* A damaged queue keeps nobody from logging in. */
static int open_queue(struct manager *m)
{
    struct settings *s = m->settings;
    struct queue_options options = {
        .path = s->queue_file, .limit = (unsigned long)s->queue_limit, .keep = s->queue_keep};
    int r = queue_open(&options, &m->queue);

    if (r == -EBADMSG) {
        log_event(LOG_CRIT, MESSAGE_QUEUE_TROUBLE, NULL,
                  "The queue %s is damaged, or no queue. It is left as it is. Customers log in as "
                  "before, but registrations, mails and letters stand still until you have it "
                  "restored: see DAMAGE in portald(8)",
                  s->queue_file);
        return queue_open_without(r, &m->queue);
    }
    if (r < 0)
        log_event(LOG_ERR, MESSAGE_QUEUE_TROUBLE, NULL, "The queue %s can't be opened: %s",
                  s->queue_file, r == -EBUSY ? "another portald has it" : strerror(-r));
    return r;
}

static int open_state(struct manager *m)
{
    struct settings *s = m->settings;
    _cleanup_free_ char *names = NULL, *known = NULL;
    int r;

    if (asprintf(&names, "%s/failures.table", s->state_dir) < 0 ||
        asprintf(&known, "%s/known.table", s->state_dir) < 0 ||
        asprintf(&m->clock_file, "%s/clock-offset", s->state_dir) < 0)
        return -ENOMEM;
    if (clock_restore(m->clock_file) == 0 && clock_offset() != 0)
        log_line(LOG_WARNING, "This is a test build, and its clock is moved by %lld s",
                 (long long)clock_offset());
    if ((r = open_queue(m)) < 0)
        return r;
    if ((r = throttle_open(names, m->keys->table, NAME_SLOTS, &m->names)) < 0)
        return trouble(r, "The table of failures", names);
    if ((r = throttle_open(known, m->keys->table, KNOWN_SLOTS, &m->known)) < 0)
        return trouble(r, "The table of known clients", known);
    if ((r = throttle_open(NULL, m->keys->table, RATE_SLOTS, &m->rates)) < 0 ||
        (r = secret_gate_open((unsigned)s->hashes, &m->gate)) < 0)
        return r;
    return 0;
}

/* Whether its options make sense, too: it is opened by each thread, when it is too late to refuse.
 */
static int open_servers(struct manager *m)
{
    struct directory *directory = NULL;
    int r = directory_servers_open(&m->directory, &m->servers);

    m->directory.servers = m->servers;
    if (r == 0)
        r = directory_open(&m->directory, &directory);
    directory_free(directory);
    return r < 0 ? trouble(r, "[directory] uri", m->settings->uri) : 0;
}

/* Whether files can be made in directory. */
static int try_place(const char *what, const char *directory)
{
    return access(directory, W_OK | X_OK) < 0 ? trouble(-errno, what, directory) : 0;
}

static int try_places(const struct settings *s)
{
    const char *slash = strrchr(s->queue_file, '/');
    _cleanup_free_ char *queue =
        slash ? strndup(s->queue_file, (size_t)(slash - s->queue_file) + 1) : strdup(".");
    int r = queue ? try_place("[queue] file: the directory", queue) : -ENOMEM;

    return r < 0 ? r : try_place("[server] state_dir", s->state_dir);
}

static int manager_new(const char *file, struct manager **ret)
{
    _cleanup_(manager_free_p) struct manager *m = calloc(1, sizeof *m);
    int r;

    if (!m)
        return -ENOMEM;
    if ((r = settings_load(file, &m->settings)) < 0)
        return r;
    if ((r = process_set_zone(m->settings->zone)) < 0) {
        conf_log(NULL, file, 0, "[portal] zone: expected a time zone of this system");
        return r;
    }
    if ((r = load_secrets(m)) < 0 || (r = load_texts(m)) < 0 || (r = load_quality(m)) < 0)
        return r;
    describe_directory(m);
    if ((r = open_servers(m)) < 0)
        return r;
    *ret = TAKE(m);
    return 0;
}

int manager_check(const char *file, bool places)
{
    _cleanup_(manager_free_p) struct manager *m = NULL;
    int r = manager_new(file, &m);

    return r < 0 || !places ? r : try_places(m->settings);
}

int manager_open(const char *file, struct manager **ret)
{
    _cleanup_(manager_free_p) struct manager *m = NULL;
    int r;

    if ((r = manager_new(file, &m)) < 0 || (r = open_state(m)) < 0)
        return r;
    *ret = TAKE(m);
    return 0;
}

static int start_couriers(struct manager *m)
{
    struct settings *s = m->settings;
    struct courier_options options = {.couriers = (unsigned)s->couriers,
                                      .batch = (unsigned)s->mail_batch,
                                      .mailer_socket = s->mailer_socket,
                                      .mailer_program = s->mailer_program,
                                      .mailer_config = s->mailer_config,
                                      .deadline = s->mail_deadline,
                                      .retry = s->mail_retry.seconds,
                                      .retries = s->mail_retry.count};

    return couriers_start(&options, m->compose, m->queue, &m->couriers);
}

static int open_lint(struct manager *m)
{
    const struct lint_means means = {.rules = &m->settings->rules,
                                     .totp = m->totp,
                                     .directory = &m->directory,
                                     .queue = m->queue};

    return lint_open(&means, &m->lint);
}

int manager_start(struct manager *m, const int fds[static WIRE_SOCKETS])
{
    struct server_options options = {.workers = (unsigned)m->settings->workers,
                                     .connections = (unsigned)m->settings->connections,
                                     .request_timeout = m->settings->request_timeout,
                                     .handlers = &portald_handlers,
                                     .userdata = m};
    int r;

    for (int i = 0; i < WIRE_SOCKETS; i++)
        options.fds[i] = fcntl(fds[i], F_DUPFD_CLOEXEC, 3);
    m->started = clock_now();
    if ((r = directory_servers_watch(m->servers)) < 0 ||
        (r = rekey_open(m->totp, &m->directory, &m->rekey)) < 0 || (r = open_lint(m)) < 0 ||
        (r = clerk_start(m, &m->clerk)) < 0 || (r = watcher_start(m, &m->watcher)) < 0 ||
        (r = edits_start(m, &m->edits)) < 0 || (r = start_couriers(m)) < 0 ||
        (r = server_start(&options, &m->server)) < 0)
        return trouble(r, "Threads could not be started", NULL);
    return 0;
}

/* Couriers first, while logins go on: their stop may take seconds. Then in the order in which work
   flows: nobody comes in any more, and what they left is put away. */
struct manager *manager_free(struct manager *m)
{
    if (!m)
        return NULL;
    couriers_stop(m->couriers);
    server_stop(m->server);
    rekey_free(m->rekey);
    lint_free(m->lint);
    edits_stop(m->edits);
    watcher_stop(m->watcher);
    clerk_stop(m->clerk);
    queue_free(m->queue);
    throttle_free(m->names);
    throttle_free(m->rates);
    throttle_free(m->known);
    quality_free(m->quality);
    secret_gate_free(m->gate);
    compose_free(m->compose);
    directory_servers_free(m->servers);
    if (m->bind_password)
        sodium_free(m->bind_password);
    totp_keys_free(m->totp);
    keys_free(m->keys);
    settings_free(m->settings);
    free(m->site);
    free(m->clock_file);
    free(m);
    return NULL;
}
