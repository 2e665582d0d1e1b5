/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Control registers: what may be written, what follows of it for mode, paging and translations.
 * Spec: SDM volume 3, "Control Registers", "Extended Control Registers", "Enabling and Disabling IA-32e mode" in "Initializing
 * IA-32e Mode", "Invalidation of TLBs and Paging-Structure Caches"; volume 2, MOV to control registers, LMSW, XSETBV, INVPCID.
 *
 * Not modelled: CR0.CD and NW change nothing (RAM is coherent). */
#include "target/i386/cr.h"

#include "target/i386/apic.h"
#include "target/i386/mmu.h"
#include "target/i386/seg.h"
#include "target/vcpu.h"

static bool refuse(X86Fault *f)
{
    return x86_fault(f, X86_EXC_GP, 0);
}

/* ---- CR0 ------------------------------------------------------------------ */

enum { CR0_BITS_LOW = CR0_PE | CR0_MP | CR0_EM | CR0_TS | CR0_ET | CR0_NE | CR0_WP | CR0_AM };
#define CR0_BITS (CR0_BITS_LOW | CR0_NW | CR0_CD | CR0_PG)

/* Paging goes on with EFER.LME set: is long mode's ground laid? */
static bool may_enter_long_mode(const X86CPU *x)
{
    bool tss16 = (x->s.tr.attr & ATTR_TYPE) == TYPE_TSS16_BUSY;
    return (x->s.cr4 & CR4_PAE) && !(x->s.seg[SEG_CS].attr & ATTR_L) && !tss16;
}

static bool cr0_is_legal(const X86CPU *x, uint64_t value)
{
    bool paging = value & CR0_PG, on = paging && !(x->s.cr0 & CR0_PG);
    if (value >> 32 || (paging && !(value & CR0_PE)) || ((value & CR0_NW) && !(value & CR0_CD))) {
        return false;
    }
    if (!paging && (x->s.cr0 & CR0_PG) && (x86_64bit(x) || (x->s.cr4 & CR4_PCIDE))) {
        return false;
    }
    return !on || !(x->s.efer & EFER_LME) || may_enter_long_mode(x);
}

static bool uses_pae(const X86CPU *x, uint64_t cr0, uint64_t cr4)
{
    return (cr0 & CR0_PG) && (cr4 & CR4_PAE) && !(x->s.efer & EFER_LME);
}

bool x86_write_cr0(X86CPU *x, uint64_t value, X86Fault *f)
{
    if (!cr0_is_legal(x, value)) {
        return refuse(f);
    }
    value = (value & CR0_BITS) | CR0_ET;
    uint64_t changed = x->s.cr0 ^ value;
    if ((changed & (CR0_PG | CR0_CD | CR0_NW)) && uses_pae(x, value, x->s.cr4) &&
        !x86_load_pdptes(x, x->s.cr3, f)) {
        return false;
    }
    x->s.cr0 = value;
    if (changed & CR0_PG) {
        x->s.efer &= ~EFER_LMA;
        x->s.efer |= (value & CR0_PG) && (x->s.efer & EFER_LME) ? EFER_LMA : 0;
    }
    if (changed & (CR0_PG | CR0_PE)) {
        cpu_flush_all(&x->cpu);
    }
    for (unsigned i = 0; changed & CR0_PE && i < X86_SEGS; i++) {
        x86_bounds_update(x, i); /* code may be written in real mode */
    }
    cpu_mmu_changed(&x->cpu); /* WP, TS, EM, AM are of contexts */
    return true;
}

bool x86_lmsw(X86CPU *x, uint16_t value, X86Fault *f)
{
    enum { MSW = CR0_PE | CR0_MP | CR0_EM | CR0_TS };
    return x86_write_cr0(x, (x->s.cr0 & ~(uint64_t)(MSW & ~CR0_PE)) | (value & MSW), f);
}

void x86_clts(X86CPU *x)
{
    x->s.cr0 &= ~CR0_TS;
    cpu_mmu_changed(&x->cpu);
}

/* ---- CR3 ------------------------------------------------------------------ */

/* Without PCIDs it is enough to forget what was known of this space when it was left: the others are forgotten when they
 * come back. */
static void cr3_set(X86CPU *x, uint64_t value, bool keep)
{
    CpuContextKey key;
    x->s.cr3 = value;
    x86_context_key(&x->cpu, &key);
    if (!(x->s.cr4 & CR4_PCIDE)) {
        cpu_flush_space(&x->cpu, key.space);
    } else if (!keep) {
        cpu_flush_asid(&x->cpu, x86_space_asid(key.space));
    }
    cpu_mmu_changed(&x->cpu);
}

bool x86_write_cr3(X86CPU *x, uint64_t value, X86Fault *f)
{
    bool keep = (x->s.cr4 & CR4_PCIDE) && (value & CR3_KEEP);
    value &= keep ? ~CR3_KEEP : UINT64_MAX;
    if (!x86_long_mode(x)) {
        value = (uint32_t)value;
    } else if (value >> x->phys_bits) {
        return refuse(f);
    }
    if (uses_pae(x, x->s.cr0, x->s.cr4) && !x86_load_pdptes(x, value, f)) {
        return false;
    }
    cr3_set(x, value, keep);
    return true;
}

bool x86_task_cr3(X86CPU *x, uint32_t cr3, X86Fault *f)
{
    if (uses_pae(x, x->s.cr0, x->s.cr4) && !x86_load_pdptes(x, cr3, f)) {
        return false;
    }
    cr3_set(x, cr3, false);
    return true;
}

/* ---- CR4 ------------------------------------------------------------------ */

uint64_t x86_cr4_bits(const X86CPU *x)
{
    static const struct {
        uint32_t bits;
        X86Feature needs;
    } rows[] = {
        { CR4_VME | CR4_PVI, X86_VME }, { CR4_TSD, X86_TSC },           { CR4_DE, X86_DE_EXT },
        { CR4_PSE, X86_PSE },           { CR4_PAE, X86_PAE },           { CR4_MCE, X86_MCE },
        { CR4_PGE, X86_PGE },           { CR4_PCE, X86_MMX }, /* RDPMC came with MMX */
        { CR4_OSFXSR, X86_FXSR },       { CR4_OSXMMEXCPT, X86_SSE },    { CR4_UMIP, X86_UMIP },
        { CR4_LA57, X86_LA57 },         { CR4_FSGSBASE, X86_FSGSBASE }, { CR4_PCIDE, X86_PCID },
        { CR4_OSXSAVE, X86_XSAVE },     { CR4_SMEP, X86_SMEP },         { CR4_SMAP, X86_SMAP },
        { CR4_PKE, X86_PKU },
    };
    uint64_t bits = 0;
    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        bits |= x86_has(x, rows[i].needs) ? rows[i].bits : 0;
    }
    return bits;
}

static bool cr4_is_legal(const X86CPU *x, uint64_t value)
{
    uint64_t changed = x->s.cr4 ^ value;
    if (value & ~x86_cr4_bits(x)) {
        return false;
    }
    if (x86_long_mode(x) && (!(value & CR4_PAE) || (changed & CR4_LA57))) {
        return false;
    }
    bool pcid_on = changed & value & CR4_PCIDE;
    return !pcid_on || (x86_long_mode(x) && !(x->s.cr3 & CR3_PCID));
}

bool x86_write_cr4(X86CPU *x, uint64_t value, X86Fault *f)
{
    enum {
        RELOAD = CR4_PGE | CR4_PSE | CR4_PAE | CR4_SMEP, /* of PDPTEs */
        FLUSH = CR4_PGE | CR4_PSE | CR4_PAE | CR4_PCIDE | CR4_LA57 | CR4_SMEP | CR4_PKE,
    };
    if (!cr4_is_legal(x, value)) {
        return refuse(f);
    }
    uint64_t changed = x->s.cr4 ^ value;
    if ((changed & RELOAD) && uses_pae(x, x->s.cr0, value) && !x86_load_pdptes(x, x->s.cr3, f)) {
        return false;
    }
    x->s.cr4 = value;
    if (changed & FLUSH) {
        cpu_flush_all(&x->cpu);
    }
    cpu_mmu_changed(&x->cpu);
    return true;
}

/* ---- CR8, EFER, XCR0, PKRU -------------------------------------------------- */

bool x86_write_cr8(X86CPU *x, uint64_t value, X86Fault *f)
{
    if (value > 15) {
        return refuse(f);
    }
    x->s.cr8 = value;
    x86_apic_cr8_written(x);
    return true;
}

uint64_t x86_efer_bits(const X86CPU *x)
{
    return EFER_LMA | (x86_has(x, X86_SYSCALL) ? EFER_SCE : 0) | (x86_has(x, X86_LM) ? EFER_LME : 0) |
           (x86_has(x, X86_NX) ? EFER_NXE : 0) | (x86_has(x, X86_FXSR_OPT) ? EFER_FFXSR : 0);
}

bool x86_write_efer(X86CPU *x, uint64_t value, X86Fault *f)
{
    bool lme_changes = (value ^ x->s.efer) & EFER_LME;
    if (value & ~x86_efer_bits(x) || (lme_changes && (x->s.cr0 & CR0_PG))) {
        return refuse(f);
    }
    bool nx_changes = (value ^ x->s.efer) & EFER_NXE;
    x->s.efer = (value & ~EFER_LMA) | (x->s.efer & EFER_LMA);
    if (nx_changes) {
        cpu_flush_all(&x->cpu);
    }
    cpu_mmu_changed(&x->cpu);
    return true;
}

enum { XCR0_X87 = 1, XCR0_SSE = 2, XCR0_AVX = 4, XCR0_PKRU = 1 << 9 };

uint64_t x86_xcr0_bits(const X86CPU *x)
{
    return XCR0_X87 | XCR0_SSE | (x86_has(x, X86_AVX) ? XCR0_AVX : 0) | (x86_has(x, X86_PKU) ? XCR0_PKRU : 0);
}

bool x86_write_xcr0(X86CPU *x, uint64_t value, X86Fault *f)
{
    bool avx_alone = (value & XCR0_AVX) && !(value & XCR0_SSE);
    if (value & ~x86_xcr0_bits(x) || !(value & XCR0_X87) || avx_alone) {
        return refuse(f);
    }
    x->s.xcr0 = value;
    cpu_mmu_changed(&x->cpu);
    return true;
}

/* Its rights are in translations, and not in the key of contexts. */
void x86_write_pkru(X86CPU *x, uint32_t value)
{
    bool counts = (x->s.cr4 & CR4_PKE) && value != x->s.pkru;
    x->s.pkru = value;
    if (counts) {
        cpu_flush_all(&x->cpu);
    }
}

/* ---- invalidations ---------------------------------------------------------- */

void x86_invlpg(X86CPU *x, uint64_t linear)
{
    if (x86_canonical(x, linear)) { /* else it does nothing */
        cpu_flush_page(&x->cpu, x86_long_mode(x) ? linear : (uint32_t)linear);
    }
}

bool x86_invpcid(X86CPU *x, uint64_t type, uint64_t pcid, uint64_t linear, X86Fault *f)
{
    enum { ADDRESS, CONTEXT, ALL, ALL_BUT_GLOBAL };
    bool takes_pcid = type == ADDRESS || type == CONTEXT, pcid_off = !(x->s.cr4 & CR4_PCIDE);
    if (type > ALL_BUT_GLOBAL || pcid >> 12 || (takes_pcid && pcid && pcid_off) ||
        (type == ADDRESS && !x86_canonical(x, linear))) {
        return refuse(f);
    }
    switch (type) {
    case ADDRESS: cpu_flush_page_asid(&x->cpu, linear, pcid); break;
    case CONTEXT: cpu_flush_asid(&x->cpu, pcid); break;
    default: cpu_flush_all(&x->cpu); break; /* global ones, too: more than asked for is allowed */
    }
    return true;
}
