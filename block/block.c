/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The drives of a machine by their ids, who uses them, and how they end. */
#include <string.h>

#include "block_priv.h"
#include "block/filter/throttle.h"
#include "block/secret.h"
#include "base/log.h"

void block_error(GError **err, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    g_autofree char *text = g_strdup_vprintf(fmt, ap);
    va_end(ap);
    g_set_error_literal(err, G_FILE_ERROR, G_FILE_ERROR_FAILED, text);
}

BlockBackend *block_find(const Drives *all, const char *id)
{
    for (guint i = 0; i < all->list->len; i++) {
        BlockBackend *blk = g_ptr_array_index(all->list, i);
        if (strcmp(blk->id, id) == 0) {
            return blk;
        }
    }
    return NULL;
}

BlockBackend *block_find_node(const Drives *all, const char *name)
{
    BlockBackend *blk = *name == '#' ? block_find(all, name + 1) : NULL;
    for (guint i = 0; i < all->list->len; i++) {
        BlockBackend *other = g_ptr_array_index(all->list, i);
        if (other->node_name && strcmp(other->node_name, name) == 0) {
            return other;
        }
    }
    return blk && !blk->is_node && !blk->node_name ? blk : block_find(all, name);
}

BlockBackend *block_above(const BlockBackend *blk)
{
    for (guint i = 0; i < blk->all->list->len; i++) {
        BlockBackend *other = g_ptr_array_index(blk->all->list, i);
        if (other->below == blk || other->beside == blk) {
            return other;
        }
    }
    return NULL;
}

void block_foreach(const Drives *all, void (*fn)(BlockBackend *blk, void *opaque), void *opaque)
{
    for (guint i = 0; i < all->list->len; i++) {
        fn(g_ptr_array_index(all->list, i), opaque);
    }
}

void block_backend_free(BlockBackend *blk)
{
    throttle_leave(blk);
    node_unref(blk->node);
    if (blk->below) {
        block_backend_detach(blk->below, blk);
    }
    if (blk->beside) {
        block_backend_detach(blk->beside, blk);
    }
    g_free(blk->id);
    g_free(blk->node_name);
    g_free(blk->serial);
    g_free(blk->place);
    g_free(blk);
}

static void block_flush_now(BlockBackend *blk)
{
    BlockRequest r = { .op = BLOCK_FLUSH, .priv.blk = blk };
    int e = blk->readonly || blk->no_flush ? 0 : block_run(&r);
    if (e < 0) {
        log_report("drive '%s': the last writes may not be on the disk: flushing '%s' failed: %s; check "
                   "the disk",
                   blk->id, blk->node->filename, g_strerror(-e));
    }
}

void block_close(BlockBackend *blk)
{
    BlockBackend *below = blk->owns_below ? blk->below : NULL;
    BlockBackend *beside = blk->owns_beside ? blk->beside : NULL;
    block_cancel_and_drain(blk);
    block_flush_now(blk);
    g_ptr_array_remove(blk->all->list, blk);
    block_backend_free(blk);
    if (below) {
        block_close(below);
    }
    if (beside) {
        block_close(beside);
    }
}

static void poll_drives(void *opaque)
{
    completer_poll(((Drives *)opaque)->completer);
}

Drives *drives_new(EventLoop *loop, Clock *clock)
{
    Drives *all = g_new0(Drives, 1);
    all->loop = loop;
    all->list = g_ptr_array_new();
    all->others = g_ptr_array_new();
    all->jobs = g_ptr_array_new();
    all->clock = clock;
    all->secrets = secrets_new();
    all->throttle_groups = g_ptr_array_new();
    all->completer = completer_new(loop);
    event_loop_add_wait_poll(loop, poll_drives, all);
    return all;
}

void drives_free(Drives *all)
{
    if (!all) {
        return;
    }
    exports_free(all);
    jobs_end(all);
    while (all->list->len) {
        BlockBackend *blk = g_ptr_array_index(all->list, all->list->len - 1);
        for (BlockBackend *above; (above = block_above(blk));) {
            blk = above;
        }
        block_close(blk);
    }
    event_loop_remove_wait_poll(all->loop, poll_drives, all);
    g_assert(!all->others->len);
    g_ptr_array_unref(all->others);
    completer_free(all->completer);
    g_ptr_array_unref(all->list);
    g_ptr_array_unref(all->jobs);
    throttle_groups_free(all);
    secrets_free(all->secrets);
    g_ptr_array_unref(all->throttle_groups);
    g_free(all);
}

/* ---- what there is to know ----------------------------------------------- */

uint64_t block_size(BlockBackend *blk)
{
    return blk->node->size;
}

bool block_is_readonly(BlockBackend *blk)
{
    return blk->readonly;
}

const char *block_id(const BlockBackend *blk)
{
    return blk->id;
}

char *block_node_name(const BlockBackend *blk)
{
    return blk->node_name ? g_strdup(blk->node_name)
                          : g_strdup_printf("%s%s", blk->is_node ? "" : "#", blk->id);
}

DriveInterface block_interface(BlockBackend *blk)
{
    return blk->interface;
}

int block_index(BlockBackend *blk)
{
    return blk->index;
}

const char *block_serial(BlockBackend *blk)
{
    return blk->serial;
}

/* As programs that read it know it. */
static char *describe_limits(const BlockBackend *blk)
{
    static const char *const names[] = { "bps", "bps_rd", "bps_wr", "iops", "iops_rd", "iops_wr" };
    ThrottleLimits l;
    const char *group = block_limits(blk, &l);
    if (!group) {
        return g_strdup("");
    }
    GString *text = g_string_new("\n    I/O throttling:  ");
    for (unsigned i = 0; i < THROTTLE_KINDS; i++) {
        g_string_append_printf(text, " %s=%" G_GUINT64_FORMAT " %s_max=%" G_GUINT64_FORMAT, names[i],
                               l.of[i].rate, names[i], l.of[i].burst);
    }
    g_string_append_printf(text, " iops_size=%" G_GUINT64_FORMAT " group=%s", l.ops_size, group);
    return g_string_free(text, false);
}

char *block_describe(BlockBackend *blk)
{
    const char *status = block_io_status(blk);
    bool ok = strcmp(status, "ok") == 0; /* said only when it is not, as QEMU */
    g_autofree char *limits = describe_limits(blk);
    return g_strdup_printf("%s: %s (%s%s%s)%s%s\n    Cache mode:       %s%s%s\n    Engine:           %s%s",
                           blk->id, blk->node->filename, blk->format, blk->readonly ? ", read-only" : "",
                           blk->snapshot ? ", writes to a temporary file" : "",
                           ok ? "" : "\n    I/O status:       ", ok ? "" : status,
                           blk->writethrough ? "writethrough" : "writeback", blk->direct ? ", direct" : "",
                           blk->no_flush ? ", ignore flushes" : "", blk->ring ? "io_uring" : "threads",
                           limits);
}

/* ---- users --------------------------------------------------------------- */

bool block_backend_attach(BlockBackend *blk, void *user, Lock *lock, GError **err)
{
    if (blk->user) {
        block_error(err,
                    blk->is_node ? "node '%s' is already in use: a device or a node on top of it has it; add "
                                   "another node"
                                 : "drive '%s' is already in use by another device: one drive serves one "
                                   "device; add a second -drive",
                    blk->id);
        return false;
    }
    blk->user = user;
    blk->lock = lock;
    return true;
}

void block_backend_detach(BlockBackend *blk, void *user)
{
    if (blk->user == user) {
        block_cancel_and_drain(blk);
        block_serve_in(blk, blk->all->loop);
        blk->user = NULL;
        blk->lock = NULL;
        blk->resized = NULL;
        g_clear_pointer(&blk->place, g_free);
    }
}

void block_set_place(BlockBackend *blk, const char *place)
{
    g_free(blk->place);
    blk->place = g_strdup(place);
}

void block_set_resized(BlockBackend *blk, void (*resized)(void *opaque), void *opaque)
{
    blk->resized = resized;
    blk->resized_opaque = opaque;
}
