/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Images that are a table: writes go to a block that is there, or to a new one at the end of the file. */
#include <string.h>

#include "block/sparse/sparse.h"
#include "util/bytes.h"

enum { DIRTY_MAX = 256 }; /* pages, before a commit that nobody has asked for */

int sparse_commit(Sparse *s)
{
    lock_assert_held(&s->lock);
    int e = s->begun && s->format->before_commit ? s->format->before_commit(s) : 0;
    e = e ? e : node_flush(sparse_file(s));
    if (e || !s->dirty_pages) {
        return e;
    }
    e = pages_store(s);
    return e ? e : node_flush(sparse_file(s));
}

static int begin(Sparse *s)
{
    if (!s->writable) {
        return -EROFS;
    }
    if (s->begun) {
        return 0;
    }
    int e = s->format->begin ? s->format->begin(s) : 0;
    __atomic_store_n(&s->begun, e == 0, __ATOMIC_RELEASE);
    return e;
}

static int begin_waiting(Sparse *s)
{
    lock_take(&s->lock);
    int e = begin(s);
    lock_release(&s->lock);
    return e;
}

/* ---- a new block ------------------------------------------------------------ */

/* The block as it is, of which a part will be written; NULL: zeroes. */
static uint8_t *read_old(Sparse *s, uint64_t block, const SparseBlock *b, const NodeIo *io, int *e)
{
    uint64_t start = block * s->block_size, length = MIN(s->block_size, s->node.size - start);
    bool zeroes = b->kind == EXTENT_ZERO || (b->kind == EXTENT_BELOW && !s->node.children[NODE_BACKING]);
    if (zeroes || io->length == s->block_size) {
        return NULL;
    }
    uint8_t *old = g_malloc0(s->block_size);
    *e = node_read(&s->node, start, old, length);
    return old;
}

static int zero_file(Sparse *s, uint64_t at, uint64_t length)
{
    return length ? node_run(sparse_file(s), &(NodeIo){ BLOCK_WRITE_ZEROES, true, at, length, NULL, 0 }) : 0;
}

/* Whatever the file has there, and to the end of the block, so that the file is as long as its table says. */
static int fill_new(Sparse *s, uint64_t at, const NodeIo *io, uint8_t *old)
{
    static const uint8_t last[SECTOR];
    uint64_t inner = io->offset % s->block_size, end = inner + io->length;
    if (old) {
        if (io->op == BLOCK_WRITE) {
            iov_to_buf(io->iov, io->iov_count, 0, old + inner, io->length);
        } else {
            memset(old + inner, 0, io->length);
        }
        return node_write(sparse_file(s), at, old, s->block_size);
    }
    if (io->op != BLOCK_WRITE) {
        int e = zero_file(s, at, s->block_size);
        return e ? e : node_write(sparse_file(s), at + s->block_size - SECTOR, last, SECTOR);
    }
    NodeIo data = *io;
    data.offset = at + inner;
    int e = zero_file(s, at, inner);
    e = e ? e : zero_file(s, at + end, s->block_size - end);
    e = e || end == s->block_size ? e : node_write(sparse_file(s), at + s->block_size - SECTOR, last, SECTOR);
    return e ? e : node_run(sparse_file(s), &data);
}

static int set_entry(Sparse *s, uint64_t block, uint64_t host)
{
    uint64_t at, entry = s->format->encode(s, host);
    uint8_t raw[8];
    unsigned n = s->format->entry_size;
    int e = sparse_locate(s, block, true, &at);
    if (s->format->big_endian) {
        store_be(raw, n, entry);
    } else {
        store_le(raw, n, entry);
    }
    e = e ? e : pages_write(s, at, raw, n);
    return e || !s->format->entry_set ? e : s->format->entry_set(s, block, entry);
}

static int make_table(Sparse *s, uint64_t block)
{
    uint64_t at;
    int e = sparse_locate(s, block, true, &at);
    return e || at ? e : s->format->make_table(s, block);
}

/* Under lock: the block has none, or not of its own. */
static int allocate(Sparse *s, uint64_t block, const NodeIo *io, uint8_t *old, uint64_t place)
{
    int e = s->corrupt ? -EIO : begin(s);
    e = e ? e : make_table(s, block);
    uint64_t host = place ? place : s->end, prefix = s->prefix;
    e = e || place || !prefix ? e : s->format->fill_prefix(s, host);
    e = e ? e : fill_new(s, host + prefix, io, old);
    if (e) {
        return e;
    }
    s->end = place ? s->end
                   : host + prefix + s->block_size; /* whatever comes: an entry may be there, or its copy */
    e = set_entry(s, block, host);
    if (e) {
        return e;
    }
    return s->dirty_pages > DIRTY_MAX ? sparse_commit(s) : 0;
}

/* ---- pieces of a request, each in one block ---------------------------------- */

static int write_in_place(Sparse *s, const SparseBlock *b, const NodeIo *io)
{
    NodeIo at = *io;
    at.offset = b->host + s->prefix + io->offset % s->block_size;
    int e = __atomic_load_n(&s->begun, __ATOMIC_ACQUIRE) ? 0 : begin_waiting(s);
    return e ? e : node_run(sparse_file(s), &at);
}

static bool changes_nothing(Sparse *s, const SparseBlock *b, const NodeIo *io)
{
    bool zeroes = b->kind == EXTENT_ZERO || (b->kind == EXTENT_BELOW && !s->node.children[NODE_BACKING]);
    return io->op == BLOCK_DISCARD || (io->op == BLOCK_WRITE_ZEROES && zeroes);
}

static int run_piece(Sparse *s, const NodeIo *io)
{
    uint64_t block = io->offset / s->block_size;
    SparseBlock b;
    int e = sparse_look_waiting(s, block, &b);
    if (e || (b.kind != EXTENT_DATA && changes_nothing(s, &b, io))) {
        return e;
    }
    if (b.kind == EXTENT_DATA) {
        return write_in_place(s, &b, io);
    }
    g_autofree uint8_t *old = read_old(s, block, &b, io, &e);
    if (e) {
        return e;
    }
    lock_take(&s->lock);
    e = sparse_look(s, block, true, &b); /* another one may have been faster */
    bool new = !e &&b.kind != EXTENT_DATA;
    if (new) {
        e = allocate(s, block, io, old, b.kind == EXTENT_ZERO ? b.host : 0);
    }
    lock_release(&s->lock);
    return e || new ? e : write_in_place(s, &b, io);
}

static int run_pieces(Sparse *s, const NodeIo *io)
{
    g_autofree struct iovec *room = g_new(struct iovec, MAX(io->iov_count, 1));
    int e = 0;
    for (uint64_t done = 0; done < io->length && !e;) {
        NodeIo piece = *io;
        piece.offset += done;
        piece.length = MIN(io->length - done, s->block_size - piece.offset % s->block_size);
        if (io->iov) {
            piece.iov = room;
            piece.iov_count = iov_slice(room, io->iov, io->iov_count, done, piece.length);
        }
        e = run_piece(s, &piece);
        done += piece.length;
    }
    return e;
}

int sparse_run(BlockNode *n, const NodeIo *io)
{
    Sparse *s = sparse_of(n);
    if (io->op != BLOCK_FLUSH) {
        return run_pieces(s, io);
    }
    lock_take(&s->lock);
    int e = sparse_commit(s);
    lock_release(&s->lock);
    return e;
}
