/* Which attributes and object classes an entry has beside those that we know; directory_names() and
   directory_classes() are the ways in. */
#include "config.h"

#include "directory-private.h"

#include "cleanup.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FILTER_SIZE  128
#define OBJECT_CLASS "objectClass"

struct names_request {
    const char *filter;
    bool classes; /* the values of objectClass instead of attributes */
    char **names; /* NULL-terminated */
    size_t count;
};

char **directory_names_free(char **names)
{
    for (size_t i = 0; names && names[i]; i++)
        free(names[i]);
    free(names);
    return NULL;
}

static bool is(const struct berval *name, const char *word)
{
    return name->bv_len == strlen(word) && strncasecmp(name->bv_val, word, name->bv_len) == 0;
}

static bool is_known(const struct names_request *n, const struct berval *name)
{
    static const char *const classes[] = {"top", "person", "organizationalPerson", "inetOrgPerson",
                                          "portalCustomer"};

    if (!n->classes)
        return attribute_find(name->bv_val, name->bv_len) >= 0 || is(name, OBJECT_CLASS);
    for (size_t i = 0; i < ELEMENTS(classes); i++)
        if (is(name, classes[i]))
            return true;
    return false;
}

static int keep_name(struct names_request *n, const struct berval *name)
{
    char **grown;

    if (is_known(n, name))
        return 0;
    if (n->count == DIRECTORY_NAMES_MOST)
        return -E2BIG;
    grown = realloc(n->names, (n->count + 2) * sizeof *grown);
    if (!grown)
        return -ENOMEM;
    n->names = grown;
    grown[n->count + 1] = NULL;
    grown[n->count] = strndup(name->bv_val, name->bv_len);
    return grown[n->count++] ? 0 : -ENOMEM;
}

static int read_names(LDAP *ld, LDAPMessage *message, struct names_request *n)
{
    struct berval dn, name;
    BerElement *ber = NULL;
    int r = 0;

    if (!message)
        return -ENOENT;
    if (ldap_get_dn_ber(ld, message, &ber, &dn) != LDAP_SUCCESS)
        return -EIO;
    while (r == 0) {
        struct berval *values = NULL;
        if (ldap_get_attribute_ber(ld, message, ber, &name, &values) != LDAP_SUCCESS)
            r = -EIO;
        else if (!name.bv_val)
            break;
        else if (!n->classes)
            r = keep_name(n, &name);
        for (struct berval *v = values; n->classes && r == 0 && v && v->bv_val; v++)
            r = keep_name(n, v);
        ber_memfree(values);
    }
    ber_free(ber, 0);
    return r;
}

static int find_names(struct directory *d, struct directory_handle *h, void *request,
                      long long deadline)
{
    static char *const every[] = {(char *)LDAP_ALL_USER_ATTRIBUTES, NULL};
    static char *const classes[] = {(char *)OBJECT_CLASS, NULL};
    struct names_request *n = request;
    struct directory_result result;
    int id = -1, rc, r;

    (void)deadline;
    n->names = directory_names_free(n->names);
    n->count = 0;
    rc = ldap_search_ext(h->ld, d->options.base, LDAP_SCOPE_SUBTREE, n->filter,
                         (char **)(n->classes ? classes : every), !n->classes, NULL, NULL, NULL, 1,
                         &id);
    if ((r = directory_wait(d, h, rc, id, &result)) < 0)
        return r;
    if (result.code != LDAP_SUCCESS)
        r = directory_refused(d, h, "search", &result, -EIO);
    else if ((r = read_names(h->ld, ldap_first_entry(h->ld, result.message), n)) < 0)
        directory_fail(d, h, r, "search", "no entry whose attributes can be read");
    directory_result_clear(&result);
    return r;
}

static int ask(struct directory *d, const struct entry *entry, bool classes, long long deadline,
               char ***ret)
{
    char filter[FILTER_SIZE];
    struct names_request request = {.filter = filter, .classes = classes};
    int r;

    /* The server's own, and of letters, digits and hyphens. */
    snprintf(filter, sizeof filter, "(entryUUID=%s)", entry->uuid);
    r = directory_try(d, DIRECTORY_SERVICE, find_names, &request, deadline);
    if (r < 0) {
        directory_names_free(request.names);
        return r;
    }
    *ret = request.names;
    return 0;
}

int directory_names(struct directory *d, const struct entry *entry, long long deadline, char ***ret)
{
    return ask(d, entry, false, deadline, ret);
}

int directory_classes(struct directory *d, const struct entry *entry, long long deadline,
                      char ***ret)
{
    return ask(d, entry, true, deadline, ret);
}
