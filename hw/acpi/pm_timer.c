/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ACPI's power management timer: 24 bits at 3.579545 MHz, of the virtual clock.
 * Spec: ACPI 6.3, 4.8.3.3.
 *
 * Not modelled: the interrupt when its highest bit changes, which is of a PM1 block. */
#include "hw/acpi/pm_timer.h"

#include "base/clock.h"

enum { NS_PER_SECOND = 1000000000, BITS = 0xffffff };

static uint64_t value_read(Device *dev, const RegAccess *a)
{
    uint64_t ns = clock_get_ns(device_clock(dev), CLK_VIRTUAL);
    return (uint64_t)((unsigned __int128)ns * PM_TIMER_HZ / NS_PER_SECOND) & BITS;
}

static const Reg rows[] = {
    { "value", 0, 4, REG_RO, .read = value_read },
    { NULL },
};
static const RegTable pm_timer_regs = { rows, .min = 1, .max = 4 };

static bool pm_timer_realize(Device *dev, GError **err)
{
    PmTimer *t = container_of(dev, PmTimer, dev);
    reg_file_init(&t->regs, dev, &pm_timer_regs, "acpi-tmr", PM_TIMER_BYTES);
    return true;
}

static void pm_timer_unrealize(Device *dev)
{
    reg_file_finish(&container_of(dev, PmTimer, dev)->regs);
}

const DeviceClass pm_timer_class = {
    .name = "acpi-pm-timer",
    .desc = "ACPI power management timer",
    .category = "Misc",
    .size = sizeof(PmTimer),
    .realize = pm_timer_realize,
    .unrealize = pm_timer_unrealize,
};
