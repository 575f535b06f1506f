/* pam_acct_mgmt and pam_setcred. Way in: account_check(), credentials_answer(). */
#include "config.h"

#include "steps.h"

#include "converse.h"
#include "exchange.h"
#include "ticket.h"
#include "verdict.h"

#include "cleanup.h"

/* The verdict that came with the authentication just passed, once; else portald's on
   account.sock. */
static int account_verdict(const struct transaction *t, struct answer *ret)
{
    struct ticket *ticket = ticket_find(t);
    int r;

    if (ticket && ticket_take_account(ticket, &ret->verdict) == 0)
        return PAM_SUCCESS;
    r = exchange_account(t, ret);
    if (r == PAM_SUCCESS && ticket)
        ticket_note_account(ticket, ret->verdict, true);
    return r;
}

int account_check(struct transaction *t)
{
    _cleanup_(answer_clear) struct answer answer = {0};
    int r;

    r = transaction_identify(t, false);
    if (r != PAM_SUCCESS)
        return r;
    r = account_verdict(t, &answer);
    if (r != PAM_SUCCESS) {
        converse_say_own(t, true, TEXT_UNAVAILABLE);
        return r;
    }
    r = verdict_judge(t, VERDICT_ACCOUNT, "account", answer.verdict);
    if (r == PAM_AUTHINFO_UNAVAIL && !*answer.text)
        converse_say_own(t, true, TEXT_UNAVAILABLE);
    converse_say(t, r != PAM_SUCCESS && r != PAM_NEW_AUTHTOK_REQD, answer.text);
    return r;
}

/* There is no credential to set, so what counts is how the answer steers the stack. libpam lets the
   code that authenticate returned choose the way through it, where this process called that; the
   same code again then says the truth. sshd calls setcred in another process than authenticate
   (keyboard-interactive), or without it (public key): libpam then goes by our answer alone. A name
   that authenticate would have refused unasked gets the same refusal, so that "sufficient" goes on
   to the module that does know it. For a customer's name it is PAM_SUCCESS: IGNORE from every
   module of a stack would be a failure, and sshd ends the session at that. It proves nothing and is
   asked for no proof: whether the person may come in was for authenticate and acct_mgmt to say. */
int credentials_answer(struct transaction *t)
{
    const struct ticket *ticket;
    int r;

    r = transaction_identify(t, false);
    if (r != PAM_SUCCESS)
        return r;
    ticket = ticket_find(t);
    return ticket ? ticket_result(ticket) : PAM_SUCCESS;
}
