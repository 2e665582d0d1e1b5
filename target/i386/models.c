/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Models of processors: `-cpu MODEL,feature=on|off,+feature,-feature,...`.
 * Source: the makers' data sheets for signatures and instruction sets; names as QEMU's users type them
 * (qemu-interface/commands-events-machines-cpus, cpu-properties).
 *
 * A model has what is built of the features of the processor that it is named after.  All that has 64 bits says
 * that it needs no mitigations of speculation (IA32_ARCH_CAPABILITIES), which an emulated processor does not: kernels
 * then do without the page-table isolation and retpolines that would halve their speed here.
 *
 * `host` is `max` until the accelerator puts the host's own in its place (CPU.host_model). */
#include "target/i386/cpu.h"

#include <json-c/json.h>
#include <string.h>

#include "base/log.h"
#include "base/props.h"
#include "util/keyval.h"

#define END X86_NO_FEATURE
typedef X86Feature Set[];

/* clang-format off */
static const Set set_486 = { X86_FPU, X86_VME, X86_PSE, END };
static const Set set_pentium = { X86_DE_EXT, X86_TSC, X86_MSR, X86_MCE, X86_CX8, X86_APIC, END };
static const Set set_p6 = { X86_PAE, X86_SEP, X86_MTRR, X86_PGE, X86_MCA, X86_CMOV, X86_PAT, X86_PSE36, X86_MMX, X86_FXSR, X86_SSE, END };
static const Set set_sse2 = { X86_CLFLUSH, X86_SSE2, END };
static const Set set_lm = { X86_SYSCALL, X86_NX, X86_LM, END };
static const Set set_sse3 = { X86_SSE3, END };
static const Set set_mmx = { X86_MMX, END };
static const Set set_lm_later = { X86_CX16, X86_LAHF_LM, END }; /* what the first 64-bit processors lacked */
static const Set set_cx16 = { X86_CX16, END };
static const Set set_core2 = { X86_SSE3, X86_SSSE3, X86_CX16, X86_LAHF_LM, X86_SELF_SNOOP, END };
static const Set set_v2 = { X86_SSE41, X86_SSE42, X86_POPCNT, END };
static const Set set_westmere = { X86_PCLMULQDQ, X86_AES, X86_PCID, X86_PDPE1GB, X86_RDTSCP, END };
static const Set set_ivy = { X86_XSAVE, X86_XSAVEOPT, X86_AVX, X86_F16C, X86_RDRAND, X86_FSGSBASE, X86_SMEP, X86_ERMS, X86_X2APIC, X86_TSC_DEADLINE, X86_ARAT, END };
static const Set set_haswell = { X86_FMA, X86_MOVBE, X86_BMI1, X86_BMI2, X86_AVX2, X86_ABM, X86_INVPCID, X86_TSC_ADJUST, END };
static const Set set_skylake = { X86_RDSEED, X86_ADX, X86_SMAP, X86_CLFLUSHOPT, X86_XSAVEC, X86_XGETBV1, X86_XSAVES, X86_3DNOWPREFETCH, END };
static const Set set_server = { X86_CLWB, X86_PKU, END };
static const Set set_epyc = { X86_SSE3, X86_SSSE3, X86_CX16, X86_LAHF_LM, X86_SSE41, X86_SSE42, X86_POPCNT, X86_PCLMULQDQ, X86_AES, X86_PDPE1GB, X86_RDTSCP,
    X86_XSAVE, X86_XSAVEOPT, X86_AVX, X86_F16C, X86_RDRAND, X86_FSGSBASE, X86_SMEP, X86_X2APIC, X86_ARAT, X86_FMA, X86_MOVBE, X86_BMI1, X86_BMI2, X86_AVX2,
    X86_ABM, X86_RDSEED, X86_ADX, X86_SMAP, X86_CLFLUSHOPT, X86_XSAVEC, X86_XGETBV1, X86_SHA_NI, X86_MMXEXT, X86_FXSR_OPT, X86_CR8_LEGACY, X86_MISALIGNSSE,
    X86_3DNOWPREFETCH, X86_TOPOEXT, X86_BTC_NO, X86_LFENCE_SERIALIZES, X86_SRSO_NO, END };
static const Set set_newest = { X86_SHA_NI, X86_UMIP, X86_GFNI, X86_VAES, X86_VPCLMULQDQ, X86_LA57, X86_RDPID, X86_FSRM, X86_FZRM, X86_FSRS, X86_WBNOINVD, END };
static const Set set_virtual = { X86_HYPERVISOR, END }; /* without a TSC there is no clock for guests */
static const Set set_guest = { X86_HYPERVISOR, X86_KVM_CLOCK, X86_KVM_STABLE, X86_KVM_NO_IO_DELAY, END };
/* Clocks that sleep does not stop (without, Linux ticks while it is idle), and a timer by the counter's rate, which KVM's leaf tells: without,
 * Linux measures the local APIC's, and finds it wrong where the host has other work. */
static const Set set_time = { X86_INVTSC, X86_ARAT, X86_TSC_DEADLINE, END };
static const Set set_no_leaks = { X86_ARCH_CAPABILITIES, X86_SPEC_CTRL, X86_STIBP, X86_SSBD, X86_BHI_CTRL, X86_RDCL_NO, X86_IBRS_ALL, X86_SKIP_L1DFL, X86_SSB_NO, X86_MDS_NO,
    X86_PSCHANGE_MC_NO, X86_TAA_NO, X86_SBDR_SSDP_NO, X86_FBSDP_NO, X86_PSDP_NO, X86_BHI_NO, X86_PBRSB_NO, X86_GDS_NO, X86_RFDS_NO, END };

/* As CPUID.1:EAX packs them. */
#define SIGNATURE(family, model, stepping) \
    (((family) > 15 ? 15 << 8 | ((family) - 15) << 20 : (family) << 8) | ((model) & 15) << 4 | (model) >> 4 << 16 | (stepping))

typedef struct Model {
    const char *name, *brand;
    X86Vendor vendor;
    uint32_t signature, level, xlevel;
    uint8_t phys_bits;
    const X86Feature *sets[17]; /* ends with NULL */
    const char *lacks;          /* what its processor has, and is not built; or NULL */
} Model;

#define OLD set_486, set_pentium
#define BASE64 OLD, set_p6, set_sse2, set_lm, set_guest, set_time, set_no_leaks
#define INTEL64 BASE64, set_core2, set_v2
enum { EXT = 0x80000008u, EXT_MORE = 0x80000021u /* AMD's topology, what it need not fear */, FREQUENCIES = 0x16 /* rates of clocks */, DIES = 0x1f };
static const Model models[] = {
    { "max", "Lyrebird virtual CPU", VENDOR_INTEL, SIGNATURE(6, 143, 8), DIES, EXT, 46,
      { INTEL64, set_westmere, set_ivy, set_haswell, set_skylake, set_server, set_newest } },
    { "486", "", VENDOR_INTEL, SIGNATURE(4, 8, 0), 1, 0, 32, { set_486, set_virtual } },
    { "pentium", "", VENDOR_INTEL, SIGNATURE(5, 4, 3), 1, 0, 32, { OLD, set_mmx, set_guest } },
    { "pentium3", "", VENDOR_INTEL, SIGNATURE(6, 7, 3), 3, 0, 36, { OLD, set_p6, set_guest } },
    { "qemu32", "QEMU Virtual CPU", VENDOR_INTEL, SIGNATURE(6, 6, 3), 4, 0x80000004u, 36, { OLD, set_p6, set_sse2, set_sse3, set_guest } },
    { "qemu64", "QEMU Virtual CPU", VENDOR_AMD, SIGNATURE(15, 107, 1), 0xd, EXT, 40, { BASE64, set_sse3, set_lm_later } },
    { "kvm32", "Common 32-bit KVM processor", VENDOR_INTEL, SIGNATURE(15, 6, 1), 5, EXT, 36, { OLD, set_p6, set_sse2, set_sse3, set_guest } },
    { "kvm64", "Common KVM processor", VENDOR_INTEL, SIGNATURE(15, 6, 1), FREQUENCIES, EXT, 40, { BASE64, set_sse3, set_cx16 } },
    { "core2duo", "Intel(R) Core(TM)2 Duo CPU     T7700  @ 2.40GHz", VENDOR_INTEL, SIGNATURE(6, 15, 11), FREQUENCIES, EXT, 40, { BASE64, set_core2 } },
    { "Nehalem", "Intel Core i7 9xx (Nehalem Class Core i7)", VENDOR_INTEL, SIGNATURE(6, 26, 3), FREQUENCIES, EXT, 40, { INTEL64 } },
    { "IvyBridge", "Intel Xeon E3-12xx v2 (Ivy Bridge)", VENDOR_INTEL, SIGNATURE(6, 58, 9), FREQUENCIES, EXT, 40, { INTEL64, set_westmere, set_ivy } },
    { "Haswell", "Intel Core Processor (Haswell)", VENDOR_INTEL, SIGNATURE(6, 60, 4), FREQUENCIES, EXT, 40,
      { INTEL64, set_westmere, set_ivy, set_haswell }, "hle, rtm" },
    { "Haswell-noTSX", "Intel Core Processor (Haswell, no TSX)", VENDOR_INTEL, SIGNATURE(6, 60, 1), FREQUENCIES, EXT, 40,
      { INTEL64, set_westmere, set_ivy, set_haswell } },
    { "Skylake-Client", "Intel Core Processor (Skylake)", VENDOR_INTEL, SIGNATURE(6, 94, 3), FREQUENCIES, EXT, 40,
      { INTEL64, set_westmere, set_ivy, set_haswell, set_skylake }, "hle, mpx, rtm" },
    { "Skylake-Client-noTSX-IBRS", "Intel Core Processor (Skylake, IBRS, no TSX)", VENDOR_INTEL, SIGNATURE(6, 94, 3), FREQUENCIES, EXT, 40,
      { INTEL64, set_westmere, set_ivy, set_haswell, set_skylake } },
    { "Skylake-Server", "Intel Xeon Processor (Skylake)", VENDOR_INTEL, SIGNATURE(6, 85, 4), FREQUENCIES, EXT, 46,
      { INTEL64, set_westmere, set_ivy, set_haswell, set_skylake, set_server }, "avx512f, avx512dq, avx512cd, avx512bw, avx512vl, hle, mpx, rtm" },
    { "Skylake-Server-noTSX-IBRS", "Intel Xeon Processor (Skylake, IBRS, no TSX)", VENDOR_INTEL, SIGNATURE(6, 85, 4), FREQUENCIES, EXT, 46,
      { INTEL64, set_westmere, set_ivy, set_haswell, set_skylake, set_server }, "avx512f, avx512dq, avx512cd, avx512bw, avx512vl" },
    { "EPYC", "AMD EPYC Processor", VENDOR_AMD, SIGNATURE(23, 1, 2), 0xd, EXT_MORE, 40, { BASE64, set_epyc }, "clzero, sse4a, svm" },
};

/* Other names that users type: versions of models, which here differ in nothing that is built. */
static const struct {
    const char *name, *model;
} aliases[] = {
    { "486-v1", "486" }, { "pentium-v1", "pentium" }, { "pentium3-v1", "pentium3" }, { "qemu32-v1", "qemu32" }, { "qemu64-v1", "qemu64" },
    { "kvm32-v1", "kvm32" }, { "kvm64-v1", "kvm64" }, { "core2duo-v1", "core2duo" }, { "Nehalem-v1", "Nehalem" }, { "Nehalem-v2", "Nehalem" },
    { "Nehalem-IBRS", "Nehalem" }, { "IvyBridge-v1", "IvyBridge" }, { "IvyBridge-v2", "IvyBridge" }, { "IvyBridge-IBRS", "IvyBridge" },
    { "Haswell-v1", "Haswell" }, { "Haswell-v2", "Haswell-noTSX" }, { "Haswell-v3", "Haswell" }, { "Haswell-v4", "Haswell-noTSX" },
    { "Haswell-IBRS", "Haswell" }, { "Haswell-noTSX-IBRS", "Haswell-noTSX" }, { "Skylake-Client-v1", "Skylake-Client" },
    { "Skylake-Client-v2", "Skylake-Client" }, { "Skylake-Client-v3", "Skylake-Client-noTSX-IBRS" }, { "Skylake-Client-v4", "Skylake-Client-noTSX-IBRS" },
    { "Skylake-Client-IBRS", "Skylake-Client" }, { "Skylake-Server-v1", "Skylake-Server" }, { "Skylake-Server-v2", "Skylake-Server" },
    { "Skylake-Server-v3", "Skylake-Server-noTSX-IBRS" }, { "Skylake-Server-v4", "Skylake-Server-noTSX-IBRS" },
    { "Skylake-Server-v5", "Skylake-Server-noTSX-IBRS" }, { "Skylake-Server-IBRS", "Skylake-Server" },
    { "EPYC-v1", "EPYC" }, { "EPYC-v2", "EPYC" }, { "EPYC-v3", "EPYC" }, { "EPYC-v4", "EPYC" }, { "EPYC-IBPB", "EPYC" },
};

/* Known to users of other emulators; off is all that they can be here. */
static const char *const unbuilt[] = {
    "3dnow", "3dnowext", "acpi", "kvm-asyncpf", "kvm-hint-dedicated", "kvm-pv-eoi", "kvm-pv-ipi", "kvm-pv-sched-yield", "kvm-pv-tlb-flush", "kvm-pv-unhalt", "kvm-steal-time",
     "amx-bf16", "amx-int8", "amx-tile", "avx-vnni", "avx512-bf16", "avx512-fp16", "avx512-vp2intersect", "avx512-vpopcntdq",
    "avx512bitalg", "avx512bw", "avx512cd", "avx512dq", "avx512er", "avx512f", "avx512ifma", "avx512pf", "avx512vbmi", "avx512vbmi2", "avx512vl",
    "avx512vnni", "cldemote", "clzero", "dca", "ds", "dtes64", "est", "fma4", "hle", "ibs", "ibpb", "intel-pt", "lwp", "movdir64b", "movdiri",
    "mpx", "perfctr-core", "pks", "pmu", "rtm", "serialize", "sgx", "smx", "sse4a", "svm", "tbm", "tm", "tm2", "vmx", "waitpkg", "xop", NULL,
};
/* clang-format on */

static const char *const vendor_names[] = { "GenuineIntel", "AuthenticAMD", NULL };

enum { TSC_KHZ = 1000000 }; /* of the virtual clock, unless -cpu says otherwise */

/* What `-cpu` takes besides features; the model's values to begin with. */
typedef struct Options {
    uint32_t family, model, stepping, level, xlevel, phys_bits;
    uint64_t tsc_frequency; /* Hz; 0: not asked for */
    int vendor;
    char *model_id;
    bool check, enforce, kvm;
} Options;

#define NUMBER(prop, field, most)                                                                            \
    {                                                                                                        \
        prop, PROP_U32, offsetof(Options, field), .max = most                                                \
    }
static const Prop option_props[] = {
    NUMBER("family", family, 255 + 15),
    NUMBER("model", model, 255),
    NUMBER("stepping", stepping, 15),
    NUMBER("level", level, DIES),
    NUMBER("xlevel", xlevel, EXT_MORE),
    { "phys-bits", PROP_U32, offsetof(Options, phys_bits), .min = 32, .max = 52 },
    { "tsc-frequency", PROP_U64, offsetof(Options, tsc_frequency), .min = 1000000, .max = 4000000000 },
    { "vendor", PROP_ENUM, offsetof(Options, vendor), .names = vendor_names },
    { "model-id", PROP_STRING, offsetof(Options, model_id) },
    { "check", PROP_BOOL, offsetof(Options, check) },
    { "enforce", PROP_BOOL, offsetof(Options, enforce) },
    { "kvm", PROP_BOOL, offsetof(Options, kvm) },
    { NULL },
};

/* ---- names ------------------------------------------------------------------ */

const char *x86_model_name(unsigned n)
{
    if (n < G_N_ELEMENTS(models)) {
        return models[n].name;
    }
    n -= G_N_ELEMENTS(models);
    return n < G_N_ELEMENTS(aliases) ? aliases[n].name : NULL;
}

static const char *without_alias(const char *name)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(aliases); i++) {
        if (!strcmp(aliases[i].name, name)) {
            return aliases[i].model;
        }
    }
    return name;
}

static const Model *model_find(const char *name, GError **err)
{
    const char *names[G_N_ELEMENTS(models) + 1] = { NULL };
    name = without_alias(name);
    for (unsigned i = 0; i < G_N_ELEMENTS(models); i++) {
        if (!strcmp(models[i].name, name)) {
            return &models[i];
        }
        names[i] = models[i].name;
    }
    if (!strcmp(name, "host")) { /* to begin with: the accelerator knows the host's */
        return model_find("max", err);
    }
    g_autofree char *advice = names_advice(name, names);
    g_set_error(err, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE, "unable to find CPU model '%s' of x86%s", name,
                advice);
    return NULL;
}

/* "sse4_2", "sse4.2" and "sse4-2" are one. */
static char *spelled(const char *name)
{
    return g_strdelimit(g_ascii_strdown(name, -1), "_.", '-');
}

static bool is_name(const char *known, const char *given)
{
    g_autofree char *a = known ? spelled(known) : NULL, *b = spelled(given);
    return g_strcmp0(a, b) == 0;
}

static const X86FeatureRow *feature_find(const char *name)
{
    for (const X86FeatureRow *row = x86_features; row->name; row++) {
        if (is_name(row->name, name) || is_name(row->alias, name)) {
            return row;
        }
    }
    return NULL;
}

static const char *feature_name(X86Feature f)
{
    for (const X86FeatureRow *row = x86_features; row->name; row++) {
        if (row->feature == f) {
            return row->name;
        }
    }
    return "?";
}

static bool feature_unknown(const char *name, bool on, const PropContext *c, GError **err)
{
    if (g_strv_contains(unbuilt, name)) {
        if (on) {
            g_set_error(err, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
                        "%s: '%s' is not built in this version of Lyrebird: leave it out, or switch it off",
                        c->who, name);
        }
        return !on;
    }
    g_autoptr(GPtrArray) names = g_ptr_array_new();
    for (const X86FeatureRow *row = x86_features; row->name; row++) {
        g_ptr_array_add(names, (void *)row->name);
    }
    g_ptr_array_add(names, NULL);
    g_autofree char *hint = names_hint(name, names_of(names));
    g_set_error(err, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE, "%s: Property '%s-x86_64-cpu.%s' not found%s",
                c->who, c->class, name, hint);
    return false;
}

/* ---- one after the other ------------------------------------------------------- */

static void feature_set(X86CPU *x, X86Feature f, bool on)
{
    uint32_t bit = 1u << f % 32;
    x->feature[f / 32] = on ? x->feature[f / 32] | bit : x->feature[f / 32] & ~bit;
}

typedef struct Reading {
    X86CPU *x;
    Options o;
    GHashTable *named; /* features that the user named */
    PropContext c;
} Reading;

static bool take_value(Reading *r, const char *key, json_object *value, GError **err)
{
    const Prop *option = props_find(option_props, key);
    const Prop flag = { key, PROP_BOOL };
    bool on;
    if (option) {
        return prop_set(&r->o, option, value, &r->c, err);
    }
    if (!prop_set(&on, &flag, value, &r->c, err)) {
        return false;
    }
    const X86FeatureRow *row = feature_find(key);
    if (!row) {
        return feature_unknown(key, on, &r->c, err);
    }
    feature_set(r->x, row->feature, on);
    g_hash_table_add(r->named, GUINT_TO_POINTER(row->feature));
    return true;
}

static bool take_part(Reading *r, char *part, GError **err)
{
    const char *value, *key = keyval_split_switch(part, &value);
    json_object *text = json_object_new_string(value);
    bool ok = take_value(r, key, text, err);
    json_object_put(text);
    return ok;
}

/* What the model has by default follows silently when what it stands on goes; what the user named is an error. */
static bool features_settle(Reading *r, GError **err)
{
    for (bool again = true; again;) {
        again = false;
        for (const X86FeatureRow *row = x86_features; row->name; row++) {
            bool lacks =
                row->needs != X86_NO_FEATURE && x86_has(r->x, row->feature) && !x86_has(r->x, row->needs);
            if (lacks && g_hash_table_contains(r->named, GUINT_TO_POINTER(row->feature))) {
                g_set_error(err, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
                            "%s: '%s' needs '%s': switch both on, or both off", r->c.who, row->name,
                            feature_name(row->needs));
                return false;
            }
            if (lacks) {
                feature_set(r->x, row->feature, false);
                again = true;
            }
        }
    }
    return true;
}

/* ---- the whole -------------------------------------------------------------------- */

static void features_of(X86CPU *x, const Model *m)
{
    memset(x->feature, 0, sizeof(x->feature));
    for (unsigned i = 0; m->sets[i]; i++) {
        for (const X86Feature *f = m->sets[i]; *f != END; f++) {
            feature_set(x, *f, true);
        }
    }
}

static Options options_of(const Model *m)
{
    uint32_t s = m->signature, family = s >> 8 & 15;
    return (Options){ .family = family + (family == 15 ? s >> 20 & 255 : 0),
                      .model = (s >> 4 & 15) | (s >> 12 & 0xf0),
                      .stepping = s & 15,
                      .level = m->level,
                      .xlevel = m->xlevel,
                      .phys_bits = m->phys_bits,
                      .vendor = m->vendor,
                      .kvm = true,
                      .model_id = g_strdup(m->brand) };
}

static void options_apply(X86CPU *x, const Options *o)
{
    x->signature = SIGNATURE(o->family, o->model, o->stepping);
    x->vendor = o->vendor;
    x->level = o->level;
    x->xlevel = o->xlevel;
    x->phys_bits = o->phys_bits;
    x->hides_kvm = !o->kvm;
    x->tsc_asked = o->tsc_frequency != 0;
    x->tsc_khz = x->tsc_asked ? o->tsc_frequency / 1000 : TSC_KHZ;
    x86_place(&x->cpu, &(CpuTopology){ 0 });
    g_strlcpy(x->brand, o->model_id, sizeof(x->brand));
}

static bool read_parts(Reading *r, char **parts, GError **err)
{
    for (unsigned i = 0; parts[i]; i++) {
        if (!take_part(r, parts[i], err)) {
            return false;
        }
    }
    return features_settle(r, err);
}

/* check=on warns of what the model lacks of its processor, enforce=on refuses it. */
static bool tell_lacks(const Reading *r, const char *lacks, GError **err)
{
    if (r->o.enforce) {
        g_set_error(err, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
                    "%s: enforce=on, and of this processor's features these are not built: %s", r->c.who,
                    lacks);
    } else if (r->o.check) {
        log_report("warning: %s: of this processor's features these are not built: %s", r->c.who, lacks);
    }
    return !r->o.enforce;
}

bool x86_model_apply(X86CPU *x, const char *text, bool wide, GError **err)
{
    g_auto(GStrv) parts = g_strsplit(text, ",", -1);
    const Model *m = model_find(parts[0] ? parts[0] : "", err);
    if (!m) {
        return false;
    }
    g_autofree char *who = g_strdup_printf("-cpu %s", m->name);
    Reading r = { .x = x,
                  .o = options_of(m),
                  .named = g_hash_table_new(NULL, NULL),
                  .c = { .who = who, .class = m->name } };
    features_of(x, m);
    x->has_what_is = g_str_equal(m->name, "max");
    x->cpu.host_model = g_str_equal(parts[0], "host");
    if (!wide) {
        feature_set(x, X86_LM, false);
    }
    bool ok = read_parts(&r, parts + 1, err);
    if (ok && !wide && x86_has(x, X86_LM)) {
        g_set_error(
            err, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
            "%s: 'lm' is for 64-bit machines: leave it out, or start qemu-system-x86_64 (-arch x86_64)", who);
        ok = false;
    }
    if (ok && m->lacks) {
        ok = tell_lacks(&r, m->lacks, err);
    }
    if (ok) {
        options_apply(x, &r.o);
        x->feature[WORD_KVM] &= x->hides_kvm ? 0 : ~0u;
    }
    g_hash_table_destroy(r.named);
    g_free(r.o.model_id);
    return ok;
}
