/* Configuration files: inih's syntax, read through a reader of our own that counts lines and
   refuses what inih would cut (lines over CONF_LINE_MAX, NUL, directories). A file FILE is followed
   by the drop-ins FILE.d/NAME.conf in the order of their names; later values win, lists are
   replaced as a whole by the first line of a later file. Relative paths are relative to nothing: a
   path must be absolute, or "credential:NAME", which is $CREDENTIALS_DIRECTORY/NAME.

   A program describes its keys in a table and a struct:

       static const struct conf_key keys[] = {
           CONF_STRING("ldap", "uri", struct settings, uri, "ldapi:///", "one or more LDAP URIs"),
           …
       };

   Unknown sections and keys, values that don't fit, keys given twice in one file, a comment behind
   a value (inih would cut there), and unreadable files are errors. All errors of all files are
   reported, not only the first. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#define CONF_LINE_MAX 1000

enum conf_type {
    CONF_TYPE_STRING, /* char *, malloc'ed */
    CONF_TYPE_PATH,  /* char *, malloc'ed: absolute, or credential:NAME resolved; NULL when empty */
    CONF_TYPE_PATHS, /* the same for several, separated by blanks, in the result by one each */
    CONF_TYPE_NUMBER, /* long, min … max */
    CONF_TYPE_SPAN, /* long, seconds: a number with s, min, h, d, or several ("1h 30min"); min … max
                       seconds */
    CONF_TYPE_SPANS,  /* struct conf_spans: several, separated by blanks or commas */
    CONF_TYPE_BOOL,   /* bool: yes, no, true, false, on, off, 1, 0 */
    CONF_TYPE_CHOICE, /* int: the index in choices, a NULL-terminated array of words */
    CONF_TYPE_LIST, /* char **, NULL-terminated, malloc'ed: separated by blanks; "key = value" again
                       in one file adds */
};

#define CONF_SPANS_MAX 32
struct conf_spans {
    long seconds[CONF_SPANS_MAX];
    size_t count;
};

struct conf_key {
    const char *section, *name;
    enum conf_type type;
    size_t offset;
    const char *initial; /* the default, in the file's own syntax; NULL: must be given */
    long min, max; /* numbers, spans; for strings and lists, max is the longest in bytes, 0 for
                      CONF_LINE_MAX */
    const char *const *choices;
    const char *expected; /* what the error says was expected */
};

#define CONF_STRING(s, n, type, member, initial, expected)                                         \
    {                                                                                              \
        s, n, CONF_TYPE_STRING, offsetof(type, member), initial, 0, 0, NULL, expected              \
    }
#define CONF_PATH(s, n, type, member, initial, expected)                                           \
    {                                                                                              \
        s, n, CONF_TYPE_PATH, offsetof(type, member), initial, 0, 0, NULL, expected                \
    }
#define CONF_PATHS(s, n, type, member, initial, expected)                                          \
    {                                                                                              \
        s, n, CONF_TYPE_PATHS, offsetof(type, member), initial, 0, 0, NULL, expected               \
    }
#define CONF_NUMBER(s, n, type, member, initial, min, max, expected)                               \
    {                                                                                              \
        s, n, CONF_TYPE_NUMBER, offsetof(type, member), initial, min, max, NULL, expected          \
    }
#define CONF_SPAN(s, n, type, member, initial, min, max, expected)                                 \
    {                                                                                              \
        s, n, CONF_TYPE_SPAN, offsetof(type, member), initial, min, max, NULL, expected            \
    }
#define CONF_SPANS(s, n, type, member, initial, min, max, expected)                                \
    {                                                                                              \
        s, n, CONF_TYPE_SPANS, offsetof(type, member), initial, min, max, NULL, expected           \
    }
#define CONF_BOOL(s, n, type, member, initial)                                                     \
    {                                                                                              \
        s, n, CONF_TYPE_BOOL, offsetof(type, member), initial, 0, 0, NULL, "yes or no"             \
    }
#define CONF_CHOICE(s, n, type, member, initial, choices, expected)                                \
    {                                                                                              \
        s, n, CONF_TYPE_CHOICE, offsetof(type, member), initial, 0, 0, choices, expected           \
    }
#define CONF_LIST(s, n, type, member, initial, expected)                                           \
    {                                                                                              \
        s, n, CONF_TYPE_LIST, offsetof(type, member), initial, 0, 0, NULL, expected                \
    }

/* Told of each error: file, line (0: the file as a whole), and a sentence such as
   "[mail] port = 70000: expected a number from 1 to 65535". */
typedef void conf_report(void *userdata, const char *file, unsigned line, const char *problem);

/* Fills target, which must be zeroed, from file and its drop-ins. Returns 0; -ENOENT when file
   itself is missing; -EINVAL after one or more errors were reported. In every case conf_clear()
   frees what was filled in. */
int conf_load(const char *file, const struct conf_key *keys, size_t count, void *target,
              conf_report *report, void *userdata);
void conf_clear(const struct conf_key *keys, size_t count, void *target);
/* The same from a buffer, without drop-ins; for tests and fuzzing. name stands for the file in
   reports. */
int conf_load_buffer(const char *name, const char *data, size_t size, const struct conf_key *keys,
                     size_t count, void *target, conf_report *report, void *userdata);
/* A report that writes "FILE:LINE: PROBLEM" through log_event(LOG_ERR, MESSAGE_CONFIGURATION). */
conf_report conf_log;
