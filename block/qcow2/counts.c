/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "block/qcow2/counts.h"

enum { PAGE_BITS = 10, PAGE = 1 << PAGE_BITS };

struct Counts {
    GHashTable *pages; /* of uint32_t[PAGE], by index / PAGE */
    uint64_t end;
};

Counts *counts_new(void)
{
    Counts *c = g_new0(Counts, 1);
    c->pages = g_hash_table_new_full(NULL, NULL, NULL, g_free);
    return c;
}

void counts_free(Counts *c)
{
    g_hash_table_destroy(c->pages);
    g_free(c);
}

static uint32_t *find_page(const Counts *c, uint64_t index)
{
    return g_hash_table_lookup(c->pages, GSIZE_TO_POINTER(index >> PAGE_BITS));
}

void counts_add(Counts *c, uint64_t index)
{
    uint32_t *page = find_page(c, index);
    if (!page) {
        page = g_new0(uint32_t, PAGE);
        g_hash_table_insert(c->pages, GSIZE_TO_POINTER(index >> PAGE_BITS), page);
    }
    page[index % PAGE] += page[index % PAGE] < UINT32_MAX;
    c->end = MAX(c->end, index + 1);
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

uint64_t counts_next(const Counts *c, uint64_t index)
{
    uint64_t found = UINT64_MAX;
    if (index >= c->end || find_page(c, index)) {
        return index < c->end ? index : found;
    }
    GHashTableIter i;
    gpointer key;
    g_hash_table_iter_init(&i, c->pages);
    while (g_hash_table_iter_next(&i, &key, NULL)) { /* gaps are rare: only a hostile image has many */
        uint64_t at = (uint64_t)GPOINTER_TO_SIZE(key) << PAGE_BITS;
        found = at > index ? MIN(found, at) : found;
    }
    return found;
}
