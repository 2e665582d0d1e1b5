/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the files of the memory map share: memory.c (tree), memory_view.c (flat
 * views), memory_readers.c (lifetimes), memory_ram.c (host memory), memory_access.c and
 * memory_debug.c (accesses), memory_trace.c. */
#pragma once
#include "base/lock.h"
#include "base/memory.h"

/* A flat view: immutable once published. */
typedef struct FlatView {
    unsigned count;
    FlatRange ranges[];
} FlatView;

struct AddressSpace {
    MemoryRegion *root;
    char *name;
    FlatView *view; /* atomic */
    AddressSpace *next;
};

/* The tree has changed: publish new views now, or at the end of the transaction.
 * force: tell listeners even if the ranges are the same (a ROM-device's mode). */
void memory_view_invalidate(bool force);

void memory_listeners_view_changed(AddressSpace *as);
void memory_listeners_readers_wanted(void);
void memory_listeners_code_written(RamBlock *rb, uint64_t offset, uint64_t length);

/* The calling thread is about to read a view: registers it. */
void memory_reader_enter(void);

RamBlock *ram_block_new(const char *name, uint64_t size, GError **err);
void ram_block_free(RamBlock *rb);

/* With trace_on(): log an access of a device if somebody wants it.  Under the device's lock. */
void memory_trace_io(const MemoryRegion *mr, IoTrace *t, BusResult r);

/* Visit the address spaces (info mtree). */
void address_spaces_foreach(void (*fn)(AddressSpace *as, void *opaque), void *opaque);

static inline uint64_t region_last(uint64_t size)
{
    return size == UINT64_MAX ? UINT64_MAX : size - 1;
}
