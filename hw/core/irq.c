/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Interrupt lines: see hw/irq.h. */
#include "hw/irq.h"

void irq_set(Irq *irq, int level)
{
    if (irq->level == level) {
        return;
    }
    irq->level = level;
    if (irq->handler) {
        irq->handler(irq->opaque, irq->line, level);
    }
}
