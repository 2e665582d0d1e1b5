/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ACPI's generic event device, with the sleep and reset registers of hardware-reduced machines. */
#pragma once
#include "hw/device.h"
#include "hw/regs.h"

enum { GED_POWER_BUTTON = 2 };                                       /* events, as bits */
enum { GED_SLEEP_CONTROL = 0, GED_SLEEP_STATUS = 1, GED_RESET = 2 }; /* registers */
enum { GED_SLEEP_TYPE_OFF = 5, GED_RESET_VALUE = 0x42 };

typedef struct Ged {
    Device dev;
    RegFile events, regs;
    Irq irq; /* high while there are events */
    struct GedState {
        uint32_t pending;
        uint8_t status;
    } s;
} Ged;

extern const DeviceClass ged_class;

/* An IrqHandler, opaque: Ged; line: GED_*. */
void ged_event(void *ged, int line, int level);
