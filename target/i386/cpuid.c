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

/* ---- topology: an APIC id is the numbers of package, die, core and thread, each in as many bits as it needs ------- */

static unsigned log2_up(unsigned n)
{
    return n <= 1 ? 0 : 32 - __builtin_clz(n - 1);
}

static unsigned thread_bits(const X86CPU *x)
{
    return log2_up(x->threads);
}
static unsigned die_bits(const X86CPU *x) /* below the number of the die */
{
    return thread_bits(x) + log2_up(x->cores);
}
static unsigned package_bits(const X86CPU *x)
{
    return die_bits(x) + log2_up(x->dies);
}
static unsigned logical_cpus(const X86CPU *x)
{
    return x->dies * x->cores * x->threads;
}

void x86_place(CPU *cpu, const CpuTopology *t)
{
    X86CPU *x = x86_cpu(cpu);
    x->dies = MAX(t->dies, 1);
    x->cores = MAX(t->cores, 1);
    x->threads = MAX(t->threads, 1);
    unsigned n = cpu->index, thread = n % x->threads, core = n / x->threads % x->cores;
    unsigned die = n / x->threads / x->cores % x->dies, package = n / logical_cpus(x);
    x->level = x->dies > 1 && x->vendor == VENDOR_INTEL && x->level >= 0xb ? MAX(x->level, 0x1fu) : x->level;
    x->apic_id = package << package_bits(x) | die << die_bits(x) | core << thread_bits(x) | thread;
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
    r.ebx = (x86_has(x, X86_CLFLUSH) ? CLFLUSH_64 : 0) | MIN(1u << package_bits(x), 255u) << 16 |
            (x->apic_id & 255) << 24;
    r.ecx = (r.ecx & ~OSXSAVE_BIT) | (x->s.cr4 & CR4_OSXSAVE ? OSXSAVE_BIT : 0);
    r.edx &= x->s.msr.apic_base & APIC_ENABLED ? ~0u : ~(uint32_t)APIC_BIT;
    r.edx |= logical > 1 ? HT_BIT : 0;
    return r;
}

typedef struct Cache {
    uint8_t type, level; /* type: 1 data, 2 code, 3 both */
    uint16_t ways, sets;
    bool of_die; /* or of a core */
} Cache;
static const Cache caches[] = {
    { 1, 1, 8, 64, false }, { 2, 1, 8, 64, false }, { 3, 2, 16, 1024, false }, { 3, 3, 16, 16384, true }
};
enum { LINE = 64 };

/* Intel's leaf 4; AMD's 8000001Dh is the same but for the number of cores, and counts threads that there are. */
static X86Cpuid leaf_caches(const X86CPU *x, uint32_t subleaf, bool amd)
{
    if (subleaf >= G_N_ELEMENTS(caches)) {
        return (X86Cpuid){ 0 };
    }
    const Cache *c = &caches[subleaf];
    unsigned ids = 1u << (c->of_die ? die_bits(x) : thread_bits(x));
    unsigned there = c->of_die ? x->cores * x->threads : x->threads;
    unsigned cores = amd ? 1 : 1u << (package_bits(x) - thread_bits(x));
    enum { SELF_INITIALIZING = 1 << 8 };
    return (X86Cpuid){ .eax = c->type | c->level << 5 | SELF_INITIALIZING | ((amd ? there : ids) - 1) << 14 |
                              MIN(cores - 1, 63u) << 26,
                       .ebx = (LINE - 1) | (uint32_t)(c->ways - 1) << 22,
                       .ecx = c->sets - 1 };
}

/* A line is watched; an interrupt ends the wait though it is masked. */
static X86Cpuid leaf_monitor(const X86CPU *x)
{
    return x86_has(x, X86_MONITOR) ? (X86Cpuid){ LINE, LINE, 3, 0 } : (X86Cpuid){ 0 };
}

static X86Cpuid leaf_structured(const X86CPU *x, uint32_t subleaf)
{
    enum { OSPKE_BIT = 1 << 4 };
    if (subleaf) {
        return (X86Cpuid){ .eax = subleaf == 1 ? x->feature[WORD_7_1_EAX] : 0,
                           .edx = subleaf == 2 ? x->feature[WORD_7_2_EDX] : 0 };
    }
    unsigned last = x->feature[WORD_7_2_EDX] ? 2 : x->feature[WORD_7_1_EAX] ? 1 : 0;
    X86Cpuid r = { last, x->feature[WORD_7_EBX], x->feature[WORD_7_ECX], x->feature[WORD_7_EDX] };
    r.ecx = (r.ecx & ~OSPKE_BIT) | (x->s.cr4 & CR4_PKE ? OSPKE_BIT : 0);
    return r;
}

/* Leaf Bh: threads of a core, then all of the package.  Leaf 1Fh: threads, those of the die, those of the package. */
static X86Cpuid leaf_topology(const X86CPU *x, uint32_t subleaf, bool with_dies)
{
    enum { THREAD = 1, CORE = 2, DIE = 5 };
    const struct {
        unsigned type, bits, count;
    } levels[] = {
        { THREAD, thread_bits(x), x->threads },
        { CORE, with_dies ? die_bits(x) : package_bits(x),
          with_dies ? x->cores * x->threads : logical_cpus(x) },
        { DIE, package_bits(x), logical_cpus(x) },
    };
    X86Cpuid r = { .ecx = subleaf & 255, .edx = x->apic_id };
    if (subleaf < (with_dies ? 3 : 2)) {
        r.eax = levels[subleaf].bits;
        r.ebx = levels[subleaf].count;
        r.ecx |= levels[subleaf].type << 8;
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
    case 4: return leaf_caches(x, subleaf, false);
    case 5: return leaf_monitor(x);
    case 6: return (X86Cpuid){ .eax = x->feature[WORD_6_EAX] };
    case 7: return leaf_structured(x, subleaf);
    case 0xb: return leaf_topology(x, subleaf, false);
    case 0xd: return leaf_xsave(x, subleaf);
    case 0x15: return (X86Cpuid){ 1, 1, x->tsc_khz * 1000, 0 };
    case 0x16: return (X86Cpuid){ x->tsc_khz / 1000, x->tsc_khz / 1000, BUS_MHZ, 0 };
    case 0x1f: return leaf_topology(x, subleaf, true);
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

/* Of TLBs: 64 entries of any kind, each anywhere; caches as in leaf 8000001Dh. */
static X86Cpuid leaf_amd_caches(const X86CPU *x, bool first_level)
{
    enum { TLBS = 0xff40ff40, L1 = 32 << 24 | 8 << 16 | 1 << 8 | LINE, WAYS_16 = 8, SETS_512K = 32 };
    uint32_t l2 = 1024 << 16 | WAYS_16 << 12 | 1 << 8 | LINE;
    bool amd = x->vendor == VENDOR_AMD;
    if (first_level) {
        return (X86Cpuid){ amd ? TLBS : 0, amd ? TLBS : 0, L1, L1 };
    }
    return (X86Cpuid){ .ecx = l2, .edx = amd ? SETS_512K << 18 | WAYS_16 << 12 | 1 << 8 | LINE : 0 };
}

/* Where it lies: the core, whose threads it says, and the die (AMD: node). */
static X86Cpuid leaf_amd_place(const X86CPU *x)
{
    unsigned core = (x->apic_id & ((1u << package_bits(x)) - 1)) >> thread_bits(x);
    unsigned node = x->apic_id >> die_bits(x);
    return (X86Cpuid){ x->apic_id, (core & 255) | (x->threads - 1u) << 8, (node & 255) | (x->dies - 1u) << 8,
                       0 };
}

static X86Cpuid leaf_amd_topology(const X86CPU *x, uint32_t leaf, uint32_t subleaf)
{
    if (!x86_has(x, X86_TOPOEXT)) {
        return (X86Cpuid){ 0 };
    }
    return leaf == 0x1d ? leaf_caches(x, subleaf, true) : leaf_amd_place(x);
}

static X86Cpuid leaf_extended(const X86CPU *x, uint32_t leaf, uint32_t subleaf)
{
    unsigned linear_bits = x86_has(x, X86_LA57) ? 57 : 48;
    switch (leaf & 0xffff) {
    case 0: return leaf_vendor(x, x->xlevel);
    case 1: return leaf_extended_features(x);
    case 2:
    case 3:
    case 4: return leaf_brand(x, (leaf & 7) - 2);
    case 5: return leaf_amd_caches(x, true);
    case 6: return leaf_amd_caches(x, false);
    case 7: return (X86Cpuid){ .edx = x->feature[WORD_8_7_EDX] };
    case 8:
        return (X86Cpuid){ .eax = x->phys_bits | linear_bits << 8,
                           .ebx = x->feature[WORD_8_8_EBX],
                           .ecx = (logical_cpus(x) - 1) | package_bits(x) << 12 };
    case 0x21: return (X86Cpuid){ .eax = x->feature[WORD_8_21_EAX] };
    case 0x1d:
    case 0x1e: return leaf_amd_topology(x, leaf & 0xffff, subleaf);
    default: return (X86Cpuid){ 0 };
    }
}

enum { HYPERVISOR_LEAVES = 0x40000000, HYPERVISOR_KVM, HYPERVISOR_CLOCKS = 0x40000010 };

/* KVM's name and clock, unless they are hidden; the rates of TSC and APIC timer in kHz. */
static X86Cpuid leaf_hypervisor(const X86CPU *x, uint32_t leaf)
{
    static const char ours[13] = "LyrebirdVMM ", kvm[13] = "KVMKVMKVM\0\0";
    enum { OLD_CLOCK = 1 }; /* its registers by other numbers */
    X86Cpuid r = { 0 };
    if (leaf == HYPERVISOR_LEAVES) {
        r.eax = HYPERVISOR_CLOCKS;
        memcpy(&r.ebx, x->hides_kvm ? ours : kvm, 12);
    } else if (leaf == HYPERVISOR_KVM && !x->hides_kvm) {
        r.eax = x->feature[WORD_KVM] | (x86_has(x, X86_KVM_CLOCK) ? OLD_CLOCK : 0);
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
        return leaf_extended(x, leaf, subleaf);
    }
    if (leaf > x->level) {
        return x->vendor == VENDOR_AMD ? (X86Cpuid){ 0 } : leaf_basic(x, x->level, subleaf);
    }
    return leaf_basic(x, leaf, subleaf);
}
