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

#include "hw/virtio/virtio_bell.h"
#include "hw/virtio/virtio_regs.h"
#include "hw/virtio_mmio.h"
#include "base/log.h"

enum { MAGIC_VALUE = 0x74726976, QEMU_VENDOR = 0x554d4551 };
enum { LEGACY = 1 << 0, MODERN = 1 << 1 }; /* banks */
enum { QUEUE_NOTIFY = 0x50 };

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

/* ---- registers ----------------------------------------------------------- */

/* Legacy: one page-aligned area holds the descriptors, the available ring and, aligned
 * up, the used ring (2.7.2). */
static void legacy_pfn_written(Device *dev, const RegAccess *a, uint64_t pfn)
{
    VirtioDevice *v = virtio_device(dev);
    unsigned q = a->index;
    uint64_t align = v->s.legacy_align[q], size = v->s.size[q];
    if (!pfn) { /* the driver is done with the queue */
        virtio_queue_stop(v, q);
        return;
    }
    if (!align || (align & (align - 1)) || !v->s.legacy_page_size) {
        virtio_broken(v, "queue %u: alignment %u, page size %u", q, (unsigned)align, v->s.legacy_page_size);
        return;
    }
    v->s.desc[q] = pfn * v->s.legacy_page_size;
    v->s.driver[q] = v->s.desc[q] + 16 * size;
    v->s.device[q] = (v->s.driver[q] + 4 + 2 * size + 2 + align - 1) & ~(align - 1);
    virtio_queue_enable(v, q);
}

static uint64_t queue_size_max_read(Device *dev, const RegAccess *a)
{
    return virtio_device(dev)->queue_size_max[a->index];
}

static uint64_t device_id_read(Device *dev, const RegAccess *a)
{
    return virtio_device(dev)->ops->id;
}

static void queue_ready_write(Device *dev, const RegAccess *a, uint64_t value)
{
    VirtioDevice *v = virtio_device(dev);
    if (value & 1) {
        virtio_queue_enable(v, a->index);
    } else if (v->s.enabled[a->index] || v->ending) {
        virtio_queue_stop(v, a->index); /* 4.2.2.2: a driver that reads zero back has its buffers again */
    }
}

static void queue_notify_write(Device *dev, const RegAccess *a, uint64_t value)
{
    virtio_notify(virtio_device(dev), value & 0xffff);
}

static void interrupt_ack_write(Device *dev, const RegAccess *a, uint64_t value)
{
    VirtioDevice *v = virtio_device(dev);
    v->s.isr &= ~value;
    mmio_drive_line(v->transport.opaque);
}

static unsigned mmio_bank(Device *dev)
{
    return virtio_device(dev)->transport.legacy ? 0 : 1;
}

#define V VirtioDevice
#define OF_QUEUE .element = virtio_reg_queue
/* clang-format off */
static const Reg rows[] = {
    { "magic",                  0x000, 4, REG_RO, .constant = MAGIC_VALUE },
    { "version",                0x004, 4, REG_RO, .constant = 1, .banks = LEGACY },
    { "version",                0x004, 4, REG_RO, .constant = 2, .banks = MODERN },
    { "device-id",              0x008, 4, REG_RO, .read = device_id_read },
    { "vendor-id",              0x00c, 4, REG_RO, .constant = QEMU_VENDOR },
    { "device-features",        0x010, 4, REG_RO, .read = virtio_reg_device_features },
    { "device-features-select", 0x014, 4, REG_WO, REG_STATE(V, s.feature_select[0]), .rw = UINT32_MAX },
    { "driver-features",        0x020, 4, REG_WO, .write = virtio_reg_set_features },
    { "driver-features-select", 0x024, 4, REG_WO, REG_STATE(V, s.feature_select[1]), .rw = UINT32_MAX },
    { "guest-page-size",        0x028, 4, REG_WO, REG_STATE(V, s.legacy_page_size), .rw = UINT32_MAX, .banks = LEGACY },
    { "queue-select",           0x030, 4, REG_WO, REG_STATE(V, s.queue_select), .rw = UINT32_MAX },
    { "queue-size-max",         0x034, 4, REG_RO, .read = queue_size_max_read, OF_QUEUE },
    { "queue-size",             0x038, 4, REG_WO, .write = virtio_reg_set_queue_size, OF_QUEUE },
    { "queue-align",            0x03c, 4, REG_WO, REG_STATE(V, s.legacy_align[0]), .rw = UINT32_MAX, .banks = LEGACY, OF_QUEUE },
    { "queue-pfn",              0x040, 4, REG_STATE(V, s.legacy_pfn[0]), .rw = UINT32_MAX, .write = legacy_pfn_written, .banks = LEGACY, OF_QUEUE },
    { "queue-ready",            0x044, 4, REG_STATE(V, s.enabled[0]), .write = queue_ready_write, .banks = MODERN, OF_QUEUE },
    { "queue-notify",           QUEUE_NOTIFY, 4, REG_WO, .write = queue_notify_write },
    { "interrupt-status",       0x060, 4, REG_RO, REG_STATE(V, s.isr), .bits = virtio_reg_isr_bits },
    { "interrupt-ack",          0x064, 4, REG_WO, .write = interrupt_ack_write, .bits = virtio_reg_isr_bits },
    { "status",                 0x070, 4, REG_STATE(V, s.status), .write = virtio_reg_set_status, .bits = virtio_reg_status_bits },
    { "queue-desc",             0x080, 8, REG_WO, REG_STATE(V, s.desc[0]), .part = 4, .write = virtio_reg_set_queue_address, .banks = MODERN, OF_QUEUE },
    { "queue-driver",           0x090, 8, REG_WO, REG_STATE(V, s.driver[0]), .part = 4, .write = virtio_reg_set_queue_address, .banks = MODERN, OF_QUEUE },
    { "queue-device",           0x0a0, 8, REG_WO, REG_STATE(V, s.device[0]), .part = 4, .write = virtio_reg_set_queue_address, .banks = MODERN, OF_QUEUE },
    { "shm-select",             0x0ac, 4, REG_WO, .ignored = UINT32_MAX, .banks = MODERN },
    { "shm-length",             0x0b0, 8, REG_RO, .constant = UINT64_MAX, .part = 4, .banks = MODERN }, /* no such region */
    { "shm-base",               0x0b8, 8, REG_RO, .constant = UINT64_MAX, .part = 4, .banks = MODERN },
    { "config-generation",      0x0fc, 4, REG_RO, REG_STATE(V, s.config_generation), .banks = MODERN },
    { "config",                 0x100, VIRTIO_MMIO_SIZE - 0x100, .bytes = true, .read = virtio_reg_config, .write = virtio_reg_set_config },
    { NULL },
};
static const RegTable mmio_regs = {
    rows, .min = 1, .max = 8, .unaligned = true, .rule = REG_WHOLE, .bank = mmio_bank
};

/* An empty slot: device 0. */
static unsigned empty_bank(Device *dev)
{
    return container_of(dev, VirtioMmio, dev)->legacy ? 0 : 1;
}

static const Reg empty_rows[] = {
    { "magic",     0x000, 4, REG_RO, .constant = MAGIC_VALUE },
    { "version",   0x004, 4, REG_RO, .constant = 1, .banks = LEGACY },
    { "version",   0x004, 4, REG_RO, .constant = 2, .banks = MODERN },
    { "device-id", 0x008, 4, REG_RO, .constant = 0 },
    { "vendor-id", 0x00c, 4, REG_RO, .constant = QEMU_VENDOR },
    { NULL },
};
/* clang-format on */
static const RegTable empty_regs = { empty_rows,        .min = 1,      .max = 8,          .unaligned = true,
                                     .rule = REG_WHOLE, .quiet = true, .bank = empty_bank };

/* ---- the device ---------------------------------------------------------- */

static MemoryRegion *doorbell(void *opaque, unsigned queue, MemoryEvent *e)
{
    VirtioMmio *t = opaque;
    e->offset = QUEUE_NOTIFY;
    e->size = 4; /* 4.2.2 */
    e->match = true;
    e->value = queue;
    return &t->regs.mr;
}

static bool mmio_attach(Bus *bus, Device *dev, GError **err)
{
    VirtioMmio *t = container_of(bus->owner, VirtioMmio, dev);
    VirtioDevice *v = virtio_device(dev);
    v->transport = (VirtioTransport){ .interrupt = mmio_interrupt,
                                      .refresh = mmio_drive_line,
                                      .doorbell = doorbell,
                                      .opaque = t,
                                      .legacy = t->legacy };
    device_share_lock(dev, &t->dev);
    return true;
}

static void mmio_show(Bus *bus, Device *dev)
{
    VirtioMmio *t = container_of(bus->owner, VirtioMmio, dev);
    reg_file_show(&t->regs, dev, &mmio_regs);
}

static void mmio_detach(Bus *bus, Device *dev)
{
    VirtioMmio *t = container_of(bus->owner, VirtioMmio, dev);
    reg_file_show(&t->regs, &t->dev, &empty_regs);
    virtio_bell_hang(virtio_device(dev), false);
    virtio_device(dev)->transport = (VirtioTransport){ 0 };
    irq_lower(&t->irq);
}

static bool mmio_realize(Device *dev, GError **err)
{
    VirtioMmio *t = container_of(dev, VirtioMmio, dev);
    g_autofree char *name = g_strdup_printf("virtio-mmio-bus.%u", t->index);
    reg_file_init(&t->regs, dev, &empty_regs, "virtio-mmio", VIRTIO_MMIO_SIZE);
    t->bus = virtio_bus_new(dev, name);
    t->bus->attach = mmio_attach;
    t->bus->show = mmio_show;
    t->bus->detach = mmio_detach;
    return true;
}

static void mmio_unrealize(Device *dev)
{
    VirtioMmio *t = container_of(dev, VirtioMmio, dev);
    reg_file_finish(&t->regs);
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
