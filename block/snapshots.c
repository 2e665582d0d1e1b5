/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The disks of snapshots of whole machines. */
#include "block/snapshots.h"

#include "block/block_priv.h"

static bool takes_part(const BlockBackend *blk)
{
    return !blk->readonly && !block_above(blk) && (blk->user || !blk->is_node);
}

static bool can(const BlockBackend *blk, GError **err)
{
    Qcow2Info info;
    if (blk->job) {
        block_error(err, "Device '%s' is busy: a block job has it; query-block-jobs lists them", blk->id);
        return false;
    }
    if (!qcow2_info(blk->node, &info)) {
        block_error(
            err,
            "Device '%s' is writable but does not support snapshots: %s; convert it with: qemu-img convert "
            "-O qcow2",
            blk->id,
            blk->snapshot ? "with snapshot=on its writes are in a temporary file" : "its format has none");
        return false;
    }
    if (blk->readonly) {
        block_error(err, "Device '%s' is read-only: no snapshot of it can be taken", blk->id);
    }
    return !blk->readonly;
}

static bool add(GPtrArray *disks, BlockBackend *blk, GError **err)
{
    if (!can(blk, err)) {
        return false;
    }
    if (!g_ptr_array_find(disks, blk, NULL)) {
        g_ptr_array_add(disks, blk);
    }
    return true;
}

static bool add_named(const Drives *all, const char *const *names, GPtrArray *disks, GError **err)
{
    for (; *names; names++) {
        BlockBackend *blk = block_find_node(all, *names);
        if (!blk) {
            block_error(err, "No block device node '%s'; query-named-block-nodes lists them", *names);
        }
        if (!blk || !add(disks, blk, err)) {
            return false;
        }
    }
    return true;
}

static bool add_all(const Drives *all, GPtrArray *disks, GError **err)
{
    for (guint i = 0; i < all->list->len; i++) {
        BlockBackend *blk = g_ptr_array_index(all->list, i);
        if (takes_part(blk) && !add(disks, blk, err)) {
            return false;
        }
    }
    return true;
}

GPtrArray *block_snapshot_disks(const Drives *all, const char *const *names, GError **err)
{
    GPtrArray *disks = g_ptr_array_new();
    bool ok = names ? add_named(all, names, disks, err) : add_all(all, disks, err);
    if (ok && !disks->len) {
        block_error(err, "No block device can store vmstate for snapshot: a disk of format qcow2 is needed");
    }
    if (!ok || !disks->len) {
        g_clear_pointer(&disks, g_ptr_array_unref);
    }
    return disks;
}

BlockNode *block_snapshot_image(const BlockBackend *blk)
{
    return blk->node;
}
