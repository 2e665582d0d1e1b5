/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Guest memory when the inline TLB check missed, and for helpers.
 *
 * A fill walks the page table (CPUArch.walk), finds the RAM behind the physical
 * address and enters the page in the current context.  These never enter a tag, so that every
 * access comes here:
 *   - writes to pages that hold translated code, and to ROM
 *   - writes to clean pages of RAM that somebody follows (dirty.c)
 *   - all accesses to MMIO, and where rights change within a page
 * and those to pages with watchpoints enter theirs with TLB_WATCHED.
 *
 * Order of an access: alignment, translation of all its bytes, watchpoints, memory.
 *
 * Not modelled: big-endian device registers other than through IoOps. */
#include "accel/tcg/softmmu.h"

#include <string.h>

#include "accel/tcg/debug.h"
#include "accel/tcg/effects.h"
#include "accel/tcg/mail.h"
#include "accel/tcg/unwind.h"
#include "accel/tcg/state.h"
#include "base/log.h"
#include "base/trace.h"
#include "util/bytes.h"

/* Where an access goes. */
typedef struct Target {
    uint8_t *host; /* of the byte at vaddr; NULL: not RAM (or a write that RAM does
                               not take) */
    uint64_t phys;
    uint64_t ram_page; /* valid when host */
    unsigned alike_to; /* MmuResult.alike_to, or 0 */
    bool code;         /* a write: the page may hold translated code, and the TLB has no right to write it */
} Target;

/* ---- faults: each leaves translated code ------------------------------------ */

/* What the parts of an access have in common. */
typedef struct Access {
    MmuAccess kind;
    MemOp mop; /* 0: said in bytes */
} Access;

G_NORETURN static void raise_fault(CPU *cpu, const MmuFault *fault)
{
    cpu_restore_pc(cpu);
    cpu->arch->raise_fault(cpu, fault);
    cpu_loop_exit(cpu);
}

G_NORETURN static void raise_bus(CPU *cpu, uint64_t vaddr, Access a)
{
    raise_fault(cpu, &(MmuFault){ .kind = FAULT_BUS, .access = a.kind, .mop = a.mop, .vaddr = vaddr });
}

G_NORETURN static void raise_misaligned(CPU *cpu, uint64_t vaddr, Access a)
{
    raise_fault(cpu, &(MmuFault){ .kind = FAULT_ALIGN, .access = a.kind, .mop = a.mop, .vaddr = vaddr });
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
static void enter_tlb(TcgVcpu *v, TcgContext *c, uint64_t vaddr, const MmuResult *m, const Target *t,
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
                         Target *t)
{
    TcgVcpu *v = cpu->tcg;
    *t = (Target){ .phys = m->phys, .alike_to = m->no_cache ? m->alike_to : 0 };
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
static bool resolve(CPU *cpu, uint64_t vaddr, unsigned bytes, MmuAccess access, Target *t, MmuFault *fault)
{
    MmuResult m = { 0 };
    if (!cpu->arch->walk(cpu, vaddr, bytes, access, &m, fault)) {
        return false;
    }
    enter_result(cpu, cpu->tcg->ctx, vaddr, access, &m, t);
    return true;
}

/* watched: TLB_WATCHED or 0 */
static uint8_t *tlb_find_in(const TcgContext *c, uint64_t vaddr, unsigned bytes, MmuAccess access,
                            uint64_t watched)
{
    const TlbEntry *e = &c->tlb[tlb_index(vaddr)];
    uint64_t tag = access == MMU_READ ? e->rd : e->wr;
    if (G_UNLIKELY(tag != (((vaddr + bytes - 1) & -GUEST_PAGE) | watched))) {
        return NULL;
    }
    return (uint8_t *)(uintptr_t)(vaddr + e->addend);
}

static uint8_t *tlb_find(CPU *cpu, uint64_t vaddr, unsigned bytes, MmuAccess access, uint64_t watched)
{
    return tlb_find_in(cpu->tcg->ctx, vaddr, bytes, access, watched);
}

static uint8_t *tlb_hit(CPU *cpu, uint64_t vaddr, unsigned bytes, MmuAccess access)
{
    return tlb_find(cpu, vaddr, bytes, access, 0);
}

/* Translate [vaddr, vaddr + bytes), which lies in one page. */
static Target locate(CPU *cpu, uint64_t vaddr, unsigned bytes, Access a)
{
    MmuFault fault;
    Target t = { 0 };
    if (G_UNLIKELY(cpu->watchpoints->len)) {
        t.host = tlb_find(cpu, vaddr, bytes, a.kind, TLB_WATCHED);
    }
    if (!t.host && !resolve(cpu, vaddr, bytes, a.kind, &t, &fault)) {
        fault.mop = a.mop;
        raise_fault(cpu, &fault);
    }
    return t;
}

/* ---- watchpoints ------------------------------------------------------------------- */

static void check_watch(CPU *cpu, uint64_t vaddr, unsigned bytes, MmuAccess access)
{
    if (G_UNLIKELY(cpu->watchpoints->len)) {
        tcg_debug_access(cpu, vaddr, bytes, access);
    }
    if (G_UNLIKELY(cpu->arch->accessed)) {
        cpu->arch->accessed(cpu, vaddr, bytes, access);
    }
}

/* ---- values --------------------------------------------------------------------------- */

static inline uint64_t finish_load(uint64_t value, MemOp mop)
{
    return memop_extend(mop, G_UNLIKELY(mop & MEM_BE) ? swap_uint(value, memop_bytes(mop)) : value);
}

static bool crosses(uint64_t vaddr, unsigned bytes)
{
    return (vaddr & (GUEST_PAGE - 1)) + bytes > GUEST_PAGE;
}

/* ---- accesses across a page boundary: byte by byte, once both pages are known to allow them ---- */

typedef struct Crossing {
    Target pages[2];
    unsigned first; /* bytes in the first page */
} Crossing;

static Crossing locate_both(CPU *cpu, uint64_t vaddr, unsigned bytes, Access a)
{
    uint64_t second = (vaddr + bytes - 1) & -GUEST_PAGE;
    Crossing c = { .first = second - vaddr };
    c.pages[0] = locate(cpu, vaddr, c.first, a);
    c.pages[1] = locate(cpu, second, bytes - c.first, a);
    check_watch(cpu, vaddr, bytes, a.kind);
    return c;
}

static Target target_of_byte(const Crossing *c, unsigned n)
{
    unsigned offset = n < c->first ? n : n - c->first;
    Target t = c->pages[n >= c->first];
    t.phys += offset;
    if (t.host) {
        t.host += offset;
    }
    return t;
}

/* ---- loads ------------------------------------------------------------------------------ */

/* A trace of the bus says which instruction it is. */
static void trace_begins(const CPU *cpu)
{
    uint64_t pc;
    trace_vcpu_begins(cpu->index, tcg_find_pc(cpu, &pc) ? pc : cpu_pc(cpu));
}

static BusResult bus_read(CPU *cpu, uint64_t phys, unsigned bytes, uint64_t *value)
{
    if (G_LIKELY(!trace_on())) {
        return memory_read(cpu->as, phys, bytes, value);
    }
    trace_begins(cpu);
    BusResult r = memory_read(cpu->as, phys, bytes, value);
    trace_vcpu_ends();
    return r;
}

static BusResult bus_write(CPU *cpu, uint64_t phys, unsigned bytes, uint64_t value)
{
    if (G_LIKELY(!trace_on())) {
        return memory_write(cpu->as, phys, bytes, value);
    }
    trace_begins(cpu);
    BusResult r = memory_write(cpu->as, phys, bytes, value);
    trace_vcpu_ends();
    return r;
}

static G_GNUC_NO_INLINE uint64_t read_device(CPU *cpu, const Target *t, uint64_t vaddr, unsigned bytes,
                                             Access a)
{
    uint64_t value = 0;
    if (cpu->tcg->log) {
        tcg_log_bus(cpu->tcg->log);
    }
    if (bus_read(cpu, t->phys, bytes, &value) != BUS_OK) {
        if (!cpu->arch->open_bus) {
            raise_bus(cpu, vaddr, a);
        }
        value = UINT64_MAX >> (64 - 8 * bytes);
    }
    return value;
}

static inline uint64_t read_target(CPU *cpu, const Target *t, uint64_t vaddr, unsigned bytes, Access a)
{
    return t->host ? load_le(t->host, bytes) : read_device(cpu, t, vaddr, bytes, a);
}

static G_GNUC_NO_INLINE uint64_t load_crossing(CPU *cpu, uint64_t vaddr, unsigned bytes, Access a)
{
    Crossing c = locate_both(cpu, vaddr, bytes, a);
    uint64_t value = 0;
    for (unsigned n = 0; n < bytes; n++) {
        Target byte = target_of_byte(&c, n);
        value |= read_target(cpu, &byte, vaddr + n, 1, a) << 8 * n;
    }
    return value;
}

static uint64_t load_missed(CPU *cpu, uint64_t vaddr, unsigned bytes, Access a)
{
    cpu->tcg->stats.slow_accesses++;
    if (G_UNLIKELY(crosses(vaddr, bytes))) {
        return load_crossing(cpu, vaddr, bytes, a);
    }
    Target t = locate(cpu, vaddr, bytes, a);
    check_watch(cpu, vaddr, bytes, MMU_READ);
    return read_target(cpu, &t, vaddr, bytes, a);
}

uint64_t cpu_load(CPU *cpu, uint64_t vaddr, MemOp mop)
{
    unsigned bytes = memop_bytes(mop);
    Access a = { MMU_READ, mop };
    if (G_UNLIKELY(mop & MEM_ALIGN && vaddr & (bytes - 1))) {
        raise_misaligned(cpu, vaddr, a);
    }
    const uint8_t *p = tlb_hit(cpu, vaddr, bytes, MMU_READ);
    return finish_load(p ? load_le(p, bytes) : load_missed(cpu, vaddr, bytes, a), mop);
}

/* ---- code that changes itself ---------------------------------------------------------------
 *
 * A block that is dropped by its own store goes on to its end.  Where the guest's next instruction must
 * be the new one (CPUArch.coherent_fetch) that comes too late: the store leaves before it writes
 * anything, and its instruction runs once more as a block of its own, behind which the changed code is
 * looked up.
 *
 * Not modelled: that of the A bits of page tables which lie in the running block. */
static void leave_changed_block(CPU *cpu, const Target *t, uint64_t vaddr, unsigned bytes)
{
    TcgVcpu *v = cpu->tcg;
    if (G_LIKELY(!t->code || !cpu->arch->coherent_fetch)) {
        return;
    }
    const TcgBlock *b = tcg_block_running(v);
    if (b && b->insns > 1 && tcg_block_covers(b, t->ram_page, vaddr & (GUEST_PAGE - 1), bytes)) {
        cpu_restore_pc(cpu);
        v->alone_next = true;
        cpu_loop_exit(cpu);
    }
}

/* ---- stores ------------------------------------------------------------------------------- */

static void write_target(CPU *cpu, const Target *t, uint64_t vaddr, unsigned bytes, Access a, uint64_t value)
{
    TcgLog *log = cpu->tcg->log;
    if (t->host) {
        if (log) {
            tcg_log_ram_write(log, t->host, bytes);
        }
        store_le(t->host, bytes, value);
        if (t->code) {
            tcg_index_written(&cpu->tcg->state->index, t->ram_page, vaddr & (GUEST_PAGE - 1), bytes);
        }
        return;
    }
    if (log) {
        tcg_log_bus(log);
    }
    if (bus_write(cpu, t->phys, bytes, value) != BUS_OK && !cpu->arch->open_bus) {
        raise_bus(cpu, vaddr, a);
    }
}

/* A device may have changed the map (a flash chip leaves read mode): the next load of this very block must see it.  Not
 * between the bytes of a store: where they go was asked before, and holds until the mail is looked at. */
static void look_after_device(CPU *cpu, const Target *t)
{
    if (!t->host) {
        tcg_mail_look(cpu->tcg, false);
    }
}

static void store_crossing(CPU *cpu, uint64_t vaddr, unsigned bytes, Access a, uint64_t value)
{
    Crossing c = locate_both(cpu, vaddr, bytes, a);
    leave_changed_block(cpu, &c.pages[0], vaddr, c.first);
    leave_changed_block(cpu, &c.pages[1], vaddr + c.first, bytes - c.first);
    for (unsigned n = 0; n < bytes; n++) {
        Target byte = target_of_byte(&c, n);
        write_target(cpu, &byte, vaddr + n, 1, a, value >> 8 * n & 0xff);
    }
    look_after_device(cpu, &c.pages[0]);
    look_after_device(cpu, &c.pages[1]);
}

void cpu_store(CPU *cpu, uint64_t vaddr, MemOp mop, uint64_t value)
{
    unsigned bytes = memop_bytes(mop);
    Access a = { MMU_WRITE, mop };
    if (G_UNLIKELY(mop & MEM_ALIGN && vaddr & (bytes - 1))) {
        raise_misaligned(cpu, vaddr, a);
    }
    if (mop & MEM_BE) {
        value = swap_uint(value, bytes);
    } else if (bytes < 8) {
        value &= (UINT64_C(1) << 8 * bytes) - 1;
    }
    uint8_t *p = tlb_hit(cpu, vaddr, bytes, MMU_WRITE);
    if (G_LIKELY(p)) {
        if (cpu->tcg->log) {
            tcg_log_ram_write(cpu->tcg->log, p, bytes);
        }
        store_le(p, bytes, value);
        return;
    }
    cpu->tcg->stats.slow_accesses++;
    if (crosses(vaddr, bytes)) {
        store_crossing(cpu, vaddr, bytes, a, value);
        return;
    }
    Target t = locate(cpu, vaddr, bytes, a);
    check_watch(cpu, vaddr, bytes, MMU_WRITE);
    leave_changed_block(cpu, &t, vaddr, bytes);
    write_target(cpu, &t, vaddr, bytes, a, value);
    look_after_device(cpu, &t);
}

/* ---- atomics: in RAM alone ----------------------------------------------------------------------- */

static void check_watch_atomic(CPU *cpu, uint64_t vaddr, unsigned bytes, bool reads)
{
    if (reads) {
        check_watch(cpu, vaddr, bytes, MMU_READ);
    }
    check_watch(cpu, vaddr, bytes, MMU_WRITE);
}

static Target locate_atomic(CPU *cpu, uint64_t vaddr, Access a)
{
    unsigned bytes = memop_bytes(a.mop);
    Target t = { .host = tlb_hit(cpu, vaddr, bytes, MMU_WRITE) };
    if (G_LIKELY(t.host)) {
        return t;
    }
    cpu->tcg->stats.slow_accesses++;
    t = locate(cpu, vaddr, bytes, a);
    if (!t.host && !cpu->arch->device_atomics) {
        raise_bus(cpu, vaddr, a);
    }
    check_watch_atomic(cpu, vaddr, bytes, !(a.mop & MEM_UNSEEN));
    leave_changed_block(cpu, &t, vaddr, bytes);
    return t;
}

/* Over two pages, where the architecture has that: atomic against its like alone. */
static uint64_t atomic_crossing(CPU *cpu, uint64_t vaddr, Access a, IrOp op, uint64_t value,
                                uint64_t expected)
{
    static GMutex one;
    unsigned bytes = memop_bytes(a.mop);
    uint64_t word = 0;
    Crossing c = locate_both(cpu, vaddr, bytes, a);
    if (!c.pages[0].host || !c.pages[1].host) {
        raise_bus(cpu, vaddr, a);
    }
    leave_changed_block(cpu, &c.pages[0], vaddr, c.first);
    leave_changed_block(cpu, &c.pages[1], vaddr + c.first, bytes - c.first);
    g_mutex_lock(&one);
    for (unsigned n = 0; n < bytes; n++) {
        word |= (uint64_t)*target_of_byte(&c, n).host << 8 * n;
    }
    uint8_t buf[8] __attribute__((aligned(8)));
    store_le(buf, 8, word);
    uint64_t old = ir_atomic(buf, a.mop, op, value, expected);
    for (unsigned n = 0; n < bytes; n++) {
        Target byte = target_of_byte(&c, n);
        write_target(cpu, &byte, vaddr + n, 1, a, buf[n]);
    }
    g_mutex_unlock(&one);
    return old;
}

/* A device's register: a read, then a write. */
static uint64_t atomic_device(CPU *cpu, const Target *t, uint64_t vaddr, Access a, IrOp op, uint64_t value,
                              uint64_t expected)
{
    unsigned bytes = memop_bytes(a.mop);
    uint8_t buf[8] __attribute__((aligned(8)));
    store_le(buf, 8, read_device(cpu, t, vaddr, bytes, a));
    uint64_t old = ir_atomic(buf, a.mop, op, value, expected);
    write_target(cpu, t, vaddr, bytes, a, load_le(buf, bytes));
    look_after_device(cpu, t);
    return old;
}

uint64_t cpu_atomic(CPU *cpu, uint64_t vaddr, MemOp mop, IrOp op, uint64_t value, uint64_t expected)
{
    unsigned bytes = memop_bytes(mop);
    Access a = { MMU_WRITE, mop };
    if (G_UNLIKELY(vaddr & (bytes - 1) && !cpu->arch->split_atomics)) {
        raise_misaligned(cpu, vaddr, a);
    }
    if (G_UNLIKELY(crosses(vaddr, bytes))) {
        cpu->tcg->stats.slow_accesses++;
        return atomic_crossing(cpu, vaddr, a, op, value, expected);
    }
    Target t = locate_atomic(cpu, vaddr, a);
    if (G_UNLIKELY(!t.host)) {
        return atomic_device(cpu, &t, vaddr, a, op, value, expected);
    }
    if (cpu->tcg->log) {
        tcg_log_ram_write(cpu->tcg->log, t.host, bytes);
    }
    uint64_t old = ir_atomic(t.host, mop, op, value, expected);
    if (t.code) {
        tcg_index_written(&cpu->tcg->state->index, t.ram_page, vaddr & (GUEST_PAGE - 1), bytes);
    }
    return old;
}

/* ---- for helpers ------------------------------------------------------------------------------ */

void *cpu_atomic_host(CPU *cpu, uint64_t vaddr, unsigned bytes, bool reads)
{
    TcgLog *log = cpu->tcg->log;
    Access a = { .kind = MMU_WRITE };
    uint8_t *p = tlb_hit(cpu, vaddr, bytes, MMU_WRITE);
    if (p && log) {
        tcg_log_ram_write(log, p, bytes);
    }
    if (G_LIKELY(p)) {
        return p;
    }
    if (crosses(vaddr, bytes)) {
        raise_misaligned(cpu, vaddr, a);
    }
    cpu->tcg->stats.slow_accesses++;
    Target t = locate(cpu, vaddr, bytes, a);
    if (!t.host) {
        return NULL;
    }
    check_watch_atomic(cpu, vaddr, bytes, reads);
    leave_changed_block(cpu, &t, vaddr, bytes);
    if (log) {
        tcg_log_ram_write(log, t.host, bytes);
    }
    if (t.code) {
        tcg_mail_written_soon(cpu->tcg, t.ram_page, vaddr & (GUEST_PAGE - 1), bytes);
    }
    return t.host;
}

void *cpu_direct_host(CPU *cpu, uint64_t vaddr, unsigned bytes, MmuAccess access)
{
    if (cpu->tcg->log) {
        return NULL;
    }
    uint8_t *p = tlb_hit(cpu, vaddr, bytes, access); /* none of a page that is watched */
    if (G_LIKELY(p)) {
        return p;
    }
    if (tcg_page_watched(cpu, vaddr)) {
        return NULL;
    }
    cpu->tcg->stats.slow_accesses++;
    Target t = locate(cpu, vaddr, bytes, (Access){ .kind = access });
    return t.code ? NULL : t.host;
}

void cpu_probe(CPU *cpu, uint64_t vaddr, unsigned bytes, MmuAccess access)
{
    if (access != MMU_EXEC && tlb_hit(cpu, vaddr, bytes, access)) {
        return;
    }
    uint64_t second = (vaddr + bytes - 1) & -GUEST_PAGE;
    Access a = { .kind = access };
    if (!crosses(vaddr, bytes)) {
        locate(cpu, vaddr, bytes, a);
        return;
    }
    locate(cpu, vaddr, second - vaddr, a);
    locate(cpu, second, vaddr + bytes - second, a);
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
    Target t;
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
    Target t;
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
        raise_fault(cpu, &fault);
    }
    if (!f->page && !cpu->arch->open_bus &&
        memory_read(cpu->as, f->code_addr, fetch_unit(cpu), &unit) != BUS_OK) {
        raise_bus(cpu, vaddr, (Access){ .kind = MMU_EXEC });
    }
}
