/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Exceptions, interrupts and the returns from them.
 * Spec: privileged specification, machine.adoc ("Machine Status Registers", "Machine Trap
 * Delegation Registers", "Machine Interrupt Registers", "Trap-Return Instructions").
 *
 * mip is set from device threads with atomic operations; everything else
 * belongs to the vCPU's thread.
 *
 * Not modelled: nonmaskable interrupts (Smrnmi), double trap (Smdbltrp), AIA. */
#include "target/riscv/cpu.h"

#include <inttypes.h>

#include "target/vcpu.h"
#include "base/log.h"

static const char *const exception_names[] = {
    "misaligned fetch",
    "fetch access fault",
    "illegal instruction",
    "breakpoint",
    "misaligned load",
    "load access fault",
    "misaligned store/AMO",
    "store/AMO access fault",
    "ecall from U",
    "ecall from S",
    "reserved",
    "ecall from M",
    "fetch page fault",
    "load page fault",
    "reserved",
    "store/AMO page fault",
};

static uint32_t pending_interrupts(RiscvCPU *r)
{
    uint32_t mip = __atomic_load_n(&r->s.mip, __ATOMIC_ACQUIRE) | r->s.mip_soft;
    return mip & r->s.mie;
}

static uint64_t trap_vector(uint64_t tvec, uint64_t cause, bool interrupt)
{
    uint64_t base = tvec & ~3ull;
    return interrupt && (tvec & 1) ? base + 4 * cause : base;
}

static void trap_to_supervisor(RiscvCPU *r, uint64_t cause, uint64_t cause_code, bool interrupt,
                               uint64_t tval)
{
    uint64_t s = r->s.mstatus & ~(MSTATUS_SPP | MSTATUS_SPIE | MSTATUS_SIE);
    s |= r->s.priv == PRIV_S ? MSTATUS_SPP : 0;
    s |= r->s.mstatus & MSTATUS_SIE ? MSTATUS_SPIE : 0;
    r->s.mstatus = s;
    r->s.scause = cause;
    r->s.sepc = r->s.pc;
    r->s.stval = tval;
    r->s.priv = PRIV_S;
    r->s.pc = trap_vector(r->s.stvec, cause_code, interrupt);
}

static void trap_to_machine(RiscvCPU *r, uint64_t cause, uint64_t cause_code, bool interrupt, uint64_t tval)
{
    uint64_t s = r->s.mstatus & ~(MSTATUS_MPP | MSTATUS_MPIE | MSTATUS_MIE);
    s |= (uint64_t)r->s.priv << 11;
    s |= r->s.mstatus & MSTATUS_MIE ? MSTATUS_MPIE : 0;
    r->s.mstatus = s;
    r->s.mcause = cause;
    r->s.mepc = r->s.pc;
    r->s.mtval = tval;
    r->s.priv = PRIV_M;
    r->s.pc = trap_vector(r->s.mtvec, cause_code, interrupt);
}

static void take_trap(RiscvCPU *r, uint64_t code, bool interrupt, uint64_t tval)
{
    uint64_t delegated = interrupt ? r->s.mideleg : r->s.medeleg;
    uint64_t cause = code | (interrupt ? 1ull << (r->xlen - 1) : 0);
    if (r->xlen == 32) {
        tval = (uint32_t)tval;
    }
    r->s.load_res = UINT64_MAX;
    if (r->s.priv != PRIV_M && (delegated >> code & 1)) {
        trap_to_supervisor(r, cause, code, interrupt, tval);
    } else {
        trap_to_machine(r, cause, code, interrupt, tval);
    }
    cpu_mmu_changed(&r->cpu);
}

void riscv_take_exception(RiscvCPU *r, uint64_t cause, uint64_t tval)
{
    if (log_enabled(LOG_INT)) {
        log_write("riscv: hart %u: %s (%" PRIu64 "), pc 0x%" PRIx64 ", tval 0x%" PRIx64 ", mode %u\n",
                  r->cpu.index, cause < G_N_ELEMENTS(exception_names) ? exception_names[cause] : "?", cause,
                  r->s.pc, tval, r->s.priv);
    }
    take_trap(r, cause, false, tval);
}

void riscv_raise(RiscvCPU *r, uint64_t cause, uint64_t tval)
{
    cpu_restore_pc(&r->cpu);
    riscv_take_exception(r, cause, tval);
    cpu_loop_exit(&r->cpu);
}

void riscv_raise_fault(CPU *cpu, const MmuFault *fault)
{
    static const uint8_t bus[] = { EXC_LOAD_ACCESS, EXC_STORE_ACCESS, EXC_INSN_ACCESS };
    static const uint8_t align[] = { EXC_LOAD_MISALIGNED, EXC_STORE_MISALIGNED, EXC_INSN_MISALIGNED };
    uint64_t cause = fault->kind == FAULT_WALK  ? fault->code
                     : fault->kind == FAULT_BUS ? bus[fault->access]
                                                : align[fault->access];
    riscv_take_exception(riscv_cpu(cpu), cause, fault->vaddr);
}

bool riscv_has_work(CPU *cpu)
{
    return pending_interrupts(riscv_cpu(cpu)) != 0;
}

/* The interrupts that would be taken now, were there no priorities. */
uint32_t riscv_deliverable_interrupts(RiscvCPU *r)
{
    uint32_t pending = pending_interrupts(r);
    bool m_on = r->s.priv < PRIV_M || (r->s.mstatus & MSTATUS_MIE);
    bool s_on = r->s.priv < PRIV_S || (r->s.priv == PRIV_S && (r->s.mstatus & MSTATUS_SIE));
    uint32_t m = m_on ? pending & ~r->s.mideleg : 0;
    uint32_t s = s_on ? pending & r->s.mideleg : 0;
    return m ? m : s;
}

bool riscv_take_interrupt(CPU *cpu)
{
    static const uint8_t order[] = { IRQ_M_EXT, IRQ_M_SOFT, IRQ_M_TIMER, IRQ_S_EXT, IRQ_S_SOFT, IRQ_S_TIMER };
    RiscvCPU *r = riscv_cpu(cpu);
    uint32_t ready = riscv_deliverable_interrupts(r);
    for (unsigned i = 0; ready && i < G_N_ELEMENTS(order); i++) {
        if (!(ready >> order[i] & 1)) {
            continue;
        }
        if (log_enabled(LOG_INT)) {
            log_write("riscv: hart %u: interrupt %u, pc 0x%" PRIx64 ", mode %u\n", cpu->index, order[i],
                      r->s.pc, r->s.priv);
        }
        take_trap(r, order[i], true, 0);
        return true;
    }
    return false;
}

void riscv_set_irq(void *opaque, int line, int level)
{
    RiscvCPU *r = opaque;
    if (level) {
        __atomic_or_fetch(&r->s.mip, 1u << line, __ATOMIC_ACQ_REL);
        cpu_request_exit(&r->cpu);
    } else {
        __atomic_and_fetch(&r->s.mip, ~(1u << line), __ATOMIC_ACQ_REL);
    }
}

/* Instruction addresses are multiples of 4 without the C extension. */
uint64_t riscv_epc_mask(const RiscvCPU *r)
{
    return riscv_has(r, EXT_C) ? ~1ull : ~3ull;
}

void riscv_mret(RiscvCPU *r)
{
    enum { MRET = 0x30200073 };
    if (r->s.priv < PRIV_M) {
        riscv_raise(r, EXC_ILLEGAL, MRET);
    }
    unsigned to = (r->s.mstatus & MSTATUS_MPP) >> 11;
    uint64_t s = r->s.mstatus & ~(MSTATUS_MPP | MSTATUS_MIE);
    s |= r->s.mstatus & MSTATUS_MPIE ? MSTATUS_MIE : 0;
    s |= MSTATUS_MPIE;
    if (!riscv_has(r, EXT_U)) {
        s |= MSTATUS_MPP; /* the least privileged mode there is */
    }
    if (to != PRIV_M) {
        s &= ~MSTATUS_MPRV;
    }
    r->s.mstatus = s;
    r->s.priv = to;
    r->s.pc = r->s.mepc & riscv_epc_mask(r);
    cpu_mmu_changed(&r->cpu);
    riscv_interrupts_changed(r);
}

void riscv_sret(RiscvCPU *r)
{
    enum { SRET = 0x10200073 };
    if (r->s.priv < PRIV_S || (r->s.priv == PRIV_S && (r->s.mstatus & MSTATUS_TSR))) {
        riscv_raise(r, EXC_ILLEGAL, SRET);
    }
    unsigned to = r->s.mstatus & MSTATUS_SPP ? PRIV_S : PRIV_U;
    uint64_t s = r->s.mstatus & ~(MSTATUS_SPP | MSTATUS_SIE | MSTATUS_MPRV);
    s |= r->s.mstatus & MSTATUS_SPIE ? MSTATUS_SIE : 0;
    s |= MSTATUS_SPIE;
    r->s.mstatus = s;
    r->s.priv = to;
    r->s.pc = r->s.sepc & riscv_epc_mask(r);
    cpu_mmu_changed(&r->cpu);
    riscv_interrupts_changed(r);
}

/* Something made an interrupt deliverable that was not: have the dispatcher look. */
void riscv_interrupts_changed(RiscvCPU *r)
{
    if (riscv_deliverable_interrupts(r)) {
        __atomic_store_n(&r->cpu.exit_request, 1, __ATOMIC_RELEASE);
    }
}
