/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Goldfish real-time clock. */
#pragma once
#include "hw/device.h"
#include "hw/regs.h"
#include "base/clock.h"

typedef struct GoldfishRtc {
    Device dev;
    RegFile regs;
    Irq irq;
    Timer *timer;
    ClockKind clock; /* what it follows */
    char *place;     /* in the tree of objects */
    int64_t base;    /* RTC time = clock + base + s.offset */
    struct GoldfishRtcState {
        uint64_t offset;    /* what the guest added by setting the time; two's complement */
        uint64_t alarm;     /* ns since 1970 */
        uint32_t time_high; /* latched by a read of TIME_LOW, or written before it */
        uint32_t alarm_high;
        bool armed, pending, enabled;
    } s;
} GoldfishRtc;

extern const DeviceClass goldfish_rtc_class;
