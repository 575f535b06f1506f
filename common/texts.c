/* Texts for people; text() is the way in. The originals are English; po/de.po is German. */
#include "config.h"

#include "texts.h"

#include "cleanup.h"

#include <errno.h>
#include <libintl.h>
#include <stdarg.h>
#include <stdio.h>

#define DOMAIN_DE "portal-de"

/* One that is certainly translated. */
static const char probe[] = N_("Please choose a personal password now.");

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

int texts_open(const char *locale_dir)
{
    if (!bindtextdomain(DOMAIN_DE, locale_dir) || !bind_textdomain_codeset(DOMAIN_DE, "UTF-8"))
        return -errno;
    /* gettext answers with the original when there is no catalogue: customers would see English. */
    return text("de", probe) == probe ? -ENOENT : 0;
}
