/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Model-specific registers: one table, a row each (msr.h says what a row may have).
 * Spec: SDM volume 4; volume 3, "Memory Cache Control" for MTRR and PAT, "Local APIC Status and Location"; AMD APM volume 2,
 * appendix A; numbers from devices/numbers/x86-msr.
 *
 * Not modelled: what MTRR and PAT say of caching (RAM is coherent); banks of machine checks (there are none);
 * performance counters. */
#include "target/i386/msr.h"

#include <inttypes.h>

#include "base/log.h"
#include "target/i386/apic.h"
#include "target/i386/cr.h"
#include "target/i386/lbr.h"
#include "target/i386/mmu.h"
#include "target/vcpu.h"

/* ---- rules ------------------------------------------------------------------- */

static bool is_memory_type(uint8_t type) /* UC, WC, WT, WP, WB */
{
    return type <= 6 && type != 2 && type != 3;
}

/* Eight types; PAT has UC- (7), too. */
static bool legal_fixed(const X86CPU *x, uint64_t value)
{
    for (unsigned i = 0; i < 8; i++) {
        if (!is_memory_type(value >> 8 * i)) {
            return false;
        }
    }
    return true;
}

static bool legal_pat(const X86CPU *x, uint64_t value)
{
    for (unsigned i = 0; i < 8; i++) {
        uint8_t type = value >> 8 * i;
        if (type != 7 && !is_memory_type(type)) {
            return false;
        }
    }
    return true;
}

static bool legal_def_type(const X86CPU *x, uint64_t value)
{
    return is_memory_type(value);
}

static uint64_t beyond_phys(const X86CPU *x)
{
    return -(1ull << x->phys_bits);
}

static bool legal_mtrr_base(const X86CPU *x, uint64_t value)
{
    return is_memory_type(value) && !(value & beyond_phys(x));
}

static bool legal_mtrr_mask(const X86CPU *x, uint64_t value)
{
    return !(value & beyond_phys(x));
}

/* Off, xAPIC, x2APIC: from off to x2APIC and from x2APIC to xAPIC there is no way. */
static bool legal_apic_base(const X86CPU *x, uint64_t value)
{
    enum { X2APIC = X86_APIC_X2APIC, ENABLED = X86_APIC_ENABLED, BOTH = X2APIC | ENABLED };
    unsigned from = x->s.msr.apic_base & BOTH, to = value & BOTH;
    if (value & beyond_phys(x) || to == X2APIC || ((to & X2APIC) && !x86_has(x, X86_X2APIC))) {
        return false;
    }
    return !(from == 0 && to == BOTH) && !(from == BOTH && to == ENABLED);
}

static bool legal_xss(const X86CPU *x, uint64_t value)
{
    return value == 0; /* no supervisor state is there */
}

/* ---- functions ------------------------------------------------------------------ */

static uint64_t *field_of(X86CPU *x, const X86Msr *m)
{
    return (uint64_t *)((char *)x + m->offset);
}

static bool write_apic_base(X86CPU *x, const X86Msr *m, uint64_t value, X86Fault *f)
{
    if (value & ~m->mask || !legal_apic_base(x, value)) {
        return x86_fault(f, X86_EXC_GP, 0);
    }
    x->s.msr.apic_base = value;
    x86_apic_base_changed(x);
    return true;
}

/* One that has passed is over, though nobody hears of it: the timer may be masked. */
static uint64_t read_deadline(X86CPU *x, const X86Msr *m)
{
    x86_apic_deadline_changed(x);
    return x86_deadline(&x->cpu);
}

static bool write_deadline(X86CPU *x, const X86Msr *m, uint64_t value, X86Fault *f)
{
    __atomic_store_n(&x->s.msr.tsc_deadline, value, __ATOMIC_RELEASE);
    x86_apic_deadline_written(x);
    return true;
}

static uint64_t read_tsc(X86CPU *x, const X86Msr *m)
{
    return x86_tsc(x);
}

static bool write_tsc(X86CPU *x, const X86Msr *m, uint64_t value, X86Fault *f)
{
    x86_tsc_write(x, value);
    return true;
}

static bool write_debugctl(X86CPU *x, const X86Msr *m, uint64_t value, X86Fault *f)
{
    if (value & ~m->mask) {
        return x86_fault(f, X86_EXC_GP, 0);
    }
    x->s.msr.debugctl = value;
    cpu_mmu_changed(&x->cpu); /* that branches are recorded is of the mode */
    return true;
}

static bool write_tsc_adjust(X86CPU *x, const X86Msr *m, uint64_t value, X86Fault *f)
{
    x86_tsc_adjust_write(x, value);
    return true;
}

static bool write_efer(X86CPU *x, const X86Msr *m, uint64_t value, X86Fault *f)
{
    return x86_write_efer(x, value, f);
}

static uint64_t read_arch_capabilities(X86CPU *x, const X86Msr *m)
{
    return x->feature[WORD_ARCH_CAP];
}

enum { SPEC_BHI_DIS = 1 << 10 };

static bool legal_spec_ctrl(const X86CPU *x, uint64_t value)
{
    return !(value & SPEC_BHI_DIS) || x86_has(x, X86_BHI_CTRL);
}

static bool write_nothing(X86CPU *x, const X86Msr *m, uint64_t value, X86Fault *f)
{
    return true;
}

/* What software sets to what it is already: a change is refused. */
static bool write_same(X86CPU *x, const X86Msr *m, uint64_t value, X86Fault *f)
{
    return value == m->value || x86_fault(f, X86_EXC_GP, 0);
}

/* A barrier of predictions that are not there: its one bit may be written, and nothing read. */
static bool write_barrier(X86CPU *x, const X86Msr *m, uint64_t value, X86Fault *f)
{
    return !(value & ~1ull) || x86_fault(f, X86_EXC_GP, 0);
}

/* ---- the table -------------------------------------------------------------------- */

#define FIELD(f) offsetof(X86CPU, s.f)
#define M(f) FIELD(msr.f)
#define ALL UINT64_MAX
#define LOW32 UINT32_MAX
#define ALWAYS X86_NO_FEATURE

/* Fast strings, thermal control, counters, branch and event records, SpeedStep, MONITOR, CPUID limit, xTPR, execute disable. */
#define MISC_ENABLE 0x400c51889

/* clang-format off */
static const X86Msr msrs[] = {
    { 0x010, "tsc", 0, ALL, X86_TSC, .read = read_tsc, .write = write_tsc },
    { 0x017, "platform_id", 0, 0, ALWAYS },
    { 0x01b, "apic_base", M(apic_base), ~0x2ffull & ALL, X86_APIC, .write = write_apic_base },
    { 0x03b, "tsc_adjust", M(tsc_adjust), ALL, X86_TSC_ADJUST, .write = write_tsc_adjust },
    { 0x048, "spec_ctrl", M(spec_ctrl), 7 | SPEC_BHI_DIS, X86_SPEC_CTRL, .legal = legal_spec_ctrl },
    { 0x049, "pred_cmd", 0, 0, X86_SPEC_CTRL, .write = write_barrier },
    { 0x08b, "bios_sign_id", 0, 0, ALWAYS, .value = 1ull << 32, .write = write_nothing },
    { 0x0fe, "mtrrcap", 0, 0, X86_MTRR, .value = X86_MTRR_VARIABLE | 1 << 8 | 1 << 10 },
    { 0x10a, "arch_capabilities", 0, 0, X86_ARCH_CAPABILITIES, .read = read_arch_capabilities },
    { 0x174, "sysenter_cs", M(sysenter_cs), ALL, X86_SEP },
    { 0x175, "sysenter_esp", M(sysenter_esp), ALL, X86_SEP, .canonical = true },
    { 0x176, "sysenter_eip", M(sysenter_eip), ALL, X86_SEP, .canonical = true },
    { 0x179, "mcg_cap", 0, 0, X86_MCA },
    { 0x17a, "mcg_status", M(mcg_status), 7, X86_MCA },
    { 0x1a0, "misc_enable", M(misc_enable), MISC_ENABLE, ALWAYS },
    { 0x1d9, "debugctl", M(debugctl), DEBUGCTL_LBR | DEBUGCTL_BTF, X86_MSR, .write = write_debugctl },
    { 0x277, "pat", M(pat), ALL, X86_PAT, .legal = legal_pat },
    { 0x2ff, "mtrr_def_type", M(mtrr_def_type), 0xcff, X86_MTRR, .legal = legal_def_type },
    { 0x6e0, "tsc_deadline", M(tsc_deadline), ALL, X86_TSC_DEADLINE, .read = read_deadline, .write = write_deadline },
    { 0xda0, "xss", M(xss), ALL, X86_XSAVES, .legal = legal_xss },
    { 0x011, "kvm_wall_clock", FIELD(pvclock_wall), 0, X86_KVM_CLOCK, .write = x86_pvclock_write_wall },
    { 0x012, "kvm_system_time", FIELD(pvclock_time), 0, X86_KVM_CLOCK, .write = x86_pvclock_write_time },
    { 0x4b564d00, "kvm_wall_clock_new", FIELD(pvclock_wall), 0, X86_KVM_CLOCK, .write = x86_pvclock_write_wall },
    { 0x4b564d01, "kvm_system_time_new", FIELD(pvclock_time), 0, X86_KVM_CLOCK, .write = x86_pvclock_write_time },
    { 0xc0000080, "efer", FIELD(efer), ALL, ALWAYS, .write = write_efer },
    { 0xc0000081, "star", M(star), ALL, X86_SYSCALL },
    { 0xc0000082, "lstar", M(lstar), ALL, X86_LM, .canonical = true },
    { 0xc0000083, "cstar", M(cstar), ALL, X86_LM, .canonical = true },
    { 0xc0000084, "fmask", M(fmask), LOW32, X86_LM },
    { 0xc0000100, "fs_base", FIELD(seg[SEG_FS].base), ALL, X86_LM, .canonical = true },
    { 0xc0000101, "gs_base", FIELD(seg[SEG_GS].base), ALL, X86_LM, .canonical = true },
    { 0xc0000102, "kernel_gs_base", M(kernel_gs_base), ALL, X86_LM, .canonical = true },
    { 0xc0000103, "tsc_aux", M(tsc_aux), LOW32, X86_RDTSCP },
    /* of AMD's: no memory is encrypted, the TSC counts at P0's rate, LFENCE waits for what is before it */
    { 0xc0010010, "syscfg", 0, 0, ALWAYS, .amd = true, .value = 0, .write = write_same },
    { 0xc0010015, "hwcr", 0, 0, ALWAYS, .amd = true, .value = 1 << 24, .write = write_same },
    { 0xc0011029, "de_cfg", 0, 0, ALWAYS, .amd = true, .value = 1 << 1, .write = write_same },
};

/* Fixed-range MTRRs, in the order of mtrr_fixed. */
static const uint16_t fixed_numbers[X86_MTRR_FIXED] = { 0x250, 0x258, 0x259, 0x268, 0x269, 0x26a, 0x26b, 0x26c, 0x26d, 0x26e, 0x26f };
/* clang-format on */
enum { MTRR_BASE0 = 0x200 }; /* base and mask in turn */

/* Registers that differ by number alone. */
static bool msr_of_run(uint32_t number, X86Msr *m)
{
    for (unsigned i = 0; i < X86_MTRR_FIXED; i++) {
        if (fixed_numbers[i] == number) {
            *m = (X86Msr){
                number, "mtrr_fixed", M(mtrr_fixed[0]) + 8 * i, ALL, X86_MTRR, .legal = legal_fixed
            };
            return true;
        }
    }
    unsigned n = number - MTRR_BASE0;
    if (n >= 2 * X86_MTRR_VARIABLE) {
        return false;
    }
    if (n % 2 == 0) {
        *m = (X86Msr){ number,    "mtrr_base", M(mtrr_base[0]) + 8 * (n / 2),
                       ~0xf00ull, X86_MTRR,    .legal = legal_mtrr_base };
    } else {
        *m = (X86Msr){ number,    "mtrr_mask", M(mtrr_mask[0]) + 8 * (n / 2),
                       ~0x7ffull, X86_MTRR,    .legal = legal_mtrr_mask };
    }
    return true;
}

bool x86_msr_field(unsigned n, X86Msr *m)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(msrs); i++) {
        if (msrs[i].offset && n-- == 0) {
            *m = msrs[i];
            return true;
        }
    }
    if (n < X86_MTRR_FIXED) {
        return msr_of_run(fixed_numbers[n], m);
    }
    n -= X86_MTRR_FIXED;
    return n < 2 * X86_MTRR_VARIABLE && msr_of_run(MTRR_BASE0 + n, m);
}

static bool msr_find(const X86CPU *x, uint32_t number, X86Msr *m)
{
    bool found = msr_of_run(number, m);
    for (unsigned i = 0; !found && i < G_N_ELEMENTS(msrs); i++) {
        if (msrs[i].number == number) {
            *m = msrs[i];
            found = true;
        }
    }
    return found && (m->needs == X86_NO_FEATURE || x86_has(x, m->needs)) &&
           (!m->amd || x->vendor == VENDOR_AMD);
}

/* ---- accesses ------------------------------------------------------------------------ */

static bool unknown(const X86CPU *x, const char *what, uint32_t number, uint64_t value, X86Fault *f)
{
    if (log_enabled(LOG_GUEST_ERROR)) {
        log_write("i386: CPU %u: %s of MSR 0x%x, which this model does not have (0x%" PRIx64 ")\n",
                  x->cpu.index, what, number, value);
    }
    return x->ignore_msrs || x86_fault(f, X86_EXC_GP, 0);
}

static bool is_of_x2apic(uint32_t number)
{
    return number >= X86_MSR_X2APIC && number < X86_MSR_X2APIC_END;
}

bool x86_rdmsr(X86CPU *x, uint32_t number, uint64_t *value, X86Fault *f)
{
    X86Msr m;
    *value = 0;
    if (is_of_x2apic(number) && x86_has(x, X86_X2APIC)) {
        return x86_apic_msr_read(x, number, value) || x86_fault(f, X86_EXC_GP, 0);
    }
    if (x86_lbr_msr_read(x, number, value)) {
        return true;
    }
    if (!msr_find(x, number, &m) || (m.write == write_barrier)) {
        return unknown(x, "read", number, 0, f);
    }
    *value = m.read ? m.read(x, &m) : m.offset ? *field_of(x, &m) : m.value;
    return true;
}

bool x86_wrmsr(X86CPU *x, uint32_t number, uint64_t value, X86Fault *f)
{
    X86Msr m;
    if (is_of_x2apic(number) && x86_has(x, X86_X2APIC)) {
        return x86_apic_msr_write(x, number, value) || x86_fault(f, X86_EXC_GP, 0);
    }
    if (x86_lbr_has_msr(x, number)) {
        return x86_lbr_msr_write(x, number, value) || x86_fault(f, X86_EXC_GP, 0);
    }
    if (!msr_find(x, number, &m)) {
        return unknown(x, "write", number, value, f);
    }
    if (m.write) {
        return m.write(x, &m, value, f);
    }
    if (!m.offset || value & ~m.mask || (m.canonical && !x86_canonical_64(x, value)) ||
        (m.legal && !m.legal(x, value))) {
        return x86_fault(f, X86_EXC_GP, 0);
    }
    *field_of(x, &m) = value;
    return true;
}
