/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Nodes by name: -blockdev and blockdev-add.
 * Spelling: QEMU's manual, "QMP reference", BlockdevOptions.
 *
 * A node of a file is opened as -drive opens one (one check of each value); a raw node on top of it is another
 * backend on the same open file, or a part of it, which the lower one lends it: a node has one user.  A file in place takes read-only,
 * cache and discard from the raw node, unless it says otherwise.  Devices choose either by node-name, as they choose a
 * drive by its id.
 *
 * Not built, and refused by name: every other driver. */
#include <json-c/json.h>
#include <string.h>

#include "block_priv.h"
#include "block/job/job_graph.h"
#include "block/live.h"

enum { NODE_NAME_MAX = 31 }; /* bytes, as programs expect */
enum {
    DRIVER_FILE,
    DRIVER_HOST_DEVICE,
    DRIVER_RAW,
    DRIVER_NULL,
    DRIVER_QCOW2, /* from here on: formats, on a file */
    DRIVER_PARALLELS,
    DRIVER_QCOW,
    DRIVER_VDI,
    DRIVER_VHDX,
    DRIVER_VMDK,
    DRIVER_VPC
};
static const char *const driver_names[] = {
    [DRIVER_FILE] = "file",   [DRIVER_HOST_DEVICE] = "host_device",
    [DRIVER_RAW] = "raw",     [DRIVER_NULL] = "null-co",
    [DRIVER_QCOW2] = "qcow2", [DRIVER_PARALLELS] = "parallels",
    [DRIVER_QCOW] = "qcow",   [DRIVER_VDI] = "vdi",
    [DRIVER_VHDX] = "vhdx",   [DRIVER_VMDK] = "vmdk",
    [DRIVER_VPC] = "vpc",     NULL,
};
/* clang-format off */
static const char *const unbuilt_drivers[] = {
    "blkdebug", "blklogwrites", "blkreplay", "blkverify", "bochs", "cloop", "compress", "copy-on-read", "dmg", "ftp", "ftps",
    "http", "https", "io_uring", "iscsi", "luks", "nbd", "nfs", "null-aio", "nvme", "preallocate", "qed", "quorum", "rbd", "ssh",
    "throttle", "vvfat", "host_cdrom", "copy-before-write", "replication", "snapshot-access", NULL,
};
/* clang-format on */
enum { DISCARD_IGNORE, DISCARD_UNMAP };
static const char *const discard_names[] = { [DISCARD_IGNORE] = "ignore", [DISCARD_UNMAP] = "unmap", NULL };
static const char *const aio_names[] = { "threads", "native", "io_uring", NULL };

typedef struct BlockdevCache {
    bool direct, no_flush, has_direct, has_no_flush;
} BlockdevCache;

struct BlockdevOptions {
    int driver, discard, zeroes;
    char *node_name;
    BlockdevCache *cache;
    bool readonly, auto_readonly, has_readonly, has_auto_readonly, has_discard, has_zeroes;
    /* of a file */
    char *filename;
    int locking, aio;
    bool has_locking, has_aio;
    /* of raw and qcow2: one of the two */
    struct BlockdevOptions *file;
    char *file_name;
    uint64_t offset, size; /* and of null-co */
    bool has_offset, has_size;
    bool read_zeroes; /* of null-co */
    /* of a format: the name of a node, or null: none; not given: what the image names */
    json_object *backing;
    bool has_backing;
};

#define AT(field) offsetof(BlockdevCache, field)
static const Prop cache_props[] = {
    { "direct", PROP_BOOL, AT(direct), "go round the host's page cache", .has = AT(has_direct) },
    { "no-flush", PROP_BOOL, AT(no_flush), "take flushes for done", .has = AT(has_no_flush) },
    { NULL },
};
#undef AT
static const Shape cache_shape = { "BlockdevCacheOptions", sizeof(BlockdevCache), cache_props };

#define AT(field) offsetof(BlockdevOptions, field)
static const Prop file_props[] = {
    { "filename", PROP_STRING, AT(filename), "a file or block device of the host", .required = true },
    { "locking", PROP_ON_OFF_AUTO, AT(locking), "keep other programs from it", .has = AT(has_locking) },
    { "aio", PROP_ENUM, AT(aio), "how requests are made", .names = aio_names, .has = AT(has_aio) },
    { NULL },
};
static const Prop raw_props[] = {
    { "file", PROP_STRUCT, AT(file), "node below, or its name", .of = &blockdev_shape,
      .or_text = AT(file_name), .required = true },
    { "offset", PROP_SIZE, AT(offset), "where in it the image begins", .has = AT(has_offset) },
    { "size", PROP_SIZE, AT(size), "of the image; not given: to the end", .has = AT(has_size) },
    { NULL },
};
static const Prop format_props[] = {
    { "file", PROP_STRUCT, AT(file), "node below, or its name", .of = &blockdev_shape,
      .or_text = AT(file_name), .required = true },
    { NULL },
};
static const Prop qcow2_props[] = {
    { "file", PROP_STRUCT, AT(file), "node below, or its name", .of = &blockdev_shape,
      .or_text = AT(file_name), .required = true },
    { "backing", PROP_ANY, AT(backing), "name of the node of its backing; null: none",
      .has = AT(has_backing) },
    { NULL },
};
static const Prop null_props[] = {
    { "size", PROP_SIZE, AT(size), "of the disk; not given: 1 GiB", .has = AT(has_size) },
    { "read-zeroes", PROP_BOOL, AT(read_zeroes), "reads are of zeroes, not of what is in memory" },
    { NULL },
};
static const Shape file_shape = { "BlockdevOptionsFile", sizeof(BlockdevOptions), file_props };
static const Shape raw_shape = { "BlockdevOptionsRaw", sizeof(BlockdevOptions), raw_props };
static const Shape format_shape = { "BlockdevOptionsGenericFormat", sizeof(BlockdevOptions), format_props };
static const Shape qcow2_shape = { "BlockdevOptionsQcow2", sizeof(BlockdevOptions), qcow2_props };
static const Shape null_shape = { "BlockdevOptionsNull", sizeof(BlockdevOptions), null_props };
static const Shape *const arms[] = {
    [DRIVER_FILE] = &file_shape,   [DRIVER_HOST_DEVICE] = &file_shape, [DRIVER_RAW] = &raw_shape,
    [DRIVER_NULL] = &null_shape,   [DRIVER_QCOW2] = &qcow2_shape,      [DRIVER_PARALLELS] = &format_shape,
    [DRIVER_QCOW] = &format_shape, [DRIVER_VDI] = &format_shape,       [DRIVER_VHDX] = &format_shape,
    [DRIVER_VMDK] = &format_shape, [DRIVER_VPC] = &format_shape,
};

static const Prop blockdev_props[] = {
    { "driver", PROP_ENUM, AT(driver), "what it is", .names = driver_names, .unbuilt = unbuilt_drivers,
      .required = true },
    { "node-name", PROP_STRING, AT(node_name), "name by which devices and other nodes choose it" },
    { "discard", PROP_ENUM, AT(discard), "what becomes of discards", .names = discard_names,
      .has = AT(has_discard) },
    { "detect-zeroes", PROP_ENUM, AT(zeroes), "zeroes are written as such", .names = block_zeroes_names,
      .has = AT(has_zeroes) },
    { "cache", PROP_STRUCT, AT(cache), "use of the host's page cache", .of = &cache_shape },
    { "read-only", PROP_BOOL, AT(readonly), "the guest cannot write", .has = AT(has_readonly) },
    { "auto-read-only", PROP_BOOL, AT(auto_readonly), "read-only if it cannot be written",
      .has = AT(has_auto_readonly) },
    PROP_ONLY_ON("active", "a node is used by this program alone"),
    PROP_ONLY_OFF("force-share",
                  "an image that others write is not opened so; use read-only and locking=off"),
    { NULL },
};
const Shape blockdev_shape = {
    "BlockdevOptions", sizeof(BlockdevOptions), blockdev_props, .tag = &blockdev_props[0],
    .arms = arms,      .implied = "driver",
};

/* ---- files --------------------------------------------------------------- */

static void say(json_object *values, bool given, const char *key, const char *text)
{
    if (given) {
        json_object_object_add(values, key, json_object_new_string(text));
    }
}

static void say_bool(json_object *values, bool given, const char *key, bool value)
{
    say(values, given, key, value ? "on" : "off");
}

/* As -drive has it. */
static json_object *drive_values(const BlockdevOptions *o, const char *name)
{
    json_object *v = json_object_new_object();
    const BlockdevCache *cache = o->cache;
    say(v, true, "id", name);
    say(v, true, "if", "none");
    say(v, true, "format", "raw");
    say(v, true, "file.driver", driver_names[o->driver]);
    say(v, true, "file.filename", o->filename);
    say(v, o->has_locking, "file.locking", on_off_auto_names[o->locking]);
    say(v, o->has_aio, "aio", aio_names[o->aio]);
    say(v, o->has_discard, "discard", discard_names[o->discard]);
    say(v, o->has_zeroes, "detect-zeroes", block_zeroes_names[o->zeroes]);
    say_bool(v, o->has_readonly, "read-only", o->readonly);
    say_bool(v, o->has_auto_readonly, "auto-read-only", o->auto_readonly);
    say_bool(v, cache && cache->has_direct, "cache.direct", cache && cache->direct);
    say_bool(v, cache && cache->has_no_flush, "cache.no-flush", cache && cache->no_flush);
    return v;
}

static BlockBackend *open_file(Drives *all, const BlockdevOptions *o, const char *name, GError **err)
{
    json_object *values = drive_values(o, name);
    DriveOptions *drive = shape_new(&drive_shape, values, NULL, err);
    BlockBackend *blk = drive ? block_open_drive(all, drive, err) : NULL;
    shape_free(&drive_shape, drive);
    json_object_put(values);
    if (blk) {
        blk->is_node = true;
        blk->format = driver_names[o->driver];
    }
    return blk;
}

/* ---- formats on a file ------------------------------------------------------- */

/* What the file cannot do cannot be said of a node on it. */
static bool fits_file(const BlockBackend *below, const BlockdevOptions *o, GError **err)
{
    if (o->has_readonly && !o->readonly && below->readonly) {
        block_error(err, "Block node '%s' is read-only; say read-only on both, or on neither", below->id);
        return false;
    }
    if (o->cache && o->cache->direct && !below->direct) {
        block_error(err, "cache.direct=on of '%s': the file is open without; say it at node '%s'",
                    o->node_name, below->id);
        return false;
    }
    return block_check_zeroes(o->zeroes, o->discard == DISCARD_UNMAP, err);
}

/* The file as it is, or a part of it. */
static BlockNode *raw_node(BlockBackend *below, const BlockdevOptions *o, GError **err)
{
    if (o->has_size && !o->size) {
        block_error(err, "size=0 of '%s': leave it out for all that is behind offset", o->node_name);
        return NULL;
    }
    return o->has_offset || o->has_size ? part_node_open(below->node, o->offset, o->size, err)
                                        : node_ref(below->node);
}

/* One that is only read, and that no device has. */
static BlockNode *backing_node(Drives *all, const BlockdevOptions *o, GError **err)
{
    if (!json_object_is_type(o->backing, json_type_string)) {
        block_error(err, "backing of '%s': the name of a node, or null, is all that is built", o->node_name);
        return NULL;
    }
    const char *name = json_object_get_string(o->backing);
    BlockBackend *blk = block_find_node(all, name);
    if (!blk || !blk->is_node) {
        block_error(err, "Cannot find device='' nor node-name='%s'", name);
    } else if (!blk->readonly) {
        block_error(err,
                    "Node '%s' can be written: a backing image is only read; add it with \"read-only\": true",
                    name);
    } else {
        return blk->node;
    }
    return NULL;
}

/* The image in the file; files that it names in turn are found by its name. */
static BlockNode *format_node(BlockBackend *below, const BlockdevOptions *o, GError **err)
{
    OpenFlags flags = { .readonly = below->readonly || o->readonly,
                        .direct = below->direct,
                        .locking = true,
                        .discard = below->discard && o->discard == DISCARD_UNMAP,
                        .no_backing = o->has_backing };
    BlockNode *backing = NULL;
    if (o->backing && !(backing = backing_node(below->all, o, err))) {
        return NULL;
    }
    BlockNode *n = image_open_on(below->node, driver_names[o->driver], &flags, err);
    if (n && backing) {
        n->children[NODE_BACKING] = node_ref(backing);
    }
    return n;
}

static BlockBackend *put_on(BlockBackend *below, const BlockdevOptions *o, GError **err)
{
    BlockNode *node = !fits_file(below, o, err)   ? NULL
                      : o->driver >= DRIVER_QCOW2 ? format_node(below, o, err)
                                                  : raw_node(below, o, err);
    if (!node) {
        return NULL;
    }
    BlockBackend *blk = g_new0(BlockBackend, 1);
    if (!block_backend_attach(below, blk, NULL, err)) {
        node_unref(node);
        g_free(blk);
        return NULL;
    }
    *blk = (BlockBackend){
        .all = below->all,
        .id = g_strdup(o->node_name),
        .node = node,
        .below = below,
        .is_node = true,
        .format = driver_names[o->driver],
        .interface = DRIVE_NONE,
        .index = -1,
        .readonly = below->readonly || o->readonly,
        .direct = below->direct,
        .no_flush = below->no_flush || (o->cache && o->cache->no_flush),
        .discard = below->discard && o->discard == DISCARD_UNMAP,
        .detect_zeroes = below->detect_zeroes || o->zeroes != ZEROES_OFF,
        .zeroes_unmap = o->zeroes == ZEROES_UNMAP,
        .on_read_error = BLOCK_ON_ERROR_REPORT,
        .on_write_error = BLOCK_ON_ERROR_ENOSPC,
        .ring = below->ring,
    };
    g_ptr_array_add(below->all->list, blk);
    return blk;
}

/* *value is what it is told, else what is said above it. */
static void inherit(bool *has, bool *value, bool has_above, bool above)
{
    if (!*has && has_above) {
        *has = true;
        *value = above;
    }
}

/* A file that stands in place of a name: how it is opened is said once, at the node on top. */
static BlockBackend *open_in_place(Drives *all, const BlockdevOptions *top, const char *name, GError **err)
{
    static const BlockdevCache nothing;
    const BlockdevCache *above = top->cache ? top->cache : &nothing;
    BlockdevOptions o = *top->file;
    BlockdevCache cache = o.cache ? *o.cache : nothing;
    o.cache = &cache;
    inherit(&cache.has_direct, &cache.direct, above->has_direct, above->direct);
    inherit(&cache.has_no_flush, &cache.no_flush, above->has_no_flush, above->no_flush);
    inherit(&o.has_readonly, &o.readonly, top->has_readonly, top->readonly);
    inherit(&o.has_auto_readonly, &o.auto_readonly, top->has_auto_readonly, top->auto_readonly);
    if (!o.has_discard) {
        o.has_discard = top->has_discard;
        o.discard = top->discard;
    }
    return open_file(all, &o, name, err);
}

char *block_free_name(const Drives *all)
{
    char *name = NULL;
    for (unsigned i = 0; !name || block_find(all, name); i++) {
        g_free(name);
        name = g_strdup_printf("#block%u", i);
    }
    return name;
}

/* Those that we give ('#block0') are none that can be given. */
static bool name_is_valid(const char *name)
{
    size_t letters = strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._");
    return g_ascii_isalpha(*name) && !name[letters] && letters <= NODE_NAME_MAX;
}

bool block_name_is_free(const Drives *all, const char *name, GError **err)
{
    if (!name_is_valid(name)) {
        block_error(
            err, "Invalid node-name: '%s'. It begins with a letter, and has up to %d letters, digits and -._",
            name, NODE_NAME_MAX);
        return false;
    }
    const BlockBackend *other = block_find_node(all, name);
    if (other) {
        block_error(err,
                    other->is_node ? "Duplicate nodes with node-name='%s'; choose another name"
                                   : "node-name=%s is conflicting with a device id; choose another name",
                    name);
    }
    return !other;
}

/* The node below, which is made if it was not named. */
static BlockBackend *find_below(Drives *all, const BlockdevOptions *o, GError **err)
{
    const BlockdevOptions *file = o->file;
    BlockBackend *below = o->file_name ? block_find(all, o->file_name) : NULL;
    if (o->file_name) {
        if (!below || !below->is_node || below->below) {
            block_error(
                err, "Cannot find device='' nor node-name='%s', or it is no file; name a node of driver file",
                o->file_name);
        }
        return below && below->is_node && !below->below ? below : NULL;
    }
    if (file->driver != DRIVER_FILE && file->driver != DRIVER_HOST_DEVICE) {
        block_error(err, "driver %s takes a file, or the name of a node of one, not driver %s",
                    driver_names[o->driver], driver_names[file->driver]);
        return NULL;
    }
    if (file->node_name && !block_name_is_free(all, file->node_name, err)) {
        return NULL;
    }
    g_autofree char *name = file->node_name ? g_strdup(file->node_name) : block_free_name(all);
    return open_in_place(all, o, name, err);
}

static bool add_format(Drives *all, const BlockdevOptions *o, GError **err)
{
    BlockBackend *below = find_below(all, o, err);
    BlockBackend *blk = below ? put_on(below, o, err) : NULL;
    if (below && !o->file_name) {
        if (!blk) {
            block_close(below);
            return false;
        }
        blk->owns_below = true;
    }
    return blk != NULL;
}

/* ---- null-co ------------------------------------------------------------- */

static bool add_null(Drives *all, const BlockdevOptions *o, GError **err)
{
    uint64_t size = o->has_size ? o->size : UINT64_C(1) << 30;
    if (size % SECTOR) {
        block_error(err, "size of a disk is a multiple of %d bytes", SECTOR);
        return false;
    }
    if (!workers_init(err) || !block_check_zeroes(o->zeroes, o->discard == DISCARD_UNMAP, err)) {
        return false;
    }
    BlockBackend *blk = g_new0(BlockBackend, 1);
    *blk = (BlockBackend){
        .all = all,
        .id = g_strdup(o->node_name),
        .node = null_node_open(size, o->read_zeroes),
        .is_node = true,
        .format = driver_names[DRIVER_NULL],
        .interface = DRIVE_NONE,
        .index = -1,
        .readonly = o->readonly,
        .no_flush = o->cache && o->cache->no_flush,
        .discard = o->discard == DISCARD_UNMAP,
        .detect_zeroes = o->zeroes != ZEROES_OFF,
        .zeroes_unmap = o->zeroes == ZEROES_UNMAP,
        .on_read_error = BLOCK_ON_ERROR_REPORT,
        .on_write_error = BLOCK_ON_ERROR_ENOSPC,
    };
    g_ptr_array_add(all->list, blk);
    return true;
}

/* ---- by name ------------------------------------------------------------- */

bool blockdev_add(Drives *all, const BlockdevOptions *o, GError **err)
{
    if (!o->node_name) {
        block_error(err, "'node-name' must be specified for the root node");
        return false;
    }
    if (!block_name_is_free(all, o->node_name, err)) {
        return false;
    }
    switch (o->driver) {
    case DRIVER_RAW: return add_format(all, o, err);
    case DRIVER_NULL: return add_null(all, o, err);
    default:
        return o->driver >= DRIVER_QCOW2 ? add_format(all, o, err)
                                         : open_file(all, o, o->node_name, err) != NULL;
    }
}

bool blockdev_del(Drives *all, const char *name, GError **err)
{
    BlockBackend *blk = block_find(all, name);
    if (!blk || !blk->is_node) {
        block_error(err,
                    blk ? "Node '%s' is not owned by the monitor: -drive has made it"
                        : "Failed to find node with node-name='%s'",
                    name);
        return false;
    }
    if (blk->job) {
        block_error(err, "Node '%s' is busy: a block job has it; end that first (query-block-jobs)", name);
        return false;
    }
    if (blk->user) {
        block_error(err, "Node '%s' is in use; remove what uses it first", name);
        return false;
    }
    for (guint i = 0; i < all->list->len; i++) {
        BlockBackend *other = g_ptr_array_index(all->list, i);
        if (other != blk && other->below != blk && graph_has_below(block_image(other), blk->node)) {
            block_error(err, "Node '%s' is in use as the backing of node '%s'", name, other->id);
            return false;
        }
    }
    block_close(blk);
    return true;
}
