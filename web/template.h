// clang-format off
/* Templates of pages: HTML files, read and checked once at start, compiled for each language.

       {{name}}                 a value, escaped for where it stands: text, a quoted attribute, or an
                                attribute that holds an URL (href, src, action, formaction), where
                                only a path of ours, http:, https:, mailto: and tel: pass
                                (behind an URL's literal beginning: percent-encoded)
       {{{name}}}               markup made by our own code (view_markup()), in text only
       {{#name}} … {{/name}}    once if name has a value, or once for each row of the list name;
                                within a row its own values come first
       {{^name}} … {{/name}}    if it has none
       {{_}} … {{/_}}           a text that is translated: what stands between is the original
                                (blanks and line breaks become single blanks), may hold {{name}},
                                tags without attributes (strong, em, br, code) and links, and its
                                translation must use the same names and tags
       {{> name}}               another file of the same directory, put in as it stands
       {{! … }}                 a comment; ends in a blank and braces

   A place where values can't be escaped for sure (an unquoted attribute, a tag's or attribute's
   name, within script, style, a comment, on… and style attributes) is refused when the file is
   read. A section ends where it began: both in text, or in the same tag or attribute. */
// clang-format on
#pragma once

#include "view.h"

#include <stddef.h>

#define TEMPLATE_FILE_MAX  65536u
#define TEMPLATE_PAGE_MAX  524288u /* of what comes out */
#define TEMPLATE_DEPTH_MAX 8

struct templates;

/* Reads every *.html of directory. Returns 0; -EINVAL after problems were logged, each with file
   and line; or open's error. */
int templates_load(const char *directory, struct templates **ret);
struct templates *templates_free(struct templates *t);
DEFINE_CLEANUP(struct templates, templates_free)
/* The page name ("login" is login.html) in language. *ret is malloc'ed and NUL-terminated. Returns
   0, -ENOENT for a page that doesn't exist, -EMSGSIZE, -ENOMEM. */
int templates_render(const struct templates *t, const char *language, const char *name,
                     const struct view *view, char **ret, size_t *ret_size);
