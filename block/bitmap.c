/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Dirty bitmaps of a node: marking, merging, reading. */
#include "block/bitmap_priv.h"

#include <errno.h>
#include <string.h>

#include "block/block_priv.h"

static void take(const DirtyBitmap *b)
{
    if (b->of) {
        lock_take(&b->of->lock);
    }
}

static void give(const DirtyBitmap *b)
{
    if (b->of) {
        lock_release(&b->of->lock);
    }
}

static uint64_t bits_for(uint64_t size, unsigned shift)
{
    return (size >> shift) + ((size & ((UINT64_C(1) << shift) - 1)) != 0);
}

static uint64_t *words_for(uint64_t bits)
{
    return g_new0(uint64_t, bits / 64 + 1);
}

static DirtyBitmap *bitmap_new(NodeBitmaps *of, const char *name, uint64_t size, unsigned shift)
{
    DirtyBitmap *b = g_new0(DirtyBitmap, 1);
    *b = (DirtyBitmap){
        .of = of, .name = g_strdup(name), .size = size, .shift = shift, .bits = bits_for(size, shift)
    };
    b->words = words_for(b->bits);
    return b;
}

void bitmap_free(DirtyBitmap *b)
{
    if (b) {
        bitmap_free(b->successor);
        g_free(b->words);
        g_free(b->name);
        g_free(b);
    }
}

/* ---- bits: under the lock ---------------------------------------------------------- */

static uint64_t mask_of(uint64_t first, uint64_t end)
{
    return (end - first == 64 ? 0 : UINT64_C(1) << (end - first)) - 1;
}

static void set_bits(DirtyBitmap *b, uint64_t first, uint64_t end)
{
    for (uint64_t n; first < end; first += n) {
        n = MIN(64 - first % 64, end - first);
        uint64_t *word = &b->words[first / 64];
        uint64_t new = mask_of(0, n) << (first % 64) & ~*word;
        *word |= new;
        b->marked += (unsigned)__builtin_popcountll(new);
    }
}

static void set_range(DirtyBitmap *b, uint64_t offset, uint64_t length)
{
    uint64_t end = MIN(offset + length, b->size);
    if (offset < end) {
        set_bits(b, offset >> b->shift, bits_for(end, b->shift));
    }
}

/* The first bit from i on that is `set`, or `end`. */
static uint64_t find(const DirtyBitmap *b, uint64_t i, uint64_t end, bool set)
{
    while (i < end) {
        uint64_t word = (set ? b->words[i / 64] : ~b->words[i / 64]) >> (i % 64);
        if (word) {
            return MIN(i + (unsigned)__builtin_ctzll(word), end);
        }
        i += 64 - i % 64;
    }
    return end;
}

static bool next_run(const DirtyBitmap *b, uint64_t from, uint64_t end, uint64_t *offset, uint64_t *length)
{
    end = MIN(end, b->size);
    if (from >= end) {
        return false;
    }
    uint64_t bits = bits_for(end, b->shift), first = find(b, from >> b->shift, bits, true);
    if (first == bits) {
        return false;
    }
    *offset = MAX(first << b->shift, from);
    *length = MIN(find(b, first, bits, false) << b->shift, end) - *offset;
    return true;
}

static void merge_bits(DirtyBitmap *b, const DirtyBitmap *from)
{
    uint64_t offset = 0, length = 0;
    while (next_run(from, offset + length, from->size, &offset, &length)) {
        set_range(b, offset, length);
    }
}

static void clear_bits(DirtyBitmap *b)
{
    memset(b->words, 0, (b->bits / 64 + 1) * sizeof(uint64_t));
    b->marked = 0;
}

/* ---- one bitmap ---------------------------------------------------------------------- */

void bitmap_mark(DirtyBitmap *b, uint64_t offset, uint64_t length)
{
    take(b);
    set_range(b, offset, length);
    give(b);
}

void bitmap_clear(DirtyBitmap *b)
{
    take(b);
    clear_bits(b);
    give(b);
}

bool bitmap_next(DirtyBitmap *b, uint64_t from, uint64_t end, uint64_t *offset, uint64_t *length)
{
    take(b);
    bool found = next_run(b, from, end, offset, length);
    give(b);
    return found;
}

DirtyBitmap *bitmap_copy(DirtyBitmap *b)
{
    take(b);
    DirtyBitmap *copy = bitmap_new(NULL, b->name, b->size, b->shift);
    memcpy(copy->words, b->words, (b->bits / 64 + 1) * sizeof(uint64_t));
    copy->marked = b->marked;
    give(b);
    return copy;
}

void bitmap_swap_bits(DirtyBitmap *b, DirtyBitmap *copy)
{
    take(b);
    uint64_t *words = b->words, marked = b->marked;
    b->words = copy->words;
    b->marked = copy->marked;
    copy->words = words;
    copy->marked = marked;
    give(b);
}

/* By way of a copy: two locks of one class are never held. */
bool bitmap_merge(DirtyBitmap *b, DirtyBitmap *from, GError **err)
{
    if (b->size != from->size) {
        block_error(err,
                    "Bitmaps are of different sizes (destination size is %" G_GUINT64_FORMAT
                    ", source size is %" G_GUINT64_FORMAT ") and can't be merged",
                    b->size, from->size);
        return false;
    }
    if (b == from) {
        return true;
    }
    DirtyBitmap *copy = bitmap_copy(from);
    take(b);
    merge_bits(b, copy);
    give(b);
    bitmap_free(copy);
    return true;
}

void bitmap_set_recording(DirtyBitmap *b, bool recording)
{
    take(b);
    b->recording = recording;
    give(b);
}

void bitmap_set_busy(DirtyBitmap *b, bool busy)
{
    take(b);
    g_assert(busy || b->busy);
    b->busy += busy ? 1 : -1u;
    give(b);
}

BitmapState bitmap_state(DirtyBitmap *b)
{
    take(b);
    BitmapState s = { .name = b->name,
                      .granularity = UINT64_C(1) << b->shift,
                      .count = b->marked << b->shift,
                      .recording = b->recording,
                      .persistent = b->persistent,
                      .busy = b->busy != 0,
                      .inconsistent = b->inconsistent };
    give(b);
    return s;
}

bool bitmap_allows(DirtyBitmap *b, unsigned what, GError **err)
{
    BitmapState s = bitmap_state(b);
    if (s.busy) {
        block_error(err, "Bitmap '%s' is currently in use by another operation and cannot be used", s.name);
        return false;
    }
    if (s.inconsistent && what != BITMAP_REMOVE) {
        block_error(
            err,
            "Bitmap '%s' is inconsistent and cannot be used; try block-dirty-bitmap-remove to delete this "
            "bitmap from disk",
            s.name);
        return false;
    }
    return true;
}

void bitmap_split(DirtyBitmap *b)
{
    take(b);
    g_assert(!b->successor);
    b->successor = bitmap_new(NULL, NULL, b->size, b->shift);
    b->busy++;
    give(b);
}

void bitmap_join(DirtyBitmap *b, bool done)
{
    take(b);
    if (done) {
        clear_bits(b);
    }
    merge_bits(b, b->successor);
    bitmap_free(g_steal_pointer(&b->successor));
    b->busy--;
    give(b);
}

/* ---- to and from images ----------------------------------------------------------------- */

void bitmap_get_bytes(DirtyBitmap *b, uint64_t first, uint8_t *bytes, uint64_t count)
{
    take(b);
    for (uint64_t i = 0; i < count; i++) {
        uint64_t bit = first + 8 * i;
        bytes[i] = bit < b->bits ? (uint8_t)(b->words[bit / 64] >> (bit % 64)) : 0;
    }
    give(b);
}

void bitmap_put_bytes(DirtyBitmap *b, uint64_t first, const uint8_t *bytes, uint64_t count)
{
    take(b);
    for (uint64_t i = 0; i < count && first + 8 * i < b->bits; i++) {
        uint64_t start = i;
        while (i < count && bytes[i] == 0xff && first + 8 * i < b->bits) {
            i++;
        }
        if (i > start) {
            set_bits(b, first + 8 * start, MIN(first + 8 * i, b->bits));
        }
        for (unsigned bit = 0; i < count && bytes[i] >> bit; bit++) {
            uint64_t at = first + 8 * i + bit;
            if (bytes[i] >> bit & 1 && at < b->bits) {
                set_bits(b, at, at + 1);
            }
        }
    }
    give(b);
}

/* ---- those of a node ----------------------------------------------------------------------- */

static NodeBitmaps *bitmaps_of(BlockNode *n)
{
    if (!n->bitmaps) {
        NodeBitmaps *all = g_new0(NodeBitmaps, 1);
        lock_init(&all->lock, LOCK_BITMAPS);
        all->list = g_ptr_array_new();
        __atomic_store_n(&n->bitmaps, all, __ATOMIC_RELEASE);
    }
    return n->bitmaps;
}

void node_bitmaps_free(BlockNode *n)
{
    NodeBitmaps *all = n->bitmaps;
    if (all) {
        g_ptr_array_set_free_func(all->list, (GDestroyNotify)bitmap_free);
        g_ptr_array_unref(all->list);
        lock_finish(&all->lock);
        g_free(all);
        n->bitmaps = NULL;
    }
}

DirtyBitmap *node_bitmap_at(const BlockNode *n, unsigned index)
{
    return n->bitmaps && index < n->bitmaps->list->len ? g_ptr_array_index(n->bitmaps->list, index) : NULL;
}

DirtyBitmap *node_bitmap_find(const BlockNode *n, const char *name, GError **err)
{
    DirtyBitmap *b;
    for (unsigned i = 0; (b = node_bitmap_at(n, i)); i++) {
        if (strcmp(b->name, name) == 0) {
            return b;
        }
    }
    block_error(err, "Dirty bitmap '%s' not found", name);
    return NULL;
}

void node_bitmaps_mark(BlockNode *n, uint64_t offset, uint64_t length)
{
    NodeBitmaps *all = n->bitmaps;
    lock_take(&all->lock);
    for (guint i = 0; i < all->list->len; i++) {
        DirtyBitmap *b = g_ptr_array_index(all->list, i);
        if (b->recording && !b->inconsistent) {
            set_range(b->successor ? b->successor : b, offset, length);
        }
    }
    lock_release(&all->lock);
}

static uint64_t bits_of_all(const BlockNode *n, uint64_t size)
{
    uint64_t all = 0;
    DirtyBitmap *b;
    for (unsigned i = 0; (b = node_bitmap_at(n, i)); i++) {
        all += bits_for(size, b->shift);
    }
    return all;
}

int node_bitmaps_fit(BlockNode *n, uint64_t bytes)
{
    DirtyBitmap *b;
    for (unsigned i = 0; (b = node_bitmap_at(n, i)); i++) {
        if (b->inconsistent || b->busy) {
            return -EBUSY; /* nobody could say what it is of then */
        }
        if (bits_for(bytes, b->shift) > BITMAP_BITS_MAX) {
            return -EFBIG;
        }
    }
    return bits_of_all(n, bytes) > BITMAP_NODE_BITS_MAX ? -EFBIG : 0;
}

void node_bitmaps_resized(BlockNode *n, uint64_t bytes)
{
    DirtyBitmap *b;
    for (unsigned i = 0; (b = node_bitmap_at(n, i)); i++) {
        take(b);
        DirtyBitmap *old = bitmap_new(NULL, NULL, bytes, b->shift);
        uint64_t offset = 0, length = 0, before = b->size;
        while (next_run(b, offset + length, MIN(before, bytes), &offset, &length)) {
            set_range(old, offset, length);
        }
        set_range(old, before, bytes > before ? bytes - before : 0);
        uint64_t *words = b->words;
        b->words = old->words;
        old->words = words;
        b->marked = old->marked;
        b->size = bytes;
        b->bits = old->bits;
        give(b);
        bitmap_free(old);
    }
}

DirtyBitmap *node_bitmap_load(BlockNode *n, const char *name, unsigned shift, bool recording,
                              bool inconsistent)
{
    uint64_t size = node_size(n), bits = inconsistent ? 0 : bits_for(size, shift);
    if (bits > BITMAP_BITS_MAX || bits + bits_of_all(n, size) > BITMAP_NODE_BITS_MAX) {
        return NULL;
    }
    DirtyBitmap *b = bitmap_new(bitmaps_of(n), name, inconsistent ? 0 : size, shift);
    b->recording = recording;
    b->inconsistent = inconsistent;
    b->persistent = true;
    take(b);
    g_ptr_array_add(n->bitmaps->list, b);
    give(b);
    return b;
}

static bool find_shift(BlockNode *n, const NewBitmap *o, unsigned *shift, GError **err)
{
    ImageInfo info;
    image_info(n, &info);
    uint64_t granularity = o->granularity      ? o->granularity
                           : info.cluster_size ? CLAMP(info.cluster_size, 4096, 65536)
                                               : 65536;
    if (granularity < 512 || granularity & (granularity - 1)) {
        block_error(err, "Granularity must be power of 2 and at least 512");
        return false;
    }
    *shift = (unsigned)__builtin_ctzll(granularity);
    if (*shift > BITMAP_SHIFT_MAX) {
        block_error(err, "Granularity exceeds maximum (%" G_GUINT64_FORMAT " bytes)",
                    UINT64_C(1) << BITMAP_SHIFT_MAX);
        return false;
    }
    if (bits_for(node_size(n), *shift) > BITMAP_BITS_MAX ||
        bits_of_all(n, node_size(n)) + bits_for(node_size(n), *shift) > BITMAP_NODE_BITS_MAX) {
        block_error(err, "Bitmap '%s' would have too many bits for this disk; take a larger granularity",
                    o->name);
        return false;
    }
    return true;
}

DirtyBitmap *node_bitmap_add(BlockNode *n, const NewBitmap *o, GError **err)
{
    unsigned shift;
    if (!*o->name || strlen(o->name) > BITMAP_NAME_MAX) {
        block_error(
            err, *o->name ? "Bitmap name too long: it has at most %d bytes" : "Bitmap name cannot be empty",
            BITMAP_NAME_MAX);
        return NULL;
    }
    if (node_bitmap_find(n, o->name, NULL)) {
        block_error(err, "Bitmap already exists: %s", o->name);
        return NULL;
    }
    if (!find_shift(n, o, &shift, err)) {
        return NULL;
    }
    if (o->persistent && (!n->driver->keeps_bitmap || !n->driver->keeps_bitmap(n, o->name, shift, err))) {
        if (!n->driver->keeps_bitmap) {
            block_error(
                err, "Driver '%s' does not support bitmap persistence: use qcow2, or \"persistent\": false",
                n->driver->name);
        }
        return NULL;
    }
    DirtyBitmap *b = bitmap_new(bitmaps_of(n), o->name, node_size(n), shift);
    b->recording = !o->disabled;
    b->persistent = o->persistent;
    take(b);
    g_ptr_array_add(n->bitmaps->list, b);
    give(b);
    return b;
}

void node_bitmap_remove(BlockNode *n, DirtyBitmap *b)
{
    lock_take(&n->bitmaps->lock);
    g_ptr_array_remove(n->bitmaps->list, b);
    lock_release(&n->bitmaps->lock);
    bitmap_free(b);
}
