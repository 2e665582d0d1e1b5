/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See hw/timer/rtc_base.h. */
#include "hw/timer/rtc_base.h"

#include "hw/board.h"
#include "hw/events.h"

enum { NANOS = 1000000000 };

RtcBase rtc_base_choose(const Device *dev)
{
    static const ClockKind kinds[] = {
        [RTC_HOST] = CLK_HOST,
        [RTC_RT] = CLK_REALTIME,
        [RTC_VM] = CLK_VIRTUAL,
    };
    const MachineConfig *config = dev->machine ? dev->machine->config : NULL;
    RtcBase b = { kinds[config ? config->rtc_clock : RTC_HOST], config ? config->rtc_offset_ns : 0 };
    if (b.kind != CLK_HOST) {
        b.base += clock_get_ns(device_clock(dev), CLK_HOST) - clock_get_ns(device_clock(dev), b.kind);
    }
    return b;
}

int64_t rtc_base_now(const RtcBase *b, const Device *dev)
{
    return clock_get_ns(device_clock(dev), b->kind) + b->base;
}

void rtc_base_tell(const Device *dev, char *place, int64_t ahead_ns)
{
    RtcEvent event = { ahead_ns / NANOS, place };
    events_emit(dev->machine ? dev->machine->events : NULL, &event_rtc_change, &event);
}
