/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ACPI's power management timer. */
#pragma once
#include "hw/device.h"
#include "hw/regs.h"

enum { PM_TIMER_HZ = 3579545, PM_TIMER_BYTES = 4 };

typedef struct PmTimer {
    Device dev;
    RegFile regs; /* for the machine's ports */
} PmTimer;

extern const DeviceClass pm_timer_class;
