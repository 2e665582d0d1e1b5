/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Something to save in the middle: registers, memory, timers, both interrupt controllers.  A byte on the serial line lets it go on.
 * expect: one d9e65620
 * expect: two 3ea81550
 * expect: ticks of the PIT and of the local APIC go on: 1
 * expect: three 6ffbe7a5
 * expect: done */
#include "lib.h"

enum { IRQ0 = 0x20, APIC_TIMER = 0x22, WORDS = 4096, ROUNDS = 20000 };
static uint32_t table[WORDS], seed = 1;

static void start_timers(void)
{
    static const uint8_t pic[][2] = { { 0x20, 0x11 }, { 0xa0, 0x11 }, { 0x21, IRQ0 }, { 0xa1, IRQ0 + 8 },
                                      { 0x21, 4 },    { 0xa1, 2 },    { 0x21, 1 },    { 0xa1, 1 },
                                      { 0x21, 0xfe }, { 0xa1, 0xff } };
    for (unsigned i = 0; i < sizeof(pic) / sizeof(pic[0]); i++) {
        outb(pic[i][0], pic[i][1]);
    }
    outb(0x43, 0x34); /* 50 a second */
    outb(0x40, 0x38);
    outb(0x40, 0x5d);
    apic_write(0xf0, 0x1ff);
    apic_write(0x3e0, 0xb);                  /* by 1 */
    apic_write(0x320, APIC_TIMER | 1 << 17); /* periodic */
    apic_write(0x380, 20000000);
}

/* What it gives depends on all rounds before. */
static void work(const char *name)
{
    for (unsigned i = 0; i < ROUNDS; i++) {
        seed = seed * 1664525 + 1013904223;
        table[seed >> 20] ^= seed;
        seed += table[seed >> 8 & (WORDS - 1)];
    }
    print("%s %x\n", name, seed);
}

static void wait_byte(void)
{
    while (!(inb(0x3fd) & 1)) {
        asm volatile("pause");
    }
    inb(0x3f8);
}

/* Interrupts stay off: not every KVM can come back from one in this mode.  The PIC is asked by its poll command. */
static void wait_ticks(void)
{
    unsigned pit = 0, apic = 0;
    uint32_t last = apic_read(0x390);
    while (pit < 3 || apic < 3) {
        uint32_t now = apic_read(0x390);
        apic += now > last; /* it began anew */
        last = now;
        outb(0x20, 0x0c);
        if (inb(0x20) == 0x80) {
            outb(0x20, 0x20);
            pit++;
        }
    }
    print("ticks of the PIT and of the local APIC go on: %x\n",
          apic_read(0x200 + APIC_TIMER / 32 * 16) >> APIC_TIMER % 32 & 1);
}

void main(void)
{
    start_timers();
    work("one");
    wait_byte();
    work("two");
    wait_ticks();
    wait_byte();
    work("three");
    print("done\n");
}
