/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Persistent dirty bitmaps of a qcow2 image. */
#pragma once
#include "block/qcow2/qcow2.h"

enum { BITMAPS_MAX = 65535, BITMAP_DIRECTORY_MAX = 16 << 20 };
enum { BITMAP_IN_USE = 1 << 0, BITMAP_AUTO = 1 << 1, BITMAP_EXTRA_COMPATIBLE = 1 << 2, BITMAP_FLAGS = 7 };

/* As the directory has it. */
typedef struct BitmapEntry {
    char *name;
    uint64_t table_offset;
    uint32_t table_size, flags; /* table_size: entries */
    uint8_t shift;              /* of the granularity */
    uint8_t *extra;
    uint32_t extra_size;
} BitmapEntry;

/* ---- bitmap_table.c ---- */
void bitmap_entry_free(BitmapEntry *e);
/* Is it one that this program may not use, and leaves as it is? */
bool bitmap_entry_is_opaque(const BitmapEntry *e);
uint64_t bitmap_table_entries(const Qcow2 *s, unsigned shift); /* that a bitmap of this disk has */
/* Of BitmapEntry; NULL: they contradict themselves or the image (*why), or cannot be read. */
GPtrArray *bitmap_directory_parse(const Qcow2 *s, const uint8_t *bytes, uint64_t size, uint32_t count,
                                  const char **why);
GByteArray *bitmap_directory_bytes(const GPtrArray *entries);

/* ---- bitmaps.c ---- */
/* What the image has, into the node.  False: its directory or a bitmap is damaged. */
bool bitmaps_load(Qcow2 *s, GError **err);
int bitmaps_claim(Qcow2 *s); /* the file says from here on that they are in use */
int bitmaps_store(Qcow2 *s); /* the file has them as they are; nobody writes to the image */
bool bitmaps_keep(BlockNode *n, const char *name, unsigned shift, GError **err);
void bitmaps_close(Qcow2 *s);
