/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Changes of the graph of nodes under a disk that is in use. */
#include "block/job/job_graph.h"

#include <string.h>

#include "block/http/http.h"
#include "block/nbd_client.h"

BlockNode *graph_top(const BlockBackend *disk)
{
    const Job *j = disk->job;
    return j && j->watch && disk == j->disk ? j->source : disk->node;
}

bool graph_has_below(BlockNode *top, const BlockNode *n)
{
    for (BlockNode *i = top->children[NODE_BACKING]; i; i = i->children[NODE_BACKING]) {
        if (i == n) {
            return true;
        }
    }
    return false;
}

BlockNode *graph_above(BlockNode *top, const BlockNode *n)
{
    while (top && top->children[NODE_BACKING] != n) {
        top = top->children[NODE_BACKING];
    }
    return top;
}

BlockNode *graph_last(BlockNode *top)
{
    while (top->children[NODE_BACKING]) {
        top = top->children[NODE_BACKING];
    }
    return top;
}

const char *graph_format(const BlockNode *n)
{
    return n->driver->direct ? "raw" : n->driver->name;
}

char *graph_name(const BlockNode *n)
{
    NbdName nbd;
    if (http_is_name(n->filename) || json_name_is(n->filename)) {
        return g_strdup(n->filename);
    }
    if (!nbd_is_name(n->filename) || !nbd_parse_name(n->filename, &nbd, NULL)) {
        return g_canonicalize_filename(n->filename, NULL);
    }
    char *path = nbd.path ? g_canonicalize_filename(nbd.path, NULL) : NULL;
    g_free(nbd.path);
    nbd.path = path;
    char *name = nbd_name_text(&nbd);
    nbd_name_clear(&nbd);
    return name;
}

char *graph_backing_name(const BlockNode *n, GError **err)
{
    if (node_is_part(n)) {
        block_error(err,
                    "'%s': this disk is a part of it (offset, size of raw), which a backing file's name "
                    "cannot say; use an image that has a file of its own",
                    n->filename);
        return NULL;
    }
    return graph_name(n);
}

bool graph_set_backing(BlockNode *image, BlockNode *base, const char *text, GError **err)
{
    g_autofree char *name = !base ? NULL : text ? g_strdup(text) : graph_backing_name(base, err);
    bool was_readonly = image->readonly;
    Qcow2Info info;
    if (base && !name) {
        return false;
    }
    if (!qcow2_info(image, &info)) {
        block_error(err, "'%s' is not of qcow2: its backing cannot be changed", image->filename);
        return false;
    }
    if (!node_set_writable(image, true, err)) {
        return false;
    }
    int e = qcow2_set_backing(image, name, base ? graph_format(base) : NULL);
    if (e) {
        block_error(err, "Could not change the backing file of '%s': %s", image->filename, g_strerror(-e));
    } else {
        BlockNode *old = image->children[NODE_BACKING];
        image->children[NODE_BACKING] = base ? node_ref(base) : NULL;
        node_unref(old);
    }
    g_autoptr(GError) why = NULL;
    if (was_readonly && !node_set_writable(image, false, &why) && !e) {
        g_propagate_error(err, g_steal_pointer(&why));
        return false;
    }
    return e == 0;
}

/* ---- whose node it is ------------------------------------------------------------- */

/* What belongs to a node, and not to who uses it. */
static void take_identity(BlockBackend *to, const BlockBackend *from)
{
    to->node = from->node;
    to->below = from->below;
    to->owns_below = from->owns_below;
    to->beside = from->beside;
    to->owns_beside = from->owns_beside;
    to->format = from->format;
    to->readonly = from->readonly;
    to->snapshot = from->snapshot;
    to->direct = from->direct;
    to->no_flush = from->no_flush;
    to->discard = from->discard;
    to->detect_zeroes = from->detect_zeroes;
    to->zeroes_unmap = from->zeroes_unmap;
    to->probed = from->probed;
    to->ring = from->ring;
    if (to->below) {
        to->below->user = to;
    }
    if (to->beside) {
        to->beside->user = to;
    }
}

void graph_swap(BlockBackend *a, BlockBackend *b)
{
    BlockBackend old = *a;
    take_identity(a, b);
    take_identity(b, &old);
    a->id = b->id;
    b->id = old.id;
    char *name = a->node_name;
    a->node_name = b->node_name;
    b->node_name = name;
}

/* The backend goes, and what it had is the disk's, which keeps its id. */
static void take_over(BlockBackend *disk, BlockBackend *target)
{
    BlockNode *node = disk->node;
    BlockBackend *owned[] = { disk->owns_below ? disk->below : NULL,
                              disk->owns_beside ? disk->beside : NULL };
    take_identity(disk, target);
    g_free(disk->node_name);
    disk->node_name = g_steal_pointer(&target->id);
    g_ptr_array_remove(disk->all->list, target);
    target->node = NULL;
    target->below = target->beside = NULL;
    block_backend_free(target);
    node_unref(node);
    for (unsigned i = 0; i < G_N_ELEMENTS(owned); i++) {
        if (owned[i]) {
            owned[i]->user = NULL;
            block_close(owned[i]);
        }
    }
}

void graph_move_to(BlockBackend *disk, BlockNode *image, BlockBackend *target)
{
    if (target && disk->is_node) {
        graph_swap(disk, target);
    } else if (target) {
        take_over(disk, target);
    } else {
        BlockNode *old = disk->node;
        disk->node = node_ref(image);
        disk->format = graph_format(image);
        disk->readonly = image->readonly;
        disk->probed = false;
        node_unref(old);
    }
}
