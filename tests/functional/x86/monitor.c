/* SPDX-License-Identifier: GPL-2.0-or-later */
/* MONITOR and MWAIT: waits that end, also with nobody to end them; what they refuse.
 * expect: cpuid: 1, lines 40 40, extensions 3
 * expect: 1000 waits: fine
 * expect: with an extension of mwait that is not there: vector 13 error 0
 * expect: with one of monitor: vector 13 error 0
 * expect: beyond the segment's limit: vector 13 error 0
 * expect: at level 3: vector 6 error 0
 * expect: done */
#include "lib.h"

static volatile uint32_t line[16];

static void monitor(const volatile void *at, uint32_t ecx)
{
    asm volatile("monitor" : : "a"(at), "c"(ecx), "d"(0));
}
static void mwait(uint32_t ecx)
{
    asm volatile("mwait" : : "a"(0), "c"(ecx));
}

static void waits(void)
{
    for (unsigned i = 0; i < 1000; i++) {
        monitor(line, 0);
        mwait(i & 1);
    }
}
static void bad_mwait(void)
{
    mwait(2);
}
static void bad_monitor(void)
{
    monitor(line, 1);
}
static void beyond(void)
{
    gdt[SEL_FREE / 8] = descriptor(0, 0xfff, 0x93, 4);
    asm volatile("mov %0, %%fs\n\t.byte 0x64\n\tmonitor" : : "r"(SEL_FREE), "a"(0x1000), "c"(0), "d"(0));
}
static void at_level_3(void)
{
    monitor(line, 0);
}

void main(void)
{
    uint32_t a, b, c, d, lines, most, extensions;
    asm volatile("cpuid" : "=a"(lines), "=b"(most), "=c"(extensions), "=d"(d) : "a"(5), "c"(0));
    asm volatile("cpuid" : "=a"(a), "=b"(b), "=c"(c), "=d"(d) : "a"(1), "c"(0));
    print("cpuid: %u, lines %x %x, extensions %x\n", c >> 3 & 1, lines, most, extensions);
    tell("1000 waits", waits);
    tell("with an extension of mwait that is not there", bad_mwait);
    tell("with one of monitor", bad_monitor);
    tell("beyond the segment's limit", beyond);
    tell_user("at level 3", at_level_3);
    print("done\n");
}
