/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Disks of a machine for NBD clients, while it runs.  States and commands: QEMU's QMP reference, "Block device exports".
 * Main loop. */
#pragma once
#include "block/block.h"
#include "block/nbd_server.h"

/* One server a machine.  Of the options: those that have a number. */
bool exports_start(Drives *all, const NbdAddress *a, const NbdServerOptions *o,
                   GError **err) G_GNUC_WARN_UNUSED_RESULT;
bool exports_stop(Drives *all,
                  GError **err) G_GNUC_WARN_UNUSED_RESULT; /* its exports go, its clients are cut off */

/* That clients may ask for. */
typedef struct ExportBitmap {
    const BlockBackend
        *disk; /* that has it, in the chain of what is exported; NULL: the first there of this name */
    const char *name;
} ExportBitmap;
typedef struct NewExport {
    const char *id, *name, *description; /* name: NULL: the id; description: NULL: none */
    BlockBackend *disk;
    bool writable, writethrough, depth; /* depth: see NbdExport */
    const ExportBitmap *bitmaps;
    unsigned bitmap_count;
} NewExport;
bool export_add(Drives *all, const NewExport *o, GError **err) G_GNUC_WARN_UNUSED_RESULT;
/* now: clients that have it are cut off; else there must be none. */
bool export_del(Drives *all, const char *id, bool now, GError **err) G_GNUC_WARN_UNUSED_RESULT;

typedef struct ExportState {
    const char *id, *name, *node_name; /* node_name: as it was then */
    bool shutting_down;                /* clients' requests are still to end */
} ExportState;
void exports_foreach(const Drives *all, void (*fn)(const ExportState *s, void *opaque), void *opaque);

extern const struct Event event_block_export_deleted;
