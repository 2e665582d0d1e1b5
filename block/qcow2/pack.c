/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Compressed clusters: reading them.
 * Specification: "Compressed Clusters Descriptor"; RFC 1951 (without a zlib header), RFC 8878. */
#include <errno.h>
#include <string.h>
#include <zstd.h>

#include "block/block_priv.h"
#include "block/packed.h"
#include "block/qcow2/qcow2.h"

enum { ZSTD_WINDOW_LOG_MAX = 24 };

static int unpack_zstd(const uint8_t *from, size_t length, uint8_t *to, size_t n)
{
    ZSTD_DCtx *z = ZSTD_createDCtx();
    ZSTD_inBuffer in = { from, length, 0 };
    ZSTD_outBuffer out = { to, n, 0 };
    size_t r = 1;
    if (!z) {
        return -ENOMEM;
    }
    ZSTD_DCtx_setParameter(z, ZSTD_d_windowLogMax, ZSTD_WINDOW_LOG_MAX);
    while (out.pos < n && r && !ZSTD_isError(r)) {
        size_t in_before = in.pos, out_before = out.pos;
        r = ZSTD_decompressStream(z, &out, &in);
        if (in.pos == in_before && out.pos == out_before) {
            break;
        }
    }
    ZSTD_freeDCtx(z);
    return out.pos == n ? 0 : -EIO;
}

static int unpack_cluster(Qcow2 *s, const L2Entry *e, uint8_t *to)
{
    uint64_t offset, length, skip = 0;
    int error;
    entry_packed(s, e, &offset, &length);
    g_autofree uint8_t *buf = packed_read(s->node.children[NODE_FILE], offset, &length, &skip, &error);
    if (error) {
        return error;
    }
    return s->zstd ? unpack_zstd(buf + skip, length, to, s->cluster_size)
                   : packed_inflate(buf + skip, length, to, s->cluster_size, INFLATE_RAW);
}

/* Clusters are read in pieces: the last one stays. */
static bool copy_last(Qcow2 *s, uint64_t word, const NodeIo *io)
{
    lock_take(&s->tables_lock);
    bool here = s->unpacked && s->unpacked_word == word;
    if (here) {
        iov_from_buf(io->iov, io->iov_count, 0, s->unpacked + (io->offset & (s->cluster_size - 1)),
                     io->length);
    }
    lock_release(&s->tables_lock);
    return here;
}

static void keep_last(Qcow2 *s, uint64_t word, uint8_t *buf)
{
    lock_take(&s->tables_lock);
    uint8_t *old = s->unpacked;
    s->unpacked = buf;
    s->unpacked_word = word;
    lock_release(&s->tables_lock);
    g_free(old);
}

int qcow2_unpack(BlockNode *n, const NodeIo *io)
{
    Qcow2 *s = qcow2_of(n);
    L2Entry e;
    lock_take(&s->lock);
    int error = entry_read(s, io->offset >> s->cluster_bits, &e, true);
    lock_release(&s->lock);
    if (error || !(e.word & ENTRY_PACKED)) {
        return error ? error : node_run(n, io); /* it was written meanwhile */
    }
    if (copy_last(s, e.word, io)) {
        return 0;
    }
    uint8_t *buf = g_malloc(s->cluster_size);
    error = unpack_cluster(s, &e, buf);
    if (error) {
        g_free(buf);
        return error;
    }
    iov_from_buf(io->iov, io->iov_count, 0, buf + (io->offset & (s->cluster_size - 1)), io->length);
    keep_last(s, e.word, buf);
    return 0;
}
