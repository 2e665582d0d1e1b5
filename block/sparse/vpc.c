/* SPDX-License-Identifier: GPL-2.0-or-later */
/* vpc, also VHD: Virtual PC's and Windows' images.  Specification: Virtual Hard Disk Image Format Specification.
 *
 * A fixed image is the disk with a footer behind it.  A dynamic one has a copy of the footer, a header, a table of blocks,
 * and blocks, each with a bitmap of its sectors before it; the footer stands at the end, and moves with it.
 *
 * Not modelled: differencing images (refused), bits of a block's bitmap (all its sectors are taken to be there; those of
 * new blocks are all set). */
#include <string.h>
#include <time.h>

#include "block/create.h"
#include "block/sparse/sparse.h"
#include "util/bytes.h"

enum { FOOTER = 512, DYNAMIC_HEADER = 1024, VPC_BLOCK = 2 << 20, VPC_BLOCK_MAX = 256 << 20 };
enum { VPC_FIXED = 2, VPC_DYNAMIC, VPC_DIFFERENCING };
#define VPC_NONE UINT64_C(0xffffffff)
#define VPC_BYTES_MAX (UINT64_C(2040) << 30)

enum { /* places in the footer */
       AT_FEATURES = 8,
       AT_FOOTER_VERSION = 12,
       AT_NEXT = 16,
       AT_TIME = 24,
       AT_CREATOR = 28,
       AT_CREATOR_VERSION = 32,
       AT_CREATOR_HOST = 36,
       AT_FIRST_SIZE = 40,
       AT_SIZE = 48,
       AT_GEOMETRY = 56,
       AT_TYPE = 60,
       AT_FOOTER_SUM = 64,
       AT_UUID = 68
};
enum { /* in the header of a dynamic image */
       AT_TABLE = 16,
       AT_HEADER_VERSION = 24,
       AT_BLOCKS = 28,
       AT_BLOCK = 32,
       AT_HEADER_SUM = 36,
       AT_PARENT_NAME = 64,
       PARENT_NAME_BYTES = 512
};

typedef struct Geometry {
    uint16_t cylinders;
    uint8_t heads, sectors;
} Geometry;
static const Geometry largest = { 65535, 16, 255 };

typedef struct Vpc {
    Sparse s;
    uint8_t footer[FOOTER];
    uint64_t footer_at; /* 0: it is not there */
} Vpc;

/* The complement of the sum of all bytes but the sum's own. */
static uint32_t checksum(const uint8_t *p, unsigned n, unsigned sum_at)
{
    uint32_t sum = 0;
    for (unsigned i = 0; i < n; i++) {
        sum += i >= sum_at && i < sum_at + 4 ? 0 : p[i];
    }
    return ~sum;
}

/* ---- sizes -------------------------------------------------------------------- */

static uint64_t geometry_sectors(Geometry g)
{
    return (uint64_t)g.cylinders * g.heads * g.sectors;
}

/* Appendix: CHS Calculation. */
static Geometry geometry_of(uint64_t sectors)
{
    uint64_t tracks;
    unsigned heads = 16, per_track = 255;
    sectors = MIN(sectors, geometry_sectors(largest));
    if (sectors >= 65535 * 16 * 63) {
        tracks = sectors / per_track;
    } else {
        per_track = 17;
        tracks = sectors / per_track;
        heads = MAX((tracks + 1023) / 1024, 4);
        if (tracks >= heads * 1024 || heads > 16) {
            per_track = 31;
            heads = 16;
            tracks = sectors / per_track;
        }
        if (tracks >= heads * 1024) {
            per_track = 63;
            tracks = sectors / per_track;
        }
    }
    return (Geometry){ tracks / heads, heads, per_track };
}

/* The first that is large enough. */
static Geometry geometry_for(uint64_t sectors)
{
    Geometry g = geometry_of(sectors);
    for (uint64_t n = sectors; geometry_sectors(g) < sectors && n <= geometry_sectors(largest); n++) {
        g = geometry_of(n);
    }
    return g;
}

/* Some programs round the size to a geometry, and leave another number in the field: what counts is who wrote it. */
static uint64_t disk_bytes(const uint8_t *footer)
{
    static const char exact[][5] = { "win ", "qem2", "d2v\0", "tap\0", "CTXS" };
    Geometry g = { load_be(footer + AT_GEOMETRY, 2), footer[AT_GEOMETRY + 2], footer[AT_GEOMETRY + 3] };
    bool by_size = geometry_sectors(g) == geometry_sectors(largest);
    for (unsigned i = 0; i < G_N_ELEMENTS(exact); i++) {
        by_size |= memcmp(footer + AT_CREATOR, exact[i], 4) == 0;
    }
    return by_size ? load_be(footer + AT_SIZE, 8) : geometry_sectors(g) * SECTOR;
}

/* ---- blocks ------------------------------------------------------------------- */

static int vpc_decode(const Sparse *s, uint64_t entry, SparseBlock *b)
{
    b->kind = entry == VPC_NONE ? EXTENT_ZERO : EXTENT_DATA;
    b->host = entry == VPC_NONE ? 0 : entry * SECTOR;
    return 0;
}

static uint64_t vpc_encode(const Sparse *s, uint64_t host)
{
    return host / SECTOR;
}

static int vpc_fill_prefix(Sparse *s, uint64_t host)
{
    g_autofree uint8_t *bits = g_malloc(s->prefix);
    memset(bits, 0xff, s->prefix);
    return host / SECTOR >= VPC_NONE ? -EFBIG : node_write(sparse_file(s), host, bits, s->prefix);
}

static int vpc_before_commit(Sparse *s)
{
    Vpc *v = container_of(s, Vpc, s);
    int e = v->footer_at == s->end ? 0 : node_write(sparse_file(s), s->end, v->footer, FOOTER);
    v->footer_at = e ? 0 : s->end;
    return e;
}

static void vpc_info(BlockNode *n, ImageInfo *info)
{
    info->cluster_size = sparse_of(n)->block_size;
}

static const SparseFormat vpc_format = {
    .driver = { .name = "vpc",
                .map = sparse_map,
                .run = sparse_run,
                .info = vpc_info,
                .check = sparse_check,
                .close = sparse_close },
    .entry_size = 4,
    .big_endian = true,
    .decode = vpc_decode,
    .encode = vpc_encode,
    .fill_prefix = vpc_fill_prefix,
    .before_commit = vpc_before_commit,
};

/* ---- opening ------------------------------------------------------------------ */

static bool is_footer(const uint8_t *p)
{
    return memcmp(p, "conectix", 8) == 0;
}

/* The last sector, or of dynamic images the first. */
static bool read_footer(BlockNode *file, uint8_t *footer, uint64_t *at, GError **err)
{
    uint64_t size = node_size(file), places[] = { 0, size - FOOTER };
    const char *fault = size < FOOTER ? "it is too short" : "it has no footer";
    for (unsigned i = 0; size >= FOOTER && i < G_N_ELEMENTS(places); i++) {
        int e = node_read(file, places[i], footer, FOOTER);
        bool here = !e && is_footer(footer);
        bool sound = here && load_be(footer + AT_FOOTER_SUM, 4) == checksum(footer, FOOTER, AT_FOOTER_SUM);
        *at = places[i];
        if (sound) {
            return true;
        }
        fault = e ? g_strerror(-e) : here ? "Incorrect header checksum" : fault;
    }
    block_error(err, "'%s': could not open it as vpc: %s", file->filename, fault);
    return false;
}

static void refuse_child(BlockNode *file, const uint8_t *header, GError **err)
{
    gunichar2 name[PARENT_NAME_BYTES / 2 + 1] = { 0 };
    for (unsigned i = 0; i < PARENT_NAME_BYTES / 2; i++) {
        name[i] = load_be(header + AT_PARENT_NAME + 2 * i, 2);
    }
    g_autofree char *text = g_utf16_to_utf8(name, -1, NULL, NULL, NULL);
    g_autofree char *shown = g_strescape(text ? text : "?", NULL);
    block_error(err,
                "'%s' has only what differs from its parent, '%s'; differencing images are not supported: "
                "merge it with its parent first",
                file->filename, shown);
}

static bool read_dynamic(Vpc *v, bool readonly, GError **err)
{
    Sparse *s = &v->s;
    BlockNode *file = sparse_file(s);
    uint8_t h[DYNAMIC_HEADER];
    uint64_t at = load_be(v->footer + AT_NEXT, 8), size = node_size(file);
    bool fits = at % SECTOR == 0 && at <= size && size - at >= sizeof(h);
    int e = fits ? node_read(file, at, h, sizeof(h)) : -EIO;
    if (e || memcmp(h, "cxsparse", 8) != 0 ||
        load_be(h + AT_HEADER_SUM, 4) != checksum(h, sizeof(h), AT_HEADER_SUM)) {
        block_error(err, "'%s': could not open it as vpc: the header of a dynamic image is damaged",
                    file->filename);
        return false;
    }
    if (load_be(v->footer + AT_TYPE, 4) == VPC_DIFFERENCING) {
        refuse_child(file, h, err);
        return false;
    }
    s->block_size = load_be(h + AT_BLOCK, 4);
    s->blocks = load_be(h + AT_BLOCKS, 4);
    s->table = load_be(h + AT_TABLE, 8);
    s->data_start = s->table + ((s->blocks * 4 + SECTOR - 1) & ~(uint64_t)(SECTOR - 1));
    s->prefix = (s->block_size / SECTOR / 8 + SECTOR - 1) & ~(uint64_t)(SECTOR - 1);
    if (s->block_size > VPC_BLOCK_MAX || s->block_size & (s->block_size - 1)) {
        block_error(err, "'%s': blocks of %" PRIu64 " bytes: the header is damaged", file->filename,
                    s->block_size);
        return false;
    }
    return sparse_ready(s, disk_bytes(v->footer), s->blocks * 4, readonly, err);
}

/* New blocks go where the footer is, if it is at the end. */
static int find_end(Vpc *v)
{
    uint8_t last[FOOTER];
    uint64_t size = node_size(sparse_file(&v->s));
    int e = node_read(sparse_file(&v->s), size - FOOTER, last, FOOTER);
    bool footer = !e && is_footer(last) && size - FOOTER >= v->s.data_start;
    v->s.end = MAX(footer ? size - FOOTER : size, v->s.data_start);
    v->footer_at = footer ? v->s.end : 0;
    return e;
}

static BlockNode *open_dynamic(BlockNode *file, const uint8_t *footer, bool readonly, GError **err)
{
    Vpc *v = g_new0(Vpc, 1);
    memcpy(v->footer, footer, FOOTER);
    sparse_init(&v->s, &vpc_format, file);
    bool ok = read_dynamic(v, readonly, err);
    int e = ok ? find_end(v) : 0;
    if (e) {
        block_error(err, "Could not read the footer of '%s': %s", file->filename, g_strerror(-e));
    }
    if (!ok || e) {
        node_unref(&v->s.node);
        return NULL;
    }
    return &v->s.node;
}

BlockNode *vpc_open(BlockNode *file, const OpenFlags *flags, GError **err)
{
    uint8_t footer[FOOTER];
    uint64_t at;
    if (!read_footer(file, footer, &at, err)) {
        return NULL;
    }
    uint32_t type = load_be(footer + AT_TYPE, 4);
    uint64_t bytes = disk_bytes(footer);
    if (type == VPC_DYNAMIC || type == VPC_DIFFERENCING) {
        return open_dynamic(file, footer, flags->readonly, err);
    }
    if (type != VPC_FIXED || bytes > at || (!bytes && load_be(footer + AT_SIZE, 8))) {
        block_error(err, "'%s': could not open it as vpc: the footer is damaged, or the file was cut off",
                    file->filename);
        return NULL;
    }
    return part_node_open(file, bytes ? 0 : node_size(file), bytes, err); /* 0: the rest */
}

/* ---- making ------------------------------------------------------------------- */

typedef struct VpcOptions {
    NewImage base;
    bool force_size;
    int subformat;
} VpcOptions;

enum { SUBFORMAT_NONE, SUBFORMAT_DYNAMIC, SUBFORMAT_FIXED };
static const char *const subformats[] = { "", "dynamic", "fixed", NULL };

static const Prop vpc_props[] = {
    NEW_IMAGE_SIZE,
    { "subformat", PROP_ENUM, offsetof(VpcOptions, subformat), "dynamic or fixed", .names = subformats },
    { "force_size", PROP_BOOL, offsetof(VpcOptions, force_size),
      "the disk has just this size, which old programs may round down to a geometry" },
    { NULL },
};
static const Shape vpc_shape = { "vpc", sizeof(VpcOptions), vpc_props };

static const VpcOptions *options_of(const NewImage *o)
{
    return container_of(o, VpcOptions, base);
}

static void vpc_print(const NewImage *base, GString *text)
{
    const VpcOptions *o = options_of(base);
    new_image_print_size(base, text);
    g_string_append_printf(text, "%s%s%s", o->subformat ? " subformat=" : "", subformats[o->subformat],
                           o->force_size ? " force_size=on" : "");
}

static Geometry geometry_wanted(const VpcOptions *o)
{
    return o->force_size ? largest : geometry_for((o->base.size + SECTOR - 1) / SECTOR);
}

static uint64_t bytes_wanted(const VpcOptions *o)
{
    uint64_t exact = (o->base.size + SECTOR - 1) & ~(uint64_t)(SECTOR - 1);
    Geometry g = geometry_wanted(o);
    return geometry_sectors(g) == geometry_sectors(largest) ? exact : geometry_sectors(g) * SECTOR;
}

static bool vpc_can_make(NewImage *base, GError **err)
{
    if (base->size > VPC_BYTES_MAX) {
        block_error(err, "The image size is too large for file format 'vpc'");
    }
    return base->size <= VPC_BYTES_MAX;
}

static void put_footer(uint8_t *f, const VpcOptions *o)
{
    enum { YEAR_2000 = 946684800 };
    Geometry g = geometry_wanted(o);
    memcpy(f, "conectix", 8);
    store_be(f + AT_FEATURES, 4, 2);
    store_be(f + AT_FOOTER_VERSION, 4, 0x10000);
    store_be(f + AT_NEXT, 8, o->subformat == SUBFORMAT_FIXED ? UINT64_MAX : FOOTER);
    store_be(f + AT_TIME, 4, time(NULL) - YEAR_2000);
    memcpy(f + AT_CREATOR, o->force_size ? "qem2" : "qemu", 4); /* says how the size is to be read */
    store_be(f + AT_CREATOR_VERSION, 4, 0x50003);
    memcpy(f + AT_CREATOR_HOST, "Wi2k", 4);
    store_be(f + AT_FIRST_SIZE, 8, bytes_wanted(o));
    store_be(f + AT_SIZE, 8, bytes_wanted(o));
    store_be(f + AT_GEOMETRY, 2, g.cylinders);
    f[AT_GEOMETRY + 2] = g.heads;
    f[AT_GEOMETRY + 3] = g.sectors;
    store_be(f + AT_TYPE, 4, o->subformat == SUBFORMAT_FIXED ? VPC_FIXED : VPC_DYNAMIC);
    new_image_put_uuid(f + AT_UUID);
    store_be(f + AT_FOOTER_SUM, 4, checksum(f, FOOTER, AT_FOOTER_SUM));
}

static int make_fixed(BlockNode *file, const uint8_t *footer, uint64_t bytes)
{
    int e = node_resize(file, bytes + FOOTER);
    return e ? e : node_write(file, bytes, footer, FOOTER);
}

static int make_dynamic(BlockNode *file, const uint8_t *footer, uint64_t bytes)
{
    uint64_t blocks = (bytes + VPC_BLOCK - 1) / VPC_BLOCK;
    uint64_t table_bytes = (blocks * 4 + SECTOR - 1) & ~(uint64_t)(SECTOR - 1);
    uint8_t h[DYNAMIC_HEADER] = { 0 };
    g_autofree uint8_t *table = g_malloc(MAX(table_bytes, 1));
    memset(table, 0xff, table_bytes);
    memcpy(h, "cxsparse", 8);
    store_be(h + 8, 8, UINT64_MAX);
    store_be(h + AT_TABLE, 8, FOOTER + DYNAMIC_HEADER);
    store_be(h + AT_HEADER_VERSION, 4, 0x10000);
    store_be(h + AT_BLOCKS, 4, blocks);
    store_be(h + AT_BLOCK, 4, VPC_BLOCK);
    store_be(h + AT_HEADER_SUM, 4, checksum(h, sizeof(h), AT_HEADER_SUM));
    int e = node_write(file, FOOTER, h, sizeof(h));
    e = e || !table_bytes ? e : node_write(file, FOOTER + DYNAMIC_HEADER, table, table_bytes);
    e = e ? e : node_write(file, FOOTER + DYNAMIC_HEADER + table_bytes, footer, FOOTER);
    return e ? e : node_write(file, 0, footer, FOOTER);
}

static bool vpc_make(BlockNode *file, const NewImage *base, GError **err)
{
    const VpcOptions *o = options_of(base);
    uint8_t footer[FOOTER] = { 0 };
    put_footer(footer, o);
    int e = o->subformat == SUBFORMAT_FIXED ? make_fixed(file, footer, bytes_wanted(o))
                                            : make_dynamic(file, footer, bytes_wanted(o));
    return new_image_failed(file, e, err);
}

const ImageMaker vpc_maker = { "vpc", &vpc_shape, false, vpc_print, vpc_can_make, vpc_make };
