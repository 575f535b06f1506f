/* portalctl: administration of a running portald. The table below is the whole of it; each group of
   commands has a file, call.c asks portald, output.c shows what it said. */
#include "config.h"

#include "caller.h"
#include "command.h"
#include "output.h"

#include "cleanup.h"

#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define NEW_LETTER_OPTIONS                                                                         \
    (OPTION_BIT(OPTION_POLICY) | OPTION_BIT(OPTION_BIRTHDATE) | OPTION_BIT(OPTION_MAIL))
#define REGISTER_OPTIONS                                                                           \
    (OPTION_BIT(OPTION_POLICY) | OPTION_BIT(OPTION_BIRTHDATE) | OPTION_BIT(OPTION_MAIL) |          \
     OPTION_BIT(OPTION_MAIL_AGAIN) | OPTION_BIT(OPTION_PRIVACY) | OPTION_BIT(OPTION_TERMS))
#define LIST_OPTIONS                                                                               \
    (OPTION_BIT(OPTION_KIND) | OPTION_BIT(OPTION_STATE) | OPTION_BIT(OPTION_ENTRY) |               \
     OPTION_BIT(OPTION_UNTOLD) | OPTION_BIT(OPTION_ALL) | OPTION_BIT(OPTION_LIMIT) |               \
     OPTION_BIT(OPTION_AFTER))
#define LANGUAGE_OPTION OPTION_BIT(OPTION_LANGUAGE)
#define REASON_OPTION   OPTION_BIT(OPTION_REASON)
#define IMPORT_OPTIONS                                                                             \
    (CALLER_OPTIONS | OPTION_BIT(OPTION_DRY_RUN) | OPTION_BIT(OPTION_UPDATE) |                     \
     OPTION_BIT(OPTION_SKIP_EXISTING) | OPTION_BIT(OPTION_SKIP_BAD))

/* group, name, operands, what it does, least and most operands, options that it takes, that it
   needs, function. clang-format would make a tower of each line. */
/* clang-format off */
static const struct command commands[] = {
    {NULL, "status", "", "one screen about daemon, directory and queues", 0, 0, 0, 0, status_run},
    {NULL, "register", "", "register a customer, as the web form does", 0, 0,
     REGISTER_OPTIONS | LANGUAGE_OPTION, REGISTER_OPTIONS, register_run},
    {NULL, "new-letter", "", "ask for a new letter after expiry, as the customer does", 0, 0,
     NEW_LETTER_OPTIONS | LANGUAGE_OPTION, NEW_LETTER_OPTIONS, new_letter_run},
    {NULL, "confirm", "TOKEN-OR-LINK", "confirm an e-mail address with the link mailed to it", 1, 1,
     LANGUAGE_OPTION, 0, confirm_run},
    {NULL, "not-me", "REFERENCE-OR-LINK", "stop what somebody did in a customer's name", 1, 1,
     LANGUAGE_OPTION, 0, not_me_run},
    {NULL, "show", "WHO", "what is known of a customer; WHO is an e-mail address, policy number or uid", 1, 1,
     0, 0, show_run},
    {NULL, "explain", "WHO", "why a login fails now, which deadlines run, what to tell the customer", 1, 1,
     LANGUAGE_OPTION | OPTION_BIT(OPTION_CLIENT), 0, explain_run},
    {NULL, "lint", "", "look for entries and jobs that break the rules", 0, 0, 0, 0, lint_run},
    {NULL, "lock", "WHO", "lock an account and end its sessions", 1, 1, REASON_OPTION, 0, lock_run},
    {NULL, "unlock", "WHO", "make a locked account what it was", 1, 1, REASON_OPTION, 0, unlock_run},
    {NULL, "unblock", "WHO", "forget all failed attempts", 1, 1, REASON_OPTION, 0, unblock_run},
    {NULL, "totp-off", "WHO", "take the second factor away", 1, 1, REASON_OPTION, 0, totp_off_run},
    {NULL, "restart", "WHO", "phone and password lost: start anew with a letter", 1, 1, REASON_OPTION, 0,
     restart_run},
    {NULL, "letter", "WHO", "send a letter with what is missing", 1, 1, REASON_OPTION, 0, letter_run},
    {NULL, "confirmation", "WHO", "send the link to confirm the e-mail address again", 1, 1, REASON_OPTION, 0,
     confirmation_run},
    {NULL, "close", "WHO", "close an account: the contract is over", 1, 1, REASON_OPTION, 0, close_run},
    {NULL, "reopen", "WHO", "make a closed account what it was", 1, 1, REASON_OPTION, 0, reopen_run},
    {NULL, "forget", "WHO", "erase everything personal: this can't be undone", 1, 1,
     REASON_OPTION | OPTION_BIT(OPTION_YES), 0, forget_run},
    {NULL, "rekey", "", "seal the secrets of all authenticator apps with the first key", 0, 0, 0, 0,
     rekey_run},
    {NULL, "bounce", "[ADDRESS]", "note a delivery status notification from standard input", 0, 1, 0, 0,
     bounce_run},
    {NULL, "import", "FILE", "provision the customers of a CSV file, bound as yourself", 1, 1, IMPORT_OPTIONS, 0,
     import_run},
    {NULL, "export", "", "customers as CSV, bound as yourself", 0, 0,
     CALLER_OPTIONS | OPTION_BIT(OPTION_FILTER), 0, export_run},
    {"queue", "list", "[WHO]", "the jobs that are unfinished, or others with --all or --state", 0, 1,
     LIST_OPTIONS, 0, queue_list_run},
    {"queue", "show", "ID", "one job", 1, 1, 0, 0, queue_show_run},
    {"queue", "retry", "ID", "try a failed or waiting job again now", 1, 1, 0, 0, queue_retry_run},
    {"queue", "drop", "ID", "withdraw an unfinished job", 1, 1, 0, 0, queue_drop_run},
    {"queue", "stats", "", "how many jobs are in which state", 0, 0, 0, 0, queue_stats_run},
    {"letters", "list", "", "letters that wait, are printed, or, with --all, went out", 0, 0,
     OPTION_BIT(OPTION_ALL), 0, letters_list_run},
    {"letters", "print", "", "run the print station now, then tell what it printed", 0, 0, 0, 0,
     letters_print_run},
    {"letters", "export", "DIR", "write a batch for a print station on another machine", 1, 1,
     OPTION_BIT(OPTION_BATCH), 0, letters_export_run},
    {"letters", "import", "FILE", "take what that print station says it printed", 1, 1, 0, 0,
     letters_import_run},
    {"letters", "posted", "BATCH", "the letters of this batch are in the post", 1, 1, 0, 0,
     letters_posted_run},
    {"letters", "returned", "ID", "a letter came back: void what it carries", 1, 1, REASON_OPTION, 0,
     letters_returned_run},
    {"letters", "printed", "ID", "an uncertain letter is on paper after all", 1, 1, 0, 0,
     letters_printed_run},
    {"letters", "again", "ID", "an uncertain letter isn't on paper: print it again", 1, 1, 0, 0,
     letters_again_run},
#ifdef ENABLE_TEST_CLOCK
    {NULL, "clock", "[+SPAN|-SPAN]", "show or move portald's clock (only in test builds)", 0, 1, 0, 0,
     clock_run},
#endif
};
/* clang-format on */

static void option_help(enum option o)
{
    const struct option_name *n = &option_names[o];

    printf(n->letter ? "  -%c, " : "      ", n->letter);
    printf("--%s%s%-*s %s\n", n->name, n->argument ? " " : "",
           22 - (int)strlen(n->name) - (n->argument ? 1 : 0), n->argument ? n->argument : "",
           n->help);
}

static void help_print(void)
{
    char synopsis[80];

    printf("portalctl [--socket-dir DIR] [--json] COMMAND ...\n\n"
           "Administers a running portald. See portalctl(8).\n\nCommands:\n");
    for (size_t i = 0; i < ELEMENTS(commands); i++) {
        const struct command *c = &commands[i];

        snprintf(synopsis, sizeof synopsis, "%s%s%s %s", c->group ? c->group : "",
                 c->group ? " " : "", c->name, c->operands);
        printf("  %-26s %s\n", synopsis, c->help);
    }
    printf("\nOptions of every command:\n");
    for (enum option o = OPTION_SOCKET_DIR; o <= OPTION_VERSION; o++)
        option_help(o);
    printf("\n'portalctl COMMAND --help' names the options of one command.\n"
           "Exit status: 0 done, 1 refused or not found, 2 wrong usage, 3 portald unreachable.\n");
}

/* Options of mask, below a heading; nothing for none. */
static void options_help(const char *heading, uint64_t mask)
{
    if (mask)
        printf("\n%s:\n", heading);
    for (enum option o = 0; o < OPTIONS; o++)
        if (mask & OPTION_BIT(o))
            option_help(o);
}

static void command_help(const struct command *c)
{
    printf("portalctl %s%s%s%s%s%s%s\n\n%s\n", c->group ? c->group : "", c->group ? " " : "",
           c->name, *c->operands ? " " : "", c->operands, c->needs ? " OPTIONS" : "",
           c->accepts & ~c->needs ? " [OPTIONS]" : "", c->help);
    options_help("Needed", c->needs);
    options_help("Options", c->accepts & ~c->needs);
}

/* Finds the command that the first words name, and takes them off the operands. */
static const struct command *command_find(struct arguments *a)
{
    for (size_t i = 0; i < ELEMENTS(commands); i++) {
        const struct command *c = &commands[i];
        size_t words = c->group ? 2 : 1;

        if (a->operands < words || (c->group && strcmp(a->operand[0], c->group) != 0) ||
            strcmp(a->operand[words - 1], c->name) != 0)
            continue;
        a->operands -= words;
        memmove(a->operand, a->operand + words, a->operands * sizeof a->operand[0]);
        return c;
    }
    return NULL;
}

/* All needed options that are missing, at once: " --policy NUMBER --mail ADDRESS". */
static bool options_missing(const struct command *c, const struct arguments *a, char *ret,
                            size_t size)
{
    size_t used = 0;

    ret[0] = '\0';
    for (enum option o = 0; o < OPTIONS; o++)
        if (!a->value[o] && c->needs & OPTION_BIT(o) && used < size)
            used += (size_t)snprintf(ret + used, size - used, " --%s %s", option_names[o].name,
                                     option_names[o].argument);
    return used > 0;
}

/* Whether a fits c; says what doesn't. */
static bool command_fits(const struct command *c, const struct arguments *a)
{
    char name[80], missing[256];

    snprintf(name, sizeof name, "%s%s%s", c->group ? c->group : "", c->group ? " " : "", c->name);
    for (enum option o = 0; o < OPTIONS; o++)
        if (a->value[o] && !((c->accepts | OPTIONS_ALWAYS) & OPTION_BIT(o))) {
            output_error("'%s' has no option --%s", name, option_names[o].name);
            return false;
        }
    if (options_missing(c, a, missing, sizeof missing))
        output_error("'%s' needs%s", name, missing);
    else if (a->operands < c->least)
        output_error("'%s' needs %s", name, c->operands);
    else if (a->operands > c->most)
        output_error("'%s': one word too many: '%s'", name, a->operand[c->most]);
    else
        return true;
    return false;
}

/* What isn't a command: a group without its second word is told what may follow. */
static int command_unknown(const struct arguments *a)
{
    bool group = false;

    if (a->operands == 0) {
        output_error("Which command? 'portalctl --help' lists them.");
        return STATUS_USAGE;
    }
    for (size_t i = 0; i < ELEMENTS(commands); i++)
        if (commands[i].group && strcmp(commands[i].group, a->operand[0]) == 0) {
            if (!group)
                fprintf(stderr, "portalctl: '%s' goes on with one of:", commands[i].group);
            group = true;
            fprintf(stderr, " %s", commands[i].name);
        }
    if (group)
        fputc('\n', stderr);
    else
        output_error("'%s' is no command. 'portalctl --help' lists them.", a->operand[0]);
    return STATUS_USAGE;
}

int main(int argc, char **argv)
{
    struct arguments a = {0};
    const struct command *c;
    int status;

    setlocale(LC_ALL, "C.UTF-8");
    tzset();
    signal(SIGPIPE, SIG_IGN);
    if (arguments_read(argc, argv, &a) < 0)
        return STATUS_USAGE;
    if (a.value[OPTION_VERSION]) {
        puts(PACKAGE_STRING);
        return STATUS_DONE;
    }
    c = command_find(&a);
    if (a.value[OPTION_HELP]) {
        if (c)
            command_help(c);
        else
            help_print();
        return STATUS_DONE;
    }
    if (!c)
        return command_unknown(&a);
    if (!command_fits(c, &a))
        return STATUS_USAGE;
    status = c->run(&a);
    if (fflush(stdout) != 0 || ferror(stdout)) {
        output_error("The output can't be written.");
        return status == STATUS_DONE ? STATUS_REFUSED : status;
    }
    return status;
}
