/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A disk that fails under the block layer: what was lost is never called flushed. */
#include <errno.h>
#include <glib/gstdio.h>
#include <string.h>

#include "faults.h"
#include "rig.h"

static const char *const engines[] = { "aio=threads", "aio=io_uring" };
static uint8_t buf[65536];

/* The drive of a case, or NULL where the kernel has no such engine. */
static BlockBackend *open_drive(const char *path, unsigned engine, const char *more)
{
    GError *err = NULL;
    BlockBackend *blk = rig_drive(&err, "file=%s,if=none,format=raw,%s%s", path, engines[engine], more);
    if (!blk) {
        g_test_message("left out: %s", err->message);
        g_clear_error(&err);
    }
    return blk;
}

static void test_flush(void)
{
    for (unsigned e = 0; e < G_N_ELEMENTS(engines); e++) {
        g_autofree char *path = rig_image(1 << 20);
        BlockBackend *blk = open_drive(path, e, "");
        if (blk) {
            g_assert_cmpint(rig_io(blk, BLOCK_WRITE, 0, buf, sizeof(buf)), ==, 0);
            g_assert_cmpint(rig_io(blk, BLOCK_FLUSH, 0, NULL, 0), ==, 0);
            fault_set(FAULT_SYNC, EIO, 1); /* said once, as the kernel does */
            g_assert_cmpint(rig_io(blk, BLOCK_FLUSH, 0, NULL, 0), ==, -EIO);
            g_assert_cmpint(rig_io(blk, BLOCK_FLUSH, 0, NULL, 0), ==, -EIO);
            g_assert_cmpint(rig_io(blk, BLOCK_WRITE, 0, buf, sizeof(buf)), ==, 0);
            g_assert_cmpint(rig_io(blk, BLOCK_FLUSH, 0, NULL, 0), ==, -EIO);
            fault_clear();
            block_close_all();
        }
        g_unlink(path);
    }
}

/* A write that is to be durable when it is done. */
static void test_sync_write(void)
{
    static const char *const modes[] = { ",werror=report", ",werror=report,cache=writethrough" };
    for (unsigned i = 0; i < 2 * G_N_ELEMENTS(engines); i++) {
        g_autofree char *path = rig_image(1 << 20);
        BlockBackend *blk = open_drive(path, i / 2, modes[i % 2]);
        if (blk) {
            Io io = { .r.fua = true };
            /* by the ring the write and its sync are one operation */
            fault_set(i / 2 ? FAULT_WRITE : FAULT_SYNC, EIO, 1);
            rig_submit(blk, &io, BLOCK_WRITE, 0, buf, sizeof(buf));
            g_assert_cmpint(rig_wait(&io), ==, -EIO);
            fault_clear();
            rig_submit(blk, &io, BLOCK_WRITE, 0, buf, sizeof(buf));
            if (i / 2) { /* the range was written again, but what else was lost is not known */
                rig_wait(&io);
            } else {
                g_assert_cmpint(rig_wait(&io), ==, -EIO);
            }
            g_assert_cmpint(rig_io(blk, BLOCK_FLUSH, 0, NULL, 0), ==, -EIO);
            block_close_all();
        }
        g_unlink(path);
    }
}

/* No room: another try may succeed, and a later flush too. */
static void test_no_room(void)
{
    static const char *const modes[] = { ",werror=report", ",werror=report,cache=writethrough" };
    for (unsigned i = 0; i < 2 * G_N_ELEMENTS(engines); i++) {
        g_autofree char *path = rig_image(1 << 20);
        BlockBackend *blk = open_drive(path, i / 2, modes[i % 2]);
        if (blk) {
            fault_set(FAULT_WRITE, ENOSPC, -1);
            g_assert_cmpint(rig_io(blk, BLOCK_WRITE, 0, buf, sizeof(buf)), ==, -ENOSPC);
            fault_clear();
            g_assert_cmpint(rig_io(blk, BLOCK_WRITE, 0, buf, sizeof(buf)), ==, 0);
            g_assert_cmpint(rig_io(blk, BLOCK_FLUSH, 0, NULL, 0), ==, 0);
            block_close_all();
        }
        g_unlink(path);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/block/faults/flush", test_flush);
    g_test_add_func("/block/faults/sync-write", test_sync_write);
    g_test_add_func("/block/faults/no-room", test_no_room);
    return g_test_run();
}
