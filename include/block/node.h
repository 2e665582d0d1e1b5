/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Nodes: an image is a graph of them, each with one driver (a format, a file, a filter) and children.
 *
 * A node is a row of bytes.  Two ways lead through the graph.  map() says, from what is in memory and without
 * waiting, where bytes lie; a request whose bytes all lie in one file as they are goes straight to the host.
 * All else (what must be allocated, unpacked, loaded first) is straight-line code that may block, on the thread of
 * whoever called node_run: a worker of the disks (block/run.c), or a tool's own.
 *
 * Units: bytes.  Offsets and lengths are multiples of 512. */
#pragma once
#include <glib.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/uio.h>

typedef struct BlockNode BlockNode;

typedef enum BlockOp {
    BLOCK_READ,
    BLOCK_WRITE,
    BLOCK_FLUSH,
    BLOCK_DISCARD,
    BLOCK_WRITE_ZEROES,
} BlockOp;

/* One piece of work for a node.  Only reads and writes have a vector: `length` bytes in all. */
typedef struct NodeIo {
    BlockOp op;
    bool unmap; /* write zeroes: may discard */
    uint64_t offset, length;
    const struct iovec *iov;
    int iov_count;
    bool fast; /* write zeroes: -ENOTSUP rather than moving them as data; nothing has changed then */
} NodeIo;

typedef enum ExtentKind {
    EXTENT_DATA,   /* as they are, in `node` at `position` */
    EXTENT_ZERO,   /* zeroes, whatever lies below; with a node: space is kept for them there */
    EXTENT_BELOW,  /* not in this node: those of its backing `node` at `position`; none (NULL): zeroes */
    EXTENT_PACKED, /* in `node`, in another form: the driver reads them */
} ExtentKind;

/* Bytes that are alike, from the offset that was asked for on. */
typedef struct Extent {
    ExtentKind kind;
    bool writable;   /* in place: a write to `node` is a write here */
    uint64_t length; /* more than 0, at most what was asked for */
    BlockNode *node; /* the node itself: it is a file of the host */
    uint64_t position;
} Extent;

/* Of the block layer: where a request goes that is one operation on one file. */
typedef struct NodePlace {
    int fd;
    unsigned pin;
    uint64_t position; /* in the file */
    BlockNode *leaf, *pinned;
} NodePlace;

/* Which bytes are where: 0, or -errno; -EAGAIN: that would have to be read first, and may_wait is false. */
int node_map(BlockNode *n, uint64_t offset, uint64_t length, bool may_wait, Extent *e);
/* Do it, blocking: 0 or -errno.  Any thread, several at a time; who wants an order waits.  A flush makes durable what
 * was written before it began. */
int node_run(BlockNode *n, const NodeIo *io);
int node_read(BlockNode *n, uint64_t offset, void *buf, uint64_t length);
int node_write(BlockNode *n, uint64_t offset, const void *buf, uint64_t length);
int node_flush(BlockNode *n);
/* The same at any byte, side by side with others of these.  What shares a sector with it is written, too: who writes there by
 * node_run meanwhile waits, if the node is shared so (node_share_bytes in block/driver.h). */
int node_read_bytes(BlockNode *n, uint64_t at, void *buf, uint64_t length);
int node_write_bytes(BlockNode *n, uint64_t at, const void *buf, uint64_t length);
enum {
    ZERO_UNMAP = 1,
    ZERO_FAST = 2
}; /* NodeIo.unmap, NodeIo.fast; of the latter ends that are no sectors are written */
int node_zero_bytes(BlockNode *n, uint64_t at, uint64_t length, unsigned how);
/* The host moves bytes from one file to the other by itself (copy_file_range), where both images have them as they are in places that
 * are there.  -ENOTSUP: not these; the caller reads and writes them, as it does after any other error. */
int node_copy(BlockNode *from, uint64_t offset, BlockNode *to, uint64_t to_offset, uint64_t length);
/* Write one cluster (ImageInfo.cluster_size bytes at a multiple of them; behind the end of the disk: zeroes) in compressed
 * form, or as it is if that is no shorter.  -ENOTSUP: this image cannot have such. */
int node_write_packed(BlockNode *n, uint64_t offset, const uint8_t *cluster);

uint64_t node_size(const BlockNode *n); /* rounded up to whole sectors */
/* It has so many bytes from now on: new ones are zeroes, those beyond are lost.  Nobody else uses it meanwhile.  0 or
 * -errno; -ENOTSUP: this one cannot. */
int node_resize(BlockNode *n, uint64_t bytes);

const char *node_filename(const BlockNode *n);

BlockNode *node_ref(BlockNode *n);
void node_unref(BlockNode *n); /* closes it with the last one; NULL is fine */
