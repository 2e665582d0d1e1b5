/* SPDX-License-Identifier: GPL-2.0-or-later */
/* bench: how long so many requests take, some of them at a time. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "img/img.h"

enum { DEPTH_MAX = 256, BUFFER_MAX = 256 << 20 };

typedef struct Bench {
    const char *path, *format;
    OpenFlags flags;
    uint64_t count, depth, offset, buffer, step, flush_interval, pattern;
    bool write, sync, has_step, no_drain;
    BlockNode *node;

    GMutex lock; /* of what follows */
    GCond changed;
    uint64_t begun, ended, at;
    bool flushing;
    int error;
} Bench;

/* The next request's place; false: there is none. */
static bool take(Bench *b, uint64_t *at, bool *flush)
{
    g_mutex_lock(&b->lock);
    while (b->flushing) {
        g_cond_wait(&b->changed, &b->lock);
    }
    bool got = b->begun < b->count && !b->error;
    uint64_t size = node_size(b->node);
    *at = b->at + b->buffer <= size || b->at == b->offset ? b->at : 0;
    b->at = size ? (*at + b->step) % size : 0;
    b->begun += got;
    *flush = got && b->flush_interval && b->begun % b->flush_interval == 0;
    g_mutex_unlock(&b->lock);
    return got;
}

static void ended(Bench *b, int e)
{
    g_mutex_lock(&b->lock);
    b->ended++;
    b->error = b->error ? b->error : e;
    g_cond_broadcast(&b->changed);
    g_mutex_unlock(&b->lock);
}

/* What was begun before it is over, unless --no-drain; nothing else begins. */
static void flush(Bench *b)
{
    g_mutex_lock(&b->lock);
    while (b->flushing) {
        g_cond_wait(&b->changed, &b->lock);
    }
    b->flushing = !b->no_drain;
    while (!b->no_drain && b->ended < b->begun && !b->error) {
        g_cond_wait(&b->changed, &b->lock);
    }
    g_mutex_unlock(&b->lock);
    int e = node_flush(b->node);
    g_mutex_lock(&b->lock);
    b->flushing = false;
    b->error = b->error ? b->error : e;
    g_cond_broadcast(&b->changed);
    g_mutex_unlock(&b->lock);
}

static int one(Bench *b, uint64_t at, uint8_t *buf)
{
    if (at > node_size(b->node) || b->buffer > node_size(b->node) - at) {
        return -EIO;
    }
    int e = b->write ? node_write(b->node, at, buf, b->buffer) : node_read(b->node, at, buf, b->buffer);
    return !e && b->sync ? node_flush(b->node) : e;
}

static gpointer work(gpointer opaque)
{
    Bench *b = opaque;
    g_autofree uint8_t *buf = g_malloc(b->buffer);
    uint64_t at;
    bool wants_flush;
    memset(buf, (int)b->pattern, b->buffer);
    while (take(b, &at, &wants_flush)) {
        ended(b, one(b, at, buf));
        if (wants_flush) {
            flush(b);
        }
    }
    return NULL;
}

static int bench(Bench *b)
{
    GThread *threads[DEPTH_MAX];
    printf("Sending %" G_GUINT64_FORMAT " %s requests, %" G_GUINT64_FORMAT " bytes each, %" G_GUINT64_FORMAT
           " in parallel (starting at offset %" G_GUINT64_FORMAT ", step size %" G_GUINT64_FORMAT ")\n",
           b->count, b->write ? "write" : "read", b->buffer, b->depth, b->offset, b->step);
    if (b->flush_interval) {
        printf("Sending flush every %" G_GUINT64_FORMAT " requests\n", b->flush_interval);
    }
    fflush(stdout);
    g_mutex_init(&b->lock);
    g_cond_init(&b->changed);
    b->at = b->offset;
    int64_t begun = g_get_monotonic_time();
    for (unsigned i = 0; i < b->depth; i++) {
        threads[i] = g_thread_new("bench", work, b);
    }
    for (unsigned i = 0; i < b->depth; i++) {
        g_thread_join(threads[i]);
    }
    int64_t took = g_get_monotonic_time() - begun;
    g_mutex_clear(&b->lock);
    g_cond_clear(&b->changed);
    if (b->error) {
        img_error("Failed request: %s", g_strerror(-b->error));
        return IMG_FAILED;
    }
    printf("Run completed in %.3f seconds.\n", took / 1e6);
    return IMG_OK;
}

/* ---- options --------------------------------------------------------------- */

enum { OPTION_FLUSH = 256, OPTION_NO_DRAIN, OPTION_PATTERN };
static const struct option long_options[] = { { "flush-interval", required_argument, NULL, OPTION_FLUSH },
                                              { "no-drain", no_argument, NULL, OPTION_NO_DRAIN },
                                              { "pattern", required_argument, NULL, OPTION_PATTERN },
                                              { "force-share", no_argument, NULL, 'U' },
                                              { NULL } };

static bool number(const char *what, uint64_t least, uint64_t most, uint64_t *value)
{
    bool ok = img_read_size(optarg, value) && *value >= least && *value <= most;
    if (!ok) {
        img_error("Invalid %s specified", what);
    }
    return ok;
}

/* Requests are made by threads. */
static bool is_built_aio(const char *name)
{
    bool known = strcmp(name, "native") == 0 || strcmp(name, "io_uring") == 0;
    if (strcmp(name, "threads") != 0) {
        img_error(known ? "bench with aio=%s is not built; use -i threads, or leave it out"
                        : "Invalid aio option: %s",
                  name);
        return false;
    }
    return true;
}

static bool take_option(Bench *b, int c)
{
    switch (c) {
    case 'f': b->format = optarg; break;
    case 'q': break; /* of progress, and there is none */
    case 'w': b->write = true; break;
    case 'U': b->flags.locking = false; break;
    case 'c': return number("request count", 1, INT32_MAX, &b->count);
    case 'd': return number("queue depth", 1, DEPTH_MAX, &b->depth);
    case 'o': return number("offset", 0, INT64_MAX, &b->offset);
    case 's': return number("buffer size", 512, BUFFER_MAX, &b->buffer);
    case 'S': b->has_step = true; return number("step size", 0, INT32_MAX, &b->step);
    case OPTION_PATTERN: return number("pattern byte", 0, 0xff, &b->pattern);
    case OPTION_FLUSH: return number("flush interval", 0, INT32_MAX, &b->flush_interval);
    case OPTION_NO_DRAIN: b->no_drain = true; break;
    case 'n': return is_built_aio("native");
    case 'i': return is_built_aio(optarg);
    case 't':
        if (img_cache(optarg, &b->flags, &b->sync)) {
            break;
        }
        img_error("Invalid cache mode");
        return false;
    default: img_usage("bench"); return false;
    }
    return true;
}

static bool check_options(Bench *b)
{
    const char *why = b->write && !b->flags.locking ? "force-share=on can only be used with read-only images"
                      : !b->write && b->flush_interval ? "--flush-interval is only available in write tests"
                      : b->flush_interval && b->flush_interval < b->depth
                          ? "Flush interval can't be smaller than depth"
                      : (b->buffer | b->offset | b->step) % 512
                          ? "Offset, buffer size and step size must be multiples of 512"
                          : NULL;
    if (why) {
        img_error("%s", why);
    }
    return !why;
}

int cmd_bench(int argc, char **argv)
{
    Bench b = { .count = 75000, .depth = 64, .buffer = 4096, .flags = { .locking = true } };
    const char *found;
    for (int c; (c = getopt_long(argc, argv, "c:d:f:i:no:qs:S:t:wU", long_options, NULL)) != -1;) {
        if (!take_option(&b, c)) {
            return IMG_FAILED;
        }
    }
    if (argc - optind != 1) {
        img_error("Expecting one image file name");
        return IMG_FAILED;
    }
    b.step = b.has_step ? b.step : b.buffer;
    if (!check_options(&b)) {
        return IMG_FAILED;
    }
    b.path = argv[optind];
    b.flags.readonly = !b.write;
    b.node = img_open(b.path, b.format, &b.flags, &found);
    int status = b.node ? bench(&b) : IMG_FAILED;
    node_unref(b.node);
    return status;
}
