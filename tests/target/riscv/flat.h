/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A RISC-V hart with flat RAM and nothing else, on the IR interpreter: for tests of
 * the translator that need neither a machine nor a back end.
 *
 * flat.c is the run time (target/vcpu.h) of such a program: it replaces accel/tcg. */
#pragma once
#include "target/riscv/translate.h"

typedef struct Flat Flat;

/* RAM at physical address `base`.  The hart is in M mode, reset, with FS on. */
Flat *flat_new(const CPUArch *arch, const char *model, uint64_t base, uint64_t size);
void flat_free(Flat *m);
RiscvCPU *flat_cpu(Flat *m);
uint8_t *flat_ram(Flat *m);
void flat_set_optimize(Flat *m, bool on); /* ir_optimize() before running */
/* Called before each compare-and-swap of the walk, as another hart that is faster; or NULL. */
void flat_set_rival(Flat *m, void (*fn)(uint8_t *ram));
unsigned flat_pauses(const Flat *m); /* how often it gave way */
void flat_forget_code(Flat *m);      /* drop all blocks: RAM was changed from outside */
/* Run until pc is `stop` or `max_insns` instructions (counted by block) have run; true: stopped. */
bool flat_run(Flat *m, uint64_t stop, uint64_t max_insns);
