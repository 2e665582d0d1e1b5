/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Page walks: no paging, 32-bit (with PSE and PSE-36), PAE, 4-level and 5-level.
 * Spec: SDM volume 3, chapter "Paging": the formats, "Access Rights", "Page-Fault Exceptions", "Accessed and Dirty
 * Flags", "Protection Keys", "Process-Context Identifiers"; chapter "A20M#" for the address line 20.
 *
 * One walk serves the JIT, the interpreter, the processor's own accesses (x86_translate()) and the debugger.
 *
 * Not modelled: memory types of PAT and MTRR (RAM is coherent), shadow stacks, protection keys of supervisor pages. */
#include "target/i386/paging.h"

#include <string.h>

#include "target/vcpu.h"

/* Levels are counted from the pages' table, 0. */
const X86Paging x86_pagings[] = {
    [PAGING_32] = { 2, 10, 4, 32 },
    [PAGING_PAE] = { 2, 9, 8, 32 }, /* below pdpte[] */
    [PAGING_4] = { 4, 9, 8, 48 },
    [PAGING_5] = { 5, 9, 8, 57 },
};

typedef struct Walk {
    X86CPU *x;
    const X86Paging *paging;
    MmuAccess access;
    X86Rights who;
    bool debug;     /* no side effects, no rights */
    uint64_t both;  /* W and U that all entries so far have */
    bool nx;        /* ... any of them forbids fetches */
    uint32_t error; /* out: of #PF */
} Walk;

/* ---- rights --------------------------------------------------------------- */

static bool walk_fault(Walk *w, uint32_t why)
{
    const X86CPU *x = w->x;
    w->error = why | (w->access == MMU_WRITE ? PF_W : 0) | (w->who == RIGHTS_USER ? PF_U : 0);
    if (w->access == MMU_EXEC && (x86_nx_on(x) || (x->s.cr4 & CR4_SMEP))) {
        w->error |= PF_I;
    }
    return false;
}

/* What a protection key takes away of PROT_R | PROT_W. */
static uint8_t key_denies(const Walk *w, uint64_t pte)
{
    const X86CPU *x = w->x;
    if (!(x->s.cr4 & CR4_PKE) || !x86_long_mode(x) || !(w->both & PTE_U)) {
        return 0;
    }
    unsigned rights = x->s.pkru >> 2 * (pte >> PTE_PKEY_SHIFT & 15) & 3; /* AD, WD */
    bool wd = (rights & 2) && (w->who == RIGHTS_USER || (x->s.cr0 & CR0_WP));
    return (rights & 1 ? PROT_R | PROT_W : 0) | (wd ? PROT_W : 0);
}

static bool smap_forbids(const Walk *w)
{
    const X86CPU *x = w->x;
    return (x->s.cr4 & CR4_SMAP) && (w->who == RIGHTS_SYSTEM || !(x->s.eflags & EFL_AC));
}

/* PROT_* of the page that the entries so far lead to, but for protection keys. */
static uint8_t page_rights(const Walk *w)
{
    const X86CPU *x = w->x;
    uint8_t fetch = w->nx ? 0 : PROT_X;
    if (w->who == RIGHTS_USER) {
        return w->both & PTE_U ? PROT_R | (w->both & PTE_W ? PROT_W : 0) | fetch : 0;
    }
    bool may_write = (w->both & PTE_W) || !(x->s.cr0 & CR0_WP);
    uint8_t data = PROT_R | (may_write ? PROT_W : 0);
    if (w->both & PTE_U) {
        data = smap_forbids(w) ? 0 : data;
        fetch = x->s.cr4 & CR4_SMEP ? 0 : fetch;
    }
    return data | fetch;
}

/* ---- entries -------------------------------------------------------------- */

static uint64_t above_phys_bits(const X86CPU *x, unsigned top)
{
    return ((2ull << top) - 1) & -(1ull << x->phys_bits);
}

/* Bits that must be 0 in a present entry. */
static uint64_t reserved_bits(const Walk *w, uint64_t pte, unsigned level, bool large)
{
    const X86CPU *x = w->x;
    if (w->paging->entry_bytes == 4) {
        if (!large) {
            return 0;
        }
        /* Bits 20..13 are address bits 39..32: PSE-36 (as far as the processor has them) */
        unsigned more = x86_has(x, X86_PSE36) ? MIN(x->phys_bits, 40u) - 32 : 0;
        return 0x3fe000 & -(1ull << (13 + more));
    }
    uint64_t reserved = above_phys_bits(x, x86_long_mode(x) ? 51 : 62);
    reserved |= x86_nx_on(x) ? 0 : PTE_NX;
    if (large) {
        reserved |= ((1ull << (12 + 9 * level)) - 1) & ~0x1fffull; /* bit 12 is PAT */
    } else if (level >= 2) {
        reserved |= PTE_PS;
    }
    return reserved;
}

/* Set bits of an entry in memory.  *again: it changed under us. */
static bool entry_touch(Walk *w, uint64_t where, uint64_t *pte, uint64_t set, bool *again)
{
    bool swapped = true;
    uint64_t want = *pte | set;
    *again = false;
    if (want == *pte || w->debug) {
        return true;
    }
    MemOp mop = w->paging->entry_bytes == 8 ? MEM_64 : MEM_32;
    if (cpu_phys_cas(&w->x->cpu, where, mop, *pte, want, &swapped)) {
        *again = !swapped;
    } /* else a table in ROM or nowhere: it stays as it is */
    *pte = want;
    return true;
}

static bool walk_leaf(Walk *w, uint64_t linear, uint64_t where, uint64_t pte, unsigned bits, MmuResult *out,
                      bool *again)
{
    static const uint8_t needed[] = { PROT_R, PROT_W, PROT_X };
    uint8_t prot = PROT_R | PROT_W | PROT_X;
    if (!w->debug) {
        prot = page_rights(w);
        uint8_t denied = key_denies(w, pte);
        if (!(prot & ~denied & needed[w->access])) {
            return walk_fault(w, PF_P | (denied & needed[w->access] ? PF_PK : 0));
        }
        prot &= ~denied;
    }
    if (!entry_touch(w, where, &pte, PTE_A | (w->access == MMU_WRITE ? PTE_D : 0), again)) {
        return false;
    }
    out->phys = x86_a20(w->x, x86_leaf_phys(w->paging, linear, pte, bits));
    out->prot = pte & PTE_D ? prot : prot & ~PROT_W; /* a clean page is walked again to be written */
    out->global = (pte & PTE_G) && (w->x->s.cr4 & CR4_PGE);
    out->leaf_bits = bits;
    return true;
}

/* The table of the highest level; PAE: the entry of CR3's load that the address selects. */
static bool walk_root(Walk *w, uint64_t linear, uint64_t *table)
{
    const X86CPU *x = w->x;
    if (w->paging != &x86_pagings[PAGING_PAE]) {
        *table = w->paging->entry_bytes == 4 ? x->s.cr3 & 0xfffff000 : x->s.cr3 & PTE_ADDRESS;
        return true;
    }
    uint64_t pdpte = x->s.pdpte[linear >> 30 & 3];
    *table = pdpte & PTE_ADDRESS;
    return pdpte & PTE_P || walk_fault(w, 0);
}

static uint64_t entry_load(Walk *w, uint64_t where)
{
    bool wide = w->paging->entry_bytes == 8;
    uint64_t pte;
    if (!cpu_phys_load(&w->x->cpu, where, wide ? MEM_64 : MEM_32, &pte)) {
        pte = wide ? UINT64_MAX : UINT32_MAX; /* what an empty bus reads */
    }
    return pte;
}

static bool walk_tables(Walk *w, uint64_t linear, MmuResult *out)
{
    const X86Paging *p = w->paging;
    uint64_t table;
    if (!walk_root(w, linear, &table)) {
        return false;
    }
    w->both = PTE_W | PTE_U;
    w->nx = false;
    for (int level = p->levels - 1; level >= 0; level--) {
        unsigned bits = 12 + level * p->index_bits;
        uint64_t index = linear >> bits & ((1u << p->index_bits) - 1);
        uint64_t where = x86_a20(w->x, table + index * p->entry_bytes), pte = entry_load(w, where);
        bool large = x86_pte_is_large(w->x, p, pte, level), again;
        if (!(pte & PTE_P)) {
            return walk_fault(w, 0);
        }
        if (pte & reserved_bits(w, pte, level, large)) {
            return walk_fault(w, PF_P | PF_RSVD);
        }
        uint64_t both = w->both;
        bool nx = w->nx;
        w->both &= pte;
        w->nx |= x86_nx_on(w->x) && (pte & PTE_NX);
        if (large || level == 0 ? !walk_leaf(w, linear, where, pte, bits, out, &again)
                                : !entry_touch(w, where, &pte, PTE_A, &again)) {
            return false;
        }
        if (again) { /* another agent changed the entry: read it once more */
            w->both = both;
            w->nx = nx;
            level++;
        } else if (large || level == 0) {
            return true;
        }
        table = again ? table : pte & PTE_ADDRESS;
    }
    return false; /* not reached: level 0 ends it */
}

static bool walk(Walk *w, uint64_t linear, MmuResult *out)
{
    X86PagingForm form = x86_paging_form(w->x);
    *out = (MmuResult){ .phys = x86_a20(w->x, linear), .prot = PROT_R | PROT_W | PROT_X };
    if (form == PAGING_NONE) {
        return true;
    }
    w->paging = &x86_pagings[form];
    return walk_tables(w, linear, out);
}

/* ---- who walks ------------------------------------------------------------- */

bool x86_translate(X86CPU *x, uint64_t linear, MmuAccess access, X86Rights who, MmuResult *out, X86Fault *f)
{
    Walk w = { .x = x, .access = access, .who = who };
    linear = x86_linear(x, linear);
    if (!x86_canonical(x, linear)) {
        return x86_fault(f, X86_EXC_GP, 0);
    }
    if (walk(&w, linear, out)) {
        return true;
    }
    f->vector = X86_EXC_PF; /* its error code has no EXT */
    f->error = w.error;
    f->address = linear;
    return false;
}

bool x86_walk(CPU *cpu, uint64_t linear, unsigned bytes, MmuAccess access, MmuResult *out, MmuFault *fault)
{
    X86CPU *x = x86_cpu(cpu);
    X86Fault f = { 0 };
    if (x86_translate(x, linear, access, x86_rights(x->s.cpl), out, &f)) {
        return true;
    }
    *fault = (MmuFault){ .kind = FAULT_WALK,
                         .access = access,
                         .vaddr = x86_linear(x, linear),
                         .code = x86_fault_code(f.vector, f.error) };
    return false;
}

bool x86_debug_walk(CPU *cpu, uint64_t linear, uint64_t *phys)
{
    X86CPU *x = x86_cpu(cpu);
    Walk w = { .x = x, .access = MMU_READ, .debug = true };
    MmuResult out;
    linear = x86_linear(x, linear);
    bool ok = x86_canonical(x, linear) && walk(&w, linear, &out);
    *phys = ok ? out.phys : 0;
    return ok;
}

bool x86_load_pdptes(X86CPU *x, uint64_t cr3, X86Fault *f)
{
    Walk w = { .x = x, .paging = &x86_pagings[PAGING_PAE] };
    uint64_t pdpte[4], reserved = above_phys_bits(x, 63) | 0x1e6;
    for (unsigned i = 0; i < 4; i++) {
        pdpte[i] = entry_load(&w, x86_a20(x, (cr3 & 0xffffffe0) + 8 * i));
        if ((pdpte[i] & PTE_P) && (pdpte[i] & reserved)) {
            return x86_fault(f, X86_EXC_GP, 0);
        }
    }
    memcpy(x->s.pdpte, pdpte, sizeof(pdpte));
    return true;
}
