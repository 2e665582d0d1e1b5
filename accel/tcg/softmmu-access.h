/* SPDX-License-Identifier: GPL-2.0-or-later */
/* An access that the inline TLB check did not settle: where it goes, and what its ways have in common.  Private to the files
 * softmmu*.c. */
#pragma once
#include "accel/tcg/debug.h"
#include "accel/tcg/softmmu.h"
#include "accel/tcg/state.h"
#include "util/bytes.h"

/* Where an access goes. */
typedef struct TcgTarget {
    uint8_t *host; /* of the byte at vaddr; NULL: not RAM (or a write that RAM does
                               not take) */
    uint64_t phys;
    uint64_t ram_page; /* valid when host */
    unsigned alike_to; /* MmuResult.alike_to, or 0 */
    bool code;         /* a write: the page may hold translated code, and the TLB has no right to write it */
} TcgTarget;

/* What the parts of an access have in common. */
typedef struct TcgAccess {
    MmuAccess kind;
    MemOp mop; /* 0: said in bytes */
} TcgAccess;

typedef struct TcgCrossing {
    TcgTarget pages[2];
    unsigned first; /* bytes in the first page */
} TcgCrossing;

/* ---- softmmu-fill.c: faults, each of which leaves translated code ---- */

G_NORETURN void tcg_raise_fault(CPU *cpu, const MmuFault *fault);
G_NORETURN void tcg_raise_bus(CPU *cpu, uint64_t vaddr, TcgAccess a);
G_NORETURN void tcg_raise_misaligned(CPU *cpu, uint64_t vaddr, TcgAccess a);

/* ---- softmmu-fill.c: translation ---- */

/* Of [vaddr, vaddr + bytes), which lies in one page. */
TcgTarget tcg_locate(CPU *cpu, uint64_t vaddr, unsigned bytes, TcgAccess a);
/* Of what lies in two; watchpoints have been looked at. */
TcgCrossing tcg_locate_both(CPU *cpu, uint64_t vaddr, unsigned bytes, TcgAccess a);

/* ---- softmmu.c: what is there ---- */

uint64_t tcg_read_device(CPU *cpu, const TcgTarget *t, uint64_t vaddr, unsigned bytes, TcgAccess a);
void tcg_write_target(CPU *cpu, const TcgTarget *t, uint64_t vaddr, unsigned bytes, TcgAccess a,
                      uint64_t value);
/* A device may have changed the map (a flash chip leaves read mode): the next load of this very block must see it.  Not
 * between the bytes of a store: where they go was asked before, and holds until the mail is looked at. */
void tcg_look_after_device(CPU *cpu, const TcgTarget *t);
/* Before a store: comes back unless it changes the block that runs. */
void tcg_leave_changed_block(CPU *cpu, const TcgTarget *t, uint64_t vaddr, unsigned bytes);

/* ---- the TLB ---- */

/* watched: TLB_WATCHED or 0 */
static inline uint8_t *tlb_find_in(const TcgContext *c, uint64_t vaddr, unsigned bytes, MmuAccess access,
                                   uint64_t watched)
{
    const TlbEntry *e = &c->tlb[tlb_index(vaddr)];
    uint64_t tag = access == MMU_READ ? e->rd : e->wr;
    if (G_UNLIKELY(tag != (((vaddr + bytes - 1) & -GUEST_PAGE) | watched))) {
        return NULL;
    }
    return (uint8_t *)(uintptr_t)(vaddr + e->addend);
}

static inline uint8_t *tlb_find(CPU *cpu, uint64_t vaddr, unsigned bytes, MmuAccess access, uint64_t watched)
{
    return tlb_find_in(cpu->tcg->ctx, vaddr, bytes, access, watched);
}

static inline uint8_t *tlb_hit(CPU *cpu, uint64_t vaddr, unsigned bytes, MmuAccess access)
{
    return tlb_find(cpu, vaddr, bytes, access, 0);
}

/* ---- small ones ---- */

static inline void check_watch(CPU *cpu, uint64_t vaddr, unsigned bytes, MmuAccess access)
{
    if (G_UNLIKELY(cpu->watchpoints->len)) {
        tcg_debug_access(cpu, vaddr, bytes, access);
    }
    if (G_UNLIKELY(cpu->arch->accessed)) {
        cpu->arch->accessed(cpu, vaddr, bytes, access);
    }
}

static inline uint64_t finish_load(uint64_t value, MemOp mop)
{
    return memop_extend(mop, G_UNLIKELY(mop & MEM_BE) ? swap_uint(value, memop_bytes(mop)) : value);
}

static inline bool crosses(uint64_t vaddr, unsigned bytes)
{
    return (vaddr & (GUEST_PAGE - 1)) + bytes > GUEST_PAGE;
}

static inline TcgTarget target_of_byte(const TcgCrossing *c, unsigned n)
{
    unsigned offset = n < c->first ? n : n - c->first;
    TcgTarget t = c->pages[n >= c->first];
    t.phys += offset;
    if (t.host) {
        t.host += offset;
    }
    return t;
}
