/* A script's stack, from its lines to the files that libpam reads. Way in: stack_take(),
   stack_write(). */
#include "config.h"

#include "pam_stack.h"

#include "pam_fake.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cleanup.h"

static const char *const types[STACK_TYPES] = {"auth", "account", "password", "session"};
static const char *const places[STACK_PLACES] = {"front", "before", "options", "behind",
                                                 "behind-given"};

/* In brackets, a word may have blanks; a module's name may not be in brackets. */
static void words_add(char *words, const struct script_line *line, bool bracketed)
{
    for (size_t i = 2; i < line->count; i++) {
        size_t length = strlen(words);

        snprintf(words + length, SCRIPT_WORD_SIZE - length, "%s%s%s", bracketed ? " [" : "",
                 line->words[i].text, bracketed ? "]" : " ");
    }
    if (!*words)
        snprintf(words, SCRIPT_WORD_SIZE, " ");
}

void stack_take(struct stack *stack, const struct script_line *line)
{
    for (size_t type = 0; type < STACK_TYPES; type++) {
        if (line->count < 2 || strcmp(types[type], line->words[1].text) != 0)
            continue;
        if (strcmp(line->words[0].text, "control") == 0)
            snprintf(stack->control[type], SCRIPT_WORD_SIZE, "%s", line->words[2].text);
        for (size_t place = 0; place < STACK_PLACES; place++)
            if (strcmp(places[place], line->words[0].text) == 0)
                words_add(stack->words[type][place], line, place != STACK_FRONT);
    }
}

static FILE *service_open(const char *directory, const char *name)
{
    char path[256];
    FILE *f;

    snprintf(path, sizeof path, "%s/%s", directory, name);
    f = fopen(path, "we");
    if (!f)
        abort();
    return f;
}

void stack_write(const struct stack *stack, const char *directory)
{
    const char *module = getenv("PAM_PORTAL_MODULE"), *given = getenv("PAM_GIVEN_MODULE");
    /* libpam's own complaint that there is no "other" would be in the log */
    _cleanup_fclose_ FILE *other = service_open(directory, "other");
    _cleanup_fclose_ FILE *f = service_open(directory, FAKE_SERVICE);

    for (size_t i = 0; i < STACK_TYPES; i++) {
        const char(*words)[SCRIPT_WORD_SIZE] = stack->words[i];
        const char *control = *stack->control[i] ? stack->control[i] : "required";

        fprintf(other, "%s required pam_deny.so\n", types[i]);
        if (*words[STACK_FRONT])
            fprintf(f, "%s requisite %s\n", types[i], words[STACK_FRONT]);
        if (*words[STACK_BEFORE])
            fprintf(f, "%s required %s%s\n", types[i], given, words[STACK_BEFORE]);
        fprintf(f, "%s %s %s socket_dir=%s peer=%u%s\n", types[i], control, module, directory,
                getuid(), words[STACK_OURS]);
        if (*words[STACK_BEHIND])
            fprintf(f, "%s required pam_permit.so\n", types[i]);
        if (*words[STACK_BEHIND_GIVEN])
            fprintf(f, "%s required %s%s\n", types[i], given, words[STACK_BEHIND_GIVEN]);
    }
}
