/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The table of an image's internal snapshots.
 * Specification: "Snapshots".  What it does not name of an entry's extra data is kept as it is. */
#include <errno.h>
#include <string.h>

#include "block/block_priv.h"
#include "block/qcow2/snapshot.h"
#include "util/bytes.h"

enum { ENTRY_HEAD = 40, EXTRA_OWN = 24 };

enum { /* where fields are in an entry */
       AT_L1_OFFSET = 0,
       AT_L1_SIZE = 8,
       AT_ID_LENGTH = 12,
       AT_NAME_LENGTH = 14,
       AT_SECONDS = 16,
       AT_NANOSECONDS = 20,
       AT_VM_CLOCK = 24,
       AT_VM_STATE_SIZE = 32,
       AT_EXTRA_SIZE = 36
};
enum { AT_EXTRA_VM_STATE_SIZE = 0, AT_EXTRA_DISK_SIZE = 8, AT_EXTRA_ICOUNT = 16 };

static void snapshot_free(gpointer p)
{
    Qcow2Snapshot *sn = p;
    g_free(sn->id);
    g_free(sn->name);
    g_free(sn->extra);
    g_free(sn);
}

GPtrArray *snapshot_list_new(void)
{
    return g_ptr_array_new_with_free_func(snapshot_free);
}

static uint64_t padded(uint64_t n)
{
    return (n + 7) & ~UINT64_C(7);
}

/* ---- reading ------------------------------------------------------------- */

typedef struct Reader {
    BlockNode *file;
    uint64_t at, end; /* of what may be read, in the file */
} Reader;

/* n bytes from r->at on: of any alignment. */
static int take(Reader *r, void *buf, uint64_t n)
{
    uint64_t start = r->at & ~(uint64_t)(SECTOR - 1);
    uint64_t span = (r->at + n - start + SECTOR - 1) & ~(uint64_t)(SECTOR - 1);
    if (r->at > r->end || n > r->end - r->at) {
        return -EINVAL;
    }
    g_autofree uint8_t *all = g_malloc(MAX(span, 1));
    int e = n ? node_read(r->file, start, all, span) : 0;
    if (!e && n) {
        memcpy(buf, all + (r->at - start), n);
    }
    r->at += n;
    return e;
}

static int take_text(Reader *r, unsigned n, char **text)
{
    *text = g_malloc0((gsize)n + 1);
    return take(r, *text, n);
}

static uint64_t extra_or(const Qcow2Snapshot *sn, unsigned at, uint64_t other)
{
    return sn->extra_size >= at + 8 ? load_be(sn->extra + at, 8) : other;
}

static int take_snapshot(Reader *r, const Qcow2 *s, Qcow2Snapshot *sn)
{
    uint8_t head[ENTRY_HEAD];
    uint64_t from = r->at;
    int e = take(r, head, sizeof(head));
    if (e) {
        return e;
    }
    sn->l1_offset = load_be(head + AT_L1_OFFSET, 8);
    sn->l1_size = load_be(head + AT_L1_SIZE, 4);
    sn->extra_size = load_be(head + AT_EXTRA_SIZE, 4);
    sn->date_nsec = (int64_t)load_be(head + AT_SECONDS, 4) * 1000000000 + load_be(head + AT_NANOSECONDS, 4);
    sn->vm_clock_nsec = load_be(head + AT_VM_CLOCK, 8);
    if (sn->extra_size > SNAPSHOT_EXTRA_MAX || sn->l1_size > L1_MAX / 8 ||
        sn->l1_offset & (s->cluster_size - 1)) {
        return -EINVAL;
    }
    sn->extra = g_malloc0(sn->extra_size + 1);
    e = take(r, sn->extra, sn->extra_size);
    e = e ? e : take_text(r, load_be(head + AT_ID_LENGTH, 2), &sn->id);
    e = e ? e : take_text(r, load_be(head + AT_NAME_LENGTH, 2), &sn->name);
    sn->vm_state_size = extra_or(sn, AT_EXTRA_VM_STATE_SIZE, load_be(head + AT_VM_STATE_SIZE, 4));
    sn->disk_size = extra_or(sn, AT_EXTRA_DISK_SIZE, s->h.size);
    sn->icount = extra_or(sn, AT_EXTRA_ICOUNT, UINT64_MAX);
    r->at = from + padded(r->at - from);
    return e;
}

int snapshot_table_read(Qcow2 *s, GPtrArray *list, uint64_t *bytes)
{
    BlockNode *file = s->node.children[NODE_FILE];
    uint64_t start = s->h.snapshots_offset;
    Reader r = { file, start, MIN(start + SNAPSHOT_TABLE_MAX, node_size(file)) };
    int e = start > r.end ? -EINVAL : 0;
    for (uint32_t i = 0; i < s->h.snapshots && !e; i++) {
        Qcow2Snapshot *sn = g_new0(Qcow2Snapshot, 1);
        g_ptr_array_add(list, sn);
        e = take_snapshot(&r, s, sn);
    }
    *bytes = s->h.snapshots ? r.at - start : 0;
    return e;
}

/* ---- writing ------------------------------------------------------------- */

static void put_snapshot(GByteArray *to, const Qcow2Snapshot *sn)
{
    static const uint8_t zeroes[8];
    append_be(to, 8, sn->l1_offset);
    append_be(to, 4, sn->l1_size);
    append_be(to, 2, strlen(sn->id));
    append_be(to, 2, strlen(sn->name));
    append_be(to, 4, sn->date_nsec / 1000000000);
    append_be(to, 4, sn->date_nsec % 1000000000);
    append_be(to, 8, sn->vm_clock_nsec);
    append_be(to, 4, MIN(sn->vm_state_size, UINT32_MAX));
    append_be(to, 4, sn->extra_size);
    g_byte_array_append(to, sn->extra, sn->extra_size);
    g_byte_array_append(to, (const uint8_t *)sn->id, strlen(sn->id));
    g_byte_array_append(to, (const uint8_t *)sn->name, strlen(sn->name));
    g_byte_array_append(to, zeroes, padded(to->len) - to->len);
}

GByteArray *snapshot_table_bytes(const GPtrArray *list)
{
    GByteArray *bytes = g_byte_array_new();
    for (guint i = 0; i < list->len; i++) {
        put_snapshot(bytes, g_ptr_array_index(list, i));
    }
    return bytes;
}

void snapshot_set_extra(Qcow2Snapshot *sn)
{
    if (sn->extra_size < EXTRA_OWN) {
        sn->extra = g_realloc(sn->extra, EXTRA_OWN);
        sn->extra_size = EXTRA_OWN;
    }
    store_be(sn->extra + AT_EXTRA_VM_STATE_SIZE, 8, sn->vm_state_size);
    store_be(sn->extra + AT_EXTRA_DISK_SIZE, 8, sn->disk_size);
    store_be(sn->extra + AT_EXTRA_ICOUNT, 8, sn->icount);
}
