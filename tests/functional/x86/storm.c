/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Four processors that work, have ticks of their local timers and interrupt each other, for good.  A byte on the serial line: it says
 * when each of them has done some more of all that. */
#include "lib.h"

enum { CPUS = 4, TRAMPOLINE = 0x8000, TICK = 0x26, CALL = 0x27, MORE = 20 };
enum { APIC_ID = 0x20, EOI = 0xb0, SVR = 0xf0, ICR = 0x300, ICR_HIGH = 0x310 };
enum {
    LVT_TIMER = 0x320,
    INITIAL = 0x380,
    DIVIDE = 0x3e0,
    BY_ONE = 0xb,
    PERIODIC = 1 << 17,
    PERIOD = 500000
};
enum { WORK, TICKS, CALLS, KINDS };
static volatile uint32_t count[CPUS][KINDS], online;
uint8_t stacks[CPUS][4096] __attribute__((aligned(16)));

asm(".code16\n"
    "trampoline:\n\t"
    "cli\n\t"
    "xor %ax, %ax\n\tmov %ax, %ds\n\t"
    "lgdtl trampoline_gdtr - trampoline + 0x8000\n\t"
    "mov $1, %eax\n\tmov %eax, %cr0\n\t"
    "ljmpl $8, $ap_start\n"
    ".balign 8\n"
    "trampoline_gdtr: .word 8 * 32 - 1\n\t.long gdt\n"
    "trampoline_end:\n"
    ".code32\n"
    "ap_start:\n\t"
    "mov $0x10, %eax\n\tmov %eax, %ds\n\tmov %eax, %es\n\tmov %eax, %ss\n\t"
    "mov 0xfee00020, %eax\n\tshr $12, %eax\n\t"
    "lea stacks + 4096(%eax), %esp\n\t"
    "call ap_main");
extern const char trampoline[], trampoline_end[];

static unsigned me(void)
{
    return apic_read(APIC_ID) >> 24;
}

static void send(uint32_t to, uint32_t what)
{
    apic_write(ICR_HIGH, to << 24);
    apic_write(ICR, what);
}

static bool take(Frame *f)
{
    unsigned id = me();
    if (f->vector == TICK) {
        count[id][TICKS]++;
        send((id + 1) % CPUS, CALL);
    } else if (f->vector == CALL) {
        count[id][CALLS]++;
    } else {
        return false;
    }
    apic_write(EOI, 0);
    return true;
}

static void begin(void)
{
    apic_write(SVR, 0x1ff);
    apic_write(DIVIDE, BY_ONE);
    apic_write(LVT_TIMER, TICK | PERIODIC);
    apic_write(INITIAL, PERIOD);
}

static void work(unsigned id)
{
    for (unsigned i = 0; i < 1000; i++) {
        asm volatile("lock incl %0" : "+m"(online)); /* a line that all want */
    }
    count[id][WORK]++;
    asm volatile("sti\n\thlt");
}

void ap_main(void);
void ap_main(void)
{
    struct __attribute__((packed)) {
        uint16_t limit;
        uint32_t base;
    } idtr = { sizeof(idt) - 1, (uint32_t)idt };
    asm volatile("lidt %0" : : "m"(idtr));
    begin();
    for (;;) {
        work(me());
    }
}

/* Each processor does more of each. */
static void wait_for_all(void)
{
    for (unsigned n = 0; n < CPUS * KINDS; n++) {
        volatile uint32_t *c = &count[n / KINDS][n % KINDS];
        for (uint32_t from = *c; *c - from < MORE;) {
            work(0);
        }
    }
}

void main(void)
{
    on_trap = take;
    outb(0x21, 0xff); /* the PIC's */
    begin();
    for (const char *p = trampoline; p < trampoline_end; p++) {
        ((volatile uint8_t *)TRAMPOLINE)[p - trampoline] = *p;
    }
    for (unsigned i = 1; i < CPUS; i++) {
        send(i, 0x4500);                    /* INIT */
        send(i, 0x4600 | TRAMPOLINE >> 12); /* start-up */
    }
    wait_for_all();
    print("begun\n");
    for (;;) {
        work(0);
        if (inb(0x3fd) & 1) {
            inb(0x3f8);
            wait_for_all();
            print("all go on\n");
        }
    }
}
