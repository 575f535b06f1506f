/* readdress(): notices to both addresses, staged; the modify that accepts the new one; settled.
   Whoever loses the race drops theirs. */
#include "config.h"

#include "readdress.h"

#include "address.h"
#include "notice.h"
#include "swap.h"

#include "clock.h"
#include "log.h"
#include "messages.h"

#include <errno.h>

struct readdress {
    const struct manager *manager;
    struct directory *directory;
    long long deadline;
    time_t now;
    struct notice before, after; /* for the two addresses */
};

/* Nonsense gets no mail, nor does what stands for no address. */
static bool is_address(const char *text)
{
    char name[MAIL_ADDRESS_SIZE];

    return text && strchr(text, '@') && login_name_read(text, name) == 0;
}

static int stage(struct readdress *x, const struct entry *entry)
{
    int r = 0;

    x->before = x->after = (struct notice){0};
    if (is_address(entry->confirmed_mail))
        r = notice_stage_to(x->manager, entry, "mail-changed", entry->confirmed_mail, true, x->now,
                            &x->before);
    if (r == 0 && is_address(entry->mail))
        r = notice_stage_to(x->manager, entry, "mail-new", entry->mail, false, x->now, &x->after);
    return r;
}

static void settle(const struct readdress *x, bool written)
{
    notice_settle(x->manager, &x->before, written);
    notice_settle(x->manager, &x->after, written);
}

static int accept_mail(const struct readdress *x, const struct entry *entry)
{
    _cleanup_(changes_clear) struct changes changes = {0};

    account_accept_mail(entry, &changes);
    account_note_job(x->before.job, &changes);
    account_note_job(x->after.job, &changes);
    return entry_swap(x->directory, entry, &changes, x->deadline);
}

/* Where it isn't known whether the write happened, the clerk finds out about the mails; whether
   they are due is seen from the entry. */
static int try_once(struct readdress *x, const struct entry *entry)
{
    int r = stage(x, entry);

    if (r == 0)
        r = accept_mail(x, entry);
    if (r != -EUCLEAN)
        settle(x, r == 0);
    if (r == 0)
        log_event(LOG_NOTICE, MESSAGE_MAIL_CHANGED, LOG_FIELDS("PORTAL_ENTRY", entry->uid),
                  "%s: the e-mail address was %s in the directory%s", entry->uid,
                  entry->mail ? "changed" : "removed",
                  *x->before.job || *x->after.job ? "; it is told by mail" : "");
    return r;
}

int readdress(const struct manager *manager, struct directory *directory, const char *uuid,
              long long deadline)
{
    struct readdress x = {
        .manager = manager, .directory = directory, .deadline = deadline, .now = clock_now()};
    int r = -ESTALE;

    for (int i = 0; i < SWAP_TRIES && (r == -ESTALE || r == -EUCLEAN); i++) {
        _cleanup_(entry_free_p) struct entry *entry = NULL;
        r = directory_find(directory, DIRECTORY_UUID, uuid, false, deadline, &entry);
        if (r == 0 && account_mail_changed(entry))
            r = try_once(&x, entry);
    }
    return r == -ENOENT ? 0 : r;
}
