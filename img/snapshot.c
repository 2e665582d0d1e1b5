/* SPDX-License-Identifier: GPL-2.0-or-later */
/* snapshot: internal snapshots, listed, taken, gone back to, deleted. */
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "base/props.h"
#include "block/qcow2_snapshot.h"
#include "img/img.h"

void img_print_snapshots(const GPtrArray *list)
{
    g_autoptr(GString) text = g_string_new("Snapshot list:\n");
    if (!list->len) {
        return;
    }
    qcow2_snapshot_print(text, NULL, NULL);
    for (guint i = 0; i < list->len; i++) {
        qcow2_snapshot_print(text, g_ptr_array_index(list, i), NULL);
    }
    fputs(text->str, stdout);
}

static int list(BlockNode *n)
{
    Qcow2Info info;
    g_autoptr(GError) err = NULL;
    g_autoptr(GPtrArray) all = qcow2_info(n, &info) ? qcow2_snapshots(n, &err) : g_ptr_array_new();
    if (!all) {
        img_error("%s", err->message);
        return IMG_FAILED;
    }
    img_print_snapshots(all);
    return IMG_OK;
}

/* By its name alone: who deletes "2" does not mean the second. */
static bool delete_named(BlockNode *n, const char *name, GError **err)
{
    g_autoptr(GPtrArray) all = qcow2_snapshots(n, err);
    const Qcow2Snapshot *found = all ? img_find_snapshot(all, NULL, name) : NULL;
    if (all && !found) {
        g_set_error(err, G_FILE_ERROR, G_FILE_ERROR_NOENT,
                    "Could not delete snapshot '%s': snapshot not found", name);
    }
    return found && qcow2_snapshot_delete(n, found->id, err);
}

static int change(BlockNode *n, char what, const char *name)
{
    static const char *const verbs[] = { ['c'] = "create", ['a'] = "apply", ['d'] = "delete" };
    Qcow2Info info;
    g_autoptr(GError) err = NULL;
    if (!qcow2_info(n, &info)) {
        img_error("Could not %s snapshot '%s': this format of images has none; convert it: convert -O qcow2",
                  verbs[(unsigned char)what], name);
        return IMG_FAILED;
    }
    bool ok = what == 'c'   ? qcow2_snapshot_create(n, &(Qcow2NewSnapshot){ .name = name }, NULL, &err)
              : what == 'a' ? qcow2_snapshot_apply(n, name, &err)
                            : delete_named(n, name, &err);
    if (!ok) {
        img_error("%s", err->message);
    }
    return ok ? IMG_OK : IMG_FAILED;
}

int cmd_snapshot(int argc, char **argv)
{
    static const struct option options[] = { { "force-share", no_argument, NULL, 'U' }, { NULL } };
    const char *format = NULL, *name = NULL, *found;
    char what = 'l';
    unsigned actions = 0;
    bool share = false;
    for (int c; (c = getopt_long(argc, argv, "f:la:c:d:qU", options, NULL)) != -1;) {
        switch (c) {
        case 'f': format = optarg; break;
        case 'l':
        case 'a':
        case 'c':
        case 'd':
            what = (char)c;
            name = optarg;
            actions++;
            break;
        case 'q': break;               /* nothing is said that is no error */
        case 'U': share = true; break; /* a list is read whoever has the image */
        default: return img_usage("snapshot");
        }
    }
    if (argc - optind != 1 || actions > 1) {
        img_error(actions > 1 ? "Cannot mix '-l', '-a', '-c', '-d'" : "Expecting one image file name");
        return img_usage("snapshot");
    }
    if (share && what != 'l') {
        img_error("Could not open '%s': force-share=on can only be used with read-only images", argv[optind]);
        return IMG_FAILED;
    }
    OpenFlags flags = {
        .readonly = what == 'l', .locking = what != 'l', .no_backing = true, .no_data = true
    };
    BlockNode *n = img_open(argv[optind], format, &flags, &found);
    int status = !n ? IMG_FAILED : what == 'l' ? list(n) : change(n, what, name);
    node_unref(n);
    return status;
}
