/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Addresses of socket chardevs.
 * Spelling: the QEMU manual, "invocation", -chardev socket: path (abstract, tight), host,
 * port (also a service name), to, ipv4, ipv6.
 *
 * A socket file that nobody listens on any more is replaced; one in use is not.
 * Names are looked up once, when the chardev is made. */
#include "chardev/socket_addr.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <stddef.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "chardev_priv.h"
#include "util/keyval.h"

static bool unix_init(SockTarget *t, const SockOptions *o, GError **err)
{
    const char *path = o->path;
    struct sockaddr_un *un = (struct sockaddr_un *)&t->addr[0].sa;
    size_t n = strlen(path), room = sizeof(un->sun_path);
    bool abstract = o->abstract;
    if (n == 0 || n + 1 > room) {
        chr_error(err,
                  "UNIX socket path '%s' is %s: the system takes 1 to %zu bytes; use a "
                  "shorter one, for instance relative to the current folder",
                  path, n ? "too long" : "empty", room - 1);
        return false;
    }
    un->sun_family = AF_UNIX;
    memcpy(un->sun_path + (abstract ? 1 : 0), path, n);
    t->addr[0].len = abstract && o->tight ? (offsetof(struct sockaddr_un, sun_path) + 1 + n) : sizeof(*un);
    t->count = 1;
    t->path = abstract ? NULL : g_strdup(path);
    t->text = g_strdup_printf("unix:%s%s", path, abstract ? ",abstract=on" : "");
    return true;
}

static bool tcp_family(const SockOptions *o, int *family, GError **err)
{
    bool v4 = o->has_ipv4 && o->ipv4, v6 = o->has_ipv6 && o->ipv6;
    bool not_v4 = o->has_ipv4 && !v4, not_v6 = o->has_ipv6 && !v6;
    if (not_v4 && not_v6) {
        chr_error(err, "socket: ipv4=off and ipv6=off leave no protocol; drop one of them");
        return false;
    }
    *family = v4 == v6 ? (not_v4 ? AF_INET6 : not_v6 ? AF_INET : AF_UNSPEC) : v4 ? AF_INET : AF_INET6;
    return true;
}

/* A port is a number, or the name of a service that getaddrinfo knows. */
static bool tcp_first_port(const char *port, uint64_t *first, GError **err)
{
    *first = 0;
    if (!port || !*port) {
        chr_error(err, "socket: no port is given; add port=N (and host=NAME), or path=FILE");
        return false;
    }
    if (g_ascii_isdigit(*port) && !keyval_uint(port, 65535, first)) {
        chr_error(err, "socket: port=%s is not a number up to 65535; write port=NUMBER", port);
        return false;
    }
    return true;
}

static bool tcp_init(SockTarget *t, const SockOptions *o, bool server, GError **err)
{
    const char *host = o->host, *port = o->port;
    uint64_t to = o->to, first;
    int family;
    if (!tcp_first_port(port, &first, err) || !tcp_family(o, &family, err)) {
        return false;
    }
    if (to && to < first) {
        chr_error(err, "socket: to=%u is below port=%s; it is the last port to try", (unsigned)to, port);
        return false;
    }
    t->more_ports = to ? (to - first) : 0;
    struct addrinfo hints = { .ai_family = family,
                              .ai_socktype = SOCK_STREAM,
                              .ai_flags = server ? AI_PASSIVE : 0 };
    struct addrinfo *list = NULL;
    if ((!host || !*host) && family == AF_UNSPEC) {
        hints.ai_family = AF_INET; /* 0.0.0.0, or the loopback */
    }
    int e = getaddrinfo(host && *host ? host : NULL, port, &hints, &list);
    if (e) {
        chr_error(err, "address resolution failed for %s:%s: %s; check the host name and the port",
                  host ? host : "", port, e == EAI_SYSTEM ? g_strerror(errno) : gai_strerror(e));
        return false;
    }
    for (struct addrinfo *a = list; a && t->count < SOCK_ADDRS_MAX; a = a->ai_next) {
        memcpy(&t->addr[t->count].sa, a->ai_addr, a->ai_addrlen);
        t->addr[t->count++].len = a->ai_addrlen;
    }
    freeaddrinfo(list);
    t->text = g_strdup_printf("tcp:%s:%s", host ? host : "", port);
    return true;
}

bool sock_target_init(SockTarget *t, const SockOptions *o, bool server, GError **err)
{
    *t = (SockTarget){ 0 };
    if (!o->path) {
        return tcp_init(t, o, server, err);
    }
    if (o->port || o->host) {
        chr_error(err, "socket: path= is a unix socket, host= and port= are TCP; give one kind");
        return false;
    }
    return unix_init(t, o, err);
}

void sock_target_clear(SockTarget *t)
{
    g_clear_pointer(&t->path, g_free);
    g_clear_pointer(&t->text, g_free);
}

static int sock_new(const SockAddr *a, int more)
{
    return socket(a->sa.ss_family, SOCK_STREAM | SOCK_CLOEXEC | more, 0);
}

/* Nobody listens on this socket file any more. */
static bool unix_is_stale(const SockTarget *t)
{
    struct stat st;
    if (!t->path || lstat(t->path, &st) < 0 || !S_ISSOCK(st.st_mode)) {
        return false;
    }
    int fd = sock_new(&t->addr[0], SOCK_NONBLOCK);
    bool stale = fd >= 0 && connect(fd, (const struct sockaddr *)&t->addr[0].sa, t->addr[0].len) < 0 &&
                 errno == ECONNREFUSED;
    close(fd);
    return stale;
}

static void addr_set_port(SockAddr *a, unsigned add)
{
    if (a->sa.ss_family == AF_INET) {
        struct sockaddr_in *in = (struct sockaddr_in *)&a->sa;
        in->sin_port = htons((ntohs(in->sin_port) + add));
    } else if (a->sa.ss_family == AF_INET6) {
        struct sockaddr_in6 *in = (struct sockaddr_in6 *)&a->sa;
        in->sin6_port = htons((ntohs(in->sin6_port) + add));
    }
}

static int listen_on(const SockAddr *base, unsigned add)
{
    SockAddr a = *base;
    int one = 1, fd = sock_new(&a, SOCK_NONBLOCK);
    if (fd < 0) {
        return -1;
    }
    addr_set_port(&a, add);
    if (a.sa.ss_family != AF_UNIX) {
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
    }
    if (a.sa.ss_family == AF_INET6) {
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof(one));
    }
    if (bind(fd, (struct sockaddr *)&a.sa, a.len) < 0 || listen(fd, SOCK_BACKLOG) < 0) {
        int keep = errno;
        close(fd);
        errno = keep;
        return -1;
    }
    return fd;
}

int sock_listen(SockTarget *t, GError **err)
{
    int fd = -1;
    if (unix_is_stale(t)) {
        unlink(t->path);
    }
    for (unsigned add = 0; add <= t->more_ports && fd < 0; add++) {
        for (int i = 0; i < t->count && fd < 0; i++) {
            fd = listen_on(&t->addr[i], add);
        }
    }
    if (fd < 0) {
        chr_error(err, "Failed to bind socket to %s: %s; %s", t->text, g_strerror(errno),
                  errno == EADDRINUSE ? "another program has it: stop that one, or choose another"
                                      : "check the address and its permissions");
        return -1;
    }
    if (!g_str_has_prefix(t->text, "unix:")) {
        g_autofree char *name = sock_name(fd, false);
        g_free(t->text);
        t->text = g_strdup_printf("tcp:%s", name);
    }
    return fd;
}

int sock_connect_begin(const SockTarget *t, int i)
{
    int fd = sock_new(&t->addr[i], SOCK_NONBLOCK);
    if (fd >= 0 && connect(fd, (const struct sockaddr *)&t->addr[i].sa, t->addr[i].len) < 0 &&
        errno != EINPROGRESS) {
        int keep = errno;
        close(fd);
        errno = keep;
        return -1;
    }
    return fd;
}

int sock_connect(const SockTarget *t, GError **err)
{
    int e = EINVAL;
    for (int i = 0; i < t->count; i++) {
        int fd = sock_connect_begin(t, i);
        e = fd < 0 ? errno : 0;
        if (fd >= 0) {
            struct pollfd p = { .fd = fd, .events = POLLOUT };
            socklen_t n = sizeof(e);
            while (poll(&p, 1, -1) < 0 && errno == EINTR) {
            }
            if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &e, &n) == 0 && e == 0) {
                return fd;
            }
            close(fd);
        }
    }
    chr_error(err,
              "Failed to connect to '%s': %s; start the other side first, or add "
              "reconnect-ms=1000 to go on trying",
              strchr(t->text, ':') + 1, g_strerror(e));
    return -1;
}

char *sock_name(int fd, bool peer)
{
    struct sockaddr_storage sa;
    socklen_t len = sizeof(sa);
    char host[INET6_ADDRSTRLEN], port[16];
    int e =
        peer ? getpeername(fd, (struct sockaddr *)&sa, &len) : getsockname(fd, (struct sockaddr *)&sa, &len);
    if (e < 0 || sa.ss_family == AF_UNIX ||
        getnameinfo((struct sockaddr *)&sa, len, host, sizeof(host), port, sizeof(port),
                    NI_NUMERICHOST | NI_NUMERICSERV)) {
        return g_strdup("");
    }
    return g_strdup_printf(strchr(host, ':') ? "[%s]:%s" : "%s:%s", host, port);
}

bool sock_is_listening(int fd)
{
    int on = 0;
    socklen_t len = sizeof(on);
    return getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &on, &len) == 0 && on;
}

void sock_set_nonblocking(int fd)
{
    fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
    fcntl(fd, F_SETFD, FD_CLOEXEC);
}
