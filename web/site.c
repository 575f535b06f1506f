/* What portald says of the site; site_get() is the way in. One thread asks again while the others
   go on with the copy that is there. */
#include "config.h"

#include "site.h"

#include "portald.h"
#include "web.h"

#include "clock.h"

#include <errno.h>
#include <jansson.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

struct site {
    pthread_mutex_t lock;
    struct site_facts *facts; /* NULL until portald has answered once */
    int64_t asked;            /* clock_monotonic_ms() */
    bool asking;
};

int site_new(struct site **ret)
{
    struct site *site = calloc(1, sizeof *site);

    if (!site)
        return -ENOMEM;
    pthread_mutex_init(&site->lock, NULL);
    *ret = site;
    return 0;
}

struct site *site_free(struct site *site)
{
    if (!site)
        return NULL;
    site_facts_free(site->facts);
    pthread_mutex_destroy(&site->lock);
    free(site);
    return NULL;
}

/* One set of facts for all pages that show them: the texts in it may be long. */
struct shared {
    struct site_facts facts; /* first: what callers hold */
    atomic_uint holders;
};

struct site_facts *site_facts_free(struct site_facts *facts)
{
    struct shared *shared = (struct shared *)facts;

    if (!facts || atomic_fetch_sub(&shared->holders, 1) > 1)
        return NULL;
    free(facts->company);
    free(facts->support);
    free(facts->privacy.version);
    free(facts->privacy.text);
    free(facts->terms.version);
    free(facts->terms.text);
    free(shared);
    return NULL;
}

/* All or nothing; one holder. */
static int facts_copy(const struct site_facts *from, struct site_facts **ret)
{
    struct shared *shared = malloc(sizeof *shared);
    _cleanup_(site_facts_free_p) struct site_facts *facts = NULL;

    if (!shared)
        return -ENOMEM;
    atomic_init(&shared->holders, 1);
    facts = &shared->facts;
    *facts = *from;
    facts->company = strdup(from->company);
    facts->support = strdup(from->support);
    facts->privacy.version = strdup(from->privacy.version);
    facts->privacy.text = strdup(from->privacy.text);
    facts->terms.version = strdup(from->terms.version);
    facts->terms.text = strdup(from->terms.text);
    if (!facts->company || !facts->support || !facts->privacy.version || !facts->privacy.text ||
        !facts->terms.version || !facts->terms.text)
        return -ENOMEM;
    *ret = TAKE(facts);
    return 0;
}

/* Borrows json's strings. */
static int facts_unpack(json_t *json, struct site_facts *ret)
{
    json_int_t least, most, link, code, initial, session;

    if (json_unpack(json,
                    "{s:s, s:s, s:{s:s, s:s}, s:{s:s, s:s}, s:{s:I, s:I}, s:I, s:I, s:I, s:I}",
                    "company", &ret->company, "support", &ret->support, "privacy", "version",
                    &ret->privacy.version, "text", &ret->privacy.text, "terms", "version",
                    &ret->terms.version, "text", &ret->terms.text, "password", "least", &least,
                    "most", &most, "link_hours", &link, "code_minutes", &code, "initial_days",
                    &initial, "session_seconds", &session) < 0)
        return -EPROTO;
    ret->password_least = (long)least;
    ret->password_most = (long)most;
    ret->link_hours = (long)link;
    ret->code_minutes = (long)code;
    ret->initial_days = (long)initial;
    ret->session_seconds = (long)session;
    return 0;
}

static int facts_read(const struct answer *answer, struct site_facts **ret)
{
    struct site_facts borrowed;
    const uint8_t *text;
    size_t size;
    json_t *json;
    int r;

    if (answer->verdict != WIRE_OK)
        return -ECOMM;
    if (wire_get(&answer->reply.frame, WIRE_JSON, &text, &size) < 0 ||
        !(json = json_loadb((const char *)text, size, 0, NULL)))
        return -EPROTO;
    r = facts_unpack(json, &borrowed);
    if (r == 0)
        r = facts_copy(&borrowed, ret);
    json_decref(json);
    return r;
}

static int ask(struct web *web, const struct request *request, struct site_facts **ret)
{
    _cleanup_(wire_writer_clear) struct wire_writer w;
    _cleanup_(answer_clear) struct answer answer;

    ask_begin(&w, request, WIRE_SITE);
    ask_send(web, request, &w, &answer);
    return facts_read(&answer, ret);
}

/* Whether this thread is to ask: what is there is old, or nothing is; one thread at a time, but all
   of them until there has been a first answer. */
static bool is_due(struct site *site, int64_t now)
{
    bool due;

    pthread_mutex_lock(&site->lock);
    if (site->asked == 0)
        due = true;
    else
        due = !site->asking &&
              now - site->asked >= (site->facts ? SITE_SECONDS : SITE_RETRY_SECONDS) * 1000;
    if (due)
        site->asking = true;
    pthread_mutex_unlock(&site->lock);
    return due;
}

/* Without an answer the old copy stays, and is as good as new for as long. */
static void note(struct site *site, struct site_facts *fresh, int64_t now)
{
    _cleanup_(site_facts_free_p) struct site_facts *old = NULL;

    pthread_mutex_lock(&site->lock);
    site->asking = false;
    site->asked = now;
    if (fresh) {
        old = site->facts;
        site->facts = fresh;
    }
    pthread_mutex_unlock(&site->lock);
}

int site_get(struct web *web, const struct request *request, struct site_facts **ret)
{
    struct site *site = web->site;
    struct site_facts *fresh = NULL;
    int r = -ENODATA;

    if (is_due(site, clock_monotonic_ms())) {
        r = ask(web, request, &fresh);
        note(site, fresh, clock_monotonic_ms());
    }
    pthread_mutex_lock(&site->lock);
    if (site->facts) {
        atomic_fetch_add(&((struct shared *)site->facts)->holders, 1);
        *ret = site->facts;
        r = 0;
    }
    pthread_mutex_unlock(&site->lock);
    return r;
}
