/* SPDX-License-Identifier: GPL-2.0-or-later */
/* External snapshots, sizes and names of disks that are in use.
 * Names and errors: QEMU's QMP reference, "Block device commands". */
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
enum { ACTION_SYNC, ACTION_SNAPSHOT, ACTION_ABORT };
static const char *const action_types[] = { [ACTION_SYNC] = "blockdev-snapshot-sync",
                                            [ACTION_SNAPSHOT] = "blockdev-snapshot",
                                            [ACTION_ABORT] = "abort",
                                            NULL };
/* clang-format off */
static const char *const other_action_types[] = {
    "block-dirty-bitmap-add", "block-dirty-bitmap-remove", "block-dirty-bitmap-clear", "block-dirty-bitmap-enable",
    "block-dirty-bitmap-disable", "block-dirty-bitmap-merge", "blockdev-backup", "blockdev-snapshot-internal-sync", "drive-backup",
    NULL,
};
/* clang-format on */
static const char *const completion_modes[] = { "individual", NULL };
static const char *const other_completion_modes[] = { "grouped", NULL };
typedef struct Action {
    int type;
    LiveArguments *data;
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
static const Prop abort_action_props[] = {
    { "data", PROP_STRUCT, ALWAYS(data), .of = &abort_shape },
    { NULL },
};
#undef T
static const Shape sync_action_shape = { "BlockdevSnapshotSyncWrapper", sizeof(Action), sync_action_props };
static const Shape snapshot_action_shape = { "BlockdevSnapshotWrapper", sizeof(Action),
                                             snapshot_action_props };
static const Shape abort_action_shape = { "AbortWrapper", sizeof(Action), abort_action_props };
static const Shape *const action_arms[] = {
    [ACTION_SYNC] = &sync_action_shape,
    [ACTION_SNAPSHOT] = &snapshot_action_shape,
    [ACTION_ABORT] = &abort_action_shape,
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

static bool change_of(const Machine *m, const Action *a, OverlayChange *c, GError **err)
{
    switch (a->type) {
    case ACTION_SYNC: return change_to_new(m, a->data, c, err);
    case ACTION_SNAPSHOT: return change_to_node(m, a->data, c, err);
    default: return command_error(err, ERROR_GENERIC, "Transaction aborted using Abort action");
    }
}

/* All or none. */
static bool do_all(const Machine *m, Action *const *actions, size_t count, GError **err)
{
    g_autofree OverlayChange *changes = g_new0(OverlayChange, count + 1);
    size_t n = 0;
    while (n < count && change_of(m, actions[n], &changes[n], err) &&
           block_overlay_prepare(&changes[n], err)) {
        n++;
    }
    for (size_t i = 0; i < n; i++) {
        if (n == count) {
            block_overlay_do(&changes[i]);
        } else {
            block_overlay_undo(&changes[i]);
        }
    }
    return n == count;
}

static bool run_snapshot_sync(Control *c, const void *args, void *result, GError **err)
{
    Action a = { ACTION_SYNC, (LiveArguments *)args };
    return do_all(c->machine, (Action *[]){ &a }, 1, err);
}

static bool run_snapshot(Control *c, const void *args, void *result, GError **err)
{
    Action a = { ACTION_SNAPSHOT, (LiveArguments *)args };
    return do_all(c->machine, (Action *[]){ &a }, 1, err);
}

static bool run_transaction(Control *c, const void *args, void *result, GError **err)
{
    const Transaction *t = args;
    return do_all(c->machine, t->actions.items, t->actions.count, err);
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
