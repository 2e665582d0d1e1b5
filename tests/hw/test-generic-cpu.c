/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What every CPU must do, proven from the tables of its architecture as test-generic.c proves it of devices: all
 * state is in the tables; reset is idempotent; state saved after random writes of registers loads into a fresh
 * CPU with the same bytes; a hostile stream is refused, changing nothing, or what it left can be saved and loaded
 * again: for several models of every architecture. */
#include <string.h>

#include "base/clock.h"
#include "target/cpu.h"
#include "tests/base/coverage.h"
#include "tests/base/stream.h"
#include "tests/loop.h"

enum { WRITES = 3000 };

typedef struct Case {
    const CPUArch *arch;
    char *model;
} Case;

static Case *case_new(const CPUArch *arch, const char *model, const char *lacks)
{
    Case *c = g_new(Case, 1);
    *c = (Case){ arch, g_strconcat(model, lacks, NULL) };
    return c;
}

static void case_free(void *opaque)
{
    Case *c = opaque;
    g_free(c->model);
    g_free(c);
}

/* Memory where nothing answers: registers of some architectures are loaded from tables in it. */
static AddressSpace *nothing(void)
{
    static MemoryRegion root;
    static AddressSpace *as;
    if (!as) {
        memory_region_init_container(&root, NULL, "nothing", UINT64_MAX);
        as = address_space_new(&root, "nothing");
    }
    return as;
}

static CPU *cpu_make(const CPUArch *arch, const char *model)
{
    g_autoptr(GError) err = NULL;
    CPU *cpu = cpu_new(arch, 3, nothing(), test_clock(), model, &err);
    g_assert_no_error(err);
    cpu_reset(cpu);
    return cpu;
}

static CPU *case_cpu(const Case *c)
{
    return cpu_make(c->arch, c->model);
}

static uint64_t random64(GRand *rnd)
{
    uint64_t v = (uint64_t)g_rand_int(rnd) << 32 | g_rand_int(rnd);
    switch (g_rand_int_range(rnd, 0, 4)) {
    case 0: return v & 0xff;
    case 1: return UINT64_C(1) << (v & 63);
    case 2: return v >> (v & 63);
    default: return v;
    }
}

/* The debugger's way to all registers obeys the rules of the guest's. */
static void write_random(CPU *cpu, GRand *rnd)
{
    unsigned count;
    const CPURegister *regs = cpu->arch->registers(cpu, &count);
    for (unsigned i = 0; i < WRITES; i++) {
        uint64_t value[4] = { random64(rnd), random64(rnd), random64(rnd), random64(rnd) };
        const CPURegister *r = &regs[g_rand_int(rnd) % count];
        g_assert_cmpuint(r->bits, <=, sizeof(value) * 8);
        bool written = cpu_write_register(cpu, r, value);
        (void)written; /* read only ones are not */
    }
}

static void test_covered(gconstpointer data)
{
    const CPUArch *arch = ((const Case *)data)->arch;
    coverage_check(arch->name, arch->state, CPU_STATE_TABLES, arch->state_offset, arch->state_size);
}

static void test_reset(gconstpointer data)
{
    g_autoptr(GRand) rnd = g_rand_new_with_seed(1);
    CPU *cpu = case_cpu(data);
    g_autoptr(GByteArray) fresh = cpu_state_save(cpu);
    write_random(cpu, rnd);
    cpu_reset(cpu);
    g_autoptr(GByteArray) again = cpu_state_save(cpu);
    g_assert_cmpmem(fresh->data, fresh->len, again->data, again->len);
    cpu_free(cpu);
}

static void assert_loads_alike(const Case *c, const GByteArray *stream)
{
    g_autoptr(GError) err = NULL;
    CPU *cpu = case_cpu(c);
    bool ok = cpu_state_load(cpu, stream->data, stream->len, &err);
    g_assert_no_error(err);
    g_assert_true(ok);
    g_autoptr(GByteArray) again = cpu_state_save(cpu);
    g_assert_cmpmem(stream->data, stream->len, again->data, again->len);
    cpu_free(cpu);
}

static void test_save_load(gconstpointer data)
{
    for (unsigned seed = 1; seed <= 5; seed++) {
        g_autoptr(GRand) rnd = g_rand_new_with_seed(seed);
        CPU *cpu = case_cpu(data);
        write_random(cpu, rnd);
        g_autoptr(GByteArray) stream = cpu_state_save(cpu);
        assert_loads_alike(data, stream);
        cpu_free(cpu);
    }
}

/* Machines saved by earlier releases load. */
static void test_kept(gconstpointer data)
{
    const Case *c = data;
    g_autoptr(GRand) rnd = g_rand_new_with_seed(9);
    g_autoptr(GError) err = NULL;
    g_autofree char *name = g_strdup_printf("%s.%s", c->arch->name, c->model);
    CPU *cpu = case_cpu(c);
    write_random(cpu, rnd);
    g_autoptr(GByteArray) now = cpu_state_save(cpu);
    g_autoptr(GByteArray) kept = stream_kept(STREAMS, name, now);
    bool ok = cpu_state_load(cpu, kept->data, kept->len, &err);
    g_assert_no_error(err);
    g_assert_true(ok);
    cpu_free(cpu);
}

static void test_hostile(gconstpointer data)
{
    g_autoptr(GRand) rnd = g_rand_new_with_seed(7);
    CPU *cpu = case_cpu(data);
    write_random(cpu, rnd);
    g_autoptr(GByteArray) good = cpu_state_save(cpu);
    unsigned refused = 0;
    for (unsigned round = 0; round < 500; round++) {
        g_autoptr(GByteArray) bad = stream_spoil(good, rnd);
        g_autoptr(GByteArray) before = cpu_state_save(cpu);
        bool ok = cpu_state_load(cpu, bad->data, bad->len, NULL);
        g_autoptr(GByteArray) after = cpu_state_save(cpu);
        if (!ok) {
            refused++;
            g_assert_cmpmem(before->data, before->len, after->data, after->len);
        }
        assert_loads_alike(data, after);
    }
    g_assert_cmpuint(refused, >, 250);
    cpu_free(cpu);
}

/* A model's registers have what another's have not: a stream of one is refused by the other, or fits it. */
static void test_other_models(void)
{
    static const struct {
        const char *arch, *from, *to, *name;
        uint64_t value;
        const char *why;
    } moves[] = {
        { "riscv64", "rv64", "rv64,s=off", "priv", 1, "priv" },
        { "riscv64", "rv64", "rv64,s=off", "stvec", 0x8000, "stvec" },
        { "riscv64", "max", "max,sv57=off", "satp", UINT64_C(10) << 60, "satp" },
        { "riscv64", "rv64", "rv64,pmp=off", "pmpaddr3", 1, "pmpcfg" },
        { "riscv64", "rv64", "rv64,sstc=off", "stimecmp", 1, "stimecmp" },
    };
    for (unsigned i = 0; i < G_N_ELEMENTS(moves); i++) {
        g_autoptr(GError) err = NULL;
        const CPUArch *arch = cpu_arch_find(moves[i].arch);
        CPU *a = cpu_make(arch, moves[i].from), *b = cpu_make(arch, moves[i].to);
        g_assert_true(cpu_write_register(a, cpu_find_register(a, moves[i].name), &moves[i].value));
        g_autoptr(GByteArray) stream = cpu_state_save(a);
        g_assert_false(cpu_state_load(b, stream->data, stream->len, &err));
        g_test_message("%s", err->message);
        g_assert_nonnull(strstr(err->message, moves[i].why));
        cpu_free(a);
        cpu_free(b);
    }
}

static const struct GenericTest {
    const char *name;
    void (*fn)(gconstpointer data);
} tests[] = {
    { "covered", test_covered }, { "reset", test_reset }, { "save-load", test_save_load },
    { "hostile", test_hostile }, { "kept", test_kept },
};

/* What is tried of an architecture: each model, with each of these left out. */
typedef struct Tried {
    const char *models[4], *lacks[4];
} Tried;
static const Tried riscv = { { "rv32", "rv64", "max", "rva22s64" },
                             { "", ",s=off", ",s=off,u=off", ",c=off,f=off,pmp=off" } };
static const Tried x86 = { { "486", "qemu32", "Haswell", "max" }, { "", ",-tsc" } };

static unsigned add_tests(const CPUArch *arch, const char *model, const char *lacks)
{
    if (!cpu_arch_has_model(arch, model)) {
        return 0;
    }
    for (unsigned t = 0; t < G_N_ELEMENTS(tests); t++) {
        Case *c = case_new(arch, model, lacks);
        g_autofree char *path = g_strdup_printf("/generic/%s/%s/%s", arch->name, c->model, tests[t].name);
        g_test_add_data_func_full(path, c, tests[t].fn, case_free);
    }
    return 1;
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    clock_virtual_stop(test_clock());
    clock_virtual_set_ns(test_clock(), 1000000);
    for (const CPUArch *const *arch = cpu_archs; *arch; arch++) {
        const Tried *tried = g_str_has_prefix((*arch)->name, "riscv") ? &riscv : &x86;
        unsigned found = 0;
        for (unsigned i = 0; i < 16; i++) {
            const char *model = tried->models[i / 4], *lacks = tried->lacks[i % 4];
            found += model && lacks ? add_tests(*arch, model, lacks) : 0;
        }
        g_assert_cmpuint(found, >, 0); /* an architecture without a model here is not tested: name one */
    }
    g_test_add_func("/generic/other-models", test_other_models);
    return g_test_run();
}
