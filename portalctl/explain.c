/* portalctl explain: one screen for support: what state an account is in, why a login would fail
   now, what to tell the customer, and what helps. */
#include "config.h"

#include "call.h"
#include "output.h"
#include "report.h"

#include "cleanup.h"

#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define LINE_SIZE   1536
#define WIDTH       100 /* where there is no terminal */
#define WIDTH_LEAST 40

static size_t width(void)
{
    struct winsize w;

    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &w) < 0 || w.ws_col < WIDTH_LEAST)
        return WIDTH;
    return w.ws_col;
}

/* How many columns the first bytes of text take: what begins no character takes none. */
static size_t columns_of(const char *text, size_t bytes)
{
    size_t columns = 0;

    for (size_t i = 0; i < bytes; i++)
        columns += ((unsigned char)text[i] & 0xc0) != 0x80;
    return columns;
}

/* "    Label: text", broken between words, with what follows below the text. */
static void wrapped(const char *label, const char *text)
{
    _cleanup_free_ char *clean = output_escape(text, "");
    size_t indent = strlen(label), wide = width(), column = indent;

    if (!clean || !*clean)
        return;
    printf("%s", label);
    for (const char *word = clean; *word;) {
        size_t bytes = strcspn(word, " "), columns = columns_of(word, bytes);

        if (column > indent && column + 1 + columns > wide) {
            printf("\n%*s", (int)indent, "");
            column = indent;
        } else if (column > indent) {
            putchar(' ');
            column++;
        }
        printf("%.*s", (int)bytes, word);
        column += columns;
        word += bytes;
        word += strspn(word, " ");
    }
    putchar('\n');
}

/* A login is what both together say. */
static void login_print(const json_t *report)
{
    static const struct {
        const char *word, *text;
    } logins[] = {
        {"ok", "the right password lets in"},
        {"wrong", "REFUSED, as if the password were wrong"},
        {"throttled", "NOTHING IS CHECKED: too many failed attempts"},
        {"expired", "REFUSED: the initial password has expired"},
        {"locked", "REFUSED: locked"},
        {"closed", "REFUSED: closed"},
        {"unavailable", "NOT POSSIBLE: a fault on our side"},
    };
    const char *word = report_text(report, "login"), *account = report_text(report, "account");
    const char *text = word;
    char line[LINE_SIZE];

    for (size_t i = 0; word && i < ELEMENTS(logins); i++)
        if (strcmp(logins[i].word, word) == 0)
            text = logins[i].text;
    snprintf(line, sizeof line, "%s%s%s", text ? text : "?",
             word && strcmp(word, "ok") == 0 && json_is_true(json_object_get(report, "code"))
                 ? ", with a code of the app"
                 : "",
             account && strcmp(account, "new-password") == 0
                 ? "; then a personal password must be chosen"
                 : "");
    output_pair("A login now", line);
}

static void who_print(const json_t *report)
{
    char time[OUTPUT_TIME_SIZE];

    if (!json_is_true(json_object_get(report, "found"))) {
        output_pair("Asked for", report_text(report, "who"));
        login_print(report);
        return;
    }
    output_pair("Customer", report_text(report, "uid"));
    output_pair("Name", report_text(report, "customer"));
    output_pair("State", report_text(report, "state"));
    output_pair("E-mail address", report_text(report, "mail"));
    output_pair("Language", report_text(report, "language"));
    output_time(report_time(report, "last_login"), time);
    output_pair("Last login", time);
    login_print(report);
}

/* What it is, with whatever there is to it. */
static void headline_print(const json_t *finding)
{
    static const struct {
        const char *effect, *mark;
    } marks[] = {{"refused", "NO LOGIN "},
                 {"waiting", "WAIT     "},
                 {"hindered", "NOT YET  "},
                 {"told", "NOTE     "}};
    const char *effect = report_text(finding, "effect"), *mark = "", *detail;
    char when[OUTPUT_TIME_SIZE], line[LINE_SIZE], count[32] = "";

    for (size_t i = 0; effect && i < ELEMENTS(marks); i++)
        if (strcmp(marks[i].effect, effect) == 0)
            mark = marks[i].mark;
    output_time(report_time(finding, "when"), when);
    detail = report_text(finding, "detail");
    if (report_number(finding, "count") > 0)
        snprintf(count, sizeof count, " (%lld)", report_number(finding, "count"));
    snprintf(line, sizeof line, "%s%s%s%s%s%s", report_text(finding, "what"), count,
             report_time(finding, "when") ? ", " : "", report_time(finding, "when") ? when : "",
             detail && *detail ? ": " : "", detail ? detail : "");
    wrapped(mark, line);
}

static void finding_print(const json_t *report, const json_t *finding, const char *language)
{
    const char *wish = report_text(finding, "wish"), *help = report_text(finding, "help");
    char line[LINE_SIZE];

    headline_print(finding);
    wrapped("  say:    ", report_text(json_object_get(finding, "say"), language));
    if (wish) {
        snprintf(line, sizeof line, "%sportalctl %s %s   (or by ldapmodify: portalRequest: %s)",
                 json_is_true(json_object_get(finding, "allowed")) ? ""
                                                                   : "ask an administrator for: ",
                 wish, report_text(report, "uid"), wish);
        wrapped("  do:     ", line);
    }
    wrapped("  help:   ", help ? help : "");
    putchar('\n');
}

static void deadlines_print(const json_t *report)
{
    static const struct column columns[] = {
        {.title = "RUNS"}, {.title = "UNTIL"}, {.title = "OF", .flexible = true}};
    _cleanup_(table_clear) struct table t = TABLE(columns);
    const json_t *deadline;
    size_t i;

    json_array_foreach(json_object_get(report, "deadlines"), i, deadline)
    {
        table_put(&t, report_text(deadline, "what"));
        table_put_time(&t, report_time(deadline, "until"));
        table_put(&t, report_text(deadline, "detail"));
    }
    table_print(&t, NULL);
    if (t.count > 0)
        putchar('\n');
}

static void sent_print(const json_t *report)
{
    static const struct column columns[] = {{.title = "SENT"},
                                            {.title = "WHAT"},
                                            {.title = "STATE"},
                                            {.title = "SINCE"},
                                            {.title = "NOTE", .flexible = true}};
    _cleanup_(table_clear) struct table t = TABLE(columns);
    const json_t *sent;
    size_t i;

    json_array_foreach(json_object_get(report, "mails"), i, sent)
    {
        time_t happened = report_time(sent, "happened");
        table_put(&t, "mail");
        table_put(&t, report_text(sent, "topic"));
        table_put(&t, report_text(sent, "state"));
        table_put_time(&t, happened ? happened : report_time(sent, "time"));
        table_put(&t, report_text(sent, "note"));
    }
    json_array_foreach(json_object_get(report, "letters"), i, sent)
    {
        table_put(&t, "letter");
        table_put(&t, report_text(sent, "kind"));
        table_put(&t, report_text(sent, "state"));
        table_put_time(&t, report_time(sent, "time"));
        table_put(&t, report_text(sent, "job"));
    }
    table_print(&t, NULL);
}

int explain_run(const struct arguments *a)
{
    json_auto_t *report = NULL;
    const json_t *finding;
    const char *language;
    size_t i;
    int status = call_control(a,
                              json_pack("{s:s, s:s, s:s*}", "verb", "explain", "who", a->operand[0],
                                        "client", a->value[OPTION_CLIENT]),
                              &report);

    if (status != STATUS_DONE)
        return status;
    if (arguments_json(a)) {
        output_json(report);
        return STATUS_DONE;
    }
    language = a->value[OPTION_LANGUAGE] ? arguments_language(a) : report_text(report, "language");
    who_print(report);
    putchar('\n');
    json_array_foreach(json_object_get(report, "findings"), i, finding)
        finding_print(report, finding, language ? language : "de");
    deadlines_print(report);
    sent_print(report);
    return STATUS_DONE;
}
