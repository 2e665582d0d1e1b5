/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A hart's state as a table: reset, save and load.
 * Spec: privileged specification, machine.adoc, section "Reset". */
#include "target/riscv/csr.h"

#include <glib.h>

#include "target/vcpu.h"

static uint64_t reset_pc(const void *owner)
{
    const RiscvCPU *r = owner;
    return r->resetvec;
}

static const Field fp_fields[] = {
    MEMBER_U8(FpStatus, rounding, .max = FP_RMM),
    MEMBER_U8(FpStatus, flags, .max = 0x1f),
    MEMBER_BOOL(FpStatus, default_nan, .reset = true),
    MEMBER_BOOL(FpStatus, tininess_before),
    { 0 },
};

/* Control and status registers have theirs in csr.c. */
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
    STATE_U32(R, mip, .shared = true),
    STATE_U32(R, mip_soft),
    STATE_U64(R, counter_base),
    STATE_U64(R, counter_stands),
    STATE_U64(R, counter_pc),
    STATE_U32(R, counter_unread, .max = 0xf),
    STATE_BYTES(R, pmpcfg),
    STATE_U64(R, pmpaddr),
    { 0 },
};

/* ---- checks of what was loaded ------------------------------------------- */

bool riscv_priv_exists(const RiscvCPU *r, uint64_t priv)
{
    return priv == PRIV_M || (priv == PRIV_S && riscv_has(r, EXT_S)) ||
           (priv == PRIV_U && riscv_has(r, EXT_U));
}

static bool registers_are_legal(const RiscvCPU *r)
{
    bool legal = r->s.x[0] == 0 && !(r->s.pc & 1) && (r->xlen == 64 || r->s.pc <= UINT32_MAX);
    for (unsigned i = 0; i < 32 && r->xlen == 32; i++) {
        legal &= r->s.x[i] == (uint64_t)(int32_t)r->s.x[i];
    }
    return legal && r->s.fp.default_nan && !r->s.fp.tininess_before;
}

static bool interrupts_are_legal(const RiscvCPU *r)
{
    return !(r->s.mip & ~RISCV_IRQS) && !(r->s.mip_soft & ~(1u << IRQ_S_EXT));
}

bool riscv_loaded(CPU *cpu, GError **err)
{
    RiscvCPU *r = riscv_cpu(cpu);
    const char *wrong = !riscv_priv_exists(r, r->s.priv) ? "priv"
                        : !registers_are_legal(r)        ? "its registers"
                        : !interrupts_are_legal(r)       ? "mip"
                        : !riscv_pmp_is_legal(r)         ? "pmpcfg"
                                                         : riscv_csr_illegal(r);
    if (wrong) {
        g_set_error(
            err, G_FILE_ERROR, G_FILE_ERROR_INVAL,
            "cannot load the state of hart %u: %s cannot be so in this model; the saved machine differs or "
            "is damaged",
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
