/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A place for every cluster of a new image's disk, or of what is new of one that grew, before it is written.
 * In images with extended entries no subcluster is allocated yet, so that a backing shows. */
#include <errno.h>
#include <string.h>

#include "block/block_priv.h"
#include "block/create.h"
#include "block/qcow2/qcow2.h"
#include "block/qcow2/qcow2_open.h"
#include "block/qcow2_create.h"

enum { CHUNK = 1 << 20 };

/* Under lock: a place for up to `count` clusters from `first` on, which lie in one table. */
static int give_places(Qcow2 *s, uint64_t first, uint64_t count, uint64_t *host, uint64_t *got)
{
    int e = qcow2_begin_changes(s);
    e = e ? e : entry_table(s, first);
    if (s->node.children[NODE_DATA_FILE]) {
        *host = first << s->cluster_bits;
        *got = count;
    } else {
        e = e ? e : refs_alloc(s, count, host, got);
    }
    for (uint64_t i = 0; i < *got && !e; i++) {
        L2Entry entry = { (*host + (i << s->cluster_bits)) | ENTRY_COPIED, 0 };
        e = entry_write(s, first + i, &entry);
    }
    return e;
}

/* [at, at + length) of the file come to read as zeroes; how: what of the host's disk they take. */
static int fill_places(BlockNode *file, Preallocation how, uint64_t at, uint64_t length)
{
    if (how != PREALLOCATE_FULL) {
        return node_run(file,
                        &(NodeIo){ BLOCK_WRITE_ZEROES, how == PREALLOCATE_METADATA, at, length, NULL, 0 });
    }
    g_autofree uint8_t *zeroes = g_malloc0(MIN(length, CHUNK));
    int e = 0;
    for (uint64_t done = 0; done < length && !e; done += CHUNK) {
        e = node_write(file, at + done, zeroes, MIN(CHUNK, length - done));
    }
    return e;
}

int preallocate_file(BlockNode *file, Preallocation how, uint64_t bytes)
{
    uint64_t length = (bytes + SECTOR - 1) & ~(uint64_t)(SECTOR - 1);
    return how == PREALLOCATE_OFF ? 0 : fill_places(file, how, 0, length);
}

/* is_new: the file reads as zeroes where nothing was written; else what was freed may be taken again. */
static int preallocate(Qcow2 *s, Preallocation how, uint64_t from, bool is_new)
{
    BlockNode *file = entry_data_node(s);
    uint64_t clusters = (s->node.size + s->cluster_size - 1) >> s->cluster_bits, end = 0;
    uint64_t at = (from + s->cluster_size - 1) >> s->cluster_bits;
    int e = 0;
    for (uint64_t got = 0, host = 0; at < clusters && !e; at += got) {
        uint64_t table_end = ((at >> s->l2_bits) + 1) << s->l2_bits;
        got = 0;
        lock_take(&s->lock);
        e = give_places(s, at, MIN(clusters, table_end) - at, &host, &got);
        lock_release(&s->lock);
        if (!e && !(is_new && how == PREALLOCATE_METADATA)) {
            e = fill_places(file, how, host, got << s->cluster_bits);
        }
        e = e ? e : qcow2_commit_if_much(s);
        end = MAX(end, host + (got << s->cluster_bits));
    }
    bool own = file == s->node.children[NODE_FILE];
    return !e && own && node_size(file) < end ? node_resize(file, end) : e;
}

bool qcow2_preallocate(BlockNode *file, BlockNode *data, Preallocation how, GError **err)
{
    BlockNode *n = qcow2_open(file, &(Qcow2Open){ 0 }, err);
    if (!n) {
        return false;
    }
    n->children[NODE_DATA_FILE] = data ? node_ref(data) : NULL;
    int e = preallocate(qcow2_of(n), how, 0, true);
    e = e ? e : node_flush(n);
    node_unref(n);
    return new_image_failed(file, e, err);
}

int image_preallocate(BlockNode *n, const char *format, Preallocation how, uint64_t from)
{
    uint64_t at = (from + SECTOR - 1) & ~(uint64_t)(SECTOR - 1);
    bool is_qcow2 = strcmp(format, "qcow2") == 0;
    if (is_qcow2 ? !!qcow2_of(n)->crypt : strcmp(format, "raw") != 0 || how == PREALLOCATE_METADATA) {
        return -ENOTSUP;
    }
    if (is_qcow2) {
        return preallocate(qcow2_of(n), how, from, false);
    }
    return at < n->size ? fill_places(n, how, at, n->size - at) : 0;
}
