/* Whole files: file.h. */
#include "config.h"

#include "file.h"

#include "cleanup.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>

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
    return fsync(fd) < 0 ? -errno : 0;
}

static int put(int directory, const char *staged, const void *data, size_t size)
{
    _cleanup_close_ int fd = -1;

    if (unlinkat(directory, staged, 0) < 0 && errno != ENOENT)
        return -errno;
    fd = openat(directory, staged, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    return fd < 0 ? -errno : write_all(fd, data, size);
}

int file_write(const char *directory, const char *name, const void *data, size_t size)
{
    _cleanup_close_ int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    char staged[NAME_MAX + 1];
    int r;

    if (fd < 0)
        return -errno;
    if (snprintf(staged, sizeof staged, ".%s.new", name) >= (int)sizeof staged)
        return -ENAMETOOLONG;
    r = put(fd, staged, data, size);
    if (r == 0 && renameat(fd, staged, fd, name) < 0)
        r = -errno;
    if (r < 0) {
        unlinkat(fd, staged, 0);
        return r;
    }
    return fsync(fd) < 0 ? -errno : 0;
}

int file_read(const char *path, size_t most, uint8_t **ret, size_t *ret_size)
{
    _cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    _cleanup_free_ uint8_t *data = NULL;
    size_t size = 0;
    struct stat st;

    if (fd < 0 || fstat(fd, &st) < 0)
        return -errno;
    if (!S_ISREG(st.st_mode))
        return -EINVAL;
    if ((uintmax_t)st.st_size > most)
        return -EFBIG;
    data = malloc((size_t)st.st_size + 1);
    if (!data)
        return -ENOMEM;
    while (size < (size_t)st.st_size) {
        ssize_t n = read(fd, data + size, (size_t)st.st_size - size);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -errno;
        if (n == 0)
            break;
        size += (size_t)n;
    }
    data[size] = '\0';
    *ret = TAKE(data);
    *ret_size = size;
    return 0;
}
