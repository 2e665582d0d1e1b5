/* SPDX-License-Identifier: GPL-2.0-or-later */
/* convert: the content of an image, into a new one, by several threads.  What reads as zeroes is not written: a new
 * image reads so. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "img/img.h"
#include "util/iov.h"

enum { CHUNK = 2 << 20, GRAIN = 4096, THREADS_MAX = 16 };

typedef struct Conversion {
    const char *from_format, *to_format, *options, *from_path, *to_path;
    unsigned threads;
    bool keep, progress, quiet; /* keep: the target is there */
    BlockNode *from, *to;
    uint64_t size;
    uint64_t next; /* atomic: of the source, not yet taken */
    uint64_t done; /* atomic: bytes */
    int error;     /* atomic: of the first that failed, or 0 */
    uint64_t failed_at;
    bool reading;
} Conversion;

static void fail(Conversion *c, int e, uint64_t at, bool reading)
{
    int none = 0;
    if (__atomic_compare_exchange_n(&c->error, &none, e, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST)) {
        c->failed_at = at;
        c->reading = reading;
    }
}

static bool is_zero(const uint8_t *p, uint64_t n)
{
    struct iovec iov = { (void *)p, n };
    return iov_is_zero(&iov, 1);
}

/* What is not zero of a buffer, in runs. */
static int write_runs(Conversion *c, uint64_t at, const uint8_t *buf, uint64_t length)
{
    int e = 0;
    for (uint64_t i = 0, end; i < length && !e; i = end) {
        bool zero = is_zero(buf + i, MIN(GRAIN, length - i));
        for (end = MIN(i + GRAIN, length); end < length; end = MIN(end + GRAIN, length)) {
            if (is_zero(buf + end, MIN(GRAIN, length - end)) != zero) {
                break;
            }
        }
        if (!zero) {
            e = node_write(c->to, at + i, buf + i, end - i);
        } else if (c->keep) {
            e = node_run(c->to, &(NodeIo){ BLOCK_WRITE_ZEROES, true, at + i, end - i, NULL, 0 });
        }
    }
    return e;
}

static void convert_chunk(Conversion *c, uint64_t at, uint64_t end, uint8_t *buf)
{
    Extent x;
    for (; at < end && !__atomic_load_n(&c->error, __ATOMIC_RELAXED); at += x.length) {
        int e = node_map(c->from, at, end - at, true, &x);
        bool nothing = x.kind == EXTENT_ZERO || (x.kind == EXTENT_BELOW && !x.node);
        if (!e && nothing && !c->keep) {
            continue;
        }
        e = e ? e : node_read(c->from, at, buf, x.length);
        if (e) {
            fail(c, e, at, true);
            return;
        }
        e = write_runs(c, at, buf, x.length);
        if (e) {
            fail(c, e, at, false);
        }
    }
}

static gpointer work(gpointer opaque)
{
    Conversion *c = opaque;
    g_autofree uint8_t *buf = g_malloc(CHUNK);
    for (;;) {
        uint64_t at = __atomic_fetch_add(&c->next, CHUNK, __ATOMIC_SEQ_CST);
        if (at >= c->size || __atomic_load_n(&c->error, __ATOMIC_RELAXED)) {
            return NULL;
        }
        convert_chunk(c, at, MIN(at + CHUNK, c->size), buf);
        uint64_t done = __atomic_add_fetch(&c->done, MIN(CHUNK, c->size - at), __ATOMIC_SEQ_CST);
        if (c->progress) {
            printf("    (%.2f/100%%)\r", done * 100.0 / c->size);
            fflush(stdout);
        }
    }
}

static int copy(Conversion *c)
{
    GThread *threads[THREADS_MAX];
    for (unsigned i = 1; i < c->threads; i++) {
        threads[i] = g_thread_new("convert", work, c);
    }
    work(c);
    for (unsigned i = 1; i < c->threads; i++) {
        g_thread_join(threads[i]);
    }
    if (c->error) {
        img_error("error while %s at byte %" G_GUINT64_FORMAT ": %s", c->reading ? "reading" : "writing",
                  c->failed_at, g_strerror(-c->error));
        return IMG_FAILED;
    }
    int e = node_flush(c->to);
    if (e) {
        img_error("error while writing: %s", g_strerror(-e));
    } else if (c->progress) {
        printf("    (100.00/100%%)\r\n");
    }
    return e ? IMG_FAILED : IMG_OK;
}

static void say_what_is_lost(const Conversion *c)
{
    Qcow2Info info;
    if (!c->quiet && qcow2_info(c->from, &info) && (info.snapshots || info.bitmaps)) {
        img_error("warning: %u internal snapshots and %u bitmaps of '%s' are not copied", info.snapshots,
                  info.bitmaps, c->from_path);
    }
}

static bool open_both(Conversion *c)
{
    const char *found;
    OpenFlags from = { .readonly = true, .locking = true }, to = { .locking = true };
    c->from = img_open(c->from_path, c->from_format, &from, &found);
    if (!c->from) {
        return false;
    }
    c->size = node_size(c->from);
    say_what_is_lost(c);
    ImgNew n = { .path = c->to_path,
                 .format = c->to_format,
                 .options = c->options,
                 .size = c->size,
                 .has_size = true,
                 .quiet = true };
    if (!c->keep && !img_create(&n)) {
        return false;
    }
    c->to = img_open(c->to_path, c->to_format, &to, &found);
    if (c->to && node_size(c->to) < c->size) {
        img_error("output file is smaller than input file");
        return false;
    }
    return c->to != NULL;
}

static int convert(Conversion *c)
{
    int status = open_both(c) ? copy(c) : IMG_FAILED;
    bool half_made = status != IMG_OK && c->to && !c->keep;
    node_unref(c->from);
    node_unref(c->to);
    if (half_made) {
        unlink(c->to_path);
    }
    return status;
}

int cmd_convert(int argc, char **argv)
{
    Conversion c = { .to_format = "raw", .threads = MIN(g_get_num_processors(), THREADS_MAX) };
    for (int o; (o = getopt(argc, argv, "f:O:o:m:npqW")) != -1;) {
        switch (o) {
        case 'f': c.from_format = optarg; break;
        case 'O': c.to_format = optarg; break;
        case 'o': c.options = optarg; break;
        case 'm': c.threads = atoi(optarg); break;
        case 'n': c.keep = true; break;
        case 'p': c.progress = true; break;
        case 'q': c.quiet = true; break;
        case 'W': break; /* writes come in any order */
        default: return img_usage("convert");
        }
    }
    if (argc - optind != 2 || c.threads < 1 || c.threads > THREADS_MAX) {
        img_error(argc - optind != 2 ? "Must specify image file name, and one for the output"
                                     : "Invalid number of threads: -m takes 1 to 16");
        return img_usage("convert");
    }
    c.from_path = argv[optind];
    c.to_path = argv[optind + 1];
    return convert(&c);
}
