/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The ISA bus of a PC: its devices take ports of the machine and interrupt lines by number.
 *
 * "isabus-bridge" provides the bus "isa.0"; a board connects its lines to the controllers.  Several devices may share a
 * line: it is high while one of them holds it. */
#pragma once
#include "hw/device.h"

enum { ISA_LINES = 16 };

typedef struct IsaBridge {
    Device dev;
    Bus *bus;
    Irq out[ISA_LINES]; /* wires */
    Lock line_lock;     /* the next; held while a line is driven */
    unsigned holders[ISA_LINES];
} IsaBridge;

extern const DeviceClass isabus_bridge_class;

/* For classes with .bus = "ISA", in realize; what fails names the device, the number, and who has it. */
bool isa_take_ports(Device *dev, MemoryRegion *mr, uint32_t port, GError **err) G_GNUC_WARN_UNUSED_RESULT;
bool isa_take_line(Device *dev, Irq *irq, uint32_t line, GError **err) G_GNUC_WARN_UNUSED_RESULT;
/* For boards: line n as another device drives it (a port of a super I/O chip, the timer). */
void isa_connect(IsaBridge *bridge, Irq *irq, unsigned line);
