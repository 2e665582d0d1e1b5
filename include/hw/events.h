/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Events of machines and their devices (base/events.h), and the shapes of their data.
 * Names and members: QEMU's manual, "QMP reference". */
#pragma once
#include "base/events.h"

/* SHUTDOWN, RESET: has the guest asked, and why; see ShutdownCause. */
typedef struct ShutdownEvent {
    bool guest;
    int reason; /* index into shutdown_reasons */
} ShutdownEvent;
typedef struct SerialPortEvent {
    char *id;
    bool open;
} SerialPortEvent;
typedef struct BalloonEvent {
    int64_t actual; /* bytes that the guest has */
} BalloonEvent;
typedef struct DeviceEvent {
    char *device; /* its id; NULL: it has none */
    char *path;
} DeviceEvent;

typedef struct RtcEvent {
    int64_t offset; /* seconds that the guest's clock is ahead of -rtc base= */
    char *path;
} RtcEvent;
typedef struct NicEvent {
    char *name, *path;
} NicEvent;

/* GUEST_PANICKED, GUEST_CRASHLOADED: what follows. */
typedef struct PanicEvent {
    int action; /* PANIC_TOLD_* */
} PanicEvent;
enum { PANIC_TOLD_PAUSE, PANIC_TOLD_POWEROFF, PANIC_TOLD_RUN };

extern const Event event_guest_panicked, event_guest_crashloaded, event_guest_pvshutdown;
extern const Event event_shutdown, event_reset, event_powerdown, event_stop, event_resume,
    event_vserport_change, event_balloon_change, event_device_deleted, event_rtc_change,
    event_nic_rx_filter_changed;
