/* SPDX-License-Identifier: GPL-2.0-or-later */
/* System control port A of a PC: address line 20 and the fast reset. */
#pragma once
#include "hw/device.h"
#include "hw/regs.h"

typedef struct Port92 {
    Device dev;
    RegFile regs;
    Irq a20; /* high: address line 20 passes */
    struct Port92State {
        uint8_t control;
    } s;
} Port92;

extern const DeviceClass port92_class;
