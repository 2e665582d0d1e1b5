/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A vCPU's thread: it runs the guest, carries out what the guest cannot do by itself, and waits.
 * Spec: "KVM_RUN", "The kvm_run structure" (immediate_exit); x86 has no KVM_GET_MP_STATE without a local APIC in the
 * kernel: such a vCPU waits for interrupts here.
 *
 * The order that loses no request: who wants something first writes it down (an interrupt, `asked`), then kicks: sets
 * immediate_exit, and sends a signal if the vCPU is in KVM_RUN (`in_run`).  The thread first says that it is, then clears
 * immediate_exit, then looks at everything, then calls KVM_RUN.  A request that was written down after that look meets an
 * immediate_exit that stands until the next one: KVM_RUN returns at once, wherever the signal arrives.  All of these are
 * sequentially consistent. */
#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "accel/kvm/kvm.h"
#include "base/readers.h"
#include "target/i386/apic.h"

enum { KICK_SIGNAL = SIGUSR1 };

static uint32_t load(const uint32_t *p)
{
    return __atomic_load_n(p, __ATOMIC_SEQ_CST);
}

static void store(uint32_t *p, uint32_t v)
{
    __atomic_store_n(p, v, __ATOMIC_SEQ_CST);
}

/* ---- kicks ---------------------------------------------------------------------------- */

/* It comes only to end KVM_RUN. */
static void on_kick(int number)
{
}

static bool catch_kicks(GError **err)
{
    struct sigaction sa = { .sa_handler = on_kick }; /* no SA_RESTART */
    if (sigaction(KICK_SIGNAL, &sa, NULL) == 0) {
        return true;
    }
    g_set_error(err, G_FILE_ERROR, G_FILE_ERROR_FAILED, "-accel kvm: no signal can be caught: %s",
                g_strerror(errno));
    return false;
}

/* Whoever set immediate_exit before this one sends the signal, if one is needed. */
static void leave_guest(KvmVcpu *v)
{
    if (!__atomic_exchange_n(&v->run->immediate_exit, 1, __ATOMIC_SEQ_CST) && load(&v->in_run)) {
        syscall(SYS_tgkill, getpid(), v->thread.id, KICK_SIGNAL);
    }
}

void kvm_attract(VcpuThread *t)
{
    KvmVcpu *v = kvm_vcpu_of_thread(t);
    leave_guest(v);
    if (__atomic_exchange_n(&v->asleep, 0, __ATOMIC_SEQ_CST)) {
        syscall(SYS_futex, &v->asleep, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
    }
}

void kvm_kick(CPU *cpu)
{
    kvm_attract(&cpu->kvm->thread);
}

/* They need nothing but to leave the kernel, so locks may be held meanwhile. */
void kvm_keep_out(Kvm *k)
{
    store(&k->barred, 1);
    for (unsigned i = 0; i < k->vcpus->len; i++) {
        KvmVcpu *v = g_ptr_array_index(k->vcpus, i);
        while (load(&v->in_guest)) {
            leave_guest(v);
            g_thread_yield();
        }
    }
}

void kvm_let_in(Kvm *k)
{
    store(&k->barred, 0);
    syscall(SYS_futex, &k->barred, FUTEX_WAKE_PRIVATE, INT_MAX, NULL, NULL, 0);
}

/* ---- running it -------------------------------------------------------------------------- */

static bool is_held(const CPU *cpu)
{
    return __atomic_load_n(&cpu->held, __ATOMIC_RELAXED);
}

static bool wants_to_run(KvmVcpu *v)
{
    const CPU *cpu = v->cpu;
    return !cpu->stopped && !is_held(cpu) && (!v->failed || cpu->state_changed) &&
           (v->kvm->accel.irqchip != ACCEL_IRQCHIP_NONE || !cpu->halted || cpu->singlestep ||
            kvm_has_interrupt(v));
}

/* INIT and start-up messages of the board's local APICs, and what else boards tell a processor. */
static void take_messages(CPU *cpu)
{
    if (x86_message_ready(x86_cpu(cpu))) {
        cpu_state_change(cpu);
        x86_take_messages(x86_cpu(cpu));
    }
}

/* KVM_RUN, which waits outside while slots change; 0, or an errno. */
static int enter(KvmVcpu *v)
{
    uint32_t *barred = &v->kvm->barred;
    for (;;) {
        store(&v->in_guest, 1);
        bool may = !load(barred);
        int r = may ? ioctl(v->fd, KVM_RUN, 0) : -1, error = errno;
        store(&v->in_guest, 0);
        if (may) {
            return r == 0 ? 0 : error;
        }
        syscall(SYS_futex, barred, FUTEX_WAIT_PRIVATE, 1, NULL, NULL, 0);
    }
}

/* KVM_RUN; false: it came back for no exit.  EAGAIN: a processor that waits for its start-up message has had it. */
static bool run_guest(KvmVcpu *v)
{
    memory_thread_sleep();
    int error = enter(v);
    memory_thread_wake();
    v->completing = false;
    if (!error) {
        return true;
    }
    if (error != EINTR && error != EAGAIN) {
        g_autofree char *what = g_strdup_printf("KVM_RUN failed: %s", g_strerror(error));
        kvm_report(v, what, error == EFAULT ? "the guest uses memory that the host cannot give it" : NULL);
        kvm_stuck(v);
    }
    return false;
}

void kvm_complete(KvmVcpu *v)
{
    while (v->completing) {
        __atomic_store_n(&v->run->immediate_exit, 1, __ATOMIC_SEQ_CST);
        if (run_guest(v)) { /* an access of several parts */
            kvm_exit(v);
        }
    }
}

/* CR8 and the base of a local APIC that is the board's device are here at each exit ("The kvm_run structure"). */
static void tell_apic(KvmVcpu *v)
{
    X86CPU *x = x86_cpu(v->cpu);
    if (v->kvm->accel.irqchip != ACCEL_IRQCHIP_NONE) {
        return;
    }
    if (v->run->cr8 != x->s.cr8) {
        x->s.cr8 = v->run->cr8;
        x86_apic_cr8_written(x);
    }
    if (v->run->apic_base != x->s.msr.apic_base) {
        x->s.msr.apic_base = v->run->apic_base;
        x86_apic_base_changed(x);
    }
}

/* Until there is a reason to leave. */
static void run_until_left(KvmVcpu *v)
{
    cpu_set_current(v->cpu);
    for (;;) {
        store(&v->in_run, 1);
        __atomic_store_n(&v->run->immediate_exit, 0, __ATOMIC_SEQ_CST);
        if (vcpu_thread_is_asked(&v->thread) || v->thread.debug_cpu || !wants_to_run(v)) {
            break;
        }
        take_messages(v->cpu);
        if (!wants_to_run(v)) {
            continue;
        }
        v->cpu->halted = 0;
        cpu_state_leave(v->cpu);
        kvm_debug_prepare(v);
        kvm_inject(v);
        v->run->cr8 = x86_cpu(v->cpu)->s.cr8;
        bool exited = run_guest(v);
        store(&v->in_run, 0);
        tell_apic(v);
        kvm_catch_up(&v->kvm->accel);
        if (exited) {
            kvm_exit(v);
        }
        memory_quiescent();
    }
    store(&v->in_run, 0);
    kvm_complete(v);
    cpu_set_current(NULL);
}

/* Sleep until somebody attracts the thread.  `asleep` stands before the last look. */
static void sleep_until_attracted(KvmVcpu *v)
{
    store(&v->asleep, 1);
    if (!vcpu_thread_is_asked(&v->thread) && !wants_to_run(v)) {
        memory_thread_sleep();
        while (load(&v->asleep)) {
            syscall(SYS_futex, &v->asleep, FUTEX_WAIT_PRIVATE, 1, NULL, NULL, 0);
        }
        memory_thread_wake();
    }
    store(&v->asleep, 0);
}

static void *thread_main(void *opaque)
{
    KvmVcpu *v = kvm_vcpu_of_thread(opaque);
    if (!v->kvm->tried) { /* whoever starts the threads waits for each one's beginning */
        v->kvm->tried = kvm_try(v->fd, v->run, &v->why_not);
    }
    vcpu_thread_begin(&v->thread);
    while (vcpu_thread_serve(&v->thread)) {
        if (wants_to_run(v)) {
            run_until_left(v);
        } else {
            sleep_until_attracted(v);
        }
    }
    memory_thread_unregister();
    return NULL;
}

static bool start_thread(KvmVcpu *v, bool alone, GError **err)
{
    g_autofree char *name = alone ? g_strdup("vcpu") : g_strdup_printf("vcpu%u", v->cpu->index);
    if (!vcpu_thread_start(&v->thread, name, thread_main, err)) {
        return false;
    }
    v->cpu->thread_id = v->thread.id;
    if (v->why_not) {
        g_propagate_error(err, g_steal_pointer(&v->why_not));
        return false;
    }
    return true;
}

bool kvm_start(Accel *a, GError **err)
{
    Kvm *k = container_of(a, Kvm, accel);
    if (!catch_kicks(err)) {
        return false;
    }
    for (unsigned i = 0; i < k->vcpus->len; i++) {
        KvmVcpu *v = g_ptr_array_index(k->vcpus, i);
        vcpu_threads_add(&k->threads, &v->thread);
    }
    for (unsigned i = 0; i < k->vcpus->len; i++) {
        if (!start_thread(g_ptr_array_index(k->vcpus, i), k->vcpus->len == 1, err)) {
            return false;
        }
    }
    return true;
}
