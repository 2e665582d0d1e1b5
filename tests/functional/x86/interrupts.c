/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Interrupts by the 8259 pair and the local APIC, HLT, shadows of STI and MOV SS, NMI, single steps.
 * expect: timer: 5 ticks, each behind a hlt
 * expect: masked: no tick more
 * expect: sti holds off one instruction: 1
 * expect: cli in the shadow: none
 * expect: mov ss holds off one instruction: 1
 * expect: popf opens at once: 0
 * expect: apic timer: vector 34
 * expect: apic timer, periodic: 3
 * expect: to itself: vector 35
 * expect: locked accesses of a device's register: 0 10 30
 * expect: nmi: vector 2
 * expect: nmi in an nmi waits for iret: 1 then 2
 * expect: single steps: 5
 * expect: breakpoint of code: vector 1, dr6 ffff4ff1
 * expect: done */
#include "lib.h"

enum { IRQ0 = 0x20, APIC_TIMER = 0x22, APIC_SELF = 0x23 };
static volatile uint32_t ticks, taken[64], last_vector, nmi_seen;
static volatile uint32_t where;
static bool nest_nmi;

static void send_self(uint32_t what)
{
    apic_write(0x300, what | 0x44000); /* to itself */
}

static void send_nmi(void)
{
    apic_write(0x310, apic_read(0x20));
    apic_write(0x300, 4 << 8 | 0x4000);
}

static bool take(Frame *f)
{
    if (f->vector < IRQ0 && f->vector != 2 && f->vector != 1) {
        return false;
    }
    if (f->vector >=
        IRQ0) { /* one a wait: of a late host's timer the next is ready already, and would be taken behind the IRET */
        f->eflags &= ~(1u << 9);
    }
    taken[f->vector]++;
    last_vector = f->vector;
    where = f->eip;
    if (f->vector == IRQ0) {
        ticks++;
        outb(0x20, 0x20);
    } else if (f->vector == 2) {
        if (nest_nmi) {
            nest_nmi = false;
            send_nmi();
            nmi_seen = taken[2]; /* the second waits */
        }
    } else if (f->vector == 1) {
        f->eflags |= 1 << 16; /* RF: not the same breakpoint again */
    } else {
        apic_write(0xb0, 0);
    }
    return true;
}

static void pic(uint8_t mask)
{
    outb(0x20, 0x11);
    outb(0xa0, 0x11);
    outb(0x21, IRQ0);
    outb(0xa1, IRQ0 + 8);
    outb(0x21, 4);
    outb(0xa1, 2);
    outb(0x21, 1);
    outb(0xa1, 1);
    outb(0x21, mask);
    outb(0xa1, 0xff);
}

static void pit(uint16_t count)
{
    outb(0x43, 0x34);
    outb(0x40, count);
    outb(0x40, count >> 8);
}

static void timer(void)
{
    unsigned halts = 0;
    pic(0xfe);
    pit(11932);
    while (ticks < 5) {
        asm volatile("sti\n\thlt\n\tcli");
        halts++;
    }
    print("timer: %u ticks, %s\n", ticks, halts == 5 ? "each behind a hlt" : "with other wakes");
    outb(0x21, 0xff);
}

/* A pending request of the APIC's own, taken where the processor lets it: at which instruction? */
static uint32_t taken_at(void (*fn)(void), const char *first)
{
    where = 0;
    send_self(APIC_SELF);
    fn();
    return where ? where - (uint32_t)first : 99;
}

extern const char sti_at[], ss_at[], popf_at[];
static void by_sti(void)
{
    asm volatile("sti\n\tsti_at: nop\n\tnop\n\tcli");
}
static void by_sti_cli(void)
{
    asm volatile("sti\n\tcli");
}
static void by_ss(void)
{
    asm volatile("mov %%ss, %%eax\n\tsti\n\tmov %%eax, %%ss\n\tss_at: nop\n\tnop\n\tcli" : : : "eax");
}
static void by_popf(void)
{
    asm volatile("push $0x202\n\tpopf\n\tpopf_at: nop\n\tnop\n\tcli");
}

static void shadows(void)
{
    print("sti holds off one instruction: %u\n", taken_at(by_sti, sti_at));
    print("cli in the shadow: %s\n", taken_at(by_sti_cli, sti_at) == 99 ? "none" : "taken");
    by_sti();
    print("mov ss holds off one instruction: %u\n", taken_at(by_ss, ss_at));
    print("popf opens at once: %u\n", taken_at(by_popf, popf_at));
}

static void wait_for(uint32_t vector, uint32_t count)
{
    while (taken[vector] < count) {
        asm volatile("sti\n\thlt\n\tcli");
    }
}

static void apic(void)
{
    apic_write(0xf0, 0x1ff);
    shadows();
    taken[APIC_SELF] = 0;
    apic_write(0x3e0, 0xb); /* by 1 */
    apic_write(0x320, APIC_TIMER);
    apic_write(0x380, 100000);
    wait_for(APIC_TIMER, 1);
    print("apic timer: vector %u\n", last_vector);
    apic_write(0x320, APIC_TIMER | 1 << 17);
    apic_write(0x380, 1000000);
    wait_for(APIC_TIMER, 4);
    apic_write(0x380, 0);
    print("apic timer, periodic: %u\n", taken[APIC_TIMER] - 1);
    send_self(APIC_SELF);
    wait_for(APIC_SELF, 1);
    print("to itself: vector %u\n", last_vector);
}

/* The task priority, by XCHG and LOCK OR. */
static void locked(void)
{
    uint32_t first = 0x10, second;
    asm volatile("xchg %0, 0xfee00080" : "+r"(first) : : "memory");
    second = apic_read(0x80);
    asm volatile("lock orl $0x20, 0xfee00080" : : : "memory");
    print("locked accesses of a device's register: %x %x %x\n", first, second, apic_read(0x80));
    apic_write(0x80, 0);
}

static void wait_nmi(uint32_t count)
{
    for (unsigned i = 0; i < 1000000 && taken[2] < count; i++) {
        asm volatile("pause");
    }
}

static void nmi(void)
{
    send_nmi();
    wait_nmi(1);
    print("nmi: vector %u\n", last_vector);
    taken[2] = 0;
    nest_nmi = true;
    send_nmi();
    wait_nmi(2);
    print("nmi in an nmi waits for iret: %u then %u\n", nmi_seen, taken[2]);
}

extern const char break_at[];
static void debug(void)
{
    uint32_t dr6;
    taken[1] = 0;
    asm volatile(
        "pushf\n\torl $0x100, (%%esp)\n\tpopf\n\tnop\n\tnop\n\tpushf\n\tandl $~0x100, (%%esp)\n\tpopf"
        :
        :
        : "memory");
    print("single steps: %u\n", taken[1]);
    asm volatile("mov %0, %%dr0\n\tmov %1, %%dr7" : : "r"(break_at), "r"(1));
    asm volatile("break_at: nop");
    asm volatile("mov %%dr6, %0\n\tmov %1, %%dr7" : "=r"(dr6) : "r"(0));
    print("breakpoint of code: vector %u, dr6 %x\n", last_vector, dr6);
}

void main(void)
{
    on_trap = take;
    timer();
    uint32_t before = ticks;
    asm volatile("sti\n\tnop\n\tnop\n\tcli");
    print("masked: %s\n", ticks == before ? "no tick more" : "ticks");
    apic();
    locked();
    nmi();
    debug();
    print("done\n");
}
