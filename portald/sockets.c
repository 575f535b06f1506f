/* portald's listening sockets; sockets_inherit() and sockets_make() are the ways in. */
#include "config.h"

#include "sockets.h"

#include "cleanup.h"

#include <errno.h>
#include <grp.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <systemd/sd-daemon.h>

#define BACKLOG 4096

const char *const socket_names[WIRE_SOCKETS] = {
    [WIRE_SOCKET_API] = "api",         [WIRE_SOCKET_ACCOUNT] = "account",
    [WIRE_SOCKET_WEB] = "web",         [WIRE_SOCKET_PRINT] = "print",
    [WIRE_SOCKET_CONTROL] = "control", [WIRE_SOCKET_SUPPORT] = "support",
};

static const struct {
    mode_t mode;
    const char *group; /* where it exists; else the owner alone */
} access_to[WIRE_SOCKETS] = {
    [WIRE_SOCKET_API] = {0666, NULL},
    [WIRE_SOCKET_ACCOUNT] = {0660, "portal-pam"},
    [WIRE_SOCKET_WEB] = {0660, "portal-web"},
    [WIRE_SOCKET_PRINT] = {0660, "portal-print"},
    [WIRE_SOCKET_CONTROL] = {0660, "portal-admin"},
    [WIRE_SOCKET_SUPPORT] = {0660, "portal-support"},
};

static void free_names(char ***names)
{
    for (char **n = *names; n && *n; n++)
        free(*n);
    free(*names);
}

static int inherit_one(int fd, const char *name, int ret[static WIRE_SOCKETS])
{
    for (int i = 0; i < WIRE_SOCKETS; i++)
        if (strcmp(socket_names[i], name) == 0) {
            if (sd_is_socket_unix(fd, SOCK_STREAM, 1, NULL, 0) <= 0 || ret[i] >= 0)
                return -EINVAL;
            ret[i] = fd;
            return 0;
        }
    return -EINVAL;
}

int sockets_inherit(int ret[static WIRE_SOCKETS])
{
    _cleanup_(free_names) char **names = NULL;
    int n = sd_listen_fds_with_names(1, &names);

    for (int i = 0; i < WIRE_SOCKETS; i++)
        ret[i] = -1;
    for (int i = 0; i < n; i++) {
        int r = inherit_one(SD_LISTEN_FDS_START + i, names[i], ret);
        if (r < 0)
            return r;
    }
    return n < 0 ? n : 0;
}

static int check_directory(const char *directory)
{
    struct stat st;

    if (mkdir(directory, 0755) == 0)
        return chmod(directory, 0755) < 0 ? -errno : 0;
    if (errno != EEXIST || stat(directory, &st) < 0)
        return -errno;
    if (!S_ISDIR(st.st_mode))
        return -ENOTDIR;
    return st.st_mode & (S_IWGRP | S_IWOTH) || (st.st_uid != geteuid() && st.st_uid != 0) ? -EPERM
                                                                                          : 0;
}

static int give_access(const char *path, enum wire_socket socket)
{
    mode_t mode = access_to[socket].mode;
    const struct group *group = access_to[socket].group ? getgrnam(access_to[socket].group) : NULL;

    if (access_to[socket].group && (!group || chown(path, (uid_t)-1, group->gr_gid) < 0))
        mode = 0600;
    return chmod(path, mode) < 0 ? -errno : 0;
}

/* Whether somebody listens at address; a file that a killed portald left is nobody. */
static bool is_taken(const struct sockaddr_un *address)
{
    _cleanup_close_ int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    return fd >= 0 &&
           (connect(fd, (const struct sockaddr *)address, sizeof *address) == 0 || errno == EAGAIN);
}

static int make_one(const char *directory, enum wire_socket socket_kind, int *ret)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    _cleanup_close_ int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int r;

    if (fd < 0)
        return -errno;
    if (snprintf(address.sun_path, sizeof address.sun_path, "%s/%s.sock", directory,
                 socket_names[socket_kind]) >= (int)sizeof address.sun_path)
        return -ENAMETOOLONG;
    if (is_taken(&address))
        return -EADDRINUSE;
    if (unlink(address.sun_path) < 0 && errno != ENOENT)
        return -errno;
    if (bind(fd, (const struct sockaddr *)&address, sizeof address) < 0)
        return -errno;
    if ((r = give_access(address.sun_path, socket_kind)) < 0)
        return r;
    if (listen(fd, BACKLOG) < 0)
        return -errno;
    *ret = fd;
    fd = -1;
    return 0;
}

int sockets_make(const char *directory, int fds[static WIRE_SOCKETS])
{
    int r = check_directory(directory);

    for (int i = 0; r == 0 && i < WIRE_SOCKETS; i++)
        if (fds[i] < 0)
            r = make_one(directory, (enum wire_socket)i, &fds[i]);
    return r;
}
