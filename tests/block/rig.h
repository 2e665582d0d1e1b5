/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the block tests share: image files, drives from option text, waiting for requests. */
#pragma once
#include "block/block.h"

typedef struct Io {
    BlockRequest r;
    struct iovec iov;
    Lock *lock; /* must be held when it ends */
    int result;
    bool done;
} Io;

char *rig_image(uint64_t size); /* path of a new sparse file */
void rig_remove(char *path);    /* and free */
BlockBackend *rig_drive(GError **err, const char *fmt, ...) G_GNUC_PRINTF(2, 3);
BlockBackend *rig_drive_ok(const char *fmt, ...) G_GNUC_PRINTF(1, 2);
void rig_submit(BlockBackend *blk, Io *io, BlockOp op, uint64_t offset, void *buf, uint64_t length);
int rig_wait(Io *io); /* runs the main loop until it is done: its result */
int rig_io(BlockBackend *blk, BlockOp op, uint64_t offset, void *buf, uint64_t length);
void rig_assert_error(GError **err, const char *part);
