/* What administrators and support may wish for an account: which wish each state allows, and what
   fulfils it. A table of wishes and states, then one function for each. No I/O, no clock. */
#include "config.h"

#include "account.h"

#include "account-letter.h"

#include "cleanup.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define BEFORE           "; before: "
#define REASON_SIZE      400
#define LOCK_REASON_MOST 512 /* bytes, in portal.schema */
/* Of a pile that another reason comes onto, so that this has some room, too; and what else comes
   with it: "; " and the longest state before. */
#define PILE_MOST   424
#define OTHERS_MOST sizeof("; " BEFORE "provisioned")

#define STATE(s)   (1u << ACCOUNT_##s)
#define ANY_ACCESS (STATE(INITIAL) | STATE(ACTIVE))
#define ANY_STATE  (STATE(PROVISIONED) | STATE(PENDING) | ANY_ACCESS | STATE(LOCKED) | STATE(CLOSED))

/* Which states allow the wish, and what is said in the others. */
static const struct {
    const char *word;
    unsigned states;
    const char *otherwise;
} wishes[WISHES] = {
    [WISH_LOCK] = {"lock", STATE(PROVISIONED) | STATE(PENDING) | ANY_ACCESS,
                   "It is locked or closed already."},
    [WISH_UNLOCK] = {"unlock", STATE(LOCKED), "It is not locked."},
    [WISH_UNBLOCK] = {"unblock", ANY_ACCESS | STATE(LOCKED),
                      "Nobody can log in to it, so no failures are counted."},
    [WISH_TOTP_OFF] = {"totp-off", STATE(ACTIVE) | STATE(LOCKED), "TOTP is not set up."},
    [WISH_RESTART] = {"restart", STATE(ACTIVE),
                      "Only an active account can be restarted. Before the first personal password "
                      "a new letter helps; a locked one must be unlocked first."},
    [WISH_LETTER] = {"letter", ANY_ACCESS,
                     "Letters go to accounts that are initial or active only: the e-mail address "
                     "must be confirmed, a locked account unlocked and a closed one reopened "
                     "first."},
    [WISH_CONFIRMATION] = {"confirmation", STATE(PENDING),
                           "Links go to registrations that wait for their confirmation only: the "
                           "customer has confirmed already, or must register first."},
    [WISH_CLOSE] = {"close", STATE(PROVISIONED) | STATE(PENDING) | ANY_ACCESS | STATE(LOCKED),
                    "It is closed already."},
    [WISH_REOPEN] = {"reopen", STATE(CLOSED), "It is not closed."},
    [WISH_FORGET] = {"forget", ANY_STATE, ""},
};

const char *account_wish_word(enum account_wish wish)
{
    return wishes[wish].word;
}

int account_wish_read(const char *word)
{
    for (int i = 0; i < WISHES; i++)
        if (strcmp(wishes[i].word, word) == 0)
            return i;
    return -EINVAL;
}

const char *account_wish_refused(const struct entry *entry, enum account_wish wish)
{
    if (wish == WISH_FORGET) /* rests on nothing that the entry says */
        return NULL;
    if (entry->malformed)
        return "The entry holds values that can't be understood; they must be mended first.";
    if (!(wishes[wish].states & 1u << entry->state))
        return wishes[wish].otherwise;
    if (wish == WISH_TOTP_OFF && entry->totp_size == 0)
        return wishes[wish].otherwise;
    if ((wish == WISH_RESTART || wish == WISH_LETTER) && !entry->mail)
        return "It has no e-mail address to log in with.";
    if (wish == WISH_CONFIRMATION && entry->pending_count == 0)
        return "It has no address that waits for its confirmation: the customer must register "
               "again.";
    return NULL;
}

const char *account_wish_letter(const struct entry *entry, enum account_wish wish)
{
    if (wish == WISH_RESTART)
        return "access";
    if (wish != WISH_LETTER)
        return NULL;
    return entry->state == ACCOUNT_ACTIVE ? "puk" : "access";
}

static void set_state(enum account_state state, struct changes *changes)
{
    changes_string(changes, CHANGE_SET, ATTRIBUTE_STATE, account_state_word(state));
}

static void end_sessions(const struct entry *entry, struct changes *changes)
{
    changes_number(changes, ATTRIBUTE_SESSION_EPOCH, entry->session_epoch + 1);
}

/* One line, without what would look like the state before. */
static void tame(const char *reason, char *ret, size_t size)
{
    size_t n = 0;

    for (; *reason && n < size - 1; reason++)
        ret[n++] = (unsigned char)*reason < ' ' || *reason == '\x7f' ? ' '
                   : *reason == ';'                                  ? ','
                                                                     : *reason;
    /* Not in the middle of a character. */
    for (; n > 0 && ((unsigned char)*reason & 0xc0) == 0x80; reason--)
        n--;
    ret[n] = 0;
}

static const char *last_before(const char *text, size_t length)
{
    const char *found = NULL;

    for (size_t i = 0; i + strlen(BEFORE) <= length; i++)
        if (strncmp(text + i, BEFORE, strlen(BEFORE)) == 0)
            found = text + i;
    return found;
}

/* portalLockReason is a pile: "REASON; before: STATE", and, where what was locked is closed, that
   once more behind it. */
static void put_aside(const struct entry *entry, enum account_state state, const char *by_default,
                      const char *given, struct changes *changes)
{
    char reason[REASON_SIZE];
    const char *pile = entry->state == ACCOUNT_LOCKED ? entry->lock_reason : NULL;
    size_t room = sizeof reason;

    if (pile && strlen(pile) > PILE_MOST) /* what it was before must stay */
        pile = last_before(pile, strlen(pile));
    if (pile && strlen(pile) > PILE_MOST) /* no state at all */
        pile = NULL;
    if (pile && LOCK_REASON_MOST - OTHERS_MOST - strlen(pile) < room)
        room = LOCK_REASON_MOST - OTHERS_MOST - strlen(pile);
    tame(given && *given ? given : by_default, reason, room);
    set_state(state, changes);
    changes_format(changes, CHANGE_SET, ATTRIBUTE_LOCK_REASON, "%s%s%s" BEFORE "%s",
                   pile ? pile : "", pile ? "; " : "", reason, account_state_word(entry->state));
    end_sessions(entry, changes);
}

/* What an entry must have been whose administrator set the state by hand. */
static enum account_state guess_state(const struct entry *entry)
{
    if (entry->initial_expires)
        return ACCOUNT_INITIAL;
    if (entry->password_changed)
        return ACCOUNT_ACTIVE;
    return entry->pending_count > 0 ? ACCOUNT_PENDING : ACCOUNT_PROVISIONED;
}

/* The state before, and what of the pile is left: its length. */
static enum account_state taken_from(const struct entry *entry, size_t *ret_left)
{
    const char *pile = entry->lock_reason ? entry->lock_reason : "";
    const char *top = last_before(pile, strlen(pile)), *below;
    int state = top ? account_state_read(top + strlen(BEFORE)) : -EINVAL;

    *ret_left = 0;
    if (state < 0 || state == (int)entry->state)
        return guess_state(entry);
    if (state == ACCOUNT_LOCKED && (below = last_before(pile, (size_t)(top - pile)))) {
        below += strlen(BEFORE);
        *ret_left = (size_t)(below - pile) + strcspn(below, ";");
    }
    return (enum account_state)state;
}

static void bring_back(const struct entry *entry, struct changes *changes)
{
    size_t left = 0;
    enum account_state state = taken_from(entry, &left);

    set_state(state, changes);
    if (left > 0)
        changes_format(changes, CHANGE_SET, ATTRIBUTE_LOCK_REASON, "%.*s", (int)left,
                       entry->lock_reason);
    else
        changes_drop(changes, ATTRIBUTE_LOCK_REASON);
}

static void forget_failures(struct changes *changes)
{
    static const struct entry_failures none = {0};

    for (int f = 0; f < FACTORS; f++)
        account_write_failures((enum entry_factor)f, &none, changes);
}

/* A code that is out goes on working, with fresh tries. slapd's own lock, which refuses every
   password, goes too; where a new password is set, slapd takes it away itself. */
static void unblock(const struct entry *entry, bool ppolicy, struct changes *changes)
{
    forget_failures(changes);
    if (ppolicy && entry->pwd_locked)
        changes_drop(changes, ATTRIBUTE_PWD_LOCKED);
    account_forget_tries(entry, changes);
}

static void restart(const struct account_rules *rules, const struct entry *entry,
                    const struct account_wish_means *means, time_t now, struct changes *changes)
{
    static const struct entry_failures none = {0};
    const struct account_secrets secrets = {.password_hash = means->password_hash,
                                            .puk_hash = means->puk_hash,
                                            .job = means->job,
                                            .puk_job = means->puk_job};

    account_issue_access(rules, entry, &secrets, means->ppolicy, now, changes);
    account_drop_totp(changes);
    account_write_failures(FACTOR_PUK, &none, changes);
    changes_drop(changes, ATTRIBUTE_CODE);
    end_sessions(entry, changes);
}

/* A new letter while initial: the old initial password is void, and so is what was begun with it.
 */
static void letter(const struct account_rules *rules, const struct entry *entry,
                   const struct account_wish_means *means, time_t now, struct changes *changes)
{
    const struct account_secrets secrets = {.password_hash = means->password_hash,
                                            .puk_hash = means->puk_hash,
                                            .job = means->job,
                                            .puk_job = means->puk_job};

    if (entry->state == ACCOUNT_ACTIVE) {
        account_replace_puk(rules, entry, means->puk_hash, means->job, now, changes);
        return;
    }
    account_issue_access(rules, entry, &secrets, means->ppolicy, now, changes);
    end_sessions(entry, changes);
}

void account_grant_wish(const struct account_rules *rules, const struct entry *entry,
                        enum account_wish wish, const struct account_wish_means *means, time_t now,
                        struct changes *changes)
{
    switch (wish) {
    case WISH_LOCK:
        put_aside(entry, ACCOUNT_LOCKED, "by an administrator", means->reason, changes);
        break;
    case WISH_CLOSE:
        put_aside(entry, ACCOUNT_CLOSED, "closed by an administrator", means->reason, changes);
        break;
    case WISH_UNLOCK:
    case WISH_REOPEN:
        bring_back(entry, changes);
        break;
    case WISH_UNBLOCK:
        unblock(entry, means->ppolicy, changes);
        break;
    case WISH_TOTP_OFF:
        account_drop_totp(changes);
        break;
    case WISH_RESTART:
        restart(rules, entry, means, now, changes);
        break;
    case WISH_LETTER:
        letter(rules, entry, means, now, changes);
        break;
    case WISH_CONFIRMATION:
        account_add_another_link(rules, entry, means->link, now, changes);
        break;
    case WISH_FORGET:
        account_forget(entry, means->others, means->classes, means->ppolicy, changes);
        break;
    case WISHES:
        break;
    }
}
