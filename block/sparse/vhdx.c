/* SPDX-License-Identifier: GPL-2.0-or-later */
/* vhdx, Hyper-V's images: two headers, regions, a table of blocks with one of bitmaps between.
 * Specification: [MS-VHDX].
 *
 * One that was not closed has a log: it is carried out before anything else is read, in a temporary file if the image
 * is not to be written.  Our own changes of the table need none: an entry lies in one sector, and is written when what it
 * names is stable.
 *
 * Not modelled: differencing images (refused), trimming of blocks (a discard gives their room to the host). */
#include <string.h>

#include "block/sparse/vhdx.h"
#include "util/bytes.h"

enum { BLOCK_UNMAPPED = 3, BLOCK_PRESENT = 6, BLOCK_MAX = 256 << 20, REGIONS_MAX = 2047, HAS_PARENT = 2 };

const uint8_t vhdx_guid_table[16] = { 0x66, 0x77, 0xc2, 0x2d, 0x23, 0xf6, 0x00, 0x42,
                                      0x9d, 0x64, 0x11, 0x5e, 0x9b, 0xfd, 0x4a, 0x08 };
const uint8_t vhdx_guid_metadata[16] = { 0x06, 0xa2, 0x7c, 0x8b, 0x90, 0x47, 0x9a, 0x4b,
                                         0xb8, 0xfe, 0x57, 0x5f, 0x05, 0x0f, 0x88, 0x6e };
const uint8_t vhdx_guid_parameters[16] = { 0x37, 0x67, 0xa1, 0xca, 0x36, 0xfa, 0x43, 0x4d,
                                           0xb3, 0xb6, 0x33, 0xf0, 0xaa, 0x44, 0xe7, 0x6b };
const uint8_t vhdx_guid_size[16] = { 0x24, 0x42, 0xa5, 0x2f, 0x1b, 0xcd, 0x76, 0x48,
                                     0xb2, 0x11, 0x5d, 0xbe, 0xd8, 0x3b, 0xf4, 0xb8 };
const uint8_t vhdx_guid_logical[16] = { 0x1d, 0xbf, 0x41, 0x81, 0x6f, 0xa9, 0x09, 0x47,
                                        0xba, 0x47, 0xf2, 0x33, 0xa8, 0xfa, 0xab, 0x5f };
const uint8_t vhdx_guid_disk[16] = { 0xab, 0x12, 0xca, 0xbe, 0xe6, 0xb2, 0x23, 0x45,
                                     0x93, 0xef, 0xc3, 0x09, 0xe0, 0x00, 0xc7, 0x46 };
const uint8_t vhdx_guid_physical[16] = { 0xc7, 0x48, 0xa3, 0xcd, 0x5d, 0x44, 0x71, 0x44,
                                         0x9c, 0xc9, 0xe9, 0x88, 0x52, 0x51, 0xc5, 0x56 };

typedef struct Vhdx {
    Sparse s;
    uint8_t header[VHDX_SECTOR]; /* the current one */
    uint64_t header_at;
    uint64_t ratio; /* entries of blocks before one of a bitmap */
} Vhdx;

static Vhdx *vhdx_of(const Sparse *s)
{
    return container_of((Sparse *)s, Vhdx, s);
}

static int vhdx_locate(Sparse *s, uint64_t block, bool may_wait, uint64_t *at)
{
    *at = s->table + 8 * (block + block / vhdx_of(s)->ratio);
    return 0;
}

static int vhdx_decode(const Sparse *s, uint64_t entry, SparseBlock *b)
{
    unsigned state = entry & 7;
    b->kind = state == BLOCK_PRESENT ? EXTENT_DATA : EXTENT_ZERO;
    b->host = state == BLOCK_PRESENT ? entry & ~(uint64_t)(VHDX_MIB - 1) : 0;
    return state > BLOCK_UNMAPPED && state != BLOCK_PRESENT ? -EIO : 0;
}

static uint64_t vhdx_encode(const Sparse *s, uint64_t host)
{
    return host | BLOCK_PRESENT;
}

/* The other header becomes the current one. */
static int write_header(Vhdx *v, bool new_content)
{
    uint64_t other = v->header_at == VHDX_HEADER_1 ? VHDX_HEADER_2 : VHDX_HEADER_1;
    store_le(v->header + VHDX_AT_SEQUENCE, 8, load_le(v->header + VHDX_AT_SEQUENCE, 8) + 1);
    for (unsigned i = 0; i < 32 && new_content; i += 4) {
        store_le(v->header + VHDX_AT_FILE_GUID + i, 4, g_random_int());
    }
    memset(v->header + VHDX_AT_LOG_GUID, 0, 16);
    vhdx_put_sum(v->header, VHDX_SECTOR);
    int e = node_write(sparse_file(&v->s), other, v->header, VHDX_SECTOR);
    e = e ? e : node_flush(sparse_file(&v->s));
    v->header_at = e ? v->header_at : other;
    return e;
}

static int vhdx_begin(Sparse *s)
{
    int e = write_header(vhdx_of(s), true);
    return e ? e : write_header(vhdx_of(s), false);
}

static void vhdx_info(BlockNode *n, ImageInfo *info)
{
    info->cluster_size = sparse_of(n)->block_size;
}

static int vhdx_check(BlockNode *n, ImageRepair repair, ImageReport *r)
{
    int e = sparse_check(n, repair, r);
    r->allocated = r->fragmented = r->image_end = 0; /* nobody prints them */
    return e;
}

static const SparseFormat vhdx_format = {
    .driver = { .name = "vhdx",
                .map = sparse_map,
                .run = sparse_run,
                .info = vhdx_info,
                .check = vhdx_check,
                .close = sparse_close },
    .entry_size = 8,
    .locate = vhdx_locate,
    .decode = vhdx_decode,
    .encode = vhdx_encode,
    .begin = vhdx_begin,
};

/* ---- opening ------------------------------------------------------------------ */

static bool fail(const Vhdx *v, const char *what, GError **err)
{
    block_error(err, "'%s': could not open it as vhdx: %s", v->s.node.filename, what);
    return false;
}

static bool read_header(Vhdx *v, BlockNode *file, GError **err)
{
    static const uint64_t places[] = { VHDX_HEADER_1, VHDX_HEADER_2 };
    for (unsigned i = 0; i < G_N_ELEMENTS(places); i++) {
        uint8_t h[VHDX_SECTOR];
        bool ok = node_read(file, places[i], h, sizeof(h)) == 0 && memcmp(h, "head", 4) == 0 &&
                  load_le(h + VHDX_AT_SUM, 4) == vhdx_sum(h, sizeof(h), VHDX_AT_SUM);
        uint64_t best = v->header_at ? load_le(v->header + VHDX_AT_SEQUENCE, 8) : 0;
        if (ok && (!v->header_at || load_le(h + VHDX_AT_SEQUENCE, 8) > best)) {
            memcpy(v->header, h, sizeof(h));
            v->header_at = places[i];
        }
    }
    return v->header_at ? load_le(v->header + VHDX_AT_VERSION, 2) == 1 || fail(v, "its version is not 1", err)
                        : fail(v, "it has no valid header", err);
}

/* The place of a region, or of an item of metadata; rows of 32 bytes that begin with a GUID. */
static const uint8_t *row_of(const uint8_t *rows, unsigned count, const uint8_t *guid)
{
    for (unsigned i = 0; i < count; i++) {
        if (memcmp(rows + 32 * i, guid, 16) == 0) {
            return rows + 32 * i;
        }
    }
    return NULL;
}

static bool read_regions(Vhdx *v, uint64_t *table_bytes, uint64_t *metadata, GError **err)
{
    static const uint64_t places[] = { VHDX_REGIONS_1, VHDX_REGIONS_2 };
    g_autofree uint8_t *t = g_malloc(VHDX_TABLE);
    for (unsigned i = 0; i < G_N_ELEMENTS(places); i++) {
        bool ok = node_read(sparse_file(&v->s), places[i], t, VHDX_TABLE) == 0 && memcmp(t, "regi", 4) == 0 &&
                  load_le(t + VHDX_AT_SUM, 4) == vhdx_sum(t, VHDX_TABLE, VHDX_AT_SUM);
        unsigned count = ok ? MIN(load_le(t + 8, 4), REGIONS_MAX) : 0;
        const uint8_t *table = row_of(t + 16, count, vhdx_guid_table),
                      *meta = row_of(t + 16, count, vhdx_guid_metadata);
        if (table && meta) {
            v->s.table = load_le(table + 16, 8);
            *table_bytes = load_le(table + 24, 4);
            *metadata = load_le(meta + 16, 8);
            return true;
        }
    }
    return fail(v, "its table of regions is damaged", err);
}

static bool read_item(Vhdx *v, uint64_t region, const uint8_t *table, const uint8_t *guid, uint8_t *to,
                      unsigned n)
{
    const uint8_t *row = row_of(table + 32, MIN(load_le(table + 10, 2), REGIONS_MAX), guid);
    uint64_t size = node_size(sparse_file(&v->s)), at = row ? region + load_le(row + 16, 4) : size;
    uint8_t buf[2 * SECTOR];
    uint64_t start = at & ~(uint64_t)(SECTOR - 1);
    bool ok = row && at < size && node_read(sparse_file(&v->s), start, buf, sizeof(buf)) == 0;
    memcpy(to, ok ? buf + (at - start) : (const uint8_t[16]){ 0 }, n);
    return ok;
}

static bool read_metadata(Vhdx *v, uint64_t region, uint64_t *disk, GError **err)
{
    g_autofree uint8_t *t = g_malloc(VHDX_TABLE);
    uint64_t size = node_size(sparse_file(&v->s));
    uint8_t parameters[8], bytes[8], logical[4];
    bool ok = region % SECTOR == 0 && region < size &&
              node_read(sparse_file(&v->s), region, t, VHDX_TABLE) == 0 && memcmp(t, "metadata", 8) == 0 &&
              read_item(v, region, t, vhdx_guid_parameters, parameters, sizeof(parameters)) &&
              read_item(v, region, t, vhdx_guid_size, bytes, sizeof(bytes)) &&
              read_item(v, region, t, vhdx_guid_logical, logical, sizeof(logical));
    if (!ok) {
        return fail(v, "its metadata is damaged", err);
    }
    uint64_t block = load_le(parameters, 4), sector = load_le(logical, 4);
    if (load_le(parameters + 4, 4) & HAS_PARENT) {
        return fail(
            v, "it has only what differs from its parent, which is not supported; merge the two first", err);
    }
    if (block < VHDX_MIB || block > BLOCK_MAX || block & (block - 1) || (sector != 512 && sector != 4096)) {
        return fail(v, "the size of a block or sector makes no sense", err);
    }
    *disk = load_le(bytes, 8);
    v->s.block_size = block;
    v->ratio = (UINT64_C(1) << 23) * sector / block;
    return true;
}

/* The log, if there is one, becomes part of what is read. */
static bool replay(Vhdx *v, bool readonly, GError **err)
{
    Sparse *s = &v->s;
    BlockNode *file = sparse_file(s);
    struct iovec guid = { v->header + VHDX_AT_LOG_GUID, 16 };
    if (iov_is_zero(&guid, 1)) {
        return true;
    }
    BlockNode *target = readonly ? overlay_node_open(node_ref(file), err) : node_ref(file);
    if (!target || !vhdx_replay(file, target, v->header, err)) {
        node_unref(target);
        return false;
    }
    node_unref(file);
    s->node.children[NODE_FILE] = target;
    int e = readonly ? 0 : node_flush(target);
    e = readonly || e ? e : write_header(v, false);
    if (e) {
        block_error(err, "Could not write the log of '%s' to its place: %s", s->node.filename,
                    g_strerror(-e));
    }
    return e == 0;
}

static bool vhdx_read(Vhdx *v, bool readonly, GError **err)
{
    Sparse *s = &v->s;
    uint64_t table_bytes, metadata, disk;
    if (!read_header(v, sparse_file(s), err) || !replay(v, readonly, err) ||
        !read_regions(v, &table_bytes, &metadata, err) || !read_metadata(v, metadata, &disk, err)) {
        return false;
    }
    s->blocks = disk / s->block_size + (disk % s->block_size != 0);
    s->data_start = VHDX_MIB;
    uint64_t entries = s->blocks + s->blocks / v->ratio;
    if (entries > table_bytes / 8 || s->table % VHDX_MIB || s->table < VHDX_MIB) {
        return fail(v, "its table of blocks is too small for the disk", err);
    }
    uint64_t mask = VHDX_MIB - 1;
    s->end = (node_size(sparse_file(s)) + mask) & ~mask;
    return sparse_ready(s, disk, entries * 8, readonly, err);
}

BlockNode *vhdx_open(BlockNode *file, const OpenFlags *flags, GError **err)
{
    uint8_t h[SECTOR];
    int e = node_read(file, 0, h, sizeof(h));
    if (e || memcmp(h, "vhdxfile", 8) != 0) {
        block_error(err, "'%s': could not open it as vhdx: %s", file->filename,
                    e ? g_strerror(-e) : "it has not the signature of vhdx images");
        return NULL;
    }
    Vhdx *v = g_new0(Vhdx, 1);
    sparse_init(&v->s, &vhdx_format, file);
    if (!vhdx_read(v, flags->readonly, err)) {
        node_unref(&v->s.node);
        return NULL;
    }
    return &v->s.node;
}
