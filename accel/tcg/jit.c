/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Running translated code: the way in, and the three questions that it asks when it does not
 * know where to go on (see JitConfig).
 *
 * Those questions are answered without leaving: a block that is missing is translated on
 * the spot.  Translated code returns to the vCPU loop only when exit_request is set, when
 * the vCPU halted, or when the next block is one for the interpreter (single
 * steps, code outside RAM). */
#include <inttypes.h>
#include <string.h>

#include "accel/tcg/internal.h"
#include "base/log.h"

/* ---- which instruction is it? ----------------------------------------------- */

TcgBlock *tcg_block_running(const TcgVcpu *v)
{
    return v->frame ? tcg_cache_find(v->state, *v->frame) : v->running;
}

bool tcg_find_pc(const CPU *cpu, uint64_t *pc)
{
    const TcgVcpu *v = cpu->tcg;
    if (!v || !v->frame) {
        return false; /* the interpreter keeps the pc up to date */
    }
    uintptr_t where = *v->frame;
    const TcgBlock *b = tcg_cache_find(v->state, where);
    return b && jit_find_pc(b->code + b->pc_table, where - (uintptr_t)b->code, b->pc, pc);
}

void cpu_restore_pc(CPU *cpu)
{
    uint64_t pc;
    if (tcg_find_pc(cpu, &pc)) {
        *(uint64_t *)((char *)cpu + cpu->arch->guest->pc_offset) = pc;
    }
}

/* ---- going on ------------------------------------------------------------------- */

static void set_pc(CPU *cpu, uint64_t pc)
{
    *(uint64_t *)((char *)cpu + cpu->arch->guest->pc_offset) = pc;
}

static bool must_return(const CPU *cpu)
{
    return __atomic_load_n(&cpu->exit_request, __ATOMIC_RELAXED) || cpu->halted || tcg_single(cpu) ||
           log_enabled(LOG_EXEC | LOG_CPU);
}

static const void *leave(CPU *cpu, void **context)
{
    *context = cpu->tcg->ctx;
    cpu->tcg->state->stats.exits++;
    return jit_backend->leave(tcg_cache_jit(cpu->tcg->state));
}

static void enter_jump(TcgContext *c, const TcgBlock *b)
{
    unsigned n = jump_index(c->guest, b->pc);
    c->jumps[n] = (JumpEntry){ b->pc, b->code };
    c->jumps_filled[n / 64] |= UINT64_C(1) << n % 64;
    context_note_code(c, b->pc);
    if (b->pages[1] != UINT64_MAX) {
        context_note_code(c, b->pc + b->size - 1);
    }
}

/* The code for the current pc and context. */
static const void *go_on(CPU *cpu, void **context)
{
    TcgVcpu *v = cpu->tcg;
    if (must_return(cpu)) {
        return leave(cpu, context);
    }
    tcg_context_sync(v);
    uint64_t pc = cpu_pc(cpu);
    const JumpEntry *e = &v->ctx->jumps[jump_index(v->ctx->guest, pc)];
    *context = v->ctx;
    if (e->pc == pc) {
        return e->code;
    }
    v->state->stats.lookups++;
    TcgBlock *b = tcg_block_get(cpu);
    if (!b->code) {
        return leave(cpu, context);
    }
    enter_jump(v->ctx, b);
    return b->code;
}

static const void *next_same_mode(CPU *cpu, void **context)
{
    return go_on(cpu, context);
}

/* On the way out interrupts are the loop's to take: lockstep compares the state as it is here. */
static const void *next_any_mode(CPU *cpu, void **context)
{
    if (!must_return(cpu)) {
        cpu->arch->take_interrupt(cpu);
    }
    return go_on(cpu, context);
}

/* Both are at one virtual page, but that may have been mapped elsewhere since `from` was entered (and
 * `from` runs again when it is mapped back): then no link. */
static void link_exit(TcgState *s, TcgExit *e, TcgBlock *to)
{
    if (!e->jit.jump || e->to || e->from->dropped || to->dropped || to->pages[1] != UINT64_MAX ||
        e->from->pages[0] != to->pages[0] || tcg_page_is_split(s, to->pages[0])) {
        return;
    }
    e->to = to;
    e->prev_in = NULL;
    e->next_in = to->incoming;
    if (e->next_in) {
        e->next_in->prev_in = e;
    }
    to->incoming = e;
    tcg_cache_patch(s, e, to);
    s->stats.chained++;
}

static TcgExit *find_exit(TcgBlock *b, uint32_t stub)
{
    for (unsigned n = 0; n < b->exit_count; n++) {
        if (b->exits[n].jit.stub == stub) {
            return &b->exits[n];
        }
    }
    g_assert_not_reached();
}

/* A direct exit that is not chained yet, or whose poll saw exit_request. */
static const void *chain(CPU *cpu, void **context, uintptr_t where)
{
    TcgVcpu *v = cpu->tcg;
    TcgBlock *from = tcg_cache_find(v->state, where);
    g_assert(from);
    TcgExit *e = find_exit(from, where - (uintptr_t)from->code);
    set_pc(cpu, e->jit.pc);
    if (must_return(cpu)) {
        return leave(cpu, context);
    }
    if (!e->jit.jump || tcg_page_is_split(v->state, from->pages[0])) {
        return go_on(cpu, context);
    }
    /* Translating the target may evict the block that asks. */
    uint64_t evictions = v->state->stats.evictions;
    TcgBlock *to = tcg_block_get(cpu);
    *context = v->ctx;
    if (!to->code) {
        return leave(cpu, context);
    }
    if (evictions == v->state->stats.evictions) {
        link_exit(v->state, e, to);
    }
    return to->code;
}

const IrRuntime tcg_runtime = {
    .load = cpu_load,
    .store = cpu_store,
    .exit_request = offsetof(CPU, exit_request),
};

const JitConfig tcg_jit_config = {
    .page_bits = GUEST_PAGE_BITS,
    .tlb_bits = TLB_BITS,
    .tlb_rd = offsetof(TlbEntry, rd),
    .tlb_wr = offsetof(TlbEntry, wr),
    .tlb_addend = offsetof(TlbEntry, addend),
    .jumps = offsetof(TcgContext, jumps),
    .jump_bits = JUMP_BITS,
    .next = next_same_mode,
    .next_mode = next_any_mode,
    .chain = chain,
};

/* ---- the way in -------------------------------------------------------------------- */

void tcg_run_jit(CPU *cpu)
{
    TcgVcpu *v = cpu->tcg;
    TcgBlock *b = tcg_block_get(cpu);
    if (log_enabled(LOG_EXEC | LOG_CPU)) {
        tcg_log_block(cpu, b);
    }
    if (!b->code) {
        v->running = b;
        ir_interpret(b->ir, cpu, &tcg_runtime);
        v->running = NULL;
        return;
    }
    jit_backend->enter(tcg_cache_jit(v->state), cpu, v->ctx, b->code, &v->frame);
    v->frame = NULL;
}
