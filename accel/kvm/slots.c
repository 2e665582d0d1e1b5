/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Guest memory: each range of RAM in the machine's flat view is a slot of the VM's; what is in no slot leaves KVM_RUN
 * as an access of a device.  A doorbell (MemoryEvent) is an ioeventfd: its writes never leave the kernel.
 * Spec: "KVM_SET_USER_MEMORY_REGION", "KVM_GET_DIRTY_LOG", "KVM_IOEVENTFD".
 *
 * Requirements:
 *   1. Slots never overlap.  Ranges that went are told before those that came.
 *   2. A slot cannot be resized, and what it has logged goes with it: so the log is read before it goes.
 *   3. Between the old slot of an address and the new one there is none, and a vCPU that has its code or page tables there
 *      would fault.  So none is in KVM_RUN from the first slot that goes to the commit.
 *
 * Not modelled: RAM that does not begin and end with a page of the host's (its accesses go through the bus). */
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/ioctl.h>

#include "accel/kvm/kvm.h"
#include "base/log.h"

/* ---- one slot; under the lock -------------------------------------------------------- */

static bool kernel_set(const Kvm *k, unsigned n, const KvmSlot *s)
{
    struct kvm_userspace_memory_region r = {
        .slot = n,
        .flags = (s->logged ? KVM_MEM_LOG_DIRTY_PAGES : 0) | (s->readonly ? KVM_MEM_READONLY : 0),
        .guest_phys_addr = s->start,
        .memory_size = s->ram ? s->size : 0,
        .userspace_addr = s->ram ? (uintptr_t)s->ram->host + s->offset : 0,
    };
    if (ioctl(k->vm, KVM_SET_USER_MEMORY_REGION, &r) == 0) {
        return true;
    }
    log_report("-accel kvm: the kernel refuses guest memory at 0x%" PRIx64 " (%" PRIu64
               " KiB): %s; its accesses are slow",
               s->start, s->size >> 10, g_strerror(errno));
    return false;
}

/* What vCPUs wrote since the last time is marked as written. */
static void harvest(const Kvm *k, unsigned n, const KvmSlot *s)
{
    uint64_t pages = s->size >> RAM_PAGE_BITS;
    g_autofree unsigned long *map = g_new0(unsigned long, (pages + RAM_WORD_BITS - 1) / RAM_WORD_BITS);
    struct kvm_dirty_log log = { .slot = n, .dirty_bitmap = map };
    if (ioctl(k->vm, KVM_GET_DIRTY_LOG, &log) < 0) {
        memset(map, 0xff, (pages + 7) / 8); /* who knows */
    }
    for (uint64_t p = 0; p < pages; p++) {
        if (map[p / RAM_WORD_BITS] >> p % RAM_WORD_BITS & 1) {
            ram_mark_written(s->ram, s->offset + (p << RAM_PAGE_BITS), RAM_PAGE);
        }
    }
}

static KvmSlot *slot_at(const Kvm *k, unsigned n)
{
    return &g_array_index(k->slots, KvmSlot, n);
}

static unsigned free_slot(Kvm *k)
{
    for (unsigned n = 0; n < k->slots->len; n++) {
        if (!slot_at(k, n)->ram) {
            return n;
        }
    }
    g_array_set_size(k->slots, k->slots->len + 1);
    return k->slots->len - 1;
}

/* ---- ranges that come and go ------------------------------------------------------------- */

static bool is_slot(const FlatRange *r)
{
    return flat_range_ram(r) && !((r->start | r->size | r->mr_offset) & (RAM_PAGE - 1));
}

static void region_add(MemoryListener *l, AddressSpace *as, const FlatRange *r)
{
    Kvm *k = l->opaque;
    kvm_late_add(k, r, false);
    if (!is_slot(r)) {
        return;
    }
    lock_take(&k->slots_lock);
    unsigned n = free_slot(k);
    KvmSlot s = { .ram = flat_range_ram(r),
                  .offset = r->mr_offset,
                  .size = r->size,
                  .start = r->start,
                  .readonly = !flat_range_writable(r),
                  .logged = ram_is_followed(flat_range_ram(r)) };
    if (n >= (unsigned)k->caps.slots) {
        log_report("-accel kvm: the kernel has %d pieces of guest memory at most; that at 0x%" PRIx64
                   " is slow",
                   k->caps.slots, r->start);
    } else if (kernel_set(k, n, &s)) {
        *slot_at(k, n) = s;
    }
    lock_release(&k->slots_lock);
}

static void remove_slot(Kvm *k, unsigned n)
{
    KvmSlot *s = slot_at(k, n);
    if (s->logged) {
        harvest(k, n, s);
    }
    *s = (KvmSlot){ .start = s->start };
    kernel_set(k, n, s);
}

static void region_del(MemoryListener *l, AddressSpace *as, const FlatRange *r)
{
    Kvm *k = l->opaque;
    kvm_late_del(k, r, false);
    if (!is_slot(r)) {
        return;
    }
    if (!__atomic_load_n(&k->barred, __ATOMIC_SEQ_CST)) {
        kvm_keep_out(k);
    }
    lock_take(&k->slots_lock);
    for (unsigned n = 0; n < k->slots->len; n++) {
        const KvmSlot *s = slot_at(k, n);
        if (s->ram && s->start == r->start && s->size == r->size) {
            remove_slot(k, n);
        }
    }
    lock_release(&k->slots_lock);
}

static void commit(MemoryListener *l, AddressSpace *as)
{
    Kvm *k = l->opaque;
    if (__atomic_load_n(&k->barred, __ATOMIC_SEQ_CST)) {
        kvm_let_in(k);
    }
}

static void ports_add(MemoryListener *l, AddressSpace *as, const FlatRange *r)
{
    kvm_late_add(l->opaque, r, true);
}

static void ports_del(MemoryListener *l, AddressSpace *as, const FlatRange *r)
{
    kvm_late_del(l->opaque, r, true);
}

/* ---- who follows the writes to a block ------------------------------------------------------ */

/* Logging is on while somebody follows; what is logged is marked. */
static void dirty_sync(MemoryListener *l, RamBlock *rb, uint64_t offset, uint64_t length)
{
    Kvm *k = l->opaque;
    bool followed = ram_is_followed(rb);
    lock_take(&k->slots_lock);
    for (unsigned n = 0; n < k->slots->len; n++) {
        KvmSlot *s = slot_at(k, n);
        if (s->ram != rb || s->readonly || offset >= s->offset + s->size || s->offset >= offset + length) {
            continue;
        }
        if (s->logged) {
            harvest(k, n, s);
        }
        if (s->logged != followed) {
            s->logged = followed;
            kernel_set(k, n, s);
        }
    }
    lock_release(&k->slots_lock);
}

/* ---- doorbells --------------------------------------------------------------------------------- */

static void set_event(const Kvm *k, const MemoryListener *l, hwaddr addr, const MemoryEvent *e,
                      uint32_t flags)
{
    struct kvm_ioeventfd io = {
        .datamatch = e->match ? e->value : 0,
        .addr = addr,
        .len = e->size,
        .fd = e->notifier->fd,
        .flags = flags | (e->match ? KVM_IOEVENTFD_FLAG_DATAMATCH : 0) |
                 (l == &k->ports ? KVM_IOEVENTFD_FLAG_PIO : 0),
    };
    if (ioctl(k->vm, KVM_IOEVENTFD, &io) < 0 && !flags) {
        log_report("-accel kvm: a doorbell at 0x%" PRIx64 " is not the kernel's (%s): it is slower", addr,
                   g_strerror(errno)); /* the bus signals the notifier */
    }
}

static void event_add(MemoryListener *l, AddressSpace *as, hwaddr addr, const MemoryEvent *e)
{
    set_event(l->opaque, l, addr, e, 0);
}

static void event_del(MemoryListener *l, AddressSpace *as, hwaddr addr, const MemoryEvent *e)
{
    set_event(l->opaque, l, addr, e, KVM_IOEVENTFD_FLAG_DEASSIGN);
}

/* ---- life ------------------------------------------------------------------------------------------- */

void kvm_slots_init(Kvm *k)
{
    lock_init(&k->slots_lock, LOCK_KVM_SLOTS);
    lock_init(&k->late_lock, LOCK_KVM_LATE);
    k->slots = g_array_new(FALSE, TRUE, sizeof(KvmSlot));
}

void kvm_slots_listen(Kvm *k, AddressSpace *memory, AddressSpace *ports)
{
    g_assert(!k->memory.as || k->memory.as == memory);
    if (k->memory.as) {
        return;
    }
    k->memory = (MemoryListener){ .region_add = region_add,
                                  .region_del = region_del,
                                  .commit = commit,
                                  .event_add = event_add,
                                  .event_del = event_del,
                                  .dirty_sync = dirty_sync,
                                  .as = memory,
                                  .opaque = k };
    memory_listener_add(&k->memory);
    if (ports) {
        k->ports = (MemoryListener){ .region_add = ports_add,
                                     .region_del = ports_del,
                                     .event_add = event_add,
                                     .event_del = event_del,
                                     .as = ports,
                                     .opaque = k };
        memory_listener_add(&k->ports);
    }
}

void kvm_slots_finish(Kvm *k)
{
    if (k->memory.as) {
        memory_listener_remove(&k->memory);
    }
    if (k->ports.as) {
        memory_listener_remove(&k->ports);
    }
    g_array_free(k->slots, TRUE);
    lock_finish(&k->slots_lock);
    lock_finish(&k->late_lock);
}
