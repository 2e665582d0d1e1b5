/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The back end of this host as an engine of test programs (jit-engine.c). */
#pragma once
#include <unistd.h>
#include "toy.h"

void jit_engine_slow(const IrBlock *b, CPU *cpu);
void jit_engine_fast(const IrBlock *b, CPU *cpu);
void jit_engine_moving(const IrBlock *b, CPU *cpu);
void jit_engine_random(const IrBlock *b, CPU *cpu); /* registers at random */
/* The host code of a block as lines of assembly without addresses; "" when this program has no
 * disassembler. */
void jit_engine_print(const IrBlock *b, GString *out);
