/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Stores to RAM that somebody follows (see base/ram.h).
 *
 * Translated code stores without a word where the TLB has a write tag.  In a block that is
 * followed such a tag is entered only by a store, and the page stands in RamBlock.unnoticed from
 * then on (softmmu.c).  When a client takes such pages it asks here that the tags go: each vCPU drops
 * its own between two blocks, and when the last has done so the pages are marked and out of `unnoticed`.
 * Nobody waits for it: until then they just stay dirty, as they may be.
 *
 * Tags that were entered before anybody followed are among those of `dirty_started`, which has all
 * pages unnoticed until they are dropped. */
#include "accel/tcg/dirty.h"

#include "accel/tcg/mail.h"

static void ask(TcgState *s, RamBlock *rb, uint64_t first, uint64_t last)
{
    if (ram_block_use(rb)) {
        tcg_mail_notice(s, rb, first, last);
    }
}

void tcg_dirty_started(MemoryListener *l, RamBlock *rb)
{
    uint64_t pages = rb->size >> RAM_PAGE_BITS;
    for (uint64_t w = 0; w <= (pages - 1) / RAM_WORD_BITS; w++) {
        __atomic_store_n(&rb->unnoticed[w], ~0ul, __ATOMIC_SEQ_CST);
    }
    ask(l->opaque, rb, 0, pages - 1);
}

void tcg_dirty_taken(MemoryListener *l, RamBlock *rb, uint64_t offset, uint64_t length)
{
    ask(l->opaque, rb, offset >> RAM_PAGE_BITS, (offset + length - 1) >> RAM_PAGE_BITS);
}
