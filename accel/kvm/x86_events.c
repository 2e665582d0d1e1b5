/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is on its way into a processor: exceptions, interrupts, NMIs, start-up messages; and what it waits for.
 * Spec: "KVM_GET_VCPU_EVENTS", "KVM_GET_MP_STATE".
 *
 * A software interrupt whose delivery was interrupted is not kept: its instruction has not ended, and runs again.
 *
 * Not modelled: system management mode. */
#include "accel/kvm/x86.h"

static void get_exception(X86Events *e, const struct kvm_vcpu_events *k)
{
    e->pending = k->exception.injected || k->exception.pending;
    e->vector = e->pending ? k->exception.nr & 31 : 0;
    e->has_error = e->pending && k->exception.has_error_code;
    e->error = e->has_error ? k->exception.error_code : 0;
    e->payload = e->pending && k->exception_has_payload ? k->exception_payload : 0;
}

/* An NMI that waits, or whose delivery was interrupted, is moved, not copied: other threads add to the one in the state. */
static void take_nmi(KvmVcpu *v, X86CPU *x, struct kvm_vcpu_events *k)
{
    X86Events *e = &x->s.events;
    unsigned count = k->nmi.pending + (k->nmi.injected != 0);
    if (k->nmi.pending || k->nmi.injected) {
        e->nmi_masked = k->nmi.masked && !k->nmi.injected;
        k->nmi.masked = e->nmi_masked;
        k->nmi.pending = k->nmi.injected = 0;
        k->flags = KVM_VCPUEVENT_VALID_NMI_PENDING | (k->flags & KVM_VCPUEVENT_VALID_PAYLOAD);
        if (kvm_x86_call(v, KVM_SET_VCPU_EVENTS, k, "take an NMI back")) {
            for (; count; count--) {
                x86_add_nmi(x);
            }
        }
    }
}

void kvm_get_events(KvmVcpu *v)
{
    X86CPU *x = x86_cpu(v->cpu);
    X86Events *e = &x->s.events;
    struct kvm_vcpu_events k = { 0 };
    kvm_x86_call(v, KVM_GET_VCPU_EVENTS, &k, "read events");
    get_exception(e, &k);
    e->taken = k.interrupt.injected && !k.interrupt.soft;
    e->taken_vector = e->taken ? k.interrupt.nr : 0;
    e->shadow = (k.interrupt.shadow & KVM_X86_SHADOW_INT_STI ? SHADOW_STI : 0) |
                (k.interrupt.shadow & KVM_X86_SHADOW_INT_MOV_SS ? SHADOW_MOV_SS : 0);
    e->nmi_masked = k.nmi.masked;
    e->sipi_vector = k.sipi_vector;
    take_nmi(v, x, &k);
}

static void put_exception(const Kvm *kvm, const X86Events *e, struct kvm_vcpu_events *k)
{
    bool payload = kvm->caps.payload;
    k->exception.pending = e->pending && payload;
    k->exception.injected = e->pending && !payload;
    k->exception.nr = e->vector;
    k->exception.has_error_code = e->has_error;
    k->exception.error_code = e->error;
    k->exception_has_payload = e->pending && payload && (e->vector == X86_EXC_PF || e->vector == X86_EXC_DB);
    k->exception_payload = e->payload;
    k->flags |= payload ? KVM_VCPUEVENT_VALID_PAYLOAD : 0;
}

void kvm_put_events(KvmVcpu *v)
{
    const X86Events *e = &x86_cpu(v->cpu)->s.events;
    struct kvm_vcpu_events k = {
        .interrupt = { .injected = e->taken,
                       .nr = e->taken_vector,
                       .shadow = (e->shadow & SHADOW_STI ? KVM_X86_SHADOW_INT_STI : 0) |
                                 (e->shadow & SHADOW_MOV_SS ? KVM_X86_SHADOW_INT_MOV_SS : 0) },
        .nmi = { .masked = e->nmi_masked },
        .sipi_vector = e->sipi_vector,
        .flags =
            KVM_VCPUEVENT_VALID_SHADOW | KVM_VCPUEVENT_VALID_SIPI_VECTOR | KVM_VCPUEVENT_VALID_NMI_PENDING,
    };
    put_exception(v->kvm, e, &k);
    kvm_x86_call(v, KVM_SET_VCPU_EVENTS, &k, "write events");
}

/* ---- waiting ------------------------------------------------------------------------------ */

static bool kernel_waits(const KvmVcpu *v)
{
    return v->kvm->accel.irqchip != ACCEL_IRQCHIP_NONE;
}

void kvm_get_mp_state(KvmVcpu *v)
{
    struct kvm_mp_state k = { .mp_state = KVM_MP_STATE_RUNNABLE };
    if (kernel_waits(v) && kvm_x86_call(v, KVM_GET_MP_STATE, &k, "read what it waits for")) {
        x86_cpu(v->cpu)->s.events.mp_state = k.mp_state == KVM_MP_STATE_HALTED ? MP_RUNNABLE : k.mp_state;
        v->cpu->halted = k.mp_state != KVM_MP_STATE_RUNNABLE;
    }
}

void kvm_put_mp_state(KvmVcpu *v)
{
    unsigned state = x86_cpu(v->cpu)->s.events.mp_state;
    struct kvm_mp_state k = { .mp_state =
                                  state == MP_RUNNABLE && v->cpu->halted ? KVM_MP_STATE_HALTED : state };
    if (kernel_waits(v)) {
        kvm_x86_call(v, KVM_SET_MP_STATE, &k, "write what it waits for");
    }
}
