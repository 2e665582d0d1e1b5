/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The table of state has all of it, and reset gives what SDM 3 lists. */
#include "fake.h"
#include "tests/base/coverage.h"

static void test_coverage(void)
{
    const StateTable table = { x86_state };
    coverage_check("i386", &table, 1, offsetof(X86CPU, s), sizeof(X86State));
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

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/i386/state/coverage", test_coverage);
    g_test_add_func("/i386/state/reset", test_reset);
    g_test_add_func("/i386/state/illegal", test_illegal);
    return g_test_run();
}
