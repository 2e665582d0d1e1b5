/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where things are on the disk: the kind of FAT and its clusters, boot sector, table.
 *
 * A disk has the size that QEMU gives it (504 MiB; 31.5 MiB of fat:12; floppies of 2.88 MB, 1.44 MB of fat:12) and becomes twice as large until
 * all fits.  The kind follows from the number of clusters alone ("FAT Type Determination"), so that is kept within what the kind
 * may have. */
#include <string.h>

#include "block/fat/fat.h"
#include "util/bytes.h"

enum { HEADS = 16, TRACK = 63, FATS = 2, FSINFO = 1, BACKUP_BOOT = 6 };

typedef struct FatKind {
    unsigned type;
    uint32_t min, max; /* clusters */
    unsigned first_cluster, last_cluster, reserved;
    uint64_t start_size; /* of a disk, sectors */
    uint64_t floppy;     /* the same; 0: there is none */
    uint32_t mask;
    uint8_t partition, partition_lba;
} FatKind;
static const FatKind kinds[] = {
    { 12, 1, 4084, 1, 64, 1, 64 * HEADS *TRACK, 2880, 0xfff, 0x01, 0x01 },
    { 16, 4085, 65524, 1, 64, 1, 1024 * HEADS *TRACK, 5760, 0xffff, 0x06, 0x0e },
    { 32, 65525, 0x0ffffff5, 8, 64, 32, 1024 * HEADS *TRACK, 0, 0x0fffffff, 0x0b, 0x0c },
};

static const FatKind *kind_of(unsigned type)
{
    return &kinds[type / 16];
}

/* ---- how large ------------------------------------------------------------- */

static uint64_t clusters_for(uint64_t bytes, unsigned cluster_sectors)
{
    uint64_t size = (uint64_t)cluster_sectors * SECTOR;
    return (bytes + size - 1) / size;
}

static bool has_place(const FatItem *item, unsigned type)
{
    return item->size && (item->parent || type == 32);
}

static uint64_t need(const FatDisk *d, unsigned type, unsigned cluster_sectors)
{
    uint64_t n = 0;
    for (guint i = 0; i < d->items->len; i++) {
        const FatItem *item = g_ptr_array_index(d->items, i);
        n += has_place(item, type) ? clusters_for(item->size, cluster_sectors) : 0;
    }
    return n;
}

/* Clusters and the table that has a row for each: the smallest table that is large enough. */
static void divide(FatLayout *l)
{
    uint64_t root = (uint64_t)l->root_records * FAT_RECORD / SECTOR;
    uint64_t table = 0, wanted = 1, clusters = 0;
    while (table < wanted) {
        table = wanted;
        uint64_t before = l->reserved + FATS * table + root;
        clusters = before < l->total ? (l->total - before) / l->cluster_sectors : 0;
        wanted = ((clusters + 2) * l->type + 8 * SECTOR - 1) / (8 * SECTOR);
    }
    l->fat_sectors = (uint32_t)table;
    l->data = l->reserved + FATS * table + root;
    l->clusters = (uint32_t)MIN(clusters, UINT32_MAX);
}

/* The smallest clusters of which there are neither too few nor too many. */
static bool fits(FatDisk *d, const FatKind *k, uint64_t sectors, FatLayout *l)
{
    const FatItem *root = g_ptr_array_index(d->items, 0);
    uint32_t records = (uint32_t)MAX(root->size / FAT_RECORD, d->floppy ? 224 : 512);
    *l = (FatLayout){ .type = k->type, .reserved = k->reserved, .heads = d->floppy ? 2 : HEADS };
    l->track_sectors = d->floppy ? (unsigned)(sectors / 160) : TRACK;
    l->hidden = d->floppy ? 0 : TRACK;
    l->total = sectors - l->hidden;
    l->root_records = k->type == 32 ? 0 : (records + 15) / 16 * 16;
    for (unsigned c = k->first_cluster; c <= k->last_cluster && l->root_records <= UINT16_MAX; c *= 2) {
        l->cluster_sectors = c;
        divide(l);
        if (l->clusters >= k->min && l->clusters <= k->max) {
            uint64_t used = need(d, k->type, c);
            l->used = (uint32_t)MIN(used, UINT32_MAX);
            if (used <= l->clusters) {
                return true;
            }
        }
    }
    return false;
}

static bool choose(FatDisk *d, const FatKind *k)
{
    for (uint64_t sectors = d->floppy ? k->floppy : k->start_size; sectors <= UINT32_MAX; sectors *= 2) {
        if (fits(d, k, sectors, &d->layout)) {
            return true;
        }
        if (d->floppy) {
            break;
        }
    }
    return false;
}

static bool choose_kind(FatDisk *d, unsigned type)
{
    if (type) {
        return choose(d, kind_of(type));
    }
    return d->floppy ? fits(d, kind_of(12), 5760, &d->layout)
                     : fits(d, kind_of(16), kind_of(16)->start_size, &d->layout) || choose(d, kind_of(32));
}

bool fat_place(FatDisk *d, unsigned type, GError **err)
{
    if (d->floppy && type == 32) {
        block_error(err, "a floppy cannot have FAT32: it has too few clusters; choose 12 or 16");
        return false;
    }
    if (!fat_count_records(d, err)) {
        return false;
    }
    if (!choose_kind(d, type)) {
        block_error(err, "what is in '%s' does not fit %s; show less%s", d->node.filename,
                    d->floppy    ? "on a floppy"
                    : type == 12 ? "on a disk with FAT12"
                    : type == 16 ? "on a disk with FAT16"
                                 : "on a disk of 2 TiB",
                    !d->floppy && type ? ", or leave the kind of FAT out" : "");
        return false;
    }
    uint32_t next = 2;
    for (guint i = 0; i < d->items->len; i++) {
        FatItem *item = g_ptr_array_index(d->items, i);
        if (has_place(item, d->layout.type)) {
            item->first = next;
            next += (uint32_t)clusters_for(item->size, d->layout.cluster_sectors);
            g_ptr_array_add(d->placed, item);
        }
    }
    return true;
}

/* ---- the table ------------------------------------------------------------- */

const FatItem *fat_item_at(const FatDisk *d, uint32_t cluster)
{
    guint low = 0, high = d->placed->len;
    if (cluster < 2 || cluster - 2 >= d->layout.used) {
        return NULL;
    }
    while (high - low > 1) {
        guint middle = (low + high) / 2;
        const FatItem *item = g_ptr_array_index(d->placed, middle);
        *(item->first <= cluster ? &low : &high) = middle;
    }
    return g_ptr_array_index(d->placed, low);
}

static uint8_t medium(const FatDisk *d)
{
    return d->floppy ? 0xf0 : 0xf8;
}

/* The first two say what the disk is, and that it was unmounted. */
static uint32_t row(const FatDisk *d, uint32_t cluster)
{
    uint32_t mask = kind_of(d->layout.type)->mask;
    const FatItem *item = fat_item_at(d, cluster);
    if (cluster < 2) {
        return cluster ? mask : (mask & ~0xffu) | medium(d);
    }
    if (!item) {
        return 0;
    }
    uint64_t last = item->first + clusters_for(item->size, d->layout.cluster_sectors) - 1;
    return cluster == last ? mask : cluster + 1;
}

static uint8_t table_byte(const FatDisk *d, uint64_t at)
{
    if (d->layout.type != 12) {
        unsigned size = d->layout.type / 8;
        return (uint8_t)(row(d, (uint32_t)(at / size)) >> (at % size * 8));
    }
    uint32_t pair = (uint32_t)(at / 3 * 2); /* two rows in three bytes */
    switch (at % 3) {
    case 0: return (uint8_t)row(d, pair);
    case 1: return (uint8_t)(row(d, pair) >> 8 | row(d, pair + 1) << 4);
    default: return (uint8_t)(row(d, pair + 1) >> 4);
    }
}

static void table_sector(const FatDisk *d, uint64_t sector, uint8_t *to)
{
    uint64_t rows_used = d->layout.used + 2, begin = sector * SECTOR;
    if (begin * 8 / d->layout.type >= rows_used) {
        memset(to, 0, SECTOR);
        return;
    }
    for (unsigned i = 0; i < SECTOR; i++) {
        to[i] = table_byte(d, begin + i);
    }
}

/* ---- boot sectors ---------------------------------------------------------- */

static void put_volume(const FatDisk *d, uint8_t *to, const char *kind)
{
    to[0] = d->floppy ? 0 : 0x80; /* drive */
    to[2] = 0x29;                 /* what follows is there */
    store_le(to + 3, 4, d->serial);
    memcpy(to + 7, d->label, 11);
    memcpy(to + 18, kind, 8);
}

static void boot_sector(const FatDisk *d, uint8_t *b)
{
    const FatLayout *l = &d->layout;
    bool large = l->type == 32, short_total = !large && l->total < 0x10000;
    memcpy(b, large ? "\xeb\x58\x90" : "\xeb\x3c\x90", 3);
    memcpy(b + 3, "MSWIN4.1", 8); /* the name that most programs take */
    store_le(b + 11, 2, SECTOR);
    b[13] = (uint8_t)l->cluster_sectors;
    store_le(b + 14, 2, l->reserved);
    b[16] = FATS;
    store_le(b + 17, 2, l->root_records);
    store_le(b + 19, 2, short_total ? l->total : 0);
    b[21] = medium(d);
    store_le(b + 22, 2, large ? 0 : l->fat_sectors);
    store_le(b + 24, 2, l->track_sectors);
    store_le(b + 26, 2, l->heads);
    store_le(b + 28, 4, l->hidden);
    store_le(b + 32, 4, short_total ? 0 : l->total);
    if (large) {
        store_le(b + 36, 4, l->fat_sectors);
        store_le(b + 44, 4, 2); /* the folder of the disk */
        store_le(b + 48, 2, FSINFO);
        store_le(b + 50, 2, BACKUP_BOOT);
    }
    put_volume(d, b + (large ? 64 : 36), large ? "FAT32   " : l->type == 16 ? "FAT16   " : "FAT12   ");
    store_le(b + 510, 2, 0xaa55);
}

static void fsinfo_sector(const FatDisk *d, uint8_t *b)
{
    store_le(b, 4, 0x41615252);
    store_le(b + 484, 4, 0x61417272);
    store_le(b + 488, 4, d->layout.clusters - d->layout.used);
    store_le(b + 492, 4, d->layout.used + 2);
    store_le(b + 508, 4, 0xaa550000);
}

void fat_head_sector(const FatDisk *d, uint64_t sector, uint8_t *to)
{
    const FatLayout *l = &d->layout;
    memset(to, 0, SECTOR);
    if (sector >= l->reserved) {
        uint64_t at = sector - l->reserved, tables = (uint64_t)FATS * l->fat_sectors;
        const FatItem *root = g_ptr_array_index(d->items, 0);
        uint64_t record = at < tables ? 0 : (at - tables) * SECTOR;
        if (at < tables) {
            table_sector(d, at % l->fat_sectors, to);
        } else if (record < root->size) {
            memcpy(to, root->records + record, MIN(SECTOR, root->size - record));
        }
    } else if (sector == 0 || (l->type == 32 && sector == BACKUP_BOOT)) {
        boot_sector(d, to);
    } else if (l->type == 32 && (sector == FSINFO || sector == BACKUP_BOOT + FSINFO)) {
        fsinfo_sector(d, to);
    }
}

/* ---- the partition --------------------------------------------------------- */

static void put_chs(uint8_t *to, uint64_t sector)
{
    uint64_t cylinder = sector / (HEADS * TRACK);
    if (cylinder > 1023) {
        memcpy(to, "\xfe\xff\xff", 3);
        return;
    }
    to[0] = (uint8_t)(sector / TRACK % HEADS);
    to[1] = (uint8_t)(sector % TRACK + 1) | (uint8_t)(cylinder >> 8 << 6);
    to[2] = (uint8_t)cylinder;
}

void fat_partition_sector(const FatDisk *d, uint8_t *to)
{
    const FatLayout *l = &d->layout;
    const FatKind *k = kind_of(l->type);
    uint64_t end = l->hidden + l->total;
    uint8_t *p = to + 446;
    memset(to, 0, SECTOR);
    store_le(to + 440, 4, d->serial);
    p[0] = 0x80;
    put_chs(p + 1, l->hidden);
    p[4] = end > 1024 * HEADS * TRACK ? k->partition_lba : k->partition;
    put_chs(p + 5, end - 1);
    store_le(p + 8, 4, l->hidden);
    store_le(p + 12, 4, l->total);
    store_le(to + 510, 2, 0xaa55);
}
