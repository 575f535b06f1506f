/* What no login can be faster than: pam_permit, one search and one simple bind, all in the client's
   own process and on connections that stay open.

       bench_floor --dir DIR --service NAME --uri URI --base DN [--users N] [--clients N] [--seconds
   S]

   DIR holds a PAM service with pam_permit alone. The search is done as whoever SASL EXTERNAL says
   that we are, which is portald's identity, too. Prints one line: clients.h. */
#include "config.h"

#include <getopt.h>
#include <ldap.h>
#include <security/pam_appl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clients.h"

struct settings {
    const char *directory, *service, *uri, *base;
};

struct state {
    const struct settings *settings;
    LDAP *search, *verify;
};

static LDAP *handle_open(const char *uri)
{
    const int version = LDAP_VERSION3;
    LDAP *ld = NULL;

    if (ldap_initialize(&ld, uri) != LDAP_SUCCESS ||
        ldap_set_option(ld, LDAP_OPT_PROTOCOL_VERSION, &version) != LDAP_SUCCESS)
        return NULL;
    return ld;
}

static void *begin(void *settings)
{
    static struct state state;
    char none[] = "";
    struct berval nothing = {.bv_val = none}; /* the identity is the connection's */
    int r;

    state.settings = settings;
    state.search = handle_open(state.settings->uri);
    state.verify = handle_open(state.settings->uri);
    if (!state.search || !state.verify)
        return NULL;
    r = ldap_sasl_bind_s(state.search, NULL, "EXTERNAL", &nothing, NULL, NULL, NULL);
    if (r != LDAP_SUCCESS) {
        fprintf(stderr, "bench_floor: %s: %s\n", state.settings->uri, ldap_err2string(r));
        return NULL;
    }
    return &state;
}

static int converse(int count, const struct pam_message **messages, struct pam_response **ret,
                    void *userdata)
{
    (void)count, (void)messages, (void)ret, (void)userdata;
    return PAM_CONV_ERR; /* pam_permit asks nothing */
}

static int permit(const struct settings *settings, const char *name)
{
    const struct pam_conv conv = {.conv = converse};
    pam_handle_t *pamh = NULL;
    int r;

    r = pam_start_confdir(settings->service, name, &conv, settings->directory, &pamh);
    if (r == PAM_SUCCESS)
        r = pam_authenticate(pamh, 0);
    if (r == PAM_SUCCESS)
        r = pam_acct_mgmt(pamh, 0);
    if (pamh)
        pam_end(pamh, r);
    return r == PAM_SUCCESS ? 0 : -1;
}

static int search_and_bind(const struct state *state, const char *name, char *password)
{
    static char uid[] = "uid", mail[] = "mail", portal_state[] = "portalState";
    char *attributes[] = {uid, mail, portal_state, NULL}, filter[96];
    struct berval secret = {.bv_val = password, .bv_len = strlen(password)};
    LDAPMessage *found = NULL, *entry = NULL;
    char *dn = NULL;
    int r;

    snprintf(filter, sizeof filter, "(mail=%s)", name);
    r = ldap_search_ext_s(state->search, state->settings->base, LDAP_SCOPE_SUBTREE, filter,
                          attributes, 0, NULL, NULL, NULL, 2, &found);
    if (r == LDAP_SUCCESS && found)
        entry = ldap_first_entry(state->search, found);
    if (entry)
        dn = ldap_get_dn(state->search, entry);
    if (r == LDAP_SUCCESS)
        r = dn ? ldap_sasl_bind_s(state->verify, dn, LDAP_SASL_SIMPLE, &secret, NULL, NULL, NULL)
               : LDAP_NO_SUCH_OBJECT;
    if (r != LDAP_SUCCESS)
        fprintf(stderr, "bench_floor: %s: %s\n", name, ldap_err2string(r));
    ldap_memfree(dn);
    ldap_msgfree(found);
    return r == LDAP_SUCCESS ? 0 : -1;
}

static int once(void *data, unsigned user)
{
    const struct state *state = data;
    char name[64], password[64];

    snprintf(name, sizeof name, CLIENTS_MAIL, user);
    snprintf(password, sizeof password, CLIENTS_PASSWORD, user);
    if (permit(state->settings, name) < 0) {
        fputs("bench_floor: pam_permit doesn't permit\n", stderr);
        return -1;
    }
    return search_and_bind(state, name, password);
}

int main(int argc, char **argv)
{
    static const struct option options[] = {
        {"dir", required_argument, NULL, 'd'},     {"service", required_argument, NULL, 's'},
        {"uri", required_argument, NULL, 'h'},     {"base", required_argument, NULL, 'b'},
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
        case 'h':
            settings.uri = optarg;
            break;
        case 'b':
            settings.base = optarg;
            break;
        case 'u':
            load.users = (unsigned)strtoul(optarg, NULL, 10);
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
    if (!settings.directory || !settings.service || !settings.uri || !settings.base ||
        load.users == 0 || load.seconds <= 0) {
        fputs("usage: bench_floor --dir DIR --service NAME --uri URI --base DN [--users N] "
              "[--clients N] [--seconds S]\n",
              stderr);
        return 2;
    }
    return clients_run(&load, &task);
}
