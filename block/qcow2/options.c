/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A new qcow2 image from options.  Spelling: QEMU's manual, "Disk image file formats". */
#include "block/block_priv.h"
#include "block/create.h"
#include "block/luks/create.h"
#include "block/qcow2_create.h"

typedef struct Qcow2Options {
    NewImage base;
    uint64_t cluster_size;
    uint8_t refcount_bits;
    bool lazy, extended, raw_data;
    char *data_file;
    int compat, compression, encryption;
    bool has_encryption;
    LuksCreate luks;
} Qcow2Options;

enum { COMPAT_NEW, COMPAT_NEW_NAME, COMPAT_OLD, COMPAT_OLD_NAME };
static const char *const compats[] = { "1.1", "v3", "0.10", "v2", NULL };
static const char *const compressions[] = { "zlib", "zstd", NULL };

static const char *const encryptions[] = { "luks", NULL };
static const char *const unbuilt_encryptions[] = { "aes", NULL };

#define AT(field) offsetof(Qcow2Options, field)
static const Prop props[] = {
    NEW_IMAGE_SIZE,
    NEW_IMAGE_BACKING,
    NEW_IMAGE_PREALLOCATION,
    { "compat", PROP_ENUM, AT(compat), "version", .names = compats },
    { "cluster_size", PROP_SIZE, AT(cluster_size), "bytes", .def = 65536 },
    { "refcount_bits", PROP_U8, AT(refcount_bits), "width of a count", .def = 16 },
    { "lazy_refcounts", PROP_BOOL, AT(lazy), "counts are written at the end" },
    { "extended_l2", PROP_BOOL, AT(extended), "parts of clusters are allocated" },
    { "compression_type", PROP_ENUM, AT(compression), "of compressed clusters", .names = compressions },
    { "data_file", PROP_STRING, AT(data_file), "raw file that has the data" },
    { "data_file_raw", PROP_BOOL, AT(raw_data), "that file alone is the disk, too" },
    { "encrypt.format", PROP_ENUM, AT(encryption), "of the encryption of its data", .names = encryptions,
      .unbuilt = unbuilt_encryptions, .has = AT(has_encryption) },
    { "encryption", PROP_STRING, .refused = "the old AES method is not supported; use encrypt.format=luks" },
    LUKS_CREATE_ROWS(AT(luks), "encrypt."),
    { NULL },
};
#undef AT
static const Shape shape = { "qcow2", sizeof(Qcow2Options), props };

static const Qcow2Options *options_of(const NewImage *o)
{
    return container_of(o, Qcow2Options, base);
}

static Qcow2Create plan(const Qcow2Options *o)
{
    return (Qcow2Create){
        .size = (o->base.size + SECTOR - 1) & ~(uint64_t)(SECTOR - 1),
        .version = o->compat >= COMPAT_OLD ? 2 : 3,
        .cluster_bits = o->cluster_size ? __builtin_ctzll(o->cluster_size) : 0,
        .refcount_bits = o->refcount_bits,
        .lazy_refcounts = o->lazy,
        .extended_l2 = o->extended,
        .zstd = o->compression == 1,
        .data_file_raw = o->raw_data,
        .backing = o->base.backing,
        .backing_format = o->base.backing_format,
        .data_file = o->data_file,
        .crypt_bytes = o->has_encryption ? luks_create_bytes(&o->luks) : 0,
    };
}

static void print(const NewImage *base, GString *text)
{
    const Qcow2Options *o = options_of(base);
    g_string_append_printf(text, "cluster_size=%" G_GUINT64_FORMAT " extended_l2=%s", o->cluster_size,
                           o->extended ? "on" : "off");
    new_image_print_preallocation(base, text);
    g_string_append_printf(text, " compression_type=%s ", compressions[o->compression]);
    new_image_print_size(base, text);
    g_string_append(text, o->compat == COMPAT_OLD        ? " compat=0.10"
                          : o->compat == COMPAT_OLD_NAME ? " compat=v2"
                                                         : "");
    if (base->backing) {
        g_string_append_printf(text, " backing_file=%s backing_fmt=%s", base->backing,
                               base->backing_format ? base->backing_format : "");
    }
    if (o->has_encryption) {
        g_string_append_printf(text, " encrypt.format=%s", encryptions[o->encryption]);
        luks_create_print(&o->luks, "encrypt.", text);
    }
    if (o->data_file) {
        g_string_append_printf(text, " data_file=%s", o->data_file);
    }
    g_string_append_printf(text, "%s lazy_refcounts=%s refcount_bits=%u",
                           o->raw_data ? " data_file_raw=on" : "", o->lazy ? "on" : "off", o->refcount_bits);
}

static bool check_encryption(const Qcow2Options *o, GError **err)
{
    const LuksCreate *l = &o->luks;
    bool asked = l->key_secret || l->has_cipher || l->has_mode || l->has_iv || l->has_iv_hash ||
                 l->has_hash || l->has_time;
    if (!o->has_encryption) {
        if (asked) {
            block_error(err, "Options 'encrypt.*' are of encrypt.format=luks; add it, or leave them out");
        }
        return !asked;
    }
    if (o->base.preallocation || o->data_file) {
        block_error(err, "%s of encrypted images is not supported",
                    o->data_file ? "data_file" : "preallocation");
        return false;
    }
    return luks_create_check(l, "encrypt.", o->base.secrets, err);
}

static bool check(NewImage *base, GError **err)
{
    const Qcow2Options *o = options_of(base);
    Qcow2Create q = plan(o);
    if (o->cluster_size & (o->cluster_size - 1)) {
        block_error(err, "Cluster size must be a power of two between 512 and 2048k");
        return false;
    }
    if (base->preallocation && base->backing && !o->extended) {
        block_error(err,
                    "Backing file and preallocation can only be used at the same time if extended_l2 is on");
        return false;
    }
    return qcow2_create_check(&q, err) && check_encryption(o, err);
}

static BlockNode *make_data_file(const char *image, const Qcow2Options *o, GError **err)
{
    g_autofree char *path = image_resolve(image, o->data_file, err);
    return path ? image_new_file(path, o->base.size, o->base.made, err) : NULL;
}

/* The LUKS header, in its place. */
static bool make_encryption(BlockNode *file, const Qcow2Options *o, const Qcow2Create *q, GError **err)
{
    BlockNode *area = part_node_open(file, qcow2_create_crypt_offset(q), q->crypt_bytes, err);
    bool ok = area && luks_create(area, &o->luks, o->base.secrets, err);
    node_unref(area);
    return ok;
}

static bool make(BlockNode *file, const NewImage *base, GError **err)
{
    const Qcow2Options *o = options_of(base);
    Qcow2Create q = plan(o);
    BlockNode *data = o->data_file ? make_data_file(file->filename, o, err) : NULL;
    bool ok = (!o->data_file || data) && new_image_failed(file, qcow2_create(file, &q), err);
    ok = ok && (!o->has_encryption || make_encryption(file, o, &q, err));
    ok = ok && (!base->preallocation || qcow2_preallocate(file, data, base->preallocation, err));
    node_unref(data);
    return ok;
}

static void measure(const NewImage *base, ImageMeasure *m)
{
    Qcow2Create q = plan(options_of(base));
    qcow2_create_measure(&q, m);
    m->empty = base->preallocation >= PREALLOCATE_FALLOC ? m->full : m->empty;
}

const ImageMaker qcow2_maker = { "qcow2", &shape, true, print, check, make, measure };
