/* SPDX-License-Identifier: GPL-2.0-or-later */
/* -device loader. */
#pragma once
#include "hw/device.h"

extern const DeviceClass generic_loader_class;
