/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Registers as gdb and the monitor see them: numbers that gdb fixes, values there and back, what cannot be set. */
#include "world.h"

#include <string.h>

#include "target/i386/registers.h"
#include "target/i386/x87.h"
#include "util/bytes.h"

static const CPURegister *find(X86CPU *x, const char *name, int *number)
{
    unsigned count;
    const CPURegister *regs = x86_registers(&x->cpu, &count);
    for (unsigned i = 0; i < count; i++) {
        if (!strcmp(regs[i].name, name)) {
            *number = i;
            return &regs[i];
        }
    }
    return NULL;
}

static uint64_t get(X86CPU *x, const char *name)
{
    uint8_t bytes[CPU_REGISTER_BYTES] = { 0 };
    int number;
    x86_get_register(&x->cpu, find(x, name, &number), bytes);
    return load_le(bytes, 8);
}

static bool set(X86CPU *x, const char *name, uint64_t value)
{
    uint8_t bytes[CPU_REGISTER_BYTES] = { 0 };
    int number;
    store_le(bytes, 8, value);
    return x86_set_register(&x->cpu, find(x, name, &number), bytes);
}

/* gdb's own numbers of its two architectures. */
static void test_numbers(void)
{
    static const struct {
        const char *name;
        int wide, narrow; /* -1: not there */
    } rows[] = {
        { "rax", 0, -1 },    { "rbx", 1, -1 },      { "rsp", 7, -1 },    { "r15", 15, -1 },
        { "rip", 16, -1 },   { "eax", -1, 0 },      { "esp", -1, 4 },    { "eip", -1, 8 },
        { "eflags", 17, 9 }, { "cs", 18, 10 },      { "gs", 23, 15 },    { "st0", 24, 16 },
        { "fop", 39, 31 },   { "xmm0", 40, 32 },    { "xmm15", 55, -1 }, { "mxcsr", 56, 40 },
        { "ymm0h", 57, 41 }, { "fs_base", 73, -1 },
    };
    for (unsigned wide = 0; wide < 2; wide++) {
        X86CPU *x = world_protected(0);
        if (!wide) {
            x->feature[X86_LM / 32] &= ~(1u << X86_LM % 32);
        }
        for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
            int number = -1;
            find(x, rows[i].name, &number);
            g_assert_cmpint(number, ==, wide ? rows[i].wide : rows[i].narrow);
        }
        fake_free(x);
    }
}

/* Whatever is set is there, and nothing else has changed. */
static void test_round_trip(void)
{
    X86CPU *x = world_long(0);
    unsigned count;
    const CPURegister *regs = x86_registers(&x->cpu, &count);
    x87_init(&x->s.x87);
    for (unsigned i = 0; i < count; i++) {
        uint8_t was[CPU_REGISTER_BYTES] = { 0 }, want[CPU_REGISTER_BYTES], got[CPU_REGISTER_BYTES];
        X86State before = x->s;
        x86_get_register(&x->cpu, &regs[i], was);
        memcpy(want, was, sizeof(want));
        bool control = !strcmp(regs[i].group, "org.lyrebird.i386.system");
        if (strlen(regs[i].name) != 2 && !control && strcmp(regs[i].name, "ftag")) { /* no selectors */
            want[0] ^= 0x55;
        }
        if (!strcmp(regs[i].name, "eflags")) {
            want[0] = EFL_FIXED | EFL_ZF;
        }
        if (!strcmp(regs[i].name, "fctrl")) {
            want[0] ^= FCW_FIXED; /* back */
        }
        g_assert_true(x86_set_register(&x->cpu, &regs[i], want));
        x86_get_register(&x->cpu, &regs[i], got);
        g_assert_cmpmem(got, (regs[i].bits + 7) / 8, want, (regs[i].bits + 7) / 8);
        g_assert_true(x86_set_register(&x->cpu, &regs[i], was));
        g_assert_cmpmem(&x->s, sizeof(x->s), &before, sizeof(before));
    }
    fake_free(x);
}

static void test_x87(void)
{
    X86CPU *x = world_protected(0);
    g_assert_true(set(x, "fstat", 3 << 11 | 0x41) && set(x, "ftag", 0xfff3)); /* physical 1 is in use */
    g_assert_cmpint(x->s.x87.top, ==, 3);
    g_assert_cmphex(x->s.x87.tags, ==, 2);
    g_assert_cmphex(get(x, "ftag"), ==, 0xfff7); /* a zero */
    g_assert_true(set(x, "st6", 1ull << 63));    /* ST(6) is physical 1 */
    x->s.x87.st[1].exponent = 0x3fff;
    g_assert_cmphex(get(x, "ftag"), ==, 0xfff3);
    x->s.x87.st[1].exponent = 0x7fff;
    g_assert_cmphex(get(x, "ftag"), ==, 0xfffb);
    fake_free(x);
}

static void test_refused(void)
{
    X86CPU *x = world_long(0);
    g_assert_false(set(x, "cs", SEL_CODE0));
    g_assert_false(set(x, "ds", 0x1000)); /* beyond the table */
    g_assert_true(set(x, "ds", SEL_DATA3));
    g_assert_cmphex(x->s.seg[SEG_DS].selector, ==, SEL_DATA3);
    g_assert_false(set(x, "cr0", CR0_PE)); /* paging off in 64-bit code */
    g_assert_false(set(x, "fs_base", 0x800000000000));
    g_assert_false(set(x, "eflags", EFL_FIXED | EFL_VM));
    g_assert_cmphex(x->s.eflags & EFL_VM, ==, 0);
    fake_free(x);
    x = world_real();
    g_assert_true(set(x, "cs", 0xf000));
    g_assert_cmphex(x->s.seg[SEG_CS].base, ==, 0xf0000);
    g_assert_cmphex(get(x, "rip"), ==, 0x50);
    fake_free(x);
}

static void test_dump(void)
{
    static const char *const wide[] = {
        "RAX=",     "R15=",        "RIP=0000000000001234 RFL=00000002 [-------] CPL=3",
        "CS =0033", "code64 [-r-", "CR0=80000011",
        "YMM15="
    };
    X86CPU *x = world_long(3);
    g_autoptr(GString) out = g_string_new(NULL);
    x86_dump(&x->cpu, out);
    for (unsigned i = 0; i < G_N_ELEMENTS(wide); i++) {
        if (!strstr(out->str, wide[i])) {
            g_error("'%s' is not in\n%s", wide[i], out->str);
        }
    }
    fake_free(x);
    x = world_real();
    g_string_truncate(out, 0);
    x86_set_flags(x, EFL_CF | EFL_DF);
    x86_dump(&x->cpu, out);
    g_assert_nonnull(strstr(out->str, "EIP=00000050 EFL=00000403 [D-----C] CPL=0"));
    g_assert_null(strstr(out->str, "R8 "));
    fake_free(x);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/i386/registers/numbers", test_numbers);
    g_test_add_func("/i386/registers/round trip", test_round_trip);
    g_test_add_func("/i386/registers/x87", test_x87);
    g_test_add_func("/i386/registers/refused", test_refused);
    g_test_add_func("/i386/registers/dump", test_dump);
    return g_test_run();
}
