/* SPDX-License-Identifier: GPL-2.0-or-later */
/* check: counts every reference that the image makes (header, tables, data, snapshots, bitmaps) and compares with the
 * counts that it keeps.
 *
 * An L2 table is walked once for the image and once for all snapshots together, whose references are counted as often as there are
 * snapshots that name it, and L1 tables share nothing: else a few clusters would make more work than there is time for. */
#include <errno.h>
#include <string.h>

#include "block/block_priv.h"
#include "block/qcow2/check.h"
#include "block/qcow2/snapshot.h"
#include "util/bytes.h"

/* An entry that is said to be the only one for its cluster, whose count says more. */
typedef struct Suspect {
    bool is_table;
    uint64_t word, host, refs;
} Suspect;
enum { SUSPECTS_MAX = 1 << 20, LATER_MAX = 1 << 20 };

typedef struct Span {
    uint64_t offset, bytes;
} Span;

static void say(Check *c, const char *fmt, ...) G_GNUC_PRINTF(2, 3);

static void say(Check *c, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    g_autofree char *line = g_strdup_vprintf(fmt, ap);
    va_end(ap);
    if (c->r->say) {
        c->r->say(line, c->r->opaque);
    }
}

/* ---- references ---------------------------------------------------------- */

static bool lies_in_file(Check *c, uint64_t offset, uint64_t bytes, const char *what)
{
    if (offset >> 56 || bytes >> 56 || offset + bytes > c->file_end + c->s->cluster_size) {
        say(c, "ERROR %s at %#" PRIx64 " lies behind the end of the file", what, offset);
        c->r->corruptions++;
        return false;
    }
    return true;
}

static bool refer(Check *c, Counts *to, uint64_t offset, uint64_t bytes, const char *what)
{
    Qcow2 *s = c->s;
    if (!lies_in_file(c, offset, bytes, what)) {
        return false;
    }
    for (uint64_t i = offset >> s->cluster_bits; bytes && i <= (offset + bytes - 1) >> s->cluster_bits; i++) {
        c->full |= !counts_add(to, i, c->times);
    }
    return true;
}

static bool is_used(const Check *c, uint64_t offset, uint64_t bytes, uint32_t more_than)
{
    unsigned bits = c->s->cluster_bits;
    for (uint64_t i = offset >> bits; bytes && i <= (offset + bytes - 1) >> bits; i++) {
        if (counts_get(c->used, i) > more_than) {
            return true;
        }
    }
    return false;
}

static void say_shared(Check *c, uint64_t offset, const char *what)
{
    say(c, "ERROR: %s at %#" PRIx64 " is where something else is", what, offset);
    c->r->corruptions++;
    c->partial = true;
}

/* Of a table that nothing else may be part of: false: it is not to be walked. */
static bool refer_alone(Check *c, uint64_t offset, uint64_t bytes, const char *what)
{
    if (!lies_in_file(c, offset, bytes, what)) {
        return false;
    }
    if (is_used(c, offset, bytes, 0)) {
        say_shared(c, offset, what);
        return false;
    }
    return refer(c, c->used, offset, bytes, what);
}

static void say_copied(Check *c, const Suspect *p)
{
    say(c, "ERROR OFLAG_COPIED %s: %s=%" PRIx64 " refcount=%" PRIu64,
        p->is_table ? "L2 cluster" : "data cluster", p->is_table ? "l1_entry" : "l2_entry", p->word, p->refs);
    c->r->corruptions++;
}

static void check_copied(Check *c, bool is_table, uint64_t word, uint64_t host)
{
    Suspect p = { is_table, word, host };
    if (refs_get(c->s, host >> c->s->cluster_bits, &p.refs)) {
        c->r->check_errors++;
    } else if ((p.refs == 1) == ((word & ENTRY_COPIED) != 0)) {
        return;
    } else if (p.refs > 1 && c->suspects->len < SUSPECTS_MAX) {
        g_array_append_val(c->suspects, p); /* all references must be known */
    } else {
        say_copied(c, &p);
    }
}

/* Where a count is too high, by a snapshot that was not finished, the entry is the only one indeed: that is a leak. */
static void check_suspects(Check *c)
{
    for (guint i = 0; i < c->suspects->len; i++) {
        const Suspect *p = &g_array_index(c->suspects, Suspect, i);
        if (counts_get(c->used, p->host >> c->s->cluster_bits) != 1) {
            say_copied(c, p);
        }
    }
}

static void count_guest_cluster(Check *c, const L2Entry *e)
{
    uint64_t host = entry_host(e), length, end;
    if (e->word & ENTRY_PACKED) {
        entry_packed(c->s, e, &host, &length);
        end = host + length;
        c->r->compressed++;
    } else {
        end = host + c->s->cluster_size;
    }
    c->r->allocated++;
    c->r->fragmented += c->last_host && host != c->last_host;
    c->last_host = e->word & ENTRY_PACKED ? 0 : end;
}

static void check_entry(Check *c, const L2Entry *e, bool active)
{
    Qcow2 *s = c->s;
    uint64_t offset, length;
    if (!entry_is_valid(s, e)) {
        say(c, "ERROR: an L2 entry is invalid: %" PRIx64, e->word);
        c->r->corruptions++;
        return;
    }
    if (active && (e->word & ENTRY_PACKED || entry_host(e))) {
        count_guest_cluster(c, e);
    }
    if (e->word & ENTRY_PACKED) {
        entry_packed(s, e, &offset, &length);
        refer(c, c->used, offset, length, "compressed data");
    } else if (entry_host(e) && !s->node.children[NODE_DATA_FILE] &&
               !(s->h.incompatible & INCOMPAT_DATA_FILE)) {
        if (refer(c, c->used, entry_host(e), s->cluster_size, "data") && active) {
            check_copied(c, false, e->word, entry_host(e));
        }
    }
}

static void check_l2(Check *c, uint64_t offset, bool active)
{
    Qcow2 *s = c->s;
    g_autofree uint8_t *table = g_malloc(s->cluster_size);
    if (offset & (s->cluster_size - 1) || !refer(c, c->used, offset, s->cluster_size, "an L2 table")) {
        say(c, "ERROR: L2 table at %#" PRIx64 " is not at a cluster of the file", offset);
        c->r->corruptions += offset & (s->cluster_size - 1) ? 1 : 0;
        return;
    }
    if (node_read(s->node.children[NODE_FILE], offset, table, s->cluster_size)) {
        c->r->check_errors++;
        return;
    }
    for (uint64_t i = 0; i < s->cluster_size; i += s->entry_size) {
        L2Entry e = { load_be(table + i, 8), s->extended ? load_be(table + i + 8, 8) : 0 };
        if (e.word || e.bits) {
            check_entry(c, &e, active);
        }
    }
}

/* Many snapshots have the same tables: those are walked when it is known how many. */
static void check_l2_later(Check *c, uint64_t offset)
{
    gpointer key = GSIZE_TO_POINTER(offset);
    guint times = GPOINTER_TO_UINT(g_hash_table_lookup(c->later, key));
    if (!times && g_hash_table_size(c->later) >= LATER_MAX) {
        c->full = true;
    } else {
        g_hash_table_insert(c->later, key, GUINT_TO_POINTER(times + 1));
    }
}

static void check_later(Check *c)
{
    GHashTableIter i;
    gpointer offset, times;
    g_hash_table_iter_init(&i, c->later);
    while (!c->full && g_hash_table_iter_next(&i, &offset, &times)) {
        c->times = GPOINTER_TO_UINT(times);
        check_l2(c, GPOINTER_TO_SIZE(offset), false);
    }
    c->times = 1;
    for (guint k = 0; k < c->alone->len; k++) {
        const Span *l1 = &g_array_index(c->alone, Span, k);
        if (is_used(c, l1->offset, l1->bytes, 1)) {
            say_shared(c, l1->offset, "the L1 table of a snapshot");
        }
    }
}

static void check_l1(Check *c, const uint64_t *l1, uint64_t count, bool active)
{
    g_autoptr(GHashTable) walked = image_numbers_new();
    for (uint64_t i = 0; i < count && !c->full; i++) {
        uint64_t offset = l1[i] & ENTRY_OFFSET;
        if (offset && !g_hash_table_add(walked, GSIZE_TO_POINTER(offset))) {
            say(c, "ERROR: L2 table at %#" PRIx64 " is there twice", offset);
            c->r->corruptions++;
            c->partial = true;
            refer(c, c->used, offset, c->s->cluster_size, "an L2 table");
        } else if (offset && active) {
            check_l2(c, offset, true);
        } else if (offset) {
            check_l2_later(c, offset);
        }
        if (offset && active) {
            check_copied(c, true, l1[i], offset);
        }
    }
}

/* ---- snapshots and bitmaps ----------------------------------------------- */

static void check_snapshot_l1(Check *c, const Qcow2Snapshot *sn)
{
    g_autofree uint64_t *l1 = NULL;
    uint64_t bytes = (uint64_t)sn->l1_size * 8;
    if (!refer_alone(c, sn->l1_offset, bytes, "the L1 table of a snapshot")) {
        return;
    }
    if (l1_read(c->s, sn->l1_offset, sn->l1_size, &l1)) {
        c->r->check_errors++;
        return;
    }
    Span span = { sn->l1_offset, bytes };
    g_array_append_val(c->alone, span);
    check_l1(c, l1, sn->l1_size, false);
}

/* Read sectors around a place of any alignment. */
static bool read_bytes(Check *c, uint64_t offset, void *buf, uint64_t n)
{
    uint64_t start = offset & ~(uint64_t)(SECTOR - 1);
    uint64_t span = (offset + n - start + SECTOR - 1) & ~(uint64_t)(SECTOR - 1);
    g_autofree uint8_t *all = g_malloc(span);
    bool ok = node_read(c->s->node.children[NODE_FILE], start, all, span) == 0;
    c->r->check_errors += !ok;
    if (ok) {
        memcpy(buf, all + (offset - start), n);
    }
    return ok;
}

static void check_snapshots(Check *c)
{
    Qcow2 *s = c->s;
    uint64_t bytes;
    g_autoptr(GPtrArray) list = snapshot_list_new();
    int e = snapshot_table_read(s, list, &bytes);
    if (e) {
        say(c, "ERROR: the snapshot table is damaged");
        *(e == -EINVAL ? &c->r->corruptions : &c->r->check_errors) += 1;
        return;
    }
    for (guint i = 0; i < list->len && !c->full; i++) {
        check_snapshot_l1(c, g_ptr_array_index(list, i));
    }
    check_later(c);
    refer(c, c->used, s->h.snapshots_offset, bytes, "the snapshot table");
}

static void check_bitmap_table(Check *c, uint64_t offset, uint64_t entries)
{
    if (entries > L1_MAX / 8 || !refer_alone(c, offset, entries * 8, "the table of a bitmap")) {
        c->r->corruptions += entries > L1_MAX / 8;
        return;
    }
    g_autofree uint8_t *table = g_malloc(entries * 8 + 1);
    bool there = entries && read_bytes(c, offset, table, entries * 8);
    for (uint64_t i = 0; there && i < entries; i++) {
        uint64_t place = load_be(table + 8 * i, 8) & ENTRY_OFFSET;
        if (place) {
            refer(c, c->used, place, c->s->cluster_size, "a bitmap");
        }
    }
}

/* Without the autoclear bit nobody relies on them, and what they take is a leak. */
static void check_bitmaps(Check *c)
{
    Qcow2 *s = c->s;
    uint64_t at = s->bitmaps_offset, end = at + s->bitmaps_size;
    if (!(s->h.autoclear & AUTOCLEAR_BITMAPS) || !s->bitmaps) {
        return;
    }
    if (s->bitmaps_size > SNAPSHOT_TABLE_MAX ||
        !refer(c, c->used, at, s->bitmaps_size, "the bitmap directory")) {
        c->r->corruptions += s->bitmaps_size > SNAPSHOT_TABLE_MAX;
        return;
    }
    while (at + 24 <= end) {
        uint8_t head[24];
        if (!read_bytes(c, at, head, sizeof(head))) {
            return;
        }
        check_bitmap_table(c, load_be(head, 8), load_be(head + 8, 4));
        at += (24 + load_be(head + 18, 2) + load_be(head + 20, 4) + 7) & ~UINT64_C(7);
    }
}

/* ---- counts -------------------------------------------------------------- */

static void check_blocks(Check *c)
{
    Qcow2 *s = c->s;
    refer(c, c->old, s->reftable.offset, s->reftable.count * 8, "the refcount table");
    for (uint64_t i = 0; i < s->reftable.count; i++) {
        uint64_t offset = s->reftable.entries[i] & ~UINT64_C(0x1ff);
        if (offset & (s->cluster_size - 1)) {
            say(c, "ERROR refcount block %" PRIu64 " is not cluster aligned; refcount table entry corrupted",
                i);
            c->r->corruptions++;
        } else if (offset && refer(c, c->old, offset, s->cluster_size, "a refcount block") &&
                   counts_get(c->old, offset >> s->cluster_bits) > 1) {
            say(c, "ERROR refcount block %" PRIu64 " is there twice", i);
            c->r->corruptions++;
        }
    }
}

static void compare_one(Check *c, uint64_t index, uint64_t refs)
{
    uint64_t used = (uint64_t)counts_get(c->used, index) + counts_get(c->old, index);
    if (refs || used) {
        c->r->image_end = MAX(c->r->image_end, (index + 1) << c->s->cluster_bits);
    }
    if (refs == used) {
        return;
    }
    bool fix = c->repair == REPAIR_ALL || (c->repair == REPAIR_LEAKS && refs > used);
    say(c, "%s cluster %" PRIu64 " refcount=%" PRIu64 " reference=%" PRIu64,
        fix           ? "Repairing"
        : refs > used ? "Leaked"
                      : "ERROR",
        index, refs, used);
    *(refs > used ? &c->r->leaks : &c->r->corruptions) += 1;
}

/* Of the clusters of block i of the table. */
static void compare_block(Check *c, uint64_t i, uint64_t per_block)
{
    Qcow2 *s = c->s;
    uint64_t offset = s->reftable.entries[i] & ~UINT64_C(0x1ff);
    if (!offset || offset & (s->cluster_size - 1) || offset >= c->file_end) {
        return;
    }
    g_autofree uint8_t *block = g_malloc(s->cluster_size);
    if (node_read(s->node.children[NODE_FILE], offset, block, s->cluster_size)) {
        c->r->check_errors++;
        return;
    }
    for (uint64_t k = 0; k < per_block; k++) {
        compare_one(c, i * per_block + k, refs_in_entry(block, k, s->h.refcount_order));
    }
}

static bool has_block(const Qcow2 *s, uint64_t i)
{
    uint64_t offset = i < s->reftable.count ? s->reftable.entries[i] & ~UINT64_C(0x1ff) : 0;
    return offset && !(offset & (s->cluster_size - 1));
}

static void compare(Check *c)
{
    uint64_t per_block = c->s->cluster_size * 8 >> c->s->h.refcount_order;
    for (uint64_t i = 0; i < c->s->reftable.count; i++) {
        compare_block(c, i, per_block);
    }
    uint64_t end = MAX(counts_end(c->used), counts_end(c->old));
    for (uint64_t i = 0; i < end; i++) {
        i = MIN(counts_next(c->used, i), counts_next(c->old, i));
        if (i < end && !has_block(c->s, i / per_block)) {
            compare_one(c, i, 0);
        }
    }
}

/* ---- all of it ------------------------------------------------------------ */

static bool wants_mending(const Check *c)
{
    bool dirty = c->s->h.incompatible & INCOMPAT_DIRTY;
    return !c->r->check_errors && !c->partial &&
           ((c->repair == REPAIR_ALL && (c->r->corruptions || c->r->leaks || dirty)) ||
            (c->repair == REPAIR_LEAKS && c->r->leaks && !c->r->corruptions));
}

int qcow2_check(BlockNode *n, ImageRepair repair, ImageReport *report)
{
    Qcow2 *s = qcow2_of(n);
    Check c = { .s = s,
                .r = report,
                .used = counts_new(COUNTS_PAGES_MAX),
                .old = counts_new(COUNTS_PAGES_MAX),
                .repair = repair,
                .suspects = g_array_new(false, false, sizeof(Suspect)),
                .times = 1,
                .later = image_numbers_new(),
                .alone = g_array_new(false, false, sizeof(Span)) };
    c.file_end = node_size(s->node.children[NODE_FILE]);
    report->total = (s->node.size + s->cluster_size - 1) >> s->cluster_bits;
    lock_take(&s->lock);
    refer(&c, c.used, 0, s->cluster_size, "the header");
    refer(&c, c.used, s->l1.offset, s->l1.count * 8, "the L1 table");
    if (s->crypt_offset) {
        refer(&c, c.used, s->crypt_offset, s->crypt_size, "the encryption header");
    }
    check_blocks(&c);
    check_l1(&c, s->l1.entries, s->l1.count, true);
    check_snapshots(&c);
    check_bitmaps(&c);
    if (!c.full) {
        check_suspects(&c);
        compare(&c);
    }
    if (c.partial && repair != REPAIR_NOTHING) {
        say(&c, "ERROR: tables lie on one another: nothing is repaired; convert saves what can be read");
    }
    int e = c.full ? -EFBIG : wants_mending(&c) ? check_mend(&c) : 0;
    lock_release(&s->lock);
    counts_free(c.used);
    counts_free(c.old);
    g_array_unref(c.suspects);
    g_array_unref(c.alone);
    g_hash_table_destroy(c.later);
    return e;
}
