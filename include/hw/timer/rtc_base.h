/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The clock behind a real-time clock, as -rtc wants it. */
#pragma once
#include "base/clock.h"
#include "hw/device.h"

typedef struct RtcBase {
    ClockKind kind;
    int64_t base; /* ns that are added to it */
} RtcBase;

/* The host's clock plus an offset, or another clock from the same start on. */
RtcBase rtc_base_choose(const Device *dev);
/* ns since 1970, before what the guest has set. */
int64_t rtc_base_now(const RtcBase *b, const Device *dev);
/* The guest has set it: seconds that it is ahead; place: device_tree_path. */
void rtc_base_tell(const Device *dev, char *place, int64_t ahead_ns);
