/* Customers of the directory, to compare with and to write; existing_read() and existing_differs()
   are the ways in. */
#include "config.h"

#include "existing.h"

#include "cleanup.h"
#include "postal.h"

#include <ctype.h>
#include <errno.h>
#include <stdint.h>
#include <strings.h>

#define CHANGES_MOST (IDENTITIES + 1) /* with objectClass */

const char *const existing_attributes[] = {
    "objectClass",       "uid",           "givenName",          "sn", "cn", "portalBirthDate",
    "preferredLanguage", "postalAddress", "portalPolicyNumber", NULL};

/* --- Reading --- */

static int read_values(LDAP *ld, LDAPMessage *entry, const char *name, char ***ret)
{
    struct berval **values = ldap_get_values_len(ld, entry, name);
    int count = ldap_count_values_len(values);
    char **list = calloc((size_t)count + 1, sizeof *list);
    int r = list ? 0 : -ENOMEM;

    for (int i = 0; i < count && r == 0; i++)
        if (!(list[i] = strndup(values[i]->bv_val, values[i]->bv_len)))
            r = -ENOMEM;
    ldap_value_free_len(values);
    if (r == 0)
        *ret = list;
    else
        for (char **v = list; v && *v; v++)
            free(*v);
    if (r < 0)
        free(list);
    return r;
}

static void values_free(char **values)
{
    for (char **v = values; v && *v; v++)
        free(*v);
    free(values);
}

static bool has_class(char **classes, const char *name)
{
    for (; *classes; classes++)
        if (strcasecmp(*classes, name) == 0)
            return true;
    return false;
}

int existing_read(LDAP *ld, LDAPMessage *entry, struct existing *ret)
{
    struct existing e = {0};
    char **classes = NULL, *dn = ldap_get_dn(ld, entry);
    int r = dn ? read_values(ld, entry, "objectClass", &classes) : -EIO;

    for (int i = 0; i < IDENTITIES && r == 0; i++)
        r = read_values(ld, entry, identity_attributes[i], &e.value[i]);
    if (r == 0 && !(e.dn = strdup(dn)))
        r = -ENOMEM;
    e.is_customer = r == 0 && has_class(classes, "portalCustomer");
    values_free(classes);
    ldap_memfree(dn);
    if (r < 0) {
        existing_clear(&e);
        return r;
    }
    *ret = e;
    return 0;
}

void existing_clear(struct existing *e)
{
    for (int i = 0; i < IDENTITIES; i++)
        values_free(e->value[i]);
    free(e->dn);
    *e = (struct existing){0};
}

/* --- Comparing --- */

static bool has_text(char **values, const char *text)
{
    for (; values && *values; values++)
        if (customer_text_same(*values, text))
            return true;
    return false;
}

/* Line by line: LDAP's form has more than one way to write the same. */
static bool has_address(char **values, const char *lines)
{
    for (; values && *values; values++) {
        _cleanup_free_ char *there = NULL;

        if (postal_read(*values, strlen(*values), &there) < 0)
            return false;
        if (customer_text_same(there, lines))
            return true;
    }
    return false;
}

static bool has_policy(char **values, const char *policy)
{
    for (; values && *values; values++)
        if (strcasecmp(*values, policy) == 0)
            return true;
    return false;
}

static const char *first(const struct existing *e, enum identity i)
{
    return e->value[i] ? *e->value[i] : NULL;
}

static bool name_was_made(const struct existing *e)
{
    _cleanup_free_ char *name =
        customer_name(first(e, IDENTITY_GIVEN_NAME), first(e, IDENTITY_SURNAME));

    return name && has_text(e->value[IDENTITY_NAME], name);
}

static bool differs(const struct existing *e, const struct customer *c, enum identity i);

/* One that the file doesn't say follows the others, as it did before. */
static bool name_differs(const struct existing *e, const struct customer *c)
{
    if (!c->name_made)
        return !has_text(e->value[IDENTITY_NAME], c->value[IDENTITY_NAME]);
    return (differs(e, c, IDENTITY_GIVEN_NAME) || differs(e, c, IDENTITY_SURNAME)) &&
           name_was_made(e);
}

static bool differs(const struct existing *e, const struct customer *c, enum identity i)
{
    switch (i) {
    case IDENTITY_UID:
        return false;
    case IDENTITY_POLICIES:
        for (size_t p = 0; p < c->policy_count; p++)
            if (!has_policy(e->value[i], c->policies[p]))
                return true;
        return false;
    case IDENTITY_ADDRESS:
        return c->value[i] && !has_address(e->value[i], c->value[i]);
    case IDENTITY_NAME:
        return name_differs(e, c);
    default:
        return c->value[i] && !has_text(e->value[i], c->value[i]);
    }
}

unsigned existing_differs(const struct existing *e, const struct customer *c)
{
    unsigned found = 0;

    for (enum identity i = 0; i < IDENTITIES; i++)
        if (differs(e, c, i))
            found |= IDENTITY_BIT(i);
    return found;
}

void differences_name(unsigned differences, char ret[static DIFFERENCES_SIZE])
{
    size_t used = 0;

    ret[0] = '\0';
    for (int i = 0; i < IDENTITIES && used < DIFFERENCES_SIZE; i++)
        if (differences & IDENTITY_BIT(i))
            used += (size_t)snprintf(ret + used, DIFFERENCES_SIZE - used, "%s%s",
                                     used > 0 ? ", " : "", identity_attributes[i]);
}

/* --- Writing --- */

struct changes {
    LDAPMod mods[CHANGES_MOST], *list[CHANGES_MOST + 1];
    char *single[CHANGES_MOST][2];
    char *policies[CUSTOMER_POLICIES + 1];
    char *address, *name;
    size_t count;
};

static void changes_clear(struct changes *c)
{
    free(c->address);
    free(c->name);
}

static void change_put(struct changes *c, int operation, const char *name, char **values)
{
    LDAPMod *mod = &c->mods[c->count];

    *mod = (LDAPMod){.mod_op = operation, .mod_type = (char *)(uintptr_t)name};
    mod->mod_values = values;
    c->list[c->count++] = mod;
}

static void change_put_policies(struct changes *c, const struct customer *customer, char **but)
{
    size_t count = 0;

    for (size_t i = 0; i < customer->policy_count; i++)
        if (!has_policy(but, customer->policies[i]))
            c->policies[count++] = (char *)(uintptr_t)customer->policies[i];
    change_put(c, LDAP_MOD_ADD, identity_attributes[IDENTITY_POLICIES], c->policies);
}

static int change_put_value(struct changes *c, int operation, const struct customer *customer,
                            enum identity i)
{
    char *value = customer->value[i];

    if (i == IDENTITY_ADDRESS) {
        if (postal_write(value, &c->address) < 0)
            return -ENOMEM;
        value = c->address;
    }
    c->single[i][0] = value;
    change_put(c, operation, identity_attributes[i], c->single[i]);
    return 0;
}

/* Each byte that isn't a letter or digit of ASCII as \XX (RFC 4514, 2.4). */
char *existing_dn(const char *uid, const char *base)
{
    char *dn = malloc(strlen("uid=,") + 3 * strlen(uid) + strlen(base) + 1), *out = dn;

    if (!dn)
        return NULL;
    out += sprintf(out, "uid=");
    for (; *uid; uid++) {
        unsigned char byte = (unsigned char)*uid;

        if (isalnum(byte) || strchr("-._", byte))
            *out++ = (char)byte;
        else
            out += sprintf(out, "\\%02X", byte);
    }
    sprintf(out, ",%s", base);
    return dn;
}

int existing_add(LDAP *ld, const char *base, const struct customer *customer, int *ret_id)
{
    static char person[] = "inetOrgPerson", class[] = "portalCustomer";
    static char *classes[] = {person, class, NULL};
    _cleanup_(changes_clear) struct changes c = {0};
    _cleanup_free_ char *dn = existing_dn(customer->value[IDENTITY_UID], base);

    if (!dn)
        return LDAP_NO_MEMORY;
    change_put(&c, LDAP_MOD_ADD, "objectClass", classes);
    for (enum identity i = 0; i < IDENTITY_POLICIES; i++)
        if (customer->value[i] && change_put_value(&c, LDAP_MOD_ADD, customer, i) < 0)
            return LDAP_NO_MEMORY;
    change_put_policies(&c, customer, NULL);
    return ldap_add_ext(ld, dn, c.list, NULL, NULL, ret_id);
}

int existing_change(LDAP *ld, const struct existing *existing, const struct customer *customer,
                    unsigned differences, int *ret_id)
{
    _cleanup_(changes_clear) struct changes c = {0};

    for (enum identity i = 0; i < IDENTITY_POLICIES; i++)
        if (differences & IDENTITY_BIT(i) &&
            change_put_value(&c, LDAP_MOD_REPLACE, customer, i) < 0)
            return LDAP_NO_MEMORY;
    if (differences & IDENTITY_BIT(IDENTITY_NAME) && customer->name_made &&
        !customer->value[IDENTITY_GIVEN_NAME]) {
        c.name =
            customer_name(first(existing, IDENTITY_GIVEN_NAME), customer->value[IDENTITY_SURNAME]);
        if (!c.name)
            return LDAP_NO_MEMORY;
        c.single[IDENTITY_NAME][0] = c.name;
    }
    if (differences & IDENTITY_BIT(IDENTITY_POLICIES))
        change_put_policies(&c, customer, existing->value[IDENTITY_POLICIES]);
    return ldap_modify_ext(ld, existing->dn, c.list, NULL, NULL, ret_id);
}
