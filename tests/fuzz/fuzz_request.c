/* Headers and fields of HTTP requests, through libFuzzer: `make fuzz`. The input is, line by line,
   Accept-Language, X-Forwarded-For, then fields of a form as name=value. */
#include "config.h"

#include "web/client-address.h"
#include "web/exchange.h"
#include "web/language.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

static void demand(bool what)
{
    if (!what)
        abort();
}

static void try_language(const char *line)
{
    const char *language = language_choose(line, "fallback");

    demand(strcmp(language, "de") == 0 || strcmp(language, "en") == 0 ||
           strcmp(language, "fallback") == 0);
}

/* Whatever a header holds, an address comes out or nothing. */
static void try_forwarded(const char *line)
{
    static char *const proxies[] = {(char *)"127.0.0.1", (char *)"::1", NULL};
    struct sockaddr_un local = {.sun_family = AF_UNIX};
    unsigned char ignored[sizeof(struct in6_addr)];
    char client[REQUEST_CLIENT];

    client_address(proxies, (const struct sockaddr *)&local, line, client, sizeof client);
    demand(!*client || inet_pton(AF_INET, client, ignored) == 1 ||
           inet_pton(AF_INET6, client, ignored) == 1);
}

static void try_field(struct exchange *x, const char *line, size_t length)
{
    const char *equals = memchr(line, '=', length);
    char name[REQUEST_NAME_MAX + 8];
    size_t name_length = equals ? (size_t)(equals - line) : length, half;

    if (name_length >= sizeof name)
        name_length = sizeof name - 1;
    memcpy(name, line, name_length);
    name[name_length] = '\0';
    if (!equals) {
        exchange_field(&x->request.form, name, "", 0, 0);
        return;
    }
    length -= (size_t)(++equals - line);
    half = length / 2;
    if (exchange_field(&x->request.form, name, equals, 0, half) == 0 && half > 0)
        exchange_field(&x->request.form, name, equals + half, half, length - half);
    demand(strlen(request_form(&x->request, name)) <= REQUEST_FIELD_MAX);
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
    struct exchange x = {0};
    char *text = malloc(size + 1), *end = text + size;
    unsigned number = 0;

    memcpy(text, data, size);
    *end = '\0';
    for (char *line = text, *next; line < end; line = next, number++) {
        char *newline = memchr(line, '\n', (size_t)(end - line));
        size_t length = (size_t)((newline ? newline : end) - line);
        next = newline ? newline + 1 : end;
        if (number > 1) {
            try_field(&x, line, length);
            continue;
        }
        line[length] = '\0';
        if (number == 0)
            try_language(line);
        else
            try_forwarded(line);
    }
    exchange_fields_good(&x.request.form);
    exchange_clear(&x);
    free(text);
    return 0;
}
