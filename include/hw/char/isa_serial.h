/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A serial line of a PC: COM1 to COM4. */
#pragma once
#include "hw/char/serial16550.h"

enum { ISA_SERIAL_AUTO = UINT32_MAX, ISA_SERIAL_PORTS = 4 };

typedef struct IsaSerial {
    Serial16550 uart;
    uint32_t index, iobase, line; /* ISA_SERIAL_AUTO: the next free one; as the index says */
} IsaSerial;

extern const DeviceClass isa_serial_class;
