/* SPDX-License-Identifier: GPL-2.0-or-later */
/* An image as it was at a snapshot: -l of several tools. */
#include <string.h>

#include "base/props.h"
#include "block/qcow2_snapshot.h"
#include "img/img.h"

/* The first that has both, of those that are said. */
const Qcow2Snapshot *img_find_snapshot(const GPtrArray *all, const char *id, const char *name)
{
    for (guint i = 0; i < all->len; i++) {
        const Qcow2Snapshot *sn = g_ptr_array_index(all, i);
        if ((!id || strcmp(sn->id, id) == 0) && (!name || strcmp(sn->name, name) == 0)) {
            return sn;
        }
    }
    return NULL;
}

typedef struct Which {
    char *id, *name;
} Which;
static const Prop which_props[] = {
    { "snapshot.id", PROP_STRING, offsetof(Which, id), "its id" },
    { "snapshot.name", PROP_STRING, offsetof(Which, name), "its name" },
    { NULL },
};
static const Shape which_shape = { "snapshot", sizeof(Which), which_props };

/* False after a message. */
static bool find_shown(const GPtrArray *all, const char *text, const Qcow2Snapshot **found)
{
    g_autoptr(GError) err = NULL;
    if (!g_str_has_prefix(text, "snapshot.")) {
        *found = qcow2_snapshot_find(all, text);
        return true;
    }
    Which *w = shape_parse(&which_shape, text, NULL, &err);
    if (!w) {
        img_error("Failed in parsing snapshot param '%s': %s", text, err->message);
        return false;
    }
    *found = img_find_snapshot(all, w->id, w->name);
    shape_free(&which_shape, w);
    return true;
}

bool img_show_snapshot(BlockNode *n, const char *format, const char *which)
{
    Qcow2Info info;
    g_autoptr(GError) err = NULL;
    const Qcow2Snapshot *sn = NULL;
    if (!qcow2_info(n, &info)) {
        img_error("Failed to load snapshot: Block format '%s' used by device '' does not support temporarily "
                  "loading internal snapshots",
                  format);
        return false;
    }
    g_autoptr(GPtrArray) all = qcow2_snapshots(n, &err);
    if (!all) {
        img_error("Failed to load snapshot: %s", err->message);
    } else if (find_shown(all, which, &sn)) {
        int e = sn ? qcow2_snapshot_show(n, sn) : 0;
        if (!sn || e) {
            img_error("Failed to load snapshot: %s", sn ? g_strerror(-e) : "Can't find snapshot");
            return false;
        }
        return true;
    }
    return false;
}
