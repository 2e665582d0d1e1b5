/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Two nodes that should have the same bytes: both are written, and what is read is compared.
 * Spelling: QEMU's manual, "QMP reference", BlockdevOptionsBlkverify.
 *
 * The first difference is told in the log.  From then on every request fails: whoever looks for a fault finds the
 * machine where it was noticed. */
#include <errno.h>
#include <string.h>

#include "base/log.h"
#include "block/filter/filters.h"
#include "block/block_priv.h"

enum { PIECE = 1 << 20 };

typedef struct VerifyNode {
    BlockNode node;
    BlockNode *copy; /* of node.parts */
    int failed;      /* atomic */
} VerifyNode;

static int differs(VerifyNode *v, uint64_t at, const char *what)
{
    if (!__atomic_exchange_n(&v->failed, 1, __ATOMIC_ACQ_REL)) {
        log_report("blkverify: '%s' and '%s' differ at %" G_GUINT64_FORMAT
                   ": %s; every request fails from here on",
                   v->node.children[NODE_FILE]->filename, v->copy->filename, at, what);
    }
    return -EIO;
}

static int verify_map(BlockNode *n, uint64_t offset, uint64_t length, bool may_wait, Extent *e)
{
    *e = (Extent){ EXTENT_PACKED, false, length, n->children[NODE_FILE], offset };
    return 0;
}

/* Both have done the same, or failed alike. */
static int same_result(VerifyNode *v, uint64_t at, int test, int copy)
{
    if (test == copy) {
        return test;
    }
    g_autofree char *text = g_strdup_printf("one says %s, the other %s", test ? g_strerror(-test) : "success",
                                            copy ? g_strerror(-copy) : "success");
    return differs(v, at, text);
}

static int verify_run(BlockNode *n, const NodeIo *io)
{
    VerifyNode *v = container_of(n, VerifyNode, node);
    if (__atomic_load_n(&v->failed, __ATOMIC_ACQUIRE)) {
        return -EIO;
    }
    int test = node_run(n->children[NODE_FILE], io), copy = node_run(v->copy, io);
    return same_result(v, io->offset, test, copy);
}

static uint64_t first_difference(const uint8_t *a, const uint8_t *b)
{
    uint64_t i = 0;
    while (a[i] == b[i]) {
        i++;
    }
    return i;
}

static int verify_read(BlockNode *n, const NodeIo *io)
{
    VerifyNode *v = container_of(n, VerifyNode, node);
    if (__atomic_load_n(&v->failed, __ATOMIC_ACQUIRE)) {
        return -EIO;
    }
    g_autofree uint8_t *buf = g_try_malloc(2 * MIN(io->length, PIECE));
    uint8_t *other = buf ? buf + MIN(io->length, PIECE) : NULL;
    int e = buf ? 0 : -ENOMEM;
    for (uint64_t done = 0, n_bytes; done < io->length && !e; done += n_bytes) {
        uint64_t at = io->offset + done;
        n_bytes = MIN(io->length - done, PIECE);
        int test = node_read(n->children[NODE_FILE], at, buf, n_bytes);
        e = same_result(v, at, test, node_read(v->copy, at, other, n_bytes));
        if (!e && memcmp(buf, other, n_bytes) != 0) {
            e = differs(v, at + first_difference(buf, other), "contents mismatch");
        }
        iov_from_buf(io->iov, io->iov_count, done, buf, n_bytes);
    }
    return e;
}

static void verify_close(BlockNode *n)
{
}

static const BlockDriver verify_driver = {
    .name = "blkverify",
    .map = verify_map,
    .run = verify_run,
    .unpack = verify_read,
    .close = verify_close,
};

BlockNode *blkverify_node_open(BlockNode *test, BlockNode *copy, GError **err)
{
    if (node_size(test) != node_size(copy)) {
        block_error(err,
                    "blkverify: '%s' has %" G_GUINT64_FORMAT " bytes, '%s' %" G_GUINT64_FORMAT
                    "; what is compared has one size",
                    test->filename, node_size(test), copy->filename, node_size(copy));
        return NULL;
    }
    VerifyNode *v = g_new0(VerifyNode, 1);
    node_init(&v->node, &verify_driver, test->filename, test->size, test->readonly || copy->readonly);
    v->node.children[NODE_FILE] = node_ref(test);
    v->copy = node_ref(copy);
    v->node.parts = g_ptr_array_new();
    g_ptr_array_add(v->node.parts, v->copy);
    return &v->node;
}
