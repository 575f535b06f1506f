/* Ownership by scope: a variable declared with _cleanup_(f) is handed to f by address when it goes
   out of scope. Every x_free() takes NULL and returns NULL. */
#pragma once

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define _cleanup_(f) __attribute__((cleanup(f)))

/* Defines f_p(), the cleanup of a pointer that is freed by f(). */
#define DEFINE_CLEANUP(type, f)                                                                    \
    static inline void f##_p(type **p)                                                             \
    {                                                                                              \
        if (*p)                                                                                    \
            f(*p);                                                                                 \
    }

static inline void free_p(void *p)
{
    free(*(void **)p);
}

static inline void fclose_p(FILE **f)
{
    if (*f)
        fclose(*f);
}

static inline void close_p(int *fd)
{
    if (*fd >= 0)
        close(*fd);
}

/* Frees a string after wiping it. */
static inline void wipe_free_p(char **s)
{
    if (*s) {
        explicit_bzero(*s, strlen(*s));
        free(*s);
    }
}

#define _cleanup_free_      _cleanup_(free_p)
#define _cleanup_fclose_    _cleanup_(fclose_p)
#define _cleanup_close_     _cleanup_(close_p)
#define _cleanup_wipe_free_ _cleanup_(wipe_free_p)

/* Gives up ownership: returns the pointer and leaves NULL behind. */
#define TAKE(p)                                                                                    \
    ({                                                                                             \
        __typeof__(p) taken_ = (p);                                                                \
        (p) = NULL;                                                                                \
        taken_;                                                                                    \
    })

#define ELEMENTS(array) (sizeof(array) / sizeof((array)[0]))
