/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which of a machine's disks take part in a snapshot of the whole machine.  Main loop. */
#pragma once
#include "block/block.h"

/* Of BlockBackend, in the order of the names (of nodes or drives; ends with NULL), or all that can be written and that a device
 * has, in the order of the command line.  NULL: one of them cannot keep snapshots, or there is none. */
GPtrArray *block_snapshot_disks(const Drives *all, const char *const *names, GError **err);
/* Its image, of qcow2, on which the functions of block/qcow2_snapshot.h work while nothing is under way. */
BlockNode *block_snapshot_image(const BlockBackend *blk);
