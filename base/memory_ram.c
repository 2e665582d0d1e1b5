/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Host memory behind RAM and ROM: private memory of the process in huge pages, where the host gives them (or the file that
 * the user gave for it), mapped once, pages numbered through all blocks of the process.
 *
 * A page number is never used twice, so that what is keyed by it (translated
 * code) cannot be taken for another block's.  Page 0 belongs to no block. */
#include "base/memory_priv.h"
#include "base/sanitizer.h"
#include "util/huge_pages.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { RAM_MAX_BLOCKS = 512 };

static Lock ram_lock = LOCK_INIT(LOCK_RAM_BLOCKS); /* leaf */
static RamBlock *blocks[RAM_MAX_BLOCKS];           /* atomic slots */
static uint64_t next_page = 1;
static int pagemap = -1; /* of this process, opened before it gives up its rights; -1: there is none */

/* Zero pages of the host until touched: a bitmap of a large block costs nothing
 * where no bit is set. */
static void *pages_map(void *at /* or NULL */, size_t bytes, int flags, int fd)
{
    void *p = mmap(at, bytes, PROT_READ | PROT_WRITE, MAP_NORESERVE | flags, fd, 0);
    return p == MAP_FAILED ? NULL : p;
}

static void *map_private(size_t bytes)
{
    void *at = bytes < HUGE_PAGE ? NULL : huge_pages_reserve(bytes);
    if (at == MAP_FAILED) {
        return NULL;
    }
    void *p = pages_map(at, bytes, MAP_PRIVATE | MAP_ANONYMOUS | (at ? MAP_FIXED : 0), -1);
    if (!p && at) {
        int e = errno;
        munmap(at, bytes);
        errno = e;
    }
    return p;
}

static void *map_file(RamBlock *rb, const RamFile *file)
{
    if (!file->shared) {
        return pages_map(NULL, rb->size, MAP_PRIVATE, file->fd);
    }
    rb->fd = fcntl(file->fd, F_DUPFD_CLOEXEC, 0);
    return rb->fd < 0 ? NULL : pages_map(NULL, rb->size, MAP_SHARED, rb->fd);
}

static bool ram_block_map(RamBlock *rb, const RamFile *file, GError **err)
{
    if (rb->size > INT64_MAX) {
        g_set_error(err, G_FILE_ERROR, G_FILE_ERROR_INVAL, "it is larger than a host file can be");
        return false;
    }
    rb->host = file ? map_file(rb, file) : map_private(rb->size);
    rb->code_pages = rb->host ? pages_map(NULL, ram_bitmap_bytes(rb), MAP_PRIVATE | MAP_ANONYMOUS, -1) : NULL;
    if (!rb->code_pages) {
        g_set_error_literal(err, G_FILE_ERROR, g_file_error_from_errno(errno), g_strerror(errno));
        return false;
    }
    rb->anonymous = !file;
    madvise(rb->host, rb->size, MADV_HUGEPAGE);
    madvise(rb->host, rb->size, MADV_DONTFORK); /* no copy for a program that a chardev starts */
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
    if (pagemap < 0) {
        pagemap = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
    }
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

/* ---- what the host keeps of it --------------------------------------------------------------- */

/* From *at on, below to, of private memory: the run of pages that were touched.  The kernel tells (Documentation/admin-guide/mm/
 * pagemap.rst); where it may not be asked, all may have been. */
static void next_touched(const RamBlock *rb, uint64_t *at, uint64_t to, uint64_t *end)
{
    enum { ENTRIES = 512 };
    static const uint64_t present = UINT64_C(1) << 63, swapped = UINT64_C(1) << 62;
    uint64_t page = sysconf(_SC_PAGESIZE), from = *at, entries[ENTRIES];
    bool found = false;
    while (!found && from < to) {
        uint64_t asked = MIN(ENTRIES, (to - from + page - 1) / page);
        off_t entry = ((uintptr_t)rb->host + from) / page * sizeof(*entries);
        ssize_t n = pread(pagemap, entries, asked * sizeof(*entries), entry);
        unsigned count = n < 0 ? 0 : n / sizeof(*entries), first = 0, last;
        while (first < count && !(entries[first] & (present | swapped))) {
            first++;
        }
        for (last = first; last < count && entries[last] & (present | swapped);) {
            last++;
        }
        found = !count || last > first;
        *end = count ? MIN(to, from + last * page) : to;
        from += first * page;
    }
    *at = MIN(from, to);
}

bool ram_block_next_data(const RamBlock *rb, uint64_t *at, uint64_t to, uint64_t *end)
{
    *end = to;
    if (rb->fd >= 0 && *at < to) {
        off_t data = lseek(rb->fd, *at, SEEK_DATA), hole = data < 0 ? -1 : lseek(rb->fd, data, SEEK_HOLE);
        if (data < 0 && errno == ENXIO) {
            return false;
        }
        *at = data < 0 ? *at : (uint64_t)data;
        *end = hole < 0 ? to : MIN((uint64_t)hole, to);
    } else if (rb->anonymous && *at < to) {
        next_touched(rb, at, to, end);
    }
    return *at < to;
}

void ram_discard(uint8_t *host, uint64_t bytes)
{
    uint64_t page = sysconf(_SC_PAGESIZE), skip = -(uintptr_t)host & (page - 1);
    if (bytes >= skip + page) {
        bytes = (bytes - skip) & ~(page - 1);
        madvise(host + skip, bytes, ram_block_of_host(host)->fd >= 0 ? MADV_REMOVE : MADV_DONTNEED);
        ram_mark_host_written(host + skip, bytes);
    }
}

/* ---- who has it ------------------------------------------------------------------------------ */

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
