/* What the values of an entry's attributes must look like, and where they go: one function for each
   form. entry.c has the table of who reads what. Way in: entry-values.h. */
#include "config.h"

#include "entry-values.h"

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

int entry_keep(const char *data, size_t length, char **ret)
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
int entry_read_text(struct entry *e, void *field, const char *data, size_t length)
{
    (void)e;
    char **text = field;
    if (*text)
        return 0;
    if (length == 0 || has_control(data, length))
        return -EINVAL;
    return entry_keep(data, length, text);
}

int entry_read_list(struct entry *e, void *field, const char *data, size_t length)
{
    (void)e;
    char ***list = field;
    size_t count = 0;
    while (*list && (*list)[count])
        count++;
    if (length == 0 || has_control(data, length))
        return -EINVAL;
    int r = make_room(list, count, sizeof(char *));
    return r < 0 ? r : entry_keep(data, length, &(*list)[count]);
}

int entry_read_policy(struct entry *e, void *field, const char *data, size_t length)
{
    for (size_t i = 0; i < length; i++)
        if (!(data[i] >= '0' && data[i] <= '9') && !(data[i] >= 'A' && data[i] <= 'Z'))
            return -EINVAL;
    return entry_read_list(e, field, data, length);
}

int entry_read_job(struct entry *e, void *field, const char *data, size_t length)
{
    char typed[ULID_SIZE], canonical[ULID_SIZE];
    if (copy_word(data, length, typed, sizeof typed) < 0 || ulid_read(typed, canonical) < 0 ||
        strcmp(typed, canonical) != 0)
        return -EINVAL;
    return entry_read_list(e, field, data, length);
}

int entry_read_number(struct entry *e, void *field, const char *data, size_t length)
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

int entry_read_revision(struct entry *e, void *field, const char *data, size_t length)
{
    uint64_t number;
    /* The last number has no next one to be swapped for. */
    if (entry_read_number(e, &number, data, length) < 0 || number == UINT64_MAX)
        return -EINVAL;
    *(uint64_t *)field = number;
    e->has_revision = true;
    return 0;
}

int entry_read_count(struct entry *e, void *field, const char *data, size_t length)
{
    uint64_t number;
    if (entry_read_number(e, &number, data, length) < 0 || number > UINT_MAX)
        return -EINVAL;
    *(unsigned *)field = (unsigned)number;
    return 0;
}

int entry_read_time(struct entry *e, void *field, const char *data, size_t length)
{
    (void)e;
    time_t value;
    if (calendar_read_generalized(data, length, &value) < 0)
        return -EINVAL;
    *(time_t *)field = value;
    return 0;
}

int entry_read_state(struct entry *e, void *field, const char *data, size_t length)
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
int entry_read_uid(struct entry *e, void *field, const char *data, size_t length)
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

int entry_read_uuid(struct entry *e, void *field, const char *data, size_t length)
{
    return copy_word(data, length, field, sizeof e->uuid);
}

/* "de", "de-AT", "en-gb;q=0.8, de" (RFC 2798, 2.7): what comes first. */
int entry_read_language(struct entry *e, void *field, const char *data, size_t length)
{
    (void)e;
    bool english = length >= 2 && strncasecmp(data, "en", 2) == 0 &&
                   (length == 2 || !isalnum((unsigned char)data[2]));
    strcpy(field, english ? "en" : "de");
    return 0;
}

int entry_read_postal_address(struct entry *e, void *field, const char *data, size_t length)
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

int entry_read_birth_date(struct entry *e, void *field, const char *data, size_t length)
{
    char typed[CALENDAR_DAY_SIZE], day[CALENDAR_DAY_SIZE];
    (void)e;
    if (copy_word(data, length, typed, sizeof typed) < 0 || calendar_read_day(typed, day) < 0 ||
        strcmp(typed, day) != 0)
        return -EINVAL;
    memcpy(field, day, sizeof day);
    return 0;
}

int entry_read_letter_address(struct entry *e, void *field, const char *data, size_t length)
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

static bool is_word(const char *data, size_t length, const char *word)
{
    return length == strlen(word) && memcmp(data, word, length) == 0;
}

/* What stands behind the address of a link. */
static int read_link_kind(struct entry *e, const char *data, size_t length,
                          struct entry_pending *ret)
{
    const char *word, *epoch;
    size_t word_length, epoch_length;
    if (length == 0)
        return 0; /* LINK_REGISTRATION */
    if (!next_word(&data, &length, &word, &word_length))
        return -EINVAL;
    if (is_word(word, word_length, "ended")) {
        ret->kind = LINK_ENDED;
        return length == 0 ? 0 : -EINVAL;
    }
    ret->kind = LINK_CHANGE;
    if (!is_word(word, word_length, "change") ||
        !next_word(&data, &length, &epoch, &epoch_length) ||
        entry_read_number(e, &ret->epoch, epoch, epoch_length) < 0)
        return -EINVAL;
    return calendar_read_generalized(data, length, &ret->password_changed);
}

int entry_read_pending(struct entry *e, void *field, const char *data, size_t length)
{
    (void)field;
    struct entry_pending p = {0};
    const char *rest = data, *hash, *expires, *address;
    size_t left = length, hash_length, expires_length, address_length;
    if (!next_word(&rest, &left, &hash, &hash_length) || hash_length != sizeof p.hash - 1 ||
        !is_base64url(hash, hash_length) || !next_word(&rest, &left, &expires, &expires_length) ||
        calendar_read_generalized(expires, expires_length, &p.expires) < 0 ||
        !next_word(&rest, &left, &address, &address_length) ||
        has_control(address, address_length) || data[length - 1] == ' ' ||
        read_link_kind(e, rest, left, &p) < 0)
        return -EINVAL;
    memcpy(p.hash, hash, hash_length);
    int r = make_room(&e->pending, e->pending_count, sizeof(p));
    if (r < 0)
        return r;
    struct entry_pending *slot = &e->pending[e->pending_count++];
    *slot = p;
    r = entry_keep(address, address_length, &slot->address);
    return r < 0 ? r : entry_keep(data, length, &slot->value);
}

int entry_read_former(struct entry *e, void *field, const char *data, size_t length)
{
    (void)field;
    struct entry_former f = {0};
    const char *rest = data, *address, *until, *job;
    size_t left = length, address_length, until_length, job_length;
    char typed[ULID_SIZE];
    if (!next_word(&rest, &left, &address, &address_length) ||
        has_control(address, address_length) || !next_word(&rest, &left, &until, &until_length) ||
        calendar_read_generalized(until, until_length, &f.until) < 0 ||
        !next_word(&rest, &left, &job, &job_length) ||
        copy_word(job, job_length, typed, sizeof typed) < 0 || ulid_read(typed, f.job) < 0 ||
        strcmp(typed, f.job) != 0 || copy_word(rest, left, f.totp, sizeof f.totp) < 0 ||
        memchr(rest, ' ', left))
        return -EINVAL;
    int r = make_room(&e->formers, e->former_count, sizeof f);
    if (r < 0)
        return r;
    struct entry_former *slot = &e->formers[e->former_count++];
    *slot = f;
    r = entry_keep(address, address_length, &slot->address);
    return r < 0 ? r : entry_keep(data, length, &slot->value);
}

static bool is_letter_state(const char *word)
{
    for (size_t i = 0; i < ELEMENTS(letter_states); i++)
        if (strcmp(word, letter_states[i]) == 0)
            return true;
    return false;
}

int entry_read_letter(struct entry *e, void *field, const char *data, size_t length)
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
    return entry_keep(data, length, &e->letters[e->letter_count - 1].value);
}

/* "TIME#OID of the syntax#LENGTH#HASH" (slapo-ppolicy(5)). */
int entry_read_history(struct entry *e, void *field, const char *data, size_t length)
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
        entry_read_number(e, &announced, part[1] + 1, (size_t)(part[2] - part[1] - 1)) < 0 ||
        announced != (uint64_t)(end - rest) || announced == 0)
        return -EINVAL;
    int r = make_room(&e->history, e->history_count, sizeof h);
    if (r < 0)
        return r;
    e->history[e->history_count++] = h;
    return entry_keep(rest, (size_t)(end - rest), &e->history[e->history_count - 1].hash);
}

int entry_read_code(struct entry *e, void *field, const char *data, size_t length)
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
        entry_read_number(e, &count, tries, tries_length) < 0 || count > UINT_MAX ||
        (left > 0 && calendar_read_generalized(rest, left, &code.retry_after) < 0))
        return -EINVAL;
    code.tries = (unsigned)count;
    *(struct entry_code *)field = code;
    return 0;
}

int entry_read_totp_secret(struct entry *e, void *field, const char *data, size_t length)
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
    r = entry_keep(data, length, &(*list)[*count].value);
    if (r == 0)
        (*count)++;
    return r;
}

int entry_read_request(struct entry *e, void *field, const char *data, size_t length)
{
    (void)field;
    return keep_request(&e->requests, &e->request_count, data, length);
}

int entry_read_result(struct entry *e, void *field, const char *data, size_t length)
{
    (void)field;
    return keep_request(&e->results, &e->result_count, data, length);
}
