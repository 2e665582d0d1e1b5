/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The table of state has all of it, and reset gives what SDM 3 lists. */
#include "fake.h"
#include "target/i386/init.h"
#include "tests/base/coverage.h"

static void test_coverage(void)
{
    const StateTable tables[] = { { x86_state, .version = 3 }, { x86_messages_state } };
    coverage_check("i386", tables, G_N_ELEMENTS(tables), offsetof(X86CPU, s), sizeof(X86State));
}

static void reset(X86CPU *x)
{
    const State s = { .owner = x, .name = "i386", .tables = { { x86_state } }, .count = 1 };
    state_reset(&s);
    x86_reset(&x->cpu);
    x86_refresh(&x->cpu);
}

static void test_reset(void)
{
    X86CPU *x = fake_new();
    x->signature = 0x663;
    x->s.cpl = 3;
    reset(x);
    g_assert_cmphex(x86_ip(x), ==, 0xfff0);
    g_assert_cmphex(x->s.seg[SEG_CS].base + x86_ip(x), ==, 0xfffffff0);
    g_assert_cmphex(x->s.seg[SEG_CS].selector, ==, 0xf000);
    g_assert_cmphex(x86_flags(x), ==, 2);
    g_assert_cmphex(x->s.cr0, ==, 0x60000010);
    g_assert_cmphex(x->s.gpr[X86_RDX], ==, 0x663);
    g_assert_cmphex(x->s.dr6, ==, 0xffff0ff0);
    g_assert_cmphex(x->s.dr7, ==, 0x400);
    g_assert_cmphex(x->s.x87.fcw, ==, 0x40);
    g_assert_cmphex(x->s.mxcsr, ==, 0x1f80);
    g_assert_cmpint(x->s.cpl, ==, 0);
    for (unsigned i = 0; i < X86_SEGS; i++) {
        g_assert_cmphex(x->bounds[i].rd_end, ==, 0x10000);
        g_assert_cmphex(x->bounds[i].wr_end, ==, 0x10000);
    }
    g_assert_true(x86_loaded(&x->cpu, NULL));
    fake_free(x);
}

/* What no processor can be in is refused. */
static void test_illegal(void)
{
    static const struct {
        uint64_t cr0, cr4, efer;
        uint32_t eflags;
        uint8_t cpl;
        bool ok;
    } rows[] = {
        { CR0_PE, 0, 0, EFL_FIXED, 3, true },
        { 0, 0, 0, EFL_FIXED, 3, false },
        { CR0_PG, 0, 0, EFL_FIXED, 0, false },
        { CR0_PE | CR0_PG, 0, EFER_LME | EFER_LMA, EFL_FIXED, 0, false },
        { CR0_PE | CR0_PG, CR4_PAE, EFER_LME, EFL_FIXED, 0, false },
        { CR0_PE | CR0_PG, CR4_PAE, EFER_LME | EFER_LMA, EFL_FIXED, 0, true },
        { CR0_PE | CR0_PG, CR4_PAE, EFER_LME | EFER_LMA, EFL_FIXED | EFL_VM, 3, false },
        { CR0_PE, 0, 0, EFL_FIXED | EFL_VM, 3, true },
        { CR0_PE, 0, 0, EFL_FIXED | EFL_VM, 0, false },
        { CR0_PE, 0, 0, EFL_FIXED | EFL_CF, 0, false },
        { CR0_PE, 0, 0, 0, 0, false },
        { CR0_PE, CR4_PCIDE, 0, EFL_FIXED, 0, false },
    };
    X86CPU *x = fake_new();
    reset(x);
    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(GError) err = NULL;
        x->s.cr0 = rows[i].cr0;
        x->s.cr4 = rows[i].cr4;
        x->s.efer = rows[i].efer;
        x->s.eflags = rows[i].eflags;
        x->s.cpl = rows[i].cpl;
        g_assert_cmpint(x86_loaded(&x->cpu, &err), ==, rows[i].ok);
        g_assert_cmpint(err != NULL, ==, !rows[i].ok);
    }
    fake_free(x);
}

/* Column INIT of the same table; then a start-up message, which only one who waits hears. */
static void test_init(void)
{
    X86CPU *x = fake_new();
    x->cpu.index = 1;
    reset(x);
    x->signature = 0x806f8;
    x->s.cr0 = CR0_PE | CR0_PG | CR0_ET | CR0_WP;
    x->s.cr3 = 0x1000;
    x->s.cr4 = CR4_PAE;
    x->s.efer = EFER_LME | EFER_LMA;
    x->s.cpl = 3;
    x->s.gpr[X86_RAX] = 1;
    x->s.dr7 = 0x403;
    x->s.xcr0 = 7;
    x->s.ymm[3][1] = 0x1234;
    x->s.mxcsr = 0x1fa0;
    x->s.msr.lstar = 0x5678;
    x->s.msr.tsc_offset = 99;
    x->s.smbase = 0xa0000;
    x86_init(x);
    g_assert_cmphex(x->s.cr0, ==, CR0_ET); /* CD and NW were off */
    g_assert_cmphex(x->s.cr3 | x->s.cr4 | x->s.efer | x->s.gpr[X86_RAX] | x->s.cpl, ==, 0);
    g_assert_cmphex(x->s.gpr[X86_RDX], ==, 0x806f8);
    g_assert_cmphex(x->s.dr7, ==, 0x400);
    g_assert_cmphex(x->s.xcr0, ==, 7);
    g_assert_cmphex(x->s.ymm[3][1], ==, 0x1234);
    g_assert_cmphex(x->s.mxcsr, ==, 0x1fa0);
    g_assert_cmphex(x->s.msr.lstar, ==, 0x5678);
    g_assert_cmphex(x->s.msr.tsc_offset, ==, 99);
    g_assert_cmphex(x->s.smbase, ==, 0xa0000);
    g_assert_true(x->cpu.halted);
    g_assert_cmpint(x->s.events.mp_state, ==, MP_INIT_RECEIVED);
    x86_sipi(x, 0x9a);
    g_assert_cmphex(x->s.seg[SEG_CS].base, ==, 0x9a000);
    g_assert_cmphex(x->s.seg[SEG_CS].selector, ==, 0x9a00);
    g_assert_cmphex(x86_ip(x), ==, 0);
    g_assert_false(x->cpu.halted);
    x86_sipi(x, 0x10);
    g_assert_cmphex(x->s.seg[SEG_CS].base, ==, 0x9a000);
    x->s.msr.apic_base |= 0x100; /* the one that starts the machine does not wait */
    x86_init(x);
    g_assert_false(x->cpu.halted);
    g_assert_cmphex(x->s.seg[SEG_CS].base + x86_ip(x), ==, 0xfffffff0);
    fake_free(x);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/i386/state/coverage", test_coverage);
    g_test_add_func("/i386/state/reset", test_reset);
    g_test_add_func("/i386/state/illegal", test_illegal);
    g_test_add_func("/i386/state/init", test_init);
    return g_test_run();
}
