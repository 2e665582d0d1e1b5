/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What litmus tests on the bare machine have in common: harts that meet, a line for each test, the end.
 *
 * HARTS harts run run_tests(); a round of a test has ROUNDS times BATCH places, or what the test says.  A line a test:
 * "NAME: N rounds, F forbidden, R relaxed", then exit status 0, or 1 when anything forbidden was seen.  ENDLESS: again and
 * again, as a load for other tests; `turn` counts. */
#pragma once
#ifndef HARTS
#define HARTS 4
#endif
#ifndef ROUNDS
#define ROUNDS 100
#endif
#ifndef ENDLESS
#define ENDLESS 0
#endif
enum { UART = 0x10000000, FINISHER = 0x100000, STACK = 4096 };

typedef unsigned char u8;
typedef unsigned int u32;
typedef unsigned long u64;

#define FENCE(before, after) __asm__ volatile("fence " #before "," #after ::: "memory")
#define PAUSE() __asm__ volatile(".word 0x0100000f")

static void say(const char *s)
{
    while (*s) {
        *(volatile u8 *)UART = *s++;
    }
}

static void say_number(u64 n)
{
    char text[24], *p = text + sizeof(text);
    *--p = 0;
    do {
        *--p = '0' + n % 10;
    } while (n /= 10);
    say(p);
}

static void finish(u32 status)
{
    *(volatile u32 *)FINISHER = status ? status << 16 | 0x3333 : 0x5555;
    for (;;) {
        __asm__ volatile("wfi");
    }
}

/* All harts wait for each other. */
static volatile u64 arrived, turn;

static void meet(void)
{
    u64 now = turn;
    if (__atomic_add_fetch(&arrived, 1, __ATOMIC_SEQ_CST) == HARTS) {
        arrived = 0;
        __atomic_store_n(&turn, now + 1, __ATOMIC_SEQ_CST);
    } else {
        while (__atomic_load_n(&turn, __ATOMIC_SEQ_CST) == now) {
            PAUSE();
        }
    }
}

static u64 forbidden_in_all;

/* By hart 0. */
static __attribute__((unused)) void report(const char *name, u64 rounds, u64 forbidden, u64 relaxed)
{
    say(name);
    say(": ");
    say_number(rounds);
    say(" rounds, ");
    say_number(forbidden);
    say(" forbidden, ");
    say_number(relaxed);
    say(" relaxed\n");
    forbidden_in_all += forbidden;
}

/* The sum of what all harts counted; they meet. */
static __attribute__((unused)) u64 sum_of_harts(u64 hart, u64 mine)
{
    static volatile u64 counts[HARTS];
    u64 sum = 0;
    counts[hart] = mine;
    meet();
    for (unsigned n = 0; n < HARTS; n++) {
        sum += counts[n];
    }
    meet();
    return sum;
}

static void run_tests(u64 hart);

void begin(u64 hart)
{
    if (hart < HARTS) {
        run_tests(hart);
        meet();
    }
    if (hart == 0) {
        finish(forbidden_in_all != 0);
    }
    for (;;) {
        __asm__ volatile("wfi");
    }
}

/* In M mode, on a stack of each hart's own. */
u8 stacks[(HARTS + 1) * STACK] __attribute__((aligned(16)));
__asm__(
    ".section .text.start\n.globl _start\n_start:\n\tcsrr a0, mhartid\n\tla sp, stacks\n\taddi t0, a0, 1\n"
    "\tslli t0, t0, 12\n\tadd sp, sp, t0\n\tj begin\n.text\n");
