/* SPDX-License-Identifier: GPL-2.0-or-later */
/* L1 tables as a whole: what they refer to, and another one in place of the active one.
 * Specification: "Cluster mapping", "Snapshots".  Nobody else changes the image meanwhile (qcow2_snapshot.h). */
#include <errno.h>
#include <string.h>

#include "block/block_priv.h"
#include "block/qcow2/qcow2.h"
#include "util/bytes.h"

uint64_t l1_needed(const Qcow2 *s, uint64_t disk_bytes)
{
    uint64_t covered = s->cluster_size << s->l2_bits;
    return disk_bytes / covered + (disk_bytes % covered != 0);
}

int l1_read(Qcow2 *s, uint64_t offset, uint64_t count, uint64_t **entries)
{
    BlockNode *file = s->node.children[NODE_FILE];
    uint64_t bytes = (count * 8 + SECTOR - 1) & ~(uint64_t)(SECTOR - 1);
    if (count > L1_MAX / 8 || (count && offset >= node_size(file))) {
        return -EINVAL;
    }
    *entries = g_malloc0(bytes + 1);
    int e = count ? node_read(file, offset, *entries, bytes) : 0;
    for (uint64_t i = 0; i < count; i++) {
        (*entries)[i] = load_be(&(*entries)[i], 8);
    }
    return e;
}

/* ---- all entries --------------------------------------------------------- */

typedef struct Walk {
    L1Visit *visit;
    L1Change *change;
    void *opaque;
} Walk;

static int visit_range(Qcow2 *s, const Walk *w, uint64_t offset, uint64_t bytes)
{
    int e = 0;
    for (uint64_t i = offset >> s->cluster_bits; i <= (offset + bytes - 1) >> s->cluster_bits && !e; i++) {
        e = w->visit(s, i, w->opaque);
    }
    return e;
}

static int visit_entry(Qcow2 *s, const Walk *w, const L2Entry *e)
{
    uint64_t offset, length;
    if (e->word & ENTRY_PACKED) {
        entry_packed(s, e, &offset, &length);
        return visit_range(s, w, offset, length);
    }
    return entry_host(e) ? w->visit(s, entry_host(e) >> s->cluster_bits, w->opaque) : 0;
}

/* The entry at a place of the file, of which `raw` is a copy. */
static int change_entry(Qcow2 *s, const Walk *w, L2Entry *e, uint64_t at)
{
    uint8_t raw[8];
    uint64_t before = e->word;
    if (e->word & ENTRY_PACKED || !entry_host(e)) {
        return 0;
    }
    int error = w->change(s, entry_host(e) >> s->cluster_bits, e, w->opaque);
    store_be(raw, 8, e->word);
    return error || e->word == before ? error : cache_write(s, at, raw, sizeof(raw), META_L2);
}

static int walk_sector(Qcow2 *s, const Walk *w, uint64_t at)
{
    uint8_t raw[SECTOR];
    int error = cache_read(s, at, raw, sizeof(raw), true);
    for (unsigned i = 0; i < sizeof(raw) && !error; i += s->entry_size) {
        L2Entry e = { load_be(raw + i, 8), s->extended ? load_be(raw + i + 8, 8) : 0 };
        if (!e.word && !e.bits) {
            continue;
        }
        if (!entry_is_valid(s, &e)) {
            return qcow2_corrupt(s, "the L2 entry at %#" PRIx64 " is invalid: %#" PRIx64, at + i, e.word);
        }
        error = w->visit ? visit_entry(s, w, &e) : change_entry(s, w, &e, at + i);
    }
    return error;
}

static int walk(Qcow2 *s, const uint64_t *l1, uint64_t count, const Walk *w)
{
    int e = 0;
    lock_assert_held(&s->lock);
    for (uint64_t i = 0; i < count && !e; i++) {
        uint64_t table = l1[i] & ENTRY_OFFSET;
        if (table & (s->cluster_size - 1)) {
            return qcow2_corrupt(s, "L1 entry %" PRIu64 " is invalid", i);
        }
        e = table && w->visit ? w->visit(s, table >> s->cluster_bits, w->opaque) : 0;
        for (uint64_t at = 0; at < s->cluster_size && table && !e; at += SECTOR) {
            e = walk_sector(s, w, table + at);
        }
    }
    return e;
}

int l1_walk(Qcow2 *s, const uint64_t *l1, uint64_t count, L1Visit *visit, void *opaque)
{
    return walk(s, l1, count, &(Walk){ .visit = visit, .opaque = opaque });
}

int l1_change(Qcow2 *s, const uint64_t *l1, uint64_t count, L1Change *change, void *opaque)
{
    return walk(s, l1, count, &(Walk){ .change = change, .opaque = opaque });
}

/* ---- another active table ------------------------------------------------ */

static uint64_t clusters_of(const Qcow2 *s, uint64_t count)
{
    return (count * 8 + s->cluster_size - 1) >> s->cluster_bits;
}

static int write_table(Qcow2 *s, uint64_t offset, const uint64_t *entries, uint64_t count)
{
    BlockNode *file = s->node.children[NODE_FILE];
    uint64_t bytes = clusters_of(s, count) << s->cluster_bits;
    g_autofree uint8_t *raw = g_malloc0(bytes);
    for (uint64_t i = 0; i < count; i++) {
        store_be(raw + 8 * i, 8, entries[i]);
    }
    int e = node_write(file, offset, raw, bytes);
    return e ? e : node_flush(file);
}

/* One write of the header. */
static int name_table(Qcow2 *s, uint64_t offset, uint64_t count, uint64_t disk_bytes)
{
    Qcow2Header before = s->h;
    s->h.l1_offset = offset;
    s->h.l1_size = count;
    s->h.size = disk_bytes;
    int e = header_write(s);
    e = e ? e : node_flush(s->node.children[NODE_FILE]);
    if (e) { /* what is in the file is not known: both tables stay */
        s->h = before;
    }
    return e;
}

static void use_table(Qcow2 *s, uint64_t *entries, uint64_t count, uint64_t offset)
{
    WholeTable old = s->l1;
    lock_take(&s->tables_lock);
    s->l1 = (WholeTable){ .entries = entries, .count = count, .offset = offset };
    s->l1.dirty = g_malloc0(count / (SECTOR / 8) + 2);
    lock_release(&s->tables_lock);
    metadata_remove(s, old.offset, old.count * 8);
    metadata_add(s, offset, count * 8, "the L1 table");
    for (uint64_t i = 0; i < count; i++) {
        if (entries[i] & ENTRY_OFFSET) {
            metadata_add(s, entries[i] & ENTRY_OFFSET, 1, "an L2 table");
        }
    }
    refs_free(s, old.offset, clusters_of(s, old.count));
    table_free(&old);
}

int l1_replace(Qcow2 *s, uint64_t *entries, uint64_t count, uint64_t disk_bytes)
{
    uint64_t offset, clusters = clusters_of(s, count);
    if (count > L1_MAX / 8) {
        g_free(entries);
        return -EFBIG;
    }
    lock_take(&s->lock);
    int e = refs_alloc_run(s, clusters, &offset);
    lock_release(&s->lock);
    e = e ? e : qcow2_commit_all(s); /* counts, and all that the entries name */
    e = e ? e : write_table(s, offset, entries, count);
    lock_take(&s->lock);
    e = e ? e : name_table(s, offset, count, disk_bytes);
    if (!e) {
        use_table(s, g_steal_pointer(&entries), count, offset);
    }
    lock_release(&s->lock);
    g_free(entries);
    return e;
}
