/* Logging in: WIRE_AUTHENTICATE and WIRE_ACCOUNT. What an answer may tell, and in which time, is
   the point of the order of things here: a name that doesn't exist goes the same way as one that
   does, against the decoy. */
#include "config.h"

#include "grant.h"
#include "handlers.h"
#include "swap.h"
#include "texts.h"

#include "cleanup.h"
#include "clock.h"
#include "code.h"
#include "log.h"
#include "messages.h"

#include <errno.h>
#include <sodium.h>
#include <stdio.h>

#define SPACE_NAMES   "name"
#define SPACE_FAILING "failing"

struct login {
    struct worker *worker;
    struct manager *manager;
    const struct request *request;
    struct wire_writer *reply;
    char language[LANGUAGE_SIZE], service[SERVICE_SIZE], client[THROTTLE_CLIENT_SIZE];
    char name[MAIL_ADDRESS_SIZE];
    char password[PASSWORD_SIZE]; /* normalized; a letter's code in its canonical form */
    bool for_change;
    struct entry *entry; /* NULL: no such name */
    time_t now;
};

static void login_clear(struct login *login)
{
    login->entry = entry_free(login->entry);
    sodium_memzero(login->password, sizeof login->password);
}

static void answer(struct login *login, enum wire_verdict verdict)
{
    reply_standard(login->reply, verdict, login->language);
}

static void answer_wait(struct login *login, time_t wait)
{
    char span[64], line[TEXT_SIZE];

    calendar_say_span(wait, login->language, span, sizeof span);
    text_format(line, sizeof line, login->language,
                N_("Too many failed attempts. For your protection nothing was checked. Please try "
                   "again in %s."),
                span);
    reply_verdict(login->reply, WIRE_THROTTLED, line);
}

static void answer_blocked(struct login *login)
{
    reply_verdict(login->reply, WIRE_THROTTLED,
                  text(login->language,
                       N_("Too many failed attempts. For your protection nothing was checked, and "
                          "logging in is blocked. Please contact our customer service.")));
}

static bool is_password(const struct login *login)
{
    return *login->password != 0;
}

/* Puts what was typed into the form that is verified. Returns false when the answer is given
   already. */
static bool read_password(struct login *login)
{
    char typed[PASSWORD_SIZE], code[CODE_SIZE];
    enum code_form form = CODE_OTHER;
    int r = wire_get_string(&login->request->frame, WIRE_PASSWORD, typed, sizeof typed);

    if (r == 0) {
        form = code_read(typed, code);
        /* What can't be a password is verified as one that nobody has: refused like any other, and
           counted. */
        if (form == CODE_RIGHT)
            memcpy(login->password, code, sizeof code);
        else if (secret_normalize(typed, login->password, sizeof login->password) < 0)
            login->password[0] = 0;
    }
    sodium_memzero(typed, sizeof typed);
    sodium_memzero(code, sizeof code);
    if (form != CODE_TYPING_ERROR)
        return true;
    answer(login, WIRE_TYPING_ERROR);
    return false;
}

/* Returns false when the request is answered already. */
static bool read_request(struct login *login)
{
    char typed[MAIL_ADDRESS_SIZE], client[CLIENT_SIZE] = "";
    const struct wire_frame *f = &login->request->frame;
    uint8_t purpose = 0;

    request_language(login->manager, login->request, login->language);
    wire_get_string(f, WIRE_SERVICE, login->service, sizeof login->service);
    wire_get_string(f, WIRE_CLIENT, client, sizeof client);
    wire_get_u8(f, WIRE_PURPOSE, &purpose);
    login->for_change = purpose == 1;
    throttle_client(client, login->client);
    if (wire_get_string(f, WIRE_USER, typed, sizeof typed) < 0 ||
        login_name_read(typed, login->name) < 0) {
        answer(login, WIRE_WRONG);
        return false;
    }
    return read_password(login);
}

/* The failures of this name: its entry's or, for one that doesn't exist, the table's. */
static struct entry_failures failures_get(const struct login *login)
{
    struct throttle_state state;

    if (account_has_login(login->entry))
        return login->entry->failures[FACTOR_PASSWORD];
    throttle_get(login->manager->names, SPACE_NAMES, login->name, &state);
    return (struct entry_failures){.count = state.failures, .retry_after = state.retry_after};
}

/* Writes them down; a name that doesn't exist costs the same write. */
static int failures_put(struct login *login, const struct entry_failures *failures)
{
    _cleanup_(changes_clear) struct changes changes = {0};
    long long deadline = login->request->deadline;
    int r;

    if (!account_has_login(login->entry)) {
        throttle_set(login->manager->names, SPACE_NAMES, login->name,
                     &(struct throttle_state){.failures = failures->count,
                                              .retry_after = failures->retry_after},
                     login->now);
        return directory_touch_decoy(login->worker->directory, deadline);
    }
    account_write_failures(FACTOR_PASSWORD, failures, &changes);
    r = entry_swap(login->worker->directory, login->entry, &changes, deadline);
    if (r == 0) { /* the entry in hand is the one that was just written */
        login->entry->revision++;
        login->entry->has_revision = true;
        login->entry->failures[FACTOR_PASSWORD] = *failures;
    }
    return r;
}

static int reread(struct login *login)
{
    struct entry *entry = NULL;
    int r = directory_find(login->worker->directory, DIRECTORY_LOGIN, login->name, false,
                           login->request->deadline, &entry);

    if (r < 0 && r != -ENOENT && r != -ENOTUNIQ)
        return r;
    entry_free(login->entry);
    login->entry = entry;
    return 0;
}

/* Counts one failure more; a lost race is run again on what the winner left. -EDQUOT when that
   makes the throttle hold. */
static int count_failure(struct login *login, struct entry_failures *ret)
{
    time_t wait = 0;
    int r = -ESTALE;

    for (int i = 0; i < SWAP_TRIES && (r == -ESTALE || r == -EUCLEAN); i++) {
        struct entry_failures before;
        if (i > 0 && (r = reread(login)) < 0)
            return r;
        before = failures_get(login);
        if (i > 0 && account_attempt(&login->manager->settings->rules, &before, login->now,
                                     &wait) != ATTEMPT_VERIFY)
            return -EDQUOT;
        *ret = account_count_failure(&login->manager->settings->rules, &before, login->now);
        r = failures_put(login, ret);
    }
    return r;
}

static int verify(struct login *login)
{
    const char *dn = account_has_login(login->entry) ? login->entry->dn : NULL;
    long long deadline = login->request->deadline;
    int r;

    if ((r = secret_gate_enter(login->manager->gate, deadline)) < 0)
        return r;
    /* Something has to be verified, so that it takes the same time. */
    r = directory_verify(login->worker->directory, dn,
                         is_password(login) ? login->password : "\x01", deadline);
    secret_gate_leave(login->manager->gate);
    return r == 0 && dn && is_password(login) ? 0 : r == 0 ? -EACCES : r;
}

/* The journal says what the person isn't told. A name that nobody has may be a password that was
   typed into the wrong field, so it is never logged. */
static void log_login(const struct login *login, const char *message, const char *what,
                      const char *why)
{
    log_event(LOG_INFO, message,
              LOG_FIELDS("PORTAL_SERVICE", login->service, "PORTAL_CLIENT", login->client,
                         "PORTAL_ENTRY", login->entry ? login->entry->uid : ""),
              "Login %s: %s: %s", what, login->entry ? login->entry->uid : "unknown name", why);
}

static void note_failure(struct login *login)
{
    struct throttle *rates = login->manager->rates;

    atomic_fetch_add(&login->manager->logins.failed, 1);
    if (*login->client)
        throttle_member(rates, SPACE_FAILING, login->client, login->name, HOUR, login->now);
    log_login(login, MESSAGE_LOGIN_FAILED, "failed",
              account_has_login(login->entry) ? "wrong password" : "no such account");
}

/* Why a right password doesn't let in. */
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

/* The password was right: the count starts over. Losing this race is harmless when it was for
   somebody else's failure; the counter at most stays too high by one. False when it was for a new
   password: the one that was verified opens nothing any more. */
static bool failures_take_back(struct login *login)
{
    static const struct entry_failures none = {0};
    time_t changed = login->entry->password_changed;
    uint64_t epoch = login->entry->session_epoch;

    if (failures_put(login, &none) != -ESTALE)
        return true;
    /* Who was faster, and with what, must be known before anybody is let in. */
    if (reread(login) < 0 || !account_has_login(login->entry))
        return false;
    if (login->entry->password_changed != changed || login->entry->session_epoch != epoch)
        return account_login(login->entry, login->now) != WIRE_OK; /* locked: that is said */
    failures_put(login, &none);
    return true;
}

/* The password was right. */
static void admit(struct login *login, bool failures_on_record)
{
    enum wire_verdict verdict = account_login(login->entry, login->now), account;
    struct entry_failures none = {0};
    uint8_t grant[GRANT_SIZE];
    size_t size = 0;

    if (failures_on_record && verdict != WIRE_WRONG && !failures_take_back(login))
        login->entry = entry_free(login->entry);
    if (!login->entry || (verdict = account_login(login->entry, login->now)) != WIRE_OK) {
        atomic_fetch_add(&login->manager->logins.failed, 1);
        log_login(login, MESSAGE_LOGIN_FAILED, "failed",
                  refusal_word(login->entry ? verdict : WIRE_WRONG));
        answer(login, login->entry ? verdict : WIRE_WRONG);
        return;
    }
    login->entry->failures[FACTOR_PASSWORD] = none;
    account = account_access(&login->manager->settings->rules, login->entry, login->now);
    answer(login, WIRE_OK);
    wire_put_u8(login->reply, WIRE_ACCOUNT_CODE, (uint8_t)account);
    wire_put_string(login->reply, WIRE_UID, login->entry->uid);
    if (login->entry->last_login)
        wire_put_u64(login->reply, WIRE_TIME, (uint64_t)login->entry->last_login);
    if ((login->for_change || account == WIRE_NEW_PASSWORD) &&
        grant_make(login->manager->keys, GRANT_LOGIN, login->name, login->service, login->entry,
                   login->now, grant, &size) == 0)
        wire_put(login->reply, WIRE_GRANT, grant, size);
    atomic_fetch_add(&login->manager->logins.ok, 1);
    if (account_login_due(&login->manager->settings->rules, login->entry, login->now))
        clerk_note_login(login->manager->clerk, login->entry->uuid, login->now);
}

/* True when a throttle holds and the request is answered. */
static bool throttled(struct login *login, const struct entry_failures *failures)
{
    const char *why = "too many failures";
    time_t wait = 0;

    if (*login->client &&
        throttle_full(login->manager->rates, SPACE_FAILING, login->client, login->name,
                      (unsigned)login->manager->settings->names_per_client, HOUR, login->now,
                      &wait)) {
        why = "too many failing names from this client";
        answer_wait(login, wait);
    } else {
        switch (account_attempt(&login->manager->settings->rules, failures, login->now, &wait)) {
        case ATTEMPT_VERIFY:
            return false;
        case ATTEMPT_WAIT:
            answer_wait(login, wait);
            break;
        case ATTEMPT_BLOCKED:
            why = "blocked until recovered or unblocked";
            answer_blocked(login);
        }
    }
    atomic_fetch_add(&login->manager->logins.throttled, 1);
    log_login(login, MESSAGE_THROTTLED, "throttled", why);
    return true;
}

static void decide(struct login *login)
{
    struct entry_failures failures = failures_get(login), counted;
    bool counted_first = failures.count > 0;
    int r = 0;

    if (throttled(login, &failures))
        return;
    /* Once a failure is on record, the next is written before verifying and taken back on success:
       guesses that run side by side, here or at another portald, each find the others counted. */
    if (counted_first && (r = count_failure(login, &counted)) < 0) {
        failures = failures_get(login);
        if (r != -EDQUOT || !throttled(login, &failures))
            reply_error(login->reply, r, login->language);
        return;
    }
    r = verify(login);
    if (r == 0) {
        admit(login, counted_first);
        return;
    }
    if (r != -EACCES && r != -EINVAL) {
        reply_error(login->reply, r, login->language);
        return;
    }
    if (!counted_first && (r = count_failure(login, &counted)) < 0 && r != -EDQUOT) {
        reply_error(login->reply, r, login->language);
        return;
    }
    note_failure(login);
    answer(login, WIRE_WRONG);
}

void auth_authenticate(struct worker *worker, const struct request *request,
                       struct wire_writer *reply)
{
    _cleanup_(login_clear) struct login login = {.worker = worker,
                                                 .manager = worker->manager,
                                                 .request = request,
                                                 .reply = reply,
                                                 .now = clock_now()};
    int r;

    wire_begin(reply, WIRE_VERDICT);
    if (!read_request(&login))
        return;
    r = directory_find(worker->directory, DIRECTORY_LOGIN, login.name, false, request->deadline,
                       &login.entry);
    if (r < 0 && r != -ENOENT && r != -ENOTUNIQ) {
        reply_error(reply, r, login.language);
        return;
    }
    decide(&login);
}

void auth_account(struct worker *worker, const struct request *request, struct wire_writer *reply)
{
    _cleanup_(entry_free_p) struct entry *entry = NULL;
    char language[LANGUAGE_SIZE], typed[MAIL_ADDRESS_SIZE], name[MAIL_ADDRESS_SIZE];
    enum wire_verdict verdict;
    int r;

    wire_begin(reply, WIRE_VERDICT);
    request_language(worker->manager, request, language);
    if (wire_get_string(&request->frame, WIRE_USER, typed, sizeof typed) < 0 ||
        login_name_read(typed, name) < 0) {
        reply_standard(reply, WIRE_UNKNOWN, language);
        return;
    }
    r = directory_find(worker->directory, DIRECTORY_LOGIN, name, false, request->deadline, &entry);
    if (r < 0 && r != -ENOENT && r != -ENOTUNIQ) {
        reply_error(reply, r, language);
        return;
    }
    verdict = account_access(&worker->manager->settings->rules, entry, clock_now());
    reply_standard(reply, verdict, language);
    if (entry && verdict == WIRE_OK)
        wire_put_string(reply, WIRE_UID, entry->uid);
}
