/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Generic event device: one interrupt, and a register that says what has happened.
 * Spec: QEMU documentation, "QEMU and ACPI BIOS Generic Event Device interface"; ACPI 6.3, 4.8.3.7 (sleep control and status
 * registers), 4.8.3.6 (reset register).
 *
 * Not modelled: hot plug of memory and processors; sleep states but S5 (power off). */
#include "hw/acpi/ged.h"

#include <inttypes.h>

#include "base/log.h"
#include "hw/board.h"

enum { SLEEP_ENABLE = 0x20, SLEEP_TYPE_SHIFT = 2, SLEEP_TYPE = 7, WAKE_STATUS = 0x80 };

static Ged *ged(void *dev)
{
    return dev;
}

static void ged_refresh(Device *dev)
{
    irq_set(&ged(dev)->irq, ged(dev)->s.pending ? 1 : 0);
}

void ged_event(void *opaque, int line, int level)
{
    Ged *g = opaque;
    if (level == IRQ_LOW) {
        return;
    }
    device_lock(&g->dev);
    g->s.pending |= (uint32_t)line;
    ged_refresh(&g->dev);
    device_unlock(&g->dev);
}

/* Read once. */
static uint64_t events_read(Device *dev, const RegAccess *a)
{
    uint32_t pending = ged(dev)->s.pending;
    ged(dev)->s.pending = 0;
    return pending;
}

static void sleep_write(Device *dev, const RegAccess *a, uint64_t value)
{
    unsigned type = value >> SLEEP_TYPE_SHIFT & SLEEP_TYPE;
    if (!(value & SLEEP_ENABLE)) {
        return;
    }
    if (type == GED_SLEEP_TYPE_OFF) {
        runstate_request_shutdown(dev->machine, SHUTDOWN_GUEST_POWEROFF, 0);
    } else {
        log_guest_error("%s: sleep of type %u, which is not modelled", dev->path, type);
    }
}

static void reset_write(Device *dev, const RegAccess *a, uint64_t value)
{
    if (value == GED_RESET_VALUE) {
        runstate_request_reset(dev->machine, SHUTDOWN_GUEST_RESET);
    }
}

static const Reg event_rows[] = {
    { "events", 0, 4, REG_RO, .read = events_read },
    { NULL },
};
static const Reg ged_rows[] = {
    { "sleep-control", GED_SLEEP_CONTROL, 1, .write = sleep_write },
    { "sleep-status", GED_SLEEP_STATUS, 1, REG_STATE(Ged, s.status), .w1c = WAKE_STATUS, .ignored = 0xff },
    { "reset", GED_RESET, 1, .write = reset_write },
    { NULL },
};
static const RegTable event_regs = { event_rows, .min = 4, .max = 4, .after = ged_refresh };
static const RegTable ged_regs = { ged_rows, .min = 1, .max = 1 };

static bool ged_realize(Device *dev, GError **err)
{
    reg_file_init(&ged(dev)->events, dev, &event_regs, "acpi-ged", 4);
    reg_file_init(&ged(dev)->regs, dev, &ged_regs, "acpi-ged-regs", 3);
    return true;
}

static void ged_unrealize(Device *dev)
{
    reg_file_finish(&ged(dev)->events);
    reg_file_finish(&ged(dev)->regs);
}

static const Field ged_state[] = {
    STATE_U32(Ged, pending, .max = GED_POWER_BUTTON),
    STATE_U8(Ged, status, .max = WAKE_STATUS),
    { NULL },
};

const DeviceClass ged_class = {
    .name = "acpi-ged",
    .desc = "ACPI events, sleep and reset",
    .category = "Misc",
    .size = sizeof(Ged),
    .state = ged_state,
    .state_offset = offsetof(Ged, s),
    .state_size = sizeof(struct GedState),
    .realize = ged_realize,
    .unrealize = ged_unrealize,
    .refresh = ged_refresh,
};
