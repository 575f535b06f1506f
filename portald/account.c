/* The rules of an account's life up to its first login: registration, link, confirmation. No
   I/O, no clock. account-letter.c has the rules of letters, account-login.c those from then on. */
#include "config.h"

#include "account.h"

#include "account-letter.h"

#include "calendar.h"
#include "cleanup.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define LINKS_MOST 24

static bool state_confirmed(enum account_state state)
{
    return state == ACCOUNT_INITIAL || state == ACCOUNT_ACTIVE;
}

const char *account_registration_text(enum account_registration r)
{
    static const char *const texts[] = {
        [REGISTRATION_NO_MATCH] = "no match: policy number or birthdate",
        [REGISTRATION_CONFIRM] = "matched: confirmation mail queued",
        [REGISTRATION_IN_USE] =
            "matched, but the address belongs to another account: its mailbox is told",
        [REGISTRATION_ALREADY] = "has an account already: its confirmed address is told",
        [REGISTRATION_LOCKED] = "matched, but the account is locked: nothing sent",
        [REGISTRATION_CLOSED] = "matched, but the contract is over: nothing sent",
    };
    return texts[r];
}

enum account_registration account_register(const struct entry *entry, const char *birth_date,
                                           bool in_use)
{
    if (!entry || !*entry->birth_date || strcmp(entry->birth_date, birth_date) != 0)
        return REGISTRATION_NO_MATCH;
    if (entry->state == ACCOUNT_CLOSED)
        return REGISTRATION_CLOSED;
    if (entry->state == ACCOUNT_LOCKED)
        return REGISTRATION_LOCKED;
    if (state_confirmed(entry->state))
        return REGISTRATION_ALREADY;
    return in_use ? REGISTRATION_IN_USE : REGISTRATION_CONFIRM;
}

/* What stands behind the address: "" or " change …". */
static const char *link_mark(const struct entry_pending *link)
{
    const char *at = link->value;

    for (int words = 0; words < 3 && *at; words++)
        at += 1 + strcspn(at + 1, " ");
    return at;
}

static void write_pending(const char *hash, time_t expires, const char *address, const char *mark,
                          struct changes *changes)
{
    char until[CALENDAR_GENERALIZED_SIZE];

    calendar_generalized(expires, until);
    changes_format(changes, CHANGE_ADD, ATTRIBUTE_PENDING, "%s %s %s%s", hash, until, address,
                   mark);
}

void account_end_link(const struct entry_pending *link, struct changes *changes)
{
    changes_string(changes, CHANGE_REMOVE, ATTRIBUTE_PENDING, link->value);
    write_pending(link->hash, link->expires, link->address, " ended", changes);
}

/* Links past recognition go, and the oldest when there are too many, so that nobody can make an
   entry grow. end_changes: those of changes do nothing any more. */
static void tidy_links(const struct account_rules *rules, const struct entry *entry,
                       bool end_changes, time_t now, struct changes *changes)
{
    size_t left = entry->pending_count;

    for (size_t i = 0; i < entry->pending_count; i++) {
        const struct entry_pending *p = &entry->pending[i];
        const struct entry_pending *oldest = p;
        for (size_t j = 0; j < entry->pending_count; j++)
            if (entry->pending[j].expires < oldest->expires)
                oldest = &entry->pending[j];
        if (now - p->expires > rules->link_kept || (left >= LINKS_MOST && p == oldest)) {
            changes_string(changes, CHANGE_REMOVE, ATTRIBUTE_PENDING, p->value);
            left--;
        } else if (end_changes && p->kind == LINK_CHANGE) {
            account_end_link(p, changes);
        }
    }
}

/* The ids of jobs that were staged so long ago that they can't be any more. */
static void forget_old_jobs(const struct entry *entry, time_t now, struct changes *changes)
{
    char month_ago[ULID_SIZE];

    ulid_make((int64_t)(now - 30 * DAY) * 1000, month_ago);
    for (char **job = entry->jobs; job && *job; job++)
        if (strncmp(*job, month_ago, ULID_TIME_SYMBOLS) < 0)
            changes_string(changes, CHANGE_REMOVE, ATTRIBUTE_JOB, *job);
}

static void replace_consents(const struct account_consents *consents, time_t now,
                             struct changes *changes)
{
    char when[CALENDAR_GENERALIZED_SIZE];

    calendar_generalized(now, when);
    changes_drop(changes, ATTRIBUTE_CONSENT);
    changes_format(changes, CHANGE_ADD, ATTRIBUTE_CONSENT, "privacy %s %s %s",
                   consents->privacy_version, consents->privacy_sha256, when);
    changes_format(changes, CHANGE_ADD, ATTRIBUTE_CONSENT, "terms %s %s %s",
                   consents->terms_version, consents->terms_sha256, when);
}

static void add_pending(const struct account_rules *rules, const struct entry *entry,
                        const struct account_link *link, bool end_changes, const char *mark,
                        time_t now, struct changes *changes)
{
    tidy_links(rules, entry, end_changes, now, changes);
    forget_old_jobs(entry, now, changes);
    write_pending(link->hash, now + rules->mail_life + rules->link_valid, link->address, mark,
                  changes);
}

void account_add_another_link(const struct account_rules *rules, const struct entry *entry,
                              const struct account_link *link, time_t now, struct changes *changes)
{
    add_pending(rules, entry, link, false, link->like ? link_mark(link->like) : "", now, changes);
}

void account_wish_move(const struct account_rules *rules, const struct entry *entry,
                       const struct account_link *link, time_t now, struct changes *changes)
{
    char mark[64], changed[CALENDAR_GENERALIZED_SIZE];

    calendar_generalized(entry->password_changed, changed);
    snprintf(mark, sizeof mark, " change %" PRIu64 " %s", entry->session_epoch, changed);
    add_pending(rules, entry, link, true, mark, now, changes);
    account_note_job(link->job, changes);
}

void account_add_link(const struct account_rules *rules, const struct entry *entry,
                      const struct account_link *link, const struct account_consents *consents,
                      time_t now, struct changes *changes)
{
    account_add_another_link(rules, entry, link, now, changes);
    if (entry->state != ACCOUNT_PENDING)
        changes_string(changes, CHANGE_SET, ATTRIBUTE_STATE, account_state_word(ACCOUNT_PENDING));
    replace_consents(consents, now, changes);
    changes_string(changes, CHANGE_ADD, ATTRIBUTE_JOB, link->job);
}

bool account_has_job(const struct entry *entry, const char *job)
{
    for (char **j = entry->jobs; j && *j; j++)
        if (strcmp(*j, job) == 0)
            return true;
    return false;
}

void account_job_done(const struct entry *entry, const char *job, struct changes *changes)
{
    if (account_has_job(entry, job))
        changes_string(changes, CHANGE_REMOVE, ATTRIBUTE_JOB, job);
}

const struct entry_pending *account_find_link(const struct entry *entry, const char *hash)
{
    for (size_t i = 0; entry && i < entry->pending_count; i++)
        if (strcmp(entry->pending[i].hash, hash) == 0)
            return &entry->pending[i];
    return NULL;
}

void account_link_accepted(const struct account_rules *rules, const struct entry *entry,
                           const char *job, const char *hash, time_t accepted,
                           struct changes *changes)
{
    const struct entry_pending *p = account_find_link(entry, hash);

    account_job_done(entry, job, changes);
    if (!p || p->expires == accepted + rules->link_valid)
        return;
    changes_string(changes, CHANGE_REMOVE, ATTRIBUTE_PENDING, p->value);
    write_pending(hash, accepted + rules->link_valid, p->address, link_mark(p), changes);
}

bool account_link_open(const struct entry *entry, const struct entry_pending *link)
{
    if (link->kind == LINK_REGISTRATION)
        return entry->state == ACCOUNT_PENDING;
    return link->kind == LINK_CHANGE && entry->state == ACCOUNT_ACTIVE &&
           link->epoch == entry->session_epoch && link->password_changed == entry->password_changed;
}

enum wire_verdict account_check_link(const struct entry *entry, const char *hash, bool in_use,
                                     time_t now)
{
    const struct entry_pending *p = account_find_link(entry, hash);

    if (!p)
        return WIRE_UNKNOWN;
    /* What worked once is never an error, even after the link's time. */
    if (state_confirmed(entry->state) && entry->mail && strcasecmp(entry->mail, p->address) == 0)
        return WIRE_LINK_DONE;
    if (!account_link_open(entry, p))
        return WIRE_LINK_OVER;
    if (now >= p->expires)
        return WIRE_LINK_EXPIRED;
    return in_use ? WIRE_LINK_TAKEN : WIRE_LINK_GOOD;
}

bool account_pending_over(const struct account_rules *rules, const struct entry *entry, time_t now)
{
    if (entry->malformed || entry->state != ACCOUNT_PENDING || entry->pending_count == 0)
        return false;
    for (size_t i = 0; i < entry->pending_count; i++)
        if (now - entry->pending[i].expires <= rules->link_kept)
            return false;
    return true;
}

void account_forget_pending(const struct entry *entry, struct changes *changes)
{
    changes_drop(changes, ATTRIBUTE_PENDING);
    changes_drop(changes, ATTRIBUTE_CONSENT);
    if (entry->jobs && *entry->jobs)
        changes_drop(changes, ATTRIBUTE_JOB);
    changes_string(changes, CHANGE_SET, ATTRIBUTE_STATE, account_state_word(ACCOUNT_PROVISIONED));
}

void account_confirm(const struct account_rules *rules, const struct entry *entry,
                     const struct entry_pending *link, const struct account_secrets *secrets,
                     bool ppolicy, time_t now, struct changes *changes)
{
    changes_string(changes, CHANGE_SET, ATTRIBUTE_MAIL, link->address);
    changes_string(changes, CHANGE_SET, ATTRIBUTE_CONFIRMED_MAIL, link->address);
    account_issue_access(rules, entry, secrets, ppolicy, now, changes);
}

/* What a press on "this wasn't me" does, by what the mail or letter was about and the account's
   state. In all other states there is nothing to protect, or no longer. */
static const struct not_me_rule {
    const char *topic;
    enum {
        ANYWHERE,
        HERE,
        ELSEWHERE
    } from; /* whether it counts only from the mailbox that is the
               account's own now, or only from another */
    enum account_not_me pending, initial, active;
} not_me_rules[] = {
    /* Whoever is asked to confirm can undo that, but nothing that another mailbox confirmed. */
    {"confirm", HERE, NOT_ME_WIPE, NOT_ME_WIPE, NOT_ME_LOCK},
    /* The mailbox that was told "this address is in use" vouches for its own account only, and
       nothing happened to that. */
    {"in-use", ANYWHERE, NOT_ME_NOTHING, NOT_ME_NOTHING, NOT_ME_NOTHING},
    {"registered", ANYWHERE, NOT_ME_WIPE, NOT_ME_WIPE, NOT_ME_LOCK},
    /* These tell of an account that was in use. Is it initial again, support has restarted it: the
       customer's confirmed address isn't to be lost. Is it pending, it is another account than the
       one that they tell of. They count from the mailbox that they went to, so that a thief who
       moves the address can't take this from its owner. */
    {"code", ANYWHERE, NOT_ME_NOTHING, NOT_ME_LOCK, NOT_ME_LOCK},
    {"password-set", ANYWHERE, NOT_ME_NOTHING, NOT_ME_LOCK, NOT_ME_LOCK},
    {"password-changed", ANYWHERE, NOT_ME_NOTHING, NOT_ME_LOCK, NOT_ME_LOCK},
    {"totp-on", ANYWHERE, NOT_ME_NOTHING, NOT_ME_LOCK, NOT_ME_LOCK},
    {"totp-off", ANYWHERE, NOT_ME_NOTHING, NOT_ME_LOCK, NOT_ME_LOCK},
    {"puk-used", ANYWHERE, NOT_ME_NOTHING, NOT_ME_LOCK, NOT_ME_LOCK},
    {"puk-void", ANYWHERE, NOT_ME_NOTHING, NOT_ME_LOCK, NOT_ME_LOCK},
    /* An administrator has changed the address. The one before may report that for as long as the
       reference works; the new one only while it is the account's: it may be a typing error, and
       then its owner is nobody's customer. Nothing is wiped: that address was never confirmed. */
    {"mail-changed", ANYWHERE, NOT_ME_NOTHING, NOT_ME_LOCK, NOT_ME_LOCK},
    {"mail-new", HERE, NOT_ME_NOTHING, NOT_ME_LOCK, NOT_ME_LOCK},
    /* The customer has changed it, and that can't be undone any more. Is the address back where it
       was, it was undone. The one that an undoing took the account from isn't known to be anybody's
       customer. */
    {"mail-confirm", HERE, NOT_ME_NOTHING, NOT_ME_NOTHING, NOT_ME_LOCK},
    {"mail-moved", ELSEWHERE, NOT_ME_NOTHING, NOT_ME_LOCK, NOT_ME_LOCK},
    {"mail-back", ANYWHERE, NOT_ME_NOTHING, NOT_ME_LOCK, NOT_ME_LOCK},
    {"mail-undone", HERE, NOT_ME_NOTHING, NOT_ME_LOCK, NOT_ME_LOCK},
    {"restarted", ANYWHERE, NOT_ME_NOTHING, NOT_ME_LOCK, NOT_ME_LOCK},
    {"has-password", ANYWHERE, NOT_ME_NOTHING, NOT_ME_LOCK, NOT_ME_LOCK},
    /* Somebody has the post redirected: to a customer who confirmed the address long ago. */
    {"letter-address", ANYWHERE, NOT_ME_NOTHING, NOT_ME_LOCK, NOT_ME_LOCK},
    {"letter-new", HERE, NOT_ME_NOTHING, NOT_ME_WIPE, NOT_ME_LOCK},
    {"letter-valid", HERE, NOT_ME_NOTHING, NOT_ME_WIPE, NOT_ME_LOCK},
    {"letter-refused", HERE, NOT_ME_NOTHING, NOT_ME_WIPE, NOT_ME_LOCK},
    {"letter-posted", HERE, NOT_ME_NOTHING, NOT_ME_WIPE, NOT_ME_LOCK},
    {"letter-returned", HERE, NOT_ME_NOTHING, NOT_ME_WIPE, NOT_ME_LOCK},
    {"password-expires", HERE, NOT_ME_NOTHING, NOT_ME_WIPE, NOT_ME_LOCK},
    /* Letters: they went to the policyholder, whoever registered. */
    {NULL, ANYWHERE, NOT_ME_WIPE, NOT_ME_WIPE, NOT_ME_LOCK},
};

static bool counts(const struct not_me_rule *rule, bool elsewhere)
{
    return rule->from == ANYWHERE || (rule->from == ELSEWHERE) == elsewhere;
}

enum account_not_me account_not_me(const struct entry *entry, const char *topic, bool elsewhere)
{
    const struct not_me_rule *rule = not_me_rules;

    if (!entry)
        return NOT_ME_NOTHING;
    while (rule->topic && strcmp(rule->topic, topic) != 0)
        rule++;
    switch (entry->state) {
    case ACCOUNT_PENDING:
        return rule->pending;
    case ACCOUNT_INITIAL:
        return counts(rule, elsewhere) ? rule->initial : NOT_ME_NOTHING;
    case ACCOUNT_ACTIVE:
        return counts(rule, elsewhere) ? rule->active : NOT_ME_NOTHING;
    default:
        return NOT_ME_NOTHING;
    }
}

void account_wipe(const struct entry *entry, bool ppolicy, time_t now, struct changes *changes)
{
    static const enum attribute wiped[] = {
        ATTRIBUTE_MAIL,
        ATTRIBUTE_CONFIRMED_MAIL,
        ATTRIBUTE_USER_PASSWORD,
        ATTRIBUTE_PUK,
        ATTRIBUTE_FORMER_MAIL,
        ATTRIBUTE_PENDING,
        ATTRIBUTE_JOB,
        ATTRIBUTE_CONSENT,
        ATTRIBUTE_INITIAL_EXPIRES,
        ATTRIBUTE_PASSWORD_CHANGED,
        ATTRIBUTE_PASSWORD_FAILURES,
        ATTRIBUTE_PASSWORD_RETRY_AFTER,
        ATTRIBUTE_LAST_LOGIN,
        ATTRIBUTE_CODE,
        ATTRIBUTE_TOTP_SECRET,
        ATTRIBUTE_TOTP_LAST_STEP,
        ATTRIBUTE_TOTP_FAILURES,
        ATTRIBUTE_TOTP_RETRY_AFTER,
        ATTRIBUTE_PUK_FAILURES,
        ATTRIBUTE_PUK_RETRY_AFTER,
    };

    for (size_t i = 0; i < ELEMENTS(wiped); i++)
        changes_drop(changes, wiped[i]);
    if (ppolicy)
        changes_drop(changes, ATTRIBUTE_PWD_RESET);
    account_withdraw_letters(entry, now, changes);
    changes_number(changes, ATTRIBUTE_SESSION_EPOCH, entry->session_epoch + 1);
    changes_string(changes, CHANGE_SET, ATTRIBUTE_STATE, account_state_word(ACCOUNT_PROVISIONED));
}

void account_lock(const struct entry *entry, const char *reason, struct changes *changes)
{
    changes_string(changes, CHANGE_SET, ATTRIBUTE_STATE, account_state_word(ACCOUNT_LOCKED));
    changes_format(changes, CHANGE_SET, ATTRIBUTE_LOCK_REASON, "%s; before: %s", reason,
                   account_state_word(entry->state));
    changes_number(changes, ATTRIBUTE_SESSION_EPOCH, entry->session_epoch + 1);
}
