/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Stores to RAM that somebody follows (see base/ram.h).
 *
 * Translated code stores without a word where the TLB has a write tag.  In a block that is
 * followed such a tag is entered only by a store, and the page stands in RamBlock.unnoticed from
 * then on (softmmu.c).  When a client takes such pages it asks here that the tags go: the vCPUs'
 * thread drops them between two blocks, and only then are the pages marked and out of `unnoticed`.
 * Nobody waits for it: until then they just stay dirty, as they may be.
 *
 * Tags that were entered before anybody followed are among those of `dirty_started`, which has all
 * pages unnoticed until they are dropped. */
#include "accel/tcg/internal.h"

/* Pages whose write tags shall go. */
typedef struct TcgRevoke {
    RamBlock *ram; /* in use */
    uint64_t first, last;
} TcgRevoke;

void tcg_dirty_new(TcgState *s)
{
    s->revokes = g_array_new(FALSE, FALSE, sizeof(TcgRevoke));
}

void tcg_dirty_free(TcgState *s)
{
    for (unsigned n = 0; n < s->revokes->len; n++) {
        ram_block_unuse(g_array_index(s->revokes, TcgRevoke, n).ram);
    }
    g_array_unref(s->revokes);
}

/* ---- from any thread ------------------------------------------------------------ */

/* Some vCPU can have the block in its TLB: it is in its view, or was a moment ago. */
static bool uses(TcgState *s, const RamBlock *rb)
{
    return __atomic_load_n(&s->view_changed, __ATOMIC_SEQ_CST) || address_space_shows(s->listener.as, rb);
}

static void ask(TcgState *s, RamBlock *rb, uint64_t first, uint64_t last)
{
    bool known = false;
    lock_take(&s->lock);
    for (unsigned n = 0; n < s->revokes->len && !known; n++) {
        TcgRevoke *r = &g_array_index(s->revokes, TcgRevoke, n);
        if (r->ram == rb) {
            r->first = MIN(r->first, first);
            r->last = MAX(r->last, last);
            known = true;
        }
    }
    if (!known && ram_block_use(rb)) {
        TcgRevoke r = { rb, first, last };
        g_array_append_val(s->revokes, r);
    }
    lock_release(&s->lock);
    tcg_queue_filled(s);
    tcg_wake_thread(s); /* a guest that sleeps keeps a screen from being still */
}

void tcg_dirty_started(MemoryListener *l, RamBlock *rb)
{
    TcgState *s = l->opaque;
    uint64_t pages = rb->size >> RAM_PAGE_BITS;
    if (!uses(s, rb)) {
        return;
    }
    for (uint64_t w = 0; w <= (pages - 1) / RAM_WORD_BITS; w++) {
        __atomic_store_n(&rb->unnoticed[w], ~0ul, __ATOMIC_SEQ_CST);
    }
    ask(s, rb, 0, pages - 1);
}

void tcg_dirty_taken(MemoryListener *l, RamBlock *rb, uint64_t offset, uint64_t length)
{
    TcgState *s = l->opaque;
    if (uses(s, rb)) {
        ask(s, rb, offset >> RAM_PAGE_BITS, (offset + length - 1) >> RAM_PAGE_BITS);
    }
}

void tcg_dirty_unmapped(TcgState *s, RamBlock *rb)
{
    ask(s, rb, 0, (rb->size >> RAM_PAGE_BITS) - 1);
}

/* ---- in the vCPUs' thread ------------------------------------------------------ */

static void drop_write_tags(TcgContext *c, uint64_t first, uint64_t last)
{
    for (unsigned w = 0; w < TLB_SIZE / 64; w++) {
        for (uint64_t bits = c->tlb_filled[w]; bits; bits &= bits - 1) {
            unsigned n = w * 64 + __builtin_ctzll(bits);
            if (c->ram_page[n] >= first && c->ram_page[n] <= last) {
                c->tlb[n].wr = TLB_NEVER;
            }
        }
    }
}

static void revoke_tags(TcgState *s, const TcgRevoke *r)
{
    uint64_t base = r->ram->first_page;
    for (unsigned k = 0; k < s->vcpus->len; k++) {
        TcgVcpu *v = s->vcpus->pdata[k];
        for (unsigned n = 0; n < CONTEXT_POOL && v->pool[n]; n++) {
            drop_write_tags(v->pool[n], base + r->first, base + r->last);
        }
    }
    ram_dirty_noticed(r->ram, r->first, r->last);
    ram_block_unuse(r->ram);
}

void tcg_dirty_revoke(TcgState *s)
{
    lock_take(&s->lock);
    GArray *list = s->revokes;
    s->revokes = g_array_new(FALSE, FALSE, sizeof(TcgRevoke));
    lock_release(&s->lock);
    for (unsigned n = 0; n < list->len; n++) {
        revoke_tags(s, &g_array_index(list, TcgRevoke, n));
    }
    g_array_unref(list);
}
