/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What helpers marked IRH_NO_VECTORS call, with the guest's vectors in registers: compiled for general registers only. */
#include "accel/tcg/softmmu-access.h"

void cpu_vectors_away(CPU *cpu)
{
    const TcgVcpu *v = cpu->tcg;
    if (v->frame && v->vector_moves.away) { /* else the interpreter runs */
        v->vector_moves.away(cpu);
    }
}

void cpu_vectors_back(CPU *cpu)
{
    const TcgVcpu *v = cpu->tcg;
    if (v->frame && v->vector_moves.back) {
        v->vector_moves.back(cpu);
    }
}

void *cpu_quick_host(CPU *cpu, uint64_t vaddr, unsigned bytes, MmuAccess access)
{
    bool noted = access == MMU_WRITE && cpu->tcg->log;
    return noted ? NULL : tlb_hit(cpu, vaddr, bytes, access);
}
