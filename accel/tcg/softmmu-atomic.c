/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Atomics in guest memory, and what helpers reach without a copy: host addresses of RAM. */
#include "accel/tcg/effects.h"
#include "accel/tcg/mail.h"
#include "accel/tcg/softmmu-access.h"

/* ---- atomics: in RAM alone ----------------------------------------------------------------------- */

static void check_watch_atomic(CPU *cpu, uint64_t vaddr, unsigned bytes, bool reads)
{
    if (reads) {
        check_watch(cpu, vaddr, bytes, MMU_READ);
    }
    check_watch(cpu, vaddr, bytes, MMU_WRITE);
}

static TcgTarget locate_atomic(CPU *cpu, uint64_t vaddr, TcgAccess a)
{
    unsigned bytes = memop_bytes(a.mop);
    TcgTarget t = { .host = tlb_hit(cpu, vaddr, bytes, MMU_WRITE) };
    if (G_LIKELY(t.host)) {
        return t;
    }
    cpu->tcg->stats.slow_accesses++;
    t = tcg_locate(cpu, vaddr, bytes, a);
    if (!t.host && !cpu->arch->device_atomics) {
        tcg_raise_bus(cpu, vaddr, a);
    }
    check_watch_atomic(cpu, vaddr, bytes, !(a.mop & MEM_UNSEEN));
    tcg_leave_changed_block(cpu, &t, vaddr, bytes);
    return t;
}

/* The two pages are neighbours in the host's memory, too: on an x86 host its own locked instruction does it, atomic against all others
 * (a split lock, which Linux may slow down: split_lock_mitigate). */
static uint64_t atomic_neighbours(CPU *cpu, const TcgCrossing *c, uint64_t vaddr, TcgAccess a, IrOp op,
                                  uint64_t value, uint64_t expected)
{
    unsigned bytes = memop_bytes(a.mop), part[2] = { c->first, bytes - c->first };
    if (cpu->tcg->log) {
        tcg_log_ram_write(cpu->tcg->log, c->pages[0].host, bytes);
    }
    uint64_t old = ir_atomic(c->pages[0].host, a.mop, op, value, expected);
    for (unsigned i = 0; i < 2; i++) {
        const TcgTarget *t = &c->pages[i];
        if (t->code) {
            tcg_index_written(&cpu->tcg->state->index, t->ram_page, i ? 0 : vaddr & (GUEST_PAGE - 1),
                              part[i]);
        }
    }
    return old;
}

/* Over two pages, where the architecture has that.  Pages that lie apart: atomic against its like alone. */
static uint64_t atomic_crossing(CPU *cpu, uint64_t vaddr, TcgAccess a, IrOp op, uint64_t value,
                                uint64_t expected)
{
    static GMutex one;
    unsigned bytes = memop_bytes(a.mop);
    uint64_t word = 0;
    TcgCrossing c = tcg_locate_both(cpu, vaddr, bytes, a);
    if (!c.pages[0].host || !c.pages[1].host) {
        tcg_raise_bus(cpu, vaddr, a);
    }
    tcg_leave_changed_block(cpu, &c.pages[0], vaddr, c.first);
    tcg_leave_changed_block(cpu, &c.pages[1], vaddr + c.first, bytes - c.first);
    if (c.pages[0].host + c.first == c.pages[1].host) {
        return atomic_neighbours(cpu, &c, vaddr, a, op, value, expected);
    }
    g_mutex_lock(&one);
    for (unsigned n = 0; n < bytes; n++) {
        word |= (uint64_t)*target_of_byte(&c, n).host << 8 * n;
    }
    uint8_t buf[8] __attribute__((aligned(8)));
    store_le(buf, 8, word);
    uint64_t old = ir_atomic(buf, a.mop, op, value, expected);
    for (unsigned n = 0; n < bytes; n++) {
        TcgTarget byte = target_of_byte(&c, n);
        tcg_write_target(cpu, &byte, vaddr + n, 1, a, buf[n]);
    }
    g_mutex_unlock(&one);
    return old;
}

/* A device's register: a read, then a write. */
static uint64_t atomic_device(CPU *cpu, const TcgTarget *t, uint64_t vaddr, TcgAccess a, IrOp op,
                              uint64_t value, uint64_t expected)
{
    unsigned bytes = memop_bytes(a.mop);
    uint8_t buf[8] __attribute__((aligned(8)));
    store_le(buf, 8, tcg_read_device(cpu, t, vaddr, bytes, a));
    uint64_t old = ir_atomic(buf, a.mop, op, value, expected);
    tcg_write_target(cpu, t, vaddr, bytes, a, load_le(buf, bytes));
    tcg_look_after_device(cpu, t);
    return old;
}

uint64_t cpu_atomic(CPU *cpu, uint64_t vaddr, MemOp mop, IrOp op, uint64_t value, uint64_t expected)
{
    unsigned bytes = memop_bytes(mop);
    TcgAccess a = { MMU_WRITE, mop };
    if (G_UNLIKELY(vaddr & (bytes - 1) && !cpu->arch->split_atomics)) {
        tcg_raise_misaligned(cpu, vaddr, a);
    }
    if (G_UNLIKELY(crosses(vaddr, bytes))) {
        cpu->tcg->stats.slow_accesses++;
        return atomic_crossing(cpu, vaddr, a, op, value, expected);
    }
    TcgTarget t = locate_atomic(cpu, vaddr, a);
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
    TcgAccess a = { .kind = MMU_WRITE };
    uint8_t *p = tlb_hit(cpu, vaddr, bytes, MMU_WRITE);
    if (p && log) {
        tcg_log_ram_write(log, p, bytes);
    }
    if (G_LIKELY(p)) {
        return p;
    }
    if (crosses(vaddr, bytes)) {
        tcg_raise_misaligned(cpu, vaddr, a);
    }
    cpu->tcg->stats.slow_accesses++;
    TcgTarget t = tcg_locate(cpu, vaddr, bytes, a);
    if (!t.host) {
        return NULL;
    }
    check_watch_atomic(cpu, vaddr, bytes, reads);
    tcg_leave_changed_block(cpu, &t, vaddr, bytes);
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
    TcgTarget t = tcg_locate(cpu, vaddr, bytes, (TcgAccess){ .kind = access });
    return t.code ? NULL : t.host;
}

void cpu_probe(CPU *cpu, uint64_t vaddr, unsigned bytes, MmuAccess access)
{
    if (access != MMU_EXEC && tlb_hit(cpu, vaddr, bytes, access)) {
        return;
    }
    uint64_t second = (vaddr + bytes - 1) & -GUEST_PAGE;
    TcgAccess a = { .kind = access };
    if (!crosses(vaddr, bytes)) {
        tcg_locate(cpu, vaddr, bytes, a);
        return;
    }
    tcg_locate(cpu, vaddr, second - vaddr, a);
    tcg_locate(cpu, second, vaddr + bytes - second, a);
}
