/* pam_authenticate: who is it? By password and code, or in a service for recovery by mailed code
   and PUK. Way in: authenticate_person(). */
#include "config.h"

#include "steps.h"

#include "admit.h"
#include "factors.h"
#include "recover.h"
#include "ticket.h"

#include "cleanup.h"

static int login(const struct transaction *t, struct ticket *ticket)
{
    _cleanup_(answer_clear) struct answer answer = {0};
    int r = factors_prove(t, &answer);

    return r == PAM_SUCCESS ? admit_person(t, ticket, &answer) : r;
}

int authenticate_person(struct transaction *t)
{
    struct ticket *ticket = NULL;
    int r;

    r = admit_forget(t);
    if (r != PAM_SUCCESS)
        return r;
    r = transaction_identify(t, true);
    if (r != PAM_SUCCESS)
        return r;
    r = ticket_renew(t, &ticket);
    if (r != PAM_SUCCESS)
        return r;
    r = t->options.recover ? recover_person(t, ticket) : login(t, ticket);
    ticket_set_result(ticket, r);
    return r;
}
