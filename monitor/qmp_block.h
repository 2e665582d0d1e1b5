/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What commands on drives share. */
#pragma once
#include <glib.h>
#include <stdbool.h>

#include "block/bitmap.h"

typedef struct BlockBackend BlockBackend;
typedef struct Machine Machine;
typedef struct Control Control;
typedef struct Shape Shape;
typedef struct PropList PropList;

/* The place in the tree of objects of the device that uses the drive; NULL: none does.  The caller's. */
char *qmp_drive_user(const Machine *m, const BlockBackend *blk);
char *qmp_drive_name(const BlockBackend *blk); /* "" of a node that -blockdev has made; the caller's */
bool qmp_is_drive(const Machine *m, const BlockBackend *blk); /* not a node that no device uses */
/* By the name of a drive or a node; NULL and the error. */
BlockBackend *qmp_find_disk(const Machine *m, const char *name, GError **err);

/* ---- qmp_block_job.c, for transactions ---- */
typedef struct JobArguments JobArguments;
extern const Shape qmp_blockdev_backup_shape, qmp_drive_backup_shape;
bool qmp_start_backup(Control *c, const JobArguments *a, bool to_node, GError **err);
BlockBackend *qmp_backup_disk(const Machine *m, const JobArguments *a, GError **err);
const char *qmp_backup_id(const JobArguments *a, const BlockBackend *disk); /* of its job */

/* ---- qmp_bitmap.c ---- */
typedef enum BitmapVerb {
    BITMAP_DO_ADD,
    BITMAP_DO_REMOVE,
    BITMAP_DO_CLEAR,
    BITMAP_DO_ENABLE,
    BITMAP_DO_DISABLE,
    BITMAP_DO_MERGE
} BitmapVerb;
typedef struct BitmapArguments BitmapArguments;
extern const Shape qmp_bitmap_add_shape, qmp_bitmap_shape, qmp_bitmap_merge_shape, qmp_bitmap_info_shape;
/* What was done, until it is known that it stays (done), or goes.  The disk is held in between. */
typedef struct BitmapChange {
    BitmapVerb verb;
    BlockBackend *disk;
    BlockNode *node;
    DirtyBitmap *bitmap, *before; /* before: its bits; NULL: they are as they were */
    bool was_recording;
} BitmapChange;
bool qmp_bitmap_change(const Machine *m, BitmapVerb verb, const BitmapArguments *a, BitmapChange *c,
                       GError **err);
void qmp_bitmap_end(BitmapChange *c, bool done);
/* BlockDirtyBitmapOrStr: a name (*disk: NULL), or a node and a name, which is `one`'s. */
struct json_object;
bool qmp_bitmap_read(const Machine *m, struct json_object *one, const BlockBackend **disk, const char **name,
                     GError **err);
void qmp_bitmaps_fill(PropList *list, const BlockNode *n); /* of qmp_bitmap_info_shape */
