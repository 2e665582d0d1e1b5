/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "accel/tcg/unwind.h"

#include "accel/tcg/state.h"

TcgBlock *tcg_block_running(const TcgVcpu *v)
{
    return v->frame ? tcg_cache_find(v->state->cache, *v->frame) : v->running;
}

bool tcg_find_pc(const CPU *cpu, uint64_t *pc)
{
    const TcgVcpu *v = cpu->tcg;
    if (!v || !v->frame) {
        return false; /* the interpreter keeps the pc up to date */
    }
    uintptr_t where = *v->frame;
    const TcgBlock *b = tcg_cache_find(v->state->cache, where);
    return b && jit_find_pc(b->code + b->pc_table, where - (uintptr_t)b->code, b->pc, pc);
}

void cpu_restore_pc(CPU *cpu)
{
    uint64_t pc;
    if (tcg_find_pc(cpu, &pc)) {
        *(uint64_t *)((char *)cpu + cpu->arch->guest->pc_offset) = pc;
    }
}

void cpu_loop_exit(CPU *cpu)
{
    tcg_x87_away(cpu);
    siglongjmp(cpu->tcg->exit_jmp, 1);
}
