/* Setting a personal password: WIRE_CHANGE, and WIRE_QUALITY before it. What costs little is looked
   at first, so that most passwords that are refused are refused at once. */
#include "config.h"

#include "grant.h"
#include "handlers.h"
#include "known.h"
#include "notice.h"
#include "recovery.h"
#include "swap.h"
#include "texts.h"
#include "visit.h"

#include "cleanup.h"
#include "clock.h"

#include <errno.h>
#include <sodium.h>
#include <stdio.h>

#define HISTORY_MOST 5 /* of the passwords before this one */

struct change_request {
    struct worker *worker;
    const struct request *request;
    struct wire_writer *reply;
    char language[LANGUAGE_SIZE], service[SERVICE_SIZE], name[MAIL_ADDRESS_SIZE],
        uuid[JOB_ENTRY_SIZE], client[THROTTLE_CLIENT_SIZE], known_as[THROTTLE_CLIENT_SIZE];
    char password[PASSWORD_SIZE];
    const uint8_t *grant;
    size_t grant_size;
    enum grant_kind kind;
    enum wire_purpose purpose;
    bool no_letter; /* with the next PUK, after a recovery */
    struct entry *entry;
    time_t now;
};

static void change_clear(struct change_request *c)
{
    c->entry = entry_free(c->entry);
    sodium_memzero(c->password, sizeof c->password);
}

static void refuse(struct change_request *c, enum account_password why)
{
    static const char *const texts[] = {
        [PASSWORD_LIKE_A_CODE] =
            N_("This looks like a code from a letter. Please choose a password of your own, for "
               "example several words."),
        [PASSWORD_OWN_DATA] =
            N_("This password contains your name, your e-mail address, your date of birth or your "
               "policy number. Others could guess it; please choose another one."),
        [PASSWORD_REPEATED] = N_(
            "This password repeats the same few characters. Others could guess it; please choose "
            "another one."),
        [PASSWORD_THE_SAME] =
            N_("This is the password that you have now. Please choose another one."),
        [PASSWORD_USED] = N_("You have used this password before. Please choose another one."),
        [PASSWORD_COMMON] =
            N_("This password is little more than a word, a name, a date or a row of keys. Others "
               "could guess it; please choose another one, for example three words that have "
               "nothing to do with each other."),
        [PASSWORD_TOO_SIMPLE] =
            N_("This password is too simple. Others could guess it; please choose another one, for "
               "example three words that have nothing to do with each other."),
    };
    const struct account_rules *rules = &c->worker->manager->settings->rules;
    char line[TEXT_SIZE];

    if (why == PASSWORD_TOO_SHORT)
        text_format(line, sizeof line, c->language,
                    N_("This password is too short. Please choose one with at least %ld "
                       "characters, for example "
                       "several words."),
                    rules->password_least);
    else if (why == PASSWORD_TOO_LONG)
        text_format(line, sizeof line, c->language,
                    N_("This password is too long. At most %ld characters are possible."),
                    rules->password_most);
    else
        snprintf(line, sizeof line, "%s", text(c->language, texts[why]));
    reply_verdict(c->reply, WIRE_REFUSED, line);
}

/* Whether the new password is the one in force: 0 no, -EEXIST yes, or an error. Nobody reads
   userPassword, so slapd is asked. */
static int compare(struct change_request *c)
{
    int r = secret_gate_enter(c->worker->manager->gate, c->request->deadline);

    if (r < 0)
        return r;
    r = directory_verify(c->worker->directory, c->entry->dn, c->password, c->request->deadline);
    secret_gate_leave(c->worker->manager->gate);
    return r == 0 ? -EEXIST : r == -EACCES ? 0 : r;
}

static int read_entry(struct change_request *c)
{
    struct entry *entry = NULL;
    int r = directory_find(c->worker->directory, DIRECTORY_UUID, c->uuid, true,
                           c->request->deadline, &entry);

    if (r < 0)
        return r == -ENOENT ? -EBADMSG : r;
    entry_free(c->entry);
    c->entry = entry;
    if (!account_has_login(entry) || account_login(entry, c->now) != WIRE_OK ||
        grant_check(c->worker->manager->keys, c->grant, c->grant_size, entry, &c->kind) < 0 ||
        (c->kind == GRANT_RECOVERY && !account_may_use_puk(entry)))
        return -EBADMSG;
    return 0;
}

/* Whether the write whose outcome wasn't known had worked: 0, -ESTALE when not. Our time and the
   next epoch together are ours alone. */
static int written_after_all(struct change_request *c)
{
    _cleanup_(entry_free_p) struct entry *entry = NULL;
    int r = directory_find(c->worker->directory, DIRECTORY_UUID, c->uuid, false,
                           c->request->deadline, &entry);

    if (r < 0)
        return r;
    return entry->password_changed == c->now && entry->session_epoch == c->entry->session_epoch + 1
               ? 0
               : -ESTALE;
}

/* Whether it is one of the last five: 0 no, -EEXIST yes, or an error. Each hash waits for its own
   place. What another system hashed can't be told and is passed over. */
static int compare_history(struct change_request *c)
{
    struct secret_gate *gate = c->worker->manager->gate;
    long long deadline = c->request->deadline;

    for (size_t i = 0; i < c->entry->history_count && i < HISTORY_MOST; i++) {
        int r = clock_monotonic_ms() < deadline ? secret_gate_enter(gate, deadline) : -EBUSY;
        if (r < 0)
            return r;
        r = secret_verify(c->entry->history[i].hash, c->password);
        secret_gate_leave(gate);
        if (r == 0)
            return -EEXIST;
        if (r != -EACCES && r != -EOPNOTSUPP)
            return r;
    }
    return 0;
}

/* What can be said of it without a hash. */
static enum account_password look(const struct change_request *c)
{
    const struct manager *m = c->worker->manager;
    enum account_password why = account_check_password(&m->settings->rules, c->entry, c->password);

    return why == PASSWORD_GOOD ? quality_check(m->quality, c->password) : why;
}

/* Why the password can't be taken, or PASSWORD_GOOD. Returns 0 or an error. */
static int check(struct change_request *c, enum account_password *ret)
{
    enum account_password why = look(c);
    int r;

    if (why == PASSWORD_GOOD) {
        if ((r = compare(c)) == -EEXIST)
            why = PASSWORD_THE_SAME;
        else if (r < 0)
            return r;
        else if ((r = compare_history(c)) == -EEXIST)
            why = PASSWORD_USED;
        else if (r < 0)
            return r;
    }
    *ret = why;
    return 0;
}

/* What goes with a new password: staged before it is written, settled once that is known. */
struct effects {
    struct notice notice;
    struct recovery_effects recovery; /* with a recovery's grant only */
};

static int effects_stage(struct change_request *c, struct effects *ret)
{
    int r = 0;

    if (c->kind == GRANT_RECOVERY)
        r = recovery_stage(c->worker->manager, c->entry, c->now, c->request->deadline,
                           &ret->recovery);
    if (r < 0)
        return r;
    notice_stage(c->worker->manager, c->entry,
                 c->entry->state == ACCOUNT_ACTIVE ? "password-changed" : "password-set", c->now,
                 &ret->notice);
    return 0;
}

static void effects_apply(struct change_request *c, const struct effects *effects, const char *hash,
                          struct changes *changes)
{
    const struct manager *m = c->worker->manager;

    if (c->kind == GRANT_RECOVERY)
        recovery_apply(m, c->entry, &effects->recovery, hash, c->now, changes);
    else
        account_set_password(c->entry, hash, m->settings->ppolicy, c->now, changes);
    account_note_job(effects->notice.job, changes);
}

static void effects_settle(struct change_request *c, const struct effects *effects, bool written)
{
    notice_settle(c->worker->manager, &effects->notice, written);
    recovery_settle(c->worker->manager, &effects->recovery, written);
}

static void effects_clear(struct effects *effects)
{
    letter_clear(&effects->recovery.letter);
}

/* -EUCLEAN: the outcome isn't known. */
static int swap_password(struct change_request *c, const struct effects *effects, const char *hash)
{
    int r = -ESTALE;

    for (int i = 0; r == -ESTALE && i < SWAP_TRIES; i++) {
        _cleanup_(changes_clear) struct changes changes = {0};
        if (i > 0 && (r = read_entry(c)) < 0)
            return r;
        effects_apply(c, effects, hash, &changes);
        r = entry_swap(c->worker->directory, c->entry, &changes, c->request->deadline);
        if (r == -EUCLEAN) {
            r = written_after_all(c);
            if (r < 0 && r != -ESTALE)
                return -EUCLEAN;
        }
    }
    return r;
}

static int write_password(struct change_request *c)
{
    struct manager *m = c->worker->manager;
    _cleanup_(effects_clear) struct effects effects = {0};
    char hash[SECRET_HASH_SIZE];
    int r;

    if ((r = secret_gate_enter(m->gate, c->request->deadline)) < 0)
        return r;
    r = secret_hash(c->password, hash);
    secret_gate_leave(m->gate);
    if (r < 0)
        return r;
    if ((r = effects_stage(c, &effects)) == 0) {
        c->no_letter = c->kind == GRANT_RECOVERY && !*effects.recovery.letter.job;
        r = swap_password(c, &effects, hash);
        if (r != -EUCLEAN)
            effects_settle(c, &effects, r == 0);
    }
    sodium_memzero(hash, sizeof hash);
    return r;
}

/* Reads what was sent. Returns 0; -EBADMSG when the grant doesn't fit; -EILSEQ when the password
   isn't text. */
static int read_request(struct change_request *c)
{
    const struct wire_frame *f = &c->request->frame;
    char typed[PASSWORD_SIZE];
    int r;

    request_language(c->worker->manager, c->request, c->language);
    request_client(c->request, c->client);
    request_known_as(c->request, c->known_as);
    c->purpose = request_purpose(c->request);
    if (wire_get_string(f, WIRE_USER, typed, MAIL_ADDRESS_SIZE) < 0 ||
        login_name_read(typed, c->name) < 0 ||
        wire_get_string(f, WIRE_SERVICE, c->service, sizeof c->service) < 0 ||
        wire_get(f, WIRE_GRANT, &c->grant, &c->grant_size) < 0 ||
        grant_open(c->worker->manager->keys, c->grant, c->grant_size, c->name, c->service, c->now,
                   c->uuid) < 0)
        return -EBADMSG;
    r = wire_get_string(f, WIRE_PASSWORD, typed, sizeof typed);
    if (r == 0)
        r = secret_normalize(typed, c->password, sizeof c->password);
    sodium_memzero(typed, sizeof typed);
    return r < 0 ? -EILSEQ : 0;
}

/* After a recovery the customer is logged in, too, but for the code where TOTP is set up. */
static void answer_recovered(struct change_request *c)
{
    const struct state_bounds bounds = {c->name, c->service,
                                        *c->known_as ? c->known_as : c->client};
    const struct proof proof = proof_make(c->entry);
    struct manager *m = c->worker->manager;
    uint8_t state[STATE_SIZE];
    size_t size = 0;

    reply_verdict(c->reply, WIRE_OK, recovery_text(c->language, !c->no_letter));
    if (!account_needs_code(c->entry)) {
        known_remember(m->known, c->entry, c->known_as, c->now);
        wire_put_u8(c->reply, WIRE_ACCOUNT_CODE, WIRE_OK);
        wire_put_string(c->reply, WIRE_UID, c->entry->uid);
        visit_begin(m, c->request, c->entry, c->now, c->reply);
    } else if (state_make(m->keys, &bounds, &proof, c->purpose, c->now, state, &size) == 0) {
        wire_put(c->reply, WIRE_STATE, state, size);
    }
}

/* Whoever set this password has shown to be the account's owner, with a code where one is needed:
   the grant says so. */
static void answer_changed(struct change_request *c)
{
    known_remember(c->worker->manager->known, c->entry, c->known_as, c->now);
    reply_verdict(
        c->reply, WIRE_OK,
        text(c->language, N_("Your new password is set. From now on, please log in with it.")));
    wire_put_string(c->reply, WIRE_UID, c->entry->uid);
    visit_begin(c->worker->manager, c->request, c->entry, c->now, c->reply);
}

/* The entry as it is now. */
static void answer_done(struct change_request *c)
{
    struct manager *m = c->worker->manager;
    uint8_t grant[GRANT_SIZE];
    size_t size = 0;

    c->entry->state = ACCOUNT_ACTIVE;
    c->entry->password_changed = c->now;
    c->entry->session_epoch++;
    if (c->kind == GRANT_RECOVERY)
        answer_recovered(c);
    else
        answer_changed(c);
    if (c->purpose == WIRE_PURPOSE_ENROLL && account_may_enroll(c->entry) &&
        grant_make(m->keys, GRANT_LOGIN, c->name, c->service, c->entry, c->now, grant, &size) == 0)
        wire_put(c->reply, WIRE_GRANT, grant, size);
}

static void answer(struct change_request *c, int r, enum account_password quality)
{
    if (r == -EILSEQ)
        reply_verdict(c->reply, WIRE_REFUSED,
                      text(c->language,
                           N_("This password contains characters that can't be used. Please choose "
                              "another one.")));
    else if (r == -EBADMSG)
        reply_standard(c->reply, WIRE_GRANT_OVER, c->language);
    else if (r < 0)
        reply_error(c->reply, r, c->language);
    else
        refuse(c, quality);
}

static struct change_request change_make(struct worker *worker, const struct request *request,
                                         struct wire_writer *reply)
{
    wire_begin(reply, WIRE_VERDICT);
    return (struct change_request){
        .worker = worker, .request = request, .reply = reply, .now = clock_now()};
}

void change_password(struct worker *worker, const struct request *request,
                     struct wire_writer *reply)
{
    _cleanup_(change_clear) struct change_request c = change_make(worker, request, reply);
    enum account_password quality = PASSWORD_GOOD;
    int r = read_request(&c);

    if (r == 0)
        r = read_entry(&c);
    if (r == 0)
        r = check(&c, &quality);
    if (r == 0 && quality == PASSWORD_GOOD)
        r = write_password(&c);
    if (r < 0 || quality != PASSWORD_GOOD)
        answer(&c, r, quality);
    else
        answer_done(&c);
}

/* The same up to where it would cost something: for who is still choosing. */
void change_look(struct worker *worker, const struct request *request, struct wire_writer *reply)
{
    _cleanup_(change_clear) struct change_request c = change_make(worker, request, reply);
    enum account_password quality = PASSWORD_GOOD;
    int r = read_request(&c);

    if (r == 0)
        r = read_entry(&c);
    if (r == 0)
        quality = look(&c);
    if (r < 0 || quality != PASSWORD_GOOD)
        answer(&c, r, quality);
    else
        reply_verdict(reply, WIRE_OK, "");
}
