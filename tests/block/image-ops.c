/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Random work on an image beside a raw file that says what is to be read from it: test-images.py runs this on
 * images that others have made, and lets others judge what came out.
 *
 *   image-ops IMAGE FORMAT RAW SEED OPERATIONS THREADS
 *
 * RAW has the content of IMAGE before and after.  Each thread works on its own stripes of 64 KiB + 1 sector, so that they meet
 * in clusters but not in sectors. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "block/block_priv.h"

enum { STRIPE = (64 << 10) + SECTOR, IO_MAX = 300 << 10 };

typedef struct Work {
    BlockNode *image;
    uint8_t *raw;
    uint64_t size;
    GRand *rand;
    unsigned operations, number, of;
} Work;

static void fail(const char *what, uint64_t offset, int e)
{
    fprintf(stderr, "image-ops: %s at %#" G_GINT64_MODIFIER "x: %s\n", what, offset, g_strerror(-e));
    exit(1);
}

static uint64_t pick_range(const Work *w, uint64_t *length)
{
    uint64_t sectors = w->size / SECTOR, most = IO_MAX / SECTOR;
    uint64_t offset = g_rand_int(w->rand) % sectors * SECTOR;
    unsigned kind = g_rand_int_range(w->rand, 0, 4);
    *length = (kind == 0 ? 1 : kind == 1 ? 8 : 1 + g_rand_int(w->rand) % most) * SECTOR;
    if (kind == 3) { /* whole clusters, often */
        offset &= ~UINT64_C(0xffff);
        *length = ((*length + 0xffff) & ~UINT64_C(0xffff));
    }
    *length = MIN(*length, w->size - offset);
    if (w->of > 1) { /* within the thread's own stripe */
        uint64_t stripe = offset / STRIPE / w->of * w->of + w->number, start = stripe * STRIPE;
        start = start < w->size ? start : w->number * STRIPE;
        offset = start + offset % STRIPE / SECTOR * SECTOR;
        offset = offset < w->size ? offset : start;
        *length = MIN(MIN(*length, start + STRIPE - offset), w->size - offset);
    }
    return offset;
}

static void compare(const Work *w, uint64_t offset, uint64_t length)
{
    g_autofree uint8_t *buf = g_malloc(length);
    int e = node_read(w->image, offset, buf, length);
    if (e) {
        fail("reading", offset, e);
    }
    for (uint64_t i = 0; i < length; i++) {
        if (buf[i] != w->raw[offset + i]) {
            fprintf(stderr, "image-ops: thread %u: byte %#" G_GINT64_MODIFIER "x is %02x, not %02x\n",
                    w->number, offset + i, buf[i], w->raw[offset + i]);
            exit(1);
        }
    }
}

static void write_some(Work *w, uint64_t offset, uint64_t length)
{
    uint8_t seed = g_rand_int(w->rand), zero = g_rand_int_range(w->rand, 0, 8) == 0;
    for (uint64_t i = 0; i < length; i++) {
        w->raw[offset + i] = zero ? 0 : seed + i / 512 + i;
    }
    int e = node_write(w->image, offset, w->raw + offset, length);
    if (e) {
        fail("writing", offset, e);
    }
}

/* One cluster, compressed; what is no cluster, or of a format that has none such: as it is. */
static void pack_some(Work *w, uint64_t offset, uint64_t length)
{
    ImageInfo info;
    image_info(w->image, &info);
    uint64_t first = info.can_pack ? offset / info.cluster_size * info.cluster_size : offset;
    uint64_t n = info.can_pack ? MIN(info.cluster_size, w->size - first) : length;
    if (!info.can_pack || w->of > 1) { /* other threads write to the cluster */
        write_some(w, offset, length);
        return;
    }
    g_autofree uint8_t *cluster = g_malloc0(info.cluster_size);
    memset(w->raw + first, g_rand_int(w->rand), n);
    for (uint64_t i = 0; i < n / 8; i++) { /* less or more to compress; sometimes nothing */
        w->raw[first + g_rand_int(w->rand) % n] = g_rand_int(w->rand);
    }
    memcpy(cluster, w->raw + first, n);
    int e = node_write_packed(w->image, first, cluster);
    if (e) {
        fail("packing", first, e);
    }
}

static void zero_some(Work *w, uint64_t offset, uint64_t length, bool unmap)
{
    memset(w->raw + offset, 0, length);
    int e = node_run(w->image, &(NodeIo){ BLOCK_WRITE_ZEROES, unmap, offset, length, NULL, 0 });
    if (e) {
        fail("zeroing", offset, e);
    }
}

/* What a discarded place reads as is the image's to say; it is not said to be what it was. */
static void discard_some(Work *w, uint64_t offset, uint64_t length)
{
    int e = node_run(w->image, &(NodeIo){ BLOCK_DISCARD, false, offset, length, NULL, 0 });
    e = e ? e : node_read(w->image, offset, w->raw + offset, length);
    if (e) {
        fail("discarding", offset, e);
    }
}

static gpointer work(gpointer opaque)
{
    Work *w = opaque;
    for (unsigned i = 0; i < w->operations; i++) {
        uint64_t length, offset = pick_range(w, &length);
        switch (g_rand_int_range(w->rand, 0, 16)) {
        case 0: zero_some(w, offset, length, false); break;
        case 1: zero_some(w, offset, length, true); break;
        case 2: discard_some(w, offset, length); break;
        case 3:
            if (node_flush(w->image)) {
                fail("flushing", 0, -EIO);
            }
            break;
        case 4:
        case 5:
        case 6: compare(w, offset, length); break;
        case 7:
        case 8: pack_some(w, offset, length); break;
        default: write_some(w, offset, length); break;
        }
    }
    return NULL;
}

static BlockNode *open_image(const char *path, const char *format)
{
    g_autoptr(GError) err = NULL;
    const char *found;
    OpenFlags flags = { .locking = true, .discard = true };
    BlockNode *n = image_open(path, format, &flags, &found, &err);
    if (!n) {
        fprintf(stderr, "image-ops: %s\n", err->message);
        exit(1);
    }
    return n;
}

int main(int argc, char **argv)
{
    gsize size;
    g_autofree char *raw = NULL;
    unsigned threads = argc == 7 ? atoi(argv[6]) : 0;
    Work all[16];
    GThread *thread[16];
    if (!threads || threads > G_N_ELEMENTS(all) || !g_file_get_contents(argv[3], &raw, &size, NULL)) {
        fprintf(stderr, "usage: image-ops IMAGE FORMAT RAW SEED OPERATIONS THREADS\n");
        return 2;
    }
    BlockNode *n = open_image(argv[1], argv[2]);
    if (node_size(n) != size) {
        fprintf(stderr, "image-ops: the image has %" G_GUINT64_FORMAT " bytes\n", node_size(n));
        return 1;
    }
    for (unsigned i = 0; i < threads; i++) {
        all[i] = (Work){
            n, (uint8_t *)raw, size, g_rand_new_with_seed(atoi(argv[4]) + 1000 * i), atoi(argv[5]) / threads,
            i, threads
        };
        thread[i] = g_thread_new("work", work, &all[i]);
    }
    for (unsigned i = 0; i < threads; i++) {
        g_thread_join(thread[i]);
        g_rand_free(all[i].rand);
    }
    Work whole = { n, (uint8_t *)raw, size };
    compare(&whole, 0, size);
    node_unref(n);
    n = open_image(argv[1], argv[2]);
    whole.image = n;
    compare(&whole, 0, size);
    node_unref(n);
    return g_file_set_contents(argv[3], raw, (gssize)size, NULL) ? 0 : 1;
}
