/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A virtio-mmio slot, for boards: create, realize, map `regs.mr`, connect `irq`. */
#pragma once
#include "hw/device.h"
#include "hw/regs.h"

enum { VIRTIO_MMIO_SIZE = 0x200 };

typedef struct VirtioMmio {
    Device dev;
    RegFile regs;
    Irq irq;
    Bus *bus;       /* "virtio-mmio-bus.INDEX" */
    bool legacy;    /* property force-legacy */
    uint32_t index; /* property */
} VirtioMmio;

extern const DeviceClass virtio_mmio_class;
