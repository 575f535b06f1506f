/* What there is to say about an account: one function for each group of reasons, in the order in
   which support wants to hear them; account_explain() is the way in. No I/O, no clock. */
#include "config.h"

#include "explain.h"

#include "account-letter.h"

#include "calendar.h"
#include "cleanup.h"

#include <errno.h>
#include <stdio.h>
#include <strings.h>

struct explaining {
    const struct account_rules *rules;
    const struct entry *entry; /* or NULL */
    const struct explain_facts *facts;
    time_t now;
    struct explanation *out;
};

/* --- What a login would answer --- */

static bool waits(const struct explaining *x, enum entry_factor factor)
{
    time_t wait = 0;

    return account_attempt(x->rules, &x->facts->failures[factor], x->now, &wait) != ATTEMPT_VERIFY;
}

static bool cannot_ask(int error)
{
    return error < 0 && error != -ENOENT && error != -ENOTUNIQ;
}

/* In the order of login.c and auth.c: throttles before anything else. Nobody, not even portald, may
   read userPassword: that there is one is taken for granted. */
static enum wire_verdict login_verdict(const struct explaining *x)
{
    const struct explain_facts *f = x->facts;
    enum wire_verdict verdict;

    if (cannot_ask(f->error) || cannot_ask(f->login_error))
        return WIRE_UNAVAILABLE;
    if (!*f->name)
        return WIRE_WRONG;
    if (f->client_full > x->now || waits(x, FACTOR_PASSWORD))
        return WIRE_THROTTLED;
    if (!account_has_login(f->login) ||
        (x->entry && (x->entry->pwd_locked || strcmp(x->entry->uuid, f->login->uuid) != 0)))
        return WIRE_WRONG;
    verdict = account_login(f->login, x->now);
    if (verdict != WIRE_OK || !account_needs_code(f->login))
        return verdict;
    return waits(x, FACTOR_TOTP) ? WIRE_THROTTLED : f->totp_unreadable ? WIRE_UNAVAILABLE : WIRE_OK;
}

/* With the counters of the client, where it has its own, as auth.c takes them. */
static enum wire_verdict account_verdict(const struct explaining *x)
{
    const struct explain_facts *f = x->facts;
    struct entry seen;

    if (cannot_ask(f->error) || cannot_ask(f->login_error))
        return WIRE_UNAVAILABLE;
    if (!*f->name || !f->login)
        return WIRE_UNKNOWN;
    seen = *f->login;
    if (f->client_known)
        memcpy(seen.failures, f->failures, sizeof seen.failures);
    return account_access(x->rules, &seen, x->now);
}

/* --- Putting findings together --- */

static struct explain_finding *find(struct explaining *x, enum explain_reason reason, time_t when,
                                    const char *detail)
{
    struct explanation *out = x->out;
    struct explain_finding *f;

    for (size_t i = 0; i < out->count; i++)
        if (out->findings[i].reason == reason)
            return &out->findings[i];
    f = &out->findings[out->count++];
    *f = (struct explain_finding){.reason = reason, .when = when};
    snprintf(f->detail, sizeof f->detail, "%s", detail ? detail : "");
    return f;
}

static bool found(const struct explaining *x, enum explain_reason reason)
{
    for (size_t i = 0; i < x->out->count; i++)
        if (x->out->findings[i].reason == reason)
            return true;
    return false;
}

static void runs(struct explaining *x, const char *what, time_t when, const char *detail)
{
    struct explain_deadline *d;

    if (when <= x->now || x->out->deadline_count == EXPLAIN_DEADLINES_MAX)
        return;
    d = &x->out->deadlines[x->out->deadline_count++];
    *d = (struct explain_deadline){.what = what, .when = when};
    snprintf(d->detail, sizeof d->detail, "%s", detail ? detail : "");
}

static bool in_state(const struct explaining *x, enum account_state state)
{
    return x->entry && !x->entry->malformed && x->entry->state == state;
}

/* --- Who --- */

static void explain_place(struct explaining *x)
{
    const struct explain_facts *f = x->facts;

    if (cannot_ask(f->error) || cannot_ask(f->login_error))
        find(x, EXPLAIN_DIRECTORY, 0, NULL);
    if (f->queue_unknown)
        find(x, EXPLAIN_QUEUE, 0, NULL);
}

static void explain_who(struct explaining *x)
{
    const struct explain_facts *f = x->facts;

    if (f->error == -ENOENT)
        find(x, EXPLAIN_UNKNOWN, 0, NULL);
    if (f->error == -ENOTUNIQ || f->login_error == -ENOTUNIQ)
        find(x, EXPLAIN_SEVERAL, 0, f->name);
    if (f->attempts > 0 && (!x->entry || in_state(x, ACCOUNT_PROVISIONED)))
        find(x, EXPLAIN_ATTEMPTED, f->attempted, f->attempt_note)->count = f->attempts;
}

/* Whether the address that was asked for is another one than the account's. A pending account has
   none yet. */
static bool asked_elsewhere(const struct explaining *x)
{
    const struct entry *e = x->entry;

    return x->facts->asked_by_name && account_has_login(e) && e->mail &&
           strcasecmp(e->mail, x->facts->name) != 0;
}

static void explain_address(struct explaining *x)
{
    const struct explain_facts *f = x->facts;
    const struct entry *e = x->entry;

    if (!account_has_login(e))
        return;
    if (!e->mail && (in_state(x, ACCOUNT_LOCKED) || in_state(x, ACCOUNT_CLOSED)))
        return; /* it may have been locked before it ever had one, and is another matter then */
    if (!e->mail)
        find(x, EXPLAIN_MAIL_MISSING, 0, NULL);
    else if (!*f->name)
        find(x, EXPLAIN_MAIL_UNFIT, 0, e->mail);
    else if (asked_elsewhere(x))
        find(x, EXPLAIN_OTHER_ADDRESS, 0, NULL);
    else if (f->login && strcmp(f->login->uuid, e->uuid) != 0)
        find(x, EXPLAIN_OTHER_ENTRY, 0, f->login->uid);
}

static void explain_malformed(struct explaining *x)
{
    const struct entry *e = x->entry;
    char detail[EXPLAIN_DETAIL_SIZE];

    if (!e || !*e->problem)
        return;
    snprintf(detail, sizeof detail, "%s%s%s%s", e->problem, *e->problem_value ? ", found \"" : "",
             e->problem_value, *e->problem_value ? "\"" : "");
    find(x, e->malformed ? EXPLAIN_MALFORMED : EXPLAIN_MALFORMED_ELSE, 0, detail);
}

/* --- Before the first letter --- */

static const struct job *last_job(const struct explaining *x, enum job_kind kind, const char *topic)
{
    const struct job *last = NULL;

    for (size_t i = 0; i < x->facts->job_count; i++) {
        const struct job *job = &x->facts->jobs[i];
        if (job->kind == kind && (!topic || strcmp(job->topic, topic) == 0) &&
            (!last || strcmp(job->id, last->id) > 0))
            last = job;
    }
    return last;
}

static const struct entry_pending *last_link(const struct entry *e)
{
    const struct entry_pending *last = NULL;

    for (size_t i = 0; i < e->pending_count; i++)
        if (!last || e->pending[i].expires > last->expires)
            last = &e->pending[i];
    return last;
}

/* A change of address: the one that waits, and those that can undo one. */
static void explain_moves(struct explaining *x)
{
    const struct entry *e = x->entry;

    if (!e || e->malformed)
        return;
    for (size_t i = 0; i < e->pending_count; i++)
        if (e->pending[i].kind == LINK_CHANGE && account_link_open(e, &e->pending[i]))
            runs(x, "new-mail", e->pending[i].expires, e->pending[i].address);
    for (size_t i = 0; i < e->former_count; i++)
        runs(x, "mail-undo", e->formers[i].until, e->formers[i].address);
}

/* What became of its mail decides; where the queue has forgotten that, the link's own time. */
static void explain_link(struct explaining *x)
{
    static const char bounced[] = "bounced";
    const struct job *mail = last_job(x, JOB_MAIL, "confirm");
    const struct entry_pending *link;

    if (!in_state(x, ACCOUNT_PENDING))
        return;
    link = last_link(x->entry);
    if (!link)
        find(x, EXPLAIN_LINK_NEVER, 0, NULL);
    else if (x->now >= link->expires)
        find(x, EXPLAIN_LINK_EXPIRED, link->expires, link->address);
    else if (mail && (mail->state == JOB_FAILED || mail->state == JOB_WITHDRAWN))
        find(x,
             strncmp(mail->note, bounced, strlen(bounced)) == 0 ? EXPLAIN_LINK_BOUNCED
                                                                : EXPLAIN_LINK_FAILED,
             mail->happened, mail->note);
    else if (mail && mail->state != JOB_DONE)
        find(x, EXPLAIN_LINK_WAITING, mail->due, mail->note);
    else
        find(x, EXPLAIN_LINK_RUNNING, link->expires, link->address);
    for (size_t i = 0; i < x->entry->pending_count; i++)
        runs(x, "link", x->entry->pending[i].expires, x->entry->pending[i].address);
}

/* --- The initial password --- */

/* Until when the letter isn't handed out for printing; 0: it may be. */
static time_t held_until(const struct explaining *x, const struct entry_letter *letter)
{
    for (size_t i = 0; i < x->facts->job_count; i++) {
        const struct job *job = &x->facts->jobs[i];
        if (strcmp(job->id, letter->job) == 0 && job->state == JOB_READY && job->due > x->now)
            return job->due;
    }
    return 0;
}

static void explain_posted(struct explaining *x, const struct entry_letter *letter)
{
    time_t expected = calendar_end_of_day(letter->time, (int)x->rules->delivery_days);

    find(x, x->now <= expected ? EXPLAIN_LETTER_POSTED : EXPLAIN_LETTER_DUE,
         x->now <= expected ? expected : letter->time, letter->job);
    runs(x, "letter-expected", expected, letter->job);
}

static void explain_letter(struct explaining *x)
{
    static const struct {
        const char *state;
        enum explain_reason reason;
    } lives[] = {
        {"queued", EXPLAIN_LETTER_QUEUED},     {"claimed", EXPLAIN_LETTER_QUEUED},
        {"printed", EXPLAIN_LETTER_PRINTED},   {"uncertain", EXPLAIN_LETTER_UNSURE},
        {"withdrawn", EXPLAIN_LETTER_MISSING},
    };
    const struct entry_letter *letter;
    time_t held;

    if (!in_state(x, ACCOUNT_INITIAL))
        return;
    letter = account_letter_of_password(x->entry);
    held = letter ? held_until(x, letter) : 0;
    if (!letter) {
        find(x, EXPLAIN_LETTER_MISSING, 0, NULL);
    } else if (strcmp(letter->state, "posted") == 0) {
        explain_posted(x, letter);
    } else if (strcmp(letter->state, "returned") == 0) {
        /* Its password was made to end then. */
        if (x->now > x->entry->initial_expires)
            find(x, EXPLAIN_LETTER_RETURNED, letter->time, letter->job);
    } else if (held) {
        find(x, EXPLAIN_LETTER_HELD, held, letter->job);
        runs(x, "letter-waits", held, letter->job);
    } else {
        for (size_t i = 0; i < ELEMENTS(lives); i++)
            if (strcmp(lives[i].state, letter->state) == 0)
                find(x, lives[i].reason, letter->time, letter->job);
    }
}

static void explain_password(struct explaining *x)
{
    const struct entry *e = x->entry;

    if (!account_has_login(e))
        return;
    if (e->pwd_locked)
        find(x, EXPLAIN_SLAPD_LOCKED, 0, e->pwd_locked);
    if (e->state == ACCOUNT_ACTIVE)
        find(x, EXPLAIN_PERSONAL, e->password_changed, NULL);
    if (e->state != ACCOUNT_INITIAL)
        return;
    if (x->now <= e->initial_expires)
        find(x, EXPLAIN_INITIAL, e->initial_expires, NULL);
    else if (!found(x, EXPLAIN_LETTER_RETURNED))
        find(x, EXPLAIN_EXPIRED, e->initial_expires, NULL);
    runs(x, "initial-password", e->initial_expires, NULL);
    if (x->rules->remind > 0)
        runs(x, "reminder", e->initial_expires - x->rules->remind, e->mail);
}

static void explain_state(struct explaining *x)
{
    if (in_state(x, ACCOUNT_PROVISIONED))
        find(x, EXPLAIN_PROVISIONED, 0, NULL);
    if (in_state(x, ACCOUNT_LOCKED))
        find(x, EXPLAIN_LOCKED, 0, x->entry->lock_reason);
    if (in_state(x, ACCOUNT_CLOSED))
        find(x, EXPLAIN_CLOSED, 0, x->entry->lock_reason);
}

/* --- Counters --- */

static const struct {
    enum explain_reason waiting, blocked;
    const char *deadline;
} counters[FACTORS] = {
    [FACTOR_PASSWORD] = {EXPLAIN_PASSWORD_WAITING, EXPLAIN_PASSWORD_BLOCKED, "password-retry"},
    [FACTOR_TOTP] = {EXPLAIN_CODE_WAITING, EXPLAIN_CODE_BLOCKED, "code-retry"},
    [FACTOR_PUK] = {EXPLAIN_PUK_WAITING, EXPLAIN_PUK_BLOCKED, "puk-retry"},
};

/* Only where TOTP is set up, its counter matters. */
static void explain_counter(struct explaining *x, enum entry_factor factor)
{
    const struct entry_failures *f = &x->facts->failures[factor];
    time_t wait = 0;

    if (factor == FACTOR_TOTP && !(x->facts->login && account_needs_code(x->facts->login)))
        return;
    switch (account_attempt(x->rules, f, x->now, &wait)) {
    case ATTEMPT_BLOCKED:
        find(x, counters[factor].blocked, 0, NULL)->count = f->count;
        break;
    case ATTEMPT_WAIT:
        find(x, counters[factor].waiting, f->retry_after, NULL)->count = f->count;
        runs(x, counters[factor].deadline, f->retry_after, NULL);
        break;
    case ATTEMPT_VERIFY:
        if (f->count > 0 && factor != FACTOR_PUK)
            find(x, EXPLAIN_FAILURES, 0, NULL)->count += f->count;
    }
}

static void explain_counters(struct explaining *x)
{
    const struct explain_facts *f = x->facts;

    if (!*f->name)
        return;
    if (f->client_full > x->now) {
        find(x, EXPLAIN_CLIENT_FULL, f->client_full, NULL);
        runs(x, "client-retry", f->client_full, NULL);
    }
    for (int factor = 0; factor < FACTORS; factor++)
        explain_counter(x, (enum entry_factor)factor);
    if (f->client_known)
        find(x, EXPLAIN_KNOWN_CLIENT, 0, NULL);
}

/* --- What else it takes, and what gets people back in --- */

static void explain_totp(struct explaining *x)
{
    if (!account_has_login(x->facts->login) || !account_needs_code(x->facts->login))
        return;
    if (x->facts->totp_unreadable)
        find(x, EXPLAIN_TOTP_UNREADABLE, 0, x->facts->totp_why);
    else
        find(x, EXPLAIN_TOTP, 0, NULL);
}

static void explain_puk(struct explaining *x)
{
    const struct entry_letter *letter = account_letter_of_puk(x->entry);

    if (!x->entry->puk)
        find(x, EXPLAIN_PUK_MISSING, 0, NULL);
    else if (letter && strcmp(letter->state, "returned") == 0)
        find(x, EXPLAIN_PUK_RETURNED, letter->time, letter->job);
    else if (account_puk_awaited(x->rules, letter, x->now))
        find(x, EXPLAIN_PUK_SENT, letter->time, letter->job);
    else if (!found(x, EXPLAIN_PUK_BLOCKED))
        find(x, EXPLAIN_PUK, 0, NULL);
}

static void explain_recovery(struct explaining *x)
{
    const struct entry *e = x->entry;
    time_t wait = 0;

    if (!in_state(x, ACCOUNT_ACTIVE))
        return;
    explain_puk(x);
    if (account_attempt_code(x->rules, e, x->now, &wait) != ATTEMPT_VERIFY)
        find(x, EXPLAIN_MAILED_WAITING, x->now + wait, NULL)->count = e->code.tries;
    else if (*e->code.hash && e->code.expires > x->now)
        find(x, EXPLAIN_MAILED_CODE, e->code.expires, NULL);
    if (*e->code.hash)
        runs(x, "mailed-code", e->code.expires, NULL);
}

/* The link's mail is explain_link()'s. */
static void explain_mails(struct explaining *x)
{
    const struct job *last = last_job(x, JOB_MAIL, NULL);

    if (last && last->state == JOB_FAILED && account_has_login(x->entry))
        find(x, EXPLAIN_BOUNCING, last->happened, last->note);
    for (size_t i = 0; i < x->facts->job_count; i++) {
        const struct job *job = &x->facts->jobs[i];
        if (job->kind == JOB_MAIL && job->state == JOB_READY)
            runs(x, "mail-retry", job->due, job->topic);
    }
}

/* --- All of it --- */

/* What stops a login comes first; otherwise the order stays. */
static void sort(struct explanation *out)
{
    struct explain_finding sorted[EXPLAIN_REASONS];
    size_t n = 0;

    for (int effect = 0; effect < EXPLAIN_EFFECTS; effect++)
        for (size_t i = 0; i < out->count; i++)
            if ((int)explain_rules[out->findings[i].reason].effect == effect)
                sorted[n++] = out->findings[i];
    memcpy(out->findings, sorted, n * sizeof *sorted);
}

/* A login reads a part of an entry only: what it doesn't see doesn't stop it. */
static struct entry as_login_sees(const struct entry *entry, const struct entry *login)
{
    struct entry view = *entry;

    if (login && strcmp(login->uuid, entry->uuid) == 0)
        view.malformed = login->malformed;
    return view;
}

void account_explain(const struct account_rules *rules, const struct entry *entry,
                     const struct explain_facts *facts, time_t now, struct explanation *ret)
{
    static void (*const groups[])(struct explaining *) = {
        explain_place, explain_who,      explain_state,  explain_address,  explain_malformed,
        explain_link,  explain_moves,    explain_letter, explain_password, explain_counters,
        explain_totp,  explain_recovery, explain_mails,
    };
    struct explaining x = {.rules = rules, .facts = facts, .now = now, .out = ret};
    struct entry view;

    if (entry) {
        view = as_login_sees(entry, facts->login);
        x.entry = &view;
    }
    *ret = (struct explanation){.code = facts->login && account_needs_code(facts->login)};
    for (size_t i = 0; i < ELEMENTS(groups); i++)
        groups[i](&x);
    ret->login = login_verdict(&x);
    ret->account = account_verdict(&x);
    sort(ret);
}
