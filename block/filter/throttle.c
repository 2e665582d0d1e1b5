/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Disks whose speed is limited: which of their requests waits, and when it goes.
 *
 * Limits belong to a group.  Its disks take turns: of each direction one request a disk, the oldest, then the next
 * disk's.  A request that waits is in no engine and not in flight, as those that a stopped machine keeps (keep.c): so
 * `stop`, a job and a snapshot wait for none of them, a reset and the end give them up, and they go when the machine does.
 * What goes by another way (drives_resume) is not asked, and is not counted.
 *
 * Flushes never wait: they are for safety. */
#include "block/filter/throttle.h"

#include <string.h>

#include "base/clock.h"
#include "block/block_priv.h"

struct ThrottleGroup {
    Drives *all;
    char *name;
    bool named;          /* by -object: it stays without disks */
    Timer *timer;        /* the next request may go */
    GPtrArray *disks;    /* of BlockBackend */
    guint turn[2];       /* reads, writes: whose it is */
    unsigned waiting[2]; /* requests */
    ThrottleRate rate;
    Lock lock; /* of all but the name; of the disks' lists (BlockBackend.throttled) */
};

static int64_t now(void)
{
    return clock_get_ns(NULL, CLK_REALTIME);
}

/* ---- who may go ------------------------------------------------------------------ */

/* The oldest of the disk whose turn it is; there is one. */
static BlockRequest *take_next(ThrottleGroup *g, bool write)
{
    for (;;) {
        BlockBackend *blk = g_ptr_array_index(g->disks, g->turn[write]++ % g->disks->len);
        BlockRequest *r = blk->throttled[write].first;
        if (r) {
            blk->throttled[write].first = r->priv.next;
            g->waiting[write]--;
            return r;
        }
    }
}

/* Those that may go now, a list; the timer is set for the others. */
static BlockRequest *take_ready(ThrottleGroup *g)
{
    BlockRequest *first = NULL, **end = &first;
    int64_t next = INT64_MAX, time = now();
    for (bool went = true; went;) { /* a read, a write, a read ... */
        went = false;
        next = INT64_MAX;
        for (unsigned write = 0; write < 2; write++) {
            int64_t wait = g->waiting[write] ? throttle_rate_wait(&g->rate, write, time) : INT64_MAX;
            if (wait == 0) {
                BlockRequest *r = take_next(g, write);
                throttle_rate_count(&g->rate, write, r->length);
                r->priv.next = NULL;
                *end = r;
                end = &r->priv.next;
                went = true;
            }
            next = MIN(next, wait);
        }
    }
    if (next != INT64_MAX) {
        timer_set_deadline(g->timer, time + next);
    }
    return first;
}

static void start_all(BlockRequest *first)
{
    block_plug();
    for (BlockRequest *r = first, *next; r; r = next) {
        next = r->priv.next;
        __atomic_add_fetch(&r->priv.blk->in_flight, 1, __ATOMIC_SEQ_CST);
        block_start(r);
    }
    block_unplug();
}

static void group_run(void *opaque)
{
    ThrottleGroup *g = opaque;
    lock_take(&g->lock);
    BlockRequest *ready = take_ready(g);
    lock_release(&g->lock);
    start_all(ready);
}

/* ---- requests ----------------------------------------------------------------------- */

bool throttle_holds(BlockRequest *r)
{
    BlockBackend *blk = r->priv.blk;
    ThrottleGroup *g = __atomic_load_n(&blk->throttle, __ATOMIC_ACQUIRE);
    bool write = r->op != BLOCK_READ;
    if (!g || r->op == BLOCK_FLUSH) {
        return false;
    }
    lock_take(&g->lock);
    /* Of one that is being given up nothing waits: a worker ends it. */
    int64_t wait = __atomic_load_n(&blk->interrupts, __ATOMIC_ACQUIRE) ? 0
                   : g->waiting[write]                                 ? 1
                                       : throttle_rate_wait(&g->rate, write, now());
    if (wait) {
        BlockRequest **first = &blk->throttled[write].first, **last = &blk->throttled[write].last;
        r->priv.next = NULL;
        *(*first ? &(*last)->priv.next : first) = r;
        *last = r;
        __atomic_sub_fetch(&blk->in_flight, 1, __ATOMIC_RELEASE);
        if (!g->waiting[write]++) {
            int64_t due = timer_deadline(g->timer), own = now() + wait;
            timer_set_deadline(g->timer, due >= 0 ? MIN(due, own) : own);
        }
    } else {
        throttle_rate_count(&g->rate, write, r->length);
    }
    lock_release(&g->lock);
    return wait != 0;
}

BlockRequest *throttle_take(BlockBackend *blk)
{
    ThrottleGroup *g = blk->throttle;
    BlockRequest *first = NULL, **end = &first;
    if (!g) {
        return NULL;
    }
    lock_take(&g->lock);
    for (unsigned write = 0; write < 2; write++) {
        *end = blk->throttled[write].first;
        blk->throttled[write].first = NULL;
        for (; *end; end = &(*end)->priv.next) {
            g->waiting[write]--;
        }
    }
    lock_release(&g->lock);
    return first;
}

/* ---- groups --------------------------------------------------------------------------- */

ThrottleGroup *throttle_group_find(const Drives *all, const char *name)
{
    for (guint i = 0; i < all->throttle_groups->len; i++) {
        ThrottleGroup *g = g_ptr_array_index(all->throttle_groups, i);
        if (strcmp(g->name, name) == 0) {
            return g;
        }
    }
    return NULL;
}

static ThrottleGroup *group_new(Drives *all, const char *name)
{
    ThrottleGroup *g = g_new0(ThrottleGroup, 1);
    g->all = all;
    g->name = g_strdup(name);
    g->disks = g_ptr_array_new();
    g->timer = timer_new(all->clock, CLK_REALTIME, NULL, group_run, g);
    g->rate.then_ns = now();
    lock_init(&g->lock, LOCK_THROTTLE);
    g_ptr_array_add(all->throttle_groups, g);
    return g;
}

static void group_free(ThrottleGroup *g)
{
    g_ptr_array_remove(g->all->throttle_groups, g);
    timer_free(g->timer);
    g_ptr_array_unref(g->disks);
    lock_finish(&g->lock);
    g_free(g->name);
    g_free(g);
}

static void group_set(ThrottleGroup *g, const ThrottleLimits *l)
{
    lock_take(&g->lock);
    throttle_rate_wait(&g->rate, false, now()); /* up to now the old ones hold */
    g->rate.limits = *l;
    lock_release(&g->lock);
    group_run(g);
}

bool throttle_group_add(Drives *all, const char *name, const ThrottleLimits *l, GError **err)
{
    if (!throttle_limits_check(l, err)) {
        return false;
    }
    if (throttle_group_find(all, name)) {
        block_error(err, "A group of this name exists already: a drive is in throttling.group=%s", name);
        return false;
    }
    ThrottleGroup *g = group_new(all, name);
    g->named = true;
    group_set(g, l);
    return true;
}

bool throttle_group_del(Drives *all, const char *name, GError **err)
{
    ThrottleGroup *g = throttle_group_find(all, name);
    if (g && g->disks->len) {
        block_error(err, "object '%s' is in use, can not be deleted: disks are in this group", name);
        return false;
    }
    if (g) {
        group_free(g);
    }
    return true;
}

void throttle_groups_free(Drives *all)
{
    while (all->throttle_groups->len) {
        group_free(g_ptr_array_index(all->throttle_groups, 0));
    }
}

/* ---- disks in groups -------------------------------------------------------------------- */

void throttle_leave(BlockBackend *blk)
{
    ThrottleGroup *g = blk->throttle;
    if (!g) {
        return;
    }
    lock_take(&g->lock);
    __atomic_store_n(&blk->throttle, NULL, __ATOMIC_RELEASE);
    g_assert(!blk->throttled[0].first && !blk->throttled[1].first);
    g_ptr_array_remove(g->disks, blk);
    bool last = !g->disks->len && !g->named;
    lock_release(&g->lock);
    if (last) {
        group_free(g);
    }
}

void throttle_join(BlockBackend *blk, ThrottleGroup *g)
{
    lock_take(&g->lock);
    g_ptr_array_add(g->disks, blk);
    __atomic_store_n(&blk->throttle, g, __ATOMIC_RELEASE);
    lock_release(&g->lock);
}

/* Nobody submits meanwhile. */
static void change_group(BlockBackend *blk, ThrottleGroup *g)
{
    if (blk->throttle == g) {
        return;
    }
    block_hold(blk);
    BlockRequest *waiting = throttle_take(blk);
    throttle_leave(blk);
    if (g) {
        throttle_join(blk, g);
    }
    block_release(blk);
    start_all(waiting);
}

bool block_set_limits(BlockBackend *blk, const char *group, const ThrottleLimits *l, GError **err)
{
    if (!throttle_limits_check(l, err)) {
        return false;
    }
    if (!throttle_limits_any(l)) {
        change_group(blk, NULL);
        return true;
    }
    const char *name = group ? group : blk->throttle ? blk->throttle->name : blk->id;
    ThrottleGroup *g = throttle_group_find(blk->all, name);
    g = g ? g : group_new(blk->all, name);
    change_group(blk, g);
    group_set(g, l);
    return true;
}

const char *block_limits(const BlockBackend *blk, ThrottleLimits *l)
{
    ThrottleGroup *g = blk->throttle;
    *l = (ThrottleLimits){ .ops_size = 0 };
    if (!g) {
        return NULL;
    }
    lock_take(&g->lock);
    *l = g->rate.limits;
    lock_release(&g->lock);
    return g->name;
}
