/* What visitors type, and where links want to send them, through libFuzzer: `make fuzz`. The input
   is, line by line, a target, a date of birth, a mail address. */
#include "config.h"

#include "web/birthdate.h"
#include "web/misspelt.h"
#include "web/settings.h"
#include "web/target.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

#define TODAY "2026-11-22"

static char base[] = "https://konto.example.org", app[] = "app.example.org",
            other[] = "other.example.org:8443";
static char *hosts[] = {app, other, NULL};
static const struct settings settings = {.base_url = base, .hosts = hosts};

/* settings.c would bring all of its table along. */
bool settings_secure(const struct settings *s)
{
    return strncmp(s->base_url, "https:", 6) == 0;
}

static void demand(bool what)
{
    if (!what)
        abort();
}

/* As a browser reads it: whatever isn't refused stays with us, or goes to a host of ours. */
static void try_target(const char *typed)
{
    char host[64] = "";
    enum target_kind kind = target_check(&settings, typed, host, sizeof host);

    if (kind == TARGET_REFUSED) {
        demand(!*host);
        return;
    }
    demand(strlen(typed) <= TARGET_MAX && !strpbrk(typed, "\\\t\r\n "));
    if (kind == TARGET_PATH) {
        demand(typed[0] == '/' && typed[1] != '/' && !*host);
    } else {
        demand(strcmp(host, app) == 0 || strcmp(host, other) == 0);
        demand(strncmp(typed, "https://", 8) == 0 &&
               strncasecmp(typed + 8, host, strlen(host)) == 0);
        typed += 8 + strlen(host);
        if (strncmp(typed, ":443", 4) == 0)
            typed += 4;
        demand(!*typed || *typed == '/');
    }
}

static void try_birthdate(const char *typed)
{
    char day[CALENDAR_DAY_SIZE] = "", month_first[CALENDAR_DAY_SIZE] = "", read[CALENDAR_DAY_SIZE];
    enum birthdate_form form = birthdate_read(typed, TODAY, day, month_first);
    bool good = form == BIRTHDATE_RIGHT || form == BIRTHDATE_AMBIGUOUS;

    demand(good == (*day != '\0') && (form == BIRTHDATE_AMBIGUOUS) == (*month_first != '\0'));
    if (!good)
        return;
    demand(calendar_read_day(day, read) == 0 && strcmp(day, read) == 0 && strcmp(day, TODAY) <= 0);
    if (*month_first)
        demand(calendar_read_day(month_first, read) == 0 && strcmp(month_first, read) == 0 &&
               strcmp(day, month_first) != 0);
    form = birthdate_read(day, TODAY, read, month_first);
    demand(form == BIRTHDATE_RIGHT && strcmp(day, read) == 0);
}

static void try_mail(const char *address)
{
    char meant[MISSPELT_SIZE] = "", again[MISSPELT_SIZE];
    const char *at = strrchr(address, '@');

    if (misspelt_find(address, meant) < 0) {
        demand(!*meant);
        return;
    }
    demand(at && strncmp(address, meant, (size_t)(at - address) + 1) == 0);
    demand(misspelt_find(meant, again) < 0); /* what is proposed is never asked about again */
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
    static void (*const tries[])(const char *) = {try_target, try_birthdate, try_mail};
    char *text = malloc(size + 1), *line = text;

    memcpy(text, data, size);
    text[size] = '\0';
    for (size_t i = 0; line; i++) {
        char *newline = strchr(line, '\n');

        if (newline)
            *newline = '\0';
        tries[i % 3](line);
        line = newline ? newline + 1 : NULL;
    }
    free(text);
    return 0;
}
