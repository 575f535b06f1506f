/* The rules that an entry must keep: a table of what each state must and must not have, then one
   function for each kind of contradiction. No I/O, no clock. */
#include "config.h"

#include "lint.h"

#include "address.h"
#include "calendar.h"
#include "cleanup.h"
#include "postal.h"
#include "secret.h"

#include <stdarg.h>
#include <stdio.h>

#define SKEW     (5 * MINUTE) /* of clocks; and what happens while an entry is looked at */
#define JOB_DAYS 30           /* portalJob is swept after so long */

const struct lint_words lint_words[LINT_RULES] = {
    [LINT_MALFORMED] = {"malformed", "a value can't be understood",
                        "correct or delete the value with ldapmodify"},
    [LINT_MISSING] = {"missing", "an attribute that this state needs isn't there",
                      "'portalctl explain' says what helps the customer"},
    [LINT_EXCESS] = {"excess", "an attribute that this state must not have",
                     "delete it, or correct portalState, with ldapmodify"},
    [LINT_LOCK_REASON] =
        {"lock-reason", "it doesn't say what the account was before",
         "'portalctl unlock' or 'reopen' guesses the state; look at it afterwards"},
    [LINT_MAIL_UNFIT] = {"mail-unfit", "mail isn't an address that one could log in with",
                         "correct mail with ldapmodify"},
    [LINT_MAIL_DOUBLE] = {"mail-double", "another entry has the same address",
                          "take mail out of the wrong one; is the unique overlay on?"},
    [LINT_POLICY_DOUBLE] = {"policy-double", "another entry has the same policy number",
                            "take it out of the wrong one; is the unique overlay on?"},
    [LINT_TIMES] = {"times", "times contradict each other or the rules",
                    "correct the attribute with ldapmodify; is a clock wrong?"},
    [LINT_COUNTERS] = {"counters", "counters contradict each other", "portalctl unblock"},
    [LINT_ADDRESS] = {"address", "no letter can be addressed to it",
                      "correct postalAddress with ldapmodify: up to six lines"},
    [LINT_TOTP] = {"totp", "the secret of the authenticator app can't be opened",
                   "give back the key to [keys] totp, or portalctl totp-off"},
    [LINT_WEAK_HASH] = {"weak-hash", "a hash is weaker than those made now",
                        "of the PUK: 'portalctl letter' makes a new one"},
    [LINT_LETTER_LOST] = {"letter-lost", "a letter that hasn't ended has no job in the queue",
                          "'portalctl letter' sends a new one"},
    [LINT_JOB_LOST] = {"job-lost", "portalJob names a job that the queue doesn't have",
                       "delete the value with ldapmodify"},
    [LINT_JOB_OLD] = {"job-old", "portalJob names a job of more than 30 days ago",
                      "delete the value with ldapmodify"},
    [LINT_REQUEST] = {"request", "portalRequest holds a wish that nobody fulfils",
                      "is the watcher connected? 'portalctl status'; else delete the value"},
    [LINT_ENTRY_GONE] = {"entry-gone", "a job that hasn't ended is about an entry that has gone",
                         "portalctl queue drop"},
    [LINT_STAGED] = {"staged", "a job waits for its LDAP write longer than it may",
                     "can portald ask the directory? 'portalctl status'"},
    [LINT_DAMAGED] = {"damaged", "a job can't be what was written",
                      "see DAMAGE in portald(8); then portalctl queue drop"},
};

struct linting {
    const struct account_rules *rules;
    const struct entry *entry;
    const struct lint_facts *facts;
    time_t now;
    lint_report *report;
    void *userdata;
};

static void tell(const struct linting *l, enum lint_rule rule, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static void tell(const struct linting *l, enum lint_rule rule, const char *format, ...)
{
    struct lint_finding f = {.rule = rule};
    va_list arguments;

    snprintf(f.entry, sizeof f.entry, "%s", l->entry->uid);
    va_start(arguments, format);
    vsnprintf(f.detail, sizeof f.detail, format, arguments);
    va_end(arguments);
    l->report(l->userdata, &f);
}

/* --- State against attributes --- */

#define STATE(s)  (1u << ACCOUNT_##s)
#define UNUSED    (STATE(PROVISIONED) | STATE(PENDING))
#define IN_USE    (STATE(INITIAL) | STATE(ACTIVE))
#define PUT_ASIDE (STATE(LOCKED) | STATE(CLOSED))

static bool has(const struct entry *e, enum attribute attribute)
{
    switch (attribute) {
    case ATTRIBUTE_MAIL:
        return e->mail != NULL;
    case ATTRIBUTE_PENDING:
        return e->pending_count > 0;
    case ATTRIBUTE_FORMER_MAIL:
        return e->former_count > 0;
    case ATTRIBUTE_INITIAL_EXPIRES:
        return e->initial_expires != 0;
    case ATTRIBUTE_PASSWORD_CHANGED:
        return e->password_changed != 0;
    case ATTRIBUTE_PUK:
        return e->puk != NULL;
    case ATTRIBUTE_CODE:
        return *e->code.hash != '\0';
    case ATTRIBUTE_TOTP_SECRET:
        return e->totp_size > 0;
    case ATTRIBUTE_TOTP_LAST_STEP:
        return e->totp_last_step > 0;
    case ATTRIBUTE_LOCK_REASON:
        return e->lock_reason != NULL;
    case ATTRIBUTE_LETTER:
        return e->letter_count > 0;
    case ATTRIBUTE_CONSENT:
        return e->consents && *e->consents;
    default:
        return false;
    }
}

/* What isn't named may be there or not. userPassword is missing: nobody may read it. */
static const struct {
    enum attribute attribute;
    unsigned must, never; /* states */
} table[] = {
    {ATTRIBUTE_MAIL, IN_USE, 0},
    {ATTRIBUTE_PENDING, STATE(PENDING), STATE(PROVISIONED)},
    {ATTRIBUTE_FORMER_MAIL, 0, UNUSED},
    {ATTRIBUTE_INITIAL_EXPIRES, STATE(INITIAL), UNUSED | STATE(ACTIVE)},
    {ATTRIBUTE_PASSWORD_CHANGED, IN_USE, UNUSED},
    {ATTRIBUTE_PUK, IN_USE, UNUSED},
    {ATTRIBUTE_CODE, 0, UNUSED},
    {ATTRIBUTE_TOTP_SECRET, 0, UNUSED | STATE(INITIAL)},
    {ATTRIBUTE_LETTER, STATE(INITIAL), 0},
    {ATTRIBUTE_CONSENT, 0, STATE(PROVISIONED)},
    {ATTRIBUTE_LOCK_REASON, PUT_ASIDE, UNUSED | IN_USE},
};

static void lint_state(const struct linting *l)
{
    const unsigned state = 1u << l->entry->state;
    const char *word = account_state_word(l->entry->state);

    for (size_t i = 0; i < ELEMENTS(table); i++) {
        const char *name = attribute_name(table[i].attribute);
        bool there = has(l->entry, table[i].attribute);

        if (table[i].must & state && !there)
            tell(l, LINT_MISSING, "%s, %s", word, name);
        if (table[i].never & state && there)
            tell(l, LINT_EXCESS, "%s, %s", word, name);
    }
    if (PUT_ASIDE & state && l->entry->lock_reason && !strstr(l->entry->lock_reason, "; before: "))
        tell(l, LINT_LOCK_REASON, "%s: %.200s", word, l->entry->lock_reason);
}

/* --- Identity --- */

static void lint_identity(const struct linting *l)
{
    char address[MAIL_ADDRESS_SIZE];

    if (l->entry->mail && mail_address_read(l->entry->mail, address) < 0)
        tell(l, LINT_MAIL_UNFIT, "mail: %.200s", l->entry->mail);
    if (l->facts->mail_double)
        tell(l, LINT_MAIL_DOUBLE, "%.100s, with %.100s", l->entry->mail, l->facts->mail_double);
    if (l->facts->policy_double)
        tell(l, LINT_POLICY_DOUBLE, "%.100s", l->facts->policy_double);
}

/* Letters go to accounts in use alone; before, the address may come later. */
static void lint_address(const struct linting *l)
{
    const char *address = l->entry->postal_address;
    size_t lines;

    if (!(IN_USE & 1u << l->entry->state))
        return;
    if (!address || !*address) {
        tell(l, LINT_ADDRESS, "there is no postalAddress, or there are several");
        return;
    }
    lines = postal_lines(address);
    if (lines > POSTAL_LINES)
        tell(l, LINT_ADDRESS, "it takes %zu lines, the field has %d", lines, POSTAL_LINES);
}

/* --- Times and counters --- */

static void lint_future(const struct linting *l, enum attribute attribute, time_t t, time_t most)
{
    if (t > l->now + most + SKEW)
        tell(l, LINT_TIMES, "%s lies further ahead than can be", attribute_name(attribute));
}

static void lint_times(const struct linting *l)
{
    const struct entry *e = l->entry;
    const struct account_rules *r = l->rules;

    lint_future(l, ATTRIBUTE_PASSWORD_CHANGED, e->password_changed, 0);
    lint_future(l, ATTRIBUTE_LAST_LOGIN, e->last_login, 0);
    lint_future(l, ATTRIBUTE_CODE, e->code.expires, r->code_life);
    for (size_t i = 0; i < e->letter_count; i++)
        lint_future(l, ATTRIBUTE_LETTER, e->letters[i].time, 0);
    for (size_t i = 0; i < e->pending_count; i++)
        lint_future(l, ATTRIBUTE_PENDING, e->pending[i].expires, r->mail_life + r->link_valid);
    for (size_t i = 0; i < e->former_count; i++)
        lint_future(l, ATTRIBUTE_FORMER_MAIL, e->formers[i].until, r->mail_life + r->mail_undo);
    if (!e->initial_expires || !e->password_changed)
        return;
    if (e->initial_expires < e->password_changed)
        tell(l, LINT_TIMES, "%s lies before %s", attribute_name(ATTRIBUTE_INITIAL_EXPIRES),
             attribute_name(ATTRIBUTE_PASSWORD_CHANGED));
    if (e->initial_expires > calendar_end_of_day(e->password_changed, (int)r->initial_ceiling))
        tell(l, LINT_TIMES, "%s lies more than %ld days behind %s",
             attribute_name(ATTRIBUTE_INITIAL_EXPIRES), r->initial_ceiling,
             attribute_name(ATTRIBUTE_PASSWORD_CHANGED));
}

static void lint_counters(const struct linting *l)
{
    static const struct {
        enum attribute count, retry_after;
    } factors[FACTORS] = {
        [FACTOR_PASSWORD] = {ATTRIBUTE_PASSWORD_FAILURES, ATTRIBUTE_PASSWORD_RETRY_AFTER},
        [FACTOR_TOTP] = {ATTRIBUTE_TOTP_FAILURES, ATTRIBUTE_TOTP_RETRY_AFTER},
        [FACTOR_PUK] = {ATTRIBUTE_PUK_FAILURES, ATTRIBUTE_PUK_RETRY_AFTER},
    };

    for (int f = 0; f < FACTORS; f++) {
        const struct entry_failures *failures = &l->entry->failures[f];

        lint_future(l, factors[f].retry_after, failures->retry_after, l->rules->retry_most);
        if (failures->retry_after && failures->count == 0)
            tell(l, LINT_COUNTERS, "%s without %s", attribute_name(factors[f].retry_after),
                 attribute_name(factors[f].count));
    }
    if (has(l->entry, ATTRIBUTE_TOTP_LAST_STEP) && !has(l->entry, ATTRIBUTE_TOTP_SECRET))
        tell(l, LINT_COUNTERS, "%s without %s", attribute_name(ATTRIBUTE_TOTP_LAST_STEP),
             attribute_name(ATTRIBUTE_TOTP_SECRET));
}

/* --- Secrets and jobs --- */

static void lint_secrets(const struct linting *l)
{
    if (l->facts->totp_why)
        tell(l, LINT_TOTP, "%s", l->facts->totp_why);
    if (l->entry->puk && secret_is_weak(l->entry->puk))
        tell(l, LINT_WEAK_HASH, "%s", attribute_name(ATTRIBUTE_PUK));
    if (l->entry->password && secret_is_weak(l->entry->password))
        tell(l, LINT_WEAK_HASH, "%s", attribute_name(ATTRIBUTE_USER_PASSWORD));
}

bool lint_letter_open(const struct entry_letter *letter)
{
    static const char *const open[] = {"queued", "claimed", "uncertain", "printed"};

    for (size_t i = 0; i < ELEMENTS(open); i++)
        if (strcmp(letter->state, open[i]) == 0)
            return true;
    return false;
}

static void lint_jobs(const struct linting *l)
{
    char oldest[ULID_SIZE];

    ulid_make((int64_t)(l->now - JOB_DAYS * DAY) * 1000, oldest);
    for (char **job = l->entry->jobs; job && *job; job++)
        if (strncmp(*job, oldest, ULID_TIME_SYMBOLS) < 0)
            tell(l, LINT_JOB_OLD, "%s", *job);
}

void lint_entry(const struct account_rules *rules, const struct entry *entry,
                const struct lint_facts *facts, time_t now, lint_report *report, void *userdata)
{
    static void (*const groups[])(const struct linting *) = {
        lint_state, lint_address, lint_times, lint_counters, lint_secrets, lint_jobs,
    };
    const struct linting l = {rules, entry, facts, now, report, userdata};

    lint_identity(&l);
    /* What isn't understood may be just what seems to be missing. */
    if (entry->malformed) {
        tell(&l, LINT_MALFORMED, "%s%s%s%s", entry->problem,
             *entry->problem_value ? ", found \"" : "", entry->problem_value,
             *entry->problem_value ? "\"" : "");
        return;
    }
    for (size_t i = 0; i < ELEMENTS(groups); i++)
        groups[i](&l);
}
