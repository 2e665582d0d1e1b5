/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the files of the memory map share: memory.c (tree), memory_view.c (flat views),
 * memory_listeners.c, memory_readers.c (lifetimes), memory_ram.c (host memory), memory_dirty.c (writes
 * to it), memory_access.c, memory_events.c and memory_debug.c (accesses), memory_trace.c. */
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
    bool open_bus;  /* where nothing is, reads give ones and writes vanish */
    AddressSpace *next;
};

/* The ranges of v that `other` has not, or not so, in order. */
void flat_view_foreach_missing(const FlatView *v, const FlatView *other,
                               void (*fn)(const FlatRange *r, void *opaque), void *opaque);

/* The tree has changed: publish new views now, or at the end of the transaction. */
void memory_view_invalidate(void);

/* The calling thread's entry among the readers, or NULL. */
typedef struct MemoryReader MemoryReader;
extern __thread MemoryReader *memory_reader;
/* The calling thread is about to read a view: registers it. */
static inline void memory_reader_enter(void)
{
    if (G_UNLIKELY(!memory_reader)) {
        memory_thread_register();
    }
}

RamBlock *ram_block_new(const char *name, uint64_t size, const RamFile *file /* or NULL */, GError **err);
/* The block that holds a host address, which is mapped. */
RamBlock *ram_block_of_host(const void *host);
/* Where a host address is in a block; it is elsewhere if that is not less than the block's size. */
static inline uint64_t ram_offset_of(const RamBlock *rb, const void *host)
{
    const uint8_t *p = host;
    return p - rb->host;
}

/* With trace_on(): log an access of a device if somebody wants it.  Under the device's lock. */
void memory_trace_io(const MemoryRegion *mr, IoTrace *t, BusResult r);

static inline size_t ram_bitmap_bytes(const RamBlock *rb)
{
    uint64_t pages = rb->size >> RAM_PAGE_BITS;
    return (pages + RAM_WORD_BITS - 1) / RAM_WORD_BITS * sizeof(unsigned long);
}

/* Visit the address spaces, under the lock of the map. */
void address_spaces_foreach(void (*fn)(AddressSpace *as, void *opaque), void *opaque);

/* memory_events.c: the write is an event's, which was signalled.  Call it when mr->events is not NULL. */
bool memory_event_signal(const MemoryRegion *mr, hwaddr offset, unsigned size, uint64_t value);
/* memory_listeners.c, under the lock of the map: an event of a region came (or went). */
void memory_listeners_event_changed(MemoryRegion *mr, const MemoryEvent *e, bool added);
/* memory_listeners.c, under the lock of the map: `as` shows `now` in place of `was` (NULL: nothing). */
void memory_listeners_view_changed(AddressSpace *as, const FlatView *was, const FlatView *now);
void memory_listeners_readers_wanted(void);
void memory_listeners_dirty_taken(RamBlock *rb, uint64_t offset, uint64_t length);
void memory_listeners_dirty_sync(RamBlock *rb, uint64_t offset, uint64_t length);
void memory_listeners_code_written(RamBlock *rb, uint64_t offset, uint64_t length);

static inline uint64_t region_last(uint64_t size)
{
    return size == UINT64_MAX ? UINT64_MAX : size - 1;
}
