/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A host whose disk fails: see faults.h. */
#include "faults.h"

#include <errno.h>
#include <liburing.h>
#include <sys/uio.h>
#include <unistd.h>

#include "block/block.h"

Fault faults[FAULT_KINDS];
static bool (*_Atomic hold_ends)(void *opaque);
static void *_Atomic hold_opaque;

void fault_set(FaultKind kind, int error, int times)
{
    faults[kind].error = error;
    faults[kind].calls = 0;
    faults[kind].left = times;
}

void fault_clear(void)
{
    for (int i = 0; i < FAULT_KINDS; i++) {
        fault_set(i, 0, 0);
    }
}

void fault_hold(bool (*go_on)(void *opaque), void *opaque)
{
    hold_opaque = opaque;
    hold_ends = go_on;
}

/* The error that this call is to have, or 0. */
static int fault_now(FaultKind kind)
{
    Fault *f = &faults[kind];
    atomic_fetch_add(&f->calls, 1);
    if (!f->left) {
        return 0;
    }
    if (f->left > 0) {
        atomic_fetch_sub(&f->left, 1);
    }
    return f->error;
}

static void held(void)
{
    bool (*go_on)(void *opaque);
    while ((go_on = hold_ends) && !go_on(hold_opaque)) {
        g_thread_yield();
    }
}

static bool fails(FaultKind kind)
{
    if (kind != FAULT_THREAD) {
        held();
    }
    int e = fault_now(kind);
    if (e) {
        errno = e;
    }
    return e != 0;
}

/* The names are the linker's, and those of files of 64 bits. */
ssize_t __wrap_preadv64(int fd, const struct iovec *iov, int count, off_t at);
ssize_t __wrap_pwritev64(int fd, const struct iovec *iov, int count, off_t at);
int __wrap_fdatasync(int fd);
int __wrap_fallocate64(int fd, int mode, off_t at, off_t length);
unsigned __wrap_io_uring_peek_batch_cqe(struct io_uring *ring, struct io_uring_cqe **cqes, unsigned count);
GThread *__wrap_g_thread_try_new(const char *name, GThreadFunc fn, gpointer data, GError **err);
ssize_t __real_preadv64(int fd, const struct iovec *iov, int count, off_t at);
ssize_t __real_pwritev64(int fd, const struct iovec *iov, int count, off_t at);
int __real_fdatasync(int fd);
int __real_fallocate64(int fd, int mode, off_t at, off_t length);
unsigned __real_io_uring_peek_batch_cqe(struct io_uring *ring, struct io_uring_cqe **cqes, unsigned count);
GThread *__real_g_thread_try_new(const char *name, GThreadFunc fn, gpointer data, GError **err);

ssize_t __wrap_preadv64(int fd, const struct iovec *iov, int count, off_t at)
{
    return fails(FAULT_READ) ? -1 : __real_preadv64(fd, iov, count, at);
}

ssize_t __wrap_pwritev64(int fd, const struct iovec *iov, int count, off_t at)
{
    return fails(FAULT_WRITE) ? -1 : __real_pwritev64(fd, iov, count, at);
}

int __wrap_fdatasync(int fd)
{
    return fails(FAULT_SYNC) ? -1 : __real_fdatasync(fd);
}

int __wrap_fallocate64(int fd, int mode, off_t at, off_t length)
{
    return fails(FAULT_ALLOCATE) ? -1 : __real_fallocate64(fd, mode, at, length);
}

/* Of the library's own; GLib's pools are not met. */
GThread *__wrap_g_thread_try_new(const char *name, GThreadFunc fn, gpointer data, GError **err)
{
    if (fails(FAULT_THREAD)) {
        g_set_error(err, G_THREAD_ERROR, G_THREAD_ERROR_AGAIN, "%s", g_strerror(errno));
        return NULL;
    }
    return __real_g_thread_try_new(name, fn, data, err);
}

static FaultKind kind_of(const BlockRequest *r)
{
    return r->op == BLOCK_FLUSH ? FAULT_SYNC : r->op == BLOCK_READ ? FAULT_READ : FAULT_WRITE;
}

/* The operation has been done, and is said to have failed: for a flush this is how the kernel
 * behaves, which says it once.  Entries are looked at again until they are taken: each is judged once. */
unsigned __wrap_io_uring_peek_batch_cqe(struct io_uring *ring, struct io_uring_cqe **cqes, unsigned count)
{
    unsigned n = __real_io_uring_peek_batch_cqe(ring, cqes, count);
    for (unsigned i = 0; i < n; i++) {
        int e = fault_now(kind_of(io_uring_cqe_get_data(cqes[i])));
        if (e) {
            cqes[i]->res = -e;
        }
    }
    return n;
}
