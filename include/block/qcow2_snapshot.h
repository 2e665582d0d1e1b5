/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Internal snapshots of a qcow2 image.
 * Nobody writes to the image while one of these works on it; readers of it may go on. */
#pragma once
#include "block/node.h"

typedef struct Qcow2Snapshot {
    char *id, *name;   /* as the image has them, with any bytes but NUL */
    int64_t date_nsec; /* since the Epoch */
    uint64_t vm_clock_nsec, vm_state_size, disk_size /* bytes */, icount;
    uint64_t l1_offset;
    uint32_t l1_size; /* entries */
    uint8_t *extra;   /* as it is in the image */
    uint32_t extra_size;
} Qcow2Snapshot;

/* Of Qcow2Snapshot, the oldest first; NULL: the table cannot be read. */
GPtrArray *qcow2_snapshots(BlockNode *n, GError **err);
/* The disk as it is now. */
bool qcow2_snapshot_create(BlockNode *n, const char *name, GError **err) G_GNUC_WARN_UNUSED_RESULT;
/* By its id, or else by name (the oldest of that name): the disk is as it was then; what it was is lost. */
bool qcow2_snapshot_apply(BlockNode *n, const char *which, GError **err) G_GNUC_WARN_UNUSED_RESULT;
bool qcow2_snapshot_delete(BlockNode *n, const char *which, GError **err) G_GNUC_WARN_UNUSED_RESULT;
