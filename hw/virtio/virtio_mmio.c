/* SPDX-License-Identifier: GPL-2.0-or-later */
/* virtio over MMIO: 512 bytes of registers and one interrupt line.
 * Spec: VIRTIO 1.x, section 4.2 (transport-mmio.tex), 4.2.4 for the legacy interface
 * (version 1, QEMU's default: `-global virtio-mmio.force-legacy=false` for version 2).
 *
 * The registers are those of the device that is plugged in and guarded by its lock; an
 * empty slot reads as device 0.
 *
 * Not modelled: shared memory regions (length reads as all ones, as specified). */
#include "hw/virtio.h"

#include <string.h>

#include "hw/virtio_mmio.h"
#include "base/log.h"

/* Register offsets (4.2.2, 4.2.4) */
/* clang-format off */
enum {
    MAGIC = 0x000, VERSION = 0x004, DEVICE_ID = 0x008, VENDOR_ID = 0x00c,
    DEVICE_FEATURES = 0x010, DEVICE_FEATURES_SEL = 0x014,
    DRIVER_FEATURES = 0x020, DRIVER_FEATURES_SEL = 0x024, LEGACY_PAGE_SIZE = 0x028,
    QUEUE_SEL = 0x030, QUEUE_NUM_MAX = 0x034, QUEUE_NUM = 0x038, LEGACY_QUEUE_ALIGN = 0x03c,
    LEGACY_QUEUE_PFN = 0x040, QUEUE_READY = 0x044, QUEUE_NOTIFY = 0x050,
    INTERRUPT_STATUS = 0x060, INTERRUPT_ACK = 0x064, STATUS = 0x070,
    QUEUE_DESC_LOW = 0x080, QUEUE_DESC_HIGH = 0x084, QUEUE_DRIVER_LOW = 0x090,
    QUEUE_DRIVER_HIGH = 0x094, QUEUE_DEVICE_LOW = 0x0a0, QUEUE_DEVICE_HIGH = 0x0a4,
    SHM_LEN_LOW = 0x0b0, SHM_LEN_HIGH = 0x0b4, SHM_BASE_LOW = 0x0b8, SHM_BASE_HIGH = 0x0bc,
    CONFIG_GENERATION = 0x0fc, CONFIG = 0x100,
};
/* clang-format on */
enum { MAGIC_VALUE = 0x74726976, QEMU_VENDOR = 0x554d4551 };

static void mmio_interrupt(void *opaque, int queue)
{
    VirtioMmio *t = opaque;
    irq_request(&t->irq); /* a driver may not have acknowledged the last one, and never do so */
}

static void mmio_drive_line(void *opaque)
{
    VirtioMmio *t = opaque;
    VirtioDevice *v = virtio_bus_device(t->bus);
    irq_set(&t->irq, v && v->s.isr);
}

static uint64_t empty_slot_read(VirtioMmio *t, hwaddr off)
{
    switch (off) {
    case MAGIC: return MAGIC_VALUE;
    case VERSION: return t->legacy ? 1 : 2;
    case VENDOR_ID: return QEMU_VENDOR;
    default: return 0;
    }
}

static uint32_t legacy_read(VirtioDevice *v, hwaddr off)
{
    unsigned q = v->s.queue_select;
    return off == LEGACY_QUEUE_PFN && q < v->queue_count ? v->s.legacy_pfn[q] : 0;
}

static uint32_t modern_read(VirtioDevice *v, hwaddr off)
{
    unsigned q = v->s.queue_select;
    switch (off) {
    case QUEUE_READY: return q < v->queue_count && v->s.enabled[q];
    case SHM_LEN_LOW:
    case SHM_LEN_HIGH:
    case SHM_BASE_LOW:
    case SHM_BASE_HIGH: return UINT32_MAX; /* no such region */
    case CONFIG_GENERATION: return v->s.config_generation;
    default: return 0;
    }
}

static uint32_t reg_read(VirtioMmio *t, VirtioDevice *v, hwaddr off)
{
    switch (off) {
    case MAGIC:
    case VERSION:
    case VENDOR_ID: return empty_slot_read(t, off);
    case DEVICE_ID: return v->ops->id;
    case DEVICE_FEATURES:
        return v->s.feature_select[0] > 1 ? 0 : virtio_offered_features(v) >> (32 * v->s.feature_select[0]);
    case QUEUE_NUM_MAX: return v->s.queue_select < v->queue_count ? v->queue_size_max[v->s.queue_select] : 0;
    case INTERRUPT_STATUS: return v->s.isr;
    case STATUS: return v->s.status;
    default: return t->legacy ? legacy_read(v, off) : modern_read(v, off);
    }
}

/* Legacy: one page-aligned area holds the descriptors, the available ring and, aligned
 * up, the used ring (2.7.2). */
static void legacy_set_pfn(VirtioDevice *v, unsigned q, uint32_t pfn)
{
    uint64_t align = v->s.legacy_align[q], size = v->s.size[q];
    v->s.legacy_pfn[q] = pfn;
    if (!pfn) { /* the driver is done with the queue */
        virtio_queue_stop(v, q);
        return;
    }
    if (!align || (align & (align - 1)) || !v->s.legacy_page_size) {
        virtio_broken(v, "queue %u: alignment %u, page size %u", q, (unsigned)align, v->s.legacy_page_size);
        return;
    }
    v->s.desc[q] = (uint64_t)pfn * v->s.legacy_page_size;
    v->s.driver[q] = v->s.desc[q] + 16 * size;
    v->s.device[q] = (v->s.driver[q] + 4 + 2 * size + 2 + align - 1) & ~(align - 1);
    virtio_queue_enable(v, q);
}

static void legacy_write(VirtioDevice *v, hwaddr off, uint32_t value)
{
    unsigned q = v->s.queue_select;
    if (off == LEGACY_PAGE_SIZE) {
        v->s.legacy_page_size = value;
    } else if (off == LEGACY_QUEUE_ALIGN && q < v->queue_count) {
        v->s.legacy_align[q] = value;
    } else if (off == LEGACY_QUEUE_PFN && q < v->queue_count) {
        legacy_set_pfn(v, q, value);
    } else {
        log_guest_error("%s: legacy write to register 0x%x", v->dev.path, (unsigned)off);
    }
}

static uint64_t *queue_address(VirtioDevice *v, hwaddr off)
{
    unsigned q = v->s.queue_select;
    return off < QUEUE_DRIVER_LOW   ? &v->s.desc[q]
           : off < QUEUE_DEVICE_LOW ? &v->s.driver[q]
                                    : &v->s.device[q];
}

static void modern_write(VirtioDevice *v, hwaddr off, uint32_t value)
{
    unsigned q = v->s.queue_select;
    if (q >= v->queue_count || off < QUEUE_READY || off > QUEUE_DEVICE_HIGH) {
        log_guest_error("%s: write to register 0x%x (queue %u)", v->dev.path, (unsigned)off, q);
        return;
    }
    if (off == QUEUE_READY) {
        if (value & 1) {
            virtio_queue_enable(v, q);
        } else if (v->s.enabled[q]) {
            virtio_queue_stop(v, q); /* 4.2.2.2: a driver that reads zero back has its buffers again */
        }
        return;
    }
    if (off < QUEUE_DESC_LOW || (off & 0xf) > 4) {
        log_guest_error("%s: write to register 0x%x", v->dev.path, (unsigned)off);
        return;
    }
    if (v->s.enabled[q]) {
        log_guest_error("%s: queue %u moved while it is ready", v->dev.path, q);
        return;
    }
    uint64_t *addr = queue_address(v, off);
    *addr = off & 4 ? (*addr & UINT32_MAX) | (uint64_t)value << 32 : (*addr & ~(uint64_t)UINT32_MAX) | value;
}

static void driver_features_write(VirtioDevice *v, uint32_t value)
{
    unsigned sel = v->s.feature_select[1];
    if (sel > 1) {
        if (value) {
            log_guest_error("%s: features past bit 63", v->dev.path);
        }
        return;
    }
    virtio_set_features(v, sel, value);
}

static void reg_write(VirtioMmio *t, VirtioDevice *v, hwaddr off, uint32_t value)
{
    switch (off) {
    case DEVICE_FEATURES_SEL: v->s.feature_select[0] = value; break;
    case DRIVER_FEATURES_SEL: v->s.feature_select[1] = value; break;
    case DRIVER_FEATURES: driver_features_write(v, value); break;
    case QUEUE_SEL: v->s.queue_select = value; break;
    case QUEUE_NUM:
        if (v->s.queue_select < v->queue_count) {
            virtio_queue_set_size(v, v->s.queue_select, value);
        }
        break;
    case QUEUE_NOTIFY: virtio_notify(v, value & 0xffff); break;
    case INTERRUPT_ACK:
        v->s.isr &= ~value;
        mmio_drive_line(t);
        break;
    case STATUS: virtio_set_status(v, value); break;
    default: t->legacy ? legacy_write(v, off, value) : modern_write(v, off, value);
    }
}

static BusResult mmio_read(void *opaque, hwaddr off, unsigned size, uint64_t *value)
{
    VirtioMmio *t = opaque;
    VirtioDevice *v = virtio_bus_device(t->bus);
    if (off >= CONFIG && v) {
        virtio_read_config(v, off - CONFIG, size, value);
    } else if (size != 4 || (off & 3)) {
        log_guest_error("%s: %u-byte read of register 0x%x", t->dev.path, size, (unsigned)off);
        *value = 0;
    } else {
        *value = v ? reg_read(t, v, off) : empty_slot_read(t, off);
    }
    return BUS_OK;
}

static BusResult mmio_write(void *opaque, hwaddr off, unsigned size, uint64_t value)
{
    VirtioMmio *t = opaque;
    VirtioDevice *v = virtio_bus_device(t->bus);
    if (!v) {
        return BUS_OK; /* an empty slot */
    }
    if (off >= CONFIG) {
        virtio_write_config(v, off - CONFIG, size, value);
    } else if (size != 4 || (off & 3)) {
        log_guest_error("%s: %u-byte write of register 0x%x", t->dev.path, size, (unsigned)off);
    } else {
        reg_write(t, v, off, value);
    }
    return BUS_OK;
}

static const IoOps mmio_ops = {
    .read = mmio_read, .write = mmio_write, .min = 1, .max = 8, .unaligned = true
};

/* ---- the device ---------------------------------------------------------- */

static bool mmio_attach(Bus *bus, Device *dev, GError **err)
{
    VirtioMmio *t = container_of(bus->owner, VirtioMmio, dev);
    VirtioDevice *v = virtio_device(dev);
    v->transport = (VirtioTransport){
        .interrupt = mmio_interrupt, .refresh = mmio_drive_line, .opaque = t, .legacy = t->legacy
    };
    device_share_lock(dev, &t->dev);
    return true;
}

static void mmio_detach(Bus *bus, Device *dev)
{
    VirtioMmio *t = container_of(bus->owner, VirtioMmio, dev);
    virtio_device(dev)->transport = (VirtioTransport){ 0 };
    irq_lower(&t->irq);
}

static bool mmio_realize(Device *dev, GError **err)
{
    VirtioMmio *t = container_of(dev, VirtioMmio, dev);
    g_autofree char *name = g_strdup_printf("virtio-mmio-bus.%u", t->index);
    memory_region_init_io(&t->mmio, &dev->regions, &mmio_ops, t, "virtio-mmio", VIRTIO_MMIO_SIZE);
    t->bus = virtio_bus_new(dev, name);
    t->bus->attach = mmio_attach;
    t->bus->detach = mmio_detach;
    return true;
}

static void mmio_unrealize(Device *dev)
{
    VirtioMmio *t = container_of(dev, VirtioMmio, dev);
    if (t->mmio.parent) {
        memory_region_remove(t->mmio.parent, &t->mmio);
    }
    memory_region_finish(&t->mmio);
}

static const Prop mmio_props[] = {
    { "force-legacy", PROP_BOOL, offsetof(VirtioMmio, legacy), "present version 1 of the registers",
      .def = 1 },
    { "index", PROP_U32, offsetof(VirtioMmio, index), "number of the slot" },
    { 0 },
};

const DeviceClass virtio_mmio_class = {
    .name = "virtio-mmio",
    .desc = "virtio transport over MMIO",
    .category = "Misc",
    .size = sizeof(VirtioMmio),
    .props = mmio_props,
    .realize = mmio_realize,
    .unrealize = mmio_unrealize,
};
