/* Scripts: a file holds cases, a case holds lines, and "row" lines make one case of each row by
   putting its words for $1 to $9. Way in: script_read(). */
#include "config.h"

#include "pam_script.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"

#define ROWS_MAX 64

static void *grow(void *array, size_t count, size_t size)
{
    void *p = realloc(array, (count + 1) * size);

    if (!p)
        abort();
    return p;
}

static void case_add_line(struct script_case *c, char *line)
{
    c->lines = grow(c->lines, c->count, sizeof *c->lines);
    c->lines[c->count++] = line;
}

/* line with the row's words in the places of $1 … $9 */
static char *substitute(const char *line, const struct script_line *row)
{
    char *text = NULL;
    size_t size = 0;
    FILE *f = open_memstream(&text, &size);

    for (const char *p = line; f && *p; p++)
        if (*p == '$' && p[1] >= '1' && p[1] <= '9' && (size_t)(p[1] - '0') < row->count)
            fputs(row->words[*++p - '0'].text, f);
        else
            fputc(*p, f);
    if (!f || fclose(f) != 0)
        abort();
    return text;
}

static void case_expand(const struct script_case *c, char *const *rows, size_t row_count,
                        struct script_case **cases, size_t *count)
{
    static const struct script_line empty;
    struct script_line *row = calloc(1, sizeof *row);

    for (size_t i = 0; i < (row_count ? row_count : 1); i++) {
        struct script_case one = {.file = strdup(c->file)};

        *row = empty;
        if (row_count && script_split(rows[i], row) < 0)
            abort();
        one.title = substitute(c->title, row);
        for (char *p = one.title; *p; p++) /* TAP is lines of text */
            if (*p < ' ' || *p == 0x7f)
                *p = '?';
        for (size_t k = 0; k < c->count; k++) {
            char *line = substitute(c->lines[k], row);

            if (*line && *line != '#')
                case_add_line(&one, line);
            else
                free(line);
        }
        *cases = grow(*cases, *count, sizeof **cases);
        (*cases)[(*count)++] = one;
    }
    free(row);
}

static void case_clear(struct script_case *c)
{
    for (size_t i = 0; i < c->count; i++)
        free(c->lines[i]);
    free(c->lines);
    free(c->title);
    free(c->file);
    *c = (struct script_case){0};
}

static void case_end(struct script_case *c, char **rows, size_t *row_count,
                     struct script_case **cases, size_t *count)
{
    if (c->title)
        case_expand(c, rows, *row_count, cases, count);
    for (size_t i = 0; i < *row_count; i++)
        free(rows[i]);
    *row_count = 0;
    case_clear(c);
}

void script_read(const char *path, struct script_case **cases, size_t *count)
{
    _cleanup_fclose_ FILE *f = fopen(path, "re");
    _cleanup_free_ char *line = NULL;
    struct script_case c = {0};
    char *rows[ROWS_MAX];
    size_t size = 0, row_count = 0;
    unsigned number = 0;

    if (!f) {
        fprintf(stderr, "%s: %m\n", path);
        exit(1);
    }
    while (getline(&line, &size, f) >= 0) {
        const char *text = line + strspn(line, " \t");

        number++;
        line[strcspn(line, "\n")] = '\0';
        if (*text == '\0' || *text == '#')
            continue;
        if (script_is(text, "case")) {
            case_end(&c, rows, &row_count, cases, count);
            c.title = strdup(text + strlen("case "));
            if (asprintf(&c.file, "%s:%u", strrchr(path, '/') + 1, number) < 0)
                abort();
        } else if (script_is(text, "row") && row_count < ROWS_MAX) {
            rows[row_count++] = strdup(text);
        } else {
            case_add_line(&c, strdup(text));
        }
    }
    case_end(&c, rows, &row_count, cases, count);
}

void script_free(struct script_case *cases, size_t count)
{
    for (size_t i = 0; i < count; i++)
        case_clear(&cases[i]);
    free(cases);
}

bool script_is(const char *line, const char *word)
{
    size_t length = strlen(word);

    return strncmp(line, word, length) == 0 && (line[length] == ' ' || line[length] == '\0');
}

/* One escape; *p stands behind the backslash and ends behind the escape. */
static int unescape(const char **p, char *ret, size_t room)
{
    unsigned times = 1, byte = 0;
    int used = 0;

    if (sscanf(*p, "x%2x%n", &byte, &used) == 1 && used == 3)
        ;
    else if (sscanf(*p, "{%u%c}%n", &times, ret, &used) == 2 && used > 0)
        byte = (unsigned char)*ret;
    else if (**p) {
        byte = (unsigned char)(**p == 'n' ? '\n' : **p);
        used = 1;
    }
    if (used == 0 || times > room)
        return -EINVAL;
    memset(ret, (int)byte, times);
    *p += used;
    return (int)times;
}

static int split_word(const char **p, struct script_word *ret)
{
    size_t length = 0;
    int r;

    ret->quoted = **p == '"';
    *p += ret->quoted;
    while (**p && (ret->quoted ? **p != '"' : **p != ' ')) {
        if (length + 1 >= sizeof ret->text)
            return -EINVAL;
        if (**p != '\\') {
            ret->text[length++] = *(*p)++;
            continue;
        }
        ++*p;
        r = unescape(p, ret->text + length, sizeof ret->text - 1 - length);
        if (r < 0)
            return r;
        length += (size_t)r;
    }
    if (ret->quoted && *(*p)++ != '"')
        return -EINVAL;
    ret->text[length] = '\0';
    return 0;
}

int script_split(const char *line, struct script_line *ret)
{
    const char *p = line;
    int r;

    ret->count = 0;
    for (;;) {
        p += strspn(p, " \t");
        if (!*p)
            return 0;
        if (ret->count == SCRIPT_WORDS)
            return -EINVAL;
        r = split_word(&p, &ret->words[ret->count++]);
        if (r < 0)
            return r;
    }
}
