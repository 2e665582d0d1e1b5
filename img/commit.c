/* SPDX-License-Identifier: GPL-2.0-or-later */
/* commit: what an image has goes into the one below it. */
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "img/img.h"

enum { CHUNK = 2 << 20 };

typedef struct Committing {
    const char *path, *format, *base;
    bool drop, progress, quiet; /* drop: the image is to go, and need not be emptied */
    ImgHow how;
    bool sync;     /* what is written is durable at once */
    uint64_t rate; /* bytes a second; 0: any */
    GPtrArray *chain;
    uint8_t *buf;
} Committing;

static ImgLink *top(const Committing *c)
{
    return g_ptr_array_index(c->chain, 0);
}

static ImgLink *base(const Committing *c)
{
    return g_ptr_array_index(c->chain, c->chain->len - 1);
}

static int copy_extent(Committing *c, uint64_t at, const Extent *e, BlockNode *who)
{
    if (e->kind == EXTENT_BELOW) {
        return 0;
    }
    if (e->kind == EXTENT_ZERO) {
        return node_run(base(c)->node, &(NodeIo){ BLOCK_WRITE_ZEROES, true, at, e->length, NULL, 0 });
    }
    int result = node_read(who, at, c->buf, e->length);
    return result ? result : node_write(base(c)->node, at, c->buf, e->length);
}

static int copy_all(Committing *c)
{
    uint64_t size = node_size(top(c)->node);
    int result = size > node_size(base(c)->node) ? node_resize(base(c)->node, size) : 0;
    uint64_t copied = 0;
    int64_t begun_us = g_get_monotonic_time();
    Extent e;
    for (uint64_t at = 0; at < size && !result; at += e.length) {
        BlockNode *who = NULL;
        result = img_chain_map(c->chain, 0, c->chain->len - 1, at, MIN(CHUNK, size - at), &e, &who);
        result = result ? result : copy_extent(c, at, &e, who);
        result = !result && c->sync ? node_flush(base(c)->node) : result;
        img_progress(c->progress, at + e.length, size);
        if (e.kind != EXTENT_BELOW) {
            copied += e.length;
            img_hold_back(c->rate, begun_us, copied);
        }
    }
    return result ? result : node_flush(base(c)->node);
}

/* What the base has now is not in the image any more: everything shows from below. */
static int empty_top(Committing *c)
{
    BlockNode *n = top(c)->node;
    if (c->drop || c->base) {
        return 0;
    }
    int e = node_run(n, &(NodeIo){ BLOCK_DISCARD, true, 0, node_size(n), NULL, 0 });
    return e ? e : node_flush(n);
}

static int commit(Committing *c)
{
    bool empties = !c->drop && !c->base;
    c->chain = img_chain(c->path, c->format, c->base, (empties ? CHAIN_TOP_EMPTIED : 0) | CHAIN_BASE_WRITABLE,
                         &c->how);
    if (!c->chain) {
        return IMG_FAILED;
    }
    if (c->chain->len < 2) {
        img_error("Image does not have a backing file");
        return IMG_FAILED;
    }
    c->buf = g_malloc(CHUNK);
    int e = copy_all(c);
    e = e ? e : empty_top(c);
    g_free(c->buf);
    if (e) {
        img_error("Could not commit '%s' into '%s': %s; '%s' is as it was", c->path, base(c)->path,
                  g_strerror(-e), c->path);
    } else if (!c->quiet) {
        printf("Image committed.\n");
    }
    return e ? IMG_FAILED : IMG_OK;
}

int cmd_commit(int argc, char **argv)
{
    Committing c = { .how = img_how };
    for (int o; (o = getopt(argc, argv, "f:b:dpqr:t:")) != -1;) {
        switch (o) {
        case 'f': c.format = optarg; break;
        case 'b': c.base = optarg; break;
        case 'd': c.drop = true; break;
        case 'p': c.progress = true; break;
        case 'q': c.quiet = true; break;
        case 'r':
            if (!img_take_size("rate limit", optarg, &c.rate)) {
                return IMG_FAILED;
            }
            break;
        case 't':
            if (!img_take_cache("cache", optarg, &c.how.top, &c.sync)) {
                return IMG_FAILED;
            }
            c.how.below = c.how.top;
            break;
        default: return img_usage("commit");
        }
    }
    if (argc - optind != 1) {
        img_error("Expecting one image file name");
        return img_usage("commit");
    }
    c.path = argv[optind];
    int status = commit(&c);
    if (c.chain) {
        g_ptr_array_unref(c.chain);
    }
    return status;
}
