/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Driver vvfat: a folder of the host as a disk with one FAT partition, or as a floppy.
 * Spelling: QEMU's manual, "Virtual FAT disk images" (fat:DIR), and "QMP reference", BlockdevOptionsVVFAT.
 *
 * Not built, and refused: rw. */
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/sandbox.h"
#include "block/fat/fat.h"
#include "block/fat/vvfat.h"

static FatDisk *disk_of(BlockNode *n)
{
    return container_of(n, FatDisk, node);
}

/* ---- reading --------------------------------------------------------------- */

static uint64_t cluster_bytes(const FatLayout *l)
{
    return (uint64_t)l->cluster_sectors * SECTOR;
}

/* Where the files' clusters begin on the disk, and where those end that are in use. */
static uint64_t data_begin(const FatLayout *l)
{
    return (l->hidden + l->data) * SECTOR;
}

static uint64_t data_end(const FatLayout *l)
{
    return data_begin(l) + l->used * cluster_bytes(l);
}

/* Of one item, from here on; behind its end: zeroes.  How many bytes that were. */
static int read_item(FatDisk *d, uint64_t offset, uint8_t *buf, uint64_t *length)
{
    const FatLayout *l = &d->layout;
    uint64_t at = offset - data_begin(l);
    const FatItem *item = fat_item_at(d, (uint32_t)(at / cluster_bytes(l)) + 2);
    uint64_t in_item = at - (item->first - 2) * cluster_bytes(l);
    uint64_t whole = (item->size + cluster_bytes(l) - 1) / cluster_bytes(l) * cluster_bytes(l);
    *length = MIN(*length, whole - in_item);
    uint64_t has = in_item < item->size ? MIN(*length, item->size - in_item) : 0;
    memset(buf + has, 0, *length - has);
    if (!has) {
        return 0;
    }
    if (item->is_dir) {
        memcpy(buf, item->records + in_item, has);
        return 0;
    }
    return fat_file_read(d, item, in_item, buf, has);
}

static int read_some(FatDisk *d, uint64_t offset, uint8_t *buf, uint64_t *length)
{
    const FatLayout *l = &d->layout;
    uint64_t sector = offset / SECTOR;
    if (offset >= data_end(l)) {
        memset(buf, 0, *length);
    } else if (offset >= data_begin(l)) {
        *length = MIN(*length, data_end(l) - offset);
        return read_item(d, offset, buf, length);
    } else {
        *length = SECTOR;
        if (sector >= l->hidden) {
            fat_head_sector(d, sector - l->hidden, buf);
        } else if (sector == 0) {
            fat_partition_sector(d, buf);
        } else {
            memset(buf, 0, SECTOR);
        }
    }
    return 0;
}

enum { PIECE = 256 << 10 };

static int vvfat_run(BlockNode *n, const NodeIo *io)
{
    if (io->op != BLOCK_READ) {
        return io->op == BLOCK_FLUSH ? 0 : -EROFS;
    }
    g_autofree uint8_t *buf = g_try_malloc(MIN(io->length, PIECE));
    int e = buf || !io->length ? 0 : -ENOMEM;
    for (uint64_t done = 0; done < io->length && !e;) {
        uint64_t length = MIN(io->length - done, PIECE);
        e = read_some(disk_of(n), io->offset + done, buf, &length);
        if (!e) {
            iov_from_buf(io->iov, io->iov_count, done, buf, length);
        }
        done += length;
    }
    return e;
}

static int vvfat_map(BlockNode *n, uint64_t offset, uint64_t length, bool may_wait, Extent *e)
{
    uint64_t end = data_end(&disk_of(n)->layout);
    bool zero = offset >= end;
    *e = (Extent){ zero ? EXTENT_ZERO : EXTENT_DATA, false, zero ? length : MIN(length, end - offset), n,
                   offset };
    return 0;
}

static bool vvfat_direct(BlockNode *n, const NodeIo *io, int *fd)
{
    return false;
}

static void vvfat_close(BlockNode *n)
{
    FatDisk *d = disk_of(n);
    close(d->dir);
    g_ptr_array_unref(d->placed);
    g_ptr_array_unref(d->items);
}

static const BlockDriver vvfat_driver = {
    .name = "vvfat",
    .map = vvfat_map,
    .direct = vvfat_direct,
    .run = vvfat_run,
    .close = vvfat_close,
    .elsewhere = true,
};

/* ---- opening --------------------------------------------------------------- */

static FatDisk *disk_new(const FatOptions *o, const char *label, int dir)
{
    FatDisk *d = g_new0(FatDisk, 1);
    node_init(&d->node, &vvfat_driver, o->dir, 0, true);
    d->dir = dir;
    d->floppy = o->floppy;
    d->serial = g_str_hash(o->dir) ^ 0xfa71e000;
    d->items = g_ptr_array_new_with_free_func(fat_item_free);
    d->placed = g_ptr_array_new();
    memset(d->label, ' ', sizeof(d->label));
    memcpy(d->label, label, strlen(label));
    return d;
}

static const char *check_options(const FatOptions *o)
{
    const char *label = o->label ? o->label : "";
    if (o->type && o->type != 12 && o->type != 16 && o->type != 32) {
        return "Valid FAT types are only 12, 16 and 32";
    }
    if (strlen(label) > 11) {
        return "vvfat label cannot be longer than 11 bytes";
    }
    for (const char *c = label; *c; c++) {
        if (*c < ' ' || *c > '~') {
            return "a label has letters, digits and signs of ASCII";
        }
    }
    return o->rw ? "writing to the folder (rw) is not built; leave it out, or add snapshot=on to keep "
                   "what is written until the end"
                 : NULL;
}

BlockNode *vvfat_node_open(const FatOptions *o, GError **err)
{
    const char *why = check_options(o);
    if (why) {
        block_error(err, "'%s' as a FAT disk: %s", o->dir, why);
        return NULL;
    }
    int dir = open(o->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (dir < 0) {
        block_error(err, "Could not open folder '%s' as a FAT disk: %s", o->dir, g_strerror(errno));
        return NULL;
    }
    sandbox_add_folder(o->dir, false);
    FatDisk *d = disk_new(o, o->label && *o->label ? o->label : "QEMU VVFAT", dir);
    if (!fat_tree_read(d, o->dir, err) || !fat_place(d, o->type, err)) {
        node_unref(&d->node);
        return NULL;
    }
    fat_make_records(d);
    d->node.size = (d->layout.hidden + d->layout.total) * SECTOR;
    return &d->node;
}

/* ---- names ----------------------------------------------------------------- */

bool vvfat_is_name(const char *text)
{
    return g_str_has_prefix(text, "fat:");
}

/* The next word of the name, if it is this one. */
static bool take_word(const char **text, const char *word)
{
    size_t n = strlen(word);
    bool is = strncmp(*text, word, n) == 0 && (*text)[n] == ':';
    *text += is ? n + 1 : 0;
    return is;
}

FatOptions vvfat_parse_name(const char *text)
{
    FatOptions o = { 0 };
    text += strlen("fat:");
    for (bool more = true; more;) {
        bool floppy = take_word(&text, "floppy"), rw = take_word(&text, "rw");
        uint8_t type = take_word(&text, "12")   ? 12
                       : take_word(&text, "16") ? 16
                       : take_word(&text, "32") ? 32
                                                : 0;
        more = floppy || rw || type;
        o.floppy |= floppy;
        o.rw |= rw;
        o.type = type ? type : o.type;
    }
    o.dir = (char *)text;
    return o;
}
