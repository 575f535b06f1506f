/* What to say of characters that can't be printed: missing.h. */
#include "config.h"

#include "missing.h"

#include "cleanup.h"

#include <glib.h>
#include <stdio.h>
#include <string.h>

#define NAMED_SIZE 24 /* a character, and its number in brackets */

/* Debian's packages; the last one is for all scripts that aren't named. */
static const struct {
    GUnicodeScript script;
    const char *package;
} packages[] = {
    {G_UNICODE_SCRIPT_HAN, "fonts-noto-cjk"},
    {G_UNICODE_SCRIPT_HIRAGANA, "fonts-noto-cjk"},
    {G_UNICODE_SCRIPT_KATAKANA, "fonts-noto-cjk"},
    {G_UNICODE_SCRIPT_HANGUL, "fonts-noto-cjk"},
    {G_UNICODE_SCRIPT_BOPOMOFO, "fonts-noto-cjk"},
    {G_UNICODE_SCRIPT_COMMON, "fonts-symbola"},
    {G_UNICODE_SCRIPT_UNKNOWN, NULL},
    {0, "fonts-noto-core"},
};

void missing_add(struct missing *missing, uint32_t character)
{
    for (size_t i = 0; i < missing->count; i++)
        if (missing->characters[i] == character)
            return;
    if (missing->count == MISSING_MOST)
        missing->more = true;
    else
        missing->characters[missing->count++] = character;
}

void missing_add_all(struct missing *missing, const struct missing *others)
{
    for (size_t i = 0; i < others->count; i++)
        missing_add(missing, others->characters[i]);
    missing->more = missing->more || others->more;
}

/* NULL when none has it: private use, or not in Unicode. */
static const char *package_for(uint32_t character)
{
    const GUnicodeScript script = g_unichar_get_script(character);
    size_t i = 0;

    while (i < ELEMENTS(packages) - 1 && packages[i].script != script)
        i++;
    return packages[i].package;
}

/* Itself, where a terminal can show it alone, and its number. */
static void name_put(uint32_t character, char ret[static NAMED_SIZE])
{
    char utf8[8] = "";

    if (package_for(character) && !g_unichar_ismark(character)) {
        utf8[g_unichar_to_utf8(character, utf8)] = '\0';
        snprintf(ret, NAMED_SIZE, "%s (U+%04X)", utf8, character);
    } else
        snprintf(ret, NAMED_SIZE, "U+%04X", character);
}

static void say(char *ret, size_t size, const char *words)
{
    const size_t used = strlen(ret);

    snprintf(ret + used, size - used, "%s", words);
}

/* Each package once. */
static void say_help(const struct missing *missing, char *ret, size_t size)
{
    const char *said = NULL;

    for (size_t i = 0; i < missing->count; i++) {
        const char *package = package_for(missing->characters[i]);

        if (!package || (said && strcmp(package, said) == 0))
            continue;
        say(ret, size, said ? " and " : ": install ");
        say(ret, size, package);
        said = package;
    }
    if (!said)
        say(ret, size, ": correct the entry");
}

void missing_say(const struct missing *missing, char *ret, size_t size)
{
    char name[NAMED_SIZE];

    ret[0] = '\0';
    say(ret, size, "no installed font has ");
    for (size_t i = 0; i < missing->count; i++) {
        name_put(missing->characters[i], name);
        say(ret, size, i > 0 ? ", " : "");
        say(ret, size, name);
    }
    if (missing->more)
        say(ret, size, " and others");
    say_help(missing, ret, size);
}
