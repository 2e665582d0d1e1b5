/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the debugger asks of the translator: breakpoints, watchpoints, and the logs of
 * blocks entered.
 *
 * A breakpoint is a call of a helper before its instruction; blocks are shared by all
 * vCPUs, so the helper looks whether this vCPU has it.  A watchpoint keeps its page out
 * of the fast path and makes its vCPU run instructions one by one: the stop comes
 * right behind the instruction that hit. */
#include <inttypes.h>

#include "accel/tcg/loop.h"
#include "system/log.h"

static bool has_breakpoint(const CPU *cpu, uint64_t vaddr)
{
    for (unsigned i = 0; cpu->breakpoints && i < cpu->breakpoints->len; i++) {
        if (g_array_index(cpu->breakpoints, uint64_t, i) == vaddr) {
            return true;
        }
    }
    return false;
}

bool translate_has_breakpoint(TranslateCtx *t, uint64_t vaddr)
{
    const TcgVcpu *v = t->cpu->tcg;
    bool found = has_breakpoint(t->cpu, vaddr);
    for (unsigned i = 0; !found && v && i < v->state->vcpus->len; i++) {
        const TcgVcpu *other = g_ptr_array_index(v->state->vcpus, i);
        found = has_breakpoint(other->cpu, vaddr);
    }
    return found;
}

static void helper_debug(CPU *cpu)
{
    cpu_restore_pc(cpu);
    if (has_breakpoint(cpu, cpu_pc(cpu))) {
        tcg_debug_stop(cpu);
        cpu_loop_exit(cpu);
    }
}
const IrHelper tcg_helper_debug = {
    "debug", (void (*)(void))helper_debug, IRH_FAULT | IRH_READS | IRH_WRITES, 0, IR_VOID, { 0 },
};

bool tcg_page_watched(const CPU *cpu, uint64_t vaddr)
{
    uint64_t page = vaddr & -(uint64_t)GUEST_PAGE;
    for (unsigned i = 0; cpu->watchpoints && i < cpu->watchpoints->len; i++) {
        const Watchpoint *w = &g_array_index(cpu->watchpoints, Watchpoint, i);
        if (w->len && w->addr <= page + GUEST_PAGE - 1 && page <= w->addr + w->len - 1) {
            return true;
        }
    }
    return false;
}

void tcg_debug_access(CPU *cpu, uint64_t vaddr, unsigned bytes, MmuAccess access)
{
    int kind = access == MMU_WRITE ? WATCH_WRITE : WATCH_READ;
    for (unsigned i = 0; cpu->watchpoints && i < cpu->watchpoints->len; i++) {
        const Watchpoint *w = &g_array_index(cpu->watchpoints, Watchpoint, i);
        if ((w->kind & kind) && vaddr <= w->addr + w->len - 1 && w->addr <= vaddr + bytes - 1) {
            cpu->watch_hit = MAX(vaddr, w->addr);
            cpu->watch_hit_kind = w->kind;
            return;
        }
    }
}

/* In the vCPU's thread, or while it stands. */
static void drop_translations(CPU *cpu, void *opaque)
{
    tcg_drop_all_blocks(cpu->tcg->state);
    tcg_flush_all(cpu);
}

void tcg_debug_changed(CPU *cpu)
{
    if (cpu->tcg) {
        tcg_loop_run_on_cpu(cpu, drop_translations, NULL);
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
