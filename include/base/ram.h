/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Host memory behind RAM and ROM regions, and who follows the writes to it. */
#pragma once
#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

enum { RAM_PAGE_BITS = 12, RAM_PAGE = 1 << RAM_PAGE_BITS, RAM_WORD_BITS = 8 * sizeof(unsigned long) };

/* Clients of dirty tracking: each hears of all writes, at its own pace. */
typedef enum RamDirtyClient {
    RAM_DIRTY_DISPLAY,   /* what of a screen to draw again */
    RAM_DIRTY_MIGRATION, /* what of the memory to send (or save) again */
    RAM_DIRTY_CLIENTS
} RamDirtyClient;

/* Private memory, or a file of the user's or a memfd of a backend's, mapped once.  Bitmaps have a bit a page. */
typedef struct RamBlock {
    char *name;                /* "riscv_virt_board.ram" */
    uint8_t *host;             /* page aligned */
    uint64_t size;             /* bytes, a multiple of RAM_PAGE */
    int fd;                    /* of a shared mapping; -1: memory that only `host` leads to */
    bool anonymous;            /* there is no file behind it, and what was never touched is zero */
    uint32_t users;            /* atomic: its region, and each dma_map(); freed (later) with the last */
    uint64_t first_page;       /* this block's first page among all blocks: a RAM page number, unique in
                            the process, is first_page + offset / RAM_PAGE */
    unsigned long *code_pages; /* holds translated code (set and cleared by the translator, atomically) */

    /* Dirty tracking, see ram_dirty_start(); bitmaps are made with the first client, and kept. */
    uint32_t dirty_clients;                  /* atomic: bit per client; 0: nobody follows */
    unsigned long *dirty[RAM_DIRTY_CLIENTS]; /* atomic */
    unsigned long *unnoticed;                /* atomic: a vCPU may be writing the page without a word (its
                                                TLB lets it), so it counts as dirty for every client.  Set
                                                by the accelerator while somebody follows */
    unsigned long *revoking;                 /* atomic: the same of pages whose rights are being taken away */
    uint64_t revoking_first, revoking_last;  /* where those are */
    uint32_t revocation; /* atomic: 0, or 1 + how many have still to say that it is done */
} RamBlock;

/* The RAM block of a RAM page number (see RamBlock.first_page), or NULL. */
RamBlock *ram_block_of_page(uint64_t page);

/* From *at on, below `to`: the next bytes that may differ from zero, up to *end; false: there are none.  What was never touched has no
 * memory on the host, and gets none by this. */
bool ram_block_next_data(const RamBlock *rb, uint64_t *at, uint64_t to,
                         uint64_t *end) G_GNUC_WARN_UNUSED_RESULT;
/* Give guest memory (mapped RAM) back to the host: it reads as zero, or as its file has it if that is not shared.  Parts that
 * are no whole pages of the host's are left. */
void ram_discard(uint8_t *host, uint64_t bytes);

/* Keep the block beyond the next memory_quiescent().  False: its last user is gone, and only who read
 * an old view has it still. */
bool ram_block_use(RamBlock *rb) G_GNUC_WARN_UNUSED_RESULT;
void ram_block_unuse(RamBlock *rb);

/* ---- writes ------------------------------------------------------------------ */

/* RAM was written (through a host pointer, just before).  The second: what dma_map() gave. */
void ram_mark_written(RamBlock *rb, uint64_t offset, uint64_t len);
void ram_mark_host_written(const void *host, uint64_t len);

/* Follow the writes to a block, whoever makes them: vCPUs, DMA, loaders, the debugger.  At first
 * all pages are dirty.  Any thread; a client is one at a time for each block. */
void ram_dirty_start(RamBlock *rb, RamDirtyClient client);
void ram_dirty_stop(RamBlock *rb, RamDirtyClient client);

/* Take the dirty pages of [offset, offset + len), whole pages: bit n of `bitmap` (rounded up to whole
 * longs) says that page n of the range may have been written since the client took it last.  They
 * are clean then.  Returns how many there are.
 *
 * Every byte that changes after a page was taken is in a page of a later take: one that begins
 * after the write ended, at the latest.  So look at the memory after the take.  Pages may be named
 * that did not change, as a rule once more than they were written: a vCPU that was writing a
 * page when it was taken keeps the right to do so until it next comes by, and the page stays dirty.
 * Any thread. */
uint64_t ram_dirty_take(RamBlock *rb, RamDirtyClient client, uint64_t offset, uint64_t len,
                        unsigned long *bitmap);

/* ---- for accelerators ----------------------------------------------------------- */

static inline bool ram_is_followed(const RamBlock *rb)
{
    return __atomic_load_n(&rb->dirty_clients, __ATOMIC_SEQ_CST) != 0;
}

static inline bool ram_page_is_unnoticed(const RamBlock *rb, uint64_t page)
{
    unsigned long word = __atomic_load_n(&rb->unnoticed[page / RAM_WORD_BITS], __ATOMIC_SEQ_CST);
    return word >> page % RAM_WORD_BITS & 1;
}

/* A vCPU is about to write a page of a block that is followed, now or whenever it likes. */
static inline void ram_page_set_unnoticed(RamBlock *rb, uint64_t page)
{
    if (!ram_page_is_unnoticed(rb, page)) {
        __atomic_fetch_or(&rb->unnoticed[page / RAM_WORD_BITS], 1ul << page % RAM_WORD_BITS,
                          __ATOMIC_SEQ_CST);
    }
}

/* What MemoryListener.dirty_taken asked for is done. */
void ram_dirty_noticed(RamBlock *rb);
