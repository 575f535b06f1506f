/* Parses an entry, strictly: what one of our own attributes holds is understood whole or makes the
   entry malformed. Way in: entry_begin(), entry_put(), entry_end(); the table names every attribute
   and who reads its values. */
#include "config.h"

#include "entry.h"

#include "entry-values.h"

#include "cleanup.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* SEVERAL: all are read; SINGLE: a second value makes the entry malformed; BYTES: may hold NUL;
   TYPED: what is too much of it is left out instead of making the entry malformed. */
enum {
    SEVERAL = 0,
    SINGLE = 1,
    SECRET = 2,
    BYTES = 4,
    TYPED = 8,
};

static const struct rule {
    const char *name;
    entry_reader_function *read; /* NULL: only written */
    size_t field;
    unsigned flags;
    const char *expected;
} rules[ATTRIBUTES] = {
#define FIELD(name) offsetof(struct entry, name)
    [ATTRIBUTE_UID] = {"uid", entry_read_uid, FIELD(uid), SEVERAL, "1 to 256 characters"},
    [ATTRIBUTE_CN] = {"cn", entry_read_text, FIELD(name), SEVERAL, "text"},
    [ATTRIBUTE_SN] = {"sn", entry_read_text, FIELD(surname), SEVERAL, "text"},
    [ATTRIBUTE_GIVEN_NAME] = {"givenName", entry_read_text, FIELD(given_name), SEVERAL, "text"},
    [ATTRIBUTE_MAIL] = {"mail", entry_read_text, FIELD(mail), SINGLE, "one address"},
    [ATTRIBUTE_CONFIRMED_MAIL] = {"portalConfirmedMail", entry_read_text, FIELD(confirmed_mail),
                                  SINGLE, "one address"},
    [ATTRIBUTE_LANGUAGE] = {"preferredLanguage", entry_read_language, FIELD(language), SINGLE,
                            "a language"},
    [ATTRIBUTE_POSTAL_ADDRESS] = {"postalAddress", entry_read_postal_address, FIELD(postal_address),
                                  SEVERAL, "text"},
    [ATTRIBUTE_USER_PASSWORD] = {"userPassword", entry_read_text, FIELD(password), SINGLE | SECRET,
                                 "one hash"},
    [ATTRIBUTE_PWD_RESET] = {"pwdReset", NULL, 0, SINGLE, NULL},
    [ATTRIBUTE_PWD_HISTORY] = {"pwdHistory", entry_read_history, 0, SECRET, "time#oid#length#hash"},
    [ATTRIBUTE_PWD_LOCKED] = {"pwdAccountLockedTime", entry_read_text, FIELD(pwd_locked), SEVERAL,
                              "text"},
    [ATTRIBUTE_POLICY_NUMBER] = {"portalPolicyNumber", entry_read_policy, FIELD(policies), SEVERAL,
                                 "digits and capital letters"},
    [ATTRIBUTE_BIRTH_DATE] = {"portalBirthDate", entry_read_birth_date, FIELD(birth_date), SINGLE,
                              "a day that there is, YYYY-MM-DD"},
    [ATTRIBUTE_STATE] = {"portalState", entry_read_state, FIELD(state), SINGLE, "a known state"},
    [ATTRIBUTE_REVISION] = {"portalRevision", entry_read_revision, FIELD(revision), SINGLE,
                            "a number"},
    [ATTRIBUTE_PENDING] = {"portalPending", entry_read_pending, 0, SEVERAL,
                           "TOKENHASH EXPIRES ADDRESS [change EPOCH CHANGED|ended]"},
    [ATTRIBUTE_JOB] = {"portalJob", entry_read_job, FIELD(jobs), SEVERAL, "ids of jobs"},
    [ATTRIBUTE_CONSENT] = {"portalConsent", entry_read_list, FIELD(consents), SEVERAL, "text"},
    [ATTRIBUTE_INITIAL_EXPIRES] = {"portalInitialPasswordExpires", entry_read_time,
                                   FIELD(initial_expires), SINGLE, "a time"},
    [ATTRIBUTE_PASSWORD_CHANGED] = {"portalPasswordChanged", entry_read_time,
                                    FIELD(password_changed), SINGLE, "a time"},
    [ATTRIBUTE_PUK] = {"portalPUK", entry_read_text, FIELD(puk), SINGLE | SECRET, "one hash"},
    [ATTRIBUTE_LETTER] = {"portalLetter", entry_read_letter, 0, SEVERAL, "KIND JOB STATE TIME"},
    [ATTRIBUTE_LETTER_ADDRESS] = {"portalLetterAddress", entry_read_letter_address,
                                  FIELD(letter_address), SINGLE | BYTES, "32 bytes"},
    [ATTRIBUTE_CODE] = {"portalCode", entry_read_code, FIELD(code), SINGLE | SECRET,
                        "HASH EXPIRES TRIES [RETRYAFTER]"},
    [ATTRIBUTE_TOTP_SECRET] = {"portalTOTPSecret", entry_read_totp_secret, 0, SINGLE | BYTES,
                               "1 to 256 bytes"},
    [ATTRIBUTE_TOTP_LAST_STEP] = {"portalTOTPLastStep", entry_read_number, FIELD(totp_last_step),
                                  SINGLE, "a number"},
    [ATTRIBUTE_PASSWORD_FAILURES] = {"portalPasswordFailures", entry_read_count,
                                     FIELD(failures[FACTOR_PASSWORD].count), SINGLE, "a number"},
    [ATTRIBUTE_PASSWORD_RETRY_AFTER] = {"portalPasswordRetryAfter", entry_read_time,
                                        FIELD(failures[FACTOR_PASSWORD].retry_after), SINGLE,
                                        "a time"},
    [ATTRIBUTE_TOTP_FAILURES] = {"portalTOTPFailures", entry_read_count,
                                 FIELD(failures[FACTOR_TOTP].count), SINGLE, "a number"},
    [ATTRIBUTE_TOTP_RETRY_AFTER] = {"portalTOTPRetryAfter", entry_read_time,
                                    FIELD(failures[FACTOR_TOTP].retry_after), SINGLE, "a time"},
    [ATTRIBUTE_PUK_FAILURES] = {"portalPUKFailures", entry_read_count,
                                FIELD(failures[FACTOR_PUK].count), SINGLE, "a number"},
    [ATTRIBUTE_PUK_RETRY_AFTER] = {"portalPUKRetryAfter", entry_read_time,
                                   FIELD(failures[FACTOR_PUK].retry_after), SINGLE, "a time"},
    [ATTRIBUTE_SESSION_EPOCH] = {"portalSessionEpoch", entry_read_number, FIELD(session_epoch),
                                 SINGLE, "a number"},
    [ATTRIBUTE_LOCK_REASON] = {"portalLockReason", entry_read_text, FIELD(lock_reason), SINGLE,
                               "text"},
    [ATTRIBUTE_LAST_LOGIN] = {"portalLastLogin", entry_read_time, FIELD(last_login), SINGLE,
                              "a time"},
    [ATTRIBUTE_REQUEST] = {"portalRequest", entry_read_request, 0, SEVERAL | BYTES | TYPED, "text"},
    [ATTRIBUTE_REQUEST_RESULT] = {"portalRequestResult", entry_read_result, 0,
                                  SEVERAL | BYTES | TYPED, "text"},
    [ATTRIBUTE_ENTRY_UUID] = {"entryUUID", entry_read_uuid, FIELD(uuid), SINGLE, "a UUID"},
    [ATTRIBUTE_FORMER_MAIL] = {"portalFormerMail", entry_read_former, 0, SEVERAL,
                               "ADDRESS UNTIL JOB TOTP"},
#undef FIELD
};

const char *attribute_name(enum attribute attribute)
{
    return rules[attribute].name;
}

bool attribute_secret(enum attribute attribute)
{
    return (rules[attribute].flags & SECRET) != 0;
}

int attribute_find(const char *name, size_t length)
{
    for (int i = 0; i < ATTRIBUTES; i++)
        if (strncasecmp(rules[i].name, name, length) == 0 && rules[i].name[length] == '\0')
            return i;
    return -ENOENT;
}

/* Only the first problem is kept: it names the attribute, never a value. */
static void entry_problem(struct entry *e, enum attribute attribute, const char *problem,
                          const char *expected)
{
    if (!e->malformed)
        snprintf(e->problem, sizeof e->problem, "%s: %s%s", rules[attribute].name, problem,
                 expected);
    e->malformed = true;
}

/* The beginning of a value, up to a NUL, and not into the middle of a character. */
static void keep_cut(const char *data, size_t length, char ret[static ENTRY_PROBLEM_VALUE])
{
    size_t n = length < ENTRY_PROBLEM_VALUE - 1 ? length : ENTRY_PROBLEM_VALUE - 1;
    while (n > 0 && n < length && ((unsigned char)data[n] & 0xc0) == 0x80)
        n--;
    memcpy(ret, data, n);
    ret[n] = '\0';
}

void entry_begin(struct entry_reader *r, const char *dn, size_t length)
{
    *r = (struct entry_reader){0};
    r->entry = calloc(1, sizeof *r->entry);
    if (!r->entry || entry_keep(dn, length, &r->entry->dn) < 0) {
        r->error = -ENOMEM;
        return;
    }
    strcpy(r->entry->language, "de");
}

void entry_put(struct entry_reader *r, enum attribute attribute, const void *data, size_t length)
{
    const struct rule *rule = &rules[attribute];
    if (r->error != 0 || !rule->read)
        return;
    size_t before = r->seen[attribute]++;
    if ((rule->flags & SINGLE) && before > 0) {
        entry_problem(r->entry, attribute, "several values", "");
        return;
    }
    if (before >= ENTRY_VALUES_MAX || length > ENTRY_VALUE_MAX) {
        if (rule->flags & TYPED)
            r->entry->left_out = true;
        else
            entry_problem(r->entry, attribute, "too much", "");
        return;
    }
    int e = -EINVAL;
    if ((rule->flags & BYTES) || !memchr(data, '\0', length))
        e = rule->read(r->entry, (char *)r->entry + rule->field, data, length);
    if (e == -ENOMEM) {
        r->error = e;
    } else if (e < 0) {
        if (!r->entry->malformed && !(rule->flags & (SECRET | BYTES)))
            keep_cut(data, length, r->entry->problem_value);
        entry_problem(r->entry, attribute, "expected ", rule->expected);
    }
}

static int newer_first(const void *a, const void *b)
{
    const struct entry_history *x = a, *y = b;
    return (x->time < y->time) - (x->time > y->time);
}

int entry_end(struct entry_reader *r, struct entry **ret)
{
    static const enum attribute needed[] = {
        ATTRIBUTE_UID,
        ATTRIBUTE_ENTRY_UUID,
        ATTRIBUTE_POLICY_NUMBER,
    };
    struct entry *e = r->entry;
    r->entry = NULL;
    if (r->error != 0) {
        entry_free(e);
        return r->error;
    }
    for (size_t i = 0; i < ELEMENTS(needed); i++)
        if (r->seen[needed[i]] == 0)
            entry_problem(e, needed[i], "absent", "");
    if (r->seen[ATTRIBUTE_POSTAL_ADDRESS] > 1) {
        free(e->postal_address);
        e->postal_address = NULL;
    }
    if (e->history_count > 1)
        qsort(e->history, e->history_count, sizeof *e->history, newer_first);
    *ret = e;
    return 0;
}

static void wipe_text(char *text)
{
    if (text)
        explicit_bzero(text, strlen(text));
    free(text);
}

static void free_requests(struct entry_request *list, size_t count)
{
    for (size_t i = 0; i < count; i++)
        free(list[i].value);
    free(list);
}

static void free_list(char **list)
{
    for (size_t i = 0; list && list[i]; i++)
        free(list[i]);
    free(list);
}

struct entry *entry_free(struct entry *e)
{
    if (!e)
        return NULL;
    for (size_t i = 0; i < e->pending_count; i++) {
        free(e->pending[i].address);
        free(e->pending[i].value);
    }
    for (size_t i = 0; i < e->former_count; i++) {
        free(e->formers[i].address);
        free(e->formers[i].value);
    }
    for (size_t i = 0; i < e->letter_count; i++)
        free(e->letters[i].value);
    for (size_t i = 0; i < e->history_count; i++)
        wipe_text(e->history[i].hash);
    free_requests(e->requests, e->request_count);
    free_requests(e->results, e->result_count);
    free(e->pending);
    free(e->formers);
    free(e->letters);
    free(e->history);
    free_list(e->policies);
    free_list(e->jobs);
    free_list(e->consents);
    wipe_text(e->puk);
    wipe_text(e->password);
    char *const texts[] = {e->dn,        e->name,           e->given_name,     e->surname,
                           e->mail,      e->confirmed_mail, e->postal_address, e->lock_reason,
                           e->pwd_locked};
    for (size_t i = 0; i < ELEMENTS(texts); i++)
        free(texts[i]);
    explicit_bzero(e, sizeof *e);
    free(e);
    return NULL;
}
