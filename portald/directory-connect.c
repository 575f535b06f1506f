/* Makes LDAP handles: connect, TLS, bind; tries the URIs in order. Everything that goes wrong on a
   handle ends in directory_drop(), because nobody can tell what it would do next. Way in:
   directory_connect(). */
#include "config.h"

#include "directory-private.h"

#include "cleanup.h"
#include "clock.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Debian's bundle: libldap's GnuTLS knows no system store, and its own defaults are off. */
#define CA_FILE "/etc/ssl/certs/ca-certificates.crt"

/* A server that let this long pass without a word is left for another one. */
#define TELLING_MS 1000

/* libldap counts its TLS initialisations without a lock: the first must be over before the next. */
static void tls_once(void)
{
    LDAP *ld = NULL;
    int client = 0;
    if (ldap_create(&ld) != LDAP_SUCCESS)
        return;
    ldap_set_option(ld, LDAP_OPT_X_TLS_NEWCTX, &client);
    ldap_destroy(ld);
}

void directory_drop(struct directory_handle *h)
{
    if (!h->ld)
        return;
    /* The parting word isn't worth waiting for. */
    h->socket.deadline = 0;
    ldap_destroy(TAKE(h->ld));
}

int directory_fail(struct directory *d, const struct directory_handle *h, int error,
                   const char *what, const char *why)
{
    snprintf(d->error, sizeof d->error, "%s: %s (%s)", what, why,
             h && h->uri ? h->uri : d->options.uri);
    return error;
}

int directory_refused(struct directory *d, struct directory_handle *h, const char *what,
                      const struct directory_result *result, int error)
{
    char why[256];
    snprintf(why, sizeof why, "%s%s%s", ldap_err2string(result->code),
             result->diagnostic[0] ? ", " : "", result->diagnostic);
    return directory_fail(d, h, error, what, why);
}

void directory_result_clear(struct directory_result *result)
{
    if (result->message)
        ldap_msgfree(TAKE(result->message));
}

/* What a failure of libldap means: our own layer knows whether time or the peer was the reason. A
   server that shuts down may say so first, in a notice of disconnection (RFC 4511, 4.4.1), whose
   code libldap then takes for its own. */
static int broken_off(struct directory *d, struct directory_handle *h, int rc, const char *what)
{
    bool gone = rc == LDAP_SERVER_DOWN || rc == LDAP_UNAVAILABLE || rc == LDAP_BUSY;
    int error = h->socket.timed_out    ? -ETIMEDOUT
                : h->socket.broken     ? -EHOSTDOWN
                : rc == LDAP_NO_MEMORY ? -ENOMEM
                : gone                 ? -EHOSTDOWN
                : rc == LDAP_TIMEOUT   ? -ETIMEDOUT
                                       : -EIO;
    directory_fail(d, h, error, what,
                   error == -ETIMEDOUT ? "no answer in time" : ldap_err2string(rc));
    directory_drop(h);
    return error;
}

static int ld_error(LDAP *ld)
{
    int rc = LDAP_OTHER;
    ldap_get_option(ld, LDAP_OPT_RESULT_CODE, &rc);
    return rc;
}

int directory_wait(struct directory *d, struct directory_handle *h, int rc, int message_id,
                   struct directory_result *ret)
{
    struct directory_result result = {0};
    char *diagnostic = NULL;
    if (rc != LDAP_SUCCESS)
        return broken_off(d, h, rc, "sending");
    /* Our layer times out first; this is for the case that it has nothing to wait for. */
    long long left = h->socket.deadline - clock_monotonic_ms() + 1;
    struct timeval limit = {.tv_sec = left > 0 ? left / 1000 : 0,
                            .tv_usec = left > 0 ? left % 1000 * 1000 : 0};
    int type = ldap_result(h->ld, message_id, LDAP_MSG_ALL, &limit, &result.message);
    if (type <= 0 || !result.message) {
        directory_result_clear(&result);
        return broken_off(d, h, type == 0 ? LDAP_TIMEOUT : ld_error(h->ld), "waiting");
    }
    rc = ldap_parse_result(h->ld, result.message, &result.code, NULL, &diagnostic, NULL, NULL, 0);
    if (rc != LDAP_SUCCESS) {
        directory_result_clear(&result);
        return broken_off(d, h, rc, "reading the answer");
    }
    if (diagnostic)
        snprintf(result.diagnostic, sizeof result.diagnostic, "%s", diagnostic);
    ldap_memfree(diagnostic);
    for (char *c = result.diagnostic; *c; c++)
        if ((unsigned char)*c < 0x20 || *c == 0x7f)
            *c = ' ';
    *ret = result;
    return 0;
}

int directory_bind(struct directory *d, struct directory_handle *h, const char *dn,
                   const char *password, struct directory_result *ret)
{
    struct berval credentials = {0, (char[]){""}};
    int id = -1;
    if (password) {
        credentials.bv_len = strlen(password);
        credentials.bv_val = (char *)password;
    }
    int rc = ldap_sasl_bind(h->ld, dn, dn ? LDAP_SASL_SIMPLE : "EXTERNAL", &credentials, NULL, NULL,
                            &id);
    return directory_wait(d, h, rc, id, ret);
}

static int set_options(struct directory *d, LDAP *ld)
{
    int version = LDAP_VERSION3, demand = LDAP_OPT_X_TLS_DEMAND, never = LDAP_DEREF_NEVER;
    int tls12 = LDAP_OPT_X_TLS_PROTOCOL_TLS1_2;
    struct timeval limit = {.tv_sec = d->options.network_timeout};
    const char *ca_file = d->options.ca_file ? d->options.ca_file : CA_FILE;
    const struct {
        int name;
        const void *value;
    } options[] = {
        {LDAP_OPT_PROTOCOL_VERSION, &version},
        {LDAP_OPT_NETWORK_TIMEOUT, &limit},
        {LDAP_OPT_TIMEOUT, &limit},
        {LDAP_OPT_REFERRALS, LDAP_OPT_OFF},
        {LDAP_OPT_RESTART, LDAP_OPT_ON},
        {LDAP_OPT_DEREF, &never},
        {LDAP_OPT_X_TLS_REQUIRE_CERT, &demand},
        {LDAP_OPT_X_TLS_PROTOCOL_MIN, &tls12},
        {LDAP_OPT_X_TLS_CACERTFILE, ca_file},
        {LDAP_OPT_X_TLS_CERTFILE, d->options.cert_file},
        {LDAP_OPT_X_TLS_KEYFILE, d->options.key_file},
    };
    for (size_t i = 0; i < ELEMENTS(options); i++)
        if (options[i].value &&
            ldap_set_option(ld, options[i].name, options[i].value) != LDAP_OPT_SUCCESS)
            return directory_fail(d, NULL, -EINVAL, "options", "refused by libldap");
    return 0;
}

/* GnuTLS under libldap says "unknown error code" of every certificate that it refuses. */
static int tls_refused(struct directory *d, struct directory_handle *h, int rc)
{
    if (rc != LDAP_CONNECT_ERROR || h->socket.broken || h->socket.timed_out)
        return broken_off(d, h, rc, "TLS");
    directory_drop(h);
    return directory_fail(d, h, -EIO, "TLS",
                          "the server's certificate is of an unknown authority, for another host, "
                          "or out of date");
}

/* StartTLS, or TLS at once; the certificate must be good and name the host. */
static int secure(struct directory *d, struct directory_handle *h, const char *scheme)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    int client = 0, rc;
    bool at_once = strcmp(scheme, "ldaps") == 0;
    if (!at_once && (!d->options.starttls || strcmp(scheme, "ldapi") == 0))
        return 0;
    pthread_once(&once, tls_once);
    if (ldap_set_option(h->ld, LDAP_OPT_X_TLS_NEWCTX, &client) != LDAP_OPT_SUCCESS) {
        directory_fail(d, h, -EIO, "TLS", "the CA file can't be used");
        directory_drop(h);
        return -EIO;
    }
    rc = at_once ? ldap_install_tls(h->ld) : ldap_start_tls_s(h->ld, NULL, NULL);
    directory_socket_block(&h->socket);
    return rc == LDAP_SUCCESS ? 0 : tls_refused(d, h, rc);
}

/* The service handle binds as portald. The other one asks for an anonymous bind, whatever the
   answer: so a server that accepts connections but is stuck is found out here, and the next URI
   tried. */
static int introduce(struct directory *d, struct directory_handle *h, enum directory_role role)
{
    struct directory_result result;
    const char *dn = d->options.bind_dn, *password = d->options.bind_password;
    if (role == DIRECTORY_SERVICE && dn && (dn[0] == '\0' || !password || password[0] == '\0')) {
        directory_drop(h);
        return directory_fail(d, h, -EINVAL, "bind", "an empty name or password");
    }
    int r = role == DIRECTORY_SERVICE ? directory_bind(d, h, dn, password, &result)
                                      : directory_bind(d, h, "", NULL, &result);
    if (r < 0)
        return r;
    directory_result_clear(&result);
    if (role == DIRECTORY_VERIFY || result.code == LDAP_SUCCESS)
        return 0;
    r = directory_refused(d, h, "bind as the service", &result,
                          result.code == LDAP_BUSY || result.code == LDAP_UNAVAILABLE ? -EHOSTDOWN
                                                                                      : -EIO);
    directory_drop(h);
    return r;
}

static int connect_to(struct directory *d, enum directory_role role, size_t server,
                      long long deadline)
{
    struct directory_handle *h = &d->handles[role];
    const char *uri = directory_servers_uri(d->servers, server);
    LDAPURLDesc *url = NULL;
    h->uri = uri;
    h->server = server;
    if (ldap_url_parse(uri, &url) != LDAP_URL_SUCCESS)
        return directory_fail(d, h, -EINVAL, "connecting", "not an LDAP URI");
    int r = directory_socket_connect(&h->socket, url, deadline);
    if (r < 0)
        directory_fail(d, h, r, "connecting",
                       r == -ETIMEDOUT ? "no answer in time" : "Can't contact LDAP server");
    if (r == 0)
        r = directory_socket_attach(&h->socket, uri, &h->ld);
    if (r == 0 && (r = set_options(d, h->ld)) < 0)
        directory_drop(h);
    if (r == 0)
        r = secure(d, h, url->lud_scheme);
    ldap_free_urldesc(url);
    return r < 0 ? r : introduce(d, h, role);
}

/* What a failed attempt says about the server: nothing, when there was too little time. */
static bool tells(const struct directory *d, int r, long long waited)
{
    return r == -EHOSTDOWN || r == -EIO ||
           (r == -ETIMEDOUT &&
            (waited >= TELLING_MS || waited >= d->options.network_timeout * 1000LL));
}

/* Tries one server, with its share of the time; those still untried are left some. */
static int try_server(struct directory *d, enum directory_role role, size_t server, size_t left,
                      long long deadline)
{
    long long now = clock_monotonic_ms(), share = (deadline - now) / (long long)left;
    if (share > d->options.network_timeout * 1000LL)
        share = d->options.network_timeout * 1000LL;
    if (share <= 0)
        return directory_fail(d, NULL, -ETIMEDOUT, "connecting", "no time left");
    /* One that is known to be dead is tried when there is no other, and given its time. */
    const atomic_bool *lost = directory_servers_lost(d->servers, server);
    d->handles[role].socket.lost = lost && atomic_load(lost) ? NULL : lost;
    int r = connect_to(d, role, server, now + share);
    if (r < 0 && tells(d, r, clock_monotonic_ms() - now))
        directory_servers_failed(d->servers, server, d->error);
    return r;
}

/* Returns the last error, but one that may pass rather than one that won't. */
int directory_connect(struct directory *d, enum directory_role role, long long deadline)
{
    struct directory_handle *h = &d->handles[role];
    size_t count = directory_servers_count(d->servers), server;
    unsigned tried = 0;
    int result = 0;
    if (h->ld && directory_servers_good(d->servers, h->server))
        return 0;
    directory_drop(h);
    for (size_t left = count; left > 0; left--) {
        if ((server = directory_servers_pick(d->servers, tried, deadline)) == count)
            break;
        int r = try_server(d, role, server, left, deadline);
        if (r == 0 && directory_servers_answered(d->servers, server, tried)) {
            h->socket.lost = directory_servers_lost(d->servers, server);
            return 0;
        }
        if (r == 0) { /* meanwhile another one is in use */
            directory_drop(h);
            r = -EHOSTDOWN;
        }
        tried |= 1u << server;
        if (result != -EHOSTDOWN && result != -ETIMEDOUT)
            result = r;
    }
    return result;
}
