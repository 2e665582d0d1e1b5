/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Tables that are in memory as a whole (L1, refcount table), and which clusters hold metadata at all: whatever an
 * image says, nothing else is written there. */
#include <errno.h>
#include <string.h>

#include "block/block_priv.h"
#include "base/log.h"
#include "block/qcow2/qcow2.h"
#include "util/bytes.h"

enum { PER_SECTOR = SECTOR / 8 };

static size_t sectors_of(uint64_t count)
{
    return (count + PER_SECTOR - 1) / PER_SECTOR;
}

bool table_read(Qcow2 *s, WholeTable *t, uint64_t offset, uint64_t count, const char *what, GError **err)
{
    BlockNode *file = s->node.children[NODE_FILE];
    uint64_t bytes = sectors_of(count) * SECTOR;
    if (count && offset >= node_size(file)) {
        block_error(err, "'%s': %s lies behind the end of the file: the file is cut, or damaged",
                    s->node.filename, what);
        return false;
    }
    t->offset = offset;
    t->count = count;
    t->entries = g_malloc0(MAX(bytes, 1));
    t->dirty = g_malloc0(sectors_of(count) + 1);
    int e = count ? node_read(file, offset, t->entries, bytes) : 0;
    if (e) {
        block_error(err, "'%s': reading %s failed: %s", s->node.filename, what, g_strerror(-e));
        return false;
    }
    for (uint64_t i = 0; i < bytes / 8; i++) {
        t->entries[i] = i < count ? load_be(&t->entries[i], 8) : 0;
    }
    return true;
}

void table_free(WholeTable *t)
{
    g_free(t->entries);
    g_free(t->dirty);
}

void table_set(Qcow2 *s, WholeTable *t, uint64_t index, uint64_t value)
{
    lock_assert_held(&s->lock);
    lock_take(&s->tables_lock);
    t->entries[index] = value;
    t->dirty[index / PER_SECTOR] = 1;
    t->any_dirty = true;
    lock_release(&s->tables_lock);
}

void table_grow(Qcow2 *s, WholeTable *t, uint64_t count, uint64_t offset)
{
    lock_assert_held(&s->lock);
    lock_take(&s->tables_lock);
    t->entries = g_realloc(t->entries, sectors_of(count) * SECTOR);
    memset(t->entries + t->count, 0, sectors_of(count) * SECTOR - t->count * 8);
    t->dirty = g_realloc(t->dirty, sectors_of(count) + 1);
    memset(t->dirty, 1, sectors_of(count));
    t->any_dirty = true;
    t->count = count;
    t->offset = offset;
    lock_release(&s->tables_lock);
}

void table_sector(const WholeTable *t, uint64_t sector, uint8_t buf[512])
{
    for (unsigned i = 0; i < PER_SECTOR; i++) {
        uint64_t index = sector * PER_SECTOR + i;
        store_be(buf + 8 * i, 8, index < t->count ? t->entries[index] : 0);
    }
}

/* ---- an image that contradicts itself ------------------------------------ */

int qcow2_corrupt(Qcow2 *s, const char *fmt, ...)
{
    if (__atomic_exchange_n(&s->corrupt, true, __ATOMIC_SEQ_CST)) {
        return -EIO; /* it was told */
    }
    va_list ap;
    va_start(ap, fmt);
    g_autofree char *text = g_strdup_vprintf(fmt, ap);
    va_end(ap);
    if (s->writable && s->h.version >= 3) {
        s->h.incompatible |= INCOMPAT_CORRUPT;
        if (header_write(s) || node_flush(s->node.children[NODE_FILE])) {
            log_report("'%s': it could not be marked as corrupt", s->node.filename);
        }
    }
    log_report("'%s': Image is corrupt: %s; %s; look at it with: qemu-img check -r all", s->node.filename,
               text, s->writable ? "further writes will be refused" : "reads of that place fail");
    return -EIO;
}

/* ---- clusters of metadata ------------------------------------------------ */

void metadata_add(Qcow2 *s, uint64_t offset, uint64_t bytes, const char *what)
{
    uint64_t first = offset >> s->cluster_bits;
    lock_take(&s->tables_lock);
    for (uint64_t i = first; i < (offset + bytes + s->cluster_size - 1) >> s->cluster_bits; i++) {
        g_hash_table_insert(s->metadata, GSIZE_TO_POINTER(i), (void *)what);
    }
    lock_release(&s->tables_lock);
}

void metadata_remove(Qcow2 *s, uint64_t offset, uint64_t bytes)
{
    uint64_t first = offset >> s->cluster_bits;
    lock_take(&s->tables_lock);
    for (uint64_t i = first; i < (offset + bytes + s->cluster_size - 1) >> s->cluster_bits; i++) {
        g_hash_table_remove(s->metadata, GSIZE_TO_POINTER(i));
    }
    lock_release(&s->tables_lock);
}

const char *metadata_at(Qcow2 *s, uint64_t offset)
{
    return g_hash_table_lookup(s->metadata, GSIZE_TO_POINTER(offset >> s->cluster_bits));
}
