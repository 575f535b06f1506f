/* Looks after the directory servers, each with a thread of its own that may block: whether it is
   well, what it holds, and, if it stands before the one in use, when it may be gone back to. Ways
   in: directory_health_start(), directory_settled(). */
#include "config.h"

#include "directory-servers-private.h"

#include "clock.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define LOOK_EVERY_MS 500
/* So often in a row a server has to be found well before it is gone back to. */
#define WELL_BEFORE_RETURN 6
/* How long writes may be held up by a return: for those on their way to end, and for the server
   gone back to to receive them. */
#define DRAIN_MS         500
#define CATCH_UP_MS      500
#define CATCH_UP_STEP_MS 5
#define DEPTH_MOST       8

static const char NOT_KNOWN[] = "not gone back to: there is no contextCSN to compare";
static const char BEHIND[] = "not gone back to: it doesn't hold all changes yet";

/* Reads the contextCSN of the suffix above the customers, wherever that is. */
struct context {
    struct csns csns;
    bool there; /* the DN has one */
    const char *dn;
};

static void take_csns(LDAP *ld, LDAPMessage *message, struct context *context)
{
    LDAPMessage *entry = ldap_first_entry(ld, message);
    struct berval **values = entry ? ldap_get_values_len(ld, entry, "contextCSN") : NULL;
    for (size_t i = 0; values && values[i] && context->csns.count < CSNS_MOST; i++)
        if (values[i]->bv_len < CSN_SIZE)
            memcpy(context->csns.values[context->csns.count++], values[i]->bv_val,
                   values[i]->bv_len);
    context->there = values != NULL;
    ldap_value_free_len(values);
}

static int read_context(struct directory *d, struct directory_handle *h, struct context *context)
{
    char name[] = "contextCSN", *wanted[] = {name, NULL};
    struct directory_result result;
    int id = -1, rc = ldap_search_ext(h->ld, context->dn, LDAP_SCOPE_BASE, "(objectClass=*)",
                                      wanted, 0, NULL, NULL, NULL, 1, &id);
    int r = directory_wait(d, h, rc, id, &result);
    if (r < 0)
        return r;
    if (result.code == LDAP_SUCCESS && result.message)
        take_csns(h->ld, result.message, context);
    else if (result.code == LDAP_BUSY || result.code == LDAP_UNAVAILABLE)
        r = directory_refused(d, h, "contextCSN", &result, -EHOSTDOWN);
    directory_result_clear(&result);
    if (r < 0)
        directory_drop(h);
    return r;
}

/* From the customers' base upwards. */
static int climb(struct directory *d, struct directory_handle *h, void *request, long long deadline)
{
    struct context *context = request;
    LDAPDN dn = NULL;
    int r = 0;
    (void)deadline;
    memset(&context->csns, 0, sizeof context->csns);
    context->there = false;
    if (ldap_str2dn(d->options.base, &dn, LDAP_DN_FORMAT_LDAPV3) != LDAP_SUCCESS || !dn)
        return -EINVAL;
    for (size_t i = 0; i < DEPTH_MOST && dn[i] && !context->there && r == 0; i++) {
        char *name = NULL;
        if (ldap_dn2str(&dn[i], &name, LDAP_DN_FORMAT_LDAPV3) != LDAP_SUCCESS)
            r = -ENOMEM;
        context->dn = name;
        if (r == 0)
            r = read_context(d, h, context);
        ldap_memfree(name);
    }
    ldap_dnfree(dn);
    return r;
}

/* Without trying again until the deadline, but for a connection that had grown old. */
static int look_once(struct directory *d, struct csns *ret)
{
    struct directory_handle *h = &d->handles[DIRECTORY_SERVICE];
    struct context context = {0};
    int r = -EHOSTDOWN;
    for (int i = 0; i < 2 && r == -EHOSTDOWN; i++) {
        long long deadline = clock_monotonic_ms() + d->options.network_timeout * 1000LL;
        bool old = h->ld;
        if ((r = directory_connect(d, DIRECTORY_SERVICE, deadline)) < 0)
            return r;
        h->socket.deadline = deadline;
        r = climb(d, h, &context, deadline);
        if (!old)
            break;
    }
    if (r == 0)
        *ret = context.csns;
    return r;
}

/* The same on a server that nobody here has a connection to. */
static int look_at(struct directory_servers *s, size_t number, struct csns *ret)
{
    struct directory *d = NULL;
    struct directory_options options = s->options;
    options.uri = s->of[number].uri;
    options.servers = NULL;
    int r = directory_open(&options, &d);
    if (r == 0)
        r = look_once(d, ret);
    directory_free(d);
    return r;
}

static void note(struct directory_server *server, int r, const struct directory *d,
                 const struct csns *csns)
{
    struct directory_servers *s = server->all;
    pthread_mutex_lock(&s->mutex);
    server->looked = true;
    server->wanted = false;
    if (r == 0) {
        bool was_dead = atomic_load(&server->dead);
        server->csns = *csns;
        server->well++;
        if (was_dead)
            directory_servers_mark(s, server->number, false, "");
    } else
        directory_servers_mark(s, server->number, true, directory_error(d));
    pthread_cond_broadcast(&s->changed);
    pthread_mutex_unlock(&s->mutex);
}

/* Lets writes on their way end and holds up new ones. */
static bool drain(struct directory_servers *s)
{
    long long deadline = clock_monotonic_ms() + DRAIN_MS;
    s->moving = true;
    while (s->writers > 0 && !s->stop)
        if (!directory_servers_wait(s, deadline))
            return false;
    return !s->stop;
}

/* What the old one held a moment ago comes within the time, even while more is written there. */
static bool catches_up(struct directory *d, const struct csns *there)
{
    static const struct timespec step = {.tv_nsec = CATCH_UP_STEP_MS * 1000000};
    long long deadline = clock_monotonic_ms() + CATCH_UP_MS;
    struct csns here;
    while (look_once(d, &here) == 0) {
        if (!csns_behind(&here, there))
            return true;
        if (clock_monotonic_ms() >= deadline)
            return false;
        nanosleep(&step, NULL);
    }
    return false;
}

/* Every change that was ever made at the old one is here when the first write comes. */
static void go_back(struct directory_server *server, struct directory *d, size_t old)
{
    struct directory_servers *s = server->all;
    struct csns there;
    bool drained, caught_up = false;
    pthread_mutex_lock(&s->mutex);
    if (s->moving) { /* another one's watcher is at it */
        pthread_mutex_unlock(&s->mutex);
        return;
    }
    drained = drain(s);
    pthread_mutex_unlock(&s->mutex);
    if (drained && look_at(s, old, &there) == 0)
        caught_up = catches_up(d, &there);
    pthread_mutex_lock(&s->mutex);
    if (caught_up && directory_servers_good(s, old)) {
        directory_servers_mark(s, server->number, false, "");
        directory_servers_use(s, server->number, "it is well again and up to date");
    }
    s->moving = false;
    pthread_cond_broadcast(&s->changed);
    pthread_mutex_unlock(&s->mutex);
}

/* Why it isn't gone back to is kept for portalctl status. */
static bool is_behind(struct directory_server *server, struct directory *d, size_t old)
{
    struct directory_servers *s = server->all;
    struct csns there;
    const char *why = "";
    if (look_at(s, old, &there) < 0)
        return true; /* its own watcher says why */
    if (there.count == 0)
        why = NOT_KNOWN;
    else if (!catches_up(d, &there))
        why = BEHIND;
    pthread_mutex_lock(&s->mutex);
    snprintf(server->why, sizeof server->why, "%s", why);
    pthread_mutex_unlock(&s->mutex);
    return *why;
}

static void consider(struct directory_server *server, struct directory *d)
{
    struct directory_servers *s = server->all;
    bool wanted;
    size_t current;
    pthread_mutex_lock(&s->mutex);
    current = atomic_load(&s->current);
    wanted = s->chosen && server->number < current && server->well >= WELL_BEFORE_RETURN &&
             !atomic_load(&s->of[current].dead);
    pthread_mutex_unlock(&s->mutex);
    if (wanted && !is_behind(server, d, current))
        go_back(server, d, current);
}

/* Returns whether there is more to do. */
static bool rest(struct directory_server *server)
{
    struct directory_servers *s = server->all;
    long long until = clock_monotonic_ms() + LOOK_EVERY_MS;
    bool stop;
    pthread_mutex_lock(&s->mutex);
    while (!s->stop && !server->wanted && directory_servers_wait(s, until))
        ;
    stop = s->stop;
    pthread_mutex_unlock(&s->mutex);
    return !stop;
}

static void *watch(void *userdata)
{
    struct directory_server *server = userdata;
    struct directory_options options = server->all->options;
    struct directory *d = NULL;
    options.uri = server->uri;
    options.servers = NULL;
    if (directory_open(&options, &d) < 0)
        return NULL;
    do {
        struct csns csns = {0};
        int r = look_once(d, &csns);
        note(server, r, d, &csns);
        if (r == 0)
            consider(server, d);
    } while (rest(server));
    directory_free(d);
    return NULL;
}

int directory_health_start(struct directory_server *server)
{
    int r = -pthread_create(&server->thread, NULL, watch, server);
    server->has_thread = r == 0;
    return r;
}

/* What the others held comes first, then what the one in use holds now. */
int directory_settled(struct directory *d, long long deadline)
{
    struct directory_servers *s = d->servers;
    struct csns others[DIRECTORY_SERVERS_MOST];
    struct context context = {0};
    bool well = true;
    int r;
    if (s->count == 1)
        return 0;
    pthread_mutex_lock(&s->mutex);
    for (size_t i = 0; i < s->count; i++) {
        well &= s->watched && s->of[i].looked && !atomic_load(&s->of[i].dead);
        others[i] = s->of[i].csns;
    }
    pthread_mutex_unlock(&s->mutex);
    if (!well)
        return directory_fail(d, NULL, -EAGAIN, "looking for it everywhere", "a server is away");
    if ((r = directory_try(d, DIRECTORY_SERVICE, climb, &context, deadline)) < 0)
        return r;
    for (size_t i = 0; i < s->count; i++)
        if (csns_behind(&context.csns, &others[i]))
            return directory_fail(d, NULL, -EAGAIN, "looking for it everywhere",
                                  "changes are on their way");
    return 0;
}
