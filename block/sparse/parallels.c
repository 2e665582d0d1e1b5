/* SPDX-License-Identifier: GPL-2.0-or-later */
/* parallels: Parallels' and Virtuozzo's expandable images.  Specification: QEMU, docs/interop/parallels.
 *
 * Not modelled: the format extension (bitmaps of what was changed; an image with one is read, not written), disks of several
 * files with an XML description. */
#include <string.h>

#include "block/create.h"
#include "block/sparse/sparse.h"
#include "util/bytes.h"

enum { PARALLELS_HEADER = 64, PARALLELS_VERSION = 2, CLUSTER_MAX = 256 << 20 };
enum { /* places in the header */
       AT_VERSION = 16,
       AT_HEADS = 20,
       AT_CYLINDERS = 24,
       AT_CLUSTER = 28,
       AT_ENTRIES = 32,
       AT_SECTORS = 36,
       AT_IN_USE = 44,
       AT_DATA = 48,
       AT_FLAGS = 52,
       AT_EXTENSION = 56
};
enum { IN_USE = 0x746f6e59, NOT_IN_USE = 0x312e3276, FLAG_EMPTY = 1 };
static const char magic_old[] = "WithoutFreeSpace", magic_new[] = "WithouFreSpacExt";

typedef struct Parallels {
    Sparse s;
    uint64_t unit; /* of entries, bytes */
    bool empty;    /* whatever the table says */
} Parallels;

static const Parallels *parallels_of(const Sparse *s)
{
    return container_of(s, Parallels, s);
}

static int parallels_decode(const Sparse *s, uint64_t entry, SparseBlock *b)
{
    const Parallels *p = parallels_of(s);
    bool data = entry && !p->empty;
    b->kind = data ? EXTENT_DATA : EXTENT_BELOW;
    b->host = data ? entry * p->unit : 0;
    return data && (b->host < s->data_start || (b->host - s->data_start) % s->block_size) ? -EIO : 0;
}

static uint64_t parallels_encode(const Sparse *s, uint64_t host)
{
    return host / parallels_of(s)->unit;
}

static int set_in_use(Sparse *s, uint32_t value)
{
    uint8_t raw[4];
    store_le(raw, 4, value);
    int e = pages_write(s, AT_IN_USE, raw, sizeof(raw));
    e = e ? e : pages_store(s);
    return e ? e : node_flush(sparse_file(s));
}

static int parallels_begin(Sparse *s)
{
    return set_in_use(s, IN_USE);
}

static int parallels_finish(Sparse *s)
{
    return set_in_use(s, NOT_IN_USE);
}

/* What lies behind the last cluster that is used. */
static int parallels_check(BlockNode *n, ImageRepair repair, ImageReport *r)
{
    Sparse *s = sparse_of(n);
    int e = sparse_check(n, repair, r);
    uint64_t file = node_size(sparse_file(s)), rest = file - MIN(file, r->image_end);
    if (e || !rest) {
        return e;
    }
    g_autofree char *line = g_strdup_printf("%s space leaked at the end of the image %" PRIu64,
                                            repair == REPAIR_NOTHING ? "ERROR" : "Repairing", rest);
    r->leaks = (rest + s->block_size - 1) / s->block_size;
    if (r->say) {
        r->say(line, r->opaque);
    }
    if (repair != REPAIR_NOTHING) {
        s->end = r->image_end;
        e = node_resize(sparse_file(s), r->image_end);
    }
    return e;
}

static const SparseFormat parallels_format = {
    .driver = { .name = "parallels",
                .map = sparse_map,
                .run = sparse_run,
                .check = parallels_check,
                .close = sparse_close },
    .entry_size = 4,
    .decode = parallels_decode,
    .encode = parallels_encode,
    .begin = parallels_begin,
    .finish = parallels_finish,
};

/* ---- opening ------------------------------------------------------------------ */

static bool is_new(const uint8_t *h)
{
    return memcmp(h, magic_new, 16) == 0;
}

static const char *fault_of(const uint8_t *h)
{
    uint64_t cluster = load_le(h + AT_CLUSTER, 4) * SECTOR;
    if (!is_new(h) && memcmp(h, magic_old, 16) != 0) {
        return "it has not the signature of parallels images";
    }
    if (load_le(h + AT_VERSION, 4) != PARALLELS_VERSION) {
        return "its version is not 2, the only one that is supported";
    }
    if (!cluster || cluster > CLUSTER_MAX) {
        return "its header is damaged: the size of a cluster";
    }
    if (is_new(h) ? !load_le(h + AT_DATA, 4) : load_le(h + AT_SECTORS + 4, 4)) {
        return "its header is damaged: the place of the data, or the size of the disk";
    }
    return NULL;
}

static bool may_write(const uint8_t *h, const OpenFlags *flags, const char *name, GError **err)
{
    bool extended = load_le(h + AT_EXTENSION, 8) != 0;
    if (!flags->readonly && (extended || load_le(h + AT_FLAGS, 4) & FLAG_EMPTY)) {
        block_error(
            err,
            "'%s': it has %s, which this program does not keep true; open it with readonly=on, or convert it",
            name, extended ? "an extension (bitmaps of what was changed)" : "the mark of an empty image");
        return false;
    }
    return true;
}

/* Somebody has not closed it: his order of writes is not known. */
static bool is_sound(BlockNode *n, GError **err)
{
    ImageReport r = { 0 };
    int e = sparse_check(n, REPAIR_NOTHING, &r);
    if (e || r.corruptions) {
        block_error(
            err, "'%s' was not closed, and its table is damaged; open it with readonly=on, and copy it: %s",
            n->filename, "qemu-img convert");
    }
    return !e && !r.corruptions;
}

static bool parallels_read(Parallels *p, const uint8_t *h, const OpenFlags *flags, GError **err)
{
    Sparse *s = &p->s;
    s->block_size = load_le(h + AT_CLUSTER, 4) * SECTOR;
    s->blocks = load_le(h + AT_ENTRIES, 4);
    s->table = PARALLELS_HEADER;
    uint64_t table_end = (s->table + s->blocks * 4 + SECTOR - 1) & ~(uint64_t)(SECTOR - 1);
    s->data_start = load_le(h + AT_DATA, 4) * SECTOR;
    s->data_start = s->data_start ? s->data_start : table_end;
    p->unit = is_new(h) ? s->block_size : SECTOR;
    p->empty = load_le(h + AT_FLAGS, 4) & FLAG_EMPTY;
    uint64_t sectors = load_le(h + AT_SECTORS, 8), size = node_size(sparse_file(s));
    if (s->data_start < table_end || (is_new(h) && s->data_start % s->block_size) ||
        sectors > INT64_MAX / SECTOR) {
        block_error(err, "'%s': could not open it as parallels: the table and the data lie one on the other",
                    s->node.filename);
        return false;
    }
    if (!sparse_ready(s, sectors * SECTOR, s->blocks * 4, flags->readonly, err)) {
        return false;
    }
    uint64_t data = MAX(size, s->data_start) - s->data_start;
    s->end = s->data_start + (data + s->block_size - 1) / s->block_size * s->block_size;
    return flags->readonly || flags->repair || load_le(h + AT_IN_USE, 4) != IN_USE || is_sound(&s->node, err);
}

BlockNode *parallels_open(BlockNode *file, const OpenFlags *flags, GError **err)
{
    uint8_t h[SECTOR];
    int e = node_read(file, 0, h, sizeof(h));
    const char *fault = e ? g_strerror(-e) : fault_of(h);
    if (fault) {
        block_error(err, "'%s': could not open it as parallels: %s", file->filename, fault);
        return NULL;
    }
    if (!may_write(h, flags, file->filename, err)) {
        return NULL;
    }
    Parallels *p = g_new0(Parallels, 1);
    sparse_init(&p->s, &parallels_format, file);
    if (!parallels_read(p, h, flags, err)) {
        node_unref(&p->s.node);
        return NULL;
    }
    return &p->s.node;
}

/* ---- making ------------------------------------------------------------------- */

typedef struct ParallelsOptions {
    NewImage base;
    uint64_t cluster_size;
} ParallelsOptions;

static const Prop parallels_props[] = {
    NEW_IMAGE_SIZE,
    { "cluster_size", PROP_SIZE, offsetof(ParallelsOptions, cluster_size), "bytes", .def = 1 << 20 },
    { NULL },
};
static const Shape parallels_shape = { "parallels", sizeof(ParallelsOptions), parallels_props };

static void parallels_print(const NewImage *o, GString *text)
{
    new_image_print_size(o, text);
    g_string_append_printf(text, " cluster_size=%" PRIu64,
                           container_of(o, ParallelsOptions, base)->cluster_size);
}

static bool parallels_can_make(NewImage *o, GError **err)
{
    uint64_t cluster = container_of(o, ParallelsOptions, base)->cluster_size;
    bool fits = cluster && cluster % SECTOR == 0 && cluster <= CLUSTER_MAX;
    if (!fits) {
        block_error(err, "Cluster size must be a multiple of 512 bytes, and at most 256M");
    } else if (o->size / cluster >= INT32_MAX / 4) {
        block_error(err, "Image size is too large for this cluster size");
        fits = false;
    }
    return fits;
}

static bool parallels_make(BlockNode *file, const NewImage *o, GError **err)
{
    enum { HEADS = 16, TRACK = 32 };
    uint64_t cluster = container_of(o, ParallelsOptions, base)->cluster_size;
    uint64_t sectors = o->size / SECTOR + (o->size % SECTOR != 0), blocks = (o->size + cluster - 1) / cluster;
    uint64_t data = (PARALLELS_HEADER + blocks * 4 + cluster - 1) / cluster * cluster;
    uint8_t h[SECTOR] = { 0 };
    memcpy(h, magic_new, 16);
    store_le(h + AT_VERSION, 4, PARALLELS_VERSION);
    store_le(h + AT_HEADS, 4, HEADS);
    store_le(h + AT_CYLINDERS, 4, sectors / HEADS / TRACK);
    store_le(h + AT_CLUSTER, 4, cluster / SECTOR);
    store_le(h + AT_ENTRIES, 4, blocks);
    store_le(h + AT_SECTORS, 8, sectors);
    store_le(h + AT_DATA, 4, data / SECTOR);
    int e = node_resize(file, data);
    return new_image_failed(file, e ? e : node_write(file, 0, h, sizeof(h)), err);
}

const ImageMaker parallels_maker = { "parallels",     &parallels_shape,   false,
                                     parallels_print, parallels_can_make, parallels_make };
