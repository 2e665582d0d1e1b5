/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Stream sockets as chardevs: unix and TCP, listening (one peer at a time, or each a chardev of its own) or
 * connecting (reconnect-ms: again and again), or a descriptor that was handed down.
 * Spelling: the QEMU manual, "invocation", -chardev socket; older spellings too: bare "server",
 * "nowait", "nodelay", reconnect= in seconds.
 *
 * While nobody is connected output is dropped and there is no input.
 * Refused: telnet, websocket and TLS. */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "chardev/socket_addr.h"
#include "stream.h"
#include "base/ending.h"
#include "base/fds.h"
#include "base/log.h"

enum { ACCEPT_RETRY_MS = 1000 };

typedef struct ChrSocket {
    union {
        Chardev chr;
        ChrStreamDev dev;
    };
    SockTarget target;
    bool server, wait, nodelay;
    uint64_t reconnect_ms; /* 0: once */
    int listen_fd;         /* server; -1 otherwise */
    EndingFile *file;      /* the path of a unix socket */
    bool kept;             /* a descriptor for the peer */
    FdWatch *listener;
    int connecting_fd, connecting_to; /* client on its way */
    FdWatch *connector;
    GSource *retry;
    struct ChrSocketPeers {                      /* server: see chardev_serve_peers */
        void (*fn)(void *opaque, Chardev *peer); /* NULL: one peer at a time */
        void *opaque;
        unsigned count, most;
    } peers;
    struct ChrSocket *listening; /* whose peer this is, or NULL */
    char *peer;                  /* how the connection shows in `info chardev` */
} ChrSocket;

typedef struct SocketOptions {
    ChardevOptions common;
    SockOptions addr;
    char *fd;
    bool server, wait, has_wait, nodelay, delay;
    uint32_t reconnect, reconnect_ms;
    bool has_reconnect_ms;
} SocketOptions;

static void socket_connect_next(ChrSocket *s);

/* ---- a connection begins and ends ---------------------------------------- */

static void socket_ended(Chardev *chr)
{
    ChrSocket *s = container_of(chr, ChrSocket, chr);
    stream_close(&s->dev.stream);
    fds_reserve_end(); /* the next peer's */
    g_clear_pointer(&s->peer, g_free);
    if (s->listener) {
        fdwatch_set(s->listener, G_IO_IN);
    } else if (s->reconnect_ms) {
        s->connecting_to = s->target.count; /* all tried: wait, then from the first */
        socket_connect_next(s);
    }
    chr_set_connected(chr, false);
}

static void socket_begin(ChrSocket *s, int fd)
{
    int one = 1;
    sock_set_nonblocking(fd);
    if (s->nodelay) {
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    }
    g_autofree char *here = sock_name(fd, false), *there = sock_name(fd, true);
    s->peer = *there ? g_strdup_printf("%s <-> %s", here, there) : g_strdup("");
    s->dev.stream.hang_up_ends = true;
    stream_open(&s->dev.stream, &s->chr, fd, fd, socket_ended);
    chr_set_connected(&s->chr, true);
}

/* ---- peers, each a chardev ------------------------------------------------ */

static void socket_listen_on(ChrSocket *s)
{
    fdwatch_set(s->listener, s->peers.count < s->peers.most ? G_IO_IN : 0);
}

static void socket_give_peer(ChrSocket *s, int fd)
{
    ChrSocket *p = container_of(chr_new_peer(&s->chr), ChrSocket, chr);
    stream_dev_init(&p->chr);
    p->listen_fd = p->connecting_fd = -1;
    p->listening = s;
    p->nodelay = s->nodelay;
    p->target.text = g_strdup(s->target.text);
    s->peers.count++;
    socket_listen_on(s);
    socket_begin(p, fd);
    s->peers.fn(s->peers.opaque, &p->chr);
}

static bool socket_serve_peers(Chardev *chr, unsigned most, void (*fn)(void *opaque, Chardev *peer),
                               void *opaque)
{
    ChrSocket *s = container_of(chr, ChrSocket, chr);
    if (s->listen_fd < 0) {
        return false;
    }
    s->peers = (struct ChrSocketPeers){ fn, opaque, 0, most };
    if (s->peer) { /* it came while the start waited for it */
        g_clear_pointer(&s->peer, g_free);
        chr_set_connected(chr, false);
        socket_give_peer(s, stream_take(&s->dev.stream));
    }
    socket_listen_on(s);
    return true;
}

static void socket_peer_gone(ChrSocket *p)
{
    ChrSocket *s = p->listening;
    if (s) {
        s->peers.count--;
        socket_listen_on(s);
    }
}

static void socket_hang_up(Chardev *chr)
{
    socket_ended(chr);
}

/* ---- server -------------------------------------------------------------- */

static gboolean socket_listen_again(gpointer opaque)
{
    ChrSocket *s = opaque;
    fdwatch_set(s->listener, G_IO_IN);
    g_clear_pointer(&s->retry, g_source_unref);
    return G_SOURCE_REMOVE;
}

static void socket_after(ChrSocket *s, uint64_t ms, GSourceFunc fn)
{
    if (s->retry) {
        return;
    }
    s->retry = g_timeout_source_new(MIN(ms, G_MAXUINT));
    g_source_set_callback(s->retry, fn, s, NULL);
    g_source_attach(s->retry, event_loop_context(s->chr.all->loop));
}

static void socket_accept(void *opaque, GIOCondition ready)
{
    ChrSocket *s = opaque;
    fds_reserve_begin();
    int fd = accept4(s->listen_fd, NULL, NULL, SOCK_CLOEXEC);
    int why = errno;
    fds_reserve_end();
    if (fd >= 0 && s->peers.fn) {
        socket_give_peer(s, fd);
    } else if (fd >= 0) {
        fdwatch_set(s->listener, 0); /* one peer at a time; the next one waits */
        socket_begin(s, fd);
    } else if (why == EMFILE || why == ENFILE || why == ENOMEM || why == ENOBUFS) {
        fdwatch_set(s->listener, 0);
        socket_after(s, ACCEPT_RETRY_MS, socket_listen_again);
    }
}

static char *socket_describe(const Chardev *chr)
{
    const ChrSocket *s = container_of(chr, ChrSocket, chr);
    const char *more = s->listen_fd >= 0 ? ",server=on" : "";
    if (s->peers.count) {
        return g_strdup_printf("%s%s", s->target.text, more);
    }
    if (!s->peer) {
        return g_strdup_printf("disconnected:%s%s", s->target.text, more);
    }
    return *s->peer ? g_strdup_printf("tcp:%s%s", s->peer, more)
                    : g_strdup_printf("%s%s", s->target.text, more);
}

static bool socket_open_server(ChrSocket *s, GError **err)
{
    if (s->listen_fd < 0) {
        ending_hold();
        s->listen_fd = sock_listen(&s->target, err);
        s->file = s->listen_fd >= 0 && s->target.path ? ending_add_file(s->target.path) : NULL;
        ending_release();
    }
    if (s->listen_fd < 0) {
        return false;
    }
    if (!fds_keep(1, err)) {
        return false;
    }
    s->kept = true;
    sock_set_nonblocking(s->listen_fd);
    s->listener = fdwatch_new(s->chr.all->loop, s->listen_fd, socket_accept, s);
    fdwatch_set(s->listener, G_IO_IN);
    while (s->wait && !s->peer) {
        struct pollfd p = { .fd = s->listen_fd, .events = POLLIN };
        if (poll(&p, 1, 0) == 0) {
            g_autofree char *text = socket_describe(&s->chr);
            log_report("info: waiting for connection on: %s", text);
            poll(&p, 1, -1);
        }
        socket_accept(s, G_IO_IN);
    }
    return true;
}

/* ---- client -------------------------------------------------------------- */

static gboolean socket_connect_again(gpointer opaque)
{
    ChrSocket *s = opaque;
    g_clear_pointer(&s->retry, g_source_unref);
    s->connecting_to = 0;
    socket_connect_next(s);
    return G_SOURCE_REMOVE;
}

static void socket_connected(void *opaque, GIOCondition ready)
{
    ChrSocket *s = opaque;
    int e = 0, fd = s->connecting_fd;
    socklen_t n = sizeof(e);
    fdwatch_free(s->connector);
    s->connector = NULL;
    s->connecting_fd = -1;
    if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &e, &n) == 0 && e == 0) {
        socket_begin(s, fd);
        return;
    }
    close(fd);
    s->connecting_to++;
    socket_connect_next(s);
}

/* Try the addresses one after the other without waiting for any; then sleep. */
static void socket_connect_next(ChrSocket *s)
{
    while (s->connecting_to < s->target.count) {
        fds_reserve_begin();
        s->connecting_fd = sock_connect_begin(&s->target, s->connecting_to);
        fds_reserve_end();
        if (s->connecting_fd >= 0) {
            s->connector = fdwatch_new(s->chr.all->loop, s->connecting_fd, socket_connected, s);
            fdwatch_set(s->connector, G_IO_OUT);
            return;
        }
        s->connecting_to++;
    }
    socket_after(s, s->reconnect_ms, socket_connect_again);
}

static bool socket_open_client(ChrSocket *s, GError **err)
{
    if (s->reconnect_ms) {
        socket_connect_next(s);
        return true;
    }
    int fd = sock_connect(&s->target, err);
    if (fd < 0) {
        return false;
    }
    socket_begin(s, fd);
    return true;
}

/* ---- options ------------------------------------------------------------- */

#define AT(field) offsetof(SocketOptions, field)
#define NO_TLS "sockets are not encrypted; use a unix socket, or ssh or stunnel around it"
#define ONLY_RAW "this program speaks raw bytes on sockets; leave it out and use nc or socat"

static const Prop socket_props[] = {
    { "path", PROP_STRING, AT(addr.path), "file of a unix socket" },
    { "abstract", PROP_BOOL, AT(addr.abstract), "the path is a name outside the file system" },
    { "tight", PROP_BOOL, AT(addr.tight), "that name ends where it ends", .def = 1 },
    { "host", PROP_STRING, AT(addr.host), "name or address, of TCP" },
    { "port", PROP_STRING, AT(addr.port), "number or service, of TCP" },
    { "to", PROP_U16, AT(addr.to), "last port to try, when listening" },
    { "ipv4", PROP_BOOL, AT(addr.ipv4), "use IPv4", .has = AT(addr.has_ipv4) },
    { "ipv6", PROP_BOOL, AT(addr.ipv6), "use IPv6", .has = AT(addr.has_ipv6) },
    { "fd", PROP_STRING, AT(fd), "number of an inherited descriptor" },
    { "server", PROP_BOOL, AT(server), "listen" },
    { "wait", PROP_BOOL, AT(wait), "wait for the first peer before the start, when listening",
      .has = AT(has_wait) },
    { "nodelay", PROP_BOOL, AT(nodelay), "send small pieces at once" },
    { "delay", PROP_BOOL, AT(delay), "the opposite of nodelay", .def = 1 },
    { "reconnect", PROP_U32, AT(reconnect), "seconds between attempts, 0: one attempt",
      .max = UINT32_MAX / 1000 },
    { "reconnect-ms", PROP_U32, AT(reconnect_ms), "the same in milliseconds", .has = AT(has_reconnect_ms) },
    PROP_ONLY_OFF("telnet", ONLY_RAW),
    PROP_ONLY_OFF("tn3270", ONLY_RAW),
    PROP_ONLY_OFF("websocket", ONLY_RAW),
    { "tls-creds", .refused = NO_TLS },
    { "tls-authz", .refused = NO_TLS },
    { NULL },
};
const Shape chr_socket_shape = { "ChardevSocket", sizeof(SocketOptions), socket_props };

static bool socket_take_options(ChrSocket *s, const SocketOptions *o, GError **err)
{
    s->server = o->server;
    s->wait = o->has_wait ? o->wait : o->server;
    s->nodelay = o->nodelay || !o->delay;
    s->reconnect_ms = o->has_reconnect_ms ? o->reconnect_ms : o->reconnect * UINT64_C(1000);
    if (s->server && s->reconnect_ms) {
        chr_error(err, "'reconnect-ms' option is incompatible with socket in server listen mode: "
                       "the peer connects; drop one of the two");
        return false;
    }
    if (!s->server && o->has_wait) {
        chr_error(err, "'wait' option is incompatible with socket in client connect mode: it is "
                       "for listening sockets; add server=on or drop it");
        return false;
    }
    return true;
}

static bool socket_open_fd(ChrSocket *s, const char *text, GError **err)
{
    g_autofree char *end_text = g_strdup(text);
    char *end;
    long fd = strtol(end_text, &end, 10);
    int type = 0;
    socklen_t n = sizeof(type);
    if (!*text || *end || fd < 0 || fd > INT_MAX) {
        chr_error(err,
                  "socket: fd=%s: not the number of a descriptor; names of getfd are not "
                  "supported, pass an inherited descriptor",
                  text);
        return false;
    }
    if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &n) < 0 || type != SOCK_STREAM) {
        chr_error(err,
                  "socket: File descriptor '%s' is not a socket (%s); let the parent pass a "
                  "stream socket without close-on-exec",
                  text, type ? "not of the stream kind" : g_strerror(errno));
        return false;
    }
    s->target.text = g_strdup_printf("fd:%s", text);
    if (sock_is_listening(fd) != s->server) {
        chr_error(err, "socket: fd=%s is %s; %s", text,
                  s->server ? "not listening, but server=on was asked" : "a listening socket",
                  s->server ? "drop server=on" : "add server=on");
        return false;
    }
    if (s->server) {
        s->listen_fd = fd;
        bool ok = socket_open_server(s, err);
        s->listen_fd = ok ? s->listen_fd : -1; /* the giver's, who may try again */
        return ok;
    }
    socket_begin(s, fd);
    return true;
}

static bool socket_open(Chardev *chr, const ChardevOptions *common, GError **err)
{
    ChrSocket *s = container_of(chr, ChrSocket, chr);
    const SocketOptions *o = container_of(common, SocketOptions, common);
    stream_dev_init(chr);
    s->listen_fd = s->connecting_fd = -1;
    if (!socket_take_options(s, o, err)) {
        return false;
    }
    if (o->fd) {
        return socket_open_fd(s, o->fd, err);
    }
    if (!sock_target_init(&s->target, &o->addr, s->server, err)) {
        return false;
    }
    return s->server ? socket_open_server(s, err) : socket_open_client(s, err);
}

static void socket_close(Chardev *chr)
{
    ChrSocket *s = container_of(chr, ChrSocket, chr);
    fdwatch_free(s->listener);
    fdwatch_free(s->connector);
    if (s->retry) {
        g_source_destroy(s->retry);
        g_source_unref(s->retry);
    }
    if (s->connecting_fd >= 0) {
        close(s->connecting_fd);
    }
    g_assert(!s->peers.count);
    socket_peer_gone(s);
    stream_close(&s->dev.stream);
    fds_unkeep(s->kept);
    if (s->listen_fd >= 0) {
        close(s->listen_fd);
        ending_remove_file(s->file);
    }
    g_free(s->peer);
    sock_target_clear(&s->target);
}

const ChardevBackend chr_backend_socket = {
    .size = sizeof(ChrSocket),
    .open = socket_open,
    .close = socket_close,
    .write = stream_dev_write,
    .refresh = stream_dev_refresh,
    .write_fd = stream_dev_write_fd,
    .describe = socket_describe,
    .serve_peers = socket_serve_peers,
    .hang_up = socket_hang_up,
};
