/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Changes of a disk that is in use: another image on top of it, another size.  Main loop. */
#pragma once
#include "block/block.h"

/* What a disk is, as a chain of backing images; below a job that works on it. */
BlockNode *block_image(const BlockBackend *disk);
Drives *block_drives(const BlockBackend *disk);
BlockNode *node_backing(const BlockNode *n); /* NULL: none */
const char *node_format(const BlockNode *n); /* as an image names that of its backing: "raw", "qcow2" */
/* In its chain, by the name of a node, or by that of its file; the other is NULL.  NULL: none. */
BlockNode *block_chain_find(const BlockBackend *disk, const char *node_name, const char *filename);
/* The named node that this is; NULL: it has no name. */
BlockBackend *block_of_image(const Drives *all, const BlockNode *n);

/* From now on the disk is a new image, which has what is written from then on; what it was is the backing, which stays as it is. */
typedef struct NewOverlay {
    const char *file, *format; /* format: NULL: qcow2 */
    const char *node_name;     /* of the new node; NULL: one is made up, or there is none */
    bool existing;             /* the image is there, and names the right backing */
} NewOverlay;
/* Several may be made at one moment: all are prepared, from when on the disks are held (within one call of the main loop); then all are
 * done, which does not fail, or none is. */
typedef struct OverlayChange {
    BlockBackend *disk;
    BlockBackend *overlay; /* a node that was added without backing; NULL: */
    NewOverlay new;
    BlockNode *image; /* of block_overlay_prepare */
} OverlayChange;
bool block_overlay_prepare(OverlayChange *c, GError **err) G_GNUC_WARN_UNUSED_RESULT;
void block_overlay_do(OverlayChange *c);
void block_overlay_undo(OverlayChange *c); /* one that was prepared */

/* An empty image as large as the disk, on this one (NULL: none).  existing: it is opened instead. */
BlockNode *block_new_target(BlockBackend *disk, BlockNode *backing, const NewOverlay *o, GError **err);

/* Bytes.  Its device is told (block_set_resized). */
bool block_resize(BlockBackend *disk, uint64_t bytes, GError **err) G_GNUC_WARN_UNUSED_RESULT;
/* How an image of the disk's chain names its backing from now on; what it reads stays. */
bool block_rename_backing(BlockBackend *disk, BlockNode *image, const char *text,
                          GError **err) G_GNUC_WARN_UNUSED_RESULT;
