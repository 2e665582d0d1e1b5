/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Spec: QEMU documentation, "QEMU Standard VGA" (the MMIO area). */
#include "hw/display/dispi_pci.h"

#include <inttypes.h>

#include "base/log.h"

enum { VENDOR = 0x1234, DEVICE = 0x1111, SUBSYSTEM_VENDOR = 0x1af4, SUBSYSTEM = 0x1100 };
enum {
    REVISION = 2 /* there are extended registers */,
    MEMORY_BAR = 0,
    REGISTER_BAR = 2,
    REGISTER_BYTES = 4096
};
enum { EDID_SPACE = 0x400, FIRST_PORT = 0x3c0 };
#define LITTLE_ENDIAN_MARK 0x1e1e1e1eu
#define BIG_ENDIAN_MARK 0xbebebebeu

static DispiPci *dispi_pci(Device *dev)
{
    return container_of(dev, DispiPci, pci.dev);
}

/* ---- registers ------------------------------------------------------------- */

static uint64_t edid_read(Device *dev, const RegAccess *a)
{
    const DispiPci *d = dispi_pci(dev);
    uint64_t value = 0;
    for (unsigned i = 0; i < a->size && d->edid && a->offset + i < EDID_BYTES; i++) {
        value |= (uint64_t)d->edid_bytes[a->offset + i] << (8 * i);
    }
    return value;
}

/* Without a VGA: ones, and drivers that turn the screen on there find that it is. */
static uint64_t vga_read(Device *dev, const RegAccess *a)
{
    DispiPci *d = dispi_pci(dev);
    uint64_t value = 0;
    for (unsigned i = 0; i < a->size; i++) {
        uint8_t byte = d->ports ? d->ports->read(d->opaque, FIRST_PORT + a->offset + i) : UINT8_MAX;
        value |= (uint64_t)byte << (8 * i);
    }
    return value;
}

/* The lower byte first: an index and its data may come as one. */
static void vga_write(Device *dev, const RegAccess *a, uint64_t value)
{
    DispiPci *d = dispi_pci(dev);
    for (unsigned i = 0; i < a->size && d->ports; i++) {
        d->ports->write(d->opaque, FIRST_PORT + a->offset + i, (uint8_t)(value >> (8 * i)));
    }
}

static uint64_t number_read(Device *dev, const RegAccess *a)
{
    const DispiPci *d = dispi_pci(dev);
    return dispi_read(&d->s.dispi, a->index + 1, d->memory_bytes);
}

static void number_write(Device *dev, const RegAccess *a, uint64_t value)
{
    DispiPci *d = dispi_pci(dev);
    dispi_write(&d->s.dispi, a->index + 1, (uint16_t)(value | (d->s.dispi.reg[a->index] & ~a->mask)),
                d->vram.ram);
    if (d->ports) {
        d->ports->changed(d->opaque);
    }
}

static uint64_t memory_read_units(Device *dev, const RegAccess *a)
{
    const DispiPci *d = dispi_pci(dev);
    return dispi_read(&d->s.dispi, DISPI_REGS + 1, d->memory_bytes);
}

static uint64_t endian_read(Device *dev, const RegAccess *a)
{
    return dispi_pci(dev)->s.dispi.big_endian ? BIG_ENDIAN_MARK : LITTLE_ENDIAN_MARK;
}

static void endian_write(Device *dev, const RegAccess *a, uint64_t value)
{
    DispiPci *d = dispi_pci(dev);
    if (value == BIG_ENDIAN_MARK || value == LITTLE_ENDIAN_MARK) {
        d->s.dispi.big_endian = value == BIG_ENDIAN_MARK;
    } else {
        log_guest_error("%s: 0x%" PRIx64 " is no order of bytes", dev->path, value);
    }
}

/* clang-format off */
static const RegBits enable_bits[] = {
    { "enabled", DISPI_ENABLED }, { "getcaps", DISPI_GET_CAPS }, { "8bit-dac", DISPI_8BIT_DAC },
    { "lfb", DISPI_LFB }, { "noclear", DISPI_NO_CLEAR }, { NULL },
};
#define NUMBERED .read = number_read, .write = number_write
static int numbered_enable(Device *dev, unsigned index)
{
    return DISPI_ENABLE;
}
static int numbered_rest(Device *dev, unsigned index)
{
    return DISPI_BANK + (int)index;
}
static const Reg rows[] = {
    { "edid",           0x000, EDID_SPACE, REG_RO, .bytes = true, .read = edid_read },
    { "vga",            0x400, 0x20, .bytes = true, .read = vga_read, .write = vga_write },
    { "dispi-id",       0x500, 2, .constant = DISPI_ID, .ignored = UINT16_MAX },
    { "dispi-geometry", 0x502, 2, .count = 3, .rw = UINT16_MAX, NUMBERED },
    { "dispi-enable",   0x508, 2, .rw = UINT16_MAX, .element = numbered_enable, NUMBERED, .bits = enable_bits },
    { "dispi",          0x50a, 2, .count = 5, .rw = UINT16_MAX, .element = numbered_rest, NUMBERED },
    { "dispi-memory",   0x514, 2, REG_RO, .read = memory_read_units },
    { "extended-size",  0x600, 4, REG_RO, .constant = 8 },
    { "endian",         0x604, 4, .read = endian_read, .write = endian_write },
    { NULL },
};
/* clang-format on */
static const RegTable display_regs = { rows, .min = 1, .max = 4 };

/* ---- life -------------------------------------------------------------------- */

static bool check_props(const DispiPci *d, const char *more, GError **err)
{
    const char *why = d->memory_bytes & (d->memory_bytes - 1) ? "must be a power of two, as every BAR"
                      : !d->xres || !d->yres ? "has no picture: xres= and yres= must not be 0"
                      : (uint64_t)d->xres * d->yres * 4 > d->memory_bytes
                          ? "has no room for the picture of xres= by yres=; give more"
                          : NULL;
    if (why) {
        g_set_error(err, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE, "%s: %s= %s", d->pci.dev.class->name, more,
                    why);
    }
    return !why;
}

bool dispi_pci_init(DispiPci *d, uint32_t class_code, const char *more, GError **err)
{
    Device *dev = &d->pci.dev;
    g_autofree char *name = g_strdup_printf("%s-vram", dev->class->name),
                    *mmio = g_strdup_printf("%s-mmio", dev->class->name);
    if (!check_props(d, more, err) ||
        !memory_region_init_ram(&d->vram, &dev->regions, name, d->memory_bytes, err)) {
        return false;
    }
    pci_init(&d->pci, &(PCIIds){ .vendor = VENDOR,
                                 .device = DEVICE,
                                 .revision = REVISION,
                                 .subsystem_vendor = SUBSYSTEM_VENDOR,
                                 .subsystem = SUBSYSTEM,
                                 .class = class_code });
    reg_file_init(&d->regs, dev, &display_regs, mmio, REGISTER_BYTES);
    pci_add_bar(&d->pci, MEMORY_BAR, PCI_BAR_MEM32 | PCI_BAR_PREFETCH, &d->vram);
    pci_add_bar(&d->pci, REGISTER_BAR, PCI_BAR_MEM32, &d->regs.mr);
    edid_make(d->edid_bytes, d->xres, d->yres);
    return true;
}

void dispi_pci_finish(DispiPci *d)
{
    pci_finish(&d->pci);
    reg_file_finish(&d->regs);
    memory_region_finish(&d->vram);
}

const Field dispi_pci_state[] = {
    FIELD_(DispiPci, s.dispi.reg, "dispi", FIELD_U16, 2),
    FIELD_(DispiPci, s.dispi.big_endian, "big_endian", FIELD_BOOL, sizeof(bool)),
    { 0 },
};
