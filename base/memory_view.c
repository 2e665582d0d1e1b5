/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Flat views: the tree of regions as a sorted array, read without a lock.
 *
 * Requirements:
 *   1. A published view never changes; its ranges are sorted and disjoint.
 *   2. A reader that found a view may use it until its own next
 *      memory_quiescent(): a replaced view is freed later (memory_readers.c).
 *   3. Publishing comes before telling the listeners, so that what they look
 *      up is new. */
#include "base/memory_priv.h"

#include <stdlib.h>
#include <string.h>

typedef __int128 Wide; /* addresses before 0 (aliases) and sizes of 2^64 */

enum { RENDER_MAX_DEPTH = 32, LISTENERS_MAX = 16 };

static Lock map_lock = LOCK_INIT(LOCK_MEMORY_MAP); /* the tree, address_spaces, listeners' registration */
static __thread unsigned transaction_depth;        /* of this thread: it has map_lock unless 0 */
static bool views_stale, views_forced;             /* under map_lock, as the next */
static AddressSpace *address_spaces;
static MemoryListener *listeners[LISTENERS_MAX]; /* atomic slots */

/* ---- flattening ---------------------------------------------------------- */

typedef struct Render {
    GArray *ranges; /* of FlatRange, sorted, disjoint */
} Render;

/* Put [first, last] of mr where nothing of higher priority lies yet.  delta:
 * region offset = address - delta. */
static void render_fill(Render *r, MemoryRegion *mr, Wide first, Wide last, Wide delta)
{
    Wide at = first;
    unsigned i = 0;
    while (at <= last) {
        while (i < r->ranges->len) {
            const FlatRange *o = &g_array_index(r->ranges, FlatRange, i);
            if ((Wide)o->start + o->size > at) {
                break;
            }
            i++;
        }
        Wide end = last + 1;
        Wide next = end;
        if (i < r->ranges->len) {
            const FlatRange *o = &g_array_index(r->ranges, FlatRange, i);
            end = MIN(end, (Wide)o->start);
            next = (Wide)o->start + o->size;
        }
        if (end > at) {
            Wide size = MIN(end - at, (Wide)UINT64_MAX);
            FlatRange add = {
                .start = (uint64_t)at, .size = (uint64_t)size, .mr = mr, .mr_offset = (uint64_t)(at - delta)
            };
            g_array_insert_val(r->ranges, i, add);
            i++;
        }
        at = MAX(next, end);
    }
}

static void render_region(Render *r, MemoryRegion *mr, Wide base, Wide first, Wide last, int depth)
{
    if (!mr->enabled || depth > RENDER_MAX_DEPTH) {
        return;
    }
    Wide mr_last = base + region_last(mr->size);
    first = MAX(first, base);
    last = MIN(last, mr_last);
    if (first > last) {
        return;
    }
    if (mr->alias) {
        render_region(r, mr->alias, base - (Wide)mr->alias_offset, first, last, depth + 1);
        return;
    }
    for (unsigned i = 0; mr->children && i < mr->children->len; i++) {
        MemoryRegion *child = g_ptr_array_index(mr->children, i);
        render_region(r, child, base + child->addr, first, last, depth + 1);
    }
    if (mr->ops || mr->ram) {
        render_fill(r, mr, first, last, base);
    }
}

static FlatView *view_build(MemoryRegion *root)
{
    Render r = { .ranges = g_array_new(FALSE, FALSE, sizeof(FlatRange)) };
    render_region(&r, root, 0, 0, UINT64_MAX, 0);
    FlatView *v = g_malloc0(sizeof(FlatView) + r.ranges->len * sizeof(FlatRange));
    for (unsigned i = 0; i < r.ranges->len; i++) {
        const FlatRange *f = &g_array_index(r.ranges, FlatRange, i);
        FlatRange *prev = v->count ? &v->ranges[v->count - 1] : NULL;
        if (prev && prev->mr == f->mr && prev->start + prev->size == f->start &&
            prev->mr_offset + prev->size == f->mr_offset) {
            prev->size += f->size;
        } else {
            v->ranges[v->count++] = *f;
        }
    }
    g_array_free(r.ranges, TRUE);
    return v;
}

/* ---- publishing -------------------------------------------------------- */

static bool views_equal(const FlatView *a, const FlatView *b)
{
    return a->count == b->count && memcmp(a->ranges, b->ranges, a->count * sizeof(FlatRange)) == 0;
}

static void address_space_publish(AddressSpace *as, bool force)
{
    FlatView *now = view_build(as->root);
    if (!force && views_equal(now, as->view)) {
        g_free(now);
        return;
    }
    FlatView *old = __atomic_exchange_n(&as->view, now, __ATOMIC_SEQ_CST);
    memory_free_later(g_free, old);
    memory_listeners_view_changed(as);
}

void memory_view_invalidate(bool force)
{
    views_stale = true;
    views_forced |= force;
}

void memory_transaction_begin(void)
{
    if (transaction_depth++ == 0) {
        lock_take(&map_lock);
    }
}

void memory_transaction_commit(void)
{
    g_assert(transaction_depth > 0);
    if (transaction_depth == 1 && views_stale) {
        bool force = views_forced;
        views_stale = views_forced = false;
        for (AddressSpace *as = address_spaces; as; as = as->next) {
            address_space_publish(as, force);
        }
    }
    if (--transaction_depth == 0) {
        lock_release(&map_lock);
    }
}

/* ---- address spaces ------------------------------------------------------ */

AddressSpace *address_space_new(MemoryRegion *root, const char *name)
{
    AddressSpace *as = g_new0(AddressSpace, 1);
    as->root = root;
    as->name = g_strdup(name);
    memory_transaction_begin();
    as->view = view_build(root);
    AddressSpace **p = &address_spaces;
    while (*p) {
        p = &(*p)->next;
    }
    *p = as;
    memory_transaction_commit();
    return as;
}

void address_space_free(AddressSpace *as)
{
    if (!as) {
        return;
    }
    memory_transaction_begin();
    for (AddressSpace **p = &address_spaces; *p; p = &(*p)->next) {
        if (*p == as) {
            *p = as->next;
            break;
        }
    }
    memory_transaction_commit();
    memory_free_later(g_free, as->view);
    memory_free_later(g_free, as->name);
    memory_free_later(g_free, as);
}

void address_spaces_foreach(void (*fn)(AddressSpace *as, void *opaque), void *opaque)
{
    memory_transaction_begin();
    for (AddressSpace *as = address_spaces; as; as = as->next) {
        fn(as, opaque);
    }
    memory_transaction_commit();
}

const FlatRange *address_space_lookup(AddressSpace *as, hwaddr addr)
{
    memory_reader_enter();
    const FlatView *v = __atomic_load_n(&as->view, __ATOMIC_SEQ_CST);
    unsigned lo = 0, hi = v->count;
    while (lo < hi) {
        unsigned mid = (lo + hi) / 2;
        const FlatRange *r = &v->ranges[mid];
        if (addr < r->start) {
            hi = mid;
        } else if (addr - r->start >= r->size) {
            lo = mid + 1;
        } else {
            return r;
        }
    }
    return NULL;
}

void address_space_foreach(AddressSpace *as, void (*fn)(const FlatRange *r, void *opaque), void *opaque)
{
    memory_transaction_begin(); /* the view stays while we walk it */
    const FlatView *v = as->view;
    for (unsigned i = 0; i < v->count; i++) {
        fn(&v->ranges[i], opaque);
    }
    memory_transaction_commit();
}

/* ---- listeners ----------------------------------------------------------- */

static void listener_replace(MemoryListener *was, MemoryListener *now)
{
    memory_transaction_begin();
    for (unsigned i = 0; i < LISTENERS_MAX; i++) {
        if (listeners[i] == was) {
            __atomic_store_n(&listeners[i], now, __ATOMIC_SEQ_CST);
            memory_transaction_commit();
            return;
        }
    }
    g_error("memory: more than %d listeners", LISTENERS_MAX);
}

void memory_listener_add(MemoryListener *l)
{
    listener_replace(NULL, l);
}

void memory_listener_remove(MemoryListener *l)
{
    listener_replace(l, NULL);
}

void memory_listeners_view_changed(AddressSpace *as)
{
    for (unsigned i = 0; i < LISTENERS_MAX; i++) {
        MemoryListener *l = __atomic_load_n(&listeners[i], __ATOMIC_ACQUIRE);
        if (l && l->view_changed) {
            l->view_changed(l, as);
        }
    }
}

void memory_listeners_readers_wanted(void)
{
    for (unsigned i = 0; i < LISTENERS_MAX; i++) {
        MemoryListener *l = __atomic_load_n(&listeners[i], __ATOMIC_ACQUIRE);
        if (l && l->readers_wanted) {
            l->readers_wanted(l);
        }
    }
}

void memory_listeners_code_written(RamBlock *rb, uint64_t offset, uint64_t length)
{
    for (unsigned i = 0; i < LISTENERS_MAX; i++) {
        MemoryListener *l = __atomic_load_n(&listeners[i], __ATOMIC_ACQUIRE);
        if (l && l->code_written) {
            l->code_written(l, rb, offset, length);
        }
    }
}
