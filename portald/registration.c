/* A registration's payload; registration_write() is the way in. */
#include "config.h"

#include "registration.h"

#include "cleanup.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>

int registration_write(const struct registration *registration, uint8_t **ret, size_t *ret_size)
{
    json_t *json = json_pack("{ssssssss}", "policy", registration->policy, "birth_date",
                             registration->birth_date, "address", registration->address, "language",
                             registration->language);
    char *text = json ? json_dumps(json, JSON_COMPACT) : NULL;

    json_decref(json);
    if (!text)
        return -ENOMEM;
    *ret_size = strlen(text);
    *ret = (uint8_t *)text;
    return 0;
}

static int copy(const char *value, char *ret, size_t size)
{
    return snprintf(ret, size, "%s", value) < (int)size ? 0 : -EBADMSG;
}

int registration_read(const uint8_t *payload, size_t size, struct registration *ret)
{
    const char *policy, *birth_date, *address, *language;
    json_t *json = json_loadb((const char *)payload, size, 0, NULL);
    int r = -EBADMSG;

    if (json &&
        json_unpack(json, "{ssssssss}", "policy", &policy, "birth_date", &birth_date, "address",
                    &address, "language", &language) == 0 &&
        copy(policy, ret->policy, sizeof ret->policy) == 0 &&
        copy(birth_date, ret->birth_date, sizeof ret->birth_date) == 0 &&
        copy(address, ret->address, sizeof ret->address) == 0 &&
        copy(language, ret->language, sizeof ret->language) == 0)
        r = 0;
    json_decref(json);
    return r;
}
