/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Dirty bitmaps, for the core and for formats that keep them. */
#pragma once
#include "base/lock.h"
#include "block/bitmap.h"

typedef struct NodeBitmaps {
    Lock lock;       /* the list, and all that is in it */
    GPtrArray *list; /* of DirtyBitmap */
} NodeBitmaps;

struct DirtyBitmap {
    NodeBitmaps *of; /* NULL: a copy */
    char *name;
    uint64_t size, bits, marked; /* size: of the disk */
    unsigned shift, busy;
    uint64_t *words;
    bool recording, persistent, inconsistent;
    DirtyBitmap *successor; /* see bitmap_split */
};

void node_bitmaps_free(BlockNode *n);
void node_bitmaps_mark(BlockNode *n, uint64_t offset, uint64_t length); /* any thread; a leaf lock is taken */
/* May the disk have so many bytes?  0 or -errno.  Then: it has; what is new is marked. */
int node_bitmaps_fit(BlockNode *n, uint64_t bytes);
void node_bitmaps_resized(BlockNode *n, uint64_t bytes);

/* ---- for formats ---- */
/* One that the image has; nothing is marked.  NULL: it, or all together, are too large. */
DirtyBitmap *node_bitmap_load(BlockNode *n, const char *name, unsigned shift, bool recording,
                              bool inconsistent);
/* Its bits from `first` (a multiple of 64) on, as a row of bytes with the lowest bit first: to and from an image.  Bits behind the end are
 * zeroes. */
void bitmap_get_bytes(DirtyBitmap *b, uint64_t first, uint8_t *bytes, uint64_t count);
void bitmap_put_bytes(DirtyBitmap *b, uint64_t first, const uint8_t *bytes, uint64_t count);
