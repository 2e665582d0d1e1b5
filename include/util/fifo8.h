/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A byte queue that is part of a device's state (STATE_FIFO8 in base/state.h). */
#pragma once
#include <stdbool.h>
#include <stdint.h>

enum { FIFO8_MAX = 256 };
typedef struct Fifo8 {
    uint8_t data[FIFO8_MAX];
    uint16_t head, used;
} Fifo8;

void fifo8_reset(Fifo8 *f);
bool fifo8_push(Fifo8 *f, uint8_t byte, unsigned capacity); /* false: full */
uint8_t fifo8_pop(Fifo8 *f);                                /* 0 when empty */
static inline unsigned fifo8_used(const Fifo8 *f)
{
    return f->used;
}
/* The byte that was put in i places behind the oldest. */
static inline uint8_t fifo8_at(const Fifo8 *f, unsigned i)
{
    return f->data[(f->head + i) % FIFO8_MAX];
}
