/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/channel.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/tls/tls.h"
#include "util/iov.h"

enum { RECORD = 16 << 10 }; /* the most that one of TLS has */

struct Channel {
    int fd;
    unsigned limit_ms;
    gint64 end_us;   /* 0: none */
    TlsSession *tls; /* NULL: plain */
};

Channel *channel_new(int fd)
{
    Channel *c = g_new0(Channel, 1);
    c->fd = fd;
    return c;
}

void channel_free(Channel *c)
{
    if (c) {
        tls_session_free(c->tls);
        close(c->fd);
        g_free(c);
    }
}

static void set_waits(Channel *c, unsigned ms)
{
    struct timeval t = { .tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000 };
    setsockopt(c->fd, SOL_SOCKET, SO_RCVTIMEO, &t, sizeof(t));
    setsockopt(c->fd, SOL_SOCKET, SO_SNDTIMEO, &t, sizeof(t));
}

void channel_limit_waits(Channel *c, unsigned seconds)
{
    c->limit_ms = seconds * 1000;
    set_waits(c, c->limit_ms);
}

void channel_end_by(Channel *c, gint64 us)
{
    c->end_us = us;
    set_waits(c, c->limit_ms);
}

/* Before each wait.  How long it may be, 0: without an end; false: no time is left. */
static bool begin_wait(Channel *c, unsigned *ms)
{
    *ms = c->limit_ms;
    if (!c->end_us) {
        return true;
    }
    gint64 left = (c->end_us - g_get_monotonic_time() + 999) / 1000;
    if (left <= 0) {
        return false;
    }
    *ms = *ms && *ms < left ? *ms : (unsigned)MIN(left, G_MAXINT);
    set_waits(c, *ms);
    return true;
}

void channel_shutdown(Channel *c)
{
    shutdown(c->fd, SHUT_RDWR);
}

/* Of a socket that blocks: EAGAIN is the end of the time that channel_limit_waits has given. */
static int wait_error(void)
{
    return errno == EAGAIN || errno == EWOULDBLOCK ? -ETIMEDOUT : -errno;
}

/* ---- receiving --------------------------------------------------------------- */

/* Some: how many; 0: the end; -errno. */
static gssize receive_some(Channel *c, void *buf, uint64_t n)
{
    unsigned ms;
    if (!begin_wait(c, &ms)) {
        return -ETIMEDOUT;
    }
    if (c->tls) {
        return tls_session_receive(c->tls, buf, MIN(n, G_MAXINT32), ms);
    }
    ssize_t got;
    do {
        got = recv(c->fd, buf, n, 0);
    } while (got < 0 && errno == EINTR);
    return got < 0 ? wait_error() : got;
}

int channel_receive(Channel *c, void *buf, uint64_t n)
{
    uint8_t *to = buf;
    while (n) {
        gssize got = receive_some(c, to, n);
        if (got <= 0) {
            return got < 0 ? (int)got : -ECONNRESET;
        }
        to += got;
        n -= got;
    }
    return 0;
}

int channel_skip(Channel *c, uint64_t n)
{
    uint8_t buf[4096];
    int e = 0;
    for (uint64_t some; n && !e; n -= some) {
        some = MIN(n, sizeof(buf));
        e = channel_receive(c, buf, some);
    }
    return e;
}

/* ---- sending ----------------------------------------------------------------- */

/* Records as long as they may be: a head has none of its own. */
static int send_records(Channel *c, const struct iovec *iov, unsigned count)
{
    uint8_t record[RECORD];
    for (uint64_t done = 0, all = iov_length(iov, count); done < all;) {
        unsigned ms;
        gsize n = iov_to_buf(iov, count, done, record, sizeof(record));
        gssize put = begin_wait(c, &ms) ? tls_session_send(c->tls, record, n, ms) : -ETIMEDOUT;
        if (put < 0) {
            return (int)put;
        }
        done += put;
    }
    return 0;
}

static int send_plain(Channel *c, const struct iovec *iov, unsigned count)
{
    struct iovec part[2];
    for (uint64_t done = 0, all = iov_length(iov, count); done < all;) {
        unsigned ms;
        if (!begin_wait(c, &ms)) {
            return -ETIMEDOUT;
        }
        struct msghdr m = { .msg_iov = part, .msg_iovlen = iov_slice(part, iov, count, done, all - done) };
        ssize_t put = sendmsg(c->fd, &m, MSG_NOSIGNAL);
        if (put < 0 && errno == EINTR) {
            continue;
        }
        if (put < 0) {
            return wait_error();
        }
        done += put;
    }
    return 0;
}

int channel_send_two(Channel *c, const void *head, uint64_t head_bytes, const void *body, uint64_t body_bytes)
{
    struct iovec iov[2] = { { (void *)head, head_bytes }, { (void *)body, body_bytes } };
    return (c->tls ? send_records : send_plain)(c, iov, 2);
}

int channel_send(Channel *c, const void *buf, uint64_t n)
{
    return channel_send_two(c, buf, n, NULL, 0);
}

/* ---- TLS --------------------------------------------------------------------- */

char *channel_why(Channel *c, int error)
{
    char *why = c->tls ? tls_session_why(c->tls) : NULL;
    return why ? why : g_strdup(g_strerror(-error));
}

bool channel_start_tls(Channel *c, TlsCreds *creds, const char *hostname, unsigned ms, GError **err)
{
    gint64 left = c->end_us ? (c->end_us - g_get_monotonic_time()) / 1000 : 0;
    g_assert(!c->tls);
    if (c->end_us) {
        ms = (unsigned)CLAMP(left, 1, ms ? ms : G_MAXINT);
    }
    c->tls = tls_session_new(c->fd, creds, hostname, ms, err);
    return c->tls != NULL;
}

bool channel_has_tls(const Channel *c)
{
    return c->tls != NULL;
}
