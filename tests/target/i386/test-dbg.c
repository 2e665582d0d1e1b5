/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Debug registers, and the interrupt flag with its shadows and its virtual twin. */
#include "world.h"

#include "target/i386/dbg.h"
#include "target/i386/intflag.h"

static void test_registers(void)
{
    X86CPU *x = world_protected(0);
    X86Fault f = { 0 };
    uint64_t value;
    g_assert_true(x86_dr_write(x, 6, 0xffffffff, &f) && x86_dr_read(x, 6, &value, &f));
    g_assert_cmphex(value, ==, 0xffffefff);
    g_assert_true(x86_dr_write(x, 6, 0, &f) && x86_dr_read(x, 4, &value, &f)); /* DR4 is DR6 */
    g_assert_cmphex(value, ==, DR6_FIXED);
    g_assert_true(x86_dr_write(x, 5, 0xffffdfff, &f) && x86_dr_read(x, 7, &value, &f));
    g_assert_cmphex(value, ==, 0xffff07ff);
    assert_fault(x86_dr_write(x, 7, 1ull << 32, &f), f, X86_EXC_GP, 0);
    assert_fault(x86_dr_write(x, 6, 1ull << 63, &f), f, X86_EXC_GP, 0);
    g_assert_true(x86_dr_write(x, 3, 0xffff800000001234, &f) && x86_dr_read(x, 3, &value, &f));
    g_assert_cmphex(value, ==, 0xffff800000001234);
    x->s.cr4 = CR4_DE;
    assert_fault(x86_dr_read(x, 4, &value, &f), f, X86_EXC_UD, 0);
    x->s.dr7 |= DR7_GD;
    assert_fault(x86_dr_read(x, 5, &value, &f), f, X86_EXC_UD, 0);
    assert_fault(x86_dr_read(x, 0, &value, &f), f, X86_EXC_DB, 0);
    g_assert_cmphex(f.dr6, ==, DR6_BD);
    fake_free(x);
}

enum { LEN1 = 0, LEN2 = 1, LEN8 = 2, LEN4 = 3 };

static void set_break(X86CPU *x, unsigned i, uint64_t at, unsigned kind, unsigned length)
{
    x->s.dr[i] = at;
    x->s.dr7 |= 1 << 2 * i | (uint64_t)(kind | length << 2) << (16 + 4 * i);
}

static void test_code(void)
{
    X86CPU *x = world_protected(0);
    set_break(x, 1, 0x1000, BREAK_EXEC, LEN1);
    g_assert_cmphex(x86_break_code(x, 0x1000), ==, 2);
    g_assert_cmphex(x86_break_code(x, 0x1001), ==, 0);
    g_assert_cmphex(x86_break_data(x, 0x1000, 1, true), ==, 0);
    x->s.eflags |= EFL_RF;
    g_assert_cmphex(x86_break_code(x, 0x1000), ==, 0);
    x->s.dr7 = DR7_FIXED;
    fake_free(x);
}

static void test_data(void)
{
    static const struct {
        unsigned kind, length;
        uint64_t at, first;
        unsigned bytes;
        bool write, met;
    } rows[] = {
        { BREAK_WRITE, LEN4, 0x1000, 0x1003, 1, true, true },
        { BREAK_WRITE, LEN4, 0x1000, 0x1004, 1, true, false },
        { BREAK_WRITE, LEN4, 0x1000, 0x0ffd, 4, true, true },
        { BREAK_WRITE, LEN4, 0x1000, 0x0ffc, 4, true, false },
        { BREAK_WRITE, LEN4, 0x1000, 0x1000, 4, false, false },
        { BREAK_ACCESS, LEN4, 0x1000, 0x1000, 4, false, true },
        { BREAK_ACCESS, LEN8, 0x1000, 0x1007, 1, true, true },
        { BREAK_ACCESS, LEN2, 0x1001, 0x1000, 1, true, true },
        { BREAK_ACCESS, LEN1, 0x1001, 0x1000, 1, true, false },
        { BREAK_ACCESS, LEN1, 0x1001, 0x1000, 16, false, true },
    };
    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        X86CPU *x = world_protected(0);
        set_break(x, 2, rows[i].at, rows[i].kind, rows[i].length);
        g_assert_cmphex(x86_break_data(x, rows[i].first, rows[i].bytes, rows[i].write), ==,
                        rows[i].met ? 4 : 0);
        x->s.dr7 &= ~0xffull; /* not enabled */
        g_assert_cmphex(x86_break_data(x, rows[i].first, rows[i].bytes, rows[i].write), ==, 0);
        fake_free(x);
    }
}

static void test_io(void)
{
    X86CPU *x = world_protected(0);
    set_break(x, 0, 0x60, BREAK_IO, LEN2);
    g_assert_cmphex(x86_break_io(x, 0x61, 1), ==, 0);
    x->s.cr4 = CR4_DE;
    g_assert_cmphex(x86_break_io(x, 0x61, 1), ==, 1);
    g_assert_cmphex(x86_break_io(x, 0x62, 1), ==, 0);
    g_assert_cmphex(x86_break_data(x, 0x61, 1, true), ==, 0);
    fake_free(x);
}

/* ---- the interrupt flag -------------------------------------------------------------- */

/* CLI and STI by mode, level, IOPL and extension: on IF, on VIF, or refused. */
static void test_cli_sti(void)
{
    static const struct {
        bool v86;
        unsigned cpl, iopl;
        uint32_t cr4, flag; /* 0: #GP(0) */
    } rows[] = {
        { false, 0, 0, 0, EFL_IF },        { false, 3, 0, 0, 0 },       { false, 3, 3, 0, EFL_IF },
        { false, 3, 0, CR4_PVI, EFL_VIF }, { false, 1, 0, CR4_PVI, 0 }, { false, 3, 0, CR4_VME, 0 },
        { true, 3, 3, 0, EFL_IF },         { true, 3, 0, 0, 0 },        { true, 3, 0, CR4_VME, EFL_VIF },
        { true, 3, 0, CR4_PVI, 0 },
    };
    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        X86CPU *x = rows[i].v86 ? world_v86(rows[i].iopl) : world_protected(0);
        X86Fault f = { 0 };
        x->s.cpl = rows[i].cpl;
        x->s.cr4 = rows[i].cr4;
        x->s.eflags = EFL_FIXED | (rows[i].v86 ? EFL_VM : 0) | rows[i].iopl << EFL_IOPL_SHIFT;
        uint32_t before = x->s.eflags;
        if (rows[i].flag) {
            g_assert_true(x86_sti(x, &f));
            g_assert_cmphex(x->s.eflags, ==, before | rows[i].flag);
            g_assert_cmpint(x->s.events.shadow, ==, rows[i].flag == EFL_IF ? SHADOW_STI : 0);
            g_assert_true(x86_sti(x, &f));
            g_assert_cmpint(x->s.events.shadow, ==, 0); /* they were on */
            g_assert_true(x86_cli(x, &f));
            g_assert_cmphex(x->s.eflags, ==, before);
            x->s.eflags |= EFL_VIP;
            g_assert_cmpint(x86_sti(x, &f), ==, rows[i].flag == EFL_IF);
        } else {
            assert_fault(x86_sti(x, &f), f, X86_EXC_GP, 0);
            assert_fault(x86_cli(x, &f), f, X86_EXC_GP, 0);
            g_assert_cmphex(x->s.eflags, ==, before);
        }
        fake_free(x);
    }
}

static void test_mov_ss(void)
{
    X86CPU *x = world_protected(0);
    x86_shadow_mov_ss(x);
    g_assert_cmpint(x->s.events.shadow, ==, SHADOW_MOV_SS);
    x86_shadow_mov_ss(x);
    g_assert_cmpint(x->s.events.shadow, ==, 0);
    fake_free(x);
}

static void test_pushf_popf(void)
{
    X86CPU *x = world_protected(0);
    X86Fault f = { 0 };
    uint64_t image;
    x86_set_flags(x, EFL_ALL & ~EFL_VM);
    g_assert_true(x86_pushf(x, 4, &image, &f));
    g_assert_cmphex(image, ==, EFL_ALL & ~(EFL_VM | EFL_RF));
    g_assert_true(x86_popf(x, 4, EFL_VM, &f)); /* VIF and VIP are not POPF's, RF goes */
    g_assert_cmphex(x86_flags(x), ==, EFL_FIXED | EFL_VIF | EFL_VIP);
    g_assert_true(x86_popf(x, 2, EFL_ALL, &f));
    g_assert_cmphex(x86_flags(x), ==, (EFL_ALL & 0xffff) | EFL_VIF | EFL_VIP);
    fake_free(x);

    x = world_v86(0);
    assert_fault(x86_pushf(x, 2, &image, &f), f, X86_EXC_GP, 0);
    assert_fault(x86_popf(x, 2, 0, &f), f, X86_EXC_GP, 0);
    x->s.cr4 = CR4_VME;
    assert_fault(x86_pushf(x, 4, &image, &f), f, X86_EXC_GP, 0);
    assert_fault(x86_popf(x, 4, 0, &f), f, X86_EXC_GP, 0);
    x->s.eflags &= ~EFL_IF;
    g_assert_true(x86_popf(x, 2, EFL_IF | EFL_CF, &f));
    g_assert_cmphex(x86_flags(x), ==, EFL_FIXED | EFL_VM | EFL_VIF | EFL_CF);
    g_assert_true(x86_pushf(x, 2, &image, &f));
    g_assert_cmphex(image & 0xffff, ==, EFL_FIXED | EFL_IF | EFL_CF | EFL_IOPL);
    assert_fault(x86_popf(x, 2, EFL_TF, &f), f, X86_EXC_GP, 0);
    x->s.eflags |= EFL_VIP;
    assert_fault(x86_popf(x, 2, EFL_IF, &f), f, X86_EXC_GP, 0);
    g_assert_true(x86_popf(x, 2, 0, &f));
    fake_free(x);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/i386/dbg/registers", test_registers);
    g_test_add_func("/i386/dbg/code", test_code);
    g_test_add_func("/i386/dbg/data", test_data);
    g_test_add_func("/i386/dbg/io", test_io);
    g_test_add_func("/i386/intflag/cli and sti", test_cli_sti);
    g_test_add_func("/i386/intflag/mov ss", test_mov_ss);
    g_test_add_func("/i386/intflag/pushf and popf", test_pushf_popf);
    return g_test_run();
}
