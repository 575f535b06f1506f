/* What the pages say of this site; site_describe() makes it, site_show() handles WIRE_SITE. */
#include "config.h"

#include "site.h"

#include "handlers.h"

#include "cleanup.h"

#include <errno.h>
#include <glib.h>
#include <jansson.h>
#include <sodium.h>
#include <stdio.h>

_Static_assert(2 * 6 * SITE_TEXT_MAX < WIRE_REPLY_MAX - WIRE_REQUEST_MAX,
               "every byte may become \\u0000");

void site_text_clear(struct site_text *text)
{
    free(text->text);
    text->text = NULL;
}

static int read_whole(const char *file, char *buffer, size_t *ret_size)
{
    _cleanup_fclose_ FILE *f = fopen(file, "re");
    size_t n;

    if (!f)
        return -errno;
    n = fread(buffer, 1, SITE_TEXT_MAX + 1, f);
    if (ferror(f))
        return -EIO;
    if (n > SITE_TEXT_MAX)
        return -EFBIG;
    *ret_size = n;
    return 0;
}

int site_text_read(const char *file, struct site_text *ret)
{
    static const char mark[] = "\xef\xbb\xbf"; /* of byte order, which nobody reads */
    _cleanup_free_ char *buffer = malloc(SITE_TEXT_MAX + 1);
    unsigned char hash[crypto_hash_sha256_BYTES];
    size_t size = 0, skip;
    char *text;
    int r;

    if (!buffer)
        return -ENOMEM;
    if ((r = read_whole(file, buffer, &size)) < 0)
        return r;
    if (!g_utf8_validate(buffer, (gssize)size, NULL))
        return -EILSEQ;
    skip = size >= strlen(mark) && memcmp(buffer, mark, strlen(mark)) == 0 ? strlen(mark) : 0;
    text = strndup(buffer + skip, size - skip);
    if (!text)
        return -ENOMEM;
    crypto_hash_sha256(hash, (const unsigned char *)buffer, size);
    ret->text = text;
    sodium_bin2hex(ret->sha256, sizeof ret->sha256, hash, sizeof hash);
    return 0;
}

char *site_describe(const struct settings *s, const char *privacy, const char *terms)
{
    json_auto_t *site = json_pack(
        "{s:s, s:s, s:{s:s, s:s}, s:{s:s, s:s}, s:{s:I, s:I}, s:I, s:I, s:I, s:I}", "company",
        s->company, "support", s->support, "privacy", "version", s->privacy_version, "text",
        privacy, "terms", "version", s->terms_version, "text", terms, "password", "least",
        (json_int_t)s->rules.password_least, "most", (json_int_t)s->rules.password_most,
        "link_hours", (json_int_t)(s->rules.link_valid / HOUR), "code_minutes",
        (json_int_t)(s->rules.code_life / MINUTE), "initial_days",
        (json_int_t)s->rules.initial_days, "session_seconds", (json_int_t)s->session_life);

    return site ? json_dumps(site, JSON_COMPACT) : NULL;
}

void site_show(struct worker *worker, const struct request *request, struct wire_writer *reply)
{
    (void)request;
    wire_begin(reply, WIRE_REPORT);
    wire_put_string(reply, WIRE_JSON, worker->manager->site);
}
