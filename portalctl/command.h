/* What main.c knows of each command, and what a command gets: the operands and options of one call,
   as arguments.c read them. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The exit status, as doc/portalctl.8 promises it; what commands and calls return, as an int. */
enum exit_status {
    STATUS_DONE = 0,
    STATUS_REFUSED = 1, /* refused, failed, or not found */
    STATUS_USAGE = 2,
    STATUS_UNREACHABLE = 3,
};

enum option {
    OPTION_SOCKET_DIR,
    OPTION_JSON,
    OPTION_HELP,
    OPTION_VERSION,
    OPTION_POLICY,
    OPTION_BIRTHDATE,
    OPTION_MAIL,
    OPTION_MAIL_AGAIN,
    OPTION_PRIVACY,
    OPTION_TERMS,
    OPTION_LANGUAGE,
    OPTION_KIND,
    OPTION_STATE,
    OPTION_ENTRY,
    OPTION_UNTOLD,
    OPTION_ALL,
    OPTION_LIMIT,
    OPTION_AFTER,
    OPTION_REASON,
    OPTION_BATCH,
    OPTION_YES,
    OPTION_CLIENT,
    OPTION_URI,
    OPTION_BASE,
    OPTION_BIND_DN,
    OPTION_ASK,
    OPTION_PASSWORD_FILE,
    OPTION_DRY_RUN,
    OPTION_UPDATE,
    OPTION_SKIP_EXISTING,
    OPTION_SKIP_BAD,
    OPTION_FILTER,
    OPTIONS,
};

#define OPTION_BIT(o) (UINT64_C(1) << (o))
#define OPTIONS_ALWAYS                                                                             \
    (OPTION_BIT(OPTION_SOCKET_DIR) | OPTION_BIT(OPTION_JSON) | OPTION_BIT(OPTION_HELP))
#define OPERANDS_MAX 4

struct option_name {
    const char *name;     /* without the two hyphens */
    const char *argument; /* what its argument stands for; NULL: it takes none */
    const char *help;
    char letter; /* by which it goes, too, behind one hyphen; NUL: none */
};
extern const struct option_name option_names[OPTIONS];

struct arguments {
    const char *value[OPTIONS]; /* the argument, "" for an option without one, NULL: not given */
    const char *operand[OPERANDS_MAX];
    size_t operands;
};

/* Reads argv. Options may stand anywhere, as "--name value" or "--name=value", some as "-n value";
   "--" ends them; a hyphen before a digit begins an operand ("-1h"). Returns 0, or -EINVAL after
   saying on stderr what was wrong. */
int arguments_read(int argc, char **argv, struct arguments *ret);
const char *arguments_socket_dir(const struct arguments *a);
bool arguments_json(const struct arguments *a);
/* "de" or "en": --language, or else the locale's. */
const char *arguments_language(const struct arguments *a);

typedef int command_run(const struct arguments *a);

struct command {
    const char *group; /* first word, or NULL */
    const char *name;
    const char *operands;    /* as the synopsis shows them */
    const char *help;        /* one line, lower case, without a full stop */
    size_t least, most;      /* operands */
    uint64_t accepts, needs; /* options, besides those that every command takes */
    command_run *run;
};

command_run status_run;
command_run register_run;
command_run new_letter_run;
command_run confirm_run;
command_run not_me_run;
command_run show_run;
command_run explain_run;
command_run lint_run;
command_run lock_run;
command_run unlock_run;
command_run unblock_run;
command_run totp_off_run;
command_run restart_run;
command_run letter_run;
command_run confirmation_run;
command_run forget_run;
command_run close_run;
command_run reopen_run;
command_run rekey_run;
command_run bounce_run;
command_run import_run;
command_run export_run;
command_run queue_list_run;
command_run queue_show_run;
command_run queue_retry_run;
command_run queue_drop_run;
command_run queue_stats_run;
command_run letters_list_run;
command_run letters_print_run;
command_run letters_export_run;
command_run letters_import_run;
command_run letters_posted_run;
command_run letters_returned_run;
command_run letters_printed_run;
command_run letters_again_run;
command_run clock_run;
