/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Exports of a machine's disks: who serves what, and what may not happen to a disk meanwhile.
 *
 * An export has the node that the disk had when it was made, whatever is put on top of it later.  Clients write to a writable one by bytes,
 * beside the guest. */
#include "block/exports.h"

#include <string.h>

#include "base/ending.h"
#include "base/events.h"
#include "block/block_priv.h"
#include "block/job/job_graph.h"
#include "block/live.h"

typedef struct Exported {
    Drives *all;
    char *id, *name, *node_name;
    BlockNode *node; /* a reference */
    bool writable, removed;
    DirtyBitmap *bitmaps[NBD_BITMAPS_MAX];
    unsigned bitmap_count;
    bool gone; /* atomic: the server and its clients have no use for it */
    Bh *bh;
} Exported;

struct Exports {
    NbdServer *server; /* NULL: none */
    EndingFile *socket;
    GPtrArray *list; /* of Exported */
};

typedef struct ExportNote {
    char *id;
} ExportNote;
static const Prop note_props[] = { { "id", PROP_STRING, offsetof(ExportNote, id), .required = true },
                                   { NULL } };
static const Shape note_shape = { "BlockExportDeleted", sizeof(ExportNote), note_props };
const Event event_block_export_deleted = { .name = "BLOCK_EXPORT_DELETED", .data = &note_shape };

static Exports *exports_of(Drives *all)
{
    if (!all->exports) {
        all->exports = g_new0(Exports, 1);
        all->exports->list = g_ptr_array_new();
    }
    return all->exports;
}

/* ---- what may not happen meanwhile -------------------------------------------------- */

static bool shares_chain(BlockNode *a, BlockNode *b)
{
    return a == b || graph_has_below(a, b) || graph_has_below(b, a);
}

bool exports_allow(const Drives *all, BlockNode *image, ExportUse use, GError **err)
{
    for (guint i = 0; all->exports && i < all->exports->list->len; i++) {
        const Exported *x = g_ptr_array_index(all->exports->list, i);
        bool hit = use == EXPORT_REBASED   ? shares_chain(x->node, image)
                   : use == EXPORT_REMOVED ? x->node == image
                                           : x->node == image && (x->writable || use == EXPORT_RESIZED);
        if (hit) {
            block_error(err, "Node '%s' is in use by the export '%s': remove that first (block-export-del)",
                        x->node_name, x->id);
            return false;
        }
    }
    return true;
}

/* ---- the end of one --------------------------------------------------------------------- */

static void exported_free(Exported *x)
{
    for (unsigned i = 0; i < x->bitmap_count; i++) {
        bitmap_set_busy(x->bitmaps[i], false);
    }
    g_ptr_array_remove(x->all->exports->list, x);
    bh_free(x->bh);
    node_unref(x->node);
    g_free(x->id);
    g_free(x->name);
    g_free(x->node_name);
    g_free(x);
}

static void look(void *opaque)
{
    Exported *x = opaque;
    if (__atomic_load_n(&x->gone, __ATOMIC_ACQUIRE)) {
        events_emit(x->all->events, &event_block_export_deleted, &(ExportNote){ x->id });
        exported_free(x);
    }
}

/* On any thread, the last thing that the server does with it: the loop frees it. */
static void is_gone(void *opaque)
{
    Exported *x = opaque;
    __atomic_store_n(&x->gone, true, __ATOMIC_RELEASE);
    bh_schedule(x->bh);
}

/* ---- one ------------------------------------------------------------------------------------ */

static Exported *find(const Drives *all, const char *id)
{
    for (guint i = 0; all->exports && i < all->exports->list->len; i++) {
        Exported *x = g_ptr_array_index(all->exports->list, i);
        if (strcmp(x->id, id) == 0) {
            return x;
        }
    }
    return NULL;
}

static bool check_new(Drives *all, const NewExport *o, GError **err)
{
    if (!exports_of(all)->server) {
        block_error(err, "NBD server not running: nbd-server-start comes first");
        return false;
    }
    if (find(all, o->id)) {
        block_error(err, "Block export id '%s' is already in use", o->id);
        return false;
    }
    if (o->writable && o->disk->readonly) {
        block_error(err, "Block node is read-only");
        return false;
    }
    if (o->disk->snapshot) {
        block_error(err, "Device '%s' has snapshot=on: its writes are in a temporary file", o->disk->id);
        return false;
    }
    if (o->writable && o->disk->job) {
        block_error(err, "Node '%s' is busy: a block job has it; export it to be read, or end that first",
                    o->disk->id);
        return false;
    }
    const BlockBackend *above = block_above(o->disk);
    if (o->writable && above) {
        block_error(err, "Node '%s' is below node '%s'; name that", o->disk->id, above->id);
    }
    return !o->writable || !above;
}

static DirtyBitmap *find_bitmap(BlockNode *top, const ExportBitmap *o, GError **err)
{
    BlockNode *n = o->disk ? block_image(o->disk) : top;
    if (n != top && !graph_has_below(top, n)) {
        block_error(err, "Bitmap '%s' is not of a node in the chain of what is exported", o->name);
        return NULL;
    }
    DirtyBitmap *b = node_bitmap_find(n, o->name, err);
    while (!b && !o->disk && (n = n->children[NODE_BACKING])) {
        b = node_bitmap_find(n, o->name, NULL);
    }
    if (b) {
        g_clear_error(err);
    }
    return b;
}

static bool take_bitmaps(Exported *x, const NewExport *o, GError **err)
{
    for (unsigned i = 0; i < o->bitmap_count; i++) {
        DirtyBitmap *b = find_bitmap(x->node, &o->bitmaps[i], err);
        if (!b || !bitmap_allows(b, BITMAP_CHANGE, err)) {
            return false;
        }
        if (i == NBD_BITMAPS_MAX) {
            block_error(err, "An export has at most %d bitmaps", NBD_BITMAPS_MAX);
            return false;
        }
        if (!x->writable && !x->node->readonly && bitmap_state(b).recording) {
            block_error(err, "Enabled bitmap '%s' incompatible with readonly export", o->bitmaps[i].name);
            return false;
        }
        bitmap_set_busy(b, true);
        x->bitmaps[x->bitmap_count++] = b;
    }
    return true;
}

bool export_add(Drives *all, const NewExport *o, GError **err)
{
    if (!check_new(all, o, err)) {
        return false;
    }
    Exported *x = g_new0(Exported, 1);
    *x = (Exported){ .all = all,
                     .id = g_strdup(o->id),
                     .name = g_strdup(o->name ? o->name : o->id),
                     .node_name = block_node_name(o->disk),
                     .node = node_ref(graph_top(o->disk)),
                     .writable = o->writable };
    x->bh = bh_new(all->loop, NULL, look, x);
    g_ptr_array_add(all->exports->list, x);
    NbdExport e = { .name = x->name,
                    .description = o->description,
                    .node = x->node,
                    .writable = o->writable,
                    .writethrough = o->writethrough,
                    .depth = o->depth,
                    .bitmaps = x->bitmaps,
                    .gone = is_gone,
                    .opaque = x };
    bool ok = take_bitmaps(x, o, err);
    e.bitmap_count = x->bitmap_count;
    if (ok) {
        block_hold(o->disk); /* what the guest has under way ends first */
        ok = nbd_server_add(all->exports->server, &e, err);
        block_release(o->disk);
    }
    if (!ok) {
        exported_free(x);
    }
    return ok;
}

bool export_del(Drives *all, const char *id, bool now, GError **err)
{
    Exported *x = find(all, id);
    if (!x || x->removed) {
        block_error(err, x ? "Export '%s' is already shutting down" : "Export '%s' is not found", id);
        return false;
    }
    x->removed = nbd_server_remove(all->exports->server, x->name, now, err);
    return x->removed;
}

void exports_foreach(const Drives *all, void (*fn)(const ExportState *s, void *opaque), void *opaque)
{
    for (guint i = 0; all->exports && i < all->exports->list->len; i++) {
        const Exported *x = g_ptr_array_index(all->exports->list, i);
        fn(&(ExportState){ x->id, x->name, x->node_name, x->removed }, opaque);
    }
}

/* ---- the server ------------------------------------------------------------------------------- */

bool exports_start(Drives *all, const NbdAddress *a, const NbdServerOptions *o, GError **err)
{
    NbdServerOptions own = *o;
    Exports *e = exports_of(all);
    if (e->server) {
        block_error(err, "NBD server already running");
        return false;
    }
    ending_hold();
    own.fd = nbd_listen(a, err);
    e->socket = own.fd >= 0 && a->path ? ending_add_file(a->path) : NULL;
    ending_release();
    e->server = own.fd >= 0 ? nbd_server_new(&own, err) : NULL;
    if (!e->server) {
        ending_remove_file(g_steal_pointer(&e->socket));
    }
    return e->server != NULL;
}

bool exports_stop(Drives *all, GError **err)
{
    Exports *e = exports_of(all);
    if (!e->server) {
        block_error(err, "NBD server not running");
        return false;
    }
    nbd_server_free(g_steal_pointer(&e->server)); /* all are gone when it returns */
    ending_remove_file(g_steal_pointer(&e->socket));
    while (e->list->len) {
        look(g_ptr_array_index(e->list, 0));
    }
    return true;
}

void exports_free(Drives *all)
{
    if (all->exports) {
        (void)!exports_stop(all, NULL); /* there may be no server */
        g_ptr_array_unref(all->exports->list);
        g_clear_pointer(&all->exports, g_free);
    }
}
