/* What customers see of their own account: WIRE_PROFILE. Never a secret, nor anything that works;
   what isn't listed here isn't shown. */
#include "config.h"

#include "visit.h"

#include "calendar.h"
#include "cleanup.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>

/* Of each at most: what an administrator may have put there. */
#define VALUES_MOST  64
#define CONSENT_SIZE 512

static json_t *profile_time(time_t t)
{
    return t ? json_integer(t) : json_null();
}

static json_t *profile_string(const char *text)
{
    return text && *text ? json_string(text) : json_null();
}

static json_t *profile_lines(const char *text)
{
    json_t *lines = json_array();

    while (text && *text && json_array_size(lines) < VALUES_MOST) {
        size_t length = strcspn(text, "\n");
        json_array_append_new(lines, json_stringn(text, length));
        text += length + (text[length] == '\n');
    }
    return lines;
}

static json_t *profile_policies(const struct entry *entry)
{
    json_t *list = json_array();

    for (char **p = entry->policies; p && *p && json_array_size(list) < VALUES_MOST; p++)
        json_array_append_new(list, json_string(*p));
    return list;
}

/* "privacy VERSION SHA256 TIME". NULL: something else. */
static json_t *profile_consent(const char *value)
{
    char text[CONSENT_SIZE], *word[4], *rest = text;
    time_t when;

    if (strlen(value) >= sizeof text)
        return NULL;
    strcpy(text, value);
    for (size_t i = 0; i < ELEMENTS(word); i++)
        if (!(word[i] = strsep(&rest, " ")))
            return NULL;
    if (rest || calendar_read_generalized(word[3], strlen(word[3]), &when) < 0)
        return NULL;
    return json_pack("{s:s, s:s, s:I}", "text", word[0], "version", word[1], "time",
                     (json_int_t)when);
}

static json_t *profile_consents(const struct entry *entry)
{
    json_t *list = json_array();

    for (char **c = entry->consents; c && *c && json_array_size(list) < VALUES_MOST; c++) {
        json_t *consent = profile_consent(*c);
        if (consent)
            json_array_append_new(list, consent);
    }
    return list;
}

static const char *puk_word(enum account_puk puk)
{
    static const char *const words[] = {
        [ACCOUNT_PUK_NONE] = "none",
        [ACCOUNT_PUK_AWAITED] = "on its way",
        [ACCOUNT_PUK_USABLE] = "usable",
    };
    return words[puk];
}

static json_t *profile(const struct account_rules *rules, const struct entry *e, time_t now)
{
    return json_pack(
        "{s:o, s:s, s:o, s:o, s:o, s:s, s:s, s:b, s:o, s:o, s:s, s:o, s:o}", "name",
        profile_string(e->name), "mail", e->mail, "address", profile_lines(e->postal_address),
        "policies", profile_policies(e), "birthdate", profile_string(e->birth_date), "language",
        e->language, "state", account_state_word(e->state), "totp", account_needs_code(e),
        "password_changed", profile_time(e->password_changed), "last_login",
        profile_time(e->last_login), "puk", puk_word(account_puk(rules, e, now)), "new_mail",
        profile_string(account_new_mail(e, now)), "consents", profile_consents(e));
}

void profile_show(struct worker *worker, const struct request *request, struct wire_writer *reply)
{
    _cleanup_(visit_clear) struct visit v = visit_make(worker, request, reply);
    json_auto_t *shown = NULL;
    _cleanup_free_ char *text = NULL;
    int r = visit_open(&v, DIRECTORY_UUID);

    if (r == 0) {
        shown = profile(&v.manager->settings->rules, v.entry, v.now);
        text = shown ? json_dumps(shown, JSON_COMPACT) : NULL;
        r = text ? 0 : -ENOMEM;
    }
    if (r < 0) {
        visit_refuse(&v, r);
        return;
    }
    reply_verdict(reply, WIRE_OK, "");
    wire_put_string(reply, WIRE_JSON, text);
}
