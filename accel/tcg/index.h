/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The index of blocks: by code address, by RAM page, and by the jumps between them.
 *
 * One lock guards it: whoever changes it, or the pages, holds `lock`.  Lookups take no lock: a block that a vCPU
 * has found stays in memory until that vCPU has come by the dispatcher (see mail.h), dropped or not.
 *
 * A block that is dropped is out of all tables, and its entry leads to JitConfig.retired: whoever comes there by
 * a jump cache is turned away.  A vCPU inside it goes on to its end. */
#pragma once
#include "accel/tcg/pages.h"
#include "base/lock.h"

typedef struct TcgIndex {
    Lock lock;      /* LOCK_CODE: the index, the pages, the code cache */
    TcgPages pages; /* lookups and tags without the lock, as pages.h says */
    TcgBlock **hash;
    TcgBlock **alike; /* by code address alone: one that can be copied, if it still is there */
    /* A page that gets its first code: somebody's right to write it goes.  Under the lock. */
    void (*revoke)(void *opaque, uint64_t ram_page, TcgWriter writer);
    /* A block without host code was dropped, perhaps one that loops in itself: vCPUs leave theirs soon. */
    void (*leave)(void *opaque);
    void *opaque;
    /* Where host code is, once there is a back end's: blocks are at code + to_rw when they are written. */
    Jit *jit;
    ptrdiff_t to_rw;
    bool
        one_at_a_time; /* lockstep: blocks are entered by lookups alone, and one that was dropped once more */
    uint64_t drops, writes; /* figures, under the lock */
} TcgIndex;

bool tcg_index_init(TcgIndex *x, GError **err) G_GNUC_WARN_UNUSED_RESULT;
void tcg_index_finish(TcgIndex *x);

/* ---- without the lock ---- */

TcgBlock *tcg_index_find(TcgIndex *x, uint64_t code_addr, uint64_t pc, uint32_t mode);

/* Bytes [offset, offset + len) of a RAM page have been written.  Any thread; takes the lock if there is code. */
void tcg_index_written(TcgIndex *x, uint64_t ram_page, unsigned offset, unsigned len);

/* ---- under the lock ---- */

/* Between these nothing that is read of the page's code can be written unnoticed. */
void tcg_index_hold(TcgIndex *x, uint64_t ram_page);
void tcg_index_release(TcgIndex *x, uint64_t ram_page);

/* A block of pages that are held. */
void tcg_index_publish(TcgIndex *x, TcgBlock *b);
void tcg_index_drop(TcgIndex *x, TcgBlock *b);
void tcg_index_drop_page(TcgIndex *x, uint64_t ram_page);
void tcg_index_drop_all(TcgIndex *x);

/* A block of the same code at another address, to be copied, or NULL. */
const TcgBlock *tcg_index_alike(TcgIndex *x, uint64_t code_addr, uint32_t mode);

/* Some vCPU may fetch from parts of the page only: its blocks are found by lookups alone, never by a patched
 * jump, and a lookup asks whether this vCPU may run all of the block. */
void tcg_index_split(TcgIndex *x, uint64_t ram_page);

/* Have an exit jump to a block straight, where that is right for all vCPUs and as long as both live. */
void tcg_index_link(TcgIndex *x, TcgExit *e, TcgBlock *to);
