/* SPDX-License-Identifier: GPL-2.0-or-later */
/* bitmap: makes, changes and removes the dirty bitmaps that an image keeps. */
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "block/bitmap.h"
#include "img/img.h"

enum { ACTION_ADD = 256, ACTION_REMOVE, ACTION_CLEAR, ACTION_ENABLE, ACTION_DISABLE, ACTION_MERGE };

typedef struct BitmapAction {
    int what;
    const char *source; /* of a merge */
} BitmapAction;

typedef struct Bitmapping {
    const char *path, *format, *name, *source_path, *source_format;
    uint64_t granularity;
    GArray *actions; /* of BitmapAction, done one after the other */
} Bitmapping;

static bool merge(BlockNode *n, DirtyBitmap *b, BlockNode *source, const char *name, GError **err)
{
    DirtyBitmap *from = node_bitmap_find(source ? source : n, name, err);
    return from && bitmap_allows(from, BITMAP_CHANGE, err) && bitmap_merge(b, from, err);
}

static bool act(const Bitmapping *m, BlockNode *n, BlockNode *source, const BitmapAction *a, GError **err)
{
    if (a->what == ACTION_ADD) {
        NewBitmap o = { .name = m->name, .granularity = m->granularity, .persistent = true };
        return node_bitmap_add(n, &o, err) != NULL;
    }
    DirtyBitmap *b = node_bitmap_find(n, m->name, err);
    if (!b || !bitmap_allows(b, a->what == ACTION_REMOVE ? BITMAP_REMOVE : BITMAP_CHANGE, err)) {
        return false;
    }
    switch (a->what) {
    case ACTION_REMOVE: node_bitmap_remove(n, b); break;
    case ACTION_CLEAR: bitmap_clear(b); break;
    case ACTION_MERGE: return merge(n, b, source, a->source, err);
    default: bitmap_set_recording(b, a->what == ACTION_ENABLE);
    }
    return true;
}

static int run_actions(const Bitmapping *m, BlockNode *n, BlockNode *source)
{
    static const char *const names[] = { "add", "remove", "clear", "enable", "disable", "merge" };
    g_autoptr(GError) err = NULL;
    for (guint i = 0; i < m->actions->len; i++) {
        const BitmapAction *a = &g_array_index(m->actions, BitmapAction, i);
        if (!act(m, n, source, a, &err)) {
            img_error("Operation %s on bitmap %s failed: %s", names[a->what - ACTION_ADD], m->name,
                      err->message);
            return IMG_FAILED;
        }
    }
    return IMG_OK;
}

static int run(const Bitmapping *m)
{
    OpenFlags flags = { .locking = true, .no_backing = true, .locked = true },
              read = { .readonly = true, .locking = true };
    const char *found;
    BlockNode *n = img_open(m->path, m->format, &flags, &found), *source = NULL;
    int status = n ? IMG_OK : IMG_FAILED;
    if (n && m->source_path) {
        source = img_open(m->source_path, m->source_format, &read, &found);
        status = source ? IMG_OK : IMG_FAILED;
    }
    status = status == IMG_OK ? run_actions(m, n, source) : status;
    node_unref(source);
    node_unref(n);
    return status;
}

/* 0: go on; else that there is a fault, which was told. */
static int take_option(Bitmapping *m, int c)
{
    BitmapAction a = { c, optarg };
    switch (c) {
    case 'f': m->format = optarg; return 0;
    case 'b': m->source_path = optarg; return 0;
    case 'F': m->source_format = optarg; return 0;
    case 'g':
        if (!img_read_size(optarg, &m->granularity) || !m->granularity) {
            img_error("Invalid granularity specified");
            return IMG_FAILED;
        }
        return 0;
    case '?': return img_usage("bitmap");
    default: g_array_append_val(m->actions, a); return 0;
    }
}

static bool has_action(const Bitmapping *m, int what)
{
    bool has = false;
    for (guint i = 0; i < m->actions->len; i++) {
        has |= g_array_index(m->actions, BitmapAction, i).what == what;
    }
    return has;
}

static const char *fault_of(const Bitmapping *m)
{
    return !m->actions->len ? "Need at least one of --add, --remove, --clear, --enable, --disable, or --merge"
           : m->granularity && !has_action(m, ACTION_ADD) ? "granularity only supported with --add"
           : m->source_format && !m->source_path          ? "-F only supported with -b"
           : m->source_path && !has_action(m, ACTION_MERGE)
               ? "Merge bitmap source file only supported with --merge"
               : NULL;
}

int cmd_bitmap(int argc, char **argv)
{
    static const struct option options[] = {
        { "add", no_argument, NULL, ACTION_ADD },          { "remove", no_argument, NULL, ACTION_REMOVE },
        { "clear", no_argument, NULL, ACTION_CLEAR },      { "enable", no_argument, NULL, ACTION_ENABLE },
        { "disable", no_argument, NULL, ACTION_DISABLE },  { "merge", required_argument, NULL, ACTION_MERGE },
        { "granularity", required_argument, NULL, 'g' },   { "source-file", required_argument, NULL, 'b' },
        { "source-format", required_argument, NULL, 'F' }, { NULL },
    };
    Bitmapping m = { .actions = g_array_new(false, false, sizeof(BitmapAction)) };
    int status = IMG_OK;
    for (int c; status == IMG_OK && (c = getopt_long(argc, argv, "b:f:F:g:", options, NULL)) != -1;) {
        status = take_option(&m, c);
    }
    const char *fault =
        status == IMG_OK && argc - optind != 2 ? "Expecting filename and bitmap name" : fault_of(&m);
    if (status == IMG_OK && fault) {
        img_error("%s", fault);
        status = IMG_FAILED;
    }
    if (status == IMG_OK) {
        m.path = argv[optind];
        m.name = argv[optind + 1];
        status = run(&m);
    }
    g_array_unref(m.actions);
    return status;
}
