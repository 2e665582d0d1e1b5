/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The XSAVE family where the host's user mode cannot go: CR4.OSXSAVE, XCR0, CR0.TS, XSAVES and XRSTORS.
 * expect: xgetbv without OSXSAVE: vector 6 error 0
 * expect: xsave without OSXSAVE: vector 6 error 0
 * expect: xsetbv of AVX alone: vector 13 error 0
 * expect: xsetbv without x87: vector 13 error 0
 * expect: xsetbv of XCR1: vector 13 error 0
 * expect: xcr0 7
 * expect: xgetbv of XCR2: vector 13 error 0
 * expect: in use 0
 * expect: in use 1
 * expect: xsave with TS: vector 7 error 0
 * expect: xsave off its alignment: vector 13 error 0
 * expect: xsaves: states 1 form 8000000000000007 control 27f
 * expect: xrstors: control 27f
 * expect: xrstors of nothing: control 37f
 * expect: xrstors of the standard form: vector 13 error 0
 * expect: xrstors of a state that is off: vector 13 error 0
 * expect: xrstor of it: vector 13 error 0
 * expect: done */
#include "lib.h"

enum { CR0_TS = 8, OSXSAVE = 1 << 18, OSFXSR = 1 << 9, ALL = 7 };
static uint8_t area[1024 + 64] __attribute__((aligned(64)));
static uint16_t control;

static void set_cr4(uint32_t bits)
{
    asm volatile("mov %%cr4, %%eax\n\tor %0, %%eax\n\tmov %%eax, %%cr4" : : "r"(bits) : "eax");
}
static void set_ts(void)
{
    asm volatile("mov %%cr0, %%eax\n\tor %0, %%eax\n\tmov %%eax, %%cr0" : : "i"(CR0_TS) : "eax");
}

static uint32_t xgetbv(uint32_t n)
{
    uint32_t low;
    asm volatile("xgetbv" : "=a"(low) : "c"(n) : "edx");
    return low;
}
static void xsetbv(uint32_t n, uint32_t low)
{
    asm volatile("xsetbv" : : "c"(n), "a"(low), "d"(0));
}
static void get_xcr0(void)
{
    xgetbv(0);
}
static void get_xcr2(void)
{
    xgetbv(2);
}
static void avx_alone(void)
{
    xsetbv(0, 5);
}
static void no_x87(void)
{
    xsetbv(0, 6);
}
static void set_xcr1(void)
{
    xsetbv(1, 1);
}

static void xsave(void)
{
    asm volatile("xsave %0" : "+m"(area) : "a"(ALL), "d"(0));
}
static void xsave_odd(void)
{
    asm volatile("xsave %0" : "+m"(area[16]) : "a"(ALL), "d"(0));
}
static void xrstor(void)
{
    asm volatile("xrstor %0" : : "m"(area), "a"(ALL), "d"(0));
}
static void xsaves(void)
{
    asm volatile("xsaves %0" : "+m"(area) : "a"(ALL), "d"(0));
}
static void xrstors(void)
{
    asm volatile("xrstors %0" : : "m"(area), "a"(ALL), "d"(0));
}

static uint64_t header(unsigned n)
{
    return ((volatile uint64_t *)(area + 512))[n];
}
static void set_header(uint64_t states, uint64_t form)
{
    ((volatile uint64_t *)(area + 512))[0] = states;
    ((volatile uint64_t *)(area + 512))[1] = form;
}
static uint32_t control_word(void)
{
    asm volatile("fnstcw %0" : "=m"(control));
    return control;
}

static void enable(void)
{
    tell("xgetbv without OSXSAVE", get_xcr0);
    tell("xsave without OSXSAVE", xsave);
    set_cr4(OSXSAVE | OSFXSR);
    tell("xsetbv of AVX alone", avx_alone);
    tell("xsetbv without x87", no_x87);
    tell("xsetbv of XCR1", set_xcr1);
    xsetbv(0, ALL);
    print("xcr0 %x\n", xgetbv(0));
    tell("xgetbv of XCR2", get_xcr2);
    asm volatile("fninit");
    print("in use %x\n", xgetbv(1));
    control = 0x27f;
    asm volatile("fldcw %0" : : "m"(control));
    print("in use %x\n", xgetbv(1));
    set_ts();
    tell("xsave with TS", xsave);
    asm volatile("clts");
    tell("xsave off its alignment", xsave_odd);
}

static void supervisor(void)
{
    const uint64_t compact = (uint64_t)1 << 63;
    fill(area, 0, sizeof(area));
    xsaves();
    print("xsaves: states %X form %X control %x\n", header(0), header(1), *(uint16_t *)area);
    asm volatile("fninit");
    xrstors();
    print("xrstors: control %x\n", control_word());
    set_header(0, compact | ALL);
    xrstors();
    print("xrstors of nothing: control %x\n", control_word());
    set_header(1, 0);
    tell("xrstors of the standard form", xrstors);
    set_header(0, compact | ALL | 1 << 9);
    tell("xrstors of a state that is off", xrstors);
    tell("xrstor of it", xrstor);
}

void main(void)
{
    enable();
    supervisor();
    print("done\n");
}
