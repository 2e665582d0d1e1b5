/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A VGA as a card on the ISA bus; linear modes are at E0000000h, too, where nothing else is.
 * Spec: QEMU documentation, "QEMU Standard VGA" (the ISA variant).
 *
 * Not modelled: see vga.h. */
#include "hw/board.h"
#include "hw/display/display.h"
#include "hw/display/vga.h"
#include "hw/isa/isa.h"

enum { MIN_MIB = 1, MAX_MIB = 256 };
#define LINEAR_AT UINT64_C(0xe0000000)

typedef struct IsaVga {
    Device dev;
    uint32_t memory_mib;
    MemoryRegion vram;
    Vga vga;
    struct IsaVgaState {
        VgaState vga;
        Dispi dispi;
    } s;
} IsaVga;

static IsaVga *isa_vga(Device *dev)
{
    return container_of(dev, IsaVga, dev);
}

static bool take_ports(IsaVga *d, GError **err)
{
    for (unsigned i = 0; i < VGA_PIECES; i++) {
        if (!isa_take_ports(&d->dev, &d->vga.pieces[i], vga_pieces[i].port, err)) {
            return false;
        }
    }
    return isa_take_ports(&d->dev, &d->vga.dispi_ports, VGA_DISPI_PORT, err);
}

static void isa_vga_unrealize(Device *dev)
{
    IsaVga *d = isa_vga(dev);
    vga_finish(&d->vga);
    if (d->vram.parent) {
        memory_region_remove(d->vram.parent, &d->vram);
    }
    memory_region_finish(&d->vram);
}

static bool isa_vga_realize(Device *dev, GError **err)
{
    IsaVga *d = isa_vga(dev);
    if (d->memory_mib & (d->memory_mib - 1)) {
        g_set_error(err, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
                    "isa-vga: vgamem_mb= must be a power of two");
        return false;
    }
    if (!memory_region_init_ram(&d->vram, &dev->regions, "isa-vga-vram", (uint64_t)d->memory_mib << 20,
                                err)) {
        return false;
    }
    vga_init(&d->vga, &(VgaParts){ .dev = dev, .state = &d->s.vga, .dispi = &d->s.dispi, .vram = &d->vram });
    if (!take_ports(d, err)) {
        isa_vga_unrealize(dev);
        return false;
    }
    memory_region_add(&dev->machine->system, VGA_WINDOW, &d->vga.window, 1); /* in front of RAM */
    memory_region_add(&dev->machine->system, LINEAR_AT, &d->vram, -1);
    return true;
}

static void isa_vga_refresh(Device *dev)
{
    vga_changed(&isa_vga(dev)->vga);
}

static const Field isa_vga_state[] = {
    STATE_STRUCT(IsaVga, vga, VgaState, vga_fields),
    FIELD_(IsaVga, s.dispi.reg, "dispi", FIELD_U16, 2),
    FIELD_(IsaVga, s.dispi.big_endian, "big_endian", FIELD_BOOL, sizeof(bool)),
    { 0 },
};

static const Prop isa_vga_props[] = {
    { "vgamem_mb", PROP_U32, offsetof(IsaVga, memory_mib), "video memory, MiB", .def = 8, .min = MIN_MIB,
      .max = MAX_MIB },
    { 0 },
};

const DeviceClass isa_vga_class = {
    .name = "isa-vga",
    .desc = "standard VGA on the ISA bus",
    .category = "Display",
    .bus = "ISA",
    .size = sizeof(IsaVga),
    .user_creatable = true,
    .props = isa_vga_props,
    .state = isa_vga_state,
    .state_offset = offsetof(IsaVga, s),
    .state_size = sizeof(struct IsaVgaState),
    .realize = isa_vga_realize,
    .unrealize = isa_vga_unrealize,
    .refresh = isa_vga_refresh,
};
