/* Binding to the directory as the caller; caller_bind() is the way in. Passwords come from the
   terminal or a file, never from an argument, and go over TLS or stay on this machine. */
#include "config.h"

#include "caller.h"
#include "output.h"

#include "cleanup.h"
#include "file.h"

#include <errno.h>
#include <stdint.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <sys/time.h>
#include <termios.h>

#define NETWORK_SECONDS 10
#define PASSWORD_SIZE   512
#define CUSTOMERS       "ou=customers"

/* --- The password --- */

/* A line; -EINTR when a signal came instead. */
static int line_read(int input, int signals, char ret[static PASSWORD_SIZE])
{
    struct pollfd fds[] = {{.fd = input, .events = POLLIN}, {.fd = signals, .events = POLLIN}};
    ssize_t n;

    if (poll(fds, ELEMENTS(fds), -1) < 0)
        return -errno;
    if (fds[1].revents)
        return -EINTR;
    n = read(input, ret, PASSWORD_SIZE);
    if (n <= 0)
        return n < 0 ? -errno : -EIO;
    if (ret[n - 1] != '\n')
        return n == PASSWORD_SIZE ? -E2BIG : -EIO;
    ret[n - 1] = '\0';
    return 0;
}

/* Without echo; the terminal is as it was afterwards, whatever happens. Without a terminal it is
   the first line of standard input. */
static int password_ask(char ret[static PASSWORD_SIZE])
{
    _cleanup_close_ int terminal = open("/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC), signals = -1;
    struct termios before, silent;
    sigset_t set, old;
    int r;

    if (terminal < 0 || tcgetattr(terminal, &before) < 0)
        return line_read(STDIN_FILENO, -1, ret);
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGHUP);
    sigprocmask(SIG_BLOCK, &set, &old);
    signals = signalfd(-1, &set, SFD_CLOEXEC);
    silent = before;
    silent.c_lflag &= ~(tcflag_t)ECHO;
    tcsetattr(terminal, TCSAFLUSH, &silent);
    dprintf(terminal, "Password: ");
    r = signals < 0 ? -errno : line_read(terminal, signals, ret);
    dprintf(terminal, "\n");
    tcsetattr(terminal, TCSAFLUSH, &before);
    sigprocmask(SIG_SETMASK, &old, NULL);
    return r;
}

/* The file's first line. */
static int password_load(const char *path, char ret[static PASSWORD_SIZE])
{
    uint8_t *data = NULL;
    size_t size = 0, length;
    int r = file_read(path, PASSWORD_SIZE, &data, &size);

    if (r < 0)
        return r;
    length = strcspn((char *)data, "\r\n");
    r = length >= PASSWORD_SIZE || (length == size && memchr(data, '\0', size)) ? -EINVAL : 0;
    if (r == 0) {
        memcpy(ret, data, length);
        ret[length] = '\0';
    }
    explicit_bzero(data, size);
    free(data);
    return r;
}

static int password_get(const struct arguments *a, char ret[static PASSWORD_SIZE])
{
    const char *path = a->value[OPTION_PASSWORD_FILE];
    int r = path ? password_load(path, ret) : password_ask(ret);

    if (r < 0 && r != -EINTR)
        output_error("The password can't be read: %s.", strerror(-r));
    else if (r == 0 && !*ret) /* would be an anonymous bind, and succeed */
        output_error("The password is empty.");
    return r < 0 ? r : *ret ? 0 : -EINVAL;
}

/* --- The connection --- */

static int complain(const struct caller *c, const char *what, int rc)
{
    char *words = NULL;

    ldap_get_option(c->ld, LDAP_OPT_DIAGNOSTIC_MESSAGE, &words);
    output_error("%s: %s: %s%s%s.", c->uri, what, ldap_err2string(rc), words && *words ? ", " : "",
                 words ? words : "");
    ldap_memfree(words);
    return rc == LDAP_SERVER_DOWN || rc == LDAP_CONNECT_ERROR || rc == LDAP_TIMEOUT ||
                   rc == LDAP_UNAVAILABLE || rc == LDAP_BUSY
               ? STATUS_UNREACHABLE
               : STATUS_REFUSED;
}

static int set_options(struct caller *c)
{
    static const struct timeval limit = {.tv_sec = NETWORK_SECONDS};
    int version = LDAP_VERSION3, demand = LDAP_OPT_X_TLS_DEMAND, client = 0;
    int tls12 = LDAP_OPT_X_TLS_PROTOCOL_TLS1_2;
    const struct {
        int name;
        const void *value;
    } options[] = {
        {LDAP_OPT_PROTOCOL_VERSION, &version},
        {LDAP_OPT_NETWORK_TIMEOUT, &limit},
        {LDAP_OPT_TIMEOUT, &limit},
        {LDAP_OPT_REFERRALS, LDAP_OPT_OFF},
        {LDAP_OPT_RESTART, LDAP_OPT_ON},
        {LDAP_OPT_X_TLS_REQUIRE_CERT, &demand},
        {LDAP_OPT_X_TLS_PROTOCOL_MIN, &tls12},
        {LDAP_OPT_X_TLS_NEWCTX, &client},
    };

    for (size_t i = 0; i < ELEMENTS(options); i++)
        if (ldap_set_option(c->ld, options[i].name, options[i].value) != LDAP_OPT_SUCCESS)
            return complain(c, "options", LDAP_OTHER);
    return STATUS_DONE;
}

/* Whether what goes there stays on this machine. */
static bool is_local(const LDAPURLDesc *url)
{
    static const char *const hosts[] = {"localhost", "127.0.0.1", "::1", "[::1]"};

    if (strcmp(url->lud_scheme, "ldapi") == 0)
        return true;
    for (size_t i = 0; i < ELEMENTS(hosts); i++)
        if (url->lud_host && strcmp(url->lud_host, hosts[i]) == 0)
            return true;
    return false;
}

static int secure(struct caller *c)
{
    LDAPURLDesc *url = NULL;
    bool starttls;
    int rc;

    if (ldap_url_parse(c->uri, &url) != LDAP_URL_SUCCESS) {
        output_error("\"%s\" is no LDAP URI.", c->uri);
        return STATUS_USAGE;
    }
    starttls = strcmp(url->lud_scheme, "ldap") == 0 && !is_local(url);
    ldap_free_urldesc(url);
    rc = starttls ? ldap_start_tls_s(c->ld, NULL, NULL) : LDAP_SUCCESS;
    return rc == LDAP_SUCCESS ? STATUS_DONE : complain(c, "StartTLS", rc);
}

static int introduce(struct caller *c, const struct arguments *a)
{
    char password[PASSWORD_SIZE] = "";
    struct berval credentials = {0, password};
    const char *dn = c->bind_dn;
    int rc;

    if (dn && password_get(a, password) < 0)
        return STATUS_REFUSED;
    credentials.bv_len = strlen(password);
    rc = ldap_sasl_bind_s(c->ld, dn, dn ? LDAP_SASL_SIMPLE : "EXTERNAL", &credentials, NULL, NULL,
                          NULL);
    explicit_bzero(password, sizeof password);
    return rc == LDAP_SUCCESS ? STATUS_DONE : complain(c, "binding", rc);
}

/* LDAP_SUCCESS, LDAP_NO_SUCH_OBJECT when it isn't there or may not be seen, or another failure. */
static int look_at(struct caller *c, const char *dn)
{
    static char none[] = LDAP_NO_ATTRS;
    static char *attributes[] = {none, NULL};
    LDAPMessage *message = NULL;
    int rc = ldap_search_ext_s(c->ld, dn, LDAP_SCOPE_BASE, NULL, attributes, 0, NULL, NULL, NULL, 1,
                               &message);

    if (rc == LDAP_SUCCESS && ldap_count_entries(c->ld, message) == 0)
        rc = LDAP_NO_SUCH_OBJECT;
    ldap_msgfree(message);
    return rc;
}

/* ou=customers below what was named, when there is such an entry; else that itself. */
static int base_settle(struct caller *c)
{
    _cleanup_free_ char *customers = NULL;
    int rc;

    if (asprintf(&customers, CUSTOMERS ",%s", c->base) < 0) {
        customers = NULL;
        return complain(c, c->base, LDAP_NO_MEMORY);
    }
    rc = look_at(c, customers);
    if (rc == LDAP_SUCCESS) {
        free(c->base);
        c->base = TAKE(customers);
    } else if (rc == LDAP_NO_SUCH_OBJECT) {
        rc = look_at(c, c->base);
    }
    if (rc != LDAP_NO_SUCH_OBJECT)
        return rc == LDAP_SUCCESS ? STATUS_DONE : complain(c, c->base, rc);
    output_error("%s: %s isn't there, or you may not see it.", c->uri, c->base);
    return STATUS_REFUSED;
}

static char *copy_or_own(const char *given, int option, const char *otherwise)
{
    char *own = NULL, *copy;

    if (!given && ldap_get_option(NULL, option, &own) == LDAP_OPT_SUCCESS && own && *own)
        given = own;
    given = given ? given : otherwise;
    copy = given ? strdup(given) : NULL;
    ldap_memfree(own);
    return copy;
}

/* What isn't given is libldap's own: ldap.conf(5), LDAPURI and LDAPBASE. */
static int names_find(const struct arguments *a, struct caller *c)
{
    c->uri = copy_or_own(a->value[OPTION_URI], LDAP_OPT_URI, "ldapi:///");
    c->base = copy_or_own(a->value[OPTION_BASE], LDAP_OPT_DEFBASE, NULL);
    if (c->uri && c->base)
        return STATUS_DONE;
    output_error(
        "Where are the customers? Say it with -b, as in -b ou=customers,dc=example,dc=org");
    return STATUS_USAGE;
}

/* Who binds with a password: -D, or LDAPBINDDN, as with LDAP's own tools. */
static int binder_find(const struct arguments *a, struct caller *c)
{
    bool ask = a->value[OPTION_ASK], file = a->value[OPTION_PASSWORD_FILE];
    const char *dn = a->value[OPTION_BIND_DN];

    if (!dn && (ask || file))
        dn = getenv("LDAPBINDDN");
    c->bind_dn = dn ? strdup(dn) : NULL;
    if ((c->bind_dn != NULL) == (ask || file) && !(ask && file))
        return STATUS_DONE;
    output_error("-D DN goes with one of -W and -y FILE; without it, SASL EXTERNAL binds.");
    return STATUS_USAGE;
}

static int connect_and_bind(const struct arguments *a, struct caller *c)
{
    int status = names_find(a, c), rc;

    if (status != STATUS_DONE)
        return status;
    rc = ldap_initialize(&c->ld, c->uri);
    if (rc != LDAP_SUCCESS) {
        output_error("\"%s\" is no LDAP URI.", c->uri);
        return STATUS_USAGE;
    }
    if ((status = set_options(c)) != STATUS_DONE || (status = secure(c)) != STATUS_DONE ||
        (status = introduce(c, a)) != STATUS_DONE)
        return status;
    return base_settle(c);
}

int caller_bind(const struct arguments *a, struct caller *ret)
{
    struct caller c = {0};
    int status = binder_find(a, &c);

    if (status == STATUS_DONE)
        status = connect_and_bind(a, &c);
    if (status != STATUS_DONE)
        caller_clear(&c);
    else
        *ret = c;
    return status;
}

void caller_clear(struct caller *c)
{
    if (c->ld)
        ldap_unbind_ext_s(c->ld, NULL, NULL);
    free(c->uri);
    free(c->base);
    free(c->bind_dn);
    *c = (struct caller){0};
}

int caller_result(struct caller *c, LDAPMessage *message, char ret_said[static CALLER_SAID_SIZE])
{
    char *words = NULL;
    int code = LDAP_OTHER;

    if (ldap_parse_result(c->ld, message, &code, NULL, &words, NULL, NULL, 0) != LDAP_SUCCESS)
        code = LDAP_DECODING_ERROR;
    snprintf(ret_said, CALLER_SAID_SIZE, "%s%s%s", ldap_err2string(code),
             words && *words ? ", " : "", words ? words : "");
    for (char *p = ret_said; *p; p++)
        if ((unsigned char)*p < 0x20 || *p == 0x7f)
            *p = ' ';
    ldap_memfree(words);
    return code;
}
