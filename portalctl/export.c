/* portalctl export: customers as CSV, as the caller may read them, in the columns that import
   reads. Nothing that is secret is asked for. */
#include "config.h"

#include "caller.h"
#include "existing.h"
#include "output.h"
#include "progress.h"

#include "cleanup.h"

#include <csv.h>
#include <errno.h>
#include <stdint.h>

#define PAGE_ENTRIES 500
#define PAGE_SECONDS 60
#define FILTER_ALL   "(objectClass=portalCustomer)"

/* In the order of the columns. */
static const char *const attributes[] = {
    "uid",
    "givenName",
    "sn",
    "cn",
    "portalPolicyNumber",
    "portalBirthDate",
    "preferredLanguage",
    "postalAddress",
    "portalState",
    "portalInitialPasswordExpires",
    "portalPasswordChanged",
    "portalLastLogin",
    NULL,
};

struct export
{
    struct caller caller;
    const char *filter;
    struct berval cookie;
    unsigned long count;
    struct progress progress;
};

static void export_clear(struct export *e)
{
    ber_memfree(e->cookie.bv_val);
    caller_clear(&e->caller);
}

/* Quoted, as RFC 4180 has it; a text that a spreadsheet would take for a formula gets an apostrophe
   in front, which import takes away. */
static int field_print(const char *text, size_t length)
{
    _cleanup_free_ char *safe = NULL;

    if (!customer_text_is_formula(text))
        return csv_fwrite(stdout, text, length) == 0 ? 0 : -EIO;
    if (asprintf(&safe, "'%s", text) < 0) {
        safe = NULL;
        return -ENOMEM;
    }
    return csv_fwrite(stdout, safe, length + 1) == 0 ? 0 : -EIO;
}

/* The first value; of policy numbers all, with "|" between them. */
static int values_print(struct berval **values, bool all)
{
    _cleanup_free_ char *text = NULL;
    size_t size = 0;
    FILE *f = open_memstream(&text, &size);

    if (!f)
        return -ENOMEM;
    for (int i = 0; values && values[i] && (i == 0 || all); i++) {
        if (i > 0)
            fputc('|', f);
        fwrite(values[i]->bv_val, 1, values[i]->bv_len, f);
    }
    if (fclose(f) != 0)
        return -ENOMEM;
    return field_print(text, size);
}

static int entry_print(LDAP *ld, LDAPMessage *entry)
{
    for (size_t i = 0; attributes[i]; i++) {
        struct berval **values = ldap_get_values_len(ld, entry, attributes[i]);
        bool all = strcmp(attributes[i], identity_attributes[IDENTITY_POLICIES]) == 0;
        int r;

        if (i > 0)
            putchar(',');
        r = values_print(values, all);
        ldap_value_free_len(values);
        if (r < 0)
            return r;
    }
    return fputs("\r\n", stdout) < 0 ? -EIO : 0;
}

static void header_print(void)
{
    for (size_t i = 0; attributes[i]; i++)
        printf("%s%s", i > 0 ? "," : "", attributes[i]);
    fputs("\r\n", stdout);
}

/* The cookie of the next page. */
static int cookie_take(struct export *e, LDAPMessage *answer)
{
    LDAPControl **controls = NULL;
    struct berval cookie = {0};
    ber_int_t estimate = 0;
    int rc = ldap_parse_result(e->caller.ld, answer, NULL, NULL, NULL, NULL, &controls, 0);

    if (rc == LDAP_SUCCESS)
        rc = ldap_parse_pageresponse_control(
            e->caller.ld, ldap_control_find(LDAP_CONTROL_PAGEDRESULTS, controls, NULL), &estimate,
            &cookie);
    ldap_controls_free(controls);
    if (rc == LDAP_SUCCESS) {
        ber_memfree(e->cookie.bv_val);
        e->cookie = cookie;
    }
    return rc;
}

static int complain(struct export *e, int rc)
{
    progress_clear(&e->progress);
    output_error("%s: %s. The export isn't whole: %lu customers.", e->caller.uri,
                 rc == LDAP_FILTER_ERROR ? "this is no LDAP filter" : ldap_err2string(rc),
                 e->count);
    return rc == LDAP_SERVER_DOWN || rc == LDAP_TIMEOUT ? STATUS_UNREACHABLE : STATUS_REFUSED;
}

static int page_print(struct export *e, LDAPMessage *answer)
{
    LDAP *ld = e->caller.ld;

    for (LDAPMessage *m = ldap_first_entry(ld, answer); m; m = ldap_next_entry(ld, m)) {
        if (entry_print(ld, m) < 0) {
            progress_clear(&e->progress);
            output_error("The output can't be written.");
            return STATUS_REFUSED;
        }
        e->count++;
    }
    return STATUS_DONE;
}

static int page(struct export *e)
{
    struct timeval limit = {.tv_sec = PAGE_SECONDS};
    LDAPControl *controls[] = {NULL, NULL};
    LDAPMessage *answer = NULL;
    int status,
        rc = ldap_create_page_control(e->caller.ld, PAGE_ENTRIES, &e->cookie, 1, &controls[0]);

    if (rc == LDAP_SUCCESS) {
        rc = ldap_search_ext_s(e->caller.ld, e->caller.base, LDAP_SCOPE_SUBTREE, e->filter,
                               (char **)(uintptr_t)attributes, 0, controls, NULL, &limit,
                               LDAP_NO_LIMIT, &answer);
        ldap_control_free(controls[0]);
    }
    if (rc == LDAP_SUCCESS)
        rc = cookie_take(e, answer);
    status = rc == LDAP_SUCCESS ? page_print(e, answer) : complain(e, rc);
    ldap_msgfree(answer);
    return status;
}

int export_run(const struct arguments *a)
{
    _cleanup_(export_clear) struct export e = {.progress = progress_start("exporting")};
    _cleanup_free_ char *filter = NULL;
    int status = caller_bind(a, &e.caller);

    if (status != STATUS_DONE)
        return status;
    if (asprintf(&filter, "(&" FILTER_ALL "%s)",
                 a->value[OPTION_FILTER] ? a->value[OPTION_FILTER] : "") < 0) {
        filter = NULL;
        output_error("out of memory");
        return STATUS_REFUSED;
    }
    e.filter = filter;
    header_print();
    do {
        status = page(&e);
        progress_show(&e.progress, 0, 0, e.count);
    } while (status == STATUS_DONE && e.cookie.bv_len > 0);
    progress_clear(&e.progress);
    return status;
}
