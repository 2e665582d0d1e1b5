/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The guest of the IR tests: ten 64-bit registers r0..r9 and a pc, vectors v0..v5 and m0, m1 (of 64 bits), no
 * instructions of its own.  It shows that tcg/ knows no particular guest. */
#pragma once
#include "target/cpu.h"
#include "tcg/backend.h"

enum { TOY_REGS = 10, TOY_VECTORS = 6, TOY_NARROW = 2 };
enum { TOY_PC = TOY_REGS, TOY_V, TOY_M = TOY_V + TOY_VECTORS, TOY_GLOBALS = TOY_M + TOY_NARROW };

typedef struct ToyCPU {
    CPU cpu;
    uint64_t r[TOY_REGS];
    uint64_t pc;
    uint64_t v[TOY_VECTORS][4], m[TOY_NARROW];
    uint64_t mxcsr;      /* its low half */
    uint8_t scratch[64]; /* for IR_LDENV and IR_STENV */
    uint64_t calls;      /* what the helpers saw */
    uint64_t fault;      /* address of the access that faulted */
} ToyCPU;

/* Guest RAM of the tests; everything else faults. */
enum { TOY_RAM = 0x10000, TOY_RAM_SIZE = 0x4000 };
extern uint8_t *toy_ram;
ToyCPU *toy_ram_init(void); /* the vCPU that tests run on; once */
/* Run fn(opaque); true when it came back, false when it left by a fault. */
bool toy_catch(ToyCPU *toy, void (*fn)(void *opaque), void *opaque);

extern const IrGuest toy_guest;
extern const IrRuntime toy_runtime; /* flat-memory.c */
/* mix6, add32, mark, peek, poke, ends with NULL */
extern const IrHelper *const toy_helpers[];
