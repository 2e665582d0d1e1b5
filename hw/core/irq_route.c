/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where interrupts of a machine go: to controllers in the host's kernel when the accelerator has
 * them, else to the board's devices. */
#include "accel/accel.h"
#include "hw/board.h"

static void line_of_accel(void *opaque, int gsi, int level)
{
    const Machine *m = opaque;
    if (m->accel) { /* at the end it goes before the devices */
        m->accel->class->irq_set(m->accel, gsi, level);
    }
}

void machine_connect_irq(Machine *m, Irq *irq, unsigned gsi, IrqHandler *own, void *opaque, int line)
{
    if (m->accel && m->accel->irqchip == ACCEL_IRQCHIP_ALL) {
        irq_connect(irq, line_of_accel, m, gsi);
    } else {
        irq_connect(irq, own, opaque, line);
    }
}

bool machine_send_msi(Machine *m, uint64_t addr, uint32_t data)
{
    if (m->accel && m->accel->irqchip != ACCEL_IRQCHIP_NONE) {
        return m->accel->class->msi_send(m->accel, addr, data) >= 0;
    }
    return m->msi_send && m->msi_send(m, addr, data);
}
