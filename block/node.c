/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The graph of nodes: reading through it, and the way of a request to one file of the host. */
#include <errno.h>
#include <string.h>

#include "block/driver.h"
#include "block/pins.h"
#include "util/iov.h"

void node_init(BlockNode *n, const BlockDriver *driver, const char *filename, uint64_t size, bool readonly)
{
    *n = (BlockNode){
        .driver = driver, .filename = g_strdup(filename), .size = size, .readonly = readonly, .refs = 1
    };
    patches_init(&n->patches);
}

BlockNode *node_ref(BlockNode *n)
{
    __atomic_add_fetch(&n->refs, 1, __ATOMIC_RELAXED);
    return n;
}

void node_unref(BlockNode *n)
{
    if (!n || __atomic_sub_fetch(&n->refs, 1, __ATOMIC_ACQ_REL)) {
        return;
    }
    n->driver->close(n);
    for (unsigned i = 0; i < NODE_CHILDREN; i++) {
        node_unref(n->children[i]);
    }
    for (guint i = 0; n->parts && i < n->parts->len; i++) {
        node_unref(g_ptr_array_index(n->parts, i));
    }
    if (n->parts) {
        g_ptr_array_unref(n->parts);
    }
    node_bitmaps_free(n);
    patches_finish(&n->patches);
    g_free(n->filename);
    g_free(n);
}

uint64_t node_size(const BlockNode *n)
{
    return __atomic_load_n(&n->size, __ATOMIC_ACQUIRE);
}

int node_resize(BlockNode *n, uint64_t bytes)
{
    if (n->readonly) {
        return -EROFS;
    }
    if (!n->driver->resize) {
        return -ENOTSUP;
    }
    int e = node_bitmaps_fit(n, bytes);
    e = e ? e : n->driver->resize(n, bytes);
    if (!e) {
        node_bitmaps_resized(n, node_size(n));
    }
    return e;
}

bool node_set_writable(BlockNode *n, bool writable, GError **err)
{
    if (n->readonly != writable) {
        return true;
    }
    if (!n->driver->set_writable) {
        g_set_error(err, G_FILE_ERROR, G_FILE_ERROR_FAILED,
                    "'%s' cannot be opened anew to be written: not with format %s", n->filename,
                    n->driver->name);
        return false;
    }
    return n->driver->set_writable(n, writable, err);
}

const char *node_filename(const BlockNode *n)
{
    return n->filename;
}

/* ---- failed syncs -------------------------------------------------------- */

int node_synced(BlockNode *n, int result)
{
    int before = 0;
    if (result < 0) {
        __atomic_compare_exchange_n(&n->sync_error, &before, result, false, __ATOMIC_ACQ_REL,
                                    __ATOMIC_ACQUIRE);
    }
    return __atomic_load_n(&n->sync_error, __ATOMIC_ACQUIRE);
}

int node_sync_error(BlockNode *n)
{
    int e = node_synced(n, 0);
    for (unsigned i = 0; i < NODE_CHILDREN && !e; i++) {
        e = n->children[i] ? node_sync_error(n->children[i]) : 0;
    }
    for (guint i = 0; n->parts && i < n->parts->len && !e; i++) {
        BlockNode *part = g_ptr_array_index(n->parts, i);
        e = part ? node_sync_error(part) : 0;
    }
    return e;
}

/* ---- where bytes are ----------------------------------------------------- */

int node_map(BlockNode *n, uint64_t offset, uint64_t length, bool may_wait, Extent *e)
{
    return n->driver->map(n, offset, length, may_wait, e);
}

static bool maps_whole(BlockNode *n, const NodeIo *io, uint64_t position, Extent *e)
{
    return node_map(n, position, io->length, false, e) == 0 && e->node && e->length == io->length &&
           (e->kind == EXTENT_DATA ? io->op == BLOCK_READ || e->writable
                                   : e->kind == EXTENT_BELOW && io->op == BLOCK_READ);
}

/* Of the nodes on the way one at most moves its data: those below it are read-only for it, and stay as they are. */
static void pin_first(BlockNode *n, NodePlace *place)
{
    if (n->pins && !n->readonly && !place->pinned) {
        place->pinned = n;
        place->pin = pins_take(n->pins);
    }
}

static bool changes(const NodeIo *io)
{
    return io->op != BLOCK_READ && io->op != BLOCK_FLUSH;
}

/* Does the way of a request have to be through node_run, which may wait? */
static bool is_shared(const BlockNode *n, const NodeIo *io)
{
    return changes(io) && __atomic_load_n(&n->byte_writers, __ATOMIC_ACQUIRE);
}

static void mark_change(BlockNode *n, const NodeIo *io, uint64_t offset)
{
    if (changes(io) && __atomic_load_n(&n->bitmaps, __ATOMIC_ACQUIRE)) {
        node_bitmaps_mark(n, offset, io->length);
    }
}

bool node_resolve(BlockNode *n, const NodeIo *io, NodePlace *place)
{
    NodeIo at = *io;
    *place = (NodePlace){ .fd = -1 };
    while (!n->driver->direct) {
        Extent e;
        mark_change(n, io, at.offset);
        if (io->op == BLOCK_FLUSH) {
            break; /* it has things of its own to write */
        }
        pin_first(n, place);
        if (is_shared(n, io) || !maps_whole(n, io, at.offset, &e)) {
            break;
        }
        n = e.node;
        at.offset = e.position;
    }
    place->leaf = n;
    place->position = at.offset;
    mark_change(n, io, at.offset);
    if (n->driver->direct && !is_shared(n, io) && n->driver->direct(n, &at, &place->fd)) {
        return true;
    }
    node_place_end(place);
    return false;
}

void node_place_end(NodePlace *place)
{
    if (place->pinned) {
        pins_drop(place->pinned->pins, place->pin);
        place->pinned = NULL;
    }
}

/* ---- doing it ------------------------------------------------------------ */

/* The part of io's vector for n bytes from `done` on; room: for all of it. */
static NodeIo part_of(const NodeIo *io, uint64_t done, uint64_t n, struct iovec *room)
{
    NodeIo part = *io;
    part.offset += done;
    part.length = n;
    if (io->iov) {
        part.iov = room;
        part.iov_count = iov_slice(room, io->iov, io->iov_count, done, n);
    }
    return part;
}

static int read_extent(BlockNode *n, const Extent *e, NodeIo *part)
{
    if (e->kind == EXTENT_PACKED) {
        return n->driver->unpack(n, part);
    }
    if (e->kind == EXTENT_ZERO || !e->node) {
        iov_zero_from(part->iov, part->iov_count, 0);
        return 0;
    }
    part->offset = e->position;
    return node_run(e->node, part);
}

static int read_mapped(BlockNode *n, const NodeIo *io)
{
    g_autofree struct iovec *room = g_new(struct iovec, MAX(io->iov_count, 1));
    unsigned pin = n->pins ? pins_take(n->pins) : 0;
    int result = 0;
    for (uint64_t done = 0; done < io->length && !result;) {
        Extent e;
        result = node_map(n, io->offset + done, io->length - done, true, &e);
        if (!result) {
            NodeIo part = part_of(io, done, e.length, room);
            result = read_extent(n, &e, &part);
            done += e.length;
        }
    }
    if (n->pins) {
        pins_drop(n->pins, pin);
    }
    return result;
}

int node_run_patching(BlockNode *n, const NodeIo *io)
{
    if (changes(io) && n->readonly) {
        return -EROFS;
    }
    if (io->fast && !n->driver->fast_zeroes) {
        return -ENOTSUP;
    }
    mark_change(n, io, io->offset);
    return io->op == BLOCK_READ && !n->driver->direct ? read_mapped(n, io) : n->driver->run(n, io);
}

int node_run(BlockNode *n, const NodeIo *io)
{
    if (!is_shared(n, io)) {
        return node_run_patching(n, io);
    }
    patches_begin_whole(&n->patches);
    int e = node_run_patching(n, io);
    patches_end_whole(&n->patches);
    return e;
}

void node_share_bytes(BlockNode *n, bool share)
{
    __atomic_add_fetch(&n->byte_writers, share ? 1 : -1u, __ATOMIC_ACQ_REL);
}

int node_read(BlockNode *n, uint64_t offset, void *buf, uint64_t length)
{
    struct iovec iov = { buf, length };
    return node_run(n, &(NodeIo){ BLOCK_READ, false, offset, length, &iov, 1 });
}

int node_write(BlockNode *n, uint64_t offset, const void *buf, uint64_t length)
{
    struct iovec iov = { (void *)buf, length };
    return node_run(n, &(NodeIo){ BLOCK_WRITE, false, offset, length, &iov, 1 });
}

int node_flush(BlockNode *n)
{
    return node_run(n, &(NodeIo){ .op = BLOCK_FLUSH });
}

int node_write_packed(BlockNode *n, uint64_t offset, const uint8_t *cluster)
{
    if (n->bitmaps && !n->readonly) {
        ImageInfo info;
        image_info(n, &info);
        node_bitmaps_mark(n, offset, info.cluster_size);
    }
    return n->readonly ? -EROFS : n->driver->pack ? n->driver->pack(n, offset, cluster) : -ENOTSUP;
}
