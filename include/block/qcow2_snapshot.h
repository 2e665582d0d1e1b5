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
const Qcow2Snapshot *qcow2_snapshot_find(const GPtrArray *list, const char *which); /* as below; NULL: none */
/* The lines of a list for people: its head (one == NULL), and one snapshot; id: shown in place of its own, unless NULL. */
void qcow2_snapshot_print(GString *out, const Qcow2Snapshot *one, const char *id);

typedef struct Qcow2NewSnapshot {
    const char *name;
    int64_t date_nsec; /* 0: now */
    bool of_machine;   /* the other fields say something */
    uint64_t vm_state_size, vm_clock_nsec;
} Qcow2NewSnapshot;
/* The disk as it is now, and the machine's state if one was written.  *id: the new one's, the caller's; NULL is fine. */
bool qcow2_snapshot_create(BlockNode *n, const Qcow2NewSnapshot *what, char **id,
                           GError **err) G_GNUC_WARN_UNUSED_RESULT;
/* By its id, or else by name (the oldest of that name): the disk is as it was then; what it was is lost. */
bool qcow2_snapshot_apply(BlockNode *n, const char *which, GError **err) G_GNUC_WARN_UNUSED_RESULT;
bool qcow2_snapshot_delete(BlockNode *n, const char *which, GError **err) G_GNUC_WARN_UNUSED_RESULT;
/* An image that is only read, and that nobody has used yet, is the disk as it was then, with its size.  0 or -errno. */
int qcow2_snapshot_show(BlockNode *n, const Qcow2Snapshot *sn);

/* ---- the state of a machine (vmstate.c) ----
 * Bytes that lie behind the disk's end until a snapshot has taken them with it. */
enum { QCOW2_STATE_PIECE = 2 << 20 }; /* bytes: pieces begin at multiples of it */
/* A piece, of this many bytes or fewer (the last one).  0 or -errno. */
int qcow2_state_write(BlockNode *n, uint64_t at, const void *piece, uint64_t bytes);
int qcow2_state_drop(BlockNode *n); /* snapshots keep theirs */
/* Of a snapshot, wherever in its vm_state_size. */
int qcow2_state_read(BlockNode *n, const Qcow2Snapshot *sn, uint64_t at, void *buf, uint64_t bytes);
