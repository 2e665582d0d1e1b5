/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Models and features: names, what stands on what, refusals; and what CPUID makes of them. */
#include "fake.h"

#include <string.h>

static X86CPU *with_model(const char *text)
{
    X86CPU *x = fake_new();
    GError *err = NULL;
    if (!x86_model_apply(x, text, true, &err)) {
        g_error("%s", err->message);
    }
    return x;
}

/* Every feature has one name and one bit, is found by both of its names, and what a model has stands on what it needs. */
static void test_table(void)
{
    for (const X86FeatureRow *a = x86_features; a->name; a++) {
        for (const X86FeatureRow *b = x86_features; b < a; b++) {
            g_assert_cmpstr(a->name, !=, b->name);
            g_assert_cmpint(a->feature, !=, b->feature);
        }
        g_autofree char *text = g_strdup_printf("max,-%s", a->alias ? a->alias : a->name);
        X86CPU *x = with_model(text);
        g_assert_false(x86_has(x, a->feature));
        fake_free(x);
    }
    const char *name;
    for (unsigned n = 0; (name = x86_model_name(n)); n++) {
        X86CPU *x = with_model(name);
        for (const X86FeatureRow *row = x86_features; row->name; row++) {
            bool lacks = row->needs != X86_NO_FEATURE && x86_has(x, row->feature) && !x86_has(x, row->needs);
            g_assert_false(lacks);
        }
        fake_free(x);
    }
}

/* The features of small models in leaves 1 and 80000001h, as QEMU's have them (asked of QEMU 7.2, which has no VME under TCG, and
 * of whose features SVM is not built); 64-bit ones have the deadline timer besides, so that Linux measures no timer.  The bit of the local APIC is the board's. */
static void test_small_models(void)
{
    static const struct {
        const char *name;
        uint32_t ecx, edx, extended_ecx, extended_edx;
    } rows[] = {
        { "486", 1u << 31, 0x0000000b, 0, 0 },
        { "pentium", 1u << 31, 0x008001bf, 0, 0 },
        { "pentium3", 1u << 31, 0x0383f9ff, 0, 0 },
        { "qemu32", 1u << 31 | 1, 0x078bf9ff, 0, 0 },
        { "kvm32", 1u << 31 | 1, 0x078bf9ff, 0, 0 },
        { "kvm64", 1u << 31 | 1 << 24 | 1 << 13 | 1, 0x078bf9ff, 0, 0x20100800 },
        { "qemu64", 1u << 31 | 1 << 24 | 1 << 13 | 1, 0x078bf9ff, 1, 0x2193fbff },
    };
    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        X86CPU *x = with_model(rows[i].name);
        X86Cpuid r = x86_cpuid(x, 1, 0);
        g_assert_cmphex(r.ecx, ==, rows[i].ecx);
        g_assert_cmphex(r.edx, ==, rows[i].edx);
        if (x->xlevel) {
            r = x86_cpuid(x, 0x80000001u, 0);
            g_assert_cmphex(r.ecx, ==, rows[i].extended_ecx);
            g_assert_cmphex(r.edx, ==, rows[i].extended_edx);
        }
        fake_free(x);
    }
}

/* What distributions ask for: the levels of the x86-64 psABI. */
static void test_levels(void)
{
    static const X86Feature v2[] = { X86_CX16,  X86_LAHF_LM, X86_POPCNT, X86_SSE3,
                                     X86_SSE41, X86_SSE42,   X86_SSSE3 };
    static const X86Feature v3[] = { X86_AVX, X86_AVX2, X86_BMI1,  X86_BMI2, X86_F16C,
                                     X86_FMA, X86_ABM,  X86_MOVBE, X86_XSAVE };
    static const struct {
        const char *name;
        bool v1, v2, v3;
    } rows[] = {
        { "pentium3", false, false, false }, { "qemu64", true, false, false },
        { "core2duo", true, false, false },  { "Nehalem", true, true, false },
        { "IvyBridge", true, true, false },  { "Haswell", true, true, true },
        { "EPYC", true, true, true },        { "Skylake-Server", true, true, true },
        { "max", true, true, true },
    };
    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        X86CPU *x = with_model(rows[i].name);
        bool has2 = true, has3 = true;
        for (unsigned k = 0; k < G_N_ELEMENTS(v2); k++) {
            has2 &= x86_has(x, v2[k]);
        }
        for (unsigned k = 0; k < G_N_ELEMENTS(v3); k++) {
            has3 &= x86_has(x, v3[k]);
        }
        g_assert_cmpint(x86_has(x, X86_LM) && x86_has(x, X86_SSE2) && x86_has(x, X86_SYSCALL), ==,
                        rows[i].v1);
        g_assert_cmpint(has2, ==, rows[i].v2);
        g_assert_cmpint(has3 && has2, ==, rows[i].v3);
        fake_free(x);
    }
}

static void test_switches(void)
{
    X86CPU *x = with_model("max,-xsave,pcid=off,+smap");
    g_assert_false(x86_has(x, X86_XSAVE));
    g_assert_false(x86_has(x, X86_AVX2)); /* follows */
    g_assert_false(x86_has(x, X86_PCID));
    g_assert_true(x86_has(x, X86_SMAP));
    fake_free(x);
    x = with_model(
        "qemu64,+sse4_2,sse4.1=on,ssse3,+pni,+lahf_lm,family=6,model=158,stepping=10,vendor=GenuineIntel,level=7");
    g_assert_true(x86_has(x, X86_SSE42));
    g_assert_cmphex(x86_cpuid(x, 1, 0).eax, ==, 0x000906ea);
    g_assert_cmpint(x->vendor, ==, VENDOR_INTEL);
    g_assert_cmphex(x86_cpuid(x, 0, 0).eax, ==, 7);
    fake_free(x);
}

static void test_refused(void)
{
    static const struct {
        const char *text, *says;
    } rows[] = {
        { "Haswel", "did you mean 'Haswell'?" },
        { "max,+avx512f", "'avx512f' is not built in this version of Lyrebird" },
        { "max,+smpa", "did you mean" },
        { "qemu64,+avx2", "'avx2' needs 'avx'" },
        { "max,phys-bits=60", "phys-bits" },
        { "max,vendor=Cyrix", "vendor" },
        { "Skylake-Server,enforce", "avx512f" },
        { "max,smap=maybe", "smap" },
        { "EPYC-v4,enforce", "sse4a" }, /* as EPYC */
        { "max,kvm-steal-time=on", "'kvm-steal-time' is not built" },
    };
    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        X86CPU *x = fake_new();
        g_autoptr(GError) err = NULL;
        g_assert_false(x86_model_apply(x, rows[i].text, true, &err));
        if (!strstr(err->message, rows[i].says)) {
            g_error("'%s' says: %s", rows[i].text, err->message);
        }
        fake_free(x);
    }
    fake_free(with_model("max,-avx512f,enforce")); /* off is all that it can be; nothing is lacking */
}

/* ---- CPUID ---------------------------------------------------------------------------- */

static void test_identity(void)
{
    X86CPU *x = with_model("EPYC");
    X86Cpuid r = x86_cpuid(x, 0, 0);
    char vendor[13] = "", brand[49] = "";
    memcpy(vendor, &r.ebx, 4);
    memcpy(vendor + 4, &r.edx, 4);
    memcpy(vendor + 8, &r.ecx, 4);
    g_assert_cmpstr(vendor, ==, "AuthenticAMD");
    g_assert_cmphex(x86_cpuid(x, 1, 0).eax, ==, 0x00800f12); /* family 17h, model 1, stepping 2 */
    for (unsigned i = 0; i < 3; i++) {
        r = x86_cpuid(x, 0x80000002u + i, 0);
        memcpy(brand + 16 * i, &r, 16);
    }
    g_assert_cmpstr(brand, ==, "AMD EPYC Processor");
    g_assert_cmphex(x86_cpuid(x, 0x80000001u, 0).edx & 1, ==, 1); /* AMD's repeat leaf 1 */
    g_assert_cmphex(x86_cpuid(x, 0x80000008u, 0).eax, ==, 40 | 48 << 8);
    fake_free(x);
}

/* What control registers show, and a local APIC that is switched off. */
static void test_state(void)
{
    X86CPU *x = with_model("max");
    x->s.msr.apic_base = 0xfee00900;
    g_assert_cmphex(x86_cpuid(x, 1, 0).ecx >> 27 & 1, ==, 0);
    g_assert_cmphex(x86_cpuid(x, 7, 0).ecx >> 4 & 1, ==, 0);
    g_assert_cmphex(x86_cpuid(x, 1, 0).edx >> 9 & 1, ==, 1);
    x->s.cr4 = CR4_OSXSAVE | CR4_PKE;
    x->s.msr.apic_base = 0;
    g_assert_cmphex(x86_cpuid(x, 1, 0).ecx >> 27 & 1, ==, 1);
    g_assert_cmphex(x86_cpuid(x, 7, 0).ecx >> 4 & 1, ==, 1);
    g_assert_cmphex(x86_cpuid(x, 1, 0).edx >> 9 & 1, ==, 0);
    fake_free(x);
}

static void assert_leaf(const X86CPU *x, uint32_t leaf, uint32_t subleaf, uint32_t eax, uint32_t ebx,
                        uint32_t ecx)
{
    X86Cpuid r = x86_cpuid(x, leaf, subleaf);
    g_assert_cmphex(r.eax, ==, eax);
    g_assert_cmphex(r.ebx, ==, ebx);
    g_assert_cmphex(r.ecx, ==, ecx);
}

/* One socket of 2 dies of 3 cores of 2 threads: 1, 2 and 1 bits of the APIC id. */
static void test_topology(void)
{
    X86CPU *x = with_model("max");
    g_assert_cmphex(x86_cpuid(x, 1, 0).edx >> 28 & 1, ==, 0);
    x->cpu.index = 11;
    x86_place(&x->cpu, &(CpuTopology){ 2, 3, 2 });
    g_assert_cmphex(x->apic_id, ==, 1 << 3 | 2 << 1 | 1);
    X86Cpuid r = x86_cpuid(x, 1, 0);
    g_assert_cmphex(r.ebx >> 16 & 255, ==, 16);
    g_assert_cmphex(r.ebx >> 24, ==, 13);
    g_assert_cmphex(r.edx >> 28 & 1, ==, 1);
    assert_leaf(x, 0xb, 0, 1, 2, 0x100);
    assert_leaf(x, 0xb, 1, 4, 12, 0x201);
    assert_leaf(x, 0xb, 2, 0, 0, 2);
    assert_leaf(x, 0x1f, 0, 1, 2, 0x100);
    assert_leaf(x, 0x1f, 1, 3, 6, 0x201);
    assert_leaf(x, 0x1f, 2, 4, 12, 0x502);
    assert_leaf(x, 0x1f, 3, 0, 0, 3);
    g_assert_cmphex(x86_cpuid(x, 0x1f, 3).edx, ==, 13);
    g_assert_cmphex(x86_cpuid(x, 4, 0).eax, ==, 0x121 | 1 << 14 | 7u << 26);
    g_assert_cmphex(x86_cpuid(x, 4, 3).eax, ==, 0x163 | 7 << 14 | 7u << 26); /* of the die */
    x->cpu.index = 12;                                                       /* the next package */
    x86_place(&x->cpu, &(CpuTopology){ 2, 3, 2 });
    g_assert_cmphex(x->apic_id, ==, 16);
    fake_free(x);
    x = with_model("Haswell"); /* without a second die as old as it is */
    g_assert_cmphex(x86_cpuid(x, 0, 0).eax, ==, 0x16);
    x86_place(&x->cpu, &(CpuTopology){ 2, 1, 1 });
    g_assert_cmphex(x86_cpuid(x, 0, 0).eax, ==, 0x1f);
    fake_free(x);
}

static void test_topology_amd(void)
{
    X86CPU *x = with_model("EPYC");
    x->cpu.index = 5;
    x86_place(&x->cpu, &(CpuTopology){ 1, 4, 2 });
    g_assert_cmphex(x86_cpuid(x, 0x80000008u, 0).ecx, ==, 7 | 3 << 12);
    assert_leaf(x, 0x8000001eu, 0, 5, 2 | 1 << 8, 0);
    g_assert_cmphex(x86_cpuid(x, 0x8000001du, 0).eax, ==, 0x121 | 1 << 14);
    g_assert_cmphex(x86_cpuid(x, 0x8000001du, 3).eax, ==, 0x163 | 7 << 14);
    g_assert_cmphex(x86_cpuid(x, 0x8000001du, 4).eax, ==, 0);
    g_assert_cmphex(x86_cpuid(x, 0x80000006u, 0).edx >> 18, ==, 32); /* of 512 KiB */
    fake_free(x);
    x = with_model("EPYC,-topoext");
    g_assert_cmphex(x86_cpuid(x, 0x8000001eu, 0).eax, ==, 0);
    fake_free(x);
}

static void test_xsave(void)
{
    X86CPU *x = with_model("max");
    x->s.xcr0 = 3;
    X86Cpuid r = x86_cpuid(x, 0xd, 0);
    g_assert_cmphex(r.eax, ==, 0x207);
    g_assert_cmpuint(r.ebx, ==, 576);
    g_assert_cmpuint(r.ecx, ==, 2696);
    x->s.xcr0 = 0x207;
    g_assert_cmpuint(x86_cpuid(x, 0xd, 0).ebx, ==, 2696);
    g_assert_cmpuint(x86_cpuid(x, 0xd, 1).ebx, ==, 576 + 256 + 8);
    r = x86_cpuid(x, 0xd, 2);
    g_assert_cmpuint(r.eax, ==, 256);
    g_assert_cmpuint(r.ebx, ==, 576);
    fake_free(x);
    x = with_model("max,-xsave");
    g_assert_cmphex(x86_cpuid(x, 0xd, 0).eax, ==, 0);
    fake_free(x);
}

/* Beyond the last leaf; the rates of clocks. */
static void test_ends(void)
{
    X86CPU *x = with_model("max,tsc-frequency=2500000000");
    g_assert_cmpuint(x86_cpuid(x, 0x15, 0).ecx, ==, 2500000000);
    g_assert_cmpuint(x86_cpuid(x, 0x16, 0).eax, ==, 2500);
    g_assert_cmpuint(x86_cpuid(x, 0x40000010, 0).eax, ==, 2500000);
    fake_free(x);
    x = with_model("Haswell,tsc-frequency=2500000000");
    g_assert_cmpuint(x86_cpuid(x, 0x1234, 0).eax, ==, 2500); /* as leaf 16h */
    g_assert_cmpuint(x86_cpuid(x, 0x80001234u, 0).eax, ==, 2500);
    fake_free(x);
    x = with_model("EPYC");
    g_assert_cmpuint(x86_cpuid(x, 0x1234, 0).eax, ==, 0);
    g_assert_cmpuint(x86_cpuid(x, 0x80001234u, 0).eax, ==, 0);
    fake_free(x);
    x = with_model("486,hypervisor=off");
    g_assert_cmphex(x86_cpuid(x, 0x40000000, 0).eax, ==,
                    x86_cpuid(x, 1, 0).eax); /* no hypervisor is told of */
    fake_free(x);
}

static void test_kvm(void)
{
    X86CPU *x = with_model("max");
    X86Cpuid r = x86_cpuid(x, 0x40000000, 0);
    g_assert_cmpmem(&r.ebx, 12, "KVMKVMKVM\0\0", 12);
    g_assert_cmphex(x86_cpuid(x, 0x40000001, 0).eax, ==, 1 << 0 | 1 << 1 | 1 << 3 | 1 << 24);
    fake_free(x);
    x = with_model("max,kvmclock=off");
    g_assert_cmphex(x86_cpuid(x, 0x40000001, 0).eax, ==, 1 << 1);
    fake_free(x);
    x = with_model("max,kvm=off");
    r = x86_cpuid(x, 0x40000000, 0);
    g_assert_cmpmem(&r.ebx, 12, "LyrebirdVMM ", 12);
    g_assert_cmphex(x86_cpuid(x, 0x40000001, 0).eax, ==, 0);
    g_assert_false(x86_has(x, X86_KVM_CLOCK));
    fake_free(x);
}

/* Each name of -cpu help is one. */
static void test_names(void)
{
    const char *name;
    unsigned n = 0;
    for (; (name = x86_model_name(n)); n++) {
        X86CPU *x = with_model(name);
        g_assert_cmphex(x86_cpuid(x, 1, 0).eax, ==, x->signature);
        fake_free(x);
    }
    g_assert_cmpuint(n, >, 50);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/i386/models/table", test_table);
    g_test_add_func("/i386/models/small", test_small_models);
    g_test_add_func("/i386/models/levels", test_levels);
    g_test_add_func("/i386/models/switches", test_switches);
    g_test_add_func("/i386/models/refused", test_refused);
    g_test_add_func("/i386/models/names", test_names);
    g_test_add_func("/i386/cpuid/KVM", test_kvm);
    g_test_add_func("/i386/cpuid/identity", test_identity);
    g_test_add_func("/i386/cpuid/state", test_state);
    g_test_add_func("/i386/cpuid/topology", test_topology);
    g_test_add_func("/i386/cpuid/topology of AMD's", test_topology_amd);
    g_test_add_func("/i386/cpuid/xsave", test_xsave);
    g_test_add_func("/i386/cpuid/ends", test_ends);
    return g_test_run();
}
