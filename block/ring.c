/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The io_uring engine: one ring for all drives whose requests end in one loop.
 *
 * Any thread prepares and submits under the ring's lock, one system call a request, or one for
 * all between block_plug and block_unplug.  The loop watches the ring's own
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
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "block_priv.h"
#include "base/fdwatch.h"
#include "base/event_loop.h"

/* The kernel may do a transfer at once, where it is submitted, and nothing ends one early: a request
 * is small, and so is all that is under way.  The rest goes to workers, which can be interrupted. */
enum { RING_ENTRIES = 256, REAP_BATCH = 64, REQUEST_MAX = 4 << 20, UNDER_WAY_MAX = 32 << 20 };

struct Ring {
    Completer *completer;
    struct io_uring uring;
    Lock lock;
    BlockRequest *backlog, *backlog_last; /* did not fit; under lock */
    uint64_t under_way;                   /* bytes; atomic */
    FdWatch *watch;
    Bh *start_bh;
};

static __thread unsigned plug_depth;
static __thread Ring *plug_pending; /* has what is to go out at the last unplug */

/* ---- submission ---------------------------------------------------------- */

static void sqe_fill(struct io_uring_sqe *sqe, BlockRequest *r)
{
    switch (r->op) {
    case BLOCK_READ:
        io_uring_prep_readv(sqe, r->priv.place.fd, r->iov, r->iov_count, r->priv.place.position);
        break;
    case BLOCK_WRITE:
        io_uring_prep_writev(sqe, r->priv.place.fd, r->iov, r->iov_count, r->priv.place.position);
        sqe->rw_flags = r->priv.flags & PRIV_SYNC ? RWF_DSYNC : 0;
        break;
    default: io_uring_prep_fsync(sqe, r->priv.place.fd, IORING_FSYNC_DATASYNC); break;
    }
    io_uring_sqe_set_data(sqe, r);
}

/* Under the lock.  Entries that the kernel does not take now stay in the ring. */
static void submit_locked(Ring *ring)
{
    int n;
    lock_assert_held(&ring->lock);
    do {
        n = io_uring_submit(&ring->uring);
    } while (n == -EINTR);
    if (n < 0) {
        bh_schedule(ring->start_bh); /* out of memory, or completions to be taken first */
    }
}

static bool prepare_locked(Ring *ring, BlockRequest *r)
{
    struct io_uring_sqe *sqe = io_uring_get_sqe(&ring->uring);
    if (!sqe) {
        submit_locked(ring);
        sqe = io_uring_get_sqe(&ring->uring);
    }
    if (sqe) {
        sqe_fill(sqe, r);
    }
    return sqe != NULL;
}

static void backlog_add(Ring *ring, BlockRequest *r)
{
    r->priv.next = NULL;
    if (ring->backlog) {
        ring->backlog_last->priv.next = r;
    } else {
        ring->backlog = r;
    }
    ring->backlog_last = r;
}

bool ring_takes(const Ring *ring, const BlockRequest *r)
{
    return r->length <= REQUEST_MAX && r->iov_count <= IOV_MAX &&
           __atomic_load_n(&ring->under_way, __ATOMIC_RELAXED) <= UNDER_WAY_MAX;
}

void ring_submit(Ring *ring, BlockRequest *r)
{
    __atomic_add_fetch(&ring->under_way, r->length, __ATOMIC_RELEASE); /* with ring_reap */
    lock_take(&ring->lock);
    if (ring->backlog || !prepare_locked(ring, r)) {
        backlog_add(ring, r);
        bh_schedule(ring->start_bh);
    } else if (plug_depth && (!plug_pending || plug_pending == ring)) {
        plug_pending = ring;
    } else {
        submit_locked(ring);
    }
    lock_release(&ring->lock);
}

void ring_start(Ring *ring)
{
    if (!ring) {
        return;
    }
    lock_take(&ring->lock);
    while (ring->backlog && prepare_locked(ring, ring->backlog)) {
        ring->backlog = ring->backlog->priv.next;
    }
    submit_locked(ring);
    lock_release(&ring->lock);
}

void block_plug(void)
{
    plug_depth++;
}

void block_unplug(void)
{
    if (--plug_depth == 0 && plug_pending) {
        ring_start(g_steal_pointer(&plug_pending));
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

static void finish(Ring *ring, BlockRequest *r, int result)
{
    BlockNode *leaf = r->priv.place.leaf;
    bool flush = r->op == BLOCK_FLUSH;
    __atomic_sub_fetch(&ring->under_way, r->length, __ATOMIC_RELAXED);
    node_place_end(&r->priv.place);
    if (flush ? never_began(result) : transfer_needs_worker(r, result)) {
        workers_submit(r);
        return;
    }
    if (flush || (r->priv.flags & PRIV_SYNC && result < 0)) {
        result = node_synced(leaf, MIN(result, 0));
    }
    block_complete_quietly(r, MIN(result, 0));
}

typedef struct Ended {
    BlockRequest *r;
    int result;
} Ended;

/* The loop takes what has ended, and the main loop as well while it drains another's. */
static unsigned take_ended(Ring *ring, Ended *ended)
{
    struct io_uring_cqe *cqes[REAP_BATCH];
    lock_take(&ring->lock);
    unsigned n = io_uring_peek_batch_cqe(&ring->uring, cqes, REAP_BATCH);
    for (unsigned i = 0; i < n; i++) {
        ended[i] = (Ended){ io_uring_cqe_get_data(cqes[i]), cqes[i]->res };
    }
    io_uring_cq_advance(&ring->uring, n);
    lock_release(&ring->lock);
    return n;
}

void ring_reap(Ring *ring)
{
    Ended ended[REAP_BATCH];
    unsigned n;
    while (ring && (n = take_ended(ring, ended)) > 0) {
        /* Who submitted wrote the request before: the kernel orders the two, and so does this, for a sanitizer. */
        __atomic_load_n(&ring->under_way, __ATOMIC_ACQUIRE);
        for (unsigned i = 0; i < n; i++) {
            finish(ring, ended[i].r, ended[i].result);
        }
    }
}

static void ring_readable(void *opaque, GIOCondition ready)
{
    Ring *ring = opaque;
    ring_reap(ring);
    block_plug(); /* what done() submits goes out together, with the backlog */
    completer_run(ring->completer);
    lock_take(&ring->lock);
    if (ring->backlog && !plug_pending) {
        plug_pending = ring;
    }
    lock_release(&ring->lock);
    block_unplug();
}

static void start_later(void *opaque)
{
    completer_poll(((Ring *)opaque)->completer);
}

int ring_wait_fd(const Ring *ring)
{
    return ring ? ring->uring.ring_fd : -1;
}

/* ---- set-up -------------------------------------------------------------- */

static bool ring_has_operations(Ring *ring)
{
    struct io_uring_probe *p = io_uring_get_probe_ring(&ring->uring);
    bool ok = p && io_uring_opcode_supported(p, IORING_OP_READV) &&
              io_uring_opcode_supported(p, IORING_OP_WRITEV) && io_uring_opcode_supported(p, IORING_OP_FSYNC);
    io_uring_free_probe(p);
    return ok && ring->uring.features & IORING_FEAT_NODROP;
}

/* A guest that has taken the process over gets nothing else from the ring, around the sandbox's list of system calls
 * (base/sandbox.h): the operations of sqe_fill() alone, without flags.  0 or -errno. */
static int ring_restrict(Ring *ring)
{
    struct io_uring_restriction only[] = {
        { .opcode = IORING_RESTRICTION_SQE_OP, .sqe_op = IORING_OP_READV },
        { .opcode = IORING_RESTRICTION_SQE_OP, .sqe_op = IORING_OP_WRITEV },
        { .opcode = IORING_RESTRICTION_SQE_OP, .sqe_op = IORING_OP_FSYNC },
    };
    int fd = ring->uring.ring_fd; /* by system call: liburing 2.3 declares functions for it, and has none */
    bool ok =
        syscall(SYS_io_uring_register, fd, IORING_REGISTER_RESTRICTIONS, only, G_N_ELEMENTS(only)) == 0 &&
        syscall(SYS_io_uring_register, fd, IORING_REGISTER_ENABLE_RINGS, NULL, 0) == 0;
    return ok ? 0 : -errno;
}

/* 0 or -errno. */
static int ring_open(Ring *ring)
{
    int e = io_uring_queue_init(RING_ENTRIES, &ring->uring, IORING_SETUP_R_DISABLED); /* since Linux 5.10 */
    if (e) {
        return e;
    }
    e = ring_has_operations(ring) ? ring_restrict(ring) : -EOPNOTSUPP;
    if (e) {
        io_uring_queue_exit(&ring->uring);
    }
    return e;
}

static Ring *ring_new(Completer *c)
{
    Ring *ring = g_new0(Ring, 1);
    c->ring_error = ring_open(ring);
    if (c->ring_error) {
        g_free(ring);
        return NULL;
    }
    ring->completer = c;
    lock_init(&ring->lock, LOCK_RING);
    io_uring_ring_dontfork(&ring->uring);
    ring->start_bh = bh_new(c->loop, NULL, start_later, ring);
    ring->watch = fdwatch_new(c->loop, ring->uring.ring_fd, ring_readable, ring);
    fdwatch_set(ring->watch, G_IO_IN);
    return ring;
}

void ring_free(Ring *ring)
{
    if (ring) {
        fdwatch_free(ring->watch);
        bh_free(ring->start_bh);
        io_uring_queue_exit(&ring->uring);
        lock_finish(&ring->lock);
        g_free(ring);
    }
}

bool ring_init(Completer *c, GError **err)
{
    if (!c->ring && !c->ring_error) {
        c->ring = ring_new(c);
    }
    if (!c->ring) {
        block_error(err,
                    "aio=io_uring: the kernel gives no usable io_uring: %s; use aio=threads, "
                    "or look at /proc/sys/kernel/io_uring_disabled",
                    g_strerror(-c->ring_error));
    }
    return c->ring != NULL;
}
