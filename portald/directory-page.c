/* Finds every entry that has something, however many they are, in pages (RFC 2696): all at once, or
   a page a call. Ways in: directory_each() and its like. */
#include "config.h"

#include "directory-private.h"

#include "cleanup.h"
#include "clock.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define PAGE_ENTRIES 200
#define PAGE_MS      60000
#define FILTER_SIZE  128

struct page {
    const char *filter;
    char **attributes;
    ber_int_t entries;    /* at most */
    struct berval cookie; /* of the next page; empty: there is none, or this is the first */
    struct directory_result result;
};

static void page_clear(struct page *page)
{
    ber_memfree(page->cookie.bv_val);
    directory_result_clear(&page->result);
}

static int take_cookie(struct directory_handle *h, struct page *page)
{
    LDAPControl **controls = NULL;
    struct berval cookie = {0};
    ber_int_t estimate = 0;
    int rc = ldap_parse_result(h->ld, page->result.message, NULL, NULL, NULL, NULL, &controls, 0);

    if (rc == LDAP_SUCCESS)
        rc = ldap_parse_pageresponse_control(
            h->ld, ldap_control_find(LDAP_CONTROL_PAGEDRESULTS, controls, NULL), &estimate,
            &cookie);
    ldap_controls_free(controls);
    if (rc != LDAP_SUCCESS)
        return -EIO;
    ber_memfree(page->cookie.bv_val);
    page->cookie = cookie;
    return 0;
}

static int search(struct directory *d, struct directory_handle *h, struct page *page)
{
    LDAPControl *controls[] = {NULL, NULL};
    struct timeval limit = {.tv_sec = PAGE_MS / 1000};
    int id = -1,
        rc = ldap_create_page_control(h->ld, page->entries, &page->cookie, 1, &controls[0]);

    if (rc != LDAP_SUCCESS)
        return -ENOMEM;
    rc = ldap_search_ext(h->ld, d->options.base, LDAP_SCOPE_SUBTREE, page->filter, page->attributes,
                         0, controls, NULL, &limit, LDAP_NO_LIMIT, &id);
    ldap_control_free(controls[0]);
    return directory_wait(d, h, rc, id, &page->result);
}

static int fetch(struct directory *d, struct directory_handle *h, void *request, long long deadline)
{
    struct page *page = request;
    int r;

    (void)deadline;
    directory_result_clear(&page->result);
    if ((r = search(d, h, page)) < 0)
        return r;
    if (page->result.code != LDAP_SUCCESS)
        return directory_refused(d, h, "search", &page->result, -EIO);
    r = take_cookie(h, page);
    return r < 0 ? directory_fail(d, h, r, "search", "an answer without its control") : 0;
}

/* A connection's cookie is worth nothing on another one. */
static int fetch_next(struct directory *d, struct page *page)
{
    struct directory_handle *h = &d->handles[DIRECTORY_SERVICE];
    int r;

    if (!h->ld)
        return -ECONNRESET;
    h->socket.deadline = clock_monotonic_ms() + d->options.network_timeout * 1000LL;
    r = fetch(d, h, page, h->socket.deadline);
    return r == -EHOSTDOWN || r == -ETIMEDOUT ? -ECONNRESET : r;
}

static int visit_page(struct directory *d, const struct page *page, directory_visit *visit,
                      void *userdata)
{
    LDAP *ld = d->handles[DIRECTORY_SERVICE].ld;
    int r = 0;

    for (LDAPMessage *m = ldap_first_entry(ld, page->result.message); m && r == 0;
         m = ldap_next_entry(ld, m)) {
        struct entry *entry = NULL;
        if ((r = directory_read_entry(ld, m, &entry)) < 0)
            return directory_fail(d, NULL, r, "search", "an entry that can't be read");
        r = visit(userdata, entry);
        entry_free(entry);
    }
    return r;
}

static int each(struct directory *d, const char *filter, char **attributes, directory_visit *visit,
                void *userdata)
{
    _cleanup_(page_clear) struct page page = {
        .filter = filter, .attributes = attributes, .entries = PAGE_ENTRIES};
    int r = directory_try(d, DIRECTORY_SERVICE, fetch, &page, clock_monotonic_ms() + PAGE_MS);

    while (r == 0 && (r = visit_page(d, &page, visit, userdata)) == 0 && page.cookie.bv_len > 0)
        r = fetch_next(d, &page);
    return r;
}

int directory_each(struct directory *d, enum attribute has, directory_visit *visit, void *userdata)
{
    char filter[FILTER_SIZE];

    snprintf(filter, sizeof filter, "(%s=*)", attribute_name(has));
    return each(d, filter, d->login, visit, userdata);
}

/* Goes on where place is. A cookie that the server doesn't know any more is as good as a connection
   that broke. */
static int fetch_at(struct directory *d, const struct directory_place *place, struct page *page)
{
    int r;

    if (place->size == 0)
        return directory_try(d, DIRECTORY_SERVICE, fetch, page, clock_monotonic_ms() + PAGE_MS);
    page->cookie.bv_val = ber_memalloc(place->size);
    if (!page->cookie.bv_val)
        return -ENOMEM;
    memcpy(page->cookie.bv_val, place->cookie, place->size);
    page->cookie.bv_len = place->size;
    r = fetch_next(d, page);
    return r == -EIO ? -ECONNRESET : r;
}

static int each_at(struct directory *d, struct directory_place *place, const char *filter,
                   directory_visit *visit, void *userdata)
{
    _cleanup_(page_clear) struct page page = {
        .filter = filter, .attributes = d->plain, .entries = DIRECTORY_PLACE_ENTRIES};
    int r = fetch_at(d, place, &page);

    place->size = 0;
    if (r == 0)
        r = visit_page(d, &page, visit, userdata);
    if (r != 0)
        return r;
    if (page.cookie.bv_len > sizeof place->cookie)
        return directory_fail(d, NULL, -E2BIG, "search", "a cookie that is too large");
    if (page.cookie.bv_len > 0)
        memcpy(place->cookie, page.cookie.bv_val, page.cookie.bv_len);
    place->size = page.cookie.bv_len;
    return place->size > 0;
}

int directory_each_between(struct directory *d, struct directory_place *place,
                           enum attribute attribute, time_t from, time_t to, directory_visit *visit,
                           void *userdata)
{
    char filter[FILTER_SIZE], first[CALENDAR_GENERALIZED_SIZE], last[CALENDAR_GENERALIZED_SIZE];
    const char *name = attribute_name(attribute);

    calendar_generalized(from, first);
    calendar_generalized(to, last);
    snprintf(filter, sizeof filter, "(&(%s>=%s)(%s<=%s))", name, first, name, last);
    return each_at(d, place, filter, visit, userdata);
}

int directory_each_with(struct directory *d, struct directory_place *place,
                        enum attribute attribute, const char *value, directory_visit *visit,
                        void *userdata)
{
    struct berval plain = {strlen(value), (char *)(uintptr_t)value}, escaped = {0, NULL};
    char filter[FILTER_SIZE];
    int n;

    if (ldap_bv2escaped_filter_value(&plain, &escaped) != 0)
        return -ENOMEM;
    n = snprintf(filter, sizeof filter, "(%s=%s)", attribute_name(attribute), escaped.bv_val);
    ldap_memfree(escaped.bv_val);
    return n >= (int)sizeof filter ? -E2BIG : each_at(d, place, filter, visit, userdata);
}

int directory_each_present(struct directory *d, struct directory_place *place,
                           enum attribute attribute, directory_visit *visit, void *userdata)
{
    char filter[FILTER_SIZE];

    snprintf(filter, sizeof filter, "(%s=*)", attribute_name(attribute));
    return each_at(d, place, filter, visit, userdata);
}

int directory_each_customer(struct directory *d, directory_visit *visit, void *userdata)
{
    return each(d, "(objectClass=portalCustomer)", d->all, visit, userdata);
}
