/* SPDX-License-Identifier: GPL-2.0-or-later */
/* External snapshots, sizes and names of disks that are in use.
 * Names and errors: QEMU's QMP reference, "Block device commands". */
#include "block/job.h"
#include "block/live.h"
#include "hw/board.h"
#include "monitor/command.h"
#include "monitor/qmp_block.h"

enum { MODE_NEW, MODE_EXISTING };
static const char *const modes[] = { [MODE_NEW] = "absolute-paths", [MODE_EXISTING] = "existing", NULL };

typedef struct LiveArguments {
    char *device, *node, *file, *new_node, *format, *overlay, *image_node, *backing;
    int mode;
    int64_t size;
} LiveArguments;

/* What a transaction is made of. */
enum {
    ACTION_SYNC,
    ACTION_SNAPSHOT,
    ACTION_ABORT,
    ACTION_BACKUP,
    ACTION_DRIVE_BACKUP,
    ACTION_BITMAP, /* from here on, in the order of BitmapVerb */
};
static const char *const action_types[] = { [ACTION_SYNC] = "blockdev-snapshot-sync",
                                            [ACTION_SNAPSHOT] = "blockdev-snapshot",
                                            [ACTION_ABORT] = "abort",
                                            [ACTION_BACKUP] = "blockdev-backup",
                                            [ACTION_DRIVE_BACKUP] = "drive-backup",
                                            [ACTION_BITMAP + BITMAP_DO_ADD] = "block-dirty-bitmap-add",
                                            [ACTION_BITMAP + BITMAP_DO_REMOVE] = "block-dirty-bitmap-remove",
                                            [ACTION_BITMAP + BITMAP_DO_CLEAR] = "block-dirty-bitmap-clear",
                                            [ACTION_BITMAP + BITMAP_DO_ENABLE] = "block-dirty-bitmap-enable",
                                            [ACTION_BITMAP + BITMAP_DO_DISABLE] =
                                                "block-dirty-bitmap-disable",
                                            [ACTION_BITMAP + BITMAP_DO_MERGE] = "block-dirty-bitmap-merge",
                                            NULL };
static const char *const other_action_types[] = { "blockdev-snapshot-internal-sync", NULL };
static const char *const completion_modes[] = { "individual", NULL };
static const char *const other_completion_modes[] = { "grouped", NULL };
typedef struct Action {
    int type;
    LiveArguments *data; /* one of the three */
    BitmapArguments *bitmap;
    JobArguments *backup;
} Action;
typedef struct TransactionProperties {
    int completion;
} TransactionProperties;
typedef struct Transaction {
    PropList actions;
    TransactionProperties *properties;
} Transaction;

#define T LiveArguments
static const Prop sync_props[] = {
    { "device", PROP_STRING, MAYBE(device), .help = "drive" },
    { "node-name", PROP_STRING, MAYBE(node), .help = "or node" },
    { "snapshot-file", PROP_STRING, ALWAYS(file), .help = "the new image" },
    { "snapshot-node-name", PROP_STRING, MAYBE(new_node), .help = "its node" },
    { "format", PROP_STRING, MAYBE(format), .help = "qcow2" },
    { "mode", PROP_ENUM, MAYBE(mode), .names = modes, .help = "make the image, or use one" },
    { NULL },
};
static const Prop snapshot_props[] = {
    { "node", PROP_STRING, ALWAYS(node), .help = "that becomes the backing" },
    { "overlay", PROP_STRING, ALWAYS(overlay), .help = "node that takes its place, added without backing" },
    { NULL },
};
static const Prop abort_props[] = { { NULL } };
static const Prop resize_props[] = {
    { "device", PROP_STRING, MAYBE(device), .help = "drive" },
    { "node-name", PROP_STRING, MAYBE(node), .help = "or node" },
    { "size", PROP_I64, ALWAYS(size), .help = "bytes" },
    { NULL },
};
static const Prop backing_props[] = {
    { "device", PROP_STRING, ALWAYS(device), .help = "drive or node" },
    { "image-node-name", PROP_STRING, ALWAYS(image_node), .help = "image of its chain" },
    { "backing-file", PROP_STRING, ALWAYS(backing), .help = "how it names its backing from now on" },
    { NULL },
};
#undef T
static const Shape sync_shape = { "BlockdevSnapshotSync", sizeof(LiveArguments), sync_props };
static const Shape snapshot_shape = { "BlockdevSnapshot", sizeof(LiveArguments), snapshot_props };
static const Shape abort_shape = { "Abort", sizeof(LiveArguments), abort_props };
static const Shape resize_shape = { "BlockResize", sizeof(LiveArguments), resize_props };
static const Shape backing_shape = { "ChangeBackingFile", sizeof(LiveArguments), backing_props };

#define T Action
static const Prop action_props[] = {
    { "type", PROP_ENUM, ALWAYS(type), .names = action_types, .unbuilt = other_action_types },
    { NULL },
};
static const Prop sync_action_props[] = {
    { "data", PROP_STRUCT, ALWAYS(data), .of = &sync_shape },
    { NULL },
};
static const Prop snapshot_action_props[] = {
    { "data", PROP_STRUCT, ALWAYS(data), .of = &snapshot_shape },
    { NULL },
};
#define DATA(member, shape)                                                                                  \
    {                                                                                                        \
        { "data", PROP_STRUCT, ALWAYS(member), .of = &(shape) },                                             \
        {                                                                                                    \
            NULL                                                                                             \
        }                                                                                                    \
    }
static const Prop backup_action_props[] = DATA(backup, qmp_blockdev_backup_shape);
static const Prop drive_backup_action_props[] = DATA(backup, qmp_drive_backup_shape);
static const Prop bitmap_add_action_props[] = DATA(bitmap, qmp_bitmap_add_shape);
static const Prop bitmap_action_props[] = DATA(bitmap, qmp_bitmap_shape);
static const Prop bitmap_merge_action_props[] = DATA(bitmap, qmp_bitmap_merge_shape);
#undef DATA
static const Prop abort_action_props[] = {
    { "data", PROP_STRUCT, ALWAYS(data), .of = &abort_shape },
    { NULL },
};
#undef T
static const Shape sync_action_shape = { "BlockdevSnapshotSyncWrapper", sizeof(Action), sync_action_props };
static const Shape snapshot_action_shape = { "BlockdevSnapshotWrapper", sizeof(Action),
                                             snapshot_action_props };
static const Shape abort_action_shape = { "AbortWrapper", sizeof(Action), abort_action_props };
static const Shape backup_action_shape = { "BlockdevBackupWrapper", sizeof(Action), backup_action_props };
static const Shape drive_backup_action_shape = { "DriveBackupWrapper", sizeof(Action),
                                                 drive_backup_action_props };
static const Shape bitmap_add_action_shape = { "BlockDirtyBitmapAddWrapper", sizeof(Action),
                                               bitmap_add_action_props };
static const Shape bitmap_action_shape = { "BlockDirtyBitmapWrapper", sizeof(Action), bitmap_action_props };
static const Shape bitmap_merge_action_shape = { "BlockDirtyBitmapMergeWrapper", sizeof(Action),
                                                 bitmap_merge_action_props };
static const Shape *const action_arms[] = {
    [ACTION_SYNC] = &sync_action_shape,
    [ACTION_SNAPSHOT] = &snapshot_action_shape,
    [ACTION_ABORT] = &abort_action_shape,
    [ACTION_BACKUP] = &backup_action_shape,
    [ACTION_DRIVE_BACKUP] = &drive_backup_action_shape,
    [ACTION_BITMAP + BITMAP_DO_ADD] = &bitmap_add_action_shape,
    [ACTION_BITMAP + BITMAP_DO_REMOVE] = &bitmap_action_shape,
    [ACTION_BITMAP + BITMAP_DO_CLEAR] = &bitmap_action_shape,
    [ACTION_BITMAP + BITMAP_DO_ENABLE] = &bitmap_action_shape,
    [ACTION_BITMAP + BITMAP_DO_DISABLE] = &bitmap_action_shape,
    [ACTION_BITMAP + BITMAP_DO_MERGE] = &bitmap_merge_action_shape,
};
static const Shape action_shape = { "TransactionAction", sizeof(Action), action_props,
                                    .tag = &action_props[0], .arms = action_arms };
#define T TransactionProperties
static const Prop transaction_properties_props[] = {
    { "completion-mode", PROP_ENUM, MAYBE(completion), .names = completion_modes,
      .unbuilt = other_completion_modes },
    { NULL },
};
#undef T
static const Shape transaction_properties_shape = { "TransactionProperties", sizeof(TransactionProperties),
                                                    transaction_properties_props };
#define T Transaction
static const Prop transaction_props[] = {
    { "actions", PROP_STRUCT, ALWAYS(actions), .list = true, .of = &action_shape, .help = "done together" },
    { "properties", PROP_STRUCT, MAYBE(properties), .of = &transaction_properties_shape },
    { NULL },
};
#undef T
static const Shape transaction_shape = { "Transaction", sizeof(Transaction), transaction_props };

/* By one of the two. */
static BlockBackend *find_either(const Machine *m, const LiveArguments *a, GError **err)
{
    if (!a->device == !a->node) {
        command_error(err, ERROR_GENERIC,
                      a->device ? "'device' and 'node-name' cannot both be given"
                                : "Cannot find device='' nor node-name=''");
        return NULL;
    }
    return qmp_find_disk(m, a->device ? a->device : a->node, err);
}

/* ---- overlays --------------------------------------------------------------------- */

static bool change_to_new(const Machine *m, const LiveArguments *a, OverlayChange *c, GError **err)
{
    *c = (OverlayChange){ .disk = find_either(m, a, err),
                          .new = { a->file, a->format, a->new_node, a->mode == MODE_EXISTING } };
    return c->disk != NULL;
}

static bool change_to_node(const Machine *m, const LiveArguments *a, OverlayChange *c, GError **err)
{
    *c = (OverlayChange){ .disk = qmp_find_disk(m, a->node, err) };
    c->overlay = c->disk ? qmp_find_disk(m, a->overlay, err) : NULL;
    return c->overlay != NULL;
}

/* One action of several, from when it was prepared until all are done or none is. */
typedef struct Change {
    const Action *action;
    OverlayChange overlay;
    BitmapChange bitmap;
    BlockBackend *disk; /* of a backup */
} Change;

/* The job is there from here on; its disk is held until all is prepared, so that all is of one moment. */
static bool prepare_backup(Control *c, Change *change, GError **err)
{
    const JobArguments *a = change->action->backup;
    change->disk = qmp_backup_disk(c->machine, a, err);
    if (!change->disk) {
        return false;
    }
    block_hold(change->disk);
    if (!qmp_start_backup(c, a, change->action->type == ACTION_BACKUP, err)) {
        block_release(change->disk);
        return false;
    }
    return true;
}

static void end_backup(const Control *c, const Change *change, bool done)
{
    Job *j = done ? NULL : job_find(c->machine->drives, qmp_backup_id(change->action->backup, change->disk));
    if (j) {
        g_autoptr(GError) ignored = NULL; /* it is over already */
        (void)!job_cancel(j, true, &ignored);
    }
    block_release(change->disk);
}

static bool prepare(Control *c, Change *change, GError **err)
{
    const Action *a = change->action;
    const Machine *m = c->machine;
    switch (a->type) {
    case ACTION_SYNC:
        return change_to_new(m, a->data, &change->overlay, err) &&
               block_overlay_prepare(&change->overlay, err);
    case ACTION_SNAPSHOT:
        return change_to_node(m, a->data, &change->overlay, err) &&
               block_overlay_prepare(&change->overlay, err);
    case ACTION_ABORT: return command_error(err, ERROR_GENERIC, "Transaction aborted using Abort action");
    case ACTION_BACKUP:
    case ACTION_DRIVE_BACKUP: return prepare_backup(c, change, err);
    default:
        return qmp_bitmap_change(m, (BitmapVerb)(a->type - ACTION_BITMAP), a->bitmap, &change->bitmap, err);
    }
}

static void end(const Control *c, Change *change, bool done)
{
    switch (change->action->type) {
    case ACTION_SYNC:
    case ACTION_SNAPSHOT: (done ? block_overlay_do : block_overlay_undo)(&change->overlay); break;
    case ACTION_BACKUP:
    case ACTION_DRIVE_BACKUP: end_backup(c, change, done); break;
    default: qmp_bitmap_end(&change->bitmap, done);
    }
}

/* All or none; what is undone is undone from the last on. */
static bool do_all(Control *c, Action *const *actions, size_t count, GError **err)
{
    g_autofree Change *changes = g_new0(Change, count + 1);
    size_t n = 0;
    while (n < count && (changes[n].action = actions[n]) && prepare(c, &changes[n], err)) {
        n++;
    }
    for (size_t i = 0; i < n; i++) {
        end(c, &changes[n == count ? i : n - 1 - i], n == count);
    }
    return n == count;
}

static bool run_snapshot_sync(Control *c, const void *args, void *result, GError **err)
{
    Action a = { ACTION_SYNC, (LiveArguments *)args };
    return do_all(c, (Action *[]){ &a }, 1, err);
}

static bool run_snapshot(Control *c, const void *args, void *result, GError **err)
{
    Action a = { ACTION_SNAPSHOT, (LiveArguments *)args };
    return do_all(c, (Action *[]){ &a }, 1, err);
}

static bool run_transaction(Control *c, const void *args, void *result, GError **err)
{
    const Transaction *t = args;
    return do_all(c, t->actions.items, t->actions.count, err);
}

/* ---- sizes and names ---------------------------------------------------------------- */

static bool run_resize(Control *c, const void *args, void *result, GError **err)
{
    const LiveArguments *a = args;
    BlockBackend *disk = find_either(c->machine, a, err);
    if (disk && a->size < 0) {
        return command_error(err, ERROR_GENERIC, "Parameter 'size' expects a >0 size");
    }
    return disk && block_resize(disk, (uint64_t)a->size, err);
}

static bool run_backing(Control *c, const void *args, void *result, GError **err)
{
    const LiveArguments *a = args;
    BlockBackend *disk = qmp_find_disk(c->machine, a->device, err);
    BlockNode *image = disk ? block_chain_find(disk, a->image_node, NULL) : NULL;
    if (disk && !image) {
        return command_error(err, ERROR_GENERIC, "image file not found");
    }
    return disk && block_rename_backing(disk, image, a->backing, err);
}

/* clang-format off */
const Command commands_live[] = {
    { "blockdev-snapshot-sync", "put a new image on top of a disk", &sync_shape, NULL, 0, run_snapshot_sync },
    { "blockdev-snapshot", "put a node on top of a disk", &snapshot_shape, NULL, 0, run_snapshot },
    { "transaction", "several changes of disks at one moment: all or none", &transaction_shape, NULL, 0, run_transaction },
    { "block_resize", "another size of a disk", &resize_shape, NULL, 0, run_resize },
    { "change-backing-file", "another name for a backing image", &backing_shape, NULL, 0, run_backing },
    { NULL },
};
/* clang-format on */
