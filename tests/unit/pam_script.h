/* Reads the text scripts of tests/pam-scripts; test_pam_scripts.c runs them, and their README says
   what the words mean. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#define SCRIPT_WORDS     16
#define SCRIPT_WORD_SIZE 4096

struct script_case {
    char *file; /* "authenticate.txt:12" */
    char *title;
    char **lines;
    size_t count;
};

struct script_word {
    char text[SCRIPT_WORD_SIZE]; /* without quotes and escapes */
    bool quoted;
};

struct script_line {
    struct script_word words[SCRIPT_WORDS];
    size_t count;
};

/* Adds the cases of a file, one for each of its rows; exits with a message when it can't be
   read. */
void script_read(const char *path, struct script_case **cases, size_t *count);
void script_free(struct script_case *cases, size_t count);
/* Takes a line apart: words, "quoted words", with the escapes \n \" \\ \xHH and \{512a} for
   512 times "a". Returns 0 or -EINVAL. */
int script_split(const char *line, struct script_line *ret);
/* Does the first word of the line say so? */
bool script_is(const char *line, const char *word);
