/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Model-specific registers: what each takes and refuses; the time stamp counter. */
#include "fake.h"

#include "base/clock.h"
#include "target/i386/lbr.h"
#include "target/i386/msr.h"
#include "tests/loop.h"

static X86CPU *msr_world(void)
{
    X86CPU *x = fake_new();
    const State s = { .owner = x, .name = "i386", .tables = { { x86_state } }, .count = 1 };
    x->cpu.clock = test_clock();
    x->tsc_khz = 2000000;
    state_reset(&s);
    return x;
}

/* A write, whether it is taken, and what is read behind it. */
typedef struct Row {
    const char *name;
    uint32_t number;
    uint64_t value;
    bool ok;
    int without; /* a feature, or 0 */
} Row;
/* clang-format off */
static const Row rows[] = {
    { "lstar", 0xc0000082, 0xffff800000001000, true }, { "lstar, not canonical", 0xc0000082, 0x800000000000, false },
    { "lstar without long mode", 0xc0000082, 0, false, X86_LM },
    { "cstar, not canonical", 0xc0000083, 1ull << 63, false }, { "kernel_gs_base", 0xc0000102, 0x7fffffffffff, true },
    { "kernel_gs_base, not canonical", 0xc0000102, 0x0fff000000000000, false }, { "fs_base", 0xc0000100, 0x1234, true },
    { "fmask", 0xc0000084, UINT32_MAX, true }, { "fmask, 33 bits", 0xc0000084, 1ull << 32, false },
    { "star", 0xc0000081, UINT64_MAX, true }, { "tsc_aux", 0xc0000103, 77, true }, { "tsc_aux, 33 bits", 0xc0000103, 1ull << 32, false },
    { "tsc_aux without RDTSCP", 0xc0000103, 0, false, X86_RDTSCP },
    { "sysenter_eip, not canonical", 0x176, 0x800000000000, false }, { "sysenter_cs", 0x174, 0x10, true },
    { "efer", 0xc0000080, EFER_SCE | EFER_NXE, true }, { "efer, reserved", 0xc0000080, 2, false },
    { "pat", 0x277, 0x0007040600070401, true }, { "pat, type 2", 0x277, 2, false }, { "pat, type 8", 0x277, 8ull << 56, false },
    { "mtrr fixed", 0x26f, 0x0605040100060504, true }, { "mtrr fixed, type 7", 0x250, 7, false },
    { "mtrr base", 0x204, 0x80000006, true }, { "mtrr base, reserved", 0x204, 0x100, false }, { "mtrr base, above MAXPHYADDR", 0x204, 1ull << 40, false },
    { "mtrr mask", 0x20f, 0xff80000800, true }, { "mtrr mask, reserved", 0x20f, 1, false }, { "mtrr beyond the last", 0x210, 0, false },
    { "mtrr def type", 0x2ff, 0xc06, true }, { "mtrr def type, type 3", 0x2ff, 3, false }, { "mtrr def type, reserved", 0x2ff, 0x100, false },
    { "mtrrcap", 0xfe, 0x508, false }, { "arch_capabilities", 0x10a, 0, false }, { "spec_ctrl", 0x48, 1, true }, { "spec_ctrl, reserved", 0x48, 8, false },
    { "xss", 0xda0, 1, false }, { "apic_base", 0x1b, 0xfee00900, true }, { "apic_base to x2APIC", 0x1b, 0xfee00d00, true },
    { "apic_base: x2APIC without xAPIC", 0x1b, 0xfee00500, false }, { "apic_base, reserved", 0x1b, 0xfee00901, false },
    { "apic_base: no x2APIC", 0x1b, 0xfee00d00, false, X86_X2APIC }, { "apic_base, above MAXPHYADDR", 0x1b, 1ull << 40, false },
    { "unknown", 0x12345, 0, false },
};
/* clang-format on */

static void test_row(const void *opaque)
{
    const Row *r = opaque;
    X86CPU *x = msr_world();
    X86Fault f = { 0 };
    uint64_t before, after;
    if (r->without) {
        x->feature[r->without / 32] &= ~(1u << r->without % 32);
    }
    bool readable = x86_rdmsr(x, r->number, &before, &f);
    if (r->ok) {
        g_assert_true(readable && x86_wrmsr(x, r->number, r->value, &f) &&
                      x86_rdmsr(x, r->number, &after, &f));
        g_assert_cmphex(after, ==, r->value);
    } else {
        assert_fault(x86_wrmsr(x, r->number, r->value, &f), f, X86_EXC_GP, 0);
        g_assert_cmpint(x86_rdmsr(x, r->number, &after, &f), ==, readable);
        g_assert_cmphex(after, ==, before);
    }
    fake_free(x);
}

static void test_constants(void)
{
    X86CPU *x = msr_world();
    X86Fault f = { 0 };
    uint64_t value;
    g_assert_true(x86_rdmsr(x, 0xfe, &value, &f));
    g_assert_cmphex(value, ==, 0x508);
    x->feature[WORD_ARCH_CAP] = 0x8c0e17;
    g_assert_true(x86_rdmsr(x, 0x10a, &value, &f));
    g_assert_cmphex(value, ==, 0x8c0e17);
    assert_fault(x86_rdmsr(x, 0x49, &value, &f), f, X86_EXC_GP, 0); /* only written */
    g_assert_true(x86_wrmsr(x, 0x49, 1, &f));
    assert_fault(x86_wrmsr(x, 0x49, 2, &f), f, X86_EXC_GP, 0);
    g_assert_true(x86_wrmsr(x, 0x8b, 0, &f) && x86_rdmsr(x, 0x8b, &value, &f)); /* microcode: as Linux asks */
    g_assert_cmphex(value, ==, 1ull << 32);
    for (unsigned i = 0; i < 3; i++) { /* SYSCFG, HWCR, DE_CFG: of AMD's, and to be left as they are */
        static const uint32_t numbers[] = { 0xc0010010, 0xc0010015, 0xc0011029 };
        static const uint64_t values[] = { 0, 1 << 24, 2 };
        x->vendor = VENDOR_INTEL;
        assert_fault(x86_rdmsr(x, numbers[i], &value, &f), f, X86_EXC_GP, 0);
        x->vendor = VENDOR_AMD;
        g_assert_true(x86_rdmsr(x, numbers[i], &value, &f));
        g_assert_cmphex(value, ==, values[i]);
        g_assert_true(x86_wrmsr(x, numbers[i], value, &f));
        assert_fault(x86_wrmsr(x, numbers[i], value ^ 1, &f), f, X86_EXC_GP, 0);
    }
    x->ignore_msrs = true;
    g_assert_true(x86_wrmsr(x, 0x12345, 1, &f) && x86_rdmsr(x, 0x12345, &value, &f));
    g_assert_cmphex(value, ==, 0);
    fake_free(x);
}

/* Registers of branch records by model: how many there are, and where. */
static void test_branch_records(void)
{
    static const struct {
        X86Vendor vendor;
        uint32_t signature, from, to;
        unsigned depth;
    } models[] = {
        { VENDOR_AMD, 0x800f12, 0x1db, 0x1dc, 1 },   /* EPYC */
        { VENDOR_INTEL, 0x673, 0x1db, 0x1dc, 1 },    /* P6 */
        { VENDOR_INTEL, 0x6fb, 0x40, 0x60, 4 },      /* Core 2 */
        { VENDOR_INTEL, 0x106a3, 0x680, 0x6c0, 16 }, /* Nehalem */
        { VENDOR_INTEL, 0x306c4, 0x680, 0x6c0, 16 }, /* Haswell */
        { VENDOR_INTEL, 0x506e3, 0x680, 0x6c0, 32 }, /* Skylake */
        { VENDOR_INTEL, 0xf61, 0x680, 0x6c0, 0 },    /* kvm64 */
    };
    for (unsigned i = 0; i < G_N_ELEMENTS(models); i++) {
        X86CPU *x = msr_world();
        X86Fault f = { 0 };
        uint64_t value, top;
        unsigned depth = models[i].depth;
        x->vendor = models[i].vendor;
        x->signature = models[i].signature;
        for (unsigned n = 1; n <= 33; n++) {
            x86_set_ip(x, n);
            x86_lbr_record(x, n << 16);
        }
        g_assert_cmpint(x86_rdmsr(x, 0x1c9, &top, &f), ==, depth > 1);
        for (unsigned n = 0; n < depth; n++) { /* the last ones, the newest at the top */
            uint64_t want = 33 - (depth > 1 ? (top - n) % depth : 0);
            g_assert_true(x86_rdmsr(x, models[i].from + n, &value, &f));
            g_assert_cmphex(value, ==, want << 16);
            g_assert_true(x86_rdmsr(x, models[i].to + n, &value, &f));
            g_assert_cmphex(value, ==, want);
        }
        g_assert_true(depth == 1 || !x86_rdmsr(x, models[i].from + depth, &value, &f));
        g_assert_cmpint(x86_wrmsr(x, models[i].from, 7, &f), ==, depth > 1);
        g_assert_cmpint(x86_rdmsr(x, 0x1dd, &value, &f), ==, depth > 0);
        fake_free(x);
    }
}

static void test_apic_ways(void)
{
    enum { OFF = 0xfee00000, XAPIC = 0xfee00800, X2APIC = 0xfee00c00 };
    static const struct {
        uint64_t from, to;
        bool ok;
    } ways[] = {
        { OFF, XAPIC, true }, { OFF, X2APIC, false }, { XAPIC, X2APIC, true },
        { XAPIC, OFF, true }, { X2APIC, OFF, true },  { X2APIC, XAPIC, false },
    };
    X86CPU *x = msr_world();
    for (unsigned i = 0; i < G_N_ELEMENTS(ways); i++) {
        X86Fault f = { 0 };
        x->s.msr.apic_base = ways[i].from;
        g_assert_cmpint(x86_wrmsr(x, 0x1b, ways[i].to, &f), ==, ways[i].ok);
    }
    fake_free(x);
}

/* 2 GHz of a virtual clock that stands. */
static void test_tsc(void)
{
    X86CPU *x = msr_world();
    X86Fault f = { 0 };
    uint64_t value;
    clock_virtual_stop(x->cpu.clock);
    clock_virtual_set_ns(x->cpu.clock, 1000);
    g_assert_true(x86_rdtsc(x, &value, &f));
    g_assert_cmpuint(value, ==, 2000);
    g_assert_true(x86_wrmsr(x, 0x10, 5000, &f) && x86_rdmsr(x, 0x10, &value, &f));
    g_assert_cmpuint(value, ==, 5000);
    g_assert_true(x86_rdmsr(x, 0x3b, &value, &f)); /* ADJUST follows */
    g_assert_cmpuint(value, ==, 3000);
    clock_virtual_set_ns(x->cpu.clock, 2000);
    g_assert_cmpuint(x86_tsc(x), ==, 7000);
    g_assert_true(x86_wrmsr(x, 0x3b, 1, &f));
    g_assert_cmpuint(x86_tsc(x), ==, 4001);
    clock_virtual_set_ns(x->cpu.clock, INT64_MAX / 2); /* 146 years */
    g_assert_cmpuint(x86_tsc(x), ==, (uint64_t)(INT64_MAX / 2) * 2 + 1);
    x->s.cr4 = CR4_TSD;
    g_assert_true(x86_rdtsc(x, &value, &f));
    x->s.cpl = 1;
    assert_fault(x86_rdtsc(x, &value, &f), f, X86_EXC_GP, 0);
    fake_free(x);
}

/* A guest's clock from its counter, as KVM's documentation has it. */
static int64_t pvclock_ns(uint64_t at, uint64_t tsc)
{
    uint64_t ticks = tsc - fake_get(at + 8, 8), mul = fake_get(at + 24, 4);
    int8_t shift = (int8_t)fake_get(at + 28, 1);
    ticks = shift >= 0 ? ticks << shift : ticks >> -shift;
    return fake_get(at + 16, 8) + (uint64_t)((unsigned __int128)ticks * mul >> 32);
}

static void test_pvclock(void)
{
    static const uint32_t rates[] = { 1000, 999999, 1000000, 2400000, 4000000 };
    enum { TIME = 0x12, TIME_NEW = 0x4b564d01, AT = 0x1000, US = 1000 };
    for (unsigned i = 0; i < G_N_ELEMENTS(rates); i++) {
        X86CPU *x = msr_world();
        X86Fault f = { 0 };
        uint64_t value;
        x->tsc_khz = rates[i];
        clock_virtual_stop(x->cpu.clock);
        clock_virtual_set_ns(x->cpu.clock, 5000 * US);
        fake_put(AT, 4, 7); /* whatever was there: the version becomes even, and another */
        g_assert_true(x86_wrmsr(x, i % 2 ? TIME : TIME_NEW, AT | 1, &f));
        g_assert_true(x86_rdmsr(x, TIME_NEW, &value, &f));
        g_assert_cmphex(value, ==, AT | 1);
        g_assert_cmphex(fake_get(AT, 4), ==, 8);
        g_assert_cmphex(fake_get(AT + 29, 1), ==, 1);
        g_assert_cmpint(pvclock_ns(AT, x86_tsc(x)), ==, 5000 * US);
        clock_virtual_set_ns(x->cpu.clock, 9000 * US);
        g_assert_cmpint(ABS(pvclock_ns(AT, x86_tsc(x)) - 9000 * US), <=, 2);
        g_assert_true(x86_wrmsr(x, 0x10, 12345, &f)); /* the counter is moved: the page follows */
        g_assert_cmphex(fake_get(AT, 4), ==, 10);
        g_assert_cmpint(ABS(pvclock_ns(AT, x86_tsc(x)) - 9000 * US), <=, 2);
        g_assert_true(x86_wrmsr(x, TIME_NEW, 0, &f));
        g_assert_true(x86_wrmsr(x, 0x10, 0, &f));
        g_assert_cmphex(fake_get(AT, 4), ==, 10); /* no more */
        fake_free(x);
    }
}

/* The wall clock of the start: what it is now, less what has passed. */
static void test_wall_clock(void)
{
    X86CPU *x = msr_world();
    X86Fault f = { 0 };
    clock_virtual_stop(x->cpu.clock);
    clock_virtual_set_ns(x->cpu.clock, INT64_C(100) * 1000000000);
    int64_t before = g_get_real_time() / 1000000 - 100;
    g_assert_true(x86_wrmsr(x, 0x4b564d00, 0x2000, &f));
    int64_t start = fake_get(0x2004, 4), after = g_get_real_time() / 1000000 - 100;
    g_assert_true(start >= before - 1 && start <= after);
    g_assert_cmpuint(fake_get(0x2008, 4), <, 1000000000);
    x->feature[WORD_KVM] = 0;
    assert_fault(x86_wrmsr(x, 0x4b564d00, 0x2000, &f), f, X86_EXC_GP, 0);
    fake_free(x);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autofree char *path = g_strconcat("/i386/msr/", rows[i].name, NULL);
        g_test_add_data_func(path, &rows[i], test_row);
    }
    g_test_add_func("/i386/msr/constants", test_constants);
    g_test_add_func("/i386/msr/ways of the APIC", test_apic_ways);
    g_test_add_func("/i386/msr/branch records", test_branch_records);
    g_test_add_func("/i386/tsc", test_tsc);
    g_test_add_func("/i386/kvmclock/time", test_pvclock);
    g_test_add_func("/i386/kvmclock/wall clock", test_wall_clock);
    return g_test_run();
}
