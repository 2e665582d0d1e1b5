/* SPDX-License-Identifier: GPL-2.0-or-later */
/* An image by its name: its format (given or guessed), and the files that it names in turn: backing, data file.
 *
 * Names in an image are relative to its folder.  A chain is opened from the top; one that comes back to a file that
 * is in it, by whatever name, or is longer than CHAIN_MAX, is refused.
 *
 * Names in an image of a web server are of that server.
 *
 * Not built, and refused: names of other protocols than files, http, nbd and json:. */
#include <errno.h>
#include <string.h>

#include "block_priv.h"
#include "block/fat/vvfat.h"
#include "block/http/http.h"
#include "block/nbd_client.h"
#include "block/qcow2/qcow2_open.h"
#include "util/text.h"

enum { CHAIN_MAX = 200 };

typedef struct Chain {
    const struct Chain *above;
    const char *path;
    BlockNode *file;
    unsigned depth;
} Chain;

static BlockNode *open_in_chain(const char *path, const char *format, const OpenFlags *flags,
                                const Chain *above, const char **found, GError **err);

/* ---- tables of numbers ---------------------------------------------------- */

/* An odd number that no image can be made for: the high half of a product depends on all bits of the key. */
static guint number_hash(gconstpointer key)
{
    static gsize factor;
    if (g_once_init_enter(&factor)) {
        g_once_init_leave(&factor, (gsize)g_random_int() << 32 | g_random_int() | 1);
    }
    return (guint)((uint64_t)GPOINTER_TO_SIZE(key) * factor >> 32);
}

GHashTable *image_numbers_new(void)
{
    return g_hash_table_new(number_hash, NULL);
}

/* ---- names ---------------------------------------------------------------- */

/* In the folder of the image, or, if it begins with a slash, on its server. */
static char *beside_url(const char *image, const char *name)
{
    const char *host = strstr(image, "://") + 3, *end = host + strcspn(host, "?#");
    const char *slash = g_path_is_absolute(name) ? memchr(host, '/', (size_t)(end - host))
                                                 : g_strrstr_len(host, end - host, "/");
    g_autofree char *folder = g_strndup(image, (gsize)((slash ? slash : end) - image));
    return g_strconcat(folder, g_path_is_absolute(name) ? "" : "/", name, NULL);
}

char *image_resolve(const char *image, const char *name, GError **err)
{
    const char *colon = strchr(name, ':'), *slash = strchr(name, '/');
    g_autofree char *shown = text_escaped(name);
    if (http_is_name(name) || json_name_is(name) || nbd_is_name(name)) {
        return g_strdup(name);
    }
    if (g_str_has_prefix(name, "file:")) {
        name += 5;
    } else if (http_is_name(image)) {
        return beside_url(image, name);
    } else if (colon && (!slash || colon < slash)) {
        block_error(
            err,
            "'%s' names '%s', and only files of this host, of web servers and disks of NBD servers are supported",
            image, shown);
        return NULL;
    }
    if (g_path_is_absolute(name)) {
        return g_strdup(name);
    }
    g_autofree char *folder = g_path_get_dirname(image);
    return strcmp(folder, ".") == 0 && !strchr(image, '/') ? g_strdup(name)
                                                           : g_build_filename(folder, name, NULL);
}

static bool is_known(const Chain *c, BlockNode *file, GError **err)
{
    for (const Chain *i = c; i; i = i->above) {
        if (file_node_is_same(i->file, file)) {
            block_error(
                err,
                "'%s' is in its own chain of backing files, as '%s'; give one of them another backing: "
                "qemu-img rebase -u",
                file->filename, i->path);
            return true;
        }
    }
    if (c && c->depth >= CHAIN_MAX) {
        block_error(
            err, "'%s': more than %d backing files, one on the other; shorten the chain with qemu-img commit",
            file->filename, CHAIN_MAX);
        return true;
    }
    return false;
}

/* ---- what an image names -------------------------------------------------- */

static BlockNode *open_named(const Chain *c, const char *name, const char *format, const OpenFlags *flags,
                             const char *what, GError **err)
{
    const char *found;
    g_autofree char *path = image_resolve(c->path, name, err);
    BlockNode *n = path ? open_in_chain(path, format, flags, c, &found, err) : NULL;
    if (!n) {
        g_autofree char *shown = text_escaped(name);
        g_prefix_error(err, "Could not open %s '%s' of '%s': ", what, shown, c->path);
    }
    return n;
}

static bool open_backing(BlockNode *n, const Chain *c, const ImageNames *names, const OpenFlags *flags,
                         GError **err)
{
    OpenFlags below = { .readonly = true,
                        .direct = flags->direct,
                        .no_flush = flags->no_flush,
                        .locking = flags->locking,
                        .locking_must = flags->locking_must,
                        .secrets = flags->secrets,
                        .key_secret = flags->backing_secret };
    if (!names->backing || flags->no_backing) {
        return true;
    }
    n->children[NODE_BACKING] =
        open_named(c, names->backing, names->backing_format, &below, "backing file", err);
    return n->children[NODE_BACKING] && (!n->driver->fits_backing || n->driver->fits_backing(n, err));
}

static bool open_data_file(BlockNode *n, const Chain *c, const ImageNames *names, const OpenFlags *flags,
                           GError **err)
{
    if (!names->needs_data_file || flags->no_data) {
        return true;
    }
    if (!names->data_file) {
        block_error(err, "'data-file' is required for '%s': it does not name the file that has its data",
                    c->path);
        return false;
    }
    n->children[NODE_DATA_FILE] = open_named(c, names->data_file, "raw", flags, "data file", err);
    return n->children[NODE_DATA_FILE] != NULL;
}

static bool open_extents(BlockNode *n, const Chain *c, const ImageNames *names, const OpenFlags *flags,
                         GError **err)
{
    if (!names->extent_count || flags->no_data) {
        return true;
    }
    GPtrArray *parts = g_ptr_array_new();
    bool ok = true;
    for (unsigned i = 0; i < names->extent_count && ok; i++) {
        const VmdkExtent *x = &names->extents[i];
        bool sparse = g_str_has_suffix(x->type, "SPARSE"), zero = strcmp(x->type, "ZERO") == 0;
        OpenFlags own = *flags;
        own.readonly |= x->readonly;
        BlockNode *part = zero ? NULL : open_named(c, x->name, sparse ? "vmdk" : "raw", &own, "extent", err);
        ok = zero || part;
        g_ptr_array_add(parts, part);
    }
    return vmdk_set_parts(n, parts, ok ? err : NULL) && ok;
}

/* One that was not closed, with lazy refcounts: its counts are made anew before anything is written. */
static bool repair_dirty(BlockNode *file, GError **err)
{
    if (!qcow2_is_dirty(file)) {
        return true;
    }
    BlockNode *n = qcow2_open(file, &(Qcow2Open){ .repair = true }, err);
    ImageReport report = { 0 };
    int e = n ? image_check(n, REPAIR_ALL, &report) : 0;
    node_unref(n);
    if (n && (e || report.check_errors)) {
        block_error(
            err,
            "'%s' was not closed, and its counts could not be repaired: %s; look at it with: qemu-img check -r all",
            file->filename, g_strerror(e ? -e : EIO));
    }
    return n && !e && !report.check_errors;
}

static BlockNode *open_qcow2(BlockNode *file, const OpenFlags *flags, GError **err)
{
    if (!flags->readonly && !flags->repair && !repair_dirty(file, err)) {
        return NULL;
    }
    Qcow2Open o = { flags->readonly, flags->discard, flags->repair, flags };
    return qcow2_open(file, &o, err);
}

/* ---- formats -------------------------------------------------------------- */

/* "raw" of what has no head of another. */
static const char *probe(BlockNode *file, GError **err)
{
    uint8_t head[SECTOR];
    if (node_size(file) < sizeof(head)) {
        return "raw";
    }
    int e = node_read(file, 0, head, sizeof(head));
    if (e) {
        block_error(err, "Could not read image for determining its format: '%s': %s", file->filename,
                    g_strerror(-e));
        return NULL;
    }
    return format_probe(head, sizeof(head));
}

static BlockNode *open_format(BlockNode *file, const char *format, const Chain *c, const OpenFlags *flags,
                              GError **err)
{
    const ImageFormat *f = format_find(format);
    bool qcow2 = strcmp(format, "qcow2") == 0;
    if (flags->must_encrypt && !qcow2) {
        block_error(err, "'%s': Block format '%s' does not support the option 'encrypt.format'",
                    file->filename, format);
        return NULL;
    }
    BlockNode *n = qcow2     ? open_qcow2(file, flags, err)
                   : f->open ? f->open(file, flags, err)
                             : node_ref(file);
    ImageNames names;
    if (!n || !n->driver->names) {
        return n;
    }
    n->driver->names(n, &names);
    if (!open_data_file(n, c, &names, flags, err) || !open_extents(n, c, &names, flags, err) ||
        !open_backing(n, c, &names, flags, err)) {
        node_unref(n);
        return NULL;
    }
    return n;
}

/* user: a user's options are of this name, not of those in an image. */
static BlockNode *open_url(const char *url, const OpenFlags *flags, bool user, GError **err)
{
    if (!flags->readonly) {
        block_error(err, "'%s': a web server's file can only be read; add read-only=on, or an overlay", url);
        return NULL;
    }
    return user && flags->http ? http_node_open(flags->http, flags->secrets, err)
                               : http_node_open_url(url, flags->secrets, err);
}

/* A name for bytes: a file's, or of another protocol; those in images are what image_resolve lets through. */
static BlockNode *open_protocol(const char *path, const OpenFlags *flags, const Chain *above, GError **err)
{
    NbdName name;
    if (!above && vvfat_is_name(path)) {
        FatOptions fat = vvfat_parse_name(path);
        return vvfat_node_open(&fat, err);
    }
    if (http_is_name(path)) {
        return open_url(path, flags, !above, err);
    }
    if (!nbd_is_name(path)) {
        return file_node_open(path, flags, err);
    }
    if (!nbd_parse_name(path, &name, err)) {
        return NULL;
    }
    BlockNode *n = nbd_node_open(path, &name, flags->readonly, &(NbdPatience){ 0 }, err);
    nbd_name_clear(&name);
    return n;
}

static BlockNode *open_in_chain(const char *path, const char *format, const OpenFlags *flags,
                                const Chain *above, const char **found, GError **err)
{
    g_autofree char *said = NULL;
    bool json = json_name_is(path);
    BlockNode *n = NULL,
              *file = json ? json_name_open(path, flags, &said, err) : open_protocol(path, flags, above, err);
    if (!file) {
        return NULL;
    }
    if (format && said && strcmp(format, said) != 0) {
        block_error(err, "'%s': its format is given as '%s', too; leave one of them out", path, format);
        node_unref(file);
        return NULL;
    }
    format = format ? format : said;
    Chain c = { above, json ? file->filename : path, file, above ? above->depth + 1 : 0 };
    *found = is_known(above, file, err) ? NULL : format ? format : probe(file, err);
    if (*found && !format_check(*found, err)) {
        if (!format) {
            g_prefix_error(err, "'%s' begins like an image of this kind: %s: ", path, *found);
        }
    } else if (*found) {
        *found = format_find(*found)->name; /* not the caller's text */
        n = open_format(file, *found, &c, flags, err);
    }
    node_unref(file);
    return n;
}

BlockNode *image_open(const char *path, const char *format, const OpenFlags *flags, const char **found,
                      GError **err)
{
    return open_in_chain(path, format, flags, NULL, found, err);
}

BlockNode *image_open_on(BlockNode *file, const char *format, const OpenFlags *flags, GError **err)
{
    Chain c = { NULL, file->filename, file, 0 };
    return open_format(file, format, &c, flags, err);
}

/* ---- of any format ----------------------------------------------------------- */

void image_info(BlockNode *n, ImageInfo *info)
{
    *info = (ImageInfo){ 0 };
    if (n->driver->info) {
        n->driver->info(n, info);
    }
}

int image_check(BlockNode *n, ImageRepair repair, ImageReport *report)
{
    return n->driver->check ? n->driver->check(n, repair, report) : -ENOTSUP;
}
