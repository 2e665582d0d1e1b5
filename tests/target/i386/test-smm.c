/* SPDX-License-Identifier: GPL-2.0-or-later */
/* SMI and RSM: what is saved where, the handler's environment, what may be restored, what waits meanwhile. */
#include "world.h"

#include <string.h>

#include "target/i386.h"
#include "target/i386/init.h"
#include "target/i386/smm.h"
#include "target/i386/trap.h"

enum { BASE = 0x30000, MAP = BASE + 0x8000 };

static void mark_registers(X86CPU *x)
{
    for (unsigned i = 0; i < X86_GPRS; i++) {
        x->s.gpr[i] = 0x1111111100000000 + i;
    }
    x->s.smbase = BASE;
    x86_set_ip(x, 0x1234);
    x86_set_flags(x, EFL_FIXED | EFL_IF | EFL_ZF | EFL_DF);
    x->s.dr6 = DR6_FIXED | DR6_BS;
    x->s.dr7 = DR7_FIXED | 1;
}

static void assert_same(const X86State *a, const X86State *b)
{
    g_assert_cmpmem(a->gpr, sizeof(a->gpr), b->gpr, sizeof(b->gpr));
    g_assert_cmphex(a->pc, ==, b->pc);
    g_assert_cmphex(a->eflags, ==, b->eflags);
    g_assert_cmphex(x86_arith_flags(&a->cc), ==, x86_arith_flags(&b->cc));
    g_assert_cmphex(a->cpl, ==, b->cpl);
    for (unsigned i = 0; i < X86_SEGS; i++) {
        g_assert_cmphex(a->seg[i].selector, ==, b->seg[i].selector);
        g_assert_cmphex(a->seg[i].base, ==, b->seg[i].base);
        g_assert_cmphex(a->seg[i].limit, ==, b->seg[i].limit);
        g_assert_cmphex(a->seg[i].attr, ==, b->seg[i].attr);
    }
    g_assert_cmphex(a->tr.base, ==, b->tr.base);
    g_assert_cmphex(a->ldtr.attr, ==, b->ldtr.attr);
    g_assert_cmphex(a->gdtr.base, ==, b->gdtr.base);
    g_assert_cmphex(a->idtr.limit, ==, b->idtr.limit);
    g_assert_cmphex(a->cr0, ==, b->cr0);
    g_assert_cmphex(a->cr3, ==, b->cr3);
    g_assert_cmphex(a->cr4, ==, b->cr4);
    g_assert_cmphex(a->efer, ==, b->efer);
    g_assert_cmphex(a->dr6, ==, b->dr6);
    g_assert_cmphex(a->dr7, ==, b->dr7);
}

static void assert_environment(const X86CPU *x)
{
    g_assert_true(x->s.events.smm);
    g_assert_true(x->s.events.nmi_masked);
    g_assert_cmphex(x->s.seg[SEG_CS].selector, ==, BASE >> 4);
    g_assert_cmphex(x->s.seg[SEG_CS].base, ==, BASE);
    g_assert_cmphex(x->s.seg[SEG_DS].base, ==, 0);
    g_assert_cmphex(x->s.seg[SEG_SS].limit, ==, UINT32_MAX);
    g_assert_cmphex(x86_ip(x), ==, 0x8000);
    g_assert_cmphex(x86_flags(x), ==, EFL_FIXED);
    g_assert_cmphex(x->s.cr0 & (CR0_PE | CR0_PG | CR0_TS | CR0_EM), ==, 0);
    g_assert_cmphex(x->s.cr4, ==, 0);
    g_assert_cmphex(x->s.efer, ==, 0);
    g_assert_cmphex(x->s.dr7, ==, DR7_FIXED);
    g_assert_cmpint(x->s.cpl, ==, 0);
}

static void test_64(void)
{
    for (unsigned cpl = 0; cpl <= 3; cpl += 3) {
        X86CPU *x = world_long(cpl);
        X86Fault f = { 0 };
        mark_registers(x);
        x86_seg_load_null(x, SEG_FS, 0);
        x->s.seg[SEG_GS].base = 0xffff800000001000;
        const X86State before = x->s;
        x86_smi(x);
        assert_environment(x);
        g_assert_cmphex(fake_get(MAP + 0x7efc, 4), ==, 0x20064);
        g_assert_cmphex(fake_get(MAP + 0x7f00, 4), ==, BASE);
        g_assert_cmphex(fake_get(MAP + 0x7ff8, 8), ==, before.gpr[X86_RAX]);
        g_assert_cmphex(fake_get(MAP + 0x7f80, 8), ==, before.gpr[15]);
        g_assert_cmphex(fake_get(MAP + 0x7f78, 8), ==, 0x1234);
        g_assert_cmphex(fake_get(MAP + 0x7ed0, 8), ==, before.efer);
        g_assert_cmphex(fake_get(MAP + 0x7e58, 8), ==, 0xffff800000001000);
        memset(x->s.gpr, 0, sizeof(x->s.gpr));
        g_assert_true(x86_rsm(x, &f));
        g_assert_false(x->s.events.smm || x->s.events.nmi_masked || x->s.events.shutdown);
        assert_same(&x->s, &before);
        fake_free(x);
    }
}

static void test_32(void)
{
    X86CPU *x = world_protected(3);
    X86Fault f = { 0 };
    x->feature[X86_LM / 32] &= ~(1u << X86_LM % 32);
    mark_registers(x);
    for (unsigned i = 0; i < X86_GPRS; i++) {
        x->s.gpr[i] = i < 8 ? 0x100 + i : 0;
    }
    const X86State before = x->s;
    x86_smi(x);
    assert_environment(x);
    g_assert_cmphex(fake_get(MAP + 0x7efc, 4), ==, 0x20000);
    g_assert_cmphex(fake_get(MAP + 0x7ef8, 4), ==, BASE);
    g_assert_cmphex(fake_get(MAP + 0x7fd0, 4), ==, 0x100);
    g_assert_cmphex(fake_get(MAP + 0x7fac, 4), ==, before.seg[SEG_CS].selector);
    g_assert_cmphex(fake_get(MAP + 0x7ff0, 4), ==, 0x1234);
    g_assert_true(x86_rsm(x, &f));
    assert_same(&x->s, &before);
    fake_free(x);
}

static void test_virtual_8086(void)
{
    X86CPU *x = world_v86(3);
    X86Fault f = { 0 };
    x->s.smbase = BASE;
    x->s.dr6 = DR6_FIXED;
    x->s.dr7 = DR7_FIXED;
    const X86State before = x->s;
    x86_smi(x);
    assert_environment(x);
    g_assert_true(x86_rsm(x, &f));
    assert_same(&x->s, &before);
    fake_free(x);
}

static void test_only_in_smm(void)
{
    X86CPU *x = world_protected(0);
    X86Fault f = { 0 };
    assert_fault(x86_rsm(x, &f), f, X86_EXC_UD, 0);
    fake_free(x);
}

static void test_relocates(void)
{
    X86CPU *x = world_protected(0);
    X86Fault f = { 0 };
    x->s.smbase = BASE;
    x86_smi(x);
    fake_put(MAP + 0x7f00, 4, 0x50000);
    g_assert_cmphex(x->s.smbase, ==, BASE);
    g_assert_true(x86_rsm(x, &f));
    g_assert_cmphex(x->s.smbase, ==, 0x50000);
    x86_smi(x);
    g_assert_cmphex(x->s.seg[SEG_CS].base, ==, 0x50000);
    g_assert_cmphex(fake_get(0x50000 + 0xff00, 4), ==, 0x50000);
    fake_free(x);
}

static void test_illegal(void)
{
    static const struct {
        unsigned at, bytes;
        uint64_t value;
    } rows[] = {
        { 0x7f58, 8, CR0_PG },                     /* without protection */
        { 0x7f58, 8, CR0_PE | CR0_NW },            /* without CD */
        { 0x7f58, 8, UINT64_C(1) << 32 | CR0_PE }, /* no such bit */
        { 0x7f48, 8, UINT64_C(1) << 40 },          /* of CR4 */
        { 0x7ed0, 8, EFER_LMA },                   /* without paging */
        { 0x7ed0, 8, 1 << 30 },                    /* of EFER */
        { 0x7e18, 8, UINT64_C(1) << 32 },          /* base of CS */
    };
    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        X86CPU *x = world_protected(0);
        X86Fault f = { 0 };
        x->s.smbase = BASE;
        x86_smi(x);
        fake_put(MAP + rows[i].at, rows[i].bytes, rows[i].value);
        g_assert_true(x86_rsm(x, &f));
        g_assert_true(x->s.events.shutdown);
        fake_free(x);
    }
}

/* A halted processor is halted again, unless the handler says otherwise. */
static void test_halt(void)
{
    for (unsigned again = 0; again < 2; again++) {
        X86CPU *x = world_protected(0);
        X86Fault f = { 0 };
        x->s.smbase = BASE;
        x->s.events.mp_state = MP_HALTED;
        x->cpu.halted = 1;
        x86_set_irq(x, X86_IRQ_SMI, 1);
        g_assert_true(x86_has_work(&x->cpu));
        g_assert_true(x86_take_interrupt(&x->cpu));
        g_assert_true(x->s.events.smm && !x->cpu.halted);
        g_assert_cmpint(fake_get(MAP + 0x7ec9, 1), ==, 1);
        fake_put(MAP + 0x7ec9, 1, again);
        g_assert_true(x86_rsm(x, &f));
        g_assert_cmpint(x->cpu.halted, ==, again);
        g_assert_cmpint(x->s.events.mp_state, ==, again ? MP_HALTED : MP_RUNNABLE);
        fake_free(x);
    }
}

/* A second SMI, an NMI and INIT. */
static void test_what_waits(void)
{
    X86CPU *x = world_protected(0);
    X86Fault f = { 0 };
    x->s.smbase = BASE;
    x->s.msr.apic_base = 0;
    x86_smi(x);
    x86_set_irq(x, X86_IRQ_SMI, 1);
    x86_set_irq(x, X86_IRQ_NMI, 1);
    x86_request_init(&x->cpu);
    g_assert_false(x86_has_work(&x->cpu));
    g_assert_false(x86_take_interrupt(&x->cpu));
    g_assert_true(x86_rsm(x, &f));
    g_assert_true(x86_has_work(&x->cpu));
    x86_take_interrupt(&x->cpu); /* INIT: it waits for a start-up message, and the SMI with it */
    g_assert_cmpint(x->s.events.mp_state, ==, MP_INIT_RECEIVED);
    g_assert_false(x->s.events.smm);
    fake_free(x);
}

static void test_nmi_mask_stays(void)
{
    X86CPU *x = world_protected(0);
    X86Fault f = { 0 };
    x->s.smbase = BASE;
    x->s.events.nmi_masked = true;
    x86_smi(x);
    g_assert_true(x86_rsm(x, &f));
    g_assert_true(x->s.events.nmi_masked);
    x86_smi(x);
    x86_unmask_nmi(x); /* by an IRET there */
    g_assert_true(x86_rsm(x, &f));
    g_assert_true(x->s.events.nmi_masked);
    fake_free(x);
}

/* Another address space in SMM, and there alone. */
static void test_memory(void)
{
    X86CPU *x = world_protected(0);
    X86Fault f = { 0 };
    GError *err = NULL;
    MemoryRegion root, ram;
    memory_region_init_container(&root, NULL, "smm", UINT64_MAX);
    g_assert_true(memory_region_init_ram(&ram, NULL, "smram", 1 << 20, &err));
    memory_region_add(&root, 0, &ram, 0);
    AddressSpace *as = address_space_new(&root, "smm"), *outside = x->cpu.as;
    x86_set_smm_memory(&x->cpu, as);
    x->s.smbase = BASE;
    g_assert_true(x->cpu.as == outside);
    x86_smi(x);
    g_assert_true(x->cpu.as == as);
    g_assert_cmphex(fake_get(MAP + 0x7efc, 4), ==, 0x20064);
    g_assert_true(x86_rsm(x, &f));
    g_assert_true(x->cpu.as == outside);
    g_assert_cmphex(fake_get(MAP + 0x7efc, 4), ==, 0);
    x86_smi(x);
    x->s.events.smm = false; /* as a reset has it */
    x86_refresh(&x->cpu);
    g_assert_true(x->cpu.as == outside);
    memory_region_remove(&root, &ram);
    address_space_free(as);
    memory_region_finish(&ram);
    memory_region_finish(&root);
    fake_free(x);
}

enum { ROUNDS = 100000, LOOKS = 200 };

typedef struct Sender {
    X86CPU *x;
    int lost;
    bool begun, over; /* atomic */
} Sender;

static gpointer send_all(gpointer opaque)
{
    Sender *s = opaque;
    for (unsigned n = 0; !__atomic_load_n(&s->over, __ATOMIC_ACQUIRE); n++) {
        x86_request_sipi(&s->x->cpu, n);
        uint32_t sent = __atomic_load_n(&s->x->s.messages, __ATOMIC_ACQUIRE);
        bool there = true;
        for (unsigned i = 0; i < LOOKS && there; i++) {
            there = __atomic_load_n(&s->x->s.messages, __ATOMIC_ACQUIRE) == sent;
        }
        s->lost += !there;
        __atomic_store_n(&s->begun, true, __ATOMIC_RELEASE);
    }
    return NULL;
}

/* What another thread sends while RSM loads the state is there afterwards. */
static void test_sent_meanwhile(void)
{
    X86CPU *x = world_long(0);
    Sender s = { .x = x };
    mark_registers(x);
    GThread *thread = g_thread_new("sender", send_all, &s);
    for (unsigned n = 0; n < ROUNDS || !__atomic_load_n(&s.begun, __ATOMIC_ACQUIRE); n++) {
        X86Fault f = { 0 };
        x86_smi(x);
        g_assert_true(x86_rsm(x, &f));
    }
    __atomic_store_n(&s.over, true, __ATOMIC_RELEASE);
    g_thread_join(thread);
    g_assert_cmpint(s.lost, ==, 0);
    fake_free(x);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/i386/smm/64-bit map", test_64);
    g_test_add_func("/i386/smm/32-bit map", test_32);
    g_test_add_func("/i386/smm/virtual-8086 mode", test_virtual_8086);
    g_test_add_func("/i386/smm/RSM elsewhere", test_only_in_smm);
    g_test_add_func("/i386/smm/SMBASE", test_relocates);
    g_test_add_func("/i386/smm/states that cannot be", test_illegal);
    g_test_add_func("/i386/smm/halt", test_halt);
    g_test_add_func("/i386/smm/what waits", test_what_waits);
    g_test_add_func("/i386/smm/NMI stays masked", test_nmi_mask_stays);
    g_test_add_func("/i386/smm/memory", test_memory);
    g_test_add_func("/i386/smm/sent meanwhile", test_sent_meanwhile);
    return g_test_run();
}
