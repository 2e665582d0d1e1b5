/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The accelerator `kvm`: its options, its life, and that of its vCPUs.
 * Spelling of options: the QEMU manual, "invocation", -accel.
 *
 * Not modelled: kvm-shadow-mem, dirty-ring-size, eager-split-size, notify-vmexit, honor-guest-pat, device. */
#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "accel/kvm/kvm.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/sandbox.h"

/* ---- options -------------------------------------------------------------------------- */

static const char *const irqchip_names[] = {
    [WISH_AUTO] = "auto", [WISH_OFF] = "off", [WISH_SPLIT] = "split", [WISH_ON] = "on", NULL
};

static const Prop kvm_props[] = {
    { "kernel-irqchip", PROP_ENUM, offsetof(KvmOptions, irqchip),
      "interrupt controllers in the host's kernel: all, local APICs alone (split), none (off)",
      .names = irqchip_names },
    { NULL },
};
static const Shape kvm_options_shape = { "kvm", sizeof(KvmOptions), kvm_props };

/* ---- life --------------------------------------------------------------------------------- */

static void kvm_free(Kvm *k)
{
    if (k->vm >= 0) {
        close(k->vm);
    }
    vcpu_threads_finish(&k->threads);
    kvm_slots_finish(k);
    g_ptr_array_free(k->vcpus, TRUE);
    g_free(k->supported);
    g_free(k);
}

static bool make_vm(Kvm *k, int device, GError **err)
{
    k->run_bytes = ioctl(device, KVM_GET_VCPU_MMAP_SIZE, 0);
    kvm_learn_caps(k, device);
    k->accel.limits.max_vcpus = k->caps.max_vcpus;
    k->vm = kvm_create_vm(device, err);
    return k->vm >= 0 && kvm_x86_init_vm(k, device, err);
}

static Accel *kvm_open(EventLoop *loop, const void *options, GError **err)
{
    int device = kvm_open_device(err);
    if (device < 0) {
        return NULL;
    }
    Kvm *k = g_new0(Kvm, 1);
    k->accel.class = &kvm_accel_class;
    k->accel.loop = loop;
    k->opt = *(const KvmOptions *)options;
    k->vm = -1;
    k->vcpus = g_ptr_array_new();
    vcpu_threads_init(&k->threads, loop, kvm_attract);
    kvm_slots_init(k);
    bool ok = make_vm(k, device, err);
    close(device); /* who breaks out makes no VM of his own */
    if (!ok) {
        kvm_free(k);
        return NULL;
    }
    return &k->accel;
}

static Kvm *kvm_of_accel(Accel *a)
{
    return container_of(a, Kvm, accel);
}

/* ---- vCPUs ----------------------------------------------------------------------------------- */

static void unmake_vcpu(KvmVcpu *v)
{
    if (v->run) {
        munmap(v->run, v->kvm->run_bytes);
    }
    if (v->fd >= 0) {
        close(v->fd);
    }
    if (v->msrs) {
        g_array_free(v->msrs, TRUE);
    }
    g_free(v->loaded);
    v->cpu->kvm = NULL;
    v->cpu->thread_id = 0;
    g_free(v);
}

static bool make_vcpu(KvmVcpu *v, GError **err)
{
    v->fd = ioctl(v->kvm->vm, KVM_CREATE_VCPU, (unsigned long)x86_cpu(v->cpu)->apic_id);
    void *run =
        v->fd < 0 ? MAP_FAILED : mmap(NULL, v->kvm->run_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, v->fd, 0);
    if (run == MAP_FAILED) {
        g_set_error(err, G_FILE_ERROR, g_file_error_from_errno(errno),
                    "-accel kvm: cannot make CPU %u: %s\n  do:  a smaller -smp, or -accel tcg", v->cpu->index,
                    g_strerror(errno));
        return false;
    }
    v->run = run;
    return kvm_x86_init_vcpu(v, err);
}

static bool vcpu_init(Accel *a, CPU *cpu, GError **err)
{
    Kvm *k = kvm_of_accel(a);
    KvmVcpu *v = g_new0(KvmVcpu, 1);
    g_assert(!k->threads.threads->len);
    v->kvm = k;
    v->cpu = cpu;
    v->fd = -1;
    cpu->kvm = v;
    if (!make_vcpu(v, err)) {
        unmake_vcpu(v);
        return false;
    }
    g_ptr_array_add(k->vcpus, v);
    kvm_slots_listen(k, cpu->as, cpu->io);
    return true;
}

static void vcpu_free(CPU *cpu)
{
    Kvm *k = kvm_of(cpu);
    g_assert(!k->threads.threads->len);
    if (g_ptr_array_remove(k->vcpus, cpu->kvm)) {
        unmake_vcpu(cpu->kvm);
    }
    accel_forget_vcpu(cpu);
}

static void kvm_close(Accel *a)
{
    Kvm *k = kvm_of_accel(a);
    vcpu_threads_stop(&k->threads);
    for (unsigned i = 0; i < k->vcpus->len; i++) {
        KvmVcpu *v = g_ptr_array_index(k->vcpus, i);
        CPU *cpu = v->cpu;
        cpu_state_fetch(cpu);
        accel_forget_vcpu(cpu); /* the machine outlives it by a moment: interrupts go nowhere */
        unmake_vcpu(v);
    }
    kvm_free(k);
}

static void run_on_cpu(CPU *cpu, void (*fn)(CPU *cpu, void *opaque), void *opaque)
{
    vcpu_thread_run(&cpu->kvm->thread, cpu, fn, opaque);
}

static void nothing(CPU *cpu)
{
}

static void flush_nothing(CPU *cpu, CpuFlush what, uint64_t vaddr, uint64_t asid)
{
}

/* Translations are the kernel's, which drops them with the registers that it is given; the debugger's lists are looked at
 * before each run. */
static const VcpuOps vcpu_ops = {
    .free = vcpu_free,
    .kick = kvm_kick,
    .run_on_cpu = run_on_cpu,
    .breakpoints_changed = nothing,
    .watchpoints_changed = nothing,
    .mmu_changed = nothing,
    .flush = flush_nothing,
    .sync_from = kvm_sync_from,
    .sync_to = kvm_sync_to,
    .was_reset = kvm_was_reset,
};

/* ---- the rest of the class --------------------------------------------------------------------- */

/* The kernel's counter went on meanwhile. */
static void adopt(CPU *cpu)
{
    cpu->kvm->tsc_offset = UINT64_MAX;
    cpu->kvm->failed = false;
}

/* What pvclock tells guests is the machine's virtual clock, which stands while the machine does, goes on where a saved one stood, and is the
 * same under other accelerators ("KVM_SET_CLOCK"). */
static void set_clock(const Kvm *k)
{
    const KvmVcpu *first = k->vcpus->len ? g_ptr_array_index(k->vcpus, 0) : NULL;
    struct kvm_clock_data now = { .clock = first ? clock_get_ns(first->cpu->clock, CLK_VIRTUAL) : 0 };
    if (ioctl(k->vm, KVM_SET_CLOCK, &now) < 0) {
        log_report("-accel kvm: the guest's clock (pvclock) is not set: %s", g_strerror(errno));
    }
}

/* All states are the kernel's before the first vCPU runs: what it sends to another one (a start-up message) would be overwritten
 * by a state that comes late. */
static void kvm_resume(Accel *a)
{
    Kvm *k = kvm_of_accel(a);
    set_clock(k);
    for (unsigned i = 0; i < k->vcpus->len; i++) {
        KvmVcpu *v = g_ptr_array_index(k->vcpus, i);
        cpu_state_leave(v->cpu);
    }
    vcpu_threads_resume(&k->threads);
}

/* A guest that has a watchdog of its own does not bite for the pause ("KVM_KVMCLOCK_CTRL"); one without pvclock is not told. */
static void kvm_pause(Accel *a)
{
    Kvm *k = kvm_of_accel(a);
    vcpu_threads_pause(&k->threads);
    kvm_catch_up(a);
    for (unsigned i = 0; i < k->vcpus->len; i++) {
        const KvmVcpu *v = g_ptr_array_index(k->vcpus, i);
        ioctl(v->fd, KVM_KVMCLOCK_CTRL, 0);
    }
}

static void set_debug_hook(Accel *a, void (*fn)(CPU *cpu, void *opaque), void *opaque)
{
    Kvm *k = kvm_of_accel(a);
    k->threads.debug_hook = fn;
    k->threads.debug_opaque = opaque;
}

static const char *const guests[] = { "x86_64", "i386", NULL };

const AccelClass kvm_accel_class = {
    .name = "kvm",
    .desc = "guests of the host's own architecture, run by its kernel",
    .guests = guests,
    .takes_events = true,
    .sandbox_calls = SANDBOX_KVM,
    .options = &kvm_options_shape,
    .open = kvm_open,
    .prove = kvm_probe,
    .choose_irqchip = kvm_choose_irqchip,
    .vcpu_init = vcpu_init,
    .vcpu_ops = &vcpu_ops,
    .start = kvm_start,
    .adopt = adopt,
    .resume = kvm_resume,
    .pause = kvm_pause,
    .set_debug_hook = set_debug_hook,
    .irq_set = kvm_irq_set,
    .msi_send = kvm_msi_send,
    .ioapic_routes = kvm_ioapic_routes,
    .lint1 = kvm_lint1,
    .chips_save = kvm_chips_save,
    .chips_load = kvm_chips_load,
    .catch_up = kvm_catch_up,
    .close = kvm_close,
};
