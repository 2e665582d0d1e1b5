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
    BlockNode *base;
    int fd;
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

static bool overlay_map(BlockNode *n, const BlockRequest *r, int *fd, uint64_t *position)
{
    OverlayNode *o = container_of(n, OverlayNode, node);
    bool here;
    if ((r->op != BLOCK_READ && r->op != BLOCK_WRITE) ||
        run_length(o, r->offset, r->length, &here) < r->length || (r->op == BLOCK_WRITE && !here)) {
        return false;
    }
    *fd = here ? o->fd : file_node_fd(o->base);
    *position = r->offset;
    return true;
}

/* A transfer of part of a request with either file. */
static int part_transfer(int fd, const BlockRequest *r, uint64_t from, uint64_t length, bool write)
{
    g_autofree struct iovec *part = g_new(struct iovec, (gsize)r->iov_count + 1);
    while (length) {
        int count = iov_slice(part, r->iov, r->iov_count, from, length);
        off_t at = r->offset + from;
        count = MIN(count, 1024);
        ssize_t n = write ? pwritev(fd, part, count, at) : preadv(fd, part, count, at);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0 || (n == 0 && write)) {
            return n < 0 ? -errno : -ENOSPC;
        }
        if (n == 0) { /* beyond the end of the file */
            count = iov_slice(part, r->iov, r->iov_count, from, length);
            iov_zero_from(part, count, 0);
            return 0;
        }
        from += n;
        length -= n;
    }
    return 0;
}

static int overlay_read(OverlayNode *o, const BlockRequest *r)
{
    int e = 0;
    for (uint64_t done = 0, n; done < r->length && !e; done += n) {
        bool here;
        n = run_length(o, r->offset + done, r->length - done, &here);
        e = part_transfer(here ? o->fd : file_node_fd(o->base), r, done, n, false);
    }
    return e;
}

/* Copy block b of the base: part of it will be written. */
static int block_copy(OverlayNode *o, uint64_t b)
{
    char buf[BLOCK];
    uint64_t at = b << BLOCK_SHIFT, n = MIN(BLOCK, o->node.size - at);
    struct iovec iov = { buf, n };
    BlockRequest r = { .op = BLOCK_READ, .offset = at, .length = n, .iov = &iov, .iov_count = 1 };
    int e = part_transfer(file_node_fd(o->base), &r, 0, n, false);
    return e ? e : part_transfer(o->fd, &r, 0, n, true);
}

static int overlay_zero(OverlayNode *o, const BlockRequest *r)
{
    static const char zeroes[16 * BLOCK];
    int e;
    do {
        e = fallocate(o->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, r->offset, r->length) < 0 ? -errno
                                                                                                   : 0;
    } while (e == -EINTR);
    if (!block_is_unsupported(e)) {
        return e;
    }
    e = 0;
    for (uint64_t done = 0; done < r->length && !e; done += sizeof(zeroes)) {
        struct iovec iov = { (char *)zeroes, MIN(sizeof(zeroes), r->length - done) };
        BlockRequest part = {
            .op = BLOCK_WRITE, .offset = r->offset + done, .length = iov.iov_len, .iov = &iov, .iov_count = 1
        };
        e = part_transfer(o->fd, &part, 0, iov.iov_len, true);
    }
    return e;
}

/* Write data, or zeroes, under alloc_lock. */
static int overlay_write(OverlayNode *o, const BlockRequest *r, bool zeroes)
{
    lock_assert_held(&o->alloc_lock);
    uint64_t end = r->offset + r->length, first = r->offset >> BLOCK_SHIFT;
    uint64_t last = (end - 1) >> BLOCK_SHIFT;
    int e = 0;
    if (r->offset & (BLOCK - 1) && !block_is_here(o, first)) {
        e = block_copy(o, first);
    }
    if (!e && end & (BLOCK - 1) && end < o->node.size && !block_is_here(o, last)) {
        e = block_copy(o, last);
    }
    if (!e && zeroes) {
        e = overlay_zero(o, r);
    } else if (!e) {
        e = part_transfer(o->fd, r, 0, r->length, true);
    }
    for (uint64_t b = first; b <= last && !e; b++) {
        block_set_here(o, b);
    }
    return e;
}

static int overlay_run(BlockNode *n, const BlockRequest *r, BlockOp op)
{
    OverlayNode *o = container_of(n, OverlayNode, node);
    if (op == BLOCK_READ) {
        return overlay_read(o, r);
    }
    if (op == BLOCK_FLUSH || r->length == 0) {
        return 0; /* nothing of it outlives the process */
    }
    lock_take(&o->alloc_lock);
    int e = overlay_write(o, r, op != BLOCK_WRITE);
    lock_release(&o->alloc_lock);
    return e;
}

static void overlay_close(BlockNode *n)
{
    OverlayNode *o = container_of(n, OverlayNode, node);
    node_close(o->base);
    munmap(o->bits, o->bits_size);
    close(o->fd);
    lock_finish(&o->alloc_lock);
}

static const BlockDriver overlay_driver = {
    .name = "raw",
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
        node_close(base);
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
        node_close(base);
        return NULL;
    }
    OverlayNode *o = g_new0(OverlayNode, 1);
    o->node =
        (BlockNode){ .driver = &overlay_driver, .filename = g_strdup(base->filename), .size = base->size };
    o->base = base;
    o->fd = fd;
    o->bits = bits;
    o->bits_size = bits_size;
    lock_init(&o->alloc_lock, LOCK_OVERLAY);
    return &o->node;
}
