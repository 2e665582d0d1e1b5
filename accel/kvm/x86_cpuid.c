/* SPDX-License-Identifier: GPL-2.0-or-later */
/* CPUID under KVM: what the model says, less what this KVM has not, and what KVM itself tells its guests.
 * Spec: "KVM_GET_SUPPORTED_CPUID", "KVM_SET_CPUID2"; leaves from 40000000h on: x86-cpuid.rst.
 *
 * Not modelled: leaves that depend on what the kernel has no state for (performance counters, tracing). */
#include <cpuid.h>
#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>

#include "accel/kvm/x86.h"
#include "base/log.h"
#include "target/x86_apic.h"

enum { MAX_ENTRIES = 256 };
enum { KVM_LEAVES = 0x40000000, KVM_FEATURES_LEAF, KVM_CLOCKS = 0x40000010 };
enum { APIC_BUS_KHZ = 1000000 }; /* the local APIC's timer of KVM counts nanoseconds */

/* ---- what the kernel has ------------------------------------------------------------------- */

bool kvm_learn_cpuid(Kvm *k, int device, GError **err)
{
    k->supported = g_malloc0(sizeof(*k->supported) + MAX_ENTRIES * sizeof(struct kvm_cpuid_entry2));
    k->supported->nent = MAX_ENTRIES;
    if (ioctl(device, KVM_GET_SUPPORTED_CPUID, k->supported) == 0) {
        return true;
    }
    g_set_error(err, G_FILE_ERROR, G_FILE_ERROR_FAILED,
                "-accel kvm: cannot learn what processors it has: %s\n  do:  -accel tcg", g_strerror(errno));
    return false;
}

const struct kvm_cpuid_entry2 *kvm_supported_leaf(const Kvm *k, uint32_t leaf, uint32_t subleaf)
{
    for (unsigned i = 0; i < k->supported->nent; i++) {
        const struct kvm_cpuid_entry2 *e = &k->supported->entries[i];
        bool of_all = !(e->flags & KVM_CPUID_FLAG_SIGNIFCANT_INDEX);
        if (e->function == leaf && (of_all || e->index == subleaf)) {
            return e;
        }
    }
    return NULL;
}

/* Where CPUID shows the words of X86CPU.feature; reg: EAX, EBX, ECX, EDX. */
static const struct {
    uint32_t leaf, subleaf;
    unsigned reg;
} words[X86_WORDS] = {
    [WORD_1_EDX] = { 1, 0, 3 },
    [WORD_1_ECX] = { 1, 0, 2 },
    [WORD_7_EBX] = { 7, 0, 1 },
    [WORD_7_ECX] = { 7, 0, 2 },
    [WORD_7_EDX] = { 7, 0, 3 },
    [WORD_7_1_EAX] = { 7, 1, 0 },
    [WORD_7_2_EDX] = { 7, 2, 3 },
    [WORD_D_1_EAX] = { 0xd, 1, 0 },
    [WORD_6_EAX] = { 6, 0, 0 },
    [WORD_8_1_EDX] = { 0x80000001, 0, 3 },
    [WORD_8_1_ECX] = { 0x80000001, 0, 2 },
    [WORD_8_7_EDX] = { 0x80000007, 0, 3 },
    [WORD_8_8_EBX] = { 0x80000008, 0, 1 },
    [WORD_8_21_EAX] = { 0x80000021, 0, 0 },
    [WORD_KVM] = { KVM_FEATURES_LEAF, 0, 0 },
};

static uint32_t bit(X86Feature f)
{
    return 1u << f % 32;
}

static uint32_t of_kernels_apic(X86Word w)
{
    return w == WORD_1_ECX ? bit(X86_X2APIC) | bit(X86_TSC_DEADLINE) : 0;
}

/* What is not in the list, and there: KVM makes it (x2APIC, the deadline timer: of the local APIC in the kernel), or it is the
 * model's business alone. */
static uint32_t made_by_kvm(const Kvm *k, X86Word w)
{
    bool apic = k->accel.irqchip != ACCEL_IRQCHIP_NONE;
    switch (w) {
    case WORD_1_ECX: return bit(X86_HYPERVISOR) | (apic ? of_kernels_apic(w) : 0);
    case WORD_1_EDX: return bit(X86_HT);
    case WORD_8_1_ECX: return bit(X86_TOPOEXT);
    case WORD_6_EAX: return bit(X86_ARAT);
    case WORD_8_7_EDX: return bit(X86_INVTSC);
    case WORD_8_8_EBX: return bit(X86_WBNOINVD);
    default: return 0;
    }
}

static uint32_t kvm_has(const Kvm *k, X86Word w)
{
    if (w == WORD_ARCH_CAP) {
        return UINT32_MAX;
    }
    const struct kvm_cpuid_entry2 *e = kvm_supported_leaf(k, words[w].leaf, words[w].subleaf);
    uint32_t none[4] = { 0 };
    const uint32_t *regs = e ? &e->eax : none;
    uint32_t has = regs[words[w].reg] | made_by_kvm(k, w);
    if (k->accel.irqchip == ACCEL_IRQCHIP_NONE) {
        has &= ~of_kernels_apic(w); /* the board's local APIC does not get them from KVM */
    }
    return has;
}

/* ---- the host's own processor ------------------------------------------------------------ */

static X86Cpuid host_leaf(uint32_t leaf)
{
    X86Cpuid r = { 0 };
    __get_cpuid(leaf, &r.eax, &r.ebx, &r.ecx, &r.edx);
    return r;
}

/* Its name and make; of features all that are known here (as `max`), unless the user switched them off; the highest leaves stay, too. */
static void take_host_model(const Kvm *k, X86CPU *x)
{
    const struct kvm_cpuid_entry2 *sizes = kvm_supported_leaf(k, 0x80000008, 0);
    X86Cpuid vendor = host_leaf(0);
    x->vendor = vendor.ebx == 0x68747541 /* "Auth" */ ? VENDOR_AMD : VENDOR_INTEL;
    x->signature = host_leaf(1).eax;
    x->phys_bits = sizes ? sizes->eax & 0xff : x->phys_bits;
    for (unsigned i = 0; i < 3; i++) {
        X86Cpuid part = host_leaf(0x80000002 + i);
        memcpy(x->brand + i * sizeof(part), &part, sizeof(part));
    }
    x->brand[sizeof(x->brand) - 1] = '\0';
}

/* What goes with the controllers in the kernel is no lack of the host's, and is not told. */
static void limit_features(const Kvm *k, X86CPU *x)
{
    bool apic = k->accel.irqchip != ACCEL_IRQCHIP_NONE;
    g_autoptr(GString) lacks = g_string_new(NULL);
    for (const X86FeatureRow *row = x86_features; row->name; row++) {
        X86Word w = row->feature / 32;
        if (x86_has(x, row->feature) && !(kvm_has(k, w) & bit(row->feature))) {
            x->feature[w] &= ~bit(row->feature);
            if (apic || !(of_kernels_apic(w) & bit(row->feature))) {
                g_string_append_printf(lacks, "%s%s", lacks->len ? ", " : "", row->name);
            }
        }
    }
    if (lacks->len && x->cpu.index == 0 && !x->has_what_is) {
        log_report("warning: -accel kvm: of the model's features this host has not: %s", lacks->str);
    }
}

/* ---- what the guest is told ------------------------------------------------------------------------ */

typedef struct Leaves {
    const X86CPU *x;
    struct kvm_cpuid2 *list;
} Leaves;

static void add(Leaves *l, uint32_t leaf, uint32_t subleaf, uint32_t flags, X86Cpuid r)
{
    g_assert(l->list->nent < MAX_ENTRIES);
    l->list->entries[l->list->nent++] = (struct kvm_cpuid_entry2){ .function = leaf,
                                                                   .index = subleaf,
                                                                   .flags = flags,
                                                                   .eax = r.eax,
                                                                   .ebx = r.ebx,
                                                                   .ecx = r.ecx,
                                                                   .edx = r.edx };
}

/* Subleaves: how many are told of each leaf that has some. */
static unsigned subleaves(uint32_t leaf)
{
    switch (leaf) {
    case 4: return 5; /* the last is the end of the list */
    case 7: return 3;
    case 0xb: return 3;
    case 0x1f: return 4;
    case 0x8000001d: return 5;
    case 0xd: return 64;
    default: return 0;
    }
}

static void add_leaf(Leaves *l, uint32_t leaf)
{
    unsigned count = subleaves(leaf);
    for (unsigned i = 0; i < count; i++) {
        X86Cpuid r = x86_cpuid(l->x, leaf, i);
        if (i < 2 || leaf != 0xd || r.eax) {
            add(l, leaf, i, KVM_CPUID_FLAG_SIGNIFCANT_INDEX, r);
        }
    }
    if (!count) {
        add(l, leaf, 0, 0, x86_cpuid(l->x, leaf, 0));
    }
}

static uint32_t apic_khz(const X86CPU *x, const Kvm *k)
{
    return k->accel.irqchip == ACCEL_IRQCHIP_NONE ? x86_apic_hz(&x->cpu) / 1000 : APIC_BUS_KHZ;
}

/* All but what the user has taken away of what a translated guest has, too. */
static uint32_t offered(const X86CPU *x)
{
    uint32_t clocks = 1 | bit(X86_KVM_CLOCK); /* by the old numbers and the new */
    return (x86_has(x, X86_KVM_CLOCK) ? ~0u : ~clocks) &
           (x86_has(x, X86_KVM_STABLE) ? ~0u : ~bit(X86_KVM_STABLE)) &
           (x86_has(x, X86_KVM_NO_IO_DELAY) ? ~0u : ~bit(X86_KVM_NO_IO_DELAY));
}

/* KVM's name and services, and the rates of the clocks. */
static void add_hypervisor(Leaves *l, const Kvm *k)
{
    const struct kvm_cpuid_entry2 *features = kvm_supported_leaf(k, KVM_FEATURES_LEAF, 0);
    X86Cpuid name = { .eax = KVM_CLOCKS };
    memcpy(&name.ebx, "KVMKVMKVM\0\0", 12);
    add(l, KVM_LEAVES, 0, 0, name);
    add(l, KVM_FEATURES_LEAF, 0, 0, (X86Cpuid){ .eax = features ? features->eax & offered(l->x) : 0 });
    add(l, KVM_CLOCKS, 0, 0, (X86Cpuid){ .eax = l->x->tsc_khz, .ebx = apic_khz(l->x, k) });
}

/* The state of an XSAVE area is where the host's processor has it, and the counter as fast as it is there. */
static void mend(Leaves *l, const Kvm *k)
{
    for (unsigned i = 0; i < l->list->nent; i++) {
        struct kvm_cpuid_entry2 *e = &l->list->entries[i];
        const struct kvm_cpuid_entry2 *host = kvm_supported_leaf(k, e->function, e->index);
        if (e->function == 0xd && e->index > 1 && host) {
            *e = *host;
        } else if (e->function == 0x15) { /* the crystal counts as the local APIC's timer does */
            e->eax = apic_khz(l->x, k);
            e->ebx = l->x->tsc_khz;
            e->ecx = apic_khz(l->x, k) * 1000;
        }
    }
}

bool kvm_set_cpuid(KvmVcpu *v, GError **err)
{
    X86CPU *x = x86_cpu(v->cpu);
    const Kvm *k = v->kvm;
    if (v->cpu->host_model) {
        take_host_model(k, x);
    }
    limit_features(k, x);
    g_autofree struct kvm_cpuid2 *list =
        g_malloc0(sizeof(*list) + MAX_ENTRIES * sizeof(struct kvm_cpuid_entry2));
    Leaves l = { .x = x, .list = list };
    for (uint32_t leaf = 0; leaf <= x->level; leaf++) {
        add_leaf(&l, leaf);
    }
    for (uint32_t leaf = 0x80000000; leaf <= x->xlevel; leaf++) {
        add_leaf(&l, leaf);
    }
    mend(&l, k);
    if (x86_has(x, X86_HYPERVISOR) && !x->hides_kvm) {
        add_hypervisor(&l, k);
    }
    if (ioctl(v->fd, KVM_SET_CPUID2, list) == 0) {
        return true;
    }
    g_set_error(
        err, G_FILE_ERROR, G_FILE_ERROR_FAILED,
        "-accel kvm: the kernel does not take this CPU model (%s)\n  do:  another -cpu, or -accel tcg",
        g_strerror(errno));
    return false;
}
