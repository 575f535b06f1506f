/* `portalctl lock|unlock|unblock|totp-off|restart|letter|close|reopen WHO`: an administrator's wish
   for one account, asked on the control socket. wish.c fulfils it. */
#include "config.h"

#include "control.h"

#include "wish.h"

#include "cleanup.h"
#include "clock.h"
#include "log.h"
#include "messages.h"

#include <errno.h>

static const char *done_text(const struct wish *w)
{
    static const char *const texts[WISHES] = {
        [WISH_LOCK] = "The account is locked, and all sessions have ended.",
        [WISH_UNLOCK] = "The account is what it was before it was locked.",
        [WISH_UNBLOCK] = "All failed attempts are forgotten: logging in may be tried again.",
        [WISH_TOTP_OFF] = "TOTP is off: the password suffices. The customer is told by mail.",
        [WISH_RESTART] = ("TOTP, PUK, password and sessions have ended. A letter with a new "
                          "initial password and PUK is queued, and the customer is told by mail."),
        [WISH_LETTER] = "A letter with a new initial password and PUK is queued.",
        [WISH_CONFIRMATION] = "A mail with a new link is queued, to the address that the customer "
                              "gave last.",
        [WISH_CLOSE] = "The account is closed, and all sessions have ended.",
        [WISH_REOPEN] = "The account is what it was before it was closed.",
        [WISH_FORGET] = ("Everything personal is erased from the entry, and what was queued for it "
                         "is withdrawn. The account is closed."),
    };

    if (w->wish == WISH_LETTER && w->kind && strcmp(w->kind, "puk") == 0)
        return "A letter with a new PUK is queued. The password stays.";
    return texts[w->wish];
}

static json_t *report(const struct wish *w)
{
    log_event(LOG_NOTICE, MESSAGE_WISH,
              LOG_FIELDS("PORTAL_ENTRY", w->entry->uid, "PORTAL_JOB", w->letter.job),
              "%s for %s%s%s", account_wish_word(w->wish), w->entry->uid,
              w->reason && *w->reason ? ": " : "", w->reason ? w->reason : "");
    return json_pack("{s:s, s:s, s:s, s:s*}", "text", done_text(w), "uid", w->entry->uid, "wish",
                     account_wish_word(w->wish), "letter", *w->letter.job ? w->letter.job : NULL);
}

json_t *control_wish(struct control *control)
{
    _cleanup_(wish_clear) struct wish w = {.manager = control->worker->manager,
                                           .directory = control->worker->directory,
                                           .deadline = control->request->deadline,
                                           .administrator =
                                               control->request->socket == WIRE_SOCKET_CONTROL,
                                           .reason = control_string(control, "reason")};
    const char *word = control_string(control, "wish"), *why = NULL;
    int wish = word ? account_wish_read(word) : -EINVAL, r;
    json_t *answer;

    if (wish < 0)
        return control_refuse(control, 2, "This portald has no such command");
    w.wish = (enum account_wish)wish;
    if ((answer = control_customer(control, true, &w.entry)))
        return answer;
    r = wish_fulfil(&w, &why);
    if (r == -EPERM && why)
        return control_refuse(control, 1, "%s: %s", w.entry->uid, why);
    if (r == -ENOENT)
        return control_refuse(control, 1, "The entry has gone");
    if (r < 0)
        return control_fail(control, r);
    return report(&w);
}
