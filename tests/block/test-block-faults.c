/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A disk that fails, is full, or is asked for too much: what was lost is never called flushed, what failed
 * waits where it is to, and nothing takes long to be stopped. */
#include <errno.h>
#include <glib/gstdio.h>
#include <string.h>

#include "base/memory.h"
#include "block/block_priv.h"
#include "faults.h"
#include "rig.h"
#include "tests/loop.h"
#include "tests/ends.h"

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
            test_close_drives();
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
            test_close_drives();
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
            test_close_drives();
        }
        g_unlink(path);
    }
}

/* ---- werror= and rerror= ------------------------------------------------- */

static void turn_loop(void)
{
    while (g_main_context_iteration(event_loop_context(test_loop()), FALSE)) {
    }
}

/* Until the host was asked once more, and what it said has been dealt with. */
static void wait_for_try(BlockBackend *blk, FaultKind kind)
{
    while (!faults[kind].calls) {
        g_main_context_iteration(event_loop_context(test_loop()), FALSE);
        g_thread_yield();
    }
    block_drain(blk); /* what is kept is not in flight */
}

typedef struct Policy {
    const char *name, *options;
    BlockOp op;
    FaultKind kind;
    int error;
    bool kept;
    int result; /* when it is not kept */
} Policy;

static const Policy policies[] = {
    { "default-full", "", BLOCK_WRITE, FAULT_WRITE, ENOSPC, true, 0 },
    { "default-quota", "", BLOCK_WRITE, FAULT_WRITE, EDQUOT, true, 0 },
    { "default-broken", "", BLOCK_WRITE, FAULT_WRITE, EIO, false, -EIO },
    { "default-read", "", BLOCK_READ, FAULT_READ, EIO, false, -EIO },
    { "default-zeroes", ",discard=unmap", BLOCK_WRITE_ZEROES, FAULT_ALLOCATE, ENOSPC, true, 0 },
    { "default-discard", ",discard=unmap", BLOCK_DISCARD, FAULT_ALLOCATE, ENOSPC, true, 0 },
    { "default-snapshot", ",snapshot=on", BLOCK_WRITE, FAULT_WRITE, ENOSPC, true, 0 },
    { "no-holes", ",snapshot=on", BLOCK_WRITE_ZEROES, FAULT_ALLOCATE, EOPNOTSUPP, false, 0 },
    { "report-full", ",werror=report", BLOCK_WRITE, FAULT_WRITE, ENOSPC, false, -ENOSPC },
    { "ignore-full", ",werror=ignore", BLOCK_WRITE, FAULT_WRITE, ENOSPC, false, 0 },
    { "stop-broken", ",werror=stop", BLOCK_WRITE, FAULT_WRITE, EIO, true, 0 },
    { "stop-read", ",rerror=stop", BLOCK_READ, FAULT_READ, EIO, true, 0 },
    { "ignore-read", ",rerror=ignore", BLOCK_READ, FAULT_READ, EIO, false, 0 },
    { "writethrough-full", ",cache=writethrough", BLOCK_WRITE, FAULT_WRITE, ENOSPC, true, 0 },
    { "flush-full", "", BLOCK_FLUSH, FAULT_SYNC, ENOSPC, false, -ENOSPC }, /* another try is of no use */
};

static void check_policy(const Policy *p, BlockBackend *blk, const char *path)
{
    uint64_t length = p->op == BLOCK_FLUSH ? 0 : sizeof(buf);
    Io io = { 0 };
    memset(buf, 0x5a, sizeof(buf));
    fault_set(p->kind, p->error, -1);
    rig_submit(blk, &io, p->op, 4096, buf, length);
    if (!p->kept) {
        g_assert_cmpint(rig_wait(&io), ==, p->result);
        g_assert_false(drives_keep_requests(test_drives()));
        return;
    }
    for (int tries = 0; tries < 3; tries++) {
        if (tries) { /* `cont` without room */
            faults[p->kind].calls = 0;
            drives_resume(test_drives());
        }
        wait_for_try(blk, p->kind);
        g_assert_false(io.done);
        g_assert_true(drives_keep_requests(test_drives()));
        g_autofree char *about = block_describe(blk);
        g_assert_nonnull(
            strstr(about, p->error == EIO ? "I/O status:       failed" : "I/O status:       nospace"));
    }
    fault_clear();
    drives_resume(test_drives());
    g_assert_cmpint(rig_wait(&io), ==, 0);
    g_assert_false(drives_keep_requests(test_drives()));
    if (p->op == BLOCK_WRITE) {
        memset(buf, 0, sizeof(buf));
        g_assert_cmpint(rig_io(blk, BLOCK_READ, 4096, buf, sizeof(buf)), ==, 0);
        g_assert_cmpint(buf[0], ==, 0x5a);
        g_assert_cmpint(buf[sizeof(buf) - 1], ==, 0x5a);
    }
}

static void test_policy(gconstpointer data)
{
    const Policy *p = data;
    for (unsigned e = 0; e < G_N_ELEMENTS(engines); e++) {
        g_autofree char *path = rig_image(1 << 20);
        BlockBackend *blk = open_drive(path, e, p->options);
        if (blk) {
            check_policy(p, blk, path);
            fault_clear();
            turn_loop();
            test_close_drives();
        }
        g_unlink(path);
    }
}

/* werror=stop and a flush: the machine stops, but the data is gone; the guest is told at `cont`. */
static void test_stop_flush(void)
{
    g_autofree char *path = rig_image(1 << 20);
    BlockBackend *blk = open_drive(path, 0, ",werror=stop");
    Io io = { 0 };
    fault_set(FAULT_SYNC, EIO, 1);
    rig_submit(blk, &io, BLOCK_FLUSH, 0, NULL, 0);
    wait_for_try(blk, FAULT_SYNC);
    g_assert_true(drives_keep_requests(test_drives()) && !io.done);
    drives_resume(test_drives());
    g_assert_cmpint(rig_wait(&io), ==, -EIO);
    fault_clear();
    test_close_drives();
    g_unlink(path);
}

/* Kept requests that the device gives up end at once, and nothing is kept meanwhile. */
static void test_cancel(void)
{
    g_autofree char *path = rig_image(1 << 20);
    BlockBackend *blk = rig_drive_ok("file=%s,if=none,format=raw", path);
    Io kept = { 0 }, late = { 0 };
    fault_set(FAULT_WRITE, ENOSPC, -1);
    rig_submit(blk, &kept, BLOCK_WRITE, 0, buf, 512);
    wait_for_try(blk, FAULT_WRITE);
    g_assert_true(drives_keep_requests(test_drives()));
    block_cancel_begin(blk);
    rig_submit(blk, &late, BLOCK_WRITE, 512, buf, 512);
    g_assert_cmpint(rig_wait(&kept), ==, -ECANCELED);
    g_assert_cmpint(rig_wait(&late), <, 0);
    block_cancel_end(blk);
    g_assert_false(drives_keep_requests(test_drives()));
    fault_clear();
    g_assert_cmpint(rig_io(blk, BLOCK_WRITE, 0, buf, 512), ==, 0);
    test_close_drives();
    g_unlink(path);
}

static bool is_interrupted(void *blk)
{
    return __atomic_load_n(&((BlockBackend *)blk)->interrupts, __ATOMIC_ACQUIRE) != 0;
}

/* Requests of 64 GiB, as a guest can make them of one buffer named a thousand times, and what else takes
 * long.  Pausing puts it down and goes on where it was; cancelling ends it.  The host is as slow as it must be for
 * none of them to end before: a discard of all that is done in less time than this thread may have to wait
 * for a processor. */
static void test_huge(gconstpointer data)
{
    enum { PARTS = 1000, PART = 64 << 20 };
    BlockOp op = GPOINTER_TO_INT(data);
    g_autofree char *path = rig_image(UINT64_C(1) << 40);
    BlockBackend *blk = rig_drive_ok("file=%s,if=none,format=raw,discard=unmap,detect-zeroes=unmap%s", path,
                                     op == BLOCK_WRITE ? ",snapshot=on" : "");
    MemoryRegion ram;
    g_assert_true(memory_region_init_ram(&ram, NULL, "buffer", PART, NULL));
    uint8_t *memory = ram.ram->host;
    g_autofree struct iovec *iov = g_new(struct iovec, PARTS);
    for (int i = 0; i < PARTS; i++) {
        iov[i] = (struct iovec){ memory, PART };
    }
    Io many[40] = { 0 };
    gint64 begun = g_get_monotonic_time();
    for (unsigned i = 0; i < G_N_ELEMENTS(many); i++) {
        rig_submit(blk, &many[i], op, 0, memory, 0); /* fills it in */
        rig_wait(&many[i]);
        many[i].done = false;
        many[i].r.length = (uint64_t)PART * PARTS;
        many[i].r.iov = iov;
        many[i].r.iov_count = op == BLOCK_DISCARD || op == BLOCK_WRITE_ZEROES ? 0 : PARTS;
    }
    fault_hold(is_interrupted, blk);
    for (unsigned i = 0; i < G_N_ELEMENTS(many); i++) {
        block_submit(blk, &many[i].r);
    }
    drives_pause(test_drives());
    g_assert_false(many[0].done);
    g_assert_false(drives_keep_requests(test_drives())); /* nothing has failed */
    drives_resume(test_drives());
    block_cancel_begin(blk);
    block_drain(blk);
    block_cancel_end(blk);
    fault_hold(NULL, NULL);
    for (unsigned i = 0; i < G_N_ELEMENTS(many); i++) {
        g_assert_true(many[i].done);
        g_assert_cmpint(many[i].result, ==, -ECANCELED);
    }
    g_assert_cmpint(rig_io(blk, BLOCK_READ, 0, memory, 4096), ==, 0);
    test_close_drives();
    memory_region_finish(&ram);
    memory_quiescent();
    g_test_message("%.2f s", (double)(g_get_monotonic_time() - begun) / 1e6);
    g_unlink(path);
}

/* A large request that is put down in the middle ends whole. */
static void test_pause(void)
{
    enum { SIZE = 64 << 20 };
    g_autofree char *path = rig_image(SIZE);
    g_autofree uint8_t *out = g_malloc(SIZE), *in = g_malloc0(SIZE);
    for (unsigned i = 0; i < SIZE; i++) {
        out[i] = (uint8_t)(i * 31 + i / 4096);
    }
    BlockBackend *blk = rig_drive_ok("file=%s,if=none,format=raw,cache=writethrough", path);
    Io io = { 0 };
    rig_submit(blk, &io, BLOCK_WRITE, 0, out, SIZE);
    for (int i = 0; i < 50 && !io.done; i++) {
        drives_pause(test_drives());
        drives_resume(test_drives());
    }
    g_assert_cmpint(rig_wait(&io), ==, 0);
    g_assert_cmpint(rig_io(blk, BLOCK_READ, 0, in, SIZE), ==, 0);
    g_assert_true(memcmp(in, out, SIZE) == 0);
    test_close_drives();
    g_unlink(path);
}

/* The first test: no drive without a worker, and one worker is enough. */
static void test_no_thread(void)
{
    g_autoptr(GError) err = NULL;
    g_autofree char *path = rig_image(1 << 20);
    fault_set(FAULT_THREAD, EAGAIN, -1);
    g_assert_null(rig_drive(&err, "file=%s,if=none,format=raw", path));
    rig_assert_error(&err, "no thread can be started for the disks");
    fault_clear();
    BlockBackend *blk = rig_drive_ok("file=%s,if=none,format=raw,aio=threads", path);
    fault_set(FAULT_THREAD, EAGAIN, -1);
    Io many[40] = { 0 };
    for (unsigned i = 0; i < G_N_ELEMENTS(many); i++) {
        rig_submit(blk, &many[i], BLOCK_WRITE, 512 * i, buf, 512);
    }
    for (unsigned i = 0; i < G_N_ELEMENTS(many); i++) {
        g_assert_cmpint(rig_wait(&many[i]), ==, 0);
    }
    fault_clear();
    test_close_drives();
    g_unlink(path);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/block/faults/no-thread", test_no_thread);
    g_test_add_func("/block/faults/flush", test_flush);
    g_test_add_func("/block/faults/sync-write", test_sync_write);
    g_test_add_func("/block/faults/no-room", test_no_room);
    for (unsigned i = 0; i < G_N_ELEMENTS(policies); i++) {
        g_autofree char *name = g_strdup_printf("/block/faults/policy/%s", policies[i].name);
        g_test_add_data_func(name, &policies[i], test_policy);
    }
    g_test_add_func("/block/faults/stop-flush", test_stop_flush);
    g_test_add_func("/block/faults/cancel", test_cancel);
    g_test_add_func("/block/faults/pause", test_pause);
    g_test_add_data_func("/block/faults/huge-read", GINT_TO_POINTER(BLOCK_READ), test_huge);
    g_test_add_data_func("/block/faults/huge-write", GINT_TO_POINTER(BLOCK_WRITE), test_huge);
    g_test_add_data_func("/block/faults/huge-zeroes", GINT_TO_POINTER(BLOCK_WRITE_ZEROES), test_huge);
    g_test_add_data_func("/block/faults/huge-discard", GINT_TO_POINTER(BLOCK_DISCARD), test_huge);
    return g_test_run();
}
