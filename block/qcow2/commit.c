/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The order in which tables reach the file: power may fail after any write, and writes that no flush has followed may
 * arrive in any order, or not at all.  What is left is sound then; clusters may leak, nothing else.
 *
 * Changes stay in memory (cache.c, tables.c) until a flush, or until there are many.  A commit takes all of
 * them as they are at one moment, which are sound together, and writes, with a barrier (a flush of the file)
 * after each step that another one relies on:
 *
 *   1. counts of clusters, which may only be higher than the file's pointers need (refcount.c), and new refcount blocks;
 *      guest data was written before the entry was made that points to it
 *   2. the refcount table, and the header if the table is at another place
 *   3. L2 tables
 *   4. the L1 table
 *   5. last barrier: what was done before the commit is durable, and what nothing points to any more can be freed
 *
 * With lazy refcounts the dirty bit is in the file before the first change, and step 1 and 2 are left to the end.
 *
 * A write that failed: its pages are to be written again, nothing that relies on them is written, and whoever waits
 * for the commit is told. */
#include <string.h>

#include "block/block_priv.h"
#include "block/qcow2/qcow2.h"

enum { MUCH_BYTES = 4 << 20 };

typedef struct TableCopy {
    uint64_t offset, count;
    GArray *sectors; /* of uint64_t: those that are to be written */
    uint8_t *data;   /* 512 bytes each */
} TableCopy;

typedef struct Commit {
    Qcow2 *s;
    GArray *pages[META_KINDS]; /* of PageCopy */
    TableCopy l1, reftable;
    GArray *freed; /* since the last one */
    bool reftable_moved, counts;
} Commit;

/* ---- taking -------------------------------------------------------------- */

static void take_table(Qcow2 *s, WholeTable *t, TableCopy *copy)
{
    *copy = (TableCopy){ .offset = t->offset,
                         .count = t->count,
                         .sectors = g_array_new(false, false, sizeof(uint64_t)) };
    if (!t->any_dirty) {
        return;
    }
    uint64_t all = (t->count + SECTOR / 8 - 1) / (SECTOR / 8);
    for (uint64_t i = 0; i < all; i++) {
        if (t->dirty[i]) {
            g_array_append_val(copy->sectors, i);
        }
    }
    copy->data = g_malloc((gsize)copy->sectors->len * SECTOR);
    for (guint i = 0; i < copy->sectors->len; i++) {
        table_sector(t, g_array_index(copy->sectors, uint64_t, i), copy->data + (gsize)i * SECTOR);
    }
    memset(t->dirty, 0, all);
    t->any_dirty = false;
}

static void put_table(WholeTable *t, TableCopy *copy, bool ok)
{
    for (guint i = 0; i < copy->sectors->len && !ok; i++) {
        t->dirty[g_array_index(copy->sectors, uint64_t, i)] = 1;
        t->any_dirty = true;
    }
    g_array_unref(copy->sectors);
    g_free(copy->data);
}

/* Under the lock: all at one moment. */
static void commit_take(Commit *c, bool counts)
{
    Qcow2 *s = c->s;
    c->counts = counts;
    c->pages[META_L2] = cache_take_dirty(s, META_L2);
    c->pages[META_REFS] =
        counts ? cache_take_dirty(s, META_REFS) : g_array_new(false, false, sizeof(PageCopy));
    take_table(s, &s->l1, &c->l1);
    if (counts) {
        take_table(s, &s->reftable, &c->reftable);
    } else {
        c->reftable = (TableCopy){ .sectors = g_array_new(false, false, sizeof(uint64_t)) };
    }
    c->reftable_moved = counts && s->reftable.offset != s->h.reftable_offset;
    s->moving_reftable = c->reftable_moved ? s->reftable.offset : 0;
    c->freed = g_steal_pointer(&s->freed);
    s->freed = g_array_new(false, false, sizeof(FreedCluster));
}

/* ---- writing ------------------------------------------------------------- */

static int write_pages(Qcow2 *s, const GArray *pages)
{
    BlockNode *file = s->node.children[NODE_FILE];
    int e = 0;
    for (guint i = 0, run; i < pages->len && !e; i += run) {
        const PageCopy *p = &g_array_index(pages, PageCopy, i);
        struct iovec iov[64];
        for (run = 0; run < G_N_ELEMENTS(iov) && i + run < pages->len &&
                      p[run].at == p[0].at + (uint64_t)run * s->page_size;
             run++) {
            iov[run] = (struct iovec){ p[run].data, s->page_size };
        }
        e = node_run(file,
                     &(NodeIo){ BLOCK_WRITE, false, p->at, (uint64_t)run * s->page_size, iov, (int)run });
    }
    return e;
}

static int write_table(Qcow2 *s, const TableCopy *t)
{
    BlockNode *file = s->node.children[NODE_FILE];
    const uint64_t *sector = t->sectors->len ? &g_array_index(t->sectors, uint64_t, 0) : NULL;
    int e = 0;
    for (guint i = 0, run; i < t->sectors->len && !e; i += run) {
        run = 1;
        while (i + run < t->sectors->len && sector[i + run] == sector[i] + run) {
            run++;
        }
        e = node_write(file, t->offset + sector[i] * SECTOR, t->data + (gsize)i * SECTOR,
                       (uint64_t)run * SECTOR);
    }
    return e;
}

static int barrier(Qcow2 *s)
{
    BlockNode *data = s->node.children[NODE_DATA_FILE];
    int e = data ? node_flush(data) : 0;
    return e ? e : node_flush(s->node.children[NODE_FILE]);
}

/* The header names the new table, which is in the file; the old one is free after the last barrier. */
static int move_reftable(Commit *c)
{
    Qcow2 *s = c->s;
    lock_take(&s->lock);
    uint64_t offset = s->h.reftable_offset;
    uint32_t clusters = s->h.reftable_clusters;
    s->h.reftable_offset = c->reftable.offset;
    s->h.reftable_clusters = c->reftable.count * 8 >> s->cluster_bits;
    int e = header_write(s);
    if (e) { /* what is in the file is not known: both stay */
        s->h.reftable_offset = offset;
        s->h.reftable_clusters = clusters;
    }
    lock_release(&s->lock);
    for (uint32_t i = 0; i < clusters && !e; i++) {
        FreedCluster f = { (offset >> s->cluster_bits) + i, 0 };
        g_array_append_val(c->freed, f);
    }
    return e ? e : barrier(s);
}

static int write_counts(Commit *c)
{
    Qcow2 *s = c->s;
    bool any = c->pages[META_REFS]->len || c->reftable.sectors->len;
    int e = write_pages(s, c->pages[META_REFS]);
    if (!e && c->reftable.sectors->len && !c->reftable_moved) {
        e = barrier(s); /* blocks before what names them */
    }
    e = e ? e : write_table(s, &c->reftable);
    if (!e && (any || c->pages[META_L2]->len || c->l1.sectors->len)) {
        e = barrier(s);
    }
    return !e && c->reftable_moved ? move_reftable(c) : e;
}

static int commit_write(Commit *c)
{
    Qcow2 *s = c->s;
    int e = write_counts(c);
    e = e ? e : write_pages(s, c->pages[META_L2]);
    if (!e && c->l1.sectors->len) {
        e = c->pages[META_L2]->len ? barrier(s) : 0;
        e = e ? e : write_table(s, &c->l1);
    }
    return e ? e : barrier(s);
}

/* ---- the end ------------------------------------------------------------- */

/* Under the lock. */
static void commit_end(Commit *c, int result)
{
    Qcow2 *s = c->s;
    put_table(&s->l1, &c->l1, result == 0);
    put_table(&s->reftable, &c->reftable, result == 0);
    s->moving_reftable = 0;
    for (unsigned kind = 0; kind < META_KINDS; kind++) {
        cache_written(s, c->pages[kind], kind, result == 0);
    }
    if (result) {
        g_array_append_vals(s->freed, c->freed->data, c->freed->len);
    } else {
        refs_unpointed(s, c->freed);
        refs_release(s);
    }
    g_array_unref(c->freed);
}

/* One at a time; whoever comes meanwhile waits for the next, which serves all that wait. */
static int commit_or_wait(Qcow2 *s, bool counts)
{
    lock_take(&s->lock);
    unsigned mine = s->commits + 1; /* the first that begins from now on */
    while (s->committing && (int)(s->commits - mine) <= 0) {
        lock_wait(&s->changed, &s->lock);
    }
    if ((int)(s->commits - mine) >= 0) {
        int e = s->commit_result;
        lock_release(&s->lock);
        return e;
    }
    Commit c = { .s = s };
    s->committing = true;
    s->commits++;
    commit_take(&c, counts);
    lock_release(&s->lock);
    int e = commit_write(&c);
    lock_take(&s->lock);
    commit_end(&c, e);
    s->commit_result = e;
    s->committing = false;
    g_cond_broadcast(&s->changed);
    lock_release(&s->lock);
    return e;
}

int qcow2_commit(Qcow2 *s)
{
    return commit_or_wait(s, !s->dirty_bit);
}

int qcow2_commit_all(Qcow2 *s)
{
    return commit_or_wait(s, true);
}

int qcow2_commit_if_much(Qcow2 *s)
{
    lock_take(&s->tables_lock);
    uint64_t bytes = ((uint64_t)s->dirty_pages[META_L2] + s->dirty_pages[META_REFS]) * s->page_size;
    lock_release(&s->tables_lock);
    return bytes > MUCH_BYTES ? qcow2_commit_all(s) : 0;
}
