/* SPDX-License-Identifier: GPL-2.0-or-later */
/* An interrupt line: an output of one device wired to an input of another.
 *
 * irq_set may be called from any thread under any device's lock: the receiving
 * handler takes no lock, or a leaf lock that it never holds across a call. */
#pragma once
#include <stdbool.h>

typedef void IrqHandler(void *opaque, int line, int level);

/* What a handler is told.  IRQ_AGAIN: the line is high already, and there is one more reason. */
enum { IRQ_LOW, IRQ_HIGH, IRQ_AGAIN };

typedef struct Irq {
    IrqHandler *handler; /* NULL: not connected, levels go nowhere */
    void *opaque;
    int line;  /* which input of the receiver */
    int level; /* what was last sent */
} Irq;

static inline void irq_connect(Irq *irq, IrqHandler *handler, void *opaque, int line)
{
    *irq = (Irq){ .handler = handler, .opaque = opaque, .line = line };
}

/* Drive the line.  The receiver hears of it only when the level changes. */
void irq_set(Irq *irq, int level);
static inline void irq_raise(Irq *irq)
{
    irq_set(irq, 1);
}
static inline void irq_lower(Irq *irq)
{
    irq_set(irq, 0);
}
/* Drive the line high for a new reason: the receiver hears of it even if it is high. */
static inline void irq_request(Irq *irq)
{
    if (irq->level && irq->handler) {
        irq->handler(irq->opaque, irq->line, IRQ_AGAIN);
    } else {
        irq_raise(irq);
    }
}
