/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How often each cluster of the file is used, and which are free.
 * Specification: "Host cluster management".
 *
 * A count goes up at once, in memory; it goes down only when the file has no pointer to the cluster any more (a
 * commit has ended since) and nobody can be on the way to it (its pins are gone).  So what a commit writes of
 * counts is never lower than what the file's pointers need, in whichever order its writes arrive. */
#include <errno.h>
#include <string.h>

#include "block/block_priv.h"
#include "block/pins.h"
#include "block/qcow2/qcow2.h"
#include "util/bytes.h"

uint64_t refs_max(const Qcow2 *s)
{
    unsigned bits = 1u << s->h.refcount_order;
    return bits == 64 ? INT64_MAX : (UINT64_C(1) << bits) - 1;
}

uint64_t refs_in_entry(const void *block, uint64_t entry, unsigned order)
{
    const uint8_t *b = block;
    if (order >= 3) {
        return load_be(b + (entry << (order - 3)), 1u << (order - 3));
    }
    unsigned bits = 1u << order, per_byte = 8 / bits;
    return b[entry / per_byte] >> (entry % per_byte * bits) & ((1u << bits) - 1);
}

void refs_set_in_entry(void *block, uint64_t entry, unsigned order, uint64_t refs)
{
    uint8_t *b = block;
    if (order >= 3) {
        store_be(b + (entry << (order - 3)), 1u << (order - 3), refs);
        return;
    }
    unsigned bits = 1u << order, per_byte = 8 / bits, shift = entry % per_byte * bits;
    uint8_t mask = ((1u << bits) - 1) << shift;
    b[entry / per_byte] = (b[entry / per_byte] & ~mask) | (refs << shift & mask);
}

static unsigned block_bits(const Qcow2 *s)
{
    return s->cluster_bits + 3 - s->h.refcount_order;
}

/* Where the block for cluster `index` is; 0: there is none. */
static int find_block(Qcow2 *s, uint64_t index, uint64_t *offset)
{
    uint64_t i = index >> block_bits(s);
    *offset = i < s->reftable.count ? s->reftable.entries[i] & ~UINT64_C(0x1ff) : 0;
    if (*offset & (s->cluster_size - 1)) {
        return qcow2_corrupt(s, "a refcount block at %#" PRIx64 " is not at a cluster", *offset);
    }
    return 0;
}

/* The byte that holds a count, or its first. */
static uint64_t byte_of(const Qcow2 *s, uint64_t block, uint64_t index)
{
    uint64_t entry = index & ((UINT64_C(1) << block_bits(s)) - 1);
    return block + (entry << s->h.refcount_order >> 3);
}

static unsigned bytes_of_count(const Qcow2 *s)
{
    return s->h.refcount_order >= 3 ? 1u << (s->h.refcount_order - 3) : 1;
}

/* Which count of the byte. */
static uint64_t entry_in_byte(const Qcow2 *s, uint64_t index)
{
    return s->h.refcount_order >= 3 ? 0 : index & ((8u >> s->h.refcount_order) - 1);
}

int refs_get(Qcow2 *s, uint64_t index, uint64_t *refs)
{
    uint8_t raw[8];
    uint64_t block;
    int e = find_block(s, index, &block);
    *refs = 0;
    if (!e && block) {
        e = cache_read(s, byte_of(s, block, index), raw, bytes_of_count(s), true);
        *refs = e ? 0 : refs_in_entry(raw, entry_in_byte(s, index), s->h.refcount_order);
    }
    return e;
}

static int set_refs(Qcow2 *s, uint64_t index, uint64_t refs)
{
    uint8_t raw[8];
    uint64_t block;
    int e = find_block(s, index, &block);
    uint64_t at = byte_of(s, block, index);
    e = e ? e : block ? cache_read(s, at, raw, bytes_of_count(s), true) : -EIO;
    if (e) {
        return e;
    }
    refs_set_in_entry(raw, entry_in_byte(s, index), s->h.refcount_order, refs);
    return cache_write(s, at, raw, bytes_of_count(s), META_REFS);
}

int refs_add(Qcow2 *s, uint64_t index, int delta)
{
    uint64_t refs;
    int e = refs_get(s, index, &refs);
    if (e) {
        return e;
    }
    if (delta < 0 && !refs) {
        return qcow2_corrupt(s, "cluster %" PRIu64 " is used, and its count is 0", index);
    }
    if (delta > 0 && refs == refs_max(s)) {
        return -EOVERFLOW;
    }
    return set_refs(s, index, refs + delta);
}

/* ---- more blocks --------------------------------------------------------- */

/* Clusters that no block counts yet are free, so new blocks go there, and count themselves. */
static int add_block(Qcow2 *s, uint64_t index)
{
    uint64_t first = index >> block_bits(s) << block_bits(s), offset = first << s->cluster_bits;
    if (metadata_at(s, offset)) {
        return qcow2_corrupt(s, "%s at %#" PRIx64 " has no count", metadata_at(s, offset), offset);
    }
    cache_new_cluster(s, offset, META_REFS);
    metadata_add(s, offset, s->cluster_size, "a refcount block");
    table_set(s, &s->reftable, index >> block_bits(s), offset);
    return set_refs(s, first, 1);
}

/* Blocks that count so many clusters of a new table, and themselves. */
static uint64_t blocks_for(uint64_t clusters, uint64_t per_block)
{
    return (clusters + per_block - 2) / (per_block - 1);
}

/* The table that the header names goes when the header names another; one that it never names goes now. */
static void leave_reftable(Qcow2 *s, uint64_t offset, uint64_t clusters)
{
    if (offset != s->h.reftable_offset && offset != s->moving_reftable) {
        metadata_remove(s, offset, clusters << s->cluster_bits);
        refs_unalloc(s, offset, clusters);
    }
}

/* A larger table, with the blocks that count it and themselves, where no block counts yet. */
static int grow_reftable(Qcow2 *s, uint64_t index)
{
    uint64_t per_block = UINT64_C(1) << block_bits(s), per_cluster = s->cluster_size / 8;
    uint64_t block = index / per_block, first = block * per_block;
    uint64_t old = s->reftable.offset, old_clusters = s->reftable.count / per_cluster;
    uint64_t clusters = old_clusters + old_clusters / 2 + 1;
    while (block + blocks_for(clusters, per_block) > clusters * per_cluster) {
        clusters++;
    }
    uint64_t blocks = blocks_for(clusters, per_block), offset = (first + blocks) << s->cluster_bits;
    if (clusters << s->cluster_bits > REFTABLE_MAX) {
        return -EFBIG;
    }
    table_grow(s, &s->reftable, clusters * per_cluster, offset);
    metadata_add(s, offset, clusters << s->cluster_bits, "the refcount table");
    for (uint64_t b = 0; b < blocks; b++) {
        uint64_t at = (first + b) << s->cluster_bits;
        cache_new_cluster(s, at, META_REFS);
        metadata_add(s, at, s->cluster_size, "a refcount block");
        table_set(s, &s->reftable, block + b, at);
    }
    int e = 0;
    for (uint64_t i = 0; i < blocks + clusters && !e; i++) {
        e = set_refs(s, first + i, 1);
    }
    leave_reftable(s, old, old_clusters);
    return e;
}

static int ensure_block(Qcow2 *s, uint64_t index)
{
    uint64_t block;
    if (index >> block_bits(s) >= s->reftable.count) {
        return grow_reftable(s, index);
    }
    int e = find_block(s, index, &block);
    return e || block ? e : add_block(s, index);
}

/* ---- allocation ---------------------------------------------------------- */

static int find_free(Qcow2 *s, uint64_t *index)
{
    uint64_t refs = 1;
    int e = 0;
    for (uint64_t i = s->free_hint; !e && refs; i++) {
        e = ensure_block(s, i);
        e = e ? e : refs_get(s, i, &refs);
        *index = i;
    }
    return e;
}

int refs_alloc(Qcow2 *s, uint64_t wanted, uint64_t *offset, uint64_t *count)
{
    uint64_t first = 0, refs = 0, n = 0;
    lock_assert_held(&s->lock);
    refs_release(s);
    int e = find_free(s, &first);
    while (!e && n < wanted && !refs) {
        uint64_t at = (first + n) << s->cluster_bits;
        if (metadata_at(s, at)) {
            e = qcow2_corrupt(s, "%s at %#" PRIx64 " counts as free", metadata_at(s, at), at);
        }
        e = e || at >> 56 ? (e ? e : -EFBIG) : set_refs(s, first + n, 1);
        n += !e;
        uint64_t block = 0;
        e = e ? e : find_block(s, first + n, &block);
        e = e || !block ? e : refs_get(s, first + n, &refs);
        refs = block ? refs : 1; /* another time */
    }
    if (e && n) {
        refs_unalloc(s, first << s->cluster_bits, n);
        return e;
    }
    *offset = first << s->cluster_bits;
    *count = n;
    s->free_hint = e ? s->free_hint : first + n;
    return e;
}

/* Where no block counts yet: the blocks that count it first. */
static int alloc_far(Qcow2 *s, uint64_t count, uint64_t *offset)
{
    uint64_t per_block = UINT64_C(1) << block_bits(s), blocks = blocks_for(count, per_block), first;
    for (;;) {
        first = s->reftable.count;
        while (first && !s->reftable.entries[first - 1]) {
            first--;
        }
        if (first + blocks <= s->reftable.count) {
            break;
        }
        int e = grow_reftable(s, s->reftable.count * per_block);
        if (e) {
            return e;
        }
    }
    if (((first + blocks) * per_block) << s->cluster_bits >> 56) {
        return -EFBIG;
    }
    for (uint64_t b = 0; b < blocks; b++) {
        uint64_t at = (first * per_block + b) << s->cluster_bits;
        if (metadata_at(s, at)) {
            return qcow2_corrupt(s, "%s at %#" PRIx64 " has no count", metadata_at(s, at), at);
        }
        cache_new_cluster(s, at, META_REFS);
        metadata_add(s, at, s->cluster_size, "a refcount block");
        table_set(s, &s->reftable, first + b, at);
    }
    int e = 0;
    for (uint64_t i = 0; i < blocks + count && !e; i++) {
        e = set_refs(s, first * per_block + i, 1);
    }
    *offset = (first * per_block + blocks) << s->cluster_bits;
    return e;
}

int refs_alloc_run(Qcow2 *s, uint64_t count, uint64_t *offset)
{
    uint64_t got;
    int e = refs_alloc(s, count, offset, &got);
    if (!e && got < count) {
        refs_unalloc(s, *offset, got);
        e = alloc_far(s, count, offset);
    }
    return e;
}

void refs_unalloc(Qcow2 *s, uint64_t offset, uint64_t count)
{
    uint64_t first = offset >> s->cluster_bits;
    for (uint64_t i = 0; i < count; i++) {
        if (refs_add(s, first + i, -1)) {
            return; /* a leak */
        }
        pack_forget(s, first + i);
    }
    s->free_hint = MIN(s->free_hint, first);
}

/* ---- freeing ------------------------------------------------------------- */

void refs_free(Qcow2 *s, uint64_t offset, uint64_t count)
{
    for (uint64_t i = 0; i < count; i++) {
        FreedCluster f = { (offset >> s->cluster_bits) + i, 0 };
        g_array_append_val(s->freed, f);
    }
}

void refs_unpointed(Qcow2 *s, GArray *freed)
{
    unsigned epoch = __atomic_load_n(&s->node.pins->epoch, __ATOMIC_SEQ_CST);
    for (guint i = 0; i < freed->len; i++) {
        g_array_index(freed, FreedCluster, i).epoch = epoch;
    }
    g_array_append_vals(s->unpointed, freed->data, freed->len);
}

/* Once less; what nobody uses any more is given back to the host. */
static void count_down(Qcow2 *s, const FreedCluster *f)
{
    uint64_t refs = 1;
    if (refs_add(s, f->index, -1) || refs_get(s, f->index, &refs) || refs) {
        return;
    }
    uint64_t at = f->index << s->cluster_bits;
    pack_forget(s, f->index);
    if (metadata_at(s, at)) {
        cache_forget_cluster(s, at);
        metadata_remove(s, at, s->cluster_size);
    }
    if (s->discard) {
        node_run(s->node.children[NODE_FILE],
                 &(NodeIo){ BLOCK_DISCARD, false, at, s->cluster_size, NULL, 0 });
    }
    s->free_hint = MIN(s->free_hint, f->index);
    lock_take(&s->tables_lock);
    s->unpacked_word = 0;
    lock_release(&s->tables_lock);
}

void refs_release(Qcow2 *s)
{
    guint done = 0;
    if (!s->unpointed->len) {
        return;
    }
    while (pins_advance(s->node.pins) && s->unpointed->len > done) {
        unsigned epoch = __atomic_load_n(&s->node.pins->epoch, __ATOMIC_SEQ_CST);
        const FreedCluster *f = &g_array_index(s->unpointed, FreedCluster, done);
        while (done < s->unpointed->len && (int)(epoch - f[0].epoch) >= 2) {
            count_down(s, f);
            f = &g_array_index(s->unpointed, FreedCluster, ++done);
        }
        if (done == s->unpointed->len) {
            break;
        }
    }
    g_array_remove_range(s->unpointed, 0, done);
}
