/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Persistent dirty bitmaps: read when the image is opened, marked as in use in the file when it is opened to be written, written
 * when it is closed or only read from then on.
 * Specification: "Bitmaps extension", "Bitmaps".
 *
 * Power may fail at any write.  In use: a bitmap in the file says so before the first write to the disk, so nobody relies on it.  Stored:
 * new tables and a new directory, in new clusters whose counts are stable before; then the autoclear bit goes, the header names the new
 * directory, the bit comes back, each stable before the next; what was there before is free last.  In between bitmaps are lost at worst, and
 * clusters leak.
 *
 * Bitmaps with data that this program does not know are left as they are; so are those that were in use. */
#include "block/qcow2/bitmaps.h"

#include <errno.h>
#include <string.h>

#include "block/block_priv.h"
#include "util/bytes.h"
#include "util/text.h"

static uint64_t clusters_for(const Qcow2 *s, uint64_t bytes)
{
    return (bytes + s->cluster_size - 1) >> s->cluster_bits;
}

static uint64_t table_clusters(const Qcow2 *s, const BitmapEntry *e)
{
    return clusters_for(s, (uint64_t)e->table_size * 8);
}

/* Whole clusters of the file. */
static int read_clusters(Qcow2 *s, uint64_t offset, uint64_t bytes, uint8_t **data)
{
    BlockNode *file = s->node.children[NODE_FILE];
    uint64_t whole = clusters_for(s, bytes) << s->cluster_bits;
    *data = g_try_malloc(whole + 1);
    return !*data ? -ENOMEM : bytes ? node_read(file, offset, *data, whole) : 0;
}

static int write_clusters(Qcow2 *s, uint64_t offset, const void *data, uint64_t bytes)
{
    uint64_t whole = clusters_for(s, bytes) << s->cluster_bits;
    g_autofree uint8_t *raw = g_malloc0(whole + 1);
    memcpy(raw, data, bytes);
    return node_write(s->node.children[NODE_FILE], offset, raw, whole);
}

/* ---- loading ------------------------------------------------------------------------ */

static int read_table(Qcow2 *s, const BitmapEntry *e, uint64_t **table)
{
    g_autofree uint8_t *raw = NULL;
    int error = read_clusters(s, e->table_offset, (uint64_t)e->table_size * 8, &raw);
    *table = g_new0(uint64_t, (gsize)e->table_size + 1);
    for (uint32_t i = 0; i < e->table_size && !error; i++) {
        uint64_t entry = load_be(raw + (gsize)i * 8, 8), place = entry & ENTRY_OFFSET;
        bool bad = entry & ~(ENTRY_OFFSET | 1) || (place && entry & 1) || place & (s->cluster_size - 1);
        error = bad ? -EINVAL : 0;
        (*table)[i] = entry;
    }
    return error;
}

static int load_bits(Qcow2 *s, const BitmapEntry *e, DirtyBitmap *b)
{
    g_autofree uint64_t *table = NULL;
    g_autofree uint8_t *bytes = g_try_malloc(s->cluster_size);
    int error = bytes ? read_table(s, e, &table) : -ENOMEM;
    for (uint32_t i = 0; i < e->table_size && !error; i++) {
        if (table[i] & ENTRY_OFFSET) {
            error = node_read(s->node.children[NODE_FILE], table[i] & ENTRY_OFFSET, bytes, s->cluster_size);
        } else {
            memset(bytes, table[i] ? 0xff : 0, s->cluster_size);
        }
        if (!error && table[i]) {
            bitmap_put_bytes(b, (uint64_t)i * s->cluster_size * 8, bytes, s->cluster_size);
        }
    }
    return error;
}

static bool load_one(Qcow2 *s, const BitmapEntry *e, GError **err)
{
    if (bitmap_entry_is_opaque(e)) {
        return true;
    }
    bool in_use = e->flags & BITMAP_IN_USE;
    DirtyBitmap *b = node_bitmap_load(&s->node, e->name, e->shift, e->flags & BITMAP_AUTO, in_use);
    int error = !b ? -EFBIG : in_use ? 0 : load_bits(s, e, b);
    if (error) {
        g_autofree char *shown = text_escaped(e->name);
        block_error(err, "'%s': Could not read bitmap '%s': %s", s->node.filename, shown,
                    error == -EINVAL  ? "its table is damaged"
                    : error == -EFBIG ? "it has too many bits"
                                      : g_strerror(-error));
    }
    return !error;
}

/* Is it where something else of the image is? */
static bool overlaps(Qcow2 *s, uint64_t offset, uint64_t clusters)
{
    for (uint64_t i = 0; i < clusters; i++) {
        if (metadata_at(s, offset + (i << s->cluster_bits))) {
            return true;
        }
    }
    return false;
}

static const char *add_metadata(Qcow2 *s)
{
    if (overlaps(s, s->bitmaps_offset, clusters_for(s, s->bitmaps_size))) {
        return "the directory is where another table is";
    }
    metadata_add(s, s->bitmaps_offset, s->bitmaps_size, "the bitmap directory");
    for (guint i = 0; i < s->bitmap_entries->len; i++) {
        const BitmapEntry *e = g_ptr_array_index(s->bitmap_entries, i);
        if (overlaps(s, e->table_offset, table_clusters(s, e))) {
            return "the table of a bitmap is where another table is";
        }
        metadata_add(s, e->table_offset, (uint64_t)e->table_size * 8, "the table of a bitmap");
    }
    return NULL;
}

/* Before any is read: what it says of all of them is more than one node's may have. */
static bool have_too_many_bits(const Qcow2 *s)
{
    uint64_t bits = 0;
    for (guint i = 0; i < s->bitmap_entries->len; i++) {
        const BitmapEntry *e = g_ptr_array_index(s->bitmap_entries, i);
        bits += bitmap_entry_is_opaque(e) || e->flags & BITMAP_IN_USE ? 0 : s->h.size >> e->shift;
    }
    return bits > BITMAP_NODE_BITS_MAX;
}

static bool read_directory(Qcow2 *s, GError **err)
{
    g_autofree uint8_t *raw = NULL;
    const char *why =
        s->bitmaps > BITMAPS_MAX || s->bitmaps_size > BITMAP_DIRECTORY_MAX ? "it has too many bitmaps"
        : s->bitmaps_offset & (s->cluster_size - 1) || s->bitmaps_offset >> 56 || !s->bitmaps_offset
            ? "the directory is not at a cluster of the file"
            : NULL;
    int e = why ? 0 : read_clusters(s, s->bitmaps_offset, s->bitmaps_size, &raw);
    why = e ? g_strerror(-e) : why;
    if (!why) {
        s->bitmap_entries = bitmap_directory_parse(s, raw, s->bitmaps_size, s->bitmaps, &why);
    }
    why = why ? why : have_too_many_bits(s) ? "they have too many bits" : add_metadata(s);
    if (why) {
        block_error(err, "'%s': Could not read its bitmaps: %s; look at it with: qemu-img check",
                    s->node.filename, why);
    }
    return !why;
}

bool bitmaps_load(Qcow2 *s, GError **err)
{
    if (!s->bitmaps || !(s->h.autoclear & AUTOCLEAR_BITMAPS)) {
        s->bitmaps = 0; /* without the bit nobody relies on them */
        return true;
    }
    bool ok = read_directory(s, err);
    for (guint i = 0; ok && i < s->bitmap_entries->len; i++) {
        ok = load_one(s, g_ptr_array_index(s->bitmap_entries, i), err);
    }
    if (!ok) {
        node_bitmaps_free(&s->node);
        g_clear_pointer(&s->bitmap_entries, g_ptr_array_unref);
    }
    return ok;
}

void bitmaps_close(Qcow2 *s)
{
    g_clear_pointer(&s->bitmap_entries, g_ptr_array_unref);
}

/* ---- in use --------------------------------------------------------------------------- */

int bitmaps_claim(Qcow2 *s)
{
    bool any = false;
    for (guint i = 0; s->bitmap_entries && i < s->bitmap_entries->len; i++) {
        BitmapEntry *e = g_ptr_array_index(s->bitmap_entries, i);
        any |= !bitmap_entry_is_opaque(e) && !(e->flags & BITMAP_IN_USE);
        e->flags |= bitmap_entry_is_opaque(e) ? 0 : BITMAP_IN_USE;
    }
    if (!any) {
        return 0;
    }
    g_autoptr(GByteArray) bytes = bitmap_directory_bytes(s->bitmap_entries);
    int e = write_clusters(s, s->bitmaps_offset, bytes->data, bytes->len);
    return e ? e : node_flush(s->node.children[NODE_FILE]);
}

bool bitmaps_keep(BlockNode *n, const char *name, unsigned shift, GError **err)
{
    Qcow2 *s = qcow2_of(n);
    if (s->h.version < 3) {
        block_error(
            err,
            "Cannot store dirty bitmaps in qcow2 v2 files; make it newer with: qemu-img amend -o compat=1.1");
        return false;
    }
    for (guint i = 0; s->bitmap_entries && i < s->bitmap_entries->len; i++) {
        const BitmapEntry *e = g_ptr_array_index(s->bitmap_entries, i);
        if (bitmap_entry_is_opaque(e) && strcmp(e->name, name) == 0) {
            block_error(err, "Bitmap already exists: %s", name);
            return false;
        }
    }
    if (n->readonly) {
        block_error(err, "Node '%s' is read-only: nothing can be kept in it", n->filename);
    }
    return !n->readonly;
}

/* ---- storing ---------------------------------------------------------------------------- */

typedef struct Store {
    Qcow2 *s;
    GPtrArray *entries; /* of BitmapEntry: the new directory */
    GArray *taken;      /* of uint64_t: clusters that were allocated for it, by their offsets */
} Store;

static int take_clusters(Store *t, uint64_t count, uint64_t *offset)
{
    Qcow2 *s = t->s;
    *offset = 0;
    lock_take(&s->lock);
    int e = count ? refs_alloc_run(s, count, offset) : 0;
    lock_release(&s->lock);
    for (uint64_t i = 0; i < count && !e; i++) {
        uint64_t at = *offset + (i << s->cluster_bits);
        g_array_append_val(t->taken, at);
    }
    return e;
}

static bool all_are(const uint8_t *bytes, uint64_t n, uint8_t value)
{
    return bytes[0] == value && memcmp(bytes, bytes + 1, n - 1) == 0;
}

/* *entry: of the table, for these bytes of the bitmap. */
static int store_piece(Store *t, const uint8_t *bytes, uint64_t *entry)
{
    Qcow2 *s = t->s;
    if (all_are(bytes, s->cluster_size, 0) || all_are(bytes, s->cluster_size, 0xff)) {
        *entry = bytes[0] ? 1 : 0;
        return 0;
    }
    int e = take_clusters(t, 1, entry);
    return e ? e : node_write(s->node.children[NODE_FILE], *entry, bytes, s->cluster_size);
}

static int store_one(Store *t, DirtyBitmap *b)
{
    Qcow2 *s = t->s;
    BitmapState state = bitmap_state(b);
    unsigned shift = (unsigned)__builtin_ctzll(state.granularity);
    uint64_t count = bitmap_table_entries(s, shift), offset;
    g_autofree uint8_t *piece = g_malloc(s->cluster_size), *table = g_malloc0(count * 8 + 1);
    int e = 0;
    for (uint64_t i = 0; i < count && !e; i++) {
        uint64_t entry;
        bitmap_get_bytes(b, i * s->cluster_size * 8, piece, s->cluster_size);
        e = store_piece(t, piece, &entry);
        store_be(table + i * 8, 8, entry);
    }
    e = e ? e : take_clusters(t, clusters_for(s, count * 8), &offset);
    e = e ? e : write_clusters(s, offset, table, count * 8);
    if (!e) {
        BitmapEntry *entry = g_new0(BitmapEntry, 1);
        *entry = (BitmapEntry){ .name = g_strdup(state.name),
                                .table_offset = offset,
                                .table_size = (uint32_t)count,
                                .flags = state.recording ? BITMAP_AUTO : 0,
                                .shift = (uint8_t)shift };
        g_ptr_array_add(t->entries, entry);
    }
    return e;
}

/* What is not ours to change: its data, or what it was when the image was not closed. */
static bool stays(const Qcow2 *s, const BitmapEntry *e)
{
    const DirtyBitmap *b = node_bitmap_find(&s->node, e->name, NULL);
    return bitmap_entry_is_opaque(e) || (b && b->inconsistent);
}

static BitmapEntry *entry_copy(const BitmapEntry *e)
{
    BitmapEntry *copy = g_memdup2(e, sizeof(*e));
    copy->name = g_strdup(e->name);
    copy->extra = g_memdup2(e->extra, e->extra_size);
    return copy;
}

static int store_all(Store *t)
{
    Qcow2 *s = t->s;
    DirtyBitmap *b;
    int e = 0;
    for (guint i = 0; s->bitmap_entries && i < s->bitmap_entries->len; i++) {
        const BitmapEntry *old = g_ptr_array_index(s->bitmap_entries, i);
        if (stays(s, old)) {
            g_ptr_array_add(t->entries, entry_copy(old));
        }
    }
    for (unsigned i = 0; !e && (b = node_bitmap_at(&s->node, i)); i++) {
        e = b->persistent && !b->inconsistent ? store_one(t, b) : 0;
    }
    return e;
}

/* The header names this directory, or none. */
static int name_directory(Qcow2 *s, uint64_t offset, uint64_t size, uint32_t count)
{
    BlockNode *file = s->node.children[NODE_FILE];
    int e = 0;
    if (s->h.autoclear & AUTOCLEAR_BITMAPS) {
        s->h.autoclear &= ~(uint64_t)AUTOCLEAR_BITMAPS;
        e = header_write(s);
        e = e ? e : node_flush(file);
    }
    e = e ? e : names_set_bitmaps(s, offset, size, count);
    if (!e && count) {
        s->h.autoclear |= AUTOCLEAR_BITMAPS;
        e = header_write(s);
        e = e ? e : node_flush(file);
    }
    if (!e) {
        s->bitmaps_offset = offset;
        s->bitmaps_size = size;
        s->bitmaps = count;
    }
    return e;
}

static void free_clusters(Qcow2 *s, uint64_t offset, uint64_t clusters)
{
    lock_take(&s->lock);
    refs_free(s, offset, clusters);
    lock_release(&s->lock);
}

/* Data first: its table says where it is. */
static void free_old(Qcow2 *s, GPtrArray *old, uint64_t offset, uint64_t size)
{
    for (guint i = 0; i < old->len; i++) {
        const BitmapEntry *e = g_ptr_array_index(old, i);
        g_autofree uint64_t *table = NULL;
        if (stays(s, e) || read_table(s, e, &table)) {
            continue; /* a leak, where the table is damaged */
        }
        for (uint32_t k = 0; k < e->table_size; k++) {
            if (table[k] & ENTRY_OFFSET) {
                free_clusters(s, table[k] & ENTRY_OFFSET, 1);
            }
        }
        free_clusters(s, e->table_offset, table_clusters(s, e));
    }
    free_clusters(s, offset, clusters_for(s, size));
}

static void give_back(Store *t)
{
    lock_take(&t->s->lock);
    for (guint i = 0; i < t->taken->len; i++) {
        refs_unalloc(t->s, g_array_index(t->taken, uint64_t, i), 1);
    }
    lock_release(&t->s->lock);
}

static int store(Store *t)
{
    Qcow2 *s = t->s;
    uint64_t offset = 0, old_offset = s->bitmaps_offset, old_size = s->bitmaps_size;
    int e = store_all(t);
    g_autoptr(GByteArray) bytes = bitmap_directory_bytes(t->entries);
    e = !e && bytes->len > BITMAP_DIRECTORY_MAX ? -EFBIG : e;
    e = e ? e : take_clusters(t, clusters_for(s, bytes->len), &offset);
    e = e || !bytes->len ? e : write_clusters(s, offset, bytes->data, bytes->len);
    e = e ? e : qcow2_commit_all(s); /* counts, and a barrier */
    if (e) {
        give_back(t);
        return e;
    }
    e = name_directory(s, offset, bytes->len, t->entries->len);
    if (e) {
        return e; /* what the file says is not known: nothing is freed */
    }
    GPtrArray *old = s->bitmap_entries;
    s->bitmap_entries = g_steal_pointer(&t->entries);
    if (old) {
        free_old(s, old, old_offset, old_size);
        g_ptr_array_unref(old);
    }
    for (guint i = 0; i < t->taken->len; i++) {
        metadata_add(s, g_array_index(t->taken, uint64_t, i), 1, "a bitmap");
    }
    return 0;
}

static bool has_any(const Qcow2 *s)
{
    const DirtyBitmap *b;
    bool any = s->bitmap_entries && s->bitmap_entries->len;
    for (unsigned i = 0; !any && (b = node_bitmap_at(&s->node, i)); i++) {
        any = b->persistent;
    }
    return any;
}

int bitmaps_store(Qcow2 *s)
{
    if (!has_any(s)) {
        return 0;
    }
    Store t = { s, g_ptr_array_new_with_free_func((GDestroyNotify)bitmap_entry_free),
                g_array_new(false, false, sizeof(uint64_t)) };
    lock_take(&s->lock);
    int e = qcow2_begin_changes(s);
    lock_release(&s->lock);
    e = e ? e : store(&t);
    if (t.entries) {
        g_ptr_array_unref(t.entries);
    }
    g_array_unref(t.taken);
    return e;
}

/* ---- for who asks --------------------------------------------------------------------------- */

GPtrArray *qcow2_bitmaps(BlockNode *n)
{
    const Qcow2 *s = qcow2_of(n);
    GPtrArray *all = g_ptr_array_new_with_free_func(g_free);
    for (guint i = 0; s->bitmap_entries && i < s->bitmap_entries->len; i++) {
        const BitmapEntry *e = g_ptr_array_index(s->bitmap_entries, i);
        Qcow2Bitmap *b = g_new(Qcow2Bitmap, 1);
        *b = (Qcow2Bitmap){ e->name, UINT64_C(1) << e->shift, e->flags & BITMAP_IN_USE,
                            e->flags & BITMAP_AUTO };
        g_ptr_array_add(all, b);
    }
    return all;
}
