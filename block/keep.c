/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What becomes of a request that failed (werror=, rerror=), and requests that wait: because they have
 * stopped the machine, or because the machine was stopped while they were large or not yet begun.
 *
 * A request that waits is in no engine and not in flight.  It goes on when the machine does, on a worker,
 * in the order in which the requests ended.  A flush behind it need not wait: it covers what the guest
 * was told is written.
 *
 * A failed sync cannot be mended by another try (see node_synced): `enospc` reports it, and
 * `stop` stops for it once; then the guest is told. */
#include <string.h>

#include "block_priv.h"
#include "block/filter/throttle.h"
#include "base/events.h"
#include "base/log.h"

const char *const block_on_error_names[] = {
    [BLOCK_ON_ERROR_AUTO] = "auto",     [BLOCK_ON_ERROR_REPORT] = "report",
    [BLOCK_ON_ERROR_IGNORE] = "ignore", [BLOCK_ON_ERROR_ENOSPC] = "enospc",
    [BLOCK_ON_ERROR_STOP] = "stop",     NULL,
};

static Lock kept_lock = LOCK_INIT(LOCK_KEPT_REQUESTS); /* leaf; guards BlockBackend.kept */

void drives_set_stop_hook(Drives *all, void (*stop)(void *opaque), void *opaque)
{
    all->stop_machine = stop;
    all->stop_opaque = opaque;
}

void block_set_on_error(BlockBackend *blk, BlockOnError on_read, BlockOnError on_write)
{
    if (on_read != BLOCK_ON_ERROR_AUTO) {
        blk->on_read_error = on_read;
    }
    if (on_write != BLOCK_ON_ERROR_AUTO) {
        blk->on_write_error = on_write;
    }
}

void drives_set_events(Drives *all, Events *events)
{
    all->events = events;
}

void block_get_state(const BlockBackend *blk, BlockState *s)
{
    *s = (BlockState){
        .filename = blk->node->filename,
        .io_status = block_io_status(blk),
        .format = blk->format,
        .below = blk->below ? blk->below->id : NULL,
        .is_node = blk->is_node,
        .readonly = blk->readonly,
        .writethrough = blk->writethrough,
        .direct = blk->direct,
        .no_flush = blk->no_flush,
        .detect_zeroes = blk->detect_zeroes,
        .zeroes_unmap = blk->zeroes_unmap,
        .snapshot = blk->snapshot,
        .allocated = blk->snapshot ? 0 : node_allocated(blk->node),
    };
}

const char *block_io_status(const BlockBackend *blk)
{
    lock_take(&kept_lock);
    int error = blk->kept.error;
    lock_release(&kept_lock);
    return !error ? "ok" : block_is_full_error(error) ? "nospace" : "failed";
}

/* ---- a failure ----------------------------------------------------------- */

static BlockOnError action_for(const BlockRequest *r)
{
    const BlockBackend *blk = r->priv.blk;
    if (r->priv.flags & PRIV_REFUSED) {
        return BLOCK_ON_ERROR_REPORT;
    }
    return r->op == BLOCK_READ ? blk->on_read_error : blk->on_write_error;
}

static bool lost_by_sync(const BlockRequest *r)
{
    bool syncs = r->op == BLOCK_FLUSH || r->priv.flags & PRIV_SYNC;
    return syncs && node_sync_error(r->priv.blk->node) < 0;
}

static bool stops_machine(const BlockRequest *r)
{
    bool lost = lost_by_sync(r);
    switch (action_for(r)) {
    case BLOCK_ON_ERROR_STOP: return !(lost && r->priv.flags & PRIV_KEPT);
    case BLOCK_ON_ERROR_ENOSPC: return !lost && block_is_full_error(r->priv.result);
    default: return false;
    }
}

/* What the user can do, by what has happened. */
static const char *advice(const BlockRequest *r)
{
    if (lost_by_sync(r)) {
        return "what was written last may be lost: look after the disk; the monitor's command cont tells the guest";
    }
    if (!block_is_full_error(r->priv.result)) {
        return "nothing is lost: look after the disk, then give the monitor's command cont";
    }
    return r->priv.blk->snapshot
               ? "nothing is lost: make room in TMPDIR or /var/tmp, then give the monitor's command cont"
               : "nothing is lost: make room on the disk, then give the monitor's command cont";
}

const char *block_op_doing(BlockOp op)
{
    return op == BLOCK_READ      ? "reading"
           : op == BLOCK_FLUSH   ? "flushing"
           : op == BLOCK_DISCARD ? "discarding"
                                 : "writing";
}

static void tell(const BlockRequest *r)
{
    const BlockBackend *blk = r->priv.blk;
    log_report("drive '%s': %s %" G_GUINT64_FORMAT " bytes at %" G_GUINT64_FORMAT
               " of '%s' failed: %s; the machine "
               "is paused, %s",
               blk->id, block_op_doing(r->op), r->length, r->offset, blk->node->filename,
               g_strerror(-r->priv.result), advice(r));
}

static void append(BlockRequest *r, BlockRequest **first, BlockRequest **last)
{
    r->priv.next = NULL;
    *(*first ? &(*last)->priv.next : first) = r;
    *last = r;
}

/* ---- the event ----------------------------------------------------------- */

typedef struct IoError {
    char *qom_path, *device, *node, *reason;
    int operation, action;
    bool nospace;
} IoError;

static const char *const operations[] = { "read", "write", NULL };
enum { ACTION_IGNORE, ACTION_REPORT, ACTION_STOP };
static const char *const actions[] = {
    [ACTION_IGNORE] = "ignore", [ACTION_REPORT] = "report", [ACTION_STOP] = "stop", NULL
};
static const Prop error_props[] = {
    { "qom-path", PROP_STRING, offsetof(IoError, qom_path), "of the device", .required = true },
    { "device", PROP_STRING, offsetof(IoError, device), "the drive", .required = true },
    { "node-name", PROP_STRING, offsetof(IoError, node), "its node" },
    { "operation", PROP_ENUM, offsetof(IoError, operation), .names = operations, .required = true },
    { "action", PROP_ENUM, offsetof(IoError, action), .names = actions, .required = true },
    { "nospace", PROP_BOOL, offsetof(IoError, nospace), "the disk is full" },
    { "reason", PROP_STRING, offsetof(IoError, reason), "for people", .required = true },
    { NULL },
};
static const Shape error_shape = { "BlockIoError", sizeof(IoError), error_props };
const Event event_block_io_error = {
    .name = "BLOCK_IO_ERROR", .data = &error_shape, .limit_ms = 1000, .key = "node-name"
};

/* One that stops the machine is told at once, whatever was told before. */
static const Event event_stopping = { .name = "BLOCK_IO_ERROR", .data = &error_shape };

static void emit_error(const BlockRequest *r, int error, int action)
{
    const BlockBackend *blk = r->priv.blk;
    g_autofree char *node = block_node_name(blk), *reason = g_strdup(g_strerror(-error));
    IoError data = {
        blk->place ? blk->place : "", blk->is_node ? "" : blk->id, node, reason, r->op != BLOCK_READ, action,
        block_is_full_error(error)
    };
    events_emit(blk->all->events, action == ACTION_STOP ? &event_stopping : &event_block_io_error, &data);
}

bool block_keep(BlockRequest *r)
{
    BlockBackend *blk = r->priv.blk;
    int e = r->priv.result;
    if (e >= 0) {
        return false;
    }
    if (e != -ECANCELED && action_for(r) == BLOCK_ON_ERROR_IGNORE) {
        r->priv.result = 0;
        emit_error(r, e, ACTION_IGNORE);
        return false;
    }
    bool failed = e != -ECANCELED;
    lock_take(&kept_lock);
    bool keep = !blk->kept.cancels && (!failed || stops_machine(r));
    bool first = keep && failed && !blk->kept.error;
    if (keep) {
        append(r, &blk->kept.first, &blk->kept.last);
        blk->kept.error = failed ? e : blk->kept.error;
        r->priv.flags |= failed ? PRIV_KEPT : 0;
    }
    lock_release(&kept_lock);
    if (first) { /* one line, however many requests fail with it */
        tell(r);
    }
    if (failed && !(r->priv.flags & PRIV_REFUSED)) {
        emit_error(r, e, keep ? ACTION_STOP : ACTION_REPORT);
    }
    if (keep && failed && blk->all->stop_machine) {
        blk->all->stop_machine(blk->all->stop_opaque);
    }
    return keep;
}

/* ---- waiting and going on ------------------------------------------------ */

static BlockRequest *kept_take(BlockBackend *blk, bool forgive)
{
    lock_take(&kept_lock);
    blk->kept.error = forgive ? 0 : blk->kept.error;
    BlockRequest *r = blk->kept.first;
    blk->kept.first = blk->kept.last = NULL;
    lock_release(&kept_lock);
    return r;
}

static void interrupt_begin(BlockBackend *blk, void *opaque)
{
    __atomic_add_fetch(&blk->interrupts, 1, __ATOMIC_RELEASE);
}

static void interrupt_end(BlockBackend *blk, void *opaque)
{
    __atomic_sub_fetch(&blk->interrupts, 1, __ATOMIC_RELEASE);
}

static void drain_one(BlockBackend *blk, void *opaque)
{
    block_drain(blk);
}

/* What waits for its turn waits for the machine. */
static void put_down_throttled(BlockBackend *blk, void *opaque)
{
    BlockRequest *r = throttle_take(blk);
    lock_take(&kept_lock);
    for (BlockRequest *next; r; r = next) {
        next = r->priv.next;
        append(r, &blk->kept.first, &blk->kept.last);
    }
    lock_release(&kept_lock);
}

void drives_pause(Drives *all)
{
    block_foreach(all, interrupt_begin, NULL);
    block_foreach(all, drain_one, NULL);
    block_foreach(all, put_down_throttled, NULL);
    block_foreach(all, interrupt_end, NULL);
}

static void submit_all(BlockRequest *r)
{
    for (BlockRequest *next; r; r = next) {
        next = r->priv.next;
        __atomic_add_fetch(&r->priv.blk->in_flight, 1, __ATOMIC_RELAXED);
        workers_submit(r);
    }
}

static void resume_one(BlockBackend *blk, void *opaque)
{
    submit_all(kept_take(blk, true));
}

void drives_resume(Drives *all)
{
    block_foreach(all, resume_one, NULL);
}

bool drives_finish(Drives *all)
{
    if (drives_keep_requests(all)) {
        return false;
    }
    drives_resume(all);
    block_foreach(all, drain_one, NULL);
    return !drives_keep_requests(all);
}

void block_cancel_and_drain(BlockBackend *blk)
{
    block_cancel_begin(blk);
    block_drain(blk);
    block_cancel_end(blk);
}

static void cancel_one(BlockBackend *blk, void *opaque)
{
    block_cancel_and_drain(blk);
}

void drives_cancel(Drives *all)
{
    block_foreach(all, cancel_one, NULL);
}

static void look_for_kept(BlockBackend *blk, void *opaque)
{
    lock_take(&kept_lock);
    *(bool *)opaque |= blk->kept.first && blk->kept.error;
    lock_release(&kept_lock);
}

bool drives_keep_requests(Drives *all)
{
    bool any = false;
    block_foreach(all, look_for_kept, &any);
    return any;
}

/* ---- holding ---------------------------------------------------------------- */

bool block_held_back(BlockRequest *r)
{
    BlockBackend *blk = r->priv.blk;
    lock_take(&kept_lock);
    bool held = __atomic_load_n(&blk->held.on, __ATOMIC_SEQ_CST);
    if (held) {
        append(r, &blk->held.first, &blk->held.last);
        __atomic_sub_fetch(&blk->in_flight, 1, __ATOMIC_RELEASE);
    }
    lock_release(&kept_lock);
    return held;
}

void block_hold(BlockBackend *blk)
{
    if (blk->held.on) { /* by who has called this one */
        __atomic_add_fetch(&blk->held.on, 1, __ATOMIC_SEQ_CST);
        return;
    }
    lock_take(&kept_lock);
    blk->held.resume = !blk->kept.first; /* else the machine stands */
    lock_release(&kept_lock);
    __atomic_store_n(&blk->held.on, 1, __ATOMIC_SEQ_CST);
    interrupt_begin(blk, NULL);
    block_drain(blk);
    interrupt_end(blk, NULL);
}

void block_release(BlockBackend *blk)
{
    if (blk->held.on > 1) {
        __atomic_sub_fetch(&blk->held.on, 1, __ATOMIC_SEQ_CST);
        return;
    }
    lock_take(&kept_lock);
    bool resume = blk->held.resume && !blk->kept.error;
    lock_release(&kept_lock);
    BlockRequest *kept = resume ? kept_take(blk, false) : NULL;
    lock_take(&kept_lock);
    BlockRequest *held = blk->held.first;
    blk->held.first = blk->held.last = NULL;
    __atomic_store_n(&blk->held.on, 0, __ATOMIC_SEQ_CST);
    lock_release(&kept_lock);
    submit_all(kept);
    submit_all(held);
}

/* ---- giving up ---------------------------------------------------------------- */

static void give_up(BlockRequest *first)
{
    for (BlockRequest *r = first, *next; r; r = next) {
        next = r->priv.next;
        __atomic_add_fetch(&r->priv.blk->in_flight, 1, __ATOMIC_RELAXED);
        block_complete(r, -ECANCELED);
    }
}

void block_cancel_begin(BlockBackend *blk)
{
    interrupt_begin(blk, NULL);
    lock_take(&kept_lock);
    blk->kept.cancels++;
    lock_release(&kept_lock);
    give_up(kept_take(blk, false));
    give_up(throttle_take(blk));
}

void block_cancel_end(BlockBackend *blk)
{
    lock_take(&kept_lock);
    blk->kept.cancels--;
    lock_release(&kept_lock);
    interrupt_end(blk, NULL);
}
