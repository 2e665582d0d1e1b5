/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Goldfish real-time clock: nanoseconds since 1970 and one alarm.
 * Register map: as the Linux driver rtc-goldfish and QEMU's `virt` use it. */
#include "hw/timer/goldfish_rtc.h"

#include "hw/tree.h"

static GoldfishRtc *rtc(void *dev)
{
    return dev;
}

static uint64_t rtc_now(const GoldfishRtc *r)
{
    return (uint64_t)rtc_base_now(&r->base, &r->dev) + r->s.offset;
}

/* The line, and the sleep until the alarm. */
static void rtc_refresh(Device *dev)
{
    GoldfishRtc *r = rtc(dev);
    uint64_t now = rtc_now(r);
    bool fired = r->s.armed && r->s.alarm <= now;
    if (fired) {
        r->s.armed = false;
        r->s.pending = true;
    }
    if (fired && r->s.enabled) {
        irq_request(&r->irq);
    } else {
        irq_set(&r->irq, r->s.pending && r->s.enabled);
    }
    if (!r->s.armed || r->s.alarm - now > (uint64_t)INT64_MAX / 2) {
        timer_cancel(r->timer);
        return;
    }
    timer_set_deadline(r->timer,
                       clock_get_ns(device_clock(&r->dev), r->base.kind) + (int64_t)(r->s.alarm - now));
}

static void rtc_alarm(void *opaque)
{
    rtc_refresh(opaque);
}

static uint64_t time_low_read(Device *dev, const RegAccess *a)
{
    uint64_t now = rtc_now(rtc(dev));
    rtc(dev)->s.time_high = now >> 32;
    return (uint32_t)now;
}

/* The guest sets the clock. */
static void time_low_write(Device *dev, const RegAccess *a, uint64_t value)
{
    GoldfishRtc *r = rtc(dev);
    uint64_t want = (uint64_t)r->s.time_high << 32 | (uint32_t)value;
    r->s.offset += want - rtc_now(r);
    rtc_base_tell(dev, r->place, (int64_t)r->s.offset);
}

static uint64_t alarm_low_read(Device *dev, const RegAccess *a)
{
    return (uint32_t)rtc(dev)->s.alarm;
}

static void alarm_low_write(Device *dev, const RegAccess *a, uint64_t value)
{
    GoldfishRtc *r = rtc(dev);
    r->s.alarm = (uint64_t)r->s.alarm_high << 32 | (uint32_t)value;
    r->s.armed = true;
}

static void clear_alarm_write(Device *dev, const RegAccess *a, uint64_t value)
{
    rtc(dev)->s.armed = false;
}

static void clear_interrupt_write(Device *dev, const RegAccess *a, uint64_t value)
{
    rtc(dev)->s.pending = false;
}

#define R GoldfishRtc
/* clang-format off */
static const Reg rtc_rows[] = {
    { "time-low",        0x00, 4, .read = time_low_read, .write = time_low_write },
    { "time-high",       0x04, 4, REG_STATE(R, s.time_high), .rw = UINT32_MAX },
    { "alarm-low",       0x08, 4, .read = alarm_low_read, .write = alarm_low_write },
    { "alarm-high",      0x0c, 4, REG_STATE(R, s.alarm_high), .rw = UINT32_MAX },
    { "irq-enabled",     0x10, 4, REG_STATE(R, s.enabled), .rw = 1 },
    { "clear-alarm",     0x14, 4, REG_WO, .write = clear_alarm_write },
    { "alarm-status",    0x18, 4, REG_RO, REG_STATE(R, s.armed) },
    { "clear-interrupt", 0x1c, 4, REG_WO, .write = clear_interrupt_write },
    { NULL },
};
/* clang-format on */

static const RegTable rtc_regs = { rtc_rows, .min = 4, .max = 4, .after = device_refresh };

static bool rtc_realize(Device *dev, GError **err)
{
    GoldfishRtc *r = rtc(dev);
    r->base = rtc_base_choose(dev);
    r->timer = timer_new(device_clock(dev), r->base.kind, dev->lock, rtc_alarm, r);
    r->place = device_tree_path(dev);
    reg_file_init(&r->regs, dev, &rtc_regs, "goldfish_rtc", 0x24);
    return true;
}

static void rtc_unrealize(Device *dev)
{
    GoldfishRtc *r = rtc(dev);
    timer_free(r->timer);
    reg_file_finish(&r->regs);
    g_free(r->place);
}

static const Field rtc_state[] = {
    STATE_U64(GoldfishRtc, offset, .keep = true), /* a clock goes on through a reset */
    STATE_U64(GoldfishRtc, alarm),
    STATE_U32(GoldfishRtc, time_high),
    STATE_U32(GoldfishRtc, alarm_high),
    STATE_BOOL(GoldfishRtc, armed),
    STATE_BOOL(GoldfishRtc, pending),
    STATE_BOOL(GoldfishRtc, enabled),
    { NULL },
};

const DeviceClass goldfish_rtc_class = {
    .name = "goldfish_rtc",
    .desc = "Goldfish real-time clock",
    .category = "Misc",
    .size = sizeof(GoldfishRtc),
    .state = rtc_state,
    .state_offset = offsetof(GoldfishRtc, s),
    .state_size = sizeof(struct GoldfishRtcState),
    .realize = rtc_realize,
    .unrealize = rtc_unrealize,
    .refresh = rtc_refresh,
};
