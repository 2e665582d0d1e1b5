/* SPDX-License-Identifier: GPL-2.0-or-later */
/* rebase: another backing file.  What the image shows stays the same, unless -u says that nobody is to look. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "img/img.h"
#include "util/text.h"

enum { CHUNK = 1 << 20, GRAIN = 4096 };

typedef struct Rebasing {
    const char *path, *format, *backing, *backing_format; /* backing "": none */
    bool unsafe, progress, quiet, sync;                   /* sync: what is written is durable at once */
    ImgHow how;
    GPtrArray *old, *new; /* new: NULL without a backing */
    uint8_t *was, *will;
} Rebasing;

static BlockNode *image(const Rebasing *r)
{
    return ((ImgLink *)g_ptr_array_index(r->old, 0))->node;
}

/* Write what differs, in runs of grains. */
static int write_differences(Rebasing *r, uint64_t at, uint64_t length)
{
    int e = 0;
    for (uint64_t i = 0, end; i < length && !e; i = end) {
        bool differs = memcmp(r->was + i, r->will + i, MIN(GRAIN, length - i)) != 0;
        for (end = MIN(i + GRAIN, length); end < length; end = MIN(end + GRAIN, length)) {
            if ((memcmp(r->was + end, r->will + end, MIN(GRAIN, length - end)) != 0) != differs) {
                break;
            }
        }
        e = differs ? node_write(image(r), at + i, r->was + i, end - i) : 0;
        e = !e && differs && r->sync ? node_flush(image(r)) : e;
    }
    return e;
}

/* What the image has not itself. */
static int keep_content(Rebasing *r, uint64_t at, uint64_t length)
{
    int e = img_chain_read(r->old, 1, at, r->was, length);
    if (!e && r->new) {
        e = img_chain_read(r->new, 0, at, r->will, length);
    } else {
        memset(r->will, 0, length);
    }
    return e ? e : write_differences(r, at, length);
}

static int keep_all(Rebasing *r)
{
    uint64_t size = node_size(image(r));
    int result = 0;
    Extent e;
    for (uint64_t at = 0; at < size && !result; at += e.length) {
        result = node_map(image(r), at, MIN(CHUNK, size - at), true, &e);
        result = !result && e.kind == EXTENT_BELOW ? keep_content(r, at, e.length) : result;
        img_progress(r->progress, at + e.length, size);
    }
    return result ? result : node_flush(image(r));
}

static bool may_change(const Rebasing *r)
{
    const ImgLink *l = g_ptr_array_index(r->old, 0);
    if (!l->is_qcow2) {
        img_error("Could not change the backing file of '%s': the format '%s' has none", r->path, l->format);
        return false;
    }
    if (*r->backing && !r->backing_format) {
        g_autofree char *shown = text_escaped(r->backing);
        img_error(
            "Could not change the backing file to '%s': backing format must be specified; add it: -F qcow2, or raw",
            shown);
        return false;
    }
    return true;
}

static bool open_new(Rebasing *r)
{
    g_autoptr(GError) err = NULL;
    if (!*r->backing) {
        return true;
    }
    const ImgLink *l = g_ptr_array_index(r->old, 0);
    g_autofree char *path = image_resolve(l->path, r->backing, &err);
    if (!path) {
        img_error("%s", err->message);
        return false;
    }
    r->new = img_chain(path, r->backing_format, NULL, 0, &(ImgHow){ r->how.below, r->how.below, true });
    return r->new != NULL;
}

static int rebase(Rebasing *r)
{
    r->old = r->unsafe ? img_chain_one(r->path, r->format, &r->how) /* nothing below is opened */
                       : img_chain(r->path, r->format, NULL, CHAIN_TOP_WRITABLE, &r->how);
    if (!r->old || !may_change(r) || (!r->unsafe && !open_new(r))) {
        return IMG_FAILED;
    }
    r->was = g_malloc(CHUNK);
    r->will = g_malloc(CHUNK);
    int e = r->unsafe ? 0 : keep_all(r);
    e = e ? e
          : qcow2_set_backing(image(r), *r->backing ? r->backing : NULL,
                              *r->backing ? r->backing_format : NULL);
    g_free(r->was);
    g_free(r->will);
    if (e) {
        g_autofree char *shown = text_escaped(r->backing);
        img_error("Could not change the backing file to '%s': %s", shown,
                  e == -ENAMETOOLONG ? "the name does not fit into the header" : g_strerror(-e));
    }
    return e ? IMG_FAILED : IMG_OK;
}

int cmd_rebase(int argc, char **argv)
{
    static const struct option options[] = { { "force-share", no_argument, NULL, 'U' }, { NULL } };
    Rebasing r = { .how = img_how };
    bool from_sync, ok = true; /* from_sync: nothing is written there */
    for (int o; (o = getopt_long(argc, argv, "f:b:F:upqt:T:U", options, NULL)) != -1 && ok;) {
        switch (o) {
        case 'f': r.format = optarg; break;
        case 'b': r.backing = optarg; break;
        case 'F': r.backing_format = optarg; break;
        case 'u': r.unsafe = true; break;
        case 'p': r.progress = true; break;
        case 'q': r.quiet = true; break;
        case 't': ok = img_take_cache("cache", optarg, &r.how.top, &r.sync); break;
        case 'T': ok = img_take_cache("source cache", optarg, &r.how.below, &from_sync); break;
        case 'U': r.how.below.locking = false; break; /* the image itself is written */
        default: return img_usage("rebase");
        }
    }
    if (!ok) {
        return IMG_FAILED;
    }
    if (argc - optind != 1 || !r.backing) {
        img_error(argc - optind != 1 ? "Expecting one image file name" : "Use backing file (-b) option");
        return img_usage("rebase");
    }
    r.path = argv[optind];
    int status = rebase(&r);
    if (r.old) {
        g_ptr_array_unref(r.old);
    }
    if (r.new) {
        g_ptr_array_unref(r.new);
    }
    return status;
}
