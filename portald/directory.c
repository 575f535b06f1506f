/* Opens and closes the directory, tries again what was interrupted, and verifies passwords. Way in:
   directory_open(); directory-search.c finds, directory-modify.c writes. */
#include "config.h"

#include "directory-private.h"

#include "cleanup.h"
#include "clock.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* Between tries: at once, then 10 ms doubling to 200. */
#define PAUSE_FIRST_MS 10
#define PAUSE_MAX_MS   200
/* PAM hands over at most 511 bytes; nothing longer is anybody's password. */
#define PASSWORD_MAX 1024

/* No ~/.ldaprc, no /etc/ldap/ldap.conf, no LDAPTLS_REQCERT: what we need is set on each handle. */
static void libldap_once(void)
{
    int version = 0;
    if (!getenv("LDAPNOINIT"))
        setenv("LDAPNOINIT", "1", 1);
    ldap_get_option(NULL, LDAP_OPT_PROTOCOL_VERSION, &version);
}

static int copy_string(const char *from, const char **to)
{
    *to = from ? strdup(from) : NULL;
    return from && !*to ? -ENOMEM : 0;
}

static int copy_options(struct directory *d, const struct directory_options *o)
{
    d->options = (struct directory_options){
        .bind_password = o->bind_password,
        .servers = o->servers,
        .starttls = o->starttls,
        .network_timeout = o->network_timeout > 0 ? o->network_timeout : 5,
    };
    if (copy_string(o->uri, &d->options.uri) < 0 || copy_string(o->base, &d->options.base) < 0 ||
        copy_string(o->bind_dn, &d->options.bind_dn) < 0 ||
        copy_string(o->decoy_dn, &d->options.decoy_dn) < 0 ||
        copy_string(o->ca_file, &d->options.ca_file) < 0 ||
        copy_string(o->cert_file, &d->options.cert_file) < 0 ||
        copy_string(o->key_file, &d->options.key_file) < 0)
        return -ENOMEM;
    return 0;
}

static int find_servers(struct directory *d)
{
    d->own_servers = !d->options.servers;
    d->servers = d->options.servers;
    return d->servers ? 0 : directory_servers_open(&d->options, &d->servers);
}

/* A login reads these and no more: a third of what an entry holds. */
static bool login_needs(enum attribute attribute)
{
    switch (attribute) {
    case ATTRIBUTE_UID:
    case ATTRIBUTE_ENTRY_UUID:
    case ATTRIBUTE_MAIL:
    case ATTRIBUTE_CONFIRMED_MAIL:
    case ATTRIBUTE_LANGUAGE:
    case ATTRIBUTE_POLICY_NUMBER:
    case ATTRIBUTE_STATE:
    case ATTRIBUTE_REVISION:
    case ATTRIBUTE_INITIAL_EXPIRES:
    case ATTRIBUTE_PASSWORD_CHANGED:
    case ATTRIBUTE_PASSWORD_FAILURES:
    case ATTRIBUTE_PASSWORD_RETRY_AFTER:
    case ATTRIBUTE_TOTP_SECRET:
    case ATTRIBUTE_TOTP_LAST_STEP:
    case ATTRIBUTE_TOTP_FAILURES:
    case ATTRIBUTE_TOTP_RETRY_AFTER:
    case ATTRIBUTE_PUK_FAILURES:
    case ATTRIBUTE_PUK_RETRY_AFTER:
    case ATTRIBUTE_SESSION_EPOCH:
    case ATTRIBUTE_LAST_LOGIN:
        return true;
    default:
        return false;
    }
}

/* pwdReset is only written. */
static void list_attributes(struct directory *d)
{
    size_t login = 0, plain = 0, all = 0;
    for (enum attribute a = 0; a < ATTRIBUTES; a++) {
        char *name = (char *)attribute_name(a);
        if (a == ATTRIBUTE_PWD_RESET)
            continue;
        d->all[all++] = name;
        if (!attribute_secret(a))
            d->plain[plain++] = name;
        if (login_needs(a))
            d->login[login++] = name;
    }
}

int directory_open(const struct directory_options *options, struct directory **ret)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, libldap_once);
    if (!options->uri || !options->base || !options->decoy_dn)
        return -EINVAL;
    _cleanup_(directory_free_p) struct directory *d = calloc(1, sizeof *d);
    if (!d)
        return -ENOMEM;
    int r = copy_options(d, options);
    if (r == 0)
        r = find_servers(d);
    if (r < 0)
        return r;
    list_attributes(d);
    *ret = TAKE(d);
    return 0;
}

struct directory *directory_free(struct directory *d)
{
    if (!d)
        return NULL;
    for (size_t i = 0; i < DIRECTORY_ROLES; i++)
        directory_drop(&d->handles[i]);
    if (d->own_servers)
        directory_servers_free(d->servers);
    free((char *)d->options.uri);
    free((char *)d->options.base);
    free((char *)d->options.bind_dn);
    free((char *)d->options.decoy_dn);
    free((char *)d->options.ca_file);
    free((char *)d->options.cert_file);
    free((char *)d->options.key_file);
    free(d);
    return NULL;
}

const char *directory_error(const struct directory *d)
{
    return d->error;
}

/* Waits before the next try; returns whether there is time for one. */
static bool pause_before(unsigned attempt, long long deadline)
{
    long long left = deadline - clock_monotonic_ms();
    long long pause = attempt == 0 ? 0 : PAUSE_FIRST_MS;
    for (unsigned i = 1; i < attempt && pause < PAUSE_MAX_MS; i++)
        pause *= 2;
    if (pause > PAUSE_MAX_MS)
        pause = PAUSE_MAX_MS;
    if (pause >= left)
        pause = left;
    if (pause > 0) {
        struct timespec t = {.tv_sec = pause / 1000, .tv_nsec = pause % 1000 * 1000000};
        nanosleep(&t, NULL);
    }
    return clock_monotonic_ms() < deadline;
}

int directory_try(struct directory *d, enum directory_role role, directory_work *work,
                  void *request, long long deadline)
{
    struct directory_handle *h = &d->handles[role];
    if (clock_monotonic_ms() >= deadline)
        return directory_fail(d, NULL, -ETIMEDOUT, "starting", "no time left");
    for (unsigned attempt = 0;; attempt++) {
        int r = directory_connect(d, role, deadline);
        if (r == 0) {
            long long limit = clock_monotonic_ms() + d->options.network_timeout * 1000LL;
            h->socket.deadline = limit < deadline ? limit : deadline;
            r = work(d, h, request, h->socket.deadline);
            if (r == -ETIMEDOUT || (r == -EHOSTDOWN && attempt > 0))
                directory_servers_doubt(d->servers, h->server, d->error);
        }
        if ((r != -EHOSTDOWN && r != -ETIMEDOUT) || !pause_before(attempt, deadline))
            return r;
    }
}

struct verify_request {
    const char *dn, *password;
};

static int verify(struct directory *d, struct directory_handle *h, void *request,
                  long long deadline)
{
    const struct verify_request *v = request;
    struct directory_result result;
    (void)deadline;
    int r = directory_bind(d, h, v->dn, v->password, &result);
    if (r < 0)
        return r;
    directory_result_clear(&result);
    switch (result.code) {
    case LDAP_SUCCESS:
        return 0;
    case LDAP_INVALID_CREDENTIALS:
    case LDAP_INAPPROPRIATE_AUTH: /* the entry has no password */
        return directory_refused(d, h, "bind", &result, -EACCES);
    case LDAP_BUSY:
    case LDAP_UNAVAILABLE:
        r = directory_refused(d, h, "bind", &result, -EHOSTDOWN);
        break;
    default:
        r = directory_refused(d, h, "bind", &result, -EIO);
    }
    directory_drop(h);
    return r;
}

int directory_verify(struct directory *d, const char *dn, const char *password, long long deadline)
{
    struct verify_request request = {dn ? dn : d->options.decoy_dn, password};
    /* An empty name or password makes a bind that always succeeds (RFC 4513, 5.1.1 and 5.1.2). */
    if (!password || password[0] == '\0' || request.dn[0] == '\0')
        return directory_fail(d, NULL, -EINVAL, "bind", "an empty name or password");
    if (strlen(password) > PASSWORD_MAX)
        return directory_fail(d, NULL, -EINVAL, "bind", "a password that is too long");
    int r = directory_try(d, DIRECTORY_VERIFY, verify, &request, deadline);
    /* Whatever the decoy's password is, it is nobody's. */
    return r == 0 && !dn ? -EACCES : r;
}
