/* Files that are tables; mapped_open() is the way in. */
#include "config.h"

#include "mapped.h"

#include "cleanup.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/stat.h>

/* Whether it begins with header, in blocks, so that no header is too long for the stack. */
static bool begins_with(int fd, const uint8_t *header, size_t size)
{
    uint8_t found[128];

    for (size_t at = 0; at < size;) {
        size_t want = size - at < sizeof found ? size - at : sizeof found;

        if (pread(fd, found, want, (off_t)at) != (ssize_t)want ||
            memcmp(found, header + at, want) != 0)
            return false;
        at += want;
    }
    return true;
}

static int allocate(int fd, size_t size)
{
    return -posix_fallocate(fd, 0, (off_t)size);
}

/* The one that is there, if it is ours: -ENOENT if there is none, -ESTALE if it is another. */
static int open_old(const char *file, const void *header, size_t header_size, size_t size, int *ret)
{
    _cleanup_close_ int fd = open(file, O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    struct stat status;
    int r;

    if (fd < 0)
        return -errno;
    if (fstat(fd, &status) < 0)
        return -errno;
    if (!S_ISREG(status.st_mode))
        return -EINVAL;
    if (status.st_size != (off_t)size || !begins_with(fd, header, header_size))
        return -ESTALE;
    r = allocate(fd, size);
    if (r < 0)
        return r;
    *ret = fd;
    fd = -1;
    return 0;
}

static int fill_new(int fd, const void *header, size_t header_size, size_t size)
{
    int r = allocate(fd, size);

    if (r == 0 && pwrite(fd, header, header_size, 0) != (ssize_t)header_size)
        r = -EIO;
    return r;
}

static int open_new(const char *file, const void *header, size_t header_size, size_t size, int *ret)
{
    _cleanup_free_ char *beside = NULL;
    _cleanup_close_ int fd = -1;
    int r;

    if (asprintf(&beside, "%s.new", file) < 0) {
        beside = NULL;
        return -ENOMEM;
    }
    if (unlink(beside) < 0 && errno != ENOENT)
        return -errno;
    fd = open(beside, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return -errno;
    r = fill_new(fd, header, header_size, size);
    if (r == 0 && rename(beside, file) < 0)
        r = -errno;
    if (r < 0) {
        unlink(beside);
        return r;
    }
    *ret = fd;
    fd = -1;
    return 0;
}

int mapped_open(const char *file, const void *header, size_t header_size, size_t size, void **ret,
                bool *ret_new)
{
    _cleanup_close_ int fd = -1;
    int r = file ? open_old(file, header, header_size, size, &fd) : -ENOENT;
    bool made = r == -ENOENT || r == -ESTALE;
    void *map;

    if (made)
        r = file ? open_new(file, header, header_size, size, &fd) : 0;
    if (r < 0)
        return r;
    map = mmap(NULL, size, PROT_READ | PROT_WRITE, file ? MAP_SHARED : MAP_PRIVATE | MAP_ANONYMOUS,
               fd, 0);
    if (map == MAP_FAILED)
        return -errno;
    if (!file)
        memcpy(map, header, header_size);
    *ret = map;
    if (ret_new)
        *ret_new = made;
    return 0;
}
