/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Stores to RAM that somebody follows (see base/memory_dirty.c).
 *
 * Translated code stores without a word where the TLB has a write tag.  In a block that is
 * followed such a tag is entered only by a store, and the page stands in RamBlock.unnoticed from
 * then on (softmmu-fill.c).  When a client takes such pages the tags are to go: each vCPU drops its own between two
 * blocks, and the last one says so.  Nobody waits for it. */
#include "accel/tcg/dirty.h"

#include "accel/tcg/mail.h"

void tcg_dirty_taken(MemoryListener *l, RamBlock *rb, uint64_t offset, uint64_t length)
{
    if (!ram_block_use(rb)) { /* it goes, and the tags with it */
        ram_dirty_noticed(rb);
        return;
    }
    tcg_mail_notice(l->opaque, rb, offset >> RAM_PAGE_BITS, (offset + length - 1) >> RAM_PAGE_BITS);
}
