/* SPDX-License-Identifier: GPL-2.0-or-later */
/* vmdk: a disk of several extents, each a file or zeroes, one behind the other; and what both kinds have in common.
 *
 * The files are opened by whoever opens the image (block/image.c), from the names that the descriptor has. */
#include <stdatomic.h>
#include <string.h>

#include "block/sparse/vmdk.h"

typedef struct Part {
    uint64_t first, bytes; /* of the disk */
    uint64_t start;        /* in its node */
} Part;

typedef struct VmdkSet {
    BlockNode node;
    VmdkDescriptor *text;
    GArray *parts;       /* of Part; node->parts has the nodes, NULL: zeroes */
    atomic_bool renewed; /* the number of the content; until then nobody writes past this node */
} VmdkSet;

static VmdkSet *set_of(BlockNode *n)
{
    return container_of(n, VmdkSet, node);
}

static const Part *part_at(const VmdkSet *v, uint64_t offset, BlockNode **node)
{
    guint low = 0, high = v->parts->len;
    while (high - low > 1) {
        guint middle = (low + high) / 2;
        bool before = g_array_index(v->parts, Part, middle).first <= offset;
        low = before ? middle : low;
        high = before ? high : middle;
    }
    *node = g_ptr_array_index(v->node.parts, low);
    return &g_array_index(v->parts, Part, low);
}

static int set_map(BlockNode *n, uint64_t offset, uint64_t length, bool may_wait, Extent *e)
{
    BlockNode *node;
    if (!n->parts) {
        return -EIO; /* they were not opened */
    }
    const Part *p = part_at(set_of(n), offset, &node);
    uint64_t inner = offset - p->first, bytes = MIN(length, p->bytes - inner);
    bool asks = node && !node->driver->direct;
    int error = asks ? node_map(node, p->start + inner, bytes, may_wait, e) : 0;
    if (error || (asks && e->kind != EXTENT_PACKED)) {
        return error;
    }
    bool may_write = node && !asks && !node->readonly && set_of(n)->renewed;
    *e = (Extent){ node ? EXTENT_DATA : EXTENT_ZERO, may_write, bytes, node, p->start + inner };
    return 0;
}

static int set_flush(VmdkSet *v)
{
    int result = 0;
    for (guint i = 0; i < v->node.parts->len; i++) {
        BlockNode *node = g_ptr_array_index(v->node.parts, i);
        int e = node && !v->node.readonly ? node_flush(node) : 0;
        result = result ? result : e;
    }
    return result;
}

static int renew(VmdkSet *v)
{
    if (v->renewed || atomic_exchange(&v->renewed, true)) {
        return 0;
    }
    int e = vmdk_descriptor_renew(v->text, v->node.children[NODE_FILE], 0);
    v->renewed = !e;
    return e;
}

static int set_run(BlockNode *n, const NodeIo *io)
{
    g_autofree struct iovec *room = g_new(struct iovec, MAX(io->iov_count, 1));
    if (!n->parts) {
        return -EIO;
    }
    bool writes = io->op == BLOCK_WRITE || io->op == BLOCK_DISCARD || io->op == BLOCK_WRITE_ZEROES;
    int e = io->op == BLOCK_FLUSH ? set_flush(set_of(n)) : writes ? renew(set_of(n)) : 0;
    for (uint64_t done = 0; done < io->length && !e;) {
        BlockNode *node;
        const Part *p = part_at(set_of(n), io->offset + done, &node);
        NodeIo piece = *io;
        uint64_t inner = io->offset + done - p->first;
        piece.offset = p->start + inner;
        piece.length = MIN(io->length - done, p->bytes - inner);
        if (io->iov) {
            piece.iov = room;
            piece.iov_count = iov_slice(room, io->iov, io->iov_count, done, piece.length);
        }
        e = node ? node_run(node, &piece) : io->op == BLOCK_WRITE ? -EROFS : 0;
        done += piece.length;
    }
    return e;
}

static void set_info(BlockNode *n, ImageInfo *info)
{
    BlockNode *first = n->parts && n->parts->len ? g_ptr_array_index(n->parts, 0) : NULL;
    if (first) {
        image_info(first, info);
    }
    info->backing = set_of(n)->text->parent;
    info->backing_format = NULL;
}

static void set_names(BlockNode *n, ImageNames *names)
{
    const VmdkDescriptor *d = set_of(n)->text;
    *names = (ImageNames){ .extents = (const VmdkExtent *)(void *)d->extents->data,
                           .extent_count = d->extents->len };
}

/* Each part by itself. */
static int set_check(BlockNode *n, ImageRepair repair, ImageReport *r)
{
    int e = 0;
    for (guint i = 0; n->parts && i < n->parts->len && !e; i++) {
        BlockNode *part = g_ptr_array_index(n->parts, i);
        e = part ? image_check(part, repair, r) : 0;
        e = e == -ENOTSUP ? 0 : e;
    }
    return e;
}

static void set_close(BlockNode *n)
{
    vmdk_descriptor_free(set_of(n)->text);
    g_array_unref(set_of(n)->parts);
}

static const BlockDriver set_driver = {
    .name = "vmdk",
    .map = set_map,
    .run = set_run,
    .info = set_info,
    .names = set_names,
    .check = set_check,
    .close = set_close,
};

static bool fits(const VmdkSet *v, const Part *p, const BlockNode *part, GError **err)
{
    uint64_t size = part ? node_size(part) : 0;
    if (part && (p->start > size || p->bytes > size - p->start)) {
        block_error(err,
                    "'%s': the extent '%s' has %" PRIu64 " bytes, and %" PRIu64 " are needed: it was cut off",
                    v->node.filename, part->filename, size, p->start + p->bytes);
        return false;
    }
    return true;
}

bool vmdk_set_parts(BlockNode *n, GPtrArray *parts, GError **err)
{
    VmdkSet *v = set_of(n);
    n->parts = parts;
    for (guint i = 0; i < parts->len; i++) {
        if (!fits(v, &g_array_index(v->parts, Part, i), g_ptr_array_index(parts, i), err)) {
            return false;
        }
    }
    return true;
}

static bool lay_out(VmdkSet *v, GError **err)
{
    v->parts = g_array_new(false, false, sizeof(Part));
    for (guint i = 0; i < v->text->extents->len; i++) {
        const VmdkExtent *x = &g_array_index(v->text->extents, VmdkExtent, i);
        Part p = { v->node.size, x->sectors * SECTOR, x->start * SECTOR };
        g_array_append_val(v->parts, p);
        v->node.size += p.bytes;
        if (v->node.size > INT64_MAX / 4) {
            block_error(err, "'%s': the size of the disk makes no sense", v->node.filename);
            return false;
        }
    }
    return true;
}

static bool may_open(const VmdkDescriptor *d, const char *name, GError **err)
{
    if (d->parent_cid != (uint32_t)VMDK_NO_PARENT) {
        block_error(err, "'%s': images of several extents on a parent are not supported", name);
    }
    return d->parent_cid == (uint32_t)VMDK_NO_PARENT;
}

BlockNode *vmdk_set_open(BlockNode *file, const OpenFlags *flags, GError **err)
{
    uint64_t bytes = MIN(node_size(file), VMDK_TEXT_MAX);
    g_autofree char *text = g_malloc0(bytes + 1);
    int e = node_read(file, 0, text, bytes);
    if (e) {
        block_error(err, "Could not read '%s': %s", file->filename, g_strerror(-e));
        return NULL;
    }
    VmdkDescriptor *d = vmdk_descriptor_parse(text, file->filename, err);
    if (!d || !may_open(d, file->filename, err)) {
        vmdk_descriptor_free(d);
        return NULL;
    }
    VmdkSet *v = g_new0(VmdkSet, 1);
    node_init(&v->node, &set_driver, file->filename, 0, flags->readonly);
    v->node.children[NODE_FILE] = node_ref(file);
    v->text = d;
    if (!lay_out(v, err)) {
        node_unref(&v->node);
        return NULL;
    }
    return &v->node;
}

const VmdkDescriptor *vmdk_set_descriptor(BlockNode *n)
{
    return n->driver == &set_driver ? set_of(n)->text : NULL;
}

/* ---- both kinds --------------------------------------------------------------- */

BlockNode *vmdk_open(BlockNode *file, const OpenFlags *flags, GError **err)
{
    uint8_t h[SECTOR];
    int e = node_read(file, 0, h, sizeof(h));
    if (!e && (memcmp(h, "KDMV", 4) == 0 || memcmp(h, "COWD", 4) == 0)) {
        return vmdk_sparse_open(file, h, flags, err);
    }
    if (!e && g_str_has_prefix((const char *)h, "# Disk DescriptorFile")) {
        return vmdk_set_open(file, flags, err);
    }
    block_error(err, "'%s': could not open it as vmdk: %s", file->filename,
                e ? g_strerror(-e) : "it has not the signature of vmdk images");
    return NULL;
}

bool vmdk_info(BlockNode *n, VmdkInfo *info)
{
    const VmdkDescriptor *set = vmdk_set_descriptor(n), *d = set ? set : vmdk_sparse_descriptor(n);
    if (d) {
        *info = (VmdkInfo){ .cid = d->cid,
                            .parent_cid = d->parent_cid,
                            .create_type = d->create_type,
                            .extents = (const VmdkExtent *)(void *)d->extents->data,
                            .count = d->extents->len,
                            .alone = !set,
                            .packed = vmdk_is_packed(n) };
    }
    return d != NULL;
}
