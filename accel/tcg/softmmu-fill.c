/* SPDX-License-Identifier: GPL-2.0-or-later */
/* From an address to where an access goes: a fill walks the page table (CPUArch.walk), finds the RAM behind the physical
 * address and enters the page in the current context.  These never enter a tag, so that every access is looked at:
 *   - writes to pages that hold translated code, and to ROM
 *   - writes to clean pages of RAM that somebody follows (dirty.c)
 *   - all accesses to MMIO, and where rights change within a page
 * and those to pages with watchpoints enter theirs with TLB_WATCHED. */
#include "accel/tcg/mail.h"
#include "accel/tcg/softmmu-access.h"
#include "accel/tcg/unwind.h"

/* ---- faults ------------------------------------------------------------------ */

void tcg_raise_fault(CPU *cpu, const MmuFault *fault)
{
    cpu_restore_pc(cpu);
    cpu->arch->raise_fault(cpu, fault);
    cpu_loop_exit(cpu);
}

void tcg_raise_bus(CPU *cpu, uint64_t vaddr, TcgAccess a)
{
    tcg_raise_fault(cpu, &(MmuFault){ .kind = FAULT_BUS, .access = a.kind, .mop = a.mop, .vaddr = vaddr });
}

void tcg_raise_misaligned(CPU *cpu, uint64_t vaddr, TcgAccess a)
{
    tcg_raise_fault(cpu, &(MmuFault){ .kind = FAULT_ALIGN, .access = a.kind, .mop = a.mop, .vaddr = vaddr });
}

/* ---- fill ---------------------------------------------------------------------- */

/* The RAM that holds a physical page; remembered in v->near. */
static bool find_ram(TcgVcpu *v, hwaddr phys)
{
    if (G_LIKELY(phys - v->near.start < v->near.size)) {
        return true;
    }
    const FlatRange *r = address_space_lookup(v->cpu->as, phys);
    RamBlock *rb = r ? flat_range_ram(r) : NULL;
    if (!rb) {
        return false;
    }
    /* Whole pages only */
    hwaddr start = (r->start + GUEST_PAGE - 1) & -GUEST_PAGE;
    hwaddr end = (r->start + r->size) & -GUEST_PAGE;
    uint64_t offset = r->mr_offset + (start - r->start);
    if (phys < start || phys >= end || offset & (GUEST_PAGE - 1)) {
        return false;
    }
    tcg_pages_grow(&v->state->index.pages, rb->first_page + (rb->size >> GUEST_PAGE_BITS));
    v->near.start = start;
    v->near.size = end - start;
    v->near.host = rb->host + offset;
    v->near.first_page = rb->first_page + (offset >> GUEST_PAGE_BITS);
    v->near.ram = rb;
    v->near.writable = flat_range_writable(r);
    return true;
}

/* Whether a tag may let stores to a page of v->near pass without a word: always, unless somebody
 * follows them.  Then a store has its page counted as dirty from before it is made, and other accesses
 * enter the tag only where that is so already. */
static bool may_store_unnoticed(const TcgVcpu *v, uint64_t ram_page, MmuAccess access)
{
    RamBlock *rb = v->near.ram;
    if (G_LIKELY(!ram_is_followed(rb))) {
        return true;
    }
    uint64_t page = ram_page - rb->first_page;
    if (access == MMU_WRITE) {
        ram_page_set_unnoticed(rb, page);
    }
    return ram_page_is_unnoticed(rb, page);
}

/* watched: TLB_WATCHED or 0 */
static void enter_tlb(TcgVcpu *v, TcgContext *c, uint64_t vaddr, const MmuResult *m, const TcgTarget *t,
                      bool writable, uint64_t watched)
{
    unsigned n = tlb_index(vaddr);
    TlbEntry *e = &c->tlb[n];
    uint64_t page = vaddr & -GUEST_PAGE, bit = UINT64_C(1) << n % 64;
    e->rd = m->prot & PROT_R ? page | watched : TLB_NEVER;
    e->wr = writable ? page | watched : TLB_NEVER;
    e->ex = m->prot & PROT_X ? page : TLB_NEVER;
    e->addend = (uintptr_t)t->host - vaddr;
    c->ram_page[n] = t->ram_page;
    c->tlb_filled[n / 64] |= bit;
    if (m->global) {
        c->tlb_global[n / 64] |= bit;
    } else {
        c->tlb_global[n / 64] &= ~bit;
    }
    v->stats.tlb_fills++;
}

/* What a walk said goes into the TLB of a context, where it is RAM. */
static void enter_result(CPU *cpu, TcgContext *c, uint64_t vaddr, MmuAccess access, const MmuResult *m,
                         TcgTarget *t)
{
    TcgVcpu *v = cpu->tcg;
    *t = (TcgTarget){ .phys = m->phys, .alike_to = m->no_cache ? m->alike_to : 0 };
    if (!find_ram(v, m->phys)) {
        return;
    }
    uint64_t offset = m->phys - v->near.start;
    t->host = v->near.host + offset;
    t->ram_page = v->near.first_page + (offset >> GUEST_PAGE_BITS);
    TcgPages *pages = &v->state->index.pages;
    bool unnoticed = v->near.writable && may_store_unnoticed(v, t->ram_page, access);
    bool writable = m->prot & PROT_W && unnoticed && !m->no_cache && !tcg_page_has_code(pages, t->ram_page) &&
                    tcg_page_note_writer(pages, t->ram_page, cpu->index, vaddr);
    context_note_leaf(c, vaddr, m->leaf_bits, m->global);
    if (!m->no_cache) {
        enter_tlb(v, c, vaddr, m, t, writable, tcg_page_watched(cpu, vaddr) ? TLB_WATCHED : 0);
    }
    if (access == MMU_WRITE) {
        t->code = !writable;
        if (!v->near.writable) {
            t->host = NULL;
        }
    }
}

/* Translate one access within a page.  False: the walk faults, and *fault is what it says. */
static bool resolve(CPU *cpu, uint64_t vaddr, unsigned bytes, MmuAccess access, TcgTarget *t, MmuFault *fault)
{
    MmuResult m = { 0 };
    if (!cpu->arch->walk(cpu, vaddr, bytes, access, &m, fault)) {
        return false;
    }
    enter_result(cpu, cpu->tcg->ctx, vaddr, access, &m, t);
    return true;
}

TcgTarget tcg_locate(CPU *cpu, uint64_t vaddr, unsigned bytes, TcgAccess a)
{
    MmuFault fault;
    TcgTarget t = { 0 };
    if (G_UNLIKELY(cpu->watchpoints->len)) {
        t.host = tlb_find(cpu, vaddr, bytes, a.kind, TLB_WATCHED);
    }
    if (!t.host && !resolve(cpu, vaddr, bytes, a.kind, &t, &fault)) {
        fault.mop = a.mop;
        tcg_raise_fault(cpu, &fault);
    }
    return t;
}

TcgCrossing tcg_locate_both(CPU *cpu, uint64_t vaddr, unsigned bytes, TcgAccess a)
{
    uint64_t second = (vaddr + bytes - 1) & -GUEST_PAGE;
    TcgCrossing c = { .first = second - vaddr };
    c.pages[0] = tcg_locate(cpu, vaddr, c.first, a);
    c.pages[1] = tcg_locate(cpu, second, bytes - c.first, a);
    check_watch(cpu, vaddr, bytes, a.kind);
    return c;
}

/* ---- page walkers ---------------------------------------------------------------------------------- */

bool cpu_phys_load(CPU *cpu, uint64_t phys, MemOp mop, uint64_t *value)
{
    TcgVcpu *v = cpu->tcg;
    unsigned bytes = memop_bytes(mop);
    if (G_LIKELY(v && find_ram(v, phys) && !crosses(phys, bytes))) {
        *value = load_le(v->near.host + (phys - v->near.start), bytes);
    } else if (memory_read(cpu->as, phys, bytes, value) != BUS_OK) {
        return false;
    }
    *value = finish_load(*value, mop);
    return true;
}

bool cpu_phys_cas(CPU *cpu, uint64_t phys, MemOp mop, uint64_t expected, uint64_t value, bool *swapped)
{
    TcgVcpu *v = cpu->tcg;
    unsigned bytes = memop_bytes(mop);
    *swapped = false;
    if (phys & (bytes - 1) || bytes < 4 || mop & MEM_BE) {
        return false;
    }
    if (!v || !find_ram(v, phys) || !v->near.writable) {
        return false;
    }
    uint64_t offset = phys - v->near.start;
    uint64_t page = v->near.first_page + (offset >> GUEST_PAGE_BITS);
    may_store_unnoticed(v, page, MMU_WRITE);
    *swapped = cas_le(v->near.host + offset, bytes, expected, value) == expected;
    if (*swapped) {
        tcg_index_written(&v->state->index, page, phys & (GUEST_PAGE - 1), bytes);
    }
    return true;
}

/* ---- what the processor accesses by itself ---- */

void *cpu_system_host(CPU *cpu, const CpuContextKey *key, uint64_t vaddr, unsigned bytes, MmuAccess access)
{
    TcgContext *c = cpu->tcg ? tcg_context_with(cpu->tcg, key) : NULL;
    return c ? tlb_find_in(c, vaddr, bytes, access, 0) : NULL;
}

void cpu_system_note(CPU *cpu, const CpuContextKey *key, uint64_t vaddr, MmuAccess access, const MmuResult *m)
{
    TcgContext *c = cpu->tcg ? tcg_context_with(cpu->tcg, key) : NULL;
    TcgTarget t;
    if (c) {
        enter_result(cpu, c, vaddr, access, m, &t);
    }
}

/* ---- fetches ------------------------------------------------------------------------------------------ */

/* Bytes that lie in one page (and in one device's register) wherever code starts. */
static unsigned fetch_unit(const CPU *cpu)
{
    return 1u << cpu->arch->guest->pc_shift;
}

bool tcg_probe_fetch(CPU *cpu, uint64_t vaddr, TcgFetch *f, MmuFault *fault)
{
    const TcgContext *c = cpu->tcg->ctx;
    unsigned n = tlb_index(vaddr);
    uint64_t offset = vaddr & (GUEST_PAGE - 1);
    f->end = GUEST_PAGE;
    f->split = false;
    if (G_LIKELY(c->tlb[n].ex == (vaddr & -GUEST_PAGE))) {
        f->code_addr = c->ram_page[n] << GUEST_PAGE_BITS | offset;
        f->page = (const uint8_t *)(uintptr_t)((vaddr & -GUEST_PAGE) + c->tlb[n].addend);
        return true;
    }
    TcgTarget t;
    if (!resolve(cpu, vaddr, fetch_unit(cpu), MMU_EXEC, &t, fault)) {
        return false;
    }
    f->code_addr = t.host ? t.ram_page << GUEST_PAGE_BITS | offset : t.phys;
    f->page = t.host ? t.host - offset : NULL;
    if (t.alike_to) {
        f->end = t.alike_to;
        f->split = true;
    }
    return true;
}

void tcg_fetch_page(CPU *cpu, uint64_t vaddr, TcgFetch *f)
{
    uint64_t unit;
    MmuFault fault;
    if (!tcg_probe_fetch(cpu, vaddr, f, &fault)) {
        tcg_raise_fault(cpu, &fault);
    }
    if (!f->page && !cpu->arch->open_bus &&
        memory_read(cpu->as, f->code_addr, fetch_unit(cpu), &unit) != BUS_OK) {
        tcg_raise_bus(cpu, vaddr, (TcgAccess){ .kind = MMU_EXEC });
    }
}
