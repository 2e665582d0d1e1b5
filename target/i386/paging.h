/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Formats of page tables, for what reads them: walks (mmu.c) and `info mem` (mmu-dump.c).
 * Spec: SDM volume 3, chapter "Paging", the figures of entries. */
#pragma once
#include "target/i386/mmu.h"

enum { PTE_P = 1, PTE_W = 2, PTE_U = 4, PTE_A = 0x20, PTE_D = 0x40, PTE_PS = 0x80, PTE_G = 0x100 };
#define PTE_NX (1ull << 63)
#define PTE_PKEY_SHIFT 59
#define PTE_ADDRESS 0x000ffffffffff000ull

typedef enum X86PagingForm { PAGING_NONE, PAGING_32, PAGING_PAE, PAGING_4, PAGING_5 } X86PagingForm;

typedef struct X86Paging {
    uint8_t levels, index_bits, entry_bytes, va_bits;
} X86Paging;
extern const X86Paging x86_pagings[]; /* by X86PagingForm; none of PAGING_NONE */

X86PagingForm x86_paging_form(const X86CPU *x);

static inline uint64_t x86_a20(const X86CPU *x, uint64_t phys)
{
    return x->s.a20 ? phys : phys & ~(1ull << 20);
}

static inline bool x86_nx_on(const X86CPU *x)
{
    return (x->s.efer & EFER_NXE) && (x->s.cr4 & CR4_PAE);
}

/* Does an entry above the pages' table map a page? */
static inline bool x86_pte_is_large(const X86CPU *x, const X86Paging *p, uint64_t pte, unsigned level)
{
    if (level == 0 || level > 2 || !(pte & PTE_PS)) {
        return false;
    }
    return p->entry_bytes == 4 ? x->s.cr4 & CR4_PSE : level == 1 || x86_has(x, X86_PDPE1GB);
}

/* Where a page of 2^bits bytes has the linear address. */
static inline uint64_t x86_leaf_phys(const X86Paging *p, uint64_t linear, uint64_t pte, unsigned bits)
{
    uint64_t low = (1ull << bits) - 1;
    uint64_t phys = pte & PTE_ADDRESS;
    if (p->entry_bytes == 4 && bits > 12) {
        phys = (pte & 0xffc00000) | (pte & 0x1fe000) << 19; /* PSE-36 */
    }
    return (phys & ~low) | (linear & low);
}
