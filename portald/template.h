/* Templates of mails: text in which {{name}} stands for a value. Way in: template_parse(). */
#pragma once

#include "cleanup.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TEMPLATE_MAX 65536u /* the largest file */

enum template_name {
    TEMPLATE_COMPANY,
    TEMPLATE_SUPPORT,
    TEMPLATE_NAME,
    TEMPLATE_GREETING,
    TEMPLATE_LINK,
    TEMPLATE_HOURS,
    TEMPLATE_NOT_ME,
    TEMPLATE_REFERENCE,
    TEMPLATE_LOGIN_URL,
    TEMPLATE_TIME,
    TEMPLATE_CODE,
    TEMPLATE_MINUTES,
    TEMPLATE_DAY,
    TEMPLATE_TITLE,
    TEMPLATE_BODY, /* of a frame: rendered already, and put in as it stands */
    TEMPLATE_NAMES,
};

#define TEMPLATE_BIT(name) (1u << (name))
#define TEMPLATE_ALL       (TEMPLATE_BIT(TEMPLATE_NAMES) - 1)

/* What values are put into: control characters become blanks everywhere, so that no value but
   TEMPLATE_BODY makes a line of its own; in HTML, what is markup is escaped. */
enum template_form {
    TEMPLATE_TEXT,
    TEMPLATE_HTML,
};

struct template;

/* Checks text (size bytes) and takes a copy. allowed is a set of TEMPLATE_BIT()s. Returns 0;
   -EINVAL with a sentence in problem for an unknown or unallowed name, braces that don't close, or
   what isn't UTF-8; -ENOMEM. */
int template_parse(const char *text, size_t size, enum template_form form, uint32_t allowed,
                   char *problem, size_t problem_size, struct template **ret);
/* Parses a file. Also -ENOENT and the like, and -EFBIG. */
int template_load(const char *file, enum template_form form, uint32_t allowed, char *problem,
                  size_t problem_size, struct template **ret);
struct template *template_free(struct template *t);
DEFINE_CLEANUP(struct template, template_free)
bool template_has(const struct template *t, enum template_name name);
/* *ret is malloc'ed and NUL-terminated. A value that is NULL counts as "". Returns 0 or -ENOMEM. */
int template_render(const struct template *t, const char *const values[static TEMPLATE_NAMES],
                    char **ret);
