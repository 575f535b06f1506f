/* What the tests of mails share: keys that are always the same, templates as shipped, jobs. */
#pragma once

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "keys.h"
#include "portald/compose.h"

#define JOB_ID    "01JDABCDEFGHJKMNPQRSTVWXYZ"
#define OTHER_JOB "01JDABCDEFGHJKMNPQRSTVWXY0"

/* Every topic that there is (compose.h), and those that tell of what was done to an account. */
static const char *const fixture_topics[] = {
    "confirm",          "mail-confirm",     "in-use",         "registered",     "code",
    "password-set",     "password-changed", "totp-on",        "totp-off",       "puk-used",
    "puk-void",         "mail-changed",     "mail-new",       "mail-back",      "mail-undone",
    "restarted",        "letter-new",       "mail-moved",     "letter-address", "letter-valid",
    "password-expires", "letter-posted",    "letter-refused", "has-password",   "letter-returned"};
#define FIXTURE_LINKS        2 /* the first ones carry a link to press */
#define FIXTURE_FIRST_NOTICE 5
#define FIXTURE_FIRST_LETTER 18 /* from here on: of letters … */
#define FIXTURE_FIRST_DAY    17 /* … which, like the one before, … */
#define FIXTURE_DAYS         5  /* … name a day, so many of them */

static struct keys fixture_keys;

static inline const struct compose_options *fixture_options(void)
{
    static char templates[1024];
    static struct compose_options options = {
        .templates = templates,
        .sender = "konto@versicherung.example",
        .sender_name = "Müller & Söhne Versicherung",
        .base_url = "https://konto.versicherung.example/",
        .company = "Müller & Söhne",
        .support = "Telefon 0221 555-0100",
        .message_domain = "versicherung.example",
    };
    const char *source = getenv("PORTAL_SRCDIR");

    snprintf(templates, sizeof templates, "%s/config/templates", source ? source : ".");
    memset(&fixture_keys, 0, sizeof fixture_keys);
    memset(fixture_keys.link, 1, sizeof fixture_keys.link);
    memset(fixture_keys.reference, 2, sizeof fixture_keys.reference);
    memset(fixture_keys.table, 3, sizeof fixture_keys.table);
    memset(fixture_keys.code, 4, sizeof fixture_keys.code);
    return &options;
}

static inline struct job fixture_job(const char *id, const char *topic, const char *payload)
{
    struct job job = {.kind = JOB_MAIL, .payload = (uint8_t *)(uintptr_t)payload};

    job.payload_size = payload ? strlen(payload) : 0;
    snprintf(job.id, sizeof job.id, "%s", id);
    snprintf(job.topic, sizeof job.topic, "%s", topic);
    return job;
}
