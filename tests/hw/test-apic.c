/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Local APICs, I/O APICs, and messages between them; the timer is test-apic-timer.c's. */
#include "apic-rig.h"

#include <string.h>

#include "hw/timer/i8254.h"
#include "monitor/monitor.h"

/* ---- the local APIC alone ----------------------------------------------------------------- */

static void test_reset(void)
{
    open_machine(2);
    g_assert_cmphex(get(0, ID), ==, 0);
    g_assert_cmphex(get(1, ID), ==, 1 << 24);
    g_assert_cmphex(get(0, VERSION), ==, 0x1050014);
    g_assert_cmphex(get(0, SVR), ==, 0xff);
    g_assert_cmphex(get(0, DFR), ==, UINT32_MAX);
    g_assert_cmphex(get(0, LINT0), ==, 0x700); /* the PIC comes through, on the first processor */
    g_assert_cmphex(get(1, LINT0), ==, MASKED);
    g_assert_cmphex(get(0, LVTT), ==, MASKED);
    put(0, LVTT, 0x30); /* disabled by software: masked, whatever is written */
    g_assert_cmphex(get(0, LVTT), ==, MASKED | 0x30);
    put(0, SVR, 0x1ff);
    put(0, LVTT, 0x30);
    g_assert_cmphex(get(0, LVTT), ==, 0x30);
    put(0, SVR, 0xff);
    g_assert_cmphex(get(0, LVTT), ==, MASKED | 0x30);
    close_machine();
}

static void test_priorities(void)
{
    open_machine(1);
    enable_all();
    ipi(0, 0, 0x61);
    ipi(0, 0, 0x45);
    g_assert_cmphex(get(0, IRR + 0x30), ==, 1 << 1);
    g_assert_cmpint(take(0), ==, 0x61);
    g_assert_cmphex(get(0, PPR), ==, 0x60);
    g_assert_cmpint(take(0), ==, -1);
    ipi(0, 0, 0x6f); /* of the same class */
    g_assert_cmpint(take(0), ==, -1);
    ipi(0, 0, 0x71);
    g_assert_cmpint(take(0), ==, 0x71);
    g_assert_cmphex(get(0, ISR + 0x30), ==, 1 << 1 | 1 << 17);
    put(0, EOI, 0);
    put(0, EOI, 0);
    g_assert_cmpint(take(0), ==, 0x6f);
    put(0, EOI, 0);
    g_assert_cmpint(take(0), ==, 0x45);
    put(0, EOI, 0);
    put(0, EOI, 0); /* one too many */
    g_assert_cmphex(get(0, PPR), ==, 0);
    close_machine();
}

static void test_tpr_is_cr8(void)
{
    open_machine(1);
    enable_all();
    put(0, TPR, 0x5a);
    g_assert_cmphex(cpu(0)->s.cr8, ==, 5);
    ipi(0, 0, 0x5f);
    g_assert_false(pending(0));
    X86Fault f = { 0 };
    g_assert_true(x86_write_cr8(cpu(0), 4, &f));
    g_assert_cmphex(get(0, TPR), ==, 0x40);
    g_assert_cmpuint(b.m.cpus[0]->exit_request, ==, 1);
    g_assert_cmpint(take(0), ==, 0x5f);
    close_machine();
}

static void test_errors(void)
{
    open_machine(1);
    enable_all();
    put(0, LVTE, 0xfe);
    ipi(0, 0, 0x0f); /* no legal vector */
    g_assert_cmphex(get(0, ESR), ==, 0);
    g_assert_cmpint(take(0), ==, 0xfe);
    put(0, EOI, 0);
    ipi(0, 0, 0x0f);
    g_assert_cmpint(take(0), ==, -1); /* told once */
    put(0, ESR, 0);
    g_assert_cmphex(get(0, ESR), ==, 0x20);
    put(0, ESR, 0);
    g_assert_cmphex(get(0, ESR), ==, 0);
    g_assert_true(machine_send_msi(&b.m, PC_LAPIC_BASE, 3));
    put(0, ESR, 0);
    g_assert_cmphex(get(0, ESR), ==, 0x40);
    put(0, ESR, 0);
    g_assert_cmpint(take(0), ==, 0xfe);
    put(0, EOI, 0);
    g_assert_cmphex(get(0, 0x3f0), ==, 0); /* no register there: an error, read */
    g_assert_cmpint(take(0), ==, 0xfe);
    put(0, ESR, 0);
    g_assert_cmphex(get(0, ESR), ==, 0x80);
    put(0, ESR, 0);
    put(0, 0x3a0, 1); /* or written */
    put(0, ESR, 0);
    g_assert_cmphex(get(0, ESR), ==, 0x80);
    close_machine();
}

static void test_disabled(void)
{
    open_machine(1);
    ipi(0, 0, 0x50); /* by software: fixed interrupts are dropped, NMI is not */
    g_assert_false(pending(0));
    ipi(0, 0, 0x400);
    g_assert_true(took_nmi(0));
    g_assert_true(
        wrmsr(0, 0x1b, PC_LAPIC_BASE | 1 << 8)); /* by hardware: nothing answers, the PIC is connected */
    g_assert_cmphex(get(0, VERSION), ==, UINT32_MAX);
    put(0, SVR, 0x1ff);
    memory_write(b.m.io, 0x21, 1, 0);
    pc_irq(q, 3, 1);
    g_assert_cmpint(take(0), ==, 3);
    close_machine();
}

/* What is disabled as a whole forgets; where it is put it answers, and nowhere else. */
static void test_base(void)
{
    enum { ELSEWHERE = 0x42000000, BSP_ON = 1 << 8 | 1 << 11 };
    open_machine(2);
    enable_all();
    put(0, TPR, 0x55);
    put(0, LVTE, 0x40);
    ipi(0, 0, 0x61);
    g_assert_true(wrmsr(0, 0x1b, PC_LAPIC_BASE | 1 << 8));
    g_assert_true(wrmsr(0, 0x1b, PC_LAPIC_BASE | BSP_ON));
    g_assert_cmphex(get(0, SVR), ==, 0xff);
    g_assert_cmphex(get(0, TPR), ==, 0);
    g_assert_cmphex(cpu(0)->s.cr8, ==, 0);
    g_assert_cmphex(get(0, LVTE), ==, MASKED);
    g_assert_cmphex(get(0, IRR + 0x30), ==, 0);
    g_assert_true(wrmsr(0, 0x1b, ELSEWHERE | BSP_ON));
    g_assert_cmphex(get(0, VERSION), ==, UINT32_MAX);
    g_assert_cmphex(get(1, VERSION), ==, 0x1050014); /* another's stays */
    g_assert_cmphex(get(0, ELSEWHERE - PC_LAPIC_BASE + VERSION), ==, 0x1050014);
    g_assert_cmphex(get(1, ELSEWHERE - PC_LAPIC_BASE + VERSION), ==, UINT32_MAX);
    put(0, ELSEWHERE - PC_LAPIC_BASE + SVR, 0x1ff);
    put(0, ELSEWHERE - PC_LAPIC_BASE + ICR, 1 << 18 | 0x62);
    g_assert_cmpint(take(0), ==, 0x62);
    g_assert_true(wrmsr(0, 0x1b, (ELSEWHERE + 0x1000) | BSP_ON)); /* again: with its state */
    g_assert_cmphex(get(0, ELSEWHERE + 0x1000 - PC_LAPIC_BASE + ISR + 0x30), ==, 1 << 2);
    g_assert_true(wrmsr(0, 0x1b, PC_LAPIC_BASE | BSP_ON));
    g_assert_cmphex(get(0, SVR), ==, 0x1ff);
    g_assert_cmphex(q->lapic[0]->page.parent != NULL, ==, 0);
    g_assert_true(wrmsr(0, 0x1b, ELSEWHERE | BSP_ON)); /* its end there */
    close_machine();
}

/* Shown to people. */
static void test_info(void)
{
    open_machine(2);
    enable_all();
    put(1, LVTT, 1 << 17 | 0x30);
    put(1, LINT1, 0x400);
    ipi(1, 1, 0x61);
    g_autofree char *one = monitor_run_line(&b.m, "info lapic 1");
    g_assert_nonnull(strstr(one, "dumping local APIC state for CPU 1\n"));
    g_assert_nonnull(strstr(one, "LVT1\t 0x00000400 active-hi edge                              NMI   \n"));
    g_assert_nonnull(
        strstr(one, "LVTT\t 0x00020030 active-hi edge                 periodic     Fixed  (vec 48)\n"));
    g_assert_nonnull(strstr(one, "SPIV\t 0x000001ff APIC enabled, focus=on, spurious vec 255\n"));
    g_assert_nonnull(strstr(one, "IRR\t 97\n"));
    g_autofree char *first = monitor_run_line(&b.m, "info lapic");
    g_assert_nonnull(strstr(first, "for CPU 0\n"));
    g_autofree char *none = monitor_run_line(&b.m, "info lapic 2");
    g_assert_cmpstr(none, ==, "Error: No CPU available with APIC ID 2\n");
    close_machine();
}

/* ---- messages --------------------------------------------------------------------------------- */

static unsigned who(uint8_t vector)
{
    unsigned set = 0;
    for (unsigned i = 0; i < b.m.cpu_count; i++) {
        int v = take(i);
        g_assert_true(v == -1 || v == vector);
        set |= v == vector ? 1u << i : 0;
        if (v == vector) {
            put(i, EOI, 0);
        }
    }
    return set;
}

static void test_destinations(void)
{
    open_machine(4);
    enable_all();
    ipi(1, 2, 0x40);
    g_assert_cmphex(who(0x40), ==, 1 << 2);
    ipi(1, 0xff, 0x41);
    g_assert_cmphex(who(0x41), ==, 15);
    ipi(1, 7, 0x42); /* nobody */
    g_assert_cmphex(who(0x42), ==, 0);
    ipi(1, 0, 1 << 18 | 0x43);
    g_assert_cmphex(who(0x43), ==, 1 << 1);
    ipi(1, 0, 2 << 18 | 0x44);
    g_assert_cmphex(who(0x44), ==, 15);
    ipi(1, 0, 3 << 18 | 0x45);
    g_assert_cmphex(who(0x45), ==, 13);
    for (unsigned i = 0; i < 4; i++) { /* flat */
        put(i, LDR, 1u << i << 24);
    }
    ipi(0, 0x0a, LOGICAL | 0x46);
    g_assert_cmphex(who(0x46), ==, 10);
    for (unsigned i = 0; i < 4; i++) { /* clusters of two */
        put(i, DFR, 0x0fffffff);
        put(i, LDR, (i / 2 << 4 | 1u << i % 2) << 24);
    }
    ipi(0, 0x13, LOGICAL | 0x47);
    g_assert_cmphex(who(0x47), ==, 12);
    ipi(0, 0x02, LOGICAL | 0x48);
    g_assert_cmphex(who(0x48), ==, 2);
    ipi(0, 0xff, LOGICAL | 0x49);
    g_assert_cmphex(who(0x49), ==, 15);
    close_machine();
}

static void test_lowest_priority(void)
{
    open_machine(4);
    enable_all();
    for (unsigned i = 0; i < 4; i++) {
        put(i, LDR, 1u << i << 24);
        put(i, TPR, i == 2 ? 0x10 : 0x20);
    }
    ipi(0, 0x0f, LOGICAL | 0x140);
    g_assert_cmphex(who(0x40), ==, 4);
    put(2, TPR, 0x20); /* equals take turns */
    unsigned seen = 0;
    for (unsigned i = 0; i < 8; i++) {
        ipi(0, 0x0f, LOGICAL | 0x140);
        unsigned one = who(0x40);
        g_assert_cmpint(__builtin_popcount(one), ==, 1);
        seen |= one;
    }
    g_assert_cmphex(seen, ==, 15);
    put(3, SVR, 0xff);
    ipi(0, 0x08, LOGICAL | 0x140); /* only one that is disabled */
    g_assert_cmphex(who(0x40), ==, 0);
    close_machine();
}

/* An AP is started: INIT, SIPI; a second SIPI means nothing any more. */
static void test_init_sipi(void)
{
    open_machine(2);
    enable_all();
    put(1, TPR, 0x30);
    ipi(0, 1, 0xc500); /* INIT, level, assert */
    ipi(0, 1, 0x8500); /* its de-assertion: nothing */
    g_assert_true(b.m.cpus[1]->arch->has_work(b.m.cpus[1]));
    b.m.cpus[1]->arch->take_interrupt(b.m.cpus[1]);
    g_assert_cmpuint(cpu(1)->s.events.mp_state, ==, MP_INIT_RECEIVED);
    g_assert_cmphex(get(1, TPR), ==, 0); /* the APIC was reset, too */
    g_assert_cmphex(get(1, SVR), ==, 0xff);
    g_assert_cmphex(get(1, ID), ==, 1 << 24);
    ipi(0, 1, 0x4698);
    b.m.cpus[1]->arch->take_interrupt(b.m.cpus[1]);
    g_assert_cmpuint(cpu(1)->s.events.mp_state, ==, MP_RUNNABLE);
    g_assert_cmphex(cpu(1)->s.seg[SEG_CS].base, ==, 0x98000);
    g_assert_cmpuint(b.m.cpus[1]->halted, ==, 0);
    ipi(0, 1, 0x4677);
    b.m.cpus[1]->arch->take_interrupt(b.m.cpus[1]);
    g_assert_cmphex(cpu(1)->s.seg[SEG_CS].base, ==, 0x98000);
    ipi(0, 0, 3 << 18 | 0x400); /* NMI to the others */
    g_assert_true(took_nmi(1));
    g_assert_false(took_nmi(0));
    close_machine();
}

static void test_msi(void)
{
    open_machine(2);
    enable_all();
    g_assert_true(machine_send_msi(&b.m, PC_LAPIC_BASE | 1 << 12, 0x55));
    g_assert_cmphex(who(0x55), ==, 2);
    put(0, LDR, 1 << 24);
    g_assert_true(
        machine_send_msi(&b.m, PC_LAPIC_BASE | 1 << 12 | 1 << 3 | 1 << 2, 0x156)); /* logical, lowest */
    g_assert_cmphex(who(0x56), ==, 1);
    g_assert_false(machine_send_msi(&b.m, 0xfed00000, 0x55));
    g_assert_true(machine_send_msi(&b.m, PC_LAPIC_BASE, 0x400));
    g_assert_true(took_nmi(0));
    close_machine();
}

/* The NMI button comes by LINT1, as its LVT says; a processor whose APIC is off has the pin itself. */
static void test_lint1(void)
{
    enum { NMI = 4 << 8 };
    open_machine(2);
    enable_all();
    irq_raise(&b.m.nmi);
    g_assert_false(took_nmi(0) || took_nmi(1)); /* masked since reset */
    irq_lower(&b.m.nmi);
    put(0, LINT1, NMI);
    put(1, LINT1, 0x60); /* a fixed interrupt */
    irq_raise(&b.m.nmi);
    irq_lower(&b.m.nmi);
    g_assert_true(took_nmi(0));
    g_assert_false(took_nmi(0) || took_nmi(1));
    g_assert_cmphex(who(0x60), ==, 2);
    g_assert_true(wrmsr(1, 0x1b, 0xfee00000));
    irq_raise(&b.m.nmi);
    g_assert_true(took_nmi(0) && took_nmi(1));
    close_machine();
}

/* ---- x2APIC --------------------------------------------------------------------------------------- */

static void test_x2apic(void)
{
    uint64_t v;
    open_machine(20);
    g_assert_false(rdmsr(17, 0x802, &v)); /* not in that mode */
    for (unsigned i = 0; i < 20; i++) {
        g_assert_true(wrmsr(i, 0x1b, x86_cpu(b.m.cpus[i])->s.msr.apic_base | 1 << 10));
        g_assert_true(wrmsr(i, 0x80f, 0x1ff));
    }
    g_assert_cmphex(get(17, VERSION), ==, UINT32_MAX); /* no memory any more */
    g_assert_true(rdmsr(17, 0x802, &v));
    g_assert_cmphex(v, ==, 17);
    g_assert_true(rdmsr(17, 0x80d, &v));
    g_assert_cmphex(v, ==, 1 << 16 | 2);
    g_assert_false(rdmsr(17, 0x80e, &v)); /* no DFR, no APR */
    g_assert_false(rdmsr(17, 0x809, &v));
    g_assert_false(rdmsr(17, 0x80b, &v));
    g_assert_false(wrmsr(17, 0x802, 1));
    g_assert_false(wrmsr(17, 0x80b, 1)); /* EOI takes 0 only */
    g_assert_false(wrmsr(17, 0x808, 0x100));
    g_assert_false(wrmsr(17, 0x83f, 0x100));
    g_assert_true(wrmsr(17, 0x830, UINT64_C(5) << 32 | 0x60));
    g_assert_cmpint(take(5), ==, 0x60);
    g_assert_true(wrmsr(5, 0x80b, 0));
    g_assert_true(
        wrmsr(17, 0x830, UINT64_C(0x10003) << 32 | LOGICAL | 0x61)); /* the second cluster's first two */
    g_assert_cmpint(take(16), ==, 0x61);
    g_assert_cmpint(take(17), ==, 0x61);
    g_assert_cmpint(take(1), ==, -1);
    g_assert_true(wrmsr(3, 0x83f, 0x71));
    g_assert_cmpint(take(3), ==, 0x71);
    g_assert_true(rdmsr(17, 0x830, &v));
    g_assert_cmphex(v, ==, UINT64_C(0x10003) << 32 | LOGICAL | 0x61);
    g_assert_true(wrmsr(0, 0x830, UINT64_C(0xffffffff) << 32 | 0x62));
    for (unsigned i = 0; i < 20; i++) {
        bool busy = i == 3; /* 71h is in service */
        g_assert_cmpint(take(i), ==, busy || i == 16 || i == 17 ? -1 : 0x62);
    }
    /* INIT leaves the mode on. */
    x86_init(cpu(4));
    g_assert_true(rdmsr(4, 0x80f, &v));
    g_assert_cmphex(v, ==, 0xff);
    close_machine();
}

/* ---- I/O APIC ----------------------------------------------------------------------------------------------- */

static void io_put(hwaddr at, unsigned index, uint32_t value)
{
    bench_write(&b, at, 4, index);
    bench_write(&b, at + 0x10, 4, value);
}

static uint32_t io_get(hwaddr at, unsigned index)
{
    bench_write(&b, at, 4, index);
    return bench_read(&b, at + 0x10, 4);
}

static void test_ioapic_edge(void)
{
    open_machine(2);
    enable_all();
    g_assert_cmphex(io_get(IOAPIC, 1), ==, 0x170020);
    io_put(IOAPIC, 0, 0xffffffff);
    g_assert_cmphex(io_get(IOAPIC, 0), ==, 0x0f000000);
    g_assert_cmphex(io_get(IOAPIC, 0x10 + 2 * 4), ==, MASKED);
    io_put(IOAPIC, 0x11 + 2 * 4, 1 << 24);
    io_put(IOAPIC, 0x10 + 2 * 4, 0x40);
    pc_irq(q, 4, 1);
    g_assert_cmphex(who(0x40), ==, 2);
    pc_irq(q, 4, IRQ_AGAIN);
    g_assert_cmphex(who(0x40), ==, 0);
    pc_irq(q, 4, 0);
    io_put(IOAPIC, 0x10 + 2 * 4, MASKED | 0x40);
    pc_irq(q, 4, 1);
    g_assert_cmphex(who(0x40), ==, 0);
    io_put(IOAPIC, 0x10 + 2 * 4, 0x40); /* what came meanwhile is lost */
    g_assert_cmphex(who(0x40), ==, 0);
    pc_irq(q, 4, 0);
    pc_irq(q, 4, 1);
    g_assert_cmphex(who(0x40), ==, 2);
    /* ISA line 0 is pin 2, and pins of the second chip begin at line 24. */
    io_put(IOAPIC, 0x10 + 2 * 2, 0x50);
    pc_irq(q, 0, 1);
    g_assert_cmphex(who(0x50), ==, 1);
    io_put(IOAPIC2, 0x10 + 2 * 23, 0x51);
    pc_irq(q, 47, 1);
    g_assert_cmphex(who(0x51), ==, 1);
    pc_irq(q, 48, 1); /* no such line */
    close_machine();
}

/* What a pin sends, by its delivery mode; reserved ones and start-up messages are none. */
static void test_ioapic_modes(void)
{
    enum { LOWEST = 1, SMI = 2, NMI = 4, INIT = 5, MODES = 8 };
    for (unsigned mode = 0; mode < MODES; mode++) {
        open_machine(1);
        enable_all();
        io_put(IOAPIC, 0x10 + 2 * 17, mode << 8 | 0x60);
        g_assert_cmphex(io_get(IOAPIC, 0x10 + 2 * 17), ==, mode << 8 | 0x60);
        pc_irq(q, 17, 1);
        g_assert_cmphex(who(0x60), ==, mode <= LOWEST);
        g_assert_cmpint(cpu(0)->s.events.smi_pending, ==, mode == SMI);
        g_assert_cmpint(cpu(0)->s.messages, ==, mode == INIT ? MESSAGE_INIT : 0);
        g_assert_cmpint(took_nmi(0), ==, mode == NMI);
        close_machine();
    }
}

static void test_ioapic_level(void)
{
    open_machine(1);
    enable_all();
    io_put(IOAPIC, 0x10 + 2 * 17, LEVEL | 0x60);
    pc_irq(q, 17, 1);
    g_assert_cmphex(io_get(IOAPIC, 0x10 + 2 * 17), ==, LEVEL | 1 << 14 | 0x60);
    g_assert_cmpint(take(0), ==, 0x60);
    g_assert_cmphex(get(0, TMR + 0x30), ==, 1);
    pc_irq(q, 17, 0);
    pc_irq(q, 17, 1);
    g_assert_cmpint(take(0), ==, -1); /* its end is outstanding */
    put(0, EOI, 0);
    g_assert_cmpint(take(0), ==, 0x60); /* still high */
    pc_irq(q, 17, 0);
    put(0, EOI, 0);
    g_assert_cmpint(take(0), ==, -1);
    g_assert_cmphex(io_get(IOAPIC, 0x10 + 2 * 17), ==, LEVEL | 0x60);
    pc_irq(q, 17, 1);
    g_assert_cmpint(take(0), ==, 0x60);
    bench_write(&b, IOAPIC + 0x40, 4, 0x60);      /* its own EOI register */
    g_assert_cmphex(get(0, IRR + 0x30), ==, 1);   /* again */
    io_put(IOAPIC, 0x10 + 2 * 17, MASKED | 0x60); /* edge: remote IRR goes */
    g_assert_cmphex(io_get(IOAPIC, 0x10 + 2 * 17), ==, MASKED | 0x60);
    close_machine();
}

/* SVR may keep ends of interrupts from the I/O APICs, which have a register of their own for it. */
static void test_silent_eoi(void)
{
    open_machine(1);
    put(0, SVR, 0x11ff);
    g_assert_cmphex(get(0, SVR), ==, 0x11ff);
    io_put(IOAPIC, 0x10 + 2 * 17, LEVEL | 0x60);
    pc_irq(q, 17, 1);
    g_assert_cmpint(take(0), ==, 0x60);
    put(0, EOI, 0);
    g_assert_cmphex(io_get(IOAPIC, 0x10 + 2 * 17), ==, LEVEL | 1 << 14 | 0x60);
    g_assert_cmpint(take(0), ==, -1);
    bench_write(&b, IOAPIC + 0x40, 4, 0x60);
    g_assert_cmpint(take(0), ==, 0x60);
    put(0, SVR, 0x1ff);
    put(0, EOI, 0);
    g_assert_cmpint(take(0), ==, 0x60);
    close_machine();
}

/* A level that nobody takes yet is not stuck. */
static void test_ioapic_nobody(void)
{
    open_machine(1);
    io_put(IOAPIC, 0x10 + 2 * 17, LEVEL | 0x60);
    pc_irq(q, 17, 1);
    g_assert_cmphex(io_get(IOAPIC, 0x10 + 2 * 17), ==, LEVEL | 0x60);
    enable_all();
    io_put(IOAPIC, 0x10 + 2 * 17, LEVEL | 0x60);
    g_assert_cmpint(take(0), ==, 0x60);
    close_machine();
}

/* ---- together --------------------------------------------------------------------------------------------------- */

static void pic_init(void)
{
    static const uint8_t words[][2] = { { 0x20, 0x11 }, { 0x21, 0x20 }, { 0x21, 4 }, { 0x21, 1 } };
    for (unsigned i = 0; i < G_N_ELEMENTS(words); i++) {
        memory_write(b.m.io, words[i][0], 1, words[i][1]);
    }
}

/* Virtual wire: LINT0 as ExtINT. */
static void test_extint(void)
{
    open_machine(2);
    pic_init();
    enable_all();
    put(0, TPR, 0xff); /* is no matter of the PIC's */
    pc_irq(q, 5, 1);
    g_assert_false(pending(1));
    g_assert_cmpint(take(0), ==, 0x25);
    g_assert_cmphex(get(0, ISR + 0x10), ==, 0);
    memory_write(b.m.io, 0x20, 1, 0x20);
    put(0, LINT0, MASKED | 0x700);
    pc_irq(q, 6, 1);
    g_assert_false(pending(0));
    put(0, LINT0, 0x700);
    g_assert_cmpint(take(0), ==, 0x26);
    memory_write(b.m.io, 0x20, 1, 0x20);
    put(0, TPR, 0);
    put(0, LINT0, 0x44); /* fixed: an edge of the PIC is that vector */
    pc_irq(q, 7, 1);
    g_assert_cmpint(take(0), ==, 0x44);
    close_machine();
}

static bool timer_is_heard(void *opaque)
{
    return pc_irq_is_heard(opaque, 0);
}

/* A periodic 8254 costs nothing until its line is unmasked anywhere. */
static void test_lazy_timer(void)
{
    open_machine(1);
    enable_all();
    Device *dev = device_new(&i8254_class, &b.m, NULL);
    Pit *pit = container_of(dev, Pit, dev);
    device_share_lock(dev, &q->dev);
    irq_connect(&pit->out, pc_irq_locked, q, 0);
    pit->heard = timer_is_heard;
    pit->heard_opaque = q;
    bench_add(&b, dev);
    pc_irqs_add_lazy(q, pit_look, pit);
    memory_write(b.m.io, 0x21, 1, 0xff);
    memory_write(b.m.io, 0x43, 1, 0x34);
    memory_write(b.m.io, 0x40, 1, 0xa9);
    memory_write(b.m.io, 0x40, 1, 0x04); /* 1193: 1 kHz */
    g_assert_cmpint((int)timer_deadline(pit->timer), ==, -1);
    at(10000000);
    uint64_t irr;
    memory_read(b.m.io, 0x20, 1, &irr);
    g_assert_cmphex(irr & 1, ==, 1); /* who looks finds the request */
    io_put(IOAPIC, 0x10 + 2 * 2, 0x40);
    g_assert_cmpint(take(0), ==, -1); /* its edges so far met the mask */
    g_assert_cmpint(timer_deadline(pit->timer), >, -1);
    at(11000000);
    g_assert_cmpint(take(0), ==, 0x40);
    put(0, EOI, 0);
    io_put(IOAPIC, 0x10 + 2 * 2, MASKED | 0x40);
    g_assert_cmpint((int)timer_deadline(pit->timer), ==, -1);
    close_machine();
}

/* What is on its way comes along. */
static void test_saved(void)
{
    open_machine(1);
    enable_all();
    cpu(0)->tsc_khz = 1000000;
    put(0, DIVIDE, 0xb);
    put(0, LVTT, 0x31);
    put(0, INITIAL, 5000);
    ipi(0, 0, 0x45);
    g_autoptr(GByteArray) saved = device_save(&q->lapic[0]->dev);
    close_machine();
    open_machine(1);
    cpu(0)->tsc_khz = 1000000;
    g_assert_true(device_load(&q->lapic[0]->dev, saved->data, saved->len, NULL));
    g_assert_cmpint(take(0), ==, 0x45);
    put(0, EOI, 0);
    at(5000);
    g_assert_cmpint(take(0), ==, 0x31);
    close_machine();
    open_machine(2); /* not another processor's */
    g_assert_false(device_load(&q->lapic[1]->dev, saved->data, saved->len, NULL));
    close_machine();
}

/* ---- threads ------------------------------------------------------------------------------------------------------ */

enum { THREADS = 4, ROUNDS = 2000 };
static unsigned sent, received;

/* Each is a processor that sends to the next, takes what it gets, and arms its timer. */
static gpointer run_cpu(gpointer data)
{
    unsigned me = GPOINTER_TO_UINT(data);
    Lapic *l = q->lapic[me];
    cpu_set_current(b.m.cpus[me]);
    for (unsigned i = 0; i < ROUNDS; i++) {
        uint64_t v;
        memory_write(b.m.memory, PC_LAPIC_BASE + ICR_HIGH, 4, (me + 1) % THREADS << 24);
        memory_write(b.m.memory, PC_LAPIC_BASE + ICR, 4, i % 7 ? 0x40 + i % 16 : LOGICAL | 0x150);
        memory_write(b.m.memory, PC_LAPIC_BASE + INITIAL, 4, i % 3 ? 100000 : 0);
        memory_read(b.m.memory, PC_LAPIC_BASE + CURRENT, 4, &v);
        pc_irq(q, (int)(16 + me), i % 2);
        __atomic_add_fetch(&sent, 1, __ATOMIC_RELAXED);
        if (l->source.pending(l) && l->source.acknowledge(l) >= 0) {
            __atomic_add_fetch(&received, 1, __ATOMIC_RELAXED);
            memory_write(b.m.memory, PC_LAPIC_BASE + EOI, 4, 0);
        }
        memory_quiescent();
    }
    cpu_set_current(NULL);
    return NULL;
}

/* Nothing stays behind: what is in IRR when all is over is taken. */
static void test_threads(void)
{
    GThread *threads[THREADS];
    open_machine(THREADS);
    enable_all();
    for (unsigned i = 0; i < THREADS; i++) {
        put(i, LDR, 1u << i << 24);
        put(i, LVTT, 0x30);
        io_put(IOAPIC, 0x11 + 2 * (16 + i), i << 24);
        io_put(IOAPIC, 0x10 + 2 * (16 + i), (i % 2 ? LEVEL : 0) | (0x80 + i));
    }
    for (unsigned i = 0; i < THREADS; i++) {
        threads[i] = g_thread_new("cpu", run_cpu, GUINT_TO_POINTER(i));
    }
    for (unsigned i = 0; i < 100; i++) {
        clock_run_timers(test_clock());
        machine_send_msi(&b.m, PC_LAPIC_BASE | i % THREADS << 12, 0x90);
    }
    for (unsigned i = 0; i < THREADS; i++) {
        g_thread_join(threads[i]);
        pc_irq(q, 16 + i, 0);
    }
    for (unsigned i = 0; i < THREADS; i++) {
        put(i, INITIAL, 0);
        for (unsigned n = 0; n < 256 && pending(i); n++) {
            g_assert_cmpint(take(i), >=, 0x10);
            put(i, EOI, 0);
        }
        g_assert_false(pending(i));
        for (unsigned w = 0; w < 8; w++) {
            g_assert_cmphex(get(i, IRR + 16 * w) | get(i, ISR + 16 * w), ==, 0);
        }
    }
    g_assert_cmpuint(received, >, 0);
    g_assert_cmpuint(sent, ==, THREADS * ROUNDS);
    close_machine();
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    clock_virtual_stop(test_clock());
    g_test_add_func("/apic/reset", test_reset);
    g_test_add_func("/apic/priorities", test_priorities);
    g_test_add_func("/apic/tpr-is-cr8", test_tpr_is_cr8);
    g_test_add_func("/apic/errors", test_errors);
    g_test_add_func("/apic/disabled", test_disabled);
    g_test_add_func("/apic/base", test_base);
    g_test_add_func("/apic/info", test_info);
    g_test_add_func("/apic/destinations", test_destinations);
    g_test_add_func("/apic/lowest-priority", test_lowest_priority);
    g_test_add_func("/apic/init-sipi", test_init_sipi);
    g_test_add_func("/apic/msi", test_msi);
    g_test_add_func("/apic/lint1", test_lint1);
    g_test_add_func("/apic/x2apic", test_x2apic);
    g_test_add_func("/apic/ioapic/edge", test_ioapic_edge);
    g_test_add_func("/apic/ioapic/modes", test_ioapic_modes);
    g_test_add_func("/apic/ioapic/level", test_ioapic_level);
    g_test_add_func("/apic/ioapic/silent-eoi", test_silent_eoi);
    g_test_add_func("/apic/ioapic/nobody", test_ioapic_nobody);
    g_test_add_func("/apic/extint", test_extint);
    g_test_add_func("/apic/lazy-timer", test_lazy_timer);
    g_test_add_func("/apic/saved", test_saved);
    g_test_add_func("/apic/threads", test_threads);
    return g_test_run();
}
