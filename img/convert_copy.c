/* SPDX-License-Identifier: GPL-2.0-or-later */
/* convert: the copying, by several threads.  Each takes a chunk of the output at a time, and moves it in pieces that stay in
 * the processor's cache between reading and writing. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "img/convert.h"
#include "util/iov.h"

enum { CHUNK = 2 << 20, PIECE = 256 << 10, SECTOR_BYTES = 512 };

static void fail(Conversion *c, int e, uint64_t at, bool reading)
{
    int none = 0;
    if (__atomic_compare_exchange_n(&c->error, &none, e, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST)) {
        c->failed_at = at;
        c->reading = reading;
    }
}

static bool has_failed(const Conversion *c)
{
    return __atomic_load_n(&c->error, __ATOMIC_RELAXED) != 0;
}

static bool is_zero(const uint8_t *p, uint64_t n)
{
    struct iovec iov = { (void *)p, n };
    return iov_is_zero(&iov, 1);
}

/* ---- writing --------------------------------------------------------------- */

/* It has zeroes there from now on. */
static int write_zeroes(Conversion *c, uint64_t at, uint64_t length)
{
    if (!c->dirty) {
        return 0;
    }
    return node_run(c->to, &(NodeIo){ BLOCK_WRITE_ZEROES, true, at, length, NULL, 0 });
}

/* A part of a buffer that is alike: zeroes, or as the output has it already, or neither. */
typedef enum RunKind { RUN_DATA, RUN_ZERO, RUN_THERE } RunKind;

static RunKind run_kind(const Conversion *c, const uint8_t *buf, const uint8_t *there, uint64_t n)
{
    if (c->compare && memcmp(buf, there, n) == 0) {
        return RUN_THERE;
    }
    return is_zero(buf, n) ? RUN_ZERO : RUN_DATA;
}

/* there: what the output reads as (compare). */
static int write_runs(Conversion *c, uint64_t at, const uint8_t *buf, const uint8_t *there, uint64_t length)
{
    int e = 0;
    if (!c->grain) {
        return node_write(c->to, at, buf, length);
    }
    for (uint64_t i = 0, end; i < length && !e; i = end) {
        RunKind kind = run_kind(c, buf + i, there + i, MIN(c->grain, length - i));
        for (end = MIN(i + c->grain, length); end < length; end = MIN(end + c->grain, length)) {
            if (run_kind(c, buf + end, there + end, MIN(c->grain, length - end)) != kind) {
                break;
            }
        }
        e = kind == RUN_DATA   ? node_write(c->to, at + i, buf + i, end - i)
            : kind == RUN_ZERO ? write_zeroes(c, at + i, end - i)
                               : 0;
    }
    return e;
}

/* buf has room for whole clusters. */
static int write_packed(Conversion *c, uint64_t at, uint8_t *buf, const uint8_t *there, uint64_t length)
{
    uint64_t whole = (length + c->cluster - 1) / c->cluster * c->cluster;
    int e = 0;
    memset(buf + length, 0, whole - length);
    for (uint64_t i = 0; i < length && !e; i += c->cluster) {
        RunKind kind = run_kind(c, buf + i, there + i, MIN(c->cluster, length - i));
        e = kind == RUN_DATA || !c->grain ? node_write_packed(c->to, at + i, buf + i)
            : kind == RUN_ZERO            ? write_zeroes(c, at + i, MIN(c->cluster, length - i))
                                          : 0;
    }
    return e;
}

/* ---- reading --------------------------------------------------------------- */

static const ConvertSource *source_at(const Conversion *c, uint64_t at)
{
    const ConvertSource *s = c->sources;
    while (at >= s->start + s->size) {
        s++;
    }
    return s;
}

/* Sector by sector: what cannot be read is zeroes. */
static void read_salvaging(Conversion *c, const ConvertSource *s, uint64_t at, uint8_t *buf, uint64_t length)
{
    for (uint64_t i = 0; i < length; i += SECTOR_BYTES) {
        int e = node_read(s->node, at - s->start + i, buf + i, SECTOR_BYTES);
        if (e) {
            memset(buf + i, 0, SECTOR_BYTES);
        }
        if (e && !c->quiet) {
            img_error("warning: error while reading offset %" G_GUINT64_FORMAT " of %s: %s", at + i, s->path,
                      g_strerror(-e));
        }
    }
}

/* [at, at + length), of whichever sources; *data: there may be other bytes than zeroes. */
static int read_piece(Conversion *c, uint64_t at, uint8_t *buf, uint64_t length, bool *data)
{
    Extent x;
    *data = false;
    for (uint64_t done = 0; done < length; done += x.length) {
        const ConvertSource *s = source_at(c, at + done);
        uint64_t in = at + done - s->start, most = MIN(length - done, s->size - in);
        int e = node_map(s->node, in, most, true, &x);
        if (e && c->salvage) {
            x = (Extent){ .kind = EXTENT_DATA, .length = most };
        } else if (e) {
            return e;
        }
        bool nothing = x.kind == EXTENT_ZERO || (x.kind == EXTENT_BELOW && !x.node);
        e = nothing || e ? e : node_read(s->node, in, buf + done, x.length);
        if (nothing) {
            memset(buf + done, 0, x.length);
        } else if (e && c->salvage) {
            read_salvaging(c, s, at + done, buf + done, x.length);
        } else if (e) {
            return e;
        }
        *data |= !nothing;
    }
    return 0;
}

/* ---- pieces ---------------------------------------------------------------- */

/* How far [at, at + length) is nothing but zeroes, without reading. */
static uint64_t known_zeroes(const Conversion *c, uint64_t at, uint64_t length)
{
    const ConvertSource *s = source_at(c, at);
    Extent x;
    int e = node_map(s->node, at - s->start, MIN(length, s->start + s->size - at), true, &x);
    bool nothing = !e && (x.kind == EXTENT_ZERO || (x.kind == EXTENT_BELOW && !x.node));
    return nothing ? x.length : 0;
}

static bool write_piece(Conversion *c, uint64_t at, uint8_t *buf, uint8_t *there, uint64_t length)
{
    int e = c->compare ? node_read(c->to, at, there, length) : 0;
    if (e) {
        fail(c, e, at, true);
        return false;
    }
    e = c->pack ? write_packed(c, at, buf, there, length) : write_runs(c, at, buf, there, length);
    e = !e && c->sync ? node_flush(c->to) : e;
    if (e) {
        fail(c, e, at, false);
    }
    return e == 0;
}

/* As far as the host copies [at, ...) by itself: data that is as it is on both sides.  0: not even the first byte. */
static uint64_t copy_offloaded(const Conversion *c, uint64_t at, uint64_t length)
{
    const ConvertSource *s = source_at(c, at);
    uint64_t in = at - s->start;
    Extent x;
    length = MIN(length, s->size - in);
    if (!c->offload || c->compare || c->sync || node_map(s->node, in, length, true, &x) ||
        x.kind != EXTENT_DATA) {
        return 0;
    }
    return node_copy(s->node, in, c->to, at, x.length) ? 0 : x.length;
}

/* buf, there: of c->buffer bytes each. */
static void convert_chunk(Conversion *c, uint64_t at, uint64_t end, uint8_t *buf, uint8_t *there)
{
    while (at < end && !has_failed(c)) {
        uint64_t length = MIN(end - at, c->buffer);
        uint64_t zeroes = c->grain ? known_zeroes(c, at, end - at) : 0;
        bool data;
        if (zeroes >= length) {
            length = zeroes / length * length;
            int e = c->compare || c->dirty ? write_zeroes(c, at, length) : 0;
            if (e) {
                fail(c, e, at, false);
            }
            at += length;
            continue;
        }
        uint64_t copied = copy_offloaded(c, at, end - at);
        if (copied) {
            at += copied;
            continue;
        }
        int e = read_piece(c, at, buf, length, &data);
        if (e) {
            fail(c, e, at, true);
            return;
        }
        if (!write_piece(c, at, buf, there, length)) {
            return;
        }
        at += length;
    }
}

static gpointer work(gpointer opaque)
{
    Conversion *c = opaque;
    g_autofree uint8_t *buf = g_malloc(c->buffer), *there = g_malloc(c->compare ? c->buffer : 1);
    for (;;) {
        uint64_t at = __atomic_fetch_add(&c->next, CHUNK, __ATOMIC_SEQ_CST);
        if (at >= c->size || has_failed(c)) {
            return NULL;
        }
        convert_chunk(c, at, MIN(at + CHUNK, c->size), buf, there);
        uint64_t done = __atomic_add_fetch(&c->done, MIN(CHUNK, c->size - at), __ATOMIC_SEQ_CST);
        if (c->progress && done < c->size) {
            img_progress(true, done, c->size);
        }
        img_hold_back(c->rate, c->begun_us, done);
    }
}

/* Pieces are whole clusters on both sides: none is unpacked or packed twice. */
static void choose_buffer(Conversion *c)
{
    c->buffer = MAX((uint64_t)PIECE, c->pack ? c->cluster : 0);
    for (unsigned i = 0; i < c->source_count; i++) {
        ImageInfo info;
        image_info(c->sources[i].node, &info);
        c->buffer = MAX(c->buffer, MIN(info.cluster_size, (uint64_t)CHUNK));
    }
}

int convert_copy(Conversion *c)
{
    GThread *threads[CONVERT_THREADS_MAX];
    choose_buffer(c);
    c->begun_us = g_get_monotonic_time();
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
        return IMG_FAILED;
    }
    img_progress(c->progress, c->size, c->size);
    return IMG_OK;
}
