/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Control registers: what a write may say, mode changes that follow, invalidations. */
#include "world.h"

#include "target/i386/cr.h"

typedef bool Write(X86CPU *x, uint64_t value, X86Fault *f);

/* A write over state; the rest of the state is of real mode. */
typedef struct Row {
    const char *name;
    Write *write;
    uint64_t value;
    uint64_t cr0, cr3, cr4, efer;
    bool code64; /* CS.L */
    int without; /* a feature */
    bool ok;
} Row;

#define PAGED (CR0_PE | CR0_PG | CR0_ET)
#define LONG .cr0 = PAGED, .cr4 = CR4_PAE, .efer = EFER_LME | EFER_LMA

/* clang-format off */
static const Row rows[] = {
    { "cr0: PG without PE", x86_write_cr0, CR0_PG, .ok = false },
    { "cr0: NW without CD", x86_write_cr0, CR0_NW, .ok = false },
    { "cr0: upper half", x86_write_cr0, 1ull << 32, .ok = false },
    { "cr0: PE", x86_write_cr0, CR0_PE, .ok = true },
    { "cr0: PG", x86_write_cr0, CR0_PE | CR0_PG, .ok = true },
    { "cr0: long mode without PAE", x86_write_cr0, CR0_PE | CR0_PG, .cr0 = CR0_PE, .efer = EFER_LME, .ok = false },
    { "cr0: long mode with CS.L", x86_write_cr0, CR0_PE | CR0_PG, .cr0 = CR0_PE, .cr4 = CR4_PAE, .efer = EFER_LME, .code64 = true, .ok = false },
    { "cr0: long mode", x86_write_cr0, CR0_PE | CR0_PG, .cr0 = CR0_PE, .cr4 = CR4_PAE, .efer = EFER_LME, .ok = true },
    { "cr0: paging off in 64-bit code", x86_write_cr0, CR0_PE, LONG, .code64 = true, .ok = false },
    { "cr0: paging off in compatibility mode", x86_write_cr0, CR0_PE, LONG, .ok = true },
    { "cr0: paging off with PCIDs", x86_write_cr0, CR0_PE, .cr0 = PAGED, .cr4 = CR4_PAE | CR4_PCIDE, .efer = EFER_LME | EFER_LMA, .ok = false },
    { "cr3: above MAXPHYADDR", x86_write_cr3, 1ull << 40, LONG, .ok = false },
    { "cr3: below", x86_write_cr3, 1ull << 39, LONG, .ok = true },
    { "cr3: bit 63 without PCIDs", x86_write_cr3, CR3_KEEP, LONG, .ok = false },
    { "cr3: bit 63 with PCIDs", x86_write_cr3, CR3_KEEP | 5, .cr0 = PAGED, .cr4 = CR4_PAE | CR4_PCIDE, .efer = EFER_LME | EFER_LMA, .ok = true },
    { "cr4: unknown bit", x86_write_cr4, 1 << 15, .ok = false },
    { "cr4: feature that is not there", x86_write_cr4, CR4_SMEP, .without = X86_SMEP, .ok = false },
    { "cr4: feature", x86_write_cr4, CR4_SMEP, .ok = true },
    { "cr4: PAE off in long mode", x86_write_cr4, 0, LONG, .ok = false },
    { "cr4: LA57 in long mode", x86_write_cr4, CR4_PAE | CR4_LA57, LONG, .ok = false },
    { "cr4: LA57 before it", x86_write_cr4, CR4_PAE | CR4_LA57, .ok = true },
    { "cr4: PCIDE outside of long mode", x86_write_cr4, CR4_PCIDE, .ok = false },
    { "cr4: PCIDE with a PCID", x86_write_cr4, CR4_PAE | CR4_PCIDE, .cr3 = 5, LONG, .ok = false },
    { "cr4: PCIDE", x86_write_cr4, CR4_PAE | CR4_PCIDE, .cr3 = 0x1000, LONG, .ok = true },
    { "cr8: 16", x86_write_cr8, 16, .ok = false }, { "cr8: 15", x86_write_cr8, 15, .ok = true },
    { "efer: unknown bit", x86_write_efer, 1 << 16, .ok = false },
    { "efer: LME under paging", x86_write_efer, EFER_LME, .cr0 = PAGED, .ok = false },
    { "efer: LME", x86_write_efer, EFER_LME, .ok = true },
    { "efer: LME without long mode", x86_write_efer, EFER_LME, .without = X86_LM, .ok = false },
    { "efer: NXE without NX", x86_write_efer, EFER_NXE, .without = X86_NX, .ok = false },
    { "xcr0: without x87", x86_write_xcr0, 2, .ok = false }, { "xcr0: AVX without SSE", x86_write_xcr0, 5, .ok = false },
    { "xcr0: unknown", x86_write_xcr0, 1 | 1 << 5, .ok = false }, { "xcr0: AVX", x86_write_xcr0, 7, .ok = true },
    { "xcr0: AVX that is not there", x86_write_xcr0, 7, .without = X86_AVX, .ok = false },
};
/* clang-format on */

static void test_row(const void *opaque)
{
    const Row *r = opaque;
    X86CPU *x = world_real();
    X86Fault f = { 0 };
    x->s.cr0 = r->cr0;
    x->s.cr3 = r->cr3;
    x->s.cr4 = r->cr4;
    x->s.efer = r->efer;
    x->s.seg[SEG_CS].attr |= r->code64 ? ATTR_L : 0;
    if (r->without) {
        x->feature[r->without / 32] &= ~(1u << r->without % 32);
    }
    X86State before = x->s;
    if (r->ok) {
        g_assert_true(r->write(x, r->value, &f));
    } else {
        assert_fault(r->write(x, r->value, &f), f, X86_EXC_GP, 0);
        g_assert_cmpmem(&before, sizeof(before), &x->s, sizeof(x->s));
    }
    fake_free(x);
}

/* Paging with LME makes long mode, without it ends it. */
static void test_lma(void)
{
    X86CPU *x = world_protected(0);
    X86Fault f = { 0 };
    g_assert_true(x86_write_cr4(x, CR4_PAE, &f) && x86_write_efer(x, EFER_LME, &f));
    g_assert_true(x86_write_cr0(x, CR0_PE | CR0_PG, &f));
    g_assert_cmphex(x->s.efer, ==, EFER_LME | EFER_LMA);
    g_assert_true(x86_write_efer(x, EFER_LME | EFER_SCE, &f)); /* LMA is no one's to write */
    g_assert_cmphex(x->s.efer, ==, EFER_LME | EFER_LMA | EFER_SCE);
    g_assert_true(x86_write_cr0(x, CR0_PE, &f));
    g_assert_cmphex(x->s.efer, ==, EFER_LME | EFER_SCE);
    fake_free(x);
}

static void test_pdptes(void)
{
    X86CPU *x = world_protected(0);
    X86Fault f = { 0 };
    x->s.cr4 = CR4_PAE;
    fake_put(0x30000, 8, 0x31001);
    fake_put(0x30020, 8, 0x32002 | 1); /* reserved bit */
    g_assert_true(x86_write_cr3(x, 0x30000, &f));
    g_assert_cmphex(x->s.pdpte[0], ==, 0); /* paging is off */
    g_assert_true(x86_write_cr0(x, CR0_PE | CR0_PG, &f));
    g_assert_cmphex(x->s.pdpte[0], ==, 0x31001);
    assert_fault(x86_write_cr3(x, 0x30020, &f), f, X86_EXC_GP, 0);
    g_assert_cmphex(x->s.cr3, ==, 0x30000);
    fake_free(x);
}

static void test_lmsw(void)
{
    X86CPU *x = world_protected(0);
    X86Fault f = { 0 };
    g_assert_true(x86_lmsw(x, CR0_TS | CR0_MP, &f));
    g_assert_cmphex(x->s.cr0, ==, CR0_PE | CR0_ET | CR0_TS | CR0_MP); /* PE stays */
    g_assert_true(x86_lmsw(x, 0xfff0, &f));
    g_assert_cmphex(x->s.cr0, ==, CR0_PE | CR0_ET);
    x86_lmsw(x, CR0_TS, &f);
    x86_clts(x);
    g_assert_cmphex(x->s.cr0, ==, CR0_PE | CR0_ET);
    fake_free(x);
}

static void test_flushes(void)
{
    X86CPU *x = world_long(0);
    X86Fault f = { 0 };
    x->s.cr4 |= CR4_PCIDE | CR4_PKE;
    fake_flushes();
    g_assert_true(x86_write_cr3(x, x->s.cr3 | CR3_KEEP, &f));
    g_assert_cmpuint(fake_flushes(), ==, 0);
    g_assert_cmphex(x->s.cr3 >> 63, ==, 0);
    g_assert_true(x86_write_cr3(x, x->s.cr3, &f));
    g_assert_cmpuint(fake_flushes(), ==, 1);
    g_assert_true(x86_write_cr4(x, x->s.cr4 | CR4_PGE, &f));
    g_assert_cmpuint(fake_flushes(), ==, 1);
    x86_write_pkru(x, 4);
    g_assert_cmpuint(fake_flushes(), ==, 1);
    x86_write_pkru(x, 4);
    g_assert_cmpuint(fake_flushes(), ==, 0);
    x86_invlpg(x, 0x800000000000); /* not canonical: nothing */
    g_assert_cmpuint(fake_flushes(), ==, 0);
    x86_invlpg(x, 0x1000);
    g_assert_cmpuint(fake_flushes(), ==, 1);
    fake_free(x);
}

static void test_invpcid(void)
{
    static const struct {
        uint64_t type, pcid, linear, cr4;
        bool ok;
    } cases[] = {
        { 0, 0, 0x1000, 0, true },
        { 0, 1, 0x1000, 0, false },
        { 0, 1, 0x1000, CR4_PCIDE, true },
        { 1, 1, 0, 0, false },
        { 1, 4095, 0, CR4_PCIDE, true },
        { 1, 4096, 0, CR4_PCIDE, false },
        { 2, 0, 0, 0, true },
        { 3, 0, 0, 0, true },
        { 4, 0, 0, 0, false },
        { 0, 0, 1ull << 47, 0, false },
        { 1, 0, 1ull << 47, CR4_PCIDE, true },
    };
    X86CPU *x = world_long(0);
    uint64_t cr4 = x->s.cr4;
    for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
        X86Fault f = { 0 };
        x->s.cr4 = cr4 | cases[i].cr4;
        fake_flushes();
        bool ok = x86_invpcid(x, cases[i].type, cases[i].pcid, cases[i].linear, &f);
        g_assert_cmpint(ok, ==, cases[i].ok);
        g_assert_cmpint(f.vector, ==, ok ? 0 : X86_EXC_GP);
        g_assert_cmpuint(fake_flushes(), ==, ok);
    }
    fake_free(x);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autofree char *path = g_strconcat("/i386/cr/", rows[i].name, NULL);
        g_test_add_data_func(path, &rows[i], test_row);
    }
    g_test_add_func("/i386/cr/long mode", test_lma);
    g_test_add_func("/i386/cr/pdptes", test_pdptes);
    g_test_add_func("/i386/cr/lmsw", test_lmsw);
    g_test_add_func("/i386/cr/flushes", test_flushes);
    g_test_add_func("/i386/cr/invpcid", test_invpcid);
    return g_test_run();
}
