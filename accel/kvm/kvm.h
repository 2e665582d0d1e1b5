/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The accelerator `kvm`: guests of the host's own architecture (x86), run by the host's kernel.
 * Spec: the kernel's documentation of the KVM API (api.rst); sections are named by their titles.
 *
 * A machine has a VM of the kernel's; its RAM are slots of it (slots.c), its vCPUs threads that call KVM_RUN
 * (loop.c).  What KVM cannot do by itself ends the call, and is carried out on the machine's bus (exits.c).  What the guest
 * can change is the kernel's while a vCPU runs (state.c and x86_*.c bring it). */
#pragma once
#include <linux/kvm.h>

#include "accel/accel.h"
#include "accel/threads.h"
#include "base/memory.h"
#include "target/i386/cpu.h"
#include "util/container.h"

typedef struct Kvm Kvm;

/* Where interrupt controllers are; if nobody says, in the kernel if the board leaves them to it. */
typedef enum KvmIrqchipWish { WISH_AUTO, WISH_OFF, WISH_SPLIT, WISH_ON } KvmIrqchipWish;

/* What -accel kvm takes. */
typedef struct KvmOptions {
    int irqchip; /* KvmIrqchipWish */
} KvmOptions;

/* What this kernel's KVM can do: the values of KVM_CHECK_EXTENSION, 0 for what it cannot. */
typedef struct KvmCaps {
    int slots, max_vcpus, payload, triple_fault, coalesced_mmio, coalesced_pio, x2apic_api, sregs2, xcrs;
    int xsave_bytes; /* of KVM_GET_XSAVE2 */
} KvmCaps;

/* A piece of guest memory that the kernel knows; its number is the index in Kvm.slots. */
typedef struct KvmSlot {
    RamBlock *ram; /* NULL: free */
    uint64_t offset, size;
    hwaddr start;
    bool readonly, logged;
} KvmSlot;

typedef struct KvmVcpu KvmVcpu;
struct KvmVcpu {
    Kvm *kvm;
    CPU *cpu;
    int fd;
    struct kvm_run *run;
    VcpuThread thread;
    uint32_t in_run;   /* atomic: in KVM_RUN, or about to look whether it may be */
    uint32_t in_guest; /* atomic: in KVM_RUN */
    uint32_t asleep;   /* futex: 1 while the thread waits for anything to do */
    bool completing;   /* what the last exit asked for reaches the guest with the next KVM_RUN */
    bool failed;       /* cannot go on; a change of its state (a reset) mends it */
    bool nmi_sent;     /* it may not have been delivered yet */
    bool debugged;     /* KVM_SET_GUEST_DEBUG is in force */
    GError *why_not;   /* of kvm_try(), until its thread has begun */

    /* x86 */
    uint64_t tsc_offset, tsc_adjust; /* as the kernel knows them */
    GArray *msrs;                    /* of KvmMsr: those that this KVM has */
    struct kvm_lapic_state lapic;    /* at power on */
    struct kvm_lapic_state *loaded;  /* goes to the kernel with the rest of the state; or NULL */
};

struct Kvm {
    Accel accel; /* an Accel * of this class points here */
    int vm;
    size_t run_bytes; /* of a vCPU's shared block */
    KvmOptions opt;
    KvmCaps caps;
    bool tried; /* it runs guests */
    VcpuThreads threads;
    GPtrArray *vcpus; /* of KvmVcpu, in order of creation */
    struct kvm_cpuid2 *supported;
    struct kvm_irqchip chips[3]; /* at power on: PIC, PIC, IOAPIC */
    gsize routed;                /* once: lines of the machine lead where a PC's do */

    MemoryListener memory, ports; /* .as is NULL until there is a vCPU */
    Lock slots_lock;              /* guards the slots */
    GArray *slots;                /* of KvmSlot */
    Lock late_lock;               /* whoever carries out late writes has it */
    uint32_t barred;              /* futex: 1: slots change, no vCPU may be in KVM_RUN */
};

extern const AccelClass kvm_accel_class;

static inline Kvm *kvm_of(const CPU *cpu)
{
    return container_of(cpu->accel, Kvm, accel);
}

static inline KvmVcpu *kvm_vcpu_of_thread(VcpuThread *t)
{
    return container_of(t, KvmVcpu, thread);
}

/* ---- open.c: /dev/kvm ---- */

/* The device; -1: err says what is wrong, and what to do about it. */
int kvm_open_device(GError **err);
void kvm_learn_caps(Kvm *k, int device);
int kvm_create_vm(int device, GError **err); /* its descriptor, or -1 */

/* ---- probe.c: does KVM run a guest here? ---- */
/* A new vCPU tries it, in the thread that calls KVM_RUN for it later: the kernel waits for all processors when that changes.  What
 * it had in its registers is lost. */
bool kvm_try(int vcpu, struct kvm_run *run, GError **err) G_GNUC_WARN_UNUSED_RESULT;
bool kvm_probe(Accel *a, GError **err) G_GNUC_WARN_UNUSED_RESULT; /* one in a VM of its own */

/* ---- slots.c: guest memory, and doorbells in it ---- */
void kvm_slots_init(Kvm *k);
/* The machine's memory is known with its first vCPU. */
void kvm_slots_listen(Kvm *k, AddressSpace *memory, AddressSpace *ports);
void kvm_slots_finish(Kvm *k);

/* ---- late.c: writes that come late ---- */
void kvm_late_add(const Kvm *k, const FlatRange *r, bool ports);
void kvm_late_del(const Kvm *k, const FlatRange *r, bool ports);
void kvm_catch_up(Accel *a); /* no lock is held */

/* ---- loop.c: a vCPU's thread ---- */
void kvm_attract(VcpuThread *t);
void kvm_kick(CPU *cpu);
bool kvm_start(Accel *a, GError **err) G_GNUC_WARN_UNUSED_RESULT;
/* No vCPU is in KVM_RUN from here to kvm_let_in().  One thread at a time, under any lock. */
void kvm_keep_out(Kvm *k);
void kvm_let_in(Kvm *k);
/* What the last exit asked for reaches the guest's registers; no instruction is run. */
void kvm_complete(KvmVcpu *v);

/* ---- exits.c ---- */
/* Carry out what KVM_RUN came back for. */
void kvm_exit(KvmVcpu *v);
/* It cannot go on: the machine stops. */
void kvm_stuck(KvmVcpu *v);

/* ---- report.c ---- */
/* Tell the user why a vCPU cannot go on: its registers, the code, and what to do. */
void kvm_report(KvmVcpu *v, const char *what, const char *cause);
void kvm_report_internal_error(KvmVcpu *v);

/* ---- debug.c ---- */
void kvm_debug_prepare(KvmVcpu *v); /* before KVM_RUN: steps, breakpoints and watchpoints as the lists say */
void kvm_debug_exit(KvmVcpu *v);

/* ---- irqchip.c: interrupts ---- */
bool kvm_choose_irqchip(Accel *a, unsigned possible, GError **err) G_GNUC_WARN_UNUSED_RESULT;
void kvm_irqchip_reset(Kvm *k);
GByteArray *kvm_chips_save(Accel *a);
bool kvm_chips_load(Accel *a, const uint8_t *data, size_t len, GError **err) G_GNUC_WARN_UNUSED_RESULT;
void kvm_irq_set(Accel *a, unsigned gsi, int level);
int kvm_msi_send(Accel *a, uint64_t addr, uint32_t data);
void kvm_ioapic_routes(Accel *a, const AccelMessage *pins, unsigned count);
void kvm_lint1(CPU *cpu);
/* Before KVM_RUN: what is pending by the board's controllers, if it can be taken. */
void kvm_inject(KvmVcpu *v);
/* Of a vCPU that waits in this process. */
bool kvm_has_interrupt(KvmVcpu *v);

/* ---- x86.c: the kernel's x86, and its state as X86State has it ---- */
bool kvm_x86_init_vm(Kvm *k, int device, GError **err) G_GNUC_WARN_UNUSED_RESULT;
bool kvm_x86_init_vcpu(KvmVcpu *v, GError **err) G_GNUC_WARN_UNUSED_RESULT;
void kvm_sync_from(CPU *cpu);
void kvm_sync_to(CPU *cpu);
void kvm_was_reset(CPU *cpu);
