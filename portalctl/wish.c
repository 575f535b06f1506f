/* portalctl lock, unlock, unblock, totp-off, restart, letter, confirmation, close, reopen, forget:
   what support wishes for an account. */
#include "config.h"

#include "call.h"
#include "output.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

static int wish_run(const struct arguments *a, const char *wish)
{
    json_auto_t *report = NULL;
    int status = call_control(a,
                              json_pack("{s:s, s:s, s:s, s:s*}", "verb", "wish", "wish", wish,
                                        "who", a->operand[0], "reason", a->value[OPTION_REASON]),
                              &report);

    if (status != STATUS_DONE)
        return status;
    if (arguments_json(a))
        output_json(report);
    else
        printf("%s\n", json_string_value(json_object_get(report, "text")));
    return STATUS_DONE;
}

int lock_run(const struct arguments *a)
{
    return wish_run(a, "lock");
}

int unlock_run(const struct arguments *a)
{
    return wish_run(a, "unlock");
}

int unblock_run(const struct arguments *a)
{
    return wish_run(a, "unblock");
}

int totp_off_run(const struct arguments *a)
{
    return wish_run(a, "totp-off");
}

int restart_run(const struct arguments *a)
{
    return wish_run(a, "restart");
}

int letter_run(const struct arguments *a)
{
    return wish_run(a, "letter");
}

int close_run(const struct arguments *a)
{
    return wish_run(a, "close");
}

int reopen_run(const struct arguments *a)
{
    return wish_run(a, "reopen");
}

int confirmation_run(const struct arguments *a)
{
    return wish_run(a, "confirmation");
}

/* Whether whoever sits there means it. Nobody sits at a pipe. */
static int be_sure(const char *who)
{
    char line[16] = "";

    if (!isatty(STDIN_FILENO)) {
        fprintf(stderr, "portalctl: forget can't be undone: add --yes if you mean it\n");
        return STATUS_USAGE;
    }
    fprintf(stderr,
            "This erases everything personal from the account of %s, withdraws its letters and "
            "mails, and can't be undone.\nType yes to go on: ",
            who);
    if (!fgets(line, sizeof line, stdin) || strcmp(line, "yes\n") != 0) {
        fprintf(stderr, "Nothing was changed.\n");
        return STATUS_REFUSED;
    }
    return STATUS_DONE;
}

int forget_run(const struct arguments *a)
{
    int status = a->value[OPTION_YES] ? STATUS_DONE : be_sure(a->operand[0]);

    return status == STATUS_DONE ? wish_run(a, "forget") : status;
}
