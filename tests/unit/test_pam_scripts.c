/* Runs the scripts of tests/pam-scripts: the module through a real libpam, an application that says
   what the script says, and a fake portald. A script holds every message in both directions; what
   it doesn't list must not happen. Way in: case_run(). */
#include "config.h"

#include <errno.h>
#include <glob.h>
#include <security/pam_appl.h>
#include <security/pam_ext.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <setjmp.h>
#include <cmocka.h>

#include "cleanup.h"
#include "pam_fake.h"
#include "pam_reply.h"
#include "pam_script.h"
#include "pam_stack.h"

#define SECRETS   32
#define BESIDE    "beside" /* the second hidden question of one conversation */
#define PWQUALITY "pam_pwquality.so"
#define CHILD_BAD 255 /* exit status of a forked step that didn't follow the script */

struct run {
    const struct script_case *c;
    size_t cursor;           /* the next line */
    struct script_line line; /* the one taken apart last */
    char directory[64];
    struct stack stack;
    char user[SCRIPT_WORD_SIZE], rhost[SCRIPT_WORD_SIZE];
    bool has_user, has_portald, foreign_directory, group_writable;
    struct fake fake;
    pam_handle_t *pamh;
    char *secrets[SECRETS];
    size_t secret_count;
    char failure[8192];
};

static FILE *log_file;       /* what went to syslog */
static time_t clock_forward; /* seconds, "later" */

/* --- What stands in for libc and libpam --- */

__attribute__((visibility("default"))) int clock_gettime(clockid_t id, struct timespec *ret)
{
    int r = (int)syscall(SYS_clock_gettime, id, ret);

    if (r == 0)
        ret->tv_sec += clock_forward;
    return r;
}

__attribute__((visibility("default"), format(printf, 3, 4))) void
pam_syslog(const pam_handle_t *pamh, int priority, const char *format, ...)
{
    va_list arguments;

    (void)pamh;
    (void)priority;
    if (!log_file)
        return;
    va_start(arguments, format);
    vfprintf(log_file, format, arguments);
    va_end(arguments);
    fputc('\n', log_file);
}

/* --- The application --- */

/* Notes the first thing that went otherwise than the script says. */
__attribute__((format(printf, 2, 3))) static void blame(struct run *run, const char *format, ...)
{
    va_list arguments;

    if (*run->failure)
        return;
    va_start(arguments, format);
    vsnprintf(run->failure, sizeof run->failure, format, arguments);
    va_end(arguments);
}

static bool next_line(struct run *run)
{
    if (run->cursor >= run->c->count)
        return false;
    if (script_split(run->c->lines[run->cursor], &run->line) < 0) {
        blame(run, "can't read: %s", run->c->lines[run->cursor]);
        return false;
    }
    return true;
}

static const struct {
    int style;
    const char *name;
} styles[] = {
    {PAM_PROMPT_ECHO_OFF, "hidden"},
    {PAM_PROMPT_ECHO_ON, "visible"},
    {PAM_ERROR_MSG, "error"},
    {PAM_TEXT_INFO, "info"},
};

static const char *style_name(int style)
{
    for (size_t i = 0; i < ELEMENTS(styles); i++)
        if (styles[i].style == style)
            return styles[i].name;
    return "?";
}

static bool is_conversation(const char *line)
{
    for (size_t i = 0; i < ELEMENTS(styles); i++)
        if (script_is(line, styles[i].name))
            return true;
    return script_is(line, BESIDE);
}

static void remember_secret(struct run *run, const char *text)
{
    if (strlen(text) >= 3 && run->secret_count < SECRETS)
        run->secrets[run->secret_count++] = strdup(text);
}

/* The line's answer to message number i, as expected. ret: the whole array. */
static int answer(struct run *run, int i, struct pam_response **ret)
{
    const struct script_word *word = &run->line.words[2];
    bool bare = run->line.count == 3 && !word->quoted;
    bool late = run->line.count == 5 && strcmp(run->line.words[3].text, "after") == 0;
    char *old = i > 0 && *ret ? (*ret)[0].resp : NULL;

    if (bare && strcmp(word->text, "CONV_ERR") == 0)
        return PAM_CONV_ERR;
    if (bare && strcmp(word->text, "CONV_AGAIN") == 0)
        return PAM_CONV_AGAIN;
    if (bare && strcmp(word->text, "NO_ARRAY") == 0) {
        free(old);
        free(*ret);
        *ret = NULL;
    } else if (bare && strcmp(word->text, "ALIAS") == 0) {
        (*ret)[i].resp = old;
    } else if ((run->line.count == 3 || late) && word->quoted) {
        clock_forward += late ? atol(run->line.words[4].text) : 0;
        (*ret)[i].resp = strdup(word->text);
        if (strcmp(run->line.words[0].text, "hidden") == 0 ||
            strcmp(run->line.words[0].text, BESIDE) == 0)
            remember_secret(run, word->text);
    }
    return PAM_SUCCESS;
}

/* Message number i of one conversation against the script's next line. */
static int message(struct run *run, int i, const struct pam_message *m, struct pam_response **ret)
{
    const char *style = i > 0 ? BESIDE : style_name(m->msg_style);

    if (i > 0 && m->msg_style != PAM_PROMPT_ECHO_OFF)
        blame(run, "%s beside another message", style_name(m->msg_style));
    if (strlen(m->msg) >= PAM_MAX_MSG_SIZE)
        blame(run, "a message of %zu bytes", strlen(m->msg));
    if (!next_line(run) || !is_conversation(run->c->lines[run->cursor])) {
        blame(run, "unexpected: %s \"%s\"", style, m->msg);
        return PAM_CONV_ERR;
    }
    run->cursor++;
    if (strcmp(run->line.words[0].text, style) != 0 || run->line.count < 2 ||
        strcmp(run->line.words[1].text, m->msg) != 0) {
        blame(run, "expected: %s\n     got: %s \"%s\"", run->c->lines[run->cursor - 1], style,
              m->msg);
        return PAM_CONV_ERR;
    }
    return answer(run, i, ret);
}

static int converse(int count, const struct pam_message **messages, struct pam_response **ret,
                    void *userdata)
{
    struct run *run = userdata;
    struct pam_response *answers;
    int r = PAM_SUCCESS;

    if (count < 1 || count > 2) {
        blame(run, "%d messages at once", count);
        return PAM_CONV_ERR;
    }
    answers = calloc((size_t)count, sizeof *answers);
    assert_non_null(answers);
    for (int i = 0; i < count && r == PAM_SUCCESS && answers; i++)
        r = message(run, i, messages[i], &answers);
    if (r == PAM_SUCCESS) {
        *ret = answers;
        return r;
    }
    for (int i = 0; i < count; i++)
        free(answers[i].resp);
    free(answers);
    return r;
}

/* --- Steps --- */

static const struct {
    const char *name;
    int (*call)(pam_handle_t *pamh, int flags);
    int flags;
} steps[] = {
    {"authenticate", pam_authenticate, 0},
    {"authenticate-silent", pam_authenticate, (int)PAM_SILENT},
    {"setcred", pam_setcred, PAM_ESTABLISH_CRED},
    {"acct_mgmt", pam_acct_mgmt, 0},
    {"acct_mgmt-silent", pam_acct_mgmt, (int)PAM_SILENT},
    {"chauthtok", pam_chauthtok, 0},
    {"chauthtok-silent", pam_chauthtok, (int)PAM_SILENT},
    {"chauthtok-expired", pam_chauthtok, PAM_CHANGE_EXPIRED_AUTHTOK},
    {"open_session", pam_open_session, 0},
    {"close_session", pam_close_session, 0},
};

static const struct {
    const char *name;
    int code;
} codes[] = {
    {"SUCCESS", PAM_SUCCESS},
    {"SERVICE_ERR", PAM_SERVICE_ERR},
    {"PERM_DENIED", PAM_PERM_DENIED},
    {"AUTH_ERR", PAM_AUTH_ERR},
    {"AUTHINFO_UNAVAIL", PAM_AUTHINFO_UNAVAIL},
    {"USER_UNKNOWN", PAM_USER_UNKNOWN},
    {"MAXTRIES", PAM_MAXTRIES},
    {"NEW_AUTHTOK_REQD", PAM_NEW_AUTHTOK_REQD},
    {"ACCT_EXPIRED", PAM_ACCT_EXPIRED},
    {"CONV_ERR", PAM_CONV_ERR},
    {"AUTHTOK_ERR", PAM_AUTHTOK_ERR},
    {"AUTHTOK_EXPIRED", PAM_AUTHTOK_EXPIRED},
    {"INCOMPLETE", PAM_INCOMPLETE},
};

static const char *code_name(int code)
{
    for (size_t i = 0; i < ELEMENTS(codes); i++)
        if (codes[i].code == code)
            return codes[i].name;
    return "another code";
}

static void user_check(struct run *run)
{
    const void *item = NULL;

    if (pam_get_item(run->pamh, PAM_USER, &item) != PAM_SUCCESS)
        blame(run, "PAM_USER is gone");
    else if (run->has_user && (!item || strcmp(item, run->user) != 0))
        blame(run, "PAM_USER has become %s", item ? (const char *)item : "NULL");
}

static void step_call(struct run *run, const char *step, const char *expected)
{
    size_t which;
    int r;

    for (which = 0; which < ELEMENTS(steps); which++)
        if (strcmp(steps[which].name, step) == 0)
            break;
    if (which == ELEMENTS(steps)) {
        blame(run, "no such step: %s", step);
        return;
    }
    r = steps[which].call(run->pamh, steps[which].flags);
    if (strcmp(code_name(r), expected) != 0)
        blame(run, "%s gave %s (%d), not %s", step, code_name(r), r, expected);
    if (run->cursor < run->c->count && is_conversation(run->c->lines[run->cursor]))
        blame(run, "never came: %s", run->c->lines[run->cursor]);
    user_check(run);
}

/* In a child, as sshd does it. */
static void step_fork(struct run *run, const char *step, const char *expected)
{
    int status;
    pid_t pid;

    fflush(NULL);
    pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        step_call(run, step, expected);
        if (*run->failure)
            fprintf(stderr, "in the child: %s\n", run->failure);
        _exit(*run->failure ? CHILD_BAD : 0);
    }
    if (waitpid(pid, &status, 0) != pid || status != 0)
        blame(run, "the forked step failed");
    while (run->cursor < run->c->count && is_conversation(run->c->lines[run->cursor]))
        run->cursor++;
}

static void env_check(struct run *run, const char *name, const char *expected)
{
    const char *value = pam_getenv(run->pamh, name);

    if (strcmp(value ? value : "-", expected) != 0)
        blame(run, "%s is %s, not %s", name, value ? value : "not set", expected);
}

/* Lines that do something; the others were read by setup. */
static void case_steps(struct run *run)
{
    while (next_line(run) && !*run->failure) {
        const char *word = run->line.words[0].text;
        char first[SCRIPT_WORD_SIZE] = "", second[SCRIPT_WORD_SIZE] = "";

        run->cursor++;
        if (run->line.count > 1)
            snprintf(first, sizeof first, "%s", run->line.words[1].text);
        if (run->line.count > 2)
            snprintf(second, sizeof second, "%s", run->line.words[2].text);
        if (strcmp(word, "run") == 0) {
            step_call(run, first, second);
        } else if (strcmp(word, "forked") == 0) {
            step_fork(run, first, second);
        } else if (strcmp(word, "later") == 0) {
            clock_forward += atol(first);
        } else if (strcmp(word, "env") == 0) {
            env_check(run, first, second);
        } else if (strcmp(word, "become") == 0) {
            snprintf(run->user, sizeof run->user, "%s", first);
            assert_int_equal(pam_set_item(run->pamh, PAM_USER, first), PAM_SUCCESS);
        }
    }
}

/* --- What a case needs around it --- */

static void setup_line(struct run *run)
{
    const struct script_line *line = &run->line;
    const char *word = line->words[0].text;
    const char *first = line->words[1].text;

    if (strcmp(word, "reply") == 0) {
        assert_true(run->fake.count < FAKE_REPLIES);
        if (reply_make(line, &run->fake.replies[run->fake.count++]) < 0)
            blame(run, "no such reply: %s", run->c->lines[run->cursor]);
    } else if (strcmp(word, "user") == 0) {
        run->has_user = strcmp(first, "-") != 0;
        snprintf(run->user, sizeof run->user, "%s", first);
    } else if (strcmp(word, "rhost") == 0) {
        snprintf(run->rhost, sizeof run->rhost, "%s", first);
    } else if (strcmp(word, "portald") == 0) {
        run->has_portald = strcmp(first, "absent") != 0;
        run->fake.foreign = strcmp(first, "foreign") == 0;
        run->foreign_directory = strcmp(first, "foreign-directory") == 0;
        run->group_writable = strcmp(first, "group-writable") == 0;
    } else {
        stack_take(&run->stack, line);
    }
}

static void setup(struct run *run)
{
    static const struct pam_conv template = {.conv = converse};
    struct pam_conv conv = template;

    conv.appdata_ptr = run;
    for (; next_line(run); run->cursor++)
        setup_line(run);
    run->cursor = 0;
    stack_write(&run->stack, run->directory);
    if (run->has_portald)
        fake_start(&run->fake);
    if (run->group_writable)
        assert_int_equal(chmod(run->directory, 0770), 0);
    if (run->foreign_directory)
        assert_int_equal(chown(run->directory, 65534, 65534), 0);
    assert_int_equal(pam_start_confdir(FAKE_SERVICE, run->has_user ? run->user : NULL, &conv,
                                       run->directory, &run->pamh),
                     PAM_SUCCESS);
    if (*run->rhost)
        assert_int_equal(pam_set_item(run->pamh, PAM_RHOST, run->rhost), PAM_SUCCESS);
}

/* --- What must have happened --- */

/* The requests as the script's "asked" lines have them, in their form. */
static void asked_check(struct run *run, const char *asked)
{
    char expected[FAKE_FRAME] = "";

    for (run->cursor = 0; next_line(run); run->cursor++)
        if (strcmp(run->line.words[0].text, "asked") == 0)
            for (size_t i = 1; i < run->line.count; i++)
                snprintf(expected + strlen(expected), sizeof expected - strlen(expected), "%s%s",
                         run->line.words[i].text, i + 1 < run->line.count ? " " : "\n");
    if (strcmp(expected, asked) != 0)
        blame(run, "portald was asked:\n%s--- not:\n%s", asked, expected);
}

static void log_check(struct run *run, const char *log)
{
    bool expected = false;

    for (run->cursor = 0; next_line(run); run->cursor++)
        if (strcmp(run->line.words[0].text, "log") == 0) {
            expected = true;
            if (!strstr(log, run->line.words[1].text))
                blame(run, "not logged: %s\n--- but: %s", run->line.words[1].text, log);
        }
    if (!expected && *log)
        blame(run, "logged: %s", log);
    for (size_t i = 0; i < run->secret_count; i++)
        if (strstr(log, run->secrets[i]))
            blame(run, "a secret was logged: %s", log);
}

static void teardown(struct run *run)
{
    _cleanup_free_ char *command = NULL;

    if (run->foreign_directory)
        assert_int_equal(chown(run->directory, getuid(), getgid()), 0);
    for (size_t i = 0; i < run->secret_count; i++)
        free(run->secrets[i]);
    assert_true(asprintf(&command, "rm -r '%s'", run->directory) > 0);
    assert_int_equal(system(command), 0);
}

static bool needs_root(const struct script_case *c)
{
    for (size_t i = 0; i < c->count; i++)
        if (strcmp(c->lines[i], "portald foreign") == 0 ||
            strcmp(c->lines[i], "portald foreign-directory") == 0)
            return true;
    return false;
}

/* A module by its name comes from a package that may not be there. */
static bool lacks_module(const struct script_case *c)
{
    bool lacking = false;

    for (size_t i = 0; i < c->count; i++)
        if (script_is(c->lines[i], "front") && strstr(c->lines[i], PWQUALITY)) {
            glob_t found = {0};

            lacking = glob("/lib*/*/security/" PWQUALITY, 0, NULL, &found) != 0;
            globfree(&found);
        }
    return lacking;
}

static void case_run(void **state)
{
    const struct script_case *c = *state;
    struct run *run = calloc(1, sizeof *run);
    _cleanup_free_ char *log = NULL, *asked = NULL;
    _cleanup_free_ char *failure = NULL;
    size_t size = 0;

    assert_non_null(run);
    if (needs_root(c) && getuid() != 0) {
        print_message("another owner can only be made by root\n");
        free(run);
        skip();
    }
    if (lacks_module(c)) {
        print_message(PWQUALITY " isn't there: package libpam-pwquality\n");
        free(run);
        skip();
    }
    *run = (struct run){.c = c,
                        .has_user = true,
                        .has_portald = true,
                        .user = FAKE_USER,
                        .directory = "/tmp/pam-scripts-XXXXXX"};
    assert_non_null(mkdtemp(run->directory));
    run->fake.directory = run->directory;
    clock_forward = 0;
    log_file = open_memstream(&log, &size);
    assert_non_null(log_file);
    setup(run);
    case_steps(run);
    pam_end(run->pamh, PAM_SUCCESS);
    fclose(log_file);
    log_file = NULL;
    asked = run->has_portald ? fake_stop(&run->fake) : strdup("");
    asked_check(run, asked);
    log_check(run, log);
    teardown(run);
    failure = *run->failure ? strdup(run->failure) : NULL;
    free(run);
    if (failure)
        fail_msg("%s: %s\n%s", c->file, c->title, failure);
}

/* The modules as the build has them, unless the environment names others. */
static void modules_find(void)
{
    const char *build = getenv("PORTAL_BUILDDIR");
    char path[4096];

    snprintf(path, sizeof path, "%s/pam_portal/.libs/pam_portal.so", build ? build : ".");
    setenv("PAM_PORTAL_MODULE", path, 0);
    snprintf(path, sizeof path, "%s/tests/unit/.libs/pam_given.so", build ? build : ".");
    setenv("PAM_GIVEN_MODULE", path, 0);
}

static void scripts_read(const char *pattern, struct script_case **cases, size_t *count)
{
    glob_t found;

    if (glob(pattern, 0, NULL, &found) != 0 || found.gl_pathc == 0) {
        fprintf(stderr, "no scripts at %s\n", pattern);
        exit(1);
    }
    for (size_t i = 0; i < found.gl_pathc; i++)
        script_read(found.gl_pathv[i], cases, count);
    globfree(&found);
}

/* Arguments: scripts to run instead of all. */
int main(int argc, char **argv)
{
    struct script_case *cases = NULL;
    struct CMUnitTest *tests;
    const char *source = getenv("PORTAL_SRCDIR");
    char pattern[4096];
    size_t count = 0;
    int r;

    modules_find();
    snprintf(pattern, sizeof pattern, "%s/tests/pam-scripts/*.txt", source ? source : ".");
    if (argc == 1)
        scripts_read(pattern, &cases, &count);
    for (int i = 1; i < argc; i++)
        script_read(argv[i], &cases, &count);
    tests = calloc(count, sizeof *tests);
    if (!tests)
        return 1;
    for (size_t i = 0; i < count; i++)
        tests[i] = (struct CMUnitTest){
            .name = cases[i].title, .test_func = case_run, .initial_state = &cases[i]};
    r = _cmocka_run_group_tests("pam scripts", tests, count, NULL, NULL);
    free(tests);
    script_free(cases, count);
    return r;
}
