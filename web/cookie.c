/* Sealed cookies; cookie.h says how they look. */
#include "config.h"

#include "cookie.h"

#include "web.h"

#include "cleanup.h"
#include "seal.h"

#include <errno.h>
#include <sodium.h>
#include <stdio.h>

#define COOKIE_NAME    48
#define COOKIE_PURPOSE (COOKIE_NAME + 32)
#define COOKIE_SEALED  (COOKIE_VALUE_MAX + SEAL_OVERHEAD)
#define COOKIE_TEXT                                                                                \
    sodium_base64_ENCODED_LEN(COOKIE_SEALED, sodium_base64_VARIANT_URLSAFE_NO_PADDING)
/* Browsers keep no more than 4096 bytes of name and value (RFC 6265bis, 5.6). */
_Static_assert(COOKIE_TEXT + COOKIE_NAME < 4096, "a cookie that browsers keep");

static void cookie_name(const struct web *web, const char *name, char ret[static COOKIE_NAME])
{
    snprintf(ret, COOKIE_NAME, "%s%s", settings_secure(web->settings) ? "__Host-" : "", name);
}

/* The name is bound in, so that no cookie can be passed off as another. */
static void cookie_purpose(const char *name, char ret[static COOKIE_PURPOSE])
{
    snprintf(ret, COOKIE_PURPOSE, "portal-web cookie 1 %s", name);
}

/* One of a name is enough: what an earlier part of this answer said about it is taken back. */
static void forget(struct response *response, const char *name)
{
    size_t length = strlen(name);

    for (size_t i = 0; i < response->headers; i++) {
        struct response_header *header = &response->header[i];

        if (strcmp(header->name, "Set-Cookie") != 0 || strncmp(header->value, name, length) != 0 ||
            header->value[length] != '=')
            continue;
        wipe_free_p(&header->value);
        memmove(header, header + 1, (response->headers - i - 1) * sizeof *header);
        response->headers--;
        return;
    }
}

/* seconds < 0: the browser forgets it at once. */
static int put(struct web *web, struct response *response, const char *name, const char *text,
               long seconds)
{
    _cleanup_wipe_free_ char *header = NULL;
    char age[32] = "";

    forget(response, name);
    if (seconds != 0)
        snprintf(age, sizeof age, "; Max-Age=%ld", seconds > 0 ? seconds : 0);
    /* Lax for all of them: links in mails lead here, and so do applications; a POST from another
       site comes without any of them, just as with Strict. */
    if (asprintf(&header, "%s=%s; Path=/%s; HttpOnly; SameSite=Lax%s", name, text, age,
                 settings_secure(web->settings) ? "; Secure" : "") < 0) {
        header = NULL;
        return -ENOMEM;
    }
    response_header(response, "Set-Cookie", header);
    return 0;
}

int cookie_set(struct web *web, struct response *response, const char *name, const void *value,
               size_t size, long seconds)
{
    char whole[COOKIE_NAME], purpose[COOKIE_PURPOSE], text[COOKIE_TEXT];
    uint8_t sealed[COOKIE_SEALED];
    size_t sealed_size;

    if (size > COOKIE_VALUE_MAX)
        return -EMSGSIZE;
    cookie_name(web, name, whole);
    cookie_purpose(whole, purpose);
    if (seal_state(web->keys->cookie, purpose, value, size, sealed, sizeof sealed, &sealed_size) <
        0)
        return -EMSGSIZE;
    sodium_bin2base64(text, sizeof text, sealed, sealed_size,
                      sodium_base64_VARIANT_URLSAFE_NO_PADDING);
    return put(web, response, whole, text, seconds);
}

int cookie_open(const uint8_t key[static 32], const char *name, const char *text, void *ret,
                size_t capacity, size_t *ret_size)
{
    char purpose[COOKIE_PURPOSE];
    uint8_t sealed[COOKIE_SEALED];
    const char *end;
    size_t size, length = strlen(text);

    if (length >= COOKIE_TEXT ||
        sodium_base642bin(sealed, sizeof sealed, text, length, NULL, &size, &end,
                          sodium_base64_VARIANT_URLSAFE_NO_PADDING) != 0 ||
        end != text + length)
        return -EBADMSG;
    cookie_purpose(name, purpose);
    return unseal_state(key, purpose, sealed, size, ret, capacity, ret_size) < 0 ? -EBADMSG : 0;
}

int cookie_get(struct web *web, const struct request *request, const char *name, void *ret,
               size_t capacity, size_t *ret_size)
{
    char whole[COOKIE_NAME];
    const char *text;

    cookie_name(web, name, whole);
    text = request_cookie(request, whole);
    if (!text)
        return -ENOENT;
    return cookie_open(web->keys->cookie, whole, text, ret, capacity, ret_size);
}

int cookie_set_plain(struct web *web, struct response *response, const char *name,
                     const char *value, long seconds)
{
    char whole[COOKIE_NAME];

    cookie_name(web, name, whole);
    return put(web, response, whole, value, seconds);
}

const char *cookie_get_plain(struct web *web, const struct request *request, const char *name)
{
    char whole[COOKIE_NAME];

    cookie_name(web, name, whole);
    return request_cookie(request, whole);
}

void cookie_clear(struct web *web, struct response *response, const char *name)
{
    char whole[COOKIE_NAME];

    cookie_name(web, name, whole);
    if (put(web, response, whole, "", -1) < 0)
        response->status = 500;
}
