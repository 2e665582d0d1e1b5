/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What CPUID answers: the model's features, and what describes the machine: topology, caches, clocks, the sizes of XSAVE areas.
 * Source: x86-cpuid-db (kcpuid) for leaves and fields; SDM volume 1, "XSAVE-Managed Features"; KVM's x86-cpuid.rst for
 * leaves from 40000000h on.
 *
 * The rates of clocks are told everywhere, so that no kernel measures them: an emulated processor on a busy host is measured
 * wrongly.  The crystal's clock, which the local APIC's timer counts, is the TSC's.
 *
 * Not modelled: leaves of performance counters, thermal sensors, cache partitioning. */
#include "target/i386/cr.h"

#include <string.h>

/* ---- sizes of XSAVE areas ----------------------------------------------------- */

enum { STATE_AVX = 2, STATE_PKRU = 9, XSAVE_LEGACY = 512 + 64 };
typedef struct XState {
    uint8_t bit;
    uint16_t bytes, offset; /* in the standard form */
} XState;
static const XState xstates[] = { { STATE_AVX, 256, 576 }, { STATE_PKRU, 8, 2688 } };

uint32_t x86_xsave_bytes(uint64_t states, bool compacted)
{
    uint32_t bytes = XSAVE_LEGACY;
    for (unsigned i = 0; i < G_N_ELEMENTS(xstates); i++) {
        const XState *s = &xstates[i];
        if (states >> s->bit & 1) {
            bytes = compacted ? bytes + s->bytes : MAX(bytes, (uint32_t)s->offset + s->bytes);
        }
    }
    return bytes;
}

uint32_t x86_xsave_place(uint64_t state)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(xstates); i++) {
        if (state >> xstates[i].bit & 1) {
            return xstates[i].offset;
        }
    }
    return 0;
}

static X86Cpuid leaf_xsave(const X86CPU *x, uint32_t subleaf)
{
    uint64_t all = x86_xcr0_bits(x);
    if (!x86_has(x, X86_XSAVE)) {
        return (X86Cpuid){ 0 };
    }
    if (subleaf == 0) {
        return (X86Cpuid){ all, x86_xsave_bytes(x->s.xcr0, false), x86_xsave_bytes(all, false), all >> 32 };
    }
    if (subleaf == 1) {
        uint32_t how = x->feature[WORD_D_1_EAX];
        return (X86Cpuid){ .eax = how, .ebx = how & 2 ? x86_xsave_bytes(x->s.xcr0 | x->s.msr.xss, true) : 0 };
    }
    for (unsigned i = 0; i < G_N_ELEMENTS(xstates); i++) {
        if (xstates[i].bit == subleaf && (all >> subleaf & 1)) {
            return (X86Cpuid){ .eax = xstates[i].bytes, .ebx = xstates[i].offset };
        }
    }
    return (X86Cpuid){ 0 };
}

/* ---- basic leaves --------------------------------------------------------------- */

static X86Cpuid leaf_vendor(const X86CPU *x, uint32_t highest)
{
    static const char names[][13] = { [VENDOR_INTEL] = "GenuineIntel", [VENDOR_AMD] = "AuthenticAMD" };
    X86Cpuid r = { .eax = highest };
    memcpy(&r.ebx, names[x->vendor], 4);
    memcpy(&r.edx, names[x->vendor] + 4, 4);
    memcpy(&r.ecx, names[x->vendor] + 8, 4);
    return r;
}

static unsigned logical_cpus(const X86CPU *x)
{
    return MAX(x->cores, 1) * MAX(x->threads, 1);
}

static X86Cpuid leaf_features(const X86CPU *x)
{
    enum {
        CLFLUSH_64 = 8 << 8,
        APIC_ENABLED = 1 << 11,
        APIC_BIT = 1 << 9,
        OSXSAVE_BIT = 1 << 27,
        HT_BIT = 1 << 28
    };
    unsigned logical = logical_cpus(x);
    X86Cpuid r = { .eax = x->signature, .ecx = x->feature[WORD_1_ECX], .edx = x->feature[WORD_1_EDX] };
    r.ebx = (x86_has(x, X86_CLFLUSH) ? CLFLUSH_64 : 0) | MIN(logical, 255u) << 16 | (x->apic_id & 255) << 24;
    r.ecx = (r.ecx & ~OSXSAVE_BIT) | (x->s.cr4 & CR4_OSXSAVE ? OSXSAVE_BIT : 0);
    r.edx &= x->s.msr.apic_base & APIC_ENABLED ? ~0u : ~(uint32_t)APIC_BIT;
    r.edx |= logical > 1 ? HT_BIT : 0;
    return r;
}

static unsigned log2_up(unsigned n)
{
    return n <= 1 ? 0 : 32 - __builtin_clz(n - 1);
}

typedef struct Cache {
    uint8_t type, level; /* type: 1 data, 2 code, 3 both */
    uint16_t ways, sets;
    bool of_package; /* or of a core */
} Cache;
static const Cache caches[] = {
    { 1, 1, 8, 64, false }, { 2, 1, 8, 64, false }, { 3, 2, 16, 1024, false }, { 3, 3, 16, 16384, true }
};
enum { LINE = 64 };

static X86Cpuid leaf_caches(const X86CPU *x, uint32_t subleaf)
{
    if (subleaf >= G_N_ELEMENTS(caches)) {
        return (X86Cpuid){ 0 };
    }
    const Cache *c = &caches[subleaf];
    unsigned sharing = c->of_package ? logical_cpus(x) : MAX(x->threads, 1);
    enum { SELF_INITIALIZING = 1 << 8 };
    return (X86Cpuid){ .eax = c->type | c->level << 5 | SELF_INITIALIZING | (sharing - 1) << 14 |
                              (uint32_t)(MAX(x->cores, 1) - 1) << 26,
                       .ebx = (LINE - 1) | (uint32_t)(c->ways - 1) << 22,
                       .ecx = c->sets - 1 };
}

static X86Cpuid leaf_structured(const X86CPU *x, uint32_t subleaf)
{
    enum { OSPKE_BIT = 1 << 4 };
    if (subleaf == 1) {
        return (X86Cpuid){ .eax = x->feature[WORD_7_1_EAX] };
    }
    if (subleaf) {
        return (X86Cpuid){ 0 };
    }
    X86Cpuid r = { x->feature[WORD_7_1_EAX] != 0, x->feature[WORD_7_EBX], x->feature[WORD_7_ECX],
                   x->feature[WORD_7_EDX] };
    r.ecx = (r.ecx & ~OSPKE_BIT) | (x->s.cr4 & CR4_PKE ? OSPKE_BIT : 0);
    return r;
}

/* Threads of a core, then cores of the package. */
static X86Cpuid leaf_topology(const X86CPU *x, uint32_t subleaf)
{
    unsigned threads = MAX(x->threads, 1), shift = log2_up(threads);
    X86Cpuid r = { .ecx = subleaf & 255, .edx = x->apic_id };
    if (subleaf == 0) {
        r.eax = shift;
        r.ebx = threads;
        r.ecx |= 1 << 8;
    } else if (subleaf == 1) {
        r.eax = shift + log2_up(MAX(x->cores, 1));
        r.ebx = logical_cpus(x);
        r.ecx |= 2 << 8;
    }
    return r;
}

static X86Cpuid leaf_basic(const X86CPU *x, uint32_t leaf, uint32_t subleaf)
{
    enum { DESCRIPTORS_IN_LEAF_4 = 0xff01, BUS_MHZ = 100 };
    switch (leaf) {
    case 0: return leaf_vendor(x, x->level);
    case 1: return leaf_features(x);
    case 2: return (X86Cpuid){ .eax = DESCRIPTORS_IN_LEAF_4 };
    case 4: return leaf_caches(x, subleaf);
    case 6: return (X86Cpuid){ .eax = x->feature[WORD_6_EAX] };
    case 7: return leaf_structured(x, subleaf);
    case 0xb: return leaf_topology(x, subleaf);
    case 0xd: return leaf_xsave(x, subleaf);
    case 0x15: return (X86Cpuid){ 1, 1, x->tsc_khz * 1000, 0 };
    case 0x16: return (X86Cpuid){ x->tsc_khz / 1000, x->tsc_khz / 1000, BUS_MHZ, 0 };
    default: return (X86Cpuid){ 0 };
    }
}

/* ---- extended and hypervisor leaves ------------------------------------------------ */

static X86Cpuid leaf_brand(const X86CPU *x, unsigned part)
{
    X86Cpuid r;
    memcpy(&r, x->brand + part * sizeof(r), sizeof(r));
    return r;
}

static X86Cpuid leaf_extended_features(const X86CPU *x)
{
    enum { AS_LEAF_1 = 0x0183f3ff };
    X86Cpuid r = { .eax = x->signature, .ecx = x->feature[WORD_8_1_ECX], .edx = x->feature[WORD_8_1_EDX] };
    if (x->vendor == VENDOR_AMD) {
        r.edx |= x->feature[WORD_1_EDX] & AS_LEAF_1;
        r.ecx |= logical_cpus(x) > 1 ? 2 : 0; /* CmpLegacy: these are cores */
    }
    return r;
}

static X86Cpuid leaf_extended(const X86CPU *x, uint32_t leaf)
{
    unsigned linear_bits = x86_has(x, X86_LA57) ? 57 : 48;
    switch (leaf & 0xffff) {
    case 0: return leaf_vendor(x, x->xlevel);
    case 1: return leaf_extended_features(x);
    case 2:
    case 3:
    case 4: return leaf_brand(x, (leaf & 7) - 2);
    case 5:
        return (X86Cpuid){ .ecx = 32 << 24 | 8 << 16 | 1 << 8 | LINE,
                           .edx = 32 << 24 | 8 << 16 | 1 << 8 | LINE };
    case 6: return (X86Cpuid){ .ecx = 1024 << 16 | 8 << 12 | 1 << 8 | LINE }; /* 8: 16 ways */
    case 7: return (X86Cpuid){ .edx = x->feature[WORD_8_7_EDX] };
    case 8:
        return (X86Cpuid){ .eax = x->phys_bits | linear_bits << 8,
                           .ebx = x->feature[WORD_8_8_EBX],
                           .ecx = logical_cpus(x) - 1 };
    default: return (X86Cpuid){ 0 };
    }
}

enum { HYPERVISOR_LEAVES = 0x40000000, HYPERVISOR_CLOCKS = 0x40000010 };

/* No interface's name, as none is offered yet; the rates of TSC and APIC timer in kHz. */
static X86Cpuid leaf_hypervisor(const X86CPU *x, uint32_t leaf)
{
    static const char name[13] = "LyrebirdVMM ";
    X86Cpuid r = { 0 };
    if (leaf == HYPERVISOR_LEAVES) {
        r.eax = HYPERVISOR_CLOCKS;
        memcpy(&r.ebx, name, 12);
    } else if (leaf == HYPERVISOR_CLOCKS) {
        r.eax = r.ebx = x->tsc_khz;
    }
    return r;
}

/* Beyond the highest leaf Intel's processors answer with that one, AMD's with nothing. */
X86Cpuid x86_cpuid(const X86CPU *x, uint32_t leaf, uint32_t subleaf)
{
    if (leaf >> 16 == HYPERVISOR_LEAVES >> 16 && x86_has(x, X86_HYPERVISOR)) {
        return leaf_hypervisor(x, leaf);
    }
    if (leaf >> 31 && leaf <= x->xlevel) {
        return leaf_extended(x, leaf);
    }
    if (leaf > x->level) {
        return x->vendor == VENDOR_AMD ? (X86Cpuid){ 0 } : leaf_basic(x, x->level, subleaf);
    }
    return leaf_basic(x, leaf, subleaf);
}
