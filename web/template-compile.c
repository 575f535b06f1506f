/* Compiles a page: what is literal, and how each value is escaped. template_compile() is the way
   in. */
#include "config.h"

#include "template-private.h"

#include "cleanup.h"
#include "texts.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define PHRASE_MAX   1024 /* bytes of a text that is translated */
#define PHRASE_BEGIN "_"
#define PHRASE_END   "{{/_}}"

struct open {
    char name[TEMPLATE_NAME_MAX + 1];
    size_t op;
    struct html html; /* where it began */
};

struct compiler {
    const struct sources *sources;
    const char *language;
    template_fault *fault;
    void *userdata;
    struct program *program;
    struct buffer text;
    struct html html;
    struct open open[TEMPLATE_DEPTH_MAX];
    size_t opened, depth;
};

/* A file that is being read, and how far. */
struct place {
    const struct source *source;
    const char *p;
    unsigned line;
};

static int refuse(const struct compiler *c, const struct place *at, const char *problem)
{
    c->fault(c->userdata, at->source->name, at->line, problem);
    return -EINVAL;
}

static int add(struct compiler *c, enum op_kind kind, enum html_hole hole, const char *text,
               size_t size)
{
    struct program *program = c->program;
    size_t offset = c->text.size;

    if (program->count == TEMPLATE_OPS_MAX)
        return -EMSGSIZE;
    buffer_add(&c->text, text, size);
    buffer_add(&c->text, "", 1);
    if (c->text.error < 0)
        return c->text.error;
    if (!program->ops) {
        program->ops = calloc(TEMPLATE_OPS_MAX, sizeof *program->ops);
        if (!program->ops)
            return -ENOMEM;
    }
    program->ops[program->count++] = (struct op){kind, hole, offset, size};
    return 0;
}

static int literal(struct compiler *c, struct place *at, const char *end)
{
    const char *from = at->p;

    for (; at->p < end; at->p++) {
        const char *problem = html_feed(&c->html, *at->p);

        if (problem)
            return refuse(c, at, problem);
        at->line += *at->p == '\n';
    }
    return end > from ? add(c, OP_LITERAL, HOLE_TEXT, from, (size_t)(end - from)) : 0;
}

/* Names of values: [a-z][a-z0-9_]*; of files, with - instead of _. */
static bool is_name(const char *name, char joint)
{
    if (*name < 'a' || *name > 'z' || strlen(name) > TEMPLATE_NAME_MAX)
        return false;
    for (const char *p = name; *p; p++) {
        if (!(*p >= 'a' && *p <= 'z') && !(*p >= '0' && *p <= '9') && *p != joint)
            return false;
    }
    return true;
}

static int value(struct compiler *c, const struct place *at, const char *name)
{
    enum html_hole hole;
    const char *problem;

    if (!is_name(name, '_'))
        return refuse(c, at, "this can't be a name");
    problem = html_hole(&c->html, &hole);
    return problem ? refuse(c, at, problem) : add(c, OP_VALUE, hole, name, strlen(name));
}

static int markup(struct compiler *c, const struct place *at, const char *name)
{
    if (!is_name(name, '_'))
        return refuse(c, at, "this can't be a name");
    if (c->html.place != HTML_TEXT)
        return refuse(c, at, "markup can be put into text only");
    return add(c, OP_MARKUP, HOLE_TEXT, name, strlen(name));
}

static int section_begin(struct compiler *c, const struct place *at, const char *name,
                         enum op_kind kind)
{
    const char *problem = html_pause(&c->html);
    struct open *open;

    if (!is_name(name, '_'))
        return refuse(c, at, "this can't be a name");
    if (problem)
        return refuse(c, at, problem);
    if (c->opened == TEMPLATE_DEPTH_MAX)
        return refuse(c, at, "sections are nested too deep");
    open = &c->open[c->opened++];
    *open = (struct open){.op = c->program->count, .html = c->html};
    strcpy(open->name, name);
    return add(c, kind, HOLE_TEXT, name, strlen(name));
}

static int section_end(struct compiler *c, const struct place *at, const char *name, size_t base)
{
    const char *problem = html_pause(&c->html);
    const struct open *open = c->opened > base ? &c->open[c->opened - 1] : NULL;

    if (!open || strcmp(open->name, name) != 0)
        return refuse(c, at, "another section ends here than began");
    if (!problem)
        problem = html_join(&c->html, &open->html);
    if (problem)
        return refuse(c, at, problem);
    c->program->ops[open->op].size = c->program->count;
    c->opened--;
    return 0;
}

static int compile_file(struct compiler *c, const struct source *source);

static int include(struct compiler *c, const struct place *at, const char *name)
{
    if (!is_name(name, '-'))
        return refuse(c, at, "this can't be a file's name");
    if (c->html.place != HTML_TEXT)
        return refuse(c, at, "a file can be put into text only");
    if (c->depth == TEMPLATE_DEPTH_MAX)
        return refuse(c, at, "files are nested too deep");
    for (size_t i = 0; i < c->sources->count; i++) {
        if (strcmp(c->sources->source[i].name, name) == 0)
            return compile_file(c, &c->sources->source[i]);
    }
    return refuse(c, at, "there is no such file");
}

/* One without what a text can't have; *ret_end is behind it. */
static const char *tag_name(const char *p, char ret[static TEMPLATE_NAME_MAX + 3],
                            const char **ret_end)
{
    const char *begin = p + 2, *end = strstr(begin, "}}");
    size_t size;

    if (!end)
        return "braces that don't close";
    *ret_end = end + 2;
    while (end > begin && end[-1] == ' ')
        end--;
    size = (size_t)(end - begin);
    if (size > TEMPLATE_NAME_MAX + 2)
        return "a name is too long";
    memcpy(ret, begin, size);
    ret[size] = '\0';
    return NULL;
}

/* What a translation says, as if it stood in the file itself. Problems are those of its line. */
static int say(struct compiler *c, const struct place *at, const char *said)
{
    struct place place = {at->source, said, at->line};
    int r = 0;

    while (r == 0) {
        const char *next = strstr(place.p, "{{"), *problem, *end;
        char name[TEMPLATE_NAME_MAX + 3];

        r = literal(c, &place, next ? next : place.p + strlen(place.p));
        if (r < 0 || !next)
            return r;
        problem = tag_name(next, name, &end);
        r = problem ? refuse(c, at, problem) : value(c, at, name);
        place.p = end;
    }
    return r;
}

/* The original: blanks and line breaks are single blanks, none at the ends. */
static bool fold(const char *begin, const char *end, char ret[static PHRASE_MAX])
{
    size_t size = 0;

    for (const char *p = begin; p < end; p++) {
        bool blank = *p == ' ' || *p == '\n' || *p == '\t';

        if (blank && (size == 0 || ret[size - 1] == ' '))
            continue;
        if (size + 1 == PHRASE_MAX)
            return false;
        ret[size++] = blank ? ' ' : *p;
    }
    if (size > 0 && ret[size - 1] == ' ')
        size--;
    ret[size] = '\0';
    return size > 0;
}

static int phrase(struct compiler *c, struct place *at, const char *begin)
{
    const struct html before = c->html;
    const char *end = strstr(begin, PHRASE_END), *problem, *said;
    char original[PHRASE_MAX];
    int r;

    if (!end)
        return refuse(c, at, "a text that doesn't end");
    if (!fold(begin, end, original))
        return refuse(c, at, "a text is empty or too long");
    if (before.place != HTML_TEXT && before.place != HTML_RCDATA &&
        (before.place != HTML_VALUE || before.kind != HTML_PLAIN))
        return refuse(c, at, "a text can't stand here");
    said = text(c->language, original);
    problem = phrase_check(original, said, before.place == HTML_TEXT, before.quote);
    if (problem)
        return refuse(c, at, problem);
    r = say(c, at, said);
    if (r < 0)
        return r;
    problem = html_join(&c->html, &before);
    if (problem)
        return refuse(c, at, problem);
    for (const char *p = at->p; p < end; p++)
        at->line += *p == '\n';
    at->p = end + strlen(PHRASE_END);
    return 0;
}

static int triple(struct compiler *c, struct place *at)
{
    const char *end = strstr(at->p, "}}}");
    char name[TEMPLATE_NAME_MAX + 1];
    size_t size;

    if (!end)
        return refuse(c, at, "braces that don't close");
    size = (size_t)(end - at->p) - 3;
    if (size > TEMPLATE_NAME_MAX)
        return refuse(c, at, "a name is too long");
    memcpy(name, at->p + 3, size);
    name[size] = '\0';
    at->p = end + 3;
    return markup(c, at, name);
}

static int comment(struct compiler *c, struct place *at)
{
    const char *end = strstr(at->p, " }}");

    if (!end)
        return refuse(c, at, "a comment that doesn't end in a blank and braces");
    for (; at->p < end; at->p++)
        at->line += *at->p == '\n';
    at->p += strlen(" }}");
    return 0;
}

static int tag(struct compiler *c, struct place *at, size_t base)
{
    char name[TEMPLATE_NAME_MAX + 3];
    const char *problem, *end;

    if (at->p[2] == '{')
        return triple(c, at);
    if (at->p[2] == '!')
        return comment(c, at);
    problem = tag_name(at->p, name, &end);
    if (problem)
        return refuse(c, at, problem);
    if (strcmp(name, PHRASE_BEGIN) == 0)
        return phrase(c, at, end);
    at->p = end;
    switch (name[0]) {
    case '#':
        return section_begin(c, at, name + 1, OP_SECTION);
    case '^':
        return section_begin(c, at, name + 1, OP_WITHOUT);
    case '/':
        return section_end(c, at, name + 1, base);
    case '>':
        return include(c, at, name + 1 + strspn(name + 1, " "));
    default:
        return value(c, at, name);
    }
}

static int compile_file(struct compiler *c, const struct source *source)
{
    struct place at = {source, source->text, 1};
    size_t base = c->opened;
    int r = 0;

    c->depth++;
    while (r == 0 && *at.p) {
        const char *next = strstr(at.p, "{{");

        r = literal(c, &at, next ? next : at.p + strlen(at.p));
        if (r == 0 && next)
            r = tag(c, &at, base);
    }
    c->depth--;
    if (r == 0 && c->opened > base)
        r = refuse(c, &at, "a section doesn't end");
    if (r == 0 && c->html.place != HTML_TEXT)
        r = refuse(c, &at, "a tag or an element doesn't end");
    if (r == -EMSGSIZE)
        r = refuse(c, &at, "the page is too long");
    return r;
}

void program_clear(struct program *program)
{
    free(program->ops);
    free(program->text);
    *program = (struct program){0};
}

static void shrink(struct program *program)
{
    struct op *ops = reallocarray(program->ops, program->count + 1, sizeof *ops);

    if (ops)
        program->ops = ops;
}

int template_compile(const struct sources *sources, const struct source *source,
                     const char *language, template_fault *fault, void *userdata,
                     struct program *ret)
{
    _cleanup_(program_clear) struct program program = {0};
    struct compiler c = {.sources = sources,
                         .language = language,
                         .fault = fault,
                         .userdata = userdata,
                         .program = &program,
                         .text = BUFFER(TEMPLATE_PAGE_MAX)};
    size_t size;
    int r = compile_file(&c, source);

    if (r == 0)
        r = buffer_take(&c.text, &program.text, &size);
    if (r == 0)
        shrink(&program);
    buffer_clear(&c.text);
    if (r == 0) {
        *ret = program;
        program = (struct program){0};
    }
    return r;
}
