/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A request done by a worker: straight-line code, a piece at a time.
 *
 * A guest may ask for hundreds of GiB in one request, and for a thousand of those.  A piece is small enough
 * to be waited for; between two pieces the worker looks whether it is to put the request down (drives_pause,
 * block_cancel_begin).  What has been completed is not done again when the request goes on. */
#include "block_priv.h"

enum { PIECE_DATA = 1 << 20, PIECE_RANGE = 16 << 20 };

NodeIo block_io(const BlockRequest *r)
{
    return (NodeIo){ r->op, (r->priv.flags & PRIV_UNMAP) != 0, r->offset, r->length, r->iov, r->iov_count };
}

static bool moves_data(const BlockRequest *r)
{
    return r->op == BLOCK_READ || r->op == BLOCK_WRITE;
}

/* Cuts lie at multiples of the size: a hole must not end within a block of the file system. */
static uint64_t next_piece(const BlockRequest *r)
{
    uint64_t left = r->length - r->priv.completed, at = r->offset + r->priv.completed;
    uint64_t size = moves_data(r) ? PIECE_DATA : PIECE_RANGE;
    return MIN(left, size - at % size);
}

static BlockOp piece_op(BlockRequest *piece)
{
    const BlockBackend *blk = piece->priv.blk;
    if (piece->op == BLOCK_WRITE && !(piece->priv.flags & PRIV_ZEROES) && blk->detect_zeroes &&
        iov_is_zero(piece->iov, piece->iov_count)) {
        piece->priv.flags |= PRIV_ZEROES | (blk->zeroes_unmap ? PRIV_UNMAP : 0);
    }
    return piece->priv.flags & PRIV_ZEROES ? BLOCK_WRITE_ZEROES : piece->op;
}

/* vector: room for the request's. */
static int run_piece(const BlockRequest *r, uint64_t length, struct iovec *vector)
{
    BlockRequest piece = *r;
    piece.offset += r->priv.completed;
    piece.length = length;
    if (moves_data(r) && length < r->length) {
        piece.iov = vector;
        piece.iov_count = iov_slice(vector, r->iov, r->iov_count, r->priv.completed, length);
    }
    piece.op = piece_op(&piece);
    NodeIo io = block_io(&piece);
    return node_run(r->priv.blk->node, &io);
}

static bool interrupted(const BlockRequest *r)
{
    return __atomic_load_n(&r->priv.blk->interrupts, __ATOMIC_ACQUIRE) != 0;
}

int block_run(BlockRequest *r)
{
    BlockNode *n = r->priv.blk->node;
    bool cut = moves_data(r) && next_piece(r) < r->length;
    g_autofree struct iovec *vector = cut ? g_new(struct iovec, r->iov_count) : NULL;
    while (r->priv.completed < r->length) {
        uint64_t length = next_piece(r);
        int e = interrupted(r) ? -ECANCELED : run_piece(r, length, vector);
        if (e) {
            return e;
        }
        r->priv.completed += length;
    }
    if (r->op == BLOCK_FLUSH || r->priv.flags & PRIV_SYNC) {
        return interrupted(r) ? -ECANCELED : node_flush(n);
    }
    return 0;
}
