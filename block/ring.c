/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The io_uring engine: one ring for all drives.
 *
 * Any thread prepares and submits under ring_lock, one system call a request, or one for
 * all between block_plug and block_unplug.  The main loop watches the ring's own
 * descriptor (readable while completions wait: no eventfd to write and to read)
 * and takes all completions of a wake-up together.
 *
 * What the ring cannot finish (a short transfer, an operation or flag that the file does
 * not know) is run again as a whole on a worker.  A flush that failed is never run again: see node_synced.
 *
 * Not modelled: registered buffers and files, polled I/O. */
#include <errno.h>
#include <limits.h>
#include <liburing.h>
#include <string.h>
#include <sys/uio.h>

#include "block_priv.h"
#include "base/fdwatch.h"
#include "base/mainloop.h"

/* The kernel may do a transfer at once, where it is submitted, and nothing ends one early: a request
 * is small, and so is all that is under way.  The rest goes to workers, which can be interrupted. */
enum { RING_ENTRIES = 256, REAP_BATCH = 64, REQUEST_MAX = 4 << 20, UNDER_WAY_MAX = 32 << 20 };

static struct io_uring ring;
static bool ring_ready;
static Lock ring_lock = LOCK_INIT(LOCK_RING); /* leaf */
static BlockRequest *backlog, *backlog_last;  /* did not fit; under ring_lock */
static uint64_t under_way;                    /* bytes; atomic */
static FdWatch *watch;
static Bh *start_bh;

static __thread unsigned plug_depth;
static __thread bool plug_pending;

/* ---- submission ---------------------------------------------------------- */

static void sqe_fill(struct io_uring_sqe *sqe, BlockRequest *r)
{
    switch (r->op) {
    case BLOCK_READ: io_uring_prep_readv(sqe, r->priv.fd, r->iov, r->iov_count, r->priv.position); break;
    case BLOCK_WRITE:
        io_uring_prep_writev(sqe, r->priv.fd, r->iov, r->iov_count, r->priv.position);
        sqe->rw_flags = r->priv.flags & PRIV_SYNC ? RWF_DSYNC : 0;
        break;
    default: io_uring_prep_fsync(sqe, r->priv.fd, IORING_FSYNC_DATASYNC); break;
    }
    io_uring_sqe_set_data(sqe, r);
}

/* Under ring_lock.  Entries that the kernel does not take now stay in the ring. */
static void submit_locked(void)
{
    int n;
    do {
        n = io_uring_submit(&ring);
    } while (n == -EINTR);
    if (n < 0) {
        bh_schedule(start_bh); /* out of memory, or completions to be taken first */
    }
}

static bool prepare_locked(BlockRequest *r)
{
    struct io_uring_sqe *sqe = io_uring_get_sqe(&ring);
    if (!sqe) {
        submit_locked();
        sqe = io_uring_get_sqe(&ring);
    }
    if (sqe) {
        sqe_fill(sqe, r);
    }
    return sqe != NULL;
}

static void backlog_add(BlockRequest *r)
{
    r->priv.next = NULL;
    if (backlog) {
        backlog_last->priv.next = r;
    } else {
        backlog = r;
    }
    backlog_last = r;
}

bool ring_takes(const BlockRequest *r)
{
    return r->length <= REQUEST_MAX && r->iov_count <= IOV_MAX &&
           __atomic_load_n(&under_way, __ATOMIC_RELAXED) <= UNDER_WAY_MAX;
}

void ring_submit(BlockRequest *r)
{
    __atomic_add_fetch(&under_way, r->length, __ATOMIC_RELAXED);
    lock_take(&ring_lock);
    if (backlog || !prepare_locked(r)) {
        backlog_add(r);
        bh_schedule(start_bh);
    } else if (plug_depth) {
        plug_pending = true;
    } else {
        submit_locked();
    }
    lock_release(&ring_lock);
}

void ring_start(void)
{
    if (!ring_ready) {
        return;
    }
    lock_take(&ring_lock);
    while (backlog && prepare_locked(backlog)) {
        backlog = backlog->priv.next;
    }
    submit_locked();
    lock_release(&ring_lock);
}

void block_plug(void)
{
    plug_depth++;
}

void block_unplug(void)
{
    if (--plug_depth == 0 && plug_pending) {
        plug_pending = false;
        ring_start();
    }
}

/* ---- completion ---------------------------------------------------------- */

/* The error of an operation that has not been begun. */
static bool never_began(int error)
{
    return error == -ECANCELED || error == -EOPNOTSUPP || error == -EINVAL;
}

static bool transfer_needs_worker(const BlockRequest *r, int result)
{
    if (result >= 0) {
        return (uint64_t)result != r->length;
    }
    /* A write that is to be durable at once may have failed as a write, which can be tried again, or as
     * a sync, which cannot.  A worker does one after the other, so that a full disk is told from lost data. */
    return never_began(result) || result == -EAGAIN || result == -EINTR ||
           (r->priv.flags & PRIV_SYNC && block_is_full_error(result));
}

static void finish(BlockRequest *r, int result)
{
    BlockNode *n = r->priv.blk->node;
    bool flush = r->op == BLOCK_FLUSH;
    __atomic_sub_fetch(&under_way, r->length, __ATOMIC_RELAXED);
    if (flush ? never_began(result) : transfer_needs_worker(r, result)) {
        workers_submit(r);
        return;
    }
    if (flush || (r->priv.flags & PRIV_SYNC && result < 0)) {
        result = node_synced(n, MIN(result, 0));
    }
    block_complete_quietly(r, MIN(result, 0));
}

void ring_reap(void)
{
    struct io_uring_cqe *cqes[REAP_BATCH];
    unsigned n;
    while (ring_ready && (n = io_uring_peek_batch_cqe(&ring, cqes, REAP_BATCH)) > 0) {
        for (unsigned i = 0; i < n; i++) {
            finish(io_uring_cqe_get_data(cqes[i]), cqes[i]->res);
        }
        io_uring_cq_advance(&ring, n);
    }
}

static void ring_readable(void *opaque, GIOCondition ready)
{
    ring_reap();
    block_plug(); /* what done() submits goes out together, with the backlog */
    block_completions_run();
    lock_take(&ring_lock);
    plug_pending |= backlog != NULL;
    lock_release(&ring_lock);
    block_unplug();
}

static void start_later(void *opaque)
{
    ring_reap();
    block_completions_run();
    ring_start();
}

int ring_wait_fd(void)
{
    return ring_ready ? ring.ring_fd : -1;
}

/* ---- set-up -------------------------------------------------------------- */

static bool ring_has_operations(void)
{
    struct io_uring_probe *p = io_uring_get_probe_ring(&ring);
    bool ok = p && io_uring_opcode_supported(p, IORING_OP_READV) &&
              io_uring_opcode_supported(p, IORING_OP_WRITEV) && io_uring_opcode_supported(p, IORING_OP_FSYNC);
    io_uring_free_probe(p);
    return ok && ring.features & IORING_FEAT_NODROP;
}

bool ring_init(GError **err)
{
    static int failed;
    if (ring_ready) {
        return true;
    }
    int e = failed ? failed : io_uring_queue_init(RING_ENTRIES, &ring, 0);
    if (!e && !ring_has_operations()) {
        io_uring_queue_exit(&ring);
        e = -EOPNOTSUPP;
    }
    if (e) {
        failed = e;
        block_error(err,
                    "aio=io_uring: the kernel gives no usable io_uring: %s; use aio=threads, "
                    "or look at /proc/sys/kernel/io_uring_disabled",
                    g_strerror(-e));
        return false;
    }
    io_uring_ring_dontfork(&ring);
    start_bh = bh_new(NULL, start_later, NULL);
    watch = fdwatch_new(ring.ring_fd, ring_readable, NULL);
    fdwatch_set(watch, G_IO_IN);
    ring_ready = true;
    return true;
}
