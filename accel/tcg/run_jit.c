/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Running translated code: the way in, and the three questions that it asks when it does not
 * know where to go on (see JitConfig).
 *
 * Those questions are answered without leaving: a block that is missing is translated on
 * the spot.  Translated code returns to the vCPU loop only when exit_request is set, when
 * the vCPU halted, or when the next block is one for the interpreter (single
 * steps, code outside RAM). */
#include "accel/tcg/run.h"

#include "accel/tcg/debug.h"
#include "accel/tcg/mail.h"
#include "accel/tcg/softmmu.h"
#include "accel/tcg/translate.h"
#include "base/log.h"

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
    cpu->tcg->stats.exits++;
    return jit_backend->leave(tcg_cache_jit(cpu->tcg->state->cache));
}

/* The place of pc in the second level; NULL: the TLB does not know where pc is. */
static FarJump *find_far(const TcgVcpu *v, uint64_t pc, const uint8_t **host)
{
    uint64_t vaddr = context_fetch_vaddr(v->ctx, pc);
    const TlbEntry *e = &v->ctx->tlb[tlb_index(vaddr)];
    *host = (const uint8_t *)(uintptr_t)(vaddr + e->addend);
    return e->ex == (vaddr & -GUEST_PAGE) ? far_jump(v->far, v->ctx->arch->guest, pc, *host) : NULL;
}

static const void *far_code(const TcgVcpu *v, uint64_t pc)
{
    const uint8_t *host;
    const FarJump *f = find_far(v, pc, &host);
    bool found = f && f->pc == pc && f->host == host && f->mode == v->ctx->key.mode;
    return found ? f->code : NULL;
}

/* A block of two pages is found by lookups alone, which look at both: not in the second level. */
static void enter_block(TcgVcpu *v, const TcgBlock *b)
{
    const uint8_t *host;
    tcg_context_enter_jump(v->ctx, b->pc, b->code);
    if (b->pages[1] != BLOCK_NO_PAGE) {
        context_note_pc(v->ctx, b->pc + b->size - 1);
        return;
    }
    FarJump *f = find_far(v, b->pc, &host);
    if (f) {
        *f = (FarJump){ b->pc, host, b->code, b->mode };
    }
}

/* The TLB learns where pc is. */
static bool enters_page(TcgVcpu *v, uint64_t pc)
{
    const uint8_t *host;
    MmuFault fault;
    TcgFetch at;
    return !find_far(v, pc, &host) && tcg_probe_fetch(v->cpu, context_fetch_vaddr(v->ctx, pc), &at, &fault);
}

/* The code for the current pc and context by the two levels of the jump cache, or NULL. */
static const void *known_code(TcgVcpu *v)
{
    tcg_context_sync(v);
    uint64_t pc = cpu_pc(v->cpu);
    const JumpEntry *e = &v->ctx->jumps[jump_index(v->ctx->arch->guest, pc)];
    if (e->pc == pc) {
        return e->code;
    }
    const void *code = far_code(v, pc);
    if (!code && enters_page(v, pc)) {
        code = far_code(v, pc);
    }
    if (code) {
        v->stats.far_jumps++;
        tcg_context_enter_jump(v->ctx, pc, code);
    }
    return code;
}

/* The code for the current pc and context. */
static const void *go_on(CPU *cpu, void **context)
{
    TcgVcpu *v = cpu->tcg;
    if (must_return(cpu)) {
        return leave(cpu, context);
    }
    const void *code = known_code(v);
    *context = v->ctx;
    if (code) {
        return code;
    }
    v->stats.lookups++;
    TcgBlock *b = tcg_block_get(cpu);
    if (!b || !b->code) {
        return leave(cpu, context);
    }
    enter_block(v, b);
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

static TcgExit *find_exit(TcgBlock *b, uint32_t stub)
{
    for (unsigned n = 0; n < b->exit_count; n++) {
        if (b->exits[n].jit.stub == stub) {
            return &b->exits[n];
        }
    }
    g_assert_not_reached();
}

/* Both are good until the vCPU looks at its mail. */
static void link_exit(TcgVcpu *v, TcgExit *e, TcgBlock *to)
{
    TcgIndex *x = &v->state->index;
    lock_take(&x->lock);
    tcg_index_link(x, e, to);
    lock_release(&x->lock);
    v->stats.chained++;
}

/* A direct exit that is not chained yet, or whose poll saw exit_request. */
static const void *chain(CPU *cpu, void **context, uintptr_t where)
{
    TcgVcpu *v = cpu->tcg;
    TcgBlock *from = tcg_cache_find(v->state->cache, where);
    g_assert(from);
    TcgExit *e = find_exit(from, where - (uintptr_t)from->code);
    set_pc(cpu, e->jit.pc);
    if (must_return(cpu)) {
        return leave(cpu, context);
    }
    if (!e->jit.jump) {
        return go_on(cpu, context);
    }
    TcgBlock *to = tcg_block_get(cpu);
    *context = v->ctx;
    if (!to || !to->code) {
        return leave(cpu, context);
    }
    link_exit(v, e, to);
    return to->code;
}

/* By a jump cache that has it still, this vCPU's or one that went astray: the next lookup makes it anew. */
static const void *retired(CPU *cpu, void **context, uintptr_t code)
{
    TcgVcpu *v = cpu->tcg;
    const TcgBlock *b = tcg_cache_find(v->state->cache, code);
    g_assert(b);
    set_pc(cpu, b->pc);
    unsigned n = jump_index(v->ctx->arch->guest, b->pc);
    JumpEntry *e = &v->ctx->jumps[n];
    if ((uintptr_t)e->code == code) {
        e->pc = jump_never(n);
    }
    const uint8_t *host;
    FarJump *f = find_far(v, b->pc, &host);
    if (f && (uintptr_t)f->code == code) {
        f->host = NULL;
    }
    return go_on(cpu, context);
}

const JitConfig tcg_jit_config = {
    .run = { .load = cpu_load,
             .store = cpu_store,
             .atomic = cpu_atomic,
             .exit_request = offsetof(CPU, exit_request),
             .load_vector = cpu_load_vector,
             .store_vector = cpu_store_vector },
    .page_bits = GUEST_PAGE_BITS,
    .tlb_bits = TLB_BITS,
    .tlb_rd = offsetof(TlbEntry, rd),
    .tlb_wr = offsetof(TlbEntry, wr),
    .tlb_addend = offsetof(TlbEntry, addend),
    .jumps = offsetof(TcgContext, jumps),
    .jump_bits = JUMP_BITS,
    .next = next_same_mode,
    .next_mode = next_any_mode,
    .next_quick = tcg_next_quick,
    .chain = chain,
    .retired = retired,
};

/* ---- the way in -------------------------------------------------------------------- */

static void enter(TcgVcpu *v, const void *code)
{
    jit_backend->enter(tcg_cache_jit(v->state->cache), v->cpu, v->ctx, code, &v->frame);
    v->frame = NULL;
    tcg_x87_away(v->cpu);
}

static void run_block(CPU *cpu)
{
    TcgVcpu *v = cpu->tcg;
    TcgBlock *b = tcg_block_get(cpu);
    if (!b) {
        return;
    }
    if (log_enabled(LOG_EXEC | LOG_CPU)) {
        tcg_log_block(cpu, b);
    }
    if (b->code) {
        enter(v, b->code);
        return;
    }
    v->running = b;
    ir_interpret(b->ir, cpu, &tcg_jit_config.run);
    v->running = NULL;
}

/* Mostly behind an exception, to a handler that has run before. */
void tcg_run_jit(CPU *cpu)
{
    bool any = !tcg_single(cpu) && !log_enabled(LOG_EXEC | LOG_CPU);
    const void *code = any ? known_code(cpu->tcg) : NULL;
    if (code) {
        enter(cpu->tcg, code);
    } else {
        run_block(cpu);
    }
}
