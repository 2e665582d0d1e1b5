/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What becomes of an unmasked x87 exception: see x87.h. */
#include "target/i386/trap.h"
#include "target/i386/x87.h"
#include "target/vcpu.h"

/* Under CR0.NE the processor raises it; else it tells the board by FERR#, and stands still until the interrupt that the
 * board makes of it, or goes on where the board holds IGNNE# (SDM 1, "MS-DOS Compatibility Sub-mode"). */
void x87_raise_pending(X86CPU *x)
{
    if (!(x->s.x87.fsw & FSW_ES)) { /* what IGNNE# was held for is over */
        if (x->ferr) {
            x->ferr(x->ferr_opaque, false);
        }
        return;
    }
    if (x->s.cr0 & CR0_NE) {
        X86Fault f = { .vector = X86_EXC_MF };
        x86_raise(x, &f);
    }
    if (__atomic_load_n(&x->s.ignne, __ATOMIC_ACQUIRE)) {
        return;
    }
    cpu_restore_pc(&x->cpu);
    if (x->ferr) {
        x->ferr(x->ferr_opaque, true);
    }
    x->cpu.halted = true;
    cpu_loop_exit(&x->cpu);
}
