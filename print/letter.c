/* Reading letters: fields, seal, and whether the one belongs to the other. The way in is
   letter_read(). */
#include "config.h"

#include "letter.h"

#include "cleanup.h"
#include "keys.h"
#include "seal.h"
#include "wire.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define SEAL_VERSION 1

static const struct {
    const char *word;
    bool password, puk;
} kinds[LETTER_KINDS] = {
    [LETTER_ACCESS] = {"access", true, true},
    [LETTER_PASSWORD] = {"password", true, false},
    [LETTER_PUK] = {"puk", false, true},
};

static const char *const languages[LETTER_LANGUAGES] = {
    [LETTER_GERMAN] = "de",
    [LETTER_ENGLISH] = "en",
};

bool letter_has_password(enum letter_kind kind)
{
    return kinds[kind].password;
}

bool letter_has_puk(enum letter_kind kind)
{
    return kinds[kind].puk;
}

const char *letter_kind_word(enum letter_kind kind)
{
    return kinds[kind].word;
}

int letter_kind_read(const char *word)
{
    for (int i = 0; i < LETTER_KINDS; i++)
        if (strcmp(word, kinds[i].word) == 0)
            return i;
    return -EINVAL;
}

const char *letter_language_word(enum letter_language language)
{
    return languages[language];
}

/* German is the language of those who named none, or one that there are no texts in. */
static enum letter_language language_read(const char *word)
{
    return strncasecmp(word, "en", 2) == 0 ? LETTER_ENGLISH : LETTER_GERMAN;
}

int station_key_load(const char *file, struct station_key *older, struct station_key **ret)
{
    struct station_key *key = sodium_malloc(sizeof *key);
    if (!key)
        return -ENOMEM;
    int r = key_read(file, true, key->secret, sizeof key->secret);
    if (r < 0) {
        sodium_free(key);
        return r;
    }
    if (crypto_scalarmult_base(key->public_key, key->secret) != 0) {
        sodium_free(key);
        return -EINVAL;
    }
    key->older = older;
    sodium_mprotect_readonly(key);
    *ret = key;
    return 0;
}

struct station_key *station_key_free(struct station_key *key)
{
    while (key) {
        struct station_key *older = key->older;
        sodium_free(key); /* wipes */
        key = older;
    }
    return NULL;
}

struct letter *letter_new(void)
{
    struct letter *letter = sodium_malloc(sizeof *letter);
    if (letter)
        memset(letter, 0, sizeof *letter);
    return letter;
}

struct letter *letter_free(struct letter *letter)
{
    sodium_free(letter); /* wipes */
    return NULL;
}

static void *json_allocate(size_t size)
{
    size_t *block = malloc(sizeof(max_align_t) + size);
    if (!block)
        return NULL;
    *block = size;
    return (char *)block + sizeof(max_align_t);
}

static void json_wipe_free(void *p)
{
    if (!p)
        return;
    size_t *block = (void *)((char *)p - sizeof(max_align_t));
    explicit_bzero(p, *block);
    free(block);
}

void letter_wipe_json(void)
{
    json_set_alloc_funcs(json_allocate, json_wipe_free);
}

static int refuse(char why[static LETTER_WHY_SIZE], const char *reason)
{
    snprintf(why, LETTER_WHY_SIZE, "%s", reason);
    return -EBADMSG;
}

int letter_job(const uint8_t *field, size_t size, char ret[static ULID_SIZE])
{
    struct wire_frame frame;
    char job[ULID_SIZE];
    if (wire_parse_fields(field, size, &frame) < 0 ||
        wire_get_string(&frame, WIRE_JOB, job, sizeof job) < 0 || ulid_read(job, ret) < 0)
        return -EPROTO;
    return 0;
}

/* Control characters have no business on paper; newlines separate the lines of an address. */
static bool is_plain(const char *text, bool lines)
{
    for (const unsigned char *c = (const unsigned char *)text; *c; c++)
        if ((*c < 0x20 && !(lines && *c == '\n')) || *c == 0x7f)
            return false;
    return true;
}

struct wanted {
    enum wire_tag tag;
    char *ret;
    size_t size;
    bool optional, lines;
    const char *problem;
};

static int read_strings(const struct wire_frame *frame, const struct wanted *wanted, size_t count,
                        char why[static LETTER_WHY_SIZE])
{
    for (const struct wanted *w = wanted; w < wanted + count; w++) {
        int r = wire_get_string(frame, w->tag, w->ret, w->size);
        if (r == -ENOENT && w->optional)
            w->ret[0] = '\0';
        else if (r < 0 || w->ret[0] == '\0' || !is_plain(w->ret, w->lines))
            return refuse(why, w->problem);
    }
    return 0;
}

static int read_fields(const struct wire_frame *frame, struct letter *letter,
                       char why[static LETTER_WHY_SIZE])
{
    char kind[17] = "", language[9] = "", reference[513] = "";
    const struct wanted wanted[] = {
        {WIRE_JOB, letter->job, sizeof letter->job, .problem = "no valid job"},
        {WIRE_KIND, kind, sizeof kind, .problem = "no valid kind"},
        {WIRE_ENTRY, letter->entry, sizeof letter->entry, .problem = "no valid entry"},
        {WIRE_ADDRESS, letter->address, sizeof letter->address, .lines = true,
         .problem = "no valid postal address"},
        {WIRE_NAME, letter->name, sizeof letter->name, .problem = "no valid name"},
        {WIRE_LANGUAGE, language, sizeof language, .optional = true,
         .problem = "no valid language"},
        {WIRE_LAST_DAY, letter->last_day, sizeof letter->last_day, .optional = true,
         .problem = "no valid last day"},
        {WIRE_LOGIN, letter->login, sizeof letter->login, .problem = "no valid login name"},
        {WIRE_REFERENCE_CODE, reference, sizeof reference, .problem = "no valid reference"},
    };
    int r = read_strings(frame, wanted, ELEMENTS(wanted), why);
    if (r < 0)
        return r;
    uint64_t now;
    if (wire_get_u64(frame, WIRE_TIME, &now) < 0 || now > INT64_MAX)
        return refuse(why, "no valid time");
    letter->time = (time_t)now;
    letter->language = language_read(language);
    int k = letter_kind_read(kind);
    if (k < 0)
        return refuse(why, "a kind that this print station doesn't know");
    letter->kind = (enum letter_kind)k;
    unsigned char raw[REFERENCE_BYTES];
    if (code_reference_read(reference, raw) < 0)
        return refuse(why, "no valid reference");
    code_reference_print(raw, letter->reference);
    sodium_memzero(raw, sizeof raw);
    if (letter_has_password(letter->kind) && letter->last_day[0] == '\0')
        return refuse(why, "an initial password without its last valid day");
    return 0;
}

static bool is_string(const json_t *object, const char *name, const char *expected)
{
    const char *value = json_string_value(json_object_get(object, name));
    return value && strcmp(value, expected) == 0;
}

static int read_code(const json_t *object, const char *name, bool wanted,
                     char ret[static CODE_PRINTED_SIZE], char why[static LETTER_WHY_SIZE])
{
    const json_t *value = json_object_get(object, name);
    ret[0] = '\0';
    if (!wanted)
        return value ? refuse(why, "the seal holds a code that this kind of letter hasn't") : 0;
    char code[CODE_SIZE];
    if (!json_is_string(value) || code_read(json_string_value(value), code) != CODE_RIGHT)
        return refuse(why, "the seal holds no valid code");
    code_print(code, ret);
    sodium_memzero(code, sizeof code);
    return 0;
}

static int read_content(const json_t *content, struct letter *letter,
                        char why[static LETTER_WHY_SIZE])
{
    if (json_integer_value(json_object_get(content, "version")) != SEAL_VERSION)
        return refuse(why, "the seal's content has a version that is not known here");
    if (!is_string(content, "job", letter->job))
        return refuse(why, "the seal was made for another job");
    if (!is_string(content, "entry", letter->entry))
        return refuse(why, "the seal was made for another entry");
    if (!is_string(content, "kind", letter_kind_word(letter->kind)))
        return refuse(why, "the seal was made for another kind of letter");
    int r =
        read_code(content, "password", letter_has_password(letter->kind), letter->password, why);
    if (r < 0)
        return r;
    return read_code(content, "puk", letter_has_puk(letter->kind), letter->puk, why);
}

static int open_seal(const struct station_key *key, const struct wire_frame *frame,
                     struct letter *letter, char why[static LETTER_WHY_SIZE])
{
    const uint8_t *sealed;
    size_t sealed_size;
    if (wire_get(frame, WIRE_SEALED, &sealed, &sealed_size) < 0)
        return refuse(why, "nothing is sealed");
    uint8_t *plain = NULL;
    size_t size = 0;
    int r = -EBADMSG;
    for (; key && r == -EBADMSG; key = key->older)
        r = unseal_letter(key->public_key, key->secret, sealed, sealed_size, &plain, &size);
    if (r == -EBADMSG)
        return refuse(why, "the seal can't be opened with this print station's key");
    if (r < 0)
        return r;
    json_auto_t *content = json_loadb((const char *)plain, size, JSON_REJECT_DUPLICATES, NULL);
    sodium_memzero(plain, size);
    free(plain);
    if (!json_is_object(content))
        return refuse(why, "the seal's content can't be read");
    return read_content(content, letter, why);
}

int letter_read(const struct station_key *key, const uint8_t *field, size_t size,
                struct letter *letter, char why[static LETTER_WHY_SIZE])
{
    struct wire_frame frame;
    sodium_memzero(letter, sizeof *letter);
    if (wire_parse_fields(field, size, &frame) < 0)
        return refuse(why, "its fields can't be read");
    int r = read_fields(&frame, letter, why);
    if (r < 0)
        return r;
    return open_seal(key, &frame, letter, why);
}
