/* Writes: each modify swaps portalRevision, so that of two who read the same entry one loses. Way
   in: directory_swap(). */
#include "config.h"

#include "directory-private.h"

#include "clock.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* Two for the revision, and one more for each change of mail. */
#define MODIFICATIONS_MAX (2 * CHANGES_MAX + 2)
#define NUMBER_SIZE       21

struct modification {
    LDAPMod mods[MODIFICATIONS_MAX], *list[MODIFICATIONS_MAX + 1];
    struct berval values[MODIFICATIONS_MAX], *value_lists[MODIFICATIONS_MAX][2];
    size_t count;
    char old_revision[NUMBER_SIZE], new_revision[NUMBER_SIZE];
    const char *dn;
    bool has_revision;
};

/* One operation on one attribute; data NULL: all of its values. Points to what it is given. */
static void modification_add(struct modification *m, int op, const char *name, const char *data,
                             size_t length)
{
    size_t i = m->count++;
    m->mods[i] = (LDAPMod){.mod_op = op | LDAP_MOD_BVALUES, .mod_type = (char *)name};
    m->list[i] = &m->mods[i];
    m->list[i + 1] = NULL;
    if (!data)
        return;
    m->values[i] = (struct berval){length, (char *)data};
    m->value_lists[i][0] = &m->values[i];
    m->value_lists[i][1] = NULL;
    m->mods[i].mod_bvalues = m->value_lists[i];
}

/* Comes first, so that who lost the race is told so and nothing else. */
static void add_revision(struct modification *m, const struct entry *entry)
{
    const char *name = attribute_name(ATTRIBUTE_REVISION);
    m->has_revision = entry->has_revision;
    snprintf(m->old_revision, sizeof m->old_revision, "%" PRIu64, entry->revision);
    snprintf(m->new_revision, sizeof m->new_revision, "%" PRIu64,
             entry->has_revision ? entry->revision + 1 : 1);
    if (entry->has_revision)
        modification_add(m, LDAP_MOD_DELETE, name, m->old_revision, strlen(m->old_revision));
    modification_add(m, LDAP_MOD_ADD, name, m->new_revision, strlen(m->new_revision));
}

static int add_change(struct modification *m, const struct entry *entry, const struct change *c)
{
    static const int ops[] = {
        [CHANGE_SET] = LDAP_MOD_REPLACE,
        [CHANGE_ADD] = LDAP_MOD_ADD,
        [CHANGE_REMOVE] = LDAP_MOD_DELETE,
        [CHANGE_CLEAR] = LDAP_MOD_REPLACE,
    };
    if (c->op == CHANGE_CLEAR_NAMED) {
        modification_add(m, LDAP_MOD_REPLACE, c->value, NULL, 0);
        return 0;
    }
    if (c->op == CHANGE_DROP_CLASS) {
        modification_add(m, LDAP_MOD_DELETE, "objectClass", c->value, c->length);
        return 0;
    }
    const char *name = attribute_name(c->attribute);
    if (c->attribute == ATTRIBUTE_REVISION || c->attribute == ATTRIBUTE_ENTRY_UUID ||
        (c->op != CHANGE_CLEAR && !c->value))
        return -EINVAL;
    if (c->op == CHANGE_SET && c->attribute == ATTRIBUTE_MAIL) {
        /* An administrator may have corrected it meanwhile, without the revision. */
        if (entry->mail)
            modification_add(m, LDAP_MOD_DELETE, name, entry->mail, strlen(entry->mail));
        modification_add(m, LDAP_MOD_ADD, name, c->value, c->length);
        return 0;
    }
    modification_add(m, ops[c->op], name, c->op == CHANGE_CLEAR ? NULL : c->value, c->length);
    return 0;
}

/* The constraint overlay tries all changes before the backend does, as soon as one of them is of an
   attribute that it constrains: what the backend would call noSuchAttribute is then a broken
   constraint on the attribute whose value wasn't there, or was one too many. Of the revision and of
   mail we know which value there was; of others, where one is deleted. */
static bool value_moved(const struct modification *m, const char *diagnostic)
{
    static const char words[] = "breaks constraint on ";
    const char *name = strstr(diagnostic, words);
    if (!name)
        return false;
    name += strlen(words);
    if (strcasecmp(name, attribute_name(ATTRIBUTE_REVISION)) == 0 ||
        strcasecmp(name, attribute_name(ATTRIBUTE_MAIL)) == 0)
        return true;
    for (size_t i = 0; i < m->count; i++)
        if (m->mods[i].mod_op == (LDAP_MOD_DELETE | LDAP_MOD_BVALUES) &&
            strcasecmp(name, m->mods[i].mod_type) == 0)
            return true;
    return false;
}

/* 19 has three authors: unique, the schema (a revision that came meanwhile), and constraint. */
static int constraint_violated(const struct modification *m, const char *diagnostic)
{
    if (strstr(diagnostic, "non-unique"))
        return -EEXIST;
    if (!m->has_revision && strstr(diagnostic, "multiple values") &&
        strstr(diagnostic, attribute_name(ATTRIBUTE_REVISION)))
        return -ESTALE;
    return value_moved(m, diagnostic) ? -ESTALE : -EIO;
}

static int outcome(const struct modification *m, const struct directory_result *result)
{
    switch (result->code) {
    case LDAP_SUCCESS:
        return 0;
    case LDAP_NO_SUCH_ATTRIBUTE:
        return -ESTALE;
    case LDAP_TYPE_OR_VALUE_EXISTS:
        /* Also of a value other than the revision: it wasn't there when the entry was read. */
        return -ESTALE;
    case LDAP_CONSTRAINT_VIOLATION:
        return constraint_violated(m, result->diagnostic);
    case LDAP_NO_SUCH_OBJECT:
        return -ENOENT;
    case LDAP_INSUFFICIENT_ACCESS:
        return -EPERM;
    case LDAP_OBJECT_CLASS_VIOLATION:
    case LDAP_NO_OBJECT_CLASS_MODS:
    case LDAP_NAMING_VIOLATION:
    case LDAP_NOT_ALLOWED_ON_RDN:
        return -EOPNOTSUPP;
    case LDAP_BUSY:
    case LDAP_UNAVAILABLE:
        return -EHOSTDOWN; /* not done: may be tried again */
    default:
        return -EIO;
    }
}

static int send_modify(struct directory *d, struct directory_handle *h, void *request)
{
    struct modification *m = request;
    struct directory_result result;
    int id = -1;
    /* On TCP a write into a connection that the server has left succeeds, and nobody could tell
       afterwards whether it was read. */
    if (!directory_socket_idle(&h->socket)) {
        directory_drop(h);
        return directory_fail(d, h, -EHOSTDOWN, "modify", "the server has closed the connection");
    }
    int rc = ldap_modify_ext(h->ld, m->dn, m->list, NULL, NULL, &id);
    /* What wasn't sent to the last byte can't have been carried out. */
    bool sent = rc == LDAP_SUCCESS;
    int r = directory_wait(d, h, rc, id, &result);
    if (r == -ETIMEDOUT)
        directory_servers_doubt(d->servers, h->server, d->error);
    if (r < 0)
        return sent ? -EUCLEAN : r;
    directory_result_clear(&result);
    r = outcome(m, &result);
    if (r == -EEXIST)
        result.diagnostic[0] = '\0'; /* quotes the address */
    if (r < 0)
        directory_refused(d, h, "modify", &result, r);
    if (r == -EHOSTDOWN)
        directory_drop(h);
    return r;
}

/* All writes of a portald go to one server. */
static int modify(struct directory *d, struct directory_handle *h, void *request,
                  long long deadline)
{
    int r = directory_servers_write_begin(d->servers, h->server, deadline);
    if (r < 0)
        return directory_fail(d, h, r, "modify", "another server is in use now");
    r = send_modify(d, h, request);
    directory_servers_write_end(d->servers);
    return r;
}

int directory_swap(struct directory *d, const struct entry *entry, const struct changes *changes,
                   long long deadline)
{
    struct modification m;
    if (changes->error < 0)
        return directory_fail(d, NULL, changes->error, "modify", "changes that don't fit");
    m.count = 0;
    m.dn = entry->dn;
    add_revision(&m, entry);
    for (size_t i = 0; i < changes->count; i++) {
        int r = add_change(&m, entry, &changes->items[i]);
        if (r < 0)
            return directory_fail(d, NULL, r, "modify", "a change that nobody may make");
    }
    return directory_try(d, DIRECTORY_SERVICE, modify, &m, deadline);
}

int directory_touch_decoy(struct directory *d, long long deadline)
{
    struct modification m = {.dn = d->options.decoy_dn, .has_revision = true};
    char value[2 * NUMBER_SIZE];
    snprintf(value, sizeof value, "touched %" PRId64, clock_now_ms());
    modification_add(&m, LDAP_MOD_REPLACE, "description", value, strlen(value));
    return directory_try(d, DIRECTORY_SERVICE, modify, &m, deadline);
}
