/* CSV files with their columns and rules, through libFuzzer: `make fuzz`. Lines never go backwards,
   and a customer who is taken is of the form that the directory keeps. */
#include "config.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "portalctl/customer.h"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

static void demand(bool what)
{
    if (!what)
        abort();
}

static void demand_customer(const struct customer *c)
{
    demand(c->value[IDENTITY_SURNAME] && *c->value[IDENTITY_SURNAME] && c->value[IDENTITY_NAME]);
    demand(c->policy_count > 0 && c->policy_count <= CUSTOMER_POLICIES);
    for (size_t i = 0; i < c->policy_count; i++)
        demand(strspn(c->policies[i], "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ") ==
                   strlen(c->policies[i]) &&
               *c->policies[i]);
    for (int i = 0; i < IDENTITY_ADDRESS; i++)
        demand(!c->value[i] || (*c->value[i] && !strpbrk(c->value[i], "\r\n\x1b")));
    demand(!c->value[IDENTITY_BIRTH_DATE] || strlen(c->value[IDENTITY_BIRTH_DATE]) == 10);
    demand(!c->value[IDENTITY_ADDRESS] || !strstr(c->value[IDENTITY_ADDRESS], "\n\n"));
}

/* The first record is the header; without a good one the others are read as if it were missing. */
static void read_all(struct sheet *sheet)
{
    struct columns columns;
    struct record record;
    char why[CUSTOMER_WHY_SIZE];
    unsigned long line = 0;
    bool columned = false;
    int r;

    while ((r = sheet_next(sheet, &record)) != 0) {
        struct customer c;

        demand(r == 1 || r == -EILSEQ || r == -EBADMSG);
        demand(record.line >= line && record.line > 0);
        demand(r == 1 ? record.count > 0 && record.count <= SHEET_FIELDS : record.why != NULL);
        line = record.line;
        if (r == 1 && columned && customer_read(&columns, &record, "2026-11-22", &c, why) == 0) {
            demand_customer(&c);
            customer_clear(&c);
        } else if (r == 1 && !columned) {
            columned = columns_read(&record, &columns, why) == 0;
        }
    }
}

DEFINE_CLEANUP(struct sheet, sheet_free)

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
    _cleanup_fclose_ FILE *f = size > 0 ? fmemopen((void *)(uintptr_t)data, size, "r") : NULL;
    _cleanup_(sheet_free_p) struct sheet *sheet = NULL;

    if (f && sheet_open(f, &sheet) == 0)
        read_all(sheet);
    return 0;
}
