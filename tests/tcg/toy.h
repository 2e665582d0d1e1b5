/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The guest of the IR tests: ten 64-bit registers r0..r9 and a pc, no instructions of its
 * own.  It shows that tcg/ knows no particular guest. */
#pragma once
#include "target/cpu.h"

enum { TOY_REGS = 10, TOY_PC = TOY_REGS, TOY_GLOBALS };

typedef struct ToyCPU {
    CPU cpu;
    uint64_t r[TOY_REGS];
    uint64_t pc;
    uint8_t scratch[64]; /* for IR_LDENV and IR_STENV */
    uint64_t calls;      /* what the helpers saw */
} ToyCPU;

extern const IrGuest toy_guest;
/* mix6, add32, mark, peek, poke, ends with NULL */
extern const IrHelper *const toy_helpers[];
