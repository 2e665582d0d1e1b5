/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Task state: inner stacks, I/O permissions, switches of 32- and 16-bit tasks with their checks. */
#include "world.h"

#include "target/i386/tss.h"

enum { NEXT = 0x4321, NEW_IP = 0x6000, SEL_NEW = SEL_FREE, BUSY = 2 };

/* ---- lookups ----------------------------------------------------------------------- */

static void test_stacks(void)
{
    X86CPU *x = world_protected(3);
    X86Fault f = { 0 };
    uint16_t ss;
    uint64_t sp;
    fake_put(WORLD_TSS + 0x14, 4, 0x22222222);
    fake_put(WORLD_TSS + 0x18, 4, 0x1232);
    g_assert_true(x86_tss_stack(x, 2, &ss, &sp, &f));
    g_assert_cmphex(ss, ==, 0x1232);
    g_assert_cmphex(sp, ==, 0x22222222);
    x->s.tr.limit = 0x18; /* of SS2 one byte is there */
    assert_fault(x86_tss_stack(x, 2, &ss, &sp, &f), f, X86_EXC_TS, SEL_TSS);
    f.external = true;
    assert_fault(x86_tss_stack(x, 2, &ss, &sp, &f), f, X86_EXC_TS, SEL_TSS | X86_ERROR_EXT);
    x->s.tr.limit = 0x19;
    g_assert_true(x86_tss_stack(x, 2, &ss, &sp, &f));

    x->s.tr.attr = ATTR_P | TYPE_TSS16_BUSY;
    fake_put(WORLD_TSS + 6, 4, 0x12315555);
    g_assert_true(x86_tss_stack(x, 1, &ss, &sp, &f));
    g_assert_cmphex(ss, ==, 0x1231);
    g_assert_cmphex(sp, ==, 0x5555);
    fake_free(x);
}

static void test_ist(void)
{
    X86CPU *x = world_long(3);
    X86Fault f = { 0 };
    uint64_t rsp;
    g_assert_true(x86_tss_ist(x, 1, &rsp, &f));
    g_assert_cmphex(rsp, ==, WORLD_IST1);
    x->s.tr.limit = 0x5a; /* IST7 ends at 5Bh */
    assert_fault(x86_tss_ist(x, 7, &rsp, &f), f, X86_EXC_TS, SEL_TSS);
    fake_free(x);
}

static void test_ports(void)
{
    enum { MAP = 0x68 };
    X86CPU *x = world_protected(3);
    X86Fault f = { 0 };
    fake_put(WORLD_TSS + 0x66, 2, MAP);
    x->s.tr.limit = MAP + 0x10; /* ports 0 to 7Fh, and the byte behind */
    fake_put(WORLD_TSS + MAP + 0xc, 2, 0x8001);
    g_assert_true(x86_io_check(x, 0x61, 1, &f));
    assert_fault(x86_io_check(x, 0x60, 1, &f), f, X86_EXC_GP, 0);
    g_assert_true(x86_io_check(x, 0x61, 4, &f));
    assert_fault(x86_io_check(x, 0x6e, 2, &f), f, X86_EXC_GP, 0); /* of two ports one is denied */
    g_assert_true(x86_io_check(x, 0x7e, 2, &f));
    assert_fault(x86_io_check(x, 0x80, 1, &f), f, X86_EXC_GP, 0); /* the byte behind is not there */
    x->s.eflags |= EFL_IOPL;
    g_assert_true(x86_io_check(x, 0x60, 1, &f));
    x->s.eflags |= EFL_VM; /* the map counts, whatever IOPL is */
    assert_fault(x86_io_check(x, 0x60, 1, &f), f, X86_EXC_GP, 0);
    x->s.eflags = EFL_FIXED;
    x->s.tr.attr = ATTR_P | TYPE_TSS16_BUSY; /* has no map */
    assert_fault(x86_io_check(x, 0x61, 1, &f), f, X86_EXC_GP, 0);
    x->s.cr0 = 0;
    g_assert_true(x86_io_check(x, 0x60, 1, &f));
    fake_free(x);
}

/* ---- switches ---------------------------------------------------------------------- */

/* A task of level 0 in a TSS at WORLD_TSS2: registers are 0x100 * n. */
static X86CPU *with_task(unsigned cpl, unsigned type)
{
    X86CPU *x = world_protected(cpl);
    bool wide = type & 8;
    unsigned bytes = wide ? 4 : 2;
    world_set(SEL_NEW, world_desc(WORLD_TSS2, wide ? 0x67 : 0x2b, ATTR_P | LEVEL3 | type));
    fake_put(WORLD_TSS2 + (wide ? 0x20 : 0x0e), bytes, NEW_IP);
    fake_put(WORLD_TSS2 + (wide ? 0x24 : 0x10), bytes, EFL_FIXED | EFL_CF);
    for (unsigned i = 0; i < 8; i++) {
        fake_put(WORLD_TSS2 + (wide ? 0x28 : 0x12) + i * bytes, bytes, 0x100 * (i + 1));
    }
    for (unsigned i = 0; i < (wide ? 6u : 4u); i++) {
        fake_put(WORLD_TSS2 + (wide ? 0x48 + 4 * i : 0x22 + 2 * i), 2, i == SEG_CS ? SEL_CODE0 : SEL_DATA0);
    }
    fake_put(WORLD_TSS2 + (wide ? 0x60 : 0x2a), 2, SEL_LDT);
    return x;
}

static unsigned type_of(uint16_t selector)
{
    return fake_get(WORLD_GDT + selector + 5, 1) & ATTR_TYPE;
}

static void test_call(void)
{
    X86CPU *x = with_task(3, TYPE_TSS);
    X86Fault f = { 0 };
    x->s.gpr[X86_RDI] = 0x77777777;
    x->s.dr7 = 0x400 | 3;
    x86_set_flags(x, EFL_FIXED | EFL_ZF | EFL_IF);
    g_assert_true(x86_task_switch(x, SEL_NEW, TASK_CALL, NEXT, &f));
    g_assert_cmphex(x86_ip(x), ==, NEW_IP);
    g_assert_cmpint(x->s.cpl, ==, 0);
    g_assert_cmphex(x86_flags(x), ==, EFL_FIXED | EFL_CF | EFL_NT);
    g_assert_cmphex(x->s.gpr[X86_RSP], ==, 0x500);
    g_assert_cmphex(x->s.gpr[X86_RDI], ==, 0x800);
    g_assert_cmphex(x->s.seg[SEG_GS].limit, ==, UINT32_MAX);
    g_assert_cmphex(x->s.tr.selector, ==, SEL_NEW);
    g_assert_true(x->s.cr0 & CR0_TS);
    g_assert_cmphex(x->s.dr7, ==, 0x402); /* L0 off, G0 stays */
    g_assert_cmphex(fake_get(WORLD_TSS + 0x20, 4), ==, NEXT);
    g_assert_cmphex(fake_get(WORLD_TSS + 0x24, 4), ==, EFL_FIXED | EFL_ZF | EFL_IF);
    g_assert_cmphex(fake_get(WORLD_TSS + 0x44, 4), ==, 0x77777777);
    g_assert_cmphex(fake_get(WORLD_TSS + 0x4c, 2), ==, SEL_CODE3 | 3);
    g_assert_cmphex(fake_get(WORLD_TSS2, 2), ==, SEL_TSS);
    g_assert_cmpint(type_of(SEL_TSS), ==, TYPE_TSS_BUSY);
    g_assert_cmpint(type_of(SEL_NEW), ==, TYPE_TSS_BUSY);

    g_assert_true(x86_task_return(x, NEXT + 1, &f)); /* and back */
    g_assert_cmphex(x86_ip(x), ==, NEXT);
    g_assert_cmpint(x->s.cpl, ==, 3);
    g_assert_cmphex(x86_flags(x), ==, EFL_FIXED | EFL_ZF | EFL_IF);
    g_assert_cmphex(x->s.gpr[X86_RDI], ==, 0x77777777);
    g_assert_cmphex(fake_get(WORLD_TSS2 + 0x24, 4) & EFL_NT, ==, 0);
    g_assert_cmphex(fake_get(WORLD_TSS2 + 0x20, 4), ==, NEXT + 1);
    g_assert_cmpint(type_of(SEL_TSS), ==, TYPE_TSS_BUSY);
    g_assert_cmpint(type_of(SEL_NEW), ==, TYPE_TSS);
    fake_free(x);
}

static void test_jump(void)
{
    X86CPU *x = with_task(0, TYPE_TSS);
    X86Fault f = { 0 };
    fake_put(WORLD_TSS2, 2, 0xabcd);
    g_assert_true(x86_task_switch(x, SEL_NEW, TASK_JUMP, NEXT, &f));
    g_assert_cmphex(x86_flags(x), ==, EFL_FIXED | EFL_CF);
    g_assert_cmphex(fake_get(WORLD_TSS2, 2), ==, 0xabcd); /* no link */
    g_assert_cmpint(type_of(SEL_TSS), ==, TYPE_TSS);
    g_assert_cmpint(type_of(SEL_NEW), ==, TYPE_TSS_BUSY);
    fake_free(x);
}

static void test_16(void)
{
    X86CPU *x = with_task(0, TYPE_TSS16);
    X86Fault f = { 0 };
    g_assert_true(x86_task_switch(x, SEL_NEW, TASK_CALL, NEXT, &f));
    g_assert_cmphex(x86_ip(x), ==, NEW_IP);
    g_assert_cmphex(x->s.gpr[X86_RSP] & 0xffff, ==, 0x500);
    g_assert_true(x->s.seg[SEG_FS].attr & ATTR_NULL);
    g_assert_true(x86_task_push_error(x, 0x1234, &f));
    g_assert_cmphex(fake_get((uint32_t)x->s.gpr[X86_RSP], 2), ==, 0x1234);
    fake_free(x);
}

static void test_v86(void)
{
    X86CPU *x = with_task(0, TYPE_TSS);
    X86Fault f = { 0 };
    fake_put(WORLD_TSS2 + 0x24, 4, EFL_FIXED | EFL_VM);
    fake_put(WORLD_TSS2 + 0x4c, 4, 0xf000);
    g_assert_true(x86_task_switch(x, SEL_NEW, TASK_JUMP, NEXT, &f));
    g_assert_cmpint(x->s.cpl, ==, 3);
    g_assert_cmphex(x->s.seg[SEG_CS].base, ==, 0xf0000);
    g_assert_cmphex(x86_ip(x), ==, NEW_IP);
    fake_free(x);
}

static void test_trap_bit(void)
{
    X86CPU *x = with_task(0, TYPE_TSS);
    X86Fault f = { 0 };
    fake_put(WORLD_TSS2 + 0x64, 1, 1);
    assert_fault(x86_task_switch(x, SEL_NEW, TASK_JUMP, NEXT, &f), f, X86_EXC_DB, 0);
    g_assert_cmphex(f.dr6, ==, DR6_BT);
    g_assert_cmphex(x86_ip(x), ==, NEW_IP); /* complete */
    fake_free(x);
}

/* SDM 3, table "Invalid TSS Conditions": what is wrong, and which selector the code names. */
typedef struct Bad {
    const char *name;
    TaskSwitch how;
    uint32_t tss_attr, tss_limit; /* of the new task's descriptor; 0: as it is */
    unsigned at;                  /* offset in the new TSS that is changed, 0: none */
    uint32_t value;
    uint8_t vector;
    uint32_t error;
    bool in_new; /* found in the new task */
} Bad;
/* clang-format off */
static const Bad bads[] = {
    { "busy", TASK_CALL, ATTR_P | TYPE_TSS_BUSY, 0, 0, 0, X86_EXC_GP, SEL_NEW, false },
    { "not busy for IRET", TASK_IRET, ATTR_P | TYPE_TSS, 0, 0, 0, X86_EXC_TS, SEL_NEW, false },
    { "no TSS", TASK_JUMP, ATTR_P | TYPE_LDT, 0, 0, 0, X86_EXC_GP, SEL_NEW, false },
    { "absent", TASK_JUMP, TYPE_TSS, 0, 0, 0, X86_EXC_NP, SEL_NEW, false },
    { "short", TASK_JUMP, 0, 0x66, 0, 0, X86_EXC_TS, SEL_NEW, false },
    { "short 16-bit", TASK_JUMP, ATTR_P | TYPE_TSS16, 0x2a, 0, 0, X86_EXC_TS, SEL_NEW, false },
    { "no LDT", TASK_JUMP, 0, 0, 0x60, SEL_DATA0, X86_EXC_TS, SEL_DATA0, true },
    { "LDT of LDT", TASK_JUMP, 0, 0, 0x60, SEL_LDT | SEL_TI, X86_EXC_TS, SEL_LDT | SEL_TI, true },
    { "null CS", TASK_JUMP, 0, 0, 0x4c, 0, X86_EXC_TS, 0, true },
    { "CS is data", TASK_JUMP, 0, 0, 0x4c, SEL_DATA0, X86_EXC_TS, SEL_DATA0, true },
    { "CS of another level", TASK_JUMP, 0, 0, 0x4c, SEL_CODE3, X86_EXC_TS, SEL_CODE3, true },
    { "CS beyond the table", TASK_JUMP, 0, 0, 0x4c, 0x1000, X86_EXC_TS, 0x1000, true },
    { "SS of another level", TASK_JUMP, 0, 0, 0x50, SEL_DATA3, X86_EXC_TS, SEL_DATA3, true },
    { "null SS", TASK_JUMP, 0, 0, 0x50, 0, X86_EXC_TS, 0, true },
    { "DS is a system segment", TASK_JUMP, 0, 0, 0x54, SEL_TSS, X86_EXC_TS, SEL_TSS, true },
    { "DS asks for less than it may", TASK_JUMP, 0, 0, 0x54, SEL_DATA0 | 3, X86_EXC_TS, SEL_DATA0, true },
    { "EIP beyond CS", TASK_JUMP, 0, 0, 0x4c, SEL_CODE16, 0, 0, true },
};
/* clang-format on */

static void test_bad(const void *opaque)
{
    const Bad *b = opaque;
    X86CPU *x = with_task(0, TYPE_TSS);
    X86Fault f = { 0 };
    uint32_t attr = b->tss_attr ? b->tss_attr : ATTR_P | TYPE_TSS, limit = b->tss_limit ? b->tss_limit : 0x67;
    world_set(SEL_NEW, world_desc(WORLD_TSS2, limit, attr));
    if (b->at) {
        fake_put(WORLD_TSS2 + b->at, 4, b->value);
    }
    if (!b->vector) { /* the code segment has 64 KiB */
        fake_put(WORLD_TSS2 + 0x20, 4, 0x10000);
    }
    uint8_t vector = b->vector ? b->vector : X86_EXC_GP;
    assert_fault(x86_task_switch(x, SEL_NEW, b->how, NEXT, &f), f, vector, b->error);
    g_assert_cmphex(x->s.tr.selector, ==, b->in_new ? SEL_NEW : SEL_TSS);
    g_assert_cmphex(x86_ip(x), ==, b->in_new ? fake_get(WORLD_TSS2 + 0x20, 4) : 0x1234);
    fake_free(x);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/i386/task/stacks", test_stacks);
    g_test_add_func("/i386/task/ist", test_ist);
    g_test_add_func("/i386/task/ports", test_ports);
    g_test_add_func("/i386/task/call and return", test_call);
    g_test_add_func("/i386/task/jump", test_jump);
    g_test_add_func("/i386/task/16-bit", test_16);
    g_test_add_func("/i386/task/v86", test_v86);
    g_test_add_func("/i386/task/trap bit", test_trap_bit);
    for (unsigned i = 0; i < G_N_ELEMENTS(bads); i++) {
        g_autofree char *path = g_strconcat("/i386/task/bad/", bads[i].name, NULL);
        g_test_add_data_func(path, &bads[i], test_bad);
    }
    return g_test_run();
}
