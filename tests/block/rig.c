/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the block tests share. */
#include "rig.h"

#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

#include "tests/loop.h"
#include "util/keyval.h"
#include "tests/ends.h"
#include "tests/made.h"

char *rig_image(uint64_t size)
{
    char *path = g_strdup("/var/tmp/lyrebird-test-XXXXXX");
    int fd = g_mkstemp(path);
    g_assert_cmpint(fd, >=, 0);
    g_assert_cmpint(ftruncate(fd, (off_t)size), ==, 0);
    close(fd);
    return path;
}

void rig_remove(char *path)
{
    g_unlink(path);
    g_free(path);
}

static BlockBackend *drive(const char *fmt, va_list ap, GError **err)
{
    g_autofree char *text = g_strdup_vprintf(fmt, ap);
    return test_drive(test_drives(), text, err);
}

BlockBackend *rig_drive(GError **err, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    BlockBackend *blk = drive(fmt, ap, err);
    va_end(ap);
    return blk;
}

BlockBackend *rig_drive_ok(const char *fmt, ...)
{
    GError *err = NULL;
    va_list ap;
    va_start(ap, fmt);
    BlockBackend *blk = drive(fmt, ap, &err);
    va_end(ap);
    g_assert_no_error(err);
    g_assert_nonnull(blk);
    return blk;
}

static void io_done(BlockRequest *r, int result)
{
    Io *io = r->opaque;
    g_assert_true(event_loop_is_current(test_loop()));
    g_assert_true(!io->lock || !lock_try(io->lock));
    g_assert_false(io->done);
    io->result = result;
    __atomic_store_n(&io->done, true, __ATOMIC_RELEASE);
}

void rig_submit(BlockBackend *blk, Io *io, BlockOp op, uint64_t offset, void *buf, uint64_t length)
{
    bool data = op == BLOCK_READ || op == BLOCK_WRITE;
    io->done = false;
    io->iov = (struct iovec){ buf, length };
    io->r = (BlockRequest){ .op = op,
                            .offset = offset,
                            .length = length,
                            .iov = &io->iov,
                            .iov_count = data,
                            .fua = io->r.fua,
                            .unmap = io->r.unmap,
                            .done = io_done,
                            .opaque = io };
    block_submit(blk, &io->r);
}

int rig_wait(Io *io)
{
    while (!__atomic_load_n(&io->done, __ATOMIC_ACQUIRE)) {
        g_main_context_iteration(event_loop_context(test_loop()), TRUE);
    }
    return io->result;
}

int rig_io(BlockBackend *blk, BlockOp op, uint64_t offset, void *buf, uint64_t length)
{
    Io io = { 0 };
    rig_submit(blk, &io, op, offset, buf, length);
    g_assert_false(io.done); /* never from inside */
    return rig_wait(&io);
}

void rig_assert_error(GError **err, const char *part)
{
    g_assert_nonnull(*err);
    if (!strstr((*err)->message, part)) {
        g_test_message("'%s' is not in: %s", part, (*err)->message);
        g_test_fail();
    }
    g_clear_error(err);
}
