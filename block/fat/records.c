/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The entries of folders: of the label, of the folder itself and the one above it, of names with their long ones before them
 * ("FAT Directory Structure", "FAT Long Directory Entries"). */
#include <string.h>
#include <time.h>

#include "block/fat/fat.h"
#include "util/bytes.h"

enum {
    ATTR_READ_ONLY = 1,
    ATTR_LABEL = 8,
    ATTR_DIRECTORY = 0x10,
    ATTR_ARCHIVE = 0x20,
    ATTR_LONG = 0x0f,
    LAST_LONG = 0x40,
    UNITS = 13, /* of a long name's entry */
};

unsigned fat_records_of(const FatItem *item)
{
    glong units;
    if (!item->needs_long) {
        return 1;
    }
    g_free(fat_long_name(item->name, &units));
    return 1 + (unsigned)(units + UNITS - 1) / UNITS;
}

bool fat_count_records(FatDisk *d, GError **err)
{
    for (guint i = 0; i < d->items->len; i++) {
        FatItem *folder = g_ptr_array_index(d->items, i);
        uint64_t n = folder->parent ? 2 : 1;
        for (guint k = 0; folder->is_dir && k < folder->children->len; k++) {
            n += fat_records_of(g_ptr_array_index(folder->children, k));
        }
        if (folder->is_dir && n > FAT_RECORDS_MAX) {
            block_error(err, "folder '%s' has more names than FAT can have in one",
                        folder->name ? folder->name : d->node.filename);
            return false;
        }
        folder->size = folder->is_dir ? n * FAT_RECORD : folder->size;
    }
    return true;
}

/* Local time, as FAT has it, from 1980 to 2107; seconds in twos. */
void fat_put_time(uint8_t *to, int64_t seconds)
{
    struct tm tm;
    time_t t = (time_t)seconds;
    unsigned date = 1 << 5 | 1, clock = 0;
    if (localtime_r(&t, &tm) && tm.tm_year >= 80 && tm.tm_year <= 207) {
        date = (unsigned)(tm.tm_year - 80) << 9 | (unsigned)(tm.tm_mon + 1) << 5 | (unsigned)tm.tm_mday;
        clock = (unsigned)tm.tm_hour << 11 | (unsigned)tm.tm_min << 5 | (unsigned)MIN(tm.tm_sec, 59) / 2;
    }
    store_le(to, 2, clock);
    store_le(to + 2, 2, date);
}

static uint8_t *put_record(uint8_t *to, const uint8_t *name, unsigned attributes, const FatItem *item)
{
    memcpy(to, name, 11);
    to[11] = (uint8_t)attributes;
    fat_put_time(to + 14, item->mtime); /* made */
    fat_put_time(to + 22, item->mtime); /* written */
    memcpy(to + 18, to + 24, 2);        /* read: a date */
    store_le(to + 20, 2, item->first >> 16);
    store_le(to + 26, 2, item->first & 0xffff);
    store_le(to + 28, 4, item->is_dir ? 0 : item->size);
    return to + FAT_RECORD;
}

static uint8_t check_sum(const uint8_t *short_name)
{
    uint8_t sum = 0;
    for (unsigned i = 0; i < 11; i++) {
        sum = (uint8_t)((sum << 7 | sum >> 1) + short_name[i]);
    }
    return sum;
}

/* The last part comes first. */
static uint8_t *put_long(uint8_t *to, const FatItem *item)
{
    static const uint8_t places[UNITS] = { 1, 3, 5, 7, 9, 14, 16, 18, 20, 22, 24, 28, 30 };
    glong units;
    g_autofree uint16_t *text = fat_long_name(item->name, &units);
    unsigned parts = fat_records_of(item) - 1;
    for (unsigned part = parts; part--; to += FAT_RECORD) {
        to[0] = (uint8_t)((part + 1) | (part + 1 == parts ? LAST_LONG : 0));
        to[11] = ATTR_LONG;
        to[13] = check_sum(item->short_name);
        for (unsigned i = 0; i < UNITS; i++) {
            glong at = (glong)(part * UNITS + i);
            store_le(to + places[i], 2, at < units ? text[at] : at == units ? 0 : 0xffff);
        }
    }
    return to;
}

static uint8_t *put_item(uint8_t *to, const FatItem *item)
{
    unsigned attributes =
        (item->is_dir ? ATTR_DIRECTORY : ATTR_ARCHIVE) | (item->readonly ? ATTR_READ_ONLY : 0);
    to = item->needs_long ? put_long(to, item) : to;
    return put_record(to, item->short_name, attributes, item);
}

/* Its own, and that of the one above: 0 where that is the folder of the disk. */
static uint8_t *put_dots(uint8_t *to, const FatItem *folder)
{
    FatItem above = *folder->parent;
    above.first = above.parent ? above.first : 0;
    to = put_record(to, (const uint8_t *)".          ", ATTR_DIRECTORY, folder);
    return put_record(to, (const uint8_t *)"..         ", ATTR_DIRECTORY, &above);
}

void fat_make_records(FatDisk *d)
{
    for (guint i = 0; i < d->items->len; i++) {
        FatItem *folder = g_ptr_array_index(d->items, i);
        FatItem label = { .mtime = folder->mtime };
        if (!folder->is_dir) {
            continue;
        }
        uint8_t *to = folder->records = g_malloc0(folder->size);
        to = folder->parent ? put_dots(to, folder) : put_record(to, d->label, ATTR_LABEL, &label);
        for (guint k = 0; k < folder->children->len; k++) {
            to = put_item(to, g_ptr_array_index(folder->children, k));
        }
        g_assert(to == folder->records + folder->size);
    }
}
