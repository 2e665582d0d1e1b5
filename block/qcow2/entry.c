/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Entries of L2 tables: where a guest's cluster is.
 * Specification: "Cluster mapping", "Extended L2 Entries". */
#include <errno.h>

#include "block/block_priv.h"
#include "block/qcow2/qcow2.h"
#include "util/bytes.h"

static const uint64_t standard_reserved = UINT64_C(0x3f000000000001fe);

BlockNode *entry_data_node(Qcow2 *s)
{
    BlockNode *data = s->node.children[NODE_DATA_FILE];
    return data ? data : s->crypt ? s->crypt : s->node.children[NODE_FILE];
}

/* Where the entry is in the file; 0: its table is not there. */
static int find_entry(const Qcow2 *s, uint64_t guest_cluster, uint64_t *at, uint64_t *l1_index)
{
    uint64_t i = guest_cluster & ((UINT64_C(1) << s->l2_bits) - 1), table;
    *l1_index = guest_cluster >> s->l2_bits;
    table = *l1_index < s->l1.count ? s->l1.entries[*l1_index] & ENTRY_OFFSET : 0;
    *at = table ? table + i * s->entry_size : 0;
    return table & (s->cluster_size - 1) ? -EIO : 0;
}

static int find_entry_locked(Qcow2 *s, uint64_t guest_cluster, uint64_t *at)
{
    uint64_t l1_index;
    lock_take(&s->tables_lock);
    int e = find_entry(s, guest_cluster, at, &l1_index);
    lock_release(&s->tables_lock);
    return e;
}

int entry_read(Qcow2 *s, uint64_t guest_cluster, L2Entry *e, bool may_wait)
{
    uint8_t raw[16] = { 0 };
    uint64_t at;
    int error = find_entry_locked(s, guest_cluster, &at);
    *e = (L2Entry){ 0, 0 };
    if (error && may_wait) {
        return qcow2_corrupt(s, "the L2 table for cluster %" PRIu64 " is not at a cluster", guest_cluster);
    }
    if (error || !at) {
        return error;
    }
    error = cache_read(s, at, raw, s->entry_size, may_wait);
    e->word = load_be(raw, 8);
    e->bits = s->extended ? load_be(raw + 8, 8) : 0;
    if (error || entry_is_valid(s, e)) {
        return error;
    }
    return may_wait ? qcow2_corrupt(s, "the L2 entry of cluster %" PRIu64 " is invalid: %#" PRIx64,
                                    guest_cluster, e->word)
                    : -EIO;
}

int entry_write(Qcow2 *s, uint64_t guest_cluster, const L2Entry *e)
{
    uint8_t raw[16];
    uint64_t at;
    int error = find_entry_locked(s, guest_cluster, &at);
    g_assert(error || at); /* never the header */
    store_be(raw, 8, e->word);
    store_be(raw + 8, 8, e->bits);
    return error ? error : cache_write(s, at, raw, s->entry_size, META_L2);
}

/* ---- tables -------------------------------------------------------------- */

static int copy_table(Qcow2 *s, uint64_t from, uint64_t to)
{
    uint8_t buf[512];
    int e = 0;
    for (uint64_t i = 0; i < s->cluster_size && !e; i += sizeof(buf)) {
        e = cache_read(s, from + i, buf, sizeof(buf), true);
        e = e ? e : cache_write(s, to + i, buf, sizeof(buf), META_L2);
    }
    return e;
}

int entry_table(Qcow2 *s, uint64_t guest_cluster)
{
    uint64_t at, l1_index, offset, count;
    int e = find_entry(s, guest_cluster, &at, &l1_index);
    uint64_t word = e ? 0 : s->l1.entries[l1_index], old = word & ENTRY_OFFSET;
    if (e) {
        return qcow2_corrupt(s, "L1 entry %" PRIu64 " is invalid", l1_index);
    }
    if (old && word & ENTRY_COPIED) {
        return 0;
    }
    e = refs_alloc(s, 1, &offset, &count);
    if (e) {
        return e;
    }
    cache_new_cluster(s, offset, META_L2);
    e = old ? copy_table(s, old, offset) : 0;
    if (e) {
        cache_forget_cluster(s, offset);
        refs_unalloc(s, offset, 1);
        return e;
    }
    metadata_add(s, offset, s->cluster_size, "an L2 table");
    table_set(s, &s->l1, l1_index, offset | ENTRY_COPIED);
    if (old) {
        refs_free(s, old, 1); /* of this, and shared with snapshots */
    }
    return 0;
}

/* ---- what an entry says -------------------------------------------------- */

uint64_t entry_host(const L2Entry *e)
{
    return e->word & ENTRY_PACKED ? 0 : e->word & ENTRY_OFFSET;
}

static bool is_allocated(const Qcow2 *s, const L2Entry *e)
{
    return entry_host(e) || (s->node.children[NODE_DATA_FILE] && e->word & ENTRY_COPIED);
}

bool entry_is_valid(const Qcow2 *s, const L2Entry *e)
{
    uint32_t allocated = (uint32_t)e->bits, zero = e->bits >> 32;
    if (e->word & ENTRY_PACKED) {
        return !(e->word & ENTRY_COPIED) && !s->node.children[NODE_DATA_FILE];
    }
    bool plain = !(e->word & standard_reserved) && !(entry_host(e) & (s->cluster_size - 1));
    bool zero_bit = e->word & ENTRY_ZERO && (s->extended || s->h.version < 3);
    return plain && !zero_bit && !(allocated & zero) && !(allocated && !is_allocated(s, e));
}

ExtentKind entry_kind(const Qcow2 *s, const L2Entry *e, unsigned unit)
{
    if (e->word & ENTRY_PACKED) {
        return EXTENT_PACKED;
    }
    if (s->extended) {
        return e->bits >> unit & 1 ? EXTENT_DATA : e->bits >> (32 + unit) & 1 ? EXTENT_ZERO : EXTENT_BELOW;
    }
    return e->word & ENTRY_ZERO ? EXTENT_ZERO : is_allocated(s, e) ? EXTENT_DATA : EXTENT_BELOW;
}

void entry_packed(const Qcow2 *s, const L2Entry *e, uint64_t *offset, uint64_t *length)
{
    unsigned x = 62 - (s->cluster_bits - 8);
    uint64_t descriptor = e->word & ~(ENTRY_PACKED | ENTRY_COPIED);
    *offset = descriptor & ((UINT64_C(1) << MIN(x, 56)) - 1);
    *length = ((descriptor >> x) + 1) * SECTOR - (*offset & (SECTOR - 1));
}

void entry_free(Qcow2 *s, const L2Entry *e)
{
    if (e->word & ENTRY_PACKED) {
        uint64_t offset, length;
        entry_packed(s, e, &offset, &length);
        uint64_t first = offset >> s->cluster_bits, last = (offset + length - 1) >> s->cluster_bits;
        refs_free(s, first << s->cluster_bits, last - first + 1);
    } else if (entry_host(e) && !s->node.children[NODE_DATA_FILE]) {
        refs_free(s, entry_host(e), 1);
    }
}
