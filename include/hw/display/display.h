/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Devices that show a picture, those of virtio apart. */
#pragma once
#include "hw/device.h"

extern const DeviceClass bochs_display_class, isa_vga_class, ramfb_class, secondary_vga_class, vga_pci_class;
