/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Fast system calls of both makers. */
#include "world.h"

#include "target/i386/far.h"

enum { TARGET = 0x5000, NEXT = 0x1240 };

static X86CPU *syscall_world(unsigned cpl, X86Vendor vendor)
{
    X86CPU *x = world_long(cpl);
    x->vendor = vendor;
    x->s.msr.star = 0x0013000800000000; /* 8: kernel's; 13h: user's */
    x->s.msr.lstar = 0xffff800000005000;
    x->s.msr.cstar = 0xffff800000006000;
    x->s.msr.fmask = EFL_IF | EFL_TF;
    x->s.msr.sysenter_cs = SEL_CODE0;
    x->s.msr.sysenter_esp = 0xffff800000007000;
    x->s.msr.sysenter_eip = 0xffff800000008000;
    return x;
}

static void test_syscall(void)
{
    for (X86Vendor v = VENDOR_INTEL; v <= VENDOR_AMD; v++) {
        X86CPU *x = syscall_world(3, v);
        X86Fault f = { 0 };
        x86_set_flags(x, EFL_FIXED | EFL_IF | EFL_CF | EFL_RF);
        g_assert_true(x86_syscall(x, NEXT, &f));
        g_assert_cmphex(x86_ip(x), ==, 0xffff800000005000);
        g_assert_cmphex(x->s.gpr[X86_RCX], ==, NEXT);
        g_assert_cmphex(x->s.gpr[11], ==, EFL_FIXED | EFL_IF | EFL_CF);
        g_assert_cmphex(x86_flags(x), ==, EFL_FIXED | EFL_CF);
        g_assert_cmphex(x->s.seg[SEG_CS].selector, ==, 8);
        g_assert_cmphex(x->s.seg[SEG_SS].selector, ==, 0x10);
        g_assert_cmpint(x->s.cpl, ==, 0);
        g_assert_true(x86_sysret(x, 8, &f));
        g_assert_cmphex(x86_ip(x), ==, NEXT);
        g_assert_cmphex(x->s.seg[SEG_CS].selector, ==, 0x23);
        g_assert_cmphex(x->s.seg[SEG_SS].selector, ==, 0x1b);
        g_assert_cmphex(x86_flags(x), ==, EFL_FIXED | EFL_IF | EFL_CF);
        g_assert_cmpint(x->s.cpl, ==, 3);
        g_assert_true(x86_64bit(x));
        assert_fault(x86_sysret(x, 8, &f), f, X86_EXC_GP, 0); /* level 3 */
        x->s.efer &= ~EFER_SCE;
        assert_fault(x86_syscall(x, NEXT, &f), f, X86_EXC_UD, 0);
        fake_free(x);
    }
}

/* Where a RIP that is not canonical faults, and whose SS has RPL 3. */
static void test_sysret_makers(void)
{
    X86CPU *x = syscall_world(0, VENDOR_INTEL);
    X86Fault f = { 0 };
    x->s.msr.star = 0x0010000800000000;
    x->s.gpr[11] = EFL_FIXED;
    x->s.gpr[X86_RCX] = 0x800000000000;
    assert_fault(x86_sysret(x, 8, &f), f, X86_EXC_GP, 0);
    g_assert_cmpint(x->s.cpl, ==, 0);
    x->s.gpr[X86_RCX] = NEXT;
    g_assert_true(x86_sysret(x, 4, &f));
    g_assert_cmphex(x->s.seg[SEG_CS].selector, ==, 0x13);
    g_assert_cmphex(x->s.seg[SEG_SS].selector, ==, 0x1b);
    g_assert_false(x86_64bit(x));
    fake_free(x);
    x = syscall_world(0, VENDOR_AMD);
    x->s.msr.star = 0x0010000800000000;
    x->s.gpr[X86_RCX] = 0x800000000000;
    g_assert_true(x86_sysret(x, 8, &f)); /* the fetch faults */
    g_assert_cmpint(x->s.cpl, ==, 3);
    g_assert_cmphex(x->s.seg[SEG_SS].selector, ==, 0x18);
    fake_free(x);
}

/* Compatibility mode: SYSCALL is AMD's, SYSENTER Intel's. */
static void test_compatibility(void)
{
    for (X86Vendor v = VENDOR_INTEL; v <= VENDOR_AMD; v++) {
        X86CPU *x = syscall_world(3, v);
        X86Fault f = { 0 };
        x->s.seg[SEG_CS].attr = FLAT_CODE | LEVEL3;
        if (v == VENDOR_INTEL) {
            assert_fault(x86_syscall(x, NEXT, &f), f, X86_EXC_UD, 0);
            g_assert_true(x86_sysenter(x, &f));
            g_assert_cmphex(x86_ip(x), ==, 0xffff800000008000);
            g_assert_cmphex(x->s.gpr[X86_RSP], ==, 0xffff800000007000);
            g_assert_cmphex(x->s.seg[SEG_SS].selector, ==, SEL_DATA0);
        } else {
            assert_fault(x86_sysenter(x, &f), f, X86_EXC_UD, 0);
            g_assert_true(x86_syscall(x, NEXT, &f));
            g_assert_cmphex(x86_ip(x), ==, 0xffff800000006000);
        }
        g_assert_cmpint(x->s.cpl, ==, 0);
        fake_free(x);
    }
}

static void test_sysexit(void)
{
    X86CPU *x = world_protected(3);
    X86Fault f = { 0 };
    assert_fault(x86_sysenter(x, &f), f, X86_EXC_GP, 0); /* CS 0 */
    x->s.msr.sysenter_cs = SEL_CODE0;
    x->s.msr.sysenter_eip = TARGET;
    x->s.msr.sysenter_esp = 0x7000;
    x->s.eflags |= EFL_IF;
    assert_fault(x86_sysexit(x, 4, &f), f, X86_EXC_GP, 0); /* level 3 */
    g_assert_true(x86_sysenter(x, &f));
    g_assert_cmphex(x86_flags(x), ==, EFL_FIXED);
    g_assert_cmphex(x86_ip(x), ==, TARGET);
    x->s.gpr[X86_RDX] = NEXT;
    x->s.gpr[X86_RCX] = WORLD_STACK3;
    g_assert_true(x86_sysexit(x, 4, &f));
    g_assert_cmphex(x86_ip(x), ==, NEXT);
    g_assert_cmphex(x->s.gpr[X86_RSP], ==, WORLD_STACK3);
    g_assert_cmphex(x->s.seg[SEG_CS].selector, ==, SEL_CODE3 | 3);
    g_assert_cmphex(x->s.seg[SEG_SS].selector, ==, SEL_DATA3 | 3);
    fake_free(x);
    x = syscall_world(0, VENDOR_INTEL);
    x->s.gpr[X86_RDX] = 0x800000000000;
    assert_fault(x86_sysexit(x, 8, &f), f, X86_EXC_GP, 0);
    x->s.gpr[X86_RDX] = NEXT;
    g_assert_true(x86_sysexit(x, 8, &f));
    g_assert_cmphex(x->s.seg[SEG_CS].selector, ==, SEL_CODE0 + 35);
    g_assert_true(x86_64bit(x));
    fake_free(x);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/i386/sysc/syscall", test_syscall);
    g_test_add_func("/i386/sysc/sysret of both makers", test_sysret_makers);
    g_test_add_func("/i386/sysc/compatibility mode", test_compatibility);
    g_test_add_func("/i386/sysc/sysexit", test_sysexit);
    return g_test_run();
}
