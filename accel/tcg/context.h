/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Contexts: what a vCPU caches for one CpuContextKey, a TLB and a jump cache.  They are the vCPU's own: its thread
 * alone touches them, or, while it is parked, who has something for it (mail.h). */
#pragma once
#include "accel/tcg/block.h"
#include "target/cpu.h"

typedef struct TcgContext TcgContext;

enum {
    TLB_BITS = 12,
    TLB_SIZE = 1 << TLB_BITS,
    JUMP_BITS = 13,
    JUMP_SIZE = 1 << JUMP_BITS,
    CONTEXT_POOL = 16,
    CONTEXT_WAYS = 8,
    LEAF_BITS = 10,
    LEAF_SIZE = 1 << LEAF_BITS,
};

/* An entry serves an access when the tag of its kind equals the page of the access's
 * LAST byte (the index comes from its first: an access across pages always misses).
 * TLB_NEVER is no page, with or without the low bits of a misaligned address (MEM_ALIGN).  TLB_WATCHED stands in the tags of a page with watchpoints: translated
 * code misses, and the slow path, which tells the debugger, needs no walk. */
typedef struct TlbEntry {
    uint64_t rd, wr, ex; /* page-aligned virtual address, or TLB_NEVER */
    uint64_t addend;     /* host address minus virtual address */
} TlbEntry;
_Static_assert(sizeof(TlbEntry) == 32, "translated code shifts by 5");
#define TLB_NEVER UINT64_C(0x400)
#define TLB_WATCHED UINT64_C(0x800)

/* A virtual pc that has a block in this context. */
typedef struct JumpEntry {
    uint64_t pc;
    const void *code;
} JumpEntry;
/* What an entry has that serves no pc: one whose place is another entry (every pc is legal on some guest). */
static inline uint64_t jump_never(unsigned n)
{
    return n ? 0 : UINT64_MAX;
}
#define MANY_CODE_PAGES UINT64_C(1)

/* The second level of the jump cache, one for all contexts of a vCPU: what a new one, or one that was flushed, finds
 * again with a look at its own TLB.  An entry is right wherever pc leads to this byte of RAM in this mode.
 * Blocks of two pages are not here. */
typedef struct FarJump {
    uint64_t pc;
    const uint8_t *host; /* where the byte at pc is */
    const void *code;
    uint64_t mode;
} FarJump;
_Static_assert(sizeof(FarJump) == 32, "two in a cache line, none in two of them");

enum { FAR_BITS = 15 };
typedef struct TcgFarJumps {
    FarJump entries[1 << FAR_BITS];
} TcgFarJumps;

/* Page table entries of more than a page that were used: a flush of one address in such a leaf
 * must find all pages that were entered from it, without knowing which.  A set of hashes: it
 * may name a leaf that is not there, which costs a search. */
typedef struct LeafSet {
    uint64_t sizes;       /* bit n: some leaf of 1 << n bytes */
    uint64_t first, last; /* all lie within these addresses: a kernel's leaves, which are many,
                             cost the flushes of user pages nothing */
    uint64_t seen[LEAF_SIZE / 64];
} LeafSet;

struct TcgContext {
    /* Translated code knows the offsets of these two.  Contexts lie side by side: no entry is in two lines of cache. */
    _Alignas(64) TlbEntry tlb[TLB_SIZE];
    JumpEntry jumps[JUMP_SIZE];
    const CPUArch *arch;
    CpuContextKey key;
    bool
        jumps_apart; /* the pc of some jump entry is not where it is fetched: jumps of a page do not lie together */
    /* Where CPU.mode_change of that value, if it is not MODE_ANY, led from here the last time; or NULL */
    TcgContext *after;
    uint32_t after_change;
    uint64_t asid;
    uint64_t last_use; /* for the choice of a victim */
    /* What a flush has to visit: bit per entry. */
    uint64_t tlb_filled[TLB_SIZE / 64], tlb_global[TLB_SIZE / 64];
    uint64_t jumps_filled[JUMP_SIZE / 64];
    uint64_t jumps_global[JUMP_SIZE / 64]; /* of those filled: as good in every address space */
    uint64_t code_filled[TLB_SIZE / 64];   /* TLB indices of pages that have jump entries ... */
    uint64_t code_page[TLB_SIZE];          /* ... which page, or MANY_CODE_PAGES */
    uint64_t ram_page[TLB_SIZE];           /* RAM page number behind an entry's page */
    LeafSet leaves[2];                     /* [1]: of global pages */
};

static inline bool tcg_context_key_equal(const CpuContextKey *a, const CpuContextKey *b)
{
    return a->space == b->space && a->access == b->access && a->mode == b->mode;
}
/* Its place in TcgVcpu.by_key. */
static inline unsigned tcg_context_hash(const CpuContextKey *key)
{
    uint32_t space = key->space >> GUEST_PAGE_BITS;
    return (space ^ key->access ^ key->access >> 2 ^ key->mode >> 2) % CONTEXT_WAYS;
}

static inline unsigned tlb_index(uint64_t vaddr)
{
    return vaddr >> GUEST_PAGE_BITS & (TLB_SIZE - 1);
}
static inline unsigned jump_index(const IrGuest *guest, uint64_t pc)
{
    return pc >> guest->pc_shift & (JUMP_SIZE - 1);
}

static inline FarJump *far_jump(TcgFarJumps *f, const IrGuest *guest, uint64_t pc, const uint8_t *host)
{
    uint64_t page = (uintptr_t)host >> GUEST_PAGE_BITS;
    return &f->entries[((pc >> guest->pc_shift) ^ page * 0x9e3779b1) & ((1 << FAR_BITS) - 1)];
}

static inline uint64_t context_fetch_vaddr(const TcgContext *c, uint64_t pc)
{
    return cpu_fetch_vaddr(c->arch, c->key.mode, pc);
}

/* The page of vaddr has jump entries from now on. */
static inline void context_note_code(TcgContext *c, uint64_t vaddr)
{
    unsigned n = tlb_index(vaddr);
    uint64_t page = vaddr & -(uint64_t)GUEST_PAGE, bit = UINT64_C(1) << n % 64;
    if (!(c->code_filled[n / 64] & bit)) {
        c->code_page[n] = page;
    } else if (c->code_page[n] != page) {
        c->code_page[n] = MANY_CODE_PAGES;
    }
    c->code_filled[n / 64] |= bit;
}

/* ... the page where the byte at pc is fetched. */
static inline void context_note_pc(TcgContext *c, uint64_t pc)
{
    uint64_t vaddr = context_fetch_vaddr(c, pc);
    c->jumps_apart |= vaddr != pc;
    context_note_code(c, vaddr);
}

static inline unsigned leaf_index(uint64_t vaddr, unsigned bits)
{
    return ((vaddr >> bits) + bits * 37) & (LEAF_SIZE - 1);
}

/* What is known of vaddr from now on may come from a leaf of 1 << bits bytes (0: a page). */
static inline void context_note_leaf(TcgContext *c, uint64_t vaddr, unsigned bits, bool global)
{
    LeafSet *set = &c->leaves[global];
    if (bits <= GUEST_PAGE_BITS) {
        return;
    }
    unsigned n = leaf_index(vaddr, bits);
    uint64_t base = vaddr >> bits << bits, end = base + ((UINT64_C(1) << bits) - 1);
    set->first = set->sizes ? MIN(set->first, base) : base;
    set->last = set->sizes ? MAX(set->last, end) : end;
    set->sizes |= UINT64_C(1) << bits;
    set->seen[n / 64] |= UINT64_C(1) << n % 64;
}

/* A jump to code at pc, which the TLB knows. */
void tcg_context_enter_jump(TcgContext *c, uint64_t pc, const void *code);
/* Forget all, or all but what is the same in every address space. */
void tcg_context_flush(TcgContext *c, bool keep_global);
/* Forget one address, with all of the leaf that it lies in. */
void tcg_context_flush_page(TcgContext *c, uint64_t vaddr);
void tcg_context_clear_jumps(TcgContext *c);
/* Forget the jumps to host code in [first, after). */
void tcg_context_forget_code(TcgContext *c, const uint8_t *first, const uint8_t *after);
/* Likewise of the second level, or all of it. */
void tcg_far_forget_code(TcgFarJumps *f, const uint8_t *first, const uint8_t *after);
void tcg_far_forget(TcgFarJumps *f);
/* Take the right to write a page of RAM, which was entered at vaddr (or, with `anywhere`, at any address); true:
 * it was there. */
bool tcg_context_revoke(TcgContext *c, uint64_t ram_page, uint64_t vaddr, bool anywhere);
/* Likewise of all pages from first to last. */
void tcg_context_revoke_range(TcgContext *c, uint64_t first, uint64_t last);
