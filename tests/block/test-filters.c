/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Nodes that stand on others: limits on the speed, requests that fail by rules, comparison, copies of what is read; disks of
 * NBD servers. */
#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

#include "block/block_priv.h"
#include "block/filter/filters.h"
#include "block/filter/throttle.h"
#include "block/image_create.h"
#include "block/nbd_server.h"
#include "rig.h"
#include "tests/ends.h"

enum { PAGE = 4096, SIZE = 1 << 20 };

static bool add(GError **err, const char *fmt, ...) G_GNUC_PRINTF(2, 3);

static bool add(GError **err, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    g_autofree char *text = g_strdup_vprintf(fmt, ap);
    va_end(ap);
    BlockdevOptions *o = shape_parse(&blockdev_shape, text, NULL, err);
    bool ok = o && blockdev_add(test_drives(), o, err);
    shape_free(&blockdev_shape, o);
    return ok;
}

static BlockBackend *node(const char *name)
{
    BlockBackend *blk = block_find(test_drives(), name);
    g_assert_nonnull(blk);
    return blk;
}

static void del(const char *name)
{
    GError *err = NULL;
    g_assert_true(blockdev_del(test_drives(), name, &err));
    g_assert_no_error(err);
}

/* ---- how much may be done when -------------------------------------------------- */

enum { MS = 1000000 };

static void test_rate(void)
{
    ThrottleRate t = { .limits.of[THROTTLE_BYTES] = { .rate = 1000 } };
    g_assert_cmpint(throttle_rate_wait(&t, true, 0), ==, 0);
    throttle_rate_count(&t, true, 100); /* a tenth of a second's */
    g_assert_cmpint(throttle_rate_wait(&t, false, 0), ==, 0);
    throttle_rate_count(&t, false, 500);
    g_assert_cmpint(throttle_rate_wait(&t, true, 0), >=, 500 * MS);
    g_assert_cmpint(throttle_rate_wait(&t, true, 499 * (int64_t)MS), >, 0);
    g_assert_cmpint(throttle_rate_wait(&t, true, 501 * (int64_t)MS), ==, 0);
}

static void test_rate_directions(void)
{
    ThrottleRate t = { .limits = { .of[THROTTLE_OPS_READ] = { .rate = 1 }, .ops_size = 1000 } };
    throttle_rate_count(&t, false, 3000);
    g_assert_cmpint(throttle_rate_wait(&t, true, 0), ==, 0);
    g_assert_cmpint(throttle_rate_wait(&t, false, 0), >=, INT64_C(2900) * MS);
    throttle_rate_count(&t, true, 1 << 30);
    g_assert_cmpint(throttle_rate_wait(&t, true, 0), ==, 0);
}

/* Bytes that go in so many milliseconds, if there are always more. */
static uint64_t passed(const ThrottleLimit *l, int64_t ms)
{
    ThrottleRate t = { .limits.of[THROTTLE_BYTES] = *l };
    uint64_t sum = 0;
    for (int64_t i = 0; i < ms; i++) {
        while (throttle_rate_wait(&t, true, i * MS) == 0) {
            throttle_rate_count(&t, true, 512);
            sum += 512;
        }
    }
    return sum;
}

static void test_rate_long(void)
{
    ThrottleLimit plain = { .rate = 100000 }, burst = { 100000, 500000, 4 };
    g_assert_cmpuint(passed(&plain, 20000), >=, 1990000);
    g_assert_cmpuint(passed(&plain, 20000), <=, 2020000);
    g_assert_cmpuint(passed(&burst, 1000), >=, 500000); /* the burst's speed, with its tenth of a second */
    g_assert_cmpuint(passed(&burst, 1000), <=, 560000);
    g_assert_cmpuint(passed(&burst, 60000), >=, 7900000); /* 4 s of the burst, and the rate */
    g_assert_cmpuint(passed(&burst, 60000), <=, 8010000);
}

static void test_limits_refused(void)
{
    static const struct {
        const char *options, *why;
    } rows[] = {
        { "bps=1,bps_rd=1", "cannot be used at the same time" },
        { "iops=1,iops_wr=1", "cannot be used at the same time" },
        { "bps_max=5", "require corresponding" },
        { "bps=10,bps_max=5", "cannot be lower" },
        { "bps=10,bps_max_length=4", "without burst rate" },
        { "bps=1,bps_max=1000000000000000,bps_max_length=2", "too high" },
        { "iops_size=5", "iops size requires" },
        { "bps=1000000000000001", "bps" },
        { "throttling.group=g", "a group is of limits" },
    };
    GError *err = NULL;
    char *path = rig_image(SIZE);
    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_assert_null(rig_drive(&err, "file=%s,format=raw,if=none,%s", path, rows[i].options));
        rig_assert_error(&err, rows[i].why);
    }
    rig_remove(path);
}

/* ---- requests that wait ------------------------------------------------------------ */

enum { WAITING = 4 };
static char waiting_data[WAITING][PAGE];

/* On a disk of a byte a second: the first one goes, the others wait for an hour. */
static void submit_waiting(BlockBackend *blk, Io *ios)
{
    for (unsigned i = 0; i < WAITING; i++) {
        rig_submit(blk, &ios[i], i % 2 ? BLOCK_WRITE : BLOCK_READ, i * PAGE, waiting_data[i], PAGE);
    }
    g_assert_cmpint(rig_wait(&ios[0]), ==, 0);
    g_assert_false(ios[2].done);
    g_assert_cmpint(rig_io(blk, BLOCK_FLUSH, 0, NULL, 0), ==, 0); /* which never waits */
}

static void test_throttle_cancel(void)
{
    char *path = rig_image(SIZE);
    Io ios[WAITING] = { 0 };
    BlockBackend *blk = rig_drive_ok("file=%s,format=raw,if=none,id=slow,bps=1", path);
    submit_waiting(blk, ios);
    block_cancel_begin(blk);
    for (unsigned i = 1; i < WAITING; i++) {
        g_assert_cmpint(rig_wait(&ios[i]), ==, -ECANCELED);
    }
    int late = rig_io(blk, BLOCK_READ, 0, waiting_data[0], PAGE); /* waits for nobody */
    g_assert_true(late == 0 || late == -ECANCELED);
    block_cancel_end(blk);
    test_close_drives();
    rig_remove(path);
}

/* The end of the drives, with requests that wait. */
static void test_throttle_end(void)
{
    char *path = rig_image(SIZE);
    Io ios[WAITING] = { 0 };
    submit_waiting(rig_drive_ok("file=%s,format=raw,if=none,id=slow,bps=1", path), ios);
    test_close_drives();
    for (unsigned i = 1; i < WAITING; i++) {
        g_assert_cmpint(ios[i].result, ==, -ECANCELED);
    }
    rig_remove(path);
}

/* A machine that stops waits for none, and they go when it goes on. */
static void test_throttle_stop(void)
{
    char *path = rig_image(SIZE);
    Io ios[WAITING] = { 0 };
    BlockBackend *blk = rig_drive_ok("file=%s,format=raw,if=none,id=slow,bps=1", path);
    submit_waiting(blk, ios);
    drives_pause(test_drives());
    g_assert_false(ios[2].done);
    g_assert_true(drives_finish(test_drives()));
    for (unsigned i = 1; i < WAITING; i++) {
        g_assert_cmpint(rig_wait(&ios[i]), ==, 0);
    }
    test_close_drives();
    rig_remove(path);
}

/* Other limits hold for what waits already; so does the lack of any. */
static void test_throttle_change(void)
{
    GError *err = NULL;
    char *path = rig_image(SIZE);
    ThrottleLimits l;
    for (unsigned none = 0; none < 2; none++) {
        Io ios[WAITING] = { 0 };
        BlockBackend *blk = rig_drive_ok("file=%s,format=raw,if=none,id=slow,bps=1,group=g", path);
        submit_waiting(blk, ios);
        g_assert_cmpstr(block_limits(blk, &l), ==, "g");
        g_assert_cmpuint(l.of[THROTTLE_BYTES].rate, ==, 1);
        block_hold(blk); /* as a job does: it waits for none */
        block_release(blk);
        g_assert_false(ios[2].done);
        l.of[THROTTLE_BYTES].rate = none ? 0 : THROTTLE_MAX;
        g_assert_true(block_set_limits(blk, NULL, &l, &err));
        g_assert_cmpstr(block_limits(blk, &l), ==, none ? NULL : "g");
        for (unsigned i = 1; i < WAITING; i++) {
            g_assert_cmpint(rig_wait(&ios[i]), ==, 0);
        }
        test_close_drives();
    }
    rig_remove(path);
}

/* A disk with many requests leaves room for one with few. */
static void test_throttle_fair(void)
{
    enum { MANY = 40 };
    GError *err = NULL;
    ThrottleLimits l = { .of[THROTTLE_OPS] = { .rate = 50 } };
    static Io many[MANY], few[2];
    static char data[PAGE];
    unsigned done = 0;
    g_assert_true(throttle_group_add(test_drives(), "g", &l, &err));
    g_assert_false(throttle_group_add(test_drives(), "g", &l, &err));
    rig_assert_error(&err, "exists");
    g_assert_false(add(&err, "driver=throttle,node-name=a,throttle-group=h,file.driver=null-co"));
    rig_assert_error(&err, "does not exist");
    g_assert_true(add(&err, "driver=throttle,node-name=a,throttle-group=g,file.driver=null-co"));
    g_assert_true(add(&err, "driver=throttle,node-name=b,throttle-group=g,file.driver=null-co"));
    g_assert_false(add(&err, "driver=throttle,node-name=c,throttle-group=g,file=a"));
    rig_assert_error(&err, "limits below limits");
    g_assert_false(throttle_group_del(test_drives(), "g", &err));
    rig_assert_error(&err, "in use");
    for (unsigned i = 0; i < MANY; i++) {
        rig_submit(node("a"), &many[i], BLOCK_READ, 0, data, PAGE);
    }
    rig_submit(node("b"), &few[0], BLOCK_READ, 0, data, PAGE);
    rig_submit(node("b"), &few[1], BLOCK_READ, 0, data, PAGE);
    g_assert_cmpint(rig_wait(&few[1]), ==, 0);
    for (unsigned i = 0; i < MANY; i++) {
        done += many[i].done;
    }
    g_assert_cmpuint(done, <, MANY / 2);
    del("b");
    del("a"); /* with what waits */
    g_assert_true(throttle_group_del(test_drives(), "g", &err));
}

/* ---- requests that fail by rules ------------------------------------------------------ */

static int touch(BlockOp op, uint64_t sector)
{
    char data[512] = "";
    return rig_io(node("d"), op, sector * 512, data, op == BLOCK_FLUSH ? 0 : sizeof(data));
}

static void test_debug_rules(void)
{
    GError *err = NULL;
    char *path = rig_image(SIZE);
    g_assert_true(add(&err,
                      "{\"driver\": \"blkdebug\", \"node-name\": \"d\", \"image\": {\"driver\": \"file\", "
                      "\"filename\": \"%s\"}, \"inject-error\": ["
                      "{\"event\": \"read_aio\", \"errno\": 28, \"once\": true},"
                      "{\"event\": \"none\", \"iotype\": \"write\", \"sector\": 7},"
                      "{\"event\": \"pwritev_done\", \"sector\": 9, \"errno\": 12},"
                      "{\"event\": \"flush_to_disk\", \"state\": 2, \"errno\": 5, \"immediately\": true}],"
                      "\"set-state\": [{\"event\": \"pwritev_zero\", \"state\": 1, \"new_state\": 2},"
                      "{\"event\": \"pwritev_zero\", \"state\": 2, \"new_state\": 3}]}",
                      path));
    g_assert_cmpint(touch(BLOCK_READ, 0), ==, -ENOSPC);
    g_assert_cmpint(touch(BLOCK_READ, 0), ==, 0);
    g_assert_cmpint(touch(BLOCK_WRITE, 7), ==, -EIO);
    g_assert_cmpint(touch(BLOCK_WRITE, 8), ==, 0);
    g_assert_cmpint(touch(BLOCK_WRITE, 9), ==, -ENOMEM);
    g_assert_cmpint(touch(BLOCK_WRITE, 7), ==, -EIO);
    g_assert_cmpint(touch(BLOCK_READ, 7), ==, 0);
    g_assert_cmpint(touch(BLOCK_FLUSH, 0), ==, 0);
    g_assert_cmpint(touch(BLOCK_WRITE_ZEROES, 0), ==, 0);
    g_assert_cmpint(touch(BLOCK_FLUSH, 0), ==, -EIO);
    g_assert_cmpint(touch(BLOCK_WRITE_ZEROES, 0), ==, 0);
    g_assert_cmpint(touch(BLOCK_FLUSH, 0), ==, 0);
    del("d");
    rig_remove(path);
}

static bool add_config(const char *text, const char *path, GError **err)
{
    g_autofree char *config = g_strdup_printf("%s.conf", path);
    g_assert_true(g_file_set_contents(config, text, -1, NULL));
    bool ok =
        add(err, "driver=blkdebug,node-name=d,config=%s,image.driver=file,image.filename=%s", config, path);
    g_unlink(config);
    return ok;
}

static void test_debug_config(void)
{
    static const struct {
        const char *text, *why;
    } rows[] = {
        { "event = \"read_aio\"\n", "line 1" },
        { "[inject-error]\nevent = read_aio\n", "line 2" },
        { "[inject-error]\n[nothing]\n", "event" },
        { "[nothing]\n", "line 1" },
        { "[inject-error]\nevent = \"l2_load\"\n", "l2_load" },
        { "[inject-error]\nevent = \"read_aio\"\nerrno = \"0\"\n", "no error" },
        { "[inject-error]\nevent = \"read_aio\"\nerrno = \"5000\"\n", "no error" },
        { "[set-state]\nevent = \"read_aio\"\nnew_state = \"0\"\n", "no state" },
        { "[set-state]\nevent = \"read_aio\"\n", "new_state" },
    };
    GError *err = NULL;
    char *path = rig_image(SIZE);
    g_assert_true(
        add_config("# a comment\n\n[inject-error]\n  event = \"write_aio\"\nonce = \"on\"\nerrno = \"30\"\n"
                   "[set-state]\nevent = \"read_aio\"\nnew_state = \"4\"\n"
                   "[inject-error]\nevent = \"flush_to_os\"\nstate = \"4\"\n",
                   path, &err));
    g_assert_no_error(err);
    g_assert_cmpint(touch(BLOCK_WRITE, 0), ==, -EROFS);
    g_assert_cmpint(touch(BLOCK_WRITE, 0), ==, 0);
    g_assert_cmpint(touch(BLOCK_FLUSH, 0), ==, 0);
    g_assert_cmpint(touch(BLOCK_READ, 0), ==, 0);
    g_assert_cmpint(touch(BLOCK_FLUSH, 0), ==, -EIO);
    del("d");
    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_assert_false(add_config(rows[i].text, path, &err));
        rig_assert_error(&err, rows[i].why);
    }
    rig_remove(path);
}

/* A disk in memory that takes whole units alone. */
typedef struct Strict {
    BlockNode node;
    uint64_t unit, most;
    unsigned calls;
    uint8_t data[SIZE];
} Strict;

static int strict_map(BlockNode *n, uint64_t offset, uint64_t length, bool may_wait, Extent *e)
{
    *e = (Extent){ EXTENT_DATA, true, length, n, offset };
    return 0;
}

static bool strict_direct(BlockNode *n, const NodeIo *io, int *fd)
{
    return false;
}

static int strict_run(BlockNode *n, const NodeIo *io)
{
    Strict *s = container_of(n, Strict, node);
    s->calls++;
    if (io->op == BLOCK_FLUSH) {
        return 0;
    }
    g_assert_cmpuint((io->offset | io->length) % s->unit, ==, 0);
    g_assert_cmpuint(io->length, <=, s->most);
    if (io->op == BLOCK_READ) {
        iov_from_buf(io->iov, io->iov_count, 0, s->data + io->offset, io->length);
    } else if (io->op == BLOCK_WRITE) {
        iov_to_buf(io->iov, io->iov_count, 0, s->data + io->offset, io->length);
    } else if (io->op == BLOCK_WRITE_ZEROES) {
        memset(s->data + io->offset, 0, io->length);
    }
    return 0;
}

static void strict_close(BlockNode *n)
{
}

static const BlockDriver strict_driver = {
    .name = "strict", .map = strict_map, .direct = strict_direct, .run = strict_run, .close = strict_close
};

static void test_debug_align(void)
{
    GError *err = NULL;
    Strict *s = g_new0(Strict, 1);
    static uint8_t model[SIZE], buf[64 << 10];
    node_init(&s->node, &strict_driver, "strict", SIZE, false);
    s->unit = PAGE;
    s->most = 3 * PAGE;
    BlkdebugOptions o = {
        .align = PAGE, .max_transfer = 3 * PAGE, .max_write_zero = 2 * PAGE, .max_discard = PAGE
    };
    BlockNode *d = blkdebug_node_open(&s->node, &o, &err);
    g_assert_no_error(err);
    for (unsigned i = 0; i < 2000; i++) {
        uint64_t length = (uint64_t)g_random_int_range(1, sizeof(buf) / SECTOR) * SECTOR;
        uint64_t at = (uint64_t)g_random_int_range(0, (int)((SIZE - length) / SECTOR)) * SECTOR;
        unsigned op = i % 4;
        if (op == 0) {
            memset(buf, (int)g_random_int_range(0, 256), length);
            memcpy(model + at, buf, length);
            g_assert_cmpint(node_write(d, at, buf, length), ==, 0);
        } else if (op == 1) {
            memset(model + at, 0, length);
            g_assert_cmpint(node_run(d, &(NodeIo){ BLOCK_WRITE_ZEROES, false, at, length }), ==, 0);
        } else if (op == 2) {
            g_assert_cmpint(node_run(d, &(NodeIo){ BLOCK_DISCARD, false, at, length }), ==, 0);
        }
        g_assert_cmpint(node_read(d, at, buf, length), ==, 0);
        g_assert_true(memcmp(buf, model + at, length) == 0);
    }
    g_assert_true(memcmp(s->data, model, SIZE) == 0);
    g_assert_cmpuint(s->calls, >, 2000);
    node_unref(d);
    static const BlkdebugOptions wrong[] = { { .align = 3 << 9 },
                                             { .align = 4 << 20 },
                                             { .max_transfer = 1000 },
                                             { .align = PAGE, .max_discard = 512 } };
    for (unsigned i = 0; i < G_N_ELEMENTS(wrong); i++) {
        g_assert_null(blkdebug_node_open(&s->node, &wrong[i], &err));
        rig_assert_error(&err, "choose a");
    }
    node_unref(&s->node);
}

/* ---- comparison, copies --------------------------------------------------------------- */

static void put(const char *path, uint64_t at, char byte)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    g_assert_cmpint(pwrite(fd, &byte, 1, (off_t)at), ==, 1);
    close(fd);
}

static void test_verify(void)
{
    GError *err = NULL;
    char *a = rig_image(SIZE), *b = rig_image(SIZE), *small = rig_image(SIZE / 2), data[PAGE];
    memset(data, 0x5a, sizeof(data));
    g_assert_false(
        add(&err,
            "driver=blkverify,node-name=v,test.driver=file,test.filename=%s,raw.driver=file,raw.filename=%s",
            a, small));
    rig_assert_error(&err, "one size");
    g_assert_true(add(&err, "driver=file,node-name=fb,filename=%s", b));
    g_assert_true(add(&err, "driver=blkverify,node-name=v,test.driver=file,test.filename=%s,raw=fb", a));
    g_assert_false(blockdev_del(test_drives(), "fb", &err));
    rig_assert_error(&err, "in use");
    g_assert_cmpint(rig_io(node("v"), BLOCK_WRITE, PAGE, data, PAGE), ==, 0);
    g_assert_cmpint(rig_io(node("v"), BLOCK_FLUSH, 0, NULL, 0), ==, 0);
    g_assert_cmpint(rig_io(node("v"), BLOCK_READ, PAGE, data, PAGE), ==, 0);
    put(b, PAGE + 77, 1);
    g_assert_cmpint(rig_io(node("v"), BLOCK_READ, 0, data, PAGE), ==, 0);
    g_assert_cmpint(rig_io(node("v"), BLOCK_READ, PAGE, data, PAGE), ==, -EIO);
    g_assert_cmpint(rig_io(node("v"), BLOCK_READ, 0, data, PAGE), ==, -EIO); /* from then on */
    del("v");
    del("fb");
    rig_remove(small);
    rig_remove(b);
    rig_remove(a);
}

static void make_overlay(const char *path, const char *backing)
{
    GError *err = NULL;
    const ImageMaker *maker = image_maker("qcow2");
    BlockNode *file = image_new_file(path, 0, NULL, &err);
    g_autofree char *text = g_strdup_printf("size=1M,backing_file=%s,backing_fmt=raw", backing);
    NewImage *o = shape_parse(maker->shape, text, NULL, &err);
    g_assert_no_error(err);
    g_assert_true(maker->make(file, o, &err));
    shape_free(maker->shape, o);
    node_unref(file);
}

static void test_copy_on_read(void)
{
    GError *err = NULL;
    char *base = rig_image(SIZE), *top = rig_image(0), data[PAGE];
    put(base, 0, 'a');
    put(base, 256 << 10, 'b');
    make_overlay(top, base);
    g_assert_true(add(
        &err, "driver=copy-on-read,node-name=c,file.driver=qcow2,file.file.driver=file,file.file.filename=%s",
        top));
    g_assert_cmpint(rig_io(node("c"), BLOCK_READ, 0, data, PAGE), ==, 0);
    g_assert_cmpint(data[0], ==, 'a');
    put(base, 0, 'x'); /* which nobody reads any more */
    put(base, 256 << 10, 'y');
    g_assert_cmpint(rig_io(node("c"), BLOCK_READ, 0, data, PAGE), ==, 0);
    g_assert_cmpint(data[0], ==, 'a');
    g_assert_cmpint(rig_io(node("c"), BLOCK_READ, 256 << 10, data, PAGE), ==, 0);
    g_assert_cmpint(data[0], ==, 'y');
    data[0] = 'z';
    g_assert_cmpint(rig_io(node("c"), BLOCK_WRITE, 256 << 10, data, PAGE), ==, 0);
    del("c");
    g_assert_true(add(
        &err,
        "{\"driver\": \"qcow2\", \"node-name\": \"q\", \"backing\": null, \"file\": {\"driver\": \"file\", \"filename\": \"%s\"}}",
        top));
    g_assert_cmpint(rig_io(node("q"), BLOCK_READ, 0, data, PAGE), ==, 0);
    g_assert_cmpint(data[0], ==, 'a');
    g_assert_cmpint(rig_io(node("q"), BLOCK_READ, 256 << 10, data, PAGE), ==, 0);
    g_assert_cmpint(data[0], ==, 'z');
    del("q");
    rig_remove(top);
    rig_remove(base);
}

static void test_copy_on_read_drive(void)
{
    GError *err = NULL;
    char *base = rig_image(SIZE), *top = rig_image(0), data[PAGE];
    put(base, 0, 'a');
    make_overlay(top, base);
    BlockBackend *blk = rig_drive_ok("file=%s,format=qcow2,if=none,id=c,copy-on-read=on", top);
    g_assert_cmpint(rig_io(blk, BLOCK_READ, 0, data, PAGE), ==, 0);
    put(base, 0, 'x');
    g_assert_cmpint(rig_io(blk, BLOCK_READ, 0, data, PAGE), ==, 0);
    g_assert_cmpint(data[0], ==, 'a');
    test_close_drives();
    g_assert_null(rig_drive(&err, "file=%s,format=qcow2,if=none,copy-on-read=on,readonly=on", top));
    rig_assert_error(&err, "read-only");
    rig_remove(top);
    rig_remove(base);
}

/* A format on a node that fails: the error reaches who asked. */
static void test_format_on_debug(void)
{
    GError *err = NULL;
    char *base = rig_image(SIZE), *top = rig_image(0), data[PAGE] = "q";
    make_overlay(top, base);
    g_assert_true(
        add(&err,
            "{\"driver\": \"qcow2\", \"node-name\": \"q\", \"file\": {\"driver\": \"blkdebug\", \"image\": "
            "{\"driver\": \"file\", \"filename\": \"%s\"}, \"inject-error\": [{\"event\": \"write_aio\", "
            "\"errno\": 28, \"once\": true}]}}",
            top));
    g_assert_no_error(err);
    g_assert_cmpint(rig_io(node("q"), BLOCK_READ, 0, data, PAGE), ==, 0);
    data[0] = 'q';
    block_set_on_error(node("q"), BLOCK_ON_ERROR_REPORT, BLOCK_ON_ERROR_REPORT);
    g_assert_cmpint(rig_io(node("q"), BLOCK_WRITE, 0, data, PAGE), ==, -ENOSPC);
    g_assert_cmpint(rig_io(node("q"), BLOCK_WRITE, 0, data, PAGE), ==, 0);
    del("q");
    rig_remove(top);
    rig_remove(base);
}

/* ---- NBD ------------------------------------------------------------------------------- */

static void test_nbd(void)
{
    GError *err = NULL;
    char *path = rig_image(SIZE), data[PAGE], back[PAGE];
    g_autofree char *socket = g_strdup_printf("%s.sock", path);
    const char *found;
    BlockNode *image = image_open(path, "raw", &(OpenFlags){ .readonly = false }, &found, &err);
    g_assert_no_error(err);
    int fd = nbd_listen(&(NbdAddress){ .path = socket }, &err);
    g_assert_no_error(err);
    NbdServer *server = nbd_server_new(&(NbdServerOptions){ .fd = fd }, &err);
    g_assert_no_error(err);
    g_assert_true(nbd_server_add(server, &(NbdExport){ .name = "x", .node = image, .writable = true }, &err));
    g_assert_true(nbd_server_add(server, &(NbdExport){ .name = "r", .node = image }, &err));
    memset(data, 0xab, sizeof(data));
    g_assert_true(add(&err, "driver=nbd,node-name=n,server.type=unix,server.path=%s,export=x", socket));
    g_assert_cmpuint(block_size(node("n")), ==, SIZE);
    g_assert_cmpint(rig_io(node("n"), BLOCK_WRITE, PAGE, data, PAGE), ==, 0);
    g_assert_cmpint(rig_io(node("n"), BLOCK_FLUSH, 0, NULL, 0), ==, 0);
    BlockBackend *drive = rig_drive_ok("file=nbd:unix:%s:exportname=x,format=raw,if=none,id=dr", socket);
    g_assert_cmpint(rig_io(drive, BLOCK_READ, PAGE, back, PAGE), ==, 0);
    g_assert_cmpmem(data, PAGE, back, PAGE);
    g_assert_false(add(&err, "driver=nbd,node-name=m,server.type=unix,server.path=%s,export=r", socket));
    rig_assert_error(&err, "read-only");
    g_assert_true(add(
        &err, "driver=nbd,node-name=m,auto-read-only=on,server.type=unix,server.path=%s,export=r", socket));
    g_assert_true(block_is_readonly(node("m")));
    g_assert_false(
        add(&err, "driver=nbd,node-name=o,server.type=unix,server.path=%s,export=nothing", socket));
    g_clear_error(&err);
    test_close_drives();
    nbd_server_free(server);
    node_unref(image);
    g_unlink(socket);
    rig_remove(path);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/filters/rate", test_rate);
    g_test_add_func("/filters/rate-directions", test_rate_directions);
    g_test_add_func("/filters/rate-long", test_rate_long);
    g_test_add_func("/filters/limits-refused", test_limits_refused);
    g_test_add_func("/filters/throttle-cancel", test_throttle_cancel);
    g_test_add_func("/filters/throttle-end", test_throttle_end);
    g_test_add_func("/filters/throttle-stop", test_throttle_stop);
    g_test_add_func("/filters/throttle-change", test_throttle_change);
    g_test_add_func("/filters/throttle-fair", test_throttle_fair);
    g_test_add_func("/filters/debug-rules", test_debug_rules);
    g_test_add_func("/filters/debug-config", test_debug_config);
    g_test_add_func("/filters/debug-align", test_debug_align);
    g_test_add_func("/filters/verify", test_verify);
    g_test_add_func("/filters/copy-on-read", test_copy_on_read);
    g_test_add_func("/filters/copy-on-read-drive", test_copy_on_read_drive);
    g_test_add_func("/filters/format-on-debug", test_format_on_debug);
    g_test_add_func("/filters/nbd", test_nbd);
    int result = g_test_run();
    test_close_drives();
    return result;
}
