/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Control and status registers: interrupts, trap vectors, translation and protection of memory.
 * Spec: privileged specification, machine.adoc, supervisor.adoc. */
#include "target/riscv/csr.h"

#include "target/vcpu.h"

/* ---- interrupts ---------------------------------------------------------- */

static uint32_t irqs_of(const RiscvCPU *r)
{
    return riscv_has(r, EXT_S) ? RISCV_IRQS : RISCV_IRQS & ~RISCV_SUPERVISOR_IRQS;
}

void riscv_csr_changed_irqs(RiscvCPU *r, uint64_t old)
{
    riscv_interrupts_changed(r);
}

uint64_t riscv_csr_legal_mie(const RiscvCPU *r, uint64_t value, uint64_t old)
{
    return value & irqs_of(r);
}

uint64_t riscv_csr_read_sie(RiscvCPU *r, const Csr *c)
{
    return r->s.mie & r->s.mideleg;
}

void riscv_csr_write_sie(RiscvCPU *r, const Csr *c, uint64_t value)
{
    r->s.mie = (r->s.mie & ~r->s.mideleg) | (value & r->s.mideleg);
    riscv_interrupts_changed(r);
}

uint64_t riscv_csr_read_mip(RiscvCPU *r, const Csr *c)
{
    return __atomic_load_n(&r->s.mip, __ATOMIC_ACQUIRE) | r->s.mip_soft;
}

static void mip_change(RiscvCPU *r, uint64_t value, uint32_t mask)
{
    __atomic_or_fetch(&r->s.mip, value & mask, __ATOMIC_ACQ_REL);
    __atomic_and_fetch(&r->s.mip, ~(uint32_t)(~value & mask), __ATOMIC_ACQ_REL);
    riscv_interrupts_changed(r);
}

void riscv_csr_write_mip(RiscvCPU *r, const Csr *c, uint64_t value)
{
    if (!riscv_has(r, EXT_S)) {
        return;
    }
    /* SEIP: what software writes is ORed with the controller's line. */
    r->s.mip_soft = value & 1 << IRQ_S_EXT;
    uint32_t mask = 1 << IRQ_S_SOFT | (riscv_stimecmp_on(r) ? 0 : 1 << IRQ_S_TIMER);
    mip_change(r, value, mask);
}

/* csrrs/csrrc on mip take the software SEIP bit alone as the old value
 * ("Machine Interrupt Registers"). */
uint64_t riscv_csr_mip_to_modify(RiscvCPU *r)
{
    uint32_t seip = 1 << IRQ_S_EXT;
    return (__atomic_load_n(&r->s.mip, __ATOMIC_ACQUIRE) & ~seip) | r->s.mip_soft;
}

uint64_t riscv_csr_read_sip(RiscvCPU *r, const Csr *c)
{
    return riscv_csr_read_mip(r, c) & r->s.mideleg;
}

void riscv_csr_write_sip(RiscvCPU *r, const Csr *c, uint64_t value)
{
    mip_change(r, value, r->s.mideleg & 1 << IRQ_S_SOFT);
}

/* ---- traps --------------------------------------------------------------- */

/* Modes 2 and 3 are reserved. */
uint64_t riscv_csr_legal_tvec(const RiscvCPU *r, uint64_t value, uint64_t old)
{
    return value & 2 ? (value & ~3ull) | (old & 3) : value;
}

uint64_t riscv_csr_read_epc(RiscvCPU *r, const Csr *c)
{
    return *csr_field(r, c) & riscv_epc_mask(r);
}

/* ---- memory -------------------------------------------------------------- */

bool riscv_csr_check_satp(RiscvCPU *r, const Csr *c)
{
    return r->s.priv != PRIV_S || !(r->s.mstatus & MSTATUS_TVM);
}

static uint64_t satp_legal_modes(const RiscvCPU *r)
{
    uint64_t modes = 1 << 0 | 1 << 8;
    return modes | (riscv_has(r, EXT_SV48) ? 1 << 9 : 0) | (riscv_has(r, EXT_SV57) ? 1 << 10 : 0);
}

/* A write of a mode that is not there has no effect. */
uint64_t riscv_csr_legal_satp(const RiscvCPU *r, uint64_t value, uint64_t old)
{
    if (!riscv_has(r, EXT_MMU) || (r->xlen == 64 && !(satp_legal_modes(r) >> (value >> 60) & 1))) {
        return old;
    }
    return value;
}

void riscv_csr_changed_satp(RiscvCPU *r, uint64_t old)
{
    if (r->s.satp != old) {
        cpu_mmu_changed(&r->cpu);
    }
}

bool riscv_csr_check_pmpcfg(RiscvCPU *r, const Csr *c)
{
    return r->xlen == 32 || !(c->number & 1);
}

uint64_t riscv_csr_read_pmpcfg(RiscvCPU *r, const Csr *c)
{
    uint64_t v = 0;
    unsigned first = (c->number & 15) * 4;
    for (unsigned i = 0; i < r->xlen / 8 && first + i < RISCV_MAX_PMP; i++) {
        v |= (uint64_t)r->s.pmpcfg[first + i] << (8 * i);
    }
    return v;
}

void riscv_csr_write_pmpcfg(RiscvCPU *r, const Csr *c, uint64_t value)
{
    unsigned first = (c->number & 15) * 4;
    for (unsigned i = 0; i < r->xlen / 8 && first + i < RISCV_MAX_PMP; i++) {
        riscv_pmpcfg_write(r, first + i, value >> (8 * i));
    }
}

uint64_t riscv_csr_read_pmpaddr(RiscvCPU *r, const Csr *c)
{
    return r->s.pmpaddr[c->number - 0x3b0];
}

void riscv_csr_write_pmpaddr(RiscvCPU *r, const Csr *c, uint64_t value)
{
    riscv_pmpaddr_write(r, c->number - 0x3b0, value);
}
