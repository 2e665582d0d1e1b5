/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Test programs: text IR with rows of inputs and expected outputs.
 *
 *     program NAME
 *         %1 = add.i32 r1, r2            the syntax of tcg/print.c
 *         ...
 *     run r1=1 r2=-1 -> r0=0 pc=0x20     one run: what is set before, what is seen after
 *
 * Names: r0..r9, pc, calls (a hash of what the helper mark() saw), fault (the address
 * that faulted, 0 none), exit (exit_request), mBITS[ADDRESS] (guest memory), eBITS[OFFSET]
 * (scratch of the CPU struct; the symbol `scratch` in the program is its offset).
 * Registers, scratch and memory that are not named on the left hold a pattern; what is not
 * named on the right must be as it was before, except pc, which every row names. */
#pragma once
#include "toy.h"

typedef struct TestEngine {
    const char *name;
    bool optimize; /* run ir_optimize() first */
    bool jit;      /* needs jit_backend: see test_engine_usable */
    /* Run the block; faults leave (toy_catch).  On return pc is stored. */
    void (*run)(const IrBlock *b, CPU *cpu);
} TestEngine;
extern const TestEngine test_engines[]; /* the first is the oracle; ends with a NULL name */
static inline bool test_engine_usable(const TestEngine *e)
{
    return !e->jit || jit_backend;
}

/* Everything that a program can change, set to a pattern. */
void program_fill_pattern(ToyCPU *toy, uint8_t *ram);
/* What differs, as text; empty when nothing does. */
GString *program_compare(const ToyCPU *toy, const uint8_t *ram, const ToyCPU *want, const uint8_t *want_ram);

/* Runs each program of the file on the engine; failures are g_test_fail_printf(). */
void program_file_run(const char *path, const TestEngine *engine);
