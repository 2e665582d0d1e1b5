/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The life of a request: checks, the choice between the ring and a worker, draining, and synchronous access.  It ends in a loop:
 * completer.c.
 *
 * Submitting takes only leaf locks, so that a device may do it under its own; done() is
 * never called from inside block_submit. */
#include <errno.h>
#include <poll.h>
#include <string.h>

#include "block_priv.h"
#include "base/clock.h"
#include "base/event_loop.h"
#include "block/filter/throttle.h"

enum { DETECT_MAX = 256 << 10 }; /* bytes that are looked at where the guest waits */

/* ---- submission ---------------------------------------------------------- */

/* Somebody who writes the head of another format into an image that was taken for raw
 * would own the host's files when it is probed again. */
static bool disguises(const BlockRequest *r)
{
    uint8_t head[SECTOR];
    if (r->op != BLOCK_WRITE || r->offset || !r->priv.blk->probed || r->length < SECTOR) {
        return false;
    }
    iov_to_buf(r->iov, r->iov_count, 0, head, sizeof(head));
    return strcmp(format_probe(head, sizeof(head)), "raw") != 0;
}

static int request_check(const BlockRequest *r)
{
    const BlockBackend *blk = r->priv.blk;
    bool moves = r->op == BLOCK_READ || r->op == BLOCK_WRITE;
    if (r->op == BLOCK_FLUSH) {
        return 0;
    }
    if ((r->offset | r->length) & (SECTOR - 1)) {
        return -EINVAL;
    }
    if (r->offset > blk->node->size || r->length > blk->node->size - r->offset) {
        return -EIO;
    }
    if (moves && (r->iov_count < 0 || iov_length(r->iov, r->iov_count) != r->length)) {
        return -EINVAL;
    }
    if (r->op != BLOCK_READ && blk->readonly) {
        return -EROFS;
    }
    return disguises(r) ? -EPERM : 0;
}

static bool request_is_void(const BlockRequest *r)
{
    const BlockBackend *blk = r->priv.blk;
    switch (r->op) {
    case BLOCK_FLUSH: return blk->no_flush;
    case BLOCK_DISCARD: return r->length == 0 || !blk->discard;
    default: return r->length == 0;
    }
}

static uint32_t request_flags(const BlockRequest *r)
{
    const BlockBackend *blk = r->priv.blk;
    uint32_t flags = 0;
    if (r->op == BLOCK_READ || r->op == BLOCK_FLUSH) {
        return 0;
    }
    if ((r->fua || blk->writethrough) && !blk->no_flush) {
        flags |= PRIV_SYNC;
    }
    /* A larger one is looked at by a worker, piece by piece. */
    if (r->op == BLOCK_WRITE && blk->detect_zeroes && r->length <= DETECT_MAX &&
        iov_is_zero(r->iov, r->iov_count)) {
        flags |= PRIV_ZEROES | (blk->zeroes_unmap ? PRIV_UNMAP : 0);
    }
    if (r->op == BLOCK_WRITE_ZEROES && r->unmap && blk->discard) {
        flags |= PRIV_UNMAP;
    }
    return flags;
}

static bool may_be_zeroes(const BlockRequest *r)
{
    return r->priv.flags & PRIV_ZEROES ||
           (r->op == BLOCK_WRITE && r->priv.blk->detect_zeroes && r->length > DETECT_MAX);
}

/* What makes a write durable is more than a sync of its file, where a format has things of its own to write. */
static bool syncs_more(const BlockRequest *r)
{
    return r->priv.flags & PRIV_SYNC && !r->priv.blk->node->driver->direct;
}

static void start(BlockRequest *r)
{
    BlockBackend *blk = r->priv.blk;
    NodeIo io = block_io(r);
    Ring *ring = blk->ring ? completer_of(blk)->ring : NULL;
    if (ring && !may_be_zeroes(r) && ring_takes(ring, r) && !syncs_more(r) &&
        node_resolve(blk->node, &io, &r->priv.place)) {
        ring_submit(ring, r);
    } else {
        workers_submit(r);
    }
}

void block_submit(BlockBackend *blk, BlockRequest *r)
{
    r->priv = (struct BlockPriv){ .blk = blk, .begun_ns = clock_get_ns(NULL, CLK_REALTIME) };
    __atomic_add_fetch(&blk->in_flight, 1,
                       __ATOMIC_SEQ_CST); /* before it is asked whether requests are held */
    int e = request_check(r);
    if (e || request_is_void(r)) {
        r->priv.flags = PRIV_REFUSED;
        block_complete(r, e);
        return;
    }
    r->priv.flags = request_flags(r);
    if (__atomic_load_n(&blk->held.on, __ATOMIC_SEQ_CST) && block_held_back(r)) {
        return;
    }
    if (!throttle_holds(r)) {
        start(r);
    }
}

void block_start(BlockRequest *r)
{
    if (!__atomic_load_n(&r->priv.blk->held.on, __ATOMIC_SEQ_CST) || !block_held_back(r)) {
        start(r);
    }
}

/* ---- draining ------------------------------------------------------------ */

/* Whoever is in the device, in another thread, has left it. */
static void pass_user(BlockBackend *blk)
{
    lock_take_any(blk->lock);
    lock_release_any(blk->lock);
}

void block_drain(BlockBackend *blk)
{
    Completer *c = completer_of(blk);
    pass_user(blk); /* who was about to submit has done so */
    ring_start(c->ring);
    while (__atomic_load_n(&blk->in_flight, __ATOMIC_ACQUIRE)) {
        struct pollfd p = { .fd = ring_wait_fd(c->ring), .events = POLLIN };
        ring_reap(c->ring);
        completer_run(c);
        if (__atomic_load_n(&blk->in_flight, __ATOMIC_ACQUIRE)) {
            poll(&p, 1, 1); /* workers have no descriptor to wait for */
        }
    }
    pass_user(blk); /* and done() of the last one is over, in whatever loop */
}

/* ---- synchronous access -------------------------------------------------- */

static bool run_sync(BlockBackend *blk, BlockRequest *r, const char *what, GError **err)
{
    r->priv = (struct BlockPriv){ .blk = blk };
    int e = request_check(r);
    if (!e && r->length) {
        r->priv.flags = request_flags(r);
        e = block_run(r);
    }
    if (e) {
        block_error(err,
                    "drive '%s': %s of %" G_GUINT64_FORMAT " bytes at %" G_GUINT64_FORMAT
                    " failed: %s; the image has %" G_GUINT64_FORMAT " bytes",
                    blk->id, what, r->length, r->offset, g_strerror(-e), blk->node->size);
    }
    return e == 0;
}

bool block_read_sync(BlockBackend *blk, uint64_t offset, void *buf, uint64_t len, GError **err)
{
    struct iovec iov = { buf, len };
    BlockRequest r = { .op = BLOCK_READ, .offset = offset, .length = len, .iov = &iov, .iov_count = 1 };
    return run_sync(blk, &r, "reading", err);
}

bool block_write_sync(BlockBackend *blk, uint64_t offset, const void *buf, uint64_t len, GError **err)
{
    struct iovec iov = { (void *)buf, len };
    BlockRequest r = { .op = BLOCK_WRITE, .offset = offset, .length = len, .iov = &iov, .iov_count = 1 };
    return run_sync(blk, &r, "writing", err);
}
