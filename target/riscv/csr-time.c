/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Control and status registers: counters, time, the supervisor's timer.
 * Spec: privileged specification, machine.adoc, supervisor.adoc, sstc.adoc; unprivileged: zicntr.adoc. */
#include "target/riscv/csr.h"

#include "base/clock.h"

bool riscv_csr_check_counter(RiscvCPU *r, const Csr *c)
{
    uint32_t bit = 1u << (c->number & 31);
    if (r->s.priv < PRIV_M && !(r->s.mcounteren & bit)) {
        return false;
    }
    return r->s.priv != PRIV_U || !riscv_has(r, EXT_S) || (r->s.scounteren & bit);
}

static RiscvCounter counter_of(const Csr *c)
{
    return (c->number & 31) == 2 ? COUNTER_INSTRET : COUNTER_CYCLE;
}

uint64_t riscv_csr_read_counter(RiscvCPU *r, const Csr *c)
{
    return riscv_counter_read(r, counter_of(c), r->xlen == 32 ? LOW_HALF : BOTH_HALVES);
}

uint64_t riscv_csr_read_counterh(RiscvCPU *r, const Csr *c)
{
    return riscv_counter_read(r, counter_of(c), HIGH_HALF) >> 32;
}

void riscv_csr_write_counter(RiscvCPU *r, const Csr *c, uint64_t value)
{
    riscv_counter_write(r, counter_of(c), r->xlen == 32 ? LOW_HALF : BOTH_HALVES, value);
}

void riscv_csr_write_counterh(RiscvCPU *r, const Csr *c, uint64_t value)
{
    riscv_counter_write(r, counter_of(c), HIGH_HALF, value << 32);
}

void riscv_csr_write_mcountinhibit(RiscvCPU *r, const Csr *c, uint64_t value)
{
    riscv_counter_inhibit(r, value);
}

/* ---- time ---------------------------------------------------------------- */

uint64_t riscv_time(RiscvCPU *r)
{
    if (r->read_time) {
        return r->read_time(r->time_opaque);
    }
    return clock_get_ns(r->cpu.clock, CLK_VIRTUAL) / (1000000000 / RISCV_TIMEBASE_HZ);
}

uint64_t riscv_csr_read_time(RiscvCPU *r, const Csr *c)
{
    return riscv_time(r);
}

uint64_t riscv_csr_read_timeh(RiscvCPU *r, const Csr *c)
{
    return riscv_time(r) >> 32;
}

/* ---- Sstc ---------------------------------------------------------------- */

bool riscv_csr_check_stimecmp(RiscvCPU *r, const Csr *c)
{
    enum { TM = 2 };
    return r->s.priv == PRIV_M || ((r->s.mcounteren & TM) && (r->s.menvcfg & ENVCFG_STCE));
}

bool riscv_stimecmp_on(const RiscvCPU *r)
{
    return riscv_has(r, EXT_SSTC) && (r->s.menvcfg & ENVCFG_STCE);
}

static uint64_t stimer_now(void *opaque)
{
    return riscv_time(opaque);
}

static void stimer_drive(void *opaque, bool high)
{
    riscv_set_irq(opaque, IRQ_S_TIMER, high);
}

const ComparatorOps riscv_stimer_ops = { .now = stimer_now, .drive = stimer_drive };

void riscv_stimer_update(RiscvCPU *r)
{
    if (r->stimer && riscv_stimecmp_on(r)) {
        comparator_set(r->stimer, r->s.stimecmp);
    } else if (r->stimer) {
        comparator_off(r->stimer); /* STIP is software's */
    }
}

void riscv_hart_time_set(CPU *cpu)
{
    RiscvCPU *r = riscv_cpu(cpu);
    if (r->stimer) {
        comparator_look(r->stimer);
    }
}

void riscv_hart_set_clock(CPU *cpu, uint64_t (*read_time)(void *opaque), void *opaque)
{
    RiscvCPU *r = riscv_cpu(cpu);
    r->read_time = read_time;
    r->time_opaque = opaque;
}

void riscv_csr_changed_stimecmp(RiscvCPU *r, uint64_t old)
{
    riscv_stimer_update(r);
}
