/* Delivery status notifications, through libFuzzer: `make fuzz`. What is understood is of the form
   that portald is promised; what isn't leaves the output alone. */
#include "config.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "portalctl/dsn.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

static void demand(bool what)
{
    if (!what)
        abort();
}

static void demand_printable(const char *text, size_t size)
{
    demand(strnlen(text, size) < size);
    for (; *text; text++)
        demand(*text >= ' ' && *text <= '~');
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    dsn_start();
    return 0;
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
    static const char address[] = "bounces+01kasdbd0000000000000000000123456789abcdef@k.example";
    static const struct dsn untouched;
    struct dsn dsn = {0};

    if (dsn_read(data, size, NULL, &dsn) != 0)
        demand(memcmp(&dsn, &untouched, sizeof dsn) == 0);
    if (dsn_read(data, size, address, &dsn) != 0)
        return 0;
    demand(dsn.what <= WIRE_BOUNCE_DELIVERED && dsn.status[0] && dsn.status[1] == '.');
    demand(strlen(dsn.reference) == DSN_REFERENCE_SIZE - 1);
    demand_printable(dsn.status, sizeof dsn.status);
    demand_printable(dsn.diagnostic, sizeof dsn.diagnostic);
    demand_printable(dsn.recipient, sizeof dsn.recipient);
    return 0;
}
