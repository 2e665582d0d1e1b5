/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Raw images: a regular file or a block device, byte for byte.
 *
 * The size is rounded up to whole sectors; what lies beyond the end of the file reads as
 * zeroes, also when the file is truncated while open.
 *
 * With O_DIRECT a request must fit the alignment that the file system asks for.
 * Memory that does not fit goes through a bounce buffer.  A write that does not fit is
 * read, changed and written back ("patched"); where such writes can occur (alignment above
 * a sector) a patch waits until it is alone, so that no write is undone by another's write-back.
 *
 * Not modelled: growth of the file by others while it is open. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/fs.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "block_priv.h"
#include "base/fdset.h"

enum { CHUNK = 1 << 20 };

typedef struct FileNode {
    BlockNode node;
    int fd;
    bool direct, device, no_flush, locks;
    uint32_t align; /* of offsets and lengths, direct only */
    uint32_t memory_align;
    Patches patches; /* where blocks are larger than a sector */
} FileNode;

static bool request_is_aligned(const FileNode *f, const NodeIo *r)
{
    if (!f->direct) {
        return true;
    }
    uint64_t bits = (r->offset | r->length) & (f->align - 1);
    for (int i = 0; i < r->iov_count; i++) {
        bits |= (uintptr_t)r->iov[i].iov_base & (f->memory_align - 1);
        bits |= r->iov[i].iov_len & (f->align - 1);
    }
    return bits == 0;
}

static bool file_direct(BlockNode *n, const NodeIo *io, int *fd)
{
    FileNode *f = container_of(n, FileNode, node);
    *fd = f->fd;
    switch (io->op) {
    case BLOCK_READ: return request_is_aligned(f, io);
    case BLOCK_WRITE: return request_is_aligned(f, io) && f->align <= SECTOR;
    default: return io->op == BLOCK_FLUSH;
    }
}

/* ---- blocking transfers -------------------------------------------------- */

/* mask: of the alignment; a read that ends off it has met the end of the file. */
static int pread_full(int fd, char *buf, uint64_t n, uint64_t at, uint64_t mask)
{
    while (n) {
        ssize_t got = pread(fd, buf, n, at);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            return -errno;
        }
        buf += got;
        at += got;
        n -= got;
        if (got == 0 || (uint64_t)got & mask) {
            memset(buf, 0, n);
            return 0;
        }
    }
    return 0;
}

static int pwrite_full(int fd, const char *buf, uint64_t n, uint64_t at)
{
    while (n) {
        ssize_t put = pwrite(fd, buf, n, at);
        if (put < 0 && errno == EINTR) {
            continue;
        }
        if (put <= 0) {
            return put < 0 ? -errno : -ENOSPC;
        }
        buf += put;
        at += put;
        n -= put;
    }
    return 0;
}

/* Any vector, without alignment. */
static int file_transfer(FileNode *f, const NodeIo *r, bool write)
{
    g_autofree struct iovec *part = g_new(struct iovec, (gsize)r->iov_count + 1);
    uint64_t done = 0;
    while (done < r->length) {
        int count = iov_slice(part, r->iov, r->iov_count, done, r->length - done);
        count = MIN(count, IOV_MAX);
        off_t at = r->offset + done;
        ssize_t n = write ? pwritev(f->fd, part, count, at) : preadv(f->fd, part, count, at);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0) {
            return -errno;
        }
        done += n;
        if (n == 0 && write) {
            return -ENOSPC;
        }
        if (!write && (n == 0 || (f->direct && (uint64_t)n & (f->align - 1)))) {
            iov_zero_from(r->iov, r->iov_count, done); /* the end of the file */
            return 0;
        }
    }
    return 0;
}

/* O_DIRECT through an aligned buffer; the first and last block of a write are
 * read first when the request covers them in part. */
static int file_bounce(FileNode *f, const NodeIo *r, bool write)
{
    uint64_t mask = f->align - 1;
    void *raw = NULL;
    if (posix_memalign(&raw, MAX(f->align, f->memory_align), CHUNK)) {
        return -ENOMEM;
    }
    char *buf = raw;
    int e = 0;
    for (uint64_t done = 0; done < r->length && !e;) {
        uint64_t at = r->offset + done, skip = at & mask;
        uint64_t n = MIN(r->length - done, CHUNK - skip), span = (skip + n + mask) & ~mask;
        if (!write || skip || span != n) {
            e = pread_full(f->fd, buf, span, at - skip, mask);
        }
        if (!e && write) {
            iov_to_buf(r->iov, r->iov_count, done, buf + skip, n);
            e = pwrite_full(f->fd, buf, span, at - skip);
        } else if (!e) {
            iov_from_buf(r->iov, r->iov_count, done, buf + skip, n);
        }
        done += n;
    }
    free(raw);
    return e;
}

/* A write of whole blocks must not make the image longer than it is. */
static void file_trim(FileNode *f)
{
    struct stat st;
    if (!f->device && fstat(f->fd, &st) == 0 && (uint64_t)st.st_size > node_size(&f->node) &&
        ftruncate(f->fd, node_size(&f->node)) < 0) {
        return; /* longer than it was: harmless */
    }
}

/* A format's file grows. */
static void file_grown(FileNode *f, const NodeIo *r)
{
    uint64_t end = r->offset + r->length, size = node_size(&f->node);
    while (end > size && !__atomic_compare_exchange_n(&f->node.size, &size, end, false, __ATOMIC_ACQ_REL,
                                                      __ATOMIC_ACQUIRE)) {
    }
}

static int file_write(FileNode *f, const NodeIo *r)
{
    bool fits = request_is_aligned(f, r);
    file_grown(f, r);
    if (!f->direct || f->align <= SECTOR) {
        return fits ? file_transfer(f, r, true) : file_bounce(f, r, true);
    }
    bool whole = ((r->offset | r->length) & (f->align - 1)) == 0;
    int e;
    if (whole) {
        patches_begin_whole(&f->patches);
        e = fits ? file_transfer(f, r, true) : file_bounce(f, r, true);
        patches_end_whole(&f->patches);
    } else {
        patches_begin(&f->patches);
        e = file_bounce(f, r, true);
        file_trim(f);
        patches_end(&f->patches);
    }
    return e;
}

/* ---- zeroes, discard, flush ---------------------------------------------- */

static int file_write_zero_bytes(FileNode *f, const NodeIo *r)
{
    uint64_t n = MIN(r->length, CHUNK);
    void *zero = NULL;
    if (posix_memalign(&zero, 4096, n)) {
        return -ENOMEM;
    }
    memset(zero, 0, n);
    int e = 0;
    for (uint64_t done = 0; done < r->length && !e; done += n) {
        struct iovec iov = { zero, MIN(n, r->length - done) };
        NodeIo part = {
            .op = BLOCK_WRITE, .offset = r->offset + done, .length = iov.iov_len, .iov = &iov, .iov_count = 1
        };
        e = file_write(f, &part);
    }
    free(zero);
    return e;
}

static int file_allocate(FileNode *f, const NodeIo *r, int mode)
{
    int e;
    do {
        e = fallocate(f->fd, mode | FALLOC_FL_KEEP_SIZE, r->offset, r->length);
    } while (e < 0 && errno == EINTR);
    return e < 0 ? -errno : 0;
}

static int file_zero(FileNode *f, const NodeIo *r)
{
    int e = -EOPNOTSUPP;
    if (r->unmap) {
        e = file_allocate(f, r, FALLOC_FL_PUNCH_HOLE);
    }
    if (block_is_unsupported(e)) {
        e = file_allocate(f, r, FALLOC_FL_ZERO_RANGE);
    }
    return block_is_unsupported(e) && !r->fast ? file_write_zero_bytes(f, r) : e;
}

static int file_discard(FileNode *f, const NodeIo *r)
{
    uint64_t range[2] = { r->offset, r->length };
    int e = f->device ? (ioctl(f->fd, BLKDISCARD, range) < 0 ? -errno : 0)
                      : file_allocate(f, r, FALLOC_FL_PUNCH_HOLE);
    return block_is_unsupported(e) ? 0 : e; /* a hint: nothing is owed */
}

/* What is a hole of the file, for those who may wait for the answer. */
static int file_map(BlockNode *n, uint64_t offset, uint64_t length, bool may_wait, Extent *e)
{
    FileNode *f = container_of(n, FileNode, node);
    *e = (Extent){ EXTENT_DATA, !n->readonly, length, n, offset };
    off_t data = may_wait && !f->device ? lseek(f->fd, (off_t)offset, SEEK_DATA) : (off_t)offset;
    if (data < 0 && errno == ENXIO) {
        e->kind = EXTENT_ZERO; /* to the end */
        return 0;
    }
    if (data > (off_t)offset) {
        e->length = MIN(length, ((uint64_t)data & ~(uint64_t)(SECTOR - 1)) - offset);
        e->kind = e->length ? EXTENT_ZERO : EXTENT_DATA;
    }
    if (e->kind == EXTENT_DATA && may_wait && !f->device) {
        off_t hole = lseek(f->fd, MAX(data, (off_t)offset), SEEK_HOLE);
        e->length = hole > (off_t)offset
                        ? MIN(length, ((uint64_t)hole + SECTOR - 1 - offset) & ~(uint64_t)(SECTOR - 1))
                        : length;
    }
    return 0;
}

static int file_flush(FileNode *f)
{
    return f->no_flush ? 0 : node_synced(&f->node, fdatasync(f->fd) < 0 ? -errno : 0);
}

static int file_run(BlockNode *n, const NodeIo *r)
{
    FileNode *f = container_of(n, FileNode, node);
    switch (r->op) {
    case BLOCK_READ: return request_is_aligned(f, r) ? file_transfer(f, r, false) : file_bounce(f, r, false);
    case BLOCK_WRITE: return file_write(f, r);
    case BLOCK_FLUSH: return file_flush(f);
    case BLOCK_DISCARD: return file_discard(f, r);
    case BLOCK_WRITE_ZEROES: return file_zero(f, r);
    }
    return -EINVAL;
}

static int file_resize(BlockNode *n, uint64_t bytes)
{
    FileNode *f = container_of(n, FileNode, node);
    if (f->device) {
        return -ENOTSUP;
    }
    if (ftruncate(f->fd, (off_t)bytes) < 0) {
        return -errno;
    }
    __atomic_store_n(&n->size, (bytes + SECTOR - 1) & ~(uint64_t)(SECTOR - 1), __ATOMIC_RELEASE);
    return 0;
}

static void file_close(BlockNode *n)
{
    FileNode *f = container_of(n, FileNode, node);
    close(f->fd);
    patches_finish(&f->patches);
}

static const BlockDriver file_driver;

bool file_node_is_same(const BlockNode *a, const BlockNode *b)
{
    struct stat x, y;
    return a->driver == &file_driver && b->driver == &file_driver &&
           fstat(container_of(a, FileNode, node)->fd, &x) == 0 &&
           fstat(container_of(b, FileNode, node)->fd, &y) == 0 && x.st_dev == y.st_dev &&
           x.st_ino == y.st_ino;
}

bool file_node_is_locked(const BlockNode *n)
{
    return n->driver == &file_driver && container_of(n, FileNode, node)->locks;
}

static const BlockNode *bottom_of(const BlockNode *n)
{
    while (n->children[NODE_FILE]) {
        n = n->children[NODE_FILE];
    }
    return n;
}

bool node_is_elsewhere(const BlockNode *n)
{
    return bottom_of(n)->driver->elsewhere;
}

uint64_t node_allocated(const BlockNode *n)
{
    struct stat st;
    n = bottom_of(n);
    bool file = n->driver == &file_driver && fstat(container_of(n, FileNode, node)->fd, &st) == 0;
    return file ? (uint64_t)st.st_blocks * 512 : 0;
}

/* ---- opening ------------------------------------------------------------- */

static void file_alignment(FileNode *f)
{
    int sector = 0;
    f->align = f->memory_align = 4096;
    if (f->device && ioctl(f->fd, BLKSSZGET, &sector) == 0 && sector >= SECTOR) {
        f->align = f->memory_align = sector;
    }
#ifdef STATX_DIOALIGN
    struct statx sx;
    if (statx(f->fd, "", AT_EMPTY_PATH, STATX_DIOALIGN, &sx) == 0 && sx.stx_mask & STATX_DIOALIGN &&
        sx.stx_dio_offset_align && sx.stx_dio_mem_align) {
        f->align = MAX(sx.stx_dio_offset_align, 1u);
        f->memory_align = sx.stx_dio_mem_align;
    }
#endif
    if (f->align > CHUNK / 2 || f->align & (f->align - 1) || f->memory_align & (f->memory_align - 1)) {
        f->align = f->memory_align = 4096;
    }
}

static bool file_measure(FileNode *f, const char *path, GError **err)
{
    struct stat st;
    uint64_t size;
    if (fstat(f->fd, &st) < 0 || !(S_ISREG(st.st_mode) || S_ISBLK(st.st_mode))) {
        block_error(err,
                    "'file' driver requires '%s' to be a regular file or a block device: it "
                    "is %s; name a disk image",
                    path, S_ISDIR(st.st_mode) ? "a folder" : "neither");
        return false;
    }
    f->device = S_ISBLK(st.st_mode);
    size = st.st_size;
    if (f->device && ioctl(f->fd, BLKGETSIZE64, &size) < 0) {
        block_error(err, "'%s': the device does not tell its size: %s; is a medium in it?", path,
                    g_strerror(errno));
        return false;
    }
    f->node.size = (size + SECTOR - 1) & ~(uint64_t)(SECTOR - 1);
    return true;
}

static int file_open_fd(const char *path, const OpenFlags *flags, GError **err)
{
    int mode = (flags->readonly ? O_RDONLY : O_RDWR) | O_CLOEXEC | O_NONBLOCK | O_NOCTTY;
    int fd = fdset_open(path, mode | (flags->direct ? O_DIRECT : 0));
    if (fd >= 0) {
        return fd;
    }
    int e = errno;
    if (e == EINVAL && flags->direct) {
        block_error(err,
                    "'%s': the file system does not do I/O past the host cache (O_DIRECT); "
                    "use cache=writeback",
                    path);
        return -1;
    }
    block_error(err, "Could not open '%s': %s; %s", path, g_strerror(e),
                e == ENOENT   ? "check the name (qemu-img create makes an image; -add-fd a set)"
                : e == EISDIR ? "name a disk image"
                : (e == EACCES || e == EROFS || e == EPERM) && !flags->readonly
                    ? "add readonly=on, or get permission to write it"
                    : "check the path and its permissions");
    return -1;
}

BlockNode *file_node_new(int fd, const char *name, uint64_t size)
{
    FileNode *f = g_new0(FileNode, 1);
    node_init(&f->node, &file_driver, name, size, false);
    f->fd = fd;
    patches_init(&f->patches);
    return &f->node;
}

BlockNode *file_node_open(const char *path, const OpenFlags *flags, GError **err)
{
    int fd = file_open_fd(path, flags, err);
    if (fd < 0) {
        return NULL;
    }
    FileNode *f = container_of(file_node_new(fd, path, 0), FileNode, node);
    f->node.readonly = flags->readonly;
    f->direct = flags->direct;
    f->no_flush = flags->no_flush;
    f->locks = flags->locking;
    if (!file_measure(f, path, err) ||
        (flags->locking && !image_lock(fd, path, !flags->readonly, flags->locking_must, err))) {
        node_unref(&f->node);
        return NULL;
    }
    if (f->direct) {
        file_alignment(f);
    }
    return &f->node;
}

/* ---- another access ------------------------------------------------------ */

/* The descriptor stays, and is another open file: requests that are under way keep the old one. */
static bool file_set_writable(BlockNode *n, bool writable, GError **err)
{
    FileNode *f = container_of(n, FileNode, node);
    OpenFlags flags = { .readonly = !writable, .direct = f->direct };
    struct stat before, now;
    if (f->locks && writable && !image_lock_more(f->fd, n->filename, err)) {
        return false;
    }
    int fd = file_open_fd(n->filename, &flags, err);
    if (fd < 0) {
        return false;
    }
    bool same = fstat(f->fd, &before) == 0 && fstat(fd, &now) == 0 && before.st_dev == now.st_dev &&
                before.st_ino == now.st_ino;
    bool ok = same && (!f->locks || image_lock_again(fd, writable)) && dup3(fd, f->fd, O_CLOEXEC) >= 0;
    if (!ok) {
        block_error(err, "Could not open '%s' anew: %s", n->filename,
                    same ? g_strerror(errno) : "another file has its name");
    }
    close(fd);
    if (ok) {
        n->readonly = !writable;
    }
    return ok;
}

static const BlockDriver file_driver = {
    .resize = file_resize,
    .set_writable = file_set_writable,
    .name = "file",
    .map = file_map,
    .direct = file_direct,
    .run = file_run,
    .close = file_close,
    .fast_zeroes = true,
};
