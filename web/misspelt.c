/* Suggestions for domains of mail addresses; misspelt_find() is the way in. */
#include "config.h"

#include "misspelt.h"

#include "cleanup.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define DOMAIN_MAX 32 /* no domain of the table is nearly as long */

/* Where most customers have their mail. Short domains are left out but for the most frequent: too
   many others are a slip away from them. */
static const char *const known[] = {
    "gmail.com",   "googlemail.com", "gmx.de",        "gmx.net",     "gmx.at",
    "gmx.ch",      "gmx.com",        "web.de",        "t-online.de", "magenta.de",
    "freenet.de",  "yahoo.de",       "yahoo.com",     "outlook.de",  "outlook.com",
    "hotmail.de",  "hotmail.com",    "live.de",       "live.com",    "icloud.com",
    "aol.de",      "aol.com",        "arcor.de",      "posteo.de",   "mailbox.org",
    "vodafone.de", "unitybox.de",    "netcologne.de", "proton.me",   "protonmail.com",
    "bluewin.ch",
};

/* Real ones that are a slip away from one above: no question about these. */
static const char *const fine[] = {
    "gmx.eu",     "gmx.li",     "gmx.us",     "gmx.tm",     "gmx.org",    "gmx.info",  "gmx.biz",
    "ymail.com",  "live.dk",    "live.be",    "live.nl",    "live.at",    "live.se",   "live.fr",
    "live.it",    "aol.fr",     "aol.it",     "aol.at",     "yahoo.dk",   "yahoo.se",  "yahoo.it",
    "hotmail.be", "hotmail.se", "hotmail.fr", "hotmail.it", "hotmail.at", "email.com", "mail.com",
    "we.de",      "outlook.be", "outlook.at", "outlook.dk", "posteo.net", "online.de", "posteo.at",
};

static bool among(const char *const *table, size_t count, const char *domain)
{
    for (size_t i = 0; i < count; i++)
        if (strcasecmp(table[i], domain) == 0)
            return true;
    return false;
}

/* Whether one slip makes b of a: what both have in common in front and behind leaves at most one
   character of each, or two that are swapped. */
static bool one_slip(const char *a, const char *b)
{
    size_t i = 0, la = strlen(a), lb = strlen(b);

    while (a[i] && a[i] == b[i])
        i++;
    while (la > i && lb > i && a[la - 1] == b[lb - 1]) {
        la--;
        lb--;
    }
    la -= i;
    lb -= i;
    if (la == 2 && lb == 2)
        return a[i] == b[i + 1] && a[i + 1] == b[i];
    return la <= 1 && lb <= 1;
}

static bool fold(const char *domain, char ret[static DOMAIN_MAX])
{
    size_t length = strlen(domain);

    if (length < 3 || length >= DOMAIN_MAX)
        return false;
    for (size_t i = 0; i <= length; i++)
        ret[i] = (char)(domain[i] >= 'A' && domain[i] <= 'Z' ? domain[i] - 'A' + 'a' : domain[i]);
    return true;
}

int misspelt_find(const char *address, char ret[static MISSPELT_SIZE])
{
    const char *at = strrchr(address, '@');
    char domain[DOMAIN_MAX];

    if (!at || at == address || !fold(at + 1, domain) || among(known, ELEMENTS(known), domain) ||
        among(fine, ELEMENTS(fine), domain))
        return -ENOENT;
    for (size_t i = 0; i < ELEMENTS(known); i++)
        if (one_slip(domain, known[i])) {
            int n = snprintf(ret, MISSPELT_SIZE, "%.*s@%s", (int)(at - address), address, known[i]);
            return n > 0 && n < MISSPELT_SIZE ? 0 : -ENOENT;
        }
    return -ENOENT;
}
