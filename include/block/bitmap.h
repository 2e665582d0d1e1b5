/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Dirty bitmaps: which parts of a node were written since the bitmap was made, or cleared.
 * States and commands: QEMU's manual, "Dirty Bitmaps and Incremental Backup".
 *
 * Every write that goes through the node marks those that record, whoever writes, before it begins.  Bitmaps come and go in the main loop (or a tool's
 * thread); their bits may be read and merged by any thread that keeps them busy.
 *
 * Units: bytes of the node's disk.  A bitmap has at most BITMAP_BITS_MAX bits, all of a node at most BITMAP_NODE_BITS_MAX. */
#pragma once
#include "block/node.h"

typedef struct DirtyBitmap DirtyBitmap;

#define BITMAP_BITS_MAX (UINT64_C(1) << 30)
#define BITMAP_NODE_BITS_MAX (UINT64_C(1) << 32)
enum { BITMAP_SHIFT_MIN = 9, BITMAP_SHIFT_MAX = 31, BITMAP_NAME_MAX = 1023 };

typedef struct BitmapState {
    const char *name;
    uint64_t granularity, count; /* count: bytes of the marked parts */
    bool recording;
    bool persistent; /* the image keeps it */
    bool busy;       /* a job or an export has it: it is not changed */
    bool
        inconsistent; /* it was in use when its image was last written, and not closed: it can only be removed */
} BitmapState;

typedef struct NewBitmap {
    const char *name;
    uint64_t granularity; /* a power of two, 512 to 2 GiB; 0: the image's clusters, of 4 to 64 KiB */
    bool persistent, disabled;
} NewBitmap;

/* On failure NULL, and the error. */
DirtyBitmap *node_bitmap_add(BlockNode *n, const NewBitmap *o, GError **err);
DirtyBitmap *node_bitmap_find(const BlockNode *n, const char *name, GError **err);
DirtyBitmap *node_bitmap_at(const BlockNode *n,
                            unsigned index); /* in the order of their making; NULL: the end */
void node_bitmap_remove(BlockNode *n, DirtyBitmap *b);
BitmapState bitmap_state(DirtyBitmap *b); /* the name is the bitmap's */

/* What may be done with it? */
enum { BITMAP_CHANGE = 1 /* it is not busy */, BITMAP_REMOVE = 2 /* the same, or it is inconsistent */ };
bool bitmap_allows(DirtyBitmap *b, unsigned what, GError **err) G_GNUC_WARN_UNUSED_RESULT;

void bitmap_set_recording(DirtyBitmap *b, bool recording);
void bitmap_set_busy(DirtyBitmap *b, bool busy); /* as often on as off */
void bitmap_clear(DirtyBitmap *b);
void bitmap_mark(DirtyBitmap *b, uint64_t offset, uint64_t length);
/* All that is marked in `from`, of whatever granularity, is marked in b.  False: their disks differ in size. */
bool bitmap_merge(DirtyBitmap *b, DirtyBitmap *from, GError **err) G_GNUC_WARN_UNUSED_RESULT;
DirtyBitmap *bitmap_copy(DirtyBitmap *b); /* of its bits: nobody's but the caller's, until bitmap_free */
void bitmap_swap_bits(DirtyBitmap *b, DirtyBitmap *copy);
void bitmap_free(DirtyBitmap *copy);
/* The first marked run in [from, end); false: there is none. */
bool bitmap_next(DirtyBitmap *b, uint64_t from, uint64_t end, uint64_t *offset, uint64_t *length);

/* ---- while somebody works from it ----
 * Between the two, what is written is marked elsewhere; then that is all that is marked (done), or it is marked besides. */
void bitmap_split(DirtyBitmap *b);
void bitmap_join(DirtyBitmap *b, bool done);
