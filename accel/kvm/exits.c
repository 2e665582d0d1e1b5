/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a vCPU leaves the guest for.
 * Spec: "The kvm_run structure".
 *
 * An access of a device that ends a KVM_RUN is done when the next one begins (KvmVcpu.completing). */
#include <string.h>
#include <sys/ioctl.h>

#include "accel/kvm/kvm.h"
#include "base/log.h"
#include "target/i386/msr.h"

/* ---- accesses of devices ----------------------------------------------------------------- */

static uint64_t get_bytes(const uint8_t *data, unsigned size)
{
    uint64_t value = 0;
    memcpy(&value, data, size); /* x86: the lowest first, as here */
    return value;
}

/* Where nothing answers, reads give ones. */
static void bus_read(AddressSpace *as, hwaddr addr, uint8_t *data, unsigned size)
{
    uint64_t value;
    if (!as || memory_read(as, addr, size, &value) != BUS_OK) {
        value = UINT64_MAX;
    }
    memcpy(data, &value, size);
}

static void bus_write(AddressSpace *as, hwaddr addr, const uint8_t *data, unsigned size)
{
    if (as) {
        memory_write(as, addr, size, get_bytes(data, size));
    }
}

/* One element, or as many as a string instruction has in a page. */
static void exit_io(KvmVcpu *v)
{
    const struct kvm_run *run = v->run;
    uint8_t *data = (uint8_t *)run + run->io.data_offset;
    for (unsigned i = 0; i < run->io.count; i++, data += run->io.size) {
        if (run->io.direction == KVM_EXIT_IO_OUT) {
            bus_write(v->cpu->io, run->io.port, data, run->io.size);
        } else {
            bus_read(v->cpu->io, run->io.port, data, run->io.size);
        }
    }
}

/* Of an access that lies in two pages the parts have odd sizes. */
static unsigned part_of(unsigned left)
{
    return left >= 8 ? 8 : left >= 4 ? 4 : left >= 2 ? 2 : 1;
}

static void exit_mmio(KvmVcpu *v)
{
    struct kvm_run *run = v->run;
    unsigned size;
    for (unsigned at = 0; at < run->mmio.len && at < sizeof(run->mmio.data); at += size) {
        size = part_of(run->mmio.len - at);
        if (run->mmio.is_write) {
            bus_write(v->cpu->as, run->mmio.phys_addr + at, run->mmio.data + at, size);
        } else {
            bus_read(v->cpu->as, run->mmio.phys_addr + at, run->mmio.data + at, size);
        }
    }
}

/* A register that this KVM does not have: the model may. */
static void exit_msr(KvmVcpu *v, bool write)
{
    X86CPU *x = x86_cpu(v->cpu);
    struct kvm_run *run = v->run;
    X86Fault f = { 0 };
    uint64_t value = run->msr.data;
    bool ok = write ? x86_wrmsr(x, run->msr.index, value, &f) : x86_rdmsr(x, run->msr.index, &value, &f);
    run->msr.data = value;
    run->msr.error = !ok;
}

static bool exit_access(KvmVcpu *v)
{
    switch (v->run->exit_reason) {
    case KVM_EXIT_IO: exit_io(v); return true;
    case KVM_EXIT_MMIO: exit_mmio(v); return true;
    case KVM_EXIT_X86_RDMSR: exit_msr(v, false); return true;
    case KVM_EXIT_X86_WRMSR: exit_msr(v, true); return true;
    default: return false;
    }
}

/* ---- ends ------------------------------------------------------------------------------------- */

void kvm_stuck(KvmVcpu *v)
{
    const Accel *a = &v->kvm->accel;
    v->failed = true;
    if (a->stuck) {
        a->stuck(a->stuck_opaque);
    }
}

/* An NMI that came while the last one was handled may still be on its way when the processor halts: it does not wait then. */
static void exit_halt(KvmVcpu *v)
{
    struct kvm_vcpu_events e = { 0 };
    if (v->nmi_sent && ioctl(v->fd, KVM_GET_VCPU_EVENTS, &e) == 0) {
        v->nmi_sent = e.nmi.pending || e.nmi.injected;
    }
    v->cpu->halted = !v->nmi_sent || e.nmi.masked;
}

static void exit_level_ended(KvmVcpu *v)
{
    const Accel *a = &v->kvm->accel;
    if (a->level_ended) {
        a->level_ended(a->level_opaque, v->run->eoi.vector);
    }
}

/* Three faults in a row: the board knows what that means. */
static void exit_shutdown(KvmVcpu *v)
{
    X86CPU *x = x86_cpu(v->cpu);
    if (log_enabled(LOG_INT) || log_enabled(LOG_GUEST_ERROR)) {
        log_write("kvm: CPU %u: triple fault\n", v->cpu->index);
    }
    v->failed = true;
    if (x->shut_down) {
        x->shut_down(x->shut_down_opaque);
        return;
    }
    kvm_report(v, "the guest shut its processor down (a triple fault)", NULL);
    kvm_stuck(v);
}

static void exit_unknown(KvmVcpu *v)
{
    const struct kvm_run *run = v->run;
    bool entry = run->exit_reason == KVM_EXIT_FAIL_ENTRY;
    g_autofree char *what =
        entry ? g_strdup_printf("the host's processor refused to run it (reason 0x%llx)",
                                (unsigned long long)run->fail_entry.hardware_entry_failure_reason)
              : g_strdup_printf("KVM left it for a reason that is not known here (%u)", run->exit_reason);
    kvm_report(v, what, entry ? "a state that this processor cannot have" : NULL);
    kvm_stuck(v);
}

static void exit_internal_error(KvmVcpu *v)
{
    kvm_report_internal_error(v);
    kvm_stuck(v);
}

void kvm_exit(KvmVcpu *v)
{
    v->completing = exit_access(v);
    if (v->completing) {
        return;
    }
    switch (v->run->exit_reason) {
    case KVM_EXIT_HLT: exit_halt(v); break;
    case KVM_EXIT_IOAPIC_EOI: exit_level_ended(v); break;
    case KVM_EXIT_DEBUG: kvm_debug_exit(v); break;
    case KVM_EXIT_IRQ_WINDOW_OPEN:
    case KVM_EXIT_SET_TPR:
    case KVM_EXIT_INTR: break;
    case KVM_EXIT_SHUTDOWN: exit_shutdown(v); break;
    case KVM_EXIT_INTERNAL_ERROR: exit_internal_error(v); break;
    default: exit_unknown(v); break;
    }
}
