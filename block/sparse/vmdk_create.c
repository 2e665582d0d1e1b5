/* SPDX-License-Identifier: GPL-2.0-or-later */
/* vmdk: new images.
 *
 * Not modelled, and refused: stream-optimized ones, and those on a parent. */
#include <string.h>

#include "block/create.h"
#include "block/sparse/vmdk.h"
#include "util/bytes.h"

enum { GRAIN = 128, ENTRIES = 512, TEXT_SECTORS = 20, TEXT_AT = 1 }; /* sectors */
#define PART_BYTES (UINT64_C(2) << 30)
#define GRAINS_MAX (UINT64_C(1) << 32)

enum { SUBFORMAT_NONE, SUBFORMAT_SPARSE, SUBFORMAT_FLAT, SUBFORMAT_PARTS_SPARSE, SUBFORMAT_PARTS_FLAT };
static const char *const subformats[] = {
    "", "monolithicSparse", "monolithicFlat", "twoGbMaxExtentSparse", "twoGbMaxExtentFlat", NULL
};
static const char *const unbuilt_subformats[] = { "streamOptimized", NULL };
static const char *const adapters[] = { "ide", "buslogic", "lsilogic", "legacyESX", NULL };

typedef struct VmdkOptions {
    NewImage base;
    int subformat, adapter;
    bool compat6, zero_grains;
    char *hwversion, *toolsversion;
} VmdkOptions;

#define AT(field) offsetof(VmdkOptions, field)
static const Prop vmdk_props[] = {
    NEW_IMAGE_SIZE,
    { "subformat", PROP_ENUM, AT(subformat), "in one file or several, sparse or flat", .names = subformats,
      .unbuilt = unbuilt_subformats },
    { "adapter_type", PROP_ENUM, AT(adapter), "the disk's controller, of old machines", .names = adapters },
    { "compat6", PROP_BOOL, AT(compat6), "hwversion=6" },
    { "hwversion", PROP_STRING, AT(hwversion), "version of the virtual machine" },
    { "toolsversion", PROP_STRING, AT(toolsversion), "of the guest's tools" },
    { "zeroed_grain", PROP_BOOL, AT(zero_grains), "grains can be marked as zeroes" },
    { NULL },
};
#undef AT
static const Shape vmdk_shape = { "vmdk", sizeof(VmdkOptions), vmdk_props };

static const VmdkOptions *options_of(const NewImage *o)
{
    return container_of(o, VmdkOptions, base);
}

static bool is_flat(const VmdkOptions *o)
{
    return o->subformat == SUBFORMAT_FLAT || o->subformat == SUBFORMAT_PARTS_FLAT;
}

static bool is_alone(const VmdkOptions *o)
{
    return o->subformat <= SUBFORMAT_SPARSE;
}

static uint64_t sectors_of(const NewImage *o)
{
    return o->size / SECTOR + (o->size % SECTOR != 0);
}

static void vmdk_print(const NewImage *base, GString *text)
{
    const VmdkOptions *o = options_of(base);
    new_image_print_size(base, text);
    g_string_append_printf(text, " compat6=%s hwversion=%s", o->compat6 ? "on" : "off",
                           o->hwversion ? o->hwversion : "undefined");
    g_string_append_printf(text, "%s%s", o->subformat ? " subformat=" : "", subformats[o->subformat]);
    g_string_append_printf(text, "%s%s", o->adapter ? " adapter_type=" : "",
                           o->adapter ? adapters[o->adapter] : "");
    g_string_append_printf(text, "%s", o->zero_grains ? " zeroed_grain=on" : "");
}

static bool vmdk_can_make(NewImage *base, GError **err)
{
    const VmdkOptions *o = options_of(base);
    const char *fault = o->compat6 && o->hwversion     ? "compat6 cannot be enabled with hwversion set"
                        : o->zero_grains && is_flat(o) ? "Flat image can't enable zeroed grain"
                        : base->size / SECTOR / GRAIN >= GRAINS_MAX ? "Image size is too large for vmdk"
                                                                    : NULL;
    if (fault) {
        block_error(err, "%s", fault);
    }
    return !fault;
}

/* ---- the text ----------------------------------------------------------------- */

/* "disk-flat.vmdk", "disk-s001.vmdk" beside disk.vmdk; without folders. */
static char *extent_name(const char *image, const VmdkOptions *o, unsigned number)
{
    g_autofree char *name = g_path_get_basename(image);
    char *dot = strrchr(name, '.');
    g_autofree char *end = g_strdup(dot ? dot : "");
    if (dot) {
        *dot = '\0';
    }
    return is_alone(o) ? g_strconcat(name, end, NULL)
           : o->subformat == SUBFORMAT_FLAT
               ? g_strconcat(name, "-flat", end, NULL)
               : g_strdup_printf("%s-%c%03u%s", name, is_flat(o) ? 'f' : 's', number, end);
}

static uint64_t extent_bytes(const VmdkOptions *o, unsigned number)
{
    uint64_t all = sectors_of(&o->base) * SECTOR, before = (number - 1) * PART_BYTES;
    bool parts = o->subformat >= SUBFORMAT_PARTS_SPARSE;
    return !parts ? (number == 1 ? all : 0) : before < all ? MIN(all - before, PART_BYTES) : 0;
}

static void add_extents(GString *s, const char *image, const VmdkOptions *o)
{
    for (unsigned i = 1; i == 1 || extent_bytes(o, i); i++) {
        g_autofree char *name = extent_name(image, o, i);
        g_string_append_printf(s, "RW %" PRIu64 " %s \"%s\"%s\n", extent_bytes(o, i) / SECTOR,
                               is_flat(o) ? "FLAT" : "SPARSE", name, is_flat(o) ? " 0" : "");
    }
}

static GString *descriptor(const char *image, const VmdkOptions *o)
{
    enum { TRACK = 63, CYLINDERS_MAX = 16383 };
    unsigned heads = o->adapter ? 255 : 16;
    uint64_t cylinders = sectors_of(&o->base) / TRACK / heads;
    const char *version = o->hwversion ? o->hwversion : o->compat6 ? "6" : "4";
    GString *s = g_string_new(NULL);
    g_string_append_printf(
        s, "# Disk DescriptorFile\nversion=1\nCID=%08x\nparentCID=ffffffff\ncreateType=\"%s\"\n",
        g_random_int_range(1, INT32_MAX), subformats[o->subformat ? o->subformat : SUBFORMAT_SPARSE]);
    g_string_append(s, "\n# Extent description\n");
    add_extents(s, image, o);
    g_string_append_printf(
        s,
        "\n# The Disk Data Base\n#DDB\n\nddb.virtualHWVersion = \"%s\"\n"
        "ddb.geometry.cylinders = \"%" PRIu64 "\"\nddb.geometry.heads = \"%u\"\n"
        "ddb.geometry.sectors = \"63\"\nddb.adapterType = \"%s\"\nddb.toolsVersion = \"%s\"\n",
        version, cylinders, heads, adapters[o->adapter], o->toolsversion ? o->toolsversion : "2147483647");
    return s;
}

/* ---- files -------------------------------------------------------------------- */

/* A directory of tables at `at`, the tables behind it; both in sectors.  They are empty: zeroes. */
static int put_directory(BlockNode *file, uint64_t at, uint64_t tables)
{
    uint64_t bytes = (tables * 4 + SECTOR - 1) & ~(uint64_t)(SECTOR - 1);
    g_autofree uint8_t *directory = g_malloc0(bytes + 1);
    for (uint64_t i = 0; i < tables; i++) {
        store_le(directory + 4 * i, 4, at + bytes / SECTOR + i * (ENTRIES * 4 / SECTOR));
    }
    return bytes ? node_write(file, at * SECTOR, directory, bytes) : 0;
}

static int make_sparse(BlockNode *file, uint64_t sectors, bool zero_grains, const GString *text)
{
    uint64_t grains = (sectors + GRAIN - 1) / GRAIN, tables = (grains + ENTRIES - 1) / ENTRIES;
    uint64_t each = (tables * 4 + SECTOR - 1) / SECTOR + tables * (ENTRIES * 4 / SECTOR);
    uint64_t copy = TEXT_AT + TEXT_SECTORS, directory = copy + each;
    uint64_t overhead = (directory + each + GRAIN - 1) / GRAIN * GRAIN;
    uint8_t h[SECTOR * (TEXT_AT + TEXT_SECTORS)] = { 'K', 'D', 'M', 'V', zero_grains ? 2 : 1 };
    store_le(h + 8, 4, 3 | (zero_grains ? 4 : 0)); /* flags: line ends, copy of the directory */
    store_le(h + 12, 8, sectors);
    store_le(h + 20, 8, GRAIN);
    store_le(h + 28, 8, text ? TEXT_AT : 0);
    store_le(h + 36, 8, text ? TEXT_SECTORS : 0);
    store_le(h + 44, 4, ENTRIES);
    store_le(h + 48, 8, copy);
    store_le(h + 56, 8, directory);
    store_le(h + 64, 8, overhead);
    memcpy(h + 73, "\n \r\n", 4);
    if (text) {
        memcpy(h + SECTOR * TEXT_AT, text->str, MIN(text->len, SECTOR * TEXT_SECTORS));
    }
    int e = node_resize(file, overhead * SECTOR);
    e = e ? e : put_directory(file, copy, tables);
    e = e ? e : put_directory(file, directory, tables);
    return e ? e : node_write(file, 0, h, sizeof(h));
}

static bool make_extents(const char *image, const VmdkOptions *o, GError **err)
{
    g_autofree char *folder = g_path_get_dirname(image);
    bool ok = true;
    for (unsigned i = 1; ok && (i == 1 || extent_bytes(o, i)); i++) {
        g_autofree char *name = extent_name(image, o, i), *path = g_build_filename(folder, name, NULL);
        uint64_t bytes = extent_bytes(o, i);
        BlockNode *file = image_new_file(path, is_flat(o) ? bytes : 0, o->base.made, err);
        int e = file && !is_flat(o) ? make_sparse(file, bytes / SECTOR, o->zero_grains, NULL) : 0;
        ok = file && new_image_failed(file, e, err);
        node_unref(file);
    }
    return ok;
}

static int make_text_file(BlockNode *file, GString *text)
{
    gsize length = text->len;
    while (text->len % SECTOR) {
        g_string_append_c(text, '\0');
    }
    int e = node_write(file, 0, text->str, text->len);
    return e ? e : node_resize(file, length);
}

static bool vmdk_make(BlockNode *file, const NewImage *base, GError **err)
{
    const VmdkOptions *o = options_of(base);
    g_autoptr(GString) text = descriptor(file->filename, o);
    if (is_alone(o)) {
        return new_image_failed(file, make_sparse(file, sectors_of(base), o->zero_grains, text), err);
    }
    return make_extents(file->filename, o, err) && new_image_failed(file, make_text_file(file, text), err);
}

const ImageMaker vmdk_maker = { "vmdk", &vmdk_shape, false, vmdk_print, vmdk_can_make, vmdk_make };
