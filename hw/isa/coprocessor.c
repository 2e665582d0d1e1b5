/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The logic between FERR#, interrupt 13 and IGNNE#, with port F0h, as the AT brought it and chipsets kept it: FERR# sets a latch,
 * which is the interrupt; a write to port F0h clears it, and has the processor ignore the error until FERR# goes.
 *
 * Source: Intel SDM volume 1, appendix on x87 exception handlers, "MS-DOS compatibility sub-mode".
 * Not modelled: port F1h, which reset a 287. */
#include "hw/isa/coprocessor.h"

#include "hw/isa/isa.h"

enum { LINE = 13, PORT = 0xf0 };

static Coprocessor *coprocessor(Device *dev)
{
    return container_of(dev, Coprocessor, dev);
}

static void coprocessor_refresh(Device *dev)
{
    Coprocessor *c = coprocessor(dev);
    irq_set(&c->irq, c->s.latch & COPROCESSOR_ERROR ? 1 : 0);
    irq_set(&c->ignne, c->s.latch & COPROCESSOR_IGNORE ? 1 : 0);
}

void coprocessor_ferr(void *opaque, bool level)
{
    Coprocessor *c = opaque;
    device_lock(&c->dev);
    c->s.latch = level ? c->s.latch | COPROCESSOR_ERROR : 0;
    coprocessor_refresh(&c->dev);
    device_unlock(&c->dev);
}

static void clear_written(Device *dev, const RegAccess *a, uint64_t value)
{
    Coprocessor *c = coprocessor(dev);
    if (c->s.latch & COPROCESSOR_ERROR) {
        c->s.latch = COPROCESSOR_IGNORE;
    }
}

static const Reg rows[] = {
    { "clear", 0, 1, REG_WO, .write = clear_written },
    { NULL },
};
static const RegTable coprocessor_regs = { rows, .min = 1, .max = 1, .after = device_refresh };

static bool coprocessor_realize(Device *dev, GError **err)
{
    Coprocessor *c = coprocessor(dev);
    if (!isa_take_line(dev, &c->irq, LINE, err)) {
        return false;
    }
    reg_file_init(&c->regs, dev, &coprocessor_regs, "coprocessor", 1);
    if (!isa_take_ports(dev, &c->regs.mr, PORT, err)) {
        reg_file_finish(&c->regs);
        return false;
    }
    return true;
}

static void coprocessor_unrealize(Device *dev)
{
    irq_lower(&coprocessor(dev)->irq);
    reg_file_finish(&coprocessor(dev)->regs);
}

static const Field coprocessor_state[] = {
    STATE_U8(Coprocessor, latch, .max = COPROCESSOR_ERROR | COPROCESSOR_IGNORE),
    { NULL },
};

const DeviceClass coprocessor_class = {
    .name = "coprocessor",
    .desc = "x87 error logic, port F0h",
    .category = "Misc",
    .bus = "ISA",
    .size = sizeof(Coprocessor),
    .state = coprocessor_state,
    .state_offset = offsetof(Coprocessor, s),
    .state_size = sizeof(struct CoprocessorState),
    .realize = coprocessor_realize,
    .unrealize = coprocessor_unrealize,
    .refresh = coprocessor_refresh,
};
