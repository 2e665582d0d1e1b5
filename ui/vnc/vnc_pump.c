/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See ui/vnc/vnc_pump.h.  A link ends when the library has closed its end and what it sent is read, or when the viewer reads
 * nothing for so long; what the viewer has sent before it went is still handed on. */
#include "ui/vnc/vnc_pump.h"

#include <errno.h>
#include <poll.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/lock.h"

enum { LOOK_MS = 1000 };
static const size_t first_size = 64 << 10;

/* Bytes on their way: a ring that grows. */
typedef struct Ring {
    uint8_t *bytes;
    size_t size, first, count, most;
} Ring;

struct VncLink {
    int viewer, inner;
    Ring in, out;                   /* to the library, to the viewer */
    bool viewer_ended, viewer_dead; /* sends nothing more; takes nothing more */
    bool library_ended, told_ended; /* and whether it knows that of the viewer */
    int64_t moved;                  /* microseconds: when the viewer last took something */
    gint behind, awaited;           /* atomic */
};

struct VncPump {
    EventNotifier *wake, *poke;
    GThread *thread;
    GPtrArray *links; /* the thread's */
    gint ending;      /* atomic */
    Lock lock;
    GPtrArray *arrived; /* under it: the thread has not seen these */
};

/* ---- rings ------------------------------------------------------------------------------- */

static bool ring_has_room(const Ring *r)
{
    return r->count < r->most;
}

static void ring_grow(Ring *r)
{
    size_t size = r->size ? MIN(r->size * 2, r->most) : MIN(first_size, r->most);
    size_t tail = MIN(r->count, r->size - r->first);
    uint8_t *bytes = g_malloc(size);
    if (r->count) {
        memcpy(bytes, r->bytes + r->first, tail);
        memcpy(bytes + tail, r->bytes, r->count - tail);
    }
    g_free(r->bytes);
    *r = (Ring){ bytes, size, 0, r->count, r->most };
}

static void ring_empty(Ring *r)
{
    g_free(r->bytes);
    *r = (Ring){ .most = r->most };
}

/* `count` bytes from `first` on, which may go round the end. */
static int pieces(const Ring *r, size_t first, size_t count, struct iovec iov[2])
{
    size_t at = first % r->size, tail = MIN(count, r->size - at);
    iov[0] = (struct iovec){ r->bytes + at, tail };
    iov[1] = (struct iovec){ r->bytes, count - tail };
    return count > tail ? 2 : 1;
}

static bool is_later(ssize_t n)
{
    return n < 0 && (errno == EAGAIN || errno == EINTR);
}

/* False: there will be no more. */
static bool ring_read(Ring *r, int fd)
{
    struct iovec iov[2];
    if (r->count == r->size) {
        ring_grow(r);
    }
    ssize_t n = readv(fd, iov, pieces(r, r->first + r->count, r->size - r->count, iov));
    r->count += MAX(n, 0);
    return n > 0 || is_later(n);
}

/* False: nobody takes it any more. */
static bool ring_write(Ring *r, int fd, bool *moved)
{
    struct iovec iov[2];
    struct msghdr m = { .msg_iov = iov };
    m.msg_iovlen = pieces(r, r->first, r->count, iov);
    ssize_t n = sendmsg(fd, &m, MSG_NOSIGNAL | MSG_DONTWAIT);
    *moved = n > 0;
    r->first = (r->first + MAX(n, 0)) % r->size;
    r->count -= MAX(n, 0);
    if (!r->count && r->size > first_size) {
        ring_empty(r);
    }
    return n >= 0 || is_later(n);
}

/* ---- a link -------------------------------------------------------------------------------- */

static void link_clear(gpointer p)
{
    VncLink *l = p;
    ring_empty(&l->in);
    ring_empty(&l->out);
}

void vnc_link_unref(VncLink *l)
{
    g_atomic_rc_box_release_full(l, link_clear);
}

bool vnc_link_is_behind(VncLink *l)
{
    g_atomic_int_set(&l->awaited, 1); /* before the look: else the end of it might be missed */
    return g_atomic_int_get(&l->behind);
}

static void link_hang_up(gpointer p)
{
    VncLink *l = p;
    close(l->viewer);
    close(l->inner);
    vnc_link_unref(l);
}

static void give_up(VncLink *l)
{
    l->viewer_ended = l->viewer_dead = true;
    ring_empty(&l->out);
}

static void from_library(VncLink *l)
{
    l->moved = l->out.count ? l->moved : g_get_monotonic_time();
    l->library_ended = !ring_read(&l->out, l->inner);
    if (l->viewer_dead) {
        ring_empty(&l->out);
    }
}

static void to_viewer(VncLink *l)
{
    bool moved = false;
    if (l->out.count && !ring_write(&l->out, l->viewer, &moved)) {
        give_up(l);
    }
    l->moved = moved ? g_get_monotonic_time() : l->moved;
}

static void to_library(VncLink *l)
{
    bool moved;
    if (l->in.count && !ring_write(&l->in, l->inner, &moved)) {
        ring_empty(&l->in);
    }
    if (l->viewer_ended && !l->in.count && !l->told_ended) {
        l->told_ended = true;
        shutdown(l->inner, SHUT_WR);
    }
}

static void tell_behind(VncPump *p, VncLink *l)
{
    bool behind = l->out.count;
    g_atomic_int_set(&l->behind, behind);
    if (!behind && g_atomic_int_compare_and_exchange(&l->awaited, 1, 0)) {
        event_notifier_set(p->wake);
    }
}

/* False: it has ended. */
static bool carry(VncPump *p, VncLink *l, const struct pollfd fds[2])
{
    if (fds[1].revents && fds[1].events & POLLIN) {
        from_library(l);
    }
    if (fds[0].revents && fds[0].events & POLLIN) {
        l->viewer_ended = !ring_read(&l->in, l->viewer);
    }
    to_viewer(l); /* at once: most of it goes without another look */
    to_library(l);
    if (l->out.count && g_get_monotonic_time() - l->moved > VNC_GIVE_UP_MS * INT64_C(1000)) {
        give_up(l);
    }
    tell_behind(p, l);
    return !(l->library_ended && !l->out.count);
}

/* A descriptor from which nothing is wanted is left out: poll() would tell of its end for ever. */
static struct pollfd want(int fd, bool in, bool out)
{
    short events = (in ? POLLIN : 0) | (out ? POLLOUT : 0);
    return (struct pollfd){ events ? fd : -1, events, 0 };
}

/* ---- the thread ------------------------------------------------------------------------------ */

static void take_arrived(VncPump *p)
{
    lock_take(&p->lock);
    while (p->arrived->len) {
        g_ptr_array_add(p->links, g_ptr_array_steal_index(p->arrived, 0));
    }
    lock_release(&p->lock);
}

static gpointer thread(gpointer data)
{
    VncPump *p = data;
    g_autoptr(GArray) fds = g_array_new(FALSE, FALSE, sizeof(struct pollfd));
    while (!g_atomic_int_get(&p->ending)) {
        bool waits = false;
        struct pollfd poke = { p->poke->fd, POLLIN, 0 };
        take_arrived(p);
        g_array_set_size(fds, 0);
        g_array_append_val(fds, poke);
        for (guint i = 0; i < p->links->len; i++) {
            VncLink *l = p->links->pdata[i];
            struct pollfd two[2] = { want(l->viewer, !l->viewer_ended && ring_has_room(&l->in), l->out.count),
                                     want(l->inner, !l->library_ended && ring_has_room(&l->out),
                                          l->in.count) };
            g_array_append_vals(fds, two, 2);
            waits |= l->out.count != 0;
        }
        (void)poll((struct pollfd *)(void *)fds->data, fds->len, waits ? LOOK_MS : -1);
        (void)event_notifier_test_and_clear(p->poke);
        for (guint i = p->links->len; i--;) { /* from the end: those behind one that goes are done */
            if (!carry(p, p->links->pdata[i], &g_array_index(fds, struct pollfd, 1 + 2 * i))) {
                g_ptr_array_remove_index(p->links, i);
            }
        }
    }
    return NULL;
}

/* ---- life -------------------------------------------------------------------------------------- */

VncPump *vnc_pump_new(EventNotifier *wake, GError **err)
{
    EventNotifier *poke = event_notifier_new(err);
    if (!poke) {
        return NULL;
    }
    VncPump *p = g_new0(VncPump, 1);
    p->wake = wake;
    p->poke = poke;
    p->links = g_ptr_array_new_with_free_func(link_hang_up);
    p->arrived = g_ptr_array_new_with_free_func(link_hang_up);
    lock_init(&p->lock, LOCK_VIEWERS);
    p->thread = g_thread_new("vnc-io", thread, p);
    return p;
}

void vnc_pump_free(VncPump *p)
{
    if (p) {
        g_atomic_int_set(&p->ending, 1);
        event_notifier_set(p->poke);
        g_thread_join(p->thread);
        g_ptr_array_unref(p->links);
        g_ptr_array_unref(p->arrived);
        event_notifier_free(p->poke);
        lock_finish(&p->lock);
        g_free(p);
    }
}

VncLink *vnc_pump_add(VncPump *p, int fd, int *inner)
{
    int pair[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) < 0) {
        close(fd);
        return NULL;
    }
    VncLink *l = g_atomic_rc_box_new0(VncLink);
    l->viewer = fd;
    l->inner = pair[0];
    l->in.most = VNC_IN_MOST;
    l->out.most = VNC_OUT_MOST;
    *inner = pair[1];
    lock_take(&p->lock);
    g_ptr_array_add(p->arrived, g_atomic_rc_box_acquire(l));
    lock_release(&p->lock);
    event_notifier_set(p->poke);
    return l;
}
