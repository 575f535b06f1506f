/* Who changed an entry last, and whether a group has them. directory_written_by() is the way in. */
#include "config.h"

#include "directory-private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define WRITER_MAX 1024 /* bytes of a DN */

struct writer_request {
    const char *dn, *group;
    bool is_member;
};

/* Takes what the operational attribute holds: "" where nobody can be told. */
static void take_writer(struct directory_handle *h, struct directory_result *result,
                        char ret[static WRITER_MAX])
{
    LDAPMessage *entry = ldap_first_entry(h->ld, result->message);
    struct berval **values =
        entry ? ldap_get_values_len(h->ld, entry, "modifiersName") : (struct berval **)NULL;

    *ret = 0;
    if (values && values[0] && values[0]->bv_len < WRITER_MAX &&
        strlen(values[0]->bv_val) == values[0]->bv_len)
        memcpy(ret, values[0]->bv_val, values[0]->bv_len + 1);
    ldap_value_free_len(values);
}

static int read_writer(struct directory *d, struct directory_handle *h, const char *dn,
                       char ret[static WRITER_MAX])
{
    static char *const wanted[] = {(char *)"modifiersName", NULL};
    struct directory_result result;
    int id = -1, rc, r;

    rc = ldap_search_ext(h->ld, dn, LDAP_SCOPE_BASE, "(objectClass=*)", (char **)wanted, 0, NULL,
                         NULL, NULL, 1, &id);
    if ((r = directory_wait(d, h, rc, id, &result)) < 0)
        return r;
    if (result.code == LDAP_SUCCESS)
        take_writer(h, &result, ret);
    else if (result.code == LDAP_NO_SUCH_OBJECT)
        r = directory_refused(d, h, "search", &result, -ENOENT);
    else
        r = directory_refused(d, h, "search", &result, -EIO);
    directory_result_clear(&result);
    return r;
}

/* Whatever isn't a clear yes is a no: no such group, and one that portald may not ask about. */
static int ask_group(struct directory *d, struct directory_handle *h, const char *group,
                     const char *writer, bool *ret)
{
    struct berval member = {strlen(writer), (char *)writer};
    struct directory_result result;
    int id = -1, rc, r;

    rc = ldap_compare_ext(h->ld, group, "member", &member, NULL, NULL, &id);
    if ((r = directory_wait(d, h, rc, id, &result)) < 0)
        return r;
    *ret = result.code == LDAP_COMPARE_TRUE;
    directory_result_clear(&result);
    return 0;
}

static int work(struct directory *d, struct directory_handle *h, void *request, long long deadline)
{
    struct writer_request *w = request;
    char writer[WRITER_MAX];
    int r = read_writer(d, h, w->dn, writer);

    (void)deadline;
    return r < 0 || !*writer ? r : ask_group(d, h, w->group, writer, &w->is_member);
}

int directory_written_by(struct directory *d, const struct entry *entry, const char *group,
                         long long deadline, bool *ret)
{
    struct writer_request w = {.dn = entry->dn, .group = group};
    int r = directory_try(d, DIRECTORY_SERVICE, work, &w, deadline);

    if (r == 0)
        *ret = w.is_member;
    return r;
}
