/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A folder of the host as a disk with a FAT file system, made up as it is read: inside of vvfat.
 *
 * Specification: Microsoft, "FAT: General Overview of On-Disk Format", version 1.03 (short, long names: "FAT Long Directory
 * Entries"); ECMA-107.
 *
 * What a disk needs of the folder is read once, when it is opened: names, sizes, times (tree.c), the records of folders
 * (records.c), and from those where each one lies (layout.c): chains are contiguous, so the table is computed as it is read.
 * Bytes of files are read from the host when they are asked for (files.c), never by a link, never outside of the folder. */
#pragma once
#include "block/block_priv.h"

enum {
    FAT_RECORD = 32,         /* bytes of a folder's entry */
    FAT_ITEMS_MAX = 200000,  /* files and folders of a disk */
    FAT_DEPTH_MAX = 64,      /* of folders in folders */
    FAT_NAME_MAX = 255,      /* UTF-16 units */
    FAT_RECORDS_MAX = 65535, /* of a folder */
};
#define FAT_FILE_MAX UINT32_MAX /* bytes */

typedef struct FatOptions {
    char *dir, *label;
    uint8_t type; /* 12, 16 or 32; 0: what suits */
    bool floppy, rw;
} FatOptions;

/* A file or a folder. */
typedef struct FatItem {
    struct FatItem *parent; /* NULL: the folder of the disk */
    char *name;             /* on the host; NULL: the folder of the disk */
    bool is_dir, readonly;
    unsigned depth;
    uint64_t size; /* bytes; of a folder: of its records */
    int64_t mtime; /* seconds since the Epoch */
    uint8_t short_name[11];
    bool needs_long; /* the short name alone does not say it */
    uint8_t *records;
    GPtrArray *children; /* of a folder */
    uint32_t first;      /* cluster; 0: it has none */
} FatItem;

/* Where things are, in sectors of the file system, which begins at `hidden`. */
typedef struct FatLayout {
    unsigned type, cluster_sectors, heads, track_sectors;
    uint64_t hidden, total; /* sectors */
    uint32_t reserved, fat_sectors, root_records;
    uint64_t data; /* first sector of cluster 2 */
    uint32_t clusters, used;
} FatLayout;

typedef struct FatDisk {
    BlockNode node;
    int dir; /* descriptor */
    bool floppy;
    uint8_t label[11];
    uint32_t serial;
    GPtrArray *items;  /* of FatItem, the folder of the disk first */
    GPtrArray *placed; /* of FatItem: those that have clusters, in their order */
    FatLayout layout;
} FatDisk;

/* ---- tree.c ---- */
/* All that can be shown; the rest is counted in the log. */
bool fat_tree_read(FatDisk *d, const char *dir, GError **err);
void fat_item_free(gpointer item);

/* ---- names.c ---- */
/* Units of a long name, the caller's; NULL: FAT cannot have it. */
uint16_t *fat_long_name(const char *name, glong *units);
/* Give all children a short name, each its own. */
void fat_name_children(FatItem *folder);

/* ---- records.c ---- */
unsigned fat_records_of(const FatItem *item);     /* how many its name takes in its folder */
bool fat_count_records(FatDisk *d, GError **err); /* sizes of all folders */
void fat_make_records(FatDisk *d);                /* when all have their place */
void fat_put_time(uint8_t *to, int64_t seconds);  /* 4 bytes: time, date */

/* ---- layout.c ---- */
bool fat_place(FatDisk *d, unsigned type, GError **err);
const FatItem *fat_item_at(const FatDisk *d, uint32_t cluster); /* NULL: it is free */
/* A sector before the data: of the file system. */
void fat_head_sector(const FatDisk *d, uint64_t sector, uint8_t *to);
void fat_partition_sector(const FatDisk *d, uint8_t *to); /* the first of a disk that is no floppy */

/* ---- files.c ---- */
/* Bytes of a file; those that it no longer has are zeroes.  0 or -errno. */
int fat_file_read(const FatDisk *d, const FatItem *item, uint64_t at, void *buf, size_t length);
