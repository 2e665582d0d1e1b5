/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Who hears of changes of the memory map, and of writes to it: accelerators.
 *
 * Requirements:
 *   1. Adding and removing one, and telling of views, happens under the lock of the map.
 *   2. What any thread tells, it tells under `told`, which removing one takes as well: another machine's
 *      threads may be telling the accelerator that is about to go. */
#include "base/memory_priv.h"

enum { LISTENERS_MAX = 16 };

static Lock told = LOCK_INIT(LOCK_LISTENERS);
static MemoryListener *listeners[LISTENERS_MAX]; /* atomic slots */

static MemoryListener *listener_at(unsigned i)
{
    return __atomic_load_n(&listeners[i], __ATOMIC_ACQUIRE);
}

/* ---- views ----------------------------------------------------------------- */

typedef struct Telling {
    MemoryListener *l;
    AddressSpace *as;
} Telling;

/* One event of the region that a range shows. */
static void tell_event(const Telling *t, const FlatRange *r, const MemoryEvent *e, bool added)
{
    void (*fn)(MemoryListener *l, AddressSpace *as, hwaddr addr, const MemoryEvent *e) =
        added ? t->l->event_add : t->l->event_del;
    if (fn && e->offset - r->mr_offset < r->size) {
        fn(t->l, t->as, r->start + (e->offset - r->mr_offset), e);
    }
}

static void tell_events(const Telling *t, const FlatRange *r, bool added)
{
    for (unsigned i = 0; r->mr->events && i < r->mr->events->count; i++) {
        tell_event(t, r, &r->mr->events->rows[i], added);
    }
}

static void tell_del(const FlatRange *r, void *opaque)
{
    const Telling *t = opaque;
    tell_events(t, r, false);
    if (t->l->region_del) {
        t->l->region_del(t->l, t->as, r);
    }
}

static void tell_add(const FlatRange *r, void *opaque)
{
    const Telling *t = opaque;
    if (t->l->region_add) {
        t->l->region_add(t->l, t->as, r);
    }
    tell_events(t, r, true);
}

static bool hears_of(const MemoryListener *l, const AddressSpace *as)
{
    return l && (!l->as || l->as == as);
}

static void tell(MemoryListener *l, AddressSpace *as, const FlatView *was, const FlatView *now)
{
    static const FlatView nothing;
    Telling t = { .l = l, .as = as };
    if (!hears_of(l, as)) {
        return;
    }
    was = was ? was : &nothing;
    now = now ? now : &nothing;
    if (l->begin) {
        l->begin(l, as);
    }
    flat_view_foreach_missing(was, now, tell_del, &t);
    flat_view_foreach_missing(now, was, tell_add, &t);
    if (l->commit) {
        l->commit(l, as);
    }
}

void memory_listeners_view_changed(AddressSpace *as, const FlatView *was, const FlatView *now)
{
    for (unsigned i = 0; i < LISTENERS_MAX; i++) {
        tell(listener_at(i), as, was, now);
    }
}

typedef struct EventChange {
    MemoryRegion *mr;
    const MemoryEvent *e;
    bool added;
} EventChange;

static void tell_event_in(AddressSpace *as, void *opaque)
{
    const EventChange *c = opaque;
    for (unsigned i = 0; i < LISTENERS_MAX; i++) {
        Telling t = { .l = listener_at(i), .as = as };
        for (unsigned n = 0; hears_of(t.l, as) && n < as->view->count; n++) {
            if (as->view->ranges[n].mr == c->mr) {
                tell_event(&t, &as->view->ranges[n], c->e, c->added);
            }
        }
    }
}

void memory_listeners_event_changed(MemoryRegion *mr, const MemoryEvent *e, bool added)
{
    EventChange c = { mr, e, added };
    address_spaces_foreach(tell_event_in, &c);
}

/* ---- registration ------------------------------------------------------------ */

/* Under the lock of the map. */
static void listener_replace(MemoryListener *was, MemoryListener *now)
{
    unsigned i = 0;
    lock_take(&told);
    while (i < LISTENERS_MAX && listeners[i] != was) {
        i++;
    }
    if (i == LISTENERS_MAX) {
        g_error("memory: more than %d listeners", LISTENERS_MAX);
    }
    __atomic_store_n(&listeners[i], now, __ATOMIC_SEQ_CST);
    lock_release(&told);
}

static void tell_all_there_is(AddressSpace *as, void *opaque)
{
    tell(opaque, as, NULL, as->view);
}

void memory_listener_add(MemoryListener *l)
{
    memory_transaction_begin();
    listener_replace(NULL, l);
    address_spaces_foreach(tell_all_there_is, l);
    memory_transaction_commit();
}

void memory_listener_remove(MemoryListener *l)
{
    memory_transaction_begin();
    listener_replace(l, NULL);
    memory_transaction_commit();
}

/* ---- from any thread ----------------------------------------------------------- */

void memory_listeners_readers_wanted(void)
{
    lock_take(&told);
    for (unsigned i = 0; i < LISTENERS_MAX; i++) {
        MemoryListener *l = listener_at(i);
        if (l && l->readers_wanted) {
            l->readers_wanted(l);
        }
    }
    lock_release(&told);
}

void memory_listeners_dirty_taken(RamBlock *rb, uint64_t offset, uint64_t length)
{
    lock_take(&told);
    for (unsigned i = 0; i < LISTENERS_MAX; i++) {
        MemoryListener *l = listener_at(i);
        if (l && l->dirty_taken) {
            __atomic_add_fetch(&rb->revocation, 1, __ATOMIC_SEQ_CST);
            l->dirty_taken(l, rb, offset, length);
        }
    }
    lock_release(&told);
}

void memory_listeners_dirty_sync(RamBlock *rb, uint64_t offset, uint64_t length)
{
    lock_take(&told);
    for (unsigned i = 0; i < LISTENERS_MAX; i++) {
        MemoryListener *l = listener_at(i);
        if (l && l->dirty_sync) {
            l->dirty_sync(l, rb, offset, length);
        }
    }
    lock_release(&told);
}

void memory_listeners_code_written(RamBlock *rb, uint64_t offset, uint64_t length)
{
    lock_take(&told);
    for (unsigned i = 0; i < LISTENERS_MAX; i++) {
        MemoryListener *l = listener_at(i);
        if (l && l->code_written) {
            l->code_written(l, rb, offset, length);
        }
    }
    lock_release(&told);
}
