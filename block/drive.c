/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The options of -drive: checked all before anything is opened.
 * Spelling: the QEMU manual, "invocation", -drive.
 *
 * Not built, and refused: other formats, and protocols than files, nbd and http, aio=native. */
#include <fcntl.h>
#include <json-c/json.h>
#include <string.h>
#include <unistd.h>

#include "block_priv.h"
#include "block/fat/vvfat.h"
#include "block/filter/filters.h"
#include "block/filter/throttle.h"
#include "block/http/http.h"
#include "block/nbd_client.h"
#include "util/keyval.h"
#include "base/event_loop.h"

enum { AIO_THREADS, AIO_RING, AIO_BEST }; /* the last: not given */
enum { CACHE_WRITEBACK, CACHE_NONE, CACHE_WRITETHROUGH, CACHE_DIRECTSYNC, CACHE_UNSAFE };
enum { DISCARD_IGNORE, DISCARD_OFF, DISCARD_UNMAP, DISCARD_ON };

struct DriveOptions {
    char *file, *id, *serial, *format;
    char *filename; /* file.filename: taken as it is */
    int protocol, interface, media, aio, discard, detect_zeroes, locking, werror, rerror;
    bool readonly, has_readonly, auto_readonly, snapshot, copy_on_read;
    int cache;
    bool direct, no_flush, writeback, has_direct, has_no_flush, has_writeback;
    uint16_t index;
    bool has_index;
    ThrottleLimits limits;
    char *group, *key_secret, *encrypt_secret, *backing_secret;
    int encryption;
    bool has_encryption;
    json_object *unknown; /* keys: of file.driver=http its options, else of nobody */
};

static const char *const interface_names[] = {
    [DRIVE_NONE] = "none", [DRIVE_VIRTIO] = "virtio", [DRIVE_PFLASH] = "pflash", NULL
};
static const char *const unbuilt_interfaces[] = { "ide", "scsi", "floppy", "sd", "mtd", "xen", NULL };
enum { PROTOCOL_FILE, PROTOCOL_DEVICE, PROTOCOL_HTTP, PROTOCOL_HTTPS };
static const char *const protocol_names[] = {
    [PROTOCOL_FILE] = "file",
    [PROTOCOL_DEVICE] = "host_device",
    [PROTOCOL_HTTP] = "http",
    [PROTOCOL_HTTPS] = "https",
    NULL,
};
static const char *const aio_names[] = { [AIO_THREADS] = "threads", [AIO_RING] = "io_uring", NULL };
static const char *const unbuilt_aio[] = { "native", NULL };
static const char *const cache_names[] = {
    [CACHE_WRITEBACK] = "writeback",   [CACHE_NONE] = "none",     [CACHE_WRITETHROUGH] = "writethrough",
    [CACHE_DIRECTSYNC] = "directsync", [CACHE_UNSAFE] = "unsafe", NULL,
};
static const char *const discard_names[] = {
    [DISCARD_IGNORE] = "ignore", [DISCARD_OFF] = "off", [DISCARD_UNMAP] = "unmap", [DISCARD_ON] = "on", NULL
};
const char *const block_encryption_names[] = { "luks", NULL };
const char *const block_unbuilt_encryptions[] = { "aes", NULL };
const char *const block_zeroes_names[] = {
    [ZEROES_OFF] = "off", [ZEROES_ON] = "on", [ZEROES_UNMAP] = "unmap", NULL
};
static const char *const media_names[] = { "disk", "cdrom", NULL };

#define AT(field) offsetof(DriveOptions, field)
static const Prop unknown_row = { "unknown", PROP_ANY, AT(unknown) };
static const Prop drive_props[] = {
    { "file", PROP_STRING, AT(file), "image: a file or block device of the host" },
    { "file.filename", PROP_STRING, AT(filename), "the same, when the name has a colon" },
    { "file.driver", PROP_ENUM, AT(protocol), "what the image is in", .names = protocol_names },
    { "file.locking", PROP_ON_OFF_AUTO, AT(locking), "keep other programs from the image" },
    { "format", PROP_STRING, AT(format),
      "raw, qcow2, vmdk ...; not given: guessed, and block 0 of raw is protected" },
    { "driver", .same_as = "format" },
    { "if", PROP_ENUM, AT(interface), "where the drive is", .names = interface_names,
      .unbuilt = unbuilt_interfaces, .def = DRIVE_DEFAULT },
    { "id", PROP_STRING, AT(id), "name by which devices choose it" },
    { "index", PROP_U16, AT(index), "number of the drive, of its kind", .has = AT(has_index) },
    { "unit", .same_as = "index" },
    PROP_ONLY_NUMBER("bus", 0, "there is one bus of each kind; use index=N"),
    { "media", PROP_ENUM, AT(media), "what the guest sees", .names = media_names },
    { "read-only", PROP_BOOL, AT(readonly), "the guest cannot write", .has = AT(has_readonly) },
    { "readonly", .same_as = "read-only" },
    { "auto-read-only", PROP_BOOL, AT(auto_readonly), "read-only if the image cannot be written" },
    { "snapshot", PROP_BOOL, AT(snapshot), "writes go to a temporary file" },
    { "cache", PROP_ENUM, AT(cache), "use of the host's page cache", .names = cache_names },
    { "cache.direct", PROP_BOOL, AT(direct), "go round it", .has = AT(has_direct) },
    { "cache.no-flush", PROP_BOOL, AT(no_flush), "take flushes for done", .has = AT(has_no_flush) },
    { "cache.writeback", PROP_BOOL, AT(writeback), "a write is done before it is on the disk", .def = 1,
      .has = AT(has_writeback) },
    { "aio", PROP_ENUM, AT(aio), "how requests are made: the best of", .names = aio_names,
      .unbuilt = unbuilt_aio, .def = AIO_BEST },
    { "file.aio", .same_as = "aio" },
    { "discard", PROP_ENUM, AT(discard), "what becomes of discards", .names = discard_names },
    { "detect-zeroes", PROP_ENUM, AT(detect_zeroes), "zeroes are written as such",
      .names = block_zeroes_names },
    { "serial", PROP_STRING, AT(serial), "serial number that the guest sees" },
    { "werror", PROP_ENUM, AT(werror), "what a failed write does", .names = block_on_error_names },
    { "rerror", PROP_ENUM, AT(rerror), "what a failed read does", .names = block_on_error_names },
    THROTTLE_GROUP_ROWS(AT(limits), "throttling."),
    { "throttling.group", PROP_STRING, AT(group), "drives of one group share its limits; not given: id" },
    { "bps", .same_as = "throttling.bps-total" },
    { "bps_max", .same_as = "throttling.bps-total-max" },
    { "bps_max_length", .same_as = "throttling.bps-total-max-length" },
    { "bps_rd", .same_as = "throttling.bps-read" },
    { "bps_rd_max", .same_as = "throttling.bps-read-max" },
    { "bps_rd_max_length", .same_as = "throttling.bps-read-max-length" },
    { "bps_wr", .same_as = "throttling.bps-write" },
    { "bps_wr_max", .same_as = "throttling.bps-write-max" },
    { "bps_wr_max_length", .same_as = "throttling.bps-write-max-length" },
    { "iops", .same_as = "throttling.iops-total" },
    { "iops_max", .same_as = "throttling.iops-total-max" },
    { "iops_max_length", .same_as = "throttling.iops-total-max-length" },
    { "iops_rd", .same_as = "throttling.iops-read" },
    { "iops_rd_max", .same_as = "throttling.iops-read-max" },
    { "iops_rd_max_length", .same_as = "throttling.iops-read-max-length" },
    { "iops_wr", .same_as = "throttling.iops-write" },
    { "iops_wr_max", .same_as = "throttling.iops-write-max" },
    { "iops_wr_max_length", .same_as = "throttling.iops-write-max-length" },
    { "iops_size", .same_as = "throttling.iops-size" },
    { "group", .same_as = "throttling.group" },
    { "key-secret", PROP_STRING, AT(key_secret), "the -object secret that has the password of a LUKS image" },
    { "encrypt.format", PROP_ENUM, AT(encryption), "of a qcow2 image", .names = block_encryption_names,
      .unbuilt = block_unbuilt_encryptions, .has = AT(has_encryption) },
    { "encrypt.key-secret", PROP_STRING, AT(encrypt_secret),
      "the -object secret that has the password of a qcow2 image" },
    { "backing.encrypt.key-secret", PROP_STRING, AT(backing_secret),
      "the same of its backing file; of a luks one it is backing.key-secret" },
    { "backing.key-secret", .same_as = "backing.encrypt.key-secret" },
    { "copy-on-read", PROP_BOOL, AT(copy_on_read), "what is read of a backing file is written to the image" },
    PROP_ONLY_OFF("force-share",
                  "an image that others write is not opened so; use readonly=on,file.locking=off"),
    { "offset", PROP_SIZE, .help = "where the image begins",
      .only = "an image is used from its start; copy the part of the file, or name a loop device for it" },
    { NULL },
};

const Shape drive_shape = {
    "Drive", sizeof(DriveOptions), drive_props, .implied = "file", .rest = &unknown_row,
};

/* ---- keys that nobody knows ---------------------------------------------- */

/* of_http: what begins with "file." was taken. */
static bool check_unknown(const DriveOptions *o, bool of_http, GError **err)
{
    if (!o->unknown) {
        return true;
    }
    json_object_object_foreach(o->unknown, key, value)
    {
        (void)value;
        if (of_http && g_str_has_prefix(key, "file.")) {
            continue;
        }
        g_autofree char *advice = props_advice(key, drive_props, NULL);
        block_error(err, "Block format 'raw' does not support the option '%s'%s", key, advice);
        return false;
    }
    return true;
}

/* ---- the file ------------------------------------------------------------ */

/* file.driver=http: of file.url=, or file=. */
static const char *url_of(const DriveOptions *o, GError **err)
{
    const char *url = o->unknown ? keyval_text(o->unknown, "file.url") : NULL, *path = url ? url : o->file;
    if (!path || !http_is_of(path, o->protocol == PROTOCOL_HTTPS)) {
        block_error(err, "file.driver=%s: file.url= is a URL that begins with %s://",
                    protocol_names[o->protocol], protocol_names[o->protocol]);
        return NULL;
    }
    return path;
}

/* NULL: none, or none that can be opened. */
static const char *image_path(const DriveOptions *o, GError **err)
{
    const char *path = o->file ? o->file : o->filename;
    if (o->protocol >= PROTOCOL_HTTP) {
        return url_of(o, err);
    }
    if (!path || !*path) {
        block_error(err, "Device needs media, but drive is empty: -drive without file= is not "
                         "supported; add file=IMAGE");
        return NULL;
    }
    if (!o->file) {
        return path;
    }
    if (g_str_has_prefix(path, "file:")) {
        return path + 5;
    }
    const char *colon = strchr(path, ':'), *slash = strchr(path, '/');
    if (nbd_is_name(path) || vvfat_is_name(path) || http_is_name(path) || json_name_is(path)) {
        return path;
    }
    if (colon && (!slash || colon < slash)) {
        block_error(err,
                    "Unknown protocol '%.*s': images are files and block devices of this host; "
                    "for a name with a colon write file.filename=",
                    (int)(colon - path), path);
        return NULL;
    }
    return path;
}

/* ---- what follows from the options ---------------------------------------- */

typedef struct DrivePlan {
    const DriveOptions *o;
    const char *path;
    HttpOptions *http; /* owned; NULL: it is no web server's */
    bool readonly, direct, no_flush, writeback, discard;
} DrivePlan;

static void plan_cache(DrivePlan *p)
{
    const DriveOptions *o = p->o;
    bool direct = o->cache == CACHE_NONE || o->cache == CACHE_DIRECTSYNC;
    bool through = o->cache == CACHE_WRITETHROUGH || o->cache == CACHE_DIRECTSYNC;
    p->direct = o->has_direct ? o->direct : direct;
    p->no_flush = o->has_no_flush ? o->no_flush : o->cache == CACHE_UNSAFE;
    p->writeback = o->has_writeback ? o->writeback : !through;
}

static bool is_folder(const DriveOptions *o)
{
    return o->file && vvfat_is_name(o->file);
}

static void plan_access(DrivePlan *p)
{
    const DriveOptions *o = p->o;
    p->readonly = o->has_readonly ? o->readonly : o->media != 0;
    if (is_folder(o)) { /* a folder is only read */
        p->readonly |= !o->snapshot;
    } else if (o->auto_readonly && p->http) {
        p->readonly = true;
    } else if (o->auto_readonly && access(p->path, W_OK) < 0 && access(p->path, R_OK) == 0) {
        p->readonly = true;
    }
}

bool block_check_zeroes(BlockZeroes zeroes, bool discard, GError **err)
{
    if (zeroes == ZEROES_UNMAP && !discard) {
        block_error(err, "setting detect-zeroes to unmap is not allowed without setting discard "
                         "operation to unmap; add discard=unmap");
        return false;
    }
    return true;
}

static bool check_values(Drives *all, const DrivePlan *p, GError **err)
{
    const DriveOptions *o = p->o;
    if (!block_check_zeroes(o->detect_zeroes, p->discard, err)) {
        return false;
    }
    if (o->rerror == BLOCK_ON_ERROR_ENOSPC) {
        block_error(err, "-drive rerror=enospc: a read needs no space; choose report, ignore or stop");
        return false;
    }
    if (o->id && (!*o->id || strpbrk(o->id, " \t\n,"))) {
        block_error(err, "-drive id=%s: an id has no blanks and is not empty; choose another", o->id);
        return false;
    }
    if (o->id && block_find(all, o->id)) {
        block_error(err, "Duplicate ID '%s' for drive: each one needs its own; change one of them", o->id);
        return false;
    }
    if (o->key_secret && g_strcmp0(o->format, "luks") != 0) {
        block_error(err, "-drive key-secret=%s: passwords are of format=luks; say so, or leave it out",
                    o->key_secret);
        return false;
    }
    if ((o->encrypt_secret || o->has_encryption) && o->format && strcmp(o->format, "qcow2") != 0) {
        block_error(err, "Block format '%s' does not support the option 'encrypt.%s': it is of qcow2",
                    o->format, o->encrypt_secret ? "key-secret" : "format");
        return false;
    }
    if (is_folder(o) && o->has_readonly && !o->readonly && !o->snapshot) {
        block_error(err, "-drive file=%s: a folder is only read; leave read-only=off out, or add snapshot=on",
                    o->file);
        return false;
    }
    if (o->copy_on_read && (p->readonly || o->snapshot)) {
        block_error(
            err,
            "-drive copy-on-read=on: the image is read-only, or is not written (snapshot=on); leave one of the two out");
        return false;
    }
    if (o->group && !throttle_limits_any(&o->limits)) {
        block_error(err, "-drive throttling.group=%s: a group is of limits; add one, or leave it out",
                    o->group);
        return false;
    }
    return throttle_limits_check(&o->limits, err) && (!o->format || format_check(o->format, err)) &&
           (o->aio != AIO_RING || ring_init(all->completer, err));
}

static bool plan_drive(DrivePlan *p, Drives *all, const DriveOptions *o, GError **err)
{
    *p = (DrivePlan){ .o = o, .discard = o->discard >= DISCARD_UNMAP };
    p->path = image_path(o, err);
    bool url = p->path && (o->file || o->protocol >= PROTOCOL_HTTP) && http_is_name(p->path);
    if (!p->path || !check_unknown(o, url, err)) {
        return false;
    }
    if (url && !(p->http = http_options_of(p->path, o->unknown, "file.", err))) {
        return false;
    }
    plan_access(p);
    plan_cache(p);
    return check_values(all, p, err);
}

/* ---- opening ------------------------------------------------------------- */

/* Names of drives without id= are those of QEMU. */
static char *make_id(const Drives *all, const DriveOptions *o)
{
    const char *kind = o->interface == DRIVE_DEFAULT ? "virtio" : interface_names[o->interface];
    char *id = o->has_index ? g_strdup_printf("%s%u", kind, o->index) : NULL;
    for (unsigned i = 0; !id || block_find(all, id); i++) {
        g_free(id);
        id = g_strdup_printf("%s%u", kind, i);
    }
    return id;
}

static bool check_backing_secret(const DriveOptions *o, const BlockNode *n, GError **err)
{
    ImageInfo info = { 0 };
    if (o->backing_secret && n->children[NODE_BACKING]) {
        image_info(n->children[NODE_BACKING], &info);
    }
    if (o->backing_secret && !info.encrypted) {
        block_error(err, "-drive backing.encrypt.key-secret=%s: '%s' has no backing file that is encrypted",
                    o->backing_secret, n->filename);
        return false;
    }
    return true;
}

static BlockNode *open_node(const Drives *all, const DrivePlan *p, const char **format, GError **err)
{
    const DriveOptions *o = p->o;
    OpenFlags flags = { .readonly = p->readonly || o->snapshot,
                        .direct = p->direct && !o->snapshot,
                        .discard = p->discard,
                        .locking = o->locking != ON_OFF_OFF,
                        .locking_must = o->locking == ON_OFF_ON,
                        .secrets = all->secrets,
                        .key_secret = o->key_secret ? o->key_secret : o->encrypt_secret,
                        .backing_secret = o->backing_secret,
                        .must_encrypt = o->has_encryption || o->encrypt_secret,
                        .http = p->http };
    BlockNode *n = image_open(p->path, o->format, &flags, format, err);
    if (n && !check_backing_secret(o, n, err)) {
        node_unref(n);
        return NULL;
    }
    if (n && o->copy_on_read) {
        BlockNode *image = n;
        n = copy_on_read_node_open(image);
        node_unref(image);
    }
    return n && o->snapshot ? overlay_node_open(n, err) : n;
}

/* Raw by a guess: what a guest writes may be guessed to be something else the next time. */
static void warn_of_guess(const BlockBackend *blk, const DrivePlan *p)
{
    if (!blk->readonly) {
        g_printerr("WARNING: Image format was not specified for '%s' and probing guessed raw.\n"
                   "         Automatically detecting the format is dangerous for raw images, write "
                   "operations on block 0 will be restricted.\n"
                   "         Specify the 'raw' format explicitly to remove the restrictions.\n",
                   p->path);
    }
}

static BlockBackend *make_backend(Drives *all, const DrivePlan *p, BlockNode *node, const char *format)
{
    const DriveOptions *o = p->o;
    BlockBackend *blk = g_new0(BlockBackend, 1);
    blk->all = all;
    blk->id = o->id ? g_strdup(o->id) : make_id(all, o);
    blk->serial = g_strdup(o->serial);
    blk->node = node;
    blk->format = format;
    blk->probed = !o->format && strcmp(format, "raw") == 0 && !is_folder(o);
    blk->interface = o->interface;
    blk->index = o->has_index ? o->index : -1;
    blk->readonly = p->readonly;
    blk->snapshot = o->snapshot;
    blk->direct = p->direct && !o->snapshot;
    blk->writethrough = !p->writeback && !o->snapshot;
    blk->no_flush = p->no_flush || o->snapshot;
    blk->discard = p->discard;
    blk->detect_zeroes = o->detect_zeroes != ZEROES_OFF;
    blk->zeroes_unmap = o->detect_zeroes == ZEROES_UNMAP;
    blk->on_read_error = o->rerror ? o->rerror : BLOCK_ON_ERROR_REPORT;
    blk->on_write_error = o->werror ? o->werror : BLOCK_ON_ERROR_ENOSPC;
    blk->ring = o->aio != AIO_THREADS && ring_init(all->completer, NULL);
    return blk;
}

BlockBackend *block_open_drive(Drives *all, const DriveOptions *o, GError **err)
{
    DrivePlan p;
    const char *format;
    BlockNode *node =
        plan_drive(&p, all, o, err) && workers_init(err) ? open_node(all, &p, &format, err) : NULL;
    shape_free(&http_shape, p.http);
    if (!node) {
        return NULL;
    }
    BlockBackend *blk = make_backend(all, &p, node, format);
    if (blk->probed) {
        warn_of_guess(blk, &p);
    }
    g_ptr_array_add(all->list, blk);
    if (!block_set_limits(blk, o->group, &o->limits, err)) { /* they were looked at before */
        block_close(blk);
        return NULL;
    }
    return blk;
}
