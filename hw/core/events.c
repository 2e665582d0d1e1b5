/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The rows of hw/events.h. */
#include "hw/events.h"

#include "hw/runstate.h"

enum { ONE_A_SECOND = 1000 };

static const Prop shutdown_props[] = {
    { "guest", PROP_BOOL, offsetof(ShutdownEvent, guest), "the guest has asked for it", .required = true },
    { "reason", PROP_ENUM, offsetof(ShutdownEvent, reason), "what has", .names = shutdown_reasons,
      .required = true },
    { NULL },
};
static const Shape shutdown_shape = { "ShutdownEvent", sizeof(ShutdownEvent), shutdown_props };
const Event event_shutdown = { .name = "SHUTDOWN", .data = &shutdown_shape };
const Event event_reset = { .name = "RESET", .data = &shutdown_shape };
const Event event_powerdown = { .name = "POWERDOWN" };
const Event event_stop = { .name = "STOP" };
const Event event_resume = { .name = "RESUME" };

static const Prop port_props[] = {
    { "id", PROP_STRING, offsetof(SerialPortEvent, id), "of the port", .required = true },
    { "open", PROP_BOOL, offsetof(SerialPortEvent, open), "the guest has it open", .required = true },
    { NULL },
};
static const Shape port_shape = { "SerialPortEvent", sizeof(SerialPortEvent), port_props };
const Event event_vserport_change = {
    .name = "VSERPORT_CHANGE", .data = &port_shape, .limit_ms = ONE_A_SECOND, .key = "id"
};

static const Prop balloon_props[] = {
    { "actual", PROP_I64, offsetof(BalloonEvent, actual), "bytes that the guest has", .required = true },
    { NULL },
};
static const Shape balloon_shape = { "BalloonEvent", sizeof(BalloonEvent), balloon_props };
const Event event_balloon_change = { .name = "BALLOON_CHANGE",
                                     .data = &balloon_shape,
                                     .limit_ms = ONE_A_SECOND };

static const Prop device_props[] = {
    { "device", PROP_STRING, offsetof(DeviceEvent, device), "its id" },
    { "path", PROP_STRING, offsetof(DeviceEvent, path), "its place in the tree of objects",
      .required = true },
    { NULL },
};
static const Shape device_shape = { "DeviceEvent", sizeof(DeviceEvent), device_props };
const Event event_device_deleted = { .name = "DEVICE_DELETED", .data = &device_shape };

static const Prop rtc_props[] = {
    { "offset", PROP_I64, offsetof(RtcEvent, offset), "seconds ahead of -rtc base=", .required = true },
    { "qom-path", PROP_STRING, offsetof(RtcEvent, path), "its place in the tree of objects",
      .required = true },
    { NULL },
};
static const Shape rtc_shape = { "RtcEvent", sizeof(RtcEvent), rtc_props };
const Event event_rtc_change = { .name = "RTC_CHANGE", .data = &rtc_shape, .limit_ms = ONE_A_SECOND };

static const Prop nic_props[] = {
    { "name", PROP_STRING, offsetof(NicEvent, name), "of the card" },
    { "path", PROP_STRING, offsetof(NicEvent, path), "its place in the tree of objects", .required = true },
    { NULL },
};
static const Shape nic_shape = { "NicEvent", sizeof(NicEvent), nic_props };
/* No limit: a card tells it once, until somebody asks what the filter is. */
const Event event_nic_rx_filter_changed = { .name = "NIC_RX_FILTER_CHANGED", .data = &nic_shape };

static const char *const panic_told[] = {
    [PANIC_TOLD_PAUSE] = "pause", [PANIC_TOLD_POWEROFF] = "poweroff", [PANIC_TOLD_RUN] = "run", NULL
};
static const Prop panic_props[] = {
    { "action", PROP_ENUM, offsetof(PanicEvent, action), "what follows", .names = panic_told,
      .required = true },
    { NULL },
};
static const Shape panic_shape = { "GuestPanicEvent", sizeof(PanicEvent), panic_props };
const Event event_guest_panicked = { .name = "GUEST_PANICKED", .data = &panic_shape };
const Event event_guest_crashloaded = { .name = "GUEST_CRASHLOADED", .data = &panic_shape };
const Event event_guest_pvshutdown = { .name = "GUEST_PVSHUTDOWN" };
