/* The PUK: puk_verify() and puk_replace(). */
#include "config.h"

#include "puk.h"

#include "texts.h"

#include "log.h"
#include "messages.h"

#include <errno.h>
#include <sodium.h>
#include <stdio.h>

/* Of nothing that anybody knows, with what our own hashes cost: verified where there is no PUK, or
   nothing that could be one, so that the time tells nothing. */
#define NOBODYS_PUK                                                                                \
    "$argon2id$v=19$m=19456,t=2,p=1$Tm9ib2R5J3MgUFVLLCBldg$"                                       \
    "VGhpcyBpcyBub3QgdGhlIGhhc2ggb2YgYW55dGhpbmc"
#define NOTHING_TYPED "-" /* no code */

int puk_verify(const struct manager *manager, const struct entry *entry, const char *typed,
               long long deadline)
{
    bool usable = account_may_use_puk(entry) && entry->puk;
    char code[CODE_SIZE] = NOTHING_TYPED;
    enum code_form form = code_read(typed, code);
    int r;

    if (form == CODE_TYPING_ERROR)
        return -EINVAL;
    r = secret_gate_enter(manager->gate, deadline);
    if (r == 0) {
        r = secret_verify(usable ? entry->puk : NOBODYS_PUK, code);
        secret_gate_leave(manager->gate);
    }
    sodium_memzero(code, sizeof code);
    if (r == 0)
        return usable && form == CODE_RIGHT ? 0 : -EACCES;
    return r == -EOPNOTSUPP ? -EACCES : r;
}

const char *puk_typing_error(void)
{
    return N_("There is a typing error in the PUK. Please compare it with your letter, character "
              "by character, and try again. This attempt does not count.");
}

/* The hash of something random instead of a letter: the old PUK is void all the same. */
static int make_void(const struct manager *manager, const struct entry *entry, long long deadline,
                     struct letter *ret)
{
    char hash[SECRET_HASH_SIZE];
    int r = secret_gate_enter(manager->gate, deadline);

    if (r < 0)
        return r;
    r = secret_hash_void(hash);
    secret_gate_leave(manager->gate);
    if (r < 0)
        return r;
    *ret = (struct letter){0};
    snprintf(ret->puk_hash, sizeof ret->puk_hash, "%s", hash + strlen(SECRET_SCHEME));
    sodium_memzero(hash, sizeof hash);
    log_event(LOG_WARNING, MESSAGE_LETTER, LOG_FIELDS("PORTAL_ENTRY", entry->uid),
              "%s gets no letter with a new PUK: too many letters within a short time; support can "
              "send one",
              entry->uid);
    return 0;
}

int puk_replace(const struct manager *manager, const struct entry *entry, time_t now,
                long long deadline, struct letter *ret)
{
    if (!account_letter_allowed(&manager->settings->rules, entry, now))
        return make_void(manager, entry, deadline, ret);
    return letter_stage(manager, entry, "puk", now, deadline, ret);
}

const char *puk_topic(const struct letter *next)
{
    return *next->job ? "puk-used" : "puk-void";
}
