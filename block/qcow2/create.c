/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A new image: header, refcount table, refcount blocks, L1 table, one behind the other.
 * Specification: "Header", "Host cluster management". */
#include "block/qcow2_create.h"

#include <string.h>

#include "block/block_priv.h"
#include "block/qcow2/qcow2.h"
#include "util/bytes.h"

enum { HEADER_V3 = 112 }; /* of new images */

typedef struct Layout { /* in clusters */
    uint64_t l1_entries, l1, reftable, blocks, crypt, total;
    uint64_t others; /* L2 tables and data: none in a new image */
} Layout;

/* A name of each feature that a program that does not know it can show. */
static const struct {
    uint8_t type, bit;
    const char *name;
} features[] = {
    { 0, 0, "dirty bit" },        { 0, 1, "corrupt bit" },         { 0, 2, "external data file" },
    { 0, 3, "compression type" }, { 0, 4, "extended L2 entries" }, { 1, 0, "lazy refcounts" },
    { 2, 0, "bitmaps" },          { 2, 1, "raw external data" },
};

static uint64_t l1_entries(const Qcow2Create *o)
{
    uint64_t covered =
        (UINT64_C(1) << o->cluster_bits) * ((UINT64_C(1) << o->cluster_bits) / (o->extended_l2 ? 16 : 8));
    return o->size / covered + (o->size % covered != 0);
}

static Layout lay_out(const Qcow2Create *o, uint64_t others)
{
    uint64_t cluster = UINT64_C(1) << o->cluster_bits, per_block = cluster * 8 / o->refcount_bits, before;
    Layout l = { .l1_entries = l1_entries(o), .reftable = 1, .blocks = 1, .others = others };
    l.l1 = (l.l1_entries * 8 + cluster - 1) / cluster;
    l.crypt = (o->crypt_bytes + cluster - 1) / cluster;
    do {
        before = l.reftable + l.blocks;
        l.total = 1 + l.reftable + l.blocks + l.l1 + l.crypt + l.others;
        l.blocks = (l.total + per_block - 1) / per_block;
        l.reftable = (l.blocks * 8 + cluster - 1) / cluster;
    } while (before != l.reftable + l.blocks);
    return l;
}

/* Behind all that every image has. */
static uint64_t crypt_offset(const Qcow2Create *o, const Layout *l)
{
    return (1 + l->reftable + l->blocks + l->l1) << o->cluster_bits;
}

uint64_t qcow2_create_crypt_offset(const Qcow2Create *o)
{
    Layout l = lay_out(o, 0);
    return crypt_offset(o, &l);
}

void qcow2_create_measure(const Qcow2Create *o, ImageMeasure *m)
{
    uint64_t cluster = UINT64_C(1) << o->cluster_bits, data = (o->size + cluster - 1) / cluster;
    m->unit = cluster;
    m->full = lay_out(o, data + l1_entries(o)).total * cluster;
    m->empty = m->full - data * cluster;
}

/* ---- checks --------------------------------------------------------------- */

static const char *fault_of_version(const Qcow2Create *o)
{
    if (o->version >= 3) {
        return NULL;
    }
    return o->lazy_refcounts
               ? "Lazy refcounts only supported with compatibility level 1.1 and above (use version=v3 or greater)"
           : o->refcount_bits != 16
               ? "Different refcount widths than 16 bits require compatibility level 1.1 or above (use version=v3 or greater)"
           : o->extended_l2
               ? "Extended L2 entries are only supported with compatibility level 1.1 and above (use version=v3 or greater)"
           : o->zstd
               ? "Non-zlib compression type is only supported with compatibility level 1.1 and above (use version=v3 or greater)"
           : o->data_file
               ? "External data files are only supported with compatibility level 1.1 and above (use version=v3 or greater)"
               : NULL;
}

static const char *fault_of_options(const Qcow2Create *o)
{
    if (o->cluster_bits < CLUSTER_BITS_MIN || o->cluster_bits > CLUSTER_BITS_MAX) {
        return "Cluster size must be a power of two between 512 and 2048k";
    }
    if (!o->refcount_bits || o->refcount_bits > 64 || o->refcount_bits & (o->refcount_bits - 1)) {
        return "Refcount width must be a power of two and may not exceed 64 bits";
    }
    if (o->extended_l2 && o->cluster_bits < SUBCLUSTER_BITS_MIN) {
        return "Extended L2 entries are only supported with cluster sizes of at least 16384 bytes";
    }
    if (o->data_file_raw && (!o->data_file || o->backing)) {
        return o->backing ? "Backing file and data-file-raw cannot be used at the same time"
                          : "data-file-raw requires data-file";
    }
    if (o->size > (UINT64_C(1) << 61) || l1_entries(o) > L1_MAX / 8) {
        return "Image size too large for this cluster size; try cluster_size=2M";
    }
    return fault_of_version(o);
}

bool qcow2_create_check(const Qcow2Create *o, GError **err)
{
    const char *fault = fault_of_options(o);
    bool long_name = (o->backing && strlen(o->backing) > NAME_MAX_BYTES) ||
                     (o->data_file && strlen(o->data_file) > NAME_MAX_BYTES);
    if (!fault && long_name) {
        fault = "a name in an image has at most 1023 bytes";
    }
    uint64_t names = (o->backing ? strlen(o->backing) : 0) + (o->data_file ? strlen(o->data_file) : 0);
    if (!fault && names + HEADER_V3 + 64 + (o->crypt_bytes ? 24 : 0) > UINT64_C(1) << o->cluster_bits) {
        fault = "the names are too long for a cluster of this size";
    }
    if (fault) {
        block_error(err, "%s", fault);
    }
    return fault == NULL;
}

/* ---- the header ------------------------------------------------------------ */

static uint8_t *put_extension(uint8_t *p, uint32_t type, const void *data, uint32_t length)
{
    store_be(p, 4, type);
    store_be(p + 4, 4, length);
    memcpy(p + 8, data, length);
    return p + 8 + ((length + 7) & ~7u);
}

static uint8_t *put_features(uint8_t *p)
{
    uint8_t rows[G_N_ELEMENTS(features)][48] = { { 0 } };
    for (unsigned i = 0; i < G_N_ELEMENTS(features); i++) {
        rows[i][0] = features[i].type;
        rows[i][1] = features[i].bit;
        memcpy(rows[i] + 2, features[i].name, strlen(features[i].name));
    }
    return put_extension(p, EXTENSION_FEATURES, rows, sizeof(rows));
}

static void put_extensions(uint8_t *first, uint8_t *p, const Qcow2Create *o, const Layout *l)
{
    uint8_t *end = first + (UINT64_C(1) << o->cluster_bits);
    size_t backing = o->backing ? strlen(o->backing) : 0;
    if (o->backing && o->backing_format) {
        p = put_extension(p, (uint32_t)EXTENSION_BACKING_FORMAT, o->backing_format,
                          strlen(o->backing_format));
    }
    if (o->crypt_bytes) {
        uint8_t pointer[16];
        store_be(pointer, 8, crypt_offset(o, l));
        store_be(pointer + 8, 8, o->crypt_bytes);
        p = put_extension(p, EXTENSION_ENCRYPTION, pointer, sizeof(pointer));
    }
    if (o->data_file) {
        p = put_extension(p, EXTENSION_DATA_FILE, o->data_file, strlen(o->data_file));
    }
    if (o->version >= 3 && (size_t)(end - p) > G_N_ELEMENTS(features) * 48 + 24 + backing) {
        p = put_features(p);
    }
    p = put_extension(p, EXTENSION_END, "", 0);
    if (o->backing) {
        store_be(first + 8, 8, p - first);
        store_be(first + 16, 4, backing);
        memcpy(p, o->backing, backing);
    }
}

static void put_header(uint8_t *first, const Qcow2Create *o, const Layout *l)
{
    unsigned bits = o->cluster_bits;
    memcpy(first, "QFI\xfb", 4);
    store_be(first + 4, 4, o->version);
    store_be(first + 20, 4, bits);
    store_be(first + 24, 8, o->size);
    store_be(first + 32, 4, o->crypt_bytes ? CRYPT_LUKS : CRYPT_NONE);
    store_be(first + 36, 4, l->l1_entries);
    store_be(first + 40, 8, (1 + l->reftable + l->blocks) << bits);
    store_be(first + 48, 8, UINT64_C(1) << bits);
    store_be(first + 56, 4, l->reftable);
    if (o->version >= 3) {
        store_be(first + 72, 8,
                 (o->data_file ? INCOMPAT_DATA_FILE : 0) | (o->zstd ? INCOMPAT_COMPRESSION : 0) |
                     (o->extended_l2 ? INCOMPAT_EXTENDED_L2 : 0));
        store_be(first + 80, 8, o->lazy_refcounts ? COMPAT_LAZY : 0);
        store_be(first + 88, 8, o->data_file_raw ? AUTOCLEAR_RAW_DATA : 0);
        store_be(first + 96, 4, __builtin_ctz(o->refcount_bits));
        store_be(first + 100, 4, HEADER_V3);
        first[104] = o->zstd ? COMPRESSION_ZSTD : COMPRESSION_ZLIB;
    }
    put_extensions(first, first + (o->version >= 3 ? HEADER_V3 : HEADER_V2), o, l);
}

/* ---- writing --------------------------------------------------------------- */

static int write_counts(BlockNode *file, const Qcow2Create *o, const Layout *l)
{
    uint64_t cluster = UINT64_C(1) << o->cluster_bits, per_block = cluster * 8 / o->refcount_bits;
    g_autofree uint8_t *table = g_malloc0(l->reftable * cluster), *block = g_malloc(cluster);
    int e = 0;
    for (uint64_t b = 0; b < l->blocks && !e; b++) {
        memset(block, 0, cluster);
        for (uint64_t k = 0; k < per_block && b * per_block + k < l->total; k++) {
            refs_set_in_entry(block, k, __builtin_ctz(o->refcount_bits), 1);
        }
        store_be(table + 8 * b, 8, (1 + l->reftable + b) * cluster);
        e = node_write(file, (1 + l->reftable + b) * cluster, block, cluster);
    }
    return e ? e : node_write(file, cluster, table, l->reftable * cluster);
}

int qcow2_create(BlockNode *file, const Qcow2Create *o)
{
    Layout l = lay_out(o, 0);
    uint64_t cluster = UINT64_C(1) << o->cluster_bits;
    g_autofree uint8_t *first = g_malloc0(cluster + 1024);
    int e = write_counts(file, o, &l);
    for (uint64_t i = 0; i < l.l1 && !e; i++) {
        e = node_write(file, (1 + l.reftable + l.blocks + i) * cluster, first, cluster);
    }
    e = !e && l.crypt ? node_resize(file, l.total * cluster) : e;
    put_header(first, o, &l);
    return e ? e : node_write(file, 0, first, cluster);
}
