/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Segment registers: a row for each check of a load, bounds by type, LDTR and TR, LAR and its like, stacks. */
#include "world.h"

#define DPL(n) ((n) << ATTR_DPL_SHIFT)
enum { DATA = ATTR_P | ATTR_S | ATTR_WRITABLE, CODE = ATTR_P | ATTR_S | ATTR_CODE };

/* A descriptor at SEL_FREE is loaded with an RPL at a CPL. */
typedef struct Load {
    const char *name;
    uint32_t attr;
    unsigned cpl, rpl;
    uint8_t vector; /* 0: it succeeds; the error code is the selector */
} Load;

/* clang-format off */
static const Load data_loads[] = {
    { "writable", DATA, 0, 0, 0 }, { "read-only", DATA & ~ATTR_WRITABLE, 0, 0, 0 }, { "readable code", CODE | ATTR_READABLE, 0, 0, 0 },
    { "execute-only code", CODE, 0, 0, X86_EXC_GP }, { "system", ATTR_P | TYPE_TSS, 0, 0, X86_EXC_GP },
    { "absent", DATA & ~ATTR_P, 0, 0, X86_EXC_NP }, { "absent and no data", (CODE & ~ATTR_P), 0, 0, X86_EXC_GP },
    { "level 3 wants level 0", DATA, 3, 0, X86_EXC_GP }, { "RPL 3 wants level 0", DATA, 0, 3, X86_EXC_GP },
    { "level 3's own", DATA | LEVEL3, 3, 3, 0 }, { "level 0 takes level 3's", DATA | LEVEL3, 0, 0, 0 },
    { "conforming code of level 0", CODE | ATTR_READABLE | ATTR_CONFORMING, 3, 3, 0 }, { "code of level 0", CODE | ATTR_READABLE, 3, 3, X86_EXC_GP },
};
static const Load stack_loads[] = {
    { "writable", DATA, 0, 0, 0 }, { "read-only", DATA & ~ATTR_WRITABLE, 0, 0, X86_EXC_GP }, { "code", CODE | ATTR_READABLE, 0, 0, X86_EXC_GP },
    { "system", ATTR_P | TYPE_TSS, 0, 0, X86_EXC_GP }, { "absent", DATA & ~ATTR_P, 0, 0, X86_EXC_SS },
    { "RPL 3", DATA, 0, 3, X86_EXC_GP }, { "DPL 3", DATA | LEVEL3, 0, 0, X86_EXC_GP }, { "level 3's", DATA | LEVEL3, 3, 3, 0 },
    { "level 3, RPL 0", DATA | LEVEL3, 3, 0, X86_EXC_GP }, { "level 3, DPL 0", DATA, 3, 3, X86_EXC_GP },
};
/* clang-format on */

static void check_load(const Load *l, X86SegId seg)
{
    X86CPU *x = world_protected(l->cpl);
    X86Fault f = { 0 };
    uint16_t selector = SEL_FREE | l->rpl, before = x->s.seg[seg].selector;
    world_set(SEL_FREE, world_desc(0x12345678, 0x9abcd, l->attr));
    bool ok = x86_seg_move(x, seg, selector, &f);
    bool accessed = fake_get(WORLD_GDT + SEL_FREE + 5, 1) & ATTR_ACCESSED;
    if (l->vector) {
        g_assert_false(ok);
        g_assert_cmphex(f.vector, ==, l->vector);
        g_assert_cmphex(f.error, ==, SEL_FREE);
        g_assert_cmphex(x->s.seg[seg].selector, ==, before);
        g_assert_cmpint(accessed, ==, (l->attr & (ATTR_S | ATTR_ACCESSED)) == ATTR_ACCESSED);
    } else {
        g_assert_true(ok);
        g_assert_cmphex(x->s.seg[seg].selector, ==, selector);
        g_assert_cmphex(x->s.seg[seg].base, ==, 0x12345678);
        g_assert_cmphex(x->s.seg[seg].limit, ==, 0x9abcd);
        g_assert_cmphex(x->s.seg[seg].attr, ==, l->attr | ATTR_ACCESSED);
        g_assert_true(accessed);
    }
    fake_free(x);
}

static void test_data(const void *opaque)
{
    check_load(opaque, SEG_DS);
    check_load(opaque, SEG_GS);
}

static void test_stack_segment(const void *opaque)
{
    check_load(opaque, SEG_SS);
}

static void test_null(void)
{
    X86CPU *x = world_protected(0);
    X86Fault f = { 0 };
    g_assert_true(x86_seg_move(x, SEG_DS, 3, &f));
    g_assert_true(x->s.seg[SEG_DS].attr & ATTR_NULL);
    g_assert_cmphex(x->s.seg[SEG_DS].selector, ==, 3);
    g_assert_cmphex(x->bounds[SEG_DS].rd_end, ==, 0);
    assert_fault(x86_seg_move(x, SEG_SS, 0, &f), f, X86_EXC_GP, 0);
    fake_free(x);
}

/* SDM 2, MOV: a null SS loads in 64-bit mode below level 3, when its RPL is CPL. */
static void test_null_stack_64(void)
{
    X86CPU *x = world_long(0);
    X86Fault f = { 0 };
    g_assert_true(x86_seg_move(x, SEG_SS, 0, &f));
    assert_fault(x86_seg_move(x, SEG_SS, 1, &f), f, X86_EXC_GP, 0);
    fake_free(x);
    x = world_long(3);
    assert_fault(x86_seg_move(x, SEG_SS, 3, &f), f, X86_EXC_GP, 0);
    fake_free(x);
}

/* A null FS has base 0 of Intel's processors, and its old one of AMD's. */
static void test_null_base(void)
{
    X86CPU *x = world_long(0);
    X86Fault f = { 0 };
    x->s.seg[SEG_FS].base = 0xffff800012345678;
    x->vendor = VENDOR_AMD;
    g_assert_true(x86_seg_move(x, SEG_FS, 0, &f));
    g_assert_cmphex(x->s.seg[SEG_FS].base, ==, 0xffff800012345678);
    x->vendor = VENDOR_INTEL;
    g_assert_true(x86_seg_move(x, SEG_FS, 0, &f));
    g_assert_cmphex(x->s.seg[SEG_FS].base, ==, 0);
    fake_free(x);
}

static void test_limits(void)
{
    X86CPU *x = world_protected(0);
    X86Fault f = { 0 };
    assert_fault(x86_seg_move(x, SEG_DS, WORLD_GDT_LIMIT + 1, &f), f, X86_EXC_GP, WORLD_GDT_LIMIT + 1);
    x->s.gdtr.limit = SEL_DATA0 + 6; /* its last byte is out */
    assert_fault(x86_seg_move(x, SEG_DS, SEL_DATA0, &f), f, X86_EXC_GP, SEL_DATA0);
    world_set(SEL_TI | 0x18, world_desc(0, 0, DATA));
    g_assert_true(x86_seg_move(x, SEG_DS, SEL_TI | 0x18, &f));
    assert_fault(x86_seg_move(x, SEG_DS, SEL_TI | 0x20, &f), f, X86_EXC_GP, SEL_TI | 0x20);
    g_assert_true(x86_lldt(x, 0, &f));
    assert_fault(x86_seg_move(x, SEG_DS, SEL_TI, &f), f, X86_EXC_GP, SEL_TI);
    f.external = true;
    assert_fault(x86_seg_move(x, SEG_DS, SEL_TI, &f), f, X86_EXC_GP, SEL_TI | X86_ERROR_EXT);
    fake_free(x);
}

static void test_bounds(void)
{
    enum { DOWN = DATA | ATTR_DOWN };
    static const struct {
        uint32_t limit, attr;
        X86Bounds want;
    } rows[] = {
        { 0xfff, DATA, { 0, 0x1000, 0x1000 } },
        { 0xfff, DATA & ~ATTR_WRITABLE, { 0, 0x1000, 0 } },
        { 0xfff, CODE, { 0, 0, 0 } },
        { 0xfff, CODE | ATTR_READABLE, { 0, 0x1000, 0 } },
        { 0xfff, DOWN, { 0x1000, 0x10000, 0x10000 } },
        { 0xfff, DOWN | ATTR_DB, { 0x1000, 1ull << 32, 1ull << 32 } },
        { UINT32_MAX, DATA | ATTR_DB, { 0, 1ull << 32, 1ull << 32 } },
        { UINT32_MAX, DOWN | ATTR_DB, { 1ull << 32, 1ull << 32, 1ull << 32 } },
        { 0xfff, ATTR_NULL, { 0, 0, 0 } },
    };
    X86CPU *x = world_protected(0);
    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        x->s.seg[SEG_DS] = (X86Segment){ .limit = rows[i].limit, .attr = rows[i].attr };
        x86_bounds_update(x, SEG_DS);
        g_assert_cmphex(x->bounds[SEG_DS].low, ==, rows[i].want.low);
        g_assert_cmphex(x->bounds[SEG_DS].rd_end, ==, rows[i].want.rd_end);
        g_assert_cmphex(x->bounds[SEG_DS].wr_end, ==, rows[i].want.wr_end);
    }
    fake_free(x);
}

/* A limit of protected mode stays in real mode ("big real mode"); virtual-8086 mode has its own. */
static void test_real(void)
{
    X86CPU *x = world_real();
    X86Fault f = { 0 };
    x->s.seg[SEG_DS].limit = UINT32_MAX;
    g_assert_true(x86_seg_move(x, SEG_DS, 0xf000, &f));
    g_assert_cmphex(x->s.seg[SEG_DS].base, ==, 0xf0000);
    g_assert_cmphex(x->s.seg[SEG_DS].limit, ==, UINT32_MAX);
    x->s.seg[SEG_ES].attr = ATTR_NULL;
    g_assert_true(x86_seg_move(x, SEG_ES, 0x1000, &f));
    g_assert_cmphex(x->bounds[SEG_ES].wr_end, ==, 0x10000);
    fake_free(x);
    x = world_v86(3);
    g_assert_true(x86_seg_move(x, SEG_DS, 0xffff, &f));
    g_assert_cmphex(x->s.seg[SEG_DS].base, ==, 0xffff0);
    g_assert_cmphex(x->bounds[SEG_DS].wr_end, ==, 0x10000);
    fake_free(x);
}

static void test_ldt(void)
{
    X86CPU *x = world_protected(0);
    X86Fault f = { 0 };
    assert_fault(x86_lldt(x, SEL_LDT | SEL_TI, &f), f, X86_EXC_GP, SEL_LDT | SEL_TI);
    assert_fault(x86_lldt(x, SEL_DATA0, &f), f, X86_EXC_GP, SEL_DATA0);
    world_set(SEL_FREE, world_desc(0x7000, 0x27, TYPE_LDT));
    assert_fault(x86_lldt(x, SEL_FREE, &f), f, X86_EXC_NP, SEL_FREE);
    world_set(SEL_FREE, world_desc(0x7000, 0x27, ATTR_P | TYPE_LDT));
    g_assert_true(x86_lldt(x, SEL_FREE, &f));
    g_assert_cmphex(x->s.ldtr.base, ==, 0x7000);
    g_assert_cmphex(x->s.ldtr.limit, ==, 0x27);
    fake_free(x);
}

static void test_ldt_long(void)
{
    X86CPU *x = world_long(0);
    X86Fault f = { 0 };
    world_set(SEL_FREE, world_desc(0x7000, 0x27, ATTR_P | TYPE_LDT));
    world_set(SEL_FREE + 8, 0xffff8001);
    g_assert_true(x86_lldt(x, SEL_FREE, &f));
    g_assert_cmphex(x->s.ldtr.base, ==, 0xffff800100007000);
    world_set(SEL_FREE + 8, 0x8001); /* not canonical */
    assert_fault(x86_lldt(x, SEL_FREE, &f), f, X86_EXC_GP, SEL_FREE);
    world_set(SEL_FREE + 8, 0x0f0000000000); /* a type in the second half */
    assert_fault(x86_lldt(x, SEL_FREE, &f), f, X86_EXC_GP, SEL_FREE);
    x->s.gdtr.limit = SEL_FREE + 7;
    assert_fault(x86_lldt(x, SEL_FREE, &f), f, X86_EXC_GP, SEL_FREE);
    fake_free(x);
}

static void test_tr(void)
{
    X86CPU *x = world_protected(0);
    X86Fault f = { 0 };
    assert_fault(x86_ltr(x, 0, &f), f, X86_EXC_GP, 0);
    assert_fault(x86_ltr(x, SEL_TSS, &f), f, X86_EXC_GP, SEL_TSS); /* busy */
    world_set(SEL_FREE, world_desc(0x7000, 0x2b, ATTR_P | TYPE_TSS16));
    g_assert_true(x86_ltr(x, SEL_FREE, &f));
    g_assert_cmphex(fake_get(WORLD_GDT + SEL_FREE + 5, 1), ==, ATTR_P | TYPE_TSS16_BUSY);
    g_assert_cmphex(x->s.tr.attr, ==, ATTR_P | TYPE_TSS16_BUSY);
    fake_free(x);
    x = world_long(0);
    world_set(SEL_FREE, world_desc(0x7000, 0x2b, ATTR_P | TYPE_TSS16));
    assert_fault(x86_ltr(x, SEL_FREE, &f), f, X86_EXC_GP, SEL_FREE);
    fake_free(x);
}

/* ---- LAR, LSL, VERR, VERW ------------------------------------------------- */

typedef struct Look {
    const char *name;
    uint32_t attr;
    unsigned cpl, rpl;
    bool wide;
    bool lar, lsl, verr, verw;
} Look;
/* clang-format off */
static const Look looks[] = {
    { "data", DATA, 0, 0, false, true, true, true, true }, { "read-only", DATA & ~ATTR_WRITABLE, 0, 0, false, true, true, true, false },
    { "code", CODE | ATTR_READABLE, 0, 0, false, true, true, true, false }, { "execute-only", CODE, 0, 0, false, true, true, false, false },
    { "absent", DATA & ~ATTR_P, 0, 0, false, true, true, true, true },
    { "of level 0 for level 3", DATA, 3, 3, false, false, false, false, false }, { "RPL 3", DATA, 0, 3, false, false, false, false, false },
    { "conforming", CODE | ATTR_READABLE | ATTR_CONFORMING, 3, 3, false, true, true, true, false },
    { "TSS", ATTR_P | TYPE_TSS, 0, 0, false, true, true, false, false }, { "TSS16", ATTR_P | TYPE_TSS16, 0, 0, false, true, true, false, false },
    { "LDT", ATTR_P | TYPE_LDT, 0, 0, false, true, true, false, false }, { "call gate", ATTR_P | TYPE_CALL, 0, 0, false, true, false, false, false },
    { "task gate", ATTR_P | TYPE_TASK, 0, 0, false, true, false, false, false }, { "interrupt gate", ATTR_P | TYPE_INT, 0, 0, false, false, false, false, false },
    { "long: TSS16", ATTR_P | TYPE_TSS16, 0, 0, true, false, false, false, false }, { "long: task gate", ATTR_P | TYPE_TASK, 0, 0, true, false, false, false, false },
    { "long: TSS", ATTR_P | TYPE_TSS_BUSY, 0, 0, true, true, true, false, false },
};
/* clang-format on */

static void test_look(const void *opaque)
{
    const Look *l = opaque;
    X86CPU *x = l->wide ? world_long(l->cpl) : world_protected(l->cpl);
    X86Fault f = { 0 };
    bool ok;
    uint32_t value;
    uint16_t selector = SEL_FREE | l->rpl;
    world_set(SEL_FREE, world_desc(0x12345678, 0xabc, l->attr | ATTR_G | ATTR_AVL));
    g_assert_true(x86_lar(x, selector, &ok, &value, &f));
    g_assert_cmpint(ok, ==, l->lar);
    if (ok) {
        g_assert_cmphex(value, ==, (l->attr | ATTR_G | ATTR_AVL) << 8);
    }
    g_assert_true(x86_lsl(x, selector, &ok, &value, &f));
    g_assert_cmpint(ok, ==, l->lsl);
    if (ok) {
        g_assert_cmphex(value, ==, 0xabcfff);
    }
    g_assert_true(x86_verify(x, selector, false, &ok, &f));
    g_assert_cmpint(ok, ==, l->verr);
    g_assert_true(x86_verify(x, selector, true, &ok, &f));
    g_assert_cmpint(ok, ==, l->verw);
    g_assert_true(x86_lar(x, 3, &ok, &value, &f));
    g_assert_false(ok); /* null */
    g_assert_true(x86_lar(x, WORLD_GDT_LIMIT + 1, &ok, &value, &f));
    g_assert_false(ok);
    fake_free(x);
}

/* ---- stacks ---------------------------------------------------------------- */

static void test_stack_16(void)
{
    X86CPU *x = world_real();
    X86Fault f = { 0 };
    uint64_t value;
    x->s.gpr[X86_RSP] = 0xabcd0000; /* SP is 0: it wraps */
    X86Stack st = x86_stack_current(x);
    g_assert_true(x86_push(&st, 2, 0x1234, &f));
    g_assert_cmphex(fake_get(0xfffe, 2), ==, 0x1234);
    x86_stack_commit(&st);
    g_assert_cmphex(x->s.gpr[X86_RSP], ==, 0xabcdfffe);
    g_assert_true(x86_pop(&st, 2, &value, &f));
    g_assert_cmphex(value, ==, 0x1234);
    x86_stack_commit(&st);
    g_assert_cmphex(x->s.gpr[X86_RSP], ==, 0xabcd0000);
    x->s.gpr[X86_RSP] = 1; /* a word at FFFF does not */
    st = x86_stack_current(x);
    assert_fault(x86_push(&st, 2, 0, &f), f, X86_EXC_SS, 0);
    fake_free(x);
}

static void test_stack_down(void)
{
    X86CPU *x = world_protected(0);
    X86Fault f = { 0 };
    world_set(SEL_FREE, world_desc(0, 7, DATA | ATTR_DOWN | ATTR_DB | ATTR_G)); /* from 8000h on */
    g_assert_true(x86_seg_move(x, SEG_SS, SEL_FREE, &f));
    x->s.gpr[X86_RSP] = 0x8004;
    X86Stack st = x86_stack_current(x);
    g_assert_true(x86_push(&st, 4, 0x55aa, &f));
    g_assert_cmphex(fake_get(0x8000, 4), ==, 0x55aa);
    assert_fault(x86_push(&st, 4, 0, &f), f, X86_EXC_SS, 0);
    fake_free(x);
}

static void test_stack_64(void)
{
    X86CPU *x = world_long(3);
    X86Fault f = { 0 };
    X86Stack st = x86_stack_flat(x, 0xffff800000000000, 3); /* below it no address is canonical */
    assert_fault(x86_push(&st, 8, 0, &f), f, X86_EXC_SS, 0);
    x->s.gpr[X86_RSP] = WORLD_STACK3;
    st = x86_stack_current(x);
    g_assert_true(x86_push(&st, 8, 0x1122334455667788, &f));
    x86_stack_commit(&st);
    g_assert_cmphex(world_stack(x, 0, 8), ==, 0x1122334455667788);
    fake_free(x);
}

static void add_loads(const char *kind, const Load *l, unsigned n, void (*fn)(const void *))
{
    for (unsigned i = 0; i < n; i++) {
        g_autofree char *path = g_strconcat("/i386/seg/", kind, "/", l[i].name, NULL);
        g_test_add_data_func(path, &l[i], fn);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    add_loads("data", data_loads, G_N_ELEMENTS(data_loads), test_data);
    add_loads("stack", stack_loads, G_N_ELEMENTS(stack_loads), test_stack_segment);
    for (unsigned i = 0; i < G_N_ELEMENTS(looks); i++) {
        g_autofree char *path = g_strconcat("/i386/seg/look/", looks[i].name, NULL);
        g_test_add_data_func(path, &looks[i], test_look);
    }
    g_test_add_func("/i386/seg/null", test_null);
    g_test_add_func("/i386/seg/null stack in 64-bit mode", test_null_stack_64);
    g_test_add_func("/i386/seg/null base", test_null_base);
    g_test_add_func("/i386/seg/limits", test_limits);
    g_test_add_func("/i386/seg/bounds", test_bounds);
    g_test_add_func("/i386/seg/real", test_real);
    g_test_add_func("/i386/seg/ldt", test_ldt);
    g_test_add_func("/i386/seg/ldt in long mode", test_ldt_long);
    g_test_add_func("/i386/seg/tr", test_tr);
    g_test_add_func("/i386/seg/stack 16", test_stack_16);
    g_test_add_func("/i386/seg/stack down", test_stack_down);
    g_test_add_func("/i386/seg/stack 64", test_stack_64);
    return g_test_run();
}
