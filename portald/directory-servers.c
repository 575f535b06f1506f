/* Which directory server is in use; directory-health.c looks after them. Way in:
   directory_servers_open(). */
#include "config.h"

#include "directory-servers-private.h"

#include "cleanup.h"
#include "clock.h"
#include "log.h"
#include "messages.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* Unwatched, a server that failed is left alone so long. */
#define LEFT_ALONE_MS 5000
/* After a start the servers are looked at before one is chosen; a dead one isn't waited for. */
#define CHOOSE_MS 2000

DEFINE_CLEANUP(struct directory_servers, directory_servers_free)

static int add_uri(struct directory_servers *s, const char *uri)
{
    LDAPURLDesc *url = NULL;
    if (s->count == DIRECTORY_SERVERS_MOST || ldap_url_parse(uri, &url) != LDAP_URL_SUCCESS)
        return -EINVAL;
    ldap_free_urldesc(url);
    struct directory_server *server = &s->of[s->count];
    server->all = s;
    server->number = s->count;
    if (!(server->uri = strdup(uri)))
        return -ENOMEM;
    s->count++;
    return 0;
}

static int split_uris(struct directory_servers *s, const char *uris)
{
    char *rest = NULL;
    int r = 0;
    _cleanup_free_ char *text = strdup(uris);
    if (!text)
        return -ENOMEM;
    for (char *uri = strtok_r(text, " \t", &rest); uri && r == 0;
         uri = strtok_r(NULL, " \t", &rest))
        r = add_uri(s, uri);
    return r < 0 ? r : s->count == 0 ? -EINVAL : 0;
}

int directory_servers_open(const struct directory_options *options, struct directory_servers **ret)
{
    _cleanup_(directory_servers_free_p) struct directory_servers *s = calloc(1, sizeof *s);
    pthread_condattr_t clock;
    if (!s)
        return -ENOMEM;
    pthread_mutex_init(&s->mutex, NULL);
    pthread_condattr_init(&clock);
    pthread_condattr_setclock(&clock, CLOCK_MONOTONIC);
    pthread_cond_init(&s->changed, &clock);
    pthread_condattr_destroy(&clock);
    s->options = *options;
    s->chosen = true;
    int r = split_uris(s, options->uri);
    if (r < 0)
        return r;
    *ret = TAKE(s);
    return 0;
}

struct directory_servers *directory_servers_free(struct directory_servers *s)
{
    if (!s)
        return NULL;
    pthread_mutex_lock(&s->mutex);
    s->stop = true;
    pthread_cond_broadcast(&s->changed);
    pthread_mutex_unlock(&s->mutex);
    for (size_t i = 0; i < s->count; i++) {
        if (s->of[i].has_thread)
            pthread_join(s->of[i].thread, NULL);
        free(s->of[i].uri);
    }
    pthread_cond_destroy(&s->changed);
    pthread_mutex_destroy(&s->mutex);
    free(s);
    return NULL;
}

int directory_servers_watch(struct directory_servers *s)
{
    int r = 0;
    if (s->count < 2)
        return 0;
    pthread_mutex_lock(&s->mutex);
    s->watched = true;
    s->chosen = false;
    s->choose_until = clock_monotonic_ms() + CHOOSE_MS;
    pthread_mutex_unlock(&s->mutex);
    for (size_t i = 0; i < s->count && r == 0; i++)
        r = directory_health_start(&s->of[i]);
    return r;
}

size_t directory_servers_count(const struct directory_servers *s)
{
    return s->count;
}

const char *directory_servers_uri(const struct directory_servers *s, size_t number)
{
    return s->of[number].uri;
}

bool directory_servers_good(const struct directory_servers *s, size_t number)
{
    return atomic_load_explicit(&s->current, memory_order_acquire) == number &&
           (s->count == 1 || !atomic_load_explicit(&s->of[number].dead, memory_order_relaxed));
}

const atomic_bool *directory_servers_lost(const struct directory_servers *s, size_t number)
{
    return s->count > 1 ? &s->of[number].dead : NULL;
}

bool directory_servers_wait(struct directory_servers *s, long long deadline)
{
    long long left = deadline - clock_monotonic_ms();
    struct timespec until;
    if (left <= 0)
        return false;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += left / 1000;
    until.tv_nsec += left % 1000 * 1000000;
    if (until.tv_nsec >= 1000000000) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000;
    }
    pthread_cond_timedwait(&s->changed, &s->mutex, &until);
    return true;
}

void directory_servers_use(struct directory_servers *s, size_t number, const char *why)
{
    size_t old = atomic_load(&s->current);
    if (old == number)
        return;
    atomic_store(&s->current, number);
    if (s->watched)
        log_event(
            LOG_NOTICE, MESSAGE_SERVER_SWITCHED, LOG_FIELDS("PORTAL_SERVER", s->of[number].uri),
            "The directory server in use: %s → %s (%s)", s->of[old].uri, s->of[number].uri, why);
    pthread_cond_broadcast(&s->changed);
}

void directory_servers_mark(struct directory_servers *s, size_t number, bool dead, const char *why)
{
    struct directory_server *server = &s->of[number];
    bool before = atomic_load(&server->dead);
    snprintf(server->why, sizeof server->why, "%s", why);
    atomic_store(&server->dead, dead);
    if (dead) {
        server->dead_until = clock_monotonic_ms() + LEFT_ALONE_MS;
        server->well = 0;
    }
    if (before == dead)
        return;
    if (s->watched && dead)
        log_event(LOG_WARNING, MESSAGE_SERVER_LOST, LOG_FIELDS("PORTAL_SERVER", server->uri),
                  "The directory server %s can't be used: %s", server->uri, why);
    else if (s->watched)
        log_event(LOG_NOTICE, MESSAGE_SERVER_BACK, LOG_FIELDS("PORTAL_SERVER", server->uri),
                  "The directory server %s answers again", server->uri);
    pthread_cond_broadcast(&s->changed);
}

/* The part of a contextCSN that names the server whose change it is: TIME#COUNT#SERVER#MOD. */
static const char *csn_server(const char *csn)
{
    const char *hash = strchr(csn, '#');
    hash = hash ? strchr(hash + 1, '#') : NULL;
    return hash ? hash + 1 : "";
}

static bool csns_hold(const struct csns *a, const char *csn)
{
    for (size_t i = 0; i < a->count; i++)
        if (strncmp(csn_server(a->values[i]), csn_server(csn), 3) == 0 &&
            strcmp(a->values[i], csn) >= 0)
            return true;
    return false;
}

bool csns_behind(const struct csns *a, const struct csns *b)
{
    for (size_t i = 0; i < b->count; i++)
        if (!csns_hold(a, b->values[i]))
            return true;
    return false;
}

/* After a start: the first that is well and lacks nothing that another one has; of several that
   lack something of each other, because changes are on their way, the first. */
static void choose(struct directory_servers *s)
{
    size_t best = s->count;
    for (size_t i = 0; i < s->count; i++) {
        if (!s->of[i].looked || s->of[i].dead)
            continue;
        bool behind = false;
        for (size_t j = 0; j < s->count; j++)
            behind |= csns_behind(&s->of[i].csns, &s->of[j].csns) &&
                      !csns_behind(&s->of[j].csns, &s->of[i].csns);
        if (!behind) {
            best = i;
            break;
        }
    }
    s->chosen = true;
    if (best < s->count)
        directory_servers_use(s, best, "the first that is well and up to date");
    pthread_cond_broadcast(&s->changed);
}

static void wait_for_choice(struct directory_servers *s, long long deadline)
{
    while (!s->chosen) {
        bool all = true;
        for (size_t i = 0; i < s->count; i++)
            all &= s->of[i].looked;
        if (all || clock_monotonic_ms() >= s->choose_until) {
            choose(s);
            return;
        }
        if (!directory_servers_wait(s, deadline < s->choose_until ? deadline : s->choose_until) &&
            clock_monotonic_ms() >= deadline)
            return;
    }
}

static bool may_try(const struct directory_servers *s, size_t i, unsigned tried, bool dead)
{
    return !(tried & 1u << i) && (dead || !atomic_load(&s->of[i].dead));
}

size_t directory_servers_pick(struct directory_servers *s, unsigned tried, long long deadline)
{
    size_t found = s->count, current;
    pthread_mutex_lock(&s->mutex);
    wait_for_choice(s, deadline);
    for (size_t i = 0; !s->watched && i < s->count; i++)
        if (s->of[i].dead && clock_monotonic_ms() >= s->of[i].dead_until)
            atomic_store(&s->of[i].dead, false);
    current = atomic_load(&s->current);
    for (int dead = 0; dead < 2 && found == s->count; dead++) {
        if (may_try(s, current, tried, dead))
            found = current;
        for (size_t i = 0; i < s->count && found == s->count; i++)
            if (may_try(s, i, tried, dead))
                found = i;
    }
    pthread_mutex_unlock(&s->mutex);
    return found;
}

bool directory_servers_answered(struct directory_servers *s, size_t number, unsigned tried)
{
    size_t current;
    if (s->count == 1)
        return true;
    pthread_mutex_lock(&s->mutex);
    current = atomic_load(&s->current);
    directory_servers_mark(s, number, false, "");
    if (current != number && (tried & 1u << current || atomic_load(&s->of[current].dead)))
        directory_servers_use(s, number, "the other one can't be used");
    current = atomic_load(&s->current);
    pthread_mutex_unlock(&s->mutex);
    return current == number;
}

void directory_servers_failed(struct directory_servers *s, size_t number, const char *why)
{
    if (s->count == 1)
        return;
    pthread_mutex_lock(&s->mutex);
    directory_servers_mark(s, number, true, why);
    pthread_mutex_unlock(&s->mutex);
}

void directory_servers_doubt(struct directory_servers *s, size_t number, const char *why)
{
    if (s->count == 1)
        return;
    pthread_mutex_lock(&s->mutex);
    if (s->watched)
        s->of[number].wanted = true;
    else
        directory_servers_mark(s, number, true, why);
    pthread_cond_broadcast(&s->changed);
    pthread_mutex_unlock(&s->mutex);
}

int directory_servers_write_begin(struct directory_servers *s, size_t number, long long deadline)
{
    int r = 0;
    if (s->count == 1)
        return 0;
    pthread_mutex_lock(&s->mutex);
    while (s->moving && r == 0)
        if (!directory_servers_wait(s, deadline))
            r = -ETIMEDOUT;
    if (r == 0 && !directory_servers_good(s, number))
        r = -EHOSTDOWN;
    if (r == 0)
        s->writers++;
    pthread_mutex_unlock(&s->mutex);
    return r;
}

void directory_servers_write_end(struct directory_servers *s)
{
    if (s->count == 1)
        return;
    pthread_mutex_lock(&s->mutex);
    if (--s->writers == 0 && s->moving)
        pthread_cond_broadcast(&s->changed);
    pthread_mutex_unlock(&s->mutex);
}

size_t directory_servers_report(struct directory_servers *s,
                                struct directory_server_report ret[static DIRECTORY_SERVERS_MOST])
{
    pthread_mutex_lock(&s->mutex);
    for (size_t i = 0; i < s->count; i++) {
        ret[i] = (struct directory_server_report){.uri = s->of[i].uri,
                                                  .current = atomic_load(&s->current) == i,
                                                  .well = !atomic_load(&s->of[i].dead)};
        snprintf(ret[i].why, sizeof ret[i].why, "%s", s->of[i].why);
    }
    pthread_mutex_unlock(&s->mutex);
    return s->count;
}
