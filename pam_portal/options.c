/* The table of options and its reader. Everything that isn't in the table is an error, so that a
   mistyped option can't silently loosen a service. Way in: options_parse(). */
#include "config.h"

#include "options.h"

#include "cleanup.h"

#include <errno.h>
#include <pwd.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#define OPTIONS_TIMEOUT_DEFAULT 15
#define OPTIONS_TIMEOUT_MAX     300
#define OPTIONS_UID_MAX         4294967294ul /* (uid_t)-1 means "no user" to the kernel */
#define OPTIONS_PASSWD_MAX      65536        /* bytes of one passwd entry */

static const char *const prompts[] = {"sequential", "together", "combined", NULL};
static const char *const changes[] = {"account", "auth", NULL};
static const char *const enrolls[] = {"no", "offer", "require", NULL};
static const char *const languages[] = {"de", "en", NULL};

enum option_type {
    OPTION_FLAG,      /* bool; no value */
    OPTION_CHOICE,    /* unsigned enum: the index in choices */
    OPTION_DIRECTORY, /* const char *: an absolute path */
    OPTION_SECONDS,   /* unsigned, 1 … OPTIONS_TIMEOUT_MAX */
    OPTION_USER,      /* uid_t */
};

static const struct option {
    const char *name;
    enum option_type type;
    size_t offset;
    const char *const *choices;
    const char *expected;
} table[] = {
    {"socket_dir", OPTION_DIRECTORY, offsetof(struct options, socket_dir), NULL,
     "socket_dir= and an absolute path"},
    {"peer", OPTION_USER, offsetof(struct options, peer), NULL, "peer= and a user that exists"},
    {"timeout", OPTION_SECONDS, offsetof(struct options, timeout), NULL,
     "timeout= and a number of seconds from 1 to 300"},
    {"prompt", OPTION_CHOICE, offsetof(struct options, prompt), prompts,
     "prompt=sequential, prompt=together or prompt=combined"},
    {"change", OPTION_CHOICE, offsetof(struct options, change), changes,
     "change=account or change=auth"},
    {"enroll", OPTION_CHOICE, offsetof(struct options, enroll), enrolls,
     "enroll=no, enroll=offer or enroll=require"},
    {"recover", OPTION_FLAG, offsetof(struct options, recover), NULL, "recover without a value"},
    {"lang", OPTION_CHOICE, offsetof(struct options, language), languages, "lang=de or lang=en"},
    {"try_first_pass", OPTION_FLAG, offsetof(struct options, try_first_pass), NULL,
     "try_first_pass without a value"},
    {"use_first_pass", OPTION_FLAG, offsetof(struct options, use_first_pass), NULL,
     "use_first_pass without a value"},
    {"use_authtok", OPTION_FLAG, offsetof(struct options, use_authtok), NULL,
     "use_authtok without a value"},
    {"debug", OPTION_FLAG, offsetof(struct options, debug), NULL, "debug without a value"},
};

static int parse_number(const char *value, unsigned long max, unsigned long *ret)
{
    char *end;
    unsigned long number;

    if (*value < '0' || *value > '9')
        return -EINVAL;
    errno = 0;
    number = strtoul(value, &end, 10);
    if (errno || *end || number > max)
        return -EINVAL;
    *ret = number;
    return 0;
}

static int parse_user(const char *value, uid_t *ret)
{
    _cleanup_free_ char *buffer = NULL;
    struct passwd entry, *found = NULL;
    unsigned long number;

    if (parse_number(value, OPTIONS_UID_MAX, &number) == 0) {
        *ret = (uid_t)number;
        return 0;
    }
    buffer = malloc(OPTIONS_PASSWD_MAX);
    if (!buffer)
        return -ENOMEM;
    if (getpwnam_r(value, &entry, buffer, OPTIONS_PASSWD_MAX, &found) != 0 || !found)
        return -EINVAL;
    *ret = entry.pw_uid;
    return 0;
}

static int parse_choice(const char *value, const char *const *choices, unsigned *ret)
{
    for (unsigned i = 0; choices[i]; i++)
        if (strcmp(value, choices[i]) == 0) {
            *ret = i;
            return 0;
        }
    return -EINVAL;
}

static int option_set(const struct option *option, const char *value, struct options *options)
{
    void *target = (char *)options + option->offset;
    unsigned long seconds;

    if (option->type == OPTION_FLAG) {
        if (value)
            return -EINVAL;
        *(bool *)target = true;
        return 0;
    }
    if (!value)
        return -EINVAL;
    switch (option->type) {
    case OPTION_CHOICE:
        return parse_choice(value, option->choices, target);
    case OPTION_DIRECTORY:
        if (value[0] != '/')
            return -EINVAL;
        *(const char **)target = value;
        return 0;
    case OPTION_SECONDS:
        if (parse_number(value, OPTIONS_TIMEOUT_MAX, &seconds) != 0 || seconds == 0)
            return -EINVAL;
        *(unsigned *)target = (unsigned)seconds;
        return 0;
    case OPTION_USER:
        return parse_user(value, target);
    case OPTION_FLAG:
        break;
    }
    return -EINVAL;
}

static const struct option *option_find(const char *argument, const char **ret_value)
{
    size_t length = strcspn(argument, "=");

    for (size_t i = 0; i < ELEMENTS(table); i++)
        if (strlen(table[i].name) == length && strncmp(table[i].name, argument, length) == 0) {
            *ret_value = argument[length] == '=' ? argument + length + 1 : NULL;
            return &table[i];
        }
    return NULL;
}

/* recover asks for neither a password nor a code beside it, so what says how to get them, or what
   to do after them, means that somebody took this line for another. */
static bool is_contradictory(const struct options *o)
{
    return o->recover &&
           (o->enroll != OPTIONS_ENROLL_NO || o->prompt != OPTIONS_PROMPT_SEQUENTIAL ||
            o->try_first_pass || o->use_first_pass);
}

int options_parse(int argc, const char **argv, struct options *ret, struct options_error *ret_error)
{
    struct options options = {.socket_dir = RUN_DIR, .timeout = OPTIONS_TIMEOUT_DEFAULT};

    for (int i = 0; i < argc; i++) {
        const char *value = NULL;
        const struct option *option = option_find(argv[i], &value);

        if (!option) {
            *ret_error = (struct options_error){argv[i], "an option that pam_portal(8) lists"};
            return -EINVAL;
        }
        if (option_set(option, value, &options) != 0) {
            *ret_error = (struct options_error){argv[i], option->expected};
            return -EINVAL;
        }
    }
    if (is_contradictory(&options)) {
        *ret_error = (struct options_error){
            "recover", "no enroll=, prompt=, try_first_pass or use_first_pass beside it"};
        return -EINVAL;
    }
    *ret = options;
    return 0;
}

const char *options_language_code(const struct options *options)
{
    return languages[options->language];
}
