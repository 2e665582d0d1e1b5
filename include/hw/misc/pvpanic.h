/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The port by which a guest says that it has panicked. */
#pragma once
#include "hw/device.h"
#include "hw/regs.h"

typedef struct Pvpanic {
    Device dev;
    RegFile regs;
    uint16_t ioport;
    uint8_t events; /* those that the guest is offered */
} Pvpanic;

extern const DeviceClass pvpanic_class;
