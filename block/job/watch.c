/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is written to a disk while a job works on it: marked, or copied before.
 *
 * Writes and the job take ranges of grains, and wait for each other; nobody holds the lock while data moves. */
#include "block/job/watch.h"

#include "base/lock.h"
#include "util/container.h"

typedef struct Range {
    uint64_t first, last; /* grains */
} Range;

struct Watch {
    BlockNode node;
    WatchUse use;
    Lock lock; /* a leaf: what follows */
    GCond given;
    GArray *taken;                 /* of Range */
    uint64_t *bits;                /* of marked grains */
    uint64_t grains, marked, hint; /* hint: none before it is marked */
};

static Range range_of(uint64_t offset, uint64_t length)
{
    return (Range){ offset >> WATCH_SHIFT, (offset + MAX(length, 1) - 1) >> WATCH_SHIFT };
}

static bool is_taken(const Watch *w, Range r)
{
    for (guint i = 0; i < w->taken->len; i++) {
        const Range *t = &g_array_index(w->taken, Range, i);
        if (r.first <= t->last && t->first <= r.last) {
            return true;
        }
    }
    return false;
}

void watch_take(Watch *w, uint64_t offset, uint64_t length)
{
    Range r = range_of(offset, length);
    lock_take(&w->lock);
    while (is_taken(w, r)) {
        lock_wait(&w->given, &w->lock);
    }
    g_array_append_val(w->taken, r);
    lock_release(&w->lock);
}

void watch_give(Watch *w, uint64_t offset, uint64_t length)
{
    Range r = range_of(offset, length);
    lock_take(&w->lock);
    for (guint i = 0; i < w->taken->len; i++) {
        const Range *t = &g_array_index(w->taken, Range, i);
        if (t->first == r.first && t->last == r.last) {
            g_array_remove_index_fast(w->taken, i);
            break;
        }
    }
    g_cond_broadcast(&w->given);
    lock_release(&w->lock);
}

/* ---- marks -------------------------------------------------------------------- */

static bool is_marked(const Watch *w, uint64_t grain)
{
    return w->bits[grain / 64] >> (grain % 64) & 1;
}

void watch_mark(Watch *w, uint64_t offset, uint64_t length)
{
    Range r = range_of(offset, length);
    lock_take(&w->lock);
    for (uint64_t g = r.first; length && g <= MIN(r.last, w->grains - 1); g++) {
        w->marked += !is_marked(w, g);
        w->bits[g / 64] |= UINT64_C(1) << (g % 64);
    }
    w->hint = MIN(w->hint, r.first);
    lock_release(&w->lock);
}

static uint64_t next_marked(const Watch *w, uint64_t g)
{
    while (g < w->grains && !is_marked(w, g)) {
        g += w->bits[g / 64] ? 1 : 64 - g % 64;
    }
    return MIN(g, w->grains);
}

bool watch_next(Watch *w, uint64_t from, uint64_t end, uint64_t most, uint64_t *offset, uint64_t *length)
{
    uint64_t begin = from >> WATCH_SHIFT, stop = MIN((end + WATCH_GRAIN - 1) >> WATCH_SHIFT, w->grains);
    lock_take(&w->lock);
    bool from_hint = begin <= w->hint;
    uint64_t first = w->marked ? MIN(next_marked(w, MAX(begin, w->hint)), stop) : stop, g = first;
    for (; g < stop && g - first < most >> WATCH_SHIFT && is_marked(w, g); g++) {
        w->bits[g / 64] &= ~(UINT64_C(1) << (g % 64));
        w->marked--;
    }
    if (from_hint) {
        w->hint = MAX(w->hint, g);
    }
    lock_release(&w->lock);
    *offset = first << WATCH_SHIFT;
    *length = g > first ? MIN(g << WATCH_SHIFT, w->node.size) - *offset : 0;
    return g > first;
}

uint64_t watch_marked(Watch *w)
{
    lock_take(&w->lock);
    uint64_t marked = w->marked;
    lock_release(&w->lock);
    return marked << WATCH_SHIFT;
}

/* ---- the node ------------------------------------------------------------------ */

static int watch_map(BlockNode *n, uint64_t offset, uint64_t length, bool may_wait, Extent *e)
{
    *e = (Extent){ EXTENT_DATA, false, length, n->children[NODE_FILE], offset };
    return 0;
}

static int watch_run(BlockNode *n, const NodeIo *io)
{
    Watch *w = container_of(n, Watch, node);
    if (io->op == BLOCK_FLUSH || !io->length) {
        return node_run(n->children[NODE_FILE], io);
    }
    uint64_t start = io->offset & ~(uint64_t)(WATCH_GRAIN - 1);
    uint64_t end = (io->offset + io->length + WATCH_GRAIN - 1) & ~(uint64_t)(WATCH_GRAIN - 1);
    end = MIN(end, n->size);
    watch_take(w, start, end - start);
    if (w->use.before) {
        w->use.before(w->use.opaque, start, end - start);
    }
    int e = node_run(n->children[NODE_FILE], io);
    if (w->use.marks) { /* also of one that failed: nobody knows what it has done */
        watch_mark(w, io->offset, io->length);
    }
    watch_give(w, start, end - start);
    if (w->use.after) {
        w->use.after(w->use.opaque);
    }
    return e;
}

static void watch_close(BlockNode *n)
{
    Watch *w = container_of(n, Watch, node);
    g_array_unref(w->taken);
    g_free(w->bits);
    g_cond_clear(&w->given);
    lock_finish(&w->lock);
}

static const BlockDriver watch_driver = {
    .name = "watch",
    .map = watch_map,
    .run = watch_run,
    .close = watch_close,
};

Watch *watch_new(BlockNode *below, const WatchUse *use)
{
    Watch *w = g_new0(Watch, 1);
    node_init(&w->node, &watch_driver, below->filename, below->size, below->readonly);
    w->node.children[NODE_FILE] = below;
    w->use = *use;
    w->taken = g_array_new(false, false, sizeof(Range));
    w->grains = (below->size + WATCH_GRAIN - 1) >> WATCH_SHIFT;
    w->bits = g_new0(uint64_t, w->grains / 64 + 2);
    w->hint = w->grains;
    lock_init(&w->lock, LOCK_WATCH);
    g_cond_init(&w->given);
    return w;
}

BlockNode *watch_node(Watch *w)
{
    return &w->node;
}
