/* SPDX-License-Identifier: GPL-2.0-or-later */
/* pvpanic on the ISA bus.
 * Spec: QEMU documentation, "PVPANIC DEVICE".
 *
 * Not modelled: a record of why (the device has no room for one). */
#include "hw/misc/pvpanic.h"

#include "hw/board.h"
#include "hw/events.h"
#include "hw/isa/isa.h"

enum { PANICKED = 1, CRASH_LOADED = 2, GUEST_SHUTDOWN = 4, ALL = PANICKED | CRASH_LOADED | GUEST_SHUTDOWN };

static Pvpanic *pvpanic(Device *dev)
{
    return container_of(dev, Pvpanic, dev);
}

static uint64_t events_read(Device *dev, const RegAccess *a)
{
    return pvpanic(dev)->events;
}

/* What was not offered is ignored. */
static void events_write(Device *dev, const RegAccess *a, uint64_t value)
{
    value &= pvpanic(dev)->events;
    if (value & PANICKED) {
        runstate_request_panic(dev->machine);
    } else if (value & CRASH_LOADED) { /* the guest looks after it */
        events_emit(dev->machine->events, &event_guest_crashloaded, &(PanicEvent){ PANIC_TOLD_RUN });
    } else if (value & GUEST_SHUTDOWN) {
        events_emit(dev->machine->events, &event_guest_pvshutdown, NULL);
        runstate_request_shutdown(dev->machine, SHUTDOWN_GUEST_POWEROFF, 0);
    }
}

static const RegBits event_bits[] = {
    { "panicked", PANICKED }, { "crash-loaded", CRASH_LOADED }, { "shutdown", GUEST_SHUTDOWN }, { NULL }
};
static const Reg rows[] = {
    { "events", 0, 1, .read = events_read, .write = events_write, .bits = event_bits },
    { NULL },
};
static const RegTable pvpanic_regs = { rows, .min = 1, .max = 1 };

static bool pvpanic_realize(Device *dev, GError **err)
{
    Pvpanic *p = pvpanic(dev);
    reg_file_init(&p->regs, dev, &pvpanic_regs, "pvpanic", 1);
    if (!isa_take_ports(dev, &p->regs.mr, p->ioport, err)) {
        reg_file_finish(&p->regs);
        return false;
    }
    return true;
}

static void pvpanic_unrealize(Device *dev)
{
    reg_file_finish(&pvpanic(dev)->regs);
}

static const Prop pvpanic_props[] = {
    { "ioport", PROP_U16, offsetof(Pvpanic, ioport), "the port", .def = 0x505 },
    { "events", PROP_U8, offsetof(Pvpanic, events),
      "what the guest may tell: 1 panic, 2 crash kernel, 4 shutdown", .def = ALL, .max = ALL },
    { NULL },
};

const DeviceClass pvpanic_class = {
    .name = "pvpanic",
    .desc = "port by which a guest tells of its panic",
    .category = "Misc",
    .bus = "ISA",
    .user_creatable = true,
    .size = sizeof(Pvpanic),
    .props = pvpanic_props,
    .realize = pvpanic_realize,
    .unrealize = pvpanic_unrealize,
};
