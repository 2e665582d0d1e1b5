/* SPDX-License-Identifier: GPL-2.0-or-later */
/* An NS16550A on the ISA bus.
 * Spec: as serial16550.c; ports and lines of COM1 to COM4 as PC software expects them.
 *
 * Not modelled: OUT2 as the gate of the interrupt line (drivers set it, and QEMU's has no gate). */
#include "hw/char/isa_serial.h"

#include "hw/board.h"
#include "hw/isa/isa.h"

static const struct {
    uint16_t port;
    uint8_t line;
} places[ISA_SERIAL_PORTS] = { { 0x3f8, 4 }, { 0x2f8, 3 }, { 0x3e8, 4 }, { 0x2e8, 3 } };

static IsaSerial *isa_serial(Device *dev)
{
    return container_of(dev, IsaSerial, uart.dev);
}

static bool index_is_taken(const IsaSerial *s, uint32_t index)
{
    const Bus *bus = s->uart.dev.bus;
    for (guint i = 0; i < bus->devices->len; i++) {
        Device *other = bus->devices->pdata[i];
        if (other->class == &isa_serial_class && other != &s->uart.dev && isa_serial(other)->index == index) {
            return true;
        }
    }
    return false;
}

static bool choose_place(IsaSerial *s, GError **err)
{
    if (s->index == ISA_SERIAL_AUTO) {
        for (s->index = 0; s->index < ISA_SERIAL_PORTS && index_is_taken(s, s->index);) {
            s->index++;
        }
    }
    if (s->index >= ISA_SERIAL_PORTS && (s->iobase == ISA_SERIAL_AUTO || s->line == ISA_SERIAL_AUTO)) {
        g_set_error(
            err, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
            "isa-serial: Max. supported number of ISA serial ports is %d; give iobase= and irq= for more",
            ISA_SERIAL_PORTS);
        return false;
    }
    s->iobase = s->iobase == ISA_SERIAL_AUTO ? places[s->index].port : s->iobase;
    s->line = s->line == ISA_SERIAL_AUTO ? places[s->index].line : s->line;
    return true;
}

static bool isa_serial_realize(Device *dev, GError **err)
{
    IsaSerial *s = isa_serial(dev);
    if (!choose_place(s, err) || !isa_take_line(dev, &s->uart.irq, s->line, err) ||
        !serial16550_realize(dev, err)) {
        return false;
    }
    s->uart.regs.ops.max = 1; /* a wider access is one of several registers */
    if (!isa_take_ports(dev, &s->uart.regs.mr, s->iobase, err)) {
        serial16550_unrealize(dev);
        return false;
    }
    return true;
}

static void isa_serial_unrealize(Device *dev)
{
    irq_lower(&isa_serial(dev)->uart.irq);
    serial16550_unrealize(dev);
}

static const Prop isa_serial_props[] = {
    { "chardev", PROP_CHARDEV, offsetof(IsaSerial, uart.chr), "host end of the line" },
    { "index", PROP_U32, offsetof(IsaSerial, index), "which of COM1 to COM4, from 0 on; the next free one",
      .def = ISA_SERIAL_AUTO },
    { "iobase", PROP_U32, offsetof(IsaSerial, iobase), "its first port, if not that of the index",
      .def = ISA_SERIAL_AUTO },
    { "irq", PROP_U32, offsetof(IsaSerial, line), "its line, if not that of the index",
      .def = ISA_SERIAL_AUTO },
    PROP_ONLY_NUMBER("baudbase", 115200, "bytes leave at once, whatever the divisor"),
    { NULL },
};

const DeviceClass isa_serial_class = {
    .name = "isa-serial",
    .desc = "NS16550A serial line",
    .category = "Input",
    .bus = "ISA",
    .user_creatable = true,
    .size = sizeof(IsaSerial),
    .props = isa_serial_props,
    .state = serial16550_state,
    .state_offset = offsetof(Serial16550, s),
    .state_size = sizeof(struct Serial16550State),
    .realize = isa_serial_realize,
    .unrealize = isa_serial_unrealize,
    .reset = serial16550_reset,
    .refresh = serial16550_refresh,
    .loaded = serial16550_loaded,
};
