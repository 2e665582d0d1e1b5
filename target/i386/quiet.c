/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Is there nothing that could come before the next instruction?  Asked at each change of the mode, with the guest's vectors in
 * registers: this file is compiled for general registers only. */
#include "target/i386/init.h"
#include "target/i386/trap.h"

static bool is_set(const bool *flag)
{
    return __atomic_load_n(flag, __ATOMIC_RELAXED);
}

/* Whoever makes any of these true asks the vCPU to come back to its dispatcher afterwards, which asks
 * x86_take_interrupt(): what is missed here comes there. */
bool x86_is_quiet(CPU *cpu)
{
    const X86CPU *x = x86_cpu(cpu);
    const X86Events *e = &x->s.events;
    bool asked = e->shutdown || e->pending || e->taken || is_set(&e->smi_pending) ||
                 is_set(&e->nmi_pending) || is_set(&e->nmi_again);
    if (asked || x86_message_ready(x) || e->mp_state != MP_RUNNABLE) {
        return false;
    }
    return !(x->s.eflags & EFL_IF) || e->shadow || x->no_interrupt;
}
