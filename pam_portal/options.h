/* The module's arguments from the PAM file: options_parse() reads them against one table. */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

enum options_prompt {
    OPTIONS_PROMPT_SEQUENTIAL, /* password, then the code if one is needed */
    OPTIONS_PROMPT_TOGETHER,   /* both in one conversation */
    OPTIONS_PROMPT_COMBINED,   /* the code appended to the password */
};

enum options_change {
    OPTIONS_CHANGE_ACCOUNT, /* the account phase demands a new password */
    OPTIONS_CHANGE_AUTH,    /* authentication fails until there is one */
};

enum options_enroll {
    OPTIONS_ENROLL_NO,
    OPTIONS_ENROLL_OFFER,   /* TOTP may be set up at login */
    OPTIONS_ENROLL_REQUIRE, /* … and without it there is no login */
};

enum options_language {
    OPTIONS_LANGUAGE_DE,
    OPTIONS_LANGUAGE_EN,
};

struct options {
    const char *socket_dir; /* points into argv, or at the default */
    uid_t peer;             /* who may own the sockets besides root; 0 for nobody */
    unsigned timeout;       /* seconds for each answer of portald */
    enum options_prompt prompt;
    enum options_change change;
    enum options_enroll enroll;
    enum options_language language;
    bool recover; /* mailed code and PUK instead of the password, then a new one */
    bool try_first_pass, use_first_pass, use_authtok, debug;
};

/* Why an argument was refused: "ARGUMENT: expected EXPECTED". */
struct options_error {
    const char *argument; /* points into argv */
    const char *expected;
};

/* Reads argv; a later argument overrides an earlier one. Returns 0, or -EINVAL and *ret_error for
   the first argument that is unknown or doesn't fit, or for recover beside what it leaves no room
   for. */
int options_parse(int argc, const char **argv, struct options *ret,
                  struct options_error *ret_error);
/* "de" or "en", as the wire has it. */
const char *options_language_code(const struct options *options);
