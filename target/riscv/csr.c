/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Control and status registers: one table, a row each.
 * Spec: privileged specification, csrs.adoc, machine.adoc, supervisor.adoc, smstateen.adoc,
 * sstc.adoc; unprivileged: zicsr.adoc, zicntr.adoc, f-st-ext.adoc.
 *
 * A row is a field of the hart with a mask of what a write changes, or a pair
 * of functions.  Access rules that follow from the number (privilege, read only)
 * are checked for all; `check` adds the row's own.
 *
 * Not modelled: event counters (mhpmcounter3..31 read zero, which the
 * specification allows), debug triggers, Smepmp, AIA and hypervisor registers. */
#include "target/riscv/cpu.h"

#include <string.h>

#include "target/vcpu.h"
#include "base/clock.h"

typedef struct Csr Csr;
typedef uint64_t CsrRead(RiscvCPU *r, const Csr *c);
typedef void CsrWrite(RiscvCPU *r, const Csr *c, uint64_t value);
typedef bool CsrCheck(RiscvCPU *r, const Csr *c);

struct Csr {
    const char *name;
    uint16_t number;
    uint16_t field; /* offset of a uint64_t in RiscvCPU, when there is no function */
    uint64_t mask;  /* bits of the field that a write changes */
    CsrRead *read;
    CsrWrite *write;
    CsrCheck *check; /* does it exist, may it be used: false is an illegal instruction */
    int ext;         /* RiscvExt that it needs, or 0 (EXT_I: always there) */
    bool rv32;       /* exists on RV32 only: the high half of another */
};

static uint64_t *csr_field(RiscvCPU *r, const Csr *c)
{
    return (uint64_t *)((char *)r + c->field);
}

/* ---- existence ----------------------------------------------------------- */

static bool check_fp(RiscvCPU *r, const Csr *c)
{
    return r->s.mstatus & MSTATUS_FS;
}

static bool check_counter(RiscvCPU *r, const Csr *c)
{
    uint32_t bit = 1u << (c->number & 31);
    if (r->s.priv < PRIV_M && !(r->s.mcounteren & bit)) {
        return false;
    }
    return r->s.priv != PRIV_U || !riscv_has(r, EXT_S) || (r->s.scounteren & bit);
}

static bool check_satp(RiscvCPU *r, const Csr *c)
{
    return r->s.priv != PRIV_S || !(r->s.mstatus & MSTATUS_TVM);
}

static bool check_stimecmp(RiscvCPU *r, const Csr *c)
{
    enum { TM = 2 };
    return r->s.priv == PRIV_M || ((r->s.mcounteren & TM) && (r->s.menvcfg & ENVCFG_STCE));
}

static bool check_senvcfg(RiscvCPU *r, const Csr *c)
{
    return r->s.priv == PRIV_M || !riscv_has(r, EXT_SMSTATEEN) || (r->s.mstateen[0] >> 62 & 1);
}

static bool check_sstateen(RiscvCPU *r, const Csr *c)
{
    return r->s.priv == PRIV_M || (r->s.mstateen[c->number & 3] >> 63);
}

static bool check_pmpcfg(RiscvCPU *r, const Csr *c)
{
    return r->xlen == 32 || !(c->number & 1);
}

/* ---- status -------------------------------------------------------------- */

static const uint64_t sstatus_mask =
    MSTATUS_SIE | MSTATUS_SPIE | MSTATUS_SPP | MSTATUS_FS | MSTATUS_SUM | MSTATUS_MXR;

static uint64_t status_value(RiscvCPU *r)
{
    uint64_t s = r->s.mstatus;
    if ((s & MSTATUS_FS) == MSTATUS_FS) { /* SD summarizes FS, the one unit with state */
        s |= r->xlen == 32 ? 1ull << 31 : 1ull << 63;
    }
    return s;
}

static void status_write(RiscvCPU *r, uint64_t value, uint64_t mask)
{
    uint64_t old = r->s.mstatus;
    if (!riscv_has(r, EXT_F)) {
        mask &= ~MSTATUS_FS;
    }
    uint64_t mpp = value & MSTATUS_MPP;
    bool mpp_legal =
        mpp == MSTATUS_MPP || (mpp == 0 && riscv_has(r, EXT_U)) || (mpp == 1ull << 11 && riscv_has(r, EXT_S));
    if (!mpp_legal) {
        mask &= ~MSTATUS_MPP;
    }
    r->s.mstatus = (old & ~mask) | (value & mask);
    if ((old ^ r->s.mstatus) & (MSTATUS_MPRV | MSTATUS_MPP | MSTATUS_SUM | MSTATUS_MXR)) {
        cpu_mmu_changed(&r->cpu);
    }
    riscv_interrupts_changed(r);
}

static uint64_t mstatus_read(RiscvCPU *r, const Csr *c)
{
    return status_value(r);
}

static void mstatus_write(RiscvCPU *r, const Csr *c, uint64_t value)
{
    uint64_t mask = MSTATUS_MIE | MSTATUS_MPIE | MSTATUS_MPP | MSTATUS_FS | MSTATUS_TW;
    if (riscv_has(r, EXT_U)) {
        mask |= MSTATUS_MPRV;
    }
    if (riscv_has(r, EXT_S)) {
        mask |= sstatus_mask | MSTATUS_TVM | MSTATUS_TSR;
    }
    status_write(r, value, mask);
}

static uint64_t mstatush_read(RiscvCPU *r, const Csr *c)
{
    return 0; /* MBE, SBE: little endian only */
}

static uint64_t sstatus_read(RiscvCPU *r, const Csr *c)
{
    uint64_t sd = r->xlen == 32 ? 1ull << 31 : 1ull << 63;
    return status_value(r) & (sstatus_mask | MSTATUS_UXL | sd);
}

static void sstatus_write(RiscvCPU *r, const Csr *c, uint64_t value)
{
    status_write(r, value, sstatus_mask);
}

static uint64_t misa_read(RiscvCPU *r, const Csr *c)
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

static void write_ignored(RiscvCPU *r, const Csr *c, uint64_t value)
{
}

static uint64_t read_zero(RiscvCPU *r, const Csr *c)
{
    return 0;
}

/* ---- interrupts ---------------------------------------------------------- */

enum {
    SUPERVISOR_IRQS = 1 << IRQ_S_SOFT | 1 << IRQ_S_TIMER | 1 << IRQ_S_EXT,
    ALL_IRQS = SUPERVISOR_IRQS | 1 << IRQ_M_SOFT | 1 << IRQ_M_TIMER | 1 << IRQ_M_EXT,
};

static uint32_t irqs_of(const RiscvCPU *r)
{
    return riscv_has(r, EXT_S) ? ALL_IRQS : ALL_IRQS & ~SUPERVISOR_IRQS;
}

static void mideleg_write(RiscvCPU *r, const Csr *c, uint64_t value)
{
    r->s.mideleg = value & SUPERVISOR_IRQS;
    riscv_interrupts_changed(r);
}

static void mie_write(RiscvCPU *r, const Csr *c, uint64_t value)
{
    r->s.mie = value & irqs_of(r);
    riscv_interrupts_changed(r);
}

static uint64_t sie_read(RiscvCPU *r, const Csr *c)
{
    return r->s.mie & r->s.mideleg;
}

static void sie_write(RiscvCPU *r, const Csr *c, uint64_t value)
{
    r->s.mie = (r->s.mie & ~r->s.mideleg) | (value & r->s.mideleg);
    riscv_interrupts_changed(r);
}

static uint64_t mip_read(RiscvCPU *r, const Csr *c)
{
    return __atomic_load_n(&r->s.mip, __ATOMIC_ACQUIRE) | r->s.mip_soft;
}

static void mip_change(RiscvCPU *r, uint64_t value, uint32_t mask)
{
    __atomic_or_fetch(&r->s.mip, value & mask, __ATOMIC_ACQ_REL);
    __atomic_and_fetch(&r->s.mip, ~(uint32_t)(~value & mask), __ATOMIC_ACQ_REL);
    riscv_interrupts_changed(r);
}

static bool stimecmp_on(const RiscvCPU *r)
{
    return riscv_has(r, EXT_SSTC) && (r->s.menvcfg & ENVCFG_STCE);
}

static void mip_write(RiscvCPU *r, const Csr *c, uint64_t value)
{
    if (!riscv_has(r, EXT_S)) {
        return;
    }
    /* SEIP: what software writes is ORed with the controller's line. */
    r->s.mip_soft = value & 1 << IRQ_S_EXT;
    uint32_t mask = 1 << IRQ_S_SOFT | (stimecmp_on(r) ? 0 : 1 << IRQ_S_TIMER);
    mip_change(r, value, mask);
}

/* csrrs/csrrc on mip take the software SEIP bit alone as the old value
 * ("Machine Interrupt Registers"). */
static uint64_t mip_read_for_modify(RiscvCPU *r)
{
    uint32_t seip = 1 << IRQ_S_EXT;
    return (__atomic_load_n(&r->s.mip, __ATOMIC_ACQUIRE) & ~seip) | r->s.mip_soft;
}

static uint64_t sip_read(RiscvCPU *r, const Csr *c)
{
    return mip_read(r, c) & r->s.mideleg;
}

static void sip_write(RiscvCPU *r, const Csr *c, uint64_t value)
{
    mip_change(r, value, r->s.mideleg & 1 << IRQ_S_SOFT);
}

/* ---- trap setup ---------------------------------------------------------- */

static void tvec_write(RiscvCPU *r, const Csr *c, uint64_t value)
{
    uint64_t *f = csr_field(r, c);
    *f = value & 2 ? (value & ~3ull) | (*f & 3) : value; /* modes 2 and 3 are reserved */
}

static uint64_t epc_read(RiscvCPU *r, const Csr *c)
{
    return *csr_field(r, c) & riscv_epc_mask(r);
}

static uint64_t satp_legal_modes(const RiscvCPU *r)
{
    uint64_t modes = 1 << 0 | 1 << 8;
    return modes | (riscv_has(r, EXT_SV48) ? 1 << 9 : 0) | (riscv_has(r, EXT_SV57) ? 1 << 10 : 0);
}

static void satp_write(RiscvCPU *r, const Csr *c, uint64_t value)
{
    if (!riscv_has(r, EXT_MMU)) {
        return;
    }
    if (r->xlen == 64 && !(satp_legal_modes(r) >> (value >> 60) & 1)) {
        return; /* an unsupported mode: the write has no effect */
    }
    if (r->s.satp != value) {
        r->s.satp = value;
        cpu_mmu_changed(&r->cpu);
    }
}

/* ---- floating point ------------------------------------------------------ */

static void fp_dirty(RiscvCPU *r)
{
    r->s.mstatus |= MSTATUS_FS;
}

static uint64_t fflags_read(RiscvCPU *r, const Csr *c)
{
    return r->s.fp.flags;
}

static void fflags_write(RiscvCPU *r, const Csr *c, uint64_t value)
{
    r->s.fp.flags = value & 0x1f;
    fp_dirty(r);
}

static uint64_t frm_read(RiscvCPU *r, const Csr *c)
{
    return r->s.frm;
}

static void frm_write(RiscvCPU *r, const Csr *c, uint64_t value)
{
    r->s.frm = value & 7;
    fp_dirty(r);
}

static uint64_t fcsr_read(RiscvCPU *r, const Csr *c)
{
    return r->s.fp.flags | r->s.frm << 5;
}

static void fcsr_write(RiscvCPU *r, const Csr *c, uint64_t value)
{
    r->s.fp.flags = value & 0x1f;
    r->s.frm = value >> 5 & 7;
    fp_dirty(r);
}

/* ---- counters and time --------------------------------------------------- */

uint64_t riscv_time(RiscvCPU *r)
{
    if (r->read_time) {
        return r->read_time(r->time_opaque);
    }
    return clock_get_ns(CLK_VIRTUAL) / (1000000000 / RISCV_TIMEBASE_HZ);
}

static RiscvCounter counter_of(const Csr *c)
{
    return (c->number & 31) == 2 ? COUNTER_INSTRET : COUNTER_CYCLE;
}

static uint64_t mcounter_read(RiscvCPU *r, const Csr *c)
{
    return riscv_counter_read(r, counter_of(c), r->xlen == 32 ? LOW_HALF : BOTH_HALVES);
}

static uint64_t mcounterh_read(RiscvCPU *r, const Csr *c)
{
    return riscv_counter_read(r, counter_of(c), HIGH_HALF) >> 32;
}

static void mcounter_write(RiscvCPU *r, const Csr *c, uint64_t value)
{
    riscv_counter_write(r, counter_of(c), r->xlen == 32 ? LOW_HALF : BOTH_HALVES, value);
}

static void mcounterh_write(RiscvCPU *r, const Csr *c, uint64_t value)
{
    riscv_counter_write(r, counter_of(c), HIGH_HALF, value << 32);
}

static void mcountinhibit_write(RiscvCPU *r, const Csr *c, uint64_t value)
{
    riscv_counter_inhibit(r, value);
}

static uint64_t time_read(RiscvCPU *r, const Csr *c)
{
    return riscv_time(r);
}

static uint64_t timeh_read(RiscvCPU *r, const Csr *c)
{
    return riscv_time(r) >> 32;
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
    if (r->stimer && stimecmp_on(r)) {
        comparator_set(r->stimer, r->s.stimecmp);
    } else if (r->stimer) {
        comparator_off(r->stimer); /* STIP is software's */
    }
}

void riscv_stimer_look(RiscvCPU *r)
{
    if (r->stimer) {
        comparator_look(r->stimer);
    }
}

static void stimecmp_write(RiscvCPU *r, const Csr *c, uint64_t value)
{
    r->s.stimecmp = r->xlen == 32 ? (r->s.stimecmp & ~(uint64_t)UINT32_MAX) | value : value;
    riscv_stimer_update(r);
}

static uint64_t stimecmph_read(RiscvCPU *r, const Csr *c)
{
    return r->s.stimecmp >> 32;
}

static void stimecmph_write(RiscvCPU *r, const Csr *c, uint64_t value)
{
    r->s.stimecmp = (r->s.stimecmp & UINT32_MAX) | value << 32;
    riscv_stimer_update(r);
}

/* ---- environment configuration ------------------------------------------- */

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

static void menvcfg_set(RiscvCPU *r, uint64_t value)
{
    uint64_t mask = cbo_envcfg_bits(r) | (riscv_has(r, EXT_SVADU) ? ENVCFG_ADUE : 0) |
                    (riscv_has(r, EXT_SVPBMT) ? ENVCFG_PBMTE : 0) |
                    (riscv_has(r, EXT_SSTC) ? ENVCFG_STCE : 0);
    uint64_t old = r->s.menvcfg;
    r->s.menvcfg = cbie_legal(value, old) & mask;
    if ((old ^ r->s.menvcfg) & (ENVCFG_ADUE | ENVCFG_PBMTE)) {
        cpu_flush_all(&r->cpu);
    }
    if ((old ^ r->s.menvcfg) & ENVCFG_STCE) {
        riscv_stimer_update(r);
        if (!stimecmp_on(r)) {
            riscv_set_irq(r, IRQ_S_TIMER, 0);
        }
    }
}

static void menvcfg_write(RiscvCPU *r, const Csr *c, uint64_t value)
{
    menvcfg_set(r, r->xlen == 32 ? (r->s.menvcfg & ~(uint64_t)UINT32_MAX) | value : value);
}

static uint64_t menvcfgh_read(RiscvCPU *r, const Csr *c)
{
    return r->s.menvcfg >> 32;
}

static void menvcfgh_write(RiscvCPU *r, const Csr *c, uint64_t value)
{
    menvcfg_set(r, (r->s.menvcfg & UINT32_MAX) | value << 32);
}

static void senvcfg_write(RiscvCPU *r, const Csr *c, uint64_t value)
{
    r->s.senvcfg = cbie_legal(value, r->s.senvcfg) & cbo_envcfg_bits(r);
}

/* mstateen0: SE0 and ENVCFG have something to control here; mstateen1..3: SE alone. */
static uint64_t mstateen_mask(const Csr *c)
{
    return (c->number & 3) == 0 ? 3ull << 62 : 1ull << 63;
}

static uint64_t mstateen_read(RiscvCPU *r, const Csr *c)
{
    return r->s.mstateen[c->number & 3];
}

static void mstateen_write(RiscvCPU *r, const Csr *c, uint64_t value)
{
    if (r->xlen == 64) {
        r->s.mstateen[c->number & 3] = value & mstateen_mask(c);
    }
}

static uint64_t mstateenh_read(RiscvCPU *r, const Csr *c)
{
    return r->s.mstateen[c->number & 3] >> 32;
}

static void mstateenh_write(RiscvCPU *r, const Csr *c, uint64_t value)
{
    r->s.mstateen[c->number & 3] = value << 32 & mstateen_mask(c);
}

/* ---- physical memory protection ------------------------------------------ */

static uint64_t pmpcfg_read(RiscvCPU *r, const Csr *c)
{
    uint64_t v = 0;
    unsigned first = (c->number & 15) * 4;
    for (unsigned i = 0; i < r->xlen / 8 && first + i < RISCV_MAX_PMP; i++) {
        v |= (uint64_t)r->s.pmpcfg[first + i] << (8 * i);
    }
    return v;
}

static void pmpcfg_write(RiscvCPU *r, const Csr *c, uint64_t value)
{
    unsigned first = (c->number & 15) * 4;
    for (unsigned i = 0; i < r->xlen / 8 && first + i < RISCV_MAX_PMP; i++) {
        riscv_pmpcfg_write(r, first + i, value >> (8 * i));
    }
}

static uint64_t pmpaddr_read(RiscvCPU *r, const Csr *c)
{
    return r->s.pmpaddr[c->number - 0x3b0];
}

static void pmpaddr_write(RiscvCPU *r, const Csr *c, uint64_t value)
{
    riscv_pmpaddr_write(r, c->number - 0x3b0, value);
}

/* ---- the table ----------------------------------------------------------- */

#define F(f) .field = offsetof(RiscvCPU, f)
#define S(f) .field = offsetof(RiscvCPU, s.f)
#define ALL .mask = UINT64_MAX

/* clang-format off */
static const Csr csrs[] = {
    /* unprivileged */
    { "fflags",   0x001, .read = fflags_read, .write = fflags_write, .check = check_fp, .ext = EXT_F },
    { "frm",      0x002, .read = frm_read, .write = frm_write, .check = check_fp, .ext = EXT_F },
    { "fcsr",     0x003, .read = fcsr_read, .write = fcsr_write, .check = check_fp, .ext = EXT_F },
    { "cycle",    0xc00, .read = mcounter_read, .check = check_counter, .ext = EXT_ZICNTR },
    { "time",     0xc01, .read = time_read, .check = check_counter, .ext = EXT_ZICNTR },
    { "instret",  0xc02, .read = mcounter_read, .check = check_counter, .ext = EXT_ZICNTR },
    { "cycleh",   0xc80, .read = mcounterh_read, .check = check_counter, .ext = EXT_ZICNTR, .rv32 = true },
    { "timeh",    0xc81, .read = timeh_read, .check = check_counter, .ext = EXT_ZICNTR, .rv32 = true },
    { "instreth", 0xc82, .read = mcounterh_read, .check = check_counter, .ext = EXT_ZICNTR, .rv32 = true },
    /* supervisor */
    { "sstatus",  0x100, .read = sstatus_read, .write = sstatus_write, .ext = EXT_S },
    { "sie",      0x104, .read = sie_read, .write = sie_write, .ext = EXT_S },
    { "stvec",    0x105, S(stvec), .write = tvec_write, .ext = EXT_S },
    { "scounteren", 0x106, S(scounteren), .mask = UINT32_MAX, .ext = EXT_S },
    { "senvcfg",  0x10a, S(senvcfg), .write = senvcfg_write, .check = check_senvcfg, .ext = EXT_S },
    { "sstateen0", 0x10c, .read = read_zero, .write = write_ignored, .check = check_sstateen, .ext = EXT_SMSTATEEN },
    { "sstateen1", 0x10d, .read = read_zero, .write = write_ignored, .check = check_sstateen, .ext = EXT_SMSTATEEN },
    { "sstateen2", 0x10e, .read = read_zero, .write = write_ignored, .check = check_sstateen, .ext = EXT_SMSTATEEN },
    { "sstateen3", 0x10f, .read = read_zero, .write = write_ignored, .check = check_sstateen, .ext = EXT_SMSTATEEN },
    { "sscratch", 0x140, S(sscratch), ALL, .ext = EXT_S },
    { "sepc",     0x141, S(sepc), .mask = ~1ull, .read = epc_read, .ext = EXT_S },
    { "scause",   0x142, S(scause), ALL, .ext = EXT_S },
    { "stval",    0x143, S(stval), ALL, .ext = EXT_S },
    { "sip",      0x144, .read = sip_read, .write = sip_write, .ext = EXT_S },
    { "stimecmp", 0x14d, S(stimecmp), .write = stimecmp_write, .check = check_stimecmp, .ext = EXT_SSTC },
    { "stimecmph", 0x15d, .read = stimecmph_read, .write = stimecmph_write, .check = check_stimecmp, .ext = EXT_SSTC, .rv32 = true },
    { "satp",     0x180, S(satp), .write = satp_write, .check = check_satp, .ext = EXT_S },
    /* machine: information */
    { "mvendorid", 0xf11, F(mvendorid) },
    { "marchid",  0xf12, F(marchid) },
    { "mimpid",   0xf13, F(mimpid) },
    { "mhartid",  0xf14, F(mhartid) },
    { "mconfigptr", 0xf15, .read = read_zero },
    /* machine: trap setup and handling */
    { "mstatus",  0x300, .read = mstatus_read, .write = mstatus_write },
    { "misa",     0x301, .read = misa_read, .write = write_ignored },
    { "medeleg",  0x302, S(medeleg), .mask = 0xb3ff, .ext = EXT_S },
    { "mideleg",  0x303, S(mideleg), .write = mideleg_write, .ext = EXT_S },
    { "mie",      0x304, S(mie), .write = mie_write },
    { "mtvec",    0x305, S(mtvec), .write = tvec_write },
    { "mcounteren", 0x306, S(mcounteren), .mask = UINT32_MAX, .ext = EXT_U },
    { "menvcfg",  0x30a, S(menvcfg), .write = menvcfg_write, .ext = EXT_U },
    { "mstateen0", 0x30c, .read = mstateen_read, .write = mstateen_write, .ext = EXT_SMSTATEEN },
    { "mstateen1", 0x30d, .read = mstateen_read, .write = mstateen_write, .ext = EXT_SMSTATEEN },
    { "mstateen2", 0x30e, .read = mstateen_read, .write = mstateen_write, .ext = EXT_SMSTATEEN },
    { "mstateen3", 0x30f, .read = mstateen_read, .write = mstateen_write, .ext = EXT_SMSTATEEN },
    { "mstatush", 0x310, .read = mstatush_read, .write = write_ignored, .rv32 = true },
    { "medelegh", 0x312, .read = read_zero, .write = write_ignored, .ext = EXT_S, .rv32 = true },
    { "menvcfgh", 0x31a, .read = menvcfgh_read, .write = menvcfgh_write, .ext = EXT_U, .rv32 = true },
    { "mstateen0h", 0x31c, .read = mstateenh_read, .write = mstateenh_write, .ext = EXT_SMSTATEEN, .rv32 = true },
    { "mstateen1h", 0x31d, .read = mstateenh_read, .write = mstateenh_write, .ext = EXT_SMSTATEEN, .rv32 = true },
    { "mstateen2h", 0x31e, .read = mstateenh_read, .write = mstateenh_write, .ext = EXT_SMSTATEEN, .rv32 = true },
    { "mstateen3h", 0x31f, .read = mstateenh_read, .write = mstateenh_write, .ext = EXT_SMSTATEEN, .rv32 = true },
    { "mcountinhibit", 0x320, S(mcountinhibit), .write = mcountinhibit_write },
    { "mscratch", 0x340, S(mscratch), ALL },
    { "mepc",     0x341, S(mepc), .mask = ~1ull, .read = epc_read },
    { "mcause",   0x342, S(mcause), ALL },
    { "mtval",    0x343, S(mtval), ALL },
    { "mip",      0x344, .read = mip_read, .write = mip_write },
    /* machine: counters */
    { "mcycle",   0xb00, .read = mcounter_read, .write = mcounter_write },
    { "minstret", 0xb02, .read = mcounter_read, .write = mcounter_write },
    { "mcycleh",  0xb80, .read = mcounterh_read, .write = mcounterh_write, .rv32 = true },
    { "minstreth", 0xb82, .read = mcounterh_read, .write = mcounterh_write, .rv32 = true },
};
/* clang-format on */

/* Runs of registers that differ by number alone. */
typedef struct CsrRun {
    uint16_t first, last;
    Csr row;
} CsrRun;
static const CsrRun csr_runs[] = {
    { 0x323, 0x33f, { "mhpmevent", .read = read_zero, .write = write_ignored } },
    { 0x3a0,
      0x3a3,
      { "pmpcfg", .read = pmpcfg_read, .write = pmpcfg_write, .check = check_pmpcfg, .ext = EXT_PMP } },
    { 0x3b0, 0x3bf, { "pmpaddr", .read = pmpaddr_read, .write = pmpaddr_write, .ext = EXT_PMP } },
    { 0xb03, 0xb1f, { "mhpmcounter", .read = read_zero, .write = write_ignored } },
    { 0xb83, 0xb9f, { "mhpmcounterh", .read = read_zero, .write = write_ignored, .rv32 = true } },
    { 0xc03, 0xc1f, { "hpmcounter", .read = read_zero, .check = check_counter, .ext = EXT_ZIHPM } },
    { 0xc83,
      0xc9f,
      { "hpmcounterh", .read = read_zero, .check = check_counter, .ext = EXT_ZIHPM, .rv32 = true } },
};

/* Row of each CSR number, plus 1; made once. */
static uint8_t csr_index[4096];

static void csr_index_make(void)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(csrs); i++) {
        csr_index[csrs[i].number] = i + 1;
    }
}

static bool csr_find(unsigned number, Csr *out)
{
    static gsize made;
    if (g_once_init_enter(&made)) {
        csr_index_make();
        g_once_init_leave(&made, 1);
    }
    unsigned row = csr_index[number & 0xfff];
    if (row) {
        *out = csrs[row - 1];
        return true;
    }
    for (unsigned i = 0; i < G_N_ELEMENTS(csr_runs); i++) {
        if (number >= csr_runs[i].first && number <= csr_runs[i].last) {
            *out = csr_runs[i].row;
            out->number = number;
            return true;
        }
    }
    return false;
}

static bool csr_exists(const RiscvCPU *r, const Csr *c)
{
    return riscv_has(r, c->ext) && (!c->rv32 || r->xlen == 32);
}

static uint64_t csr_read_row(RiscvCPU *r, const Csr *c)
{
    uint64_t v = c->read ? c->read(r, c) : *csr_field(r, c);
    return r->xlen == 32 ? (uint64_t)(int32_t)v : v;
}

static void csr_write_row(RiscvCPU *r, const Csr *c, uint64_t value)
{
    if (r->xlen == 32) {
        value = (uint32_t)value;
    }
    if (c->write) {
        c->write(r, c, value);
    } else {
        uint64_t *f = csr_field(r, c);
        *f = (*f & ~c->mask) | (value & c->mask);
    }
}

bool riscv_csr_access(RiscvCPU *r, unsigned number, CsrOp op, bool read, bool write, uint64_t operand,
                      uint64_t *old)
{
    enum { CSR_MIP = 0x344, READ_ONLY = 3 };
    Csr c;
    if (!csr_find(number, &c) || !csr_exists(r, &c) || r->s.priv < (number >> 8 & 3) ||
        (write && number >> 10 == READ_ONLY) || (c.check && !c.check(r, &c))) {
        return false;
    }
    uint64_t value = 0;
    if (read || op != CSR_WRITE) {
        value = csr_read_row(r, &c);
    }
    *old = value;
    if (write) {
        if (number == CSR_MIP && op != CSR_WRITE) {
            value = mip_read_for_modify(r);
        }
        value = op == CSR_WRITE ? operand : op == CSR_SET ? value | operand : value & ~operand;
        csr_write_row(r, &c, value);
    }
    return true;
}

uint64_t riscv_csr_peek(RiscvCPU *r, unsigned number)
{
    Csr c;
    uint64_t counter_pc = r->s.counter_pc;
    uint32_t counter_unread = r->s.counter_unread;
    uint64_t v = csr_find(number, &c) && csr_exists(r, &c) ? csr_read_row(r, &c) : 0;
    r->s.counter_pc = counter_pc; /* nothing was read */
    r->s.counter_unread = counter_unread;
    return v;
}

bool riscv_csr_poke(RiscvCPU *r, unsigned number, uint64_t value)
{
    enum { READ_ONLY = 3 };
    Csr c;
    if (!csr_find(number, &c) || !csr_exists(r, &c) || number >> 10 == READ_ONLY) {
        return false;
    }
    csr_write_row(r, &c, value);
    r->s.counter_pc = r->s.pc; /* there was no instruction: the next one is here */
    return true;
}

bool riscv_csr_exists(const RiscvCPU *r, unsigned number)
{
    Csr c;
    return csr_find(number, &c) && csr_exists(r, &c);
}

const char *riscv_csr_name(unsigned number)
{
    Csr c;
    static char *run_names[4096];
    if (!csr_find(number, &c)) {
        return NULL;
    }
    if (csr_index[number]) {
        return c.name;
    }
    if (!run_names[number]) { /* "pmpaddr3": the runs count from their specification's numbers */
        unsigned base = number >= 0x3a0 && number < 0x3c0 ? number & 15 : number & 31;
        size_t letters = strlen(c.name);
        bool high = c.name[letters - 1] == 'h' && number >= 0xb83;
        run_names[number] = g_strdup_printf("%.*s%u%s", (int)(letters - high), c.name, base, high ? "h" : "");
    }
    return run_names[number];
}
