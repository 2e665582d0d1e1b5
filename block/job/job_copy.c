/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The work of jobs: what is copied from where, piece by piece. */
#include "block/job/job_copy.h"

#include <errno.h>

#include "block/job/job_events.h"
#include "util/iov.h"

/* ---- a piece -------------------------------------------------------------------- */

static int copy_with(Job *j, BlockNode *from, BlockNode *to, uint64_t offset, uint64_t length, uint8_t *buf)
{
    struct iovec iov = { buf, length };
    int e = node_read(from, offset, buf, length);
    __atomic_store_n(&j->failed_writing, !e, __ATOMIC_RELEASE);
    if (e) {
        return e;
    }
    NodeIo io = iov_is_zero(&iov, 1) ? (NodeIo){ BLOCK_WRITE_ZEROES, true, offset, length, NULL, 0 }
                                     : (NodeIo){ BLOCK_WRITE, false, offset, length, &iov, 1 };
    return node_run(to, &io);
}

/* Where the thread cannot wait. */
static void tell(Job *j)
{
    job_tell_error(j, __atomic_load_n(&j->failed_writing, __ATOMIC_ACQUIRE), false);
}

static int copy(Job *j, BlockNode *from, BlockNode *to, uint64_t offset, uint64_t length)
{
    int e = 0;
    for (uint64_t done = 0; done < length && !e; done += JOB_PIECE) {
        e = copy_with(j, from, to, offset + done, MIN(length - done, JOB_PIECE), j->piece);
    }
    return e;
}

/* Has one of the nodes from n down to base (but not base) something there?  *length: as far as the answer goes. */
static int has_above(BlockNode *n, const BlockNode *base, uint64_t offset, uint64_t *length, bool *has)
{
    *has = false;
    while (n && n != base && !*has) {
        Extent e;
        if (offset >= node_size(n)) {
            return 0;
        }
        *length = MIN(*length, node_size(n) - offset);
        int error = node_map(n, offset, *length, true, &e);
        if (error) {
            return error;
        }
        *length = MIN(*length, e.length);
        *has = e.kind != EXTENT_BELOW;
        n = e.node;
    }
    return 0;
}

typedef int Part(Job *j, uint64_t offset, uint64_t length);

/* Each part of a range that a node above base has. */
static int each_above(Job *j, BlockNode *n, const BlockNode *base, uint64_t offset, uint64_t length, Part *fn)
{
    int e = 0;
    for (uint64_t done = 0, part; done < length && !e; done += part) {
        bool has;
        part = length - done;
        e = has_above(n, base, offset + done, &part, &has);
        e = e || !has ? e : fn(j, offset + done, part);
    }
    return e;
}

/* As often as it is asked for after errors. */
static int until_done(Job *j, uint64_t offset, uint64_t length, Part *fn)
{
    int e;
    do {
        __atomic_store_n(&j->failed_writing, false, __ATOMIC_RELEASE);
        e = fn(j, offset, length);
    } while (e && !__atomic_load_n(&j->failed, __ATOMIC_ACQUIRE) && job_tries_again(j, e));
    return e;
}

/* Pieces of the disk, one after the other. */
static int each_piece(Job *j, uint64_t size, Part *fn)
{
    int e = 0;
    job_set_total(j, size);
    for (uint64_t at = 0; at < size && !e; at += JOB_PIECE) {
        uint64_t n = MIN(size - at, JOB_PIECE);
        e = until_done(j, at, n, fn);
        e = e ? e : job_point(j, n);
    }
    return e;
}

/* ---- mirror ----------------------------------------------------------------------- */

static int mark(Job *j, uint64_t offset, uint64_t length)
{
    watch_mark(j->watch, offset, length);
    return 0;
}

static bool is_cancelled(Job *j)
{
    lock_take(&j->lock);
    bool cancelled = j->cancelled;
    lock_release(&j->lock);
    return cancelled;
}

static int mark_what_is_there(Job *j)
{
    uint64_t size = node_size(j->source);
    int e = 0;
    if (j->sync == SYNC_FULL) {
        watch_mark(j->watch, 0, size);
    }
    for (uint64_t at = 0; at < size && j->sync == SYNC_TOP && !e; at += JOB_PIECE) {
        e = is_cancelled(j) ? -ECANCELED
                            : each_above(j, j->source, j->base, at, MIN(size - at, JOB_PIECE), mark);
    }
    return e;
}

static int copy_marked(Job *j, bool *any)
{
    uint64_t offset, length;
    int e = 0;
    *any = false;
    while (!e && watch_next(j->watch, 0, UINT64_MAX - WATCH_GRAIN, JOB_PIECE, &offset, &length)) {
        *any = true;
        e = copy(j, j->source, j->image, offset, length);
        if (e) {
            watch_mark(j->watch, offset, length);
            e = job_tries_again(j, e) ? 0 : e;
            continue;
        }
        job_set_total(j, watch_marked(j->watch) + length);
        e = job_point(j, length);
    }
    return e;
}

int job_mirror_run(Job *j)
{
    int e = mark_what_is_there(j), end = 0;
    job_set_total(j, watch_marked(j->watch));
    while (!e && !end) {
        bool any;
        e = copy_marked(j, &any);
        if (!e && !watch_marked(j->watch)) {
            e = any ? node_flush(j->image) : 0;
            job_set_ready(j);
            end = e ? 0 : job_wait(j);
            e = end < 0 ? end : e;
        }
    }
    return e;
}

int job_mirror_rest(Job *j)
{
    uint64_t offset, length;
    int e = 0;
    while (!e && watch_next(j->watch, 0, UINT64_MAX - WATCH_GRAIN, JOB_PIECE, &offset, &length)) {
        e = copy(j, j->source, j->image, offset, length);
    }
    if (e) {
        tell(j);
    }
    return e ? e : node_flush(j->image);
}

/* ---- backup: marked is what is still to be copied ------------------------------------- */

static int backup_part(Job *j, uint64_t offset, uint64_t length, uint8_t *buf)
{
    int e = 0;
    for (uint64_t done = 0, part; done < length && !e; done += part) {
        bool has = true;
        part = MIN(length - done, JOB_PIECE);
        if (j->sync == SYNC_TOP) { /* as it was at the start: nobody has written there since */
            e = has_above(j->source, j->source->children[NODE_BACKING], offset + done, &part, &has);
        }
        e = e || !has ? e : copy_with(j, j->source, j->image, offset + done, part, buf);
    }
    return e;
}

/* Of grains that are the caller's alone. */
static int backup_taken(Job *j, uint64_t offset, uint64_t length, uint8_t *buf)
{
    uint64_t at, n;
    int e = 0;
    while (!e && watch_next(j->watch, offset, offset + length, JOB_PIECE, &at, &n)) {
        e = backup_part(j, at, n, buf);
        if (e) {
            watch_mark(j->watch, at, n); /* a bitmap is to know of it */
        }
    }
    return e;
}

/* The guest's write goes on, whatever becomes of the copy: then the job fails. */
void job_backup_before(void *job, uint64_t offset, uint64_t length)
{
    Job *j = job;
    if (__atomic_load_n(&j->failed, __ATOMIC_ACQUIRE)) {
        return;
    }
    g_autofree uint8_t *buf = g_malloc(JOB_PIECE);
    int e = backup_taken(j, offset, length, buf);
    if (e) {
        tell(j);
        __atomic_store_n(&j->failed, e, __ATOMIC_RELEASE);
        job_poke(j);
    }
}

static int backup_piece(Job *j, uint64_t offset, uint64_t length)
{
    int failed = __atomic_load_n(&j->failed, __ATOMIC_ACQUIRE);
    if (failed) {
        return failed;
    }
    watch_take(j->watch, offset, length);
    int e = backup_taken(j, offset, length, j->piece);
    watch_give(j->watch, offset, length);
    return e;
}

int job_backup_run(Job *j)
{
    int e = 0;
    if (j->sync == SYNC_NONE) { /* only what is about to be overwritten, until it is cancelled */
        while (!e && !(e = __atomic_load_n(&j->failed, __ATOMIC_ACQUIRE))) {
            e = job_wait(j);
        }
        return e > 0 ? 0 : e;
    }
    e = each_piece(j, node_size(j->source), backup_piece);
    e = e ? e : __atomic_load_n(&j->failed, __ATOMIC_ACQUIRE);
    return e ? e : node_flush(j->image);
}

/* ---- stream ---------------------------------------------------------------------------- */

/* Not in the disk's own image, but in one above base. */
static int stream_part(Job *j, uint64_t offset, uint64_t length)
{
    int e = 0;
    for (uint64_t done = 0, part; done < length && !e; done += part) {
        Extent x;
        part = length - done;
        e = node_map(j->source, offset + done, part, true, &x);
        part = e ? part : x.length;
        if (!e && x.kind == EXTENT_BELOW) {
            e = copy(j, j->source, j->source, offset + done, part);
        }
    }
    return e;
}

static int stream_piece(Job *j, uint64_t offset, uint64_t length)
{
    watch_take(j->watch, offset, length);
    int e = each_above(j, j->source, j->base, offset, length, stream_part);
    watch_give(j->watch, offset, length);
    return e;
}

int job_stream_run(Job *j)
{
    int e = each_piece(j, node_size(j->source), stream_piece);
    return e ? e : node_flush(j->source);
}

/* ---- commit ------------------------------------------------------------------------------ */

static int commit_part(Job *j, uint64_t offset, uint64_t length)
{
    return copy(j, j->top, j->base, offset, length);
}

static int commit_piece(Job *j, uint64_t offset, uint64_t length)
{
    return each_above(j, j->top, j->base, offset, length, commit_part);
}

int job_commit_run(Job *j)
{
    int e = each_piece(j, node_size(j->top), commit_piece);
    return e ? e : node_flush(j->base);
}
