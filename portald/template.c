/* Templates of mails: template.h. */
#include "config.h"

#include "template.h"

#include "cleanup.h"

#include <errno.h>
#include <glib.h>
#include <stdio.h>
#include <sys/stat.h>

#define NAME_SHOWN 40 /* of a name in an error */

static const char *const names[TEMPLATE_NAMES] = {
    [TEMPLATE_COMPANY] = "company",
    [TEMPLATE_SUPPORT] = "support",
    [TEMPLATE_NAME] = "name",
    [TEMPLATE_GREETING] = "greeting",
    [TEMPLATE_LINK] = "link",
    [TEMPLATE_HOURS] = "hours",
    [TEMPLATE_NOT_ME] = "not_me",
    [TEMPLATE_REFERENCE] = "reference",
    [TEMPLATE_LOGIN_URL] = "login_url",
    [TEMPLATE_TIME] = "time",
    [TEMPLATE_CODE] = "code",
    [TEMPLATE_MINUTES] = "minutes",
    [TEMPLATE_DAY] = "day",
    [TEMPLATE_TITLE] = "title",
    [TEMPLATE_BODY] = "body",
};

/* Text, then a value. */
struct piece {
    size_t start, length;
    int name; /* enum template_name, or TEMPLATE_NAMES for none */
};

struct template
{
    enum template_form form;
    char *text;
    struct piece *pieces;
    size_t count;
};

struct template *template_free(struct template *t)
{
    if (t) {
        free(t->pieces);
        free(t->text);
        free(t);
    }
    return NULL;
}

static int name_find(const char *word, size_t length)
{
    for (int i = 0; i < TEMPLATE_NAMES; i++)
        if (strlen(names[i]) == length && memcmp(names[i], word, length) == 0)
            return i;
    return -1;
}

static int template_add(struct template *t, struct piece piece)
{
    struct piece *grown = reallocarray(t->pieces, t->count + 1, sizeof *grown);

    if (!grown)
        return -ENOMEM;
    t->pieces = grown;
    t->pieces[t->count++] = piece;
    return 0;
}

static unsigned line_of(const char *text, const char *place)
{
    unsigned line = 1;

    for (; text < place; text++)
        line += *text == '\n';
    return line;
}

/* One piece: the text up to the next "{{", and the name between that and "}}". */
static int template_next(struct template *t, const char **at, uint32_t allowed, char *problem,
                         size_t problem_size)
{
    const char *start = *at, *open = strstr(start, "{{"), *close;
    struct piece piece = {.start = (size_t)(start - t->text), .name = TEMPLATE_NAMES};

    if (!open) {
        piece.length = strlen(start);
        *at = start + piece.length;
        return template_add(t, piece);
    }
    close = strstr(open, "}}");
    if (!close) {
        snprintf(problem, problem_size, "line %u: \"{{\" without \"}}\"", line_of(t->text, open));
        return -EINVAL;
    }
    piece.length = (size_t)(open - start);
    piece.name = name_find(open + 2, (size_t)(close - open - 2));
    if (piece.name < 0 || !(allowed & TEMPLATE_BIT(piece.name))) {
        snprintf(problem, problem_size, "line %u: {{%.*s}} is %s", line_of(t->text, open),
                 (int)(close - open - 2 > NAME_SHOWN ? NAME_SHOWN : close - open - 2), open + 2,
                 piece.name < 0 ? "unknown" : "not to be had in this mail");
        return -EINVAL;
    }
    *at = close + 2;
    return template_add(t, piece);
}

int template_parse(const char *text, size_t size, enum template_form form, uint32_t allowed,
                   char *problem, size_t problem_size, struct template **ret)
{
    _cleanup_(template_free_p) struct template *t = calloc(1, sizeof *t);
    const char *at;

    if (!t || !(t->text = strndup(text, size)))
        return -ENOMEM;
    if (memchr(text, '\0', size) || !g_utf8_validate(text, (gssize)size, NULL)) {
        snprintf(problem, problem_size, "it isn't UTF-8 text");
        return -EINVAL;
    }
    t->form = form;
    for (at = t->text; *at;) {
        int r = template_next(t, &at, allowed, problem, problem_size);

        if (r < 0)
            return r;
    }
    *ret = TAKE(t);
    return 0;
}

int template_load(const char *file, enum template_form form, uint32_t allowed, char *problem,
                  size_t problem_size, struct template **ret)
{
    _cleanup_fclose_ FILE *f = fopen(file, "re");
    _cleanup_free_ char *text = NULL;
    struct stat st;
    size_t size;

    int error = !f || fstat(fileno(f), &st) < 0 ? errno : S_ISREG(st.st_mode) ? 0 : EISDIR;

    if (error) {
        snprintf(problem, problem_size, "it can't be read: %s", strerror(error));
        return -error;
    }
    text = malloc(TEMPLATE_MAX + 1);
    if (!text)
        return -ENOMEM;
    size = fread(text, 1, TEMPLATE_MAX + 1, f);
    if (ferror(f) || size > TEMPLATE_MAX) {
        snprintf(problem, problem_size, "it %s",
                 size > TEMPLATE_MAX ? "is too large" : "can't be read");
        return size > TEMPLATE_MAX ? -EFBIG : -EIO;
    }
    return template_parse(text, size, form, allowed, problem, problem_size, ret);
}

static const char *html_escape(char c)
{
    switch (c) {
    case '&':
        return "&amp;";
    case '<':
        return "&lt;";
    case '>':
        return "&gt;";
    case '"':
        return "&quot;";
    case '\'':
        return "&#39;";
    default:
        return NULL;
    }
}

static void value_write(FILE *out, const char *value, enum template_form form)
{
    for (; *value; value++) {
        const char *escaped = form == TEMPLATE_HTML ? html_escape(*value) : NULL;

        if (escaped)
            fputs(escaped, out);
        else if ((unsigned char)*value < ' ' || *value == 127)
            fputc(' ', out);
        else
            fputc(*value, out);
    }
}

bool template_has(const struct template *t, enum template_name name)
{
    for (size_t i = 0; i < t->count; i++)
        if (t->pieces[i].name == (int)name)
            return true;
    return false;
}

int template_render(const struct template *t, const char *const values[static TEMPLATE_NAMES],
                    char **ret)
{
    _cleanup_free_ char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    bool failed;

    if (!out)
        return -ENOMEM;
    for (size_t i = 0; i < t->count; i++) {
        const struct piece *piece = &t->pieces[i];

        fwrite(t->text + piece->start, 1, piece->length, out);
        if (piece->name == TEMPLATE_BODY && values[piece->name])
            fputs(values[piece->name], out);
        else if (piece->name < TEMPLATE_NAMES && values[piece->name])
            value_write(out, values[piece->name], t->form);
    }
    failed = ferror(out);
    if (fclose(out) != 0 || failed)
        return -ENOMEM;
    *ret = TAKE(text);
    return 0;
}
