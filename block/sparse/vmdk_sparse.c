/* SPDX-License-Identifier: GPL-2.0-or-later */
/* vmdk: a sparse extent, a directory of tables of grains, VMware's hosted ("KDMV") and ESX's ("COWD").
 *
 * A hosted one has a copy of directory and tables, which is written, too.  A stream-optimized one has compressed grains.
 *
 * Not modelled: writing to a stream-optimized one (refused). */
#include <string.h>

#include "block/packed.h"
#include "block/sparse/vmdk.h"
#include "util/bytes.h"

enum { FLAG_COPY = 2, FLAG_ZERO_GRAINS = 4, FLAG_PACKED = 0x10000, FLAG_MARKERS = 0x20000 };
enum { /* places in the hosted header */
       AT_VERSION = 4,
       AT_FLAGS = 8,
       AT_CAPACITY = 12,
       AT_GRAIN = 20,
       AT_TEXT = 28,
       AT_TEXT_SECTORS = 36,
       AT_ENTRIES = 44,
       AT_COPY = 48,
       AT_DIRECTORY = 56,
       AT_OVERHEAD = 64,
       AT_LINE_ENDS = 73,
       AT_PACKING = 77
};
enum { /* in that of ESX */
       ESX_CAPACITY = 12,
       ESX_GRAIN = 16,
       ESX_DIRECTORY = 20,
       ESX_ENTRIES = 4096
};
enum { GRAIN_MAX = 32 << 20, ENTRIES_MAX = 65536, MARKER = 12, FOOTER_FROM_END = 1024 };

typedef struct Vmdk {
    Sparse s;
    uint64_t copy;    /* place of the directory's copy; 0: none */
    uint32_t entries; /* of a table */
    bool zero_grains, packed;
    VmdkDescriptor *text; /* NULL: it is an extent of a set */
    uint64_t text_at;     /* in the file */
} Vmdk;

static Vmdk *vmdk_of(const Sparse *s)
{
    return container_of((Sparse *)s, Vmdk, s);
}

/* The place of a block's entry by the directory at `directory`. */
static int locate_in(Sparse *s, uint64_t directory, uint64_t block, bool may_wait, uint64_t *at)
{
    const Vmdk *v = vmdk_of(s);
    uint64_t table, bytes = (uint64_t)v->entries * 4;
    int e = sparse_entry(s, directory + 4 * (block / v->entries), may_wait, &table);
    uint64_t file = node_size(sparse_file(s)); /* later: another thread may just have made the table */
    bool none = table == 0 || (table == 1 && v->zero_grains);
    if (!e && !none && (table * SECTOR > file || bytes > file - table * SECTOR)) {
        e = sparse_corrupt(s, "a table of grains would be in sector %" PRIu64, table);
    }
    *at = none ? 0 : table * SECTOR + 4 * (block % v->entries);
    return e;
}

static int vmdk_locate(Sparse *s, uint64_t block, bool may_wait, uint64_t *at)
{
    return locate_in(s, s->table, block, may_wait, at);
}

static int make_table_of(Sparse *s, uint64_t directory, uint64_t block)
{
    const Vmdk *v = vmdk_of(s);
    uint64_t bytes = ((uint64_t)v->entries * 4 + SECTOR - 1) & ~(uint64_t)(SECTOR - 1);
    uint8_t raw[4];
    store_le(raw, 4, s->end / SECTOR);
    int e = pages_make(s, s->end, bytes);
    e = e ? e : pages_write(s, directory + 4 * (block / v->entries), raw, sizeof(raw));
    s->end += e ? 0 : bytes;
    return e;
}

static int vmdk_make_table(Sparse *s, uint64_t block)
{
    uint64_t copy = vmdk_of(s)->copy, at = 1;
    int e = copy ? locate_in(s, copy, block, true, &at) : 0;
    e = e || at ? e : make_table_of(s, copy, block);
    return e ? e : make_table_of(s, s->table, block);
}

static int vmdk_entry_set(Sparse *s, uint64_t block, uint64_t entry)
{
    uint64_t at = 0, copy = vmdk_of(s)->copy;
    uint8_t raw[4];
    store_le(raw, 4, entry);
    int e = copy ? locate_in(s, copy, block, true, &at) : 0;
    return e || !at ? e : pages_write(s, at, raw, sizeof(raw));
}

static int vmdk_decode(const Sparse *s, uint64_t entry, SparseBlock *b)
{
    const Vmdk *v = vmdk_of(s);
    bool zero = v->zero_grains && entry == 1;
    b->kind = zero ? EXTENT_ZERO : !entry ? EXTENT_BELOW : v->packed ? EXTENT_PACKED : EXTENT_DATA;
    b->host = zero ? 0 : entry * SECTOR;
    return b->kind == EXTENT_PACKED && !sparse_is_file_place(s, b->host) ? -EIO : 0;
}

static uint64_t vmdk_encode(const Sparse *s, uint64_t host)
{
    return host / SECTOR;
}

/* A grain's marker: its first sector of the disk, the bytes of what follows. */
static int vmdk_unpack(Sparse *s, uint64_t block, const SparseBlock *b, uint8_t *to)
{
    uint8_t marker[SECTOR];
    uint64_t start = block * s->block_size, wanted = MIN(s->block_size, s->node.size - start), skip;
    int e = node_read(sparse_file(s), b->host, marker, sizeof(marker));
    uint64_t length = load_le(marker + 8, 4);
    if (e || load_le(marker, 8) != start / SECTOR || length > 2 * s->block_size + SECTOR) {
        return e ? e : sparse_corrupt(s, "the marker of grain %" PRIu64 " is another's", block);
    }
    g_autofree uint8_t *buf = packed_read(sparse_file(s), b->host + MARKER, &length, &skip, &e);
    return e ? e : packed_inflate(buf + skip, length, to, wanted, INFLATE_ZLIB);
}

static void vmdk_sparse_info(BlockNode *n, ImageInfo *info)
{
    const Vmdk *v = vmdk_of(sparse_of(n));
    info->cluster_size = v->s.block_size;
    info->backing = v->text ? v->text->parent : NULL;
    info->backing_format = info->backing ? "vmdk" : NULL;
}

static void vmdk_sparse_names(BlockNode *n, ImageNames *names)
{
    const Vmdk *v = vmdk_of(sparse_of(n));
    bool child = v->text && v->text->parent_cid != (uint32_t)VMDK_NO_PARENT;
    *names = (ImageNames){ .backing = child ? v->text->parent : NULL, .backing_format = "vmdk" };
}

static int vmdk_sparse_check(BlockNode *n, ImageRepair repair, ImageReport *r)
{
    int e = sparse_check(n, repair, r);
    r->allocated = r->compressed = r->fragmented = r->image_end = 0; /* nobody prints them */
    return e;
}

static int vmdk_begin(Sparse *s)
{
    Vmdk *v = vmdk_of(s);
    return v->text ? vmdk_descriptor_renew(v->text, sparse_file(s), v->text_at) : 0;
}

static bool vmdk_fits_backing(BlockNode *n, GError **err)
{
    const VmdkDescriptor *own = vmdk_of(sparse_of(n))->text;
    VmdkInfo parent;
    bool fits = vmdk_info(n->children[NODE_BACKING], &parent) && parent.cid == own->parent_cid;
    if (!fits) {
        block_error(
            err,
            "'%s' was made on another content of its parent '%s' (CID %08x), which was written since then",
            n->filename, n->children[NODE_BACKING]->filename, own->parent_cid);
    }
    return fits;
}

static void vmdk_sparse_close(Sparse *s)
{
    vmdk_descriptor_free(vmdk_of(s)->text);
}

static const SparseFormat vmdk_format = {
    .driver = { .name = "vmdk",
                .map = sparse_map,
                .run = sparse_run,
                .unpack = sparse_unpack,
                .info = vmdk_sparse_info,
                .names = vmdk_sparse_names,
                .fits_backing = vmdk_fits_backing,
                .check = vmdk_sparse_check,
                .close = sparse_close },
    .entry_size = 4,
    .locate = vmdk_locate,
    .make_table = vmdk_make_table,
    .decode = vmdk_decode,
    .encode = vmdk_encode,
    .entry_set = vmdk_entry_set,
    .begin = vmdk_begin,
    .unpack = vmdk_unpack,
    .close = vmdk_sparse_close,
};

/* ---- opening ------------------------------------------------------------------ */

/* A stream that was written from front to end has a second header at its end. */
static bool find_footer(BlockNode *file, uint8_t *h, GError **err)
{
    uint64_t size = node_size(file);
    if (load_le(h + AT_DIRECTORY, 8) != UINT64_MAX) {
        return true;
    }
    int e = size < FOOTER_FROM_END + SECTOR ? -EIO : node_read(file, size - FOOTER_FROM_END, h, SECTOR);
    if (e || memcmp(h, "KDMV", 4) != 0 || load_le(h + AT_DIRECTORY, 8) == UINT64_MAX) {
        block_error(err, "'%s': Invalid footer: the file was cut off, or is not whole yet", file->filename);
        return false;
    }
    return true;
}

static const char *fault_of(const uint8_t *h)
{
    uint32_t flags = load_le(h + AT_FLAGS, 4);
    if (load_le(h + AT_VERSION, 4) < 1 || load_le(h + AT_VERSION, 4) > 3) {
        return "its version is not 1, 2 or 3";
    }
    if (flags & 1 && memcmp(h + AT_LINE_ENDS, "\n \r\n", 4) != 0) {
        return "line ends were changed in it: it was copied as a text";
    }
    if (flags & FLAG_PACKED && (!(flags & FLAG_MARKERS) || load_le(h + AT_PACKING, 2) != 1)) {
        return "it is compressed in a way that is not supported";
    }
    return NULL;
}

static bool read_text(Vmdk *v, const uint8_t *h, GError **err)
{
    BlockNode *file = sparse_file(&v->s);
    uint64_t at = load_le(h + AT_TEXT, 8), sectors = load_le(h + AT_TEXT_SECTORS, 8);
    if (!at || !sectors) {
        return true;
    }
    uint64_t bytes = MIN(sectors, VMDK_TEXT_MAX / SECTOR) * SECTOR;
    g_autofree char *text = g_malloc0(bytes + 1);
    int e = at > node_size(file) / SECTOR ? -EIO : node_read(file, at * SECTOR, text, bytes);
    if (e) {
        block_error(err, "Could not read the descriptor of '%s': %s", file->filename, g_strerror(-e));
        return false;
    }
    v->text_at = at * SECTOR;
    v->text = *text ? vmdk_descriptor_parse(text, file->filename, err) : NULL;
    return v->text || !*text;
}

typedef struct Sizes {
    uint64_t capacity, grain, entries, directory, copy, overhead; /* sectors, but the entries of a table */
} Sizes;

static Sizes hosted_sizes(const uint8_t *h)
{
    bool copy = load_le(h + AT_FLAGS, 4) & FLAG_COPY;
    return (Sizes){ load_le(h + AT_CAPACITY, 8),        load_le(h + AT_GRAIN, 8),
                    load_le(h + AT_ENTRIES, 4),         load_le(h + AT_DIRECTORY, 8),
                    copy ? load_le(h + AT_COPY, 8) : 0, load_le(h + AT_OVERHEAD, 8) };
}

static Sizes esx_sizes(const uint8_t *h)
{
    return (Sizes){ load_le(h + ESX_CAPACITY, 4),
                    load_le(h + ESX_GRAIN, 4),
                    ESX_ENTRIES,
                    load_le(h + ESX_DIRECTORY, 4),
                    0,
                    load_le(h + ESX_DIRECTORY, 4) };
}

static bool set_sizes(Vmdk *v, const Sizes *z, bool readonly, GError **err)
{
    Sparse *s = &v->s;
    uint64_t file = node_size(sparse_file(s));
    bool ok = z->grain && z->grain <= GRAIN_MAX / SECTOR && z->entries && z->entries <= ENTRIES_MAX &&
              z->capacity <= INT64_MAX / 4 / SECTOR && z->directory <= file / SECTOR &&
              z->copy <= file / SECTOR;
    if (!ok) {
        block_error(err, "'%s': could not open it as vmdk: its header is damaged", s->node.filename);
        return false;
    }
    s->block_size = z->grain * SECTOR;
    s->blocks = (z->capacity + z->grain - 1) / z->grain;
    s->table = z->directory * SECTOR;
    s->table_span = z->entries;
    s->data_start = v->packed || z->overhead > file / SECTOR ? SECTOR : MAX(z->overhead, 1) * SECTOR;
    uint64_t tables = (s->blocks + z->entries - 1) / z->entries;
    v->entries = z->entries;
    v->copy = tables * 4 <= file - z->copy * SECTOR ? z->copy * SECTOR : 0;
    s->end = MAX((file + SECTOR - 1) & ~(uint64_t)(SECTOR - 1), s->data_start);
    return sparse_ready(s, z->capacity * SECTOR, tables * 4, readonly, err);
}

BlockNode *vmdk_sparse_open(BlockNode *file, const uint8_t *head, const OpenFlags *flags, GError **err)
{
    uint8_t h[SECTOR];
    memcpy(h, head, sizeof(h));
    bool esx = memcmp(h, "COWD", 4) == 0;
    const char *fault = esx ? NULL : fault_of(h);
    if (fault || (!esx && !find_footer(file, h, err))) {
        if (fault) {
            block_error(err, "'%s': could not open it as vmdk: %s", file->filename, fault);
        }
        return NULL;
    }
    Vmdk *v = g_new0(Vmdk, 1);
    sparse_init(&v->s, &vmdk_format, file);
    v->packed = !esx && load_le(h + AT_FLAGS, 4) & FLAG_PACKED;
    v->zero_grains = !esx && load_le(h + AT_FLAGS, 4) & FLAG_ZERO_GRAINS;
    bool keeps = v->packed || (!esx && load_le(h + AT_VERSION, 4) == 3); /* 3: others track its changes */
    if (keeps && !flags->readonly) {
        block_error(
            err,
            "'%s': %s images are read, not written; open it with readonly=on, or convert it to another format",
            file->filename, v->packed ? "stream-optimized" : "version 3");
    } else {
        Sizes z = esx ? esx_sizes(h) : hosted_sizes(h);
        if (set_sizes(v, &z, flags->readonly, err) && (esx || read_text(v, head, err))) {
            return &v->s.node;
        }
    }
    node_unref(&v->s.node);
    return NULL;
}

const VmdkDescriptor *vmdk_sparse_descriptor(BlockNode *n)
{
    return n->driver == &vmdk_format.driver ? vmdk_of(sparse_of(n))->text : NULL;
}

bool vmdk_is_packed(BlockNode *n)
{
    return n->driver == &vmdk_format.driver && vmdk_of(sparse_of(n))->packed;
}
