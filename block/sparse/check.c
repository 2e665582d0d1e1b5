/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Images that are a table: does each entry name a place that no other has?
 *
 * What is kept in memory is bounded by what can be right: no more blocks than have room in the file, each table once. */
#include <errno.h>

#include "block/sparse/sparse.h"

#define PLACES_MAX (UINT64_C(64) << 20) /* 1 GiB of them: a disk of 64 TiB in blocks of 1 MiB */

/* Fragmented: a block that does not lie behind the one before. */
typedef struct Place {
    uint64_t host, block;
} Place;

static void G_GNUC_PRINTF(2, 3) say(ImageReport *r, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    g_autofree char *line = g_strdup_vprintf(fmt, ap);
    va_end(ap);
    r->corruptions++;
    if (r->say) {
        r->say(line, r->opaque);
    }
}

/* A block's entry, by itself. */
static int look_at(Sparse *s, uint64_t block, GArray *places, uint64_t *last, uint64_t *next, ImageReport *r)
{
    uint64_t at, entry;
    SparseBlock b = { 0 };
    int e = sparse_locate(s, block, true, &at);
    *next = e || !at ? sparse_table_end(s, block) : block + 1;
    if (e && __atomic_load_n(&s->corrupt, __ATOMIC_ACQUIRE)) {
        say(r, "ERROR: the table of block index %" PRIu64 " is at no place for one", block);
        return 0;
    }
    e = e || !at ? e : sparse_entry(s, at, true, &entry);
    if (e || !at) {
        return e;
    }
    if (s->format->decode(s, entry, &b) ||
        (b.host && b.kind != EXTENT_PACKED && !sparse_is_file_place(s, b.host))) {
        say(r, "ERROR: block index %" PRIu64 " points to %#" PRIx64 ", which is no place for a block", block,
            entry);
    } else if (b.host) {
        Place p = { b.host, block };
        r->allocated++;
        r->compressed += b.kind == EXTENT_PACKED;
        r->fragmented += *last && b.host != *last + s->prefix + s->block_size;
        *last = b.host;
        if (b.kind != EXTENT_PACKED) {
            g_array_append_val(places, p);
        }
    }
    return 0;
}

static int by_host(gconstpointer a, gconstpointer b)
{
    const Place *x = a, *y = b;
    return x->host != y->host ? (x->host < y->host ? -1 : 1) : x->block < y->block ? -1 : x->block > y->block;
}

static void look_for_twins(Sparse *s, GArray *places, ImageReport *r)
{
    g_array_sort(places, by_host);
    for (guint i = 1; i < places->len; i++) {
        const Place *a = &g_array_index(places, Place, i - 1), *b = a + 1;
        if (b->host - a->host < s->block_size + s->prefix) {
            say(r, "ERROR: block index %" PRIu64 " also used by %" PRIu64, b->block, a->block);
        }
    }
}

/* Tables in the file that were looked at: one that stands for two parts of the disk is looked at once, else a small file would
 * have more entries than there is time for. */
static bool is_new_table(Sparse *s, GHashTable *tables, uint64_t block, ImageReport *r)
{
    uint64_t at;
    if (!s->table_span || block % s->table_span || sparse_locate(s, block, true, &at) || !at ||
        g_hash_table_add(tables, GSIZE_TO_POINTER(at))) {
        return true;
    }
    say(r, "ERROR: the table of block index %" PRIu64 " is also that of other blocks", block);
    return false;
}

static int look_at_all(Sparse *s, GArray *places, ImageReport *r)
{
    uint64_t most = node_size(sparse_file(s)) / s->block_size + 2, last_host = 0;
    g_autoptr(GHashTable) tables = image_numbers_new();
    int e = 0;
    for (uint64_t b = 0, next; b < s->blocks && !e; b = next) {
        if (places->len > most) {
            return 0; /* two of them share a place */
        }
        if (places->len >= PLACES_MAX) {
            return -EFBIG;
        }
        next = sparse_table_end(s, b);
        e = is_new_table(s, tables, b, r) ? look_at(s, b, places, &last_host, &next, r) : 0;
    }
    return e;
}

int sparse_check(BlockNode *n, ImageRepair repair, ImageReport *r)
{
    Sparse *s = sparse_of(n);
    g_autoptr(GArray) places = g_array_new(false, false, sizeof(Place));
    lock_take(&s->lock);
    int e = look_at_all(s, places, r);
    lock_release(&s->lock);
    look_for_twins(s, places, r);
    r->total = s->blocks;
    const Place *last = places->len ? &g_array_index(places, Place, places->len - 1) : NULL;
    r->image_end = last ? last->host + s->prefix + s->block_size : s->data_start;
    return e;
}
