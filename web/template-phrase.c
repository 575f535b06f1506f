/* Holds translations to their originals; phrase_check() is the way in. */
#include "config.h"

#include "template-private.h"

#include "cleanup.h"

#include <stdlib.h>
#include <string.h>

#define PARTS_MAX 32 /* names and tags of one text */

struct part {
    const char *begin;
    size_t size;
};

struct parts {
    struct part part[PARTS_MAX];
    size_t count;
};

static bool is_tag_of_texts(const struct part *tag)
{
    static const char *const tags[] = {"<strong>", "</strong>", "<em>", "</em>",
                                       "<code>",   "</code>",   "<br>", "</a>"};
    static const char link[] = "<a href=\"";

    for (size_t i = 0; i < ELEMENTS(tags); i++) {
        if (tag->size == strlen(tags[i]) && memcmp(tag->begin, tags[i], tag->size) == 0)
            return true;
    }
    return tag->size > sizeof link - 1 && memcmp(tag->begin, link, sizeof link - 1) == 0;
}

/* The part that begins at p; one without an end is the compiler's to refuse. */
static bool part_at(const char *p, struct part *ret)
{
    const char *end;

    if (strncmp(p, "{{", 2) == 0) {
        end = strstr(p, "}}");
        *ret = (struct part){p, end ? (size_t)(end + 2 - p) : 0};
        return end;
    }
    if (*p == '<') {
        end = strchr(p, '>');
        *ret = (struct part){p, end ? (size_t)(end + 1 - p) : 0};
        return end;
    }
    return false;
}

static const char *collect(const char *text, bool tags, struct parts *ret)
{
    for (const char *p = text; *p;) {
        struct part part;

        if (!part_at(p, &part)) {
            p++;
            continue;
        }
        if (ret->count == PARTS_MAX)
            return "a text has too many names and tags";
        if (*p == '<' && (!tags || !is_tag_of_texts(&part)))
            return tags ? "this tag can't be in a text" : "a text can't have tags here";
        ret->part[ret->count++] = part;
        p += part.size;
    }
    return NULL;
}

static int compare(const void *left, const void *right)
{
    const struct part *a = left, *b = right;

    if (a->size != b->size)
        return a->size < b->size ? -1 : 1;
    return memcmp(a->begin, b->begin, a->size);
}

const char *phrase_check(const char *original, const char *translation, bool tags, char quote)
{
    struct parts had = {.count = 0}, has = {.count = 0};
    const char *problem = collect(original, tags, &had);

    if (!problem)
        problem = collect(translation, tags, &has);
    if (problem)
        return problem;
    if (quote && (strchr(original, quote) || strchr(translation, quote)))
        return "a text in an attribute can't have its quotes";
    qsort(had.part, had.count, sizeof had.part[0], compare);
    qsort(has.part, has.count, sizeof has.part[0], compare);
    if (had.count != has.count)
        return "a translation has other names or tags than its original";
    for (size_t i = 0; i < had.count; i++) {
        if (compare(&had.part[i], &has.part[i]) != 0)
            return "a translation has other names or tags than its original";
    }
    return NULL;
}
