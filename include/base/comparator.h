/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A comparator of a machine's timer: its line is high while a counter is at or past a value.
 *
 * The counter follows the virtual clock at a fixed rate, plus whatever the guest sets it to.
 * A lock of the comparator's own guards value, timer and line, so that a value that is set and a
 * timer that fires meanwhile leave the line as the value says, whoever comes last. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

typedef struct Comparator Comparator;
typedef struct Clock Clock;

typedef struct ComparatorOps {
    uint64_t (*now)(void *opaque);          /* the counter; any thread */
    void (*drive)(void *opaque, bool high); /* any thread, under the comparator's lock: as
                                                   irq_set() asks; also when nothing changes */
} ComparatorOps;

/* It is off: drives nothing until a value is set. */
Comparator *comparator_new(Clock *clock, uint64_t hz, const ComparatorOps *ops, void *opaque);
void comparator_free(Comparator *c); /* main loop only; NULL is fine */
/* Compare with `value` from now on.  Any thread, as all below. */
void comparator_set(Comparator *c, uint64_t value);
/* The counter was set: look again. */
void comparator_look(Comparator *c);
void comparator_off(Comparator *c);
