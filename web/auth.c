/* Requests and codes of forward auth as sealed text; auth.h says what they are for. */
#include "config.h"

#include "auth.h"

#include "pack.h"

#include "cleanup.h"
#include "seal.h"

#include <errno.h>
#include <sodium.h>
#include <stdio.h>

#define REQUEST_PURPOSE "portal-web auth request 1"
#define CODE_PURPOSE    "portal-web auth code 1"
#define VARIANT         sodium_base64_VARIANT_URLSAFE_NO_PADDING
#define PACKED_MAX      2200

static int seal_text(const uint8_t *key, const char *purpose, struct pack *p, char *ret,
                     size_t size)
{
    uint8_t sealed[PACKED_MAX + SEAL_OVERHEAD];
    size_t length = 0;
    int r = p->failed ? -EMSGSIZE
                      : seal_state(key, purpose, p->data, p->size, sealed, sizeof sealed, &length);

    sodium_memzero(p->data, p->capacity);
    if (r == 0 && sodium_base64_ENCODED_LEN(length, VARIANT) > size)
        r = -EMSGSIZE;
    if (r == 0)
        sodium_bin2base64(ret, size, sealed, length, VARIANT);
    return r;
}

/* ret has PACKED_MAX bytes. */
static int open_text(const uint8_t *key, const char *purpose, const char *text, uint8_t *ret,
                     size_t *ret_size)
{
    uint8_t sealed[PACKED_MAX + SEAL_OVERHEAD];
    const char *end;
    size_t size, length = strlen(text);

    if (sodium_base642bin(sealed, sizeof sealed, text, length, NULL, &size, &end, VARIANT) != 0 ||
        end != text + length)
        return -EBADMSG;
    return unseal_state(key, purpose, sealed, size, ret, PACKED_MAX, ret_size) < 0 ? -EBADMSG : 0;
}

static void pack_request(struct pack *p, const struct auth_request *request)
{
    pack_u64(p, (uint64_t)request->made);
    pack_fixed(p, request->browser, sizeof request->browser);
    pack_string(p, request->host);
    pack_string(p, request->to);
}

static void unpack_request(struct unpack *u, struct auth_request *ret)
{
    ret->made = (time_t)unpack_u64(u);
    unpack_fixed(u, ret->browser, sizeof ret->browser);
    unpack_string(u, ret->host, sizeof ret->host);
    unpack_string(u, ret->to, sizeof ret->to);
}

static int request_seal(const uint8_t *key, const struct auth_request *request, char *ret)
{
    uint8_t data[PACKED_MAX];
    struct pack p = {.data = data, .capacity = sizeof data};

    pack_request(&p, request);
    return seal_text(key, REQUEST_PURPOSE, &p, ret, AUTH_REQUEST_MAX);
}

int auth_request_seal(const uint8_t key[static 32], const struct auth_request *request,
                      char ret[static AUTH_REQUEST_MAX])
{
    struct auth_request shorter = *request;
    int r = request_seal(key, request, ret);

    if (r != -EMSGSIZE)
        return r;
    strcpy(shorter.to, "/");
    return request_seal(key, &shorter, ret);
}

int auth_request_open(const uint8_t key[static 32], const char *text, struct auth_request *ret)
{
    struct auth_request request = {0};
    uint8_t data[PACKED_MAX];
    struct unpack u = {.data = data};
    int r = open_text(key, REQUEST_PURPOSE, text, data, &u.size);

    if (r < 0)
        return r;
    unpack_request(&u, &request);
    if (!unpack_end(&u))
        return -EBADMSG;
    *ret = request;
    return 0;
}

int auth_code_seal(const uint8_t key[static 32], const struct auth_code *code,
                   char ret[static AUTH_CODE_MAX])
{
    uint8_t data[PACKED_MAX], session[SESSION_PACKED];
    struct pack p = {.data = data, .capacity = sizeof data};
    size_t size = session_pack(&code->session, session);

    pack_fixed(&p, code->id, sizeof code->id);
    pack_request(&p, &code->request);
    pack_blob(&p, session, size);
    sodium_memzero(session, sizeof session);
    return seal_text(key, CODE_PURPOSE, &p, ret, AUTH_CODE_MAX);
}

int auth_code_open(const uint8_t key[static 32], const char *text, struct auth_code *ret)
{
    struct auth_code code = {0};
    uint8_t data[PACKED_MAX], session[SESSION_PACKED];
    struct unpack u = {.data = data};
    size_t size;
    int r = open_text(key, CODE_PURPOSE, text, data, &u.size);

    if (r == 0) {
        unpack_fixed(&u, code.id, sizeof code.id);
        unpack_request(&u, &code.request);
        size = unpack_blob(&u, session, sizeof session);
        r = unpack_end(&u) ? session_unpack(session, size, &code.session) : -EBADMSG;
    }
    if (r == 0)
        *ret = code;
    sodium_memzero(data, sizeof data);
    sodium_memzero(session, sizeof session);
    sodium_memzero(&code, sizeof code);
    return r;
}

int auth_link(const char *path, const char *value, char *ret, size_t size)
{
    static const char kept[] =
        "-_.~/0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
    size_t used = strlen(path);

    if (used >= size)
        return -EMSGSIZE;
    strcpy(ret, path);
    for (const unsigned char *c = (const unsigned char *)value; *c; c++) {
        bool plain = strchr(kept, *c);

        if (size - used < 4)
            return -EMSGSIZE;
        used += (size_t)snprintf(ret + used, size - used, plain ? "%c" : "%%%02X", *c);
    }
    return 0;
}
