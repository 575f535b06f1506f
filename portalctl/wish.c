/* portalctl lock, unlock, unblock, totp-off, restart, letter, close, reopen: what support wishes
   for an account. */
#include "config.h"

#include "call.h"
#include "output.h"

#include <stdio.h>

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
