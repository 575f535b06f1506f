/* The PAM service of a script: our line of each type and what stands around it. */
#pragma once

#include "pam_script.h"

#define STACK_TYPES 4

enum stack_place {
    STACK_FRONT, /* a module by its name */
    STACK_BEFORE,
    STACK_OURS,
    STACK_BEHIND,
    STACK_BEHIND_GIVEN,
    STACK_PLACES,
};

struct stack {
    char words[STACK_TYPES][STACK_PLACES][SCRIPT_WORD_SIZE];
    char control[STACK_TYPES][SCRIPT_WORD_SIZE]; /* "" for "required" */
};

/* One of the lines "options", "control", "front", "before", "behind" and "behind-given"; others say
   nothing about a stack. */
void stack_take(struct stack *stack, const struct script_line *line);
/* Writes the service FAKE_SERVICE, and an "other" that denies all, for modules that the environment
   names. Sockets are in the directory, too. */
void stack_write(const struct stack *stack, const char *directory);
