/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where a range of the guest's disk is: runs of entries that go on from each other. */
#include <errno.h>

#include "block/block_priv.h"
#include "block/qcow2/qcow2.h"

/* One unit (a cluster, or a subcluster) at an offset. */
static int map_unit(Qcow2 *s, uint64_t offset, bool may_wait, Extent *x)
{
    L2Entry e;
    uint64_t in_cluster = offset & (s->cluster_size - 1);
    int error = entry_read(s, offset >> s->cluster_bits, &e, may_wait);
    if (error) {
        return error;
    }
    uint64_t unit = UINT64_C(1) << s->unit_bits, host = entry_host(&e);
    *x = (Extent){ .kind = entry_kind(s, &e, in_cluster >> s->unit_bits),
                   .length = unit - (offset & (unit - 1)) };
    if (x->kind == EXTENT_PACKED) {
        x->length = s->cluster_size - in_cluster;
        x->node = s->node.children[NODE_FILE];
    } else if (x->kind == EXTENT_BELOW) {
        x->node = s->node.children[NODE_BACKING];
        x->position = offset;
    } else if (x->kind == EXTENT_DATA || host) {
        x->node = entry_data_node(s);
        x->position = host + in_cluster;
        x->writable = x->kind == EXTENT_DATA && e.word & ENTRY_COPIED && s->writable && !s->corrupt;
    }
    return 0;
}

/* What lies behind the end of the backing is of nobody. */
static void cut_at_backing(Qcow2 *s, uint64_t offset, Extent *x)
{
    uint64_t size = x->node ? node_size(x->node) : 0;
    if (x->kind != EXTENT_BELOW || !x->node) {
        return;
    }
    if (offset >= size) {
        x->node = NULL;
        x->position = 0;
    } else {
        x->length = MIN(x->length, size - offset);
    }
}

static bool goes_on(const Extent *x, const Extent *next)
{
    bool placed =
        x->kind == EXTENT_DATA || (x->kind == EXTENT_BELOW && x->node) || (x->kind == EXTENT_ZERO && x->node);
    return x->kind == next->kind && x->kind != EXTENT_PACKED && x->node == next->node &&
           x->writable == next->writable && (!placed || next->position == x->position + x->length);
}

/* As far as one table goes: the rest is another question. */
static uint64_t end_of_table(const Qcow2 *s, uint64_t offset)
{
    uint64_t covered = s->cluster_size << s->l2_bits;
    return (offset / covered + 1) * covered;
}

static bool has_table(Qcow2 *s, uint64_t offset)
{
    uint64_t i = offset >> (s->cluster_bits + s->l2_bits);
    lock_take(&s->tables_lock);
    bool has = i < s->l1.count && s->l1.entries[i] & ENTRY_OFFSET;
    lock_release(&s->tables_lock);
    return has;
}

/* Whatever an entry says, no write of a guest goes to a table. */
static int check_place(Qcow2 *s, const Extent *x, bool may_wait)
{
    const char *what = NULL;
    if (x->kind != EXTENT_DATA || s->node.children[NODE_DATA_FILE] || !x->writable) {
        return 0;
    }
    lock_take(&s->tables_lock);
    for (uint64_t at = x->position; at < x->position + x->length && !what; at += s->cluster_size) {
        what = metadata_at(s, at);
    }
    what = what ? what : metadata_at(s, x->position + x->length - 1);
    lock_release(&s->tables_lock);
    return !what      ? 0
           : may_wait ? qcow2_corrupt(s, "data at %#" PRIx64 " would be written over %s", x->position, what)
                      : -EIO;
}

static int map_run(Qcow2 *s, uint64_t offset, uint64_t length, bool may_wait, Extent *x)
{
    uint64_t end = MIN(offset + length, end_of_table(s, offset));
    int e = map_unit(s, offset, may_wait, x);
    if (e) {
        return e;
    }
    if (!has_table(s, offset)) {
        x->length = end - offset;
    }
    cut_at_backing(s, offset, x);
    while (offset + x->length < end) {
        Extent next;
        if (map_unit(s, offset + x->length, may_wait, &next)) {
            break;
        }
        cut_at_backing(s, offset + x->length, &next);
        if (!goes_on(x, &next)) {
            break;
        }
        x->length += next.length;
    }
    x->length = MIN(x->length, end - offset);
    return check_place(s, x, may_wait);
}

int qcow2_map(BlockNode *n, uint64_t offset, uint64_t length, bool may_wait, Extent *e)
{
    Qcow2 *s = qcow2_of(n);
    int result = map_run(s, offset, length, false, e);
    if (may_wait && result) {
        lock_take(&s->lock);
        result = map_run(s, offset, length, true, e);
        lock_release(&s->lock);
    }
    return result;
}
