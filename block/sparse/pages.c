/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Pages of an image's tables in memory.  What is changed is kept until a commit; what is not is dropped when there is too
 * much of it.  Only whole sectors are written: data of the disk may lie in the next one. */
#include <string.h>

#include "block/sparse/sparse.h"
#include "util/bytes.h"

enum { PAGE_SIZE = 4096, PAGES_MAX = 4096 };

typedef struct SparsePage {
    uint64_t at;
    uint8_t dirty; /* a bit for each sector */
    uint8_t data[PAGE_SIZE];
} SparsePage;

static SparsePage *page_here(Sparse *s, uint64_t at)
{
    uint64_t start = at & ~(uint64_t)(PAGE_SIZE - 1);
    return s->pages ? g_hash_table_lookup(s->pages, &start) : NULL;
}

static gboolean is_clean(gpointer key, gpointer value, gpointer opaque)
{
    return ((SparsePage *)value)->dirty == 0;
}

/* Under lock: nobody else puts one there, or changes what is in the file. */
static int page_load(Sparse *s, uint64_t at, SparsePage **page)
{
    lock_assert_held(&s->lock);
    *page = page_here(s, at);
    if (*page) {
        return 0;
    }
    SparsePage *p = g_new0(SparsePage, 1);
    p->at = at & ~(uint64_t)(PAGE_SIZE - 1);
    int e = node_read(sparse_file(s), p->at, p->data, PAGE_SIZE);
    if (e) {
        g_free(p);
        return e;
    }
    lock_take(&s->tables_lock);
    if (!s->pages) {
        s->pages = g_hash_table_new_full(g_int64_hash, g_int64_equal, NULL, g_free);
    }
    if (g_hash_table_size(s->pages) >= PAGES_MAX) {
        g_hash_table_foreach_remove(s->pages, is_clean, NULL);
    }
    g_hash_table_insert(s->pages, &p->at, p);
    lock_release(&s->tables_lock);
    *page = p;
    return 0;
}

int pages_read(Sparse *s, uint64_t at, void *buf, unsigned n, bool may_wait)
{
    lock_take(&s->tables_lock);
    SparsePage *p = page_here(s, at);
    if (p) {
        memcpy(buf, p->data + at % PAGE_SIZE, n);
    }
    lock_release(&s->tables_lock);
    if (p || !may_wait) {
        return p ? 0 : -EAGAIN;
    }
    int e = page_load(s, at, &p);
    if (!e) {
        memcpy(buf, p->data + at % PAGE_SIZE, n);
    }
    return e;
}

static void put(Sparse *s, SparsePage *p, uint64_t at, const void *buf, unsigned n, bool dirty)
{
    lock_take(&s->tables_lock);
    memcpy(p->data + at % PAGE_SIZE, buf, n);
    if (dirty) {
        s->dirty_pages += p->dirty == 0;
        p->dirty |= 1u << at % PAGE_SIZE / SECTOR;
    }
    lock_release(&s->tables_lock);
}

int pages_write(Sparse *s, uint64_t at, const void *buf, unsigned n)
{
    SparsePage *p;
    int e = page_load(s, at, &p);
    if (!e) {
        put(s, p, at, buf, n, true);
    }
    return e;
}

int pages_make(Sparse *s, uint64_t at, uint64_t bytes)
{
    static const uint8_t zeroes[SECTOR];
    int e = 0;
    for (uint64_t end = at + bytes; at < end && !e; at += SECTOR) {
        SparsePage *p = page_here(s, at);
        e = node_write(sparse_file(s), at, zeroes, SECTOR);
        if (p) {
            put(s, p, at, zeroes, SECTOR, false);
        }
    }
    return e;
}

static int page_store(Sparse *s, SparsePage *p)
{
    enum { SECTORS = PAGE_SIZE / SECTOR };
    int e = 0;
    for (unsigned i = 0, end; i < SECTORS && !e; i = end) {
        end = i + 1;
        if (!(p->dirty >> i & 1)) {
            continue;
        }
        while (end < SECTORS && p->dirty >> end & 1) {
            end++;
        }
        e = node_write(sparse_file(s), p->at + i * SECTOR, p->data + i * SECTOR,
                       (uint64_t)(end - i) * SECTOR);
    }
    return e;
}

int pages_store(Sparse *s)
{
    lock_assert_held(&s->lock);
    GHashTableIter i;
    gpointer p;
    int e = 0;
    if (!s->dirty_pages) {
        return 0;
    }
    g_hash_table_iter_init(&i, s->pages);
    while (!e && g_hash_table_iter_next(&i, NULL, &p)) {
        SparsePage *page = p;
        e = page->dirty ? page_store(s, page) : 0;
        if (!e && page->dirty) {
            page->dirty = 0;
            s->dirty_pages--;
        }
    }
    return e;
}

void pages_free(Sparse *s)
{
    g_clear_pointer(&s->pages, g_hash_table_destroy);
}
