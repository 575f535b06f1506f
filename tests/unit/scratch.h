/* A directory for one test: scratch_make() and scratch_remove() fit cmocka's setup and teardown. */
#pragma once

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SCRATCH_PATH_SIZE 4096

static inline int scratch_make(void **state)
{
    char *directory = strdup("/tmp/portal-test-XXXXXX");

    *state = directory;
    return directory && mkdtemp(directory) ? 0 : -1;
}

static inline int scratch_remove_one(const char *path, const struct stat *st, int type,
                                     struct FTW *ftw)
{
    (void)st;
    (void)type;
    (void)ftw;
    return remove(path);
}

static inline int scratch_remove(void **state)
{
    int r = nftw(*state, scratch_remove_one, 8, FTW_DEPTH | FTW_PHYS);

    free(*state);
    return r;
}

/* DIRECTORY/NAME, in a buffer of SCRATCH_PATH_SIZE. */
static inline const char *scratch_path(void **state, const char *name, char *buffer)
{
    snprintf(buffer, SCRATCH_PATH_SIZE, "%s/%s", (const char *)*state, name);
    return buffer;
}

static inline void scratch_write(const char *path, const void *data, size_t size, mode_t mode)
{
    FILE *f = fopen(path, "we");

    if (!f || fwrite(data, 1, size, f) != size || fclose(f) != 0 || chmod(path, mode) != 0)
        abort();
}
