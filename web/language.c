/* Accept-Language; language_choose() is the way in. */
#include "config.h"

#include "language.h"

#include "cleanup.h"

#include <strings.h>

#define RANGES_MAX 32

/* A weight in thousandths: "q=0.8" is 800, none is 1000, nonsense 0. */
static int weight_read(const char *parameters, size_t length)
{
    const char *q = memmem(parameters, length, "q=", 2);
    int weight = 0, place = 1000;

    if (!q)
        return 1000;
    for (q += 2; q < parameters + length && place > 0; q++) {
        if (*q == '.')
            continue;
        if (*q < '0' || *q > '9')
            break;
        weight += (*q - '0') * place;
        place /= 10;
    }
    return weight > 1000 ? 0 : weight;
}

static const char *range_language(const char *range, size_t length)
{
    static const char *const known[] = {"de", "en"};

    for (size_t i = 0; i < ELEMENTS(known); i++)
        if (length >= 2 && strncasecmp(range, known[i], 2) == 0 && (length == 2 || range[2] == '-'))
            return known[i];
    return NULL;
}

const char *language_choose(const char *accept, const char *fallback)
{
    const char *best = NULL;
    int highest = 0;

    for (unsigned i = 0; accept && *accept && i < RANGES_MAX; i++) {
        size_t length = strcspn(accept, ","), name;
        accept += strspn(accept, " \t");
        length = strcspn(accept, ",");
        name = strcspn(accept, ";, \t");
        int weight = weight_read(accept + name, length > name ? length - name : 0);
        const char *language = range_language(accept, name);
        if (language && weight > highest) {
            best = language;
            highest = weight;
        }
        accept += length + (accept[length] == ',');
    }
    return best ? best : fallback;
}
