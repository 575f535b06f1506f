/* Reading the wording of letters and filling it in; the format is in texts.h. The ways in are
   texts_load() and texts_fill(). */
#include "config.h"

#include "texts.h"

#include "cleanup.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define LINE_MAX_SIZE 1000
#define NAME_SIZE     32

/* A section as it stands in the file: paragraphs and items on lines of their own, "**" as
   TEXT_BOLD. */
struct texts {
    char *body[LETTER_LANGUAGES][TEXT_SECTIONS][LETTER_KINDS + 1]; /* the last: for every kind */
};

#define EVERY_KIND LETTER_KINDS

static const char *const section_names[TEXT_SECTIONS] = {
    [TEXT_REMARK] = "remark",     [TEXT_QR] = "qr",
    [TEXT_SUBJECT] = "subject",   [TEXT_DATE] = "date",
    [TEXT_NUMBER] = "number",     [TEXT_GREETING] = "greeting",
    [TEXT_INTRO] = "intro",       [TEXT_LOGIN] = "login",
    [TEXT_PASSWORD] = "password", [TEXT_PASSWORD_NOTE] = "password-note",
    [TEXT_PUK] = "puk",           [TEXT_PUK_NOTE] = "puk-note",
    [TEXT_TYPING] = "typing",     [TEXT_STEPS_TITLE] = "steps-title",
    [TEXT_STEPS] = "steps",       [TEXT_NOT_ME_TITLE] = "not-me-title",
    [TEXT_NOT_ME] = "not-me",     [TEXT_QUESTIONS] = "questions",
    [TEXT_CLOSING] = "closing",
};

static const char *const value_names[TEXT_VALUES] = {
    [VALUE_NAME] = "name",
    [VALUE_COMPANY] = "company",
    [VALUE_PORTAL_URL] = "portal_url",
    [VALUE_LOGIN] = "login",
    [VALUE_LAST_DAY] = "last_day",
    [VALUE_SUPPORT] = "support",
    [VALUE_REFERENCE] = "reference",
    [VALUE_REFERENCE_URL] = "reference_url",
    [VALUE_SIGNATURE] = "signature",
};

/* One file being read. */
struct reader {
    struct texts *texts;
    enum letter_language language;
    const char *name;
    unsigned line;
    char **body; /* of the section that lines go to; NULL before the first */
    bool blank;  /* an empty line came since the last text */
    char *problem;
    size_t problem_size;
};

static int complain(struct reader *r, const char *what, const char *word)
{
    snprintf(r->problem, r->problem_size, "%s:%u: %s%s%s%s", r->name, r->line, what,
             word[0] ? " \"" : "", word, word[0] ? "\"" : "");
    return -EINVAL;
}

struct texts *texts_new(void)
{
    return calloc(1, sizeof(struct texts));
}

struct texts *texts_free(struct texts *texts)
{
    if (!texts)
        return NULL;
    for (size_t l = 0; l < LETTER_LANGUAGES; l++)
        for (size_t s = 0; s < TEXT_SECTIONS; s++)
            for (size_t k = 0; k <= EVERY_KIND; k++)
                free(texts->body[l][s][k]);
    free(texts);
    return NULL;
}

DEFINE_CLEANUP(struct texts, texts_free)

static int find(const char *const *names, size_t count, const char *name, size_t length)
{
    for (size_t i = 0; i < count; i++)
        if (strlen(names[i]) == length && memcmp(names[i], name, length) == 0)
            return (int)i;
    return -ENOENT;
}

static int begin_section(struct reader *r, char *line)
{
    size_t length = strlen(line);
    if (line[length - 1] != ']')
        return complain(r, "expected \"]\" at the end of", line);
    line[length - 1] = '\0';
    char *save = NULL;
    const char *name = strtok_r(line + 1, " ", &save);
    const char *kind = strtok_r(NULL, " ", &save);
    int section = name ? find(section_names, TEXT_SECTIONS, name, strlen(name)) : -ENOENT;
    if (section < 0)
        return complain(r, "unknown section", name ? name : "");
    int k = kind ? letter_kind_read(kind) : (int)EVERY_KIND;
    if (k < 0 || strtok_r(NULL, " ", &save))
        return complain(r, "expected access, password or puk instead of", kind);
    r->body = &r->texts->body[r->language][section][k];
    if (*r->body)
        return complain(r, "a second time: section", name);
    *r->body = strdup("");
    r->blank = false;
    return *r->body ? 0 : -ENOMEM;
}

/* Every "{{" must begin a name from the table. */
static int check_values(struct reader *r, const char *line)
{
    for (const char *at = line; (at = strstr(at, "{{"));) {
        at += 2;
        const char *end = strstr(at, "}}");
        if (!end)
            return complain(r, "expected \"}}\" in", line);
        if (find(value_names, TEXT_VALUES, at, (size_t)(end - at)) < 0) {
            char name[NAME_SIZE];
            snprintf(name, sizeof name, "%.*s", (int)(end - at), at);
            return complain(r, "unknown value", name);
        }
        at = end + 2;
    }
    return 0;
}

/* "**" becomes TEXT_BOLD, in place. */
static void mark_bold(char *text)
{
    char *to = text;
    for (const char *from = text; *from; from++) {
        if (from[0] == '*' && from[1] == '*') {
            *to++ = TEXT_BOLD;
            from++;
        } else {
            *to++ = *from;
        }
    }
    *to = '\0';
}

static int add_line(struct reader *r, char *line)
{
    if (!r->body)
        return complain(r, "text before the first section:", line);
    int error = check_values(r, line);
    if (error < 0)
        return error;
    mark_bold(line);
    bool item = strncmp(line, "- ", 2) == 0;
    bool first = (*r->body)[0] == '\0';
    const char *joint = first ? "" : item || r->blank ? "\n" : " ";
    char *joined = NULL;
    if (asprintf(&joined, "%s%s%s", *r->body, joint, item ? line + 2 : line) < 0)
        return -ENOMEM;
    free(*r->body);
    *r->body = joined;
    r->blank = false;
    if (strlen(joined) >= TEXT_SIZE)
        return complain(r, "this section is too long", "");
    return 0;
}

static int read_line(struct reader *r, char *line)
{
    line[strcspn(line, "\r\n")] = '\0';
    for (size_t n = strlen(line); n > 0 && line[n - 1] == ' '; n--)
        line[n - 1] = '\0';
    for (const unsigned char *c = (const unsigned char *)line; *c; c++)
        if (*c < 0x20)
            return complain(r, "a control character", "");
    if (line[0] == '#')
        return 0;
    if (line[0] == '\0') {
        r->blank = true;
        return 0;
    }
    char *text = line + strspn(line, " ");
    return text[0] == '[' ? begin_section(r, text) : add_line(r, text);
}

static const char *body_of(const struct texts *texts, enum letter_language language,
                           enum letter_kind kind, enum text_section section)
{
    const char *own = texts->body[language][section][kind];
    return own ? own : texts->body[language][section][EVERY_KIND];
}

static bool is_of_password(enum text_section section)
{
    return section == TEXT_PASSWORD || section == TEXT_PASSWORD_NOTE;
}

static bool is_needed(enum text_section section, enum letter_kind kind)
{
    switch (section) {
    case TEXT_REMARK:
    case TEXT_QR:
        return false;
    case TEXT_PASSWORD:
    case TEXT_PASSWORD_NOTE:
        return letter_has_password(kind);
    case TEXT_PUK:
    case TEXT_PUK_NOTE:
        return letter_has_puk(kind);
    default:
        return true;
    }
}

/* A letter without a password has no last day, so its texts can't name one. */
static int check_whole(struct reader *r)
{
    r->line = 0;
    for (enum letter_kind kind = 0; kind < LETTER_KINDS; kind++) {
        for (enum text_section section = 0; section < TEXT_SECTIONS; section++) {
            const char *body = body_of(r->texts, r->language, kind, section);
            if (is_needed(section, kind) && (!body || body[0] == '\0'))
                return complain(r, "missing: section", section_names[section]);
            if (body && !letter_has_password(kind) && !is_of_password(section) &&
                strstr(body, "{{last_day}}"))
                return complain(r, "a letter with a PUK alone has no {{last_day}}; see section",
                                section_names[section]);
        }
    }
    return 0;
}

int texts_load_buffer(struct texts *texts, enum letter_language language, const char *name,
                      const char *data, size_t length, char *problem, size_t size)
{
    struct reader r = {.texts = texts,
                       .language = language,
                       .name = name,
                       .problem = problem,
                       .problem_size = size};
    if (length > TEXT_FILE_MAX || memchr(data, '\0', length))
        return complain(&r, "too long, or not a text", "");
    for (size_t at = 0; at < length;) {
        const char *end = memchr(data + at, '\n', length - at);
        size_t n = end ? (size_t)(end - (data + at)) : length - at;
        char line[LINE_MAX_SIZE];
        r.line++;
        if (n >= sizeof line)
            return complain(&r, "this line is too long", "");
        memcpy(line, data + at, n);
        line[n] = '\0';
        int error = read_line(&r, line);
        if (error < 0)
            return error;
        at += n + 1;
    }
    return check_whole(&r);
}

static int load_file(struct texts *texts, enum letter_language language, const char *directory,
                     char *problem, size_t size)
{
    _cleanup_free_ char *path = NULL, *data = malloc(TEXT_FILE_MAX + 1);
    if (!data || asprintf(&path, "%s/%s.txt", directory, letter_language_word(language)) < 0)
        return -ENOMEM;
    _cleanup_fclose_ FILE *f = fopen(path, "re");
    if (!f) {
        int error = -errno;
        snprintf(problem, size, "%s: %s", path, strerror(-error));
        return error;
    }
    size_t length = fread(data, 1, TEXT_FILE_MAX + 1, f);
    if (ferror(f)) {
        snprintf(problem, size, "%s: can't be read", path);
        return -EIO;
    }
    return texts_load_buffer(texts, language, path, data, length, problem, size);
}

int texts_load(const char *directory, char *problem, size_t size, struct texts **ret)
{
    problem[0] = '\0';
    _cleanup_(texts_free_p) struct texts *texts = texts_new();
    if (!texts)
        return -ENOMEM;
    for (enum letter_language l = 0; l < LETTER_LANGUAGES; l++) {
        int r = load_file(texts, l, directory, problem, size);
        if (r < 0)
            return r;
    }
    *ret = TAKE(texts);
    return 0;
}

int texts_fill(const struct texts *texts, enum letter_language language, enum letter_kind kind,
               enum text_section section, const char *const values[static TEXT_VALUES],
               char ret[static TEXT_SIZE])
{
    const char *at = body_of(texts, language, kind, section);
    if (!at && is_needed(section, kind))
        return -ENOENT;
    size_t used = 0;
    while (at && *at) {
        const char *piece = at;
        size_t length = 1;
        if (at[0] == '{' && at[1] == '{') {
            const char *end = strstr(at, "}}"); /* checked when it was read */
            int value = find(value_names, TEXT_VALUES, at + 2, (size_t)(end - at - 2));
            if (value < 0 || !values[value])
                return -ENOENT;
            piece = values[value];
            length = strlen(piece);
            at = end + 2;
        } else {
            at++;
        }
        if (used + length >= TEXT_SIZE)
            return -E2BIG;
        memcpy(ret + used, piece, length);
        used += length;
    }
    ret[used] = '\0';
    return 0;
}

bool texts_is_personal(const struct texts *texts, enum letter_language language,
                       enum letter_kind kind, enum text_section section)
{
    static const char *const personal[] = {"{{name}}", "{{login}}", "{{reference}}",
                                           "{{reference_url}}"};
    const char *body = body_of(texts, language, kind, section);
    for (size_t i = 0; body && i < ELEMENTS(personal); i++)
        if (strstr(body, personal[i]))
            return true;
    return false;
}
