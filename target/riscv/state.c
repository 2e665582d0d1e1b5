/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A hart's state as a table: reset, save and load.
 * Spec: privileged specification, machine.adoc, section "Reset". */
#include "target/riscv/cpu.h"

#include <gio/gio.h>

#include "target/vcpu.h"

static const RiscvCPU *hart(const void *owner)
{
    return owner;
}

static uint64_t reset_pc(const void *owner)
{
    return hart(owner)->resetvec;
}

/* UXL and SXL, which cannot be written: 64 bits. */
static uint64_t reset_mstatus(const void *owner)
{
    const RiscvCPU *r = owner;
    uint64_t user = r->xlen == 64 && riscv_has(r, EXT_U) ? 2ull << 32 : 0;
    uint64_t supervisor = r->xlen == 64 && riscv_has(r, EXT_S) ? 2ull << 34 : 0;
    return user | supervisor;
}

static uint64_t reset_menvcfg(const void *owner)
{
    return riscv_has(owner, EXT_SVADU) && !riscv_has(owner, EXT_SVADE) ? ENVCFG_ADUE : 0;
}

static const Field fp_fields[] = {
    MEMBER_U8(FpStatus, rounding, .max = FP_RMM),
    MEMBER_U8(FpStatus, flags, .max = 0x1f),
    MEMBER_BOOL(FpStatus, default_nan, .reset = true),
    MEMBER_BOOL(FpStatus, tininess_before),
    { 0 },
};

#define R RiscvCPU
const Field riscv_state[] = {
    STATE_U64(R, x),
    STATE_U64(R, pc, .reset_to = reset_pc),
    STATE_U64(R, f),
    STATE_U64(R, load_res, .reset = UINT64_MAX),
    STATE_U64(R, load_val),
    STATE_U32(R, priv, .reset = PRIV_M, .max = PRIV_M),
    STATE_STRUCT(R, fp, FpStatus, fp_fields),
    STATE_U8(R, frm, .max = 7),
    STATE_U64(R, mstatus, .reset_to = reset_mstatus),
    STATE_U64(R, mtvec),
    STATE_U64(R, mepc),
    STATE_U64(R, mcause),
    STATE_U64(R, mtval),
    STATE_U64(R, mscratch),
    STATE_U64(R, medeleg),
    STATE_U64(R, mideleg),
    STATE_U64(R, mie),
    STATE_U32(R, mip, .shared = true),
    STATE_U32(R, mip_soft),
    STATE_U64(R, mcounteren),
    STATE_U64(R, mcountinhibit),
    STATE_U64(R, menvcfg, .reset_to = reset_menvcfg),
    STATE_U64(R, mstateen),
    STATE_U64(R, counter_base),
    STATE_U64(R, counter_stands),
    STATE_U64(R, counter_pc),
    STATE_U32(R, counter_unread, .max = 0xf),
    STATE_U64(R, stvec),
    STATE_U64(R, sepc),
    STATE_U64(R, scause),
    STATE_U64(R, stval),
    STATE_U64(R, sscratch),
    STATE_U64(R, scounteren),
    STATE_U64(R, senvcfg),
    STATE_U64(R, satp),
    STATE_U64(R, stimecmp, .reset = UINT64_MAX),
    STATE_BYTES(R, pmpcfg),
    STATE_U64(R, pmpaddr),
    { 0 },
};

/* ---- checks of what was loaded ------------------------------------------- */

static bool priv_is_legal(const RiscvCPU *r)
{
    return r->s.priv == PRIV_M || (r->s.priv == PRIV_S && riscv_has(r, EXT_S)) ||
           (r->s.priv == PRIV_U && riscv_has(r, EXT_U));
}

static bool registers_are_legal(const RiscvCPU *r)
{
    bool legal = r->s.x[0] == 0 && !(r->s.pc & 1) && (r->xlen == 64 || r->s.pc <= UINT32_MAX);
    for (unsigned i = 0; i < 32 && r->xlen == 32; i++) {
        legal &= r->s.x[i] == (uint64_t)(int32_t)r->s.x[i];
    }
    return legal && r->s.fp.default_nan && !r->s.fp.tininess_before;
}

bool riscv_loaded(CPU *cpu, GError **err)
{
    const RiscvCPU *r = riscv_cpu(cpu);
    const char *wrong = !priv_is_legal(r)         ? "it is in a mode that this model does not have"
                        : !registers_are_legal(r) ? "its registers are not those of this model"
                                                  : NULL;
    if (wrong) {
        g_set_error(err, G_IO_ERROR, G_IO_ERROR_INVALID_DATA, "cannot load the state of hart %u: %s",
                    cpu->index, wrong);
    }
    return !wrong;
}

/* The timer may have driven its line until it was off. */
void riscv_reset(CPU *cpu)
{
    RiscvCPU *r = riscv_cpu(cpu);
    riscv_stimer_update(r);
    riscv_set_irq(r, IRQ_S_TIMER, 0);
}

/* The timer's line, too: of time as it is now. */
void riscv_refresh(CPU *cpu)
{
    RiscvCPU *r = riscv_cpu(cpu);
    riscv_pmp_update(r);
    riscv_stimer_update(r);
    cpu_flush_all(cpu);
    cpu_mmu_changed(cpu);
}
