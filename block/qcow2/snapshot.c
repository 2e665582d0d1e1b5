/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Internal snapshots: taken, gone back to, deleted.
 * Specification: "Snapshots".
 *
 * Power may fail at any write.  What a step relies on is stable before it (qcow2_commit_all, which writes counts, then
 * tables, with barriers):
 *
 *   take     counts of all that the disk refers to go up, COPIED flags go; the copy of the L1 table; the new table of
 *            snapshots; the header; the old table is freed
 *   go back  counts of what the snapshot refers to go up, flags go; a new L1 table; the header; what the old one
 *            referred to is freed
 *   delete   the new table of snapshots; the header; flags come where one reference is left; counts go down
 *
 * In between, counts are higher than what refers to the clusters: they leak, nothing else. */
#include "block/qcow2/snapshot.h"

#include <errno.h>
#include <string.h>

#include "block/block_priv.h"
#include "block/qcow2/counts.h"

/* ---- the table ----------------------------------------------------------- */

static int read_list(Qcow2 *s, GPtrArray **list, uint64_t *bytes)
{
    *list = snapshot_list_new();
    return snapshot_table_read(s, *list, bytes);
}

GPtrArray *qcow2_snapshots(BlockNode *n, GError **err)
{
    GPtrArray *list;
    uint64_t bytes;
    int e = read_list(qcow2_of(n), &list, &bytes);
    if (e) {
        block_error(err, "'%s': its table of snapshots is damaged (%s); look at it with: qemu-img check",
                    n->filename, g_strerror(-e));
        g_clear_pointer(&list, g_ptr_array_unref);
    }
    return list;
}

static int write_bytes(Qcow2 *s, uint64_t offset, const GByteArray *bytes)
{
    BlockNode *file = s->node.children[NODE_FILE];
    uint64_t all = (bytes->len + s->cluster_size - 1) & ~(s->cluster_size - 1);
    g_autofree uint8_t *raw = g_malloc0(all);
    memcpy(raw, bytes->data, bytes->len);
    int e = node_write(file, offset, raw, all);
    return e ? e : node_flush(file);
}

/* One write of the header. */
static int name_list(Qcow2 *s, uint64_t offset, uint32_t count)
{
    Qcow2Header before = s->h;
    s->h.snapshots = count;
    s->h.snapshots_offset = count ? offset : 0;
    int e = header_write(s);
    e = e ? e : node_flush(s->node.children[NODE_FILE]);
    if (e) {
        s->h = before;
    }
    return e;
}

static uint64_t clusters_for(const Qcow2 *s, uint64_t bytes)
{
    return (bytes + s->cluster_size - 1) >> s->cluster_bits;
}

/* These are the image's from here on; old_bytes: of the table before.  Stable. */
static int replace_list(Qcow2 *s, const GPtrArray *list, uint64_t old_bytes)
{
    g_autoptr(GByteArray) bytes = snapshot_table_bytes(list);
    uint64_t offset = 0, old = s->h.snapshots_offset;
    if (list->len > SNAPSHOTS_MAX || bytes->len > SNAPSHOT_TABLE_MAX) {
        return -EFBIG;
    }
    lock_take(&s->lock);
    int e = bytes->len ? refs_alloc_run(s, clusters_for(s, bytes->len), &offset) : 0;
    lock_release(&s->lock);
    e = e ? e : qcow2_commit_all(s);
    e = e || !bytes->len ? e : write_bytes(s, offset, bytes);
    lock_take(&s->lock);
    e = e ? e : name_list(s, offset, list->len);
    if (!e && old_bytes) {
        refs_free(s, old, clusters_for(s, old_bytes));
    }
    lock_release(&s->lock);
    return e;
}

/* ---- counts and flags ---------------------------------------------------- */

static int has_room(Qcow2 *s, uint64_t index, void *opaque)
{
    uint64_t refs;
    int e = refs_get(s, index, &refs);
    return e || refs < refs_max(s) ? e : -EOVERFLOW;
}

static int count_up(Qcow2 *s, uint64_t index, void *done)
{
    int e = refs_add(s, index, 1);
    *(uint64_t *)done += !e;
    return e;
}

static int take_back(Qcow2 *s, uint64_t index, void *left)
{
    return (*(uint64_t *)left)-- ? refs_add(s, index, -1) : 1;
}

static int clear_copied(Qcow2 *s, uint64_t index, L2Entry *e, void *opaque)
{
    e->word &= ~ENTRY_COPIED;
    return 0;
}

/* One more reference to all that this L1 refers to: nothing of it is anybody's own. */
static int share(Qcow2 *s, const uint64_t *l1, uint64_t count)
{
    uint64_t done = 0;
    int e = l1_walk(s, l1, count, has_room, NULL);
    if (e) {
        return e;
    }
    e = l1_walk(s, l1, count, count_up, &done);
    if (e) {
        l1_walk(s, l1, count, take_back, &done);
        return e;
    }
    return l1_change(s, l1, count, clear_copied, NULL);
}

static int note(Qcow2 *s, uint64_t index, void *gone)
{
    return counts_add(gone, index, 1) ? 0 : -EFBIG;
}

static int free_one(Qcow2 *s, uint64_t index, void *opaque)
{
    refs_free(s, index << s->cluster_bits, 1);
    return 0;
}

static int is_own_then(Qcow2 *s, uint64_t index, const Counts *gone, bool *own)
{
    uint64_t refs;
    int e = refs_get(s, index, &refs);
    *own = !e && refs == UINT64_C(1) + counts_get(gone, index) && counts_get(gone, index);
    return e;
}

static int set_copied(Qcow2 *s, uint64_t index, L2Entry *e, void *gone)
{
    bool own;
    int error = is_own_then(s, index, gone, &own);
    e->word |= own ? ENTRY_COPIED : 0;
    return error;
}

/* What loses all its references but the disk's is the disk's own. */
static int own(Qcow2 *s, Counts *gone)
{
    int e = l1_change(s, s->l1.entries, s->l1.count, set_copied, gone);
    for (uint64_t i = 0; i < s->l1.count && !e; i++) {
        uint64_t table = s->l1.entries[i] & ENTRY_OFFSET;
        bool is_own = false;
        e = table ? is_own_then(s, table >> s->cluster_bits, gone, &is_own) : 0;
        if (is_own) {
            table_set(s, &s->l1, i, table | ENTRY_COPIED);
        }
    }
    return e;
}

/* ---- taking one ---------------------------------------------------------- */

static char *new_id(const GPtrArray *list)
{
    uint64_t max = 0;
    for (guint i = 0; i < list->len; i++) {
        const Qcow2Snapshot *sn = g_ptr_array_index(list, i);
        uint64_t id = g_ascii_strtoull(sn->id, NULL, 10);
        max = id < UINT64_MAX ? MAX(max, id) : max;
    }
    return g_strdup_printf("%" G_GUINT64_FORMAT, max + 1);
}

static Qcow2Snapshot *new_snapshot(const Qcow2 *s, const GPtrArray *list, const Qcow2NewSnapshot *what)
{
    Qcow2Snapshot *sn = g_new0(Qcow2Snapshot, 1);
    sn->id = new_id(list);
    sn->name = g_strdup(what->name);
    sn->date_nsec = what->date_nsec ? what->date_nsec : g_get_real_time() * 1000;
    sn->vm_state_size = what->vm_state_size;
    sn->vm_clock_nsec = what->vm_clock_nsec;
    sn->icount = what->of_machine ? UINT64_MAX : 0; /* its instructions are not counted */
    sn->disk_size = s->h.size;
    sn->l1_size = s->l1.count;
    snapshot_set_extra(sn);
    return sn;
}

/* The disk's L1 table, nothing of which is its own any more, and room for the copy. */
static int share_active(Qcow2 *s, Qcow2Snapshot *sn)
{
    uint64_t clusters = MAX(clusters_for(s, s->l1.count * 8), 1);
    int e = refs_alloc_run(s, clusters, &sn->l1_offset);
    if (e) {
        return e;
    }
    e = share(s, s->l1.entries, s->l1.count);
    if (e) {
        refs_unalloc(s, sn->l1_offset, clusters);
        return e;
    }
    for (uint64_t i = 0; i < s->l1.count; i++) {
        if (s->l1.entries[i] & ENTRY_COPIED) {
            table_set(s, &s->l1, i, s->l1.entries[i] & ~ENTRY_COPIED);
        }
    }
    return 0;
}

static int take_active(Qcow2 *s, Qcow2Snapshot *sn)
{
    lock_take(&s->lock);
    alloc_wait(s, 0, UINT64_MAX);
    int e = qcow2_begin_changes(s);
    e = e ? e : share_active(s, sn);
    lock_release(&s->lock);
    return e ? e : qcow2_commit_all(s);
}

static int write_l1(Qcow2 *s, const Qcow2Snapshot *sn)
{
    g_autoptr(GByteArray) bytes = g_byte_array_new();
    g_byte_array_set_size(bytes, MAX((s->l1.count + 63) / 64, 1) * SECTOR);
    for (uint64_t i = 0; i < bytes->len / SECTOR; i++) {
        table_sector(&s->l1, i, bytes->data + i * SECTOR);
    }
    return write_bytes(s, sn->l1_offset, bytes);
}

static int create(Qcow2 *s, const Qcow2NewSnapshot *what, char **id)
{
    g_autoptr(GPtrArray) list = NULL;
    uint64_t bytes;
    if (s->node.children[NODE_DATA_FILE] || s->h.incompatible & INCOMPAT_DATA_FILE) {
        return -ENOTSUP; /* a cluster there has one place: nothing can be kept */
    }
    int e = read_list(s, &list, &bytes);
    if (e || list->len >= SNAPSHOTS_MAX) {
        return e ? e : -EFBIG;
    }
    Qcow2Snapshot *sn = new_snapshot(s, list, what);
    g_ptr_array_add(list, sn);
    e = take_active(s, sn);
    e = e ? e : write_l1(s, sn);
    e = e ? e : replace_list(s, list, bytes);
    if (!e && id) {
        *id = g_strdup(sn->id);
    }
    return e;
}

static const char *reason(const Qcow2 *s, int e)
{
    switch (e) {
    case -EOVERFLOW: return "its counts are too narrow for one more; make an image with larger refcount_bits";
    case -EFBIG: return "there is no room for one more";
    case -ENOTSUP:
        return s->h.incompatible & INCOMPAT_DATA_FILE
                   ? "its data is in another file, where nothing can be kept"
                   : g_strerror(ENOTSUP);
    default: return g_strerror(-e);
    }
}

bool qcow2_snapshot_create(BlockNode *n, const Qcow2NewSnapshot *what, char **id, GError **err)
{
    Qcow2 *s = qcow2_of(n);
    int e = strlen(what->name) > UINT16_MAX ? -ENAMETOOLONG : create(s, what, id);
    if (e) {
        block_error(err, "Could not create snapshot '%s': %s", what->name, reason(s, e));
    }
    return e == 0;
}

/* ---- going back ---------------------------------------------------------- */

/* What the snapshot's table has of the disk: behind it is the state of a machine, which stays there. */
static uint64_t disk_entries(const Qcow2 *s, const Qcow2Snapshot *sn)
{
    return MIN(sn->l1_size, l1_needed(s, sn->disk_size));
}

static int share_snapshot(Qcow2 *s, const Qcow2Snapshot *sn, uint64_t **l1)
{
    int e = l1_read(s, sn->l1_offset, sn->l1_size, l1);
    if (e) {
        return e;
    }
    lock_take(&s->lock);
    alloc_wait(s, 0, UINT64_MAX);
    e = qcow2_begin_changes(s);
    e = e ? e : share(s, *l1, disk_entries(s, sn));
    lock_release(&s->lock);
    for (uint64_t i = 0; i < sn->l1_size; i++) {
        (*l1)[i] &= ~ENTRY_COPIED;
    }
    return e;
}

/* All of the disk is another one, maybe of another size. */
static void change_bitmaps(Qcow2 *s)
{
    node_bitmaps_resized(&s->node, node_size(&s->node));
    if (s->node.bitmaps) {
        node_bitmaps_mark(&s->node, 0, node_size(&s->node));
    }
}

static int apply(Qcow2 *s, const Qcow2Snapshot *sn)
{
    g_autofree uint64_t *l1 = NULL;
    uint64_t count = MAX(sn->l1_size, l1_needed(s, sn->disk_size)), old_count = s->l1.count;
    if (count > L1_MAX / 8) {
        return -EINVAL;
    }
    int fits = node_bitmaps_fit(&s->node, sn->disk_size);
    int e = fits ? fits : share_snapshot(s, sn, &l1);
    if (e) {
        return e;
    }
    uint64_t *entries = g_new0(uint64_t, count + 1);
    memcpy(entries, l1, (gsize)disk_entries(s, sn) * 8);
    g_autofree uint64_t *old = g_memdup2(s->l1.entries, old_count * 8);
    e = l1_replace(s, entries, count, sn->disk_size);
    if (!e) {
        __atomic_store_n(&s->node.size, (sn->disk_size + SECTOR - 1) & ~(uint64_t)(SECTOR - 1),
                         __ATOMIC_RELEASE);
        change_bitmaps(s);
        lock_take(&s->lock);
        e = l1_walk(s, old, old_count, free_one, NULL);
        lock_release(&s->lock);
        e = e ? e : qcow2_commit_all(s);
    }
    return e;
}

bool qcow2_snapshot_apply(BlockNode *n, const char *which, GError **err)
{
    Qcow2 *s = qcow2_of(n);
    g_autoptr(GPtrArray) list = qcow2_snapshots(n, err);
    const Qcow2Snapshot *sn = list ? qcow2_snapshot_find(list, which) : NULL;
    if (list && !sn) {
        block_error(err,
                    "Could not apply snapshot '%s': snapshot not found; list them with: qemu-img snapshot -l",
                    which);
    }
    int e = sn ? apply(s, sn) : 0;
    if (e) {
        block_error(err, "Could not apply snapshot '%s': %s", which, reason(s, e));
    }
    return sn && !e;
}

int qcow2_snapshot_show(BlockNode *n, const Qcow2Snapshot *sn)
{
    Qcow2 *s = qcow2_of(n);
    g_autofree uint64_t *l1 = NULL;
    uint64_t count = l1_needed(s, sn->disk_size);
    if (s->writable || count > L1_MAX / 8 || sn->disk_size > UINT64_C(1) << 61) {
        return s->writable ? -EBUSY : -EINVAL;
    }
    int e = l1_read(s, sn->l1_offset, sn->l1_size, &l1);
    if (e) {
        return e;
    }
    uint64_t *entries = g_new0(uint64_t, count + 1);
    memcpy(entries, l1, (gsize)disk_entries(s, sn) * 8);
    g_free(s->l1.entries);
    s->l1.entries = entries;
    s->l1.count = count;
    s->h.size = sn->disk_size;
    n->size = (sn->disk_size + SECTOR - 1) & ~(uint64_t)(SECTOR - 1);
    return 0;
}

/* ---- deleting ------------------------------------------------------------ */

static int forget(Qcow2 *s, const Qcow2Snapshot *sn, const uint64_t *l1)
{
    Counts *gone = counts_new(COUNTS_PAGES_MAX);
    lock_take(&s->lock);
    int e = l1_walk(s, l1, sn->l1_size, note, gone);
    e = e ? e : own(s, gone);
    e = e ? e : l1_walk(s, l1, sn->l1_size, free_one, NULL);
    if (!e) {
        refs_free(s, sn->l1_offset, clusters_for(s, (uint64_t)sn->l1_size * 8));
    }
    lock_release(&s->lock);
    counts_free(gone);
    return e ? e : qcow2_commit_all(s);
}

static int delete(Qcow2 *s, GPtrArray *list, Qcow2Snapshot *sn, uint64_t bytes)
{
    g_autofree uint64_t *l1 = NULL;
    guint at;
    lock_take(&s->lock);
    int e = qcow2_begin_changes(s);
    lock_release(&s->lock);
    e = e ? e : l1_read(s, sn->l1_offset, sn->l1_size, &l1);
    if (e || !g_ptr_array_find(list, sn, &at)) {
        return e;
    }
    g_ptr_array_steal_index(list, at);
    e = replace_list(s, list, bytes);
    e = e ? e : forget(s, sn, l1);
    g_ptr_array_insert(list, (gint)at, sn); /* the list's again, which frees it */
    return e;
}

bool qcow2_snapshot_delete(BlockNode *n, const char *which, GError **err)
{
    Qcow2 *s = qcow2_of(n);
    g_autoptr(GPtrArray) list = NULL;
    uint64_t bytes;
    int e = read_list(s, &list, &bytes);
    Qcow2Snapshot *sn = e ? NULL : (Qcow2Snapshot *)qcow2_snapshot_find(list, which);
    e = sn ? delete (s, list, sn, bytes) : e;
    if (e || !sn) {
        block_error(err, "Could not delete snapshot '%s': %s", which,
                    e ? reason(s, e) : "snapshot not found");
    }
    return sn && !e;
}
