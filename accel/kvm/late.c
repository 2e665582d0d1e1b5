/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Writes that need not end KVM_RUN (memory_region_allow_late_writes): the kernel puts them into a ring, and they are carried out before
 * whatever a vCPU leaves the guest for, and when somebody asks (accel_catch_up).
 * Spec: "KVM_(UN)REGISTER_COALESCED_MMIO"; where the ring is: "KVM_GET_VCPU_MMAP_SIZE".
 *
 * The ring is one of the VM's, and each vCPU's shared block shows it.  The kernel writes at `last`, this process reads at `first`; when
 * it is full a write is an exit, as others are.
 *
 * Requirements:
 *   1. `first` moves on behind a write, not before it: who finds the ring empty finds the device changed.
 *   2. One thread at a time carries out, so that the order stays; who comes meanwhile waits.
 *   3. A turn is what one ring holds: other vCPUs fill it again. */
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/ioctl.h>

#include "accel/kvm/kvm.h"
#include "base/log.h"
#include "util/bytes.h"

enum {
    RING_ENTRIES = (RAM_PAGE - sizeof(struct kvm_coalesced_mmio_ring)) / sizeof(struct kvm_coalesced_mmio)
};

/* ---- where -------------------------------------------------------------------------- */

static bool can_be_late(const Kvm *k, bool ports)
{
    return ports ? k->caps.coalesced_pio : k->caps.coalesced_mmio;
}

/* The part of a range that a region lets come late, as the kernel has it; false: there is none. */
static bool zone_of(const FlatRange *r, bool ports, struct kvm_coalesced_mmio_zone *z)
{
    hwaddr start = MAX(r->mr->late_offset, r->mr_offset);
    hwaddr end = MIN(r->mr->late_offset + r->mr->late_size, r->mr_offset + r->size);
    *z = (struct kvm_coalesced_mmio_zone){ .addr = r->start + (start - r->mr_offset),
                                           .size = end - start,
                                           .pio = ports };
    return r->mr->late_size && start < end;
}

void kvm_late_add(const Kvm *k, const FlatRange *r, bool ports)
{
    struct kvm_coalesced_mmio_zone z;
    if (can_be_late(k, ports) && zone_of(r, ports, &z) && ioctl(k->vm, KVM_REGISTER_COALESCED_MMIO, &z) < 0) {
        log_report("-accel kvm: each write at 0x%" PRIx64 " leaves the guest: %s", (uint64_t)z.addr,
                   g_strerror(errno));
    }
}

void kvm_late_del(const Kvm *k, const FlatRange *r, bool ports)
{
    struct kvm_coalesced_mmio_zone z;
    if (can_be_late(k, ports) && zone_of(r, ports, &z)) {
        ioctl(k->vm, KVM_UNREGISTER_COALESCED_MMIO, &z);
    }
}

/* ---- carried out --------------------------------------------------------------------- */

static struct kvm_coalesced_mmio_ring *ring_of(const Kvm *k)
{
    const KvmVcpu *first = k->caps.coalesced_mmio && k->vcpus->len ? g_ptr_array_index(k->vcpus, 0) : NULL;
    return first ? (void *)((uint8_t *)first->run + (size_t)KVM_COALESCED_MMIO_PAGE_OFFSET * RAM_PAGE) : NULL;
}

static bool is_empty(const struct kvm_coalesced_mmio_ring *ring)
{
    return __atomic_load_n(&ring->first, __ATOMIC_ACQUIRE) == __atomic_load_n(&ring->last, __ATOMIC_ACQUIRE);
}

static void carry_out(const CPU *any, const struct kvm_coalesced_mmio *e)
{
    AddressSpace *as = e->pio ? any->io : any->as;
    if (as && (e->len == 1 || e->len == 2 || e->len == 4 || e->len == 8)) {
        memory_write(as, e->phys_addr, e->len, load_le(e->data, e->len));
    }
}

void kvm_catch_up(Accel *a)
{
    Kvm *k = container_of(a, Kvm, accel);
    struct kvm_coalesced_mmio_ring *ring = ring_of(k);
    if (!ring || is_empty(ring)) {
        return;
    }
    const KvmVcpu *any = g_ptr_array_index(k->vcpus, 0);
    lock_take(&k->late_lock);
    for (unsigned n = 0; n < RING_ENTRIES && !is_empty(ring); n++) {
        struct kvm_coalesced_mmio e = ring->coalesced_mmio[ring->first % RING_ENTRIES];
        carry_out(any->cpu, &e);
        __atomic_store_n(&ring->first, (ring->first + 1) % RING_ENTRIES, __ATOMIC_RELEASE);
    }
    lock_release(&k->late_lock);
}
