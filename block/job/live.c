/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Changes of a disk that is in use.
 *
 * What becomes a backing is flushed and opened to be read, before the first write goes to the image on top of it. */
#include "block/live.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "block/image_create.h"
#include "base/log.h"
#include "block/job/job_graph.h"

BlockNode *block_image(const BlockBackend *disk)
{
    return graph_top(disk);
}

Drives *block_drives(const BlockBackend *disk)
{
    return disk->all;
}

BlockNode *node_backing(const BlockNode *n)
{
    return n->children[NODE_BACKING];
}

const char *node_format(const BlockNode *n)
{
    return graph_format(n);
}

BlockBackend *block_of_image(const Drives *all, const BlockNode *n)
{
    for (guint i = 0; i < all->list->len; i++) {
        BlockBackend *blk = g_ptr_array_index(all->list, i);
        if (!block_above(blk) && graph_top(blk) == n) {
            return blk;
        }
    }
    return NULL;
}

BlockNode *block_chain_find(const BlockBackend *disk, const char *node_name, const char *filename)
{
    for (BlockNode *n = graph_top(disk); n; n = n->children[NODE_BACKING]) {
        const BlockBackend *blk = node_name ? block_of_image(disk->all, n) : NULL;
        g_autofree char *name = blk ? block_node_name(blk) : NULL, *path = graph_name(n);
        if (name ? strcmp(name, node_name) == 0
                 : filename && (!strcmp(n->filename, filename) || !strcmp(path, filename))) {
            return n;
        }
    }
    return NULL;
}

static bool may_change(const BlockBackend *disk, GError **err)
{
    if (disk->job) {
        block_error(err, "Node '%s' is busy: a block job has it; query-block-jobs lists them", disk->id);
        return false;
    }
    if (disk->snapshot) {
        block_error(err, "Device '%s' has snapshot=on: its writes are in a temporary file", disk->id);
        return false;
    }
    return exports_allow(disk->all, graph_top(disk), EXPORT_WRITTEN, err);
}

/* ---- a new image ------------------------------------------------------------------ */

static bool make_image(BlockBackend *disk, const BlockNode *backing, const NewOverlay *o, GError **err)
{
    const char *format = o->format ? o->format : "qcow2";
    const ImageMaker *maker = image_maker(format);
    BlockNode *top = graph_top(disk);
    if (!maker || (backing && !maker->has_backing)) {
        block_error(err, "Unknown file format '%s', or it has no backing files; use qcow2", format);
        return false;
    }
    g_autofree char *name = backing ? graph_backing_name(backing, err) : NULL;
    if (backing && !name) {
        return false;
    }
    g_autoptr(GPtrArray) made = image_files_new();
    BlockNode *file = image_new_file(o->file, strcmp(format, "raw") == 0 ? node_size(top) : 0, made, err);
    NewImage *new = file ? shape_parse(maker->shape, "", NULL, err) : NULL;
    if (new) {
        new->made = made;
        new->size = node_size(top);
        new->has_size = true;
        new->backing = g_steal_pointer(&name);
        new->backing_format = backing ? g_strdup(graph_format(backing)) : NULL;
    }
    bool ok = new && (!maker->check || maker->check(new, err)) && maker->make(file, new, err);
    shape_free(maker->shape, new);
    node_unref(file);
    if (!ok) {
        image_files_undo(made);
    }
    return ok;
}

BlockNode *block_new_target(BlockBackend *disk, BlockNode *backing, const NewOverlay *o, GError **err)
{
    OpenFlags flags = { .direct = disk->direct, .locking = true, .discard = true, .no_backing = true };
    const char *found;
    if (!o->existing && !make_image(disk, backing, o, err)) {
        return NULL;
    }
    BlockNode *n = image_open(o->file, o->format ? o->format : "qcow2", &flags, &found, err);
    if (n && backing) {
        n->children[NODE_BACKING] = node_ref(backing);
    }
    return n;
}

/* ---- overlays ----------------------------------------------------------------------- */

/* The disk is held. */
static bool freeze(BlockBackend *disk, GError **err)
{
    int e = node_flush(disk->node);
    if (e) {
        block_error(err, "'%s' could not be flushed: %s", disk->node->filename, g_strerror(-e));
    }
    return !e && node_set_writable(disk->node, false, err);
}

static BlockBackend *backend_for(BlockBackend *disk, BlockNode *image, const char *format, const char *name)
{
    BlockBackend *blk = g_new0(BlockBackend, 1);
    *blk = (BlockBackend){ .all = disk->all,
                           .id = g_strdup(name),
                           .node = image,
                           .is_node = true,
                           .format = format,
                           .interface = DRIVE_NONE,
                           .index = -1,
                           .direct = disk->direct,
                           .no_flush = disk->no_flush,
                           .discard = disk->discard,
                           .detect_zeroes = disk->detect_zeroes,
                           .zeroes_unmap = disk->zeroes_unmap,
                           .on_read_error = BLOCK_ON_ERROR_REPORT,
                           .on_write_error = BLOCK_ON_ERROR_ENOSPC,
                           .ring = disk->ring };
    g_ptr_array_add(disk->all->list, blk);
    return blk;
}

/* The disk is held, and its node frozen. */
static void put_on_top(BlockBackend *disk, BlockNode *image, const NewOverlay *o)
{
    const char *format = graph_format(image);
    g_autofree char *name = o->node_name    ? g_strdup(o->node_name)
                            : disk->is_node ? block_free_name(disk->all)
                                            : NULL;
    if (disk->is_node) {
        BlockBackend *blk = backend_for(disk, image, format, name);
        graph_swap(disk, blk);
        blk->readonly = true;
    } else {
        BlockNode *old = disk->node;
        disk->node = image;
        disk->format = format;
        disk->probed = false;
        g_free(disk->node_name);
        disk->node_name = g_steal_pointer(&name);
        node_unref(old);
    }
}

static bool overlay_fits(const BlockBackend *disk, const BlockBackend *overlay, GError **err)
{
    Qcow2Info info;
    if (overlay->user || overlay == disk) {
        block_error(err, "The overlay is already in use");
        return false;
    }
    if (!qcow2_info(overlay->node, &info) || overlay->readonly) {
        block_error(err, "The overlay does not support backing images: it must be of qcow2, and writable");
        return false;
    }
    if (overlay->node->children[NODE_BACKING]) {
        block_error(err, "The overlay already has a backing image; add it with \"backing\": null");
        return false;
    }
    return true;
}

static bool may_get_new(const BlockBackend *disk, const NewOverlay *o, GError **err)
{
    if (o->node_name && !block_name_is_free(disk->all, o->node_name, err)) {
        return false;
    }
    if (disk->readonly) {
        block_error(err, "Device '%s' is read only: nothing is written that an overlay could have", disk->id);
        return false;
    }
    return true;
}

bool block_overlay_prepare(OverlayChange *c, GError **err)
{
    BlockBackend *disk = c->disk;
    if (!may_change(disk, err) ||
        (c->overlay ? !may_change(c->overlay, err) || !overlay_fits(disk, c->overlay, err)
                    : !may_get_new(disk, &c->new, err))) {
        return false;
    }
    if (disk->held.overlay) {
        block_error(err, "Device '%s' has two overlays in one transaction", disk->id);
        return false;
    }
    c->image =
        c->overlay ? node_ref(c->overlay->node) : block_new_target(disk, graph_top(disk), &c->new, err);
    if (!c->image) {
        return false;
    }
    block_hold(disk);
    if (disk->readonly || freeze(disk, err)) {
        disk->held.overlay = true;
        return true;
    }
    block_release(disk);
    node_unref(c->image);
    return false;
}

void block_overlay_do(OverlayChange *c)
{
    BlockBackend *disk = c->disk;
    if (c->overlay) {
        c->image->children[NODE_BACKING] = node_ref(disk->node);
        disk->readonly = true;
        graph_move_to(disk, c->image, c->overlay);
        node_unref(c->image); /* the disk has that of the node */
    } else {
        put_on_top(disk, c->image, &c->new);
    }
    disk->held.overlay = false;
    block_release(disk);
}

void block_overlay_undo(OverlayChange *c)
{
    g_autoptr(GError) why = NULL;
    if (!c->disk->readonly && !node_set_writable(c->disk->node, true, &why)) {
        log_report("drive '%s' cannot be written any more: %s", c->disk->id, why->message);
    }
    c->disk->held.overlay = false;
    block_release(c->disk);
    node_unref(c->image);
}

/* ---- sizes and names ------------------------------------------------------------------ */

bool block_resize(BlockBackend *disk, uint64_t bytes, GError **err)
{
    if (!may_change(disk, err) || !exports_allow(disk->all, graph_top(disk), EXPORT_RESIZED, err)) {
        return false;
    }
    block_hold(disk);
    int e = disk->readonly ? -EROFS : node_resize(disk->node, bytes);
    block_release(disk);
    if (e) {
        block_error(
            err, e == -ENOTSUP ? "Image format driver does not support resize" : "Could not resize '%s': %s",
            e == -ENOTSUP ? "" : disk->id, g_strerror(-e));
    } else if (disk->resized) {
        disk->resized(disk->resized_opaque);
    }
    return e == 0;
}

bool block_rename_backing(BlockBackend *disk, BlockNode *image, const char *text, GError **err)
{
    if (!may_change(disk, err)) {
        return false;
    }
    if (!image->children[NODE_BACKING]) {
        block_error(err, "Node '%s' does not have a backing file", image->filename);
        return false;
    }
    block_hold(disk);
    bool ok = graph_set_backing(image, image->children[NODE_BACKING], text, err);
    block_release(disk);
    return ok;
}
