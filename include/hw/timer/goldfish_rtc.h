/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Goldfish real-time clock. */
#pragma once
#include "hw/device.h"
#include "hw/regs.h"
#include "hw/timer/rtc_base.h"

typedef struct GoldfishRtc {
    Device dev;
    RegFile regs;
    Irq irq;
    Timer *timer;
    RtcBase base; /* what it follows, beside s.offset */
    char *place;  /* in the tree of objects */
    struct GoldfishRtcState {
        uint64_t offset;    /* what the guest added by setting the time; two's complement */
        uint64_t alarm;     /* ns since 1970 */
        uint32_t time_high; /* latched by a read of TIME_LOW, or written before it */
        uint32_t alarm_high;
        bool armed, pending, enabled;
    } s;
} GoldfishRtc;

extern const DeviceClass goldfish_rtc_class;
