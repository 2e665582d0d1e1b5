/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is known of each page of guest RAM, by its number (see RamBlock.first_page): whether it holds translated
 * code, where in it, and through which address some vCPU may write it without a word.
 *
 * Who translates code protects its page: from then on no TLB gives the right to write it, so that each store
 * comes to the slow path.  Who enters that right in a TLB, and who protects, run side by side:
 *     enters:   note the writer; then look whether the page has code, and if so enter nothing
 *     protects: mark the page as having code; then take the writer that was noted, and revoke his right
 * All of it is sequentially consistent, so one of the two sees the other. */
#pragma once
#include "accel/tcg/block.h"
#include "base/ram.h"

/* Under the lock of the code, but for `granules` and `holds`, which are read without it. */
typedef struct TcgPage {
    uint64_t
        granules;    /* atomic: bit per 64 bytes that hold code (some may be stale: see tcg_index_written) */
    TcgBlock *first; /* blocks with code in it: index.c */
    uint32_t holds;  /* atomic: translations under way that read it */
    bool split;      /* some vCPU may fetch from parts of it only; ends with its last block */
} TcgPage;

/* The right to write a page: 0, nobody has it; PAGE_WRITERS, any number of vCPUs at any addresses; else
 * one vCPU at one address. */
typedef uint64_t TcgWriter;
#define PAGE_WRITERS UINT64_C(2)
enum { PAGE_WRITER_VCPUS = 1 << 11 };

static inline TcgWriter tcg_writer(uint64_t vaddr, unsigned vcpu)
{
    return (vaddr & -(uint64_t)GUEST_PAGE) | vcpu << 1 | 1;
}
static inline uint64_t tcg_writer_page(TcgWriter w)
{
    return w & -(uint64_t)GUEST_PAGE;
}
static inline unsigned tcg_writer_vcpu(TcgWriter w)
{
    return w >> 1 & (PAGE_WRITER_VCPUS - 1);
}

/* Arrays by page number; room for all is reserved, and made usable as vCPUs find RAM. */
typedef struct TcgPages {
    TcgPage *pages;
    TcgWriter *writers;      /* atomic */
    unsigned long *has_code; /* atomic: bit a page, mirror of RamBlock.code_pages */
    uint64_t count;          /* atomic: usable */
} TcgPages;

bool tcg_pages_init(TcgPages *p, GError **err) G_GNUC_WARN_UNUSED_RESULT;
void tcg_pages_finish(TcgPages *p);
/* A vCPU has found RAM: pages up to `end` may be asked for from now on.  Any thread. */
void tcg_pages_grow(TcgPages *p, uint64_t end);

static inline bool tcg_page_has_code(const TcgPages *p, uint64_t ram_page)
{
    return __atomic_load_n(&p->has_code[ram_page / 64], __ATOMIC_SEQ_CST) >> ram_page % 64 & 1;
}

/* The vCPU is about to enter the right to write the page at vaddr in its TLB.  False: it must not, the page has
 * code. */
bool tcg_page_note_writer(TcgPages *p, uint64_t ram_page, unsigned vcpu, uint64_t vaddr);

/* The page has code from now on.  Whose right to write it is to be revoked. */
TcgWriter tcg_page_protect(TcgPages *p, uint64_t ram_page);
/* Its last code is gone; the next fill gives the right back. */
void tcg_page_unprotect(TcgPages *p, uint64_t ram_page);

/* The granules that [from, to) of a page touches. */
static inline uint64_t tcg_granules(unsigned from, unsigned to)
{
    enum { GRANULE_BITS = GUEST_PAGE_BITS - 6 };
    unsigned first = from >> GRANULE_BITS, last = (to - 1) >> GRANULE_BITS;
    return (UINT64_MAX << first) & (UINT64_MAX >> (63 - last));
}
