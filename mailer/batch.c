/* Reads mails from the courier, refuses those that would be dangerous, reports results: batch.h. */
#include "config.h"

#include "batch.h"

#include "cleanup.h"
#include "wire.h"

#include <errno.h>
#include <sys/socket.h>

/* Waits for bytes behind those in the buffer, which begin at its start then. */
static int batch_receive(struct batch *batch, bool wait)
{
    ssize_t n;

    if (batch->start > 0) {
        memmove(batch->buffer, batch->buffer + batch->start, batch->have);
        explicit_bzero(batch->buffer + batch->have, batch->start);
        batch->start = 0;
    }
    do
        n = recv(batch->fd, batch->buffer + batch->have, MAILER_MAIL_MAX - batch->have,
                 wait ? 0 : MSG_DONTWAIT);
    while (n < 0 && errno == EINTR);
    if (n < 0)
        return -errno;
    if (n == 0)
        return batch->have == 0 ? 0 : -EPROTO;
    batch->have += (size_t)n;
    return 1;
}

/* Makes sure that a whole frame is in the buffer. Returns 1 and its size, 0 at the end of all
   frames, or a negative errno. */
static int batch_fill(struct batch *batch, bool wait, size_t *ret_size)
{
    size_t size = 0;

    if (!batch->buffer && !(batch->buffer = malloc(MAILER_MAIL_MAX)))
        return -ENOMEM;
    for (;;) {
        int r = wire_frame_size(batch->buffer + batch->start, batch->have, MAILER_MAIL_MAX, &size);

        if (r < 0 && r != -EAGAIN)
            return -EPROTO;
        if (r == 0 && batch->have >= size)
            break;
        r = batch_receive(batch, wait);
        if (r <= 0)
            return r;
    }
    *ret_size = size;
    return 1;
}

/* libesmtp puts an address as it is between "<" and ">" of a command line. */
static bool address_is_safe(const char *address)
{
    const char *at = strrchr(address, '@');

    if (!at || at == address || !at[1])
        return false;
    for (; *address; address++)
        if (*address <= ' ' || *address > '~' || *address == '<' || *address == '>')
            return false;
    return true;
}

/* Bare CR or LF would let a message end where another server sees its end ("smuggling"). */
static bool message_is_safe(const uint8_t *message, size_t size)
{
    size_t column = 0;

    for (size_t i = 0; i < size; i++) {
        if (message[i] == '\r' && i + 1 < size && message[i + 1] == '\n') {
            i++;
            column = 0;
            continue;
        }
        if (message[i] == '\r' || message[i] == '\n' || message[i] == '\0' || message[i] > 126)
            return false;
        if (++column > BATCH_LINE_MAX)
            return false;
    }
    return size > 0 && column == 0;
}

static int mail_parse(const struct wire_frame *frame, struct batch_mail *ret,
                      const char **ret_refusal)
{
    const uint8_t *message;
    int from, to;

    if (frame->type != WIRE_MAIL || wire_get_string(frame, WIRE_JOB, ret->job, ULID_SIZE) < 0 ||
        wire_get(frame, WIRE_MESSAGE, &message, &ret->size) < 0)
        return -EPROTO;
    from = wire_get_string(frame, WIRE_SENDER, ret->sender, sizeof ret->sender);
    to = wire_get_string(frame, WIRE_RECIPIENT, ret->recipient, sizeof ret->recipient);
    if (from == -ENOENT || to == -ENOENT)
        return -EPROTO;
    if (from < 0 || !address_is_safe(ret->sender))
        *ret_refusal = "the sender isn't a mail address";
    else if (to < 0 || !address_is_safe(ret->recipient))
        *ret_refusal = "the recipient isn't a mail address";
    else if (!message_is_safe(message, ret->size))
        *ret_refusal = "the message isn't lines of ASCII";
    if (*ret_refusal)
        return 0;
    ret->message = malloc(ret->size);
    if (!ret->message)
        return -ENOMEM;
    memcpy(ret->message, message, ret->size);
    return 0;
}

static void mail_wipe(struct batch_mail *mail)
{
    if (mail->message)
        explicit_bzero(mail->message, mail->size);
    free(mail->message);
    mail->message = NULL;
}

static void mail_free(struct batch_mail *mail)
{
    mail_wipe(mail);
    free(mail);
}

static void batch_append(struct batch *batch, struct batch_mail *mail)
{
    struct batch_mail **end = &batch->first;

    while (*end)
        end = &(*end)->next;
    *end = mail;
}

/* Takes the frame in the buffer. *ret stays NULL when its mail was refused. */
static int batch_take(struct batch *batch, size_t size, struct batch_mail **ret)
{
    struct batch_mail *mail = calloc(1, sizeof *mail);
    const char *refusal = NULL;
    struct wire_frame frame;
    int r;

    if (!mail)
        return -ENOMEM;
    r = wire_parse(batch->buffer + batch->start, size, &frame);
    if (r >= 0)
        r = mail_parse(&frame, mail, &refusal);
    if (r >= 0 && refusal)
        r = batch_report(batch, mail, MAILER_REJECTED, 0, refusal);
    batch->start += size;
    batch->have -= size;
    if (r < 0 || refusal) {
        mail_free(mail);
        return r;
    }
    batch_append(batch, mail);
    *ret = mail;
    return 0;
}

int batch_next(struct batch *batch, bool wait, struct batch_mail **ret)
{
    struct batch_mail *mail = NULL;

    while (!mail) {
        size_t size = 0;
        int r = batch_fill(batch, wait, &size);

        if (r <= 0)
            return r;
        r = batch_take(batch, size, &mail);
        if (r < 0)
            return r;
    }
    *ret = mail;
    return 1;
}

static int send_all(int fd, const uint8_t *data, size_t size)
{
    while (size > 0) {
        ssize_t n = send(fd, data, size, MSG_NOSIGNAL);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -errno;
        data += n;
        size -= (size_t)n;
    }
    return 0;
}

/* One line of printable ASCII. */
static void text_clean(const char *text, char ret[static MAILER_TEXT_SIZE])
{
    size_t n = 0;

    for (; *text && n < MAILER_TEXT_SIZE - 1; text++) {
        if (*text > ' ' && *text <= '~')
            ret[n++] = *text;
        else if (n > 0 && ret[n - 1] != ' ')
            ret[n++] = ' ';
    }
    while (n > 0 && ret[n - 1] == ' ')
        n--;
    ret[n] = '\0';
}

int batch_report(struct batch *batch, struct batch_mail *mail, enum mailer_result result,
                 unsigned status, const char *text)
{
    _cleanup_(wire_writer_clear) struct wire_writer w = {0};
    char clean[MAILER_TEXT_SIZE];
    int r;

    if (mail->reported)
        return 0;
    mail->reported = true;
    mail_wipe(mail);
    text_clean(text ? text : "", clean);
    wire_begin(&w, WIRE_MAIL_RESULT);
    wire_put_string(&w, WIRE_JOB, mail->job);
    wire_put_u8(&w, WIRE_RESULT, (uint8_t)result);
    wire_put_u32(&w, WIRE_STATUS, status);
    wire_put_string(&w, WIRE_TEXT, clean);
    r = wire_end(&w);
    return r < 0 ? r : send_all(batch->fd, w.data, w.size);
}

void batch_forget(struct batch *batch)
{
    for (struct batch_mail **p = &batch->first; *p;) {
        struct batch_mail *mail = *p;

        if (mail->reported) {
            *p = mail->next;
            mail_free(mail);
        } else
            p = &mail->next;
    }
}

void batch_clear(struct batch *batch)
{
    while (batch->first) {
        struct batch_mail *mail = batch->first;

        batch->first = mail->next;
        mail_free(mail);
    }
    if (batch->buffer)
        explicit_bzero(batch->buffer, MAILER_MAIL_MAX);
    free(batch->buffer);
    *batch = (struct batch){.fd = batch->fd};
}
