/* Setting up TOTP: WIRE_ENROLL gives a secret and changes nothing, WIRE_ENROLL_CODE confirms it by
   its first code and writes it down. WIRE_TOTP_OFF switches it off. */
#include "config.h"

#include "enrollment.h"
#include "grant.h"
#include "handlers.h"
#include "notice.h"
#include "swap.h"
#include "texts.h"
#include "visit.h"

#include "cleanup.h"
#include "clock.h"
#include "log.h"
#include "messages.h"

#include <errno.h>
#include <stdio.h>

/* How far a telephone's clock may be off for its owner to be told so, in steps. */
#define CLOCK_STEPS 120
#define GROUPS_SIZE (TOTP_SECRET_TEXT + TOTP_SECRET_TEXT / 4)

struct enroll {
    struct worker *worker;
    const struct request *request;
    struct wire_writer *reply;
    char language[LANGUAGE_SIZE], service[SERVICE_SIZE], name[MAIL_ADDRESS_SIZE];
    struct enrollment enrollment;
    uint8_t secret[TOTP_SECRET_BYTES];
    struct entry *entry;
    time_t now;
};

static void enroll_clear(struct enroll *e)
{
    e->entry = entry_free(e->entry);
    sodium_memzero(e->secret, sizeof e->secret);
}

static bool read_names(struct enroll *e)
{
    const struct wire_frame *f = &e->request->frame;
    char typed[MAIL_ADDRESS_SIZE];

    request_language(e->worker->manager, e->request, e->language);
    return wire_get_string(f, WIRE_USER, typed, sizeof typed) == 0 &&
           login_name_read(typed, e->name) == 0 &&
           wire_get_string(f, WIRE_SERVICE, e->service, sizeof e->service) == 0;
}

/* The entry as it is now; -EBADMSG when it is gone or nobody may log in to it. */
static int find_entry(struct enroll *e, const char *uuid)
{
    struct entry *entry = NULL;
    int r = directory_find(e->worker->directory, DIRECTORY_UUID, uuid, false, e->request->deadline,
                           &entry);

    if (r < 0)
        return r == -ENOENT ? -EBADMSG : r;
    entry_free(e->entry);
    e->entry = entry;
    return account_has_login(entry) && account_login(entry, e->now) == WIRE_OK ? 0 : -EBADMSG;
}

static void refuse(struct enroll *e)
{
    reply_verdict(
        e->reply, WIRE_REFUSED,
        e->entry->totp_size > 0
            ? text(e->language,
                   N_("Codes from an app are set up for your account already. If you have a new "
                      "phone, log in with your password and, instead of the code, the PUK from "
                      "your letter: then they can be set up anew."))
            : text(e->language,
                   N_("Please choose a personal password first. Then codes from an app can be set "
                      "up.")));
}

static void answer_error(struct enroll *e, int r)
{
    if (r == -EBADMSG)
        reply_verdict(
            e->reply, WIRE_GRANT_OVER,
            text(e->language,
                 N_("Too much time has passed, or your account has changed "
                    "meanwhile. Please log in again and then repeat what you wanted to do with the "
                    "codes. Nothing has been changed.")));
    else
        reply_error(e->reply, r, e->language);
}

/* --- A new secret --- */

static int read_grant(struct enroll *e)
{
    const struct keys *keys = e->worker->manager->keys;
    enum grant_kind kind = GRANT_RECOVERY;
    char uuid[JOB_ENTRY_SIZE];
    const uint8_t *grant;
    size_t size;
    int r;

    if (!read_names(e) || wire_get(&e->request->frame, WIRE_GRANT, &grant, &size) < 0 ||
        grant_open(keys, grant, size, e->name, e->service, e->now, uuid) < 0)
        return -EBADMSG;
    if ((r = find_entry(e, uuid)) < 0)
        return r;
    return grant_check(keys, grant, size, e->entry, &kind) < 0 || kind != GRANT_LOGIN ? -EBADMSG
                                                                                      : 0;
}

/* In groups of four, which people can type without losing their place. */
static void print_groups(const char *secret, char ret[static GROUPS_SIZE])
{
    size_t length = 0;

    for (size_t i = 0; secret[i]; i++) {
        if (i > 0 && i % 4 == 0)
            ret[length++] = ' ';
        ret[length++] = secret[i];
    }
    ret[length] = 0;
}

static void put_instructions(struct enroll *e)
{
    char secret[TOTP_SECRET_TEXT], groups[GROUPS_SIZE], line[TEXT_SIZE];

    totp_secret_text(e->secret, secret);
    print_groups(secret, groups);
    text_format(line, sizeof line, e->language,
                N_("Set up codes from an app for your account:\n"
                   "1. Open an authenticator app on your phone and add an account.\n"
                   "2. Scan the picture below, or type this key into the app:\n"
                   "    %s\n"
                   "3. Then enter the six digits that the app shows."),
                groups);
    reply_verdict(e->reply, WIRE_OK, line);
    sodium_memzero(secret, sizeof secret);
    sodium_memzero(groups, sizeof groups);
    sodium_memzero(line, sizeof line);
}

static int put_picture(struct enroll *e)
{
    char uri[TOTP_URI_SIZE] = "", qr[TOTP_QR_SIZE] = "";
    int r = totp_uri(e->secret, e->worker->manager->settings->company,
                     e->entry->mail ? e->entry->mail : e->name, uri);

    if (r == 0)
        r = totp_qr(uri, qr);
    if (r == 0) {
        wire_put_string(e->reply, WIRE_URI, uri);
        wire_put_string(e->reply, WIRE_QR, qr);
    }
    sodium_memzero(uri, sizeof uri);
    sodium_memzero(qr, sizeof qr);
    return r;
}

static int offer(struct enroll *e)
{
    struct manager *m = e->worker->manager;
    uint8_t state[STATE_SIZE];
    size_t size = 0;
    int r;

    totp_make(e->secret);
    e->enrollment.proof = proof_make(e->entry);
    r = totp_seal(m->totp, e->entry->uuid, e->secret, e->enrollment.sealed, &e->enrollment.size);
    if (r == 0)
        r = enrollment_make(m->keys, e->name, e->service, &e->enrollment, e->now, state, &size);
    if (r == 0)
        r = put_picture(e);
    if (r < 0)
        return r;
    put_instructions(e);
    wire_put(e->reply, WIRE_STATE, state, size);
    return 0;
}

void enroll_begin(struct worker *worker, const struct request *request, struct wire_writer *reply)
{
    _cleanup_(enroll_clear) struct enroll e = {
        .worker = worker, .request = request, .reply = reply, .now = clock_now()};
    int r;

    wire_begin(reply, WIRE_VERDICT);
    r = read_grant(&e);
    if (r == 0 && !account_may_enroll(e.entry)) {
        refuse(&e);
        return;
    }
    if (r == 0)
        r = offer(&e);
    if (r < 0)
        answer_error(&e, r);
}

/* --- Its first code --- */

static int read_state(struct enroll *e)
{
    const struct manager *m = e->worker->manager;
    const struct enrollment *enrollment = &e->enrollment;
    const uint8_t *state;
    size_t size;
    int r;

    if (!read_names(e) || wire_get(&e->request->frame, WIRE_STATE, &state, &size) < 0 ||
        enrollment_open(m->keys, state, size, e->name, e->service, e->now, &e->enrollment) < 0)
        return -EBADMSG;
    if ((r = find_entry(e, enrollment->proof.uuid)) < 0)
        return r;
    if (!proof_holds(&enrollment->proof, e->entry))
        return -EBADMSG;
    /* Its key may have been taken away within the ten minutes. */
    return totp_unseal(m->totp, e->entry->uuid, enrollment->sealed, enrollment->size, e->secret) < 0
               ? -EBADMSG
               : 0;
}

/* Whether the entry has this very secret already: an answer was lost and the request sent again. */
static bool is_written(const struct enroll *e, const struct entry *entry)
{
    return entry->totp_size == e->enrollment.size &&
           sodium_memcmp(entry->totp_secret, e->enrollment.sealed, e->enrollment.size) == 0;
}

/* Whether typed is the code of a telephone whose clock is off. Its owner has just been given the
   secret, so saying so tells nothing. */
static bool clock_is_off(const struct enroll *e, const char *typed)
{
    uint64_t step;

    for (time_t off = -CLOCK_STEPS; off <= CLOCK_STEPS; off += 3)
        if (totp_check(e->secret, typed, e->now + off * TOTP_STEP_SECONDS, 0, &step) == 0)
            return true;
    return false;
}

static void answer_wrong(struct enroll *e, const char *typed)
{
    reply_verdict(
        e->reply, WIRE_WRONG,
        !totp_is_code(typed)
            ? text(e->language, N_("The code has six digits. Please enter those that the app "
                                   "shows now."))
        : clock_is_off(e, typed)
            ? text(e->language, N_("The clock of your phone is wrong. Please let it set the "
                                   "time by itself, then enter the six digits that the app "
                                   "shows."))
            : text(e->language, N_("This code is not right. Please enter the six digits that the "
                                   "app shows now.")));
}

/* 0; -ESTALE when somebody else was faster; -EUCLEAN when nobody knows. A secret is ours alone, so
   what the entry has tells whether a write has worked. */
static int write_once(struct enroll *e, uint64_t step, const struct notice *notice)
{
    _cleanup_(changes_clear) struct changes changes = {0};
    int r;

    account_set_totp(e->enrollment.sealed, e->enrollment.size, step, &changes);
    account_note_job(notice->job, &changes);
    r = entry_swap(e->worker->directory, e->entry, &changes, e->request->deadline);
    if (r != -EUCLEAN)
        return r;
    r = find_entry(e, e->enrollment.proof.uuid);
    return r == 0 && is_written(e, e->entry) ? 0 : -EUCLEAN;
}

/* Of two set-ups side by side the first wins; the other gets -EEXIST. uncertain: a write may still
   be on its way. */
static int write_secret(struct enroll *e, uint64_t step, const struct notice *notice,
                        bool *ret_uncertain)
{
    int r = -ESTALE;

    for (int i = 0; i < SWAP_TRIES && (r == -ESTALE || r == -EUCLEAN); i++) {
        int found = i > 0 ? find_entry(e, e->enrollment.proof.uuid) : 0;
        if (found < 0)
            return found;
        if (is_written(e, e->entry))
            r = 0;
        else if (!proof_holds(&e->enrollment.proof, e->entry))
            r = -EBADMSG;
        else if (!account_may_enroll(e->entry))
            r = -EEXIST;
        else
            r = write_once(e, step, notice);
        if (r == -EUCLEAN)
            *ret_uncertain = true;
        else if (r == 0 || r == -EBADMSG || r == -EEXIST)
            *ret_uncertain = false;
    }
    return r;
}

static void answer_done(struct enroll *e)
{
    reply_verdict(
        e->reply, WIRE_OK,
        text(e->language, N_("Codes from your app are set up. From now on, please have your phone "
                             "at hand when you log in. Keep the PUK from your letter: it helps if "
                             "you lose the phone.")));
}

/* Sessions that were begun without a code have ended, this one's, too; a code was right now. Only
   with the write that used it up: it must not let in twice. */
static void answer_session(struct enroll *e)
{
    e->entry->totp_size = e->enrollment.size;
    visit_begin(e->worker->manager, e->request, e->entry, e->now, e->reply);
}

static void confirm(struct enroll *e, uint64_t step)
{
    struct manager *m = e->worker->manager;
    struct notice notice;
    bool uncertain = false;
    int r;

    notice_stage(m, e->entry, "totp-on", e->now, &notice);
    r = write_secret(e, step, &notice, &uncertain);
    if (!uncertain)
        notice_settle(m, &notice, r == 0);
    if (r == 0) {
        log_event(LOG_INFO, MESSAGE_TOTP,
                  LOG_FIELDS("PORTAL_ENTRY", e->entry->uid, "PORTAL_SERVICE", e->service),
                  "%s has set up TOTP", e->entry->uid);
        answer_done(e);
        answer_session(e);
    } else if (r == -EEXIST)
        refuse(e);
    else
        answer_error(e, r);
}

void enroll_confirm(struct worker *worker, const struct request *request, struct wire_writer *reply)
{
    _cleanup_(enroll_clear) struct enroll e = {
        .worker = worker, .request = request, .reply = reply, .now = clock_now()};
    char typed[PASSWORD_SIZE] = "";
    uint64_t step = 0;
    int r;

    wire_begin(reply, WIRE_VERDICT);
    r = read_state(&e);
    if (r == 0 && !account_may_enroll(e.entry) && !is_written(&e, e.entry)) {
        refuse(&e);
        return;
    }
    if (r < 0) {
        answer_error(&e, r);
        return;
    }
    if (wire_get_string(&request->frame, WIRE_CODE, typed, sizeof typed) < 0)
        *typed = 0;
    r = totp_check(e.secret, typed, e.now, 0, &step);
    if (r < 0)
        answer_wrong(&e, typed);
    else if (is_written(&e, e.entry))
        answer_done(&e);
    else
        confirm(&e, step);
    sodium_memzero(typed, sizeof typed);
}

/* --- Switching it off --- */

/* 0; -EALREADY when there is none (any more); -ESTALE, -EUCLEAN and errors of directory_swap().
   tried: a write of ours may have happened. */
static int remove_once(struct enroll *e, const struct notice *notice, bool tried)
{
    _cleanup_(changes_clear) struct changes changes = {0};

    if (tried && !account_needs_code(e->entry))
        return !*notice->job || account_has_job(e->entry, notice->job) ? 0 : -EALREADY;
    if (!account_needs_code(e->entry))
        return -EALREADY;
    account_drop_totp(&changes);
    account_note_job(notice->job, &changes);
    return entry_swap(e->worker->directory, e->entry, &changes, e->request->deadline);
}

/* -EUCLEAN when it isn't known whether it was written. */
static int remove_secret(struct enroll *e, const struct notice *notice)
{
    bool tried = false;
    int r = -ESTALE;

    for (int i = 0; i < SWAP_TRIES && (r == -ESTALE || r == -EUCLEAN); i++) {
        tried |= r == -EUCLEAN;
        if (i > 0 && (r = read_grant(e)) < 0)
            return tried ? -EUCLEAN : r;
        r = remove_once(e, notice, tried);
    }
    return tried && r < 0 && r != -EALREADY ? -EUCLEAN : r;
}

static void refuse_removal(struct enroll *e)
{
    reply_verdict(e->reply, WIRE_REFUSED,
                  text(e->language, N_("Codes from an app aren't set up for your account.")));
}

/* Sessions go on: each of them was begun with the password, and most with a code, too. */
static void remove_codes(struct enroll *e)
{
    struct manager *m = e->worker->manager;
    struct notice notice;
    int r;

    notice_stage(m, e->entry, "totp-off", e->now, &notice);
    r = remove_secret(e, &notice);
    if (r != -EUCLEAN)
        notice_settle(m, &notice, r == 0);
    if (r == -EALREADY) {
        refuse_removal(e);
    } else if (r < 0) {
        answer_error(e, r);
    } else {
        log_event(LOG_INFO, MESSAGE_TOTP,
                  LOG_FIELDS("PORTAL_ENTRY", e->entry->uid, "PORTAL_SERVICE", e->service),
                  "%s has switched TOTP off", e->entry->uid);
        reply_verdict(e->reply, WIRE_OK,
                      text(e->language, N_("Codes from your app are switched off. From now on you "
                                           "log in with your password alone.")));
    }
}

void enroll_remove(struct worker *worker, const struct request *request, struct wire_writer *reply)
{
    _cleanup_(enroll_clear) struct enroll e = {
        .worker = worker, .request = request, .reply = reply, .now = clock_now()};
    int r;

    wire_begin(reply, WIRE_VERDICT);
    r = read_grant(&e);
    if (r < 0)
        answer_error(&e, r);
    else if (e.entry->state != ACCOUNT_ACTIVE || !account_needs_code(e.entry))
        refuse_removal(&e);
    else
        remove_codes(&e);
}
