/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Loads and stores of guest memory when the inline TLB check missed, and for helpers.
 *
 * Order of an access: alignment, translation of all its bytes (softmmu-fill.c), watchpoints, memory.  One that lies in two
 * pages goes byte by byte, once both are known to allow it.
 *
 * Not modelled: big-endian device registers other than through IoOps. */
#include "accel/tcg/effects.h"
#include "accel/tcg/mail.h"
#include "accel/tcg/softmmu-access.h"
#include "accel/tcg/unwind.h"
#include "base/trace.h"

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

G_GNUC_NO_INLINE uint64_t tcg_read_device(CPU *cpu, const TcgTarget *t, uint64_t vaddr, unsigned bytes,
                                          TcgAccess a)
{
    uint64_t value = 0;
    if (cpu->tcg->log) {
        tcg_log_bus(cpu->tcg->log);
    }
    if (bus_read(cpu, t->phys, bytes, &value) != BUS_OK) {
        if (!cpu->arch->open_bus) {
            tcg_raise_bus(cpu, vaddr, a);
        }
        value = UINT64_MAX >> (64 - 8 * bytes);
    }
    return value;
}

static inline uint64_t read_target(CPU *cpu, const TcgTarget *t, uint64_t vaddr, unsigned bytes, TcgAccess a)
{
    return t->host ? load_le(t->host, bytes) : tcg_read_device(cpu, t, vaddr, bytes, a);
}

static G_GNUC_NO_INLINE uint64_t load_crossing(CPU *cpu, uint64_t vaddr, unsigned bytes, TcgAccess a)
{
    TcgCrossing c = tcg_locate_both(cpu, vaddr, bytes, a);
    uint64_t value = 0;
    for (unsigned n = 0; n < bytes; n++) {
        TcgTarget byte = target_of_byte(&c, n);
        value |= read_target(cpu, &byte, vaddr + n, 1, a) << 8 * n;
    }
    return value;
}

static uint64_t load_missed(CPU *cpu, uint64_t vaddr, unsigned bytes, TcgAccess a)
{
    cpu->tcg->stats.slow_accesses++;
    if (G_UNLIKELY(crosses(vaddr, bytes))) {
        return load_crossing(cpu, vaddr, bytes, a);
    }
    TcgTarget t = tcg_locate(cpu, vaddr, bytes, a);
    check_watch(cpu, vaddr, bytes, MMU_READ);
    return read_target(cpu, &t, vaddr, bytes, a);
}

uint64_t cpu_load(CPU *cpu, uint64_t vaddr, MemOp mop)
{
    unsigned bytes = memop_bytes(mop);
    TcgAccess a = { MMU_READ, mop };
    if (G_UNLIKELY(mop & MEM_ALIGN && vaddr & (bytes - 1))) {
        tcg_raise_misaligned(cpu, vaddr, a);
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
void tcg_leave_changed_block(CPU *cpu, const TcgTarget *t, uint64_t vaddr, unsigned bytes)
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

void tcg_write_target(CPU *cpu, const TcgTarget *t, uint64_t vaddr, unsigned bytes, TcgAccess a,
                      uint64_t value)
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
        tcg_raise_bus(cpu, vaddr, a);
    }
}

void tcg_look_after_device(CPU *cpu, const TcgTarget *t)
{
    if (!t->host) {
        tcg_mail_look(cpu->tcg, false);
    }
}

static void store_crossing(CPU *cpu, uint64_t vaddr, unsigned bytes, TcgAccess a, uint64_t value)
{
    TcgCrossing c = tcg_locate_both(cpu, vaddr, bytes, a);
    tcg_leave_changed_block(cpu, &c.pages[0], vaddr, c.first);
    tcg_leave_changed_block(cpu, &c.pages[1], vaddr + c.first, bytes - c.first);
    for (unsigned n = 0; n < bytes; n++) {
        TcgTarget byte = target_of_byte(&c, n);
        tcg_write_target(cpu, &byte, vaddr + n, 1, a, value >> 8 * n & 0xff);
    }
    tcg_look_after_device(cpu, &c.pages[0]);
    tcg_look_after_device(cpu, &c.pages[1]);
}

void cpu_store(CPU *cpu, uint64_t vaddr, MemOp mop, uint64_t value)
{
    unsigned bytes = memop_bytes(mop);
    TcgAccess a = { MMU_WRITE, mop };
    if (G_UNLIKELY(mop & MEM_ALIGN && vaddr & (bytes - 1))) {
        tcg_raise_misaligned(cpu, vaddr, a);
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
    TcgTarget t = tcg_locate(cpu, vaddr, bytes, a);
    check_watch(cpu, vaddr, bytes, MMU_WRITE);
    tcg_leave_changed_block(cpu, &t, vaddr, bytes);
    tcg_write_target(cpu, &t, vaddr, bytes, a, value);
    tcg_look_after_device(cpu, &t);
}
