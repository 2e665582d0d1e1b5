/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Nodes by name: -blockdev and blockdev-add.
 * Spelling: QEMU's manual, "QMP reference", BlockdevOptions.
 *
 * A node of a file is opened as -drive opens one (one check of each value); a raw node on top of it is another
 * backend on the same open file, or a part of it, which the lower one lends it: a node has one user.  So has a filter, a
 * node of its own on that one.  A file in place takes read-only,
 * cache and discard from the raw node, unless it says otherwise.  Devices choose either by node-name, as they choose a
 * drive by its id. */
#include <string.h>

#include "block/blockdev.h"
#include "block/filter/throttle.h"
#include "util/keyval.h"
#include "block/job/job_graph.h"
#include "block/live.h"

enum { NODE_NAME_MAX = 31 }; /* bytes, as programs expect */

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
static json_object *drive_values(const BlockdevOptions *o)
{
    json_object *v = json_object_new_object();
    const BlockdevCache *cache = o->cache;
    say(v, true, "id", o->node_name);
    say(v, true, "if", "none");
    say(v, true, "format", "raw");
    say(v, true, "file.driver", blockdev_driver_names[o->driver]);
    say(v, true, "file.filename", o->filename);
    say(v, o->has_locking, "file.locking", on_off_auto_names[o->locking]);
    say(v, o->has_aio, "aio", blockdev_aio_names[o->aio]);
    say(v, o->has_discard, "discard", blockdev_discard_names[o->discard]);
    say(v, o->has_zeroes, "detect-zeroes", block_zeroes_names[o->zeroes]);
    say_bool(v, o->has_readonly, "read-only", o->readonly);
    say_bool(v, o->has_auto_readonly, "auto-read-only", o->auto_readonly);
    say_bool(v, cache && cache->has_direct, "cache.direct", cache && cache->direct);
    say_bool(v, cache && cache->has_no_flush, "cache.no-flush", cache && cache->no_flush);
    return v;
}

static BlockBackend *open_file(Drives *all, const BlockdevOptions *o, GError **err)
{
    json_object *values = drive_values(o);
    DriveOptions *drive = shape_new(&drive_shape, values, NULL, err);
    BlockBackend *blk = drive ? block_open_drive(all, drive, err) : NULL;
    shape_free(&drive_shape, drive);
    json_object_put(values);
    if (blk) {
        blk->is_node = true;
        blk->format = blockdev_driver_names[o->driver];
    }
    return blk;
}

/* ---- nodes on others ------------------------------------------------------- */

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
BlockNode *blockdev_backing_node(Drives *all, const BlockdevOptions *o, GError **err)
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
    } else if (blk->throttle) {
        block_error(err, "Node '%s' has limits: they hold for disks, not for what a disk is on", name);
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
                        .no_backing = o->has_backing,
                        .secrets = below->all->secrets,
                        .key_secret = o->encrypt ? o->encrypt->key_secret : o->key_secret,
                        .must_encrypt = o->encrypt != NULL };
    BlockNode *backing = NULL;
    if (o->backing && !(backing = blockdev_backing_node(below->all, o, err))) {
        return NULL;
    }
    BlockNode *n = image_open_on(below->node, blockdev_driver_names[o->driver], &flags, err);
    if (n && backing) {
        n->children[NODE_BACKING] = node_ref(backing);
    }
    return n;
}

/* What a node is on, and whether that was made for it. */
typedef struct Child {
    BlockBackend *blk;
    bool owned;
} Child;

static BlockNode *node_on(BlockBackend *below, BlockBackend *beside, const BlockdevOptions *o, GError **err)
{
    if (!fits_file(below, o, err)) {
        return NULL;
    }
    switch (o->driver) {
    case DRIVER_RAW: return raw_node(below, o, err);
    case DRIVER_THROTTLE: return node_ref(below->node);
    case DRIVER_BLKDEBUG: return blkdebug_node_open(below->node, &o->blkdebug, err);
    case DRIVER_BLKVERIFY: return blkverify_node_open(below->node, beside->node, err);
    case DRIVER_COPY_ON_READ: return copy_on_read_node_open(below->node);
    default: return format_node(below, o, err);
    }
}

/* The group whose limits hold for a node; *ok: false: there is none of that name, or there would be two. */
static ThrottleGroup *group_of(const Child *file, const Child *beside, const BlockdevOptions *o, bool *ok,
                               GError **err)
{
    ThrottleGroup *below = file->blk->throttle;
    ThrottleGroup *own = o->throttle_group ? throttle_group_find(file->blk->all, o->throttle_group) : NULL;
    *ok = false;
    if ((own && below) || (beside->blk && beside->blk->throttle)) {
        block_error(err, "'%s': limits below limits, or beside a node, are not built; keep those on top",
                    o->node_name);
    } else if (o->throttle_group && !own) {
        block_error(err, "Throttle group '%s' does not exist; make it with -object throttle-group",
                    o->throttle_group);
    } else {
        *ok = true;
    }
    return own ? own : below;
}

static BlockBackend *backend_new(Drives *all, const BlockdevOptions *o, BlockNode *node)
{
    BlockBackend *blk = g_new0(BlockBackend, 1);
    *blk = (BlockBackend){
        .all = all,
        .id = g_strdup(o->node_name),
        .node = node,
        .is_node = true,
        .format = blockdev_driver_names[o->driver],
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
    return blk;
}

static bool have(BlockBackend *blk, const Child *file, const Child *beside, GError **err)
{
    return block_backend_attach(file->blk, blk, NULL, err) &&
           (!beside->blk || block_backend_attach(beside->blk, blk, NULL, err));
}

static BlockBackend *put_on(const Child *file, const Child *beside, const BlockdevOptions *o, GError **err)
{
    BlockBackend *below = file->blk;
    bool ok;
    ThrottleGroup *group = group_of(file, beside, o, &ok, err);
    BlockNode *node = ok ? node_on(below, beside->blk, o, err) : NULL;
    BlockBackend *blk = node ? backend_new(below->all, o, node) : NULL;
    if (!blk) {
        return NULL;
    }
    blk->below = below;
    blk->beside = beside->blk;
    if (!have(blk, file, beside, err)) {
        block_backend_free(blk);
        return NULL;
    }
    blk->owns_below = file->owned;
    blk->owns_beside = beside->owned;
    blk->readonly |= below->readonly || (beside->blk && beside->blk->readonly);
    blk->direct = below->direct;
    blk->no_flush |= below->no_flush;
    blk->discard &= below->discard;
    blk->detect_zeroes |= below->detect_zeroes;
    blk->ring = below->ring;
    if (group) {
        throttle_join(blk, group);
    }
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

/* How a node that stands in place of a name is opened is said once, at the node on top. */
static BlockBackend *open_in_place(Drives *all, const BlockdevOptions *top, const BlockdevOptions *child,
                                   char *name, GError **err)
{
    static const BlockdevCache nothing;
    const BlockdevCache *above = top->cache ? top->cache : &nothing;
    BlockdevOptions o = *child;
    BlockdevCache cache = o.cache ? *o.cache : nothing;
    o.node_name = name;
    o.cache = &cache;
    inherit(&cache.has_direct, &cache.direct, above->has_direct, above->direct);
    inherit(&cache.has_no_flush, &cache.no_flush, above->has_no_flush, above->no_flush);
    inherit(&o.has_readonly, &o.readonly, top->has_readonly, top->readonly);
    inherit(&o.has_auto_readonly, &o.auto_readonly, top->has_auto_readonly, top->auto_readonly);
    if (!o.has_discard) {
        o.has_discard = top->has_discard;
        o.discard = top->discard;
    }
    return blockdev_open(all, &o, err);
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

/* A node below, which is made if it was not named. */
static Child find_child(Drives *all, const BlockdevOptions *top, const BlockdevOptions *child,
                        const char *named, GError **err)
{
    if (named) {
        BlockBackend *blk = block_find(all, named);
        if (!blk || !blk->is_node) {
            block_error(err, "Cannot find device='' nor node-name='%s'", named);
            return (Child){ NULL };
        }
        return (Child){ blk, false };
    }
    if (child->node_name && !block_name_is_free(all, child->node_name, err)) {
        return (Child){ NULL };
    }
    g_autofree char *name = child->node_name ? g_strdup(child->node_name) : block_free_name(all);
    return (Child){ open_in_place(all, top, child, name, err), true };
}

static void close_child(const Child *c)
{
    if (c->blk && c->owned) {
        block_close(c->blk);
    }
}

static BlockBackend *open_on(Drives *all, const BlockdevOptions *o, GError **err)
{
    bool two = o->driver == DRIVER_BLKVERIFY;
    Child file = find_child(all, o, o->file, o->file_name, err), beside = { NULL };
    if (file.blk && two) {
        beside = find_child(all, o, o->beside, o->beside_name, err);
    }
    BlockBackend *blk = file.blk && (!two || beside.blk) ? put_on(&file, &beside, o, err) : NULL;
    if (!blk) {
        close_child(&file);
        close_child(&beside);
    }
    return blk;
}

/* ---- null-co, nbd, vvfat, http -------------------------------------------------------- */

static BlockBackend *put_alone(Drives *all, const BlockdevOptions *o, BlockNode *node)
{
    BlockBackend *blk = node ? backend_new(all, o, node) : NULL;
    if (blk) {
        blk->readonly = node->readonly;
        g_ptr_array_add(all->list, blk);
    }
    return blk;
}

static BlockBackend *open_null(Drives *all, const BlockdevOptions *o, GError **err)
{
    uint64_t size = o->has_size ? o->size : UINT64_C(1) << 30;
    if (size % SECTOR) {
        block_error(err, "size of a disk is a multiple of %d bytes", SECTOR);
        return NULL;
    }
    BlockNode *node = null_node_open(size, o->read_zeroes);
    node->readonly = o->readonly;
    return put_alone(all, o, node);
}

static BlockBackend *open_nbd(Drives *all, const BlockdevOptions *o, GError **err)
{
    g_autoptr(GError) why = NULL;
    if (o->nbd_patience.open_timeout && g_main_depth()) {
        block_error(err,
                    "open-timeout is for nodes of the command line: the machine would stand still meanwhile");
        return NULL;
    }
    TlsCreds *tls = o->tls_creds ? secrets_find_tls(all->secrets, o->tls_creds, TLS_CLIENT, err) : NULL;
    if (o->tls_creds && !tls) {
        return NULL;
    }
    if (o->tls_hostname && !tls) {
        block_error(err, "tls-hostname is of a connection with TLS; give tls-creds");
        return NULL;
    }
    NbdName how = { .export = o->export ? o->export : (char *)"",
                    .tls = tls,
                    .tls_id = o->tls_creds,
                    .tls_hostname = o->tls_hostname };
    BlockNode *node = nbd_node_of(o->server, &how, &o->nbd_patience, o->readonly, &why);
    if (!node && o->auto_readonly && !o->readonly) {
        node = nbd_node_of(o->server, &how, &o->nbd_patience, true, NULL);
    }
    tls_creds_unref(tls);
    if (!node) {
        g_propagate_error(err, g_steal_pointer(&why));
    }
    return put_alone(all, o, node);
}

static BlockBackend *open_folder(Drives *all, const BlockdevOptions *o, GError **err)
{
    if (o->has_readonly && !o->readonly && !o->auto_readonly) {
        block_error(err, "'%s': a folder is only read; say read-only, or auto-read-only", o->fat.dir);
        return NULL;
    }
    return put_alone(all, o, vvfat_node_open(&o->fat, err));
}

static BlockBackend *open_http(Drives *all, const BlockdevOptions *o, GError **err)
{
    bool tls = o->driver == DRIVER_HTTPS;
    if (!http_is_of(o->http.url, tls)) {
        block_error(err, "url=%s: URLs of driver %s begin with %s://", o->http.url,
                    blockdev_driver_names[o->driver], blockdev_driver_names[o->driver]);
        return NULL;
    }
    if (!o->readonly && !o->auto_readonly) {
        block_error(err, "'%s': a web server's file can only be read; add read-only=on", o->http.url);
        return NULL;
    }
    return put_alone(all, o, http_node_open(&o->http, all->secrets, err));
}

BlockBackend *blockdev_open(Drives *all, const BlockdevOptions *o, GError **err)
{
    if (!workers_init(err) || !block_check_zeroes(o->zeroes, o->discard == DISCARD_UNMAP, err)) {
        return NULL;
    }
    switch (o->driver) {
    case DRIVER_FILE:
    case DRIVER_HOST_DEVICE: return open_file(all, o, err);
    case DRIVER_NULL: return open_null(all, o, err);
    case DRIVER_NBD: return open_nbd(all, o, err);
    case DRIVER_VVFAT: return open_folder(all, o, err);
    case DRIVER_HTTP:
    case DRIVER_HTTPS: return open_http(all, o, err);
    default: return open_on(all, o, err);
    }
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
    return blockdev_open(all, o, err) != NULL;
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
    if (!exports_allow(all, blk->node, EXPORT_REMOVED, err)) {
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
