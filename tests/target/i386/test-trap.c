/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Delivery of interrupts and exceptions in every mode: frames, checks of gates, what becomes of faults in it. */
#include "world.h"

#include "target/i386.h"
#include "target/i386/trap.h"

enum { HANDLER = 0x5000, VECTOR = 0x30, GATE = VECTOR * 8 | X86_ERROR_IDT };

static X86Event event(X86EventKind kind, uint8_t vector)
{
    return (X86Event){ .vector = vector, .kind = kind, .return_ip = 0x1234 };
}

static void assert_stack(X86CPU *x, unsigned bytes, const uint64_t *want, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        g_assert_cmphex(world_stack(x, i, bytes), ==, want[i]);
    }
}
#define assert_frame(x, bytes, ...)                                                                          \
    assert_stack(x, bytes, (const uint64_t[]){ __VA_ARGS__ }, sizeof((uint64_t[]){ __VA_ARGS__ }) / 8)

/* ---- real mode --------------------------------------------------------------------- */

static void test_real(void)
{
    X86CPU *x = world_real();
    X86Fault f = { 0 };
    X86Event e = event(EVENT_SOFT, VECTOR);
    fake_put(VECTOR * 4, 4, 0x12345678);
    x86_set_flags(x, EFL_FIXED | EFL_IF | EFL_TF | EFL_AC | EFL_CF);
    g_assert_true(x86_event_deliver(x, &e, &f));
    g_assert_cmphex(x->s.seg[SEG_CS].base, ==, 0x12340);
    g_assert_cmphex(x86_ip(x), ==, 0x5678);
    g_assert_cmphex(x86_flags(x), ==, EFL_FIXED | EFL_CF);
    assert_frame(x, 2, 0x1234, 0, EFL_FIXED | EFL_IF | EFL_TF | EFL_CF);
    x->s.idtr.limit = VECTOR * 4 + 2;
    assert_fault(x86_event_deliver(x, &e, &f), f, X86_EXC_GP, GATE);
    fake_free(x);
}

/* No error code; a table that is too short for #GP ends in a shutdown. */
static void test_real_exception(void)
{
    X86CPU *x = world_real();
    const X86Fault gp = { .vector = X86_EXC_GP, .error = 0x10 };
    fake_put(X86_EXC_GP * 4, 4, 0x00005000);
    x86_exception(x, &gp);
    g_assert_cmphex(x86_ip(x), ==, 0x5000);
    assert_frame(x, 2, 0x50, 0, EFL_FIXED);
    x->s.idtr.limit = 0;
    x86_exception(x, &gp);
    g_assert_true(x->s.events.shutdown);
    fake_free(x);
}

/* ---- protected mode ------------------------------------------------------------------ */

static void test_same_level(void)
{
    static const struct {
        unsigned type, bytes;
        bool keeps_if;
    } gates[] = {
        { TYPE_INT, 4, false }, { TYPE_TRAP, 4, true }, { TYPE_INT16, 2, false }, { TYPE_TRAP16, 2, true }
    };
    for (unsigned i = 0; i < G_N_ELEMENTS(gates); i++) {
        X86CPU *x = world_protected(0);
        X86Fault f = { 0 };
        X86Event e = event(EVENT_EXTERNAL, VECTOR);
        uint32_t flags = EFL_FIXED | EFL_IF | EFL_TF | EFL_NT | EFL_ZF;
        world_vector(x, VECTOR, gates[i].type, 0, SEL_CODE0, 0xabc00000 | HANDLER, 0);
        x86_set_flags(x, flags);
        g_assert_true(x86_event_deliver(x, &e, &f));
        g_assert_cmphex(x86_ip(x), ==, gates[i].bytes == 2 ? HANDLER : 0xabc00000 | HANDLER);
        g_assert_cmphex(x86_flags(x), ==, EFL_FIXED | EFL_ZF | (gates[i].keeps_if ? EFL_IF : 0));
        assert_frame(x, gates[i].bytes, 0x1234, SEL_CODE0, flags);
        g_assert_cmphex(x->s.gpr[X86_RSP], ==, WORLD_STACK0 - 0x800 - 3 * gates[i].bytes);
        fake_free(x);
    }
}

static void test_inner(void)
{
    X86CPU *x = world_protected(3);
    X86Fault f = { 0 };
    X86Event e = event(EVENT_EXCEPTION, X86_EXC_GP);
    e.has_error = true;
    e.error = 0x5678;
    e.rf = true;
    world_vector(x, X86_EXC_GP, TYPE_INT, 0, SEL_CODE0, HANDLER, 0);
    x86_set_flags(x, EFL_FIXED | EFL_IF);
    g_assert_true(x86_event_deliver(x, &e, &f));
    g_assert_cmpint(x->s.cpl, ==, 0);
    g_assert_cmphex(x->s.seg[SEG_SS].selector, ==, SEL_DATA0);
    g_assert_cmphex(x->s.gpr[X86_RSP], ==, WORLD_STACK0 - 24);
    g_assert_cmphex(x->s.seg[SEG_DS].selector, ==, SEL_DATA3 | 3); /* stays */
    assert_frame(x, 4, 0x5678, 0x1234, SEL_CODE3 | 3, EFL_FIXED | EFL_IF | EFL_RF, WORLD_STACK3,
                 SEL_DATA3 | 3);
    fake_free(x);
}

static void test_conforming(void)
{
    X86CPU *x = world_protected(3);
    X86Fault f = { 0 };
    X86Event e = event(EVENT_EXTERNAL, VECTOR);
    world_vector(x, VECTOR, TYPE_INT, 0, SEL_CONFORMING, HANDLER, 0);
    g_assert_true(x86_event_deliver(x, &e, &f));
    g_assert_cmpint(x->s.cpl, ==, 3);
    g_assert_cmphex(x->s.seg[SEG_CS].selector, ==, SEL_CONFORMING | 3);
    assert_frame(x, 4, 0x1234, SEL_CODE3 | 3);
    fake_free(x);
}

/* One thing is wrong; the code says what, with EXT unless a program asked. */
typedef struct Bad {
    const char *name;
    X86EventKind kind;
    unsigned cpl, type, dpl;
    uint16_t selector;
    uint32_t attr;  /* of the code segment at SEL_FREE, when selector is that */
    uint32_t clear; /* bits of the gate's attributes */
    uint8_t vector;
    uint32_t error;
} Bad;
/* clang-format off */
static const Bad bads[] = {
    { "INT n through a gate of level 0", EVENT_SOFT, 3, TYPE_INT, 0, SEL_CODE0, 0, 0, X86_EXC_GP, GATE },
    { "INT3 through a gate of level 0", EVENT_SOFT_TRAP, 3, TYPE_INT, 0, SEL_CODE0, 0, 0, X86_EXC_GP, GATE },
    { "absent gate", EVENT_SOFT, 0, TYPE_INT, 0, SEL_CODE0, 0, ATTR_P, X86_EXC_NP, GATE },
    { "absent gate, external", EVENT_EXTERNAL, 0, TYPE_INT, 0, SEL_CODE0, 0, ATTR_P, X86_EXC_NP, GATE | 1 },
    { "absent gate, INT1", EVENT_ICEBP, 0, TYPE_INT, 0, SEL_CODE0, 0, ATTR_P, X86_EXC_NP, GATE | 1 },
    { "call gate", EVENT_EXCEPTION, 0, TYPE_CALL, 0, SEL_CODE0, 0, 0, X86_EXC_GP, GATE | 1 },
    { "null code", EVENT_SOFT, 0, TYPE_INT, 0, 0, 0, 0, X86_EXC_GP, 0 },
    { "null code, external", EVENT_EXTERNAL, 0, TYPE_INT, 0, 3, 0, 0, X86_EXC_GP, 1 },
    { "code is data", EVENT_SOFT, 0, TYPE_INT, 0, SEL_DATA0, 0, 0, X86_EXC_GP, SEL_DATA0 },
    { "code beyond the table", EVENT_SOFT, 0, TYPE_INT, 0, 0x1000, 0, 0, X86_EXC_GP, 0x1000 },
    { "code of an outer level", EVENT_SOFT, 0, TYPE_INT, 0, SEL_CODE3, 0, 0, X86_EXC_GP, SEL_CODE3 },
    { "absent code", EVENT_SOFT, 0, TYPE_INT, 0, SEL_FREE, FLAT_CODE & ~ATTR_P, 0, X86_EXC_NP, SEL_FREE },
    { "task gate to no task", EVENT_SOFT, 0, TYPE_TASK, 0, SEL_DATA0, 0, 0, X86_EXC_GP, SEL_DATA0 },
    { "task gate to a busy task", EVENT_EXTERNAL, 0, TYPE_TASK, 0, SEL_TSS, 0, 0, X86_EXC_GP, SEL_TSS | 1 },
};
/* clang-format on */

static void test_bad(const void *opaque)
{
    const Bad *b = opaque;
    X86CPU *x = world_protected(b->cpl);
    X86Fault f = { 0 };
    X86Event e = event(b->kind, VECTOR);
    world_set(SEL_FREE, world_desc(0, 0xfffff, b->attr));
    world_vector(x, VECTOR, b->type, b->dpl, b->selector, HANDLER, 0);
    uint64_t attr = fake_get(WORLD_IDT + VECTOR * 8 + 5, 1);
    fake_put(WORLD_IDT + VECTOR * 8 + 5, 1, attr & ~b->clear);
    X86State before = x->s;
    assert_fault(x86_event_deliver(x, &e, &f), f, b->vector, b->error);
    g_assert_cmpmem(&before, sizeof(before), &x->s, sizeof(x->s));
    fake_free(x);
}

/* Faults of the inner stack: #TS, #SS and #NP name its selector. */
static void test_bad_stack(void)
{
    static const struct {
        uint16_t ss;
        uint32_t attr;
        uint8_t vector;
        uint32_t error;
    } rows[] = {
        { 0, FLAT_DATA, X86_EXC_TS, 1 },
        { SEL_FREE | 1, FLAT_DATA, X86_EXC_TS, SEL_FREE | 1 },
        { SEL_FREE, FLAT_DATA | LEVEL3, X86_EXC_TS, SEL_FREE | 1 },
        { SEL_FREE, FLAT_CODE, X86_EXC_TS, SEL_FREE | 1 },
        { SEL_FREE, FLAT_DATA & ~ATTR_P, X86_EXC_SS, SEL_FREE | 1 },
        { SEL_FREE, FLAT_DATA & ~ATTR_G, X86_EXC_SS, SEL_FREE | 1 }, /* its limit is 1000h: no room */
    };
    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        X86CPU *x = world_protected(3);
        X86Fault f = { 0 };
        X86Event e = event(EVENT_EXTERNAL, VECTOR);
        world_set(SEL_FREE, world_desc(0, rows[i].attr & ATTR_G ? 0xfffff : 0x1000, rows[i].attr));
        fake_put(WORLD_TSS + 8, 2, rows[i].ss);
        world_vector(x, VECTOR, TYPE_INT, 0, SEL_CODE0, HANDLER, 0);
        assert_fault(x86_event_deliver(x, &e, &f), f, rows[i].vector, rows[i].error);
        g_assert_cmpint(x->s.cpl, ==, 3);
        fake_free(x);
    }
}

static void test_task_gate(void)
{
    X86CPU *x = world_protected(0);
    X86Fault f = { 0 };
    X86Event e = event(EVENT_EXCEPTION, X86_EXC_DF);
    e.has_error = true;
    world_set(SEL_FREE, world_desc(WORLD_TSS2, 0x67, ATTR_P | TYPE_TSS));
    fake_put(WORLD_TSS2 + 0x20, 4, HANDLER);
    fake_put(WORLD_TSS2 + 0x38, 4, WORLD_STACK3);
    fake_put(WORLD_TSS2 + 0x4c, 4, SEL_CODE0);
    fake_put(WORLD_TSS2 + 0x50, 4, SEL_DATA0);
    world_vector(x, X86_EXC_DF, TYPE_TASK, 0, SEL_FREE, 0, 0);
    g_assert_true(x86_event_deliver(x, &e, &f));
    g_assert_cmphex(x86_ip(x), ==, HANDLER);
    g_assert_cmphex(x->s.gpr[X86_RSP], ==, WORLD_STACK3 - 4);
    assert_frame(x, 4, 0);
    g_assert_true(x86_flags(x) & EFL_NT);
    fake_free(x);
}

/* ---- virtual-8086 mode ----------------------------------------------------------------- */

static void test_v86(void)
{
    X86CPU *x = world_v86(3);
    X86Fault f = { 0 };
    X86Event e = event(EVENT_SOFT, VECTOR);
    world_vector(x, VECTOR, TYPE_TRAP, 3, SEL_CODE0, HANDLER, 0);
    g_assert_true(x86_event_deliver(x, &e, &f));
    g_assert_false(x86_v86(x));
    g_assert_cmpint(x->s.cpl, ==, 0);
    g_assert_true(x->s.seg[SEG_DS].attr & x->s.seg[SEG_GS].attr & ATTR_NULL);
    assert_frame(x, 4, 0x1234, 0x200, EFL_FIXED | EFL_VM | EFL_IF | EFL_IOPL, 0x200, 0x300, 0x100, 0x400,
                 0x500, 0x600);
    fake_free(x);
}

static void test_v86_refused(void)
{
    X86CPU *x = world_v86(2);
    X86Fault f = { 0 };
    X86Event e = event(EVENT_SOFT, VECTOR);
    world_vector(x, VECTOR, TYPE_TRAP, 3, SEL_CODE0, HANDLER, 0);
    assert_fault(x86_event_deliver(x, &e, &f), f, X86_EXC_GP, 0);
    e.kind = EVENT_SOFT_TRAP; /* INT3 does not ask for IOPL */
    g_assert_true(x86_event_deliver(x, &e, &f));
    fake_free(x);
    x = world_v86(3); /* a handler of another level than 0 */
    e.kind = EVENT_EXTERNAL;
    world_vector(x, VECTOR, TYPE_INT, 0, SEL_CODE3, HANDLER, 0);
    assert_fault(x86_event_deliver(x, &e, &f), f, X86_EXC_GP, SEL_CODE3 | 1);
    world_vector(x, VECTOR, TYPE_INT, 0, SEL_CONFORMING, HANDLER, 0);
    assert_fault(x86_event_deliver(x, &e, &f), f, X86_EXC_GP, SEL_CONFORMING | 1);
    fake_free(x);
}

/* VME: the bit map of the TSS sends INT n to the program's own handler, with VIF for IF. */
static void test_vme(void)
{
    X86CPU *x = world_v86(0);
    X86Fault f = { 0 };
    X86Event e = event(EVENT_SOFT, VECTOR);
    x->s.cr4 = CR4_VME;
    x->s.eflags |= EFL_VIF;
    fake_put(WORLD_TSS + 0x66, 2, 0x88);
    x->s.tr.limit = 0x88;
    fake_put(VECTOR * 4, 4, 0x0a000055);
    g_assert_true(x86_event_deliver(x, &e, &f));
    g_assert_true(x86_v86(x));
    g_assert_cmphex(x->s.seg[SEG_CS].base, ==, 0xa000);
    g_assert_cmphex(x86_ip(x), ==, 0x55);
    g_assert_cmphex(x->s.eflags & (EFL_VIF | EFL_IF), ==, EFL_IF);
    assert_frame(x, 2, 0x1234, 0x200, EFL_FIXED | EFL_IF | EFL_IOPL);
    fake_put(WORLD_TSS + 0x88 - 32 + VECTOR / 8, 1, 1 << VECTOR % 8); /* the monitor's */
    assert_fault(x86_event_deliver(x, &e, &f), f, X86_EXC_GP, 0);
    fake_free(x);
}

/* ---- long mode ---------------------------------------------------------------------------- */

static void test_long(void)
{
    X86CPU *x = world_long(3);
    X86Fault f = { 0 };
    X86Event e = event(EVENT_EXCEPTION, X86_EXC_GP);
    e.has_error = true;
    e.error = 0x42;
    fake_put(WORLD_TSS + 4, 8, WORLD_STACK0 + 9); /* aligned down */
    world_vector(x, X86_EXC_GP, TYPE_INT, 0, SEL_CODE64, 0xffff800012345678, 0);
    x86_set_flags(x, EFL_FIXED | EFL_IF);
    g_assert_true(x86_event_deliver(x, &e, &f));
    g_assert_cmphex(x86_ip(x), ==, 0xffff800012345678);
    g_assert_cmphex(x->s.gpr[X86_RSP], ==, WORLD_STACK0 - 48);
    g_assert_true(x->s.seg[SEG_SS].attr & ATTR_NULL);
    g_assert_cmphex(x->s.seg[SEG_SS].selector, ==, 0);
    assert_frame(x, 8, 0x42, 0x1234, SEL_CODE64_3 | 3, EFL_FIXED | EFL_IF, WORLD_STACK3, SEL_DATA3 | 3);
    fake_free(x);
}

static void test_long_same_level(void)
{
    X86CPU *x = world_long(0);
    X86Fault f = { 0 };
    X86Event e = event(EVENT_EXTERNAL, VECTOR);
    x->s.gpr[X86_RSP] = 0x7009;
    world_vector(x, VECTOR, TYPE_INT, 0, SEL_CODE64, HANDLER, 0);
    g_assert_true(x86_event_deliver(x, &e, &f));
    g_assert_cmphex(x->s.gpr[X86_RSP], ==, 0x7000 - 40);
    g_assert_cmphex(x->s.seg[SEG_SS].selector, ==, SEL_DATA0); /* stays */
    assert_frame(x, 8, 0x1234, SEL_CODE64, EFL_FIXED, 0x7009, SEL_DATA0);
    world_vector(x, VECTOR, TYPE_INT, 0, SEL_CODE64, HANDLER, 1);
    g_assert_true(x86_event_deliver(x, &e, &f));
    g_assert_cmphex(x->s.gpr[X86_RSP], ==, WORLD_IST1 - 40);
    fake_free(x);
}

static void test_long_bad(void)
{
    X86CPU *x = world_long(3);
    X86Fault f = { 0 };
    X86Event e = event(EVENT_EXTERNAL, VECTOR);
    world_vector(x, VECTOR, TYPE_INT, 0, SEL_CODE0, HANDLER, 0); /* 32-bit code */
    assert_fault(x86_event_deliver(x, &e, &f), f, X86_EXC_GP, SEL_CODE0 | 1);
    world_vector(x, VECTOR, TYPE_INT16, 0, SEL_CODE64, HANDLER, 0);
    assert_fault(x86_event_deliver(x, &e, &f), f, X86_EXC_GP, GATE | 1);
    world_vector(x, VECTOR, TYPE_TASK, 0, SEL_TSS, HANDLER, 0);
    assert_fault(x86_event_deliver(x, &e, &f), f, X86_EXC_GP, GATE | 1);
    world_vector(x, VECTOR, TYPE_INT, 0, SEL_CODE64, 0x800000000000, 0);
    assert_fault(x86_event_deliver(x, &e, &f), f, X86_EXC_GP, 1);
    world_vector(x, VECTOR, TYPE_INT, 0, SEL_CODE64, HANDLER, 0);
    fake_put(WORLD_TSS + 4, 8, 0x800000000010);
    assert_fault(x86_event_deliver(x, &e, &f), f, X86_EXC_SS, 1);
    x->s.idtr.limit = VECTOR * 16 + 14;
    assert_fault(x86_event_deliver(x, &e, &f), f, X86_EXC_GP, GATE | 1);
    fake_free(x);
}

/* ---- one after the other ------------------------------------------------------------------- */

/* The first exception's gate is broken in a way that raises the second: what is delivered in the end.  #PF by a code
 * descriptor in a page that is absent. */
typedef struct Pair {
    uint8_t first, second; /* second: X86_EXC_NP or X86_EXC_PF */
    uint8_t delivered;
} Pair;
static const Pair pairs[] = {
    { X86_EXC_GP, X86_EXC_NP, X86_EXC_DF }, { X86_EXC_DE, X86_EXC_NP, X86_EXC_DF },
    { X86_EXC_PF, X86_EXC_NP, X86_EXC_DF }, { X86_EXC_PF, X86_EXC_PF, X86_EXC_DF },
    { X86_EXC_GP, X86_EXC_PF, X86_EXC_PF }, { X86_EXC_UD, X86_EXC_NP, X86_EXC_NP },
    { X86_EXC_UD, X86_EXC_PF, X86_EXC_PF }, { X86_EXC_NM, X86_EXC_NP, X86_EXC_NP },
};

static X86CPU *pair_world(const Pair *p, bool double_works)
{
    X86CPU *x = world_long(0);
    static const uint8_t all[] = { X86_EXC_DF, X86_EXC_NP, X86_EXC_PF };
    for (unsigned i = 0; i < G_N_ELEMENTS(all); i++) {
        world_vector(x, all[i], TYPE_INT, 0, SEL_CODE64, HANDLER + 0x10 * all[i], 0);
    }
    if (p->second == X86_EXC_NP) {
        world_vector(x, p->first, TYPE_INT, 0, SEL_CODE64, HANDLER, 0);
        fake_put(WORLD_IDT + p->first * 16 + 5, 1, TYPE_INT);
    } else { /* the stack is nowhere */
        fake_put(WORLD_TSS + 0x24, 8, 0x10000000);
        world_vector(x, p->first, TYPE_INT, 0, SEL_CODE64, HANDLER, 1);
    }
    if (!double_works) {
        fake_put(WORLD_IDT + X86_EXC_DF * 16 + 5, 1, TYPE_INT);
    }
    return x;
}

static void test_pairs(void)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(pairs); i++) {
        const Pair *p = &pairs[i];
        X86CPU *x = pair_world(p, true);
        X86Fault f = { .vector = p->first, .address = 0x123456 };
        x86_exception(x, &f);
        g_assert_cmphex(x86_ip(x), ==, HANDLER + 0x10 * p->delivered);
        if (p->delivered == X86_EXC_DF) {
            g_assert_cmphex(world_stack(x, 0, 8), ==, 0);
            g_assert_cmphex(world_stack(x, 1, 8), ==, 0x1234);
        } else if (p->delivered == X86_EXC_PF) {
            g_assert_cmphex(x->s.cr2, ==, 0x10000000 - 8);
        }
        g_assert_false(x->s.events.shutdown);
        fake_free(x);

        x = pair_world(p, false);
        x86_exception(x, &f);
        g_assert_cmpint(x->s.events.shutdown, ==, p->delivered == X86_EXC_DF);
        fake_free(x);
    }
}

static void note(void *opaque)
{
    ++*(unsigned *)opaque;
}

static void test_shutdown(void)
{
    X86CPU *x = world_protected(0);
    const X86Fault ud = { .vector = X86_EXC_UD };
    unsigned calls = 0;
    x->shut_down = note;
    x->shut_down_opaque = &calls;
    x->s.idtr.limit = 0;
    x86_exception(x, &ud);
    g_assert_cmpuint(calls, ==, 1);
    g_assert_true(x->s.events.shutdown && x->cpu.halted);
    g_assert_false(x86_has_work(&x->cpu));
    fake_free(x);
}

/* Faults push RF, debug exceptions mostly do not, and show DR6. */
static void test_debug(void)
{
    X86CPU *x = world_protected(0);
    X86Fault f = { .vector = X86_EXC_DB, .dr6 = DR6_BS };
    world_vector(x, X86_EXC_DB, TYPE_INT, 0, SEL_CODE0, HANDLER, 0);
    world_vector(x, X86_EXC_UD, TYPE_INT, 0, SEL_CODE0, HANDLER, 0);
    x->s.dr6 = DR6_FIXED | 5;
    x->s.dr7 = DR7_FIXED | DR7_GD;
    x86_exception(x, &f);
    g_assert_cmphex(x->s.dr6, ==, DR6_FIXED | DR6_BS);
    g_assert_cmphex(x->s.dr7, ==, DR7_FIXED);
    g_assert_cmphex(world_stack(x, 2, 4), ==, EFL_FIXED);
    f = (X86Fault){ .vector = X86_EXC_UD };
    x86_exception(x, &f);
    g_assert_cmphex(world_stack(x, 2, 4), ==, EFL_FIXED | EFL_RF);
    f = (X86Fault){ .vector = X86_EXC_DB,
                    .dr6 = DR6_BD }; /* the one that is a fault, but for code breakpoints */
    x86_exception(x, &f);
    g_assert_cmphex(world_stack(x, 2, 4), ==, EFL_FIXED | EFL_RF);
    fake_free(x);
}

/* ---- interrupts ------------------------------------------------------------------------------ */

typedef struct Controller {
    int vector; /* -1: none */
    unsigned acknowledged;
} Controller;

static bool controller_pending(void *opaque)
{
    return ((Controller *)opaque)->vector >= 0;
}

static int controller_acknowledge(void *opaque)
{
    Controller *c = opaque;
    int vector = c->vector;
    c->vector = -1;
    c->acknowledged++;
    return vector;
}

static void test_masking(void)
{
    X86CPU *x = world_protected(0);
    Controller c = { VECTOR, 0 };
    const IntSource source = { controller_pending, controller_acknowledge, &c };
    x->cpu.int_source = &source;
    world_vector(x, VECTOR, TYPE_INT, 0, SEL_CODE0, HANDLER, 0);
    world_vector(x, X86_EXC_NMI, TYPE_INT, 0, SEL_CODE0, HANDLER + 0x10, 0);
    g_assert_false(x86_has_work(&x->cpu));
    x->s.eflags |= EFL_IF;
    x->s.events.shadow = SHADOW_STI;
    g_assert_false(x86_take_interrupt(&x->cpu));
    x86_set_irq(x, X86_IRQ_NMI, 1);
    g_assert_false(x86_take_interrupt(&x->cpu)); /* STI holds NMIs off, too */
    x->s.eflags &= ~EFL_IF;
    x->s.events.shadow = 0;
    g_assert_true(x86_take_interrupt(&x->cpu));
    g_assert_cmphex(x86_ip(x), ==, HANDLER + 0x10);
    g_assert_cmpuint(c.acknowledged, ==, 0);
    x86_set_irq(x, X86_IRQ_NMI, 1);
    g_assert_false(x86_take_interrupt(&x->cpu)); /* until IRET */
    x->s.eflags |= EFL_IF;
    g_assert_true(x86_take_interrupt(&x->cpu));
    g_assert_cmphex(x86_ip(x), ==, HANDLER);
    g_assert_cmpuint(c.acknowledged, ==, 1);
    x->s.events.nmi_masked = false;
    x->s.events.shadow = SHADOW_MOV_SS;
    g_assert_false(x86_take_interrupt(&x->cpu));
    x->s.events.shadow = 0;
    g_assert_true(x86_take_interrupt(&x->cpu));
    fake_free(x);
}

static unsigned nmis_taken(X86CPU *x)
{
    unsigned n = 0;
    while (x86_take_interrupt(&x->cpu)) {
        n++;
        x86_unmask_nmi(x);
    }
    return n;
}

/* Two that come before the first is taken are two; all that come in a handler are one. */
static void test_several_nmis(void)
{
    X86CPU *x = world_protected(0);
    world_vector(x, X86_EXC_NMI, TYPE_INT, 0, SEL_CODE0, HANDLER, 0);
    for (unsigned sent = 1; sent <= 4; sent++) {
        for (unsigned i = 0; i < sent; i++) {
            x86_set_irq(x, X86_IRQ_NMI, 1);
        }
        g_assert_cmpuint(nmis_taken(x), ==, MIN(sent, 2));
    }
    x86_set_irq(x, X86_IRQ_NMI, 1);
    g_assert_true(x86_take_interrupt(&x->cpu));
    for (unsigned i = 0; i < 10; i++) {
        x86_set_irq(x, X86_IRQ_NMI, 1);
        g_assert_false(x86_take_interrupt(&x->cpu));
    }
    x86_unmask_nmi(x);
    g_assert_cmpuint(nmis_taken(x), ==, 1);
    fake_free(x);
}

/* An interrupt whose gate is absent: #NP with EXT, of the interrupted instruction. */
static void test_bad_external(void)
{
    X86CPU *x = world_protected(0);
    world_vector(x, X86_EXC_NP, TYPE_INT, 0, SEL_CODE0, HANDLER, 0);
    fake_put(WORLD_IDT + VECTOR * 8 + 5, 1, TYPE_INT);
    x86_interrupt(x, VECTOR);
    g_assert_cmphex(x86_ip(x), ==, HANDLER);
    assert_frame(x, 4, GATE | 1, 0x1234);
    fake_free(x);
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        void (*fn)(void);
    } tests[] = {
        { "real", test_real },
        { "real exception", test_real_exception },
        { "same level", test_same_level },
        { "inner level", test_inner },
        { "conforming", test_conforming },
        { "bad stack", test_bad_stack },
        { "task gate", test_task_gate },
        { "v86", test_v86 },
        { "v86 refused", test_v86_refused },
        { "vme", test_vme },
        { "long", test_long },
        { "long, same level", test_long_same_level },
        { "long, bad", test_long_bad },
        { "pairs", test_pairs },
        { "shutdown", test_shutdown },
        { "debug", test_debug },
        { "masking", test_masking },
        { "several NMIs", test_several_nmis },
        { "bad external", test_bad_external },
    };
    g_test_init(&argc, &argv, NULL);
    for (unsigned i = 0; i < G_N_ELEMENTS(tests); i++) {
        g_autofree char *path = g_strconcat("/i386/trap/", tests[i].name, NULL);
        g_test_add_func(path, tests[i].fn);
    }
    for (unsigned i = 0; i < G_N_ELEMENTS(bads); i++) {
        g_autofree char *path = g_strconcat("/i386/trap/bad/", bads[i].name, NULL);
        g_test_add_data_func(path, &bads[i], test_bad);
    }
    return g_test_run();
}
