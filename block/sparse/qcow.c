/* SPDX-License-Identifier: GPL-2.0-or-later */
/* qcow, the first version: a table of tables of clusters, a backing file, compressed clusters.
 * Specification: libqcow, "QEMU Copy-On-Write file format", version 1.
 *
 * Not modelled: encryption (refused), the time of the backing's last change. */
#include <string.h>

#include "block/create.h"
#include "block/packed.h"
#include "block/sparse/sparse.h"
#include "util/bytes.h"

enum { QCOW_HEADER = 48, QCOW_VERSION = 1, BACKING_NAME_MAX = 1023 };
enum { /* limits; bits */
       QCOW_CLUSTER_MIN = 9,
       QCOW_CLUSTER_MAX = 16,
       QCOW_L2_MIN = 6,
       QCOW_L2_MAX = 13
};
#define QCOW_L1_MAX (UINT64_C(64) << 20) /* bytes */
enum {                                   /* places in the header */
       AT_BACKING = 8,
       AT_BACKING_LENGTH = 16,
       AT_SIZE = 24,
       AT_CLUSTER_BITS = 32,
       AT_L2_BITS = 33,
       AT_CRYPT = 36,
       AT_L1 = 40
};
#define QCOW_PACKED (UINT64_C(1) << 63)

typedef struct Qcow {
    Sparse s;
    unsigned cluster_bits, l2_bits;
    char *backing; /* NULL: none */
} Qcow;

static const Qcow *qcow_of(const Sparse *s)
{
    return container_of(s, Qcow, s);
}

static uint64_t l1_place(const Sparse *s, uint64_t block)
{
    return s->table + 8 * (block >> qcow_of(s)->l2_bits);
}

static int qcow_locate(Sparse *s, uint64_t block, bool may_wait, uint64_t *at)
{
    uint64_t l2, bytes = UINT64_C(8) << qcow_of(s)->l2_bits;
    int e = sparse_entry(s, l1_place(s, block), may_wait, &l2);
    uint64_t file = node_size(sparse_file(s)); /* later: another thread may just have made the table */
    if (!e && l2 && (l2 % SECTOR || l2 < s->data_start || l2 > file || bytes > file - l2)) {
        e = sparse_corrupt(s, "a table of clusters would be at %#" PRIx64, l2);
    }
    *at = l2 ? l2 + 8 * (block & ((UINT64_C(1) << qcow_of(s)->l2_bits) - 1)) : 0;
    return e;
}

static int qcow_make_table(Sparse *s, uint64_t block)
{
    uint64_t l2 = s->end, bytes = UINT64_C(8) << qcow_of(s)->l2_bits;
    uint8_t raw[8];
    store_be(raw, 8, l2);
    int e = pages_make(s, l2, bytes);
    e = e ? e : pages_write(s, l1_place(s, block), raw, sizeof(raw));
    s->end += e ? 0 : (bytes + s->block_size - 1) & ~(s->block_size - 1);
    return e;
}

static int qcow_decode(const Sparse *s, uint64_t entry, SparseBlock *b)
{
    unsigned shift = 63 - qcow_of(s)->cluster_bits;
    if (entry & QCOW_PACKED) {
        b->kind = EXTENT_PACKED;
        b->host = entry & ((UINT64_C(1) << shift) - 1);
        b->length = entry >> shift & (s->block_size - 1);
        return b->host < s->data_start ? -EIO : 0;
    }
    b->kind = entry ? EXTENT_DATA : EXTENT_BELOW;
    b->host = entry;
    return 0;
}

static uint64_t qcow_encode(const Sparse *s, uint64_t host)
{
    return host;
}

static int qcow_unpack(Sparse *s, uint64_t block, const SparseBlock *b, uint8_t *to)
{
    uint64_t length = b->length, skip;
    int e;
    g_autofree uint8_t *buf = packed_read(sparse_file(s), b->host, &length, &skip, &e);
    return e ? e : packed_inflate(buf + skip, length, to, s->block_size, INFLATE_RAW);
}

static void qcow_info(BlockNode *n, ImageInfo *info)
{
    info->cluster_size = sparse_of(n)->block_size;
    info->backing = qcow_of(sparse_of(n))->backing;
}

static void qcow_names(BlockNode *n, ImageNames *names)
{
    *names = (ImageNames){ .backing = qcow_of(sparse_of(n))->backing };
}

static void qcow_close(Sparse *s)
{
    g_free(qcow_of(s)->backing);
}

static const SparseFormat qcow_format = {
    .driver = { .name = "qcow",
                .map = sparse_map,
                .run = sparse_run,
                .unpack = sparse_unpack,
                .info = qcow_info,
                .names = qcow_names,
                .check = sparse_check,
                .close = sparse_close },
    .entry_size = 8,
    .big_endian = true,
    .locate = qcow_locate,
    .make_table = qcow_make_table,
    .decode = qcow_decode,
    .encode = qcow_encode,
    .unpack = qcow_unpack,
    .close = qcow_close,
};

/* ---- opening ------------------------------------------------------------------ */

static const char *fault_of(const uint8_t *h)
{
    unsigned cluster = h[AT_CLUSTER_BITS], l2 = h[AT_L2_BITS];
    if (memcmp(h, "QFI\xfb", 4) != 0 || load_be(h + 4, 4) != QCOW_VERSION) {
        return "it has not the signature of qcow images of version 1";
    }
    if (load_be(h + AT_CRYPT, 4)) {
        return "it is encrypted, which is not supported";
    }
    if (cluster < QCOW_CLUSTER_MIN || cluster > QCOW_CLUSTER_MAX || l2 < QCOW_L2_MIN || l2 > QCOW_L2_MAX) {
        return "its header is damaged: the size of clusters or tables";
    }
    return load_be(h + AT_BACKING_LENGTH, 4) > BACKING_NAME_MAX ? "the name of its backing file is too long"
                                                                : NULL;
}

static bool read_backing(Qcow *q, const uint8_t *h, GError **err)
{
    BlockNode *file = sparse_file(&q->s);
    uint64_t at = load_be(h + AT_BACKING, 8), length = load_be(h + AT_BACKING_LENGTH, 4), skip, n = length;
    if (!at || !length) {
        return true;
    }
    int e = at < node_size(file) ? 0 : -EIO;
    g_autofree uint8_t *buf = e ? NULL : packed_read(file, at, &n, &skip, &e);
    if (e || n < length) {
        block_error(err, "Could not read the name of the backing file of '%s': %s", file->filename,
                    g_strerror(e ? -e : EIO));
        return false;
    }
    q->backing = g_strndup((char *)buf + skip, length);
    return true;
}

static bool qcow_read(Qcow *q, const uint8_t *h, bool readonly, GError **err)
{
    Sparse *s = &q->s;
    uint64_t size = load_be(h + AT_SIZE, 8);
    q->cluster_bits = h[AT_CLUSTER_BITS];
    q->l2_bits = h[AT_L2_BITS];
    s->block_size = UINT64_C(1) << q->cluster_bits;
    s->table_span = UINT64_C(1) << q->l2_bits;
    s->table = load_be(h + AT_L1, 8);
    s->blocks = size / s->block_size + (size % s->block_size != 0);
    uint64_t tables = (s->blocks >> q->l2_bits) + ((s->blocks & ((UINT64_C(1) << q->l2_bits) - 1)) != 0);
    if (tables > QCOW_L1_MAX / 8 || s->table < QCOW_HEADER) {
        block_error(err, "'%s': could not open it as qcow: its header is damaged: %" PRIu64 " bytes",
                    s->node.filename, size);
        return false;
    }
    s->data_start = QCOW_HEADER;
    uint64_t mask = s->block_size - 1;
    s->end = (MAX(node_size(sparse_file(s)), s->table + tables * 8) + mask) & ~mask;
    return sparse_ready(s, size, tables * 8, readonly, err) && read_backing(q, h, err);
}

BlockNode *qcow_open(BlockNode *file, const OpenFlags *flags, GError **err)
{
    uint8_t h[SECTOR];
    int e = node_read(file, 0, h, sizeof(h));
    const char *fault = e ? g_strerror(-e) : fault_of(h);
    if (fault) {
        block_error(err, "'%s': could not open it as qcow: %s", file->filename, fault);
        return NULL;
    }
    Qcow *q = g_new0(Qcow, 1);
    sparse_init(&q->s, &qcow_format, file);
    if (!qcow_read(q, h, flags->readonly, err)) {
        node_unref(&q->s.node);
        return NULL;
    }
    return &q->s.node;
}

/* ---- making ------------------------------------------------------------------- */

static const Prop qcow_props[] = {
    NEW_IMAGE_SIZE,
    NEW_IMAGE_BACKING,
    { NULL },
};
static const Shape qcow_shape = { "qcow", sizeof(NewImage), qcow_props };

/* With a backing, clusters are small: less of it is copied for each. */
static void layout(const NewImage *o, unsigned *cluster_bits, unsigned *l2_bits, uint64_t *tables)
{
    *cluster_bits = o->backing ? 9 : 12;
    *l2_bits = o->backing ? 12 : 9;
    uint64_t covered = UINT64_C(1) << (*cluster_bits + *l2_bits);
    *tables = o->size / covered + (o->size % covered != 0);
}

static void qcow_print(const NewImage *o, GString *text)
{
    new_image_print_size(o, text);
    if (o->backing) {
        g_string_append_printf(text, " backing_file=%s backing_fmt=%s", o->backing,
                               o->backing_format ? o->backing_format : "");
    }
}

static bool qcow_can_make(NewImage *o, GError **err)
{
    unsigned cluster_bits, l2_bits;
    uint64_t tables;
    layout(o, &cluster_bits, &l2_bits, &tables);
    const char *fault = !o->size                   ? "Image size is too small, cannot be zero length"
                        : tables > QCOW_L1_MAX / 8 ? "Image size is too large for qcow"
                        : o->backing && strlen(o->backing) > BACKING_NAME_MAX
                            ? "a name in an image has at most 1023 bytes"
                            : NULL;
    if (fault) {
        block_error(err, "%s", fault);
    }
    return !fault;
}

static bool qcow_make(BlockNode *file, const NewImage *o, GError **err)
{
    unsigned cluster_bits, l2_bits;
    uint64_t tables, name = o->backing ? strlen(o->backing) : 0, l1 = (QCOW_HEADER + name + 7) & ~UINT64_C(7);
    layout(o, &cluster_bits, &l2_bits, &tables);
    uint64_t bytes = (l1 + tables * 8 + SECTOR - 1) & ~(uint64_t)(SECTOR - 1);
    g_autofree uint8_t *h = g_malloc0(bytes);
    memcpy(h, "QFI\xfb", 4);
    store_be(h + 4, 4, QCOW_VERSION);
    store_be(h + AT_BACKING, 8, name ? QCOW_HEADER : 0);
    store_be(h + AT_BACKING_LENGTH, 4, name);
    store_be(h + AT_SIZE, 8, (o->size + SECTOR - 1) & ~(uint64_t)(SECTOR - 1));
    h[AT_CLUSTER_BITS] = cluster_bits;
    h[AT_L2_BITS] = l2_bits;
    store_be(h + AT_L1, 8, l1);
    memcpy(h + QCOW_HEADER, o->backing ? o->backing : "", name);
    return new_image_failed(file, node_write(file, 0, h, bytes), err);
}

const ImageMaker qcow_maker = { "qcow", &qcow_shape, true, qcow_print, qcow_can_make, qcow_make };
