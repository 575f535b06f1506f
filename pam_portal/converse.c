/* Talks to the application's conversation function. Answers come from anywhere, so every pointer is
   looked at before it is followed, and every answer is wiped. Way in: converse_ask(),
   converse_show(), converse_say(). */
#include "config.h"

#include "converse.h"

#include "utf8.h"

#include "cleanup.h"

#include <stdlib.h>
#include <string.h>

#define LINE_SIZE PAM_MAX_MSG_SIZE /* with its NUL */

#define TOGETHER 2 /* messages in one conversation, at most */

static void answers_free(struct pam_response *answers, size_t count)
{
    if (!answers)
        return;
    for (size_t i = 0; i < count; i++)
        wipe_free_p(&answers[i].resp);
    free(answers);
}

/* count messages of one style. ret_answers, if not NULL, gets what was answered, NULL for each that
   wasn't. */
static int converse(pam_handle_t *pamh, int style, const char *const *lines, size_t count,
                    char **ret_answers)
{
    struct pam_message message[TOGETHER];
    const struct pam_message *messages[TOGETHER];
    struct pam_response *answers = NULL;
    const void *item = NULL;
    const struct pam_conv *conv;
    int r;

    if (pam_get_item(pamh, PAM_CONV, &item) != PAM_SUCCESS || !item)
        return PAM_CONV_ERR;
    conv = item;
    if (!conv->conv)
        return PAM_CONV_ERR;
    for (size_t i = 0; i < count; i++) {
        message[i] = (struct pam_message){.msg_style = style, .msg = lines[i]};
        messages[i] = &message[i];
    }
    r = conv->conv((int)count, messages, &answers, conv->appdata_ptr);
    if (r != PAM_SUCCESS) /* what answers points to now is anybody's guess: not ours to free */
        return r == PAM_CONV_AGAIN ? PAM_INCOMPLETE : PAM_CONV_ERR;
    if (answers && count == TOGETHER && answers[0].resp == answers[1].resp)
        answers[1].resp = NULL; /* one string for both: freed once */
    for (size_t i = 0; ret_answers && i < count; i++)
        ret_answers[i] = answers ? TAKE(answers[i].resp) : NULL;
    answers_free(answers, count);
    return PAM_SUCCESS;
}

int converse_ask(const struct transaction *t, enum text question, char **ret)
{
    const char *line = text_get(question, t->options.language);
    char *answer = NULL;
    int r;

    r = converse(t->pamh, PAM_PROMPT_ECHO_OFF, &line, 1, &answer);
    if (r != PAM_SUCCESS)
        return r;
    if (!answer)
        return PAM_CONV_ERR;
    *ret = answer;
    return PAM_SUCCESS;
}

int converse_ask_both(const struct transaction *t, enum text first, enum text second, char **ret,
                      char **ret_second)
{
    const char *lines[TOGETHER] = {text_get(first, t->options.language),
                                   text_get(second, t->options.language)};
    char *answers[TOGETHER] = {NULL};
    int r;

    r = converse(t->pamh, PAM_PROMPT_ECHO_OFF, lines, TOGETHER, answers);
    if (r != PAM_SUCCESS)
        return r;
    if (!answers[0]) {
        wipe_free_p(&answers[1]);
        return PAM_CONV_ERR;
    }
    *ret = answers[0];
    *ret_second = answers[1];
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

static int converse_lines(const struct transaction *t, int style, const char *text)
{
    char line[LINE_SIZE];
    const char *lines[] = {line};
    int r = PAM_SUCCESS;

    if (t->flags & PAM_SILENT)
        return PAM_CONV_ERR;
    while (*text && r == PAM_SUCCESS) {
        text = take_line(text, line);
        r = converse(t->pamh, style, lines, 1, NULL);
    }
    explicit_bzero(line, sizeof line); /* of a new TOTP secret, perhaps */
    return r == PAM_SUCCESS ? PAM_SUCCESS : PAM_CONV_ERR;
}

int converse_show(const struct transaction *t, const char *text)
{
    return converse_lines(t, PAM_TEXT_INFO, text);
}

/* What can't be shown isn't tried further; the login goes on. */
void converse_say(const struct transaction *t, bool error, const char *text)
{
    (void)converse_lines(t, error ? PAM_ERROR_MSG : PAM_TEXT_INFO, text);
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
