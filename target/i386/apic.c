/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The processor's side of its local APIC: see target/x86_apic.h. */
#include "target/i386/apic.h"

static const X86CPU *x86_of(const CPU *cpu)
{
    return container_of(cpu, X86CPU, cpu);
}

void x86_connect_apic(CPU *cpu, const X86ApicOps *ops, void *apic)
{
    X86CPU *x = x86_cpu(cpu);
    x->apic_ops = ops;
    x->apic = apic;
}

bool x86_has_apic(const CPU *cpu)
{
    return x86_has(x86_of(cpu), X86_APIC);
}

uint64_t x86_apic_base(const CPU *cpu)
{
    return x86_of(cpu)->s.msr.apic_base;
}

uint32_t x86_apic_id(const CPU *cpu)
{
    return x86_of(cpu)->apic_id;
}

uint64_t x86_apic_hz(const CPU *cpu)
{
    return x86_of(cpu)->tsc_khz * UINT64_C(1000);
}

void x86_show_tpr(CPU *cpu, uint8_t tpr)
{
    x86_cpu(cpu)->s.cr8 = tpr >> 4;
}

uint64_t x86_deadline(const CPU *cpu)
{
    return __atomic_load_n(&x86_of(cpu)->s.msr.tsc_deadline, __ATOMIC_ACQUIRE);
}

void x86_deadline_end(CPU *cpu, uint64_t value)
{
    __atomic_compare_exchange_n(&x86_cpu(cpu)->s.msr.tsc_deadline, &value, 0, false, __ATOMIC_ACQ_REL,
                                __ATOMIC_RELAXED);
}

int64_t x86_tsc_when(const CPU *cpu, uint64_t tsc)
{
    const X86CPU *x = x86_of(cpu);
    uint64_t ticks = tsc - x->s.msr.tsc_offset;
    if ((int64_t)(tsc - x86_tsc(x)) <= 0) {
        return 0; /* it has passed, perhaps before the clock began */
    }
    unsigned __int128 ns = ((unsigned __int128)ticks * 1000000 + x->tsc_khz - 1) / x->tsc_khz;
    return ns > INT64_MAX ? INT64_MAX : (int64_t)ns;
}

/* ---- what the processor tells it ------------------------------------------------------ */

bool x86_apic_msr_read(X86CPU *x, uint32_t number, uint64_t *value)
{
    return x->apic_ops && (x->s.msr.apic_base & X86_APIC_X2APIC) &&
           x->apic_ops->msr_read(x->apic, number, value);
}

bool x86_apic_msr_write(X86CPU *x, uint32_t number, uint64_t value)
{
    return x->apic_ops && (x->s.msr.apic_base & X86_APIC_X2APIC) &&
           x->apic_ops->msr_write(x->apic, number, value);
}

void x86_apic_base_changed(X86CPU *x)
{
    if (x->apic_ops) {
        x->apic_ops->base_changed(x->apic);
    }
}

void x86_apic_cr8_written(X86CPU *x)
{
    if (x->apic_ops) {
        x->apic_ops->cr8_written(x->apic, x->s.cr8);
    }
}

void x86_apic_deadline_written(X86CPU *x)
{
    if (x->apic_ops) {
        x->apic_ops->deadline_written(x->apic);
    }
}

void x86_apic_deadline_changed(X86CPU *x)
{
    if (x->apic_ops) {
        x->apic_ops->deadline_changed(x->apic);
    }
}

void x86_apic_deadline_loaded(X86CPU *x)
{
    if (x->apic_ops) {
        x->apic_ops->deadline_loaded(x->apic);
    }
}

void x86_apic_init(X86CPU *x)
{
    if (x->apic_ops) {
        x->apic_ops->init(x->apic);
    }
}
