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

enum { RENDER_MAX_DEPTH = 32 };

static Lock map_lock = LOCK_INIT(LOCK_MEMORY_MAP); /* the tree, address_spaces, listeners */
static __thread unsigned transaction_depth;        /* of this thread: it has map_lock unless 0 */
static bool views_stale;                           /* under map_lock, as the next */
static AddressSpace *address_spaces;

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
            end = MIN(end, o->start);
            next = (Wide)o->start + o->size;
        }
        if (end > at) {
            Wide size = MIN(end - at, UINT64_MAX);
            FlatRange add = {
                .start = at, .size = size, .mr = mr, .mr_offset = at - delta, .romd = mr->romd
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

static bool ranges_equal(const FlatRange *a, const FlatRange *b)
{
    return a->start == b->start && a->size == b->size && a->mr == b->mr && a->mr_offset == b->mr_offset &&
           a->romd == b->romd;
}

static bool views_equal(const FlatView *a, const FlatView *b)
{
    bool equal = a->count == b->count;
    for (unsigned i = 0; equal && i < a->count; i++) {
        equal = ranges_equal(&a->ranges[i], &b->ranges[i]);
    }
    return equal;
}

void flat_view_foreach_missing(const FlatView *v, const FlatView *other,
                               void (*fn)(const FlatRange *r, void *opaque), void *opaque)
{
    unsigned j = 0;
    for (unsigned i = 0; i < v->count; i++) {
        const FlatRange *r = &v->ranges[i];
        while (j < other->count && other->ranges[j].start < r->start) {
            j++;
        }
        if (j == other->count || !ranges_equal(r, &other->ranges[j])) {
            fn(r, opaque);
        }
    }
}

/* ---- publishing -------------------------------------------------------- */

static void address_space_publish(AddressSpace *as)
{
    FlatView *now = view_build(as->root);
    if (views_equal(now, as->view)) {
        g_free(now);
        return;
    }
    FlatView *old = __atomic_exchange_n(&as->view, now, __ATOMIC_SEQ_CST);
    memory_listeners_view_changed(as, old, now);
    memory_free_later(g_free, old);
}

void memory_view_invalidate(void)
{
    views_stale = true;
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
        views_stale = false;
        for (AddressSpace *as = address_spaces; as; as = as->next) {
            address_space_publish(as);
        }
    }
    if (--transaction_depth == 0) {
        lock_release(&map_lock);
    }
}

/* ---- address spaces ------------------------------------------------------ */

static AddressSpace *space_new(MemoryRegion *root, const char *name, bool open_bus)
{
    AddressSpace *as = g_new0(AddressSpace, 1);
    as->root = root;
    as->name = g_strdup(name);
    as->open_bus = open_bus;
    memory_transaction_begin();
    as->view = view_build(root);
    AddressSpace **p = &address_spaces;
    while (*p) {
        p = &(*p)->next;
    }
    *p = as;
    memory_listeners_view_changed(as, NULL, as->view);
    memory_transaction_commit();
    return as;
}

AddressSpace *address_space_new(MemoryRegion *root, const char *name)
{
    return space_new(root, name, false);
}

AddressSpace *address_space_new_ports(MemoryRegion *root, const char *name)
{
    return space_new(root, name, true);
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
    memory_listeners_view_changed(as, as->view, NULL);
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

/* The range that holds addr, or NULL. */
static const FlatRange *view_search(const FlatView *v, hwaddr addr)
{
    const FlatRange *r = v->ranges; /* of `left` ranges from here on one may hold it */
    for (unsigned left = v->count; left > 1;) {
        unsigned half = left / 2;
        r = addr >= r[half].start ? r + half : r;
        left -= half;
    }
    return v->count && addr - r->start < r->size ? r : NULL;
}

/* Where this thread found something last is where it mostly looks next: DMA in RAM, a driver in its
 * device's registers.  It is a place in a view, whichever that was: what is there is looked at in the
 * view of now. */
static __thread unsigned last_found;

static G_GNUC_NO_INLINE const FlatRange *lookup_elsewhere(const FlatView *v, hwaddr addr)
{
    const FlatRange *r = view_search(v, addr);
    if (r) {
        last_found = r - v->ranges;
    }
    return r;
}

const FlatRange *address_space_lookup(AddressSpace *as, hwaddr addr)
{
    memory_reader_enter();
    const FlatView *v = __atomic_load_n(&as->view, __ATOMIC_SEQ_CST);
    const FlatRange *r = v->ranges + last_found;
    if (G_LIKELY(last_found < v->count && addr - r->start < r->size)) {
        return r;
    }
    return lookup_elsewhere(v, addr);
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
