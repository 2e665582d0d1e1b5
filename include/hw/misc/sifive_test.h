/* SPDX-License-Identifier: GPL-2.0-or-later */
/* SiFive test finisher: power off with an exit code, reset. */
#pragma once
#include "hw/device.h"
#include "hw/regs.h"

typedef struct SifiveTest {
    Device dev;
    RegFile regs;
} SifiveTest;

extern const DeviceClass sifive_test_class;
