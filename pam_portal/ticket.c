/* The ticket and its ends. All times are CLOCK_BOOTTIME: it can't be set, and runs on in suspend.
   Way in: ticket_renew() in authenticate, ticket_find() elsewhere. */
#include "config.h"

#include "ticket.h"

#include "cleanup.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define TICKET_NAME "pam_portal_ticket"

struct ticket {
    char *user, *service, *directory;
    pid_t pid;
    int result;
    bool account_known, account_taken;
    uint8_t account;
    int64_t account_at;   /* ms */
    struct sealed sealed; /* for the change of the password */
    bool is_state;        /* … it is a state, else a grant */
    bool forced, unneeded;
    int64_t sealed_at;
};

static int64_t now_ms(void)
{
    struct timespec now;

    if (clock_gettime(CLOCK_BOOTTIME, &now) < 0)
        return -1; /* nothing is young enough then */
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static bool is_young(int64_t since, int64_t span)
{
    int64_t now = now_ms();

    return now >= 0 && since >= 0 && now >= since && now - since < span;
}

static void ticket_free(struct ticket *ticket)
{
    if (!ticket)
        return;
    free(ticket->user);
    free(ticket->service);
    free(ticket->directory);
    explicit_bzero(ticket, sizeof *ticket);
    free(ticket);
}

DEFINE_CLEANUP(struct ticket, ticket_free)

static void ticket_cleanup(pam_handle_t *pamh, void *data, int status)
{
    (void)pamh;
    (void)status;
    ticket_free(data);
}

int ticket_renew(const struct transaction *t, struct ticket **ret)
{
    _cleanup_(ticket_free_p) struct ticket *ticket = calloc(1, sizeof *ticket);

    if (ticket) {
        ticket->user = strdup(t->user);
        ticket->service = strdup(t->service);
        ticket->directory = strdup(t->options.socket_dir);
        ticket->pid = getpid();
        ticket->result = PAM_AUTH_ERR;
    }
    if (!ticket || !ticket->user || !ticket->service || !ticket->directory ||
        pam_set_data(t->pamh, TICKET_NAME, ticket, ticket_cleanup) != PAM_SUCCESS) {
        struct ticket *old = ticket_find(t);

        if (old) /* can't be replaced, so it is emptied */
            old->pid = 0;
        return PAM_BUF_ERR;
    }
    *ret = TAKE(ticket);
    return PAM_SUCCESS;
}

struct ticket *ticket_find(const struct transaction *t)
{
    const void *data = NULL;
    struct ticket *ticket;

    if (pam_get_data(t->pamh, TICKET_NAME, &data) != PAM_SUCCESS || !data)
        return NULL;
    ticket = (struct ticket *)data; /* ours: pam_get_data() adds the const */
    if (ticket->pid != getpid() || !t->user || strcmp(ticket->user, t->user) != 0 ||
        strcmp(ticket->service, t->service) != 0 ||
        strcmp(ticket->directory, t->options.socket_dir) != 0)
        return NULL;
    return ticket;
}

void ticket_set_result(struct ticket *ticket, int code)
{
    ticket->result = code;
}

int ticket_result(const struct ticket *ticket)
{
    return ticket->result;
}

void ticket_note_account(struct ticket *ticket, uint8_t verdict, bool taken)
{
    ticket->account = verdict;
    ticket->account_at = now_ms();
    ticket->account_known = true;
    ticket->account_taken = taken;
}

int ticket_look_account(const struct ticket *ticket, uint8_t *ret_verdict)
{
    if (!ticket->account_known || !is_young(ticket->account_at, TICKET_MS))
        return -ENOENT;
    *ret_verdict = ticket->account;
    return 0;
}

int ticket_take_account(struct ticket *ticket, uint8_t *ret_verdict)
{
    if (ticket->account_taken)
        return -ENOENT;
    ticket->account_taken = true;
    return ticket_look_account(ticket, ret_verdict);
}

static void ticket_seal(struct ticket *ticket, const struct sealed *sealed, bool is_state,
                        bool forced)
{
    ticket->sealed = *sealed;
    ticket->sealed_at = now_ms();
    ticket->is_state = is_state;
    ticket->forced = forced;
}

void ticket_set_grant(struct ticket *ticket, const struct sealed *grant, bool forced)
{
    ticket_seal(ticket, grant, false, forced);
}

void ticket_set_state(struct ticket *ticket, const struct sealed *state)
{
    ticket_seal(ticket, state, true, false);
}

static const struct sealed *ticket_sealed(const struct ticket *ticket, bool is_state)
{
    if (ticket->sealed.size == 0 || ticket->is_state != is_state ||
        !is_young(ticket->sealed_at, TICKET_GRANT_MS))
        return NULL;
    return &ticket->sealed;
}

const struct sealed *ticket_grant(const struct ticket *ticket)
{
    return ticket_sealed(ticket, false);
}

const struct sealed *ticket_state(const struct ticket *ticket)
{
    return ticket_sealed(ticket, true);
}

bool ticket_forced(const struct ticket *ticket)
{
    return ticket_grant(ticket) && ticket->forced;
}

void ticket_drop_sealed(struct ticket *ticket)
{
    explicit_bzero(&ticket->sealed, sizeof ticket->sealed);
    ticket->is_state = ticket->forced = false;
    ticket->account_known = false;
}

void ticket_set_unneeded(struct ticket *ticket, bool unneeded)
{
    ticket->unneeded = unneeded;
}

bool ticket_unneeded(const struct ticket *ticket)
{
    return ticket->unneeded;
}
