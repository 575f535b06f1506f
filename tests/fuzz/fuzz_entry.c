/* Entries as any LDAP server may return them, through libFuzzer: `make fuzz`. The bytes are values:
   attribute, length, as many bytes. What isn't understood makes the entry malformed, with a
   sentence that says why. */
#include "config.h"

#include <stdlib.h>

#include "portald/account.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define NOW 2000000000

static const struct account_rules rules = {.free_failures = 5,
                                           .retry_first = 30,
                                           .retry_most = 900,
                                           .block_failures = 100,
                                           .code_tries = 5,
                                           .code_wait = 3600};

/* Linked with what looks at changes of address, and not reached from there: with it would come all
   that judges passwords. */
void account_set_password(const struct entry *entry, const char *hash, bool ppolicy, time_t now,
                          struct changes *changes)
{
    (void)entry;
    (void)hash;
    (void)ppolicy;
    (void)now;
    (void)changes;
    abort();
}

static void demand(bool what)
{
    if (!what)
        abort();
}

static void look(const struct entry *e)
{
    demand(!e->malformed || *e->problem);
    demand(memchr(e->problem, 0, sizeof e->problem) && memchr(e->uid, 0, sizeof e->uid));
    demand(strcmp(e->language, "de") == 0 || strcmp(e->language, "en") == 0);
    demand(e->state < ACCOUNT_STATES && e->totp_size <= sizeof e->totp_secret);
    demand(memchr(e->code.hash, 0, sizeof e->code.hash) != NULL);
    for (size_t i = 0; i < e->pending_count; i++)
        demand(e->pending[i].address && e->pending[i].value);
    for (size_t i = 0; i < e->former_count; i++)
        demand(e->formers[i].address && e->formers[i].value && *e->formers[i].totp);
    demand(!account_new_mail(e, NOW) || e->state == ACCOUNT_ACTIVE);
    for (size_t i = 0; i < e->letter_count; i++)
        demand(e->letters[i].value && strlen(e->letters[i].job) == ULID_SIZE - 1);
    for (size_t i = 0; i < e->history_count; i++)
        demand(e->history[i].hash && *e->history[i].hash);
    demand(!account_may_enroll(e) || !e->malformed);
    demand(!e->malformed || account_access(&rules, e, NOW) != WIRE_OK);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char dn[] = "uid=x,ou=customers,dc=example,dc=org";
    struct entry_reader reader;
    struct entry *entry = NULL;

    entry_begin(&reader, dn, sizeof dn - 1);
    while (size >= 2) {
        size_t length = data[1] < size - 2 ? data[1] : size - 2;
        /* Of its own size, so that a byte too far is seen. */
        char *value = malloc(length + !length);

        demand(value != NULL);
        memcpy(value, data + 2, length);
        if (data[0] % ATTRIBUTES != ATTRIBUTE_PWD_RESET)
            entry_put(&reader, (enum attribute)(data[0] % ATTRIBUTES), value, length);
        free(value);
        data += 2 + length;
        size -= 2 + length;
    }
    demand(entry_end(&reader, &entry) == 0);
    look(entry);
    entry_free(entry);
    return 0;
}
