/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The code cache: where host code is.  Under the lock of the index, but for tcg_cache_find().
 *
 * Code fills one region after the other.  When a region is begun the next but one is emptied: its blocks are
 * dropped, and it may be filled again when no vCPU can be in one of them any more, or hold one.  Who says
 * so is the accelerator (`leaving`, tcg_batch_free). */
#pragma once
#include "accel/tcg/index.h"

/* Blocks that were dropped, to be freed when every vCPU has come by the dispatcher. */
typedef struct TcgRegion TcgRegion;
typedef struct TcgBatch {
    TcgRegion *region; /* is free then; NULL: the blocks have no host code */
    TcgBlock **blocks;
    unsigned count;
    unsigned waiting;             /* atomic: vCPUs that have not come by */
    const uint8_t *first, *after; /* their host code */
} TcgBatch;
void tcg_batch_free(TcgBatch *b);

typedef struct TcgCache TcgCache;

typedef struct TcgCacheConfig {
    uint64_t bytes; /* 0: the default, 128 MiB */
    const JitConfig *jit;
    TcgIndex *index;
    /* The batch's blocks were dropped: see to it that tcg_batch_free() is called. */
    void (*leaving)(void *opaque, TcgBatch *batch);
    void *opaque;
} TcgCacheConfig;

TcgCache *tcg_cache_new(const TcgCacheConfig *config, GError **err);
void tcg_cache_free(TcgCache *c); /* and all its blocks */
Jit *tcg_cache_jit(TcgCache *c);
/* The back end's stubs: code that belongs to no block. */
const void *tcg_cache_head(const TcgCache *c);

/* Compile ir as the code of b. */
typedef enum TcgCompiled { TCG_COMPILED, TCG_TOO_LARGE, TCG_NO_ROOM } TcgCompiled;
TcgCompiled tcg_cache_compile(TcgCache *c, TcgBlock *b, const IrBlock *ir) G_GNUC_WARN_UNUSED_RESULT;
/* Make the code of b, whose guest code is that of `from` at another address, out of that of `from`; false: it must be
 * compiled. */
bool tcg_cache_copy(TcgCache *c, TcgBlock *b, const TcgBlock *from) G_GNUC_WARN_UNUSED_RESULT;
/* For checks: the code of b, whose exits are not chained, is what ir is compiled to. */
bool tcg_cache_is_same(TcgCache *c, const TcgBlock *b, const IrBlock *ir);
/* After TCG_NO_ROOM: a region has become free.  Without the lock. */
bool tcg_cache_has_room(const TcgCache *c);

/* The block whose code holds a host address; NULL for the stubs.  By a vCPU that is there, without the lock. */
TcgBlock *tcg_cache_find(TcgCache *c, uintptr_t host);

typedef struct TcgCacheUse {
    uint64_t used, size, blocks, evictions;
} TcgCacheUse;
void tcg_cache_use(const TcgCache *c, TcgCacheUse *use);
