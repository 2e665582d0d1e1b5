/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Compressed pieces of images: reading them.  RFC 1950, RFC 1951. */
#include "block/packed.h"

#include <errno.h>
#include <zlib.h>

int packed_inflate(const uint8_t *from, size_t length, uint8_t *to, size_t n, int window)
{
    z_stream z = { .next_in = (uint8_t *)from, .avail_in = length, .next_out = to, .avail_out = n };
    if (inflateInit2(&z, window) != Z_OK) {
        return -ENOMEM;
    }
    int r = inflate(&z, Z_FINISH);
    bool ok = z.avail_out == 0 && (r == Z_STREAM_END || r == Z_BUF_ERROR || r == Z_OK);
    inflateEnd(&z);
    return ok ? 0 : -EIO;
}

uint8_t *packed_read(BlockNode *file, uint64_t offset, uint64_t *length, uint64_t *skip, int *error)
{
    uint64_t start = offset & ~(uint64_t)(SECTOR - 1),
             end = (offset + *length + SECTOR - 1) & ~(uint64_t)(SECTOR - 1);
    end = MIN(end, node_size(file));
    if (start >= end) {
        *error = -EIO;
        return NULL;
    }
    uint8_t *buf = g_malloc(end - start);
    *error = node_read(file, start, buf, end - start);
    *skip = offset - start;
    *length = end - offset;
    return buf;
}
