/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Page walks: a row for each rule of SDM 3, chapter "Paging", and what a walk writes. */
#include "fake.h"

#include <string.h>

enum { P = 1, W = 2, U = 4, A = 0x20, D = 0x40, PS = 0x80, G = 0x100 };
#define NX (1ull << 63)
#define PKEY(n) ((uint64_t)(n) << 59)

typedef enum Form { FORM_32, FORM_PAE, FORM_4, FORM_5 } Form;
enum { TABLES = 0x10000, PAGE_AT = 0x300000, LINEAR = 0x345678 };

/* All entries are present, writable and the user's, but for this. */
typedef struct Rule {
    const char *name;
    Form form;
    uint32_t cr0, cr4, efer, eflags, pkru; /* to the form's own */
    uint64_t set[5], clear[5];             /* bits of entries, by level, 0 has the page */
    unsigned leaf;                         /* level of the page's entry: PS is set there */
    uint64_t linear;                       /* 0: LINEAR */
    X86Rights who;
    MmuAccess access;
    int without;    /* a feature that the model does not have; 0: has all */
    uint8_t vector; /* 0: it succeeds */
    uint32_t error;
    uint64_t phys;   /* when another than the page's */
    uint8_t forbids; /* PROT_* that the result lacks: PROT_W is left out of pages that are not dirty */
} Rule;

#define SYSTEM RIGHTS_SYSTEM
#define USER RIGHTS_USER
#define FAULT(e) .vector = X86_EXC_PF, .error = (e)

/* clang-format off */
static const Rule rules[] = {
    { "4: read", FORM_4 }, { "4: user reads", FORM_4, .who = USER }, { "5: read", FORM_5 }, { "pae: read", FORM_PAE }, { "32: read", FORM_32 },
    { "4: 2 MiB", FORM_4, .leaf = 1 }, { "4: 1 GiB", FORM_4, .leaf = 2 }, { "5: 1 GiB", FORM_5, .leaf = 2 }, { "pae: 2 MiB", FORM_PAE, .leaf = 1 },
    { "32: 4 MiB", FORM_32, .cr4 = CR4_PSE, .leaf = 1 },
    { "32: 4 MiB above 4 GiB (PSE-36)", FORM_32, .cr4 = CR4_PSE, .leaf = 1, .set = { [1] = 0x15 << 13 }, .phys = 0x1500345678 },
    { "32: PS counts with CR4.PSE alone", FORM_32, .set = { [1] = PS } },

    /* not present: P is 0 in the code, W and U say who */
    { "4: absent page", FORM_4, .clear = { P }, FAULT(0) },
    { "4: absent page, write", FORM_4, .clear = { P }, .access = MMU_WRITE, FAULT(PF_W) },
    { "4: absent page, user", FORM_4, .clear = { P }, .who = USER, FAULT(PF_U) },
    { "4: absent directory", FORM_4, .clear = { [1] = P }, FAULT(0) },
    { "4: absent top", FORM_4, .clear = { [3] = P }, FAULT(0) },
    { "5: absent top", FORM_5, .clear = { [4] = P }, FAULT(0) },
    { "32: absent directory", FORM_32, .clear = { [1] = P }, FAULT(0) },
    { "pae: absent pdpte", FORM_PAE, .clear = { [2] = P }, FAULT(0) },
    { "4: absent: other bits are the system's", FORM_4, .set = { PKEY(15) | 0x7f0000000000 }, .clear = { P }, FAULT(0) },

    /* U/S */
    { "4: user, supervisor's page", FORM_4, .clear = { U }, .who = USER, FAULT(PF_P | PF_U) },
    { "4: user, supervisor's directory", FORM_4, .clear = { [1] = U }, .who = USER, FAULT(PF_P | PF_U) },
    { "4: user, supervisor's top", FORM_4, .clear = { [3] = U }, .who = USER, FAULT(PF_P | PF_U) },
    { "32: user, supervisor's page", FORM_32, .clear = { U }, .who = USER, FAULT(PF_P | PF_U) },
    { "4: user fetches supervisor's page", FORM_4, .clear = { U }, .who = USER, .access = MMU_EXEC, FAULT(PF_P | PF_U) },
    { "4: the same with NX on says I", FORM_4, .efer = EFER_NXE, .clear = { U }, .who = USER, .access = MMU_EXEC, FAULT(PF_P | PF_U | PF_I) },

    /* R/W, WP */
    { "4: user writes read-only", FORM_4, .clear = { W }, .who = USER, .access = MMU_WRITE, FAULT(PF_P | PF_U | PF_W) },
    { "4: user writes below read-only directory", FORM_4, .clear = { [2] = W }, .who = USER, .access = MMU_WRITE, FAULT(PF_P | PF_U | PF_W) },
    { "4: supervisor writes read-only, WP off", FORM_4, .clear = { W }, .access = MMU_WRITE },
    { "4: supervisor writes read-only, WP on", FORM_4, .cr0 = CR0_WP, .clear = { W }, .access = MMU_WRITE, FAULT(PF_P | PF_W) },
    { "4: supervisor writes user's read-only, WP on", FORM_4, .cr0 = CR0_WP, .clear = { [1] = W }, .access = MMU_WRITE, FAULT(PF_P | PF_W) },
    { "4: read-only stays so", FORM_4, .cr0 = CR0_WP, .set = { D }, .clear = { W }, .forbids = PROT_W },
    { "32: user writes read-only 4 MiB", FORM_32, .cr4 = CR4_PSE, .leaf = 1, .clear = { [1] = W }, .who = USER, .access = MMU_WRITE, FAULT(PF_P | PF_U | PF_W) },

    /* XD */
    { "4: NX page", FORM_4, .efer = EFER_NXE, .set = { NX }, .access = MMU_EXEC, FAULT(PF_P | PF_I) },
    { "4: NX page, user", FORM_4, .efer = EFER_NXE, .set = { NX }, .who = USER, .access = MMU_EXEC, FAULT(PF_P | PF_I | PF_U) },
    { "4: NX directory", FORM_4, .efer = EFER_NXE, .set = { [2] = NX }, .access = MMU_EXEC, FAULT(PF_P | PF_I) },
    { "4: NX page is read", FORM_4, .efer = EFER_NXE, .set = { NX }, .forbids = PROT_X },
    { "4: NX without NXE is reserved", FORM_4, .set = { NX }, FAULT(PF_P | PF_RSVD) },
    { "pae: NX page", FORM_PAE, .efer = EFER_NXE, .set = { NX }, .access = MMU_EXEC, FAULT(PF_P | PF_I) },
    { "pae: NX without NXE is reserved", FORM_PAE, .set = { [1] = NX }, FAULT(PF_P | PF_RSVD) },

    /* SMEP, SMAP */
    { "4: SMEP: user's page", FORM_4, .cr4 = CR4_SMEP, .access = MMU_EXEC, FAULT(PF_P | PF_I) },
    { "4: SMEP: own page", FORM_4, .cr4 = CR4_SMEP, .clear = { U }, .access = MMU_EXEC },
    { "4: SMEP: own directory makes it own", FORM_4, .cr4 = CR4_SMEP, .clear = { [3] = U }, .access = MMU_EXEC },
    { "4: SMEP: user fetches", FORM_4, .cr4 = CR4_SMEP, .who = USER, .access = MMU_EXEC },
    { "4: SMEP: user's page is read, not fetched", FORM_4, .cr4 = CR4_SMEP, .forbids = PROT_X },
    { "32: SMEP says I", FORM_32, .cr4 = CR4_SMEP, .access = MMU_EXEC, FAULT(PF_P | PF_I) },
    { "4: SMAP: read", FORM_4, .cr4 = CR4_SMAP, FAULT(PF_P) },
    { "4: SMAP: write", FORM_4, .cr4 = CR4_SMAP, .access = MMU_WRITE, FAULT(PF_P | PF_W) },
    { "4: SMAP: fetch is SMEP's", FORM_4, .cr4 = CR4_SMAP, .access = MMU_EXEC, .forbids = PROT_R | PROT_W },
    { "4: SMAP: AC lifts it", FORM_4, .cr4 = CR4_SMAP, .eflags = EFL_AC },
    { "4: SMAP: AC lifts it for writes", FORM_4, .cr4 = CR4_SMAP, .eflags = EFL_AC, .access = MMU_WRITE },
    { "4: SMAP: not for descriptor tables", FORM_4, .cr4 = CR4_SMAP, .eflags = EFL_AC, .who = SYSTEM, FAULT(PF_P) },
    { "4: SMAP: own page", FORM_4, .cr4 = CR4_SMAP, .clear = { U } },
    { "4: SMAP: user", FORM_4, .cr4 = CR4_SMAP, .who = USER },
    { "32: SMAP", FORM_32, .cr4 = CR4_SMAP, FAULT(PF_P) },

    /* protection keys */
    { "4: PKU: AD", FORM_4, .cr4 = CR4_PKE, .pkru = 1 << 6, .set = { PKEY(3) }, .who = USER, FAULT(PF_P | PF_U | PF_PK) },
    { "4: PKU: AD of another key", FORM_4, .cr4 = CR4_PKE, .pkru = ~(3u << 6), .set = { PKEY(3) }, .who = USER },
    { "4: PKU: WD, read", FORM_4, .cr4 = CR4_PKE, .pkru = 2u << 30, .set = { PKEY(15) | D }, .who = USER, .forbids = PROT_W },
    { "4: PKU: WD, write", FORM_4, .cr4 = CR4_PKE, .pkru = 2u << 30, .set = { PKEY(15) }, .who = USER, .access = MMU_WRITE, FAULT(PF_P | PF_W | PF_U | PF_PK) },
    { "4: PKU: WD, supervisor, WP off", FORM_4, .cr4 = CR4_PKE, .pkru = 2, .access = MMU_WRITE },
    { "4: PKU: WD, supervisor, WP on", FORM_4, .cr0 = CR0_WP, .cr4 = CR4_PKE, .pkru = 2, .access = MMU_WRITE, FAULT(PF_P | PF_W | PF_PK) },
    { "4: PKU: AD, supervisor", FORM_4, .cr4 = CR4_PKE, .pkru = 1, FAULT(PF_P | PF_PK) },
    { "4: PKU: not of own pages", FORM_4, .cr4 = CR4_PKE, .pkru = 3, .clear = { U } },
    { "4: PKU: not of fetches", FORM_4, .cr4 = CR4_PKE, .pkru = 3, .who = USER, .access = MMU_EXEC, .forbids = PROT_R | PROT_W },
    { "4: PKU: large page", FORM_4, .cr4 = CR4_PKE, .pkru = 1 << 4, .leaf = 1, .set = { [1] = PKEY(2) }, .who = USER, FAULT(PF_P | PF_U | PF_PK) },
    { "4: PKU off: bits are the system's", FORM_4, .pkru = 3, .set = { PKEY(15) }, .who = USER },
    { "4: PKU: read-only and key", FORM_4, .cr4 = CR4_PKE, .pkru = 2, .clear = { W }, .who = USER, .access = MMU_WRITE, FAULT(PF_P | PF_W | PF_U | PF_PK) },

    /* reserved bits; MAXPHYADDR is 40 here */
    { "4: address bit 40", FORM_4, .set = { 1ull << 40 }, FAULT(PF_P | PF_RSVD) },
    { "4: address bit 51 of directory", FORM_4, .set = { [1] = 1ull << 51 }, FAULT(PF_P | PF_RSVD) },
    { "4: address bit 39 is there", FORM_4, .set = { 1ull << 39 }, .phys = 0x8000300678 },
    { "4: bits 52 to 58 are the system's", FORM_4, .set = { 0x7full << 52, 0x7full << 52, 0x7full << 52, 0x7full << 52 } },
    { "4: PS at the top", FORM_4, .set = { [3] = PS }, FAULT(PF_P | PF_RSVD) },
    { "5: PS at the top", FORM_5, .set = { [4] = PS }, FAULT(PF_P | PF_RSVD) },
    { "4: 1 GiB without the feature", FORM_4, .leaf = 2, .without = X86_PDPE1GB, FAULT(PF_P | PF_RSVD) },
    { "4: 2 MiB, bit 13", FORM_4, .leaf = 1, .set = { [1] = 1 << 13 }, FAULT(PF_P | PF_RSVD) },
    { "4: 2 MiB, bit 12 is PAT", FORM_4, .leaf = 1, .set = { [1] = 1 << 12 } },
    { "4: 1 GiB, bit 29", FORM_4, .leaf = 2, .set = { [2] = 1 << 29 }, FAULT(PF_P | PF_RSVD) },
    { "4: reserved before rights", FORM_4, .set = { 1ull << 45 }, .clear = { U }, .who = USER, .access = MMU_WRITE, FAULT(PF_P | PF_RSVD | PF_U | PF_W) },
    { "pae: bit 62", FORM_PAE, .set = { 1ull << 62 }, FAULT(PF_P | PF_RSVD) },
    { "pae: address bit 40 of directory", FORM_PAE, .set = { [1] = 1ull << 40 }, FAULT(PF_P | PF_RSVD) },
    { "32: 4 MiB, bit 21", FORM_32, .cr4 = CR4_PSE, .leaf = 1, .set = { [1] = 1 << 21 }, FAULT(PF_P | PF_RSVD) },
    { "32: 4 MiB, bit 13 without PSE-36", FORM_32, .cr4 = CR4_PSE, .leaf = 1, .without = X86_PSE36, .set = { [1] = 1 << 13 }, FAULT(PF_P | PF_RSVD) },

    /* linear addresses */
    { "4: upper half", FORM_4, .linear = 0xffff800000345678 },
    { "4: not canonical", FORM_4, .linear = 0x0000800000345678, .vector = X86_EXC_GP },
    { "4: not canonical above", FORM_4, .linear = 0xfffe800000345678, .vector = X86_EXC_GP },
    { "5: 57 bits", FORM_5, .linear = 0x00ff800000345678 },
    { "5: not canonical", FORM_5, .linear = 0x0100000000345678, .vector = X86_EXC_GP },
    { "32: only 32 bits", FORM_32, .linear = 0x1234567800345678 },
    { "pae: top of 4 GiB", FORM_PAE, .linear = 0xffffffff },
};
/* clang-format on */

static const struct {
    unsigned levels, index_bits, entry_bytes;
} forms[] = { { 2, 10, 4 }, { 3, 9, 8 }, { 4, 9, 8 }, { 5, 9, 8 } };

/* Where level's entry for an address is in the tables that rule_build() makes. */
static uint64_t entry_at(Form form, unsigned level, uint64_t linear)
{
    uint64_t index = linear >> (12 + level * forms[form].index_bits) & ((1u << forms[form].index_bits) - 1);
    return TABLES + 0x1000 * level +
           (form == FORM_PAE && level == 2 ? index & 3 : index) * forms[form].entry_bytes;
}

static void set_form(X86CPU *x, Form form)
{
    static const uint32_t cr4[] = { 0, CR4_PAE, CR4_PAE, CR4_PAE | CR4_LA57 };
    x->s.cr0 = CR0_PE | CR0_PG;
    x->s.cr4 = cr4[form];
    x->s.efer = form >= FORM_4 ? EFER_LME | EFER_LMA : 0;
    x->s.cr3 = TABLES + 0x1000 * (forms[form].levels - 1);
}

static unsigned leaf_bits(const Rule *r)
{
    return 12 + r->leaf * forms[r->form].index_bits;
}

/* Tables for the rule's address; the page is PAGE_AT, rounded down to its size. */
static X86CPU *rule_build(const Rule *r)
{
    X86CPU *x = fake_new();
    uint64_t linear = r->linear ? r->linear : LINEAR;
    set_form(x, r->form);
    x->s.cr0 |= r->cr0;
    x->s.cr4 |= r->cr4;
    x->s.efer |= r->efer;
    x->s.eflags |= r->eflags;
    x->s.pkru = r->pkru;
    if (r->without) {
        x->feature[r->without / 32] &= ~(1u << r->without % 32);
    }
    for (unsigned level = r->leaf; level < forms[r->form].levels; level++) {
        bool leaf = level == r->leaf, pdpte = r->form == FORM_PAE && level == 2;
        uint64_t to = leaf ? PAGE_AT & -(1ull << leaf_bits(r)) : TABLES + 0x1000 * (level - 1);
        uint64_t entry = to | (pdpte ? P : P | W | U) | (leaf && level ? PS : 0);
        fake_put(entry_at(r->form, level, linear), forms[r->form].entry_bytes,
                 (entry | r->set[level]) & ~r->clear[level]);
    }
    if (r->form == FORM_PAE) {
        X86Fault f = { 0 };
        g_assert_true(x86_load_pdptes(x, x->s.cr3, &f));
    }
    return x;
}

static void test_rule(const void *opaque)
{
    const Rule *r = opaque;
    X86CPU *x = rule_build(r);
    uint64_t linear = r->linear ? r->linear : LINEAR, low = (1ull << leaf_bits(r)) - 1;
    MmuResult m;
    X86Fault f = { 0 };
    bool ok = x86_translate(x, linear, r->access, r->who, &m, &f);
    if (r->vector) {
        g_assert_false(ok);
        g_assert_cmphex(f.vector, ==, r->vector);
        g_assert_cmphex(f.error, ==, r->error);
        g_assert_cmphex(f.address, ==, r->vector == X86_EXC_PF ? linear : 0);
    } else {
        uint8_t clean = r->access == MMU_WRITE || (r->set[r->leaf] & D) ? 0 : PROT_W;
        g_assert_true(ok);
        g_assert_cmphex(m.phys, ==, r->phys ? r->phys : (PAGE_AT & ~low) | (linear & low));
        g_assert_cmphex(m.prot, ==, (PROT_R | PROT_W | PROT_X) & ~(r->forbids | clean));
        g_assert_cmpint(m.leaf_bits, ==, leaf_bits(r));
    }
    fake_free(x);
}

/* ---- accessed and dirty ----------------------------------------------------- */

static void test_accessed_dirty(void)
{
    for (Form form = FORM_32; form <= FORM_5; form++) {
        const Rule r = { "", form };
        X86CPU *x = rule_build(&r);
        MmuResult m;
        X86Fault f = { 0 };
        unsigned bytes = forms[form].entry_bytes, tables = form == FORM_PAE ? 2 : forms[form].levels;
        g_assert_true(x86_translate(x, LINEAR, MMU_READ, RIGHTS_USER, &m, &f));
        for (unsigned level = 0; level < tables; level++) {
            g_assert_cmphex(fake_get(entry_at(form, level, LINEAR), bytes) & (A | D), ==, A);
        }
        g_assert_true(x86_translate(x, LINEAR, MMU_WRITE, RIGHTS_USER, &m, &f));
        for (unsigned level = 0; level < tables; level++) {
            g_assert_cmphex(fake_get(entry_at(form, level, LINEAR), bytes) & (A | D), ==,
                            A | (level ? 0 : D));
        }
        g_assert_true(m.prot & PROT_W);
        fake_free(x);
    }
}

/* A walk that is refused leaves the page's entry alone, and so does the debugger's. */
static void test_untouched(void)
{
    const Rule r = { "", FORM_4, .clear = { U } };
    X86CPU *x = rule_build(&r);
    MmuResult m;
    X86Fault f = { 0 };
    uint64_t phys, before = fake_get(entry_at(FORM_4, 0, LINEAR), 8);
    g_assert_true(x86_debug_walk(&x->cpu, LINEAR, &phys));
    g_assert_cmphex(phys, ==, PAGE_AT | (LINEAR & 0xfff));
    g_assert_cmphex(fake_get(entry_at(FORM_4, 3, LINEAR), 8) & A, ==, 0);
    assert_fault(x86_translate(x, LINEAR, MMU_WRITE, RIGHTS_USER, &m, &f), f, X86_EXC_PF, PF_P | PF_W | PF_U);
    g_assert_cmphex(fake_get(entry_at(FORM_4, 0, LINEAR), 8), ==, before);
    fake_free(x);
}

/* Another processor takes the page away between the walk's read of its entry and the write of A. */
static void test_race(void)
{
    const Rule r = { "", FORM_4, .set = { A, A, A, A } };
    X86CPU *x = rule_build(&r);
    MmuResult m;
    X86Fault f = { 0 };
    fake_race(entry_at(FORM_4, 0, LINEAR), 0);
    assert_fault(x86_translate(x, LINEAR, MMU_WRITE, RIGHTS_USER, &m, &f), f, X86_EXC_PF, PF_W | PF_U);
    g_assert_cmphex(fake_get(entry_at(FORM_4, 0, LINEAR), 8), ==, 0);
    fake_free(x);
}

/* ---- the rest ---------------------------------------------------------------- */

static void test_global(void)
{
    const Rule r = { "", FORM_4, .set = { G } };
    X86CPU *x = rule_build(&r);
    MmuResult m;
    X86Fault f = { 0 };
    g_assert_true(x86_translate(x, LINEAR, MMU_READ, RIGHTS_USER, &m, &f) && !m.global);
    x->s.cr4 |= CR4_PGE;
    g_assert_true(x86_translate(x, LINEAR, MMU_READ, RIGHTS_USER, &m, &f) && m.global);
    fake_free(x);
}

static void test_a20(void)
{
    X86CPU *x = fake_new();
    MmuResult m;
    X86Fault f = { 0 };
    x->s.a20 = false;
    g_assert_true(x86_translate(x, 0x10ffef, MMU_READ, RIGHTS_SUPERVISOR, &m, &f));
    g_assert_cmphex(m.phys, ==, 0xffef);
    fake_free(x);

    const Rule r = { "", FORM_32 };
    x = rule_build(&r);
    x->s.a20 = false;
    g_assert_true(x86_translate(x, LINEAR, MMU_READ, RIGHTS_SUPERVISOR, &m, &f));
    g_assert_cmphex(m.phys, ==, 0x200678);
    fake_free(x);
}

/* SDM 3, "PDPTE Registers": bits 1, 2, 5 to 8, and above MAXPHYADDR; of entries that are present. */
static void test_pdptes(void)
{
    static const uint64_t bad[] = { 2, 4, 0x20, 0x40, 0x80, 0x100, 1ull << 40, 1ull << 62, NX };
    X86CPU *x = fake_new();
    X86Fault f = { 0 };
    x->s.efer = EFER_NXE;
    for (unsigned i = 0; i < G_N_ELEMENTS(bad); i++) {
        fake_put(TABLES + 0x28, 8, P | bad[i]);
        assert_fault(x86_load_pdptes(x, TABLES + 0x20, &f), f, X86_EXC_GP, 0);
        g_assert_cmphex(x->s.pdpte[1], ==, 0);
        fake_put(TABLES + 0x28, 8, bad[i]);
        g_assert_true(x86_load_pdptes(x, TABLES + 0x20, &f));
        x->s.pdpte[1] = 0;
    }
    fake_put(TABLES + 0x28, 8, P | 0xe18);
    g_assert_true(x86_load_pdptes(x, (TABLES + 0x20) | 0x1f, &f)); /* bits 4..0 of CR3 are no address */
    g_assert_cmphex(x->s.pdpte[1], ==, P | 0xe18);
    fake_free(x);
}

/* An access over two pages: both are walked before anything is written. */
static void test_straddle(void)
{
    const Rule r = { "", FORM_4 };
    X86CPU *x = rule_build(&r);
    X86Fault f = { 0 };
    uint64_t value, first = LINEAR | 0xfff, next = first + 1;
    assert_fault(x86_store(x, first, 4, RIGHTS_USER, 0x44332211, &f), f, X86_EXC_PF, PF_W | PF_U);
    g_assert_cmphex(f.address, ==, next);
    g_assert_cmphex(fake_get(PAGE_AT | 0xfff, 1), ==, 0);
    fake_put(entry_at(FORM_4, 0, next), 8, 0x308000 | P | W | U);
    g_assert_true(x86_store(x, first, 4, RIGHTS_USER, 0x44332211, &f));
    g_assert_cmphex(fake_get(PAGE_AT | 0xfff, 1), ==, 0x11);
    g_assert_cmphex(fake_get(0x308000, 4), ==, 0x443322);
    g_assert_true(x86_load(x, first, 4, RIGHTS_USER, &value, &f));
    g_assert_cmphex(value, ==, 0x44332211);
    fake_free(x);
}

static void test_nowhere(void)
{
    X86CPU *x = fake_new();
    X86Fault f = { 0 };
    uint64_t value;
    g_assert_true(x86_load(x, FAKE_RAM + 0x1000, 4, RIGHTS_SUPERVISOR, &value, &f));
    g_assert_cmphex(value, ==, 0xffffffff);
    g_assert_true(x86_store(x, FAKE_RAM + 0x1000, 4, RIGHTS_SUPERVISOR, 0, &f));
    set_form(x, FORM_4); /* and tables that are nowhere are all ones: reserved bits */
    x->s.cr3 = FAKE_RAM;
    MmuResult m;
    assert_fault(x86_translate(x, 0, MMU_READ, RIGHTS_SUPERVISOR, &m, &f), f, X86_EXC_PF, PF_P | PF_RSVD);
    fake_free(x);
}

/* What separates contexts, and what does not. */
static void test_key(void)
{
    X86CPU *x = fake_new();
    CpuContextKey a, b;
    set_form(x, FORM_4);
    x->s.cr4 |= CR4_PCIDE;
    x->s.cr3 |= 5;
    x86_context_key(&x->cpu, &a);
    g_assert_cmphex(x86_space_asid(a.space), ==, 5);
    x->s.cr4 |= CR4_SMAP;
    x86_context_key(&x->cpu, &b);
    g_assert_cmphex(a.access, !=, b.access);
    x->s.eflags |= EFL_AC;
    x86_context_key(&x->cpu, &b);
    g_assert_cmphex(a.access, ==, b.access);
    x->s.cpl = 3;
    x86_context_key(&x->cpu, &b);
    g_assert_cmphex(a.access, !=, b.access);
    x->s.cr0 &= ~CR0_PG;
    x->s.efer = 0;
    x86_context_key(&x->cpu, &b);
    g_assert_cmphex(b.space, ==, 0);
    fake_free(x);
}

/* ---- info mem ---------------------------------------------------------------- */

static void assert_dump(X86CPU *x, const char *line)
{
    g_autoptr(GString) out = g_string_new(NULL);
    x86_dump_mmu(&x->cpu, out);
    if (!strstr(out->str, line)) {
        g_error("'%s' is not in\n%s", line, out->str);
    }
}

static void test_dump(void)
{
    static const struct {
        Rule rule;
        const char *line;
    } rows[] = {
        { { "", FORM_32, .set = { D } }, "0000000000345000 0000000000300000 0000000000001000 rwxu--d\n" },
        { { "", FORM_PAE, .linear = 0xc0345678 },
          "00000000c0345000 0000000000300000 0000000000001000 rwxu---\n" },
        { { "", FORM_4, .efer = EFER_NXE, .set = { [2] = NX }, .clear = { [1] = W | U } },
          "0000000000345000 0000000000300000 0000000000001000 r------\n" },
        { { "", FORM_4, .leaf = 1, .linear = 0xffff800000345678, .set = { [1] = A | G } },
          "ffff800000200000 0000000000200000 0000000000200000 rwxuga-\n" },
        { { "", FORM_5, .leaf = 2 }, "0000000000000000 0000000000000000 0000000040000000 rwxu---\n" },
    };
    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        X86CPU *x = rule_build(&rows[i].rule);
        assert_dump(x, rows[i].line);
        fake_free(x);
    }
    X86CPU *x = fake_new();
    assert_dump(x, "Paging is off\n");
    fake_free(x);
}

/* Neighbours join; a table that points to itself ends. */
static void test_dump_bounds(void)
{
    const Rule r = { "", FORM_4 };
    X86CPU *x = rule_build(&r);
    fake_put(entry_at(FORM_4, 0, LINEAR + 0x1000), 8, (PAGE_AT + 0x1000) | P | W | U);
    assert_dump(x, "0000000000345000 0000000000300000 0000000000002000 rwxu---\n");
    for (unsigned i = 0; i < 512; i++) {
        fake_put(x->s.cr3 + 8 * i, 8, x->s.cr3 | P | W | (i & 1 ? U : 0));
    }
    assert_dump(x, "(more than 4096 runs: the rest is left out)\n");
    for (unsigned i = 0; i < 512; i++) {
        fake_put(x->s.cr3 + 8 * i, 8, i < 2 ? x->s.cr3 | P | W | U : 0);
    }
    assert_dump(x, "rwxu---\n");
    fake_free(x);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (unsigned i = 0; i < G_N_ELEMENTS(rules); i++) {
        g_autofree char *path = g_strconcat("/i386/mmu/", rules[i].name, NULL);
        g_test_add_data_func(path, &rules[i], test_rule);
    }
    g_test_add_func("/i386/mmu/accessed and dirty", test_accessed_dirty);
    g_test_add_func("/i386/mmu/untouched", test_untouched);
    g_test_add_func("/i386/mmu/race", test_race);
    g_test_add_func("/i386/mmu/global", test_global);
    g_test_add_func("/i386/mmu/a20", test_a20);
    g_test_add_func("/i386/mmu/pdptes", test_pdptes);
    g_test_add_func("/i386/mmu/straddle", test_straddle);
    g_test_add_func("/i386/mmu/nowhere", test_nowhere);
    g_test_add_func("/i386/mmu/key", test_key);
    g_test_add_func("/i386/mmu/dump", test_dump);
    g_test_add_func("/i386/mmu/dump bounds", test_dump_bounds);
    return g_test_run();
}
