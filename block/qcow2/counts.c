/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "block/qcow2/counts.h"

enum { PAGE_BITS = 10, PAGE = COUNTS_PAGE };
G_STATIC_ASSERT(PAGE == 1 << PAGE_BITS);

struct Counts {
    GHashTable *pages; /* of uint32_t[PAGE], by index / PAGE */
    GArray *order;     /* of uint64_t: index / PAGE of each, ascending; NULL: one came since */
    unsigned pages_max;
    uint64_t end;
};

Counts *counts_new(unsigned pages_max)
{
    Counts *c = g_new0(Counts, 1);
    c->pages_max = pages_max;
    c->pages = g_hash_table_new_full(NULL, NULL, NULL, g_free);
    return c;
}

void counts_free(Counts *c)
{
    g_hash_table_destroy(c->pages);
    g_clear_pointer(&c->order, g_array_unref);
    g_free(c);
}

static uint32_t *find_page(const Counts *c, uint64_t index)
{
    return g_hash_table_lookup(c->pages, GSIZE_TO_POINTER(index >> PAGE_BITS));
}

bool counts_add(Counts *c, uint64_t index, uint32_t n)
{
    uint32_t *page = find_page(c, index);
    if (!page && g_hash_table_size(c->pages) >= c->pages_max) {
        return false;
    }
    if (!page) {
        page = g_new0(uint32_t, PAGE);
        g_hash_table_insert(c->pages, GSIZE_TO_POINTER(index >> PAGE_BITS), page);
        g_clear_pointer(&c->order, g_array_unref);
    }
    page[index % PAGE] += MIN(n, UINT32_MAX - page[index % PAGE]);
    c->end = MAX(c->end, index + 1);
    return true;
}

uint32_t counts_get(const Counts *c, uint64_t index)
{
    const uint32_t *page = find_page(c, index);
    return page ? page[index % PAGE] : 0;
}

uint64_t counts_end(const Counts *c)
{
    return c->end;
}

static int by_number(gconstpointer a, gconstpointer b)
{
    const uint64_t *x = a, *y = b;
    return *x < *y ? -1 : *x > *y;
}

static void sort_pages(Counts *c)
{
    GHashTableIter i;
    gpointer key;
    c->order = g_array_new(false, false, sizeof(uint64_t));
    g_hash_table_iter_init(&i, c->pages);
    while (g_hash_table_iter_next(&i, &key, NULL)) {
        uint64_t at = GPOINTER_TO_SIZE(key);
        g_array_append_val(c->order, at);
    }
    g_array_sort(c->order, by_number);
}

uint64_t counts_next(Counts *c, uint64_t index)
{
    if (index >= c->end || find_page(c, index)) {
        return index < c->end ? index : UINT64_MAX;
    }
    if (!c->order) {
        sort_pages(c);
    }
    guint low = 0,
          high = c->order->len; /* the first one behind it; one is: c->end is in it, or before its end */
    while (low < high) {
        guint middle = low + (high - low) / 2;
        bool before = g_array_index(c->order, uint64_t, middle) < index >> PAGE_BITS;
        low = before ? middle + 1 : low;
        high = before ? high : middle;
    }
    return g_array_index(c->order, uint64_t, low) << PAGE_BITS;
}
