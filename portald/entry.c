/* Parses an entry, strictly: what one of our own attributes holds is understood whole or makes the
   entry malformed. Way in: entry_begin(), entry_put(), entry_end(); the table names every attribute
   and who reads its values. */
#include "config.h"

#include "entry.h"

#include "cleanup.h"
#include "postal.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const state_words[ACCOUNT_STATES] = {
    [ACCOUNT_PROVISIONED] = "provisioned", [ACCOUNT_PENDING] = "pending",
    [ACCOUNT_INITIAL] = "initial",         [ACCOUNT_ACTIVE] = "active",
    [ACCOUNT_LOCKED] = "locked",           [ACCOUNT_CLOSED] = "closed",
};

/* Of portalLetter: portal.schema. */
static const char *const letter_states[] = {
    "queued", "claimed", "printed", "posted", "returned", "withdrawn", "uncertain",
};

const char *account_state_word(enum account_state state)
{
    return state_words[state];
}

int account_state_read(const char *word)
{
    for (int i = 0; i < ACCOUNT_STATES; i++)
        if (strcmp(word, state_words[i]) == 0)
            return i;
    return -EINVAL;
}

/* A value and where it goes. Readers return 0, -EINVAL when they don't understand it, or -ENOMEM.
   data has no NUL inside or behind it unless the rule says that it is bytes. */
typedef int reader(struct entry *e, void *field, const char *data, size_t length);

static int keep(const char *data, size_t length, char **ret)
{
    char *copy = malloc(length + 1);
    if (!copy)
        return -ENOMEM;
    memcpy(copy, data, length);
    copy[length] = '\0';
    *ret = copy;
    return 0;
}

/* Makes room for one element behind count, and for a NULL behind that. */
static int make_room(void *items, size_t count, size_t size)
{
    void *old, *grown;
    memcpy(&old, items, sizeof old);
    grown = realloc(old, (count + 2) * size);
    if (!grown)
        return -ENOMEM;
    memset((char *)grown + count * size, 0, 2 * size);
    memcpy(items, &grown, sizeof grown);
    return 0;
}

static bool has_control(const char *data, size_t length)
{
    for (size_t i = 0; i < length; i++)
        if ((unsigned char)data[i] < 0x20 || data[i] == 0x7f)
            return true;
    return false;
}

/* Copies into a buffer of the given size: its capacity is part of the rule. */
static int copy_word(const char *data, size_t length, char *ret, size_t size)
{
    if (length == 0 || length >= size || has_control(data, length))
        return -EINVAL;
    memcpy(ret, data, length);
    ret[length] = '\0';
    return 0;
}

/* Splits the next word off, up to a single blank or the end. Returns whether there was one. */
static bool next_word(const char **data, size_t *length, const char **ret, size_t *ret_length)
{
    const char *blank = memchr(*data, ' ', *length);
    size_t word = blank ? (size_t)(blank - *data) : *length;
    if (word == 0)
        return false;
    *ret = *data;
    *ret_length = word;
    *data += word + (blank ? 1 : 0);
    *length -= word + (blank ? 1 : 0);
    return true;
}

/* The first of several names is taken; none of them decides anything. */
static int read_text(struct entry *e, void *field, const char *data, size_t length)
{
    (void)e;
    char **text = field;
    if (*text)
        return 0;
    if (length == 0 || has_control(data, length))
        return -EINVAL;
    return keep(data, length, text);
}

static int read_list(struct entry *e, void *field, const char *data, size_t length)
{
    (void)e;
    char ***list = field;
    size_t count = 0;
    while (*list && (*list)[count])
        count++;
    if (length == 0 || has_control(data, length))
        return -EINVAL;
    int r = make_room(list, count, sizeof(char *));
    return r < 0 ? r : keep(data, length, &(*list)[count]);
}

static int read_policy(struct entry *e, void *field, const char *data, size_t length)
{
    for (size_t i = 0; i < length; i++)
        if (!(data[i] >= '0' && data[i] <= '9') && !(data[i] >= 'A' && data[i] <= 'Z'))
            return -EINVAL;
    return read_list(e, field, data, length);
}

static int read_job(struct entry *e, void *field, const char *data, size_t length)
{
    char typed[ULID_SIZE], canonical[ULID_SIZE];
    if (copy_word(data, length, typed, sizeof typed) < 0 || ulid_read(typed, canonical) < 0 ||
        strcmp(typed, canonical) != 0)
        return -EINVAL;
    return read_list(e, field, data, length);
}

static int read_number(struct entry *e, void *field, const char *data, size_t length)
{
    (void)e;
    uint64_t number = 0;
    if (length == 0 || (data[0] == '0' && length > 1))
        return -EINVAL;
    for (size_t i = 0; i < length; i++) {
        if (data[i] < '0' || data[i] > '9')
            return -EINVAL;
        if (__builtin_mul_overflow(number, 10u, &number) ||
            __builtin_add_overflow(number, (uint64_t)(data[i] - '0'), &number))
            return -EINVAL;
    }
    *(uint64_t *)field = number;
    return 0;
}

static int read_revision(struct entry *e, void *field, const char *data, size_t length)
{
    uint64_t number;
    /* The last number has no next one to be swapped for. */
    if (read_number(e, &number, data, length) < 0 || number == UINT64_MAX)
        return -EINVAL;
    *(uint64_t *)field = number;
    e->has_revision = true;
    return 0;
}

static int read_count(struct entry *e, void *field, const char *data, size_t length)
{
    uint64_t number;
    if (read_number(e, &number, data, length) < 0 || number > UINT_MAX)
        return -EINVAL;
    *(unsigned *)field = (unsigned)number;
    return 0;
}

static int read_time(struct entry *e, void *field, const char *data, size_t length)
{
    (void)e;
    time_t value;
    if (calendar_read_generalized(data, length, &value) < 0)
        return -EINVAL;
    *(time_t *)field = value;
    return 0;
}

static int read_state(struct entry *e, void *field, const char *data, size_t length)
{
    (void)e;
    char word[16];
    int state;
    if (copy_word(data, length, word, sizeof word) < 0 || (state = account_state_read(word)) < 0)
        return -EINVAL;
    *(enum account_state *)field = (enum account_state)state;
    return 0;
}

/* With several, the one that the name of the entry is made of. */
static int read_uid(struct entry *e, void *field, const char *data, size_t length)
{
    char word[sizeof e->uid];
    if (copy_word(data, length, word, sizeof word) < 0)
        return -EINVAL;
    bool naming = strncasecmp(e->dn, "uid=", 4) == 0 && strncasecmp(e->dn + 4, word, length) == 0 &&
                  e->dn[4 + length] == ',';
    if (naming || e->uid[0] == '\0')
        memcpy(field, word, length + 1);
    return 0;
}

static int read_uuid(struct entry *e, void *field, const char *data, size_t length)
{
    return copy_word(data, length, field, sizeof e->uuid);
}

/* "de", "de-AT", "en-gb;q=0.8, de" (RFC 2798, 2.7): what comes first. */
static int read_language(struct entry *e, void *field, const char *data, size_t length)
{
    (void)e;
    bool english = length >= 2 && strncasecmp(data, "en", 2) == 0 &&
                   (length == 2 || !isalnum((unsigned char)data[2]));
    strcpy(field, english ? "en" : "de");
    return 0;
}

static int read_postal_address(struct entry *e, void *field, const char *data, size_t length)
{
    (void)e;
    char *lines = NULL;
    if (length == 0 || has_control(data, length))
        return -EINVAL;
    if (postal_read(data, length, &lines) < 0)
        return -ENOMEM;
    free(*(char **)field);
    *(char **)field = lines;
    return 0;
}

static int read_birth_date(struct entry *e, void *field, const char *data, size_t length)
{
    char typed[CALENDAR_DAY_SIZE], day[CALENDAR_DAY_SIZE];
    (void)e;
    if (copy_word(data, length, typed, sizeof typed) < 0 || calendar_read_day(typed, day) < 0 ||
        strcmp(typed, day) != 0)
        return -EINVAL;
    memcpy(field, day, sizeof day);
    return 0;
}

static int read_letter_address(struct entry *e, void *field, const char *data, size_t length)
{
    if (length != sizeof e->letter_address)
        return -EINVAL;
    memcpy(field, data, length);
    e->has_letter_address = true;
    return 0;
}

static bool is_base64url(const char *data, size_t length)
{
    for (size_t i = 0; i < length; i++)
        if (!isalnum((unsigned char)data[i]) && data[i] != '-' && data[i] != '_')
            return false;
    return true;
}

static int read_pending(struct entry *e, void *field, const char *data, size_t length)
{
    (void)field;
    struct entry_pending p = {0};
    const char *rest = data, *hash, *expires;
    size_t left = length, hash_length, expires_length;
    if (!next_word(&rest, &left, &hash, &hash_length) || hash_length != sizeof p.hash - 1 ||
        !is_base64url(hash, hash_length) || !next_word(&rest, &left, &expires, &expires_length) ||
        calendar_read_generalized(expires, expires_length, &p.expires) < 0 || left == 0 ||
        memchr(rest, ' ', left) || has_control(rest, left))
        return -EINVAL;
    memcpy(p.hash, hash, hash_length);
    int r = make_room(&e->pending, e->pending_count, sizeof(p));
    if (r < 0)
        return r;
    struct entry_pending *slot = &e->pending[e->pending_count++];
    *slot = p;
    r = keep(rest, left, &slot->address);
    return r < 0 ? r : keep(data, length, &slot->value);
}

static bool is_letter_state(const char *word)
{
    for (size_t i = 0; i < ELEMENTS(letter_states); i++)
        if (strcmp(word, letter_states[i]) == 0)
            return true;
    return false;
}

static int read_letter(struct entry *e, void *field, const char *data, size_t length)
{
    (void)field;
    struct entry_letter l = {0};
    const char *rest = data, *kind, *job, *state;
    size_t left = length, kind_length, job_length, state_length;
    char typed[ULID_SIZE];
    if (!next_word(&rest, &left, &kind, &kind_length) ||
        !next_word(&rest, &left, &job, &job_length) ||
        !next_word(&rest, &left, &state, &state_length) ||
        copy_word(kind, kind_length, l.kind, sizeof l.kind) < 0 ||
        copy_word(job, job_length, typed, sizeof typed) < 0 || ulid_read(typed, l.job) < 0 ||
        copy_word(state, state_length, l.state, sizeof l.state) < 0 || !is_letter_state(l.state) ||
        calendar_read_generalized(rest, left, &l.time) < 0)
        return -EINVAL;
    int r = make_room(&e->letters, e->letter_count, sizeof l);
    if (r < 0)
        return r;
    e->letters[e->letter_count++] = l;
    return keep(data, length, &e->letters[e->letter_count - 1].value);
}

/* "TIME#OID of the syntax#LENGTH#HASH" (slapo-ppolicy(5)). */
static int read_history(struct entry *e, void *field, const char *data, size_t length)
{
    (void)field;
    struct entry_history h = {0};
    const char *part[3], *rest = data, *end = data + length;
    for (size_t i = 0; i < ELEMENTS(part); i++) {
        part[i] = memchr(rest, '#', (size_t)(end - rest));
        if (!part[i])
            return -EINVAL;
        rest = part[i] + 1;
    }
    uint64_t announced;
    if (calendar_read_generalized(data, (size_t)(part[0] - data), &h.time) < 0 ||
        read_number(e, &announced, part[1] + 1, (size_t)(part[2] - part[1] - 1)) < 0 ||
        announced != (uint64_t)(end - rest) || announced == 0)
        return -EINVAL;
    int r = make_room(&e->history, e->history_count, sizeof h);
    if (r < 0)
        return r;
    e->history[e->history_count++] = h;
    return keep(rest, (size_t)(end - rest), &e->history[e->history_count - 1].hash);
}

static int read_code(struct entry *e, void *field, const char *data, size_t length)
{
    struct entry_code code = {0};
    const char *rest = data, *hash, *expires, *tries;
    size_t left = length, hash_length, expires_length, tries_length;
    uint64_t count = 0;
    if (!next_word(&rest, &left, &hash, &hash_length) ||
        !next_word(&rest, &left, &expires, &expires_length) ||
        !next_word(&rest, &left, &tries, &tries_length) ||
        copy_word(hash, hash_length, code.hash, sizeof code.hash) < 0 ||
        calendar_read_generalized(expires, expires_length, &code.expires) < 0 ||
        read_number(e, &count, tries, tries_length) < 0 || count > UINT_MAX ||
        (left > 0 && calendar_read_generalized(rest, left, &code.retry_after) < 0))
        return -EINVAL;
    code.tries = (unsigned)count;
    *(struct entry_code *)field = code;
    return 0;
}

static int read_totp_secret(struct entry *e, void *field, const char *data, size_t length)
{
    (void)field;
    if (length == 0 || length > sizeof e->totp_secret)
        return -EINVAL;
    memcpy(e->totp_secret, data, length);
    e->totp_size = length;
    return 0;
}

static int keep_request(struct entry_request **list, size_t *count, const char *data, size_t length)
{
    int r = make_room(list, *count, sizeof **list);
    if (r < 0)
        return r;
    (*list)[*count].length = length;
    r = keep(data, length, &(*list)[*count].value);
    if (r == 0)
        (*count)++;
    return r;
}

static int read_request(struct entry *e, void *field, const char *data, size_t length)
{
    (void)field;
    return keep_request(&e->requests, &e->request_count, data, length);
}

static int read_result(struct entry *e, void *field, const char *data, size_t length)
{
    (void)field;
    return keep_request(&e->results, &e->result_count, data, length);
}

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
    reader *read; /* NULL: only written */
    size_t field;
    unsigned flags;
    const char *expected;
} rules[ATTRIBUTES] = {
#define FIELD(name) offsetof(struct entry, name)
    [ATTRIBUTE_UID] = {"uid", read_uid, FIELD(uid), SEVERAL, "1 to 256 characters"},
    [ATTRIBUTE_CN] = {"cn", read_text, FIELD(name), SEVERAL, "text"},
    [ATTRIBUTE_SN] = {"sn", read_text, FIELD(surname), SEVERAL, "text"},
    [ATTRIBUTE_GIVEN_NAME] = {"givenName", read_text, FIELD(given_name), SEVERAL, "text"},
    [ATTRIBUTE_MAIL] = {"mail", read_text, FIELD(mail), SINGLE, "one address"},
    [ATTRIBUTE_LANGUAGE] = {"preferredLanguage", read_language, FIELD(language), SINGLE,
                            "a language"},
    [ATTRIBUTE_POSTAL_ADDRESS] = {"postalAddress", read_postal_address, FIELD(postal_address),
                                  SEVERAL, "text"},
    [ATTRIBUTE_USER_PASSWORD] = {"userPassword", read_text, FIELD(password), SINGLE | SECRET,
                                 "one hash"},
    [ATTRIBUTE_PWD_RESET] = {"pwdReset", NULL, 0, SINGLE, NULL},
    [ATTRIBUTE_PWD_HISTORY] = {"pwdHistory", read_history, 0, SECRET, "time#oid#length#hash"},
    [ATTRIBUTE_PWD_LOCKED] = {"pwdAccountLockedTime", read_text, FIELD(pwd_locked), SEVERAL,
                              "text"},
    [ATTRIBUTE_POLICY_NUMBER] = {"portalPolicyNumber", read_policy, FIELD(policies), SEVERAL,
                                 "digits and capital letters"},
    [ATTRIBUTE_BIRTH_DATE] = {"portalBirthDate", read_birth_date, FIELD(birth_date), SINGLE,
                              "YYYY-MM-DD"},
    [ATTRIBUTE_STATE] = {"portalState", read_state, FIELD(state), SINGLE, "a known state"},
    [ATTRIBUTE_REVISION] = {"portalRevision", read_revision, FIELD(revision), SINGLE, "a number"},
    [ATTRIBUTE_PENDING] = {"portalPending", read_pending, 0, SEVERAL, "TOKENHASH EXPIRES ADDRESS"},
    [ATTRIBUTE_JOB] = {"portalJob", read_job, FIELD(jobs), SEVERAL, "ids of jobs"},
    [ATTRIBUTE_CONSENT] = {"portalConsent", read_list, FIELD(consents), SEVERAL, "text"},
    [ATTRIBUTE_INITIAL_EXPIRES] = {"portalInitialPasswordExpires", read_time,
                                   FIELD(initial_expires), SINGLE, "a time"},
    [ATTRIBUTE_PASSWORD_CHANGED] = {"portalPasswordChanged", read_time, FIELD(password_changed),
                                    SINGLE, "a time"},
    [ATTRIBUTE_PUK] = {"portalPUK", read_text, FIELD(puk), SINGLE | SECRET, "one hash"},
    [ATTRIBUTE_LETTER] = {"portalLetter", read_letter, 0, SEVERAL, "KIND JOB STATE TIME"},
    [ATTRIBUTE_LETTER_ADDRESS] = {"portalLetterAddress", read_letter_address, FIELD(letter_address),
                                  SINGLE | BYTES, "32 bytes"},
    [ATTRIBUTE_CODE] = {"portalCode", read_code, FIELD(code), SINGLE | SECRET,
                        "HASH EXPIRES TRIES [RETRYAFTER]"},
    [ATTRIBUTE_TOTP_SECRET] = {"portalTOTPSecret", read_totp_secret, 0, SINGLE | BYTES,
                               "1 to 256 bytes"},
    [ATTRIBUTE_TOTP_LAST_STEP] = {"portalTOTPLastStep", read_number, FIELD(totp_last_step), SINGLE,
                                  "a number"},
    [ATTRIBUTE_PASSWORD_FAILURES] = {"portalPasswordFailures", read_count,
                                     FIELD(failures[FACTOR_PASSWORD].count), SINGLE, "a number"},
    [ATTRIBUTE_PASSWORD_RETRY_AFTER] = {"portalPasswordRetryAfter", read_time,
                                        FIELD(failures[FACTOR_PASSWORD].retry_after), SINGLE,
                                        "a time"},
    [ATTRIBUTE_TOTP_FAILURES] = {"portalTOTPFailures", read_count,
                                 FIELD(failures[FACTOR_TOTP].count), SINGLE, "a number"},
    [ATTRIBUTE_TOTP_RETRY_AFTER] = {"portalTOTPRetryAfter", read_time,
                                    FIELD(failures[FACTOR_TOTP].retry_after), SINGLE, "a time"},
    [ATTRIBUTE_PUK_FAILURES] = {"portalPUKFailures", read_count, FIELD(failures[FACTOR_PUK].count),
                                SINGLE, "a number"},
    [ATTRIBUTE_PUK_RETRY_AFTER] = {"portalPUKRetryAfter", read_time,
                                   FIELD(failures[FACTOR_PUK].retry_after), SINGLE, "a time"},
    [ATTRIBUTE_SESSION_EPOCH] = {"portalSessionEpoch", read_number, FIELD(session_epoch), SINGLE,
                                 "a number"},
    [ATTRIBUTE_LOCK_REASON] = {"portalLockReason", read_text, FIELD(lock_reason), SINGLE, "text"},
    [ATTRIBUTE_LAST_LOGIN] = {"portalLastLogin", read_time, FIELD(last_login), SINGLE, "a time"},
    [ATTRIBUTE_REQUEST] = {"portalRequest", read_request, 0, SEVERAL | BYTES | TYPED, "text"},
    [ATTRIBUTE_REQUEST_RESULT] = {"portalRequestResult", read_result, 0, SEVERAL | BYTES | TYPED,
                                  "text"},
    [ATTRIBUTE_ENTRY_UUID] = {"entryUUID", read_uuid, FIELD(uuid), SINGLE, "a UUID"},
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
    if (!r->entry || keep(dn, length, &r->entry->dn) < 0) {
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
    for (size_t i = 0; i < e->letter_count; i++)
        free(e->letters[i].value);
    for (size_t i = 0; i < e->history_count; i++)
        wipe_text(e->history[i].hash);
    free_requests(e->requests, e->request_count);
    free_requests(e->results, e->result_count);
    free(e->pending);
    free(e->letters);
    free(e->history);
    free_list(e->policies);
    free_list(e->jobs);
    free_list(e->consents);
    wipe_text(e->puk);
    wipe_text(e->password);
    char *const texts[] = {e->dn,   e->name,           e->given_name,  e->surname,
                           e->mail, e->postal_address, e->lock_reason, e->pwd_locked};
    for (size_t i = 0; i < ELEMENTS(texts); i++)
        free(texts[i]);
    explicit_bzero(e, sizeof *e);
    free(e);
    return NULL;
}
