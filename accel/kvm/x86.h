/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Parts of an x86 processor's state between the kernel and X86State, a file each.  ioctl()s of them fail only if the kernel
 * refuses the state: what is refused is told, once (kvm_x86_set). */
#pragma once
#include "accel/kvm/kvm.h"

/* An MSR that is a field of the state. */
typedef struct KvmMsr {
    uint32_t number;
    size_t offset;  /* in X86CPU */
    bool acts;      /* a write does something (to the guest's memory): only news is written */
    uint64_t known; /* then: what the kernel has */
} KvmMsr;

/* x86_call.c: ioctl() that should not fail: false, and a message that names `what`, if it does. */
bool kvm_x86_call(KvmVcpu *v, unsigned long request, void *arg, const char *what);

/* ---- x86_regs.c: general, segment and control registers, debug registers, XCR0 ---- */
void kvm_get_sregs(KvmVcpu *v); /* in this order: where the instruction pointer is depends on CS */
void kvm_get_regs(KvmVcpu *v);
void kvm_put_sregs(KvmVcpu *v);
void kvm_put_regs(KvmVcpu *v);
void kvm_get_debugregs(KvmVcpu *v);
void kvm_put_debugregs(KvmVcpu *v);
void kvm_get_xcrs(KvmVcpu *v);
void kvm_put_xcrs(KvmVcpu *v);

/* ---- x86_fpu.c ---- */
void kvm_get_fpu(KvmVcpu *v);
void kvm_put_fpu(KvmVcpu *v);

/* ---- x86_msrs.c ---- */
void kvm_find_msrs(KvmVcpu *v); /* which of them this KVM has */
void kvm_get_msrs(KvmVcpu *v);
void kvm_put_msrs(KvmVcpu *v);

/* ---- x86_events.c ---- */
void kvm_get_events(KvmVcpu *v);
void kvm_put_events(KvmVcpu *v);
void kvm_get_mp_state(KvmVcpu *v);
void kvm_put_mp_state(KvmVcpu *v);

/* ---- x86_cpuid.c ---- */
bool kvm_learn_cpuid(Kvm *k, int device, GError **err) G_GNUC_WARN_UNUSED_RESULT;
/* The model loses what this KVM has not; then CPUID answers so. */
bool kvm_set_cpuid(KvmVcpu *v, GError **err) G_GNUC_WARN_UNUSED_RESULT;
const struct kvm_cpuid_entry2 *kvm_supported_leaf(const Kvm *k, uint32_t leaf, uint32_t subleaf);
