/* SPDX-License-Identifier: GPL-2.0-or-later */
/* vdi, VirtualBox's images: header, table of blocks, blocks.  Version 1.1.
 *
 * Not modelled, and refused: differencing images (a parent's identifier), data before each block. */
#include <string.h>

#include "block/create.h"
#include "block/sparse/sparse.h"
#include "util/bytes.h"

enum {
    VDI_HEADER = 512,
    VDI_BLOCK = 1 << 20,
    VDI_SIGNATURE_AT = 0x40,
    VDI_SIGNATURE = (int)0xbeda107f,
    VDI_VERSION = 0x10001,
    VDI_BLOCKS_MAX = 0x3fffffff,
};
enum { VDI_DYNAMIC = 1, VDI_FIXED };
#define VDI_NONE UINT64_C(0xffffffff)
#define VDI_ZEROES UINT64_C(0xfffffffe)

enum { /* places in the header */
       AT_VERSION = 0x44,
       AT_HEADER_SIZE = 0x48,
       AT_TYPE = 0x4c,
       AT_TABLE = 0x154,
       AT_DATA = 0x158,
       AT_SECTOR = 0x168,
       AT_DISK = 0x170,
       AT_BLOCK = 0x178,
       AT_EXTRA = 0x17c,
       AT_BLOCKS = 0x180,
       AT_ALLOCATED = 0x184,
       AT_UUID = 0x188,
       AT_UUID_SNAPSHOT = 0x198,
       AT_UUID_PARENT = 0x1a8, /* "link": of the image, and of its last snapshot */
       UUID_BYTES = 16
};

typedef struct Vdi {
    Sparse s;
    uint32_t allocated; /* blocks that have an entry */
    bool counted;       /* it is in the header */
} Vdi;

static int vdi_decode(const Sparse *s, uint64_t entry, SparseBlock *b)
{
    b->kind = entry == VDI_NONE || entry == VDI_ZEROES ? EXTENT_ZERO : EXTENT_DATA;
    b->host = b->kind == EXTENT_DATA ? s->data_start + entry * s->block_size : 0;
    return 0;
}

static uint64_t vdi_encode(const Sparse *s, uint64_t host)
{
    return (host - s->data_start) / s->block_size;
}

static int vdi_entry_set(Sparse *s, uint64_t block, uint64_t entry)
{
    Vdi *v = container_of(s, Vdi, s);
    v->allocated++;
    v->counted = false;
    return 0;
}

/* A power cut between the two leaves a number in the header that is too large, which is harmless, and put right here. */
static int vdi_begin(Sparse *s)
{
    Vdi *v = container_of(s, Vdi, s);
    uint32_t allocated = 0;
    int e = 0;
    for (uint64_t b = 0; b < s->blocks && !e; b++) {
        SparseBlock block;
        uint64_t entry;
        e = sparse_entry(s, s->table + 4 * b, true, &entry);
        allocated += !e && vdi_decode(s, entry, &block) == 0 && block.kind == EXTENT_DATA;
    }
    v->counted = allocated == v->allocated;
    v->allocated = allocated;
    return e;
}

/* The number is stable before the entries are written. */
static int vdi_before_commit(Sparse *s)
{
    Vdi *v = container_of(s, Vdi, s);
    uint8_t h[SECTOR];
    int e = v->counted ? 0 : node_read(sparse_file(s), 0, h, sizeof(h));
    if (v->counted || e) {
        return e;
    }
    store_le(h + AT_ALLOCATED, 4, v->allocated);
    e = node_write(sparse_file(s), 0, h, sizeof(h));
    v->counted = e == 0;
    return e;
}

static void vdi_info(BlockNode *n, ImageInfo *info)
{
    info->cluster_size = sparse_of(n)->block_size;
}

/* The allocated blocks are those that the header says. */
static int vdi_check(BlockNode *n, ImageRepair repair, ImageReport *r)
{
    Vdi *v = container_of(sparse_of(n), Vdi, s);
    int e = sparse_check(n, repair, r);
    if (!e && r->allocated != v->allocated) {
        g_autofree char *line =
            g_strdup_printf("ERROR: block map has %" PRIu64 " allocated blocks, and the header %u",
                            r->allocated, v->allocated);
        r->corruptions += v->allocated < r->allocated;
        r->leaks += v->allocated > r->allocated;
        if (r->say) {
            r->say(line, r->opaque);
        }
    }
    r->allocated = r->image_end = 0; /* nobody prints them */
    return e;
}

static const SparseFormat vdi_format = {
    .driver = { .name = "vdi",
                .map = sparse_map,
                .run = sparse_run,
                .info = vdi_info,
                .check = vdi_check,
                .close = sparse_close },
    .entry_size = 4,
    .decode = vdi_decode,
    .encode = vdi_encode,
    .entry_set = vdi_entry_set,
    .begin = vdi_begin,
    .before_commit = vdi_before_commit,
};

/* ---- opening ------------------------------------------------------------------ */

static bool is_zero(const uint8_t *p, unsigned n)
{
    struct iovec iov = { (void *)p, n };
    return iov_is_zero(&iov, 1);
}

static const char *fault_of(const uint8_t *h)
{
    uint64_t type = load_le(h + AT_TYPE, 4), table = load_le(h + AT_TABLE, 4), data = load_le(h + AT_DATA, 4);
    if (load_le(h + VDI_SIGNATURE_AT, 4) != (uint32_t)VDI_SIGNATURE) {
        return "it has not the signature of vdi images";
    }
    if (load_le(h + AT_VERSION, 4) != VDI_VERSION) {
        return "its version is not 1.1, the only one that is supported";
    }
    if (!is_zero(h + AT_UUID_PARENT, UUID_BYTES)) {
        return "it is based on another image, which is not supported; clone it to a full one with VBoxManage";
    }
    if ((type != VDI_DYNAMIC && type != VDI_FIXED) || load_le(h + AT_EXTRA, 4)) {
        return "it is neither a dynamic nor a fixed image, which are supported";
    }
    if (load_le(h + AT_SECTOR, 4) != SECTOR || load_le(h + AT_BLOCKS, 4) > VDI_BLOCKS_MAX) {
        return "its header is damaged: size of a sector, or number of blocks";
    }
    if (table % SECTOR || data % SECTOR || table < VDI_HEADER ||
        data < table + load_le(h + AT_BLOCKS, 4) * 4) {
        return "its header is damaged: the table and the blocks lie one on the other";
    }
    return NULL;
}

static bool vdi_read(Vdi *v, const uint8_t *h, bool readonly, GError **err)
{
    Sparse *s = &v->s;
    s->block_size = load_le(h + AT_BLOCK, 4);
    s->blocks = load_le(h + AT_BLOCKS, 4);
    s->table = load_le(h + AT_TABLE, 4);
    s->data_start = load_le(h + AT_DATA, 4);
    v->allocated = load_le(h + AT_ALLOCATED, 4);
    v->counted = true;
    if (!sparse_ready(s, load_le(h + AT_DISK, 8), s->blocks * 4, readonly, err)) {
        return false;
    }
    uint64_t file = MAX(node_size(sparse_file(s)), s->data_start) - s->data_start;
    s->end = s->data_start + (file + s->block_size - 1) / s->block_size * s->block_size;
    return true;
}

BlockNode *vdi_open(BlockNode *file, const OpenFlags *flags, GError **err)
{
    uint8_t h[VDI_HEADER];
    int e = node_read(file, 0, h, sizeof(h));
    const char *fault = e ? g_strerror(-e) : fault_of(h);
    if (fault) {
        block_error(err, "'%s': could not open it as vdi: %s", file->filename, fault);
        return NULL;
    }
    Vdi *v = g_new0(Vdi, 1);
    sparse_init(&v->s, &vdi_format, file);
    if (!vdi_read(v, h, flags->readonly, err)) {
        node_unref(&v->s.node);
        return NULL;
    }
    return &v->s.node;
}

/* ---- making ------------------------------------------------------------------- */

typedef struct VdiOptions {
    NewImage base;
    bool fixed;
} VdiOptions;

static const Prop vdi_props[] = {
    NEW_IMAGE_SIZE,
    { "static", PROP_BOOL, offsetof(VdiOptions, fixed), "all blocks are allocated at once" },
    { NULL },
};
static const Shape vdi_shape = { "vdi", sizeof(VdiOptions), vdi_props };

static void vdi_print(const NewImage *o, GString *text)
{
    new_image_print_size(o, text);
    g_string_append_printf(text, " static=%s", container_of(o, VdiOptions, base)->fixed ? "on" : "off");
}

static bool vdi_can_make(NewImage *o, GError **err)
{
    if (o->size > (uint64_t)VDI_BLOCKS_MAX * VDI_BLOCK) {
        block_error(err, "Unsupported VDI image size (size is 0x%" PRIx64 ", max supported is 0x%" PRIx64 ")",
                    o->size, (uint64_t)VDI_BLOCKS_MAX * VDI_BLOCK);
        return false;
    }
    o->size = (o->size + SECTOR - 1) & ~(uint64_t)(SECTOR - 1);
    return true;
}

static void put_header(uint8_t *h, const NewImage *o, uint64_t blocks, uint64_t table_bytes, bool fixed)
{
    static const char text[] = "<<< QEMU VM Virtual Disk Image >>>\n"; /* what other readers look for */
    memcpy(h, text, strlen(text));
    store_le(h + VDI_SIGNATURE_AT, 4, (uint32_t)VDI_SIGNATURE);
    store_le(h + AT_VERSION, 4, VDI_VERSION);
    store_le(h + AT_HEADER_SIZE, 4, 0x180);
    store_le(h + AT_TYPE, 4, fixed ? VDI_FIXED : VDI_DYNAMIC);
    store_le(h + AT_TABLE, 4, VDI_HEADER);
    store_le(h + AT_DATA, 4, VDI_HEADER + table_bytes);
    store_le(h + AT_SECTOR, 4, SECTOR);
    store_le(h + AT_DISK, 8, o->size);
    store_le(h + AT_BLOCK, 4, VDI_BLOCK);
    store_le(h + AT_BLOCKS, 4, blocks);
    store_le(h + AT_ALLOCATED, 4, fixed ? blocks : 0);
    new_image_put_uuid(h + AT_UUID);
    new_image_put_uuid(h + AT_UUID_SNAPSHOT);
}

static bool vdi_make(BlockNode *file, const NewImage *o, GError **err)
{
    bool fixed = container_of(o, VdiOptions, base)->fixed;
    uint64_t blocks = (o->size + VDI_BLOCK - 1) / VDI_BLOCK;
    uint64_t table_bytes = (blocks * 4 + SECTOR - 1) & ~(uint64_t)(SECTOR - 1);
    uint8_t h[VDI_HEADER] = { 0 };
    g_autofree uint8_t *table = g_malloc0(table_bytes);
    put_header(h, o, blocks, table_bytes, fixed);
    for (uint64_t i = 0; i < table_bytes / 4; i++) {
        store_le(table + 4 * i, 4, i >= blocks ? 0 : fixed ? i : VDI_NONE);
    }
    int e = fixed ? node_resize(file, VDI_HEADER + table_bytes + blocks * VDI_BLOCK) : 0;
    e = e || !table_bytes ? e : node_write(file, VDI_HEADER, table, table_bytes);
    e = e ? e : node_write(file, 0, h, sizeof(h));
    return new_image_failed(file, e, err);
}

const ImageMaker vdi_maker = { "vdi", &vdi_shape, false, vdi_print, vdi_can_make, vdi_make };
