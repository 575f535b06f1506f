/* What people type, through libFuzzer: `make fuzz`. Whatever is understood comes back as itself
   once it is printed; whatever isn't leaves the output alone. */
#include "config.h"

#include <stdbool.h>
#include <stdlib.h>

#include "calendar.h"
#include "cleanup.h"
#include "code.h"
#include "ulid.h"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

static void demand(bool what)
{
    if (!what)
        abort();
}

static void read_code(const char *typed)
{
    char code[CODE_SIZE] = "untouched", again[CODE_SIZE], printed[CODE_PRINTED_SIZE];

    if (code_read(typed, code) != CODE_RIGHT) {
        demand(strcmp(code, "untouched") == 0);
        return;
    }
    code_print(code, printed);
    demand(code_read(printed, again) == CODE_RIGHT && strcmp(again, code) == 0);
}

static void read_reference_and_token(const char *typed)
{
    unsigned char reference[REFERENCE_BYTES], token[TOKEN_BYTES], again[TOKEN_BYTES];
    char printed[TOKEN_SIZE];

    if (code_reference_read(typed, reference) == 0) {
        code_reference_print(reference, printed);
        demand(code_reference_read(printed, again) == 0);
        demand(memcmp(again, reference, sizeof reference) == 0);
    }
    if (code_token_read(typed, token) == 0) {
        code_token_print(token, printed);
        demand(code_token_read(printed, again) == 0 && memcmp(again, token, sizeof token) == 0);
    }
}

static void read_ulid(const char *typed)
{
    char id[ULID_SIZE], again[ULID_SIZE];

    if (ulid_read(typed, id) == 0)
        demand(ulid_read(id, again) == 0 && strcmp(id, again) == 0);
}

static void read_times(const char *typed, const unsigned char *data, size_t size)
{
    char day[CALENDAR_DAY_SIZE], again[CALENDAR_DAY_SIZE], said[64];
    char generalized[CALENDAR_GENERALIZED_SIZE];
    time_t t, same;

    if (calendar_read_day(typed, day) == 0) {
        demand(calendar_read_day(day, again) == 0 && strcmp(day, again) == 0);
        demand(calendar_say_day(day, "de", said, sizeof said) == 0);
    }
    /* Only a zone can carry a time out of the years that four digits hold. */
    if (calendar_read_generalized((const char *)data, size, &t) == 0 && memchr(data, 'Z', size)) {
        calendar_generalized(t, generalized);
        demand(calendar_read_generalized(generalized, strlen(generalized), &same) == 0);
        demand(same == t || t == 253402300800); /* the leap second at the end of 9999 */
    }
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
    _cleanup_free_ char *typed = malloc(size + 1);

    demand(typed != NULL);
    if (size > 0)
        memcpy(typed, data, size);
    typed[size] = 0;
    read_code(typed);
    read_reference_and_token(typed);
    read_ulid(typed);
    read_times(typed, data, size);
    return 0;
}
