/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Another backing file, another directory of bitmaps, or a longer header: the names and extensions in the first cluster of an image, written anew.
 * Specification: "Header extensions", "Header" (backing_file_offset).  What this program does not know is kept. */
#include <errno.h>
#include <string.h>

#include "block/block_priv.h"
#include "block/qcow2/qcow2.h"
#include "util/bytes.h"

typedef struct Names {
    Qcow2 *s;
    uint8_t *first;   /* the cluster as it is */
    uint64_t end;     /* of its extensions */
    uint64_t head;    /* bytes of the new header; what is more than the old one has is 0, or `version` */
    unsigned version; /* another one from now on; 0: it stays */
    uint8_t *made;
    uint64_t at;
    const char *backing, *format;
    uint64_t bitmaps_offset, bitmaps_size;
    uint32_t bitmaps;
} Names;

static bool put(Names *n, const void *data, uint64_t length, uint64_t room)
{
    if (length > n->s->cluster_size - n->at || room > n->s->cluster_size - n->at) {
        return false;
    }
    memcpy(n->made + n->at, data, length);
    n->at += room;
    return true;
}

static bool put_extension(Names *n, uint32_t type, const void *data, uint64_t length)
{
    uint8_t head[8];
    store_be(head, 4, type);
    store_be(head + 4, 4, length);
    return put(n, head, 8, 8) && put(n, data, length, (length + 7) & ~UINT64_C(7));
}

/* Those that are made anew. */
static bool is_ours(uint32_t type)
{
    return type == (uint32_t)EXTENSION_BACKING_FORMAT || type == EXTENSION_BITMAPS;
}

static bool put_bitmaps(Names *n)
{
    uint8_t data[24];
    store_be(data, 4, n->bitmaps);
    store_be(data + 4, 4, 0);
    store_be(data + 8, 8, n->bitmaps_size);
    store_be(data + 16, 8, n->bitmaps_offset);
    return !n->bitmaps || put_extension(n, EXTENSION_BITMAPS, data, sizeof(data));
}

static bool keep_extensions(Names *n)
{
    bool ok = true;
    for (uint64_t at = n->s->h.header_length; at + 8 <= n->end && ok;) {
        uint32_t type = load_be(n->first + at, 4);
        uint64_t length = load_be(n->first + at + 4, 4);
        if (type == EXTENSION_END || length > n->end - at - 8) {
            break;
        }
        ok = is_ours(type) || put_extension(n, type, n->first + at + 8, length);
        at += 8 + ((length + 7) & ~UINT64_C(7));
    }
    return ok;
}

static bool make_names(Names *n)
{
    const char *backing = n->backing, *format = n->format;
    n->at = n->head;
    memcpy(n->made, n->first, MIN(n->s->h.header_length, n->head));
    if (n->version) {
        header_store_version(n->made, n->version);
    }
    bool ok = !format || put_extension(n, (uint32_t)EXTENSION_BACKING_FORMAT, format, strlen(format));
    ok = ok && keep_extensions(n) && put_bitmaps(n) && put_extension(n, EXTENSION_END, "", 0);
    store_be(n->made + 8, 8, backing ? n->at : 0);
    store_be(n->made + 16, 4, backing ? strlen(backing) : 0);
    return ok && (!backing || put(n, backing, strlen(backing), strlen(backing)));
}

static int write_names(Names *n)
{
    Qcow2 *s = n->s;
    BlockNode *file = s->node.children[NODE_FILE];
    g_autofree uint8_t *first = g_malloc0(s->cluster_size), *made = g_malloc0(s->cluster_size);
    n->first = first;
    n->made = made;
    int e = node_read(file, 0, first, s->cluster_size);
    n->end = s->h.backing_offset ? MIN(s->h.backing_offset, s->cluster_size) : s->cluster_size;
    if (e || !make_names(n)) {
        return e ? e : -ENAMETOOLONG;
    }
    e = node_write(file, 0, made, s->cluster_size);
    e = e ? e : node_flush(file);
    if (!e) {
        s->h.backing_offset = load_be(made + 8, 8);
        s->h.backing_length = load_be(made + 16, 4);
        memcpy(s->head, made, sizeof(s->head));
    }
    return e;
}

static Names names_now(Qcow2 *s)
{
    return (Names){ .s = s,
                    .backing = s->backing_name,
                    .format = s->backing_format,
                    .head = s->h.header_length,
                    .bitmaps = s->bitmaps,
                    .bitmaps_offset = s->bitmaps_offset,
                    .bitmaps_size = s->bitmaps_size };
}

int names_set_bitmaps(Qcow2 *s, uint64_t offset, uint64_t size, uint32_t count)
{
    Names n = names_now(s);
    n.bitmaps_offset = offset;
    n.bitmaps_size = size;
    n.bitmaps = count;
    lock_take(&s->lock);
    int e = write_names(&n);
    lock_release(&s->lock);
    return e;
}

int qcow2_set_backing(BlockNode *node, const char *backing, const char *format)
{
    Qcow2 *s = qcow2_of(node);
    if (backing && strlen(backing) > NAME_MAX_BYTES) {
        return -ENAMETOOLONG;
    }
    int e = qcow2_commit_all(s);
    lock_take(&s->lock);
    e = e ? e : qcow2_begin_changes(s);
    Names n = names_now(s);
    n.backing = backing;
    n.format = format;
    e = e ? e : write_names(&n);
    if (!e) {
        g_free(s->backing_name);
        g_free(s->backing_format);
        s->backing_name = g_strdup(backing);
        s->backing_format = g_strdup(format);
    }
    lock_release(&s->lock);
    return e;
}

static int write_version(Qcow2 *s, unsigned version, unsigned head)
{
    Names n = names_now(s);
    n.version = version;
    n.head = head;
    int e = write_names(&n);
    if (!e) {
        s->h.version = version;
        s->h.header_length = head;
    }
    return e;
}

/* Counts of 16 bits are those of both versions; snapshots would need more in their table. */
int qcow2_upgrade(BlockNode *node)
{
    Qcow2 *s = qcow2_of(node);
    int e = s->h.snapshots ? -EBUSY : qcow2_commit_all(s);
    lock_take(&s->lock);
    e = e ? e : qcow2_begin_changes(s);
    e = e ? e : write_version(s, 3, HEADER_V3_LEAST);
    lock_release(&s->lock);
    return e;
}

static bool fits_version_2(const Qcow2 *s)
{
    return !(s->h.incompatible & ~(uint64_t)INCOMPAT_DIRTY) && s->h.refcount_order == 4 && !s->bitmaps &&
           !qcow2_encryption((BlockNode *)&s->node);
}

/* Entries that say zeroes go first, as version 3 has them alone. */
int qcow2_downgrade(BlockNode *node)
{
    Qcow2 *s = qcow2_of(node);
    int e = s->h.snapshots ? -EBUSY : !fits_version_2(s) ? -ENOTSUP : qcow2_set_lazy_refcounts(node, false);
    e = e ? e : qcow2_drop_zero_flags(s);
    e = e ? e : qcow2_commit_all(s);
    lock_take(&s->lock);
    e = e ? e : qcow2_begin_changes(s);
    e = e ? e : write_version(s, 2, HEADER_V2);
    if (!e) {
        s->h.incompatible = s->h.compatible = s->h.autoclear = 0;
    }
    lock_release(&s->lock);
    return e;
}
