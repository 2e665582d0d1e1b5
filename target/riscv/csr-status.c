/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Control and status registers: status, floating point, environment configuration.
 * Spec: privileged specification, machine.adoc, supervisor.adoc, smstateen.adoc; unprivileged:
 * f-st-ext.adoc. */
#include "target/riscv/csr.h"

#include "target/vcpu.h"

/* ---- status -------------------------------------------------------------- */

static const uint64_t sstatus_mask =
    MSTATUS_SIE | MSTATUS_SPIE | MSTATUS_SPP | MSTATUS_FS | MSTATUS_SUM | MSTATUS_MXR;

/* UXL and SXL, which cannot be written: 64 bits. */
uint64_t riscv_reset_mstatus(const void *owner)
{
    const RiscvCPU *r = owner;
    uint64_t user = r->xlen == 64 && riscv_has(r, EXT_U) ? 2ull << 32 : 0;
    uint64_t supervisor = r->xlen == 64 && riscv_has(r, EXT_S) ? 2ull << 34 : 0;
    return user | supervisor;
}

uint64_t riscv_reset_menvcfg(const void *owner)
{
    return riscv_has(owner, EXT_SVADU) && !riscv_has(owner, EXT_SVADE) ? ENVCFG_ADUE : 0;
}

static uint64_t status_value(RiscvCPU *r)
{
    uint64_t s = r->s.mstatus;
    if ((s & MSTATUS_FS) == MSTATUS_FS) { /* SD summarizes FS, the one unit with state */
        s |= r->xlen == 32 ? 1ull << 31 : 1ull << 63;
    }
    return s;
}

/* What a write of the bits in `mask` leaves. */
static uint64_t status_merge(const RiscvCPU *r, uint64_t value, uint64_t old, uint64_t mask)
{
    if (!riscv_has(r, EXT_F)) {
        mask &= ~MSTATUS_FS;
    }
    uint64_t mpp = value & MSTATUS_MPP;
    bool mpp_legal =
        mpp == MSTATUS_MPP || (mpp == 0 && riscv_has(r, EXT_U)) || (mpp == 1ull << 11 && riscv_has(r, EXT_S));
    if (!mpp_legal) {
        mask &= ~MSTATUS_MPP;
    }
    return (old & ~mask) | (value & mask);
}

void riscv_csr_changed_mstatus(RiscvCPU *r, uint64_t old)
{
    if ((old ^ r->s.mstatus) & (MSTATUS_MPRV | MSTATUS_MPP | MSTATUS_SUM | MSTATUS_MXR)) {
        cpu_mmu_changed(&r->cpu);
    }
    riscv_interrupts_changed(r);
}

uint64_t riscv_csr_read_mstatus(RiscvCPU *r, const Csr *c)
{
    return status_value(r);
}

uint64_t riscv_csr_legal_mstatus(const RiscvCPU *r, uint64_t value, uint64_t old)
{
    uint64_t mask = MSTATUS_MIE | MSTATUS_MPIE | MSTATUS_MPP | MSTATUS_FS | MSTATUS_TW;
    if (riscv_has(r, EXT_U)) {
        mask |= MSTATUS_MPRV;
    }
    if (riscv_has(r, EXT_S)) {
        mask |= sstatus_mask | MSTATUS_TVM | MSTATUS_TSR;
    }
    return status_merge(r, value, old, mask);
}

uint64_t riscv_csr_read_sstatus(RiscvCPU *r, const Csr *c)
{
    uint64_t sd = r->xlen == 32 ? 1ull << 31 : 1ull << 63;
    return status_value(r) & (sstatus_mask | MSTATUS_UXL | sd);
}

void riscv_csr_write_sstatus(RiscvCPU *r, const Csr *c, uint64_t value)
{
    uint64_t old = r->s.mstatus;
    r->s.mstatus = status_merge(r, value, old, sstatus_mask);
    riscv_csr_changed_mstatus(r, old);
}

uint64_t riscv_csr_read_misa(RiscvCPU *r, const Csr *c)
{
    static const struct {
        uint8_t ext;
        char letter;
    } letters[] = {
        { EXT_I, 'i' }, { EXT_M, 'm' }, { EXT_A, 'a' }, { EXT_F, 'f' },
        { EXT_D, 'd' }, { EXT_C, 'c' }, { EXT_S, 's' }, { EXT_U, 'u' },
    };
    uint64_t v = r->xlen == 32 ? 1ull << 30 : 2ull << 62;
    for (unsigned i = 0; i < G_N_ELEMENTS(letters); i++) {
        v |= (uint64_t)riscv_has(r, letters[i].ext) << (letters[i].letter - 'a');
    }
    if (riscv_has(r, EXT_ZBA) && riscv_has(r, EXT_ZBB) && riscv_has(r, EXT_ZBS)) {
        v |= 1 << ('b' - 'a');
    }
    return v;
}

/* ---- floating point ------------------------------------------------------ */

bool riscv_csr_check_fp(RiscvCPU *r, const Csr *c)
{
    return r->s.mstatus & MSTATUS_FS;
}

static void fp_dirty(RiscvCPU *r)
{
    r->s.mstatus |= MSTATUS_FS;
}

uint64_t riscv_csr_read_fflags(RiscvCPU *r, const Csr *c)
{
    return r->s.fp.flags;
}

void riscv_csr_write_fflags(RiscvCPU *r, const Csr *c, uint64_t value)
{
    r->s.fp.flags = value & 0x1f;
    fp_dirty(r);
}

uint64_t riscv_csr_read_frm(RiscvCPU *r, const Csr *c)
{
    return r->s.frm;
}

void riscv_csr_write_frm(RiscvCPU *r, const Csr *c, uint64_t value)
{
    r->s.frm = value & 7;
    fp_dirty(r);
}

uint64_t riscv_csr_read_fcsr(RiscvCPU *r, const Csr *c)
{
    return r->s.fp.flags | r->s.frm << 5;
}

void riscv_csr_write_fcsr(RiscvCPU *r, const Csr *c, uint64_t value)
{
    r->s.fp.flags = value & 0x1f;
    r->s.frm = value >> 5 & 7;
    fp_dirty(r);
}

/* ---- environment configuration ------------------------------------------- */

bool riscv_csr_check_senvcfg(RiscvCPU *r, const Csr *c)
{
    return r->s.priv == PRIV_M || !riscv_has(r, EXT_SMSTATEEN) || (r->s.mstateen[0] >> 62 & 1);
}

bool riscv_csr_check_sstateen(RiscvCPU *r, const Csr *c)
{
    return r->s.priv == PRIV_M || (r->s.mstateen[c->number & 3] >> 63);
}

static uint64_t cbo_envcfg_bits(const RiscvCPU *r)
{
    return ENVCFG_FIOM | (riscv_has(r, EXT_ZICBOM) ? ENVCFG_CBIE | ENVCFG_CBCFE : 0) |
           (riscv_has(r, EXT_ZICBOZ) ? ENVCFG_CBZE : 0);
}

static uint64_t cbie_legal(uint64_t value, uint64_t old)
{
    enum { CBIE_RESERVED = 2 };
    return (value & ENVCFG_CBIE) >> 4 == CBIE_RESERVED ? (value & ~ENVCFG_CBIE) | (old & ENVCFG_CBIE) : value;
}

uint64_t riscv_csr_legal_menvcfg(const RiscvCPU *r, uint64_t value, uint64_t old)
{
    uint64_t mask = cbo_envcfg_bits(r) | (riscv_has(r, EXT_SVADU) ? ENVCFG_ADUE : 0) |
                    (riscv_has(r, EXT_SVPBMT) ? ENVCFG_PBMTE : 0) |
                    (riscv_has(r, EXT_SSTC) ? ENVCFG_STCE : 0);
    return cbie_legal(value, old) & mask;
}

void riscv_csr_changed_menvcfg(RiscvCPU *r, uint64_t old)
{
    if ((old ^ r->s.menvcfg) & (ENVCFG_ADUE | ENVCFG_PBMTE)) {
        cpu_flush_all(&r->cpu);
    }
    if ((old ^ r->s.menvcfg) & ENVCFG_STCE) {
        riscv_stimer_update(r);
        if (!riscv_stimecmp_on(r)) {
            riscv_set_irq(r, IRQ_S_TIMER, 0);
        }
    }
}

uint64_t riscv_csr_legal_senvcfg(const RiscvCPU *r, uint64_t value, uint64_t old)
{
    return cbie_legal(value, old) & cbo_envcfg_bits(r);
}
