/* SPDX-License-Identifier: GPL-2.0-or-later */
/* blockdev-reopen: nodes that are in use get other options.  What is not said has its default, as for a new node.
 * Spelling: QEMU's manual, "QMP reference", blockdev-reopen.
 *
 * All rows are checked before any is changed; what can fail afterwards (another access to a file) is taken back.
 *
 * Not built, and refused: cache.direct, aio and locking other than they are; the file of a format; nodes of other drivers than
 * files, raw, throttle, copy-on-read and formats. */
#include <string.h>

#include "base/log.h"
#include "block/blockdev.h"
#include "block/filter/throttle.h"
#include "block/job/job_graph.h"
#include "block/live.h"
#include "block/qcow2/qcow2_open.h"

typedef struct Row {
    BlockBackend *blk;
    const BlockdevOptions *o;
    BlockBackend *file; /* another one below from now on; NULL: it stays */
    BlockNode *backing; /* NULL: none; of qcow2 */
    bool readonly, was_readonly, moved;
} Row;

typedef struct Reopen {
    Drives *all;
    Row *rows; /* those below come first */
    size_t count;
} Reopen;

static Row *row_of(const Reopen *r, const BlockBackend *blk)
{
    for (size_t i = 0; i < r->count; i++) {
        if (r->rows[i].blk == blk) {
            return &r->rows[i];
        }
    }
    return NULL;
}

static bool refuse(const Row *row, const char *what, GError **err)
{
    block_error(err, "Cannot reopen node '%s': %s", row->blk->id, what);
    return false;
}

static bool is_file(const Row *row)
{
    return row->o->driver == DRIVER_FILE || row->o->driver == DRIVER_HOST_DEVICE;
}

/* It has no node of its own, but that of the one below. */
static bool is_name_only(const Row *row)
{
    return row->o->driver == DRIVER_RAW || row->o->driver == DRIVER_THROTTLE;
}

static bool is_in_chain(const Reopen *r, const BlockBackend *blk)
{
    for (guint i = 0; i < r->all->list->len; i++) {
        BlockBackend *other = g_ptr_array_index(r->all->list, i);
        if (graph_has_below(block_image(other), blk->node)) {
            return true;
        }
    }
    return false;
}

/* ---- what may not change ---------------------------------------------------- */

static bool check_driver(const Row *row, GError **err)
{
    const BlockdevOptions *o = row->o;
    if (strcmp(row->blk->format, blockdev_driver_names[o->driver]) != 0) {
        block_error(err, "Cannot change the option 'driver' of node '%s': it is %s", row->blk->id,
                    row->blk->format);
        return false;
    }
    if (!is_file(row) && !is_name_only(row) && o->driver != DRIVER_COPY_ON_READ && o->driver < DRIVER_QCOW2) {
        return refuse(row, "nodes of its driver stay as they are; remove it, and add it anew", err);
    }
    return true;
}

static bool check_file(const Row *row, GError **err)
{
    const BlockdevOptions *o = row->o;
    const BlockBackend *blk = row->blk;
    if (strcmp(o->filename, blk->node->filename) != 0) {
        return refuse(row, "Cannot change the option 'filename'", err);
    }
    if (o->has_aio && strcmp(blockdev_aio_names[o->aio], blk->ring ? "io_uring" : "threads") != 0) {
        return refuse(row, "Cannot change the option 'aio'", err);
    }
    if (file_node_is_locked(blk->node) != (o->locking != ON_OFF_OFF)) {
        return refuse(row, "Cannot change the option 'locking'", err);
    }
    if ((o->cache && o->cache->direct) != blk->direct) {
        return refuse(row, "Cannot change the option 'cache.direct'", err);
    }
    return true;
}

static bool check_others(const Row *row, GError **err)
{
    const BlockdevOptions *o = row->o;
    const BlockBackend *blk = row->blk;
    ThrottleLimits limits;
    if (o->file) {
        return refuse(
            row,
            "what is below is named: \"file\": \"NAME\"; its own options are those of an element of the list",
            err);
    }
    if (o->driver == DRIVER_RAW && (o->has_offset || o->has_size || blk->node != blk->below->node)) {
        return refuse(row, "Cannot change the options 'offset' and 'size'", err);
    }
    if (o->driver == DRIVER_THROTTLE && g_strcmp0(block_limits(blk, &limits), o->throttle_group) != 0) {
        return refuse(row, "Cannot change the option 'throttle-group'; give the group other limits", err);
    }
    if (o->cache && o->cache->direct && !blk->below->direct) {
        return refuse(row, "Cannot change the option 'cache.direct': its file is open without", err);
    }
    return true;
}

static bool check_use(const Reopen *r, const Row *row, GError **err)
{
    if (row->blk->job) {
        return refuse(row, "a block job has it; query-block-jobs lists them", err);
    }
    return exports_allow(r->all, row->blk->node, EXPORT_REBASED, err);
}

/* ---- what changes ------------------------------------------------------------- */

/* Whether the one below can be written then. */
static bool below_is_readonly(const Reopen *r, const Row *row)
{
    BlockBackend *below = row->file ? row->file : row->blk->below;
    const Row *its = below ? row_of(r, below) : NULL;
    bool follows = below == row->blk->below && row->blk->owns_below;
    return below && !follows && (its ? its->readonly : below->readonly);
}

static bool plan_access(const Reopen *r, Row *row, GError **err)
{
    BlockBackend *blk = row->blk, *above = block_above(blk);
    const Row *its = above ? row_of(r, above) : NULL;
    row->was_readonly = blk->readonly;
    row->readonly = row->o->readonly || (row->o->auto_readonly && below_is_readonly(r, row));
    if (!row->readonly && below_is_readonly(r, row)) {
        return refuse(row, "what is below is read-only; reopen that, too", err);
    }
    if (row->readonly == blk->readonly) {
        return true;
    }
    if (is_in_chain(r, blk)) {
        return refuse(row, "another node has it as its backing, so its access stays", err);
    }
    if (blk->user && !above) {
        return refuse(row, "a device has it, and has told its guest whether it can be written", err);
    }
    if (row->readonly && above && !(its ? its->o->readonly : above->readonly)) {
        return refuse(row, "what is above it writes; reopen that, too", err);
    }
    return true;
}

static bool plan_backing(const Reopen *r, Row *row, GError **err)
{
    Qcow2Info info;
    BlockNode *n = row->blk->node;
    row->backing = n->children[NODE_BACKING];
    if (row->o->driver != DRIVER_QCOW2) {
        return true;
    }
    if (!row->o->has_backing) {
        return (!row->backing && (!qcow2_info(n, &info) || !info.backing)) ||
               refuse(row, "backing is missing: the name of a node, or null", err);
    }
    row->backing = row->o->backing ? blockdev_backing_node(r->all, row->o, err) : NULL;
    if (row->o->backing && !row->backing) {
        return false;
    }
    bool loop = false;
    for (BlockBackend *b = row->backing ? block_find_node(r->all, json_object_get_string(row->o->backing))
                                        : NULL;
         b; b = b->below) {
        loop |= b == row->blk || b->node == n || graph_has_below(b->node, n);
        loop |= b == row->blk->below;
    }
    return !loop || refuse(row, "Making it its own backing, or what that is on, would make a loop", err);
}

static bool plan_file(const Reopen *r, Row *row, GError **err)
{
    BlockBackend *blk = row->blk;
    if (!row->o->file_name || strcmp(row->o->file_name, blk->below->id) == 0) {
        return true;
    }
    BlockBackend *file = block_find(r->all, row->o->file_name);
    if (!is_name_only(row) || block_above(blk) || is_in_chain(r, blk)) {
        return refuse(row, "Cannot change the option 'file': only of raw and throttle, on top", err);
    }
    if (!file || !file->is_node) {
        block_error(err, "Cannot find device='' nor node-name='%s'", row->o->file_name);
        return false;
    }
    if (file->user || file == blk || file->job || file->throttle || blk->below->throttle) {
        return refuse(row, "the new file is in use, or has limits", err);
    }
    row->file = file;
    return true;
}

static bool plan(const Reopen *r, Row *row, GError **err)
{
    const BlockdevOptions *o = row->o;
    return check_driver(row, err) && check_use(r, row, err) &&
           (is_file(row) ? check_file(row, err) : check_others(row, err)) &&
           block_check_zeroes(o->zeroes, o->discard == DISCARD_UNMAP, err) && plan_file(r, row, err) &&
           plan_backing(r, row, err) && plan_access(r, row, err);
}

/* ---- doing it ----------------------------------------------------------------- */

static bool has_above(const BlockBackend *blk, const BlockBackend *top)
{
    for (; blk && blk != top; blk = block_above(blk)) {
    }
    return blk != NULL;
}

/* Everybody whose requests may go through one of them. */
static void for_users(const Reopen *r, void (*fn)(BlockBackend *blk))
{
    for (guint i = 0; i < r->all->list->len; i++) {
        BlockBackend *other = g_ptr_array_index(r->all->list, i);
        bool uses = false;
        for (size_t k = 0; k < r->count; k++) {
            const BlockBackend *blk = r->rows[k].blk;
            uses |= has_above(blk, other) || graph_has_below(block_image(other), blk->node);
        }
        if (uses) {
            fn(other);
        }
    }
}

/* Its node, where it has one of its own; readonly: from now on. */
static bool set_access(Row *row, bool readonly, GError **err)
{
    BlockBackend *blk = row->blk;
    if (is_name_only(row) && !blk->owns_below) {
        return true;
    }
    int e = readonly && !blk->node->readonly ? node_flush(blk->node) : 0;
    if (e) {
        block_error(err, "'%s' could not be flushed: %s", blk->id, g_strerror(-e));
    }
    return !e && node_set_writable(blk->node, !readonly, err);
}

/* Those that are only read from now on, from the top; then the others, from below. */
static bool set_all_access(Reopen *r, GError **err)
{
    bool ok = true;
    for (size_t i = 2 * r->count; i-- && ok;) {
        bool closing = i >= r->count;
        Row *row = &r->rows[closing ? i - r->count : r->count - 1 - i];
        if (row->readonly == closing && !row->moved) {
            ok = set_access(row, row->readonly, err);
            row->moved = ok;
        }
    }
    return ok;
}

static void undo_access(Reopen *r)
{
    for (size_t i = 2 * r->count; i--;) {
        bool closing = i >= r->count;
        Row *row = &r->rows[closing ? i - r->count : r->count - 1 - i];
        g_autoptr(GError) why = NULL;
        if (row->moved && row->was_readonly == closing && !set_access(row, closing, &why)) {
            log_report("node '%s' could not be taken back to what it was: %s", row->blk->id, why->message);
        }
    }
}

static void set_file(Row *row)
{
    BlockBackend *blk = row->blk, *old = blk->below;
    BlockNode *node = blk->node;
    bool owned = blk->owns_below;
    block_backend_detach(old, blk);
    bool ok = block_backend_attach(row->file, blk, NULL, NULL);
    g_assert(ok); /* it was looked at */
    blk->below = row->file;
    blk->owns_below = false;
    blk->node = node_ref(row->file->node);
    blk->direct = row->file->direct;
    blk->ring = row->file->ring;
    node_unref(node);
    if (owned) {
        block_close(old);
    }
    if (blk->resized) {
        blk->resized(blk->resized_opaque);
    }
}

static void set_options(Row *row)
{
    BlockBackend *blk = row->blk, *below = blk->below;
    const BlockdevOptions *o = row->o;
    BlockNode *old = blk->node->children[NODE_BACKING];
    blk->readonly = row->readonly;
    blk->no_flush = (o->cache && o->cache->no_flush) || (below && below->no_flush);
    blk->discard = o->discard == DISCARD_UNMAP && (!below || below->discard);
    blk->detect_zeroes = o->zeroes != ZEROES_OFF || (below && below->detect_zeroes);
    blk->zeroes_unmap = o->zeroes == ZEROES_UNMAP;
    if (blk->owns_below) {
        below->readonly = row->readonly;
    }
    if (o->driver == DRIVER_QCOW2) {
        qcow2_set_discard(blk->node, blk->discard);
        blk->node->children[NODE_BACKING] = row->backing ? node_ref(row->backing) : NULL;
        node_unref(old);
    }
}

static bool reopen_all(Reopen *r, GError **err)
{
    for_users(r, block_hold);
    bool ok = set_all_access(r, err);
    if (!ok) {
        undo_access(r);
    }
    for (size_t i = 0; i < r->count && ok; i++) {
        if (r->rows[i].file) {
            set_file(&r->rows[i]);
        }
        set_options(&r->rows[i]);
    }
    for_users(r, block_release);
    return ok;
}

/* ---- which ---------------------------------------------------------------------- */

static bool add_row(Reopen *r, const BlockdevOptions *o, GError **err)
{
    BlockBackend *blk = o->node_name ? block_find(r->all, o->node_name) : NULL;
    if (!o->node_name) {
        block_error(err, "node-name not specified");
    } else if (!blk || !blk->is_node) {
        block_error(err, "Failed to find node with node-name='%s'", o->node_name);
    } else if (row_of(r, blk)) {
        block_error(err, "Node '%s' is in the list twice", o->node_name);
    } else {
        r->rows[r->count++] = (Row){ .blk = blk, .o = o };
        return true;
    }
    return false;
}

static unsigned depth_of(const BlockBackend *blk)
{
    unsigned n = 0;
    for (; (blk = blk->below); n++) {
    }
    return n;
}

static int compare_depths(const void *a, const void *b)
{
    return (int)depth_of(((const Row *)a)->blk) - (int)depth_of(((const Row *)b)->blk);
}

bool blockdev_reopen(Drives *all, BlockdevOptions *const *list, size_t count, GError **err)
{
    g_autofree Row *rows = g_new0(Row, count + 1);
    Reopen r = { all, rows, 0 };
    bool ok = true;
    for (size_t i = 0; i < count && ok; i++) {
        ok = add_row(&r, list[i], err);
    }
    qsort(rows, r.count, sizeof(Row), compare_depths);
    for (size_t i = 0; i < r.count && ok; i++) {
        ok = plan(&r, &rows[i], err);
    }
    return ok && reopen_all(&r, err);
}
