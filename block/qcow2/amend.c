/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Options of an image that change later.  Specification: "Header" (compatible_features). */
#include <errno.h>

#include "block/block_priv.h"
#include "block/qcow2/qcow2.h"

/* Counts are true, and in the file, before the header no longer says that they may not be. */
int qcow2_set_lazy_refcounts(BlockNode *n, bool lazy)
{
    Qcow2 *s = qcow2_of(n);
    if (s->h.version < 3 && lazy) {
        return -ENOTSUP;
    }
    int e = qcow2_commit_all(s);
    lock_take(&s->lock);
    Qcow2Header before = s->h;
    s->h.compatible = lazy ? s->h.compatible | COMPAT_LAZY : s->h.compatible & ~(uint64_t)COMPAT_LAZY;
    s->h.incompatible &= lazy ? UINT64_MAX : ~(uint64_t)INCOMPAT_DIRTY;
    e = e ? e : header_write(s);
    e = e ? e : node_flush(n->children[NODE_FILE]);
    if (e) {
        s->h = before;
    } else {
        s->dirty_bit = lazy && s->dirty_bit;
    }
    lock_release(&s->lock);
    return e;
}
