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

static void assert_lines(X86CPU *x, const char *const *lines)
{
    g_autoptr(GString) out = g_string_new("\n");
    x86_dump(&x->cpu, out);
    for (; *lines; lines++) {
        if (!strstr(out->str, *lines)) {
            g_error("'%s' is not in\n%s", *lines, out->str);
        }
    }
}

/* The shape that users of QEMU know: order, digits by mode, segments with their descriptor's word and kind. */
static void test_dump(void)
{
    static const char *const wide[] = {
        "\nRAX=0000000000000001 RBX=0000000000000004 RCX=0000000000000002 RDX=0000000000000003\nRSI=",
        "\nR8 =0000000000000000 R9 =",
        "\nRIP=0000000000001234 RFL=00000002 [-------] CPL=3 II=0 A20=1 SMM=0 HLT=0\nES =",
        "\nCS =0033 0000000000000000 00000fff 00a0fa00 DPL=3 CS64 [-R-]\n",
        "\nSS =0023 0000000000000000 ffffffff 00cff200 DPL=3 DS   [-W-]\n",
        "\nFS =0000 0000000000000000 00000000 00000000\n",
        "\nLDT=0058 0000000000004000 0000001f 00008200 DPL=0 LDT\n",
        " DPL=0 TSS64-busy\nGDT=     0000000000001000 0000008f\nIDT=     ",
        "\nCR0=80000011 CR2=0000000000000000 CR3=0000000000020000 CR4=00000020\nDR0=",
        "\nFCW=037f FSW=3800 [ST=7] FTW=80 MXCSR=00001f80\nFPR0=",
        "\nXMM14=0000000000000000 0000000000000000 XMM15=0000000000000000 0000000000000000\n",
        NULL
    };
    static const char *const avx[] = {
        "\nYMM15=0000000000000044 0000000000000033 0000000000000022 0000000000000011\n", NULL
    };
    static const char *const narrow[] = { "\nEAX=00000000 EBX=00000000 ECX=00000000 EDX=00000000\nESI=",
                                          "\nCS =0008 00000000 ffffffff 00cf9a00 DPL=0 CS32 [-R-]\n",
                                          " DPL=0 TSS32-busy\nGDT=     00001000 0000008f\n",
                                          " CR2=00000000 CR3=00000000 CR4=00000000\n", NULL };
    static const char *const real[] = { "\nEIP=00000050 EFL=00000403 [D-----C] CPL=0",
                                        "\nCS =0000 00000000 0000ffff 00009b00\n", NULL };
    X86CPU *x = world_long(3);
    X86Fault f = { 0 };
    for (unsigned i = 0; i < 4; i++) {
        x->s.gpr[(const unsigned[]){ X86_RAX, X86_RCX, X86_RDX, X86_RBX }[i]] = i + 1;
    }
    x->s.x87 = (X87){ .fcw = FCW_INIT, .top = 7, .tags = 0x80 };
    x->s.mxcsr = 0x1f80;
    x->vendor = VENDOR_INTEL;
    g_assert_true(x86_seg_move(x, SEG_FS, 0, &f));
    assert_lines(x, wide);
    x->s.xcr0 = 7;
    for (unsigned i = 0; i < 4; i++) {
        x->s.ymm[15][i] = 0x11 * (i + 1);
    }
    assert_lines(x, avx);
    fake_free(x);
    x = world_protected(0);
    assert_lines(x, narrow);
    fake_free(x);
    x = world_real();
    x86_set_flags(x, EFL_CF | EFL_DF);
    assert_lines(x, real);
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
