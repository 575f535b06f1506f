/* portalctl register, new-letter, confirm, not-me, show: what concerns one customer. */
#include "config.h"

#include "call.h"
#include "output.h"
#include "report.h"

#include "cleanup.h"

#include <stdio.h>
#include <string.h>

#define LINE_SIZE 1024

int register_run(const struct arguments *a)
{
    _cleanup_(wire_writer_clear) struct wire_writer w = {0};

    wire_begin(&w, WIRE_REGISTER);
    wire_put_string(&w, WIRE_POLICY, a->value[OPTION_POLICY]);
    wire_put_string(&w, WIRE_BIRTHDATE, a->value[OPTION_BIRTHDATE]);
    wire_put_string(&w, WIRE_MAIL_ADDRESS, a->value[OPTION_MAIL]);
    wire_put_string(&w, WIRE_MAIL_AGAIN, a->value[OPTION_MAIL_AGAIN]);
    wire_put_string(&w, WIRE_PRIVACY, a->value[OPTION_PRIVACY]);
    wire_put_string(&w, WIRE_TERMS, a->value[OPTION_TERMS]);
    wire_put_string(&w, WIRE_LANGUAGE, arguments_language(a));
    return call_verdict(a, &w);
}

int new_letter_run(const struct arguments *a)
{
    _cleanup_(wire_writer_clear) struct wire_writer w = {0};

    wire_begin(&w, WIRE_LETTER_WANTED);
    wire_put_string(&w, WIRE_POLICY, a->value[OPTION_POLICY]);
    wire_put_string(&w, WIRE_BIRTHDATE, a->value[OPTION_BIRTHDATE]);
    wire_put_string(&w, WIRE_MAIL_ADDRESS, a->value[OPTION_MAIL]);
    wire_put_string(&w, WIRE_LANGUAGE, arguments_language(a));
    return call_verdict(a, &w);
}

/* Two requests of one form: a code, or the link that it came in. "-" stands for a line of standard
   input, since other users of the machine can see a command's arguments. */
static int code_run(const struct arguments *a, enum wire_type type, enum wire_tag tag)
{
    _cleanup_(wire_writer_clear) struct wire_writer w = {0};
    const char *code = a->operand[0];
    char line[LINE_SIZE];

    if (strcmp(code, "-") == 0) {
        if (!fgets(line, sizeof line, stdin)) {
            output_error("There is nothing on standard input.");
            return STATUS_USAGE;
        }
        line[strcspn(line, "\r\n")] = '\0';
        code = line;
    }
    wire_begin(&w, type);
    wire_put_string(&w, tag, code);
    wire_put_string(&w, WIRE_LANGUAGE, arguments_language(a));
    return call_verdict(a, &w);
}

int confirm_run(const struct arguments *a)
{
    return code_run(a, WIRE_CONFIRM, WIRE_TOKEN);
}

int not_me_run(const struct arguments *a)
{
    return code_run(a, WIRE_NOT_ME, WIRE_REFERENCE_CODE);
}

static void policies_print(const json_t *policies)
{
    char text[LINE_SIZE] = "";
    const json_t *policy;
    size_t i, used = 0;

    json_array_foreach(policies, i, policy)
    {
        if (used < sizeof text)
            used += (size_t)snprintf(text + used, sizeof text - used, "%s%s", i > 0 ? ", " : "",
                                     json_string_value(policy));
    }
    output_pair("Policies", text);
}

/* The lines of the letter's address field, on one. */
static void address_print(const char *address)
{
    char text[LINE_SIZE] = "";
    size_t used = 0;

    for (; address && *address && used + 3 < sizeof text; address++) {
        if (*address == '\n')
            text[used++] = ',';
        text[used++] = *address == '\n' ? ' ' : *address;
    }
    output_pair("Postal address", text);
}

static void failures_print(const json_t *failures)
{
    char retry[OUTPUT_TIME_SIZE], text[LINE_SIZE];
    const char *factor;
    json_t *values;

    json_object_foreach((json_t *)failures, factor, values)
    {
        output_time(report_time(values, "retry_after"), retry);
        if (report_number(values, "count") == 0)
            continue;
        snprintf(
            text, sizeof text, "%s: %lld in a row%s%s%s", factor, report_number(values, "count"),
            json_is_true(json_object_get(values, "blocked")) ? ", blocked until 'unblock'" : "",
            report_time(values, "retry_after") ? ", nothing is checked before " : "",
            report_time(values, "retry_after") ? retry : "");
        output_pair("Failures", text);
    }
}

static void code_print(const json_t *code)
{
    char until[OUTPUT_TIME_SIZE], retry[OUTPUT_TIME_SIZE], text[LINE_SIZE];

    if (!json_is_object(code))
        return;
    output_time(report_time(code, "expires"), until);
    output_time(report_time(code, "retry_after"), retry);
    snprintf(text, sizeof text, "mailed, works until %s; %lld wrong %s%s%s", until,
             report_number(code, "tries"), report_number(code, "tries") == 1 ? "try" : "tries",
             report_time(code, "retry_after") ? ", nothing is checked before " : "",
             report_time(code, "retry_after") ? retry : "");
    output_pair("Recovery code", text);
}

static void letters_print(const json_t *letters)
{
    static const struct column columns[] = {{.title = "LETTER"},
                                            {.title = "STATE"},
                                            {.title = "SINCE"},
                                            {.title = "JOB"},
                                            {.title = "NOTE", .flexible = true}};
    _cleanup_(table_clear) struct table t = TABLE(columns);
    const json_t *letter;
    size_t i;

    json_array_foreach(letters, i, letter)
    {
        table_put(&t, report_text(letter, "kind"));
        table_put(&t, report_text(letter, "state"));
        table_put_time(&t, report_time(letter, "time"));
        table_put(&t, report_text(letter, "job"));
        table_put(&t, report_text(letter, "note"));
    }
    if (t.count > 0)
        putchar('\n');
    table_print(&t, NULL);
}

/* What became of each, so that support sees a confirmation that came back. */
static void mails_print(const json_t *mails)
{
    static const struct column columns[] = {{.title = "MAIL"},
                                            {.title = "STATE"},
                                            {.title = "MADE"},
                                            {.title = "JOB"},
                                            {.title = "NOTE", .flexible = true}};
    _cleanup_(table_clear) struct table t = TABLE(columns);
    const json_t *mail;
    size_t i;

    json_array_foreach(mails, i, mail)
    {
        table_put(&t, report_text(mail, "topic"));
        table_put(&t, report_text(mail, "state"));
        table_put_time(&t, report_time(mail, "time"));
        table_put(&t, report_text(mail, "job"));
        table_put(&t, report_text(mail, "note"));
    }
    if (t.count > 0)
        putchar('\n');
    table_print(&t, NULL);
}

static void pending_print(const json_t *pending)
{
    static const struct column columns[] = {{.title = "LINK MAILED TO"}, {.title = "VALID UNTIL"}};
    _cleanup_(table_clear) struct table t = TABLE(columns);
    const json_t *link;
    size_t i;

    json_array_foreach(pending, i, link)
    {
        table_put(&t, report_text(link, "address"));
        table_put_time(&t, report_time(link, "expires"));
    }
    if (t.count > 0)
        putchar('\n');
    table_print(&t, NULL);
}

static void formers_print(const json_t *formers)
{
    static const struct column columns[] = {{.title = "FORMER ADDRESS"},
                                            {.title = "CAN UNDO UNTIL"}};
    _cleanup_(table_clear) struct table t = TABLE(columns);
    const json_t *former;
    size_t i;

    json_array_foreach(formers, i, former)
    {
        table_put(&t, report_text(former, "address"));
        table_put_time(&t, report_time(former, "until"));
    }
    if (t.count > 0)
        putchar('\n');
    table_print(&t, NULL);
}

/* One line for each value of a list. */
static void list_print(const json_t *report, const char *name, const char *label)
{
    const json_t *value;
    size_t i;

    json_array_foreach(json_object_get(report, name), i, value)
        output_pair(label, json_string_value(value));
}

static void customer_print(const json_t *report)
{
    static const struct {
        const char *label, *name;
        bool is_time, optional;
    } lines[] = {
        {"Customer", "uid", false, false},
        {"Name", "name", false, false},
        {"State", "state", false, false},
        {"Locked", "locked", false, true},
        {"Broken", "problem", false, true}, /* the entry's attributes contradict a rule */
        {"E-mail address", "mail", false, false},
        {"Language", "language", false, false},
        {"Birthdate", "birth_date", false, false},
        {"Initial until", "initial_expires", true, true}, /* the initial password works so long */
        {"Password since", "password_changed", true, true},
        {"Last login", "last_login", true, false},
        {"DN", "dn", false, false},
        {"Entry", "uuid", false, false},
    };
    char time[OUTPUT_TIME_SIZE];

    for (size_t i = 0; i < ELEMENTS(lines); i++) {
        const char *text = report_text(report, lines[i].name);

        if (lines[i].is_time && report_time(report, lines[i].name)) {
            output_time(report_time(report, lines[i].name), time);
            text = time;
        }
        if ((text && *text) || !lines[i].optional)
            output_pair(lines[i].label, text);
    }
    address_print(report_text(report, "postal_address"));
    policies_print(json_object_get(report, "policies"));
    output_pair("Second factor",
                json_is_true(json_object_get(report, "totp")) ? "TOTP is set up" : "not set up");
    code_print(json_object_get(report, "code"));
    list_print(report, "consents", "Consent");
    list_print(report, "requests", "Wish");
    list_print(report, "results", "Result");
    failures_print(json_object_get(report, "failures"));
    pending_print(json_object_get(report, "pending"));
    formers_print(json_object_get(report, "former_mails"));
    letters_print(json_object_get(report, "letters"));
    mails_print(json_object_get(report, "mails"));
}

int show_run(const struct arguments *a)
{
    json_auto_t *report = NULL;
    int status =
        call_control(a, json_pack("{s:s, s:s}", "verb", "show", "who", a->operand[0]), &report);

    if (status != STATUS_DONE)
        return status;
    if (arguments_json(a))
        output_json(report);
    else
        customer_print(report);
    return STATUS_DONE;
}
