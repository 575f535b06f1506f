/* pam-login: one login as an application does it, for the demonstration and the tests.

       pam-login [--dir DIR] SERVICE USER

   DIR holds the PAM services (default: the system's). Each prompt is written as a line "hidden
   TEXT" or "visible TEXT" and answered with the next line of standard input; messages are lines
   "info TEXT" and "error TEXT". A phase begins with "phase NAME" and ends with "result NAME PAM_…:
   text". A new password that is refused may be tried three times. The exit status is 0 after a
   whole login. */
#include "config.h"

#include <errno.h>
#include <security/pam_appl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"

#define CHANGE_ATTEMPTS 3

static const struct {
    int style;
    const char *word;
} styles[] = {
    {PAM_PROMPT_ECHO_OFF, "hidden"},
    {PAM_PROMPT_ECHO_ON, "visible"},
    {PAM_TEXT_INFO, "info"},
    {PAM_ERROR_MSG, "error"},
};

static const char *result_name(int result)
{
    static const struct {
        int code;
        const char *name;
    } names[] = {
        {PAM_SUCCESS, "SUCCESS"},
        {PAM_AUTH_ERR, "AUTH_ERR"},
        {PAM_MAXTRIES, "MAXTRIES"},
        {PAM_PERM_DENIED, "PERM_DENIED"},
        {PAM_USER_UNKNOWN, "USER_UNKNOWN"},
        {PAM_NEW_AUTHTOK_REQD, "NEW_AUTHTOK_REQD"},
        {PAM_AUTHTOK_EXPIRED, "AUTHTOK_EXPIRED"},
        {PAM_AUTHTOK_ERR, "AUTHTOK_ERR"},
        {PAM_ACCT_EXPIRED, "ACCT_EXPIRED"},
        {PAM_CONV_ERR, "CONV_ERR"},
        {PAM_AUTHINFO_UNAVAIL, "AUTHINFO_UNAVAIL"},
        {PAM_MODULE_UNKNOWN, "MODULE_UNKNOWN"},
    };

    for (size_t i = 0; i < ELEMENTS(names); i++)
        if (names[i].code == result)
            return names[i].name;
    return "other";
}

/* One line; the newlines of a message that has several become "\n". */
static void line_print(const char *word, const char *text)
{
    printf("%s ", word);
    for (; *text; text++)
        if (*text == '\n')
            fputs("\\n", stdout);
        else
            putchar(*text);
    putchar('\n');
    fflush(stdout);
}

static int answer_read(char **ret)
{
    size_t size = 0;
    char *line = NULL;
    ssize_t length = getline(&line, &size, stdin);

    if (length < 0) {
        free(line);
        return -ENODATA;
    }
    line[strcspn(line, "\n")] = '\0';
    *ret = line;
    return 0;
}

static int converse(int count, const struct pam_message **messages, struct pam_response **ret,
                    void *userdata)
{
    struct pam_response *responses;
    int r = 0;

    (void)userdata;
    if (count <= 0 || count > PAM_MAX_NUM_MSG)
        return PAM_CONV_ERR;
    responses = calloc((size_t)count, sizeof *responses);
    if (!responses)
        return PAM_BUF_ERR;
    for (int i = 0; i < count && r == 0; i++) {
        int style = messages[i]->msg_style;

        for (size_t s = 0; s < ELEMENTS(styles); s++)
            if (styles[s].style == style)
                line_print(styles[s].word, messages[i]->msg);
        if (style == PAM_PROMPT_ECHO_OFF || style == PAM_PROMPT_ECHO_ON)
            r = answer_read(&responses[i].resp);
    }
    if (r == 0) {
        *ret = responses;
        return PAM_SUCCESS;
    }
    for (int i = 0; i < count; i++)
        wipe_free_p(&responses[i].resp);
    free(responses);
    return PAM_CONV_ERR;
}

static int result_tell(pam_handle_t *handle, const char *phase, int result)
{
    printf("result %s PAM_%s: %s\n", phase, result_name(result), pam_strerror(handle, result));
    fflush(stdout);
    return result;
}

static int phase_run(pam_handle_t *handle, const char *phase,
                     int (*function)(pam_handle_t *handle, int flags), int flags)
{
    printf("phase %s\n", phase);
    return result_tell(handle, phase, function(handle, flags));
}

static int login(pam_handle_t *handle)
{
    int result = phase_run(handle, "authenticate", pam_authenticate, 0);

    if (result != PAM_SUCCESS)
        return result;
    result = phase_run(handle, "account", pam_acct_mgmt, 0);
    if (result == PAM_NEW_AUTHTOK_REQD)
        for (int i = 0; i < CHANGE_ATTEMPTS; i++) {
            result = phase_run(handle, "change", pam_chauthtok, PAM_CHANGE_EXPIRED_AUTHTOK);
            if (result != PAM_AUTHTOK_ERR)
                break;
        }
    if (result == PAM_SUCCESS)
        result = phase_run(handle, "credentials", pam_setcred, PAM_ESTABLISH_CRED);
    if (result == PAM_SUCCESS)
        result = phase_run(handle, "session", pam_open_session, 0);
    if (result == PAM_SUCCESS)
        result = pam_close_session(handle, 0);
    return result;
}

int main(int argc, char **argv)
{
    static const struct pam_conv conversation = {converse, NULL};
    bool has_dir = argc == 5 && strcmp(argv[1], "--dir") == 0;
    pam_handle_t *handle = NULL;
    int result;

    if (argc != 3 && !has_dir) {
        fputs("usage: pam-login [--dir DIR] SERVICE USER\n", stderr);
        return 2;
    }
    result = pam_start_confdir(argv[argc - 2], argv[argc - 1], &conversation,
                               has_dir ? argv[2] : NULL, &handle);
    if (result != PAM_SUCCESS) {
        fprintf(stderr, "pam-login: PAM can't be started: %s\n", result_name(result));
        return 2;
    }
    result = login(handle);
    pam_end(handle, result);
    return result == PAM_SUCCESS ? 0 : 1;
}
