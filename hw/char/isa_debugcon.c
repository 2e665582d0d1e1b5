/* SPDX-License-Identifier: GPL-2.0-or-later */
/* isa-debugcon: bytes that are written to a port go to a chardev; what it reads as says that it is there.
 * Interface: as SeaBIOS (port 0x402) and Bochs-aware payloads (port 0xe9, which reads as 0xe9) use it.
 *
 * There is no flow control: what a slow host end does not take in a short time is lost. */
#include "hw/char/isa_debugcon.h"

#include "hw/isa/isa.h"

static IsaDebugcon *debugcon(Device *dev)
{
    return container_of(dev, IsaDebugcon, dev);
}

static uint64_t data_read(Device *dev, const RegAccess *a)
{
    return debugcon(dev)->readback;
}

static void data_write(Device *dev, const RegAccess *a, uint64_t value)
{
    uint8_t byte = value;
    if (debugcon(dev)->chr) {
        chardev_write_all(debugcon(dev)->chr, &byte, 1);
    }
}

static const Reg rows[] = {
    { "data", 0, 1, .read = data_read, .write = data_write },
    { NULL },
};
static const RegTable debugcon_regs = { rows, .min = 1, .max = 1 };

static const ChardevFrontend debugcon_frontend = { 0 }; /* it takes nothing */

static bool debugcon_realize(Device *dev, GError **err)
{
    IsaDebugcon *d = debugcon(dev);
    if (d->chr && !chardev_attach(d->chr, &debugcon_frontend, d, dev->lock, err)) {
        return false;
    }
    reg_file_init(&d->regs, dev, &debugcon_regs, "isa-debugcon", 1);
    if (isa_take_ports(dev, &d->regs.mr, d->iobase, err)) {
        return true;
    }
    if (d->chr) {
        chardev_detach(d->chr, d);
    }
    reg_file_finish(&d->regs);
    return false;
}

static void debugcon_unrealize(Device *dev)
{
    IsaDebugcon *d = debugcon(dev);
    if (d->chr) {
        chardev_detach(d->chr, d);
    }
    reg_file_finish(&d->regs);
}

static const Prop debugcon_props[] = {
    { "chardev", PROP_CHARDEV, offsetof(IsaDebugcon, chr), "where the bytes go" },
    { "iobase", PROP_U32, offsetof(IsaDebugcon, iobase), "the port", .def = 0xe9 },
    { "readback", PROP_U32, offsetof(IsaDebugcon, readback), "what the port reads as", .def = 0xe9,
      .max = 0xff },
    { NULL },
};

const DeviceClass isa_debugcon_class = {
    .name = "isa-debugcon",
    .desc = "debug console of firmware",
    .category = "Misc",
    .bus = "ISA",
    .user_creatable = true,
    .size = sizeof(IsaDebugcon),
    .props = debugcon_props,
    .realize = debugcon_realize,
    .unrealize = debugcon_unrealize,
};
