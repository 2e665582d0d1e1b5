/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Running blocks in the interpreter of the IR.  Blocks, contexts and invalidation are those of
 * the translator; only host code is missing. */
#include "accel/tcg/run.h"

#include "accel/tcg/debug.h"
#include "accel/tcg/translate.h"
#include "base/log.h"

void tcg_run_interp(CPU *cpu)
{
    TcgVcpu *v = cpu->tcg;
    do {
        TcgBlock *b = tcg_block_get(cpu);
        if (log_enabled(LOG_EXEC | LOG_CPU)) {
            tcg_log_block(cpu, b);
        }
        v->running = b;
        IrExit how = ir_interpret(b->ir, cpu, &tcg_jit_config.run);
        v->running = NULL;
        /* As host code does: interrupts may be enabled now.  One that waits is woken by the loop. */
        if (how == IR_LEFT_LOOKUP && !tcg_single(cpu) && !cpu->halted) {
            cpu->arch->take_interrupt(cpu);
        }
    } while (!tcg_single(cpu) && !cpu->halted && !__atomic_load_n(&cpu->exit_request, __ATOMIC_RELAXED));
}
