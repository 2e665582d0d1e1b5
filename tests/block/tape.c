/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A file in memory that remembers: see tape.h. */
#include "tape.h"

#include <string.h>

static int tape_map(BlockNode *n, uint64_t offset, uint64_t length, bool may_wait, Extent *e)
{
    *e = (Extent){ EXTENT_DATA, true, length, n, offset };
    return 0;
}

static bool tape_direct(BlockNode *n, const NodeIo *io, int *fd)
{
    return false;
}

/* Zeroes do not make a file longer. */
static void change(TapeNode *t, const NodeIo *io)
{
    if (io->op == BLOCK_WRITE) {
        iov_to_buf(io->iov, io->iov_count, 0, t->bytes + io->offset, io->length);
        t->node.size = MAX(t->node.size, io->offset + io->length);
    } else if (io->op == BLOCK_WRITE_ZEROES) {
        memset(t->bytes + io->offset, 0, io->length);
    }
}

static void remember(TapeNode *t, const NodeIo *io)
{
    Record r = { io->offset, io->length, NULL, io->op == BLOCK_WRITE };
    bool data = io->op == BLOCK_WRITE || io->op == BLOCK_WRITE_ZEROES;
    if (data) {
        r.data = g_memdup2(t->bytes + io->offset, io->length);
    }
    if (t->tape && (data || io->op == BLOCK_FLUSH)) {
        g_array_append_val(t->tape, r);
    } else {
        g_free(r.data);
    }
}

static int tape_run(BlockNode *n, const NodeIo *io)
{
    TapeNode *t = container_of(n, TapeNode, node);
    if (io->offset + io->length > FILE_MAX) {
        return -ENOSPC;
    }
    if (++t->calls == t->fails_at) {
        return t->error;
    }
    g_mutex_lock(&t->lock);
    if (io->op == BLOCK_READ) {
        iov_from_buf(io->iov, io->iov_count, 0, t->bytes + io->offset, io->length);
    }
    change(t, io);
    remember(t, io);
    g_mutex_unlock(&t->lock);
    return 0;
}

static void tape_close(BlockNode *n)
{
    TapeNode *t = container_of(n, TapeNode, node);
    for (guint i = 0; t->tape && i < t->tape->len; i++) {
        g_free(g_array_index(t->tape, Record, i).data);
    }
    if (t->tape) {
        g_array_unref(t->tape);
    }
    g_free(t->bytes);
    g_mutex_clear(&t->lock);
}

static int tape_resize(BlockNode *n, uint64_t bytes)
{
    n->size = (bytes + SECTOR - 1) & ~(uint64_t)(SECTOR - 1);
    return bytes > FILE_MAX ? -ENOSPC : 0;
}

static const BlockDriver tape_driver = { .name = "tape",
                                         .map = tape_map,
                                         .direct = tape_direct,
                                         .run = tape_run,
                                         .resize = tape_resize,
                                         .close = tape_close };

TapeNode *tape_new(const TapeNode *from)
{
    TapeNode *t = g_new0(TapeNode, 1);
    node_init(&t->node, &tape_driver, "tape", from ? from->node.size : 0, false);
    t->bytes = from ? g_memdup2(from->bytes, FILE_MAX) : g_malloc0(FILE_MAX);
    return t;
}

TapeNode *tape_cut(const TapeNode *start, const GArray *tape, guint cut, GRand *rand)
{
    TapeNode *t = tape_new(start);
    guint stable = 0;
    for (guint i = 0; i < cut; i++) {
        stable = g_array_index(tape, Record, i).data ? stable : i;
    }
    unsigned keep = g_rand_int_range(rand, 0, 4); /* all, none, any part */
    for (guint i = 0; i < cut; i++) {
        const Record *r = &g_array_index(tape, Record, i);
        bool there = i < stable || keep == 0 || (keep != 1 && g_rand_boolean(rand));
        for (uint64_t done = 0; r->data && done < r->length; done += SECTOR) {
            bool sector = there && (i < stable || keep < 3 || g_rand_boolean(rand)); /* or torn */
            if (sector) {
                memcpy(t->bytes + r->offset + done, r->data + done, SECTOR);
                t->node.size = r->grows ? MAX(t->node.size, r->offset + done + SECTOR) : t->node.size;
            }
        }
    }
    return t;
}

TapeNode *tape_after(const TapeNode *start, const GArray *tape, guint end)
{
    TapeNode *t = tape_new(start);
    for (guint i = 0; i < end; i++) {
        const Record *r = &g_array_index(tape, Record, i);
        if (r->data) {
            memcpy(t->bytes + r->offset, r->data, r->length);
            t->node.size = r->grows ? MAX(t->node.size, r->offset + r->length) : t->node.size;
        }
    }
    return t;
}
