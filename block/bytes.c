/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reads and writes that begin and end at any byte: nodes have sectors. */
#include <errno.h>
#include <string.h>

#include "block/driver.h"

static uint64_t sector_of(uint64_t at)
{
    return at / SECTOR * SECTOR;
}

static uint64_t span_of(uint64_t at, uint64_t length)
{
    return sector_of(at + length + SECTOR - 1) - sector_of(at);
}

static bool is_whole(uint64_t at, uint64_t length)
{
    return (at | length) % SECTOR == 0;
}

int node_read_bytes(BlockNode *n, uint64_t at, void *buf, uint64_t length)
{
    if (is_whole(at, length)) {
        return node_read(n, at, buf, length);
    }
    g_autofree uint8_t *whole = g_try_malloc(span_of(at, length));
    int e = whole ? node_read(n, sector_of(at), whole, span_of(at, length)) : -ENOMEM;
    if (!e) {
        memcpy(buf, whole + at % SECTOR, length);
    }
    return e;
}

static int write_whole(BlockNode *n, uint64_t at, const void *buf, uint64_t length)
{
    struct iovec iov = { (void *)buf, length };
    patches_begin_whole(&n->patches);
    int e = node_run_patching(n, &(NodeIo){ BLOCK_WRITE, false, at, length, &iov, 1 });
    patches_end_whole(&n->patches);
    return e;
}

static int patch(BlockNode *n, uint64_t at, const void *buf, uint64_t length)
{
    g_autofree uint8_t *whole = g_try_malloc(span_of(at, length));
    int e = whole ? node_read(n, sector_of(at), whole, span_of(at, length)) : -ENOMEM;
    if (e) {
        return e;
    }
    memcpy(whole + at % SECTOR, buf, length);
    struct iovec iov = { whole, span_of(at, length) };
    return node_run_patching(n, &(NodeIo){ BLOCK_WRITE, false, sector_of(at), iov.iov_len, &iov, 1 });
}

int node_write_bytes(BlockNode *n, uint64_t at, const void *buf, uint64_t length)
{
    if (is_whole(at, length)) {
        return write_whole(n, at, buf, length);
    }
    patches_begin(&n->patches);
    int e = patch(n, at, buf, length);
    patches_end(&n->patches);
    return e;
}

static int zero_whole(BlockNode *n, uint64_t at, uint64_t length, unsigned how)
{
    NodeIo io = { .op = BLOCK_WRITE_ZEROES,
                  .unmap = how & ZERO_UNMAP,
                  .fast = how & ZERO_FAST,
                  .offset = at,
                  .length = length };
    patches_begin_whole(&n->patches);
    int e = node_run_patching(n, &io);
    patches_end_whole(&n->patches);
    return e;
}

/* The ends that are no sectors are written, what is between is not moved; and first, as it may be refused. */
int node_zero_bytes(BlockNode *n, uint64_t at, uint64_t length, unsigned how)
{
    static const uint8_t zeroes[2 * SECTOR];
    uint64_t first = sector_of(at + SECTOR - 1), last = sector_of(at + length);
    if (first >= last) { /* less than two sectors */
        return length ? node_write_bytes(n, at, zeroes, length) : 0;
    }
    int e = zero_whole(n, first, last - first, how);
    e = !e && first > at ? node_write_bytes(n, at, zeroes, first - at) : e;
    return e || last == at + length ? e : node_write_bytes(n, last, zeroes, at + length - last);
}
