/* SPDX-License-Identifier: GPL-2.0-or-later */
/* compare: have two images the same content?  Status: 0 yes, 1 no, 2 that could not be found out. */
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "img/img.h"
#include "util/iov.h"

enum { COMPARE_SAME, COMPARE_DIFFERENT, COMPARE_FAILED, CHUNK = 1 << 20 };

typedef struct Comparison {
    const char *path[2], *format[2];
    BlockNode *node[2];
    bool quiet, strict, progress;
} Comparison;

static int mismatch(const Comparison *c, uint64_t at)
{
    if (!c->quiet) {
        printf("Content mismatch at offset %" G_GUINT64_FORMAT "!\n", at);
    }
    return COMPARE_DIFFERENT;
}

/* What is behind the end of the shorter one counts as zeroes. */
static bool read_one(const Comparison *c, unsigned which, uint64_t at, uint8_t *buf, uint64_t length)
{
    uint64_t size = node_size(c->node[which]), there = at < size ? MIN(length, size - at) : 0;
    memset(buf + there, 0, length - there);
    int e = there ? node_read(c->node[which], at, buf, there) : 0;
    if (e) {
        img_error("Error while reading offset %" G_GUINT64_FORMAT " of %s: %s", at, c->path[which],
                  g_strerror(-e));
    }
    return e == 0;
}

/* How far [at, ...) is alike: with a place in an image of the chain, zeroes, data. */
static uint64_t look(BlockNode *n, uint64_t at, uint64_t length, Extent *x, int *e)
{
    uint64_t found = 0;
    for (uint64_t position = at; !*e; n = x->node, position = x->position) {
        *e = node_map(n, position, length, true, x);
        found = length = *e ? 0 : x->length;
        if (*e || x->kind != EXTENT_BELOW || !x->node) {
            break;
        }
    }
    x->kind = x->kind == EXTENT_PACKED ? EXTENT_DATA : x->kind;
    return found;
}

/* -s: the images have the same places, too. */
static int compare_places(const Comparison *c, uint64_t at, uint64_t length)
{
    int e = 0;
    for (uint64_t done = 0, n; done < length; done += n) {
        Extent x = { 0 }, y = { 0 };
        n = look(c->node[0], at + done, length - done, &x, &e);
        n = look(c->node[1], at + done, n, &y, &e);
        if (e) {
            img_error("Failed to read image metadata: %s", g_strerror(-e));
            return COMPARE_FAILED;
        }
        if (x.kind != y.kind) {
            if (!c->quiet) {
                printf("Strict mode: Offset %" G_GUINT64_FORMAT " block status mismatch!\n", at + done);
            }
            return COMPARE_DIFFERENT;
        }
    }
    return COMPARE_SAME;
}

/* Of [from, size). */
static int compare_content(const Comparison *c, uint64_t from, uint64_t size, uint64_t all)
{
    g_autofree uint8_t *a = g_malloc(CHUNK), *b = g_malloc(CHUNK);
    for (uint64_t at = from, n; at < size; at += n) {
        n = MIN(CHUNK, size - at);
        int places = c->strict ? compare_places(c, at, n) : COMPARE_SAME;
        if (places != COMPARE_SAME) {
            return places;
        }
        if (!read_one(c, 0, at, a, n) || !read_one(c, 1, at, b, n)) {
            return COMPARE_FAILED;
        }
        for (uint64_t i = 0; memcmp(a + i, b + i, n - i) != 0; i += 512) {
            if (memcmp(a + i, b + i, 512) != 0) {
                return mismatch(c, at + i);
            }
        }
        if (c->progress) {
            printf("    (%.2f/100%%)\r", (at + n) * 100.0 / all);
        }
    }
    return COMPARE_SAME;
}

static int compare(const Comparison *c)
{
    uint64_t x = node_size(c->node[0]), y = node_size(c->node[1]);
    if (x != y && c->strict) {
        if (!c->quiet) {
            printf("Strict mode: Image size mismatch!\n");
        }
        return COMPARE_DIFFERENT;
    }
    int status = compare_content(c, 0, MIN(x, y), MAX(x, y));
    if (status == COMPARE_SAME && x != y && !c->quiet) {
        printf("Warning: Image size mismatch!\n");
    }
    status = status == COMPARE_SAME ? compare_content(c, MIN(x, y), MAX(x, y), MAX(x, y)) : status;
    if (status == COMPARE_SAME && !c->quiet) {
        printf("Images are identical.\n");
    }
    return status;
}

int cmd_compare(int argc, char **argv)
{
    Comparison c = { 0 };
    OpenFlags flags = { .readonly = true, .locking = true };
    static const struct option options[] = { { "force-share", no_argument, NULL, 'U' }, { NULL } };
    const char *found;
    bool sync; /* nothing is written */
    for (int o; (o = getopt_long(argc, argv, "f:F:pqsT:U", options, NULL)) != -1;) {
        switch (o) {
        case 'f': c.format[0] = optarg; break;
        case 'F': c.format[1] = optarg; break;
        case 'p': c.progress = true; break;
        case 'q': c.quiet = true; break;
        case 's': c.strict = true; break;
        case 'U': flags.locking = false; break;
        case 'T':
            if (!img_take_cache("source cache", optarg, &flags, &sync)) {
                return COMPARE_FAILED;
            }
            break;
        default: return img_usage("compare");
        }
    }
    if (argc - optind != 2) {
        img_error("Expecting two image file names");
        return img_usage("compare");
    }
    for (unsigned i = 0; i < 2; i++) {
        c.path[i] = argv[optind + i];
        c.node[i] = img_open(c.path[i], c.format[i], &flags, &found);
    }
    int status = c.node[0] && c.node[1] ? compare(&c) : COMPARE_FAILED;
    node_unref(c.node[0]);
    node_unref(c.node[1]);
    return status;
}
