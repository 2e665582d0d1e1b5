/* SPDX-License-Identifier: GPL-2.0-or-later */
/* virtio over PCI: a function whose BAR 4 holds the registers of the virtio device inside.
 * Spec: VIRTIO 1.x, section 4.1 (transport-pci.tex).
 *
 * The virtio device is the function's inner device, on a bus of their own: the same models as
 * over MMIO, one lock for both.
 *
 * Not modelled: the transitional interface (device IDs 0x1000 and up, an I/O BAR), shared memory capabilities. */
#include "hw/virtio.h"

#include <glib.h>
#include <string.h>

#include "hw/board.h"
#include "hw/pci.h"
#include "hw/virtio/virtio_bell.h"
#include "hw/virtio/virtio_regs.h"
#include "base/log.h"

enum { CFG_COMMON = 1, CFG_NOTIFY = 2, CFG_ISR = 3, CFG_DEVICE = 4, CFG_PCI = 5 };
enum {
    MSIX_BAR = 1,
    REGISTER_BAR = 4,
    PART_BYTES = 0x1000,
    BAR_BYTES = 4 * PART_BYTES,
    NOTIFY_MULTIPLIER = 4
};
enum { AT_COMMON = 0, AT_ISR = PART_BYTES, AT_DEVICE = 2 * PART_BYTES, AT_NOTIFY = 3 * PART_BYTES };
enum { VENDOR = 0x1af4, DEVICE_ID_BASE = 0x1040, SUBSYSTEM = 0x1100 };
/* vectors=: not given.  One for the configuration and one for each queue then; two where queues are many, as drivers share them. */
enum { VECTORS_AUTO = UINT32_MAX, MANY_QUEUES = 16, FEW_VECTORS = 2 };

/* struct virtio_pci_cap (4.1.4) */
typedef struct PciCap {
    uint8_t vndr, next, len, cfg_type, bar, id, padding[2];
    uint32_t offset, length;
} PciCap;
_Static_assert(sizeof(PciCap) == 16, "layout of 4.1.4");

typedef struct VirtioPci {
    PCIDevice pci;
    Bus *bus;
    RegFile registers;
    unsigned window;  /* offset of the PCI configuration access capability */
    uint32_t vectors; /* property */
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

/* 4.1.5.3, 4.1.5.4: with MSI-X the ISR is unused. */
static void pci_interrupt(void *opaque, int queue)
{
    VirtioPci *t = opaque;
    VirtioDevice *v = inside(t);
    uint16_t vector = queue < 0 ? v->s.config_vector : v->s.vector[queue];
    if (!pci_msix_enabled(&t->pci)) {
        drive_pin(t);
        return;
    }
    v->s.isr = 0;
    if (vector < t->pci.msix_vectors) {
        pci_msix_notify(&t->pci, vector);
    }
}

/* ---- registers ----------------------------------------------------------- */

static uint64_t num_queues_read(Device *dev, const RegAccess *a)
{
    return virtio_device(dev)->queue_count;
}

static void queue_enable_write(Device *dev, const RegAccess *a, uint64_t value)
{
    if (value == 1) {
        virtio_queue_enable(virtio_device(dev), a->index);
    } else {
        log_guest_error("%s: write of 0x%x to '%s', which takes 1", dev->path, (unsigned)value, a->reg->name);
    }
}

/* 4.1.5.1.2: what cannot be mapped reads back as none. */
static void vector_write(Device *dev, const RegAccess *a, uint64_t value)
{
    const VirtioPci *t = virtio_device(dev)->transport.opaque;
    reg_store(a, value < t->pci.msix_vectors ? value : VIRTIO_NO_VECTOR);
}

static uint64_t queue_notify_off_read(Device *dev, const RegAccess *a)
{
    return a->index;
}

static uint64_t isr_read(Device *dev, const RegAccess *a)
{
    VirtioDevice *v = virtio_device(dev);
    uint8_t isr = v->s.isr;
    v->s.isr = 0; /* 4.1.4.5: reading clears and lowers the line */
    drive_pin(v->transport.opaque);
    return isr;
}

static void notify_write(Device *dev, const RegAccess *a, uint64_t value)
{
    virtio_notify(virtio_device(dev), a->offset / NOTIFY_MULTIPLIER);
}

#define V VirtioDevice
#define OF_QUEUE .element = virtio_reg_queue
/* clang-format off */
static const Reg rows[] = {
    /* struct virtio_pci_common_cfg (4.1.4.3) */
    { "device-features-select", 0x00, 4, REG_STATE(V, s.feature_select[0]), .rw = UINT32_MAX },
    { "device-features",        0x04, 4, REG_RO, .read = virtio_reg_device_features },
    { "driver-features-select", 0x08, 4, REG_STATE(V, s.feature_select[1]), .rw = UINT32_MAX },
    { "driver-features",        0x0c, 4, .read = virtio_reg_driver_features, .write = virtio_reg_set_features },
    { "config-msix-vector",     0x10, 2, REG_STATE(V, s.config_vector), .write = vector_write },
    { "num-queues",             0x12, 2, REG_RO, .read = num_queues_read },
    { "status",                 0x14, 1, REG_STATE(V, s.status), .write = virtio_reg_set_status, .bits = virtio_reg_status_bits },
    { "config-generation",      0x15, 1, REG_RO, REG_STATE(V, s.config_generation) },
    { "queue-select",           0x16, 2, REG_STATE(V, s.queue_select), .rw = UINT16_MAX },
    { "queue-size",             0x18, 2, REG_STATE(V, s.size[0]), .write = virtio_reg_set_queue_size, OF_QUEUE },
    { "queue-msix-vector",      0x1a, 2, REG_STATE(V, s.vector[0]), .write = vector_write, OF_QUEUE },
    { "queue-enable",           0x1c, 2, REG_STATE(V, s.enabled[0]), .write = queue_enable_write, OF_QUEUE },
    { "queue-notify-off",       0x1e, 2, REG_RO, .read = queue_notify_off_read, OF_QUEUE },
    { "queue-desc",             0x20, 8, REG_STATE(V, s.desc[0]), .part = 4, .write = virtio_reg_set_queue_address, OF_QUEUE },
    { "queue-driver",           0x28, 8, REG_STATE(V, s.driver[0]), .part = 4, .write = virtio_reg_set_queue_address, OF_QUEUE },
    { "queue-device",           0x30, 8, REG_STATE(V, s.device[0]), .part = 4, .write = virtio_reg_set_queue_address, OF_QUEUE },
    { "isr",    AT_ISR, 1, REG_RO, .read = isr_read, .bits = virtio_reg_isr_bits },
    { "config", AT_DEVICE, PART_BYTES, .bytes = true, .read = virtio_reg_config, .write = virtio_reg_set_config },
    { "notify", AT_NOTIFY, PART_BYTES, REG_WO, .bytes = true, .write = notify_write },
    { NULL },
};
/* clang-format on */
static const RegTable bar_regs = { rows, .min = 1, .max = 4, .rule = REG_WHOLE_WRITES };

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
        reg_file_read(&t->registers, off, width, &value);
    }
    uint32_t le = GUINT32_TO_LE(value);
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
        reg_file_write(&t->registers, off, width, GUINT32_FROM_LE(le) & mask);
    }
}

/* ---- life ---------------------------------------------------------------- */

static unsigned add_cap(VirtioPci *t, uint8_t type, uint32_t offset, uint32_t length, unsigned extra)
{
    unsigned at = pci_add_capability(&t->pci, PCI_CAP_VENDOR, sizeof(PciCap) + extra);
    uint8_t *c = t->pci.init + at;
    PciCap cap = { .vndr = c[0],
                   .next = c[1],
                   .len = sizeof(PciCap) + extra,
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

static MemoryRegion *doorbell(void *opaque, unsigned queue, MemoryEvent *e)
{
    VirtioPci *t = opaque;
    e->offset = AT_NOTIFY + NOTIFY_MULTIPLIER * queue;
    e->size = 2; /* 4.1.5.2 */
    return &t->registers.mr;
}

static bool vpci_attach(Bus *bus, Device *dev, GError **err)
{
    VirtioDevice *v = virtio_device(dev);
    v->transport = (VirtioTransport){
        .interrupt = pci_interrupt, .refresh = drive_pin, .doorbell = doorbell, .opaque = bus->owner
    };
    v->dma_blocked = true; /* until the guest sets the bus master bit */
    return true;
}

static void vpci_detach(Bus *bus, Device *dev)
{
    virtio_bell_hang(virtio_device(dev), false);
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

/* The device inside has its queues. */
static bool check_vectors(VirtioPci *t, GError **err)
{
    const Device *dev = &t->pci.dev;
    unsigned queues = inside(t)->queue_count;
    bool takes_messages = dev->machine->msi_send;
    if (t->vectors == VECTORS_AUTO) {
        t->vectors = !takes_messages ? 0 : queues > MANY_QUEUES ? FEW_VECTORS : queues + 1;
    }
    if (t->vectors > PCI_MSIX_MAX) {
        g_set_error(err, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE, "%s: vectors=%u: at most %d are built",
                    dev->class->name, t->vectors, PCI_MSIX_MAX);
        return false;
    }
    if (t->vectors && !takes_messages) {
        g_set_error(
            err, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
            "%s: vectors=%u: nothing in this machine takes message-signalled interrupts; leave it out",
            dev->class->name, t->vectors);
        return false;
    }
    return true;
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
    if (!device_realize(dev->inner, t->bus, err) || !check_vectors(t, err)) {
        return false;
    }
    const VirtioOps *ops = inside(t)->ops;
    pci_init(&t->pci, &(PCIIds){ .vendor = VENDOR,
                                 .device = DEVICE_ID_BASE + ops->id,
                                 .revision = 1,
                                 .subsystem_vendor = VENDOR,
                                 .subsystem = SUBSYSTEM,
                                 .class = ops->pci_class,
                                 .pin = 1 });
    reg_file_init(&t->registers, dev, &bar_regs, "virtio-pci", BAR_BYTES);
    reg_file_show(&t->registers, dev->inner, &bar_regs);
    pci_add_bar(&t->pci, REGISTER_BAR, PCI_BAR_MEM64 | PCI_BAR_PREFETCH, &t->registers.mr);
    add_caps(t);
    if (t->vectors) {
        pci_msix_add(&t->pci, t->vectors, MSIX_BAR);
    }
    memcpy(t->pci.s.config, t->pci.init, sizeof(t->pci.init));
    t->pci.config_reading = window_reading;
    t->pci.config_written = config_written;
    return true;
}

static void vpci_unrealize(Device *dev)
{
    VirtioPci *t = container_of(dev, VirtioPci, pci.dev);
    pci_finish(&t->pci);
    reg_file_finish(&t->registers);
}

static void vpci_settle(Device *dev)
{
    device_settle(dev->inner);
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
    { "vectors", PROP_U32, offsetof(VirtioPci, vectors),
      "interrupts as messages (MSI-X); 0: none; default: as many as queues and one, where the machine takes messages",
      .def = VECTORS_AUTO },
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
        .refresh = vpci_refresh, .settle = vpci_settle,                                      \
    }
const DeviceClass virtio_balloon_pci_class =
    VIRTIO_PCI_CLASS("balloon", virtio_balloon_device_class, "Misc", "virtio memory balloon");
const DeviceClass virtio_blk_pci_class =
    VIRTIO_PCI_CLASS("blk", virtio_blk_device_class, "Storage", "virtio block device");
const DeviceClass virtio_gpu_pci_class =
    VIRTIO_PCI_CLASS("gpu", virtio_gpu_device_class, "Display", "virtio GPU, 2D");
const DeviceClass virtio_keyboard_pci_class =
    VIRTIO_PCI_CLASS("keyboard", virtio_keyboard_device_class, "Input", "virtio keyboard");
const DeviceClass virtio_mouse_pci_class =
    VIRTIO_PCI_CLASS("mouse", virtio_mouse_device_class, "Input", "virtio mouse");
const DeviceClass virtio_multitouch_pci_class =
    VIRTIO_PCI_CLASS("multitouch", virtio_multitouch_device_class, "Input", "virtio screen for several fingers");
const DeviceClass virtio_net_pci_class =
    VIRTIO_PCI_CLASS("net", virtio_net_device_class, "Network", "virtio network card");
const DeviceClass virtio_rng_pci_class =
    VIRTIO_PCI_CLASS("rng", virtio_rng_device_class, "Misc", "virtio source of random numbers");
const DeviceClass virtio_tablet_pci_class =
    VIRTIO_PCI_CLASS("tablet", virtio_tablet_device_class, "Input", "virtio tablet, a pointer with absolute positions");
const DeviceClass virtio_serial_pci_class =
    VIRTIO_PCI_CLASS("serial", virtio_serial_device_class, "Input", "virtio console: a bus of virtconsole and virtserialport");
/* clang-format on */
