/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Images that are a table: opening, closing, where bytes are. */
#include <string.h>

#include "base/log.h"
#include "block/sparse/sparse.h"
#include "util/bytes.h"

enum { MAP_STEPS = 4096 }; /* that one call looks at */

int sparse_corrupt(Sparse *s, const char *fmt, ...)
{
    if (__atomic_exchange_n(&s->corrupt, true, __ATOMIC_SEQ_CST)) {
        return -EIO; /* it was told */
    }
    va_list ap;
    va_start(ap, fmt);
    g_autofree char *text = g_strdup_vprintf(fmt, ap);
    va_end(ap);
    log_report("'%s': Image is corrupt: %s; %s", s->node.filename, text,
               s->writable ? "what would need new room in it will be refused" : "reads of that place fail");
    return -EIO;
}

/* ---- entries --------------------------------------------------------------- */

int sparse_locate(Sparse *s, uint64_t block, bool may_wait, uint64_t *at)
{
    *at = s->table + block * s->format->entry_size;
    return s->format->locate ? s->format->locate(s, block, may_wait, at) : 0;
}

int sparse_entry(Sparse *s, uint64_t at, bool may_wait, uint64_t *entry)
{
    uint8_t raw[8] = { 0 };
    unsigned n = s->format->entry_size;
    int e = pages_read(s, at, raw, n, may_wait);
    *entry = s->format->big_endian ? load_be(raw, n) : load_le(raw, n);
    return e;
}

bool sparse_is_file_place(const Sparse *s, uint64_t host)
{
    return host % SECTOR == 0 && host >= s->data_start && host < node_size(sparse_file(s));
}

uint64_t sparse_table_end(const Sparse *s, uint64_t block)
{
    return s->table_span ? (block / s->table_span + 1) * s->table_span : block + 1;
}

int sparse_look(Sparse *s, uint64_t block, bool may_wait, SparseBlock *b)
{
    uint64_t at, entry;
    *b = (SparseBlock){ .kind = EXTENT_BELOW };
    int e = sparse_locate(s, block, may_wait, &at);
    if (e || !at) {
        b->no_table = true;
        return e;
    }
    e = sparse_entry(s, at, may_wait, &entry);
    if (e) {
        return e;
    }
    bool ok = s->format->decode(s, entry, b) == 0;
    ok = ok && (!b->host || b->kind == EXTENT_PACKED || sparse_is_file_place(s, b->host));
    return ok ? 0
              : sparse_corrupt(
                    s, "the entry of block %" PRIu64 " is %#" PRIx64 ", which is no place for a block", block,
                    entry);
}

int sparse_look_waiting(Sparse *s, uint64_t block, SparseBlock *b)
{
    int e = sparse_look(s, block, false, b);
    if (e == -EAGAIN) {
        lock_take(&s->lock);
        e = sparse_look(s, block, true, b);
        lock_release(&s->lock);
    }
    return e;
}

/* ---- map ------------------------------------------------------------------- */

/* What is at `offset`, as far as its block, or the table that is not there, goes; at most length bytes. */
static int map_block(Sparse *s, uint64_t offset, uint64_t length, bool may_wait, Extent *e)
{
    uint64_t inner = offset % s->block_size, block = offset / s->block_size;
    BlockNode *backing = s->node.children[NODE_BACKING];
    SparseBlock b;
    int error = may_wait ? sparse_look_waiting(s, block, &b) : sparse_look(s, block, false, &b);
    if (error) {
        return error;
    }
    bool data = b.kind == EXTENT_DATA;
    uint64_t blocks = b.no_table ? sparse_table_end(s, block) - block : 1;
    length = MIN(length, blocks * s->block_size - inner);
    *e = (Extent){ b.kind, data && __atomic_load_n(&s->begun, __ATOMIC_ACQUIRE), length };
    if (b.kind != EXTENT_BELOW) {
        e->node = b.host ? sparse_file(s) : NULL;
        e->position = data || (b.host && b.kind == EXTENT_ZERO) ? b.host + s->prefix + inner : b.host;
    } else if (backing && offset < node_size(backing)) {
        e->node = backing;
        e->position = offset;
        e->length = MIN(length, node_size(backing) - offset);
    }
    return 0;
}

static bool goes_on(const Extent *e, const Extent *next)
{
    return e->kind == next->kind && e->writable == next->writable && e->node == next->node &&
           e->kind != EXTENT_PACKED && (!e->node || e->position + e->length == next->position);
}

int sparse_map(BlockNode *n, uint64_t offset, uint64_t length, bool may_wait, Extent *e)
{
    Sparse *s = sparse_of(n);
    uint64_t end = offset + length;
    int error = map_block(s, offset, length, may_wait, e);
    for (unsigned i = 0; !error && offset + e->length < end && i < MAP_STEPS; i++) {
        uint64_t at = offset + e->length;
        Extent next;
        if (map_block(s, at, end - at, may_wait, &next) || !goes_on(e, &next)) {
            break;
        }
        e->length += next.length;
    }
    return error;
}

int sparse_unpack(BlockNode *n, const NodeIo *io)
{
    Sparse *s = sparse_of(n);
    SparseBlock b;
    uint64_t block = io->offset / s->block_size;
    int e = sparse_look_waiting(s, block, &b);
    if (e || b.kind != EXTENT_PACKED) {
        return e ? e : node_run(n, io); /* it was written meanwhile */
    }
    g_autofree uint8_t *buf = g_malloc0(s->block_size);
    e = s->format->unpack(s, block, &b, buf);
    if (!e) {
        iov_from_buf(io->iov, io->iov_count, 0, buf + io->offset % s->block_size, io->length);
    }
    return e;
}

/* ---- opening and closing --------------------------------------------------- */

void sparse_init(Sparse *s, const SparseFormat *format, BlockNode *file)
{
    node_init(&s->node, &format->driver, file->filename, 0, true);
    s->node.children[NODE_FILE] = node_ref(file);
    s->format = format;
    lock_init(&s->lock, LOCK_IMAGE);
    lock_init(&s->tables_lock, LOCK_IMAGE_TABLES);
}

bool sparse_ready(Sparse *s, uint64_t disk_bytes, uint64_t table_bytes, bool readonly, GError **err)
{
    const char *name = s->node.filename;
    uint64_t file_bytes = node_size(sparse_file(s));
    if (disk_bytes > INT64_MAX / 2 || s->block_size < SECTOR || s->block_size % SECTOR ||
        disk_bytes > s->blocks * s->block_size) {
        block_error(err,
                    "'%s': the disk has %" PRIu64 " bytes, and its table %" PRIu64 " blocks of %" PRIu64
                    " bytes: the header is damaged",
                    name, disk_bytes, s->blocks, s->block_size);
        return false;
    }
    if (s->table > file_bytes || table_bytes > file_bytes - s->table || s->table % s->format->entry_size) {
        block_error(err,
                    "'%s': the file ends before its table of blocks does, which is at %" PRIu64
                    " and takes %" PRIu64 " bytes: it was cut off",
                    name, s->table, table_bytes);
        return false;
    }
    s->node.size = (disk_bytes + SECTOR - 1) & ~(uint64_t)(SECTOR - 1);
    s->writable = !readonly;
    s->node.readonly = readonly;
    return true;
}

static int finish(Sparse *s)
{
    lock_take(&s->lock);
    int e = sparse_commit(s);
    e = !e && s->begun && s->format->finish ? s->format->finish(s) : e;
    lock_release(&s->lock);
    return e;
}

void sparse_close(BlockNode *n)
{
    Sparse *s = sparse_of(n);
    int e = s->writable ? finish(s) : 0;
    if (e) {
        log_report("'%s': its tables could not be written: %s", n->filename, g_strerror(-e));
    }
    if (s->format->close) {
        s->format->close(s);
    }
    pages_free(s);
    lock_finish(&s->lock);
    lock_finish(&s->tables_lock);
}
