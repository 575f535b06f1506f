/* From a wish to what it changes; wish_fulfil() is the way in. Whatever happens in between, a wish
   is fulfilled once: the modify that carries its effect takes the request away, too. wish-stage.c
   prepares what it needs beside that modify. */
#include "config.h"

#include "wish.h"

#include "swap.h"

#include "clock.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

void wish_clear(struct wish *wish)
{
    wish->entry = entry_free(wish->entry);
    wish->others = directory_names_free(wish->others);
    wish->classes = directory_names_free(wish->classes);
    letter_clear(&wish->letter);
}

/* The request goes and its result comes, in the modify that fulfils it. */
static void answer(const struct wish *w, const char *why, struct changes *changes)
{
    if (w->request)
        account_answer_request(w->entry, w->request, w->word, why, w->now, changes);
}

static int write_wish(struct wish *w)
{
    _cleanup_(changes_clear) struct changes changes = {0};
    const struct settings *s = w->manager->settings;
    const struct account_link link = {.hash = w->link_hash, .address = w->link_address};
    const struct account_wish_means means = {.reason = w->reason,
                                             .job = w->letter.job,
                                             .puk_job = w->letter.puk_job,
                                             .puk_hash = w->letter.puk_hash,
                                             .password_hash = w->letter.password_hash,
                                             .link = &link,
                                             .others = w->others,
                                             .classes = w->classes,
                                             .ppolicy = s->ppolicy};

    account_grant_wish(&s->rules, w->entry, w->wish, &means, w->now, &changes);
    account_note_job(w->notice.job, &changes);
    answer(w, NULL, &changes);
    return entry_swap(w->directory, w->entry, &changes, w->deadline);
}

/* Other object classes stay, unless the server won't let go what they demand. */
static int write_without_classes(struct wish *w)
{
    int r = directory_classes(w->directory, w->entry, w->deadline, &w->classes);

    return r < 0 ? r : w->classes ? write_wish(w) : -EOPNOTSUPP;
}

static int write_refusal(struct wish *w, const char *why)
{
    _cleanup_(changes_clear) struct changes changes = {0};

    answer(w, why, &changes);
    return entry_swap(w->directory, w->entry, &changes, w->deadline);
}

/* Whether an earlier try whose outcome wasn't known was written: its jobs are in the entry, or what
   was wished for is so already. */
static bool is_done(const struct wish *w)
{
    if (!w->unsure)
        return false;
    if (*w->letter.job)
        return account_has_job(w->entry, w->letter.job);
    if (*w->notice.job)
        return account_has_job(w->entry, w->notice.job);
    return w->request || account_wish_refused(w->entry, w->wish) != NULL;
}

static int read_again(struct wish *w)
{
    struct entry *entry = NULL;
    int r = directory_find(w->directory, DIRECTORY_UUID, w->entry->uuid, true, w->deadline, &entry);

    if (r < 0)
        return r;
    entry_free(w->entry);
    w->entry = entry;
    return 0;
}

static const char not_allowed_here[] =
    "The directory doesn't let portald take away what the entry's structural class demands, or "
    "what "
    "it is named by: give it the class inetOrgPerson, name it by its uid, and wish again.";

/* Leaves the refusal in the entry, where somebody wrote a request. Returns -EPERM, or an error. */
static int refuse(struct wish *w, const char *why)
{
    int r = w->request ? write_refusal(w, why) : 0;

    return r < 0 ? r : -EPERM;
}

/* One try, on the entry as it was read last: -ESTALE and -EUCLEAN ask for another. */
static int try_once(struct wish *w, const char **ret_why)
{
    bool here = !w->request || account_has_request(w->entry, w->request);
    int r;

    /* While the request is there, an earlier try wasn't written. */
    if ((!w->request || !here) && is_done(w))
        return 0;
    if (!here)
        return -ECANCELED;
    if ((*ret_why = account_wish_refused(w->entry, w->wish)))
        return refuse(w, *ret_why);
    if ((r = wish_limit(w, ret_why)) < 0)
        return r == -EPERM && *ret_why ? refuse(w, *ret_why) : r;
    if ((r = wish_stage(w, ret_why)) < 0)
        return r == -EPERM && *ret_why ? refuse(w, *ret_why) : r;
    r = write_wish(w);
    if (r == -EOPNOTSUPP && w->wish == WISH_FORGET)
        r = write_without_classes(w);
    if (r == -EOPNOTSUPP)
        return refuse(w, *ret_why = not_allowed_here);
    return r;
}

static int try_often(struct wish *w, const char **ret_why)
{
    int r = -ESTALE;

    for (int i = 0; i < SWAP_TRIES && (r == -ESTALE || r == -EUCLEAN); i++) {
        w->unsure |= r == -EUCLEAN;
        if (i > 0 && (r = read_again(w)) < 0)
            return r;
        r = try_once(w, ret_why);
    }
    return r;
}

/* Where it isn't known whether the write happened, the clerk finds out. A request that has gone
   without our jobs in the entry was taken by somebody else's write, behind which ours can't come
   any more. */
static void settle(struct wish *w, int r)
{
    if (r == -EUCLEAN || (r < 0 && w->unsure && r != -ECANCELED))
        return;
    if (r < 0)
        wish_uncount(w);
    wish_settle(w, r == 0);
}

int wish_fulfil(struct wish *wish, const char **ret_why)
{
    int r;

    *ret_why = NULL;
    wish->now = clock_now();
    r = try_often(wish, ret_why);
    settle(wish, r);
    return r;
}

int wish_refuse(struct wish *wish, const char *why)
{
    int r = -ESTALE;

    wish->now = clock_now();
    for (int i = 0; i < SWAP_TRIES && (r == -ESTALE || r == -EUCLEAN); i++) {
        wish->unsure |= r == -EUCLEAN;
        if (i > 0 && (r = read_again(wish)) < 0)
            return r;
        if (!account_has_request(wish->entry, wish->request))
            return wish->unsure ? 0 : -ECANCELED;
        r = write_refusal(wish, why);
    }
    return r;
}
