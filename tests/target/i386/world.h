/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A protected-mode world for tests: tables in RAM, flat segments of two levels, a task, stacks. */
#pragma once
#include "descriptors.h"
#include "fake.h"
#include "target/i386/seg.h"

enum { WORLD_GDT = 0x1000, WORLD_IDT = 0x2000, WORLD_TSS = 0x3000, WORLD_LDT = 0x4000, WORLD_TSS2 = 0x5000 };
enum { WORLD_STACK0 = 0x8000, WORLD_STACK3 = 0xc000, WORLD_IST1 = 0xe000, WORLD_STACK16 = 0x10000 };

/* Selectors, with RPL 0. */
enum {
    SEL_CODE0 = 0x08,
    SEL_DATA0 = 0x10,
    SEL_CODE3 = 0x18,
    SEL_DATA3 = 0x20,
    SEL_CODE64 = 0x28,     /* level 0 */
    SEL_CODE64_3 = 0x30,   /* level 3 */
    SEL_CONFORMING = 0x38, /* level 0 */
    SEL_CODE16 = 0x40,     /* level 0, 16-bit */
    SEL_TSS = 0x48,        /* 16 bytes are free for it, and for the next */
    SEL_LDT = 0x58,
    SEL_FREE = 0x68, /* to 0x88: the tests' */
    WORLD_GDT_LIMIT = 0x8f,
};

enum { /* ATTR_* of flat segments, but for the level */
       FLAT_CODE = ATTR_P | ATTR_S | ATTR_CODE | ATTR_READABLE | ATTR_G | ATTR_DB,
       FLAT_CODE64 = ATTR_P | ATTR_S | ATTR_CODE | ATTR_READABLE | ATTR_G | ATTR_L,
       FLAT_DATA = ATTR_P | ATTR_S | ATTR_WRITABLE | ATTR_G | ATTR_DB,
       LEVEL3 = 3 << ATTR_DPL_SHIFT,
};

void world_set(uint16_t selector, uint64_t desc);
/* Of the IDT; in long mode of 16 bytes, with an IST. */
void world_vector(X86CPU *x, unsigned vector, unsigned type, unsigned dpl, uint16_t selector, uint64_t offset,
                  unsigned ist);
/* A gate for calls in the GDT; in long mode of 16 bytes. */
void world_call_gate(X86CPU *x, uint16_t at, unsigned dpl, uint16_t selector, uint64_t offset,
                     unsigned params);

/* 32-bit protected mode at level cpl, no paging, a TSS with SS0:ESP0, an LDT. */
X86CPU *world_protected(unsigned cpl);
/* 64-bit mode at level cpl: all of RAM identical and the user's, RSP0 and IST1. */
X86CPU *world_long(unsigned cpl);
/* Virtual-8086 mode in the protected world. */
X86CPU *world_v86(unsigned iopl);
X86CPU *world_real(void); /* CS 0, stack at 0:WORLD_STACK16 - 0x100 */

/* What was pushed: n-th element of the current stack. */
uint64_t world_stack(X86CPU *x, unsigned n, unsigned bytes);
