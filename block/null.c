/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A disk that keeps nothing: what is written is forgotten, at once.  To measure all but the disk.
 * Spelling: QEMU's manual, "QMP reference", BlockdevOptionsNull.
 *
 * Not modelled: latency-ns. */
#include "block_priv.h"

typedef struct NullNode {
    BlockNode node;
    bool read_zeroes;
} NullNode;

static int null_map(BlockNode *n, uint64_t offset, uint64_t length, bool may_wait, Extent *e)
{
    bool zeroes = container_of(n, NullNode, node)->read_zeroes;
    *e = (Extent){ zeroes ? EXTENT_ZERO : EXTENT_DATA, true, length, n, offset };
    return 0;
}

static bool null_direct(BlockNode *n, const NodeIo *io, int *fd)
{
    return false;
}

static int null_run(BlockNode *n, const NodeIo *io)
{
    if (io->op == BLOCK_READ && container_of(n, NullNode, node)->read_zeroes) {
        iov_zero_from(io->iov, io->iov_count, 0);
    }
    return 0;
}

static void null_close(BlockNode *n)
{
}

static const BlockDriver null_driver = {
    .name = "null-co",
    .map = null_map,
    .direct = null_direct,
    .run = null_run,
    .close = null_close,
};

BlockNode *null_node_open(uint64_t size, bool read_zeroes)
{
    NullNode *n = g_new0(NullNode, 1);
    node_init(&n->node, &null_driver, "null-co://", size, false);
    n->read_zeroes = read_zeroes;
    return &n->node;
}
