/* A persistent search on a connection of its own, read message by message, so that nothing but the
   message at hand is in memory; watch_turn() is the way in. */
#include "config.h"

#include "watch.h"

#include "directory-private.h"

#include "clock.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Between attempts to connect. */
#define PAUSE_FIRST_MS 100
#define PAUSE_MAX_MS   2000
/* So long after it was begun, a search that the server ended may be begun again. */
#define AGAIN_MS 1000
/* All that matches is listed so often where nothing else tells of it. */
#define POLL_MS 1000
/* In times of [directory] timeout: elsewhere it is listed so often, to show that the other end is
   alive, which it isn't when nothing comes of it for so long. A server without an index for it
   takes its time. */
#define CHECK_TIMEOUTS  2
#define SILENT_TIMEOUTS 3
#define TURN_MOST       200 /* messages */

enum phase {
    PHASE_CLOSED,
    PHASE_LISTING,    /* connected; what matches is on its way */
    PHASE_PERSISTENT, /* … and now what comes to match */
    PHASE_POLLING,
};

struct watch {
    struct watch_options options;
    struct directory *directory;
    LDAP *ld; /* the handle's, to notice when it is another one */
    enum phase phase;
    enum watch_state told;
    bool told_once;
    int search, list;                   /* ids of the persistent search and of a list, or -1 */
    long long retry_at, list_at, alive; /* clock_monotonic_ms() */
    unsigned failures;
    char error[DIRECTORY_ERROR_SIZE];
};

static struct directory_handle *handle(const struct watch *w)
{
    return &w->directory->handles[DIRECTORY_SERVICE];
}

static void tell(struct watch *w, enum watch_state state)
{
    if (w->told_once && w->told == state)
        return;
    w->told = state;
    w->told_once = true;
    w->options.became(w->options.userdata, state, w->error);
}

/* The first attempt after a loss comes soon: most losses are a server's restart. */
static void lose(struct watch *w, const char *why)
{
    long long pause = PAUSE_FIRST_MS;

    for (unsigned i = 0; i < w->failures && pause < PAUSE_MAX_MS; i++)
        pause *= 2;
    if (why)
        snprintf(w->error, sizeof w->error, "%s", why);
    directory_drop(handle(w));
    w->ld = NULL;
    w->phase = PHASE_CLOSED;
    w->search = w->list = -1;
    w->retry_at = clock_monotonic_ms() + (pause < PAUSE_MAX_MS ? pause : PAUSE_MAX_MS);
    if (w->failures++ > 0)
        tell(w, WATCH_LOST);
}

static void allow(const struct watch *w)
{
    handle(w)->socket.deadline =
        clock_monotonic_ms() + w->directory->options.network_timeout * 1000LL;
}

/* RFC 4533, 2.2: SEQUENCE { mode refreshAndPersist (3) }. */
static int make_control(LDAPControl **ret)
{
    static const char value[] = {0x30, 0x03, 0x0a, 0x01, 0x03};
    struct berval mode = {sizeof value, (char *)value};

    return ldap_control_create(LDAP_CONTROL_SYNC, 1, &mode, 1, ret) == LDAP_SUCCESS ? 0 : -ENOMEM;
}

static int search(struct watch *w, LDAPControl *control, int *ret_id)
{
    LDAPControl *controls[] = {control, NULL};
    char filter[WATCH_FILTER_SIZE];
    int id = -1, r = w->options.filter(w->options.userdata, filter);

    if (r < 0)
        return r;
    allow(w);
    if (ldap_search_ext(w->ld, w->directory->options.base, LDAP_SCOPE_SUBTREE, filter,
                        (char **)w->options.attributes, 0, control ? controls : NULL, NULL, NULL,
                        LDAP_NO_LIMIT, &id) != LDAP_SUCCESS)
        return -EHOSTDOWN;
    w->alive = clock_monotonic_ms();
    *ret_id = id;
    return 0;
}

static int begin(struct watch *w)
{
    LDAPControl *control = NULL;
    int r = make_control(&control);

    if (r == 0)
        r = search(w, control, &w->search);
    if (control)
        ldap_control_free(control);
    if (r == 0)
        w->phase = PHASE_LISTING;
    return r;
}

/* Connects, also when the server that is in use is another one now. */
static void connect_now(struct watch *w)
{
    long long now = clock_monotonic_ms();
    int r;

    if (w->phase == PHASE_CLOSED && now < w->retry_at)
        return;
    r = directory_connect(w->directory, DIRECTORY_SERVICE,
                          now + w->directory->options.network_timeout * 1000LL);
    if (r < 0) {
        lose(w, directory_error(w->directory));
        return;
    }
    if (w->phase != PHASE_CLOSED && w->ld == handle(w)->ld)
        return;
    w->ld = handle(w)->ld;
    w->list = -1;
    handle(w)->socket.patient = true;
    if (begin(w) < 0)
        lose(w, "the search can't be sent");
}

static long long timeouts(const struct watch *w, int times)
{
    return times * w->directory->options.network_timeout * 1000LL;
}

/* All that matches has been handed on: by the persistent search, or by a list. */
static void listed(struct watch *w)
{
    w->failures = 0;
    w->list_at =
        clock_monotonic_ms() + (w->phase == PHASE_POLLING ? POLL_MS : timeouts(w, CHECK_TIMEOUTS));
    w->options.listed(w->options.userdata);
    tell(w, w->phase == PHASE_POLLING ? WATCH_POLLING : WATCH_PERSISTENT);
}

/* RFC 4533, 2.3: of an entry that doesn't match any more only its name is told. */
static bool has_gone(LDAPControl **controls)
{
    LDAPControl *state = ldap_control_find(LDAP_CONTROL_SYNC_STATE, controls, NULL);
    BerElement *ber = state ? ber_init(&state->ldctl_value) : NULL;
    ber_int_t is = LDAP_SYNC_ADD;

    if (ber && ber_scanf(ber, "{e", &is) == LBER_ERROR)
        is = LDAP_SYNC_ADD;
    if (ber)
        ber_free(ber, 1);
    return is == LDAP_SYNC_DELETE;
}

static void hand_on(struct watch *w, LDAPMessage *message)
{
    struct watch_event event = {0};
    struct berval **values[WATCH_ATTRIBUTES_MAX] = {0};
    char *dn = ldap_get_dn(w->ld, message);

    event.dn = dn ? dn : "";
    for (size_t i = 0; i < WATCH_ATTRIBUTES_MAX && w->options.attributes[i]; i++) {
        values[i] = ldap_get_values_len(w->ld, message, w->options.attributes[i]);
        if (values[i] && values[i][0])
            event.values[i] = values[i][0]->bv_val;
    }
    w->options.heard(w->options.userdata, &event);
    for (size_t i = 0; i < WATCH_ATTRIBUTES_MAX; i++)
        if (values[i])
            ldap_value_free_len(values[i]);
    ldap_memfree(dn);
}

static void take_entry(struct watch *w, LDAPMessage *message)
{
    LDAPControl **controls = NULL;
    bool gone;

    if (ldap_get_entry_controls(w->ld, message, &controls) != LDAP_SUCCESS)
        controls = NULL;
    gone = has_gone(controls);
    ldap_controls_free(controls);
    if (!gone)
        hand_on(w, message);
}

/* RFC 4533, 2.5: whether this is the end of the refresh. */
static bool ends_refresh(const struct berval *value)
{
    BerElement *ber = ber_init((struct berval *)value);
    ber_len_t length = 0;
    ber_int_t done = 1;
    ber_tag_t tag;

    if (!ber)
        return false;
    tag = ber_peek_tag(ber, &length);
    if (tag == LDAP_TAG_SYNC_REFRESH_DELETE || tag == LDAP_TAG_SYNC_REFRESH_PRESENT) {
        ber_skip_tag(ber, &length);
        if (ber_peek_tag(ber, &length) == LDAP_TAG_SYNC_COOKIE)
            ber_scanf(ber, "x");
        if (ber_peek_tag(ber, &length) == LDAP_TAG_REFRESHDONE)
            ber_scanf(ber, "b", &done);
    } else {
        done = 0;
    }
    ber_free(ber, 1);
    return done != 0;
}

static void take_information(struct watch *w, LDAPMessage *message)
{
    char *oid = NULL;
    struct berval *value = NULL;

    if (ldap_parse_intermediate(w->ld, message, &oid, &value, NULL, 0) == LDAP_SUCCESS && oid &&
        value && strcmp(oid, LDAP_SYNC_INFO) == 0 && w->phase == PHASE_LISTING &&
        ends_refresh(value)) {
        w->phase = PHASE_PERSISTENT;
        listed(w);
    }
    ldap_memfree(oid);
    ber_bvfree(value);
}

/* The control is missing, or the server won't have it here: an ordinary search must do. */
static bool means_never(int code)
{
    return code == LDAP_UNAVAILABLE_CRITICAL_EXTENSION || code == LDAP_UNWILLING_TO_PERFORM ||
           code == LDAP_PROTOCOL_ERROR || code == LDAP_INAPPROPRIATE_MATCHING;
}

static void end_search(struct watch *w, int code)
{
    w->search = -1;
    if (w->phase == PHASE_LISTING && means_never(code)) {
        w->phase = PHASE_POLLING;
        w->list_at = 0;
        return;
    }
    lose(w, ldap_err2string(code));
    if (w->retry_at < w->alive + AGAIN_MS)
        w->retry_at = w->alive + AGAIN_MS;
}

static void take_result(struct watch *w, LDAPMessage *message)
{
    int code = LDAP_OTHER, id = ldap_msgid(message);

    if (ldap_parse_result(w->ld, message, &code, NULL, NULL, NULL, NULL, 0) != LDAP_SUCCESS)
        code = LDAP_OTHER;
    if (id == w->search) {
        end_search(w, code);
    } else if (id == w->list) {
        w->list = -1;
        if (code == LDAP_SUCCESS || code == LDAP_SIZELIMIT_EXCEEDED)
            listed(w);
        else
            lose(w, ldap_err2string(code));
    }
}

/* Whether a message could be read without waiting for its beginning. */
static bool is_ready(const struct watch *w)
{
    Sockbuf *stack = NULL;
    struct pollfd p = {.fd = handle(w)->socket.fd, .events = POLLIN};

    if (ldap_get_option(w->ld, LDAP_OPT_SOCKBUF, &stack) == LDAP_OPT_SUCCESS && stack &&
        ber_sockbuf_ctrl(stack, LBER_SB_OPT_DATA_READY, NULL) > 0)
        return true;
    return poll(&p, 1, 0) > 0;
}

/* Takes one message. Returns whether there was one. */
static bool take(struct watch *w)
{
    LDAPMessage *message = NULL;
    struct timeval at_once = {0};
    int type;

    if (!is_ready(w))
        return false;
    allow(w);
    type = ldap_result(w->ld, LDAP_RES_ANY, LDAP_MSG_ONE, &at_once, &message);
    if (type < 0 || (type > 0 && !message)) {
        lose(w, "the connection has ended");
        return false;
    }
    if (type == 0)
        return false;
    w->alive = clock_monotonic_ms();
    if (type == LDAP_RES_SEARCH_ENTRY)
        take_entry(w, message);
    else if (type == LDAP_RES_INTERMEDIATE)
        take_information(w, message);
    else if (type == LDAP_RES_SEARCH_RESULT)
        take_result(w, message);
    ldap_msgfree(message);
    return true;
}

static bool awaits(const struct watch *w)
{
    return w->phase == PHASE_LISTING || w->list >= 0;
}

void watch_turn(struct watch *w, bool idle)
{
    connect_now(w);
    for (int i = 0; i < TURN_MOST && w->phase != PHASE_CLOSED && take(w); i++)
        ;
    if (w->phase == PHASE_CLOSED)
        return;
    if (awaits(w) && clock_monotonic_ms() > w->alive + timeouts(w, SILENT_TIMEOUTS))
        lose(w, "no answer in time");
    else if (!awaits(w) && idle && clock_monotonic_ms() >= w->list_at &&
             search(w, NULL, &w->list) < 0)
        lose(w, "the search can't be sent");
}

/* When something is to be done by the clock. */
static long long due(const struct watch *w, bool idle)
{
    if (w->phase == PHASE_CLOSED)
        return w->retry_at;
    if (awaits(w))
        return w->alive + timeouts(w, SILENT_TIMEOUTS) + 1;
    return idle ? w->list_at : INT64_MAX;
}

void watch_wait(struct watch *w, int bell, long long ms, bool idle)
{
    bool open = w->phase != PHASE_CLOSED;
    struct pollfd fds[] = {{.fd = bell, .events = POLLIN},
                           {.fd = open ? handle(w)->socket.fd : -1, .events = POLLIN}};
    long long left = due(w, idle) - clock_monotonic_ms();

    if (open && is_ready(w))
        return;
    if (left < ms)
        ms = left > 0 ? left : 0;
    poll(fds, open ? 2 : 1, (int)ms);
}

bool watch_listing(const struct watch *w)
{
    return w->phase == PHASE_LISTING || (w->phase == PHASE_POLLING && w->list >= 0);
}

void watch_look_by(struct watch *w, long long at)
{
    if (at < w->list_at)
        w->list_at = at;
}

int watch_open(const struct watch_options *options, struct watch **ret)
{
    struct watch *w = calloc(1, sizeof *w);
    int r;

    if (!w)
        return -ENOMEM;
    w->options = *options;
    w->search = w->list = -1;
    if ((r = directory_open(options->directory, &w->directory)) < 0) {
        free(w);
        return r;
    }
    *ret = w;
    return 0;
}

struct watch *watch_free(struct watch *w)
{
    if (!w)
        return NULL;
    directory_free(w->directory);
    free(w);
    return NULL;
}
