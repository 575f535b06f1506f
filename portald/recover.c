/* A forgotten password: WIRE_FORGOTTEN asks for a code, WIRE_RECOVER answers it together with the
   PUK. Neither tells whether a name exists, nor which of code and PUK was wrong. What follows a
   request, and what the new password brings with it: recovery.c. */
#include "config.h"

#include "grant.h"
#include "login.h"
#include "puk.h"
#include "recovery.h"
#include "swap.h"
#include "texts.h"

#include "cleanup.h"
#include "clock.h"
#include "log.h"
#include "messages.h"

#include <errno.h>
#include <sodium.h>
#include <stdio.h>

#define SPACE_ASKED     "forgotten-client"
#define SPACE_TRIES     "recover"           /* of one client */
#define SPACE_ALL       "recover-all"       /* of all that the account doesn't know */
#define SPACE_UNBLOCKED "recover-unblocked" /* how often */
#define WHAT_SIZE       (MAIL_ADDRESS_SIZE + THROTTLE_CLIENT_SIZE + 11)
#define TYPED_MAX       512

static const char *const wrong =
    N_("The code from the e-mail or the PUK is not right. Please use the newest code, and the PUK "
       "from your latest letter. If it still doesn't work, please contact our customer service.");

/* --- Asking for a code --- */

static bool asked_too_often(struct login *login)
{
    char span[64], line[TEXT_SIZE];
    time_t wait = 0;

    if (!*login->client ||
        throttle_take(login->manager->rates, SPACE_ASKED, login->client,
                      (unsigned)login->manager->settings->registrations_per_client, HOUR,
                      login->now, &wait) == 0)
        return false;
    calendar_say_span(wait, login->language, span, sizeof span);
    text_format(line, sizeof line, login->language,
                N_("Too many requests from your connection. Please try again in %s."), span);
    reply_verdict(login->reply, WIRE_THROTTLED, line);
    login_log(login, MESSAGE_THROTTLED, "throttled", "too many codes asked for from this client");
    return true;
}

static int enqueue(const struct login *login)
{
    struct recovery_request request = {0};
    struct job job = {.kind = JOB_REGISTRATION, .state = JOB_READY, .topic = RECOVERY_TOPIC};
    int r;

    snprintf(request.name, sizeof request.name, "%s", login->name);
    snprintf(request.client, sizeof request.client, "%s", login->client);
    snprintf(request.known_as, sizeof request.known_as, "%s", login->known_as);
    if ((r = recovery_write(&request, &job.payload, &job.payload_size)) < 0)
        return r;
    ulid_make(clock_now_ms(), job.id);
    job.created = job.due = login->now;
    r = queue_put(login->manager->queue, &job);
    job_clear(&job);
    return r;
}

void recover_ask(struct worker *worker, const struct request *request, struct wire_writer *reply)
{
    _cleanup_(login_clear) struct login login = login_make(worker, request, reply);
    char line[TEXT_SIZE];
    bool is_name = login_read(&login);
    int r;

    if (asked_too_often(&login))
        return;
    r = is_name ? enqueue(&login) : 0;
    if (r < 0) {
        log_event(LOG_ERR, MESSAGE_QUEUE_TROUBLE, NULL,
                  "A request for a code couldn't be queued: %s", strerror(-r));
        reply_standard(reply, r == -EBUSY ? WIRE_BUSY : WIRE_UNAVAILABLE, login.language);
        return;
    }
    text_format(line, sizeof line, login.language,
                N_("If there is an account with this e-mail address, a code is on its way to it by "
                   "e-mail. It works for %ld minutes; if you have several, take the newest. If "
                   "none arrives within a few minutes, please look in your spam folder or contact "
                   "our customer service. Please have the letter with your PUK at hand, too."),
                worker->manager->settings->rules.code_life / MINUTE);
    reply_verdict(reply, WIRE_OK, line);
}

/* --- Code and PUK --- */

struct attempt {
    struct login login;
    char code[MAILED_CODE_SIZE], puk[TYPED_MAX];
    bool code_right;
};

static void attempt_clear(struct attempt *a)
{
    login_clear(&a->login);
    sodium_memzero(a->code, sizeof a->code);
    sodium_memzero(a->puk, sizeof a->puk);
}

/* Eight digits, blanks and hyphens anywhere. */
static bool read_code(const struct request *request, char ret[static MAILED_CODE_SIZE])
{
    char typed[TYPED_MAX], code[MAILED_CODE_SIZE] = "";
    size_t n = 0;
    bool good = wire_get_string(&request->frame, WIRE_CODE, typed, sizeof typed) == 0;

    for (const char *p = typed; good && *p; p++) {
        if (*p == ' ' || *p == '-')
            continue;
        good = *p >= '0' && *p <= '9' && n < MAILED_CODE_SIZE - 1;
        if (good)
            code[n++] = *p;
    }
    good = good && n == MAILED_CODE_SIZE - 1;
    if (good)
        memcpy(ret, code, MAILED_CODE_SIZE);
    sodium_memzero(typed, sizeof typed);
    sodium_memzero(code, sizeof code);
    return good;
}

/* What can't be right is said to be a typing error, for every name alike, and doesn't count.
   Returns false when the request is answered. */
static bool read_attempt(struct attempt *a)
{
    struct login *login = &a->login;
    char code[CODE_SIZE];
    enum code_form form;

    if (!login_read(login)) {
        reply_verdict(login->reply, WIRE_WRONG, text(login->language, wrong));
        return false;
    }
    if (wire_get_string(&login->request->frame, WIRE_PUK, a->puk, sizeof a->puk) < 0)
        a->puk[0] = 0;
    form = code_read(a->puk, code);
    sodium_memzero(code, sizeof code);
    if (form == CODE_TYPING_ERROR) {
        reply_verdict(login->reply, WIRE_TYPING_ERROR, text(login->language, puk_typing_error()));
        return false;
    }
    if (!read_code(login->request, a->code)) {
        reply_verdict(
            login->reply, WIRE_TYPING_ERROR,
            text(login->language,
                 N_("The code from the e-mail has eight digits. Please compare it, and try "
                    "again. This attempt does not count.")));
        return false;
    }
    return true;
}

/* The name and the client, so that a stranger elsewhere doesn't use up the customer's tries, and
   names that don't exist behave like any other. Whom the account knows has these tries alone, from
   whatever addresses they come. Unblocking leaves all of them behind. */
static void tries_of_client(const struct login *login, char ret[static WHAT_SIZE])
{
    struct throttle_state unblocked;

    throttle_get(login->manager->names, SPACE_UNBLOCKED, login->name, &unblocked);
    snprintf(ret, WHAT_SIZE, "%s %s %u", login->name,
             login->known ? login->known_as : login->client, unblocked.failures);
}

void recovery_unblock(const struct manager *manager, const char *name, time_t now)
{
    static const struct throttle_state none = {0};
    struct throttle_state unblocked;

    throttle_get(manager->names, SPACE_UNBLOCKED, name, &unblocked);
    unblocked.failures++;
    throttle_set(manager->names, SPACE_UNBLOCKED, name, &unblocked, now);
    throttle_set(manager->names, SPACE_ALL, name, &none, now);
}

/* One that went to an address which somebody has changed since is none. */
static bool has_code(const struct login *login)
{
    return account_may_use_puk(login->entry) && *login->entry->code.hash &&
           !account_mail_changed(login->entry);
}

static bool table_waits(const struct login *login, const char *space, const char *what,
                        time_t *ret_wait)
{
    struct throttle_state state;

    throttle_get(login->manager->names, space, what, &state);
    if (state.retry_after <= login->now)
        return false;
    *ret_wait = state.retry_after - login->now;
    return true;
}

/* While any of these holds nothing is verified. A client that the account knows has only its own:
   guessing from elsewhere doesn't keep the customer out. */
static bool tries_used_up(struct attempt *a)
{
    struct login *login = &a->login;
    char client[WHAT_SIZE];
    time_t wait = 0;

    tries_of_client(login, client);
    if (table_waits(login, SPACE_TRIES, client, &wait) ||
        (!login->known &&
         (table_waits(login, SPACE_ALL, login->name, &wait) ||
          (has_code(login) && account_attempt_code(&login->manager->settings->rules, login->entry,
                                                   login->now, &wait) != ATTEMPT_VERIFY)))) {
        login_answer_wait(login, wait);
        login_log(login, MESSAGE_THROTTLED, "throttled", "too many wrong codes");
        return true;
    }
    return false;
}

static void count_in_table(const struct login *login, const char *space, const char *what,
                           unsigned long most)
{
    struct throttle_state state;

    throttle_get(login->manager->names, space, what, &state);
    if (state.retry_after) /* a wait that is over */
        state = (struct throttle_state){0};
    if (++state.failures >= most)
        state = (struct throttle_state){.retry_after =
                                            login->now + login->manager->settings->rules.code_wait};
    throttle_set(login->manager->names, space, what, &state, login->now);
}

/* Before verifying, so that no try goes uncounted. */
static void count_try(const struct login *login)
{
    const struct account_rules *rules = &login->manager->settings->rules;
    char client[WHAT_SIZE];

    tries_of_client(login, client);
    count_in_table(login, SPACE_TRIES, client, (unsigned long)rules->code_tries);
    if (!login->known)
        count_in_table(login, SPACE_ALL, login->name, (unsigned long)rules->block_failures);
}

/* A known client's success gives others no fresh tries. */
static void forget_tries(const struct login *login)
{
    static const struct throttle_state none = {0};
    char client[WHAT_SIZE];

    tries_of_client(login, client);
    throttle_set(login->manager->names, SPACE_TRIES, client, &none, login->now);
    if (!login->known)
        throttle_set(login->manager->names, SPACE_ALL, login->name, &none, login->now);
}

static bool code_fits(const struct login *login, const char *code)
{
    static const char nobody[JOB_ENTRY_SIZE] = "";
    const struct entry_code none = {0};
    const struct entry_code *of = has_code(login) ? &login->entry->code : &none;
    char hash[JOB_HASH_SIZE];
    bool same;

    derive_code_hash(login->manager->keys, has_code(login) ? login->entry->uuid : nobody, code,
                     hash);
    same = sodium_memcmp(hash, of->hash, sizeof hash) == 0;
    return same && login->now < of->expires;
}

/* Behind a right code only: that a PUK's throttle holds would tell anybody else that there is
   one. */
static bool puk_held_up(struct attempt *a)
{
    if (!a->code_right || !login_throttled(&a->login, LOGIN_PUK))
        return false;
    forget_tries(&a->login); /* this one wasn't wrong */
    return true;
}

/* 0, -EACCES, or an error. A PUK is verified whatever the code is: of the entry only behind a right
   one, otherwise nobody's. */
static int verify(struct attempt *a)
{
    struct login *login = &a->login;
    int r;

    r = puk_verify(login->manager, a->code_right ? login->entry : NULL, a->puk,
                   login->request->deadline);
    return r == 0 && !a->code_right ? -EACCES : r;
}

/* A wrong code, in the entry where one is out. Those that the table counted without one end in the
   same wait and start over with it: otherwise, who guessed before there was a code would find the
   entry's tries used up when no table's are, and so learn that there is an entry. */
static int count_code(struct login *login)
{
    const struct account_rules *rules = &login->manager->settings->rules;
    int r = -ESTALE;

    for (int i = 0; i < SWAP_TRIES && (r == -ESTALE || r == -EUCLEAN); i++) {
        _cleanup_(changes_clear) struct changes changes = {0};
        time_t wait = 0;

        if (i > 0 && (r = login_find(login, true)) < 0)
            return r;
        if (login->known || !has_code(login))
            return directory_touch_decoy(login->worker->directory, login->request->deadline);
        if (table_waits(login, SPACE_ALL, login->name, &wait))
            login->entry->code.tries = (unsigned)rules->block_failures - 1;
        account_count_code(rules, login->entry, login->now, &changes);
        r = entry_swap(login->worker->directory, login->entry, &changes, login->request->deadline);
    }
    return r;
}

/* One write in each case, then one answer. Wrong PUKs count only behind a right code, or else
   anybody could use up somebody's. */
static void refuse(struct attempt *a)
{
    struct login *login = &a->login;
    int r = a->code_right ? login_count(login, LOGIN_PUK) : count_code(login);

    if (r < 0 && r != -EDQUOT) {
        reply_error(login->reply, r, login->language);
        return;
    }
    login_failed(login, a->code_right ? "right code, wrong PUK" : "wrong code");
    reply_verdict(login->reply, WIRE_WRONG, text(login->language, wrong));
}

/* Both were right. The count of wrong PUKs goes with the PUK, when the new password is set. */
static void admit(struct attempt *a)
{
    struct login *login = &a->login;
    enum wire_verdict verdict = account_login(login->entry, login->now);
    uint8_t grant[GRANT_SIZE];
    size_t size = 0;
    int r;

    forget_tries(login);
    if (verdict != WIRE_OK) {
        login_log(login, MESSAGE_RECOVERY, "refused", "right code and PUK, but locked or closed");
        login_answer(login, verdict);
        return;
    }
    r = grant_make(login->manager->keys, GRANT_RECOVERY, login->name, login->service, login->entry,
                   login->now, grant, &size);
    if (r < 0) {
        reply_error(login->reply, r, login->language);
        return;
    }
    login_log(login, MESSAGE_RECOVERY, "recovering", "right code and PUK");
    reply_verdict(login->reply, WIRE_OK,
                  text(login->language, N_("Please choose your new personal password now.")));
    wire_put(login->reply, WIRE_GRANT, grant, size);
}

void recover_verify(struct worker *worker, const struct request *request, struct wire_writer *reply)
{
    _cleanup_(attempt_clear) struct attempt a = {.login = login_make(worker, request, reply)};
    int r;

    if (!read_attempt(&a))
        return;
    if ((r = login_find(&a.login, true)) < 0) {
        reply_error(reply, r, a.login.language);
        return;
    }
    if (tries_used_up(&a))
        return;
    count_try(&a.login);
    a.code_right = code_fits(&a.login, a.code);
    if (puk_held_up(&a))
        return;
    r = verify(&a);
    if (r == 0)
        admit(&a);
    else if (r == -EACCES)
        refuse(&a);
    else
        reply_error(reply, r, a.login.language);
}
