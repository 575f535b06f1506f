/* Steps in their sealed cookie. */
#include "config.h"

#include "step.h"

#include "cookie.h"
#include "pack.h"
#include "web.h"

#include "clock.h"

#include <errno.h>
#include <sodium.h>
#include <string.h>

#define STEP_VERSION 1
#define STEP_RANDOM  16

int step_save(struct web *web, struct response *response, struct step *step)
{
    uint8_t random[STEP_RANDOM], data[COOKIE_VALUE_MAX];
    struct pack p = {.data = data, .capacity = sizeof data};
    int r;

    randombytes_buf(random, sizeof random);
    sodium_bin2base64(step->id, sizeof step->id, random, sizeof random,
                      sodium_base64_VARIANT_URLSAFE_NO_PADDING);
    step->made = clock_now();
    pack_u8(&p, STEP_VERSION);
    pack_u8(&p, (uint8_t)step->kind);
    pack_u64(&p, (uint64_t)step->made);
    pack_string(&p, step->id);
    pack_string(&p, step->user);
    pack_string(&p, step->to);
    pack_string(&p, step->purpose);
    pack_string(&p, step->extra);
    pack_blob(&p, step->blob, step->blob_size);
    r = p.failed ? -EMSGSIZE
                 : cookie_set(web, response, COOKIE_STEP, data, p.size, web->settings->step);
    sodium_memzero(data, sizeof data);
    return r;
}

static bool unpack_step(const uint8_t *data, size_t size, struct step *ret)
{
    struct unpack u = {.data = data, .size = size};
    bool ours = unpack_u8(&u) == STEP_VERSION;

    ret->kind = unpack_u8(&u);
    ret->made = (time_t)unpack_u64(&u);
    unpack_string(&u, ret->id, sizeof ret->id);
    unpack_string(&u, ret->user, sizeof ret->user);
    unpack_string(&u, ret->to, sizeof ret->to);
    unpack_string(&u, ret->purpose, sizeof ret->purpose);
    unpack_string(&u, ret->extra, sizeof ret->extra);
    ret->blob_size = unpack_blob(&u, ret->blob, sizeof ret->blob);
    return unpack_end(&u) && ours;
}

/* The id is no secret: whoever posts has the cookie. It only tells tabs apart. */
static bool is_current(const struct web *web, const struct request *request, enum step_kind kind,
                       const struct step *step)
{
    return step->kind == kind && step->made > request->now - web->settings->step &&
           (request->method != METHOD_POST || strcmp(request_form(request, "step"), step->id) == 0);
}

int step_load(struct web *web, const struct request *request, enum step_kind kind, struct step *ret)
{
    _cleanup_(step_clear) struct step step = {0};
    uint8_t data[COOKIE_VALUE_MAX];
    size_t size;
    bool good = cookie_get(web, request, COOKIE_STEP, data, sizeof data, &size) == 0 &&
                unpack_step(data, size, &step) && is_current(web, request, kind, &step);

    sodium_memzero(data, sizeof data);
    if (!good)
        return -ENOENT;
    *ret = step;
    return 0;
}

void step_clear(struct step *step)
{
    sodium_memzero(step, sizeof *step);
}

void step_end(struct web *web, struct response *response)
{
    cookie_clear(web, response, COOKIE_STEP);
}
