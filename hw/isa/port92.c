/* SPDX-License-Identifier: GPL-2.0-or-later */
/* System control port A, at port 92h, as the PS/2 brought it.
 *
 * Address line 20 passes after reset, as it does where nothing but this port gates it and firmware is as today's.
 *
 * Not modelled: the hard disk's lamps, the lock of the CMOS password, the watchdog's status. */
#include "hw/isa/port92.h"

#include "hw/board.h"
#include "hw/isa/isa.h"

enum { FAST_RESET = 1, A20 = 2 };

static Port92 *port92(Device *dev)
{
    return container_of(dev, Port92, dev);
}

static void port92_refresh(Device *dev)
{
    Port92 *p = port92(dev);
    irq_set(&p->a20, p->s.control & A20 ? 1 : 0);
}

/* A reset for each time that the bit rises; it stays set until then. */
static void control_written(Device *dev, const RegAccess *a, uint64_t value)
{
    if (~a->old & value & FAST_RESET) {
        runstate_request_reset(dev->machine, SHUTDOWN_GUEST_RESET);
    }
}

static const RegBits control_bits[] = { { "reset", FAST_RESET }, { "a20", A20 }, { NULL } };
static const Reg rows[] = {
    { "control", 0, 1, REG_STATE(Port92, s.control), .rw = FAST_RESET | A20, .ignored = 0xff,
      .write = control_written, .bits = control_bits },
    { NULL },
};
static const RegTable port92_regs = { rows, .min = 1, .max = 1, .after = device_refresh };

static bool port92_realize(Device *dev, GError **err)
{
    Port92 *p = port92(dev);
    reg_file_init(&p->regs, dev, &port92_regs, "port92", 1);
    if (!isa_take_ports(dev, &p->regs.mr, 0x92, err)) {
        reg_file_finish(&p->regs);
        return false;
    }
    return true;
}

static void port92_unrealize(Device *dev)
{
    reg_file_finish(&port92(dev)->regs);
}

static const Field port92_state[] = {
    STATE_U8(Port92, control, .reset = A20, .max = FAST_RESET | A20),
    { NULL },
};

const DeviceClass port92_class = {
    .name = "port92",
    .desc = "system control port A",
    .category = "Misc",
    .bus = "ISA",
    .size = sizeof(Port92),
    .state = port92_state,
    .state_offset = offsetof(Port92, s),
    .state_size = sizeof(struct Port92State),
    .realize = port92_realize,
    .unrealize = port92_unrealize,
    .refresh = port92_refresh,
};
