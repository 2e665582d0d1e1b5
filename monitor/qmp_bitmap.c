/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Commands on dirty bitmaps.  Names and errors: QEMU's QMP reference, "Block device commands". */
#include <json-c/json.h>

#include "block/live.h"
#include "hw/board.h"
#include "monitor/command.h"
#include "monitor/qmp_block.h"

struct BitmapArguments {
    char *node, *name, *target;
    uint64_t granularity;
    bool persistent, disabled, has_granularity;
    json_object *bitmaps; /* to be merged: names, or {"node", "name"} */
};

#define T BitmapArguments
static const Prop add_props[] = {
    { "node", PROP_STRING, ALWAYS(node), .help = "drive or node" },
    { "name", PROP_STRING, ALWAYS(name), .help = "of the new bitmap" },
    { "granularity", PROP_SIZE, MAYBE_HAS(granularity), .help = "bytes of the disk that a bit is for" },
    { "persistent", PROP_BOOL, MAYBE(persistent), .help = "the image keeps it" },
    { "disabled", PROP_BOOL, MAYBE(disabled), .help = "it does not record yet" },
    { NULL },
};
static const Prop bitmap_props[] = {
    { "node", PROP_STRING, ALWAYS(node), .help = "drive or node" },
    { "name", PROP_STRING, ALWAYS(name), .help = "of the bitmap" },
    { NULL },
};
static const Prop merge_props[] = {
    { "node", PROP_STRING, ALWAYS(node), .help = "drive or node" },
    { "target", PROP_STRING, ALWAYS(target), .help = "bitmap that gets what the others have" },
    { "bitmaps", PROP_ANY, ALWAYS(bitmaps), .help = "a list of names, or of node and name" },
    { NULL },
};
#undef T
const Shape qmp_bitmap_add_shape = { "BlockDirtyBitmapAdd", sizeof(BitmapArguments), add_props };
const Shape qmp_bitmap_shape = { "BlockDirtyBitmap", sizeof(BitmapArguments), bitmap_props };
const Shape qmp_bitmap_merge_shape = { "BlockDirtyBitmapMerge", sizeof(BitmapArguments), merge_props };

typedef struct BitmapInfo {
    char *name;
    int64_t count, granularity;
    bool recording, busy, persistent, inconsistent, has_inconsistent;
} BitmapInfo;
#define T BitmapInfo
static const Prop info_props[] = {
    { "name", PROP_STRING, MAYBE(name) },
    { "count", PROP_I64, ALWAYS(count), .help = "bytes that are marked" },
    { "granularity", PROP_I64, ALWAYS(granularity) },
    { "recording", PROP_BOOL, ALWAYS(recording) },
    { "busy", PROP_BOOL, ALWAYS(busy) },
    { "persistent", PROP_BOOL, ALWAYS(persistent) },
    { "inconsistent", PROP_BOOL, MAYBE_HAS(inconsistent) },
    { NULL },
};
#undef T
const Shape qmp_bitmap_info_shape = { "BlockDirtyInfo", sizeof(BitmapInfo), info_props };

void qmp_bitmaps_fill(PropList *list, const BlockNode *n)
{
    DirtyBitmap *b;
    for (unsigned i = 0; (b = node_bitmap_at(n, i)); i++) {
        BitmapState s = bitmap_state(b);
        BitmapInfo *info = prop_list_add(list, &qmp_bitmap_info_shape);
        *info = (BitmapInfo){ .name = g_strdup(s.name),
                              .count = (int64_t)s.count,
                              .granularity = (int64_t)s.granularity,
                              .recording = s.recording,
                              .busy = s.busy,
                              .persistent = s.persistent,
                              .inconsistent = s.inconsistent,
                              .has_inconsistent = s.inconsistent };
    }
}

/* ---- merging ------------------------------------------------------------------------ */

bool qmp_bitmap_read(const Machine *m, json_object *one, const BlockBackend **disk, const char **text,
                     GError **err)
{
    json_object *node = NULL, *name = one;
    if (json_object_is_type(one, json_type_object)) {
        node = json_object_object_get(one, "node");
        name = json_object_object_get(one, "name");
        if (json_object_object_length(one) != 2 || !json_object_is_type(node, json_type_string)) {
            name = NULL;
        }
    }
    if (!json_object_is_type(name, json_type_string)) {
        return command_error(err, ERROR_GENERIC,
                             "Invalid parameter type for 'bitmaps': a name, or an object of node and name");
    }
    *text = json_object_get_string(name);
    *disk = node ? qmp_find_disk(m, json_object_get_string(node), err) : NULL;
    return !node || *disk;
}

static DirtyBitmap *find_source(const Machine *m, const BitmapChange *c, json_object *one, GError **err)
{
    const BlockBackend *disk;
    const char *name;
    bool ok = qmp_bitmap_read(m, one, &disk, &name, err);
    return ok ? node_bitmap_find(block_image(disk ? disk : c->disk), name, err) : NULL;
}

static bool merge_all(const Machine *m, const BitmapArguments *a, BitmapChange *c, GError **err)
{
    if (!json_object_is_type(a->bitmaps, json_type_array)) {
        return command_error(err, ERROR_GENERIC, "Invalid parameter type for 'bitmaps', expected: array");
    }
    c->before = bitmap_copy(c->bitmap);
    for (size_t i = 0; i < json_object_array_length(a->bitmaps); i++) {
        DirtyBitmap *from = find_source(m, c, json_object_array_get_idx(a->bitmaps, i), err);
        if (!from || !bitmap_allows(from, BITMAP_CHANGE, err) || !bitmap_merge(c->bitmap, from, err)) {
            return false;
        }
    }
    return true;
}

/* ---- changes -------------------------------------------------------------------------- */

static bool add(const BitmapArguments *a, BitmapChange *c, GError **err)
{
    if (a->has_granularity && !a->granularity) {
        return command_error(err, ERROR_GENERIC, "Granularity must be power of 2 and at least 512");
    }
    NewBitmap o = { a->name, a->granularity, a->persistent, a->disabled };
    c->bitmap = node_bitmap_add(c->node, &o, err);
    return c->bitmap != NULL;
}

static bool change(const Machine *m, const BitmapArguments *a, BitmapChange *c, GError **err)
{
    if (c->verb == BITMAP_DO_ADD) {
        return add(a, c, err);
    }
    c->bitmap = node_bitmap_find(c->node, c->verb == BITMAP_DO_MERGE ? a->target : a->name, err);
    if (!c->bitmap ||
        !bitmap_allows(c->bitmap, c->verb == BITMAP_DO_REMOVE ? BITMAP_REMOVE : BITMAP_CHANGE, err)) {
        c->bitmap = NULL;
        return false;
    }
    c->was_recording = bitmap_state(c->bitmap).recording;
    switch (c->verb) {
    case BITMAP_DO_CLEAR:
        c->before = bitmap_copy(c->bitmap);
        bitmap_clear(c->bitmap);
        break;
    case BITMAP_DO_MERGE: return merge_all(m, a, c, err);
    case BITMAP_DO_ENABLE:
    case BITMAP_DO_DISABLE: bitmap_set_recording(c->bitmap, c->verb == BITMAP_DO_ENABLE); break;
    default: bitmap_set_busy(c->bitmap, true); /* it goes at the end; nobody takes it before */
    }
    return true;
}

bool qmp_bitmap_change(const Machine *m, BitmapVerb verb, const BitmapArguments *a, BitmapChange *c,
                       GError **err)
{
    *c = (BitmapChange){ .verb = verb, .disk = qmp_find_disk(m, a->node, err) };
    if (!c->disk) {
        return false;
    }
    c->node = block_image(c->disk);
    block_hold(c->disk);
    if (change(m, a, c, err)) {
        return true;
    }
    qmp_bitmap_end(c, false);
    return false;
}

static void undo(BitmapChange *c)
{
    if (c->verb == BITMAP_DO_ADD) {
        node_bitmap_remove(c->node, c->bitmap);
        return;
    }
    if (c->before) {
        bitmap_swap_bits(c->bitmap, c->before);
    }
    bitmap_set_recording(c->bitmap, c->was_recording);
}

void qmp_bitmap_end(BitmapChange *c, bool done)
{
    if (c->bitmap && c->verb == BITMAP_DO_REMOVE) {
        bitmap_set_busy(c->bitmap, false);
    }
    if (c->bitmap && !done) {
        undo(c);
    } else if (c->bitmap && c->verb == BITMAP_DO_REMOVE) {
        node_bitmap_remove(c->node, c->bitmap);
    }
    bitmap_free(c->before);
    block_release(c->disk);
}

/* ---- commands ----------------------------------------------------------------------------- */

static bool run(Control *c, BitmapVerb verb, const void *args, GError **err)
{
    BitmapChange change;
    bool ok = qmp_bitmap_change(c->machine, verb, args, &change, err);
    if (ok) {
        qmp_bitmap_end(&change, true);
    }
    return ok;
}

static bool run_add(Control *c, const void *args, void *result, GError **err)
{
    return run(c, BITMAP_DO_ADD, args, err);
}

static bool run_remove(Control *c, const void *args, void *result, GError **err)
{
    return run(c, BITMAP_DO_REMOVE, args, err);
}

static bool run_clear(Control *c, const void *args, void *result, GError **err)
{
    return run(c, BITMAP_DO_CLEAR, args, err);
}

static bool run_enable(Control *c, const void *args, void *result, GError **err)
{
    return run(c, BITMAP_DO_ENABLE, args, err);
}

static bool run_disable(Control *c, const void *args, void *result, GError **err)
{
    return run(c, BITMAP_DO_DISABLE, args, err);
}

static bool run_merge(Control *c, const void *args, void *result, GError **err)
{
    return run(c, BITMAP_DO_MERGE, args, err);
}

/* clang-format off */
const Command commands_bitmap[] = {
    { "block-dirty-bitmap-add", "record what is written to a disk from now on", &qmp_bitmap_add_shape, NULL, 0, run_add },
    { "block-dirty-bitmap-remove", "forget a dirty bitmap", &qmp_bitmap_shape, NULL, 0, run_remove },
    { "block-dirty-bitmap-clear", "take what is marked for unchanged", &qmp_bitmap_shape, NULL, 0, run_clear },
    { "block-dirty-bitmap-enable", "let a dirty bitmap record", &qmp_bitmap_shape, NULL, 0, run_enable },
    { "block-dirty-bitmap-disable", "let it be as it is", &qmp_bitmap_shape, NULL, 0, run_disable },
    { "block-dirty-bitmap-merge", "mark in one what others have marked", &qmp_bitmap_merge_shape, NULL, 0, run_merge },
    { NULL },
};
/* clang-format on */
