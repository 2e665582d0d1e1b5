/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Pins: who may still use a place of an image that a map has named.
 *
 * A driver that frees a place waits for the pins of that moment before it gives the place away again, or a write that
 * was on its way would land in another's data.  Time is cut into epochs; a pin counts in the epoch in which it was
 * taken, and what was freed in an epoch is free for use when that epoch's pins, and those of the one before, are gone. */
#pragma once
#include <stdbool.h>

typedef struct Pins {
    unsigned epoch;   /* atomic */
    unsigned held[2]; /* atomic: of this epoch and the one before, by its lowest bit */
} Pins;

static inline unsigned pins_take(Pins *p)
{
    for (;;) {
        unsigned epoch = __atomic_load_n(&p->epoch, __ATOMIC_SEQ_CST);
        __atomic_add_fetch(&p->held[epoch & 1], 1, __ATOMIC_SEQ_CST);
        if (__atomic_load_n(&p->epoch, __ATOMIC_SEQ_CST) == epoch) {
            return epoch;
        }
        __atomic_sub_fetch(&p->held[epoch & 1], 1, __ATOMIC_SEQ_CST);
    }
}

static inline void pins_drop(Pins *p, unsigned pin)
{
    __atomic_sub_fetch(&p->held[pin & 1], 1, __ATOMIC_SEQ_CST);
}

/* Begin a new epoch, if the one before the current has no pins: what was freed in that one is free then.  One thread at
 * a time. */
static inline bool pins_advance(Pins *p)
{
    unsigned epoch = __atomic_load_n(&p->epoch, __ATOMIC_SEQ_CST);
    if (__atomic_load_n(&p->held[(epoch + 1) & 1], __ATOMIC_SEQ_CST)) {
        return false;
    }
    __atomic_store_n(&p->epoch, epoch + 1, __ATOMIC_SEQ_CST);
    return true;
}
