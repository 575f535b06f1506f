/* How much of a wish is too much for everybody but administrators: letters, which are counted in
   the entry, and unblocks, with which somebody in support could let others guess on and on. Way in:
   wish_limit(). */
#include "config.h"

#include "wish.h"

#include "cleanup.h"

#include <errno.h>
#include <stdio.h>

#define UNBLOCKS "unblock" /* throttle.h's space */

/* A wish in the directory bears no name, but the entry says who wrote to it last. Whom that doesn't
   name, portald itself for one, isn't an administrator. */
static int find_administrator(struct wish *w)
{
    bool is_member = false;
    int r = 0;

    if (w->request && !w->administrator)
        r = directory_written_by(w->directory, w->entry, w->manager->settings->admins, w->deadline,
                                 &is_member);
    w->administrator |= is_member;
    return r;
}

static int limit_letters(struct wish *w)
{
    const struct account_rules *rules = &w->manager->settings->rules;

    snprintf(w->limit, sizeof w->limit,
             "%ld letters have gone to this customer in the last %ld days. "
             "Administrators may send more",
             (long)rules->letters_most, (long)(rules->letters_window / DAY));
    return -EPERM;
}

static int limit_unblocks(struct wish *w)
{
    const struct manager *m = w->manager;
    long most = m->settings->unblocks_per_entry;
    time_t wait = 0;

    if (w->counted)
        return 0;
    if (throttle_take(m->names, UNBLOCKS, w->entry->uuid, (unsigned)most, DAY, w->now, &wait) < 0) {
        snprintf(w->limit, sizeof w->limit,
                 "This customer was unblocked %ld times in a day. Administrators may do it again",
                 most);
        return -EPERM;
    }
    w->counted = true;
    return 0;
}

static bool too_many_letters(const struct wish *w)
{
    return w->wish == WISH_LETTER &&
           !account_letter_allowed(&w->manager->settings->rules, w->entry, w->now);
}

int wish_limit(struct wish *w, const char **ret_why)
{
    bool letters = too_many_letters(w);
    int r;

    if (!letters && w->wish != WISH_UNBLOCK)
        return 0;
    if ((r = find_administrator(w)) < 0 || w->administrator)
        return r;
    r = letters ? limit_letters(w) : limit_unblocks(w);
    if (r == -EPERM)
        *ret_why = w->limit;
    return r;
}

void wish_uncount(struct wish *w)
{
    if (w->counted)
        throttle_give_back(w->manager->names, UNBLOCKS, w->entry->uuid);
    w->counted = false;
}
