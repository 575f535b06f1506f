/* Templates: reads them, and renders pages. templates_load() and templates_render() are the ways
   in. */
#include "config.h"

#include "template-private.h"

#include "template-escape.h"
#include "view-private.h"

#include "cleanup.h"
#include "file.h"
#include "log.h"
#include "messages.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SUFFIX ".html"

static const char *const languages[TEMPLATE_LANGUAGES] = {"en", "de"};

struct page {
    char name[TEMPLATE_NAME_MAX + 1];
    struct program program[TEMPLATE_LANGUAGES];
};

struct templates {
    size_t count;
    struct page page[];
};

struct templates *templates_free(struct templates *t)
{
    for (size_t i = 0; t && i < t->count; i++) {
        for (size_t l = 0; l < TEMPLATE_LANGUAGES; l++)
            program_clear(&t->page[i].program[l]);
    }
    free(t);
    return NULL;
}

int templates_make(const struct sources *sources, template_fault *fault, void *userdata,
                   struct templates **ret)
{
    _cleanup_(templates_free_p) struct templates *t =
        calloc(1, sizeof *t + sources->count * sizeof t->page[0]);
    int result = 0;

    if (!t)
        return -ENOMEM;
    t->count = sources->count;
    for (size_t i = 0; i < t->count; i++) {
        const struct source *source = &sources->source[i];

        snprintf(t->page[i].name, sizeof t->page[i].name, "%s", source->name);
        for (size_t l = 0; l < TEMPLATE_LANGUAGES; l++) {
            int r = template_compile(sources, source, languages[l], fault, userdata,
                                     &t->page[i].program[l]);

            if (r < 0)
                result = r;
        }
    }
    if (result == 0)
        *ret = TAKE(t);
    return result;
}

/* The files of a directory while they are compiled. */
struct files {
    struct source source[TEMPLATE_FILES_MAX];
    size_t count;
    const char *directory;
    char last[256]; /* what was complained of, so that no language does it again */
};

static void files_clear(struct files *files)
{
    for (size_t i = 0; i < files->count; i++) {
        free((char *)files->source[i].name);
        free((char *)files->source[i].text);
    }
}

static void complain(void *userdata, const char *file, unsigned line, const char *problem)
{
    struct files *files = userdata;
    char said[sizeof files->last];

    snprintf(said, sizeof said, "%s" SUFFIX ":%u: %s", file, line, problem);
    if (strcmp(said, files->last) == 0)
        return;
    memcpy(files->last, said, sizeof said);
    log_event(LOG_ERR, MESSAGE_CONFIGURATION, NULL, "%s/%s", files->directory, said);
}

static int refuse_file(const struct files *files, const char *file, const char *why)
{
    log_event(LOG_ERR, MESSAGE_CONFIGURATION, NULL, "%s/%s: %s", files->directory, file, why);
    return -EINVAL;
}

static int take_file(struct files *files, const char *file)
{
    const size_t length = strlen(file) - strlen(SUFFIX);
    _cleanup_free_ char *path = NULL, *name = NULL;
    _cleanup_free_ uint8_t *text = NULL;
    size_t size;
    int r;

    if (files->count == TEMPLATE_FILES_MAX || length > TEMPLATE_NAME_MAX)
        return refuse_file(files, file, "too many files, or too long a name");
    if (asprintf(&path, "%s/%s", files->directory, file) < 0)
        return -ENOMEM;
    r = file_read(path, TEMPLATE_FILE_MAX, &text, &size);
    if (r < 0)
        return refuse_file(files, file, strerror(-r));
    if (strlen((char *)text) != size)
        return refuse_file(files, file, "isn't text");
    name = strndup(file, length);
    if (!name)
        return -ENOMEM;
    files->source[files->count++] = (struct source){TAKE(name), (char *)TAKE(text)};
    return 0;
}

static bool is_template(const char *file)
{
    size_t length = strlen(file);

    return *file != '.' && length > strlen(SUFFIX) &&
           strcmp(file + length - strlen(SUFFIX), SUFFIX) == 0;
}

static void closedir_p(DIR **directory)
{
    if (*directory)
        closedir(*directory);
}

int templates_load(const char *directory, struct templates **ret)
{
    _cleanup_(closedir_p) DIR *opened = opendir(directory);
    _cleanup_(files_clear) struct files files = {.directory = directory};
    const struct dirent *entry;
    int r = 0;

    if (!opened)
        return -errno;
    while (r == 0 && (entry = readdir(opened))) {
        if (is_template(entry->d_name))
            r = take_file(&files, entry->d_name);
    }
    if (r < 0)
        return r;
    return templates_make(&(struct sources){files.source, files.count}, complain, &files, ret);
}

struct renderer {
    const struct program *program;
    const struct view *scope[TEMPLATE_DEPTH_MAX + 1]; /* the page's view, then rows */
    size_t scopes;
    unsigned steps;
    struct buffer out;
};

/* The innermost value of name: "" and NULL are absent. */
static const char *value_of(const struct renderer *r, const char *name, bool markup)
{
    for (size_t i = r->scopes; i > 0; i--) {
        const char *value = view_value(r->scope[i - 1], name, markup);

        if (value)
            return value;
    }
    return "";
}

static const struct view *rows_of(const struct renderer *r, const char *name)
{
    const struct view *row = NULL;

    for (size_t i = r->scopes; i > 0 && !row; i--)
        row = view_first(r->scope[i - 1], name);
    return row;
}

static void run(struct renderer *r, size_t from, size_t end);

static void section(struct renderer *r, const char *name, bool with, size_t from, size_t end)
{
    const struct view *row = rows_of(r, name);
    bool there = row || *value_of(r, name, false) || *value_of(r, name, true);

    if (there != with)
        return;
    if (!row) {
        run(r, from, end);
        return;
    }
    for (r->scopes++; row && r->out.error == 0; row = view_next(row)) {
        r->scope[r->scopes - 1] = row;
        run(r, from, end);
    }
    r->scopes--;
}

static void run(struct renderer *r, size_t from, size_t end)
{
    /* Rows within rows may say nothing and yet take their time. */
    if (++r->steps > TEMPLATE_STEPS_MAX)
        r->out.error = -EMSGSIZE;
    for (size_t i = from; i < end && r->out.error == 0; i++) {
        const struct op *op = &r->program->ops[i];
        const char *text = r->program->text + op->text;

        switch (op->kind) {
        case OP_LITERAL:
            buffer_add(&r->out, text, op->size);
            break;
        case OP_VALUE:
            escape_add(&r->out, op->hole, value_of(r, text, false));
            break;
        case OP_MARKUP:
            buffer_add_text(&r->out, value_of(r, text, true));
            break;
        case OP_SECTION:
        case OP_WITHOUT:
            section(r, text, op->kind == OP_SECTION, i + 1, op->size);
            i = op->size - 1;
            break;
        }
    }
}

static const struct page *find(const struct templates *t, const char *name)
{
    for (size_t i = 0; i < t->count; i++) {
        if (strcmp(t->page[i].name, name) == 0)
            return &t->page[i];
    }
    return NULL;
}

int templates_render(const struct templates *t, const char *language, const char *name,
                     const struct view *view, char **ret, size_t *ret_size)
{
    const struct page *page = find(t, name);
    size_t spoken = 0;
    struct renderer r;
    int error = view_error(view);

    if (!page)
        return -ENOENT;
    if (error < 0)
        return error;
    while (spoken + 1 < TEMPLATE_LANGUAGES && strcmp(languages[spoken], language) != 0)
        spoken++;
    if (strcmp(languages[spoken], language) != 0)
        spoken = 0;
    r = (struct renderer){.program = &page->program[spoken],
                          .scope = {view},
                          .scopes = 1,
                          .out = BUFFER(TEMPLATE_PAGE_MAX)};
    run(&r, 0, r.program->count);
    error = buffer_take(&r.out, ret, ret_size);
    buffer_clear(&r.out);
    return error;
}
