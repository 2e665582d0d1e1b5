/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Writes that signal a notifier instead of calling the device.
 *
 * The bus reads a region's rows without a lock: a change replaces all of them, and the old ones are
 * freed later.  A listener hears of each row wherever its region is shown (memory_listeners.c). */
#include "base/memory_priv.h"

#include <string.h>

#include "util/bytes.h"

static bool rows_equal(const MemoryEvent *a, const MemoryEvent *b)
{
    return a->offset == b->offset && a->size == b->size && a->match == b->match && a->value == b->value &&
           a->notifier == b->notifier;
}

bool memory_event_signal(const MemoryRegion *mr, hwaddr offset, unsigned size, uint64_t value)
{
    const MemoryEvents *events = __atomic_load_n(&mr->events, __ATOMIC_ACQUIRE);
    for (unsigned i = 0; events && i < events->count; i++) {
        const MemoryEvent *e = &events->rows[i];
        if (e->offset == offset && (!e->size || e->size == size) &&
            (!e->match || e->value == (value & bytes_mask(size)))) {
            event_notifier_set(e->notifier);
            return true;
        }
    }
    return false;
}

/* Under the lock of the map. */
static void replace_rows(MemoryRegion *mr, MemoryEvents *now)
{
    MemoryEvents *was = __atomic_exchange_n(&mr->events, now, __ATOMIC_SEQ_CST);
    if (was) {
        memory_free_later(g_free, was);
    }
}

static MemoryEvents *rows_new(unsigned count)
{
    MemoryEvents *events = g_malloc(sizeof(*events) + count * sizeof(MemoryEvent));
    events->count = count;
    return events;
}

void memory_region_add_event(MemoryRegion *mr, const MemoryEvent *e)
{
    memory_transaction_begin();
    const MemoryEvents *was = mr->events;
    unsigned count = was ? was->count : 0;
    MemoryEvents *now = rows_new(count + 1);
    if (was) {
        memcpy(now->rows, was->rows, count * sizeof(MemoryEvent));
    }
    now->rows[count] = *e;
    replace_rows(mr, now);
    memory_listeners_event_changed(mr, e, true);
    memory_transaction_commit();
}

void memory_region_del_event(MemoryRegion *mr, const MemoryEvent *e)
{
    memory_transaction_begin();
    const MemoryEvents *was = mr->events;
    unsigned at = 0;
    while (at < was->count && !rows_equal(&was->rows[at], e)) {
        at++;
    }
    g_assert(at < was->count);
    MemoryEvents *now = was->count > 1 ? rows_new(was->count - 1) : NULL;
    if (now) {
        memcpy(now->rows, was->rows, at * sizeof(MemoryEvent));
        memcpy(now->rows + at, was->rows + at + 1, (was->count - at - 1) * sizeof(MemoryEvent));
    }
    memory_listeners_event_changed(mr, e, false);
    replace_rows(mr, now);
    memory_transaction_commit();
}
