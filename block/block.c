/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The drives of a machine by their ids, who uses them, and how they end. */
#include <string.h>

#include "block_priv.h"
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

void block_foreach(const Drives *all, void (*fn)(BlockBackend *blk, void *opaque), void *opaque)
{
    for (guint i = 0; i < all->list->len; i++) {
        fn(g_ptr_array_index(all->list, i), opaque);
    }
}

void block_backend_free(BlockBackend *blk)
{
    node_unref(blk->node);
    if (blk->below) {
        block_backend_detach(blk->below, blk);
    }
    g_free(blk->id);
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

/* What nobody has been told of ends undone. */
static void cancel_and_drain(BlockBackend *blk)
{
    block_cancel_begin(blk);
    block_drain(blk);
    block_cancel_end(blk);
}

void block_close(BlockBackend *blk)
{
    BlockBackend *below = blk->owns_below ? blk->below : NULL;
    cancel_and_drain(blk);
    block_flush_now(blk);
    g_ptr_array_remove(blk->all->list, blk);
    block_backend_free(blk);
    if (below) {
        block_close(below);
    }
}

static void completions_later(void *opaque)
{
    block_completions_run(opaque);
}

static void poll_drives(void *opaque)
{
    block_poll(opaque);
}

Drives *drives_new(EventLoop *loop)
{
    Drives *all = g_new0(Drives, 1);
    all->loop = loop;
    all->list = g_ptr_array_new();
    lock_init(&all->done_lock, LOCK_ENDED_REQUESTS);
    all->done_bh = bh_new(loop, NULL, completions_later, all);
    event_loop_add_wait_poll(loop, poll_drives, all);
    return all;
}

void drives_free(Drives *all)
{
    if (!all) {
        return;
    }
    while (all->list->len) {
        block_close(g_ptr_array_index(all->list, all->list->len - 1));
    }
    event_loop_remove_wait_poll(all->loop, poll_drives, all);
    ring_free(all->ring);
    bh_free(all->done_bh);
    lock_finish(&all->done_lock);
    g_ptr_array_unref(all->list);
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
    return g_strdup_printf("%s%s", blk->is_node ? "" : "#", blk->id);
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

char *block_describe(BlockBackend *blk)
{
    const char *status = block_io_status(blk);
    bool ok = strcmp(status, "ok") == 0; /* said only when it is not, as QEMU */
    return g_strdup_printf("%s: %s (%s%s%s)%s%s\n    Cache mode:       %s%s%s\n    Engine:           %s",
                           blk->id, blk->node->filename, blk->format, blk->readonly ? ", read-only" : "",
                           blk->snapshot ? ", writes to a temporary file" : "",
                           ok ? "" : "\n    I/O status:       ", ok ? "" : status,
                           blk->writethrough ? "writethrough" : "writeback", blk->direct ? ", direct" : "",
                           blk->no_flush ? ", ignore flushes" : "", blk->ring ? "io_uring" : "threads");
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
        cancel_and_drain(blk);
        blk->user = NULL;
        blk->lock = NULL;
        g_clear_pointer(&blk->place, g_free);
    }
}

void block_set_place(BlockBackend *blk, const char *place)
{
    g_free(blk->place);
    blk->place = g_strdup(place);
}
