/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The time stamp counter: the machine's virtual clock at the model's rate, so that it stands while the machine is stopped
 * and is the same on all processors after reset.
 * Spec: SDM volume 3, "Time-Stamp Counter", "Time-Stamp Counter Adjustment". */
#include "target/i386/msr.h"

#include "base/clock.h"
#include "target/i386/apic.h"

uint64_t x86_tsc_at(const X86CPU *x, int64_t ns)
{
    return (unsigned __int128)ns * x->tsc_khz / 1000000 + x->s.msr.tsc_offset;
}

uint64_t x86_tsc(const X86CPU *x)
{
    return x86_tsc_at(x, clock_get_ns(x->cpu.clock, CLK_VIRTUAL));
}

static void tsc_move(X86CPU *x, uint64_t by)
{
    x->s.msr.tsc_offset += by;
    x->s.msr.tsc_adjust += by;
    x86_apic_deadline_changed(x);
    x86_pvclock_update(x);
}

void x86_tsc_write(X86CPU *x, uint64_t value)
{
    tsc_move(x, value - x86_tsc(x));
}

void x86_tsc_adjust_write(X86CPU *x, uint64_t value)
{
    tsc_move(x, value - x->s.msr.tsc_adjust);
}

uint32_t x86_tsc_khz(const CPU *cpu)
{
    return container_of(cpu, X86CPU, cpu)->tsc_khz;
}

/* An accelerator that has the state elsewhere has the counter there, too: the host's, which it has scaled as far as it can. */
bool x86_set_tsc_khz(CPU *cpu, uint32_t khz)
{
    X86CPU *x = x86_cpu(cpu);
    if (!khz || (cpu->ops->sync_from && khz != x->tsc_khz)) {
        return false;
    }
    x->tsc_khz = khz;
    return true;
}

bool x86_rdtsc(X86CPU *x, uint64_t *value, X86Fault *f)
{
    if ((x->s.cr4 & CR4_TSD) && x->s.cpl > 0) {
        return x86_fault(f, X86_EXC_GP, 0);
    }
    *value = x86_tsc(x);
    return true;
}
