/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A node that stands on a disk while a job works on it: reads pass, writes are seen. */
#pragma once
#include "block/driver.h"

enum { WATCH_SHIFT = 16, WATCH_GRAIN = 1 << WATCH_SHIFT }; /* bytes that are known together */

typedef struct Watch Watch;

typedef struct WatchUse {
    /* Before these whole grains are changed; they are the caller's alone meanwhile.  NULL: nothing is done. */
    void (*before)(void *opaque, uint64_t offset, uint64_t length);
    void (*after)(void *opaque); /* something was marked; NULL: nobody wants to know */
    bool marks;                  /* grains that were written are marked */
    void *opaque;
} WatchUse;

Watch *watch_new(BlockNode *below /* a reference, taken */, const WatchUse *use);
BlockNode *watch_node(Watch *w); /* free it with that */
/* Whole grains, which nobody writes or has taken between the two. */
void watch_take(Watch *w, uint64_t offset, uint64_t length);
void watch_give(Watch *w, uint64_t offset, uint64_t length);

void watch_mark(Watch *w, uint64_t offset, uint64_t length);
/* The first run of marked grains in this range, unmarked by it, of at most so many bytes; false: there is none. */
bool watch_next(Watch *w, uint64_t from, uint64_t end, uint64_t most, uint64_t *offset, uint64_t *length);
uint64_t watch_marked(Watch *w); /* bytes */
