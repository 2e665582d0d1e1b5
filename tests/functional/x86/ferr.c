/* SPDX-License-Identifier: GPL-2.0-or-later */
/* x87 exceptions under CR0.NE 0 are interrupt 13 of a PC, and port F0h lets the handler work.
 * expect: nothing yet: 0
 * expect: fld behind it: 1, status 84, ignored 3
 * expect: fld again: 1
 * expect: another: 2
 * expect: done */
#include "lib.h"

enum {
    CR0_NE = 32,
    MASTER = 0x20,
    SLAVE = 0xa0,
    EOI = 0x20,
    VECTORS = 0x20,
    LINE_13 = VECTORS + 13,
    CLEAR = 0xf0
};
static double one = 1, zero;
static volatile uint32_t interrupts;
static volatile uint16_t status, control, ignored;

static bool on_interrupt(Frame *f)
{
    if (f->vector != LINE_13) {
        return false;
    }
    interrupts++;
    outb(CLEAR, 0);
    asm volatile("fnstsw %0\n\tfldcw %2\n\tfldl %1\n\tfistps %3" /* these wait, with the exception pending */
                 : "=m"(status)
                 : "m"(one), "m"(control), "m"(ignored)
                 : "memory");
    ignored += 2;
    asm volatile("fnclex");
    outb(SLAVE, EOI);
    outb(MASTER, EOI);
    return true;
}

static void start_controllers(void)
{
    static const uint8_t words[][2] = { { 0x11, 0x11 }, { VECTORS, VECTORS + 8 }, { 4, 2 }, { 1, 1 } };
    for (unsigned n = 0; n < 4; n++) {
        outb(MASTER + (n != 0), words[n][0]);
        outb(SLAVE + (n != 0), words[n][1]);
    }
    outb(MASTER + 1, 0xfb);
    outb(SLAVE + 1, 0xdf);
}

static void divide(void)
{
    asm volatile("fldl %0\n\tfdivl %1" : : "m"(one), "m"(zero));
}
static void fld(void)
{
    asm volatile("fldl %0" : : "m"(one));
}

void main(void)
{
    on_trap = on_interrupt;
    control = 0x37b; /* division by zero is not masked */
    start_controllers();
    asm volatile("mov %%cr0, %%eax\n\tand %0, %%eax\n\tmov %%eax, %%cr0\n\tsti" : : "i"(~CR0_NE) : "eax");
    asm volatile("fninit\n\tfldcw %0" : : "m"(control));
    divide();
    print("nothing yet: %u\n", interrupts);
    fld();
    print("fld behind it: %u, status %x, ignored %u\n", interrupts, status & 0xff, ignored);
    fld();
    print("fld again: %u\n", interrupts);
    divide();
    fld();
    print("another: %u\n", interrupts);
    print("done\n");
}
