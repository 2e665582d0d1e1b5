/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Another size of the disk.  Larger: first a table that reaches as far, then the size; smaller: the size, then what lies
 * beyond is freed.  What is new reads as zeroes, also where the backing or an old cluster has something. */
#include <errno.h>
#include <string.h>

#include "block/block_priv.h"
#include "block/qcow2/bitmaps.h"
#include "block/qcow2/qcow2.h"
#include "block/qcow2_snapshot.h"

static uint64_t whole_sectors(uint64_t bytes)
{
    return (bytes + SECTOR - 1) & ~(uint64_t)(SECTOR - 1);
}

static void show_size(Qcow2 *s, uint64_t bytes)
{
    __atomic_store_n(&s->node.size, whole_sectors(bytes), __ATOMIC_RELEASE);
}

int qcow2_set_disk_size(Qcow2 *s, uint64_t bytes)
{
    lock_take(&s->lock);
    uint64_t before = s->h.size;
    s->h.size = bytes;
    int e = header_write(s);
    e = e ? e : node_flush(s->node.children[NODE_FILE]);
    s->h.size = e ? before : bytes;
    lock_release(&s->lock);
    return e;
}

int qcow2_reach(Qcow2 *s, uint64_t bytes)
{
    uint64_t needed = l1_needed(s, bytes), had = s->l1.count;
    if (needed <= had) {
        return 0;
    }
    if (needed > L1_MAX / 8) {
        return -EFBIG;
    }
    uint64_t *entries = g_new0(uint64_t, needed);
    memcpy(entries, s->l1.entries, had * 8);
    return l1_replace(s, entries, needed, s->h.size);
}

/* What could show from under the new part. */
static int blank(Qcow2 *s, uint64_t from, uint64_t to)
{
    const BlockNode *backing = s->node.children[NODE_BACKING];
    uint64_t cluster_end = MIN((from + s->cluster_size - 1) & ~(s->cluster_size - 1), to);
    uint64_t end = backing ? MAX(cluster_end, MIN(node_size(backing), to)) : cluster_end;
    return end > from
               ? qcow2_write_zeroes(s, &(NodeIo){ BLOCK_WRITE_ZEROES, true, from, end - from, NULL, 0 })
               : 0;
}

static int grow(Qcow2 *s, uint64_t bytes)
{
    BlockNode *data = s->node.children[NODE_DATA_FILE];
    uint64_t before = s->h.size;
    int e = data ? node_resize(data, bytes) : 0;
    e = e ? e : qcow2_state_drop(&s->node); /* that of a machine would become the disk's */
    e = e ? e : qcow2_reach(s, bytes);
    if (e) {
        return e;
    }
    show_size(s, bytes);
    e = s->raw_data ? 0 : blank(s, whole_sectors(before), whole_sectors(bytes));
    e = e ? e : qcow2_commit_all(s);
    e = e ? e : qcow2_set_disk_size(s, bytes);
    show_size(s, e ? before : bytes);
    return e;
}

static int free_cluster(Qcow2 *s, uint64_t index, void *opaque)
{
    refs_free(s, index << s->cluster_bits, 1);
    return 0;
}

/* An L2 table that lies beyond, with all that it refers to. */
static int drop_table(Qcow2 *s, uint64_t l1_index)
{
    int e = l1_walk(s, &s->l1.entries[l1_index], 1, free_cluster, NULL);
    if (!e && s->l1.entries[l1_index]) {
        table_set(s, &s->l1, l1_index, 0);
    }
    return e;
}

static int drop_entry(Qcow2 *s, uint64_t cluster)
{
    static const L2Entry nothing;
    L2Entry old;
    int e = entry_read(s, cluster, &old, true);
    if (e || (!old.word && !old.bits)) {
        return e;
    }
    e = entry_table(s, cluster);
    e = e ? e : entry_write(s, cluster, &nothing);
    if (!e) {
        entry_free(s, &old);
    }
    return e;
}

/* Guest clusters from this one on. */
int qcow2_drop_from(Qcow2 *s, uint64_t cluster)
{
    uint64_t per_table = UINT64_C(1) << s->l2_bits;
    int e = 0;
    lock_take(&s->lock);
    for (; cluster & (per_table - 1) && !e; cluster++) {
        e = drop_entry(s, cluster);
    }
    for (uint64_t i = cluster >> s->l2_bits; i < s->l1.count && !e; i++) {
        e = drop_table(s, i);
    }
    lock_release(&s->lock);
    return e;
}

static int shrink(Qcow2 *s, uint64_t bytes)
{
    BlockNode *data = s->node.children[NODE_DATA_FILE];
    int e = qcow2_set_disk_size(s, bytes);
    if (e) {
        return e;
    }
    show_size(s, bytes);
    e = qcow2_drop_from(s, (bytes + s->cluster_size - 1) >> s->cluster_bits);
    e = e ? e : qcow2_commit_all(s);
    return !e && s->raw_data ? node_resize(data, bytes) : e;
}

static bool has_opaque_bitmap(const Qcow2 *s)
{
    bool any = false;
    for (guint i = 0; s->bitmap_entries && i < s->bitmap_entries->len && !any; i++) {
        any = bitmap_entry_is_opaque(g_ptr_array_index(s->bitmap_entries, i));
    }
    return any;
}

int qcow2_resize(BlockNode *n, uint64_t bytes)
{
    Qcow2 *s = qcow2_of(n);
    lock_take(&s->lock);
    int e = qcow2_begin_changes(s);
    lock_release(&s->lock);
    if (e || bytes == s->h.size) {
        return e;
    }
    if (has_opaque_bitmap(s)) {
        return -ENOTSUP; /* nobody here knows how to make it larger */
    }
    if (s->h.version < 3 && s->h.snapshots) {
        return -ENOTSUP; /* its snapshots do not say which size they have */
    }
    return bytes > s->h.size ? grow(s, bytes) : shrink(s, bytes);
}
