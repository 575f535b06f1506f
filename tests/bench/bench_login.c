/* Logs people in through PAM, one transaction each: start, authenticate, acct_mgmt, end.

       bench_login --dir DIR --service NAME [--login mail|uid] [--totp [--turn N]] [--first N]
   [--users N]
                   [--clients N] [--seconds S]

   DIR holds the PAM service. With --totp the second question is answered with a code. Users are
   first + 1 to first + users. Prints one
   line: clients.h. */
#include "config.h"

#include <getopt.h>
#include <liboath/oath.h>
#include <security/pam_appl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "clients.h"

struct settings {
    const char *directory, *service;
    int by_uid, totp;
};

/* What one login answers, question by question. */
struct answers {
    char password[64], code[8];
    int asked;
};

static int converse(int count, const struct pam_message **messages, struct pam_response **ret,
                    void *userdata)
{
    struct pam_response *responses = calloc((size_t)count, sizeof *responses);
    struct answers *answers = userdata;

    if (!responses)
        return PAM_BUF_ERR;
    for (int i = 0; i < count; i++)
        if (messages[i]->msg_style == PAM_PROMPT_ECHO_OFF)
            responses[i].resp = strdup(answers->asked++ == 0 ? answers->password : answers->code);
    *ret = responses;
    return PAM_SUCCESS;
}

static void *begin(void *settings)
{
    return settings;
}

static int once(void *state, unsigned user)
{
    const struct settings *settings = state;
    char name[64];
    struct answers answers = {0};
    struct pam_conv conv = {.conv = converse, .appdata_ptr = &answers};
    pam_handle_t *pamh = NULL;
    int r;

    if (settings->by_uid)
        snprintf(name, sizeof name, CLIENTS_UID, user);
    else
        snprintf(name, sizeof name, CLIENTS_MAIL, user);
    snprintf(answers.password, sizeof answers.password, CLIENTS_PASSWORD, user);
    if (settings->totp)
        oath_totp_generate(CLIENTS_SECRET, strlen(CLIENTS_SECRET), time(NULL),
                           OATH_TOTP_DEFAULT_TIME_STEP_SIZE, 0, 6, answers.code);
    r = pam_start_confdir(settings->service, name, &conv, settings->directory, &pamh);
    if (r == PAM_SUCCESS)
        r = pam_authenticate(pamh, 0);
    if (r == PAM_SUCCESS)
        r = pam_acct_mgmt(pamh, 0);
    if (r != PAM_SUCCESS)
        fprintf(stderr, "bench_login: %s: %s\n", name, pam_strerror(pamh, r));
    if (pamh)
        pam_end(pamh, r);
    return r == PAM_SUCCESS ? 0 : -1;
}

int main(int argc, char **argv)
{
    static const struct option options[] = {
        {"dir", required_argument, NULL, 'd'},     {"service", required_argument, NULL, 's'},
        {"login", required_argument, NULL, 'l'},   {"totp", no_argument, NULL, 'o'},
        {"turn", required_argument, NULL, 'n'},    {"first", required_argument, NULL, 'f'},
        {"users", required_argument, NULL, 'u'},   {"clients", required_argument, NULL, 'c'},
        {"seconds", required_argument, NULL, 't'}, {NULL, 0, NULL, 0},
    };
    struct settings settings = {0};
    struct clients_load load = {.clients = 1, .users = 100000, .seconds = 5};
    const struct clients_task task = {.begin = begin, .once = once, .settings = &settings};
    int option;

    while ((option = getopt_long(argc, argv, "", options, NULL)) >= 0)
        switch (option) {
        case 'd':
            settings.directory = optarg;
            break;
        case 's':
            settings.service = optarg;
            break;
        case 'l':
            settings.by_uid = strcmp(optarg, "uid") == 0;
            break;
        case 'o':
            settings.totp = load.in_turn = 1;
            break;
        case 'u':
            load.users = (unsigned)strtoul(optarg, NULL, 10);
            break;
        case 'n':
            load.turn = (unsigned)strtoul(optarg, NULL, 10);
            break;
        case 'f':
            load.first = (unsigned)strtoul(optarg, NULL, 10);
            break;
        case 'c':
            load.clients = (unsigned)strtoul(optarg, NULL, 10);
            break;
        case 't':
            load.seconds = strtod(optarg, NULL);
            break;
        default:
            return 2;
        }
    if (!settings.directory || !settings.service || load.users == 0 || load.seconds <= 0) {
        fputs("usage: bench_login --dir DIR --service NAME [--login mail|uid] [--totp [--turn N]] "
              "[--first N] [--users N] [--clients N] [--seconds S]\n",
              stderr);
        return 2;
    }
    return clients_run(&load, &task);
}
