/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Compressed clusters: writing them.
 * Specification: "Compressed Clusters Descriptor"; RFC 1951 with a window of 4 KiB, RFC 8878.
 *
 * Any number of threads compress; one at a time has its result placed, one behind the other, so that no two write to one
 * sector.  A cluster of the file is counted once for each descriptor that reaches into it. */
#include <errno.h>
#include <string.h>
#include <zlib.h>
#include <zstd.h>

#include "block/block_priv.h"
#include "block/qcow2/qcow2.h"

enum { WINDOW_RAW = -12, MEMORY_LEVEL = 9 };

/* Each thread keeps its own: making one takes as long as a small cluster. */
typedef struct Packer {
    z_stream z;
    ZSTD_CCtx *zstd;
} Packer;

static void packer_free(gpointer opaque)
{
    Packer *p = opaque;
    deflateEnd(&p->z);
    ZSTD_freeCCtx(p->zstd);
    g_free(p);
}

static GPrivate packers = G_PRIVATE_INIT(packer_free);

static Packer *packer(void)
{
    Packer *p = g_private_get(&packers);
    if (p) {
        return p;
    }
    p = g_new0(Packer, 1);
    p->zstd = ZSTD_createCCtx();
    if (!p->zstd || deflateInit2(&p->z, Z_DEFAULT_COMPRESSION, Z_DEFLATED, WINDOW_RAW, MEMORY_LEVEL,
                                 Z_DEFAULT_STRATEGY) != Z_OK) {
        ZSTD_freeCCtx(p->zstd);
        g_free(p);
        return NULL;
    }
    g_private_set(&packers, p);
    return p;
}

/* Into less than n bytes: as many as *length; 0: it does not get shorter. */
static int compress_cluster(const Qcow2 *s, const uint8_t *from, uint8_t *to, uint64_t n, uint64_t *length)
{
    Packer *p = packer();
    if (!p) {
        return -ENOMEM;
    }
    if (s->zstd) {
        size_t r = ZSTD_compressCCtx(p->zstd, to, n - 1, from, n, ZSTD_CLEVEL_DEFAULT);
        *length = ZSTD_isError(r) ? 0 : r;
        return 0;
    }
    deflateReset(&p->z);
    p->z.next_in = (uint8_t *)from;
    p->z.avail_in = n;
    p->z.next_out = to;
    p->z.avail_out = n - 1;
    *length = deflate(&p->z, Z_FINISH) == Z_STREAM_END ? n - 1 - p->z.avail_out : 0;
    return 0;
}

/* ---- a place --------------------------------------------------------------- */

void pack_forget(Qcow2 *s, uint64_t index)
{
    if (s->pack_at >> s->cluster_bits == index) {
        s->pack_at = 0;
    }
}

/* Behind the last one, whose cluster is counted once more; -EOVERFLOW: there is no room, or none for such a count. */
static int share_last(Qcow2 *s, uint64_t length, uint64_t *at)
{
    uint64_t room = s->cluster_size - (s->pack_at & (s->cluster_size - 1));
    uint64_t index = s->pack_at >> s->cluster_bits;
    if (!s->pack_at || room < length) {
        return -EOVERFLOW;
    }
    *at = s->pack_at;
    return refs_add(s, index, 1);
}

static int place(Qcow2 *s, uint64_t length, uint64_t *at)
{
    uint64_t fresh, count;
    int e = share_last(s, length, at);
    if (e != -EOVERFLOW) {
        return e;
    }
    e = refs_alloc(s, 1, &fresh, &count);
    if (e) {
        return e;
    }
    uint64_t end = (s->pack_at & ~(s->cluster_size - 1)) + s->cluster_size;
    bool across = s->pack_at && end == fresh && refs_add(s, s->pack_at >> s->cluster_bits, 1) == 0;
    *at = across ? s->pack_at : fresh;
    return 0;
}

static void unplace(Qcow2 *s, uint64_t at, uint64_t length)
{
    uint64_t first = at >> s->cluster_bits, last = (at + length - 1) >> s->cluster_bits;
    refs_unalloc(s, first << s->cluster_bits, last - first + 1);
}

static bool descriptor(const Qcow2 *s, uint64_t at, uint64_t length, L2Entry *e)
{
    unsigned x = 62 - (s->cluster_bits - 8);
    uint64_t sectors = ((at & (SECTOR - 1)) + length + SECTOR - 1) / SECTOR - 1;
    *e = (L2Entry){ ENTRY_PACKED | sectors << x | at, 0 };
    return at + length <= UINT64_C(1) << MIN(x, 56);
}

/* ---- writing --------------------------------------------------------------- */

/* Under lock: somewhere to write, and nobody else does so. */
static int begin(Qcow2 *s, const AllocRange *range, uint64_t length, uint64_t *at, L2Entry *e)
{
    alloc_wait(s, range->first, 1);
    while (s->packing) {
        lock_wait(&s->changed, &s->lock);
        alloc_wait(s, range->first, 1);
    }
    int error = qcow2_begin_changes(s);
    error = error ? error : entry_table(s, range->first);
    error = error ? error : place(s, length, at);
    if (!error && !descriptor(s, *at, length, e)) {
        unplace(s, *at, length);
        error = -EFBIG;
    }
    if (!error) {
        s->pack_at = (*at + length) & (s->cluster_size - 1) ? *at + length : 0;
        s->packing = true;
        g_array_append_val(s->allocating, *range);
    }
    return error;
}

/* Under lock. */
static int end(Qcow2 *s, const AllocRange *range, uint64_t at, uint64_t length, const L2Entry *e, int result)
{
    L2Entry old;
    result = result ? result : entry_read(s, range->first, &old, true);
    result = result ? result : entry_write(s, range->first, e);
    if (result) {
        unplace(s, at, length);
        s->pack_at = 0;
    } else {
        entry_free(s, &old);
    }
    s->packing = false;
    alloc_end(s, range);
    return result;
}

/* Whole sectors: what is in the first one already, the stream, zeroes. */
static int write_sectors(Qcow2 *s, uint64_t at, const uint8_t *stream, uint64_t length)
{
    uint64_t skip = at & (SECTOR - 1), span = (skip + length + SECTOR - 1) & ~(uint64_t)(SECTOR - 1);
    g_autofree uint8_t *buf = g_malloc0(span);
    memcpy(buf, s->pack_tail, skip);
    memcpy(buf + skip, stream, length);
    int e = node_write(s->node.children[NODE_FILE], at - skip, buf, span);
    if (!e) {
        memcpy(s->pack_tail, buf + span - SECTOR, SECTOR);
    }
    return e;
}

static int write_stream(Qcow2 *s, uint64_t offset, const uint8_t *stream, uint64_t length)
{
    AllocRange range = { offset >> s->cluster_bits, 1 };
    L2Entry entry;
    uint64_t at;
    int e = qcow2_commit_if_much(s);
    if (e) {
        return e;
    }
    lock_take(&s->lock);
    e = begin(s, &range, length, &at, &entry);
    lock_release(&s->lock);
    if (e) {
        return e;
    }
    e = write_sectors(s, at, stream, length);
    lock_take(&s->lock);
    e = end(s, &range, at, length, &entry, e);
    lock_release(&s->lock);
    return e;
}

int qcow2_pack(BlockNode *n, uint64_t offset, const uint8_t *cluster)
{
    Qcow2 *s = qcow2_of(n);
    uint64_t length = 0;
    if (n->children[NODE_DATA_FILE] || s->crypt) {
        return -ENOTSUP;
    }
    if (offset & (s->cluster_size - 1) || offset >= n->size) {
        return -EINVAL;
    }
    g_autofree uint8_t *stream = g_malloc(s->cluster_size);
    int e = compress_cluster(s, cluster, stream, s->cluster_size, &length);
    if (e) {
        return e;
    }
    return length ? write_stream(s, offset, stream, length)
                  : node_write(n, offset, cluster, MIN(s->cluster_size, n->size - offset));
}
