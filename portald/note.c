/* Relay's replies without what must not be kept: note.h. */
#include "config.h"

#include "note.h"

#include "address.h"

#include "cleanup.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define LEFT_OUT      "(…)"
#define WORD_LONG     30u /* references have 30 characters, tokens 43; words of replies fewer */
#define LOCAL_TELLING 4u  /* shorter local parts are only taken for one as a whole word */

static bool contains(const char *word, size_t length, const char *what)
{
    return memmem(word, length, what, strlen(what)) != NULL;
}

static bool mentions_local(const char *word, size_t length, const char *recipient)
{
    const char *at = recipient ? strchr(recipient, '@') : NULL;
    size_t local = at ? (size_t)(at - recipient) : 0;

    if (local == 0)
        return false;
    for (size_t i = 0; i + local <= length; i++) {
        bool whole = (i == 0 || strchr("<(\"'", word[i - 1])) &&
                     (i + local == length || strchr(">)\"',;:.", word[i + local]));

        if (strncasecmp(word + i, recipient, local) == 0 && (local >= LOCAL_TELLING || whole))
            return true;
    }
    return false;
}

static bool word_is_harmless(const char *word, size_t length, const char *recipient)
{
    static const char *const telling[] = {"@", "://", "confirm/", "not-me/"};

    for (size_t i = 0; i < ELEMENTS(telling); i++)
        if (contains(word, length, telling[i]))
            return false;
    return length < WORD_LONG && !mentions_local(word, length, recipient);
}

void note_from_reply(const char *text, const char *recipient, char ret[static JOB_NOTE_SIZE])
{
    size_t n = 0;

    for (;;) {
        const char *word = text + strspn(text, " ");
        size_t length = strcspn(word, " ");
        bool harmless = word_is_harmless(word, length, recipient);
        const char *shown = harmless ? word : LEFT_OUT;
        size_t size = harmless ? length : strlen(LEFT_OUT);

        if (length == 0 || n + size + 2 > JOB_NOTE_SIZE)
            break;
        if (n > 0)
            ret[n++] = ' ';
        memcpy(ret + n, shown, size);
        n += size;
        text = word + length;
    }
    ret[n] = '\0';
}
