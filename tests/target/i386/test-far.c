/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Far jumps, calls and returns; IRET in every form. */
#include "world.h"

#include "target/i386/far.h"

enum { TARGET = 0x5000, NEXT = 0x1240 };

static void assert_pushed(X86CPU *x, unsigned bytes, const uint64_t *want, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        g_assert_cmphex(world_stack(x, i, bytes), ==, want[i]);
    }
}
#define assert_frame(x, bytes, ...)                                                                          \
    assert_pushed(x, bytes, (const uint64_t[]){ __VA_ARGS__ }, sizeof((uint64_t[]){ __VA_ARGS__ }) / 8)

/* Pushes the last first: the list is as it lies in memory. */
static void push_all(X86CPU *x, unsigned bytes, const uint64_t *values, unsigned n)
{
    X86Stack st = x86_stack_current(x);
    X86Fault f = { 0 };
    while (n--) {
        g_assert_true(x86_push(&st, bytes, values[n], &f));
    }
    x86_stack_commit(&st);
}
#define push_list(x, bytes, ...)                                                                             \
    push_all(x, bytes, (const uint64_t[]){ __VA_ARGS__ }, sizeof((uint64_t[]){ __VA_ARGS__ }) / 8)

/* ---- jumps and calls ------------------------------------------------------------------ */

static void test_real(void)
{
    X86CPU *x = world_real();
    X86Fault f = { 0 };
    g_assert_true(x86_far_jump(x, 0x1000, 0x20, 2, 0, &f));
    g_assert_cmphex(x->s.seg[SEG_CS].base, ==, 0x10000);
    g_assert_cmphex(x->s.pc, ==, 0x1000000000020);
    g_assert_true(x86_far_call(x, 0x2000, 0x30, 2, 0x25, &f));
    assert_frame(x, 2, 0x25, 0x1000);
    g_assert_true(x86_far_return(x, 2, 6, &f));
    g_assert_cmphex(x86_ip(x), ==, 0x25);
    g_assert_cmphex(x->s.gpr[X86_RSP], ==, WORLD_STACK16 - 0x100 + 6);
    assert_fault(x86_far_jump(x, 0x1000, 0x10000, 4, 0, &f), f, X86_EXC_GP, 0);
    fake_free(x);
}

/* A code segment of these attributes at SEL_FREE is jumped to, and called, with an RPL, from a level. */
typedef struct Direct {
    const char *name;
    uint32_t attr;
    unsigned cpl, rpl;
    bool wide;
    uint8_t vector; /* 0: it succeeds, at the same level; the code is the selector */
} Direct;
enum { CODE = FLAT_CODE, CONFORMING = FLAT_CODE | ATTR_CONFORMING };
/* clang-format off */
static const Direct directs[] = {
    { "same level", CODE, 0, 0, false, 0 }, { "RPL above CPL", CODE, 0, 3, false, X86_EXC_GP }, { "level 3", CODE | LEVEL3, 3, 3, false, 0 },
    { "level 3, RPL 0", CODE | LEVEL3, 3, 0, false, 0 }, { "outer code", CODE | LEVEL3, 0, 0, false, X86_EXC_GP }, { "inner code", CODE, 3, 3, false, X86_EXC_GP },
    { "conforming inner code", CONFORMING, 3, 3, false, 0 }, { "conforming outer code", CONFORMING | LEVEL3, 0, 0, false, X86_EXC_GP },
    { "absent", CODE & ~ATTR_P, 0, 0, false, X86_EXC_NP }, { "data", FLAT_DATA, 0, 0, false, X86_EXC_GP }, { "interrupt gate", ATTR_P | TYPE_INT, 0, 0, false, X86_EXC_GP },
    { "long: both L and D", CODE | ATTR_L, 0, 0, true, X86_EXC_GP }, { "long: 64-bit", FLAT_CODE64, 0, 0, true, 0 }, { "long: compatibility", CODE, 0, 0, true, 0 },
    { "long: TSS", ATTR_P | TYPE_TSS, 0, 0, true, X86_EXC_GP }, { "long: 16-bit gate", ATTR_P | TYPE_CALL16, 0, 0, true, X86_EXC_GP },
};
/* clang-format on */

static void check_direct(const Direct *d, bool call)
{
    X86CPU *x = d->wide ? world_long(d->cpl) : world_protected(d->cpl);
    X86Fault f = { 0 };
    uint16_t cs = x->s.seg[SEG_CS].selector;
    uint64_t sp = x->s.gpr[X86_RSP];
    world_set(SEL_FREE, world_desc(0, 0xfffff, d->attr));
    world_set(SEL_FREE + 8, 0);
    bool ok = call ? x86_far_call(x, SEL_FREE | d->rpl, TARGET, 4, NEXT, &f)
                   : x86_far_jump(x, SEL_FREE | d->rpl, TARGET, 4, NEXT, &f);
    g_assert_cmpint(ok, ==, !d->vector);
    if (ok) {
        g_assert_cmphex(x->s.seg[SEG_CS].selector, ==, SEL_FREE | d->cpl);
        g_assert_cmphex(x86_ip(x), ==, TARGET);
        g_assert_cmpint(x->s.cpl, ==, d->cpl);
        g_assert_true(x->s.seg[SEG_CS].attr & ATTR_ACCESSED);
    } else {
        g_assert_cmphex(f.vector, ==, d->vector);
        g_assert_cmphex(f.error, ==, SEL_FREE);
        g_assert_cmphex(x->s.seg[SEG_CS].selector, ==, cs);
    }
    g_assert_cmphex(x->s.gpr[X86_RSP], ==, call && ok ? sp - 8 : sp);
    if (call && ok) {
        assert_frame(x, 4, NEXT, cs);
    }
    fake_free(x);
}

static void test_direct(const void *opaque)
{
    check_direct(opaque, false);
    check_direct(opaque, true);
}

static void test_direct_offset(void)
{
    X86CPU *x = world_protected(0);
    X86Fault f = { 0 };
    assert_fault(x86_far_jump(x, SEL_CODE16, 0x10000, 4, 0, &f), f, X86_EXC_GP, 0);
    assert_fault(x86_far_jump(x, 3, 0, 4, 0, &f), f, X86_EXC_GP, 0);
    assert_fault(x86_far_jump(x, WORLD_GDT_LIMIT + 1, 0, 4, 0, &f), f, X86_EXC_GP, WORLD_GDT_LIMIT + 1);
    g_assert_true(x86_far_jump(x, SEL_CODE16, 0xffff, 4, 0, &f));
    fake_free(x);
}

/* ---- call gates --------------------------------------------------------------------------- */

static void test_gate_inner(void)
{
    X86CPU *x = world_protected(3);
    X86Fault f = { 0 };
    push_list(x, 4, 0x11, 0x22, 0x33);
    world_call_gate(x, SEL_FREE, 3, SEL_CODE0 | 3, TARGET, 2);
    g_assert_true(x86_far_call(x, SEL_FREE | 3, 0xdead, 4, NEXT, &f));
    g_assert_cmphex(x->s.seg[SEG_CS].selector, ==, SEL_CODE0); /* RPL := CPL */
    g_assert_cmphex(x86_ip(x), ==, TARGET);
    g_assert_cmphex(x->s.seg[SEG_SS].selector, ==, SEL_DATA0);
    g_assert_cmphex(x->s.gpr[X86_RSP], ==, WORLD_STACK0 - 24);
    assert_frame(x, 4, NEXT, SEL_CODE3 | 3, 0x11, 0x22, WORLD_STACK3 - 12, SEL_DATA3 | 3);

    g_assert_true(x86_far_return(x, 4, 8, &f)); /* parameters go from both stacks */
    g_assert_cmpint(x->s.cpl, ==, 3);
    g_assert_cmphex(x->s.gpr[X86_RSP], ==, WORLD_STACK3 - 4);
    fake_free(x);
}

static void test_gate_long(void)
{
    X86CPU *x = world_long(3);
    X86Fault f = { 0 };
    world_call_gate(x, SEL_FREE, 3, SEL_CODE64, 0xffff800000005000, 0);
    g_assert_true(x86_far_call(x, SEL_FREE, 0, 4, NEXT, &f));
    g_assert_cmphex(x86_ip(x), ==, 0xffff800000005000);
    g_assert_true(x->s.seg[SEG_SS].attr & ATTR_NULL);
    assert_frame(x, 8, NEXT, SEL_CODE64_3 | 3, WORLD_STACK3, SEL_DATA3 | 3);
    g_assert_true(x86_far_return(x, 8, 0, &f));
    g_assert_cmpint(x->s.cpl, ==, 3);
    g_assert_cmphex(x->s.gpr[X86_RSP], ==, WORLD_STACK3);
    world_call_gate(x, SEL_FREE, 3, SEL_CODE0, TARGET, 0); /* 32-bit code */
    assert_fault(x86_far_call(x, SEL_FREE, 0, 4, NEXT, &f), f, X86_EXC_GP, SEL_CODE0);
    world_call_gate(x, SEL_FREE, 3, SEL_CODE64, TARGET, 0);
    world_set(SEL_FREE + 8, 1ull << 40); /* a type in the second half */
    assert_fault(x86_far_call(x, SEL_FREE, 0, 4, NEXT, &f), f, X86_EXC_GP, SEL_FREE);
    fake_free(x);
}

static void test_gate_bad(void)
{
    X86CPU *x = world_protected(3);
    X86Fault f = { 0 };
    world_call_gate(x, SEL_FREE, 0, SEL_CODE0, TARGET, 0);
    assert_fault(x86_far_call(x, SEL_FREE, 0, 4, NEXT, &f), f, X86_EXC_GP, SEL_FREE); /* DPL */
    world_call_gate(x, SEL_FREE, 3, SEL_CODE0, TARGET, 0);
    assert_fault(x86_far_jump(x, SEL_FREE, 0, 4, NEXT, &f), f, X86_EXC_GP,
                 SEL_CODE0); /* JMP does not change levels */
    world_call_gate(x, SEL_FREE, 3, 0, TARGET, 0);
    assert_fault(x86_far_call(x, SEL_FREE, 0, 4, NEXT, &f), f, X86_EXC_GP, 0);
    world_call_gate(x, SEL_FREE, 3, SEL_DATA0, TARGET, 0);
    assert_fault(x86_far_call(x, SEL_FREE, 0, 4, NEXT, &f), f, X86_EXC_GP, SEL_DATA0);
    world_call_gate(x, SEL_FREE, 3, SEL_CODE0, TARGET, 0);
    fake_put(WORLD_TSS + 8, 4, 0);
    assert_fault(x86_far_call(x, SEL_FREE, 0, 4, NEXT, &f), f, X86_EXC_TS, 0);
    world_set(SEL_FREE, world_gate(TYPE_CALL, 3, SEL_CODE0, TARGET, 0) & ~((uint64_t)ATTR_P << 40));
    assert_fault(x86_far_call(x, SEL_FREE, 0, 4, NEXT, &f), f, X86_EXC_NP, SEL_FREE);
    fake_free(x);
    x = world_protected(0); /* DPL 0, but RPL 3 asks */
    world_call_gate(x, SEL_FREE, 0, SEL_CODE0, TARGET, 0);
    assert_fault(x86_far_call(x, SEL_FREE | 3, 0, 4, NEXT, &f), f, X86_EXC_GP, SEL_FREE);
    fake_free(x);
}

static void test_gate_16(void)
{
    X86CPU *x = world_protected(0);
    X86Fault f = { 0 };
    world_set(SEL_FREE, world_gate(TYPE_CALL16, 0, SEL_CODE0, 0xffff0000 | TARGET, 0));
    g_assert_true(x86_far_call(x, SEL_FREE, 0, 4, NEXT, &f));
    g_assert_cmphex(x86_ip(x), ==, TARGET);
    assert_frame(x, 2, NEXT, SEL_CODE0);
    fake_free(x);
}

static void test_task(void)
{
    X86CPU *x = world_protected(3);
    X86Fault f = { 0 };
    world_set(SEL_FREE, world_desc(WORLD_TSS2, 0x67, ATTR_P | TYPE_TSS));
    assert_fault(x86_far_jump(x, SEL_FREE, 0, 4, NEXT, &f), f, X86_EXC_GP, SEL_FREE); /* DPL 0 */
    fake_put(WORLD_TSS2 + 0x20, 4, TARGET);
    fake_put(WORLD_TSS2 + 0x4c, 4, SEL_CODE0);
    fake_put(WORLD_TSS2 + 0x50, 4, SEL_DATA0);
    world_set(SEL_FREE + 8, world_gate(TYPE_TASK, 3, SEL_FREE, 0, 0));
    g_assert_true(x86_far_call(x, SEL_FREE + 8, 0, 4, NEXT, &f));
    g_assert_cmphex(x86_ip(x), ==, TARGET);
    g_assert_true(x86_iret(x, 4, NEXT, &f)); /* NT */
    g_assert_cmphex(x86_ip(x), ==, NEXT);
    g_assert_cmpint(x->s.cpl, ==, 3);
    fake_free(x);
}

/* ---- returns -------------------------------------------------------------------------------- */

/* CS (and SS) on the stack of level 0 or 3; IRET and RET check alike. */
typedef struct Bad {
    const char *name;
    unsigned cpl;
    uint16_t cs, ss;
    uint32_t attr; /* of SEL_FREE */
    uint8_t vector;
    uint32_t error;
} Bad;
/* clang-format off */
static const Bad bads[] = {
    { "null CS", 0, 3, 0, 0, X86_EXC_GP, 0 }, { "CS is data", 0, SEL_DATA0, 0, 0, X86_EXC_GP, SEL_DATA0 },
    { "inner CS", 3, SEL_CODE0, 0, 0, X86_EXC_GP, SEL_CODE0 }, { "RPL 0 of outer code", 0, SEL_CODE3, 0, 0, X86_EXC_GP, SEL_CODE3 },
    { "conforming above RPL", 0, SEL_FREE, 0, CONFORMING | LEVEL3, X86_EXC_GP, SEL_FREE }, { "absent CS", 0, SEL_FREE, 0, CODE & ~ATTR_P, X86_EXC_NP, SEL_FREE },
    { "CS beyond the table", 0, 0x1000, 0, 0, X86_EXC_GP, 0x1000 },
    { "null SS", 0, SEL_CODE3 | 3, 3, 0, X86_EXC_GP, 0 }, { "SS of level 0", 0, SEL_CODE3 | 3, SEL_DATA0, 0, X86_EXC_GP, SEL_DATA0 },
    { "RPL of SS", 0, SEL_CODE3 | 3, SEL_DATA3, 0, X86_EXC_GP, SEL_DATA3 }, { "read-only SS", 0, SEL_CODE3 | 3, SEL_FREE | 3, (FLAT_DATA | LEVEL3) & ~ATTR_WRITABLE, X86_EXC_GP, SEL_FREE },
    { "absent SS", 0, SEL_CODE3 | 3, SEL_FREE | 3, (FLAT_DATA | LEVEL3) & ~ATTR_P, X86_EXC_SS, SEL_FREE },
};
/* clang-format on */

static void check_bad(const Bad *b, bool iret)
{
    X86CPU *x = world_protected(b->cpl);
    X86Fault f = { 0 };
    world_set(SEL_FREE, world_desc(0, 0xfffff, b->attr));
    if (iret) {
        push_list(x, 4, TARGET, b->cs, EFL_FIXED | EFL_CF, 0x7000, b->ss);
    } else {
        push_list(x, 4, TARGET, b->cs, 0x7000, b->ss);
    }
    X86State before = x->s;
    assert_fault(iret ? x86_iret(x, 4, NEXT, &f) : x86_far_return(x, 4, 0, &f), f, b->vector, b->error);
    g_assert_cmpmem(&before, sizeof(before), &x->s, sizeof(x->s));
    fake_free(x);
}

static void test_bad(const void *opaque)
{
    check_bad(opaque, false);
    check_bad(opaque, true);
}

static void test_outer(void)
{
    X86CPU *x = world_protected(0);
    X86Fault f = { 0 };
    X86Desc user = { .low = world_desc(0, 0xfffff, FLAT_DATA | LEVEL3) };
    x86_seg_load(x, SEG_ES, SEL_DATA3 | 3, &user);
    push_list(x, 4, TARGET, SEL_CODE3 | 3, EFL_FIXED | EFL_IF | EFL_RF | EFL_VIF | EFL_IOPL, WORLD_STACK3,
              SEL_DATA3 | 3);
    g_assert_true(x86_iret(x, 4, NEXT, &f));
    g_assert_cmpint(x->s.cpl, ==, 3);
    g_assert_cmphex(x86_flags(x), ==, EFL_FIXED | EFL_IF | EFL_RF | EFL_VIF | EFL_IOPL);
    g_assert_cmphex(x->s.gpr[X86_RSP], ==, WORLD_STACK3);
    g_assert_true(x->s.seg[SEG_DS].attr & ATTR_NULL); /* level 0's */
    g_assert_cmphex(x->s.seg[SEG_ES].selector, ==, SEL_DATA3 | 3);
    fake_free(x);
}

/* A 16-bit stack segment: the upper half of ESP is the handler's. */
static void test_outer_16(void)
{
    X86CPU *x = world_protected(0);
    X86Fault f = { 0 };
    world_set(SEL_FREE, world_desc(0, 0xffff, ATTR_P | ATTR_S | ATTR_WRITABLE | LEVEL3));
    x->s.gpr[X86_RSP] = 0x30100;
    push_list(x, 4, TARGET, SEL_CODE3 | 3, EFL_FIXED, 0xabcd1234, SEL_FREE | 3);
    g_assert_true(x86_iret(x, 4, NEXT, &f));
    g_assert_cmphex(x->s.gpr[X86_RSP], ==, 0x31234);
    fake_free(x);
}

/* What IRET may change of the flags, by level and IOPL. */
static void test_flags(void)
{
    static const struct {
        unsigned cpl, iopl, bytes;
        uint32_t kept; /* though the image differs */
    } rows[] = {
        { 0, 0, 4, EFL_VM },
        { 3, 0, 4, EFL_IF | EFL_IOPL | EFL_VIF | EFL_VIP | EFL_VM },
        { 3, 3, 4, EFL_IOPL | EFL_VIF | EFL_VIP | EFL_VM },
        { 0, 0, 2, EFL_RF | EFL_AC | EFL_ID | EFL_VIF | EFL_VIP | EFL_VM },
        { 3, 0, 2, EFL_IF | EFL_IOPL | EFL_RF | EFL_AC | EFL_ID | EFL_VIF | EFL_VIP | EFL_VM },
    };
    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        X86CPU *x = world_protected(rows[i].cpl);
        X86Fault f = { 0 };
        uint32_t before = EFL_FIXED | rows[i].iopl << EFL_IOPL_SHIFT, image = (EFL_ALL & ~EFL_VM) ^ before;
        x86_set_flags(x, before);
        push_list(x, rows[i].bytes, TARGET, x->s.seg[SEG_CS].selector, image);
        g_assert_true(x86_iret(x, rows[i].bytes, NEXT, &f));
        uint32_t kept = rows[i].kept | EFL_FIXED;
        g_assert_cmphex(x86_flags(x), ==, (before & kept) | (image & ~kept));
        fake_free(x);
    }
}

static void test_nmi_unmasks(void)
{
    X86CPU *x = world_protected(0);
    X86Fault f = { 0 };
    x->s.events.nmi_masked = true;
    push_list(x, 4, TARGET, 0, EFL_FIXED);
    assert_fault(x86_iret(x, 4, NEXT, &f), f, X86_EXC_GP, 0);
    g_assert_false(x->s.events.nmi_masked);
    fake_free(x);
}

static void test_real_iret(void)
{
    X86CPU *x = world_real();
    X86Fault f = { 0 };
    push_list(x, 2, 0x20, 0x1000, EFL_FIXED | EFL_IF | EFL_IOPL | EFL_NT);
    g_assert_true(x86_iret(x, 2, NEXT, &f));
    g_assert_cmphex(x86_flags(x), ==, EFL_FIXED | EFL_IF | EFL_IOPL | EFL_NT);
    g_assert_cmphex(x->s.seg[SEG_CS].base, ==, 0x10000);
    push_list(x, 4, 0x20, 0x1000, EFL_ALL);
    g_assert_true(x86_iret(x, 4, NEXT, &f));
    g_assert_cmphex(x86_flags(x), ==, EFL_ALL & ~(EFL_VM | EFL_VIF | EFL_VIP));
    push_list(x, 4, 0x10000, 0x1000, EFL_FIXED);
    assert_fault(x86_iret(x, 4, NEXT, &f), f, X86_EXC_GP, 0);
    fake_free(x);
}

/* ---- virtual-8086 mode ------------------------------------------------------------------------- */

static void test_to_v86(void)
{
    X86CPU *x = world_protected(0);
    X86Fault f = { 0 };
    push_list(x, 4, 0x50, 0x1000, EFL_FIXED | EFL_VM | EFL_IOPL, 0x200, 0x2000, 0x3000, 0x4000, 0x5000,
              0x6000);
    g_assert_true(x86_iret(x, 4, NEXT, &f));
    g_assert_true(x86_v86(x));
    g_assert_cmpint(x->s.cpl, ==, 3);
    g_assert_cmphex(x->s.seg[SEG_CS].base, ==, 0x10000);
    g_assert_cmphex(x->s.seg[SEG_SS].base, ==, 0x20000);
    g_assert_cmphex(x->s.seg[SEG_ES].base, ==, 0x30000);
    g_assert_cmphex(x->s.seg[SEG_DS].base, ==, 0x40000);
    g_assert_cmphex(x->s.seg[SEG_FS].base, ==, 0x50000);
    g_assert_cmphex(x->s.seg[SEG_GS].base, ==, 0x60000);
    g_assert_cmphex(x->s.gpr[X86_RSP], ==, 0x200);
    fake_free(x);
}

/* EIP beyond the 64 KiB that CS will have: Intel's refuse it, AMD's take its lower half. */
static void test_to_v86_beyond(void)
{
    X86CPU *x = world_protected(0);
    X86Fault f = { 0 };
    push_list(x, 4, 0x10050, 0x1000, EFL_FIXED | EFL_VM, 0x200, 0x2000, 0x3000, 0x4000, 0x5000, 0x6000);
    uint64_t sp = x->s.gpr[X86_RSP];
    x->vendor = VENDOR_INTEL;
    assert_fault(x86_iret(x, 4, NEXT, &f), f, X86_EXC_GP, 0);
    g_assert_false(x86_v86(x));
    g_assert_cmphex(x->s.gpr[X86_RSP], ==, sp);
    x->vendor = VENDOR_AMD;
    g_assert_true(x86_iret(x, 4, NEXT, &f));
    g_assert_cmphex(x86_ip(x), ==, 0x50);
    fake_free(x);
}

static void test_in_v86(void)
{
    X86CPU *x = world_v86(3);
    X86Fault f = { 0 };
    push_list(x, 2, 0x60, 0x1000, EFL_FIXED | EFL_CF);
    g_assert_true(x86_iret(x, 2, NEXT, &f));
    g_assert_cmphex(x86_flags(x), ==, EFL_FIXED | EFL_CF | EFL_VM | EFL_IOPL);
    g_assert_cmphex(x86_ip(x), ==, 0x60);
    fake_free(x);
    x = world_v86(2);
    assert_fault(x86_iret(x, 2, NEXT, &f), f, X86_EXC_GP, 0);
    x->s.cr4 = CR4_VME;
    assert_fault(x86_iret(x, 4, NEXT, &f), f, X86_EXC_GP, 0);
    push_list(x, 2, 0x60, 0x1000, EFL_FIXED | EFL_IF);
    g_assert_true(x86_iret(x, 2, NEXT, &f));
    g_assert_true(x->s.eflags & EFL_VIF);
    x->s.eflags |= EFL_VIP;
    push_list(x, 2, 0x60, 0x1000, EFL_FIXED | EFL_IF);
    assert_fault(x86_iret(x, 2, NEXT, &f), f, X86_EXC_GP, 0);
    fake_free(x);
}

/* ---- long mode ------------------------------------------------------------------------------------ */

static void test_long_iret(void)
{
    X86CPU *x = world_long(0);
    X86Fault f = { 0 };
    push_list(x, 8, TARGET, SEL_CODE64, EFL_FIXED, 0x7008, SEL_DATA0); /* the same level pops SS:RSP, too */
    g_assert_true(x86_iret(x, 8, NEXT, &f));
    g_assert_cmphex(x->s.gpr[X86_RSP], ==, 0x7008);
    push_list(x, 8, TARGET, SEL_CODE64, EFL_FIXED, 0x7008, 0); /* a null SS at level 0 */
    g_assert_true(x86_iret(x, 8, NEXT, &f));
    g_assert_true(x->s.seg[SEG_SS].attr & ATTR_NULL);
    push_list(x, 4, TARGET, SEL_CODE0, EFL_FIXED, 0x7008, 0); /* ... not of 32-bit code */
    assert_fault(x86_iret(x, 4, NEXT, &f), f, X86_EXC_GP, 0);
    push_list(x, 8, TARGET, SEL_CODE64_3 | 3, EFL_FIXED, 0x7008, 3);
    assert_fault(x86_iret(x, 8, NEXT, &f), f, X86_EXC_GP, 0);
    push_list(x, 8, 0x800000000000, SEL_CODE64, EFL_FIXED, 0x7008, SEL_DATA0);
    assert_fault(x86_iret(x, 8, NEXT, &f), f, X86_EXC_GP, 0);
    x->s.eflags |= EFL_NT;
    assert_fault(x86_iret(x, 8, NEXT, &f), f, X86_EXC_GP, 0);
    x->s.eflags = EFL_FIXED;
    push_list(x, 8, TARGET, SEL_CODE3 | 3, EFL_FIXED | EFL_IF, 0x123400007008,
              SEL_DATA3 | 3); /* to 32-bit code */
    g_assert_true(x86_iret(x, 8, NEXT, &f));
    g_assert_cmphex(x->s.gpr[X86_RSP], ==, 0x7008);
    g_assert_false(x86_64bit(x));
    fake_free(x);
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        void (*fn)(void);
    } tests[] = {
        { "real", test_real },
        { "offset", test_direct_offset },
        { "gate to inner level", test_gate_inner },
        { "gate in long mode", test_gate_long },
        { "bad gate", test_gate_bad },
        { "16-bit gate", test_gate_16 },
        { "task", test_task },
        { "outer level", test_outer },
        { "outer level, 16-bit stack", test_outer_16 },
        { "flags", test_flags },
        { "nmi", test_nmi_unmasks },
        { "iret, real", test_real_iret },
        { "iret, to v86", test_to_v86 },
        { "iret, to v86, EIP beyond it", test_to_v86_beyond },
        { "iret, in v86", test_in_v86 },
        { "iret, long", test_long_iret },
    };
    g_test_init(&argc, &argv, NULL);
    for (unsigned i = 0; i < G_N_ELEMENTS(tests); i++) {
        g_autofree char *path = g_strconcat("/i386/far/", tests[i].name, NULL);
        g_test_add_func(path, tests[i].fn);
    }
    for (unsigned i = 0; i < G_N_ELEMENTS(directs); i++) {
        g_autofree char *path = g_strconcat("/i386/far/direct/", directs[i].name, NULL);
        g_test_add_data_func(path, &directs[i], test_direct);
    }
    for (unsigned i = 0; i < G_N_ELEMENTS(bads); i++) {
        g_autofree char *path = g_strconcat("/i386/far/return/", bads[i].name, NULL);
        g_test_add_data_func(path, &bads[i], test_bad);
    }
    return g_test_run();
}
