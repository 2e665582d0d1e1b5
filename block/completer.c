/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where requests end: a loop, the ring that it watches, and the requests that have ended and are not yet told of.
 *
 * A machine's drives end their requests in its main loop; a drive whose user asked for another loop (block_serve_in) in that one,
 * with a ring of its own.  The main loop may end them as well, while it drains. */
#include "block_priv.h"
#include "base/clock.h"

/* ---- requests that have ended -------------------------------------------- */

static BlockRequest *take(Completer *c)
{
    lock_take(&c->done_lock);
    BlockRequest *r = c->done_first;
    c->done_first = c->done_last = NULL;
    lock_release(&c->done_lock);
    return r;
}

void completer_run(Completer *c)
{
    Lock *held = NULL;
    BlockRequest *first = take(c);
    int64_t now = first ? clock_get_ns(NULL, CLK_REALTIME) : 0;
    for (BlockRequest *r = first, *next; r; r = next) {
        BlockBackend *blk = r->priv.blk;
        int result = r->priv.result;
        next = r->priv.next;
        if (blk->lock != held) {
            if (held) {
                lock_release(held);
            }
            held = blk->lock;
            if (held) {
                lock_take(held);
            }
        }
        bool kept = block_keep(r);
        __atomic_sub_fetch(&blk->in_flight, 1, __ATOMIC_RELEASE);
        if (!kept) {
            block_count(r, result, now);
            r->done(r, r->priv.result); /* r may be gone now */
        }
    }
    if (held) {
        lock_release(held);
    }
}

void completer_poll(Completer *c)
{
    ring_start(c->ring);
    ring_reap(c->ring);
    completer_run(c);
}

static void queue_done(Completer *c, BlockRequest *r, int result)
{
    r->priv.result = result;
    r->priv.next = NULL;
    if (c->done_last) {
        c->done_last->priv.next = r;
    } else {
        c->done_first = r;
    }
    c->done_last = r;
}

void block_complete_quietly(BlockRequest *r, int result)
{
    Completer *c = completer_of(r->priv.blk);
    lock_take(&c->done_lock);
    queue_done(c, r, result);
    lock_release(&c->done_lock);
}

/* Once r is taken from the queue, the drives may be: so the loop is woken under the lock. */
void block_complete(BlockRequest *r, int result)
{
    Completer *c = completer_of(r->priv.blk);
    lock_take(&c->done_lock);
    queue_done(c, r, result);
    bh_schedule(c->done_bh);
    lock_release(&c->done_lock);
}

Completer *completer_of(const BlockBackend *blk)
{
    return blk->completer ? blk->completer : blk->all->completer;
}

/* ---- life ---------------------------------------------------------------- */

static void run_later(void *opaque)
{
    completer_run(opaque);
}

Completer *completer_new(EventLoop *loop)
{
    Completer *c = g_new0(Completer, 1);
    c->loop = loop;
    lock_init(&c->done_lock, LOCK_ENDED_REQUESTS);
    c->done_bh = bh_new(loop, NULL, run_later, c);
    return c;
}

/* In its loop. */
static void let_go(void *opaque)
{
    Completer *c = opaque;
    ring_free(c->ring);
    bh_free(c->done_bh);
}

void completer_free(Completer *c)
{
    event_loop_call(c->loop, let_go, c);
    lock_finish(&c->done_lock);
    g_free(c);
}

/* ---- loops besides the main loop ----------------------------------------- */

static void make_ring(void *opaque)
{
    ring_init(opaque, NULL); /* without one its requests go to workers */
}

static Completer *completer_in(Drives *all, EventLoop *loop)
{
    for (guint i = 0; i < all->others->len; i++) {
        Completer *c = g_ptr_array_index(all->others, i);
        if (c->loop == loop) {
            return c;
        }
    }
    Completer *c = completer_new(loop);
    g_ptr_array_add(all->others, c);
    return c;
}

/* The last one takes it along. */
static void leave(BlockBackend *blk)
{
    Completer *was = blk->completer;
    blk->completer = NULL;
    if (was && --was->drives == 0) {
        g_ptr_array_remove(blk->all->others, was);
        completer_free(was);
    }
}

void block_serve_in(BlockBackend *blk, EventLoop *loop)
{
    Drives *all = blk->all;
    g_assert(__atomic_load_n(&blk->in_flight, __ATOMIC_ACQUIRE) == 0);
    leave(blk);
    if (loop == all->loop) {
        return;
    }
    blk->completer = completer_in(all, loop);
    blk->completer->drives++;
    if (blk->ring) {
        event_loop_call(loop, make_ring, blk->completer);
    }
}
