/* SPDX-License-Identifier: GPL-2.0-or-later */
/* qcow2 images, versions 2 and 3: opening, closing, the driver.
 */
#include <errno.h>
#include <string.h>

#include "block/block_priv.h"
#include "block/pins.h"
#include "base/log.h"
#include "block/qcow2/bitmaps.h"
#include "block/qcow2/qcow2.h"
#include "block/qcow2/qcow2_open.h"

static int qcow2_flush(Qcow2 *s)
{
    return s->writable ? qcow2_commit(s) : 0;
}

static int qcow2_run(BlockNode *n, const NodeIo *io)
{
    Qcow2 *s = qcow2_of(n);
    switch (io->op) {
    case BLOCK_WRITE: return qcow2_write(s, io);
    case BLOCK_FLUSH: return qcow2_flush(s);
    case BLOCK_DISCARD: return qcow2_discard(s, io);
    case BLOCK_WRITE_ZEROES: return qcow2_write_zeroes(s, io);
    case BLOCK_READ: break; /* by qcow2_map */
    }
    return -EINVAL;
}

/* Bitmaps that cannot be kept are lost, the disk is not. */
static void keep_bitmaps(Qcow2 *s)
{
    int e = s->repairing ? 0 : bitmaps_store(s);
    if (e) {
        log_report(
            "'%s': its dirty bitmaps could not be stored, and are in use for ever: %s; remove them, and make "
            "full backups",
            s->node.filename, g_strerror(-e));
    }
}

/* What was freed is counted down, which is written; then the counts are true, and the dirty bit goes. */
static int finish_changes(Qcow2 *s)
{
    keep_bitmaps(s);
    int e = qcow2_commit_all(s);
    e = e ? e : qcow2_commit_all(s);
    if (e || !s->dirty_bit) {
        return e;
    }
    s->h.incompatible &= ~(uint64_t)INCOMPAT_DIRTY;
    e = header_write(s);
    return e ? e : node_flush(s->node.children[NODE_FILE]);
}

static void qcow2_close(BlockNode *n)
{
    Qcow2 *s = qcow2_of(n);
    int e = s->writable && !s->corrupt ? finish_changes(s) : 0;
    if (e) {
        log_report("'%s': its tables could not be written: %s; check it with: qemu-img check", n->filename,
                   g_strerror(-e));
    }
    bitmaps_close(s);
    node_unref(s->crypt);
    cache_free(s);
    table_free(&s->l1);
    table_free(&s->reftable);
    g_hash_table_destroy(s->metadata);
    g_array_unref(s->allocating);
    g_array_unref(s->freed);
    g_array_unref(s->unpointed);
    g_free(s->backing_name);
    g_free(s->backing_format);
    g_free(s->data_name);
    g_free(s->unpacked);
    g_free(n->pins);
    g_cond_clear(&s->changed);
    lock_finish(&s->lock);
    lock_finish(&s->tables_lock);
}

static void names_of_image(BlockNode *n, ImageNames *names)
{
    const Qcow2 *s = qcow2_of(n);
    *names = (ImageNames){ s->backing_name, s->backing_format, s->data_name,
                           (s->h.incompatible & INCOMPAT_DATA_FILE) != 0 };
}

static void info_of_image(BlockNode *n, ImageInfo *info)
{
    const Qcow2 *s = qcow2_of(n);
    *info = (ImageInfo){ s->cluster_size,   (s->h.incompatible & INCOMPAT_DIRTY) != 0, s->backing_name,
                         s->backing_format, !n->children[NODE_DATA_FILE] && !s->crypt, s->crypt != NULL };
}

static bool set_writable(BlockNode *n, bool writable, GError **err);

const BlockDriver qcow2_driver = {
    .name = "qcow2",
    .set_writable = set_writable,
    .map = qcow2_map,
    .unpack = qcow2_unpack,
    .pack = qcow2_pack,
    .run = qcow2_run,
    .resize = qcow2_resize,
    .info = info_of_image,
    .names = names_of_image,
    .check = qcow2_check,
    .keeps_bitmap = bitmaps_keep,
    .close = qcow2_close,
    .fast_zeroes = true,
};

/* ---- opening ------------------------------------------------------------- */

static Qcow2 *qcow2_new(BlockNode *file)
{
    Qcow2 *s = g_new0(Qcow2, 1);
    node_init(&s->node, &qcow2_driver, file->filename, 0, true);
    s->node.children[NODE_FILE] = node_ref(file);
    s->node.pins = g_new0(Pins, 1);
    lock_init(&s->lock, LOCK_IMAGE);
    lock_init(&s->tables_lock, LOCK_IMAGE_TABLES);
    g_cond_init(&s->changed);
    s->metadata = image_numbers_new();
    s->allocating = g_array_new(false, false, sizeof(AllocRange));
    s->freed = g_array_new(false, false, sizeof(FreedCluster));
    s->unpointed = g_array_new(false, false, sizeof(FreedCluster));
    return s;
}

static void derive(Qcow2 *s)
{
    const Qcow2Header *h = &s->h;
    s->extended = h->incompatible & INCOMPAT_EXTENDED_L2;
    s->zstd = h->compression == COMPRESSION_ZSTD;
    s->raw_data = h->autoclear & AUTOCLEAR_RAW_DATA;
    s->cluster_bits = h->cluster_bits;
    s->cluster_size = UINT64_C(1) << h->cluster_bits;
    s->entry_size = s->extended ? 16 : 8;
    s->l2_bits = h->cluster_bits - (s->extended ? 4 : 3);
    s->units = s->extended ? SUBCLUSTERS : 1;
    s->unit_bits = h->cluster_bits - (s->extended ? 5 : 0);
    s->node.size = (h->size + SECTOR - 1) & ~(uint64_t)(SECTOR - 1);
}

/* Names and extensions lie in the first cluster. */
static bool read_header(Qcow2 *s, GError **err)
{
    BlockNode *file = s->node.children[NODE_FILE];
    int e = node_read(file, 0, s->head, sizeof(s->head));
    if (e) {
        block_error(err, "Could not read the header of '%s': %s", file->filename, g_strerror(-e));
        return false;
    }
    if (!header_parse(&s->h, s->head, sizeof(s->head), file->filename, err)) {
        return false;
    }
    derive(s);
    g_autofree uint8_t *first = g_malloc0(s->cluster_size);
    e = node_read(file, 0, first, s->cluster_size);
    if (e) {
        block_error(err, "Could not read the header of '%s': %s", file->filename, g_strerror(-e));
        return false;
    }
    return header_read_names(s, first, s->cluster_size, err);
}

static bool read_tables(Qcow2 *s, GError **err)
{
    const Qcow2Header *h = &s->h;
    uint64_t refs_bytes = (uint64_t)h->reftable_clusters << s->cluster_bits;
    if (!table_read(s, &s->l1, h->l1_offset, h->l1_size, "the L1 table", err) ||
        !table_read(s, &s->reftable, h->reftable_offset, refs_bytes / 8, "the refcount table", err)) {
        return false;
    }
    metadata_add(s, 0, s->cluster_size, "the header");
    metadata_add(s, h->l1_offset, (uint64_t)h->l1_size * 8, "the L1 table");
    metadata_add(s, h->reftable_offset, refs_bytes, "the refcount table");
    for (uint64_t i = 0; i < s->reftable.count; i++) {
        if (s->reftable.entries[i]) {
            metadata_add(s, s->reftable.entries[i] & ~UINT64_C(0x1ff), 1, "a refcount block");
        }
    }
    for (uint64_t i = 0; i < s->l1.count; i++) {
        if (s->l1.entries[i] & ENTRY_OFFSET) {
            metadata_add(s, s->l1.entries[i] & ENTRY_OFFSET, 1, "an L2 table");
        }
    }
    return true;
}

static bool may_write(const Qcow2 *s, bool repair, GError **err)
{
    const char *name = s->node.filename;
    if (repair) {
        return true;
    }
    if (s->h.incompatible & INCOMPAT_CORRUPT) {
        block_error(
            err,
            "'%s': Image is corrupt; cannot be opened read/write; repair it with: qemu-img check -r all '%s'",
            name, name);
        return false;
    }
    if (s->h.incompatible & INCOMPAT_DIRTY) {
        block_error(
            err,
            "'%s': it was not closed, and its counts may be wrong; repair it with: qemu-img check -r all '%s'",
            name, name);
        return false;
    }
    return true;
}

/* What this program does not keep true is no longer said to be. */
static bool clear_unknown(Qcow2 *s, GError **err)
{
    uint64_t known = s->h.autoclear & (AUTOCLEAR_RAW_DATA | (s->bitmap_entries ? AUTOCLEAR_BITMAPS : 0));
    if (s->h.autoclear == known) {
        return true;
    }
    s->h.autoclear = known;
    int e = header_write(s);
    e = e ? e : node_flush(s->node.children[NODE_FILE]);
    if (e) {
        block_error(err, "Could not write the header of '%s': %s", s->node.filename, g_strerror(-e));
    }
    return e == 0;
}

static bool begin_writing(Qcow2 *s, bool repair, GError **err)
{
    if (!may_write(s, repair, err) || (!repair && !clear_unknown(s, err))) {
        return false;
    }
    int e = repair ? 0 : bitmaps_claim(s);
    if (e) {
        block_error(err, "'%s': Could not mark its bitmaps as in use: %s", s->node.filename, g_strerror(-e));
        return false;
    }
    s->repairing = repair;
    s->writable = true;
    s->node.readonly = false;
    return true;
}

static bool stop_writing(Qcow2 *s, GError **err)
{
    int e = s->corrupt ? -EIO : finish_changes(s);
    if (e) {
        block_error(err, "Could not write the tables of '%s': %s", s->node.filename, g_strerror(-e));
        return false;
    }
    s->dirty_bit = false;
    s->writable = false;
    s->node.readonly = true;
    return true;
}

static bool set_writable(BlockNode *n, bool writable, GError **err)
{
    Qcow2 *s = qcow2_of(n);
    BlockNode *file = n->children[NODE_FILE], *data = n->children[NODE_DATA_FILE];
    if (!writable && !stop_writing(s, err)) {
        return false;
    }
    return node_set_writable(file, writable, err) && (!data || node_set_writable(data, writable, err)) &&
           (!writable || begin_writing(s, false, err));
}

void qcow2_set_discard(BlockNode *n, bool discard)
{
    qcow2_of(n)->discard = discard;
}

/* Of an image that is only read, what is damaged is not needed. */
static bool read_bitmaps(Qcow2 *s, const Qcow2Open *o, GError **err)
{
    g_autoptr(GError) why = NULL;
    if (o->repair || bitmaps_load(s, &why)) {
        return true;
    }
    if (!o->readonly) {
        g_propagate_error(err, g_steal_pointer(&why));
        return false;
    }
    log_report("%s", why->message);
    return true;
}

BlockNode *qcow2_open(BlockNode *file, const Qcow2Open *o, GError **err)
{
    Qcow2 *s = qcow2_new(file);
    s->discard = o->discard;
    if (!read_header(s, err) || !read_tables(s, err) || !encryption_open(s, o->flags, err) ||
        !read_bitmaps(s, o, err) || (!o->readonly && !begin_writing(s, o->repair, err))) {
        node_unref(&s->node);
        return NULL;
    }
    return &s->node;
}

bool qcow2_info(BlockNode *n, Qcow2Info *info)
{
    if (n->driver != &qcow2_driver) {
        return false;
    }
    const Qcow2 *s = qcow2_of(n);
    *info = (Qcow2Info){
        .version = s->h.version,
        .refcount_bits = 1u << s->h.refcount_order,
        .cluster_size = s->cluster_size,
        .snapshots = s->h.snapshots,
        .bitmaps = s->bitmap_entries ? s->bitmap_entries->len : 0,
        .zstd = s->zstd,
        .lazy_refcounts = s->h.compatible & COMPAT_LAZY,
        .corrupt = s->h.incompatible & INCOMPAT_CORRUPT,
        .dirty = s->h.incompatible & INCOMPAT_DIRTY,
        .extended_l2 = s->extended,
        .data_file_raw = s->raw_data,
        .backing = s->backing_name,
        .backing_format = s->backing_format,
        .data_file = s->data_name,
    };
    return true;
}

bool qcow2_is_dirty(BlockNode *file)
{
    uint8_t head[512];
    Qcow2Header h;
    return node_read(file, 0, head, sizeof(head)) == 0 &&
           header_parse(&h, head, sizeof(head), file->filename, NULL) && h.incompatible & INCOMPAT_DIRTY;
}
