/* What the compiler, the reader and the renderer of templates share. */
#pragma once

#include "template.h"

#include "buffer.h"
#include "template-html.h"

#include <stdbool.h>

#define TEMPLATE_NAME_MAX  32
#define TEMPLATE_FILES_MAX 128
#define TEMPLATE_OPS_MAX   16384
#define TEMPLATE_STEPS_MAX 1000000 /* sections and rows of one page */
#define TEMPLATE_LANGUAGES 2

enum op_kind {
    OP_LITERAL, /* text: where it begins; size */
    OP_VALUE,   /* text: the name; hole */
    OP_MARKUP,  /* text: the name */
    OP_SECTION, /* text: the name; size: the operation behind its end */
    OP_WITHOUT, /* likewise: {{^name}} */
};

struct op {
    enum op_kind kind;
    enum html_hole hole;
    size_t text, size; /* text: an offset in program.text */
};

struct program {
    struct op *ops;
    size_t count;
    char *text;
};

struct source {
    const char *name, *text; /* NUL-terminated, without NUL inside */
};

struct sources {
    const struct source *source;
    size_t count;
};

/* Takes each problem, once for each file and place. */
typedef void template_fault(void *userdata, const char *file, unsigned line, const char *problem);

/* Compiles source in language. Returns 0, -EINVAL after faults, -ENOMEM. */
int template_compile(const struct sources *sources, const struct source *source,
                     const char *language, template_fault *fault, void *userdata,
                     struct program *ret);
void program_clear(struct program *program);
/* All of them, in all languages: templates_load() without files. */
int templates_make(const struct sources *sources, template_fault *fault, void *userdata,
                   struct templates **ret);

/* Whether a translation uses the names and tags of its original, and only tags that texts may have;
   in an attribute with quote, neither tags nor that; elsewhere quote is 0. Returns NULL, or what is
   wrong. */
const char *phrase_check(const char *original, const char *translation, bool tags, char quote);
