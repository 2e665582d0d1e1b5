/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See util/fifo8.h. */
#include "util/fifo8.h"

#include <glib.h>

void fifo8_reset(Fifo8 *f)
{
    *f = (Fifo8){ 0 };
}

bool fifo8_push(Fifo8 *f, uint8_t byte, unsigned capacity)
{
    if (f->used >= MIN(capacity, FIFO8_MAX)) {
        return false;
    }
    f->data[(f->head + f->used) % FIFO8_MAX] = byte;
    f->used++;
    return true;
}

uint8_t fifo8_pop(Fifo8 *f)
{
    if (!f->used) {
        return 0;
    }
    uint8_t byte = f->data[f->head];
    f->head = (f->head + 1) % FIFO8_MAX;
    f->used--;
    return byte;
}
