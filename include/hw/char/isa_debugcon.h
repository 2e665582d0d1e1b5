/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The port to which firmware writes what it does. */
#pragma once
#include "chardev/chardev.h"
#include "hw/device.h"
#include "hw/regs.h"

typedef struct IsaDebugcon {
    Device dev;
    RegFile regs;
    Chardev *chr;
    uint32_t iobase, readback;
} IsaDebugcon;

extern const DeviceClass isa_debugcon_class;
