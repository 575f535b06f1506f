/* Talks to the application's conversation function. Answers come from anywhere, so every pointer is
   looked at before it is followed, and every answer is wiped. Way in: converse_ask(),
   converse_say(). */
#include "config.h"

#include "converse.h"

#include "utf8.h"

#include "cleanup.h"

#include <stdlib.h>
#include <string.h>

#define LINE_SIZE PAM_MAX_MSG_SIZE /* with its NUL */

static void answer_free(struct pam_response *answer)
{
    if (!answer)
        return;
    if (answer->resp) {
        explicit_bzero(answer->resp, strlen(answer->resp));
        free(answer->resp);
    }
    free(answer);
}

/* One message. *ret_answer is the text answered, NULL where none came. */
static int converse_once(pam_handle_t *pamh, int style, const char *line, char **ret_answer)
{
    struct pam_message message = {.msg_style = style, .msg = line};
    const struct pam_message *messages[] = {&message};
    struct pam_response *answer = NULL;
    const void *item = NULL;
    const struct pam_conv *conv;
    int r;

    if (pam_get_item(pamh, PAM_CONV, &item) != PAM_SUCCESS || !item)
        return PAM_CONV_ERR;
    conv = item;
    if (!conv->conv)
        return PAM_CONV_ERR;
    r = conv->conv(1, messages, &answer, conv->appdata_ptr);
    if (r != PAM_SUCCESS) /* what answer points to now is anybody's guess: not ours to free */
        return r == PAM_CONV_AGAIN ? PAM_INCOMPLETE : PAM_CONV_ERR;
    if (ret_answer && answer)
        *ret_answer = TAKE(answer->resp);
    answer_free(answer);
    return PAM_SUCCESS;
}

int converse_ask(const struct transaction *t, enum text question, char **ret)
{
    _cleanup_wipe_free_ char *answer = NULL;
    int r;

    r = converse_once(t->pamh, PAM_PROMPT_ECHO_OFF, text_get(question, t->options.language),
                      &answer);
    if (r != PAM_SUCCESS)
        return r;
    if (!answer)
        return PAM_CONV_ERR;
    *ret = TAKE(answer);
    return PAM_SUCCESS;
}

/* The next piece of text that fits one message: up to a newline, or as much as there is room
   for. */
static const char *take_line(const char *text, char ret[static LINE_SIZE])
{
    size_t length = strcspn(text, "\n");
    size_t fit = utf8_fit(text, LINE_SIZE - 1);

    if (fit < length)
        length = fit > 0 ? fit : LINE_SIZE - 1;
    for (size_t i = 0; i < length; i++) /* a terminal acts on control characters */
        ret[i] = (unsigned char)text[i] < ' ' || text[i] == 0x7f ? '?' : text[i];
    ret[length] = '\0';
    text += length;
    return *text == '\n' ? text + 1 : text;
}

void converse_say(const struct transaction *t, bool error, const char *text)
{
    char line[LINE_SIZE];

    if (t->flags & PAM_SILENT)
        return;
    while (*text) {
        text = take_line(text, line);
        if (converse_once(t->pamh, error ? PAM_ERROR_MSG : PAM_TEXT_INFO, line, NULL) !=
            PAM_SUCCESS)
            return; /* it won't show the rest either; the login goes on */
    }
}

void converse_say_own(const struct transaction *t, bool error, enum text text)
{
    converse_say(t, error, text_get(text, t->options.language));
}

bool converse_secret_fits(const char *secret)
{
    size_t length = strnlen(secret, CONVERSE_SECRET_MAX + 1);

    return length > 0 && length <= CONVERSE_SECRET_MAX && utf8_valid(secret);
}
