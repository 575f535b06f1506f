/* Setting a personal password: WIRE_CHANGE. */
#include "config.h"

#include "grant.h"
#include "handlers.h"
#include "swap.h"
#include "texts.h"

#include "cleanup.h"
#include "clock.h"

#include <errno.h>
#include <sodium.h>
#include <stdio.h>

struct change_request {
    struct worker *worker;
    const struct request *request;
    struct wire_writer *reply;
    char language[LANGUAGE_SIZE], service[SERVICE_SIZE], name[MAIL_ADDRESS_SIZE],
        uuid[JOB_ENTRY_SIZE];
    char password[PASSWORD_SIZE];
    const uint8_t *grant;
    size_t grant_size;
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
    enum grant_kind kind;
    struct entry *entry = NULL;
    int r = directory_find(c->worker->directory, DIRECTORY_UUID, c->uuid, false,
                           c->request->deadline, &entry);

    if (r < 0)
        return r == -ENOENT ? -EBADMSG : r;
    entry_free(c->entry);
    c->entry = entry;
    if (!account_has_login(entry) || account_login(entry, c->now) != WIRE_OK ||
        grant_check(c->worker->manager->keys, c->grant, c->grant_size, entry, &kind) < 0 ||
        kind != GRANT_LOGIN)
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

static int write_password(struct change_request *c)
{
    struct manager *m = c->worker->manager;
    char hash[SECRET_HASH_SIZE];
    int r;

    if ((r = secret_gate_enter(m->gate, c->request->deadline)) < 0)
        return r;
    r = secret_hash(c->password, hash);
    secret_gate_leave(m->gate);
    for (int i = 0; r == 0 && i < SWAP_TRIES; i++) {
        _cleanup_(changes_clear) struct changes changes = {0};
        account_set_password(c->entry, hash, m->settings->ppolicy, c->now, &changes);
        r = entry_swap(c->worker->directory, c->entry, &changes, c->request->deadline);
        if (r == -EUCLEAN)
            r = written_after_all(c);
        if (r != -ESTALE)
            break;
        r = read_entry(c);
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

void change_password(struct worker *worker, const struct request *request,
                     struct wire_writer *reply)
{
    _cleanup_(change_clear) struct change_request c = {
        .worker = worker, .request = request, .reply = reply, .now = clock_now()};
    enum account_password quality = PASSWORD_GOOD;
    int r;

    wire_begin(reply, WIRE_VERDICT);
    r = read_request(&c);
    if (r == -EILSEQ) {
        reply_verdict(reply, WIRE_REFUSED,
                      text(c.language,
                           N_("This password contains characters that can't be used. Please choose "
                              "another one.")));
        return;
    }
    if (r == 0)
        r = read_entry(&c);
    if (r == 0 && (quality = account_check_password(&worker->manager->settings->rules, c.entry,
                                                    c.password)) == PASSWORD_GOOD) {
        r = compare(&c);
        if (r == -EEXIST)
            quality = PASSWORD_THE_SAME;
        else if (r == 0)
            r = write_password(&c);
    }
    if (quality != PASSWORD_GOOD)
        refuse(&c, quality);
    else if (r == -EBADMSG)
        reply_standard(reply, WIRE_GRANT_OVER, c.language);
    else if (r < 0)
        reply_error(reply, r, c.language);
    else
        reply_verdict(
            reply, WIRE_OK,
            text(c.language, N_("Your new password is set. From now on, please log in with it.")));
}
