/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is counted of a drive's requests.  All of it happens where requests end, under the lock of the drive's user; a request only carries the time at which it was submitted. */
#include "block_priv.h"

static BlockCounted kind_of(BlockOp op)
{
    switch (op) {
    case BLOCK_READ: return BLOCK_COUNTED_READS;
    case BLOCK_FLUSH: return BLOCK_COUNTED_FLUSHES;
    case BLOCK_DISCARD: return BLOCK_COUNTED_DISCARDS;
    default: return BLOCK_COUNTED_WRITES;
    }
}

static void count_done(BlockStats *s, const BlockRequest *r, BlockCounted kind)
{
    s->of[kind].operations++;
    s->of[kind].bytes += r->op == BLOCK_FLUSH ? 0 : r->length;
    if (kind == BLOCK_COUNTED_WRITES) {
        s->highest_written = MAX(s->highest_written, r->offset + r->length);
    }
}

void block_count(const BlockRequest *r, int result, int64_t now)
{
    BlockStats *s = &r->priv.blk->stats;
    BlockCounted kind = kind_of(r->op);
    if (result == -ECANCELED) {
        return;
    }
    s->last_ns = now;
    if (result < 0 && r->priv.flags & PRIV_REFUSED) {
        s->of[kind].invalid++;
        return;
    }
    s->of[kind].time_ns += MAX(now - r->priv.begun_ns, 0);
    if (result < 0) {
        s->of[kind].failed++;
    } else {
        count_done(s, r, kind);
    }
}

BlockStats block_stats(BlockBackend *blk)
{
    lock_take_any(blk->lock);
    BlockStats s = blk->stats;
    lock_release_any(blk->lock);
    return s;
}
