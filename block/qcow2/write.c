/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Writes: in place where the image has a place that is its own; else new clusters, filled before anything points to
 * them.
 *
 * What is being filled is in `allocating`: another write to the same clusters waits, so no two fill one.  Nobody holds a
 * lock while data moves. */
#include <errno.h>
#include <string.h>

#include "block/block_priv.h"
#include "block/pins.h"
#include "block/qcow2/qcow2.h"

/* One allocation: guest clusters [first, first + count) get host clusters from `host` on. */
typedef struct Filling {
    AllocRange range;
    uint64_t host;
    bool fresh;          /* the host's clusters were allocated for it */
    uint64_t start, end; /* bytes of the guest that are written: data, and what lies around it in its units */
    L2Entry *old;        /* of each cluster */
} Filling;

/* ---- who fills what ------------------------------------------------------ */

static bool overlaps(Qcow2 *s, uint64_t first, uint64_t count)
{
    for (guint i = 0; i < s->allocating->len; i++) {
        const AllocRange *a = &g_array_index(s->allocating, AllocRange, i);
        if (first < a->first + a->count && a->first < first + count) {
            return true;
        }
    }
    return false;
}

void alloc_wait(Qcow2 *s, uint64_t first, uint64_t count)
{
    while (overlaps(s, first, count)) {
        lock_wait(&s->changed, &s->lock);
    }
}

void alloc_end(Qcow2 *s, const AllocRange *range)
{
    for (guint i = 0; i < s->allocating->len; i++) {
        if (g_array_index(s->allocating, AllocRange, i).first == range->first) {
            g_array_remove_index_fast(s->allocating, i);
            break;
        }
    }
    g_cond_broadcast(&s->changed);
}

/* ---- before the first change --------------------------------------------- */

int qcow2_begin_changes(Qcow2 *s)
{
    lock_assert_held(&s->lock);
    if (!s->writable || s->corrupt) {
        return s->corrupt ? -EIO : -EROFS;
    }
    if (!(s->h.compatible & COMPAT_LAZY) || s->dirty_bit) {
        return 0;
    }
    s->h.incompatible |= INCOMPAT_DIRTY;
    int e = header_write(s);
    e = e ? e : node_flush(s->node.children[NODE_FILE]);
    s->dirty_bit = e == 0;
    if (e) {
        s->h.incompatible &= ~(uint64_t)INCOMPAT_DIRTY;
    }
    return e;
}

/* ---- a place ------------------------------------------------------------- */

static bool has_own_host(const Qcow2 *s, const L2Entry *e)
{
    return e->word & ENTRY_COPIED && !(e->word & ENTRY_PACKED) &&
           (entry_host(e) || s->node.children[NODE_DATA_FILE]);
}

/* Clusters from `first` on that need a new place: at most `most`, and all in one table. */
static int count_placeless(Qcow2 *s, uint64_t first, uint64_t most, uint64_t *count, L2Entry *old)
{
    uint64_t table_end = ((first >> s->l2_bits) + 1) << s->l2_bits;
    most = MIN(most, table_end - first);
    for (*count = 0; *count < most; ++*count) {
        L2Entry e;
        int error = overlaps(s, first + *count, 1) ? -EAGAIN : entry_read(s, first + *count, &e, true);
        if (error || has_own_host(s, &e)) {
            return *count ? 0 : error;
        }
        old[*count] = e;
    }
    return 0;
}

/* An own place is there (zeroes were written to it, or other subclusters), a new one is allocated, or the data file's
 * place is used, which is the guest's. */
static int choose_place(Qcow2 *s, Filling *f)
{
    uint64_t first = f->range.first, got = f->range.count;
    int e = entry_table(s, first);
    if (e || !f->fresh) {
        f->host = f->old[0].word & ENTRY_OFFSET;
        return e;
    }
    if (s->node.children[NODE_DATA_FILE]) {
        f->host = first << s->cluster_bits;
        f->fresh = false;
        return 0;
    }
    e = refs_alloc(s, f->range.count, &f->host, &got);
    f->range.count = got;
    return e;
}

/* What is written besides the data: to the ends of the units, or of the clusters where these move. */
static void choose_bounds(const Qcow2 *s, Filling *f, uint64_t offset, uint64_t end)
{
    bool whole = f->fresh && (entry_host(&f->old[0]) || f->old[0].word & ENTRY_PACKED);
    const L2Entry *last = &f->old[f->range.count - 1];
    bool whole_end = f->fresh && (entry_host(last) || last->word & ENTRY_PACKED);
    uint64_t unit = UINT64_C(1) << s->unit_bits, first = f->range.first << s->cluster_bits;
    uint64_t after = (f->range.first + f->range.count) << s->cluster_bits;
    f->start = whole ? first : MAX(offset, first) & ~(unit - 1);
    f->end = whole_end ? after : MIN((MIN(end, after) + unit - 1) & ~(unit - 1), after);
}

/* In a place that is there, others write to units that have data; only those before the first of these are filled. */
static uint64_t end_of_empty(const Qcow2 *s, const L2Entry *e, uint64_t offset, uint64_t end)
{
    uint64_t unit = UINT64_C(1) << s->unit_bits, at = offset & ~(unit - 1);
    uint64_t after = (offset & ~(s->cluster_size - 1)) + s->cluster_size;
    while (at < MIN(end, after) &&
           entry_kind(s, e, (at & (s->cluster_size - 1)) >> s->unit_bits) != EXTENT_DATA) {
        at += unit;
    }
    return CLAMP(at, offset, end);
}

/* *end: of what can be written now; the offset itself: somebody has made a place meanwhile. */
static int fill_begin(Qcow2 *s, uint64_t offset, uint64_t *end, Filling *f)
{
    uint64_t first = offset >> s->cluster_bits, last = (*end - 1) >> s->cluster_bits;
    f->old = g_new(L2Entry, last - first + 1);
    f->range = (AllocRange){ first, 0 };
    f->fresh = true;
    int e = count_placeless(s, first, last - first + 1, &f->range.count, f->old);
    if (!e && !f->range.count) { /* a place, maybe without the data */
        f->fresh = false;
        f->range.count = 1;
        e = entry_read(s, first, f->old, true);
        *end = e ? *end : end_of_empty(s, f->old, offset, *end);
    }
    if (e || *end == offset) {
        return e;
    }
    e = choose_place(s, f);
    if (!e) {
        choose_bounds(s, f, offset, *end);
        g_array_append_val(s->allocating, f->range);
    }
    return e;
}

/* ---- the data ------------------------------------------------------------ */

static int write_with_edges(Qcow2 *s, const Filling *f, const NodeIo *io, uint64_t done, uint64_t n)
{
    uint64_t offset = io->offset + done, head = offset - f->start, tail = f->end - offset - n;
    uint64_t readable = MIN(f->end, s->node.size); /* what lies behind the disk's end is zeroes */
    g_autofree uint8_t *edges = g_malloc0(head + tail + 1);
    g_autofree struct iovec *iov = g_new(struct iovec, (gsize)MAX(io->iov_count, 1) + 2);
    int count = 0, e = head ? node_read(&s->node, f->start, edges, head) : 0;
    if (!e && tail && readable > offset + n) {
        e = node_read(&s->node, offset + n, edges + head, readable - offset - n);
    }
    if (e) {
        return e;
    }
    if (head) {
        iov[count++] = (struct iovec){ edges, head };
    }
    count += iov_slice(iov + count, io->iov, io->iov_count, done, n);
    if (tail) {
        iov[count++] = (struct iovec){ edges + head, tail };
    }
    uint64_t at = f->host + (f->start - (f->range.first << s->cluster_bits));
    return node_run(entry_data_node(s), &(NodeIo){ BLOCK_WRITE, false, at, f->end - f->start, iov, count });
}

/* ---- the entries --------------------------------------------------------- */

static L2Entry filled_entry(const Qcow2 *s, const Filling *f, uint64_t i)
{
    uint64_t host = f->host + (i << s->cluster_bits), guest = (f->range.first + i) << s->cluster_bits;
    L2Entry e = { host | ENTRY_COPIED, f->old[i].word & ENTRY_PACKED ? 0 : f->old[i].bits };
    if (s->extended) {
        unsigned from = f->start > guest ? (f->start - guest) >> s->unit_bits : 0;
        unsigned to = MIN((f->end - guest) >> s->unit_bits, SUBCLUSTERS);
        uint64_t mask = ((UINT64_C(1) << (to - from)) - 1) << from;
        e.bits = (e.bits & ~(mask << 32)) | mask;
    }
    return e;
}

static int fill_end(Qcow2 *s, Filling *f, int result)
{
    uint64_t pointed = 0;
    for (; pointed < f->range.count && !result; pointed++) {
        L2Entry e = filled_entry(s, f, pointed);
        result = entry_write(s, f->range.first + pointed, &e);
        if (!result && f->fresh) {
            entry_free(s, &f->old[pointed]);
        }
    }
    pointed -= result && pointed ? 1 : 0;
    if (result && f->fresh) {
        refs_unalloc(s, f->host + (pointed << s->cluster_bits), f->range.count - pointed);
    }
    alloc_end(s, &f->range);
    return result;
}

/* Fill new clusters from `done` on, as many as lie side by side; *n: of the request. */
static int write_new(Qcow2 *s, const NodeIo *io, uint64_t done, uint64_t *n)
{
    Filling f = { .old = NULL };
    uint64_t offset = io->offset + done, end = io->offset + io->length;
    lock_take(&s->lock);
    alloc_wait(s, offset >> s->cluster_bits, 1);
    int e = qcow2_begin_changes(s);
    e = e ? e : fill_begin(s, offset, &end, &f);
    lock_release(&s->lock);
    *n = 0;
    if (!e && end > offset) {
        *n = MIN(end, (f.range.first + f.range.count) << s->cluster_bits) - offset;
        e = write_with_edges(s, &f, io, done, *n);
        lock_take(&s->lock);
        e = fill_end(s, &f, e);
        lock_release(&s->lock);
    }
    g_free(f.old);
    return e;
}

static int write_here(const NodeIo *io, const Extent *x, uint64_t done)
{
    g_autofree struct iovec *iov = g_new(struct iovec, MAX(io->iov_count, 1));
    int count = iov_slice(iov, io->iov, io->iov_count, done, x->length);
    return node_run(x->node, &(NodeIo){ BLOCK_WRITE, false, x->position, x->length, iov, count });
}

int qcow2_write(Qcow2 *s, const NodeIo *io)
{
    int e = qcow2_commit_if_much(s);
    for (uint64_t done = 0, n = 0; done < io->length && !e; done += n) {
        Extent x;
        unsigned pin = pins_take(s->node.pins);
        e = qcow2_map(&s->node, io->offset + done, io->length - done, true, &x);
        if (!e && x.kind == EXTENT_DATA && x.writable) {
            n = x.length;
            e = write_here(io, &x, done);
        } else if (!e) {
            e = write_new(s, io, done, &n);
        }
        pins_drop(s->node.pins, pin);
    }
    return e;
}
