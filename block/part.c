/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A part of a file as an image of its own: driver raw with offset= and size=.
 * Spelling: QEMU's manual, "QMP reference", BlockdevOptionsRaw. */
#include <errno.h>

#include "block_priv.h"

typedef struct PartNode {
    BlockNode node;
    uint64_t start;
} PartNode;

static int part_map(BlockNode *n, uint64_t offset, uint64_t length, bool may_wait, Extent *e)
{
    PartNode *p = container_of(n, PartNode, node);
    *e = (Extent){ EXTENT_DATA, !n->readonly, length, n->children[NODE_FILE], p->start + offset };
    return 0;
}

static int part_run(BlockNode *n, const NodeIo *io)
{
    PartNode *p = container_of(n, PartNode, node);
    NodeIo below = *io;
    below.offset += p->start;
    return node_run(n->children[NODE_FILE], &below);
}

static void part_close(BlockNode *n)
{
}

static const BlockDriver part_driver = {
    .name = "raw", .map = part_map, .run = part_run, .close = part_close, .fast_zeroes = true
};

bool node_is_part(const BlockNode *n)
{
    while (n && n->driver != &part_driver) {
        n = n->children[NODE_FILE];
    }
    return n != NULL;
}

BlockNode *part_node_open(BlockNode *file, uint64_t offset, uint64_t size, GError **err)
{
    uint64_t all = node_size(file), rest = offset <= all ? all - offset : 0;
    if ((offset | size) % SECTOR) {
        block_error(err, "offset and size of an image within a file are multiples of %d bytes", SECTOR);
        return NULL;
    }
    if (offset > all || size > rest) {
        block_error(err,
                    "'%s' has %" G_GUINT64_FORMAT " bytes, too few for an image of %" G_GUINT64_FORMAT
                    " bytes at %" G_GUINT64_FORMAT "; choose a smaller offset or size",
                    file->filename, all, size, offset);
        return NULL;
    }
    PartNode *p = g_new0(PartNode, 1);
    node_init(&p->node, &part_driver, file->filename, size ? size : rest, file->readonly);
    p->start = offset;
    p->node.children[NODE_FILE] = node_ref(file);
    return &p->node;
}
