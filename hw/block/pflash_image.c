/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The image behind a flash bank: read whole when the bank is made, written by the main loop, by pages.
 *
 * A page is dirty from when the guest changes it until the image has it, so that what the guest has seen
 * complete outlives this process.  What could not be stored is an error in the status, and is tried again
 * with the next command that stores, at reset and at the end.  Reset and end also flush the image. */
#include "hw/block/pflash_image.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "base/log.h"

enum { PAGE = 4096, LONG_BITS = 8 * (int)sizeof(long) };

/* ---- storing ------------------------------------------------------------- */

typedef struct PflashWrite {
    BlockRequest r;
    struct iovec iov;
    Pflash *flash;
    uint64_t first, count; /* pages; a flush has none */
    uint8_t data[];
} PflashWrite;

static void set_dirty(Pflash *f, uint64_t first, uint64_t count)
{
    for (uint64_t page = first; page < first + count; page++) {
        f->dirty[page / LONG_BITS] |= 1UL << (page % LONG_BITS);
    }
}

void pflash_image_changed(Pflash *f, uint64_t offset, uint64_t len, uint8_t error_bit)
{
    ram_mark_written(f->mem.ram, offset, len);
    if (!f->blk) {
        return;
    }
    uint64_t first = offset / PAGE, last = (offset + len - 1) / PAGE;
    set_dirty(f, first, last - first + 1);
    f->storing = true;
    f->failed = false;
    f->error_bit = error_bit;
    bh_schedule(f->writer);
}

static void store_failed(Pflash *f, const PflashWrite *w, int error)
{
    set_dirty(f, w->first, w->count);
    f->failed = true;
    if (error != -ECANCELED) {
        f->s.status |= w->count ? f->error_bit : 0;
        log_report("%s: %s of drive '%s' failed: %s; the guest has been told, and it is tried again: look "
                   "after the disk",
                   f->dev.path, w->count ? "storing the flash's contents in the image" : "flushing the image",
                   block_id(f->blk), g_strerror(-error));
    }
}

static void store_done(BlockRequest *r, int result)
{
    PflashWrite *w = r->opaque;
    Pflash *f = w->flash;
    if (result < 0) {
        store_failed(f, w, result);
    } else {
        f->unsynced = w->count != 0;
    }
    g_free(w);
    if (--f->in_flight == 0) {
        bh_schedule(f->writer); /* what changed meanwhile */
    }
}

static void submit(Pflash *f, BlockOp op, uint64_t first, uint64_t count)
{
    PflashWrite *w = g_malloc0(sizeof(*w) + count * PAGE);
    memcpy(w->data, f->mem.ram->host + first * PAGE, count * PAGE);
    w->flash = f;
    w->first = first;
    w->count = count;
    w->iov = (struct iovec){ w->data, count * PAGE };
    w->r = (BlockRequest){ .op = op,
                           .offset = first * PAGE,
                           .length = count * PAGE,
                           .iov = &w->iov,
                           .iov_count = count != 0,
                           .done = store_done,
                           .opaque = w };
    f->in_flight++;
    block_submit(f->blk, &w->r);
}

/* The next run of dirty pages from *page on, taken from the map; 0: none. */
static uint64_t take_dirty(Pflash *f, uint64_t *page)
{
    enum { RUN_MAX = 256 };
    uint64_t pages = f->size / PAGE, n = 0;
    while (*page < pages && !(f->dirty[*page / LONG_BITS] >> (*page % LONG_BITS) & 1)) {
        ++*page;
    }
    for (uint64_t p = *page; p < pages && n < RUN_MAX; p++, n++) {
        unsigned long bit = 1UL << (p % LONG_BITS);
        if (!(f->dirty[p / LONG_BITS] & bit)) {
            break;
        }
        f->dirty[p / LONG_BITS] &= ~bit;
    }
    return n;
}

/* In the main loop, under the device's lock.  One batch at a time: two writes of
 * the same page must not pass each other. */
static void store_dirty(void *opaque)
{
    Pflash *f = opaque;
    uint64_t page = 0, n;
    lock_assert_held(f->dev.lock);
    if (f->in_flight) {
        return;
    }
    while (!f->failed && (n = take_dirty(f, &page)) != 0) {
        submit(f, BLOCK_WRITE, page, n);
        page += n;
    }
    f->storing = f->in_flight != 0;
    if (!f->in_flight && f->flush && f->unsynced) {
        submit(f, BLOCK_FLUSH, 0, 0);
    }
    f->flush &= f->storing;
}

/* The last try, by which the process ends: nothing of it waits for room. */
static void store_now(Pflash *f)
{
    g_autoptr(GError) err = NULL;
    uint64_t page = 0, n;
    block_cancel_begin(f->blk);
    block_drain(f->blk); /* what is kept becomes dirty again */
    block_cancel_end(f->blk);
    while (!err && (n = take_dirty(f, &page)) != 0) {
        if (!block_write_sync(f->blk, page * PAGE, f->mem.ram->host + page * PAGE, n * PAGE, &err)) {
            log_report("%s: what the guest programmed last is not in the image: %s", f->dev.path,
                       err->message);
        }
        page += n;
    }
}

void pflash_image_flush(Pflash *f)
{
    f->failed = false;
    f->flush = true;
    bh_schedule(f->writer);
}

/* ---- life ---------------------------------------------------------------- */

/* Pages of zeroes are not copied: memory that nobody touched costs nothing. */
static bool image_fill(Pflash *f, GError **err)
{
    enum { CHUNK = 1 << 20 };
    g_autofree uint8_t *chunk = g_malloc(CHUNK);
    static const uint8_t zeroes[PAGE];
    for (uint64_t at = 0; at < f->size; at += CHUNK) {
        uint64_t n = MIN(f->size - at, CHUNK);
        if (!block_read_sync(f->blk, at, chunk, n, err)) {
            g_prefix_error(err, "%s: cannot read the flash image: ", f->name ? f->name : "pflash");
            return false;
        }
        for (uint64_t p = 0; p < n; p += PAGE) {
            if (memcmp(chunk + p, zeroes, PAGE) != 0) {
                memcpy(f->mem.ram->host + at + p, chunk + p, PAGE);
            }
        }
    }
    return true;
}

static void image_begin(Pflash *f)
{
    f->dirty = g_new0(unsigned long, f->size / PAGE / LONG_BITS + 1);
    f->writer = bh_new(device_loop(&f->dev), f->dev.lock, store_dirty, f);
}

bool pflash_image_open(Pflash *f, GError **err)
{
    if (!f->blk) {
        image_begin(f);
        return true;
    }
    if (block_size(f->blk) != f->size) {
        g_set_error(err, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
                    "%s: device requires %" PRIu64 " bytes, block backend provides %" PRIu64 " bytes; "
                    "make the image that size (truncate -s)",
                    f->name ? f->name : "pflash", f->size, block_size(f->blk));
        return false;
    }
    if (!block_backend_attach(f->blk, f, f->dev.lock, err)) {
        return false;
    }
    f->readonly = block_is_readonly(f->blk);
    if (!image_fill(f, err)) {
        block_backend_detach(f->blk, f);
        return false;
    }
    image_begin(f);
    return true;
}

void pflash_image_close(Pflash *f)
{
    if (f->blk) {
        store_now(f);
        block_backend_detach(f->blk, f);
    }
    bh_free(f->writer);
    g_free(f->dirty);
}
