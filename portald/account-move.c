/* The rules of a change of e-mail address by the customer, from the wish to the end of the days in
   which the former address can undo it. No I/O, no clock. Links themselves are account.c's. */
#include "config.h"

#include "account.h"

#include <string.h>
#include <strings.h>

const char *account_new_mail(const struct entry *entry, time_t now)
{
    const struct entry_pending *newest = NULL;

    for (size_t i = 0; i < entry->pending_count; i++) {
        const struct entry_pending *p = &entry->pending[i];
        if (p->kind == LINK_CHANGE && account_link_open(entry, p) && now < p->expires &&
            (!newest || p->expires > newest->expires))
            newest = p;
    }
    return newest ? newest->address : NULL;
}

static size_t count_undoable(const struct entry *entry, time_t now)
{
    size_t count = 0;

    for (size_t i = 0; i < entry->former_count; i++)
        count += now < entry->formers[i].until;
    return count;
}

/* None of those that can undo a change is dropped for another: or else a thief would only have to
   change the address often enough. */
enum account_move account_may_move(const struct entry *entry, const char *address, time_t now)
{
    if (entry->malformed || entry->state != ACCOUNT_ACTIVE || !entry->mail)
        return MOVE_NOT;
    if (strcasecmp(entry->mail, address) == 0)
        return MOVE_SAME;
    return count_undoable(entry, now) >= ACCOUNT_FORMERS_MOST ? MOVE_TOO_OFTEN : MOVE_GOOD;
}

static void add_former(const char *address, time_t until, const char *job, const char *totp,
                       struct changes *changes)
{
    char when[CALENDAR_GENERALIZED_SIZE];

    calendar_generalized(until, when);
    changes_format(changes, CHANGE_ADD, ATTRIBUTE_FORMER_MAIL, "%s %s %s %s", address, when, job,
                   totp);
}

static void set_mail(const struct entry *entry, const char *address, struct changes *changes)
{
    if (!entry->mail || strcmp(entry->mail, address) != 0)
        changes_string(changes, CHANGE_SET, ATTRIBUTE_MAIL, address);
    changes_string(changes, CHANGE_SET, ATTRIBUTE_CONFIRMED_MAIL, address);
    changes_drop(changes, ATTRIBUTE_CODE);
    changes_number(changes, ATTRIBUTE_SESSION_EPOCH, entry->session_epoch + 1);
}

void account_move(const struct account_rules *rules, const struct entry *entry,
                  const struct entry_pending *link, const struct account_undoer *undoer, time_t now,
                  struct changes *changes)
{
    account_forget_formers(entry, now, changes);
    add_former(entry->mail, now + rules->mail_undo, undoer->job, undoer->totp, changes);
    account_end_link(link, changes);
    set_mail(entry, link->address, changes);
    account_note_job(undoer->job, changes);
}

static const struct entry_former *find_former(const struct entry *entry, const char *job)
{
    for (size_t i = 0; i < entry->former_count; i++)
        if (strcmp(entry->formers[i].job, job) == 0)
            return &entry->formers[i];
    return NULL;
}

/* Later, never earlier. */
void account_move_told(const struct account_rules *rules, const struct entry *entry,
                       const char *job, time_t accepted, struct changes *changes)
{
    const struct entry_former *former = find_former(entry, job);
    time_t until = accepted + rules->mail_undo;

    account_job_done(entry, job, changes);
    if (!former || former->until >= until)
        return;
    changes_string(changes, CHANGE_REMOVE, ATTRIBUTE_FORMER_MAIL, former->value);
    add_former(former->address, until, former->job, former->totp, changes);
}

const struct entry_former *account_undoable(const struct entry *entry, const char *job, time_t now)
{
    const struct entry_former *former = entry ? find_former(entry, job) : NULL;

    if (!former || now >= former->until || account_mail_changed(entry) ||
        entry->state == ACCOUNT_CLOSED || !account_may_use_puk(entry))
        return NULL;
    return former;
}

/* Of the changes, this one and those behind it; what was before goes on being undone by whom it
   was told. Ids of jobs are in the order of time. */
static void forget_from(const struct entry *entry, const struct entry_former *former,
                        struct changes *changes)
{
    for (size_t i = 0; i < entry->former_count; i++)
        if (strcmp(entry->formers[i].job, former->job) >= 0)
            changes_string(changes, CHANGE_REMOVE, ATTRIBUTE_FORMER_MAIL, entry->formers[i].value);
}

/* A locked account stays locked. */
void account_undo(const struct entry *entry, const struct entry_former *former,
                  const char *void_hash, const char *totp, bool ppolicy, time_t now,
                  struct changes *changes)
{
    static const struct entry_failures none = {0};

    set_mail(entry, former->address, changes);
    changes_string(changes, CHANGE_SET, ATTRIBUTE_USER_PASSWORD, void_hash);
    if (ppolicy)
        changes_drop(changes, ATTRIBUTE_PWD_RESET);
    changes_time(changes, ATTRIBUTE_PASSWORD_CHANGED, now);
    for (int f = 0; f < FACTORS; f++)
        account_write_failures((enum entry_factor)f, &none, changes);
    if (entry->totp_size > 0 && strcmp(former->totp, totp) != 0)
        account_drop_totp(changes);
    forget_from(entry, former, changes);
}

bool account_had_mail(const struct entry *entry, const char *address, time_t now)
{
    for (size_t i = 0; i < entry->former_count; i++)
        if (now < entry->formers[i].until && strcasecmp(entry->formers[i].address, address) == 0)
            return true;
    return false;
}

bool account_formers_over(const struct entry *entry, time_t now)
{
    return !entry->malformed && count_undoable(entry, now) < entry->former_count;
}

void account_forget_formers(const struct entry *entry, time_t now, struct changes *changes)
{
    for (size_t i = 0; i < entry->former_count; i++)
        if (now >= entry->formers[i].until)
            changes_string(changes, CHANGE_REMOVE, ATTRIBUTE_FORMER_MAIL, entry->formers[i].value);
}
