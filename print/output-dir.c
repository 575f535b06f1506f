/* The directory that letters are printed to: output-dir.h. */
#include "config.h"

#include "output-dir.h"

#include "cleanup.h"
#include "ulid.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <string.h>

#define STAGED_PREFIX "."
#define STAGED_SUFFIX ".pdf.staged"
#define NAME_SIZE     (ULID_SIZE + sizeof STAGED_PREFIX STAGED_SUFFIX)

static void closedir_p(DIR **d)
{
    if (*d)
        closedir(*d);
}

static void name_final(const char *job, char ret[static NAME_SIZE])
{
    snprintf(ret, NAME_SIZE, "%s.pdf", job);
}

static void name_staged(const char *job, char ret[static NAME_SIZE])
{
    snprintf(ret, NAME_SIZE, STAGED_PREFIX "%s" STAGED_SUFFIX, job);
}

int output_open(const char *directory, int *ret_fd)
{
    int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (fd < 0)
        return -errno;
    *ret_fd = fd;
    return 0;
}

static int write_all(int fd, const uint8_t *data, size_t size)
{
    while (size > 0) {
        ssize_t n = write(fd, data, size);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -errno;
        data += n;
        size -= (size_t)n;
    }
    return 0;
}

int output_sync(int fd)
{
    return fsync(fd) < 0 ? -errno : 0;
}

int output_stage(int fd, const char *job, const void *data, size_t size, int *ret_file)
{
    _cleanup_close_ int file = -1;
    char name[NAME_SIZE];
    int r;

    name_staged(job, name);
    if (unlinkat(fd, name, 0) < 0 && errno != ENOENT)
        return -errno;
    file = openat(fd, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (file < 0)
        return -errno;
    r = write_all(file, data, size);
    if (r < 0) {
        unlinkat(fd, name, 0);
        return r;
    }
    /* While the next letters are made; whether it came to anything is for fsync() to say. */
    (void)sync_file_range(file, 0, 0, SYNC_FILE_RANGE_WRITE);
    *ret_file = file;
    file = -1;
    return 0;
}

int output_keep(int fd, const int *files, size_t count)
{
    int r = 0;

    for (size_t i = 0; i < count; i++) {
        if (r == 0 && fsync(files[i]) < 0)
            r = -errno;
        close(files[i]);
    }
    return r == 0 ? output_sync(fd) : r;
}

int output_finish(int fd, const char *job)
{
    char from[NAME_SIZE], to[NAME_SIZE];

    name_staged(job, from);
    name_final(job, to);
    return renameat(fd, from, fd, to) < 0 && errno != ENOENT ? -errno : 0;
}

void output_discard(int fd, const char *job)
{
    char name[NAME_SIZE];

    name_staged(job, name);
    unlinkat(fd, name, 0);
}

/* The job of a staged file's name. */
static bool name_read(const char *name, char ret[static ULID_SIZE])
{
    const size_t before = strlen(STAGED_PREFIX), length = ULID_SIZE - 1;
    char job[ULID_SIZE];

    if (strlen(name) != before + length + strlen(STAGED_SUFFIX) ||
        strncmp(name, STAGED_PREFIX, before) != 0 ||
        strcmp(name + before + length, STAGED_SUFFIX) != 0)
        return false;
    memcpy(job, name + before, length);
    job[length] = '\0';
    return ulid_read(job, ret) == 0 && strcmp(job, ret) == 0;
}

int output_sweep(int fd, int (*known)(void *userdata, const char *job), void *userdata)
{
    int copy = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    _cleanup_(closedir_p) DIR *d = copy < 0 ? NULL : fdopendir(copy);
    const struct dirent *e;
    int r = 0;

    if (!d) {
        r = -errno;
        if (copy >= 0)
            close(copy);
        return r;
    }
    while (r >= 0 && (errno = 0, e = readdir(d))) {
        char job[ULID_SIZE];

        if (!name_read(e->d_name, job))
            continue;
        r = known(userdata, job);
        if (r > 0)
            r = output_finish(fd, job);
        else if (r == 0)
            output_discard(fd, job);
    }
    return r < 0 ? r : errno ? -errno : 0;
}
