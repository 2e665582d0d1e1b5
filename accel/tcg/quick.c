/* SPDX-License-Identifier: GPL-2.0-or-later */
/* From one mode to another without leaving the guest's vectors: to a context and a block that are known already.  This file is
 * compiled for general registers only, as is what it calls; all else is next_mode()'s (run_jit.c). */
#include "accel/tcg/run.h"

#include "accel/tcg/state.h"
#include "base/log.h"

/* What has to be looked at between two blocks. */
static bool is_wanted(const CPU *cpu)
{
    return __atomic_load_n(&cpu->exit_request, __ATOMIC_RELAXED) || cpu->halted || tcg_single(cpu) ||
           log_enabled(LOG_EXEC | LOG_CPU);
}

/* The context is the one that this led to before, or is known by the hash of its key, or is asked for by tcg_context_sync(). */
static bool context_sync_quick(TcgVcpu *v)
{
    uint32_t change = v->cpu->mode_change;
    if (!change) {
        return true;
    }
    if (v->ctx->after && v->ctx->after_change == change && !(change & MODE_ANY)) {
        tcg_context_enter(v, v->ctx->after);
        return true;
    }
    CpuContextKey key = { 0 };
    v->cpu->arch->context_key(v->cpu, &key);
    const TcgWay *way = &v->by_key[tcg_context_hash(&key)];
    if (!way->ctx || !tcg_context_key_equal(&way->key, &key)) {
        return false;
    }
    tcg_context_enter(v, way->ctx);
    return true;
}

JitPlace tcg_next_quick(CPU *cpu)
{
    TcgVcpu *v = cpu->tcg;
    const CPUArch *arch = cpu->arch;
    if (!arch->is_quiet || is_wanted(cpu) || !arch->is_quiet(cpu) || !context_sync_quick(v)) {
        return (JitPlace){ NULL, NULL };
    }
    uint64_t pc = cpu_pc(cpu);
    const JumpEntry *e = &v->ctx->jumps[jump_index(arch->guest, pc)];
    return (JitPlace){ e->pc == pc ? e->code : NULL, v->ctx };
}

void tcg_mmu_changed(CPU *cpu)
{
    cpu->mode_change = MODE_ANY;
}
