/* SPDX-License-Identifier: GPL-2.0-or-later */
/* check -r: writes new counts, and flags that are true of them.
 *
 * New counts are written behind all that the image uses, and become the image's with one write of the header: whatever
 * happens before that, the image is as it was. */
#include <errno.h>
#include <string.h>

#include "block/block_priv.h"
#include "block/qcow2/check.h"
#include "util/bytes.h"

typedef struct NewCounts {
    uint64_t base;     /* cluster: the table comes first, then the blocks */
    uint64_t clusters; /* of the table */
    GArray *blocks;    /* of uint64_t: which ones */
} NewCounts;

static uint64_t new_count(const Check *c, const NewCounts *n, uint64_t index)
{
    return index >= n->base && index < n->base + n->clusters + n->blocks->len ? 1
                                                                              : counts_get(c->used, index);
}

static void plan_blocks(const Check *c, NewCounts *n, uint64_t per_block, uint64_t end)
{
    g_array_set_size(n->blocks, 0);
    for (uint64_t i = 0; i * per_block < end; i++) {
        bool own = (i + 1) * per_block > n->base;
        uint64_t next = counts_next(c->used, i * per_block);
        if (!own && next >= (i + 1) * per_block) {
            i = MIN(next, n->base) / per_block - 1; /* what lies between needs none */
            continue;
        }
        g_array_append_val(n->blocks, i);
    }
}

/* Until the blocks count themselves, too. */
static int plan_counts(const Check *c, NewCounts *n)
{
    const Qcow2 *s = c->s;
    uint64_t per_block = s->cluster_size * 8 >> s->h.refcount_order, before = UINT64_MAX;
    n->base = MAX(MAX(counts_end(c->used), counts_end(c->old)),
                  (c->file_end + s->cluster_size - 1) >> s->cluster_bits);
    n->clusters = 1;
    while (before != n->clusters + n->blocks->len) {
        before = n->clusters + n->blocks->len;
        uint64_t end = n->base + before;
        n->clusters = ((end + per_block - 1) / per_block * 8 + s->cluster_size - 1) >> s->cluster_bits;
        plan_blocks(c, n, per_block, n->base + n->clusters + n->blocks->len);
        if (n->clusters << s->cluster_bits > REFTABLE_MAX) {
            return -EFBIG;
        }
    }
    return 0;
}

static int write_counts(const Check *c, const NewCounts *n)
{
    Qcow2 *s = c->s;
    BlockNode *file = s->node.children[NODE_FILE];
    uint64_t per_block = s->cluster_size * 8 >> s->h.refcount_order, max = refs_max(s);
    g_autofree uint8_t *table = g_malloc0(n->clusters << s->cluster_bits);
    g_autofree uint8_t *block = g_malloc(s->cluster_size);
    int e = 0;
    for (guint b = 0; b < n->blocks->len && !e; b++) {
        uint64_t i = g_array_index(n->blocks, uint64_t, b), at = (n->base + n->clusters + b)
                                                                 << s->cluster_bits;
        memset(block, 0, s->cluster_size);
        for (uint64_t k = 0; k < per_block; k++) {
            refs_set_in_entry(block, k, s->h.refcount_order, MIN(new_count(c, n, i * per_block + k), max));
        }
        store_be(table + 8 * i, 8, at);
        e = node_write(file, at, block, s->cluster_size);
    }
    return e ? e : node_write(file, n->base << s->cluster_bits, table, n->clusters << s->cluster_bits);
}

static bool is_sole(const Check *c, uint64_t host)
{
    return counts_get(c->used, host >> c->s->cluster_bits) == 1;
}

static uint64_t flagged(const Check *c, uint64_t word)
{
    return is_sole(c, word & ENTRY_OFFSET) ? word | ENTRY_COPIED : word & ~ENTRY_COPIED;
}

/* True: some entry of it changes. */
static bool flag_entries(const Check *c, uint8_t *table)
{
    const Qcow2 *s = c->s;
    bool changed = false;
    for (uint64_t i = 0; i < s->cluster_size; i += s->entry_size) {
        L2Entry e = { load_be(table + i, 8), s->extended ? load_be(table + i + 8, 8) : 0 };
        uint64_t word = entry_is_valid(s, &e) && entry_host(&e) ? flagged(c, e.word) : e.word;
        changed |= word != e.word;
        store_be(table + i, 8, word);
    }
    return changed;
}

static int flag_table(Check *c, uint64_t offset, uint8_t *table)
{
    BlockNode *file = c->s->node.children[NODE_FILE];
    if (offset & (c->s->cluster_size - 1) || offset >= c->file_end) {
        return 0;
    }
    int e = node_read(file, offset, table, c->s->cluster_size);
    return !e && flag_entries(c, table) ? node_write(file, offset, table, c->s->cluster_size) : e;
}

/* COPIED where one reference is, whatever the counts say: safe before they are true, and after. */
static int write_flags(Check *c)
{
    Qcow2 *s = c->s;
    BlockNode *file = s->node.children[NODE_FILE];
    uint64_t sectors = (s->l1.count * 8 + SECTOR - 1) / SECTOR;
    g_autofree uint8_t *buf = g_malloc(MAX(s->cluster_size, sectors * SECTOR) + 1);
    int e = 0;
    if (s->h.incompatible & INCOMPAT_DATA_FILE) {
        return 0; /* all of them are, there */
    }
    for (uint64_t i = 0; i < s->l1.count && !e; i++) {
        uint64_t offset = s->l1.entries[i] & ENTRY_OFFSET;
        e = offset ? flag_table(c, offset, buf) : 0;
        s->l1.entries[i] = offset ? flagged(c, s->l1.entries[i]) : s->l1.entries[i];
    }
    for (uint64_t i = 0; i < sectors && !e; i++) {
        table_sector(&s->l1, i, buf + i * SECTOR);
    }
    return e || !sectors ? e : node_write(file, s->l1.offset, buf, sectors * SECTOR);
}

static int use_counts(Check *c, const NewCounts *n)
{
    Qcow2 *s = c->s;
    BlockNode *file = s->node.children[NODE_FILE];
    Qcow2Header before = s->h;
    int e = node_flush(file);
    s->h.reftable_offset = n->base << s->cluster_bits;
    s->h.reftable_clusters = n->clusters;
    s->h.incompatible &= ~(uint64_t)(INCOMPAT_DIRTY | INCOMPAT_CORRUPT);
    e = e ? e : header_write(s);
    e = e ? e : node_flush(file);
    if (e) {
        s->h = before;
        return e;
    }
    s->dirty_bit = false;
    s->writable = false; /* what is in memory is no longer what is in the file: it is opened anew */
    s->node.readonly = true;
    return 0;
}

int check_mend(Check *c)
{
    NewCounts n = { .blocks = g_array_new(false, false, sizeof(uint64_t)) };
    int e = plan_counts(c, &n);
    e = e ? e : write_counts(c, &n);
    e = e ? e : write_flags(c);
    e = e ? e : use_counts(c, &n);
    g_array_unref(n.blocks);
    return e;
}
