/* The rules of PUK, mailed code and recovery. No I/O, no clock. */
#include "config.h"

#include "account.h"

#include "account-letter.h"

#include <stdio.h>

/* A locked or closed account has one, too, unless its password is still an initial one. */
static bool has_personal_password(const struct entry *entry)
{
    if (entry->state == ACCOUNT_LOCKED || entry->state == ACCOUNT_CLOSED)
        return entry->password_changed && !entry->initial_expires;
    return entry->state == ACCOUNT_ACTIVE;
}

bool account_may_use_puk(const struct entry *entry)
{
    return entry && !entry->malformed && has_personal_password(entry);
}

void account_replace_puk(const struct account_rules *rules, const struct entry *entry,
                         const char *puk_hash, const char *job, time_t now, struct changes *changes)
{
    static const struct entry_failures none = {0};

    changes_string(changes, CHANGE_SET, ATTRIBUTE_PUK, puk_hash);
    account_write_failures(FACTOR_PUK, &none, changes);
    account_supersede_letters(rules, entry, now, changes);
    if (*job)
        account_note_letter("puk", job, "queued", now, changes);
    account_note_job(job, changes);
}

void account_note_job(const char *job, struct changes *changes)
{
    if (*job)
        changes_string(changes, CHANGE_ADD, ATTRIBUTE_JOB, job);
}

static void write_code(const struct entry_code *code, struct changes *changes)
{
    char expires[CALENDAR_GENERALIZED_SIZE], retry_after[CALENDAR_GENERALIZED_SIZE] = "";

    calendar_generalized(code->expires, expires);
    if (code->retry_after)
        calendar_generalized(code->retry_after, retry_after);
    changes_format(changes, CHANGE_SET, ATTRIBUTE_CODE, "%s %s %u%s%s", code->hash, expires,
                   code->tries, *retry_after ? " " : "", retry_after);
}

void account_set_code(const struct account_rules *rules, const struct entry *entry,
                      const char *hash, const char *job, time_t now, struct changes *changes)
{
    struct entry_code code = entry->code;

    snprintf(code.hash, sizeof code.hash, "%s", hash);
    code.expires = now + rules->code_life;
    if (code.retry_after <= now)
        code.retry_after = 0;
    write_code(&code, changes);
    account_note_job(job, changes);
}

/* Each client has tries of its own (recover.c); these are those of all unknown ones together, so
   that guessing from many places doesn't help. */
enum account_attempt account_attempt_code(const struct account_rules *rules,
                                          const struct entry *entry, time_t now, time_t *ret_wait)
{
    const struct entry_failures tries = {.retry_after = entry->code.retry_after};

    return account_attempt(rules, &tries, now, ret_wait);
}

void account_count_code(const struct account_rules *rules, const struct entry *entry, time_t now,
                        struct changes *changes)
{
    struct entry_code code = entry->code;

    if (!*code.hash)
        return;
    if (code.retry_after <= now)
        code.retry_after = 0;
    if (++code.tries >= (unsigned long)rules->block_failures) {
        code.tries = 0;
        code.retry_after = now + rules->code_wait;
    }
    write_code(&code, changes);
}

void account_forget_tries(const struct entry *entry, struct changes *changes)
{
    struct entry_code code = entry->code;

    if (!*code.hash)
        return;
    code.tries = 0;
    code.retry_after = 0;
    write_code(&code, changes);
}

void account_recover(const struct entry *entry, const char *hash, bool ppolicy, time_t now,
                     struct changes *changes)
{
    account_set_password(entry, hash, ppolicy, now, changes);
    changes_drop(changes, ATTRIBUTE_CODE);
}
