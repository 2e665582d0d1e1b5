/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The x86 part of a VM and of its vCPUs, and the whole state of one between the kernel and X86State.
 * Spec: api.rst, section by section where it is used. */
#include "accel/kvm/x86.h"

#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>

/* ---- the VM --------------------------------------------------------------------------------- */

static bool enable(const Kvm *k, uint32_t number, uint64_t arg)
{
    struct kvm_enable_cap c = { .cap = number, .args = { arg } };
    return ioctl(k->vm, KVM_ENABLE_CAP, &c) == 0;
}

/* Intel's processors without "unrestricted guest" run real mode in a task of their own: three pages and one page below 4 GiB,
 * where no machine has anything ("KVM_SET_TSS_ADDR", "KVM_SET_IDENTITY_MAP_ADDR"). */
static bool give_pages(const Kvm *k, GError **err)
{
    uint64_t identity = 0xfeffc000;
    if (ioctl(k->vm, KVM_SET_IDENTITY_MAP_ADDR, &identity) == 0 &&
        ioctl(k->vm, KVM_SET_TSS_ADDR, 0xfeffd000ul) == 0) {
        return true;
    }
    g_set_error(err, G_FILE_ERROR, G_FILE_ERROR_FAILED,
                "-accel kvm: cannot prepare real mode: %s\n  do:  -accel tcg", g_strerror(errno));
    return false;
}

bool kvm_x86_init_vm(Kvm *k, int device, GError **err)
{
    if (!give_pages(k, err) || !kvm_learn_cpuid(k, device, err)) {
        return false;
    }
    k->caps.payload = k->caps.payload && enable(k, KVM_CAP_EXCEPTION_PAYLOAD, 1);
    enable(k, KVM_CAP_X86_USER_SPACE_MSR, KVM_MSR_EXIT_REASON_UNKNOWN); /* without it they are #GP */
    enable(k, KVM_CAP_EXIT_ON_EMULATION_FAILURE, 1); /* without it a program's failure is its #UD */
    return true;
}

/* ---- a vCPU ------------------------------------------------------------------------------------ */

/* The guest's counter is as fast as the host's, unless the user asks for another rate and the host can scale. */
static bool choose_tsc_rate(KvmVcpu *v, GError **err)
{
    X86CPU *x = x86_cpu(v->cpu);
    int khz = ioctl(v->fd, KVM_GET_TSC_KHZ, 0);
    if (x->tsc_asked && (int)x->tsc_khz != khz &&
        ioctl(v->fd, KVM_SET_TSC_KHZ, (unsigned long)x->tsc_khz) < 0) {
        g_set_error(
            err, G_FILE_ERROR, g_file_error_from_errno(errno),
            "-accel kvm: -cpu ...,tsc-frequency=%u000: this host's processor does not scale the guest's counter, "
            "which runs at %d kHz; leave it out, or use -accel tcg",
            x->tsc_khz, khz);
        return false;
    }
    if (!x->tsc_asked && khz > 0) {
        x->tsc_khz = khz;
    }
    return true;
}

bool kvm_x86_init_vcpu(KvmVcpu *v, GError **err)
{
    if (!choose_tsc_rate(v, err) || !kvm_set_cpuid(v, err)) {
        return false;
    }
    kvm_find_msrs(v);
    v->tsc_offset = UINT64_MAX; /* whatever the state says is news */
    if (v->kvm->accel.irqchip != ACCEL_IRQCHIP_NONE) {
        return kvm_x86_call(v, KVM_GET_LAPIC, &v->lapic, "show its local APIC");
    }
    return true;
}

/* ---- its state ------------------------------------------------------------------------------------ */

void kvm_sync_from(CPU *cpu)
{
    KvmVcpu *v = cpu->kvm;
    kvm_get_sregs(v);
    kvm_get_regs(v);
    kvm_get_xcrs(v);
    kvm_get_fpu(v);
    kvm_get_msrs(v);
    kvm_get_debugregs(v);
    kvm_get_events(v);
    kvm_get_mp_state(v);
    cpu->arch->refresh(cpu);
}

/* Of a saved machine. */
static void put_lapic(KvmVcpu *v)
{
    if (v->loaded) {
        kvm_x86_call(v, KVM_SET_LAPIC, v->loaded, "take the state of its local APIC");
        g_clear_pointer(&v->loaded, g_free);
    }
}

/* SREGS (with the base of the local APIC, which says how its registers are to be read) before the APIC, this before MSRs, among them the counter before its deadline; events behind the registers
 * that they are checked against. */
void kvm_sync_to(CPU *cpu)
{
    KvmVcpu *v = cpu->kvm;
    v->failed = x86_cpu(cpu)->s.events.shutdown;
    kvm_put_sregs(v);
    put_lapic(v);
    kvm_put_regs(v);
    kvm_put_xcrs(v);
    kvm_put_fpu(v);
    kvm_put_msrs(v);
    kvm_put_debugregs(v);
    kvm_put_events(v);
    kvm_put_mp_state(v);
    v->run->ready_for_interrupt_injection = 0; /* of before */
}

/* What is the kernel's alone is as it was made. */
void kvm_was_reset(CPU *cpu)
{
    KvmVcpu *v = cpu->kvm;
    g_clear_pointer(&v->loaded, g_free);
    if (v->kvm->accel.irqchip != ACCEL_IRQCHIP_NONE) {
        kvm_x86_call(v, KVM_SET_LAPIC, &v->lapic, "reset its local APIC");
    }
    if (cpu->index == 0) {
        kvm_irqchip_reset(v->kvm);
    }
}
