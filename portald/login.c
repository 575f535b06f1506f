/* What the handlers of authenticate, second factor and recovery share; login_make() is the way in.
   The counters are the entry's, or those of a client that it knows: then the entry's are neither
   asked nor touched, so that guessing from elsewhere doesn't keep the customer out, and the
   customer's success gives the guesser no fresh tries. */
#include "config.h"

#include "login.h"

#include "grant.h"
#include "known.h"
#include "readdress.h"
#include "swap.h"
#include "texts.h"
#include "visit.h"

#include "cleanup.h"
#include "clock.h"
#include "log.h"
#include "messages.h"

#include <errno.h>
#include <sodium.h>
#include <stdio.h>

#define SPACE_FAILING "failing"

static const char *const spaces[FACTORS] = {
    [FACTOR_PASSWORD] = "name",
    [FACTOR_TOTP] = "name-totp",
    [FACTOR_PUK] = "name-puk",
};

/* Of entries: what the directory couldn't write down. */
static const char *const unwritten_spaces[FACTORS] = {
    [FACTOR_PASSWORD] = "unwritten",
    [FACTOR_TOTP] = "unwritten-totp",
    [FACTOR_PUK] = "unwritten-puk",
};

/* One counter for each factor. */
struct counters {
    struct entry_failures of[FACTORS];
};

struct login login_make(struct worker *worker, const struct request *request,
                        struct wire_writer *reply)
{
    wire_begin(reply, WIRE_VERDICT);
    return (struct login){.worker = worker,
                          .manager = worker->manager,
                          .request = request,
                          .reply = reply,
                          .now = clock_now()};
}

bool login_read(struct login *login)
{
    const struct wire_frame *f = &login->request->frame;
    char typed[MAIL_ADDRESS_SIZE];

    request_language(login->manager, login->request, login->language);
    wire_get_string(f, WIRE_SERVICE, login->service, sizeof login->service);
    request_client(login->request, login->client);
    request_known_as(login->request, login->known_as);
    login->purpose = request_purpose(login->request);
    return wire_get_string(f, WIRE_USER, typed, sizeof typed) == 0 &&
           login_name_read(typed, login->name) == 0;
}

void login_clear(struct login *login)
{
    login->entry = entry_free(login->entry);
}

struct state_bounds login_bounds(const struct login *login)
{
    return (struct state_bounds){login->name, login->service,
                                 *login->known_as ? login->known_as : login->client};
}

bool login_exists(const struct login *login)
{
    return account_has_login(login->entry);
}

static int find(const struct login *login, bool secrets, struct entry **ret)
{
    int r = directory_find(login->worker->directory, DIRECTORY_LOGIN, login->name, secrets,
                           login->request->deadline, ret);

    return r == -ENOENT || r == -ENOTUNIQ ? 0 : r;
}

/* An address that was changed while nobody watched: what follows from that comes before what is
   decided now. Where it can't be done, whoever logs in isn't to blame, and edits.c goes on trying.
 */
static int find_settled(const struct login *login, bool secrets, struct entry **ret)
{
    struct entry *entry = NULL;
    int r = find(login, secrets, &entry);

    if (r == 0 && entry && account_mail_changed(entry) &&
        readdress(login->manager, login->worker->directory, entry->uuid,
                  login->request->deadline) == 0) {
        entry = entry_free(entry);
        r = find(login, secrets, &entry);
    }
    if (r == 0)
        *ret = entry;
    return r;
}

int login_find(struct login *login, bool secrets)
{
    struct entry *entry = NULL;
    int r = find_settled(login, secrets, &entry);

    if (r < 0)
        return r;
    entry_free(login->entry);
    login->entry = entry;
    login->secrets = secrets;
    login->known = login_exists(login) &&
                   known_client(login->manager->known, entry, login->known_as, login->now);
    return 0;
}

static struct counters counters_get(const struct login *login)
{
    struct counters counters;

    for (enum entry_factor f = 0; f < FACTORS; f++)
        counters.of[f] = login_failures(login, f);
    return counters;
}

static struct throttle_state unwritten_get(const struct login *login, enum entry_factor factor)
{
    struct throttle_state state;

    throttle_get(login->manager->names, unwritten_spaces[factor], login->name, &state);
    return state;
}

/* NULL: it is in the entry. By itself it never blocks, for nothing but a write of the entry ends
   it. */
static void unwritten_put(const struct login *login, enum entry_factor factor,
                          const struct entry_failures *failures)
{
    const unsigned most = (unsigned)login->manager->settings->rules.block_failures - 1;
    struct throttle_state state = {0};

    if (failures)
        state = (struct throttle_state){
            .failures = failures->count < most ? failures->count : most,
            .retry_after = failures->retry_after,
        };
    if (failures || unwritten_get(login, factor).failures > 0)
        throttle_set(login->manager->names, unwritten_spaces[factor], login->name, &state,
                     login->now);
}

/* The entry's, and what couldn't be written to it. */
static struct entry_failures entry_and_unwritten(const struct login *login,
                                                 enum entry_factor factor)
{
    const struct throttle_state unwritten = unwritten_get(login, factor);
    struct entry_failures failures = login->entry->failures[factor];

    if (unwritten.failures > failures.count)
        failures.count = unwritten.failures;
    if (unwritten.failures > 0 && unwritten.retry_after > failures.retry_after)
        failures.retry_after = unwritten.retry_after;
    return failures;
}

struct entry_failures login_failures(const struct login *login, enum entry_factor factor)
{
    struct entry_failures failures;
    struct throttle_state state;

    if (!login_exists(login)) {
        throttle_get(login->manager->names, spaces[factor], login->name, &state);
        return (struct entry_failures){.count = state.failures, .retry_after = state.retry_after};
    }
    if (!login->known)
        return entry_and_unwritten(login, factor);
    known_failures(login->manager->known, login->entry, login->known_as, factor, &failures);
    return failures;
}

static bool has_failures(const struct login *login, unsigned set)
{
    for (enum entry_factor f = 0; f < FACTORS; f++)
        if (set & 1u << f && login_failures(login, f).count > 0)
            return true;
    return false;
}

static void name_put(const struct login *login, enum entry_factor factor,
                     const struct entry_failures *failures)
{
    throttle_set(
        login->manager->names, spaces[factor], login->name,
        &(struct throttle_state){.failures = failures->count, .retry_after = failures->retry_after},
        login->now);
}

/* In the tables, where there is no entry whose counters they are. */
static void table_put(const struct login *login, unsigned set, const struct counters *counters)
{
    for (enum entry_factor f = 0; f < FACTORS; f++)
        if (!(set & LOGIN_SET(f)))
            continue;
        else if (login->known)
            known_write_failures(login->manager->known, login->entry, login->known_as, f,
                                 &counters->of[f], login->now);
        else
            name_put(login, f, &counters->of[f]);
}

static int swap(struct login *login, const struct changes *changes)
{
    int r = entry_swap(login->worker->directory, login->entry, changes, login->request->deadline);

    if (r == 0) { /* the entry in hand is the one that was just written */
        login->entry->revision = login->entry->has_revision ? login->entry->revision + 1 : 1;
        login->entry->has_revision = true;
    }
    return r;
}

static int counters_put(struct login *login, unsigned set, const struct counters *counters,
                        struct changes *changes)
{
    int r;

    for (enum entry_factor f = 0; f < FACTORS; f++)
        if (set & LOGIN_SET(f))
            account_write_failures(f, &counters->of[f], changes);
    if ((r = swap(login, changes)) < 0)
        return r;
    for (enum entry_factor f = 0; f < FACTORS; f++)
        if (set & LOGIN_SET(f)) {
            login->entry->failures[f] = counters->of[f];
            unwritten_put(login, f, NULL);
        }
    return 0;
}

/* Writes a failure down; where that is in a table, the same write is made for nothing. */
static int failures_put(struct login *login, unsigned set, const struct counters *counters)
{
    _cleanup_(changes_clear) struct changes changes = {0};

    if (login_exists(login) && !login->known)
        return counters_put(login, set, counters, &changes);
    table_put(login, set, counters);
    return directory_touch_decoy(login->worker->directory, login->request->deadline);
}

/* While the directory can be read but not written, guesses count all the same. */
static void failures_keep(const struct login *login, unsigned set, const struct counters *counters)
{
    for (enum entry_factor f = 0; f < FACTORS; f++)
        if (set & 1u << f && login_exists(login) && !login->known)
            unwritten_put(login, f, &counters->of[f]);
}

/* The strictest of the set. */
static enum account_attempt attempt(const struct login *login, unsigned set, time_t *ret_wait)
{
    const struct account_rules *rules = &login->manager->settings->rules;
    enum account_attempt strictest = ATTEMPT_VERIFY;
    time_t longest = 0;

    for (enum entry_factor f = 0; f < FACTORS; f++) {
        struct entry_failures failures;
        enum account_attempt one;
        time_t wait = 0;

        if (!(set & LOGIN_SET(f)))
            continue;
        failures = login_failures(login, f);
        one = account_attempt(rules, &failures, login->now, &wait);
        strictest = one > strictest ? one : strictest;
        longest = wait > longest ? wait : longest;
    }
    *ret_wait = longest;
    return strictest;
}

int login_count(struct login *login, unsigned set)
{
    const struct account_rules *rules = &login->manager->settings->rules;
    struct counters counters;
    time_t wait = 0;
    int r = -ESTALE;

    for (int i = 0; i < SWAP_TRIES && (r == -ESTALE || r == -EUCLEAN); i++) {
        if (i > 0 && (r = login_find(login, login->secrets)) < 0)
            break;
        if (i > 0 && attempt(login, set, &wait) != ATTEMPT_VERIFY)
            return -EDQUOT;
        counters = counters_get(login);
        for (enum entry_factor f = 0; f < FACTORS; f++)
            counters.of[f] = account_count_failure(rules, &counters.of[f], login->now);
        r = failures_put(login, set, &counters);
    }
    if (r < 0)
        failures_keep(login, set, &counters);
    return r;
}

bool login_count_first(struct login *login, unsigned set, bool *ret_counted)
{
    int r;

    *ret_counted = has_failures(login, set);
    if (!*ret_counted || (r = login_count(login, set)) == 0)
        return true;
    if (r != -EDQUOT || !login_throttled(login, set))
        reply_error(login->reply, r, login->language);
    return false;
}

int login_succeed(struct login *login, unsigned set, struct changes *changes)
{
    static const struct counters none = {0};
    _cleanup_(changes_clear) struct changes own = {0};
    bool on_record = has_failures(login, set);
    int r = 0;

    if (!login_exists(login))
        return -ENOENT;
    if (!login->known)
        return changes || on_record ? counters_put(login, set, &none, changes ? changes : &own) : 0;
    if (changes && (r = swap(login, changes)) < 0)
        return r;
    if (on_record)
        table_put(login, set, &none);
    return 0;
}

/* --- Answers --- */

void login_answer(struct login *login, enum wire_verdict verdict)
{
    reply_standard(login->reply, verdict, login->language);
}

void login_answer_wait(struct login *login, time_t wait)
{
    char span[64], line[TEXT_SIZE];

    calendar_say_span(wait, login->language, span, sizeof span);
    text_format(line, sizeof line, login->language,
                N_("Too many failed attempts. For your protection nothing was checked. Please try "
                   "again in %s."),
                span);
    reply_verdict(login->reply, WIRE_THROTTLED, line);
}

/* Codes alone are blocked only behind a right password: the PUK still helps. What is said with a
   password is alike whatever else is asked for. */
static void answer_blocked(struct login *login, unsigned set)
{
    const char *original =
        set == LOGIN_TOTP
            ? N_("Too many wrong codes. For your protection nothing was checked, and codes are "
                 "blocked. Please log in again and enter the PUK from your letter instead of the "
                 "code, or contact our customer service.")
        : set == LOGIN_PUK
            ? N_("Too many failed attempts. For your protection nothing was checked, and the PUK "
                 "is blocked. Please contact our customer service.")
            : N_("Too many failed attempts. For your protection nothing was checked, and "
                 "logging in is blocked. Please choose a new password with the PUK from your "
                 "letter, or contact our customer service.");

    reply_verdict(login->reply, WIRE_THROTTLED, text(login->language, original));
}

void login_log(const struct login *login, const char *message, const char *what, const char *why)
{
    log_event(LOG_INFO, message,
              LOG_FIELDS("PORTAL_SERVICE", login->service, "PORTAL_CLIENT", login->client,
                         "PORTAL_ENTRY", login->entry ? login->entry->uid : ""),
              "Login %s: %s: %s", what, login->entry ? login->entry->uid : "unknown name", why);
}

void login_failed(struct login *login, const char *why)
{
    atomic_fetch_add(&login->manager->logins.failed, 1);
    if (*login->client)
        throttle_member(login->manager->rates, SPACE_FAILING, login->client, login->name, HOUR,
                        login->now);
    login_log(login, MESSAGE_LOGIN_FAILED, "failed", login_exists(login) ? why : "no such account");
}

bool login_client_full(const struct login *login, time_t *ret_wait)
{
    return *login->client &&
           throttle_full(login->manager->rates, SPACE_FAILING, login->client, login->name,
                         (unsigned)login->manager->settings->names_per_client, HOUR, login->now,
                         ret_wait);
}

bool login_throttled(struct login *login, unsigned set)
{
    const char *why = "too many failures";
    time_t wait = 0;

    if (login_client_full(login, &wait)) {
        why = "too many failing names from this client";
        login_answer_wait(login, wait);
    } else {
        switch (attempt(login, set, &wait)) {
        case ATTEMPT_VERIFY:
            return false;
        case ATTEMPT_WAIT:
            login_answer_wait(login, wait);
            break;
        case ATTEMPT_BLOCKED:
            why = set == LOGIN_TOTP  ? "codes are blocked until recovered or unblocked"
                  : set == LOGIN_PUK ? "the PUK is blocked until unblocked"
                                     : "blocked until recovered or unblocked";
            answer_blocked(login, set);
        }
    }
    atomic_fetch_add(&login->manager->logins.throttled, 1);
    login_log(login, MESSAGE_THROTTLED, "throttled", why);
    return true;
}

/* Why what was right doesn't let in. */
static const char *refusal_word(enum wire_verdict verdict)
{
    switch (verdict) {
    case WIRE_EXPIRED:
        return "right, but the initial password has expired";
    case WIRE_LOCKED:
        return "right password, but locked";
    case WIRE_CLOSED:
        return "right password, but closed";
    default:
        return "no such account any more";
    }
}

static void put_grant(struct login *login, enum wire_verdict account)
{
    bool wanted = account == WIRE_NEW_PASSWORD || login->purpose == WIRE_PURPOSE_CHANGE ||
                  (login->purpose == WIRE_PURPOSE_ENROLL && account_may_enroll(login->entry));
    uint8_t grant[GRANT_SIZE];
    size_t size = 0;

    if (wanted && grant_make(login->manager->keys, GRANT_LOGIN, login->name, login->service,
                             login->entry, login->now, grant, &size) == 0)
        wire_put(login->reply, WIRE_GRANT, grant, size);
}

/* portalLastLogin is written at most once a day, so a day is what can honestly be said. */
static void answer_welcome(struct login *login)
{
    char day[CALENDAR_DAY_SIZE], said[64], line[TEXT_SIZE] = "";
    size_t used = 0;

    if (login->news) {
        snprintf(line, sizeof line, "%s\n", text(login->language, login->news));
        used = strlen(line);
    }
    if (login->entry->last_login) {
        calendar_day(login->entry->last_login, day);
        if (calendar_say_day(day, login->language, said, sizeof said) == 0)
            text_format(line + used, sizeof line - used, login->language, N_("Last login: %s."),
                        said);
    }
    reply_verdict(login->reply, WIRE_OK, line);
    if (login->entry->last_login)
        wire_put_u64(login->reply, WIRE_TIME, (uint64_t)login->entry->last_login);
}

void login_admit(struct login *login)
{
    struct manager *m = login->manager;
    enum wire_verdict verdict =
        login_exists(login) ? account_login(login->entry, login->now) : WIRE_WRONG;
    enum wire_verdict account;

    if (verdict != WIRE_OK) {
        atomic_fetch_add(&m->logins.failed, 1);
        login_log(login, MESSAGE_LOGIN_FAILED, "failed", refusal_word(verdict));
        login_answer(login, verdict);
        return;
    }
    /* Whatever was counted is over, in the entry or for this client. */
    memset(login->entry->failures, 0, sizeof login->entry->failures);
    account = account_access(&m->settings->rules, login->entry, login->now);
    answer_welcome(login);
    wire_put_u8(login->reply, WIRE_ACCOUNT_CODE, (uint8_t)account);
    wire_put_string(login->reply, WIRE_UID, login->entry->uid);
    put_grant(login, account);
    visit_begin(m, login->request, login->entry, login->now, login->reply);
    atomic_fetch_add(&m->logins.ok, 1);
    known_remember(m->known, login->entry, login->known_as, login->now);
    if (account_login_due(&m->settings->rules, login->entry, login->now))
        clerk_note_login(m->clerk, login->entry->uuid, login->now);
}
