/* The pipeline of an import: a ring of lines, each of which is looked up, judged, and written. One
   LDAP operation writes a line, so none can be half done. importing_put() is the way in. */
#include "config.h"

#include "existing.h"
#include "importing.h"

#include "cleanup.h"
#include "clock.h"
#include "ulid.h"

#include <errno.h>
#include <stdint.h>
#include <signal.h>
#include <stdarg.h>

#define WINDOW      128u /* lines on their way */
#define LOOK_MS     200  /* at signals, while answers are awaited */
#define SILENCE_MS  60000
#define FILTER_SIZE (CUSTOMER_POLICIES * (POLICY_NUMBER_SIZE + 24) + 8)
#define FOUND_MOST  (CUSTOMER_POLICIES + 1)

enum step {
    STEP_LOOK, /* who is there */
    STEP_WRITE,
    STEP_DONE,
};

struct line {
    enum step step;
    unsigned long number;
    struct customer customer;
    int uid_id, policy_id, write_id; /* of what is on its way, or -1 */
    struct existing by_uid, by_policy;
    bool several; /* policy numbers of more than one customer */
    enum outcome outcome;
    char why[CUSTOMER_WHY_SIZE + CALLER_SAID_SIZE];
};

struct importing {
    struct caller *caller;
    bool write;
    enum meeting meeting;
    importing_tell *tell;
    void *userdata;
    struct line lines[WINDOW]; /* a ring: first is the oldest */
    size_t first, count;
    char error[CALLER_SAID_SIZE];
};

int importing_open(struct caller *caller, bool write, enum meeting meeting, importing_tell *tell,
                   void *userdata, struct importing **ret)
{
    struct importing *i = calloc(1, sizeof *i);

    if (!i)
        return -ENOMEM;
    i->caller = caller;
    i->write = write;
    i->meeting = meeting;
    i->tell = tell;
    i->userdata = userdata;
    *ret = i;
    return 0;
}

static struct line *line_at(struct importing *i, size_t n)
{
    return &i->lines[(i->first + n) % WINDOW];
}

static void line_clear(struct line *l)
{
    customer_clear(&l->customer);
    existing_clear(&l->by_uid);
    existing_clear(&l->by_policy);
}

struct importing *importing_free(struct importing *i)
{
    for (size_t n = 0; i && n < i->count; n++)
        line_clear(line_at(i, n));
    free(i);
    return NULL;
}

const char *importing_error(const struct importing *i)
{
    return i->error;
}

void importing_unsure(const struct importing *i, unsigned long *ret_first, unsigned long *ret_last)
{
    *ret_first = *ret_last = 0;
    for (size_t n = 0; n < i->count; n++) {
        const struct line *l = &i->lines[(i->first + n) % WINDOW];

        if (l->step != STEP_WRITE)
            continue;
        if (*ret_first == 0)
            *ret_first = l->number;
        *ret_last = l->number;
    }
}

/* --- Ends --- */

static int lost(struct importing *i, int error, const char *why)
{
    snprintf(i->error, sizeof i->error, "%s", why);
    return error;
}

static void done(struct line *l, enum outcome outcome)
{
    l->step = STEP_DONE;
    l->outcome = outcome;
}

static void bad(struct line *l, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void bad(struct line *l, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(l->why, sizeof l->why, format, arguments);
    va_end(arguments);
    done(l, OUTCOME_BAD);
}

/* Those that are done and have none before them that isn't. */
static void tell_done(struct importing *i)
{
    while (i->count > 0 && i->lines[i->first].step == STEP_DONE) {
        struct line *l = &i->lines[i->first];

        i->tell(i->userdata, l->number, l->outcome, *l->why ? l->why : NULL);
        line_clear(l);
        i->first = (i->first + 1) % WINDOW;
        i->count--;
    }
}

/* --- Asking --- */

static int sent(struct importing *i, int rc)
{
    return rc == LDAP_SUCCESS     ? 0
           : rc == LDAP_NO_MEMORY ? lost(i, -ENOMEM, "out of memory")
                                  : lost(i, -EHOSTDOWN, ldap_err2string(rc));
}

static int ask(struct importing *i, const char *base, int scope, const char *filter, int *ret_id)
{
    return sent(i, ldap_search_ext(i->caller->ld, base, scope, filter,
                                   (char **)(uintptr_t)existing_attributes, 0, NULL, NULL, NULL,
                                   FOUND_MOST, ret_id));
}

/* By policy numbers, which are indexed, and by name, which needs no index. */
static int look(struct importing *i, struct line *l)
{
    const struct customer *c = &l->customer;
    _cleanup_free_ char *dn = NULL;
    char filter[FILTER_SIZE] = "(|";
    size_t used = 2;
    int r;

    l->step = STEP_LOOK;
    for (size_t p = 0; p < c->policy_count; p++) /* letters and digits only */
        used += (size_t)snprintf(filter + used, sizeof filter - used, "(portalPolicyNumber=%s)",
                                 c->policies[p]);
    snprintf(filter + used, sizeof filter - used, ")");
    r = ask(i, i->caller->base, LDAP_SCOPE_SUBTREE, filter, &l->policy_id);
    if (r < 0 || !c->value[IDENTITY_UID])
        return r;
    dn = existing_dn(c->value[IDENTITY_UID], i->caller->base);
    return dn ? ask(i, dn, LDAP_SCOPE_BASE, "(objectClass=*)", &l->uid_id)
              : lost(i, -ENOMEM, "out of memory");
}

/* A name that tells nothing, for who has none. */
static int uid_make(struct line *l)
{
    char id[ULID_SIZE];

    if (l->customer.value[IDENTITY_UID])
        return 0;
    ulid_make(clock_now_ms(), id);
    l->customer.value[IDENTITY_UID] = strdup(id);
    return l->customer.value[IDENTITY_UID] ? 0 : -ENOMEM;
}

static int add(struct importing *i, struct line *l)
{
    const char *tells = customer_uid_tells(&l->customer);

    if (tells) {
        bad(l, "uid: it is %s, and must tell nothing", tells);
        return 0;
    }
    if (!i->write) {
        done(l, OUTCOME_ADDED);
        return 0;
    }
    if (uid_make(l) < 0)
        return lost(i, -ENOMEM, "out of memory");
    l->step = STEP_WRITE;
    l->outcome = OUTCOME_ADDED;
    return sent(i, existing_add(i->caller->ld, i->caller->base, &l->customer, &l->write_id));
}

/* --- Judging --- */

static const char *uid_of(const struct existing *e)
{
    return e->value[IDENTITY_UID] && *e->value[IDENTITY_UID] ? *e->value[IDENTITY_UID] : e->dn;
}

/* The entry that the line is about, after both looks; NULL: a new one, or a bad line. */
static const struct existing *meet(struct line *l)
{
    const char *uid = l->customer.value[IDENTITY_UID];
    const struct existing *e = &l->by_policy;

    if (l->several)
        bad(l, "portalPolicyNumber: they belong to several customers");
    else if (e->dn && l->by_uid.dn && strcmp(e->dn, l->by_uid.dn) == 0)
        return e;
    else if (e->dn && uid && strcasecmp(uid, uid_of(e)) != 0)
        bad(l, "portalPolicyNumber: it belongs to %.100s", uid_of(e));
    else if (e->dn)
        return e;
    else if (l->by_uid.dn && !l->by_uid.is_customer)
        bad(l, "uid: %.100s exists, and is no customer", uid);
    else if (l->by_uid.dn)
        return &l->by_uid;
    return NULL;
}

static int judge(struct importing *i, struct line *l)
{
    char names[DIFFERENCES_SIZE];
    const struct existing *e = meet(l);
    unsigned differences = e ? existing_differs(e, &l->customer) : 0;

    if (l->step == STEP_DONE)
        return 0;
    if (!e)
        return add(i, l);
    if (differences == 0) {
        done(l, OUTCOME_UNCHANGED);
    } else if (i->meeting == MEETING_KEEP) {
        done(l, OUTCOME_KEPT);
    } else if (i->meeting == MEETING_REFUSE) {
        differences_name(differences, names);
        bad(l, "%.100s exists and differs in %s (--update corrects it)", uid_of(e), names);
    } else if (!i->write) {
        done(l, OUTCOME_UPDATED);
    } else {
        l->step = STEP_WRITE;
        l->outcome = OUTCOME_UPDATED;
        return sent(i, existing_change(i->caller->ld, e, &l->customer, differences, &l->write_id));
    }
    return 0;
}

/* --- Answers --- */

static int take_found(struct importing *i, struct line *l, bool by_policy, LDAPMessage *message)
{
    LDAP *ld = i->caller->ld;
    struct existing *to = by_policy ? &l->by_policy : &l->by_uid;

    for (LDAPMessage *e = ldap_first_entry(ld, message); e; e = ldap_next_entry(ld, e)) {
        if (to->dn) {
            l->several = true;
            continue;
        }
        if (existing_read(ld, e, to) < 0)
            return lost(i, -EIO, "an entry can't be read");
    }
    return 0;
}

/* What stops everything, because it would be the same for each line to come. */
static bool is_hopeless(int code)
{
    return code == LDAP_INSUFFICIENT_ACCESS || code == LDAP_STRONG_AUTH_REQUIRED ||
           code == LDAP_UNAVAILABLE || code == LDAP_REFERRAL;
}

static int take_look(struct importing *i, struct line *l, bool by_policy, LDAPMessage *message)
{
    char said[CALLER_SAID_SIZE];
    int code = caller_result(i->caller, message, said);

    if (code != LDAP_SUCCESS && code != LDAP_SIZELIMIT_EXCEEDED &&
        (code != LDAP_NO_SUCH_OBJECT || by_policy))
        return lost(i, -EACCES, said);
    return take_found(i, l, by_policy, message);
}

static int take_write(struct importing *i, struct line *l, LDAPMessage *message)
{
    char said[CALLER_SAID_SIZE];
    int code = caller_result(i->caller, message, said);

    if (code == LDAP_SUCCESS) {
        done(l, l->outcome);
        return 0;
    }
    if (is_hopeless(code)) {
        done(l, OUTCOME_BAD);
        return lost(i, -EACCES, said);
    }
    bad(l, "the directory refuses it: %s", said);
    return 0;
}

static struct line *line_find(struct importing *i, int id)
{
    for (size_t n = 0; n < i->count; n++) {
        struct line *l = line_at(i, n);

        if (l->step != STEP_DONE && (l->uid_id == id || l->policy_id == id || l->write_id == id))
            return l;
    }
    return NULL;
}

static int take_answer(struct importing *i, LDAPMessage *message)
{
    int id = ldap_msgid(message), r;
    struct line *l = line_find(i, id);
    bool by_policy;

    if (!l) /* 0: a notice of disconnection */
        return id == 0 ? lost(i, -EHOSTDOWN, "the server has ended the connection") : 0;
    if (l->write_id == id)
        return take_write(i, l, message);
    by_policy = l->policy_id == id;
    if (by_policy)
        l->policy_id = -1;
    else
        l->uid_id = -1;
    r = take_look(i, l, by_policy, message);
    return r < 0 || l->policy_id >= 0 || l->uid_id >= 0 ? r : judge(i, l);
}

/* Whether SIGINT or SIGTERM came; takes it. */
static bool stop_asked(void)
{
    static const struct timespec at_once = {0};
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    return sigtimedwait(&set, NULL, &at_once) > 0;
}

/* One answer, of whichever line. */
static int await(struct importing *i, bool stops)
{
    LDAPMessage *message = NULL;
    long long begun = clock_monotonic_ms();
    int r = 0, type = 0;

    while (type == 0) {
        struct timeval limit = {.tv_usec = LOOK_MS * 1000};

        type = ldap_result(i->caller->ld, LDAP_RES_ANY, LDAP_MSG_ALL, &limit, &message);
        if (type == 0 && stops && stop_asked())
            return -EINTR;
        if (type == 0 && clock_monotonic_ms() - begun > SILENCE_MS)
            return lost(i, -EHOSTDOWN, "no answer for a minute");
    }
    if (type < 0) {
        ldap_get_option(i->caller->ld, LDAP_OPT_RESULT_CODE, &type);
        return lost(i, -EHOSTDOWN, ldap_err2string(type));
    }
    r = take_answer(i, message);
    ldap_msgfree(message);
    tell_done(i);
    return r;
}

/* --- Lines --- */

/* A place at the end of the ring. */
static int line_begin(struct importing *i, unsigned long number, struct line **ret)
{
    struct line *l;
    int r = 0;

    while (i->count == WINDOW && r == 0)
        r = await(i, true);
    if (r < 0 || stop_asked())
        return r < 0 ? r : -EINTR;
    l = line_at(i, i->count++);
    *l = (struct line){.number = number, .uid_id = -1, .policy_id = -1, .write_id = -1};
    *ret = l;
    return 0;
}

int importing_put(struct importing *i, unsigned long number, struct customer *customer,
                  enum outcome expect)
{
    struct line *l;
    int r = line_begin(i, number, &l);

    if (r < 0)
        return r;
    l->customer = *customer;
    *customer = (struct customer){0};
    switch (expect) {
    case OUTCOME_ADDED:
        r = add(i, l);
        break;
    case OUTCOME_UPDATED:
    case OUTCOMES:
        r = look(i, l);
        break;
    default:
        done(l, expect);
    }
    tell_done(i);
    return r;
}

int importing_put_bad(struct importing *i, unsigned long number, const char *why)
{
    struct line *l;
    int r = line_begin(i, number, &l);

    if (r < 0)
        return r;
    if (why)
        bad(l, "%s", why);
    else
        done(l, OUTCOME_BAD);
    tell_done(i);
    return 0;
}

int importing_drain(struct importing *i)
{
    int r = 0;

    while (i->count > 0 && (r == 0 || r == -EACCES)) {
        int next = await(i, false);

        r = next < 0 ? next : r;
    }
    return r;
}
