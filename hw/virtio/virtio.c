/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What all virtio devices share: status, features, configuration, reset.
 * Spec: VIRTIO 1.x, sections 2.1 to 2.5, 3.1 (device initialization), 2.4.1 (legacy
 * interface).
 *
 * Not modelled: see hw/virtio.h. */
#include "hw/virtio.h"

#include <stdarg.h>
#include <string.h>
#include <glib.h>

#include "base/log.h"
#include "hw/virtio/virtio_bell.h"

/* What a loaded state's driver has rung for may have been on its way. */
static void virtio_class_refresh(Device *dev)
{
    VirtioDevice *v = virtio_device(dev);
    if (v->transport.refresh) {
        v->transport.refresh(v->transport.opaque);
    }
    virtio_bell_hang(v, true);
    for (unsigned q = 0; q < v->queue_count && virtio_running(v); q++) {
        virtio_notify_later(v, q);
    }
}

void virtio_broken(VirtioDevice *v, const char *fmt, ...)
{
    if (v->s.broken) {
        return;
    }
    va_list ap;
    va_start(ap, fmt);
    g_autofree char *what = g_strdup_vprintf(fmt, ap);
    va_end(ap);
    log_guest_error("%s: %s: the device stops until it is reset", v->dev.path, what);
    v->s.broken = 1;
    if (virtio_has(v, VIRTIO_F_VERSION_1)) {
        v->s.status |= VIRTIO_STATUS_NEEDS_RESET;
        virtio_config_changed(v);
    }
}

/* ---- work in turns ------------------------------------------------------- */

/* In the loop, or in the main loop when the machine goes on; under the device's lock. */
static void later_run(void *opaque)
{
    VirtioDevice *v = opaque;
    lock_assert_held(v->dev.lock);
    if (!clock_virtual_runs(device_clock(&v->dev))) {
        timer_set_deadline(v->later_timer, clock_get_ns(device_clock(&v->dev), CLK_VIRTUAL));
        return;
    }
    uint64_t queues = v->later;
    v->later = 0;
    for (unsigned q = 0; q < v->queue_count; q++) {
        if (queues >> q & 1) {
            virtio_notify(v, q);
        }
    }
}

void virtio_notify_later(VirtioDevice *v, unsigned q)
{
    lock_assert_held(v->dev.lock);
    v->later |= 1ull << q;
    bh_schedule(v->later_bh);
}

bool virtio_waits(VirtioDevice *v, unsigned q)
{
    bool waits = !clock_virtual_runs(device_clock(&v->dev));
    if (waits) {
        virtio_notify_later(v, q);
    }
    return waits;
}

VirtioTurn virtio_turn(VirtioDevice *v, unsigned q)
{
    return (VirtioTurn){ .v = v, .queue = q, .left = VIRTIO_TURN_BUDGET };
}

bool virtio_turn_goes_on(VirtioTurn *t, uint64_t cost)
{
    if (t->left <= 0) {
        virtio_notify_later(t->v, t->queue);
        return false;
    }
    t->left -= MIN(cost, INT64_MAX);
    return true;
}

/* ---- life ---------------------------------------------------------------- */

EventLoop *virtio_loop(const VirtioDevice *v)
{
    return v->loop ? v->loop : device_loop(&v->dev);
}

static void enter_loop(void *opaque)
{
    VirtioDevice *v = opaque;
    v->later_bh = bh_new(virtio_loop(v), v->dev.lock, later_run, v);
    virtio_bell_init(v);
}

/* Nothing of the device runs in its loop from here on. */
static void leave_loop(void *opaque)
{
    VirtioDevice *v = opaque;
    virtio_bell_finish(v);
    bh_free(v->later_bh);
}

void virtio_init(VirtioDevice *v, const VirtioOps *ops)
{
    g_assert(ops->config_size <= VIRTIO_MAX_CONFIG);
    v->ops = ops;
    v->queue_count = 0;
    v->later = 0;
    v->later_timer = timer_new(device_clock(&v->dev), CLK_VIRTUAL, v->dev.lock, later_run, v);
    event_loop_call(virtio_loop(v), enter_loop, v);
}

void virtio_finish(VirtioDevice *v)
{
    event_loop_call(virtio_loop(v), leave_loop, v);
    timer_free(v->later_timer);
}

unsigned virtio_add_queue(VirtioDevice *v, uint16_t size)
{
    g_assert(v->queue_count < VIRTIO_MAX_QUEUES && size && size <= VIRTIO_MAX_QUEUE_SIZE);
    v->queue_size_max[v->queue_count] = size;
    return v->queue_count++;
}

void virtio_config_changed(VirtioDevice *v)
{
    v->s.config_generation++;
    if ((v->s.status & VIRTIO_STATUS_DRIVER_OK) && v->transport.interrupt) {
        v->s.isr |= VIRTIO_ISR_CONFIG;
        v->transport.interrupt(v->transport.opaque, -1);
    }
}

uint64_t virtio_offered_features(VirtioDevice *v)
{
    uint64_t f = v->ops->features ? v->ops->features(v) : 0;
    f |= v->indirect ? 1ull << VIRTIO_F_INDIRECT_DESC : 0;
    f |= v->event_idx ? 1ull << VIRTIO_F_EVENT_IDX : 0;
    if (v->transport.legacy) {
        return f | 1ull << VIRTIO_F_ANY_LAYOUT | 1ull << VIRTIO_F_NOTIFY_ON_EMPTY;
    }
    return f | 1ull << VIRTIO_F_VERSION_1;
}

void virtio_set_features(VirtioDevice *v, unsigned half, uint32_t bits)
{
    uint32_t offered = virtio_offered_features(v) >> (32 * half);
    if (v->s.status & (VIRTIO_STATUS_FEATURES_OK | VIRTIO_STATUS_DRIVER_OK)) {
        log_guest_error("%s: features written when they are settled", v->dev.path);
        return;
    }
    v->s.refused[half] = (bits & ~offered) != 0;
    if (v->s.refused[half]) {
        log_guest_error("%s: the driver took features that are not offered: bits 0x%x of half %u",
                        v->dev.path, bits & ~offered, half);
    }
    uint64_t keep = v->s.features & ~((uint64_t)UINT32_MAX << (32 * half));
    v->s.features = keep | (uint64_t)(bits & offered) << (32 * half);
}

static void reset_queue(VirtioDevice *v, unsigned q)
{
    v->later &= ~(1ull << q);
    v->s.enabled[q] = 0;
    v->s.last_avail[q] = v->s.used_idx[q] = v->s.signalled[q] = v->s.in_use[q] = 0;
    v->s.desc[q] = v->s.driver[q] = v->s.device[q] = 0;
    v->s.size[q] = v->queue_size_max[q];
    v->s.legacy_pfn[q] = 0;
    v->s.legacy_align[q] = 0;
    v->s.vector[q] = VIRTIO_NO_VECTOR;
}

/* True: nothing is under way.  False: it has begun to end, and the write that wants it comes again. */
static bool quiesce(VirtioDevice *v)
{
    v->waited_for = v->ops->quiesce && !v->ops->quiesce(v);
    if (v->waited_for) {
        memory_write_again();
    }
    return !v->waited_for;
}

void virtio_idle(VirtioDevice *v)
{
    if (v->waited_for) {
        v->waited_for = false;
        memory_retry();
    }
}

void virtio_queue_stop(VirtioDevice *v, unsigned q)
{
    bool waited = v->ending;
    v->s.enabled[q] = 0; /* what has been taken is not given back: the driver may have forgotten it */
    v->ending = !quiesce(v);
    if (v->ending) {
        return;
    }
    reset_queue(v, q);
    virtio_bell_hang(v, true);
    for (unsigned other = 0; other < v->queue_count && waited; other++) {
        virtio_notify_later(v, other); /* its doorbell may have rung meanwhile */
    }
}

void virtio_block_dma(VirtioDevice *v, bool blocked)
{
    if (v->dma_blocked == blocked) {
        return;
    }
    v->ending = blocked && !quiesce(v); /* what has been taken is still given back */
    if (v->ending) {
        return;
    }
    v->dma_blocked = blocked;
    for (unsigned q = 0; q < v->queue_count && !blocked; q++) {
        virtio_notify(v, q);
    }
}

void virtio_reset(VirtioDevice *v)
{
    /* The driver has let go of its buffers: nothing new is taken, what is under way ends first. */
    v->s.status &= ~VIRTIO_STATUS_DRIVER_OK;
    if (!quiesce(v)) {
        return;
    }
    for (unsigned q = 0; q < VIRTIO_MAX_QUEUES; q++) {
        reset_queue(v, q);
    }
    v->ending = false;
    v->s.status = v->s.isr = v->s.broken = 0;
    v->s.refused[0] = v->s.refused[1] = 0;
    v->s.features = 0;
    v->s.config_vector = VIRTIO_NO_VECTOR;
    v->s.queue_select = v->s.feature_select[0] = v->s.feature_select[1] = 0;
    if (v->ops->set_status) {
        v->ops->set_status(v, 0);
    }
    virtio_class_refresh(&v->dev);
}

/* The driver says that its choice is made.  A modern device may refuse one who did not take
 * VERSION_1 (6.1), but drivers that know feature word 0 only expect to be taken, as
 * QEMU does: docs/drivers-from-qemu.md says what they get. */
static void settle_features(VirtioDevice *v, uint8_t *status)
{
    if (v->s.refused[0] || v->s.refused[1]) {
        *status &= ~VIRTIO_STATUS_FEATURES_OK; /* 2.2.2 */
    } else if (!v->transport.legacy && !virtio_has(v, VIRTIO_F_VERSION_1)) {
        log_guest_error("%s: the driver did not take VERSION_1 and is served as a legacy one", v->dev.path);
    }
}

void virtio_set_status(VirtioDevice *v, uint8_t status)
{
    if (!status) {
        virtio_reset(v);
        return;
    }
    if (status & ~v->s.status & VIRTIO_STATUS_FEATURES_OK) {
        settle_features(v, &status);
    }
    uint8_t added = status & ~v->s.status;
    v->s.status = status | (v->s.status & VIRTIO_STATUS_NEEDS_RESET);
    if (v->ops->set_status) {
        v->ops->set_status(v, v->s.status);
    }
    virtio_bell_hang(v, true);
    for (unsigned q = 0; q < v->queue_count && (added & VIRTIO_STATUS_DRIVER_OK); q++) {
        virtio_notify(v, q); /* legacy drivers (3.1.2) may have rung before */
    }
}

void virtio_queue_set_size(VirtioDevice *v, unsigned q, uint32_t size)
{
    if (v->s.enabled[q] || size > v->queue_size_max[q]) {
        log_guest_error("%s: queue %u cannot have %u entries%s (at most %u)", v->dev.path, q, size,
                        v->s.enabled[q] ? " while it is in use" : "", v->queue_size_max[q]);
        return;
    }
    v->s.size[q] = size;
}

void virtio_queue_enable(VirtioDevice *v, unsigned q)
{
    uint16_t size = v->s.size[q];
    if (!size || (size & (size - 1)) || size > v->queue_size_max[q]) {
        virtio_broken(v, "queue %u: size %u is not a power of two up to %u", q, size, v->queue_size_max[q]);
        return;
    }
    v->s.enabled[q] = 1;
    virtio_bell_hang(v, true);
}

void virtio_notify(VirtioDevice *v, unsigned q)
{
    if (q >= v->queue_count) {
        log_guest_error("%s: doorbell of queue %u, there are %u", v->dev.path, q, v->queue_count);
        return;
    }
    if (virtio_running(v) && v->s.enabled[q]) {
        v->ops->notify(v, q);
    }
}

void virtio_read_config(VirtioDevice *v, unsigned offset, unsigned size, uint64_t *value)
{
    uint8_t config[VIRTIO_MAX_CONFIG + 8] = { 0 };
    *value = 0;
    if (offset >= v->ops->config_size || size > sizeof(*value)) {
        return;
    }
    v->ops->get_config(v, config);
    memset(config + v->ops->config_size, 0, sizeof(config) - v->ops->config_size);
    memcpy(value, config + offset, size); /* little endian host: checked by the build */
}

void virtio_write_config(VirtioDevice *v, unsigned offset, unsigned size, uint64_t value)
{
    if ((uint64_t)offset + size > v->ops->config_size || !v->ops->set_config) {
        log_guest_error("%s: write to read-only configuration at %u", v->dev.path, offset);
        return;
    }
    uint8_t bytes[8];
    memcpy(bytes, &value, sizeof(bytes));
    v->ops->set_config(v, offset, bytes, size);
}

/* ---- the class that the others are derived from -------------------------- */

static void virtio_class_reset(Device *dev)
{
    virtio_reset(virtio_device(dev));
}

static bool virtio_class_loaded(Device *dev, GError **err)
{
    VirtioDevice *v = virtio_device(dev);
    for (unsigned q = 0; q < VIRTIO_MAX_QUEUES; q++) {
        uint16_t size = v->s.size[q];
        bool exists = q < v->queue_count;
        if (size > (exists ? v->queue_size_max[q] : 0) || v->s.in_use[q] > size ||
            (v->s.enabled[q] && (!size || (size & (size - 1))))) {
            g_set_error(err, G_FILE_ERROR, G_FILE_ERROR_INVAL, "%s: queue %u of size %u cannot be", dev->path,
                        q, size);
            return false;
        }
    }
    return true;
}

#define V VirtioDevice
/* clang-format off */
static const Field virtio_state[] = {
    STATE_U8(V, status), STATE_U8(V, isr), STATE_U8(V, broken), STATE_U8(V, refused),
    STATE_U8(V, enabled, .max = 1),
    STATE_U16(V, last_avail), STATE_U16(V, used_idx), STATE_U16(V, signalled), STATE_U16(V, size),
    STATE_U16(V, in_use), STATE_U64(V, features), STATE_U64(V, desc), STATE_U64(V, driver),
    STATE_U64(V, device), STATE_U32(V, config_generation), STATE_U32(V, feature_select),
    STATE_U32(V, queue_select), STATE_U32(V, legacy_page_size), STATE_U32(V, legacy_align),
    STATE_U32(V, legacy_pfn), STATE_U16(V, config_vector, .since = 1, .reset = VIRTIO_NO_VECTOR),
    STATE_U16(V, vector, .since = 1, .reset = VIRTIO_NO_VECTOR), { 0 },
};
/* clang-format on */

static const Prop virtio_props[] = {
    { "indirect_desc", PROP_BOOL, offsetof(V, indirect), "offer indirect descriptors", .def = 1 },
    { "event_idx", PROP_BOOL, offsetof(V, event_idx), "offer event indices", .def = 1 },
    { "ioeventfd", PROP_ON_OFF_AUTO, offsetof(V, ioeventfd),
      "doorbells are events, so that a vCPU that rings goes on; auto: where the accelerator has use for them (kvm)" },
    PROP_ONLY_OFF("iommu_platform", "no IOMMU is built"),
    PROP_ONLY_OFF("packed", "packed queues are not built"),
    PROP_ONLY_OFF("queue_reset", "a reset of one queue is not built"),
    PROP_ONLY_OFF("in_order", "requests may end in any order"),
    PROP_ONLY_ON("any_layout", "buffers may be split in any way"),
    PROP_ONLY_ON("notify_on_empty", "it is offered to every legacy driver"),
    { 0 },
};

const DeviceClass virtio_device_class = {
    .name = "virtio-device",
    .desc = "base of all virtio devices",
    .bus = "virtio-bus",
    .size = sizeof(VirtioDevice),
    .props = virtio_props,
    .state = virtio_state,
    .state_offset = offsetof(V, s),
    .state_size = sizeof(((V *)0)->s),
    .version = 1,
    .reset = virtio_class_reset,
    .refresh = virtio_class_refresh,
    .loaded = virtio_class_loaded,
};

/* ---- the bus ------------------------------------------------------------- */

Bus *virtio_bus_new(Device *transport, const char *name)
{
    Bus *bus = bus_new(transport->machine, transport, "virtio-bus", name);
    bus->capacity = 1;
    return bus;
}

VirtioDevice *virtio_bus_device(Bus *bus)
{
    Device *dev = bus->devices->len ? g_ptr_array_index(bus->devices, 0) : NULL;
    return dev && dev->realized ? virtio_device(dev) : NULL;
}
