/* Texts for people; text() is the way in. The originals are English; po/de.po is German. */
#include "config.h"

#include "texts.h"

#include "cleanup.h"

#include <errno.h>
#include <libintl.h>
#include <stdarg.h>
#include <stdio.h>

#define DOMAIN_DE "portal-de"

const char *text(const char *language, const char *original)
{
    return strcmp(language, "de") == 0 ? dgettext(DOMAIN_DE, original) : original;
}

void text_format(char *ret, size_t size, const char *language, const char *original, ...)
{
    va_list arguments;

    /* msgfmt --check-format holds each translation to its original's places. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    va_start(arguments, original);
    vsnprintf(ret, size, text(language, original), arguments);
    va_end(arguments);
#pragma GCC diagnostic pop
}

static const struct {
    enum wire_verdict verdict;
    const char *original;
} verdicts[] = {
    {WIRE_WRONG, N_("The e-mail address or the password is not right.")},
    {WIRE_TYPING_ERROR,
     N_("There is a typing error in the code. Please compare it with your letter, character by "
        "character, and try again. This attempt does not count.")},
    {WIRE_EXPIRED, N_("Your initial password was right, but it is no longer valid. Please ask our "
                      "customer service "
                      "for a new letter.")},
    {WIRE_NEW_PASSWORD, N_("Please choose a personal password now.")},
    {WIRE_LOCKED, N_("Your account is locked. Please contact our customer service.")},
    {WIRE_CLOSED, N_("Your account has been closed, because the contract has ended. If you have "
                     "questions, please "
                     "contact our customer service.")},
    {WIRE_BUSY,
     N_("Very many people are using this service right now. Please try again in a minute.")},
    {WIRE_UNAVAILABLE,
     N_("This service is not available at the moment. Please try again in a few minutes. Nothing "
        "has been lost.")},
    {WIRE_GRANT_OVER,
     N_("Too much time has passed. Please log in again and then choose your password.")},
};

int texts_open(const char *locale_dir)
{
    if (!bindtextdomain(DOMAIN_DE, locale_dir) || !bind_textdomain_codeset(DOMAIN_DE, "UTF-8"))
        return -errno;
    /* gettext answers with the original when there is no catalogue: customers would see English. */
    return text("de", verdicts[0].original) == verdicts[0].original ? -ENOENT : 0;
}

const char *text_verdict(const char *language, enum wire_verdict verdict)
{
    for (size_t i = 0; i < ELEMENTS(verdicts); i++)
        if (verdicts[i].verdict == verdict)
            return text(language, verdicts[i].original);
    return "";
}
