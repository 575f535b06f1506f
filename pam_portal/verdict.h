/* What portald says, as the application hears it: the return code table of pam_portal(8). */
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum verdict_step {
    VERDICT_AUTHENTICATE,
    VERDICT_ACCOUNT,
    VERDICT_CHANGE, /* chauthtok: what is said on the current password and on the new one */
    VERDICT_STEPS,
};

/* The PAM code; PAM_AUTHINFO_UNAVAIL for a verdict that has no business here, also in *ret_name,
   which is for logs. */
int verdict_code(enum verdict_step step, uint8_t verdict, const char **ret_name);
