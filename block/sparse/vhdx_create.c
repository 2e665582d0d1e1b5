/* SPDX-License-Identifier: GPL-2.0-or-later */
/* vhdx: new images.  Specification: [MS-VHDX]. */
#include <string.h>

#include "block/create.h"
#include "block/sparse/vhdx.h"
#include "util/bytes.h"

enum { STATE_NOT_PRESENT = 0, STATE_ZERO = 2, STATE_PRESENT = 6, KEEP_BLOCKS = 1, ITEMS = 5 };
#define VHDX_DISK_MAX (UINT64_C(64) << 40)

enum { SUBFORMAT_NONE, SUBFORMAT_DYNAMIC, SUBFORMAT_FIXED };
static const char *const subformats[] = { "", "dynamic", "fixed", NULL };

typedef struct VhdxOptions {
    NewImage base;
    uint64_t log_size, block_size;
    bool zero_state;
    int subformat;
} VhdxOptions;

#define AT(field) offsetof(VhdxOptions, field)
static const Prop vhdx_props[] = {
    NEW_IMAGE_SIZE,
    { "subformat", PROP_ENUM, AT(subformat), "dynamic or fixed", .names = subformats },
    { "log_size", PROP_SIZE, AT(log_size), "bytes of the log", .def = VHDX_MIB },
    { "block_size", PROP_SIZE, AT(block_size), "bytes; 0: by the size of the disk" },
    { "block_state_zero", PROP_BOOL, AT(zero_state), "blocks are said to be zeroes, not absent", .def = 1 },
    { NULL },
};
#undef AT
static const Shape vhdx_shape = { "vhdx", sizeof(VhdxOptions), vhdx_props };

static const VhdxOptions *options_of(const NewImage *o)
{
    return container_of(o, VhdxOptions, base);
}

static void vhdx_print(const NewImage *base, GString *text)
{
    const VhdxOptions *o = options_of(base);
    new_image_print_size(base, text);
    g_string_append_printf(text, " log_size=%" PRIu64 " block_size=%" PRIu64, o->log_size, o->block_size);
    g_string_append_printf(text, "%s%s%s", o->subformat ? " subformat=" : "", subformats[o->subformat],
                           o->zero_state ? "" : " block_state_zero=off");
}

static bool vhdx_can_make(NewImage *base, GError **err)
{
    const VhdxOptions *o = options_of(base);
    uint64_t b = o->block_size;
    const char *fault = base->size > VHDX_DISK_MAX             ? "Image size too large; max of 64TB."
                        : b & (b - 1)                          ? "Block size must be a power of two"
                        : b && (b < VHDX_MIB || b > 256 << 20) ? "Block size must be between 1M and 256M"
                        : !o->log_size || o->log_size % VHDX_MIB || o->log_size > 32 << 20
                            ? "Log size must be a multiple of 1 MB, and at most 32 MB"
                            : NULL;
    if (fault) {
        block_error(err, "%s", fault);
    }
    return !fault;
}

static uint64_t block_bytes(const VhdxOptions *o)
{
    uint64_t gib = o->base.size >> 30;
    bool more = o->base.size & ((UINT64_C(1) << 30) - 1);
    return o->block_size           ? o->block_size
           : gib + more > 32 << 10 ? 64 << 20
           : gib + more > 100      ? 32 << 20
           : gib + more > 1        ? 16 << 20
                                   : 8 << 20;
}

/* Where everything is; all but the header begins at a whole MiB. */
typedef struct Layout {
    uint64_t block, blocks, ratio, table_bytes, log, table, metadata, data; /* bytes, but blocks and ratio */
} Layout;

static Layout lay_out(const VhdxOptions *o)
{
    Layout l = { .block = block_bytes(o), .log = VHDX_MIB };
    uint64_t mask = VHDX_MIB - 1;
    l.blocks = (o->base.size + l.block - 1) / l.block;
    l.ratio = (UINT64_C(1) << 23) * SECTOR / l.block;
    l.table_bytes = ((l.blocks + l.blocks / l.ratio + 1) * 8 + mask) & ~mask;
    l.table = l.log + o->log_size;
    l.metadata = l.table + l.table_bytes;
    l.data = l.metadata + VHDX_MIB;
    return l;
}

/* ---- its parts ------------------------------------------------------------------ */

static int put_headers(BlockNode *file, const VhdxOptions *o, const Layout *l)
{
    uint8_t h[VHDX_SECTOR] = { 'h', 'e', 'a', 'd' };
    store_le(h + VHDX_AT_VERSION, 2, 1);
    store_le(h + VHDX_AT_LOG, 8, l->log);
    store_le(h + VHDX_AT_LOG_LENGTH, 4, o->log_size);
    new_image_put_uuid(h + VHDX_AT_FILE_GUID);
    new_image_put_uuid(h + VHDX_AT_DATA_GUID);
    int e = 0;
    for (unsigned i = 0; i < 2 && !e; i++) {
        store_le(h + VHDX_AT_SEQUENCE, 8, i + 1);
        vhdx_put_sum(h, sizeof(h));
        e = node_write(file, i ? VHDX_HEADER_2 : VHDX_HEADER_1, h, sizeof(h));
    }
    return e;
}

static void put_region(uint8_t *row, const uint8_t *guid, uint64_t at, uint64_t bytes)
{
    memcpy(row, guid, 16);
    store_le(row + 16, 8, at);
    store_le(row + 24, 4, bytes);
}

static int put_regions(BlockNode *file, const Layout *l)
{
    g_autofree uint8_t *t = g_malloc0(VHDX_TABLE);
    memcpy(t, "regi", 4);
    store_le(t + 8, 4, 2);
    put_region(t + 16, vhdx_guid_table, l->table, l->table_bytes);
    put_region(t + 48, vhdx_guid_metadata, l->metadata, VHDX_MIB);
    store_le(t + 16 + 28, 4, 1); /* both are required */
    store_le(t + 48 + 28, 4, 1);
    vhdx_put_sum(t, VHDX_TABLE);
    int e = node_write(file, VHDX_REGIONS_1, t, VHDX_TABLE);
    return e ? e : node_write(file, VHDX_REGIONS_2, t, VHDX_TABLE);
}

static int put_metadata(BlockNode *file, const VhdxOptions *o, const Layout *l)
{
    static const struct {
        const uint8_t *guid;
        unsigned at, bytes, flags; /* 2: of the disk, not the file; 4: required */
    } items[ITEMS] = { { vhdx_guid_parameters, 0, 8, 4 },
                       { vhdx_guid_size, 8, 8, 6 },
                       { vhdx_guid_disk, 16, 16, 6 },
                       { vhdx_guid_logical, 32, 4, 6 },
                       { vhdx_guid_physical, 36, 4, 6 } };
    g_autofree uint8_t *t = g_malloc0(2 * VHDX_TABLE);
    uint8_t *values = t + VHDX_TABLE;
    memcpy(t, "metadata", 8);
    store_le(t + 10, 2, ITEMS);
    for (unsigned i = 0; i < ITEMS; i++) {
        memcpy(t + 32 + 32 * i, items[i].guid, 16);
        store_le(t + 48 + 32 * i, 4, VHDX_TABLE + items[i].at);
        store_le(t + 52 + 32 * i, 4, items[i].bytes);
        store_le(t + 56 + 32 * i, 4, items[i].flags);
    }
    store_le(values, 4, l->block);
    store_le(values + 4, 4, o->subformat == SUBFORMAT_FIXED ? KEEP_BLOCKS : 0);
    store_le(values + 8, 8, (o->base.size + SECTOR - 1) & ~(uint64_t)(SECTOR - 1));
    new_image_put_uuid(values + 16);
    store_le(values + 32, 4, SECTOR);
    store_le(values + 36, 4, SECTOR);
    return node_write(file, l->metadata, t, 2 * VHDX_TABLE);
}

static int put_table(BlockNode *file, const VhdxOptions *o, const Layout *l)
{
    g_autofree uint8_t *t = g_malloc0(l->table_bytes);
    bool fixed = o->subformat == SUBFORMAT_FIXED;
    uint64_t state = o->zero_state ? STATE_ZERO : STATE_NOT_PRESENT;
    for (uint64_t b = 0; b < l->blocks; b++) {
        uint64_t entry = fixed ? (l->data + b * l->block) | STATE_PRESENT : state;
        store_le(t + 8 * (b + b / l->ratio), 8, entry);
    }
    return node_write(file, l->table, t, l->table_bytes);
}

static bool vhdx_make(BlockNode *file, const NewImage *base, GError **err)
{
    const VhdxOptions *o = options_of(base);
    Layout l = lay_out(o);
    uint8_t head[SECTOR] = { 0 };
    memcpy(head, "vhdxfile", 8);
    for (unsigned i = 0; i < strlen("Lyrebird"); i++) {
        head[8 + 2 * i] = "Lyrebird"[i];
    }
    int e = node_resize(file, l.data + (o->subformat == SUBFORMAT_FIXED ? l.blocks * l.block : 0));
    e = e ? e : put_headers(file, o, &l);
    e = e ? e : put_regions(file, &l);
    e = e ? e : put_metadata(file, o, &l);
    e = e ? e : put_table(file, o, &l);
    e = e ? e : node_write(file, 0, head, sizeof(head));
    return new_image_failed(file, e, err);
}

const ImageMaker vhdx_maker = { "vhdx", &vhdx_shape, false, vhdx_print, vhdx_can_make, vhdx_make };
