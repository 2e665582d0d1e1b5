/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The options of -drive: checked all before anything is opened.
 * Spelling: the QEMU manual, "invocation", -drive.
 *
 * Not built, and refused: other formats and protocols than raw files, aio=native, throttling,
 * copy-on-read. */
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "block_priv.h"
#include "util/keyval.h"
#include "util/nearest.h"
#include "base/event_loop.h"

/* clang-format off */
static const char *const keys[] = {
    "file", "file.filename", "file.driver", "file.locking", "format", "driver", "if", "id",
    "readonly", "read-only", "auto-read-only", "snapshot", "cache", "cache.direct",
    "cache.no-flush", "cache.writeback", "aio", "file.aio", "discard", "detect-zeroes", "media",
    "index", "bus", "unit", "serial", "werror", "rerror", "copy-on-read",
    "force-share", "offset", NULL,
};
/* clang-format on */

static const char *const throttles[] = { "bps", "iops", "throttling", "group" };

typedef struct Choice {
    const char *name;
    int value;
} Choice;

typedef struct DriveOptions {
    const char *path, *id, *serial, *format;
    bool readonly, snapshot, cdrom;
    bool direct, no_flush, writeback;
    int interface, aio, discard, detect_zeroes, locking, werror, rerror;
    int index;
} DriveOptions;

static const char *get(GHashTable *t, const char *key)
{
    return g_hash_table_lookup(t, key);
}

static bool get_bool(GHashTable *t, const char *key, bool *out, GError **err)
{
    const char *v = get(t, key);
    if (v && !keyval_bool(v, out)) {
        block_error(err, "-drive %s=%s: '%s' is neither on nor off; write %s=on or %s=off", key, v, v, key,
                    key);
        return false;
    }
    return true;
}

/* choices: ends with a NULL name. */
static bool get_choice(GHashTable *t, const char *key, const Choice *choices, int *out, GError **err)
{
    const char *v = get(t, key);
    g_autoptr(GPtrArray) names = g_ptr_array_new();
    if (!v) {
        return true;
    }
    for (; choices->name; choices++) {
        if (strcmp(v, choices->name) == 0) {
            *out = choices->value;
            return true;
        }
        g_ptr_array_add(names, (char *)choices->name);
    }
    g_ptr_array_add(names, NULL);
    g_autofree char *list = names_join(names_of(names), ", ");
    const char *near = nearest_name(v, names_of(names));
    block_error(err, "-drive %s=%s: not among %s%s%s%s", key, v, list,
                near ? "; did you mean '" : "; choose one of them", near ? near : "", near ? "'?" : "");
    return false;
}

/* bps=0, iops_rd=0, throttling.bps-total=0: there is no limit anyway. */
static bool is_no_limit(const char *key, const char *value)
{
    return (g_str_has_prefix(key, "bps") || g_str_has_prefix(key, "iops") ||
            g_str_has_prefix(key, "throttling.")) &&
           g_str_equal(value, "0");
}

static bool check_offset(GHashTable *t, GError **err)
{
    const char *v = get(t, "offset");
    uint64_t offset;
    if (v && (!keyval_size(v, 1, &offset) || offset)) {
        block_error(err,
                    "-drive offset=%s: an image is used from its start, offset=0; copy the part "
                    "of the file, or name a loop device for it",
                    v);
        return false;
    }
    return true;
}

static bool check_keys(GHashTable *t, GError **err)
{
    GHashTableIter it;
    gpointer key, value;
    g_hash_table_iter_init(&it, t);
    while (g_hash_table_iter_next(&it, &key, &value)) {
        if (g_strv_contains(keys, key) || is_no_limit(key, value)) {
            continue;
        }
        for (unsigned i = 0; i < G_N_ELEMENTS(throttles); i++) {
            if (g_str_has_prefix(key, throttles[i])) {
                block_error(err,
                            "-drive %s: limits on the speed of a drive are not supported; "
                            "leave it out",
                            (char *)key);
                return false;
            }
        }
        const char *near = nearest_name(key, keys);
        g_autofree char *list = names_join(keys, ", ");
        block_error(err, "Block format 'raw' does not support the option '%s': -drive has %s%s%s%s",
                    (char *)key, list, near ? "; did you mean '" : "; leave it out", near ? near : "",
                    near ? "'?" : "");
        return false;
    }
    return check_offset(t, err);
}

/* ---- the file ------------------------------------------------------------ */

static bool parse_path(GHashTable *t, DriveOptions *o, GError **err)
{
    const char *driver = get(t, "file.driver");
    o->path = get(t, "file") ? get(t, "file") : get(t, "file.filename");
    if (driver && strcmp(driver, "file") != 0 && strcmp(driver, "host_device") != 0) {
        block_error(err,
                    "-drive file.driver=%s: the protocols are file and host_device; choose one "
                    "of them",
                    driver);
        return false;
    }
    if (!o->path || !*o->path) {
        block_error(err, "Device needs media, but drive is empty: -drive without file= is not "
                         "supported; add file=IMAGE");
        return false;
    }
    if (get(t, "file.filename")) {
        return true; /* taken as it is */
    }
    if (g_str_has_prefix(o->path, "file:")) {
        o->path += 5;
        return true;
    }
    const char *colon = strchr(o->path, ':'), *slash = strchr(o->path, '/');
    if (colon && (!slash || colon < slash)) {
        block_error(err,
                    "Unknown protocol '%.*s': images are files and block devices of this host; "
                    "for a name with a colon write file.filename=",
                    (int)(colon - o->path), o->path);
        return false;
    }
    if (g_str_has_prefix(o->path, "/dev/fdset/")) {
        block_error(err,
                    "-drive file=%s: sets of descriptors (-add-fd) are not supported; name the "
                    "file, or /proc/self/fd/N",
                    o->path);
        return false;
    }
    return true;
}

/* ---- cache --------------------------------------------------------------- */

static bool parse_cache(GHashTable *t, DriveOptions *o, GError **err)
{
    enum { WRITEBACK = 1, DIRECT = 2, NO_FLUSH = 4 };
    static const Choice modes[] = {
        { "writeback", WRITEBACK }, { "none", WRITEBACK | DIRECT },     { "writethrough", 0 },
        { "directsync", DIRECT },   { "unsafe", WRITEBACK | NO_FLUSH }, { NULL, 0 },
    };
    int mode = WRITEBACK;
    if (!get_choice(t, "cache", modes, &mode, err)) {
        g_prefix_error(err, "invalid cache option: ");
        return false;
    }
    o->writeback = mode & WRITEBACK;
    o->direct = mode & DIRECT;
    o->no_flush = mode & NO_FLUSH;
    return get_bool(t, "cache.direct", &o->direct, err) && get_bool(t, "cache.no-flush", &o->no_flush, err) &&
           get_bool(t, "cache.writeback", &o->writeback, err);
}

enum { AIO_BEST, AIO_THREADS, AIO_RING, AIO_NATIVE };

static bool parse_aio(Drives *all, GHashTable *t, DriveOptions *o, GError **err)
{
    static const Choice engines[] = {
        { "threads", AIO_THREADS },
        { "io_uring", AIO_RING },
        { "native", AIO_NATIVE },
        { NULL, 0 },
    };
    if (!get_choice(t, "aio", engines, &o->aio, err) || !get_choice(t, "file.aio", engines, &o->aio, err)) {
        return false;
    }
    if (o->aio == AIO_NATIVE) {
        block_error(err, "-drive aio=native: this interface of Linux is not supported; use "
                         "aio=io_uring (as fast or faster) or aio=threads");
        return false;
    }
    return o->aio != AIO_RING || ring_init(all, err);
}

/* ---- small ones ---------------------------------------------------------- */

enum { ZEROES_OFF, ZEROES_ON, ZEROES_UNMAP };
enum { LOCK_OFF, LOCK_AUTO, LOCK_ON };

static bool parse_errors(GHashTable *t, DriveOptions *o, GError **err)
{
    static const Choice actions[] = {
        { "enospc", BLOCK_ON_ERROR_ENOSPC }, /* not for reads */
        { "report", BLOCK_ON_ERROR_REPORT }, { "ignore", BLOCK_ON_ERROR_IGNORE },
        { "stop", BLOCK_ON_ERROR_STOP },     { NULL, 0 },
    };
    o->werror = BLOCK_ON_ERROR_ENOSPC;
    o->rerror = BLOCK_ON_ERROR_REPORT;
    return get_choice(t, "werror", actions, &o->werror, err) &&
           get_choice(t, "rerror", actions + 1, &o->rerror, err);
}

static bool parse_discard(GHashTable *t, DriveOptions *o, GError **err)
{
    static const Choice discards[] = {
        { "ignore", false }, { "off", false }, { "unmap", true }, { "on", true }, { NULL, 0 },
    };
    static const Choice zeroes[] = {
        { "off", ZEROES_OFF },
        { "on", ZEROES_ON },
        { "unmap", ZEROES_UNMAP },
        { NULL, 0 },
    };
    if (!get_choice(t, "discard", discards, &o->discard, err) ||
        !get_choice(t, "detect-zeroes", zeroes, &o->detect_zeroes, err)) {
        return false;
    }
    if (o->detect_zeroes == ZEROES_UNMAP && !o->discard) {
        block_error(err, "setting detect-zeroes to unmap is not allowed without setting discard "
                         "operation to unmap; add discard=unmap");
        return false;
    }
    return true;
}

static bool parse_interface(GHashTable *t, DriveOptions *o, GError **err)
{
    static const Choice interfaces[] = {
        { "none", DRIVE_NONE }, { "virtio", DRIVE_VIRTIO }, { "pflash", DRIVE_PFLASH },
        { "mtd", DRIVE_MTD },   { "ide", DRIVE_IDE },       { "scsi", DRIVE_SCSI },
        { "sd", DRIVE_SD },     { "floppy", DRIVE_FLOPPY }, { NULL, 0 },
    };
    static const Choice media[] = { { "disk", false }, { "cdrom", true }, { NULL, 0 } };
    int cdrom = false;
    uint64_t index;
    const char *at = get(t, "index") ? get(t, "index") : get(t, "unit");
    o->interface = DRIVE_DEFAULT;
    o->index = -1;
    if (!get_choice(t, "if", interfaces, &o->interface, err)) {
        g_prefix_error(err, "unsupported bus type '%s': ", get(t, "if"));
        return false;
    }
    if (!get_choice(t, "media", media, &cdrom, err)) {
        return false;
    }
    o->cdrom = cdrom;
    if (at && !keyval_uint(at, 65535, &index)) {
        block_error(err, "-drive index=%s: not a number up to 65535; the first drive is 0", at);
        return false;
    }
    if (get(t, "bus") && strcmp(get(t, "bus"), "0") != 0) {
        block_error(err, "-drive bus=%s: there is one bus of each kind, 0; use index=N", get(t, "bus"));
        return false;
    }
    o->index = at ? (int)index : -1;
    return true;
}

static bool parse_access(GHashTable *t, DriveOptions *o, GError **err)
{
    static const Choice locks[] = {
        { "off", LOCK_OFF }, { "auto", LOCK_AUTO }, { "on", LOCK_ON }, { NULL, 0 }
    };
    bool copy = false, share = false, auto_readonly = false;
    o->readonly = o->cdrom;
    o->locking = LOCK_AUTO;
    if (!get_bool(t, "readonly", &o->readonly, err) || !get_bool(t, "read-only", &o->readonly, err) ||
        !get_bool(t, "snapshot", &o->snapshot, err) || !get_bool(t, "auto-read-only", &auto_readonly, err) ||
        !get_bool(t, "copy-on-read", &copy, err) || !get_bool(t, "force-share", &share, err) ||
        !get_choice(t, "file.locking", locks, &o->locking, err)) {
        return false;
    }
    if (copy) {
        block_error(err, "-drive copy-on-read=on: raw images have no backing file to copy from; "
                         "leave it out");
        return false;
    }
    if (share) {
        block_error(err, "-drive force-share=on: an image that others write is not opened so; "
                         "use readonly=on,file.locking=off");
        return false;
    }
    if (auto_readonly && !o->readonly && access(o->path, W_OK) < 0 && access(o->path, R_OK) == 0) {
        o->readonly = true;
    }
    return true;
}

static bool parse_names(const Drives *all, GHashTable *t, DriveOptions *o, GError **err)
{
    o->format = get(t, "format") ? get(t, "format") : get(t, "driver");
    o->id = get(t, "id");
    o->serial = get(t, "serial");
    if (o->id && (!*o->id || strpbrk(o->id, " \t\n,"))) {
        block_error(err, "-drive id=%s: an id has no blanks and is not empty; choose another", o->id);
        return false;
    }
    if (o->id && block_find(all, o->id)) {
        block_error(err, "Duplicate ID '%s' for drive: each one needs its own; change one of them", o->id);
        return false;
    }
    return !o->format || format_check(o->format, err);
}

/* ---- opening ------------------------------------------------------------- */

static char *make_id(const Drives *all, DriveInterface interface)
{
    static const char *const names[] = {
        [DRIVE_NONE] = "none", [DRIVE_VIRTIO] = "virtio", [DRIVE_PFLASH] = "pflash",
        [DRIVE_MTD] = "mtd",   [DRIVE_IDE] = "ide0-hd",   [DRIVE_SCSI] = "scsi0-hd",
        [DRIVE_SD] = "sd",     [DRIVE_FLOPPY] = "floppy", [DRIVE_DEFAULT] = "virtio",
    };
    for (int i = 0;; i++) {
        char *id = g_strdup_printf("%s%d", names[interface], i);
        if (!block_find(all, id)) {
            return id;
        }
        g_free(id);
    }
}

static BlockNode *open_node(const DriveOptions *o, GError **err)
{
    OpenFlags flags = { .readonly = o->readonly || o->snapshot,
                        .direct = o->direct && !o->snapshot,
                        .locking = o->locking != LOCK_OFF,
                        .locking_must = o->locking == LOCK_ON };
    BlockNode *n = file_node_open(o->path, &flags, err);
    return n && o->snapshot ? overlay_node_open(n, err) : n;
}

/* Without format=: look, and refuse what is no raw disk. */
static bool check_content(BlockBackend *blk, const DriveOptions *o, GError **err)
{
    uint8_t head[SECTOR];
    if (o->format) {
        return true;
    }
    if (blk->node->size >= sizeof(head) && !block_read_sync(blk, 0, head, sizeof(head), err)) {
        return false;
    }
    const char *format = blk->node->size >= sizeof(head) ? format_probe(head, sizeof(head)) : "raw";
    if (!format_check(format, err)) {
        g_prefix_error(err, "'%s' begins like an image of this kind: %s: ", o->path, format);
        return false;
    }
    blk->probed = true;
    if (!blk->readonly) {
        g_printerr("WARNING: Image format was not specified for '%s' and probing guessed raw.\n"
                   "         Automatically detecting the format is dangerous for raw images, write "
                   "operations on block 0 will be restricted.\n"
                   "         Specify the 'raw' format explicitly to remove the restrictions.\n",
                   o->path);
    }
    return true;
}

static BlockBackend *make_backend(Drives *all, const DriveOptions *o, BlockNode *node)
{
    BlockBackend *blk = g_new0(BlockBackend, 1);
    blk->all = all;
    blk->id = o->id ? g_strdup(o->id) : make_id(all, o->interface);
    blk->serial = g_strdup(o->serial);
    blk->node = node;
    blk->interface = o->interface;
    blk->index = o->index;
    blk->readonly = o->readonly;
    blk->snapshot = o->snapshot;
    blk->direct = o->direct && !o->snapshot;
    blk->writethrough = !o->writeback && !o->snapshot;
    blk->no_flush = o->no_flush || o->snapshot;
    blk->discard = o->discard;
    blk->detect_zeroes = o->detect_zeroes != ZEROES_OFF;
    blk->zeroes_unmap = o->detect_zeroes == ZEROES_UNMAP;
    blk->on_read_error = o->rerror;
    blk->on_write_error = o->werror;
    blk->ring = o->aio != AIO_THREADS && ring_init(all, NULL);
    return blk;
}

BlockBackend *block_open_drive(Drives *all, GHashTable *options, GError **err)
{
    DriveOptions o = { 0 };
    if (!check_keys(options, err) || !parse_path(options, &o, err) || !parse_interface(options, &o, err) ||
        !parse_access(options, &o, err) || !parse_cache(options, &o, err) ||
        !parse_discard(options, &o, err) || !parse_errors(options, &o, err) ||
        !parse_names(all, options, &o, err) || !parse_aio(all, options, &o, err) || !workers_init(err)) {
        return NULL;
    }
    BlockNode *node = open_node(&o, err);
    if (!node) {
        return NULL;
    }
    BlockBackend *blk = make_backend(all, &o, node);
    if (!check_content(blk, &o, err)) {
        block_backend_free(blk);
        return NULL;
    }
    g_ptr_array_add(all->list, blk);
    return blk;
}
