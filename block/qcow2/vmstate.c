/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The state of a machine in a snapshot.
 * Specification: "Snapshots": it begins at the first cluster of the first L1 entry that has nothing of the disk.
 *
 * It is written there like the disk's data, by the same order of writes; a snapshot takes it along with the L1 table, and
 * then the disk drops it.  Power that fails in between leaves it with the disk, where nobody sees it; it goes before the
 * next one is written, or before the disk grows. */
#include <errno.h>
#include <string.h>

#include "block/block_priv.h"
#include "block/qcow2/snapshot.h"
#include "util/bytes.h"

static uint64_t covered(const Qcow2 *s)
{
    return s->cluster_size << s->l2_bits;
}

static uint64_t state_start(const Qcow2 *s)
{
    return l1_needed(s, s->h.size) * covered(s);
}

int qcow2_state_drop(BlockNode *n)
{
    Qcow2 *s = qcow2_of(n);
    bool any = false;
    for (uint64_t i = l1_needed(s, s->h.size); i < s->l1.count && !any; i++) {
        any = s->l1.entries[i] != 0;
    }
    if (!any) {
        return 0;
    }
    lock_take(&s->lock);
    int e = qcow2_begin_changes(s);
    lock_release(&s->lock);
    e = e ? e : qcow2_drop_from(s, state_start(s) >> s->cluster_bits);
    return e ? e : qcow2_commit_all(s);
}

/* The table grows by what is there, so that a long state does not move it often. */
static int make_room(Qcow2 *s, uint64_t bytes)
{
    uint64_t start = state_start(s);
    return start + bytes <= s->l1.count * covered(s) ? 0 : qcow2_reach(s, start + 2 * bytes);
}

int qcow2_state_write(BlockNode *n, uint64_t at, const void *piece, uint64_t bytes)
{
    Qcow2 *s = qcow2_of(n);
    static const uint8_t zeroes[1 << CLUSTER_BITS_MAX];
    uint64_t padding = -bytes & (s->cluster_size - 1); /* whole clusters: nothing of an older one is kept */
    struct iovec iov[] = { { (void *)piece, bytes }, { (void *)zeroes, padding } };
    if (at % QCOW2_STATE_PIECE || bytes > QCOW2_STATE_PIECE) {
        return -EINVAL;
    }
    int e = n->readonly ? -EROFS : make_room(s, at + bytes + padding);
    NodeIo io = { BLOCK_WRITE, false, state_start(s) + at, bytes + padding, iov, 2 };
    return e || !bytes ? e : qcow2_write(s, &io);
}

/* ---- of a snapshot ------------------------------------------------------------ */

static int read_entry(Qcow2 *s, const Qcow2Snapshot *sn, uint64_t cluster, L2Entry *e)
{
    uint8_t raw[16] = { 0 };
    uint8_t sector[SECTOR];
    uint64_t index = cluster >> s->l2_bits, in_table = cluster & ((UINT64_C(1) << s->l2_bits) - 1);
    BlockNode *file = s->node.children[NODE_FILE];
    uint64_t entry = sn->l1_offset + index * 8;
    int error = index < sn->l1_size ? node_read(file, entry & ~(uint64_t)(SECTOR - 1), sector, sizeof(sector))
                                    : -EINVAL;
    uint64_t table = error ? 0 : load_be(sector + entry % SECTOR, 8) & ENTRY_OFFSET;
    *e = (L2Entry){ 0, 0 };
    if (error || !table) {
        return error;
    }
    if (table & (s->cluster_size - 1)) {
        return -EINVAL;
    }
    lock_take(&s->lock);
    error = cache_read(s, table + in_table * s->entry_size, raw, s->entry_size, true);
    lock_release(&s->lock);
    e->word = load_be(raw, 8);
    e->bits = s->extended ? load_be(raw + 8, 8) : 0;
    return error || entry_is_valid(s, e) ? error : -EINVAL;
}

/* Within one unit of a cluster; in sectors. */
static int read_unit(Qcow2 *s, const Qcow2Snapshot *sn, uint64_t at, uint8_t *buf, uint64_t bytes)
{
    L2Entry e;
    uint64_t in_cluster = at & (s->cluster_size - 1);
    int error = read_entry(s, sn, at >> s->cluster_bits, &e);
    if (error) {
        return error;
    }
    switch (entry_kind(s, &e, in_cluster >> s->unit_bits)) {
    case EXTENT_DATA: return node_read(entry_data_node(s), entry_host(&e) + in_cluster, buf, bytes);
    case EXTENT_PACKED: return -ENOTSUP; /* no program compresses states */
    default: memset(buf, 0, bytes); return 0;
    }
}

int qcow2_state_read(BlockNode *n, const Qcow2Snapshot *sn, uint64_t at, void *buf, uint64_t bytes)
{
    Qcow2 *s = qcow2_of(n);
    uint64_t start = l1_needed(s, sn->disk_size) * covered(s), unit = UINT64_C(1) << s->unit_bits;
    g_autofree uint8_t *piece = g_malloc(unit);
    int e = at > sn->vm_state_size || bytes > sn->vm_state_size - at ? -EINVAL : 0;
    for (uint64_t done = 0; done < bytes && !e;) {
        uint64_t offset = start + at + done, in_unit = offset & (unit - 1),
                 part = MIN(unit - in_unit, bytes - done);
        e = read_unit(s, sn, offset - in_unit, piece, unit);
        if (!e) {
            memcpy((uint8_t *)buf + done, piece + in_unit, part);
        }
        done += part;
    }
    return e;
}
