/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Host memory behind RAM and ROM: one memfd a block (or the file that the user gave for it), mapped once, pages
 * numbered through all blocks of the process.
 *
 * A page number is never used twice, so that what is keyed by it (translated
 * code) cannot be taken for another block's.  Page 0 belongs to no block. */
#include "base/memory_priv.h"
#include "base/sanitizer.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { RAM_MAX_BLOCKS = 512 };

static Lock ram_lock = LOCK_INIT(LOCK_RAM_BLOCKS); /* leaf */
static RamBlock *blocks[RAM_MAX_BLOCKS];           /* atomic slots */
static uint64_t next_page = 1;

/* Zero pages of the host until touched: a bitmap of a large block costs nothing
 * where no bit is set. */
static void *pages_reserve(size_t bytes, int fd, bool shared)
{
    int flags = MAP_NORESERVE | (shared ? MAP_SHARED : MAP_PRIVATE) | (fd < 0 ? MAP_ANONYMOUS : 0);
    void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, flags, fd, 0);
    return p == MAP_FAILED ? NULL : p;
}

static bool ram_block_open(RamBlock *rb, const RamFile *file)
{
    if (file) {
        rb->fd = fcntl(file->fd, F_DUPFD_CLOEXEC, 0);
        return rb->fd >= 0;
    }
    rb->fd = memfd_create(rb->name, MFD_CLOEXEC);
    return rb->fd >= 0 && ftruncate(rb->fd, rb->size) == 0;
}

static bool ram_block_map(RamBlock *rb, const RamFile *file, GError **err)
{
    if (rb->size > INT64_MAX) {
        g_set_error(err, G_FILE_ERROR, G_FILE_ERROR_INVAL, "it is larger than a host file can be");
        return false;
    }
    if (!ram_block_open(rb, file)) {
        g_set_error_literal(err, G_FILE_ERROR, g_file_error_from_errno(errno), g_strerror(errno));
        return false;
    }
    rb->host = pages_reserve(rb->size, rb->fd, !file || file->shared);
    rb->code_pages = rb->host ? pages_reserve(ram_bitmap_bytes(rb), -1, false) : NULL;
    if (!rb->code_pages) {
        g_set_error_literal(err, G_FILE_ERROR, g_file_error_from_errno(errno), g_strerror(errno));
        return false;
    }
    if (file && !file->shared) {
        close(rb->fd);
        rb->fd = -1;
    }
    madvise(rb->host, rb->size, MADV_HUGEPAGE);
    /* vCPUs and devices share it by the guest's rules, and fences, which the sanitizer does not
     * model, stand for those (ram_mark_written, virtqueues). */
    sanitizer_shared(rb->host, rb->size, "guest memory");
    return true;
}

static void ram_block_free(void *opaque)
{
    RamBlock *rb = opaque;
    if (rb->host) {
        munmap(rb->host, rb->size);
    }
    if (rb->code_pages) {
        munmap(rb->code_pages, ram_bitmap_bytes(rb));
    }
    if (rb->fd >= 0) {
        close(rb->fd);
    }
    for (unsigned c = 0; c < RAM_DIRTY_CLIENTS; c++) {
        g_free(rb->dirty[c]);
    }
    g_free(rb->unnoticed);
    g_free(rb->revoking);
    g_free(rb->name);
    g_free(rb);
}

static bool ram_block_number(RamBlock *rb)
{
    bool found = false;
    lock_take(&ram_lock);
    for (unsigned i = 0; i < RAM_MAX_BLOCKS && !found; i++) {
        if (!blocks[i]) {
            rb->first_page = next_page;
            next_page += rb->size >> RAM_PAGE_BITS;
            __atomic_store_n(&blocks[i], rb, __ATOMIC_RELEASE);
            found = true;
        }
    }
    lock_release(&ram_lock);
    return found;
}

RamBlock *ram_block_new(const char *name, uint64_t size, const RamFile *file, GError **err)
{
    g_autoptr(GError) why = NULL;
    RamBlock *rb = g_new0(RamBlock, 1);
    rb->name = g_strdup(name);
    rb->fd = -1;
    rb->users = 1;
    rb->size = size > UINT64_MAX - RAM_PAGE ? size : (size + RAM_PAGE - 1) & -RAM_PAGE;
    if (!ram_block_map(rb, file, &why)) {
        g_set_error(err, G_FILE_ERROR, why->code,
                    "cannot set up guest memory '%s' of %" G_GUINT64_FORMAT " MiB: %s; give less with -m",
                    name, size >> 20, why->message);
        ram_block_free(rb);
        return NULL;
    }
    if (!ram_block_number(rb)) {
        g_set_error(err, G_FILE_ERROR, G_FILE_ERROR_NFILE,
                    "cannot set up guest memory '%s': there are %d blocks already; use fewer devices", name,
                    RAM_MAX_BLOCKS);
        ram_block_free(rb);
        return NULL;
    }
    return rb;
}

bool ram_block_use(RamBlock *rb)
{
    uint32_t users = __atomic_load_n(&rb->users, __ATOMIC_RELAXED);
    while (users && !__atomic_compare_exchange_n(&rb->users, &users, users + 1, true, __ATOMIC_ACQUIRE,
                                                 __ATOMIC_RELAXED)) {
    }
    return users;
}

void ram_block_unuse(RamBlock *rb)
{
    if (__atomic_sub_fetch(&rb->users, 1, __ATOMIC_ACQ_REL)) {
        return;
    }
    lock_take(&ram_lock);
    for (unsigned i = 0; i < RAM_MAX_BLOCKS; i++) {
        if (blocks[i] == rb) {
            __atomic_store_n(&blocks[i], NULL, __ATOMIC_RELEASE);
        }
    }
    lock_release(&ram_lock);
    memory_free_later(ram_block_free, rb);
}

RamBlock *ram_block_of_host(const void *host)
{
    memory_reader_enter();
    for (unsigned i = 0; i < RAM_MAX_BLOCKS; i++) {
        RamBlock *rb = __atomic_load_n(&blocks[i], __ATOMIC_ACQUIRE);
        if (rb && ram_offset_of(rb, host) < rb->size) {
            return rb;
        }
    }
    g_assert_not_reached(); /* whoever has the address keeps the block */
}

RamBlock *ram_block_of_page(uint64_t page)
{
    memory_reader_enter();
    for (unsigned i = 0; i < RAM_MAX_BLOCKS; i++) {
        RamBlock *rb = __atomic_load_n(&blocks[i], __ATOMIC_ACQUIRE);
        if (rb && page >= rb->first_page && page - rb->first_page < rb->size >> RAM_PAGE_BITS) {
            return rb;
        }
    }
    return NULL;
}
