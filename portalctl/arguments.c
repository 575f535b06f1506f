/* The command line: arguments_read() sorts options from operands; which command takes which is
   main.c's table. */
#include "config.h"

#include "command.h"

#include "cleanup.h"
#include "code.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const struct option_name option_names[OPTIONS] = {
    [OPTION_SOCKET_DIR] = {"socket-dir", "DIR", "where portald's sockets are (" RUN_DIR ")"},
    [OPTION_JSON] = {"json", NULL, "answer in JSON, for programs"},
    [OPTION_HELP] = {"help", NULL, "show this text", 'h'},
    [OPTION_VERSION] = {"version", NULL, "show the version"},
    [OPTION_POLICY] = {"policy", "NUMBER", "the policy number"},
    [OPTION_BIRTHDATE] = {"birthdate", "DATE", "the policyholder's birthdate"},
    [OPTION_MAIL] = {"mail", "ADDRESS", "the e-mail address"},
    [OPTION_MAIL_AGAIN] = {"mail-again", "ADDRESS", "the e-mail address once more"},
    [OPTION_PRIVACY] = {"privacy", "VERSION", "the privacy notice that was acknowledged"},
    [OPTION_TERMS] = {"terms", "VERSION", "the terms of use that were accepted"},
    [OPTION_LANGUAGE] = {"language", "de|en", "the language of the answer and of the mail"},
    [OPTION_KIND] = {"kind", "KIND", "only registration, mail or letter"},
    [OPTION_STATE] = {"state", "STATE", "only jobs in this state"},
    [OPTION_ENTRY] = {"entry", "UUID", "only jobs of the customer with this entryUUID"},
    [OPTION_UNTOLD] = {"untold", NULL, "only jobs whose outcome isn't in the directory yet"},
    [OPTION_ALL] = {"all", NULL, "finished ones, too"},
    [OPTION_LIMIT] = {"limit", "N", "at most so many"},
    [OPTION_AFTER] = {"after", "ID", "only jobs made after this one"},
    [OPTION_REASON] = {"reason", "TEXT", "why, for the journal and the entry; no secrets"},
    [OPTION_BATCH] = {"batch", "BATCH", "the same batch again, after its file was lost"},
    [OPTION_YES] = {"yes", NULL, "don't ask whether you are sure"},
    [OPTION_CLIENT] = {"client", "ADDRESS", "as a login from this network address"},
    [OPTION_URI] = {"uri", "URI", "the directory (ldap.conf's, or ldapi:///)", 'H'},
    [OPTION_BASE] = {"base", "DN", "where customers are, or above ou=customers (ldap.conf's)", 'b'},
    [OPTION_BIND_DN] = {"bind-dn", "DN", "bind as this; else by SASL EXTERNAL", 'D'},
    [OPTION_ASK] = {"ask-password", NULL, "ask for the password", 'W'},
    [OPTION_PASSWORD_FILE] = {"password-file", "FILE", "the password is its first line", 'y'},
    [OPTION_DRY_RUN] = {"dry-run", NULL, "write nothing, tell what would be", 'n'},
    [OPTION_UPDATE] = {"update", NULL, "correct those who exist and differ"},
    [OPTION_SKIP_EXISTING] = {"skip-existing", NULL, "leave those who exist as they are"},
    [OPTION_SKIP_BAD] = {"skip-bad", NULL, "import the other lines though some are bad"},
    [OPTION_FILTER] = {"filter", "FILTER", "only those whom this LDAP filter finds"},
};

/* The option whose name is the first length bytes of word, or OPTIONS. */
static enum option option_find(const char *word, size_t length)
{
    for (enum option o = 0; o < OPTIONS; o++)
        if (strlen(option_names[o].name) == length &&
            memcmp(option_names[o].name, word, length) == 0)
            return o;
    return OPTIONS;
}

static int complain(const char *what, const char *word)
{
    fprintf(stderr, "portalctl: %s: %s\nTry 'portalctl --help'.\n", word, what);
    return -EINVAL;
}

/* The option that goes by this letter, or OPTIONS. */
static enum option letter_find(char letter)
{
    for (enum option o = 0; o < OPTIONS; o++)
        if (option_names[o].letter && option_names[o].letter == letter)
            return o;
    return OPTIONS;
}

/* Takes the option in argv[*i] and its argument, which may be the next word: "--name=value",
   "--name value", "-n value", "-nvalue". */
static int option_read(int argc, char **argv, int *i, struct arguments *a)
{
    bool is_long = argv[*i][1] == '-';
    const char *word = argv[*i] + (is_long ? 2 : 1),
               *value = is_long ? strchr(word, '=') : word + 1;
    enum option o = is_long ? option_find(word, value ? (size_t)(value - word) : strlen(word))
                            : letter_find(*word);

    if (!is_long && !*value)
        value = NULL;
    if (o == OPTIONS)
        return complain("there is no such option", argv[*i]);
    if (a->value[o] && o != OPTION_JSON && o != OPTION_HELP)
        return complain("given twice", argv[*i]);
    if (!option_names[o].argument) {
        if (value)
            return complain("takes no argument", argv[*i]);
        a->value[o] = "";
        return 0;
    }
    if (value)
        value += is_long;
    else if (*i + 1 < argc)
        value = argv[++*i];
    else
        return complain("needs an argument", argv[*i]);
    a->value[o] = value;
    return 0;
}

/* One in 64 begins with a hyphen, and no option is so long. */
static bool is_token(const char *word)
{
    static const char alphabet[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

    return strlen(word) == TOKEN_SIZE - 1 && strspn(word, alphabet) == TOKEN_SIZE - 1;
}

static bool is_option(const char *word)
{
    return word[0] == '-' && word[1] != '\0' && !isdigit((unsigned char)word[1]);
}

int arguments_read(int argc, char **argv, struct arguments *ret)
{
    struct arguments a = {0};
    bool options = true;
    int r;

    for (int i = 1; i < argc; i++) {
        bool operand = !options || is_token(argv[i]);

        if (!operand && strcmp(argv[i], "--") == 0) {
            options = false;
        } else if (!operand && is_option(argv[i])) {
            r = option_read(argc, argv, &i, &a);
            if (r < 0)
                return r;
        } else if (a.operands == OPERANDS_MAX) {
            return complain("one word too many", argv[i]);
        } else {
            a.operand[a.operands++] = argv[i];
        }
    }
    *ret = a;
    return 0;
}

const char *arguments_socket_dir(const struct arguments *a)
{
    return a->value[OPTION_SOCKET_DIR] ? a->value[OPTION_SOCKET_DIR] : RUN_DIR;
}

bool arguments_json(const struct arguments *a)
{
    return a->value[OPTION_JSON] != NULL;
}

const char *arguments_language(const struct arguments *a)
{
    static const char *const variables[] = {"LC_ALL", "LC_MESSAGES", "LANG"};
    const char *value = a->value[OPTION_LANGUAGE];

    for (size_t i = 0; !value && i < ELEMENTS(variables); i++) {
        value = getenv(variables[i]);
        if (value && !*value)
            value = NULL;
    }
    return value && strncmp(value, "de", 2) == 0 ? "de" : "en";
}
