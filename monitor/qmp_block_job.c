/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Commands that start jobs on disks: block-stream, block-commit, blockdev-mirror, drive-mirror, blockdev-backup, drive-backup.
 * Names, defaults and errors: QEMU's QMP reference, "Block device commands".
 *
 * Not built, and refused: errors that are ignored, bitmaps of mirrors, compression, other granularities. */
#include <string.h>

#include "block/job.h"
#include "block/live.h"
#include "hw/board.h"
#include "monitor/command.h"
#include "monitor/qmp_block.h"

static const char *const on_errors[] = { "report", "enospc", "stop", NULL };
static const BlockOnError on_error_values[] = { BLOCK_ON_ERROR_REPORT, BLOCK_ON_ERROR_ENOSPC,
                                                BLOCK_ON_ERROR_STOP };
static const char *const other_on_errors[] = { "ignore", "auto", NULL };
static const char *const syncs[] = { [SYNC_TOP] = "top", [SYNC_FULL] = "full", [SYNC_NONE] = "none", NULL };
static const char *const other_syncs[] = { "incremental", "bitmap", NULL };
static const char *const backup_syncs[] = { [SYNC_TOP] = "top",       [SYNC_FULL] = "full",
                                            [SYNC_NONE] = "none",     [SYNC_INCREMENTAL] = "incremental",
                                            [SYNC_BITMAP] = "bitmap", NULL };
static const char *const bitmap_modes[] = {
    [BITMAP_ON_SUCCESS] = "on-success", [BITMAP_NEVER] = "never", [BITMAP_ALWAYS] = "always", NULL
};
enum { MODE_NEW, MODE_EXISTING };
static const char *const modes[] = { [MODE_NEW] = "absolute-paths", [MODE_EXISTING] = "existing", NULL };
static const char *const copy_modes[] = { "background", NULL };
static const char *const other_copy_modes[] = { "write-blocking", NULL };

struct JobArguments {
    char *job, *device, *base, *base_node, *top, *top_node, *backing, *target, *format, *node_name, *bitmap;
    int64_t speed;
    bool finalize, dismiss, has_finalize, has_dismiss, unmap, mask;
    int on_error, source_error, target_error, sync, mode, copy_mode, bitmap_mode;
    bool has_bitmap_mode;
};

#define T JobArguments
#define JOB_PROPS                                                                                            \
    { "job-id", PROP_STRING, MAYBE(job), .help = "not given: that of the drive" },                           \
        { "device", PROP_STRING, ALWAYS(device), .help = "drive or node" },                                  \
        { "speed", PROP_I64, MAYBE(speed), .help = "bytes a second; 0: no limit" },                          \
        { "auto-finalize", PROP_BOOL, MAYBE_HAS(finalize), .help = "make the change at once" },              \
    {                                                                                                        \
        "auto-dismiss", PROP_BOOL, MAYBE_HAS(dismiss), .help = "forget it when it is over"                   \
    }
#define ON_ERROR(name, member)                                                                               \
    {                                                                                                        \
        name, PROP_ENUM, MAYBE(member), .names = on_errors, .unbuilt = other_on_errors                       \
    }
#define COPY_PROPS(...)                                                                                      \
    JOB_PROPS, { "target", PROP_STRING, ALWAYS(target) }, { "sync", PROP_ENUM, ALWAYS(sync), __VA_ARGS__ },  \
        ON_ERROR("on-source-error", source_error), ON_ERROR("on-target-error", target_error)
#define MIRROR_PROPS COPY_PROPS(.names = syncs, .unbuilt = other_syncs)
#define BACKUP_PROPS                                                                                         \
    COPY_PROPS(.names = backup_syncs), { "bitmap", PROP_STRING, MAYBE(bitmap), .help = "of the disk" },      \
    {                                                                                                        \
        "bitmap-mode", PROP_ENUM, MAYBE_HAS(bitmap_mode), .names = bitmap_modes,                             \
                                                          .help = "when it forgets what was copied"          \
    }
#define FILE_PROPS                                                                                           \
    { "format", PROP_STRING, MAYBE(format), .help = "of the target; not given: that of the disk" },          \
    {                                                                                                        \
        "mode", PROP_ENUM, MAYBE(mode), .names = modes, .help = "make the target, or use one"                \
    }
static const Prop stream_props[] = {
    JOB_PROPS,
    { "base", PROP_STRING, MAYBE(base), .help = "file of the image that stays the backing" },
    { "base-node", PROP_STRING, MAYBE(base_node), .help = "its node" },
    { "backing-file", PROP_STRING, MAYBE(backing), .help = "how the image names it" },
    ON_ERROR("on-error", on_error),
    { NULL },
};
static const Prop commit_props[] = {
    JOB_PROPS,
    { "base", PROP_STRING, MAYBE(base), .help = "file of the image that gets the data; not given: the last" },
    { "base-node", PROP_STRING, MAYBE(base_node), .help = "its node" },
    { "top", PROP_STRING, MAYBE(top), .help = "file of the first image that is committed" },
    { "top-node", PROP_STRING, MAYBE(top_node), .help = "its node; not given: the disk's" },
    { "backing-file", PROP_STRING, MAYBE(backing), .help = "how the image above names the base" },
    ON_ERROR("on-error", on_error),
    { NULL },
};
static const Prop blockdev_mirror_props[] = {
    MIRROR_PROPS,
    { "copy-mode", PROP_ENUM, MAYBE(copy_mode), .names = copy_modes, .unbuilt = other_copy_modes },
    { NULL },
};
static const Prop drive_mirror_props[] = {
    MIRROR_PROPS,
    FILE_PROPS,
    { "copy-mode", PROP_ENUM, MAYBE(copy_mode), .names = copy_modes, .unbuilt = other_copy_modes },
    PROP_ONLY_ON("unmap", "zeroes are given back to the host"),
    { NULL },
};
static const Prop blockdev_backup_props[] = { BACKUP_PROPS, { NULL } };
static const Prop drive_backup_props[] = { BACKUP_PROPS, FILE_PROPS, { NULL } };
#undef T
static const Shape stream_shape = { "BlockStream", sizeof(JobArguments), stream_props };
static const Shape commit_shape = { "BlockCommit", sizeof(JobArguments), commit_props };
static const Shape blockdev_mirror_shape = { "BlockdevMirror", sizeof(JobArguments), blockdev_mirror_props };
static const Shape drive_mirror_shape = { "DriveMirror", sizeof(JobArguments), drive_mirror_props };
const Shape qmp_blockdev_backup_shape = { "BlockdevBackup", sizeof(JobArguments), blockdev_backup_props };
const Shape qmp_drive_backup_shape = { "DriveBackup", sizeof(JobArguments), drive_backup_props };

/* ---- what they share ----------------------------------------------------------------- */

BlockBackend *qmp_find_disk(const Machine *m, const char *name, GError **err)
{
    BlockBackend *disk = block_find_node(m->drives, name);
    if (!disk) {
        command_error(err, ERROR_GENERIC, "Cannot find device='%s' nor node-name='%s'", name, name);
    }
    return disk;
}

static bool job_options(const JobArguments *a, JobOptions *o, GError **err)
{
    if (a->speed < 0) {
        return command_error(err, ERROR_GENERIC, "Parameter 'speed' expects a non-negative value");
    }
    *o = (JobOptions){ .id = a->job,
                       .speed = (uint64_t)a->speed,
                       .manual_finalize = a->has_finalize && !a->finalize,
                       .manual_dismiss = a->has_dismiss && !a->dismiss,
                       .on_source_error = on_error_values[MAX(a->on_error, a->source_error)],
                       .on_target_error = on_error_values[MAX(a->on_error, a->target_error)] };
    return true;
}

/* By node or by file, of which one may be given; *n: NULL: neither is. */
static bool find_image(const BlockBackend *disk, const char *node, const char *file, const char *what,
                       BlockNode **n, GError **err)
{
    *n = NULL;
    if (!node && !file) {
        return true;
    }
    if (node && file) {
        return command_error(err, ERROR_GENERIC, "'%s' and '%s-node' cannot be used at the same time", what,
                             what);
    }
    *n = block_chain_find(disk, node, file);
    return *n || command_error(err, ERROR_GENERIC,
                               node ? "Cannot find node '%s' in the chain of '%s'"
                                    : "Can't find '%s' in the backing chain of '%s'",
                               node ? node : file, block_id(disk));
}

/* ---- stream and commit ------------------------------------------------------------------- */

static bool run_stream(Control *c, const void *args, void *result, GError **err)
{
    const JobArguments *a = args;
    JobStream o = { .disk = qmp_find_disk(c->machine, a->device, err), .backing_text = a->backing };
    return o.disk && job_options(a, &o.job, err) &&
           find_image(o.disk, a->base_node, a->base, "base", &o.base, err) && job_stream(&o, err);
}

static bool run_commit(Control *c, const void *args, void *result, GError **err)
{
    const JobArguments *a = args;
    JobCommit o = { .disk = qmp_find_disk(c->machine, a->device, err), .backing_text = a->backing };
    return o.disk && job_options(a, &o.job, err) &&
           find_image(o.disk, a->base_node, a->base, "base", &o.base, err) &&
           find_image(o.disk, a->top_node, a->top, "top", &o.top, err) && job_commit(&o, err);
}

/* ---- copies ----------------------------------------------------------------------------------- */

static bool check_bitmap_mode(const JobArguments *a, GError **err)
{
    if (a->bitmap && !a->has_bitmap_mode && a->sync != SYNC_INCREMENTAL) {
        return command_error(err, ERROR_GENERIC, "Bitmap sync mode must be given when providing a bitmap");
    }
    return a->bitmap || !a->has_bitmap_mode ||
           command_error(err, ERROR_GENERIC, "Cannot specify bitmap sync mode without a bitmap");
}

/* All of a copy but its target. */
static bool copy_options(Control *c, const JobArguments *a, JobCopy *o, GError **err)
{
    *o = (JobCopy){ .disk = qmp_find_disk(c->machine, a->device, err),
                    .sync = (JobSync)a->sync,
                    .bitmap = a->bitmap,
                    .bitmap_mode = (BitmapMode)a->bitmap_mode };
    return o->disk && job_options(a, &o->job, err) && check_bitmap_mode(a, err);
}

static bool copy_to_node(Control *c, const JobArguments *a, bool (*start)(const JobCopy *o, GError **err),
                         GError **err)
{
    JobCopy o;
    if (!copy_options(c, a, &o, err)) {
        return false;
    }
    o.target = qmp_find_disk(c->machine, a->target, err);
    if (o.target == o.disk) {
        return command_error(err, ERROR_GENERIC, "Source and target cannot be the same");
    }
    return o.target && start(&o, err);
}

static bool copy_to_file(Control *c, const JobArguments *a, bool (*start)(const JobCopy *o, GError **err),
                         GError **err)
{
    JobCopy o;
    if (!copy_options(c, a, &o, err)) {
        return false;
    }
    BlockNode *image = block_image(o.disk);
    if (o.job.id ? job_find(c->machine->drives, o.job.id) : job_find(c->machine->drives, block_id(o.disk))) {
        return command_error(err, ERROR_GENERIC, "Job ID '%s' already in use",
                             o.job.id ? o.job.id : block_id(o.disk));
    }
    NewOverlay target = { .file = a->target,
                          .format = a->format ? a->format : node_format(image),
                          .existing = a->mode == MODE_EXISTING };
    o.image = block_new_target(o.disk, o.sync == SYNC_FULL ? NULL : node_backing(image), &target, err);
    return o.image && start(&o, err);
}

static bool run_blockdev_mirror(Control *c, const void *args, void *result, GError **err)
{
    return copy_to_node(c, args, job_mirror, err);
}

static bool run_blockdev_backup(Control *c, const void *args, void *result, GError **err)
{
    return copy_to_node(c, args, job_backup, err);
}

static bool run_drive_mirror(Control *c, const void *args, void *result, GError **err)
{
    return copy_to_file(c, args, job_mirror, err);
}

static bool run_drive_backup(Control *c, const void *args, void *result, GError **err)
{
    return copy_to_file(c, args, job_backup, err);
}

bool qmp_start_backup(Control *c, const JobArguments *a, bool to_node, GError **err)
{
    return (to_node ? copy_to_node : copy_to_file)(c, a, job_backup, err);
}

BlockBackend *qmp_backup_disk(const Machine *m, const JobArguments *a, GError **err)
{
    return qmp_find_disk(m, a->device, err);
}

const char *qmp_backup_id(const JobArguments *a, const BlockBackend *disk)
{
    return a->job ? a->job : block_id(disk);
}

/* clang-format off */
const Command commands_block_job[] = {
    { "block-stream", "copy what backing images have into the disk's own, as a job", &stream_shape, NULL, 0, run_stream },
    { "block-commit", "write what overlays have into their base, as a job", &commit_shape, NULL, 0, run_commit },
    { "blockdev-mirror", "copy a disk to another node, which may take its place, as a job", &blockdev_mirror_shape, NULL, 0,
      run_blockdev_mirror },
    { "drive-mirror", "the same to a file", &drive_mirror_shape, NULL, 0, run_drive_mirror },
    { "blockdev-backup", "copy a disk as it is now to another node, as a job", &qmp_blockdev_backup_shape, NULL, 0,
      run_blockdev_backup },
    { "drive-backup", "the same to a file", &qmp_drive_backup_shape, NULL, 0, run_drive_backup },
    { NULL },
};
/* clang-format on */
