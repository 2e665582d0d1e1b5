/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What runs test programs: a back end adds its row here. */
#include "jit-engine.h"
#include "program.h"

static void interpret(const IrBlock *b, CPU *cpu)
{
    ir_interpret(b, cpu, &toy_runtime);
}

const TestEngine test_engines[] = {
    { "interp", false, false, interpret },
    { "interp-optimized", true, false, interpret },
    { "jit-slow", false, true, jit_engine_slow },
    { "jit-fast", false, true, jit_engine_fast },
    { "jit-fast-optimized", true, true, jit_engine_fast },
    { "jit-moving", false, true, jit_engine_moving },
    { "jit-moving-optimized", true, true, jit_engine_moving },
    { "jit-random", false, true, jit_engine_random },
    { "jit-random-optimized", true, true, jit_engine_random },
    { NULL },
};
