/* Values of configuration files, a function for each type: conf_value_set() goes by the table. */
#include "config.h"

#include "conf-value.h"

#include "cleanup.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define CREDENTIAL "credential:"
#define BLANKS     " \t"

static void *member(const struct conf_key *key, void *target)
{
    return (char *)target + key->offset;
}

static size_t longest(const struct conf_key *key)
{
    return key->max > 0 ? (size_t)key->max : CONF_LINE_MAX;
}

static void replace_string(const struct conf_key *key, void *target, char *string)
{
    char **where = member(key, target);

    free(*where);
    *where = string;
}

static int set_string(const struct conf_key *key, const char *value, bool add, void *target)
{
    char *copy;

    (void)add;
    if (strlen(value) > longest(key))
        return -EINVAL;
    copy = strdup(value);
    if (!copy)
        return -ENOMEM;
    replace_string(key, target, copy);
    return 0;
}

/* $CREDENTIALS_DIRECTORY/NAME, which systemd sets (systemd.exec(5)). */
static int resolve_credential(const char *name, char **ret)
{
    const char *directory = secure_getenv("CREDENTIALS_DIRECTORY");

    if (!*name || *name == '.' || strchr(name, '/'))
        return -EINVAL;
    if (!directory || *directory != '/')
        return -ENOENT;
    return asprintf(ret, "%s/%s", directory, name) < 0 ? -ENOMEM : 0;
}

/* One path; NULL for none. */
static int resolve_path(const char *value, char **ret)
{
    if (strncmp(value, CREDENTIAL, strlen(CREDENTIAL)) == 0)
        return resolve_credential(value + strlen(CREDENTIAL), ret);
    if (*value && *value != '/')
        return -EINVAL;
    *ret = *value ? strdup(value) : NULL;
    return *value && !*ret ? -ENOMEM : 0;
}

static int set_path(const struct conf_key *key, const char *value, bool add, void *target)
{
    char *path = NULL;
    int r = resolve_path(value, &path);

    (void)add;
    if (r == 0)
        replace_string(key, target, path);
    return r;
}

/* Adds a path to those in *paths. */
static int add_path(char **paths, const char *value)
{
    _cleanup_free_ char *path = NULL, *before = *paths;
    int r = resolve_path(value, &path);

    if (r == 0 && asprintf(paths, "%s%s%s", before ? before : "", before ? " " : "", path) < 0)
        r = -ENOMEM;
    if (r < 0)
        *paths = TAKE(before);
    return r;
}

static int set_paths(const struct conf_key *key, const char *value, bool add, void *target)
{
    _cleanup_free_ char *words = strdup(value), *paths = NULL;
    char *rest = NULL;
    int r = words ? 0 : -ENOMEM;

    (void)add;
    if (r < 0)
        return r;
    for (char *word = strtok_r(words, BLANKS, &rest); word && r == 0;
         word = strtok_r(NULL, BLANKS, &rest))
        r = add_path(&paths, word);
    if (r == 0)
        replace_string(key, target, TAKE(paths));
    return r;
}

/* Reads digits; *ret_end is what follows them. */
static int read_digits(const char *value, long *ret, const char **ret_end)
{
    size_t digits = strspn(value, "0123456789");
    long number = 0;

    if (digits == 0)
        return -EINVAL;
    for (size_t i = 0; i < digits; i++)
        if (__builtin_mul_overflow(number, 10, &number) ||
            __builtin_add_overflow(number, value[i] - '0', &number))
            return -EINVAL;
    *ret = number;
    *ret_end = value + digits;
    return 0;
}

static int set_long(const struct conf_key *key, long number, void *target)
{
    if (number < key->min || number > key->max)
        return -EINVAL;
    *(long *)member(key, target) = number;
    return 0;
}

static int set_number(const struct conf_key *key, const char *value, bool add, void *target)
{
    bool negative = *value == '-';
    const char *end;
    long number;

    (void)add;
    if (read_digits(value + negative, &number, &end) < 0 || *end)
        return -EINVAL;
    return set_long(key, negative ? -number : number, target);
}

/* Reads one part of a span, such as "30min"; 0 needs no unit. */
static int read_span_part(const char *value, long *ret, const char **ret_end)
{
    static const struct {
        const char *name;
        long seconds;
    } units[] = {{"s", 1}, {"min", 60}, {"h", 3600}, {"d", 86400}};
    const char *end, *unit;
    size_t length;
    long number;

    if (read_digits(value, &number, &end) < 0)
        return -EINVAL;
    unit = end + strspn(end, BLANKS);
    length = strspn(unit, "abcdefghijklmnopqrstuvwxyz");
    for (size_t i = 0; i < ELEMENTS(units); i++)
        if (length == strlen(units[i].name) && strncmp(unit, units[i].name, length) == 0) {
            *ret_end = unit + length;
            return __builtin_mul_overflow(number, units[i].seconds, ret) ? -EINVAL : 0;
        }
    if (length > 0 || number != 0)
        return -EINVAL;
    *ret = 0;
    *ret_end = end;
    return 0;
}

/* Adds up parts without anything between them, such as "1h30min"; *ret_end is what follows. */
static int read_span(const char *value, long *ret, const char **ret_end)
{
    long total = 0, part;

    do {
        if (read_span_part(value, &part, &value) < 0 || __builtin_add_overflow(total, part, &total))
            return -EINVAL;
    } while (*value >= '0' && *value <= '9');
    *ret = total;
    *ret_end = value;
    return 0;
}

static int set_span(const struct conf_key *key, const char *value, bool add, void *target)
{
    long total = 0, seconds;

    (void)add;
    do {
        if (read_span(value, &seconds, &value) < 0 ||
            __builtin_add_overflow(total, seconds, &total))
            return -EINVAL;
        value += strspn(value, BLANKS);
    } while (*value);
    return set_long(key, total, target);
}

static int set_spans(const struct conf_key *key, const char *value, bool add, void *target)
{
    struct conf_spans spans = {0};
    long seconds;

    (void)add;
    value += strspn(value, BLANKS ",");
    while (*value) {
        if (spans.count == CONF_SPANS_MAX || read_span(value, &seconds, &value) < 0)
            return -EINVAL;
        if (seconds < key->min || seconds > key->max)
            return -EINVAL;
        if (*value && !strchr(BLANKS ",", *value))
            return -EINVAL;
        spans.seconds[spans.count++] = seconds;
        value += strspn(value, BLANKS ",");
    }
    *(struct conf_spans *)member(key, target) = spans;
    return 0;
}

static int set_bool(const struct conf_key *key, const char *value, bool add, void *target)
{
    static const char *const words[][2] = {
        {"no", "yes"}, {"false", "true"}, {"off", "on"}, {"0", "1"}};

    (void)add;
    for (size_t i = 0; i < ELEMENTS(words); i++)
        for (int is = 0; is <= 1; is++)
            if (strcasecmp(value, words[i][is]) == 0) {
                *(bool *)member(key, target) = is;
                return 0;
            }
    return -EINVAL;
}

static int set_choice(const struct conf_key *key, const char *value, bool add, void *target)
{
    (void)add;
    for (int i = 0; key->choices[i]; i++)
        if (strcmp(value, key->choices[i]) == 0) {
            *(int *)member(key, target) = i;
            return 0;
        }
    return -EINVAL;
}

static char **list_free(char **list)
{
    for (char **item = list; item && *item; item++)
        free(*item);
    free(list);
    return NULL;
}

DEFINE_CLEANUP(char *, list_free)

/* Appends one item; *list may be NULL. */
static int list_append(char ***list, const char *item, size_t length)
{
    size_t count = 0;
    char **longer;

    while (*list && (*list)[count])
        count++;
    longer = reallocarray(*list, count + 2, sizeof **list);
    if (!longer)
        return -ENOMEM;
    *list = longer;
    longer[count] = strndup(item, length);
    longer[count + 1] = NULL;
    return longer[count] ? 0 : -ENOMEM;
}

/* Appends the items of value, which are separated by blanks. */
static int list_append_all(char ***list, const char *value, size_t most)
{
    int r = 0;

    value += strspn(value, BLANKS);
    while (r == 0 && *value) {
        size_t length = strcspn(value, BLANKS);

        r = length > most ? -EINVAL : list_append(list, value, length);
        value += length;
        value += strspn(value, BLANKS);
    }
    return r;
}

static int set_list(const struct conf_key *key, const char *value, bool add, void *target)
{
    _cleanup_(list_free_p) char **list = NULL;
    char ***where = member(key, target);
    int r = 0;

    /* The array is always there, if only with its NULL. */
    list = calloc(1, sizeof *list);
    if (!list)
        return -ENOMEM;
    for (char **item = *where; add && r == 0 && item && *item; item++)
        r = list_append(&list, *item, strlen(*item));
    if (r == 0)
        r = list_append_all(&list, value, longest(key));
    if (r < 0)
        return r;
    list_free(*where);
    *where = TAKE(list);
    return 0;
}

static int (*const setters[])(const struct conf_key *, const char *, bool, void *) = {
    [CONF_TYPE_STRING] = set_string, [CONF_TYPE_PATH] = set_path,     [CONF_TYPE_PATHS] = set_paths,
    [CONF_TYPE_NUMBER] = set_number, [CONF_TYPE_SPAN] = set_span,     [CONF_TYPE_SPANS] = set_spans,
    [CONF_TYPE_BOOL] = set_bool,     [CONF_TYPE_CHOICE] = set_choice, [CONF_TYPE_LIST] = set_list,
};

int conf_value_set(const struct conf_key *key, const char *value, bool add, void *target)
{
    return setters[key->type](key, value, add, target);
}

void conf_value_clear(const struct conf_key *key, void *target)
{
    if (key->type == CONF_TYPE_STRING || key->type == CONF_TYPE_PATH ||
        key->type == CONF_TYPE_PATHS)
        replace_string(key, target, NULL);
    if (key->type == CONF_TYPE_LIST)
        *(char ***)member(key, target) = list_free(*(char ***)member(key, target));
}
