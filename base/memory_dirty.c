/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Who wrote which page of RAM: for translated code, for a screen, for a copy that is kept up.
 *
 * A writer stores, then marks; a client takes the marks, then looks.  What a client saw too early
 * is thus marked after its take.  vCPUs store without marking as long as their TLB lets them: such
 * pages stand in `unnoticed`, which counts as a mark that a take cannot clear.
 *
 * A take that finds such pages has those rights taken away, each vCPU's at a time of its own: the pages go over to
 * `revoking`, which counts as `unnoticed` does, and when the last vCPU has lost its right they are marked.  A vCPU that
 * lost it and stores again meanwhile puts the page in `unnoticed` anew, so it does not go with the old ones.  One
 * such revocation of a block is under way at a time.
 *
 * Requirements:
 *   1. A page is in `unnoticed` or `revoking` before the first store of a vCPU that goes unmarked, and until
 *      after the last.
 *   2. It is in `revoking` before it leaves `unnoticed`, and marked as dirty before it leaves `revoking`; a take reads
 *      in this order.
 *   3. Nobody follows: a writer pays for one load. */
#include "base/memory_priv.h"

#include <string.h>

/* The bits of word `word` that stand for pages [first, last]. */
static unsigned long word_mask(uint64_t word, uint64_t first, uint64_t last)
{
    uint64_t base = word * RAM_WORD_BITS;
    unsigned long mask = ~0ul;
    if (first > base) {
        mask <<= first - base;
    }
    if (last - base < RAM_WORD_BITS - 1) {
        mask &= ~0ul >> (RAM_WORD_BITS - 1 - (last - base));
    }
    return mask;
}

static void bitmap_set(unsigned long *map, uint64_t first, uint64_t last)
{
    for (uint64_t w = first / RAM_WORD_BITS; w <= last / RAM_WORD_BITS; w++) {
        __atomic_fetch_or(&map[w], word_mask(w, first, last), __ATOMIC_SEQ_CST);
    }
}

static bool bitmap_any(const unsigned long *map, uint64_t first, uint64_t last)
{
    for (uint64_t w = first / RAM_WORD_BITS; w <= last / RAM_WORD_BITS; w++) {
        unsigned long word = __atomic_load_n(&map[w], __ATOMIC_ACQUIRE);
        if (word && word & word_mask(w, first, last)) { /* most are 0 */
            return true;
        }
    }
    return false;
}

/* ---- writers ------------------------------------------------------------------ */

static void mark_dirty(RamBlock *rb, uint64_t first, uint64_t last)
{
    uint32_t clients = __atomic_load_n(&rb->dirty_clients, __ATOMIC_SEQ_CST);
    for (unsigned c = 0; clients >> c; c++) {
        if (clients >> c & 1) {
            bitmap_set(rb->dirty[c], first, last);
        }
    }
}

void ram_mark_written(RamBlock *rb, uint64_t offset, uint64_t len)
{
    if (len == 0) {
        return;
    }
    g_assert(offset < rb->size && len <= rb->size - offset);
    uint64_t first = offset >> RAM_PAGE_BITS, last = (offset + len - 1) >> RAM_PAGE_BITS;
    /* A translator sets the bit, then reads: it reads what was written, or its bit is seen here.
     * So with a client that starts. */
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    if (G_UNLIKELY(ram_is_followed(rb))) {
        mark_dirty(rb, first, last);
    }
    if (bitmap_any(rb->code_pages, first, last)) {
        memory_listeners_code_written(rb, offset, len);
    }
}

void ram_mark_host_written(const void *host, uint64_t len)
{
    RamBlock *rb = ram_block_of_host(host);
    ram_mark_written(rb, ram_offset_of(rb, host), len);
}

/* ---- rights that go ------------------------------------------------------------ */

static void mark_revoked(RamBlock *rb)
{
    for (uint64_t w = rb->revoking_first / RAM_WORD_BITS; w <= rb->revoking_last / RAM_WORD_BITS; w++) {
        unsigned long bits = __atomic_load_n(&rb->revoking[w], __ATOMIC_SEQ_CST);
        for (unsigned c = 0; bits && c < RAM_DIRTY_CLIENTS; c++) {
            unsigned long *map = __atomic_load_n(&rb->dirty[c], __ATOMIC_ACQUIRE); /* it may just start */
            if (map) {
                __atomic_fetch_or(&map[w], bits, __ATOMIC_SEQ_CST);
            }
        }
        __atomic_store_n(&rb->revoking[w], 0, __ATOMIC_SEQ_CST);
    }
}

void ram_dirty_noticed(RamBlock *rb)
{
    if (__atomic_sub_fetch(&rb->revocation, 1, __ATOMIC_SEQ_CST) == 1) {
        mark_revoked(rb);
        __atomic_store_n(&rb->revocation, 0, __ATOMIC_SEQ_CST);
    }
}

/* Those of the pages that are in `unnoticed`.  If others are under way they stay there: the next take asks again. */
static void revoke_rights(RamBlock *rb, uint64_t first, uint64_t last)
{
    uint32_t none = 0;
    if (!__atomic_compare_exchange_n(&rb->revocation, &none, 2, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST)) {
        return;
    }
    rb->revoking_first = first;
    rb->revoking_last = last;
    for (uint64_t w = first / RAM_WORD_BITS; w <= last / RAM_WORD_BITS; w++) {
        unsigned long bits = __atomic_load_n(&rb->unnoticed[w], __ATOMIC_SEQ_CST) & word_mask(w, first, last);
        __atomic_store_n(&rb->revoking[w], bits, __ATOMIC_SEQ_CST);
        if (bits) {
            __atomic_fetch_and(&rb->unnoticed[w], ~bits, __ATOMIC_SEQ_CST);
        }
    }
    memory_listeners_dirty_taken(rb, first << RAM_PAGE_BITS, (last - first + 1) << RAM_PAGE_BITS);
    ram_dirty_noticed(rb);
}

/* ---- clients ------------------------------------------------------------------ */

static void make_bitmap(const RamBlock *rb, unsigned long **slot)
{
    unsigned long *none = NULL, *made = g_malloc0(ram_bitmap_bytes(rb));
    if (!__atomic_compare_exchange_n(slot, &none, made, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST)) {
        g_free(made); /* it is there */
    }
}

void ram_dirty_start(RamBlock *rb, RamDirtyClient client)
{
    uint64_t last = (rb->size >> RAM_PAGE_BITS) - 1;
    make_bitmap(rb, &rb->unnoticed);
    make_bitmap(rb, &rb->revoking);
    make_bitmap(rb, &rb->dirty[client]);
    bitmap_set(rb->dirty[client], 0, last);
    uint32_t others = __atomic_fetch_or(&rb->dirty_clients, 1u << client, __ATOMIC_SEQ_CST);
    g_assert(!(others >> client & 1));
    memory_listeners_dirty_sync(rb, 0, rb->size);
    if (!others) { /* vCPUs have rights that nobody noted */
        bitmap_set(rb->unnoticed, 0, last);
        revoke_rights(rb, 0, last);
    }
}

void ram_dirty_stop(RamBlock *rb, RamDirtyClient client)
{
    __atomic_fetch_and(&rb->dirty_clients, ~(1u << client), __ATOMIC_SEQ_CST);
    memory_listeners_dirty_sync(rb, 0, rb->size);
}

/* Put the bits of one word, which begins at page `base`, where the caller wants them. */
static void put_bits(unsigned long *bitmap, uint64_t base, uint64_t first, unsigned long bits)
{
    if (base < first) {
        bitmap[0] |= bits >> (first - base);
        return;
    }
    uint64_t at = base - first;
    unsigned shift = at % RAM_WORD_BITS;
    bitmap[at / RAM_WORD_BITS] |= bits << shift;
    if (shift && bits >> (RAM_WORD_BITS - shift)) {
        bitmap[at / RAM_WORD_BITS + 1] |= bits >> (RAM_WORD_BITS - shift);
    }
}

uint64_t ram_dirty_take(RamBlock *rb, RamDirtyClient client, uint64_t offset, uint64_t len,
                        unsigned long *bitmap)
{
    uint64_t first = offset >> RAM_PAGE_BITS, pages = len >> RAM_PAGE_BITS, last = first + pages - 1;
    uint64_t count = 0;
    unsigned long unnoticed = 0, *dirty = rb->dirty[client];
    g_assert(!((offset | len) & (RAM_PAGE - 1)) && pages && offset < rb->size && len <= rb->size - offset);
    g_assert(__atomic_load_n(&rb->dirty_clients, __ATOMIC_RELAXED) >> client & 1);
    memory_listeners_dirty_sync(rb, offset, len);
    memset(bitmap, 0, (pages + RAM_WORD_BITS - 1) / RAM_WORD_BITS * sizeof(*bitmap));
    for (uint64_t w = first / RAM_WORD_BITS; w <= last / RAM_WORD_BITS; w++) {
        unsigned long mask = word_mask(w, first, last);
        unsigned long bits = __atomic_load_n(&rb->unnoticed[w], __ATOMIC_SEQ_CST) & mask;
        unnoticed |= bits;
        bits |= __atomic_load_n(&rb->revoking[w], __ATOMIC_SEQ_CST) & mask;
        if (__atomic_load_n(&dirty[w], __ATOMIC_SEQ_CST) & mask) {
            bits |= __atomic_fetch_and(&dirty[w], ~mask, __ATOMIC_SEQ_CST) & mask;
        }
        count += __builtin_popcountl(bits);
        put_bits(bitmap, w * RAM_WORD_BITS, first, bits);
    }
    if (unnoticed) {
        revoke_rights(rb, first, last);
    }
    return count;
}
