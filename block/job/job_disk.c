/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Jobs on disks: what is checked before one starts, and the change of the graph at its end. */
#include <errno.h>

#include "base/log.h"
#include "block/job/job_copy.h"
#include "block/job/job_graph.h"
#include "block/live.h"

/* ---- a disk that a job works on --------------------------------------------------- */

static bool disk_is_free(const BlockBackend *disk, GError **err)
{
    if (disk->job) {
        block_error(err, "Node '%s' is busy: a block job has it; query-block-jobs lists them", disk->id);
        return false;
    }
    if (disk->snapshot) {
        block_error(err,
                    "Device '%s' has snapshot=on: its writes are in a temporary file, which no job works on",
                    disk->id);
        return false;
    }
    const BlockBackend *above = block_above(disk);
    if (above) {
        block_error(err, "Node '%s' is below node '%s'; name that", disk->id, above->id);
    }
    return !above;
}

static Job *new_job(BlockBackend *disk, const JobClass *class, const JobOptions *o, GError **err)
{
    bool rebases = class->type == JOB_STREAM || class->type == JOB_COMMIT;
    Job *j = disk_is_free(disk, err) &&
                     exports_allow(disk->all, graph_top(disk), rebases ? EXPORT_REBASED : EXPORT_WRITTEN, err)
                 ? job_new(disk->all, class, o, disk->is_node ? NULL : disk->id, err)
                 : NULL;
    if (j) {
        j->disk = disk;
        j->source = disk->node;
        j->piece = g_malloc(JOB_PIECE);
    }
    return j;
}

static void watch_disk(Job *j, const WatchUse *use)
{
    block_hold(j->disk);
    j->watch = watch_new(j->disk->node, use); /* which has the disk's reference from here on */
    j->disk->node = watch_node(j->watch);
    block_release(j->disk);
}

/* The disk is held, or nobody uses it. */
static void unwatch(Job *j)
{
    if (j->watch) {
        j->disk->node = node_ref(j->source);
        node_unref(watch_node(j->watch));
        j->watch = NULL;
    }
}

static void begin(Job *j, const WatchUse *use)
{
    if (use) {
        watch_disk(j, use);
    }
    j->disk->job = j;
    job_start(j);
}

/* What was not copied is marked on. */
static void end_bitmap(Job *j)
{
    bool done = !j->error && !j->cancelled && !j->result;
    uint64_t offset, length;
    bitmap_join(j->bitmap, j->bitmap_mode == BITMAP_ALWAYS || (done && j->bitmap_mode == BITMAP_ON_SUCCESS));
    while (!done && watch_next(j->watch, 0, UINT64_MAX - WATCH_GRAIN, UINT64_MAX, &offset, &length)) {
        bitmap_mark(j->bitmap, offset, length);
    }
    j->bitmap = NULL;
}

static void clean(Job *j)
{
    block_hold(j->disk);
    if (j->bitmap) {
        end_bitmap(j);
    }
    unwatch(j);
    j->disk->job = NULL;
    block_release(j->disk);
    if (j->target) {
        j->target->job = NULL;
        block_backend_detach(j->target, j);
    }
    node_unref(j->image);
    j->image = NULL;
}

static bool fail_with(GError **err, const char *what, int e)
{
    block_error(err, "%s: %s", what, g_strerror(-e));
    return false;
}

/* ---- mirror and backup ---------------------------------------------------------------- */

static bool take_target(Job *j, const JobCopy *o, GError **err)
{
    if (o->target && (!disk_is_free(o->target, err) ||
                      !exports_allow(o->target->all, graph_top(o->target), EXPORT_WRITTEN, err) ||
                      !block_backend_attach(o->target, j, NULL, err))) {
        node_unref(j->image);
        j->image = NULL;
        return false;
    }
    j->target = o->target;
    j->image = o->target ? node_ref(o->target->node) : j->image;
    if (j->target) {
        j->target->job = j;
    }
    if (j->image->readonly) {
        block_error(err, "Node '%s' is read-only: nothing can be copied to it", j->image->filename);
        return false;
    }
    if (node_size(j->image) < node_size(j->source)) {
        block_error(err, "Source and target image have different sizes: the target is too small");
        return false;
    }
    return true;
}

static Job *new_copy(const JobCopy *o, const JobClass *class, GError **err)
{
    Job *j = new_job(o->disk, class, &o->job, err);
    if (!j) {
        node_unref(o->image);
        return NULL;
    }
    j->image = o->image;
    j->sync = o->sync;
    j->base = j->source->children[NODE_BACKING];
    if (!take_target(j, o, err)) {
        job_drop(j);
        return NULL;
    }
    return j;
}

static bool mirror_finish(Job *j, GError **err)
{
    block_hold(j->disk);
    int e = job_mirror_rest(j);
    if (!e) {
        unwatch(j);
        graph_move_to(j->disk, j->image, j->target);
        if (j->target && !j->disk->is_node) {
            j->target = NULL; /* it is the disk's now */
        }
    }
    block_release(j->disk);
    return !e || fail_with(err, "the last writes could not be copied", e);
}

bool job_mirror(const JobCopy *o, GError **err)
{
    static const JobClass class = {
        .type = JOB_MIRROR, .run = job_mirror_run, .completes = true, .finish = mirror_finish, .clean = clean
    };
    Job *j = new_copy(o, &class, err);
    if (j) {
        begin(j, &(WatchUse){ .marks = true, .after = job_poke, .opaque = j });
    }
    return j != NULL;
}

static bool find_bitmap(const JobCopy *o, DirtyBitmap **b, GError **err)
{
    bool by_bitmap = o->sync == SYNC_INCREMENTAL || o->sync == SYNC_BITMAP;
    *b = NULL;
    if (!o->bitmap) {
        if (by_bitmap) {
            block_error(err, "must provide a valid bitmap name for '%s' sync mode",
                        o->sync == SYNC_BITMAP ? "bitmap" : "incremental");
        }
        return !by_bitmap;
    }
    const char *fault = o->sync == SYNC_INCREMENTAL && o->bitmap_mode != BITMAP_ON_SUCCESS
                            ? "Bitmap sync mode must be 'on-success' when using sync mode 'incremental'"
                        : o->sync == SYNC_NONE ? "sync mode 'none' does not produce meaningful bitmap outputs"
                        : !by_bitmap && o->bitmap_mode == BITMAP_NEVER
                            ? "Bitmap sync mode 'never' has no meaningful effect with this sync mode"
                            : NULL;
    if (fault) {
        block_error(err, "%s", fault);
        return false;
    }
    *b = node_bitmap_find(graph_top(o->disk), o->bitmap, err);
    return *b && bitmap_allows(*b, BITMAP_CHANGE, err);
}

static void mark_for_backup(Job *j, DirtyBitmap *b)
{
    uint64_t offset = 0, length = 0, size = node_size(j->source);
    if (j->sync != SYNC_INCREMENTAL && j->sync != SYNC_BITMAP) {
        watch_mark(j->watch, 0, size);
        return;
    }
    while (bitmap_next(b, offset + length, size, &offset, &length)) {
        watch_mark(j->watch, offset, length);
    }
}

bool job_backup(const JobCopy *o, GError **err)
{
    static const JobClass class = { .type = JOB_BACKUP, .run = job_backup_run, .clean = clean };
    DirtyBitmap *bitmap;
    if (!find_bitmap(o, &bitmap, err)) {
        node_unref(o->image);
        return false;
    }
    Job *j = new_copy(o, &class, err);
    if (!j) {
        return false;
    }
    block_hold(j->disk); /* all of it is of one moment */
    watch_disk(j, &(WatchUse){ .before = job_backup_before, .opaque = j });
    mark_for_backup(j, bitmap);
    if (bitmap) {
        bitmap_split(bitmap);
        j->bitmap = bitmap;
        j->bitmap_mode = o->bitmap_mode;
    }
    block_release(j->disk);
    begin(j, NULL);
    return true;
}

/* ---- stream ------------------------------------------------------------------------------- */

static bool stream_finish(Job *j, GError **err)
{
    block_hold(j->disk);
    bool ok = graph_set_backing(j->source, j->base, j->backing_text, err);
    block_release(j->disk);
    return ok;
}

bool job_stream(const JobStream *o, GError **err)
{
    static const JobClass class = {
        .type = JOB_STREAM, .run = job_stream_run, .finish = stream_finish, .clean = clean
    };
    Qcow2Info info;
    BlockNode *top = graph_top(o->disk);
    if (!qcow2_info(top, &info) || top->readonly) {
        block_error(err, "Device '%s' is not of qcow2, or is read-only: nothing can be streamed into it",
                    o->disk->id);
        return false;
    }
    if (o->base && !graph_has_below(top, o->base)) {
        block_error(err, "Node '%s' is not a backing image of '%s'", o->base->filename, o->disk->id);
        return false;
    }
    Job *j = new_job(o->disk, &class, &o->job, err);
    if (j) {
        j->base = o->base;
        j->backing_text = g_strdup(o->backing_text);
        begin(j, &(WatchUse){ .opaque = j });
    }
    return j != NULL;
}

/* ---- commit --------------------------------------------------------------------------------- */

static bool open_base(BlockNode *base, uint64_t size, GError **err)
{
    if (!node_set_writable(base, true, err)) {
        return false;
    }
    int e = node_size(base) < size ? node_resize(base, size) : 0;
    return !e || fail_with(err, "the base image cannot grow", e);
}

static void close_base(Job *j)
{
    g_autoptr(GError) why = NULL;
    if (j->base && !node_set_writable(j->base, false, &why)) {
        log_report("%s", why->message);
    }
}

static void commit_clean(Job *j)
{
    close_base(j);
    clean(j);
}

/* Where the base is the disk now. */
static void active_clean(Job *j)
{
    if (j->disk->node != j->base) {
        close_base(j);
    }
    clean(j);
}

static bool commit_finish(Job *j, GError **err)
{
    block_hold(j->disk);
    BlockNode *above = graph_above(j->source, j->top);
    bool ok = above && graph_set_backing(above, j->base, j->backing_text, err);
    block_release(j->disk);
    return ok;
}

static bool active_finish(Job *j, GError **err)
{
    block_hold(j->disk);
    int e = job_mirror_rest(j);
    if (!e) {
        BlockBackend *named = block_of_image(j->all, j->base);
        unwatch(j);
        if (named) {
            named->readonly = false;
        }
        graph_move_to(j->disk, j->base, named && !named->user ? named : NULL);
    }
    block_release(j->disk);
    return !e || fail_with(err, "the last writes could not be copied", e);
}

static Job *new_commit(const JobCommit *o, BlockNode *base, const JobClass *class, GError **err)
{
    BlockNode *top = o->top ? o->top : graph_top(o->disk);
    Job *j = new_job(o->disk, class, &o->job, err);
    if (!j) {
        return NULL;
    }
    j->top = top;
    j->backing_text = g_strdup(o->backing_text);
    if (!open_base(base, node_size(top), err)) {
        job_drop(j);
        return NULL;
    }
    j->base = base;
    return j;
}

bool job_commit(const JobCommit *o, GError **err)
{
    static const JobClass classes[] = {
        { .type = JOB_COMMIT, .run = job_commit_run, .finish = commit_finish, .clean = commit_clean },
        { .type = JOB_COMMIT,
          .run = job_mirror_run,
          .completes = true,
          .finish = active_finish,
          .clean = active_clean },
    };
    BlockNode *disk = graph_top(o->disk), *top = o->top ? o->top : disk;
    BlockNode *base = o->base ? o->base : graph_last(top);
    bool active = top == disk;
    if (base == top || !graph_has_below(top, base) || (!active && !graph_has_below(disk, top))) {
        block_error(err,
                    base == top ? "'%s' has no backing file to commit to"
                                : "Top and base are not above each other in the chain of '%s'",
                    top->filename);
        return false;
    }
    if (active && o->backing_text) {
        block_error(err, "'backing-file' specified, but 'top' is the active layer");
        return false;
    }
    Job *j = new_commit(o, base, &classes[active], err);
    if (!j) {
        return false;
    }
    if (active) {
        j->image = node_ref(base);
        j->sync = SYNC_TOP; /* what nodes above base have */
    }
    begin(j, active ? &(WatchUse){ .marks = true, .after = job_poke, .opaque = j } : NULL);
    return true;
}
