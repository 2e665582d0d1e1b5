/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A VGA as a PCI function, and the same without a PC's ports and window (secondary-vga).
 * Spec: QEMU documentation, "QEMU Standard VGA".
 *
 * The ports answer on the bus that the function sits on, whatever its command register says, as such functions do; on a
 * PC the window at A0000h is before RAM.  No other board leads there: guests of those use the memory area of BAR 2.
 *
 * Not modelled: see vga.h; an expansion ROM (there is no BIOS to run). */
#include "hw/board.h"
#include "hw/display/dispi_pci.h"
#include "hw/display/display.h"
#include "hw/display/vga.h"

enum { CLASS_VGA = 0x030000, CLASS_DISPLAY_OTHER = 0x038000, MAX_MIB = 256 };

typedef struct VgaPci {
    DispiPci base;
    uint32_t memory_mib;
    Vga vga;
    struct VgaPciState {
        VgaState vga;
    } s;
} VgaPci;

static VgaPci *vga_pci(Device *dev)
{
    return container_of(dev, VgaPci, base.pci.dev);
}

static uint8_t port_read(void *opaque, unsigned port)
{
    return vga_port_read(opaque, port);
}

static void port_write(void *opaque, unsigned port, uint8_t value)
{
    vga_port_write(opaque, port, value);
}

static void dispi_changed(void *opaque)
{
    vga_changed(opaque);
}

static const DispiPciPorts ports = { .read = port_read, .write = port_write, .changed = dispi_changed };

/* ---- life -------------------------------------------------------------------- */

static bool realize(VgaPci *d, uint32_t class_code, GError **err)
{
    Device *dev = &d->base.pci.dev;
    d->base.memory_bytes = (uint64_t)d->memory_mib << 20;
    if (!dispi_pci_init(&d->base, class_code, "vgamem_mb", err)) {
        return false;
    }
    vga_init(&d->vga,
             &(VgaParts){ .dev = dev, .state = &d->s.vga, .dispi = &d->base.s.dispi, .vram = &d->base.vram });
    d->base.ports = &ports;
    d->base.opaque = &d->vga;
    return true;
}

static bool vga_realize(Device *dev, GError **err)
{
    VgaPci *d = vga_pci(dev);
    if (!realize(d, CLASS_VGA, err)) {
        return false;
    }
    MemoryRegion *io = &d->base.pci.host->ports;
    for (unsigned i = 0; i < VGA_PIECES; i++) {
        memory_region_add(io, vga_pieces[i].port, &d->vga.pieces[i], 1);
    }
    memory_region_add(io, VGA_DISPI_PORT, &d->vga.dispi_ports, 1);
    if (dev->machine->pc_irqs) {
        memory_region_add(&dev->machine->system, VGA_WINDOW, &d->vga.window, 1);
    }
    return true;
}

static bool secondary_realize(Device *dev, GError **err)
{
    return realize(vga_pci(dev), CLASS_DISPLAY_OTHER, err);
}

static void vga_unrealize(Device *dev)
{
    VgaPci *d = vga_pci(dev);
    vga_finish(&d->vga);
    dispi_pci_finish(&d->base);
}

static void vga_refresh(Device *dev)
{
    VgaPci *d = vga_pci(dev);
    pci_refresh(&d->base.pci);
    vga_changed(&d->vga);
}

static const Field vga_state[] = {
    STATE_STRUCT(VgaPci, vga, VgaState, vga_fields),
    { 0 },
};

static const Prop vga_props[] = {
    { "vgamem_mb", PROP_U32, offsetof(VgaPci, memory_mib), "video memory, MiB", .def = 16, .min = 1,
      .max = MAX_MIB },
    DISPI_PCI_PROPS(VgaPci, base),
    PROP_ONLY_ON("mmio", "the registers are in BAR 2 always"),
    PROP_ONLY_ON("qemu-extended-regs", "the registers are in BAR 2 always"),
    { 0 },
};

static const DeviceClass dispi_pci_class = {
    .name = "dispi-pci",
    .desc = "base of VGA functions",
    .bus = "PCI",
    .parent = &pci_device_class,
    .size = sizeof(DispiPci),
    .state = dispi_pci_state,
    .state_offset = offsetof(DispiPci, s),
    .state_size = sizeof(struct DispiPciState),
};

#define VGA_PCI_COMMON                                                                                       \
    .category = "Display", .bus = "PCI", .parent = &dispi_pci_class, .size = sizeof(VgaPci),                 \
    .user_creatable = true, .props = vga_props, .state = vga_state, .state_offset = offsetof(VgaPci, s),     \
    .state_size = sizeof(struct VgaPciState), .unrealize = vga_unrealize, .refresh = vga_refresh

const DeviceClass vga_pci_class = { VGA_PCI_COMMON, .name = "VGA", .desc = "standard VGA",
                                    .realize = vga_realize };
const DeviceClass secondary_vga_class = { VGA_PCI_COMMON, .name = "secondary-vga",
                                          .desc = "standard VGA without a PC's ports",
                                          .realize = secondary_realize };
