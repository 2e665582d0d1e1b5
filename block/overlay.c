/* SPDX-License-Identifier: GPL-2.0-or-later */
/* snapshot=on: writes go to a nameless temporary file beside the image, which is only read.
 *
 * One bit a block of 4 KiB says that the temporary file has it.  Bits are only ever set, after
 * the data is there, so map() reads them without a lock.  Every write that touches a block
 * without its bit runs on a worker under alloc_lock, which copies what the write leaves of
 * the block; writes to blocks that are there need no order among themselves.
 *
 * The file is in TMPDIR, or /var/tmp (it may grow as large as the image). */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "block_priv.h"
#include "base/ending.h"

enum { BLOCK = 4096, BLOCK_SHIFT = 12 };
#define OVERLAY_MAX (UINT64_C(16) << 40) /* 512 MiB of bits */

typedef struct OverlayNode {
    BlockNode node;
    uint64_t *bits; /* atomic words */
    size_t bits_size;
    Lock alloc_lock;
} OverlayNode;

static bool block_is_here(const OverlayNode *o, uint64_t b)
{
    return __atomic_load_n(&o->bits[b / 64], __ATOMIC_ACQUIRE) >> (b % 64) & 1;
}

static void block_set_here(OverlayNode *o, uint64_t b)
{
    __atomic_or_fetch(&o->bits[b / 64], UINT64_C(1) << (b % 64), __ATOMIC_RELEASE);
}

/* How many bytes from offset, at most length, are in the same place as the first. */
static uint64_t run_length(const OverlayNode *o, uint64_t offset, uint64_t length, bool *here)
{
    uint64_t b = offset >> BLOCK_SHIFT, end = offset + length;
    *here = block_is_here(o, b);
    do {
        b++;
    } while (b << BLOCK_SHIFT < end && block_is_here(o, b) == *here);
    return MIN(b << BLOCK_SHIFT, end) - offset;
}

static int overlay_map(BlockNode *n, uint64_t offset, uint64_t length, bool may_wait, Extent *e)
{
    OverlayNode *o = container_of(n, OverlayNode, node);
    bool here;
    e->length = run_length(o, offset, length, &here);
    e->kind = here ? EXTENT_DATA : EXTENT_BELOW;
    e->writable = here;
    e->node = n->children[here ? NODE_FILE : NODE_BACKING];
    e->position = offset;
    return 0;
}

/* Copy block b of the base: part of it will be written. */
static int block_copy(OverlayNode *o, uint64_t b)
{
    char buf[BLOCK];
    uint64_t at = b << BLOCK_SHIFT, n = MIN(BLOCK, o->node.size - at);
    int e = node_read(o->node.children[NODE_BACKING], at, buf, n);
    return e ? e : node_write(o->node.children[NODE_FILE], at, buf, n);
}

/* Write data, or zeroes, under alloc_lock. */
static int overlay_write(OverlayNode *o, const NodeIo *io)
{
    lock_assert_held(&o->alloc_lock);
    uint64_t end = io->offset + io->length, first = io->offset >> BLOCK_SHIFT;
    uint64_t last = (end - 1) >> BLOCK_SHIFT;
    NodeIo below = *io;
    int e = 0;
    if (io->offset & (BLOCK - 1) && !block_is_here(o, first)) {
        e = block_copy(o, first);
    }
    if (!e && end & (BLOCK - 1) && end < o->node.size && !block_is_here(o, last)) {
        e = block_copy(o, last);
    }
    if (io->op != BLOCK_WRITE) {
        below.op = BLOCK_WRITE_ZEROES; /* a discard, too: the base must not show */
        below.unmap = true;
    }
    e = e ? e : node_run(o->node.children[NODE_FILE], &below);
    for (uint64_t b = first; b <= last && !e; b++) {
        block_set_here(o, b);
    }
    return e;
}

static int overlay_run(BlockNode *n, const NodeIo *io)
{
    OverlayNode *o = container_of(n, OverlayNode, node);
    if (io->op == BLOCK_FLUSH || io->length == 0) {
        return 0; /* nothing of it outlives the process */
    }
    lock_take(&o->alloc_lock);
    int e = overlay_write(o, io);
    lock_release(&o->alloc_lock);
    return e;
}

static void overlay_close(BlockNode *n)
{
    OverlayNode *o = container_of(n, OverlayNode, node);
    munmap(o->bits, o->bits_size);
    lock_finish(&o->alloc_lock);
}

static const BlockDriver overlay_driver = {
    .name = "snapshot",
    .map = overlay_map,
    .run = overlay_run,
    .close = overlay_close,
};

static int temporary_file(uint64_t size, GError **err)
{
    const char *dir = g_getenv("TMPDIR");
    dir = dir && *dir ? dir : "/var/tmp";
    int fd = open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (fd < 0) {
        g_autofree char *name = g_build_filename(dir, "lyrebird-XXXXXX", NULL);
        ending_hold(); /* a signal does not leave it there */
        fd = g_mkstemp_full(name, O_RDWR | O_CLOEXEC, 0600);
        if (fd >= 0) {
            unlink(name);
        }
        ending_release();
    }
    if (fd < 0 || ftruncate(fd, size) < 0) {
        block_error(err,
                    "snapshot=on: could not make a temporary file of %" G_GUINT64_FORMAT
                    " bytes in '%s': %s; set TMPDIR to a folder on a larger disk",
                    size, dir, g_strerror(errno));
        close(fd);
        return -1;
    }
    return fd;
}

BlockNode *overlay_node_open(BlockNode *base, GError **err)
{
    if (base->size > OVERLAY_MAX) {
        block_error(err,
                    "snapshot=on: '%s' has %" G_GUINT64_FORMAT " bytes, more than the 16 TiB "
                    "that can be covered; open it with readonly=on",
                    base->filename, base->size);
        node_unref(base);
        return NULL;
    }
    size_t bits_size = ((base->size >> BLOCK_SHIFT) / 64 + 2) * sizeof(uint64_t);
    int fd = temporary_file(base->size, err);
    void *bits = fd < 0 ? MAP_FAILED
                        : mmap(NULL, bits_size, PROT_READ | PROT_WRITE,
                               MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (bits == MAP_FAILED) {
        if (fd >= 0) {
            block_error(err,
                        "snapshot=on: no memory to keep track of '%s': %s; close other "
                        "programs",
                        base->filename, g_strerror(errno));
            close(fd);
        }
        node_unref(base);
        return NULL;
    }
    OverlayNode *o = g_new0(OverlayNode, 1);
    node_init(&o->node, &overlay_driver, base->filename, base->size, false);
    o->node.children[NODE_BACKING] = base;
    o->node.children[NODE_FILE] = file_node_new(fd, "temporary file", base->size);
    o->bits = bits;
    o->bits_size = bits_size;
    lock_init(&o->alloc_lock, LOCK_OVERLAY);
    return &o->node;
}
