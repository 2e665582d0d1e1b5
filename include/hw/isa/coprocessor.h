/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A PC's answer to x87 exceptions of the first processor under CR0.NE 0. */
#pragma once
#include "hw/device.h"
#include "hw/regs.h"

typedef struct Coprocessor {
    Device dev;
    RegFile regs;
    Irq irq;   /* line 13 */
    Irq ignne; /* to the processor */
    struct CoprocessorState {
        uint8_t latch; /* COPROCESSOR_* */
    } s;
} Coprocessor;
enum { COPROCESSOR_ERROR = 1, COPROCESSOR_IGNORE = 2 };

extern const DeviceClass coprocessor_class;
/* FERR#: from any thread. */
void coprocessor_ferr(void *opaque, bool level);
