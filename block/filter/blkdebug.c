/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A node whose requests fail by rules, and which takes no others than whole units, of a size that may be limited: to see
 * what those above it make of that.
 * Spelling: QEMU's manual, "QMP reference", BlockdevOptionsBlkdebug.
 *
 * A request that is no whole units is made one, as a disk of such sectors needs it: what is around is read and written
 * back, while nobody else writes (block/patches.h).  Rules are asked about the requests as they come, not about these. */
#include "block/filter/blkdebug.h"

#include <errno.h>
#include <string.h>

#include "block/block_priv.h"

enum { ALIGN_MAX = 1 << 20, DATA_MAX = 1 << 20, RANGE_MAX = 1 << 30 };

typedef struct DebugNode {
    BlockNode node;
    BlkdebugRules *rules;
    Patches units; /* of writes that are not whole units */
    uint64_t align, max_transfer, max_zeroes, max_discard;
} DebugNode;

static int debug_map(BlockNode *n, uint64_t offset, uint64_t length, bool may_wait, Extent *e)
{
    *e = (Extent){ EXTENT_PACKED, false, length, n->children[NODE_FILE], offset };
    return 0;
}

/* ---- whole units, so many at a time -------------------------------------------- */

/* Of [at, at + length), whole units in buf. */
static int move_units(DebugNode *d, BlockOp op, uint64_t at, uint8_t *buf, uint64_t length)
{
    int e = 0;
    for (uint64_t done = 0, n; done < length && !e; done += n) {
        n = MIN(length - done, d->max_transfer);
        struct iovec iov = { buf + done, n };
        e = node_run(d->node.children[NODE_FILE], &(NodeIo){ op, false, at + done, n, &iov, 1 });
    }
    return e;
}

/* A piece of at most DATA_MAX, with what is around it. */
static int transfer_piece(DebugNode *d, const NodeIo *io, uint64_t done, uint64_t n, uint8_t *buf)
{
    uint64_t first = (io->offset + done) / d->align * d->align;
    uint64_t skip = io->offset + done - first, length = (skip + n + d->align - 1) / d->align * d->align;
    bool write = io->op == BLOCK_WRITE;
    int e = !write || length != n ? move_units(d, BLOCK_READ, first, buf, length) : 0;
    if (!e && !write) {
        iov_from_buf(io->iov, io->iov_count, done, buf + skip, n);
    } else if (!e) {
        iov_to_buf(io->iov, io->iov_count, done, buf + skip, n);
        e = move_units(d, BLOCK_WRITE, first, buf, length);
    }
    return e;
}

static int transfer(DebugNode *d, const NodeIo *io)
{
    g_autofree uint8_t *buf = g_try_malloc(MIN(io->length, DATA_MAX) + 2 * d->align);
    int e = buf ? 0 : -ENOMEM;
    for (uint64_t done = 0, n; done < io->length && !e; done += n) {
        n = MIN(io->length - done, DATA_MAX - (io->offset + done) % d->align);
        e = transfer_piece(d, io, done, n, buf);
    }
    return e;
}

/* Zeroes and discards: the part that is whole units; ends that are not are zeroes as data, or stay. */
static int range(DebugNode *d, const NodeIo *io)
{
    uint64_t most = io->op == BLOCK_DISCARD ? d->max_discard : d->max_zeroes, end = io->offset + io->length;
    int e = 0;
    for (uint64_t at = io->offset, n; at < end && !e; at += n) {
        bool whole = at % d->align == 0 && end - at >= d->align;
        n = whole ? MIN((end - at) / d->align * d->align, most) : MIN(end - at, d->align - at % d->align);
        NodeIo part = { io->op, io->unmap, at, n };
        if (whole) {
            e = node_run(d->node.children[NODE_FILE], &part);
        } else if (io->op == BLOCK_WRITE_ZEROES) {
            g_autofree uint8_t *zeroes = g_malloc0(n);
            struct iovec iov = { zeroes, n };
            e = transfer(d, &(NodeIo){ BLOCK_WRITE, false, at, n, &iov, 1 });
        }
    }
    return e;
}

static int do_request(DebugNode *d, const NodeIo *io)
{
    bool patch = io->op != BLOCK_READ && (io->offset | io->length) % d->align;
    if (io->op == BLOCK_FLUSH) {
        return node_flush(d->node.children[NODE_FILE]);
    }
    if (io->op == BLOCK_READ) {
        return transfer(d, io);
    }
    (patch ? patches_begin : patches_begin_whole)(&d->units);
    int e = io->op == BLOCK_WRITE ? transfer(d, io) : range(d, io);
    (patch ? patches_end : patches_end_whole)(&d->units);
    return e;
}

/* ---- the driver --------------------------------------------------------------------- */

static int debug_run(BlockNode *n, const NodeIo *io)
{
    DebugNode *d = container_of(n, DebugNode, node);
    int e = blkdebug_rules_ask(d->rules, io, false);
    e = e ? e : do_request(d, io);
    return e ? e : blkdebug_rules_ask(d->rules, io, true);
}

static int debug_resize(BlockNode *n, uint64_t bytes)
{
    int e = node_resize(n->children[NODE_FILE], bytes);
    if (!e) {
        __atomic_store_n(&n->size, node_size(n->children[NODE_FILE]), __ATOMIC_RELEASE);
    }
    return e;
}

static void debug_close(BlockNode *n)
{
    DebugNode *d = container_of(n, DebugNode, node);
    g_clear_pointer(&d->rules, blkdebug_rules_free);
    patches_finish(&d->units);
}

static const BlockDriver debug_driver = {
    .name = "blkdebug",
    .map = debug_map,
    .run = debug_run,
    .unpack = debug_run,
    .resize = debug_resize,
    .close = debug_close,
};

/* *max: 0: as much as there is. */
static bool set_max(uint64_t *max, uint64_t wanted, uint64_t all, uint64_t align, const char *name,
                    GError **err)
{
    *max = wanted ? MIN(wanted, all) : all;
    if (wanted % align) {
        block_error(err,
                    "blkdebug: Cannot meet constraints with %s %" G_GUINT64_FORMAT
                    ": choose a multiple of %" G_GUINT64_FORMAT,
                    name, wanted, align);
        return false;
    }
    return true;
}

static bool set_sizes(DebugNode *d, const BlkdebugOptions *o, GError **err)
{
    uint64_t align = o->align ? o->align : SECTOR;
    d->align = MAX(align, SECTOR);
    if (align & (align - 1) || align > ALIGN_MAX || d->node.size % align) {
        block_error(err,
                    "blkdebug: align=%" G_GUINT64_FORMAT
                    ": choose a power of 2 up to 1 MiB of which '%s' is a multiple",
                    align, d->node.filename);
        return false;
    }
    return set_max(&d->max_transfer, o->max_transfer, DATA_MAX, d->align, "max-transfer", err) &&
           set_max(&d->max_zeroes, o->max_write_zero, RANGE_MAX, d->align, "max-write-zero", err) &&
           set_max(&d->max_discard, o->max_discard, RANGE_MAX, d->align, "max-discard", err);
}

BlockNode *blkdebug_node_open(BlockNode *below, const BlkdebugOptions *o, GError **err)
{
    DebugNode *d = g_new0(DebugNode, 1);
    node_init(&d->node, &debug_driver, below->filename, below->size, below->readonly);
    d->node.children[NODE_FILE] = node_ref(below);
    patches_init(&d->units);
    if (!set_sizes(d, o, err) || !(d->rules = blkdebug_rules_new(o, err))) {
        node_unref(&d->node);
        return NULL;
    }
    return &d->node;
}
