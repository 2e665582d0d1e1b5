/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Jobs on disks that are written meanwhile, and images on top of a disk in use: what is read is what was written, the whole time;
 * the images that are left have it too. */
#include <string.h>

#include "block/image.h"
#include "block/image_check.h"
#include "block/image_create.h"
#include "block/job.h"
#include "block/live.h"
#include "rig.h"
#include "tests/ends.h"

enum { DISK = 12 << 20, LONGEST = 96 << 10 };

static GRand *dice;
static uint8_t *model; /* the disk as it should be */

static char *path_for(const char *name)
{
    return g_strdup_printf("/var/tmp/lyrebird-jobs-%d-%s", getpid(), name);
}

static void make_image(const char *path, const char *format, uint64_t size)
{
    g_autoptr(GError) err = NULL;
    const ImageMaker *maker = image_maker(format);
    BlockNode *file = image_new_file(path, strcmp(format, "raw") == 0 ? size : 0, NULL, &err);
    g_assert_no_error(err);
    NewImage *o = shape_parse(maker->shape, "", NULL, &err);
    g_assert_no_error(err);
    o->size = size;
    o->has_size = true;
    g_assert_true(maker->make(file, o, &err));
    shape_free(maker->shape, o);
    node_unref(file);
}

/* As others see it. */
static void check_image(const char *path, const uint8_t *wanted)
{
    g_autoptr(GError) err = NULL;
    g_autofree uint8_t *all = g_malloc(DISK);
    const char *found;
    BlockNode *n = image_open(path, NULL, &(OpenFlags){ .readonly = true }, &found, &err);
    g_assert_no_error(err);
    g_assert_cmpint(node_read(n, 0, all, DISK), ==, 0);
    g_assert_cmpmem(all, DISK, wanted, DISK);
    ImageReport report = { 0 };
    int e = image_check(n, REPAIR_NOTHING, &report);
    g_assert_true(e == -ENOTSUP || (!e && !report.corruptions && !report.leaks && !report.check_errors));
    node_unref(n);
}

/* ---- the guest ------------------------------------------------------------------- */

static void write_once(BlockBackend *disk)
{
    uint64_t offset = (uint64_t)g_rand_int_range(dice, 0, DISK / 512) * 512;
    uint64_t length = (uint64_t)g_rand_int_range(dice, 1, LONGEST / 512) * 512;
    length = MIN(length, DISK - offset);
    int what = g_rand_int_range(dice, 0, 8);
    if (what == 0) {
        memset(model + offset, 0, length);
        g_assert_cmpint(rig_io(disk, BLOCK_WRITE_ZEROES, offset, NULL, length), ==, 0);
        return;
    }
    for (uint64_t i = 0; i < length; i += 4) {
        uint32_t word = what == 1 ? 0 : g_rand_int(dice);
        memcpy(model + offset + i, &word, 4);
    }
    g_assert_cmpint(rig_io(disk, BLOCK_WRITE, offset, model + offset, length), ==, 0);
    if (what == 2) {
        g_assert_cmpint(rig_io(disk, BLOCK_FLUSH, 0, NULL, 0), ==, 0);
    }
}

static void write_some(BlockBackend *disk, unsigned count)
{
    while (count--) {
        write_once(disk);
    }
}

static void check_disk(BlockBackend *disk)
{
    g_autofree uint8_t *all = g_malloc(DISK);
    g_assert_cmpint(rig_io(disk, BLOCK_READ, 0, all, DISK), ==, 0);
    g_assert_cmpmem(all, DISK, model, DISK);
}

/* ---- waiting ---------------------------------------------------------------------- */

static bool job_is(const char *id, JobStatus status)
{
    Job *j = job_find(test_drives(), id);
    return j ? job_state(j).status == status : status == JOB_NULL;
}

static void write_until(BlockBackend *disk, const char *id, JobStatus status)
{
    while (!job_is(id, status)) {
        write_once(disk);
        g_main_context_iteration(event_loop_context(test_loop()), FALSE);
        g_assert_true(status == JOB_NULL || job_find(test_drives(), id));
    }
}

static void wait_for(const char *id, JobStatus status)
{
    while (!job_is(id, status)) {
        g_main_context_iteration(event_loop_context(test_loop()), TRUE);
        g_assert_true(status == JOB_NULL || job_find(test_drives(), id));
    }
}

static void ok(bool done, GError **err)
{
    g_assert_no_error(*err);
    g_assert_true(done);
}

/* ---- a disk, and a chain of three --------------------------------------------------- */

static BlockBackend *new_disk(const char *format, char **path)
{
    *path = path_for("disk");
    model = g_malloc0(DISK);
    make_image(*path, format, DISK);
    BlockBackend *disk = rig_drive_ok("file=%s,format=%s,if=none,id=d,discard=unmap", *path, format);
    write_some(disk, 60);
    return disk;
}

static bool overlay_new(BlockBackend *disk, const char *file, GError **err)
{
    OverlayChange c = { .disk = disk, .new = { .file = file } };
    bool prepared = block_overlay_prepare(&c, err);
    if (prepared) {
        block_overlay_do(&c);
    }
    return prepared;
}

static char *put_on_top(BlockBackend *disk, const char *name)
{
    GError *err = NULL;
    char *path = path_for(name);
    ok(overlay_new(disk, path, &err), &err);
    write_some(disk, 40);
    check_disk(disk);
    return path;
}

typedef struct Chain {
    BlockBackend *disk;
    char *base, *middle, *top;
} Chain;

static Chain new_chain(const char *base_format)
{
    Chain c;
    c.disk = new_disk(base_format, &c.base);
    c.middle = put_on_top(c.disk, "middle");
    c.top = put_on_top(c.disk, "top");
    return c;
}

static unsigned depth(BlockBackend *disk)
{
    unsigned n = 0;
    for (BlockNode *i = block_image(disk); i; i = node_backing(i)) {
        n++;
    }
    return n;
}

static void end(BlockBackend *disk)
{
    check_disk(disk);
    test_close_drives();
    g_clear_pointer(&model, g_free);
}

static void end_chain(Chain *c, const char *last)
{
    g_autofree uint8_t *wanted = g_memdup2(model, DISK);
    end(c->disk);
    check_image(last, wanted);
    rig_remove(c->base);
    rig_remove(c->middle);
    rig_remove(c->top);
}

/* ---- the jobs -------------------------------------------------------------------------- */

static void mirror(const char *format, JobSync sync, bool change)
{
    GError *err = NULL;
    char *path, *copy = path_for("copy");
    BlockBackend *disk = new_disk(format, &path);
    JobCopy o = { .disk = disk, .sync = sync };
    o.image = block_new_target(disk, NULL, &(NewOverlay){ .file = copy, .format = format }, &err);
    ok(o.image != NULL, &err);
    ok(job_mirror(&o, &err), &err);
    write_until(disk, "d", JOB_READY);
    write_some(disk, 50);
    Job *j = job_find(test_drives(), "d");
    ok(change ? job_complete(j, &err) : job_cancel(j, false, &err), &err);
    write_until(disk, "d", JOB_NULL);
    g_autofree uint8_t *then = g_memdup2(model, DISK);
    g_assert_cmpstr(node_filename(block_image(disk)), ==, change ? copy : path);
    write_some(disk, 20);
    g_autofree uint8_t *wanted = g_memdup2(model, DISK);
    end(disk);
    check_image(change ? copy : path, wanted);
    rig_remove(path);
    rig_remove(copy);
}

static void test_mirror(void)
{
    mirror("qcow2", SYNC_FULL, true);
    mirror("qcow2", SYNC_TOP, true);
    mirror("raw", SYNC_FULL, true);
    mirror("qcow2", SYNC_FULL, false);
}

/* The copy is of the moment at which the job began. */
static void backup(const char *format, JobSync sync)
{
    GError *err = NULL;
    char *path, *copy = path_for("copy");
    BlockBackend *disk = new_disk(format, &path);
    g_autofree uint8_t *then = g_memdup2(model, DISK);
    JobCopy o = { .job.id = "b", .disk = disk, .sync = sync };
    o.image = block_new_target(disk, NULL, &(NewOverlay){ .file = copy, .format = "qcow2" }, &err);
    ok(o.image != NULL, &err);
    ok(job_backup(&o, &err), &err);
    write_until(disk, "b", JOB_NULL);
    write_some(disk, 20);
    g_autofree uint8_t *wanted = g_memdup2(model, DISK);
    end(disk);
    check_image(copy, then);
    check_image(path, wanted);
    rig_remove(path);
    rig_remove(copy);
}

static void test_backup(void)
{
    backup("qcow2", SYNC_FULL);
    backup("qcow2", SYNC_TOP);
    backup("raw", SYNC_FULL);
}

static void test_stream(void)
{
    GError *err = NULL;
    for (unsigned keep = 0; keep < 2; keep++) {
        Chain c = new_chain("qcow2");
        g_assert_cmpuint(depth(c.disk), ==, 3);
        JobStream o = { .disk = c.disk };
        o.base = keep ? block_chain_find(c.disk, NULL, c.base) : NULL;
        ok(job_stream(&o, &err), &err);
        write_until(c.disk, "d", JOB_NULL);
        g_assert_cmpuint(depth(c.disk), ==, 1 + keep);
        write_some(c.disk, 20);
        end_chain(&c, c.top);
    }
}

static void test_commit(void)
{
    GError *err = NULL;
    static const char *const formats[] = { "qcow2", "raw" };
    for (unsigned i = 0; i < G_N_ELEMENTS(formats); i++) {
        Chain c = new_chain(formats[i]);
        JobCommit o = { .disk = c.disk, .top = block_chain_find(c.disk, NULL, c.middle) };
        ok(job_commit(&o, &err), &err);
        write_until(c.disk, "d", JOB_NULL);
        g_assert_cmpuint(depth(c.disk), ==, 2);
        write_some(c.disk, 20);
        end_chain(&c, c.top);
    }
}

static void test_commit_active(void)
{
    GError *err = NULL;
    static const char *const formats[] = { "qcow2", "raw" };
    for (unsigned i = 0; i < 3; i++) {
        Chain c = new_chain(formats[i & 1]);
        JobCommit o = { .disk = c.disk };
        ok(job_commit(&o, &err), &err);
        write_until(c.disk, "d", JOB_READY);
        write_some(c.disk, 20);
        Job *j = job_find(test_drives(), "d");
        ok(i == 2 ? job_cancel(j, true, &err) : job_complete(j, &err), &err);
        write_until(c.disk, "d", JOB_NULL);
        g_assert_cmpuint(depth(c.disk), ==, i == 2 ? 3 : 1);
        write_some(c.disk, 20);
        if (i == 2) {
            end_chain(&c, c.top);
        } else if (i == 0) {
            end_chain(&c, c.base);
        } else { /* raw: nothing guesses what it is */
            char *raw = NULL;
            gsize size;
            g_autofree uint8_t *wanted = g_memdup2(model, DISK);
            end(c.disk);
            ok(g_file_get_contents(c.base, &raw, &size, &err), &err);
            g_assert_cmpmem(raw, size, wanted, DISK);
            g_free(raw);
            rig_remove(c.base);
            rig_remove(c.middle);
            rig_remove(c.top);
        }
    }
}

/* ---- what may be asked -------------------------------------------------------------------- */

static void test_states(void)
{
    GError *err = NULL;
    char *path, *copy = path_for("copy");
    BlockBackend *disk = new_disk("qcow2", &path);
    JobCopy o = { .job = { .id = "j", .speed = 1 << 20, .manual_finalize = true, .manual_dismiss = true },
                  .disk = disk };
    o.sync = SYNC_FULL;
    o.image = block_new_target(disk, NULL, &(NewOverlay){ .file = copy }, &err);
    ok(o.image != NULL, &err);
    ok(job_backup(&o, &err), &err);
    Job *j = job_find(test_drives(), "j");
    g_assert_false(job_complete(j, &err));
    rig_assert_error(&err, "Job 'j' in state 'running' cannot accept command verb 'complete'");
    g_assert_false(job_resume(j, &err));
    rig_assert_error(&err, "not paused");
    ok(job_pause(j, &err), &err);
    wait_for("j", JOB_PAUSED);
    uint64_t stands = job_state(j).done;
    g_assert_false(job_pause(j, &err));
    rig_assert_error(&err, "already paused");
    write_some(disk, 20); /* goes on: it is copied before */
    g_assert_cmpuint(job_state(j).done, ==, stands);
    g_assert_cmpuint(stands, <, DISK);
    g_assert_false(overlay_new(disk, copy, &err));
    rig_assert_error(&err, "is busy");
    o.image = NULL;
    o.target = disk;
    o.job.id = "k";
    g_assert_false(job_mirror(&o, &err));
    rig_assert_error(&err, "is busy");
    ok(job_resume(j, &err), &err);
    ok(job_set_speed(j, 0, &err), &err);
    wait_for("j", JOB_PENDING);
    g_assert_false(job_dismiss(j, &err));
    rig_assert_error(&err, "in state 'pending'");
    ok(job_finalize(j, &err), &err);
    g_assert_true(job_is("j", JOB_CONCLUDED));
    g_assert_null(job_state(j).error);
    ok(job_dismiss(j, &err), &err);
    g_assert_null(job_find(test_drives(), "j"));
    end(disk);
    rig_remove(path);
    rig_remove(copy);
}

/* Undone, at any time: the disk goes on; also when all is closed under a job. */
static void test_cancel(void)
{
    GError *err = NULL;
    for (unsigned i = 0; i < 4; i++) {
        Chain c = new_chain("qcow2");
        JobStream stream = { .job.speed = 1 << 20, .disk = c.disk };
        JobCommit commit = { .job.speed = 1 << 20, .disk = c.disk };
        ok(i & 1 ? job_stream(&stream, &err) : job_commit(&commit, &err), &err);
        write_some(c.disk, 10);
        if (i < 2) {
            ok(job_cancel(job_find(test_drives(), "d"), false, &err), &err);
            write_until(c.disk, "d", JOB_NULL);
            g_assert_cmpuint(depth(c.disk), ==, 3);
        }
        end_chain(&c, c.top);
    }
}

static void test_resize(void)
{
    GError *err = NULL;
    char *path;
    BlockBackend *disk = new_disk("qcow2", &path);
    ok(block_resize(disk, 2 * DISK, &err), &err);
    g_assert_cmpuint(block_size(disk), ==, 2 * DISK);
    char byte[512] = { 1 };
    g_assert_cmpint(rig_io(disk, BLOCK_READ, 2 * DISK - 512, byte, 512), ==, 0);
    g_assert_cmpint(byte[0], ==, 0);
    ok(block_resize(disk, DISK, &err), &err);
    end(disk);
    rig_remove(path);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    dice = g_rand_new_with_seed(20261126);
    g_test_add_func("/jobs/mirror", test_mirror);
    g_test_add_func("/jobs/backup", test_backup);
    g_test_add_func("/jobs/stream", test_stream);
    g_test_add_func("/jobs/commit", test_commit);
    g_test_add_func("/jobs/commit-active", test_commit_active);
    g_test_add_func("/jobs/states", test_states);
    g_test_add_func("/jobs/cancel", test_cancel);
    g_test_add_func("/jobs/resize", test_resize);
    int status = g_test_run();
    g_rand_free(dice);
    return status;
}
