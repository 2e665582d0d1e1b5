/* SPDX-License-Identifier: GPL-2.0-or-later */
/* virtio over PCI: a function whose BAR 4 holds the registers of the virtio device inside.
 * Spec: VIRTIO 1.x, section 4.1 (transport-pci.tex).
 *
 * The virtio device is the function's inner device, on a bus of their own: the same models as
 * over MMIO, one lock for both.
 *
 * Not modelled: the transitional interface (device IDs 0x1000 and up, an I/O BAR), MSI-X
 * (see hw/pci.h; its vectors read as "none"), shared memory capabilities. */
#include "hw/virtio.h"

#include <gio/gio.h>
#include <string.h>

#include "hw/pci.h"
#include "base/log.h"

enum { CFG_COMMON = 1, CFG_NOTIFY = 2, CFG_ISR = 3, CFG_DEVICE = 4, CFG_PCI = 5 };
enum { REGISTER_BAR = 4, PART_BYTES = 0x1000, BAR_BYTES = 4 * PART_BYTES, NOTIFY_MULTIPLIER = 4 };
enum { AT_COMMON = 0, AT_ISR = PART_BYTES, AT_DEVICE = 2 * PART_BYTES, AT_NOTIFY = 3 * PART_BYTES };
enum { VENDOR = 0x1af4, DEVICE_ID_BASE = 0x1040, SUBSYSTEM = 0x1100, NO_VECTOR = 0xffff };

/* struct virtio_pci_cap (4.1.4) */
typedef struct PciCap {
    uint8_t vndr, next, len, cfg_type, bar, id, padding[2];
    uint32_t offset, length;
} PciCap;
_Static_assert(sizeof(PciCap) == 16, "layout of 4.1.4");

/* struct virtio_pci_common_cfg (4.1.4.3) */
typedef struct CommonCfg {
    uint32_t device_feature_select, device_feature, driver_feature_select, driver_feature;
    uint16_t config_msix_vector, num_queues;
    uint8_t device_status, config_generation;
    uint16_t queue_select, queue_size, queue_msix_vector, queue_enable, queue_notify_off;
    uint32_t queue_desc[2], queue_driver[2], queue_device[2];
} CommonCfg;
_Static_assert(sizeof(CommonCfg) == 56, "layout of 4.1.4.3");

typedef struct VirtioPci {
    PCIDevice pci;
    Bus *bus;
    MemoryRegion registers;
    unsigned window; /* offset of the PCI configuration access capability */
    int disable_legacy;
    bool disable_modern;
} VirtioPci;

static VirtioDevice *inside(VirtioPci *t)
{
    return virtio_device(t->pci.dev.inner);
}

static void drive_pin(void *opaque)
{
    VirtioPci *t = opaque;
    pci_set_intx(&t->pci, inside(t)->s.isr != 0);
}

static void pci_interrupt(void *opaque, int queue)
{
    drive_pin(opaque);
}

/* ---- common configuration ------------------------------------------------ */

static void put_address(uint32_t half[2], uint64_t addr)
{
    half[0] = GUINT32_TO_LE((uint32_t)addr);
    half[1] = GUINT32_TO_LE((uint32_t)(addr >> 32));
}

static uint32_t feature_half(uint64_t features, uint32_t select)
{
    return select > 1 ? 0 : (uint32_t)(features >> (32 * select));
}

static void common_fill(VirtioDevice *v, CommonCfg *c)
{
    unsigned q = v->s.queue_select;
    *c = (CommonCfg){
        .device_feature_select = GUINT32_TO_LE(v->s.feature_select[0]),
        .device_feature = GUINT32_TO_LE(feature_half(virtio_offered_features(v), v->s.feature_select[0])),
        .driver_feature_select = GUINT32_TO_LE(v->s.feature_select[1]),
        .driver_feature = GUINT32_TO_LE(feature_half(v->s.features, v->s.feature_select[1])),
        .config_msix_vector = GUINT16_TO_LE(NO_VECTOR),
        .num_queues = GUINT16_TO_LE(v->queue_count),
        .device_status = v->s.status,
        .config_generation = (uint8_t)v->s.config_generation,
        .queue_select = GUINT16_TO_LE(q),
        .queue_msix_vector = GUINT16_TO_LE(NO_VECTOR),
    };
    if (q < v->queue_count) {
        c->queue_size = GUINT16_TO_LE(v->s.size[q]);
        c->queue_enable = GUINT16_TO_LE(v->s.enabled[q]);
        c->queue_notify_off = GUINT16_TO_LE(q);
        put_address(c->queue_desc, v->s.desc[q]);
        put_address(c->queue_driver, v->s.driver[q]);
        put_address(c->queue_device, v->s.device[q]);
    }
}

static uint64_t common_read(VirtioDevice *v, unsigned off, unsigned size)
{
    CommonCfg c;
    uint64_t value = 0;
    if (off + size <= sizeof(c)) {
        common_fill(v, &c);
        memcpy(&value, (uint8_t *)&c + off, size);
    }
    return GUINT64_FROM_LE(value);
}

static void queue_address_write(VirtioDevice *v, unsigned off, uint32_t value)
{
    unsigned q = v->s.queue_select, which = (off - offsetof(CommonCfg, queue_desc)) / 8;
    uint64_t *const rings[] = { &v->s.desc[q], &v->s.driver[q], &v->s.device[q] };
    unsigned shift = off & 4 ? 32 : 0;
    if (v->s.enabled[q]) {
        log_guest_error("%s: queue %u moved while it is enabled", v->dev.path, q);
        return;
    }
    *rings[which] = (*rings[which] & ~((uint64_t)UINT32_MAX << shift)) | (uint64_t)value << shift;
}

static void queue_write(VirtioDevice *v, unsigned off, unsigned size, uint32_t value)
{
    unsigned q = v->s.queue_select;
    if (q >= v->queue_count) {
        log_guest_error("%s: register 0x%x of queue %u, there are %u", v->dev.path, off, q, v->queue_count);
    } else if (off == offsetof(CommonCfg, queue_size) && size == 2) {
        virtio_queue_set_size(v, q, value);
    } else if (off == offsetof(CommonCfg, queue_enable) && size == 2 && value == 1) {
        virtio_queue_enable(v, q);
    } else if (off >= offsetof(CommonCfg, queue_desc) && size == 4) {
        queue_address_write(v, off, value);
    } else if (off != offsetof(CommonCfg, queue_msix_vector)) {
        log_guest_error("%s: %u-byte write of 0x%x to register 0x%x", v->dev.path, size, value, off);
    }
}

static void common_write(VirtioDevice *v, unsigned off, unsigned size, uint32_t value)
{
    if (off == offsetof(CommonCfg, device_feature_select) && size == 4) {
        v->s.feature_select[0] = value;
    } else if (off == offsetof(CommonCfg, driver_feature_select) && size == 4) {
        v->s.feature_select[1] = value;
    } else if (off == offsetof(CommonCfg, driver_feature) && size == 4 && v->s.feature_select[1] < 2) {
        virtio_set_features(v, v->s.feature_select[1], value);
    } else if (off == offsetof(CommonCfg, device_status) && size == 1) {
        virtio_set_status(v, (uint8_t)value);
    } else if (off == offsetof(CommonCfg, queue_select) && size == 2) {
        v->s.queue_select = value;
    } else if (off >= offsetof(CommonCfg, queue_size) && off < sizeof(CommonCfg)) {
        queue_write(v, off, size, value);
    } else if (off != offsetof(CommonCfg, config_msix_vector) &&
               !(off == offsetof(CommonCfg, driver_feature) && !value)) {
        log_guest_error("%s: %u-byte write of 0x%x to register 0x%x", v->dev.path, size, value, off);
    }
}

/* ---- the BAR ------------------------------------------------------------- */

static BusResult bar_read(void *opaque, hwaddr off, unsigned size, uint64_t *value)
{
    VirtioPci *t = opaque;
    VirtioDevice *v = inside(t);
    *value = 0;
    if (off < AT_ISR) {
        *value = common_read(v, (unsigned)off, size);
    } else if (off < AT_DEVICE) {
        if (off == AT_ISR) { /* 4.1.4.5: reading clears and lowers the line */
            *value = v->s.isr;
            v->s.isr = 0;
            drive_pin(t);
        }
    } else if (off < AT_NOTIFY) {
        virtio_read_config(v, (unsigned)off - AT_DEVICE, size, value);
    }
    return BUS_OK;
}

static BusResult bar_write(void *opaque, hwaddr off, unsigned size, uint64_t value)
{
    VirtioPci *t = opaque;
    VirtioDevice *v = inside(t);
    if (off < AT_ISR) {
        common_write(v, (unsigned)off, size, (uint32_t)value);
    } else if (off >= AT_NOTIFY) {
        virtio_notify(v, (unsigned)(off - AT_NOTIFY) / NOTIFY_MULTIPLIER);
    } else if (off >= AT_DEVICE) {
        virtio_write_config(v, (unsigned)off - AT_DEVICE, size, value);
    } else {
        log_guest_error("%s: write to the interrupt status", v->dev.path);
    }
    return BUS_OK;
}

static const IoOps bar_ops = { .read = bar_read, .write = bar_write, .min = 1, .max = 4 };

/* ---- the window in configuration space (4.1.4.9) ------------------------- */

/* Where the window points, if the guest has set it up soundly. */
static bool window_target(const VirtioPci *t, hwaddr *off, unsigned *size)
{
    const uint8_t *at = t->pci.s.config + t->window;
    uint32_t offset, length;
    memcpy(&offset, at + offsetof(PciCap, offset), sizeof(offset));
    memcpy(&length, at + offsetof(PciCap, length), sizeof(length));
    *off = GUINT32_FROM_LE(offset);
    *size = GUINT32_FROM_LE(length);
    return at[offsetof(PciCap, bar)] == REGISTER_BAR && (*size == 1 || *size == 2 || *size == 4) &&
           *off < BAR_BYTES && !(*off & (*size - 1));
}

static bool covers_window(const VirtioPci *t, unsigned offset, unsigned size)
{
    unsigned data = t->window + sizeof(PciCap);
    return offset < data + 4 && offset + size > data;
}

static void window_reading(PCIDevice *d, unsigned offset, unsigned size)
{
    VirtioPci *t = container_of(d, VirtioPci, pci);
    hwaddr off;
    unsigned width;
    uint64_t value = 0;
    if (!covers_window(t, offset, size)) {
        return;
    }
    if (window_target(t, &off, &width)) {
        bar_read(t, off, width, &value);
    }
    uint32_t le = GUINT32_TO_LE((uint32_t)value);
    memcpy(d->s.config + t->window + sizeof(PciCap), &le, sizeof(le));
}

static void config_written(PCIDevice *d, unsigned offset, unsigned size)
{
    VirtioPci *t = container_of(d, VirtioPci, pci);
    hwaddr off;
    unsigned width;
    virtio_block_dma(inside(t), !(pci_command(d) & PCI_COMMAND_MASTER));
    if (covers_window(t, offset, size) && window_target(t, &off, &width)) {
        uint32_t le;
        memcpy(&le, d->s.config + t->window + sizeof(PciCap), sizeof(le));
        uint32_t mask = width == 4 ? UINT32_MAX : (1u << (8 * width)) - 1;
        bar_write(t, off, width, GUINT32_FROM_LE(le) & mask);
    }
}

/* ---- life ---------------------------------------------------------------- */

static unsigned add_cap(VirtioPci *t, uint8_t type, uint32_t offset, uint32_t length, unsigned extra)
{
    unsigned at = pci_add_capability(&t->pci, PCI_CAP_VENDOR, sizeof(PciCap) + extra);
    uint8_t *c = t->pci.init + at;
    PciCap cap = { .vndr = c[0],
                   .next = c[1],
                   .len = (uint8_t)(sizeof(PciCap) + extra),
                   .cfg_type = type,
                   .bar = length ? REGISTER_BAR : 0,
                   .offset = GUINT32_TO_LE(offset),
                   .length = GUINT32_TO_LE(length) };
    memcpy(c, &cap, sizeof(cap));
    return at;
}

static void add_caps(VirtioPci *t)
{
    uint32_t multiplier = GUINT32_TO_LE(NOTIFY_MULTIPLIER);
    add_cap(t, CFG_COMMON, AT_COMMON, PART_BYTES, 0);
    add_cap(t, CFG_ISR, AT_ISR, PART_BYTES, 0);
    add_cap(t, CFG_DEVICE, AT_DEVICE, PART_BYTES, 0);
    unsigned notify = add_cap(t, CFG_NOTIFY, AT_NOTIFY, PART_BYTES, sizeof(multiplier));
    memcpy(t->pci.init + notify + sizeof(PciCap), &multiplier, sizeof(multiplier));
    t->window = add_cap(t, CFG_PCI, 0, 0, 4);
    uint8_t *mask = t->pci.wmask + t->window;
    mask[offsetof(PciCap, bar)] = 0xff;
    memset(mask + offsetof(PciCap, offset), 0xff, 4 + 4 + 4); /* offset, length, data */
}

static bool vpci_attach(Bus *bus, Device *dev, GError **err)
{
    VirtioDevice *v = virtio_device(dev);
    v->transport =
        (VirtioTransport){ .interrupt = pci_interrupt, .refresh = drive_pin, .opaque = bus->owner };
    v->dma_blocked = true; /* until the guest sets the bus master bit */
    return true;
}

static void vpci_detach(Bus *bus, Device *dev)
{
    virtio_device(dev)->transport = (VirtioTransport){ 0 };
}

static bool refuse(Device *dev, const char *what, GError **err)
{
    g_set_error(err, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
                "%s: %s: only the modern interface of virtio 1 is built; leave the option out, or use "
                "a virtio-...-device on virtio-mmio for a legacy driver",
                dev->class->name, what);
    return false;
}

static bool vpci_realize(Device *dev, GError **err)
{
    enum { AUTO, ON, OFF };
    VirtioPci *t = container_of(dev, VirtioPci, pci.dev);
    if (t->disable_legacy == OFF) {
        return refuse(dev, "disable-legacy=off", err);
    }
    if (t->disable_modern) {
        return refuse(dev, "disable-modern=on", err);
    }
    g_autofree char *name = g_strdup_printf("%s/virtio-bus", dev->path);
    t->bus = virtio_bus_new(dev, name);
    t->bus->attach = vpci_attach;
    t->bus->detach = vpci_detach;
    if (!device_realize(dev->inner, t->bus, err)) {
        return false;
    }
    const VirtioOps *ops = inside(t)->ops;
    pci_init(&t->pci, &(PCIIds){ .vendor = VENDOR,
                                 .device = (uint16_t)(DEVICE_ID_BASE + ops->id),
                                 .revision = 1,
                                 .subsystem_vendor = VENDOR,
                                 .subsystem = SUBSYSTEM,
                                 .class = ops->pci_class,
                                 .pin = 1 });
    memory_region_init_io(&t->registers, &dev->regions, &bar_ops, t, "virtio-pci", BAR_BYTES);
    pci_add_bar(&t->pci, REGISTER_BAR, PCI_BAR_MEM64 | PCI_BAR_PREFETCH, &t->registers);
    add_caps(t);
    memcpy(t->pci.s.config, t->pci.init, sizeof(t->pci.init));
    t->pci.config_reading = window_reading;
    t->pci.config_written = config_written;
    return true;
}

static void vpci_unrealize(Device *dev)
{
    VirtioPci *t = container_of(dev, VirtioPci, pci.dev);
    pci_finish(&t->pci);
    memory_region_finish(&t->registers);
}

static void vpci_refresh(Device *dev)
{
    VirtioPci *t = container_of(dev, VirtioPci, pci.dev);
    pci_refresh(&t->pci);
    virtio_block_dma(inside(t), !(pci_command(&t->pci) & PCI_COMMAND_MASTER));
    drive_pin(t);
}

static const Prop vpci_props[] = {
    { "disable-legacy", PROP_ON_OFF_AUTO, offsetof(VirtioPci, disable_legacy),
      "no transitional interface: on or auto" },
    { "disable-modern", PROP_BOOL, offsetof(VirtioPci, disable_modern),
      "no virtio 1 interface: only off is built" },
    PROP_ONLY_NUMBER("vectors", 0, "no board here receives message-signalled interrupts"),
    PROP_ONLY_OFF("ioeventfd", "a doorbell is answered by the vCPU that rings it"),
    PROP_ONLY_OFF("page-per-vq", "all doorbells share a page"),
    PROP_ONLY_OFF("modern-pio-notify", "doorbells are in memory only"),
    PROP_ONLY_OFF("ats", "address translation by devices is not built"),
    PROP_ONLY_OFF("aer", "error reporting of PCI Express is not built"),
    { 0 },
};

/* clang-format off */
#define VIRTIO_PCI_CLASS(short_name, inner_class, heading, text)                            \
    {                                                                                        \
        .name = "virtio-" short_name "-pci",                                                 \
        .aliases = (const char *const[]){ "virtio-" short_name,                              \
                                          "virtio-" short_name "-pci-non-transitional", NULL }, \
        .desc = text, .category = heading, .bus = "PCI", .parent = &pci_device_class,        \
        .inner = &inner_class, .size = sizeof(VirtioPci), .user_creatable = true,            \
        .props = vpci_props, .realize = vpci_realize, .unrealize = vpci_unrealize,           \
        .refresh = vpci_refresh,                                                             \
    }
const DeviceClass virtio_balloon_pci_class =
    VIRTIO_PCI_CLASS("balloon", virtio_balloon_device_class, "Misc", "virtio memory balloon");
const DeviceClass virtio_blk_pci_class =
    VIRTIO_PCI_CLASS("blk", virtio_blk_device_class, "Storage", "virtio block device");
const DeviceClass virtio_net_pci_class =
    VIRTIO_PCI_CLASS("net", virtio_net_device_class, "Network", "virtio network card");
const DeviceClass virtio_rng_pci_class =
    VIRTIO_PCI_CLASS("rng", virtio_rng_device_class, "Misc", "virtio source of random numbers");
const DeviceClass virtio_serial_pci_class =
    VIRTIO_PCI_CLASS("serial", virtio_serial_device_class, "Input", "virtio console: a bus of virtconsole and virtserialport");
/* clang-format on */
