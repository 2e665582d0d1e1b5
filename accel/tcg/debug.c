/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the debugger asks of the translator: breakpoints, watchpoints, and the logs of
 * blocks entered.
 *
 * A breakpoint is a call of a helper before its instruction; blocks are shared by all
 * vCPUs, so the helper looks whether this vCPU has it.
 *
 * A watchpoint keeps its page out of the fast path (TLB_WATCHED), and nothing else: all other
 * accesses are as fast as ever.  An access that it sees is like one that faults: the vCPU stops
 * with the pc at the instruction, the access not made.  A debugger then takes the watchpoint away
 * for a step; one that goes on as it is finds the access made, and the next one reported: the
 * instruction runs alone, unwatched, before interrupts are looked at. */
#include "accel/tcg/debug.h"

#include <inttypes.h>

#include "accel/tcg/unwind.h"
#include "accel/tcg/loop.h"
#include "accel/tcg/state.h"
#include "base/log.h"

void tcg_debug_stop(CPU *cpu)
{
    vcpu_thread_debug_stop(&cpu->tcg->thread->base, cpu);
    __atomic_store_n(&cpu->exit_request, 1, __ATOMIC_SEQ_CST);
}

static bool has_breakpoint(const CPU *cpu, uint64_t vaddr)
{
    for (unsigned i = 0; cpu->breakpoints && i < cpu->breakpoints->len; i++) {
        if (g_array_index(cpu->breakpoints, uint64_t, i) == vaddr) {
            return true;
        }
    }
    return false;
}

static bool any_has_breakpoint(const TcgVcpu *v, uint64_t vaddr)
{
    bool found = false;
    for (unsigned i = 0; !found && i < v->state->vcpus->len; i++) {
        const TcgVcpu *other = g_ptr_array_index(v->state->vcpus, i);
        found = has_breakpoint(other->cpu, vaddr);
    }
    return found;
}

bool tcg_any_breakpoints(const TcgVcpu *v)
{
    for (unsigned i = 0; i < v->state->vcpus->len; i++) {
        const TcgVcpu *other = g_ptr_array_index(v->state->vcpus, i);
        if (other->cpu->breakpoints && other->cpu->breakpoints->len) {
            return true;
        }
    }
    return false;
}

/* A step goes over the breakpoint that it begins at (and ends before the next one). */
static void helper_debug(CPU *cpu)
{
    cpu_restore_pc(cpu);
    uint64_t at = cpu_fetch_vaddr(cpu->arch, cpu->tcg->ctx->key.mode, cpu_pc(cpu));
    if (!cpu->singlestep && has_breakpoint(cpu, at)) {
        tcg_debug_stop(cpu);
        cpu_loop_exit(cpu);
    }
}
static const IrHelper debug_stop =
    IR_HELPER0("debug", helper_debug, IRH_FAULT | IRH_READS | IRH_WRITES, VOID);

void translate_breakpoint(TranslateCtx *t, uint64_t vaddr)
{
    if (G_UNLIKELY(any_has_breakpoint(t->cpu->tcg, vaddr))) {
        t->ir->movable = false;
        ir_call(t->ir, &debug_stop, IR_NONE, 0, NULL);
    }
}

/* Either starts inside the other. */
static bool overlap(uint64_t a, uint64_t a_len, uint64_t b, uint64_t b_len)
{
    return a - b < b_len || b - a < a_len;
}

bool tcg_page_watched(CPU *cpu, uint64_t vaddr)
{
    for (unsigned i = 0; i < cpu->watchpoints->len; i++) {
        const Watchpoint *w = &g_array_index(cpu->watchpoints, Watchpoint, i);
        if (w->len && overlap(vaddr & -(uint64_t)GUEST_PAGE, GUEST_PAGE, w->addr, w->len)) {
            return true;
        }
    }
    return cpu->arch->watches && cpu->arch->watches(cpu, vaddr & -(uint64_t)GUEST_PAGE);
}

static const Watchpoint *find_watchpoint(const CPU *cpu, uint64_t vaddr, unsigned bytes, int kind)
{
    for (unsigned i = 0; i < cpu->watchpoints->len; i++) {
        const Watchpoint *w = &g_array_index(cpu->watchpoints, Watchpoint, i);
        if ((w->kind & kind) && w->len && overlap(vaddr, bytes, w->addr, w->len)) {
            return w;
        }
    }
    return NULL;
}

void tcg_debug_access(CPU *cpu, uint64_t vaddr, unsigned bytes, MmuAccess access)
{
    TcgVcpu *v = cpu->tcg;
    const Watchpoint *w = find_watchpoint(cpu, vaddr, bytes, access == MMU_WRITE ? WATCH_WRITE : WATCH_READ);
    if (!w || v->passing) {
        return;
    }
    cpu_restore_pc(cpu);
    cpu->watch_hit = vaddr - w->addr < w->len ? vaddr : w->addr;
    cpu->watch_hit_kind = w->kind;
    v->watch_pc = cpu_pc(cpu);
    v->watch_stopped = true;
    tcg_debug_stop(cpu);
    cpu_loop_exit(cpu);
}

void tcg_debug_going_on(CPU *cpu)
{
    TcgVcpu *v = cpu->tcg;
    bool told = cpu->watch_hit_kind || v->passing;
    cpu->watch_hit_kind = 0;
    v->passing = v->watch_stopped && told && cpu_pc(cpu) == v->watch_pc;
    v->watch_stopped = v->passing;
}

void tcg_debug_single_done(CPU *cpu)
{
    TcgVcpu *v = cpu->tcg;
    if (v->passing) {
        v->watch_stopped = v->passing = false;
    }
    v->alone = false;
    if (cpu->singlestep) {
        tcg_debug_stop(cpu);
    }
}

void tcg_log_block(CPU *cpu, const TcgBlock *b)
{
    if (log_enabled(LOG_EXEC)) {
        log_write("Trace %u: 0x%016" PRIx64 " [%08x/%u]\n", cpu->index, b->pc, b->mode, b->insns);
    }
    if (log_enabled(LOG_CPU) && cpu->arch->dump) {
        g_autoptr(GString) text = g_string_new(NULL);
        cpu->arch->dump(cpu, text);
        log_write("%s", text->str);
    }
}
