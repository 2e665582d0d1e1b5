/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Pages of L2 tables and refcount blocks in memory.
 *
 * A page that was changed stays until a commit has written it; others go when there are too many, those that were not
 * used lately first. */
#include <errno.h>
#include <string.h>

#include "block/block_priv.h"
#include "block/qcow2/qcow2.h"

enum { PAGE_MAX = 4096, CLEAN_BYTES = 16 << 20 };

struct MetaPage {
    uint64_t at;
    MetaPage *newer, *older;
    MetaKind kind;
    bool dirty, writing, used;
    uint8_t data[];
};

static void list_remove(Qcow2 *s, MetaPage *p)
{
    *(p->newer ? &p->newer->older : &s->newest) = p->older;
    *(p->older ? &p->older->newer : &s->oldest) = p->newer;
}

static void list_add(Qcow2 *s, MetaPage *p)
{
    p->newer = NULL;
    p->older = s->newest;
    *(s->newest ? &s->newest->newer : &s->oldest) = p;
    s->newest = p;
}

static MetaPage *page_find(Qcow2 *s, uint64_t at)
{
    uint64_t key = at & ~(uint64_t)(s->page_size - 1);
    MetaPage *p = s->pages ? g_hash_table_lookup(s->pages, &key) : NULL;
    if (p) {
        p->used = true;
    }
    return p;
}

static void page_drop(Qcow2 *s, MetaPage *p)
{
    list_remove(s, p);
    s->dirty_pages[p->kind] -= p->dirty;
    s->page_count--;
    g_hash_table_remove(s->pages, &p->at); /* and frees it */
}

/* Both locks. */
static void evict(Qcow2 *s)
{
    unsigned tries = s->page_count;
    while (s->page_count > CLEAN_BYTES / s->page_size && tries--) {
        MetaPage *p = s->oldest;
        if (p->used || p->dirty || p->writing) {
            p->used = false;
            list_remove(s, p);
            list_add(s, p);
        } else {
            page_drop(s, p);
        }
    }
}

/* Both locks. */
static MetaPage *page_add(Qcow2 *s, uint64_t at)
{
    if (!s->pages) {
        s->pages = g_hash_table_new_full(g_int64_hash, g_int64_equal, NULL, g_free);
        s->page_size = MIN(PAGE_MAX, s->cluster_size);
    }
    evict(s);
    MetaPage *p = g_malloc0(sizeof(*p) + s->page_size);
    p->at = at & ~(uint64_t)(s->page_size - 1);
    g_hash_table_replace(s->pages, &p->at, p);
    list_add(s, p);
    s->page_count++;
    return p;
}

/* The lock of changes is held: nobody else loads or changes pages meanwhile. */
static int page_load(Qcow2 *s, uint64_t at)
{
    BlockNode *file = s->node.children[NODE_FILE];
    unsigned size = MIN(PAGE_MAX, s->cluster_size);
    g_autofree uint8_t *data = g_malloc(size);
    at &= ~(uint64_t)(size - 1);
    if ((at & ~(s->cluster_size - 1)) >= node_size(file)) {
        return qcow2_corrupt(s, "a table at %#" PRIx64 " lies behind the end of the file", at);
    }
    int e = node_read(file, at, data, size);
    if (!e) {
        lock_take(&s->tables_lock);
        memcpy(page_add(s, at)->data, data, size);
        lock_release(&s->tables_lock);
    }
    return e;
}

static bool read_here(Qcow2 *s, uint64_t at, void *buf, unsigned n)
{
    lock_take(&s->tables_lock);
    MetaPage *p = page_find(s, at);
    if (p) {
        memcpy(buf, p->data + (at - p->at), n);
    }
    lock_release(&s->tables_lock);
    return p != NULL;
}

int cache_read(Qcow2 *s, uint64_t at, void *buf, unsigned n, bool may_wait)
{
    if (read_here(s, at, buf, n)) {
        return 0;
    }
    if (!may_wait) {
        return -EAGAIN;
    }
    lock_assert_held(&s->lock);
    int e = page_load(s, at);
    if (!e && !read_here(s, at, buf, n)) {
        g_assert_not_reached();
    }
    return e;
}

/* Both locks. */
static void page_set_dirty(Qcow2 *s, MetaPage *p, MetaKind kind)
{
    if (!p->dirty) {
        p->kind = kind;
        p->dirty = true;
        s->dirty_pages[kind]++;
    }
}

int cache_write(Qcow2 *s, uint64_t at, const void *buf, unsigned n, MetaKind kind)
{
    lock_assert_held(&s->lock);
    uint8_t nothing;
    int e = read_here(s, at, &nothing, 0) ? 0 : page_load(s, at);
    if (e) {
        return e;
    }
    lock_take(&s->tables_lock);
    MetaPage *p = page_find(s, at);
    memcpy(p->data + (at - p->at), buf, n);
    page_set_dirty(s, p, kind);
    lock_release(&s->tables_lock);
    return 0;
}

void cache_new_cluster(Qcow2 *s, uint64_t at, MetaKind kind)
{
    lock_assert_held(&s->lock);
    lock_take(&s->tables_lock);
    for (uint64_t i = 0; i < s->cluster_size; i += MIN(PAGE_MAX, s->cluster_size)) {
        MetaPage *p = page_find(s, at + i);
        p = p ? p : page_add(s, at + i);
        memset(p->data, 0, s->page_size);
        page_set_dirty(s, p, kind);
    }
    lock_release(&s->tables_lock);
}

void cache_forget_cluster(Qcow2 *s, uint64_t at)
{
    lock_take(&s->tables_lock);
    for (uint64_t i = 0; s->pages && i < s->cluster_size; i += s->page_size) {
        MetaPage *p = page_find(s, at + i);
        if (p) {
            page_drop(s, p);
        }
    }
    lock_release(&s->tables_lock);
}

void cache_free(Qcow2 *s)
{
    if (s->pages) {
        g_hash_table_destroy(s->pages);
    }
}

/* ---- for a commit -------------------------------------------------------- */

static int by_place(const void *a, const void *b)
{
    uint64_t x = ((const PageCopy *)a)->at, y = ((const PageCopy *)b)->at;
    return x < y ? -1 : x > y;
}

GArray *cache_take_dirty(Qcow2 *s, MetaKind kind)
{
    GArray *copies = g_array_new(false, false, sizeof(PageCopy));
    lock_take(&s->tables_lock);
    for (MetaPage *p = s->newest; p && s->dirty_pages[kind]; p = p->older) {
        if (p->dirty && p->kind == kind) {
            PageCopy copy = { p->at, g_memdup2(p->data, s->page_size) };
            g_array_append_val(copies, copy);
            p->dirty = false;
            p->writing = true;
            s->dirty_pages[kind]--;
        }
    }
    lock_release(&s->tables_lock);
    g_array_sort(copies, by_place);
    return copies;
}

void cache_written(Qcow2 *s, GArray *copies, MetaKind kind, bool ok)
{
    lock_take(&s->tables_lock);
    for (guint i = 0; i < copies->len; i++) {
        PageCopy *copy = &g_array_index(copies, PageCopy, i);
        MetaPage *p = page_find(s, copy->at);
        if (p) {
            p->writing = false;
        }
        if (p && !ok) {
            page_set_dirty(s, p, kind);
        }
        g_free(copy->data);
    }
    lock_release(&s->tables_lock);
    g_array_unref(copies);
}
