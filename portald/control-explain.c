/* `portalctl explain WHO`: collects what account_explain() decides on (directory, queue,
   throttles), as a login would see it, and tells what that found. */
#include "config.h"

#include "control.h"

#include "derive.h"
#include "explain.h"
#include "login.h"
#include "registration.h"
#include "texts.h"

#include "calendar.h"
#include "cleanup.h"
#include "clock.h"

#include <errno.h>
#include <sodium.h>
#include <stdio.h>

#define ATTEMPTS_DAYS  14
#define ATTEMPTS_PAGES 20 /* of QUEUE_LIST_MAX */
#define MAILS_MOST     20
#define ELSEWHERE      "in-use" /* mails to an address that are about somebody else's account */
#define SAID_SIZE      64

struct question {
    struct control *control;
    const char *who;
    struct entry *entry; /* or NULL */
    struct login login;  /* as if somebody logged in with the name */
    struct job_list jobs;
    char attempt_note[JOB_NOTE_SIZE];
    struct explain_facts facts;
    time_t now;
};

static void question_clear(struct question *q)
{
    q->entry = entry_free(q->entry);
    login_clear(&q->login);
    job_list_clear(&q->jobs);
}

static const struct manager *manager(const struct question *q)
{
    return q->control->worker->manager;
}

/* --- Who --- */

static bool is_address(const char *who)
{
    return strchr(who, '@') != NULL;
}

/* An address that no entry has as its own: whom mails to it were about. */
static int find_by_mails(struct question *q)
{
    const struct job *last = NULL;

    for (size_t i = 0; i < q->jobs.count; i++)
        if (*q->jobs.items[i].entry && strcmp(q->jobs.items[i].topic, ELSEWHERE) != 0)
            last = &q->jobs.items[i];
    return last ? directory_find(q->control->worker->directory, DIRECTORY_UUID, last->entry, true,
                                 q->control->request->deadline, &q->entry)
                : -ENOENT;
}

static int list_jobs(struct question *q, const char *entry, const char *address)
{
    struct queue_filter filter = {
        .kind = -1, .state = -1, .entry = entry, .address = address, .most = QUEUE_LIST_MAX};
    int r;

    job_list_clear(&q->jobs);
    q->jobs = (struct job_list){0};
    r = queue_list(manager(q)->queue, &filter, &q->jobs);
    q->facts.queue_unknown = r < 0;
    return r;
}

static void find_entry(struct question *q)
{
    struct explain_facts *f = &q->facts;
    char hash[JOB_HASH_SIZE], folded[MAIL_ADDRESS_SIZE];
    bool address = is_address(q->who) && login_name_read(q->who, folded) == 0;

    f->error = control_find(q->control, q->who, true, &q->entry);
    if (f->error == -ENOENT && address) {
        derive_address_hash(manager(q)->keys, folded, hash);
        if (list_jobs(q, NULL, hash) == 0)
            f->error = find_by_mails(q);
    }
    if (q->entry)
        list_jobs(q, q->entry->uuid, NULL);
    f->jobs = q->jobs.items;
    f->job_count = q->jobs.count;
}

/* --- What a login would see --- */

/* What was asked for, the account's address, or the one that waits to be confirmed. */
static void name_read(struct question *q)
{
    const struct entry *e = q->entry;
    const char *typed = is_address(q->who) ? q->who : e ? e->mail : NULL;

    if (!typed && e && e->pending_count > 0)
        typed = e->pending[e->pending_count - 1].address;
    if (!typed || login_name_read(typed, q->login.name) < 0)
        q->login.name[0] = '\0';
    q->facts.asked_by_name = is_address(q->who);
    q->facts.name = q->login.name;
}

static void totp_read(struct question *q)
{
    const struct entry *e = q->facts.login;
    uint8_t secret[TOTP_SECRET_BYTES];
    char why[TOTP_WHY_SIZE];
    int r;

    if (!e || !account_needs_code(e))
        return;
    r = totp_unseal(manager(q)->totp, e->uuid, e->totp_secret, e->totp_size, secret);
    sodium_memzero(secret, sizeof secret);
    q->facts.totp_unreadable = r < 0;
    if (r == 0)
        return;
    totp_explain(e->totp_secret, e->totp_size, r, why);
    snprintf(q->facts.totp_why, sizeof q->facts.totp_why, "%s", why);
}

/* The counters are read by the functions that a login reads them with. */
static void look_as_login(struct question *q)
{
    struct explain_facts *f = &q->facts;
    struct login *login = &q->login;
    struct entry *found = NULL;
    time_t wait = 0;

    if (!*login->name)
        return;
    f->login_error = directory_find(q->control->worker->directory, DIRECTORY_LOGIN, login->name,
                                    false, q->control->request->deadline, &found);
    entry_free(found);
    if (f->login_error == 0)
        f->login_error = login_find(login, false);
    f->login = login->entry;
    f->client_known = login->known;
    if (login_client_full(login, &wait))
        f->client_full = q->now + wait;
    for (int factor = 0; factor < FACTORS; factor++)
        f->failures[factor] = login_failures(login, (enum entry_factor)factor);
    totp_read(q);
}

/* --- Registrations that led to nothing --- */

static bool is_asked_policy(const struct question *q, const char *subject)
{
    char policy[POLICY_NUMBER_SIZE], tried[POLICY_NUMBER_SIZE];

    if (policy_number_read(subject, tried) < 0)
        return false;
    for (char **p = q->entry ? q->entry->policies : NULL; p && *p; p++)
        if (strcmp(*p, tried) == 0)
            return true;
    return !q->entry && policy_number_read(q->who, policy) == 0 && strcmp(policy, tried) == 0;
}

static void take_attempts(struct question *q, const struct job_list *jobs)
{
    for (size_t i = 0; i < jobs->count; i++) {
        const struct job *job = &jobs->items[i];
        if (strcmp(job->topic, "registration") != 0 || !is_asked_policy(q, job->subject))
            continue;
        q->facts.attempts++;
        q->facts.attempted = job->created;
        snprintf(q->attempt_note, sizeof q->attempt_note, "%s", job->note);
        q->facts.attempt_note = q->attempt_note;
    }
}

static void look_for_attempts(struct question *q)
{
    char after[ULID_SIZE];
    bool more = true;

    if ((q->entry && q->entry->state != ACCOUNT_PROVISIONED) || is_address(q->who))
        return;
    ulid_make((int64_t)(q->now - ATTEMPTS_DAYS * DAY) * 1000, after);
    for (int page = 0; page < ATTEMPTS_PAGES && more; page++) {
        _cleanup_(job_list_clear) struct job_list jobs = {0};
        struct queue_filter filter = {
            .kind = JOB_REGISTRATION, .state = -1, .after = after, .most = QUEUE_LIST_MAX};

        if (queue_list(manager(q)->queue, &filter, &jobs) < 0)
            return;
        take_attempts(q, &jobs);
        more = jobs.count == QUEUE_LIST_MAX;
        if (more)
            memcpy(after, jobs.items[jobs.count - 1].id, sizeof after);
    }
}

/* --- The report --- */

/* What comes from elsewhere may be no UTF-8. */
static json_t *safe(const char *text)
{
    json_t *json = json_string(text ? text : "");

    return json ? json : json_string("(not UTF-8)");
}

static json_t *said(const struct explain_finding *f, const char *language)
{
    const struct explain_rule *rule = &explain_rules[f->reason];
    char when[SAID_SIZE] = "", day[CALENDAR_DAY_SIZE], line[TEXT_SIZE];

    switch (rule->names) {
    case EXPLAIN_NAMES_NOTHING:
        return safe(text(language, rule->say));
    case EXPLAIN_NAMES_DAY:
        calendar_day(f->when, day);
        calendar_say_day(day, language, when, sizeof when);
        break;
    case EXPLAIN_NAMES_TIME:
        calendar_say_time(f->when, language, when, sizeof when);
        break;
    case EXPLAIN_NAMES_END:
        calendar_say_time(f->when + MINUTE - 1, language, when, sizeof when);
    }
    /* A unit test holds each sentence to the one place that it has. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    text_format(line, sizeof line, language, rule->say, when);
#pragma GCC diagnostic pop
    return safe(line);
}

/* Only what the account's state allows is worth saying. */
static json_t *wish_json(const struct question *q, const struct explain_rule *rule)
{
    int wish = rule->wish ? account_wish_read(rule->wish) : -EINVAL;

    return q->entry && wish >= 0 && !account_wish_refused(q->entry, (enum account_wish)wish)
               ? json_string(rule->wish)
               : json_null();
}

static json_t *findings_json(const struct question *q, const struct explanation *x)
{
    json_t *list = json_array();

    for (size_t i = 0; i < x->count; i++) {
        const struct explain_finding *f = &x->findings[i];
        const struct explain_rule *rule = &explain_rules[f->reason];

        json_array_append_new(
            list,
            json_pack("{s:s, s:s, s:s, s:o, s:o, s:i, s:{s:o, s:o}, s:o, s:b, s:s?}", "reason",
                      rule->word, "effect", explain_effect_word(rule->effect), "what", rule->what,
                      "detail", safe(f->detail), "when", control_time(f->when), "count",
                      (int)f->count, "say", "de", said(f, "de"), "en", said(f, "en"), "wish",
                      wish_json(q, rule), "allowed",
                      rule->wish && control_may_wish(q->control, rule->wish), "help", rule->help));
    }
    return list;
}

static json_t *deadlines_json(const struct explanation *x)
{
    json_t *list = json_array();

    for (size_t i = 0; i < x->deadline_count; i++)
        json_array_append_new(list, json_pack("{s:s, s:I, s:o}", "what", x->deadlines[i].what,
                                              "until", (json_int_t)x->deadlines[i].when, "detail",
                                              safe(x->deadlines[i].detail)));
    return list;
}

static json_t *mails_json(const struct question *q)
{
    json_t *list = json_array();
    size_t left = 0;

    for (size_t i = 0; i < q->jobs.count; i++)
        left += q->jobs.items[i].kind == JOB_MAIL;
    for (size_t i = 0; i < q->jobs.count; i++) {
        const struct job *job = &q->jobs.items[i];
        if (job->kind == JOB_MAIL && left-- <= MAILS_MOST)
            json_array_append_new(list, json_pack("{s:s, s:s, s:o, s:I, s:o, s:s}", "topic",
                                                  job->topic, "state", job_state_word(job->state),
                                                  "note", safe(job->note), "time",
                                                  (json_int_t)job->created, "happened",
                                                  control_time(job->happened), "job", job->id));
    }
    return list;
}

static const char *verdict_word(enum wire_verdict verdict)
{
    static const struct {
        enum wire_verdict verdict;
        const char *word;
    } words[] = {
        {WIRE_OK, "ok"},
        {WIRE_WRONG, "wrong"},
        {WIRE_THROTTLED, "throttled"},
        {WIRE_BLOCKED, "blocked"},
        {WIRE_EXPIRED, "expired"},
        {WIRE_NEW_PASSWORD, "new-password"},
        {WIRE_NOT_CONFIRMED, "not-confirmed"},
        {WIRE_LOCKED, "locked"},
        {WIRE_CLOSED, "closed"},
        {WIRE_UNKNOWN, "unknown"},
        {WIRE_UNAVAILABLE, "unavailable"},
    };

    for (size_t i = 0; i < ELEMENTS(words); i++)
        if (words[i].verdict == verdict)
            return words[i].word;
    return "other";
}

static json_t *report(const struct question *q, const struct explanation *x)
{
    const struct entry *e = q->entry;
    json_t *r = json_pack("{s:s, s:b, s:s, s:s, s:b, s:s, s:o, s:o, s:o, s:s}", "who", q->who,
                          "found", e != NULL, "login", verdict_word(x->login), "account",
                          verdict_word(x->account), "code", x->code, "name", q->facts.name,
                          "findings", findings_json(q, x), "deadlines", deadlines_json(x), "mails",
                          mails_json(q), "language", e ? e->language : "de");

    if (!r || !e)
        return r;
    json_object_set_new(r, "uid", safe(e->uid));
    json_object_set_new(r, "customer", safe(e->name));
    json_object_set_new(r, "state", json_string(account_state_word(e->state)));
    json_object_set_new(r, "mail", e->mail ? safe(e->mail) : json_null());
    json_object_set_new(r, "last_login", control_time(e->last_login));
    json_object_set_new(r, "letters", control_letters(e));
    return r;
}

json_t *control_explain(struct control *control)
{
    _cleanup_(question_clear) struct question q = {.control = control, .now = clock_now()};
    const char *client = control_string(control, "client");
    struct explanation x;

    q.who = control_string(control, "who");
    if (!q.who || !*q.who)
        return control_refuse(control, 2, "Say whom: an e-mail address, a policy number or a uid");
    q.login = (struct login){.worker = control->worker,
                             .manager = control->worker->manager,
                             .request = control->request,
                             .now = q.now};
    if (client)
        throttle_client(client, q.login.client);
    if (client && !*q.login.client)
        return control_refuse(control, 2, "--client needs a network address, IPv4 or IPv6");
    memcpy(q.login.known_as, q.login.client, sizeof q.login.known_as);
    find_entry(&q);
    name_read(&q);
    look_as_login(&q);
    look_for_attempts(&q);
    account_explain(&manager(&q)->settings->rules, q.entry, &q.facts, q.now, &x);
    return report(&q, &x);
}
