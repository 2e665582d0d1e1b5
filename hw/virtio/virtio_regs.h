/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Registers that both transports have, for their tables: handlers of rows whose device is the
 * VirtioDevice. */
#pragma once
#include "hw/regs.h"
#include "hw/virtio.h"

/* The queue that is selected; REG_EMPTY when there is none of that number. */
int virtio_reg_queue(Device *dev, unsigned index);
uint64_t virtio_reg_device_features(Device *dev, const RegAccess *a);
uint64_t virtio_reg_driver_features(Device *dev, const RegAccess *a);
void virtio_reg_set_features(Device *dev, const RegAccess *a, uint64_t value);
void virtio_reg_set_status(Device *dev, const RegAccess *a, uint64_t value);
void virtio_reg_set_queue_size(Device *dev, const RegAccess *a, uint64_t value);
void virtio_reg_set_queue_address(Device *dev, const RegAccess *a, uint64_t value); /* with a field */
uint64_t virtio_reg_config(Device *dev, const RegAccess *a);
void virtio_reg_set_config(Device *dev, const RegAccess *a, uint64_t value);

extern const RegBits virtio_reg_status_bits[], virtio_reg_isr_bits[];
