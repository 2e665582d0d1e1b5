/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Registers that the transports have in common: see virtio_regs.h.
 * Spec: VIRTIO 1.x, 4.1.4.3 and 4.2.2. */
#include "hw/virtio/virtio_regs.h"

#include "base/log.h"

int virtio_reg_queue(Device *dev, unsigned index)
{
    const VirtioDevice *v = virtio_device(dev);
    return v->s.queue_select < v->queue_count ? (int)v->s.queue_select : REG_EMPTY;
}

static uint32_t feature_half(uint64_t features, uint32_t select)
{
    return select > 1 ? 0 : features >> (32 * select);
}

uint64_t virtio_reg_device_features(Device *dev, const RegAccess *a)
{
    VirtioDevice *v = virtio_device(dev);
    return feature_half(virtio_offered_features(v), v->s.feature_select[0]);
}

uint64_t virtio_reg_driver_features(Device *dev, const RegAccess *a)
{
    const VirtioDevice *v = virtio_device(dev);
    return feature_half(v->s.features, v->s.feature_select[1]);
}

void virtio_reg_set_features(Device *dev, const RegAccess *a, uint64_t value)
{
    VirtioDevice *v = virtio_device(dev);
    if (v->s.feature_select[1] < 2) {
        virtio_set_features(v, v->s.feature_select[1], value);
    } else if (value) {
        log_guest_error("%s: features past bit 63", dev->path);
    }
}

void virtio_reg_set_status(Device *dev, const RegAccess *a, uint64_t value)
{
    virtio_set_status(virtio_device(dev), value);
}

void virtio_reg_set_queue_size(Device *dev, const RegAccess *a, uint64_t value)
{
    virtio_queue_set_size(virtio_device(dev), a->index, value);
}

void virtio_reg_set_queue_address(Device *dev, const RegAccess *a, uint64_t value)
{
    if (virtio_device(dev)->s.enabled[a->index]) {
        log_guest_error("%s: '%s' of queue %u written while it is enabled", dev->path, a->reg->name,
                        a->index);
        return;
    }
    reg_store(a, value);
}

uint64_t virtio_reg_config(Device *dev, const RegAccess *a)
{
    uint64_t value;
    virtio_read_config(virtio_device(dev), a->offset, a->size, &value);
    return value;
}

void virtio_reg_set_config(Device *dev, const RegAccess *a, uint64_t value)
{
    virtio_write_config(virtio_device(dev), a->offset, a->size, value);
}

const RegBits virtio_reg_status_bits[] = { { "acknowledge", VIRTIO_STATUS_ACKNOWLEDGE },
                                           { "driver", VIRTIO_STATUS_DRIVER },
                                           { "driver-ok", VIRTIO_STATUS_DRIVER_OK },
                                           { "features-ok", VIRTIO_STATUS_FEATURES_OK },
                                           { "needs-reset", VIRTIO_STATUS_NEEDS_RESET },
                                           { "failed", VIRTIO_STATUS_FAILED },
                                           { NULL } };
const RegBits virtio_reg_isr_bits[] = { { "queue", VIRTIO_ISR_QUEUE },
                                        { "config", VIRTIO_ISR_CONFIG },
                                        { NULL } };
