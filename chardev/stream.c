/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Byte streams over file descriptors, for stdio, file, pipe, pty and socket.
 *
 * Descriptors that we made are non-blocking.  Those that we were given (standard
 * input and output) are shared with the shell and others, who must not find them
 * non-blocking: they are reopened through /proc, and where that is not allowed
 * poll is asked before each write of at most PIPE_BUF bytes.
 *
 * Lost: output to a peer that has gone, or to a full disk (told once). */
#include "stream.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"

enum { COND_PEER_CLOSED = POLLRDHUP }; /* not among GLib's names, but passed on to poll */

int stream_private_fd(int fd, int flags)
{
    struct stat st;
    if (fstat(fd, &st) == 0 && (S_ISFIFO(st.st_mode) || S_ISCHR(st.st_mode))) {
        g_autofree char *path = g_strdup_printf("/proc/self/fd/%d", fd);
        int copy = open(path, flags | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
        if (copy >= 0) {
            return copy;
        }
    }
    return fcntl(fd, F_DUPFD_CLOEXEC, 3);
}

static bool fd_is_socket(int fd)
{
    struct stat st;
    return fstat(fd, &st) == 0 && S_ISSOCK(st.st_mode);
}

static bool fd_may_block(int fd)
{
    struct stat st;
    return !(fcntl(fd, F_GETFL) & O_NONBLOCK) && fstat(fd, &st) == 0 && !S_ISREG(st.st_mode);
}

static void stream_end(ChrStream *s)
{
    if (s->ended) {
        s->ended(s->chr);
    }
}

/* From a socket, with the descriptors that come along. */
static ssize_t receive(ChrStream *s, uint8_t *buf, size_t room)
{
    enum { FDS_MAX = 32 }; /* the kernel closes what is more */
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(FDS_MAX * sizeof(int))];
    } control;
    struct iovec iov = { buf, room };
    struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
    if (!chr_takes_fds(s->chr)) {
        return recv(s->rfd, buf, room, MSG_DONTWAIT);
    }
    msg.msg_control = &control;
    msg.msg_controllen = sizeof(control);
    ssize_t n = recvmsg(s->rfd, &msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    for (struct cmsghdr *c = CMSG_FIRSTHDR(&msg); n > 0 && c; c = CMSG_NXTHDR(&msg, c)) {
        int fds[FDS_MAX];
        size_t bytes = c->cmsg_len - CMSG_LEN(0);
        if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS && bytes <= sizeof(fds)) {
            memcpy(fds, CMSG_DATA(c), bytes);
            chr_input_fds(s->chr, fds, (unsigned)(bytes / sizeof(int)));
        }
    }
    return n;
}

static void stream_can_read(void *opaque, GIOCondition ready)
{
    ChrStream *s = opaque;
    uint8_t buf[CHR_READ_MAX];
    int room = MIN(chr_input_room(s->chr), (int)sizeof(buf));
    if (room <= 0) {
        int waiting = 0;
        if (s->hang_up_ends && ready & (G_IO_HUP | G_IO_ERR | COND_PEER_CLOSED) &&
            (ioctl(s->rfd, FIONREAD, &waiting) < 0 || waiting == 0)) {
            stream_end(s);
            return;
        }
        fdwatch_set(s->reader, 0); /* until chr_refresh finds room */
        return;
    }
    ssize_t n = s->rsocket ? receive(s, buf, (size_t)room) : read(s->rfd, buf, room);
    if (n > 0) {
        chr_input(s->chr, buf, n);
    } else if (n == 0 || (errno != EAGAIN && errno != EINTR)) {
        stream_end(s);
    }
}

static void stream_can_write(void *opaque, GIOCondition ready)
{
    ChrStream *s = opaque;
    fdwatch_set(s->writer, 0);
    chr_writable(s->chr);
}

void stream_open(ChrStream *s, Chardev *chr, int rfd, int wfd, void (*ended)(Chardev *chr))
{
    signal(SIGPIPE, SIG_IGN); /* a peer that went away is an error of write(), */
    signal(SIGXFSZ, SIG_IGN); /* and so is a file that may not grow */
    lock_take(&chr->write_lock);
    s->chr = chr;
    s->rfd = rfd;
    s->wfd = wfd;
    s->rsocket = rfd >= 0 && fd_is_socket(rfd);
    s->wsocket = wfd >= 0 && fd_is_socket(wfd);
    s->may_block = wfd >= 0 && !s->wsocket && fd_may_block(wfd);
    s->ended = ended;
    __atomic_store_n(&s->broken, false, __ATOMIC_RELAXED);
    s->reader = rfd >= 0 ? fdwatch_new(chr->all->loop, rfd, stream_can_read, s) : NULL;
    s->writer = wfd >= 0 ? fdwatch_new(chr->all->loop, wfd, stream_can_write, s) : NULL;
    lock_release(&chr->write_lock);
    chr_refresh_later(chr);
}

void stream_close_input(ChrStream *s)
{
    fdwatch_free(s->reader);
    s->reader = NULL;
    if (s->rfd >= 0 && s->rfd != s->wfd) {
        close(s->rfd);
    }
    s->rfd = -1;
}

/* A close with bytes unread would be a reset, and the peer might not read our last ones. */
static void end_softly(int fd)
{
    enum { TURNS = 64 };
    char junk[4096];
    shutdown(fd, SHUT_WR);
    for (int i = 0; i < TURNS && recv(fd, junk, sizeof(junk), MSG_DONTWAIT) > 0; i++) {
    }
}

void stream_close(ChrStream *s)
{
    stream_close_input(s);
    lock_take(&s->chr->write_lock);
    fdwatch_free(s->writer);
    s->writer = NULL;
    if (s->wfd >= 0) {
        if (s->wsocket) {
            end_softly(s->wfd);
        }
        close(s->wfd);
    }
    s->wfd = -1;
    lock_release(&s->chr->write_lock);
}

int stream_take(ChrStream *s)
{
    fdwatch_free(s->reader);
    lock_take(&s->chr->write_lock);
    int fd = s->wfd;
    fdwatch_free(s->writer);
    s->reader = s->writer = NULL;
    s->rfd = s->wfd = -1;
    lock_release(&s->chr->write_lock);
    return fd;
}

static ssize_t stream_write_once(ChrStream *s, const uint8_t *buf, int len)
{
    if (s->wsocket) {
        return send(s->wfd, buf, len, MSG_DONTWAIT | MSG_NOSIGNAL);
    }
    if (s->may_block) {
        struct pollfd p = { .fd = s->wfd, .events = POLLOUT };
        if (poll(&p, 1, 0) == 0) {
            errno = EAGAIN;
            return -1;
        }
        len = MIN(len, PIPE_BUF);
    }
    return write(s->wfd, buf, len);
}

int stream_write(ChrStream *s, const uint8_t *buf, int len)
{
    int done = 0;
    while (done < len && s->wfd >= 0 && !s->broken) {
        ssize_t n = stream_write_once(s, buf + done, len - done);
        if (n > 0) {
            done += n;
        } else if (n < 0 && errno == EAGAIN) {
            return done;
        } else if (n == 0 || errno != EINTR) {
            if (n < 0 && (errno == ENOSPC || errno == EFBIG || errno == EDQUOT || errno == EIO)) {
                log_report(
                    "chardev '%s': output is lost from here on: %s; look after where it goes, and start anew",
                    s->chr->id, g_strerror(errno));
            }
            __atomic_store_n(&s->broken, true, __ATOMIC_RELAXED);
            chr_refresh_later(s->chr);
        }
    }
    return len; /* the rest has nowhere to go */
}

void stream_refresh(ChrStream *s, bool want_write)
{
    if (__atomic_load_n(&s->broken, __ATOMIC_RELAXED) && s->wfd >= 0 && s->ended && s->hang_up_ends) {
        stream_end(s);
        return;
    }
    if (s->reader) {
        GIOCondition paused = s->hang_up_ends ? G_IO_HUP | COND_PEER_CLOSED : 0;
        fdwatch_set(s->reader, chr_input_room(s->chr) > 0 ? G_IO_IN | G_IO_HUP : paused);
    }
    if (s->writer && want_write && !s->broken) {
        fdwatch_set(s->writer, G_IO_OUT);
    } else if (want_write) {
        chr_writable(s->chr); /* nothing to wait for: output is dropped */
    }
}

/* ---- a device that is a stream and no more ------------------------------- */

ChrStream *stream_dev_init(Chardev *chr)
{
    ChrStream *s = &container_of(chr, ChrStreamDev, chr)->stream;
    s->chr = chr;
    s->rfd = s->wfd = -1;
    return s;
}

void stream_dev_close(Chardev *chr)
{
    stream_close(&container_of(chr, ChrStreamDev, chr)->stream);
}

int stream_dev_write(Chardev *chr, const uint8_t *buf, int len)
{
    return stream_write(&container_of(chr, ChrStreamDev, chr)->stream, buf, len);
}

void stream_dev_refresh(Chardev *chr, bool want_write)
{
    stream_refresh(&container_of(chr, ChrStreamDev, chr)->stream, want_write);
}

int stream_dev_write_fd(Chardev *chr)
{
    return container_of(chr, ChrStreamDev, chr)->stream.wfd;
}

void stream_dev_end_input(Chardev *chr)
{
    stream_close_input(&container_of(chr, ChrStreamDev, chr)->stream);
}
