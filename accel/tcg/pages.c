/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "accel/tcg/pages.h"

#include <errno.h>
#include <inttypes.h>
#include <sys/mman.h>

enum { RESERVED_BITS = 28 }; /* 1 TiB of guest RAM */
static const uint64_t reserved_pages = UINT64_C(1) << RESERVED_BITS;

/* Address space that counts against no limit of memory until it is made usable. */
static void *reserve(uint64_t bytes)
{
    return mmap(NULL, bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
}

bool tcg_pages_init(TcgPages *p, GError **err)
{
    p->count = 0;
    p->pages = reserve(reserved_pages * sizeof(TcgPage));
    p->writers = reserve(reserved_pages * sizeof(TcgWriter));
    p->has_code = reserve(reserved_pages / 8);
    if (p->pages != MAP_FAILED && p->writers != MAP_FAILED && p->has_code != MAP_FAILED) {
        return true;
    }
    g_set_error(err, G_FILE_ERROR, g_file_error_from_errno(errno),
                "cannot reserve address space for the tables of RAM pages: %s; raise the limit with "
                "ulimit -v unlimited",
                g_strerror(errno));
    return false;
}

static void release(void *p, uint64_t bytes)
{
    if (p && p != MAP_FAILED) {
        munmap(p, bytes);
    }
}

void tcg_pages_finish(TcgPages *p)
{
    release(p->pages, reserved_pages * sizeof(TcgPage));
    release(p->writers, reserved_pages * sizeof(TcgWriter));
    release(p->has_code, reserved_pages / 8);
}

static void use(void *start, uint64_t bytes)
{
    if (mprotect(start, (bytes + GUEST_PAGE - 1) & -(uint64_t)GUEST_PAGE, PROT_READ | PROT_WRITE)) {
        g_error("cannot use %" PRIu64 " bytes for the tables of RAM pages: %s", bytes, g_strerror(errno));
    }
}

void tcg_pages_grow(TcgPages *p, uint64_t end)
{
    uint64_t count = __atomic_load_n(&p->count, __ATOMIC_ACQUIRE);
    if (end <= count) {
        return;
    }
    if (end > reserved_pages) {
        g_error("there are tables for 1 TiB of guest RAM; the machines of this process have had more");
    }
    use(p->pages, end * sizeof(TcgPage));
    use(p->writers, end * sizeof(TcgWriter));
    use(p->has_code, (end + 7) / 8);
    while (count < end &&
           !__atomic_compare_exchange_n(&p->count, &count, end, false, __ATOMIC_RELEASE, __ATOMIC_ACQUIRE)) {
    }
}

bool tcg_page_note_writer(TcgPages *p, uint64_t ram_page, unsigned vcpu, uint64_t vaddr)
{
    TcgWriter *writer = &p->writers[ram_page], mine = tcg_writer(vaddr, vcpu);
    TcgWriter known = __atomic_load_n(writer, __ATOMIC_SEQ_CST);
    while (known != mine && known != PAGE_WRITERS) {
        TcgWriter now = known ? PAGE_WRITERS : mine;
        if (__atomic_compare_exchange_n(writer, &known, now, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST)) {
            break;
        }
    }
    return !tcg_page_has_code(p, ram_page);
}

/* Set or clear the page's bit here and in its block, where those look who write to RAM without a TLB. */
static void mark(TcgPages *p, uint64_t ram_page, bool code)
{
    unsigned long bit = 1ul << ram_page % 64, *word = &p->has_code[ram_page / 64];
    RamBlock *rb = ram_block_of_page(ram_page);
    if (code) {
        __atomic_fetch_or(word, bit, __ATOMIC_SEQ_CST);
    } else {
        __atomic_fetch_and(word, ~bit, __ATOMIC_SEQ_CST);
    }
    if (!rb || !rb->code_pages) {
        return;
    }
    uint64_t n = ram_page - rb->first_page;
    if (code) {
        __atomic_fetch_or(&rb->code_pages[n / 64], 1ul << n % 64, __ATOMIC_SEQ_CST);
    } else {
        __atomic_fetch_and(&rb->code_pages[n / 64], ~(1ul << n % 64), __ATOMIC_SEQ_CST);
    }
}

TcgWriter tcg_page_protect(TcgPages *p, uint64_t ram_page)
{
    mark(p, ram_page, true);
    return __atomic_exchange_n(&p->writers[ram_page], 0, __ATOMIC_SEQ_CST);
}

void tcg_page_unprotect(TcgPages *p, uint64_t ram_page)
{
    mark(p, ram_page, false);
}
