/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is read of a backing file is written to the image, so that it is read from there the next time.
 * Spelling: QEMU's manual, "QMP reference", BlockdevOptionsCor.
 *
 * Reads that copy and writes take ranges, as a job's do (job/watch.c): a copy never covers what was written
 * meanwhile.  A copy that fails (the host's disk is full) fails nothing: the read has what it asked for.
 *
 * Not modelled: bottom. */
#include "block/filter/filters.h"
#include "block/block_priv.h"
#include "block/job/watch.h"

typedef struct CopyNode {
    BlockNode node;
    Watch *watch; /* the child: who changes the image goes through it, or has taken the range */
} CopyNode;

static BlockNode *image_of(BlockNode *n)
{
    return n->children[NODE_FILE]->children[NODE_FILE];
}

static int copy_map(BlockNode *n, uint64_t offset, uint64_t length, bool may_wait, Extent *e)
{
    int result = node_map(image_of(n), offset, length, may_wait, e);
    if (result) {
        return result;
    }
    bool below = e->kind == EXTENT_BELOW && e->node && !n->readonly;
    bool zero = e->kind == EXTENT_ZERO || (e->kind == EXTENT_BELOW && !e->node);
    *e = (Extent){ below  ? EXTENT_PACKED
                   : zero ? EXTENT_ZERO
                          : EXTENT_DATA,
                   false, e->length, zero ? NULL : n->children[NODE_FILE], offset };
    return 0;
}

static int copy_run(BlockNode *n, const NodeIo *io)
{
    return node_run(n->children[NODE_FILE], io);
}

/* Within one extent of the map; it may be the image's own by now. */
static int copy_unpack(BlockNode *n, const NodeIo *io)
{
    CopyNode *c = container_of(n, CopyNode, node);
    BlockNode *image = image_of(n);
    watch_take(c->watch, io->offset, io->length);
    int result = node_run(image, io);
    for (uint64_t done = 0; done < io->length && !result;) {
        Extent e;
        if (node_map(image, io->offset + done, io->length - done, true, &e)) {
            break;
        }
        if (e.kind == EXTENT_BELOW && e.node) {
            g_autofree struct iovec *part = g_new(struct iovec, MAX(io->iov_count, 1));
            int count = iov_slice(part, io->iov, io->iov_count, done, e.length);
            node_run(image, &(NodeIo){ BLOCK_WRITE, false, io->offset + done, e.length, part, count });
        }
        done += e.length;
    }
    watch_give(c->watch, io->offset, io->length);
    return result;
}

static bool copy_set_writable(BlockNode *n, bool writable, GError **err)
{
    BlockNode *watch = n->children[NODE_FILE];
    if (!node_set_writable(image_of(n), writable, err)) {
        return false;
    }
    watch->readonly = n->readonly = !writable;
    return true;
}

static void copy_close(BlockNode *n)
{
}

static const BlockDriver copy_driver = {
    .name = "copy-on-read",
    .map = copy_map,
    .run = copy_run,
    .unpack = copy_unpack,
    .set_writable = copy_set_writable,
    .close = copy_close,
};

BlockNode *copy_on_read_node_open(BlockNode *below)
{
    CopyNode *c = g_new0(CopyNode, 1);
    node_init(&c->node, &copy_driver, below->filename, below->size, below->readonly);
    c->watch = watch_new(node_ref(below), &(WatchUse){ .marks = false });
    c->node.children[NODE_FILE] = watch_node(c->watch);
    return &c->node;
}
