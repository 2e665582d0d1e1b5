/* SPDX-License-Identifier: GPL-2.0-or-later */
/* CPU models and their features: `-cpu MODEL,feature=on|off,...`.
 * Spec: unprivileged specification, naming.adoc (order of names); profiles
 * (RVA22S64); names of features as QEMU's users type them
 * (qemu-interface/cpu-properties).
 *
 * A feature that Lyrebird does not build may be switched off, which it is; switching
 * it on is refused. */
#include "target/riscv/cpu.h"

#include <json-c/json.h>
#include <stdio.h>
#include <string.h>

#include "base/props.h"
#include "util/keyval.h"

#define B(e) (1ull << (e))

static const uint64_t base_g = B(EXT_I) | B(EXT_M) | B(EXT_A) | B(EXT_F) | B(EXT_D) | B(EXT_C) | B(EXT_S) |
                               B(EXT_U) | B(EXT_ZICSR) | B(EXT_ZIFENCEI) | B(EXT_MMU) | B(EXT_PMP);
static const uint64_t base_rv = B(EXT_ZICNTR) | B(EXT_ZIHPM) | B(EXT_ZBA) | B(EXT_ZBB) | B(EXT_ZBC) |
                                B(EXT_ZBS) | B(EXT_ZICBOM) | B(EXT_ZICBOP) | B(EXT_ZICBOZ) | B(EXT_ZAWRS) |
                                B(EXT_ZFA) | B(EXT_ZIHINTPAUSE) | B(EXT_ZIHINTNTL) | B(EXT_SSTC) |
                                B(EXT_SVADU);
static const uint64_t base_max = B(EXT_ZICOND) | B(EXT_ZACAS) | B(EXT_ZFH) | B(EXT_ZFHMIN) | B(EXT_SVINVAL) |
                                 B(EXT_SVNAPOT) | B(EXT_SVPBMT) | B(EXT_SVADE) | B(EXT_SMSTATEEN);
static const uint64_t wide_mmu = B(EXT_SV48) | B(EXT_SV57);
static const uint64_t rva22 = B(EXT_ZICNTR) | B(EXT_ZIHPM) | B(EXT_ZBA) | B(EXT_ZBB) | B(EXT_ZBS) |
                              B(EXT_ZICBOM) | B(EXT_ZICBOP) | B(EXT_ZICBOZ) | B(EXT_ZFHMIN) |
                              B(EXT_ZIHINTPAUSE) | B(EXT_SVADE) | B(EXT_SVPBMT) | B(EXT_SVINVAL);

typedef struct Model {
    const char *name;
    uint32_t xlens;          /* 32 | 64 */
    const uint64_t *sets[4]; /* of extensions, joined */
} Model;

static const Model models[] = {
    { "max", 32 | 64, { &base_g, &base_rv, &base_max, &wide_mmu } },
    { "rv32", 32, { &base_g, &base_rv } },
    { "rv64", 64, { &base_g, &base_rv, &wide_mmu } },
    { "rva22s64", 64, { &base_g, &rva22 } },
};

/* Features by the name that users type. */
typedef struct Feature {
    const char *name;
    RiscvExt ext;
    uint64_t needs; /* extensions that must be on as well */
} Feature;

static const Feature features[] = {
    { "i", EXT_I, 0 },
    { "m", EXT_M, 0 },
    { "a", EXT_A, 0 },
    { "f", EXT_F, B(EXT_ZICSR) },
    { "d", EXT_D, B(EXT_F) },
    { "c", EXT_C, 0 },
    { "s", EXT_S, B(EXT_U) },
    { "u", EXT_U, 0 },
    { "zicsr", EXT_ZICSR, 0 },
    { "zifencei", EXT_ZIFENCEI, 0 },
    { "zicntr", EXT_ZICNTR, B(EXT_ZICSR) },
    { "zihpm", EXT_ZIHPM, B(EXT_ZICSR) },
    { "zba", EXT_ZBA, 0 },
    { "zbb", EXT_ZBB, 0 },
    { "zbc", EXT_ZBC, 0 },
    { "zbs", EXT_ZBS, 0 },
    { "zicond", EXT_ZICOND, 0 },
    { "zicbom", EXT_ZICBOM, 0 },
    { "zicbop", EXT_ZICBOP, 0 },
    { "zicboz", EXT_ZICBOZ, 0 },
    { "zawrs", EXT_ZAWRS, B(EXT_A) },
    { "zacas", EXT_ZACAS, B(EXT_A) },
    { "zfh", EXT_ZFH, B(EXT_F) },
    { "zfhmin", EXT_ZFHMIN, B(EXT_F) },
    { "zfa", EXT_ZFA, B(EXT_F) },
    { "zihintpause", EXT_ZIHINTPAUSE, 0 },
    { "zihintntl", EXT_ZIHINTNTL, 0 },
    { "sstc", EXT_SSTC, B(EXT_S) },
    { "svadu", EXT_SVADU, B(EXT_S) },
    { "svade", EXT_SVADE, B(EXT_S) },
    { "svinval", EXT_SVINVAL, B(EXT_S) },
    { "svnapot", EXT_SVNAPOT, B(EXT_S) },
    { "svpbmt", EXT_SVPBMT, B(EXT_S) },
    { "smstateen", EXT_SMSTATEEN, B(EXT_S) },
    { "sv48", EXT_SV48, B(EXT_MMU) },
    { "sv57", EXT_SV57, B(EXT_MMU) },
    { "mmu", EXT_MMU, 0 },
    { "pmp", EXT_PMP, 0 },
};

/* Known to users of other emulators; off is all that they can be here. */
/* clang-format off */
static const char *const unbuilt[] = {
    "v", "h", "e", "g", "zve32f", "zve32x", "zve64d", "zve64f", "zve64x", "zvbb", "zvbc", "zvkb",
    "zvfh", "zvfhmin", "zbkb", "zbkc", "zbkx", "zkne", "zknd", "zknh", "zkr", "zksed", "zksh",
    "zfinx", "zdinx", "zhinx", "zhinxmin", "zabha", "zama16b", "zcb", "zcmp", "zcmt", "zcmop",
    "zimop", "zicfilp", "zicfiss", "zalasr", "smaia", "ssaia", "smepmp", "smrnmi", "smdbltrp",
    "ssdbltrp", "smcntrpmf", "sscofpmf", "smcdeleg", "ssccfg", "smcsrind", "sscsrind", "smnpm",
    "ssnpm", "smmpm", "sspm", "supm", "svvptc", "svrsw60t59b", "smctr", "ssctr", "debug", "sdtrig",
    "sv39", "short-isa-string", "start-powered-off", "misa-w", NULL,
};
/* clang-format on */

static const Model *model_find(const char *name, uint32_t xlen)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(models); i++) {
        if ((models[i].xlens & xlen) && !strcmp(models[i].name, name)) {
            return &models[i];
        }
    }
    return NULL;
}

static const Feature *feature_find(const char *name)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(features); i++) {
        if (!g_ascii_strcasecmp(features[i].name, name)) {
            return &features[i];
        }
    }
    return NULL;
}

/* The n-th of this width. */
static const char *model_name(uint32_t xlen, unsigned n)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(models); i++) {
        if (models[i].xlens & xlen && n-- == 0) {
            return models[i].name;
        }
    }
    return NULL;
}

static void model_unknown(const char *name, uint32_t xlen, GError **err)
{
    const char *names[G_N_ELEMENTS(models) + 1];
    unsigned n = 0;
    while ((names[n] = model_name(xlen, n))) {
        n++;
    }
    g_autofree char *advice = names_advice(name, names);
    g_set_error(err, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE, "unable to find CPU model '%s' of riscv%u%s",
                name, xlen, advice);
}

static bool feature_unknown(const char *name, const PropContext *c, GError **err)
{
    const char *names[G_N_ELEMENTS(features) + 1];
    for (unsigned i = 0; i < G_N_ELEMENTS(features); i++) {
        names[i] = features[i].name;
    }
    names[G_N_ELEMENTS(features)] = NULL;
    g_autofree char *advice = names_advice(name, names);
    g_set_error(err, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE, "%s: Property '%s-riscv-cpu.%s' not found%s",
                c->who, c->class, name, advice);
    return false;
}

#define NO_VENDOR "the harts are of no vendor"
#define NO_COUNTERS "event counters count nothing here"
#define BLOCK_64 "cache blocks are 64 bytes here"

/* What other emulators let one choose: the value that is built is accepted. */
static const Prop fixed_props[] = {
    { "priv_spec", PROP_STRING, .def_string = "v1.12.0",
      .only = "harts follow this version of the privileged specification" },
    { "vext_spec", PROP_STRING, .def_string = "v1.0",
      .only = "'v' is not built, and there is one version of it" },
    { "vlen", .refused = "'v' is not built; leave it out" },
    { "elen", .refused = "'v' is not built; leave it out" },
    PROP_ONLY_NUMBER("cbom_blocksize", 64, BLOCK_64),
    PROP_ONLY_NUMBER("cbop_blocksize", 64, BLOCK_64),
    PROP_ONLY_NUMBER("cboz_blocksize", 64, BLOCK_64),
    PROP_ONLY_NUMBER("pmu-num", 0, NO_COUNTERS),
    PROP_ONLY_NUMBER("pmu-mask", 0, NO_COUNTERS),
    PROP_ONLY_NUMBER("mvendorid", 0, NO_VENDOR),
    { "marchid", PROP_U64, .only = NO_VENDOR },
    { "mimpid", PROP_U64, .only = NO_VENDOR },
    { "resetvec", PROP_U64, .def = 0x1000, .only = "the boot ROM is at 0x1000" },
    { NULL },
};

static bool feature_unbuilt(const char *key, bool on, const PropContext *c, GError **err)
{
    bool sv39 = !strcmp(key, "sv39");
    if (!g_strv_contains(unbuilt, key)) {
        return feature_unknown(key, c, err);
    }
    if (on == sv39) {
        return true;
    }
    g_set_error(err, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
                sv39 ? "%s: '%s' cannot be switched off: it is the base of sv48 and sv57"
                     : "%s: '%s' is not built in this version of Lyrebird: leave it out, or switch it off",
                c->who, key);
    return false;
}

static bool feature_apply(RiscvCPU *r, const char *key, json_object *value, const PropContext *c,
                          GError **err)
{
    const Prop *fixed = props_find(fixed_props, key);
    const Prop flag = { key, PROP_BOOL };
    bool on;
    if (fixed) {
        return prop_set(NULL, fixed, value, c, err);
    }
    if (!prop_set(&on, &flag, value, c, err)) {
        return false;
    }
    const Feature *f = feature_find(key);
    if (!f) {
        return feature_unbuilt(key, on, c, err);
    }
    r->ext = on ? r->ext | B(f->ext) : r->ext & ~B(f->ext);
    return true;
}

static bool features_consistent(const RiscvCPU *r, GError **err)
{
    if (!riscv_has(r, EXT_I) || !riscv_has(r, EXT_ZICSR)) {
        g_set_error(err, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
                    "-cpu: 'i' and 'zicsr' cannot be switched off");
        return false;
    }
    for (unsigned i = 0; i < G_N_ELEMENTS(features); i++) {
        const Feature *f = &features[i];
        uint64_t missing = f->needs & ~r->ext;
        if (!riscv_has(r, f->ext) || !missing) {
            continue;
        }
        for (unsigned k = 0; k < G_N_ELEMENTS(features); k++) {
            if (missing & B(features[k].ext)) {
                g_set_error(err, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
                            "-cpu: '%s' needs '%s': switch both on, or both off", f->name, features[k].name);
                return false;
            }
        }
    }
    return true;
}

/* Extensions that go when what they stand on is switched off by the user: what the model
 * had by default follows silently, what the user named is an error (features_consistent). */
static void features_follow(RiscvCPU *r, GHashTable *named)
{
    for (bool again = true; again;) {
        again = false;
        for (unsigned i = 0; i < G_N_ELEMENTS(features); i++) {
            const Feature *f = &features[i];
            if (riscv_has(r, f->ext) && (f->needs & ~r->ext) && !g_hash_table_contains(named, f->name)) {
                r->ext &= ~B(f->ext);
                again = true;
            }
        }
    }
}

static bool feature_take(RiscvCPU *r, char *part, GHashTable *named, const PropContext *c, GError **err)
{
    const char *value, *key = keyval_split_switch(part, &value);
    json_object *text = json_object_new_string(value);
    bool ok = feature_apply(r, key, text, c, err);
    json_object_put(text);
    g_hash_table_add(named, g_ascii_strdown(key, -1));
    return ok;
}

static void model_extensions(RiscvCPU *r, const Model *m)
{
    r->ext = 0;
    for (unsigned i = 0; i < G_N_ELEMENTS(m->sets) && m->sets[i]; i++) {
        r->ext |= *m->sets[i];
    }
    if (r->xlen == 32) {
        r->ext &= ~(wide_mmu | B(EXT_SVNAPOT) | B(EXT_SVPBMT));
    }
}

bool riscv_model_apply(RiscvCPU *r, const char *text, GError **err)
{
    g_autoptr(GHashTable) named = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    g_auto(GStrv) parts = g_strsplit(text, ",", -1);
    const Model *m = model_find(parts[0] ? parts[0] : "", r->xlen);
    if (!m) {
        model_unknown(parts[0] ? parts[0] : "", r->xlen, err);
        return false;
    }
    g_autofree char *who = g_strdup_printf("-cpu %s", m->name);
    const PropContext c = { .who = who, .class = m->name };
    model_extensions(r, m);
    for (unsigned i = 1; parts[i]; i++) {
        if (!feature_take(r, parts[i], named, &c, err)) {
            return false;
        }
    }
    if (riscv_has(r, EXT_ZFH)) {
        r->ext |= B(EXT_ZFHMIN);
    }
    features_follow(r, named);
    return features_consistent(r, err);
}

const char *riscv64_model_name(unsigned n)
{
    return model_name(64, n);
}

const char *riscv32_model_name(unsigned n)
{
    return model_name(32, n);
}

/* ---- what the device tree says ------------------------------------------- */

/* Canonical order (naming.adoc): single letters, Zi*, Zm*, Za*, Zf*, Zc*, Zb*, then S*. */
typedef struct IsaName {
    const char *name;
    uint64_t needs; /* all of them */
} IsaName;

/* clang-format off */
static const IsaName isa_names[] = {
    { "i", B(EXT_I) }, { "m", B(EXT_M) }, { "a", B(EXT_A) }, { "f", B(EXT_F) }, { "d", B(EXT_D) },
    { "c", B(EXT_C) },
    { "zic64b", B(EXT_ZICBOM) | B(EXT_ZICBOP) | B(EXT_ZICBOZ) },
    { "zicbom", B(EXT_ZICBOM) }, { "zicbop", B(EXT_ZICBOP) }, { "zicboz", B(EXT_ZICBOZ) },
    { "ziccamoa", B(EXT_A) }, { "ziccif", B(EXT_I) }, { "zicclsm", B(EXT_I) }, { "ziccrse", B(EXT_A) },
    { "zicntr", B(EXT_ZICNTR) }, { "zicond", B(EXT_ZICOND) }, { "zicsr", B(EXT_ZICSR) },
    { "zifencei", B(EXT_ZIFENCEI) }, { "zihintntl", B(EXT_ZIHINTNTL) },
    { "zihintpause", B(EXT_ZIHINTPAUSE) }, { "zihpm", B(EXT_ZIHPM) },
    { "zmmul", B(EXT_M) }, { "za64rs", B(EXT_A) }, { "zaamo", B(EXT_A) }, { "zacas", B(EXT_ZACAS) },
    { "zalrsc", B(EXT_A) }, { "zawrs", B(EXT_ZAWRS) }, { "zfa", B(EXT_ZFA) }, { "zfh", B(EXT_ZFH) },
    { "zfhmin", B(EXT_ZFHMIN) }, { "zca", B(EXT_C) }, { "zcd", B(EXT_C) | B(EXT_D) },
    { "zba", B(EXT_ZBA) }, { "zbb", B(EXT_ZBB) }, { "zbc", B(EXT_ZBC) }, { "zbs", B(EXT_ZBS) },
    { "smstateen", B(EXT_SMSTATEEN) }, { "ssccptr", B(EXT_S) }, { "sscounterenw", B(EXT_S) },
    { "sstc", B(EXT_SSTC) }, { "sstvala", B(EXT_S) }, { "sstvecd", B(EXT_S) },
    { "ssu64xl", B(EXT_S) | B(EXT_SV48) }, { "svade", B(EXT_SVADE) }, { "svadu", B(EXT_SVADU) },
    { "svinval", B(EXT_SVINVAL) }, { "svnapot", B(EXT_SVNAPOT) }, { "svpbmt", B(EXT_SVPBMT) },
};
/* clang-format on */

char *riscv_isa_string(CPU *cpu)
{
    const RiscvCPU *r = riscv_cpu(cpu);
    GString *s = g_string_new(NULL);
    g_string_printf(s, "rv%u", r->xlen);
    for (unsigned i = 0; i < G_N_ELEMENTS(isa_names); i++) {
        if (!(isa_names[i].needs & ~r->ext)) {
            g_string_append_printf(s, "%s%s", isa_names[i].name[1] ? "_" : "", isa_names[i].name);
        }
    }
    return g_string_free(s, FALSE);
}

GByteArray *riscv_isa_list(CPU *cpu)
{
    const RiscvCPU *r = riscv_cpu(cpu);
    GByteArray *a = g_byte_array_new();
    for (unsigned i = 0; i < G_N_ELEMENTS(isa_names); i++) {
        if (!(isa_names[i].needs & ~r->ext)) {
            g_byte_array_append(a, (const guint8 *)isa_names[i].name, strlen(isa_names[i].name) + 1);
        }
    }
    return a;
}

const char *riscv_mmu_type(CPU *cpu)
{
    const RiscvCPU *r = riscv_cpu(cpu);
    if (!riscv_has(r, EXT_MMU)) {
        return NULL;
    }
    return r->xlen == 32            ? "riscv,sv32"
           : riscv_has(r, EXT_SV57) ? "riscv,sv57"
           : riscv_has(r, EXT_SV48) ? "riscv,sv48"
                                    : "riscv,sv39";
}

unsigned riscv_hart_xlen(CPU *cpu)
{
    return riscv_cpu(cpu)->xlen;
}

bool riscv_hart_has(CPU *cpu, RiscvExt ext)
{
    return riscv_has(riscv_cpu(cpu), ext);
}
