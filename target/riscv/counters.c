/* SPDX-License-Identifier: GPL-2.0-or-later */
/* mcycle and minstret.
 * Spec: privileged specification, machine.adoc, "Hardware Performance Monitor", "Machine
 * Counter-Inhibit Register".
 *
 * Both count nanoseconds of the virtual clock.  What is written is what the next instruction reads
 * ("Any CSR write takes effect after the writing instruction has otherwise completed"), although
 * time goes on in between: while accesses to counters directly follow a write of one, their
 * clock stands at the time of that write, until each half that was written has been read.
 *
 * Not modelled: a count of instructions, event counters. */
#include "target/riscv/cpu.h"

#include "target/vcpu.h"
#include "base/clock.h"

enum { CSR_INSN_BYTES = 4 };

static bool inhibited(const RiscvCPU *r, RiscvCounter which)
{
    return r->s.mcountinhibit >> (which == COUNTER_INSTRET ? 2 : 0) & 1;
}

static uint64_t value_at(const RiscvCPU *r, RiscvCounter which, uint64_t now)
{
    return r->s.counter_base[which] + (inhibited(r, which) ? 0 : now);
}

static void set_at(RiscvCPU *r, RiscvCounter which, uint64_t now, uint64_t value)
{
    r->s.counter_base[which] = value - (inhibited(r, which) ? 0 : now);
}

/* The clock that this instruction's access sees. */
static uint64_t access_clock(RiscvCPU *r)
{
    if (r->s.counter_unread) {
        cpu_restore_pc(&r->cpu);
        if (r->s.pc == r->s.counter_pc) {
            r->s.counter_pc += CSR_INSN_BYTES;
            return r->s.counter_stands;
        }
        r->s.counter_unread = 0;
    }
    return clock_get_ns(r->cpu.clock, CLK_VIRTUAL);
}

static uint32_t unread_bits(RiscvCounter which, unsigned halves)
{
    return halves << (which * 2);
}

uint64_t riscv_counter_read(RiscvCPU *r, RiscvCounter which, unsigned halves)
{
    uint64_t value = value_at(r, which, access_clock(r));
    r->s.counter_unread &= ~unread_bits(which, halves);
    return value;
}

void riscv_counter_write(RiscvCPU *r, RiscvCounter which, unsigned halves, uint64_t value)
{
    uint64_t now = access_clock(r), old = value_at(r, which, now), low = UINT32_MAX;
    uint64_t mask = (halves & LOW_HALF ? low : 0) | (halves & HIGH_HALF ? ~low : 0);
    set_at(r, which, now, (old & ~mask) | (value & mask));
    cpu_restore_pc(&r->cpu);
    r->s.counter_pc = r->s.pc + CSR_INSN_BYTES;
    r->s.counter_stands = now;
    r->s.counter_unread |= unread_bits(which, halves);
}

void riscv_counter_inhibit(RiscvCPU *r, uint64_t value)
{
    uint64_t now = access_clock(r);
    uint64_t cycle = value_at(r, COUNTER_CYCLE, now), instret = value_at(r, COUNTER_INSTRET, now);
    r->s.mcountinhibit = value & 5;
    set_at(r, COUNTER_CYCLE, now, cycle);
    set_at(r, COUNTER_INSTRET, now, instret);
}
