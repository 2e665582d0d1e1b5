/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Sockets of NBD: addresses, and errors by number. */
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "block/block_priv.h"
#include "block/nbd/proto.h"
#include "block/nbd_client.h"

/* ---- errors ------------------------------------------------------------------ */

/* The specification, "Error values": those that it has, which are Linux's numbers of that time. */
static const struct {
    int host;
    uint32_t wire;
} errors[] = {
    { EPERM, 1 },   { EIO, 5 },   { ENOMEM, 12 },    { EINVAL, 22 },  { ENOSPC, 28 },     { EFBIG, 28 },
    { EDQUOT, 28 }, { EROFS, 1 }, { EOVERFLOW, 75 }, { ENOTSUP, 95 }, { ESHUTDOWN, 108 },
};

uint32_t nbd_error(int e)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(errors); i++) {
        if (errors[i].host == -e) {
            return errors[i].wire;
        }
    }
    return 5;
}

int nbd_error_to_errno(uint32_t e)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(errors); i++) {
        if (errors[i].wire == e) {
            return -errors[i].host;
        }
    }
    return -EINVAL; /* as the specification asks for */
}

/* ---- addresses --------------------------------------------------------------- */

static bool unix_address(const char *path, struct sockaddr_un *un, GError **err)
{
    *un = (struct sockaddr_un){ .sun_family = AF_UNIX };
    if (strlen(path) >= sizeof(un->sun_path)) {
        block_error(err, "UNIX socket path '%s' is too long: it has at most %zu bytes", path,
                    sizeof(un->sun_path) - 1);
        return false;
    }
    memcpy(un->sun_path, path, strlen(path));
    return true;
}

static bool use_address(int fd, const struct sockaddr *to, socklen_t length, bool listens)
{
    int one = 1;
    if (listens && to->sa_family != AF_UNIX) {
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
    }
    if (!listens) {
        struct timeval t = { .tv_sec = NBD_CONNECT_S };
        setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &t, sizeof(t)); /* of connect() */
    }
    return listens ? bind(fd, to, length) == 0 && listen(fd, 16) == 0 : connect(fd, to, length) == 0;
}

/* A socket that a server left, which nobody listens to. */
static bool is_left_over(const struct sockaddr_un *un)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool left = fd >= 0 && connect(fd, (const struct sockaddr *)un, sizeof(*un)) < 0 && errno == ECONNREFUSED;
    if (fd >= 0) {
        close(fd);
    }
    return left;
}

static int open_unix(const char *path, bool listens, GError **err)
{
    struct sockaddr_un un;
    if (!unix_address(path, &un, err)) {
        return -1;
    }
    if (listens && is_left_over(&un)) {
        unlink(path);
    }
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || !use_address(fd, (struct sockaddr *)&un, sizeof(un), listens)) {
        block_error(err, "Failed to %s socket to '%s': %s", listens ? "bind" : "connect", path,
                    g_strerror(errno));
        if (fd >= 0) {
            close(fd);
        }
        return -1;
    }
    return fd;
}

static int open_tcp(const NbdAddress *a, bool listens, GError **err)
{
    struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = listens ? AI_PASSIVE : 0 }, *list;
    const char *port = a->port ? a->port : NBD_DEFAULT_PORT;
    int r = getaddrinfo(a->host, port, &hints, &list), fd = -1, e = 0;
    if (r) {
        block_error(err, "address resolution failed for %s:%s: %s", a->host ? a->host : "", port,
                    gai_strerror(r));
        return -1;
    }
    for (struct addrinfo *i = list; i && fd < 0; i = i->ai_next) {
        fd = socket(i->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (fd >= 0 && !use_address(fd, i->ai_addr, i->ai_addrlen, listens)) {
            e = errno;
            close(fd);
            fd = -1;
        }
    }
    freeaddrinfo(list);
    if (fd < 0) {
        block_error(err, "Failed to %s '%s:%s': %s", listens ? "find an available port for" : "connect to",
                    a->host ? a->host : "", port, g_strerror(e));
    }
    return fd;
}

int nbd_listen(const NbdAddress *a, GError **err)
{
    return a->path ? open_unix(a->path, true, err) : open_tcp(a, true, err);
}

Channel *nbd_connect(const NbdAddress *a, GError **err)
{
    int fd = a->path ? open_unix(a->path, false, err) : open_tcp(a, false, err), one = 1;
    if (fd < 0) {
        return NULL;
    }
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one)); /* of a unix socket: nothing */
    Channel *c = channel_new(fd);
    channel_limit_waits(c, NBD_CONNECT_S);
    channel_end_by(c, g_get_monotonic_time() + NBD_AGREE_S * G_USEC_PER_SEC);
    return c;
}
