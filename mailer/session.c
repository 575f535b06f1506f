/* Drives libesmtp 1.1 through one session, and doesn't trust it: what it doesn't check is checked
   by its monitor (guard.h), by the SSL_CTX that it gets (tls.h), before it gets anything (batch.h),
   and in what is believed of its statuses, here. Way in: session_run(). */
#include "config.h"

#include "session.h"

#include "guard.h"

#include "cleanup.h"
#include "log.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/socket.h>

#include <openssl/ssl.h>
#include <stddef.h>

#include <auth-client.h>
#include <libesmtp.h>

/* The socket is among the first few: this process opens nothing else. */
#define DESCRIPTORS_MAX 256
#define SERVER_SIZE     320

/* So many mails libesmtp is given ahead of the one under way: after some refusals it ends a session
   that has none. */
#define AHEAD_MOST 20

#define STATUS_CLOSING 421 /* RFC 5321, 3.8: at any time */

struct session {
    const struct settings *settings;
    struct tls *tls;
    struct batch *batch;
    struct guard guard;
    size_t given;     /* mails that libesmtp was given */
    size_t ahead;     /* those of them that it isn't done with */
    bool useful;      /* the relay has decided about a mail: it is worth connecting again */
    int fd;           /* libesmtp's connection; -1 between two */
    const char *note; /* what an event told about the session as a whole */
    int error;        /* of reporting */
};

static bool positive(const smtp_status_t *status)
{
    return status && status->code >= 200 && status->code <= 299;
}

static bool negative(const smtp_status_t *status)
{
    return status && status->code >= 500 && status->code <= 599;
}

static void session_report(struct session *s, struct batch_mail *mail, enum mailer_result result,
                           const smtp_status_t *status)
{
    char text[MAILER_TEXT_SIZE];
    int r;

    if (s->guard.problem || s->guard.over) /* it may be no answer to this mail; session_finish() */
        return;
    /* The relay ends a session that has lasted long enough: the next one takes this mail. */
    if (status && status->code == STATUS_CLOSING && s->useful && !mail->fetched)
        return;
    s->useful = s->useful || !status || status->code != STATUS_CLOSING;
    if (status && status->enh_class)
        snprintf(text, sizeof text, "%d %d.%d.%d %s", status->code, status->enh_class,
                 status->enh_subject, status->enh_detail, status->text ? status->text : "");
    else if (status)
        snprintf(text, sizeof text, "%d %s", status->code, status->text ? status->text : "");
    else
        text[0] = '\0';
    r = batch_report(s->batch, mail, result,
                     status && status->code > 0 ? (unsigned)status->code : 0, text);
    if (r < 0)
        s->error = r;
}

/* The connection must not go on. libesmtp can't be told so; without a socket it ends by itself. */
static void session_cut(struct session *s)
{
    if (s->fd >= 0)
        shutdown(s->fd, SHUT_RDWR);
}

/* libesmtp doesn't hand out its socket: it is the only TCP socket of this process. */
static int find_connection(void)
{
    for (int fd = STDERR_FILENO + 1; fd < DESCRIPTORS_MAX; fd++) {
        int domain, type;
        socklen_t length = sizeof(int);

        if (getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &length) < 0 ||
            (domain != AF_INET && domain != AF_INET6))
            continue;
        if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &length) == 0 && type == SOCK_STREAM)
            return fd;
    }
    return -1;
}

static void on_connect(struct session *s)
{
    int yes = 1;

    guard_begin(&s->guard, s->settings->starttls == STARTTLS_REQUIRED,
                s->settings->user[0] != '\0');
    s->fd = find_connection();
    if (s->fd < 0) {
        /* Nothing could be cut any more, so nothing may begin. */
        log_line(LOG_ERR, "the connection to the relay isn't among the first %d descriptors",
                 DESCRIPTORS_MAX);
        _exit(EXIT_FAILURE);
    }
    /* Each command would wait 40 ms for a delayed ACK of the one before. */
    setsockopt(s->fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
}

/* libesmtp fetches the message: first with length NULL, to start over, then until there is no
   more. */
static const char *fetch_message(void **context, int *length, void *arg)
{
    struct batch_mail *mail = arg;

    (void)context;
    if (!length) {
        mail->fetched = false;
        return NULL;
    }
    if (mail->fetched || !mail->message) {
        *length = 0;
        return NULL;
    }
    mail->fetched = true;
    *length = (int)mail->size;
    return (const char *)mail->message;
}

static bool session_add(struct session *s, smtp_session_t handle, struct batch_mail *mail)
{
    smtp_message_t message = smtp_add_message(handle);
    smtp_recipient_t recipient;

    if (!message || !smtp_set_reverse_path(message, mail->sender) ||
        !smtp_set_messagecb(message, fetch_message, mail))
        return false;
    smtp_message_set_application_data_release(message, mail, NULL);
    recipient = smtp_add_recipient(message, mail->recipient);
    if (!recipient)
        return false;
    smtp_recipient_set_application_data_release(recipient, mail, NULL);
    s->given++;
    s->ahead++;
    return true;
}

/* Waits for mails to come, or for the relay to have enough. */
static bool session_idle(const struct session *s)
{
    struct pollfd p[] = {
        {.fd = s->batch->fd, .events = POLLIN},
        {.fd = s->fd, .events = POLLIN}, /* 421, or the end */
    };
    const struct settings *settings = s->settings;
    bool more;

    alarm((unsigned)(settings->idle + settings->lifetime));
    more = poll(p, ELEMENTS(p), (int)settings->idle * 1000) > 0 && !p[1].revents && p[0].revents;
    alarm((unsigned)settings->lifetime);
    return more;
}

/* Gives libesmtp what the courier has sent meanwhile. When nothing is left to do and wait is set,
   the session is kept open for more. */
static void session_fill(struct session *s, smtp_session_t handle, bool wait)
{
    while (!s->error && s->given < (size_t)s->settings->batch && s->ahead < AHEAD_MOST) {
        struct batch_mail *mail = NULL;
        int r = batch_next(s->batch, false, &mail);

        if (r > 0) {
            if (!session_add(s, handle, mail))
                s->error = -ENOMEM;
        } else if (r != -EAGAIN) {
            s->error = r;
            return;
        } else if (!wait || s->ahead > 0 || !session_idle(s))
            return;
    }
}

/* MAIL FROM was answered. 5xx is about our sender address or our login, which an operator can mend,
   not about this mail: it is tried again until it expires. */
static void on_mail_status(struct session *s, smtp_session_t handle, smtp_message_t message)
{
    const smtp_status_t *status = smtp_reverse_path_status(message);

    if (positive(status))
        return;
    session_report(s, smtp_message_get_application_data(message), MAILER_DEFERRED, status);
    s->ahead--;
    session_fill(s, handle, false);
}

/* RCPT TO was answered. 530 to 538 are about our login (RFC 4954, 6). */
static void on_recipient_status(struct session *s, smtp_recipient_t recipient)
{
    struct batch_mail *mail = smtp_recipient_get_application_data(recipient);
    const smtp_status_t *status = smtp_recipient_status(recipient);

    if (negative(status) && !(status->code >= 530 && status->code <= 538))
        session_report(s, mail, MAILER_REJECTED, status);
    else if (!positive(status))
        session_report(s, mail, MAILER_DEFERRED, status);
}

static void find_recipient(smtp_recipient_t recipient, const char *mailbox, void *arg)
{
    (void)mailbox;
    *(smtp_recipient_t *)arg = recipient;
}

/* The message was answered, or DATA refused. */
static void message_report(struct session *s, smtp_message_t message, struct batch_mail *mail)
{
    const smtp_status_t *status = smtp_message_transfer_status(message);
    smtp_recipient_t recipient = NULL;

    smtp_enumerate_recipients(message, find_recipient, &recipient);
    if (!recipient)
        return;
    if (positive(status) && positive(smtp_recipient_status(recipient)) &&
        smtp_recipient_check_complete(recipient))
        session_report(s, mail, MAILER_ACCEPTED, status);
    else if (negative(status))
        session_report(s, mail, MAILER_REJECTED, status);
    else
        session_report(s, mail, MAILER_DEFERRED, status);
}

/* libesmtp goes on with what it was given by the end of this, or says QUIT; after a refused DATA it
   has decided already. */
static void on_message_sent(struct session *s, smtp_session_t handle, smtp_message_t message)
{
    struct batch_mail *mail = smtp_message_get_application_data(message);
    bool decided = !mail->fetched;

    message_report(s, message, mail);
    s->ahead--;
    session_fill(s, handle, !decided);
}

static void on_secured(struct session *s, SSL *ssl)
{
    if (SSL_get_verify_result(ssl) != X509_V_OK)
        s->guard.problem = "the relay's certificate wasn't verified";
    else if (!s->guard.problem && tls_settle(ssl, s->settings->reply) < 0)
        s->guard.problem = "the relay fell silent when TLS was up";
    if (s->guard.problem)
        session_cut(s);
    guard_secure(&s->guard);
}

/* libesmtp compares the certificate with the name that DNS made of ours. OpenSSL has compared it
   with the configured one, which is the one that counts. */
static void on_other_name(int *ok, const SSL *ssl)
{
    *ok = SSL_get_verify_result(ssl) == X509_V_OK;
}

static void on_event(smtp_session_t handle, int event, void *arg, ...)
{
    struct session *s = arg;
    va_list args;

    va_start(args, arg);
    switch (event) {
    case SMTP_EV_CONNECT:
        on_connect(s);
        break;
    case SMTP_EV_DISCONNECT:
        s->fd = -1;
        break;
    case SMTP_EV_MAILSTATUS:
        (void)va_arg(args, const char *);
        on_mail_status(s, handle, va_arg(args, smtp_message_t));
        break;
    case SMTP_EV_RCPTSTATUS:
        (void)va_arg(args, const char *);
        on_recipient_status(s, va_arg(args, smtp_recipient_t));
        break;
    case SMTP_EV_MESSAGESENT:
        on_message_sent(s, handle, va_arg(args, smtp_message_t));
        break;
    case SMTP_EV_STARTTLS_OK:
        on_secured(s, va_arg(args, SSL *));
        break;
    case SMTP_EV_WRONG_PEER_CERTIFICATE: {
        int *ok = va_arg(args, int *);

        (void)va_arg(args, char *);
        on_other_name(ok, va_arg(args, SSL *));
        break;
    }
    case SMTP_EV_EXTNA_STARTTLS:
        s->note = "the relay doesn't offer STARTTLS";
        break;
    default:
        break;
    }
    va_end(args);
}

/* A courier that has given us up will have the rest of the batch sent again. */
static bool courier_left(const struct session *s)
{
    struct pollfd p = {.fd = s->batch->fd};

    return poll(&p, 1, 0) > 0 && (p.revents & (POLLHUP | POLLERR));
}

static void on_traffic(const char *data, int size, int writing, void *arg)
{
    struct session *s = arg;

    if (size <= 0)
        return;
    if (writing && !s->error && s->ahead > 0 && courier_left(s))
        s->error = -EPIPE;
    if (!s->guard.problem && !s->error) {
        if (writing)
            guard_write(&s->guard, data, (size_t)size);
        else
            guard_read(&s->guard, data, (size_t)size);
    }
    if (s->guard.problem || s->guard.closing || s->error)
        session_cut(s);
}

static int answer_login(auth_client_request_t request, char **result, int fields, void *arg)
{
    const struct settings *settings = arg;

    for (int i = 0; i < fields; i++)
        if (request[i].flags & AUTH_USER)
            result[i] = settings->user;
        else if (request[i].flags & AUTH_PASS)
            result[i] = settings->password;
        else
            result[i] = NULL;
    return 1;
}

/* libesmtp counts in milliseconds, whatever its manual says. */
static bool session_set_timeouts(smtp_session_t handle, const struct settings *settings)
{
    const struct {
        int which;
        long seconds;
    } timeouts[] = {
        {Timeout_GREETING, settings->reply}, {Timeout_ENVELOPE, settings->reply},
        {Timeout_DATA, settings->reply},     {Timeout_TRANSFER, settings->reply},
        {Timeout_DATA2, settings->accept},
    };

    for (size_t i = 0; i < ELEMENTS(timeouts); i++)
        if (!smtp_set_timeout(handle, timeouts[i].which | Timeout_OVERRIDE_RFC2822_MINIMUM,
                              timeouts[i].seconds * 1000))
            return false;
    return true;
}

static bool session_prepare(struct session *s, smtp_session_t handle)
{
    const struct settings *settings = s->settings;
    char server[SERVER_SIZE];
    int n = snprintf(server, sizeof server, "%s:%ld", settings->host, settings->port);

    if (n < 0 || (size_t)n >= sizeof server || !smtp_set_server(handle, server) ||
        (settings->helo[0] && !smtp_set_hostname(handle, settings->helo)))
        return false;
    if (!smtp_set_eventcb(handle, on_event, s) || !smtp_set_monitorcb(handle, on_traffic, s, 0) ||
        !session_set_timeouts(handle, settings))
        return false;
    if (!smtp_starttls_enable(handle, s->tls ? Starttls_REQUIRED : Starttls_DISABLED) ||
        (s->tls && !smtp_starttls_set_ctx(handle, s->tls->context)))
        return false;
    for (struct batch_mail *mail = s->batch->first; mail; mail = mail->next)
        if (!session_add(s, handle, mail))
            return false;
    session_fill(s, handle, false);
    return true;
}

/* Why mails without an outcome have none: the most telling of what is known. */
static void session_reason(const struct session *s, char ret[static MAILER_TEXT_SIZE])
{
    char library[128] = "";

    if (s->guard.problem)
        snprintf(ret, MAILER_TEXT_SIZE, "%s", s->guard.problem);
    else if (s->tls && s->tls->problem != X509_V_OK)
        snprintf(ret, MAILER_TEXT_SIZE, "the relay's certificate isn't valid for %s: %s",
                 s->settings->host, X509_verify_cert_error_string(s->tls->problem));
    else if (s->note)
        snprintf(ret, MAILER_TEXT_SIZE, "%s", s->note);
    else if (s->guard.trouble[0])
        snprintf(ret, MAILER_TEXT_SIZE, "%s", s->guard.trouble);
    else
        snprintf(ret, MAILER_TEXT_SIZE, "the session with %s:%ld ended: %s", s->settings->host,
                 s->settings->port,
                 smtp_errno() ? smtp_strerror(smtp_errno(), library, sizeof library) : "no answer");
}

/* Mails that the relay hasn't seen the text of go into the next session, if this one was of any
   use; else they wait. */
static int session_finish(struct session *s)
{
    bool again = s->useful && !s->guard.problem;
    char reason[MAILER_TEXT_SIZE];

    session_reason(s, reason);
    for (struct batch_mail *mail = s->batch->first; mail && !s->error; mail = mail->next)
        if (!again || mail->fetched)
            s->error = batch_report(s->batch, mail, MAILER_DEFERRED, 0, reason);
    batch_forget(s->batch);
    return s->error;
}

static auth_context_t login_make(const struct settings *settings)
{
    auth_context_t login = auth_create_context();

    if (!login)
        return NULL;
    auth_set_mechanism_flags(login, AUTH_PLUGIN_PLAIN, 0);
    auth_set_interact_cb(login, answer_login, (void *)(uintptr_t)settings);
    return login;
}

int session_run(struct batch *batch, const struct settings *settings, struct tls *tls)
{
    struct session s = {.settings = settings, .tls = tls, .batch = batch, .fd = -1};
    smtp_session_t handle = smtp_create_session();
    auth_context_t login = settings->user[0] ? login_make(settings) : NULL;

    if (!handle || (settings->user[0] && !login))
        return -ENOMEM;
    if (tls)
        tls->problem = X509_V_OK;
    if (login)
        smtp_auth_set_context(handle, login);
    /* getaddrinfo() and connect() of libesmtp wait as long as they like. */
    alarm((unsigned)settings->lifetime);
    if (!session_prepare(&s, handle))
        s.error = s.error ? s.error : -ENOMEM;
    else if (!s.error)
        smtp_start_session(handle); /* returns 1 in failures, too: events tell what happened */
    smtp_destroy_session(handle);
    if (login)
        auth_destroy_context(login);
    if (!s.error)
        s.error = session_finish(&s);
    alarm(0);
    return s.error;
}
