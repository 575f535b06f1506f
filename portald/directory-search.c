/* Finds entries: one search, one round trip. Way in: directory_find(). */
#include "config.h"

#include "directory-private.h"

#include "cleanup.h"
#include "clock.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Two are enough to know that it isn't one. */
#define FIND_LIMIT 2
/* No login name, policy number, hash or id is longer; escaped, a byte becomes three. */
#define VALUE_MAX  512
#define FILTER_MAX (3 * VALUE_MAX + 256)

#define CONFIRMED_FILTER                                                                           \
    "(&(mail=%s)(|(portalState=initial)(portalState=active)"                                       \
    "(portalState=locked)(portalState=closed)))"

static const char *const filters[] = {
    [DIRECTORY_MAIL] = "(mail=%s)",
    [DIRECTORY_LOGIN] = "(mail=%s)",
    [DIRECTORY_CONFIRMED_MAIL] = CONFIRMED_FILTER,
    [DIRECTORY_FORMER_MAIL] = "(portalFormerMail=%s *)",
    [DIRECTORY_POLICY] = "(portalPolicyNumber=%s)",
    [DIRECTORY_PENDING] = "(portalPending=%s*)",
    [DIRECTORY_UID] = "(uid=%s)",
    [DIRECTORY_UUID] = "(entryUUID=%s)",
    [DIRECTORY_SESSION] = "(entryUUID=%s)",
    [DIRECTORY_JOB] = "(portalJob=%s)",
};

struct find_request {
    enum directory_key key;
    const char *value;
    const char *filter;
    char **attributes;
    struct entry *entry; /* what was found */
};

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
static int make_filter(enum directory_key key, const char *value, char *ret, size_t size)
{
    struct berval plain = {strlen(value), (char *)value}, escaped = {0, NULL};
    if (ldap_bv2escaped_filter_value(&plain, &escaped) != 0)
        return -ENOMEM;
    int length = snprintf(ret, size, filters[key], escaped.bv_val);
    ldap_memfree(escaped.bv_val);
    return length < 0 || (size_t)length >= size ? -E2BIG : 0;
}
#pragma GCC diagnostic pop

/* The values lie in libldap's buffer: they are read, and if secret wiped, where they are. */
static int read_values(LDAP *ld, LDAPMessage *message, BerElement *ber, struct entry_reader *reader)
{
    for (;;) {
        struct berval name, *values = NULL;
        if (ldap_get_attribute_ber(ld, message, ber, &name, &values) != LDAP_SUCCESS)
            return -EIO;
        if (!name.bv_val)
            return 0;
        int attribute = attribute_find(name.bv_val, name.bv_len);
        for (size_t i = 0; values && values[i].bv_val && attribute >= 0; i++) {
            entry_put(reader, (enum attribute)attribute, values[i].bv_val, values[i].bv_len);
            if (attribute_secret((enum attribute)attribute))
                explicit_bzero(values[i].bv_val, values[i].bv_len);
        }
        ber_memfree(values);
    }
}

int directory_read_entry(LDAP *ld, LDAPMessage *message, struct entry **ret)
{
    struct entry_reader reader;
    struct berval dn;
    BerElement *ber = NULL;
    if (ldap_get_dn_ber(ld, message, &ber, &dn) != LDAP_SUCCESS)
        return -EIO;
    entry_begin(&reader, dn.bv_val, dn.bv_len);
    int values = read_values(ld, message, ber, &reader);
    ber_free(ber, 0);
    struct entry *entry = NULL;
    int r = entry_end(&reader, &entry);
    if (r == 0 && values < 0) {
        entry_free(entry);
        return values;
    }
    if (r == 0)
        *ret = entry;
    return r;
}

/* A token's hash is found by its beginning and must be there whole. */
static bool fits(const struct find_request *f, const struct entry *entry)
{
    if (f->key != DIRECTORY_PENDING || entry->malformed)
        return true;
    for (size_t i = 0; i < entry->pending_count; i++)
        if (strcmp(entry->pending[i].hash, f->value) == 0)
            return true;
    return false;
}

static int take_found(struct directory *d, struct directory_handle *h, struct find_request *f,
                      struct directory_result *result)
{
    switch (result->code) {
    case LDAP_SUCCESS:
        break;
    case LDAP_SIZELIMIT_EXCEEDED:
        return directory_refused(d, h, "search", result, -ENOTUNIQ);
    case LDAP_TIMELIMIT_EXCEEDED:
        return directory_refused(d, h, "search", result, -ETIMEDOUT);
    case LDAP_BUSY:
    case LDAP_UNAVAILABLE:
        directory_refused(d, h, "search", result, -EHOSTDOWN);
        directory_drop(h);
        return -EHOSTDOWN;
    default:
        return directory_refused(d, h, "search", result, -EIO);
    }
    if (ldap_count_references(h->ld, result->message) > 0)
        return directory_fail(d, h, -EIO, "search", "a part of it is on another server");
    int count = ldap_count_entries(h->ld, result->message);
    if (count != 1)
        return directory_fail(d, h, count == 0 ? -ENOENT : -ENOTUNIQ, "search",
                              count == 0 ? "nothing found" : "several found");
    _cleanup_(entry_free_p) struct entry *entry = NULL;
    int r = directory_read_entry(h->ld, ldap_first_entry(h->ld, result->message), &entry);
    if (r < 0)
        return directory_fail(d, h, r, "search", "an entry that can't be read");
    if (!fits(f, entry))
        return directory_fail(d, h, -ENOENT, "search", "nothing found");
    f->entry = TAKE(entry);
    return 0;
}

/* The server's own limit, in whole seconds, so that it doesn't go on for nobody. */
static struct timeval server_limit(long long deadline)
{
    long long left = deadline - clock_monotonic_ms();
    return (struct timeval){.tv_sec = left > 0 ? (left + 999) / 1000 : 1};
}

static int find(struct directory *d, struct directory_handle *h, void *request, long long deadline)
{
    struct find_request *f = request;
    struct directory_result result;
    struct timeval limit = server_limit(deadline);
    int id = -1;
    int rc = ldap_search_ext(h->ld, d->options.base, LDAP_SCOPE_SUBTREE, f->filter, f->attributes,
                             0, NULL, NULL, &limit, FIND_LIMIT, &id);
    int r = directory_wait(d, h, rc, id, &result);
    if (r < 0)
        return r;
    r = take_found(d, h, f, &result);
    directory_result_clear(&result);
    return r;
}

static int find_once(struct directory *d, enum directory_key key, const char *value,
                     char **attributes, long long deadline, struct entry **ret)
{
    char filter[FILTER_MAX];
    int r = make_filter(key, value, filter, sizeof filter);
    if (r < 0)
        return directory_fail(d, NULL, r, "search", "no filter");
    struct find_request request = {
        .key = key, .value = value, .filter = filter, .attributes = attributes};
    r = directory_try(d, DIRECTORY_SERVICE, find, &request, deadline);
    if (r == 0)
        *ret = request.entry;
    return r;
}

/* By the address alone first: the server would go through the index of states for the others, which
   holds everybody. */
static int find_confirmed(struct directory *d, const char *value, char **attributes,
                          long long deadline, struct entry **ret)
{
    _cleanup_(entry_free_p) struct entry *entry = NULL;
    int r = find_once(d, DIRECTORY_MAIL, value, attributes, deadline, &entry);

    if (r == -ENOTUNIQ)
        return find_once(d, DIRECTORY_CONFIRMED_MAIL, value, attributes, deadline, ret);
    if (r < 0)
        return r;
    if (entry->state == ACCOUNT_PROVISIONED || entry->state == ACCOUNT_PENDING)
        return directory_fail(d, NULL, -ENOENT, "search", "nothing found");
    *ret = TAKE(entry);
    return 0;
}

int directory_find(struct directory *d, enum directory_key key, const char *value, bool secrets,
                   long long deadline, struct entry **ret)
{
    char **attributes = secrets                                              ? d->all
                        : key == DIRECTORY_LOGIN || key == DIRECTORY_SESSION ? d->login
                                                                             : d->plain;
    size_t length = strlen(value);
    if (length == 0 || length > VALUE_MAX ||
        (key == DIRECTORY_PENDING && length != JOB_HASH_SIZE - 1))
        return directory_fail(d, NULL, -ENOENT, "search", "nothing can have this value");
    if (key == DIRECTORY_CONFIRMED_MAIL)
        return find_confirmed(d, value, attributes, deadline, ret);
    int r = find_once(d, key, value, attributes, deadline, ret);
    if (r != -ENOTUNIQ || (key != DIRECTORY_MAIL && key != DIRECTORY_LOGIN))
        return r;
    /* Whoever confirmed an address has it, however many others it is only written down for. */
    r = find_once(d, DIRECTORY_CONFIRMED_MAIL, value, attributes, deadline, ret);
    return r == -ENOENT ? -ENOTUNIQ : r;
}

static int ping(struct directory *d, struct directory_handle *h, void *request, long long deadline)
{
    static char *const nothing[] = {(char *)LDAP_NO_ATTRS, NULL};
    struct directory_result result;
    struct timeval limit = server_limit(deadline);
    int id = -1;
    (void)request;
    int rc = ldap_search_ext(h->ld, d->options.base, LDAP_SCOPE_BASE, "(objectClass=*)",
                             (char **)nothing, 1, NULL, NULL, &limit, 1, &id);
    int r = directory_wait(d, h, rc, id, &result);
    if (r < 0)
        return r;
    if (result.code != LDAP_SUCCESS)
        r = directory_refused(d, h, "ping", &result, -EIO);
    directory_result_clear(&result);
    return r;
}

int directory_ping(struct directory *d, long long deadline)
{
    return directory_try(d, DIRECTORY_SERVICE, ping, NULL, deadline);
}

/* RFC 4532: "dn:" and the DN. */
static int take_who(struct directory *d, struct directory_handle *h,
                    struct directory_result *result, char ret[static DIRECTORY_WHO_SIZE])
{
    struct berval *who = NULL, dn, escaped = {0, NULL};
    int r = 0;

    if (result->code != LDAP_SUCCESS)
        return directory_refused(d, h, "whoami", result, -EIO);
    if (ldap_parse_whoami(h->ld, result->message, &who) != LDAP_SUCCESS || !who ||
        who->bv_len <= 3 || strncmp(who->bv_val, "dn:", 3) != 0) {
        ber_bvfree(who);
        return directory_fail(d, h, -EIO, "whoami", "no DN");
    }
    dn = (struct berval){who->bv_len - 3, who->bv_val + 3};
    if (ldap_bv2escaped_filter_value(&dn, &escaped) != 0)
        r = -ENOMEM;
    else if (escaped.bv_len >= DIRECTORY_WHO_SIZE)
        r = -E2BIG;
    else
        memcpy(ret, escaped.bv_val, escaped.bv_len + 1);
    ldap_memfree(escaped.bv_val);
    ber_bvfree(who);
    return r;
}

static int ask_who(struct directory *d, struct directory_handle *h, void *request,
                   long long deadline)
{
    struct directory_result result;
    int id = -1, rc, r;

    (void)deadline;
    rc = ldap_whoami(h->ld, NULL, NULL, &id);
    if ((r = directory_wait(d, h, rc, id, &result)) < 0)
        return r;
    r = take_who(d, h, &result, request);
    directory_result_clear(&result);
    return r;
}

int directory_who(struct directory *d, long long deadline, char ret[static DIRECTORY_WHO_SIZE])
{
    return directory_try(d, DIRECTORY_SERVICE, ask_who, ret, deadline);
}
