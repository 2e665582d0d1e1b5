/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The port by which a test payload ends the machine. */
#pragma once
#include "hw/device.h"
#include "hw/regs.h"

typedef struct IsaDebugExit {
    Device dev;
    RegFile regs;
    Reg rows[2]; /* of iosize bytes */
    RegTable table;
    uint32_t iobase, iosize;
    struct CPU *stopped; /* the vCPU that wrote, until the reset */
} IsaDebugExit;

extern const DeviceClass isa_debug_exit_class;
