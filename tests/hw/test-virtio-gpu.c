/* SPDX-License-Identifier: GPL-2.0-or-later */
/* virtio-gpu: the order of commands that drivers use, what is then seen, and what is refused. */
#include <string.h>

#include "tests/loop.h"
#include "ui/console.h"
#include "util/bytes.h"
#include "virtio-rig.h"

enum {
    WIDTH = 8,
    HEIGHT = 4,
    ID = 7,
    REQUEST = RIG_DATA,
    ANSWER = RIG_DATA + 4096,
    PIXELS = RIG_DATA + 8192
};
enum {
    INFO = 0x100,
    CREATE,
    UNREF,
    SCANOUT,
    FLUSH,
    TRANSFER,
    ATTACH,
    DETACH,
    EDID = 0x10a,
    BLOB = 0x10c,
    SCANOUT_BLOB,
    CURSOR = 0x300,
    MOVE
};
enum { OK = 0x1100, UNSPEC = 0x1200, NO_MEMORY, BAD_SCANOUT, BAD_RESOURCE, BAD_CONTEXT, BAD_PARAMETER };

typedef struct Gpu {
    Rig r;
    RigQueue control, cursor;
    Console *console;
} Gpu;

static void gpu_open(Gpu *g, int kind, const char *props)
{
    rig_open(&g->r, kind, "virtio-gpu", props);
    rig_start(&g->r, UINT64_MAX);
    rig_queue(&g->r, &g->control, 0, 16);
    rig_queue(&g->r, &g->cursor, 1, 16);
    rig_driver_ok(&g->r);
    g->console = consoles_get(g->r.m->consoles, 0);
}

/* A header with a fence, and words behind it; the answer's type. */
static uint32_t command(Gpu *g, RigQueue *q, uint32_t type, const uint32_t *words, unsigned count)
{
    uint8_t *at = rig_ram(&g->r, REQUEST), *answer = rig_ram(&g->r, ANSWER);
    memset(at, 0, 24);
    memset(answer, 0xff, 2048);
    store_le(at, 4, type);
    store_le(at + 4, 4, 1);
    store_le(at + 8, 8, 0x1234567890);
    for (unsigned i = 0; i < count; i++) {
        store_le(at + 24 + 4 * i, 4, words[i]);
    }
    const RigBuf bufs[] = { { REQUEST, 24 + 4 * count, false }, { ANSWER, 2048, true } };
    rig_add_chain(q, bufs, 2, 0);
    rig_kick(q);
    g_assert_cmpuint(rig_wait(q, NULL), >=, 24);
    g_assert_cmpuint(load_le(answer + 4, 4), ==, 1);
    g_assert_cmphex(load_le(answer + 8, 8), ==, 0x1234567890); /* also of an error */
    return load_le(answer, 4);
}

#define RUN(g, type, ...)                                                                                    \
    command(g, &(g)->control, type, (const uint32_t[]){ __VA_ARGS__ },                                       \
            sizeof((const uint32_t[]){ __VA_ARGS__ }) / sizeof(uint32_t))
#define POINT(g, type, ...)                                                                                  \
    command(g, &(g)->cursor, type, (const uint32_t[]){ __VA_ARGS__ },                                        \
            sizeof((const uint32_t[]){ __VA_ARGS__ }) / sizeof(uint32_t))

/* Pixel n of the guest's picture is n + 1. */
static void fill(Gpu *g, unsigned count)
{
    for (uint32_t i = 0; i < count; i++) {
        store_le((uint8_t *)rig_ram(&g->r, PIXELS) + 4 * i, 4, i + 1);
    }
}

static uint32_t pixel(Gpu *g, unsigned x, unsigned y)
{
    Picture p;
    console_snapshot(g->console, &p);
    uint32_t v = picture_row(&p, y)[x] & 0xffffff;
    picture_clear(&p);
    return v;
}

static unsigned width(Gpu *g)
{
    Picture p;
    console_snapshot(g->console, &p);
    unsigned w = p.width;
    picture_clear(&p);
    return w;
}

/* The picture in three pieces of memory, whose order is not that of their addresses. */
static void make_screen(Gpu *g)
{
    fill(g, WIDTH * HEIGHT);
    memmove(rig_ram(&g->r, PIXELS + 4096), rig_ram(&g->r, PIXELS), 20);
    memmove(rig_ram(&g->r, PIXELS + 2048), (uint8_t *)rig_ram(&g->r, PIXELS) + 20, 44);
    g_assert_cmphex(RUN(g, CREATE, ID, 2, WIDTH, HEIGHT), ==, OK);
    g_assert_cmphex(
        RUN(g, ATTACH, ID, 3, PIXELS + 4096, 0, 20, 0, PIXELS + 2048, 0, 44, 0, PIXELS + 64, 0, 64, 0), ==,
        OK);
    g_assert_cmphex(RUN(g, SCANOUT, 0, 0, WIDTH, HEIGHT, 0, ID), ==, OK);
}

static void test_screen(gconstpointer kind)
{
    Gpu g;
    gpu_open(&g, GPOINTER_TO_INT(kind), NULL);
    g_assert_cmpuint(rig_config(&g.r, 8, 4), ==, 1);
    g_assert_cmphex(RUN(&g, INFO, 0), ==, 0x1101);
    const uint8_t *answer = rig_ram(&g.r, ANSWER);
    g_assert_cmpuint(load_le(answer + 24 + 8, 4), ==, 1280);
    g_assert_cmphex(RUN(&g, EDID, 0, 0), ==, 0x1104);
    g_assert_cmpuint(load_le(answer + 24, 4), ==, 256);
    make_screen(&g);
    g_assert_cmpuint(width(&g), ==, WIDTH);
    g_assert_cmphex(RUN(&g, FLUSH, 0, 0, WIDTH, HEIGHT, ID, 0), ==, OK);
    g_assert_cmphex(pixel(&g, 0, 0), ==, 0); /* nothing was transferred yet */
    g_assert_cmphex(RUN(&g, TRANSFER, 0, 0, WIDTH, HEIGHT, 0, 0, ID, 0), ==, OK);
    g_assert_cmphex(pixel(&g, 0, 0), ==, 0); /* and now nothing flushed */
    g_assert_cmphex(RUN(&g, FLUSH, 1, 1, 2, 2, ID, 0), ==, OK);
    g_assert_cmphex(pixel(&g, 0, 0), ==, 0);
    g_assert_cmphex(pixel(&g, 2, 2), ==, 2 * WIDTH + 2 + 1);
    g_assert_cmphex(RUN(&g, FLUSH, 0, 0, WIDTH, HEIGHT, ID, 0), ==, OK);
    for (unsigned i = 0; i < WIDTH * HEIGHT; i++) {
        g_assert_cmphex(pixel(&g, i % WIDTH, i / WIDTH), ==, i + 1);
    }
    g_assert_cmphex(RUN(&g, SCANOUT, 2, 1, 4, 2, 0, ID), ==, OK); /* a part of it */
    g_assert_cmphex(RUN(&g, FLUSH, 0, 0, WIDTH, HEIGHT, ID, 0), ==, OK);
    g_assert_cmpuint(width(&g), ==, 4);
    g_assert_cmphex(pixel(&g, 1, 1), ==, 2 * WIDTH + 3 + 1);
    g_assert_cmphex(RUN(&g, DETACH, ID, 0), ==, OK);
    g_assert_cmphex(RUN(&g, UNREF, ID, 0), ==, OK);
    g_assert_cmpuint(width(&g), ==, 640); /* nothing is shown */
    rig_close(&g.r);
}

static void test_refused(gconstpointer kind)
{
    Gpu g;
    gpu_open(&g, GPOINTER_TO_INT(kind), "max_hostmem=1M");
    make_screen(&g);
    g_assert_cmphex(RUN(&g, 0x777, 0), ==, UNSPEC);
    g_assert_cmphex(RUN(&g, CREATE, 0, 2, 8, 8), ==, BAD_RESOURCE);
    g_assert_cmphex(RUN(&g, CREATE, ID, 2, 8, 8), ==, BAD_RESOURCE); /* there is one */
    g_assert_cmphex(RUN(&g, CREATE, 8, 5, 8, 8), ==, BAD_PARAMETER);
    g_assert_cmphex(RUN(&g, CREATE, 8, 2, 0, 8), ==, BAD_PARAMETER);
    g_assert_cmphex(RUN(&g, CREATE, 8, 2, 16385, 1), ==, BAD_PARAMETER);
    g_assert_cmphex(RUN(&g, CREATE, 8, 2, 512, 512), ==, NO_MEMORY);
    g_assert_cmphex(RUN(&g, SCANOUT, 0, 0, 8, 4, 1, ID), ==, BAD_SCANOUT);
    g_assert_cmphex(RUN(&g, SCANOUT, 0, 0, 8, 5, 0, ID), ==, BAD_PARAMETER);
    g_assert_cmphex(RUN(&g, SCANOUT, UINT32_MAX, 0, 2, 1, 0, ID), ==, BAD_PARAMETER);
    g_assert_cmphex(RUN(&g, SCANOUT, 0, 0, 8, 4, 0, 99), ==, BAD_RESOURCE);
    g_assert_cmphex(RUN(&g, FLUSH, 0, 0, 9, 4, ID, 0), ==, BAD_PARAMETER);
    g_assert_cmphex(RUN(&g, TRANSFER, 0, 0, WIDTH, HEIGHT, 4, 0, ID, 0), ==,
                    BAD_PARAMETER); /* one pixel too far */
    g_assert_cmphex(RUN(&g, TRANSFER, 0, 0, WIDTH, HEIGHT, 0, UINT32_MAX, ID, 0), ==, BAD_PARAMETER);
    g_assert_cmphex(RUN(&g, TRANSFER, 0, 1, WIDTH, HEIGHT, 0, 0, ID, 0), ==, BAD_PARAMETER);
    g_assert_cmphex(RUN(&g, ATTACH, ID, 1, PIXELS, 0, 4, 0), ==, UNSPEC); /* it has some */
    g_assert_cmphex(RUN(&g, DETACH, ID, 0), ==, OK);
    g_assert_cmphex(RUN(&g, DETACH, ID, 0), ==, UNSPEC);
    g_assert_cmphex(RUN(&g, ATTACH, ID, UINT32_MAX, PIXELS, 0, 4, 0), ==, UNSPEC);
    g_assert_cmphex(RUN(&g, ATTACH, ID, 2, PIXELS, 0, 4, 0), ==, UNSPEC); /* the chain has one */
    g_assert_cmphex(RUN(&g, ATTACH, ID, 1, 0x1000, 0, 4096, 0), ==, OK);
    g_assert_cmphex(RUN(&g, TRANSFER, 0, 0, WIDTH, HEIGHT, 0, 0, ID, 0), ==, UNSPEC); /* that is no RAM */
    g_assert_cmphex(RUN(&g, EDID, 1, 0), ==, BAD_SCANOUT);
    g_assert_cmphex(POINT(&g, CURSOR, 0, 1, 1, 0, 99, 0, 0, 0), ==, BAD_RESOURCE);
    g_assert_cmphex(POINT(&g, MOVE, 1, 1, 1, 0, 0, 0, 0, 0), ==, BAD_SCANOUT);
    g_assert_cmphex(POINT(&g, FLUSH, 0, 0, 1, 1, ID, 0), ==, UNSPEC);
    rig_close(&g.r);
}

static void test_formats(gconstpointer kind)
{
    /* bytes 0x11 0x22 0x33 0x44 in the guest's memory, as each format reads them */
    static const uint32_t formats[][2] = { { 1, 0x332211 },   { 2, 0x332211 },  { 3, 0x223344 },
                                           { 4, 0x223344 },   { 67, 0x112233 }, { 68, 0x443322 },
                                           { 121, 0x443322 }, { 134, 0x112233 } };
    Gpu g;
    gpu_open(&g, GPOINTER_TO_INT(kind), NULL);
    memcpy(rig_ram(&g.r, PIXELS), "\x11\x22\x33\x44", 4);
    for (unsigned i = 0; i < G_N_ELEMENTS(formats); i++) {
        g_assert_cmphex(RUN(&g, CREATE, i + 1, formats[i][0], 1, 1), ==, OK);
        g_assert_cmphex(RUN(&g, ATTACH, i + 1, 1, PIXELS, 0, 4, 0), ==, OK);
        g_assert_cmphex(RUN(&g, TRANSFER, 0, 0, 1, 1, 0, 0, i + 1, 0), ==, OK);
        g_assert_cmphex(RUN(&g, SCANOUT, 0, 0, 1, 1, 0, i + 1), ==, OK);
        g_assert_cmphex(RUN(&g, FLUSH, 0, 0, 1, 1, i + 1, 0), ==, OK);
        g_assert_cmphex(pixel(&g, 0, 0), ==, formats[i][1]);
    }
    rig_close(&g.r);
}

static void test_cursor(gconstpointer kind)
{
    Gpu g;
    gpu_open(&g, GPOINTER_TO_INT(kind), NULL);
    make_screen(&g);
    store_le(rig_ram(&g.r, PIXELS), 4, 0xff00ff00);
    g_assert_cmphex(RUN(&g, CREATE, 9, 1, 1, 1), ==, OK);
    g_assert_cmphex(RUN(&g, ATTACH, 9, 1, PIXELS, 0, 4, 0), ==, OK);
    g_assert_cmphex(RUN(&g, TRANSFER, 0, 0, 1, 1, 0, 0, 9, 0), ==, OK);
    g_assert_cmphex(POINT(&g, CURSOR, 0, 3, 2, 0, 9, 1, 1, 0), ==, OK);
    g_assert_cmphex(pixel(&g, 2, 1), ==, 0x00ff00);
    g_assert_cmphex(POINT(&g, MOVE, 0, 5, 1, 0, 0, 0, 0, 0), ==, OK);
    g_assert_cmphex(pixel(&g, 4, 0), ==, 0x00ff00);
    g_assert_cmphex(POINT(&g, MOVE, 0, UINT32_MAX, 0x80000000, 0, 0, 0, 0, 0), ==, OK); /* outside */
    g_assert_cmphex(pixel(&g, 4, 0), ==, 0);
    g_assert_cmphex(POINT(&g, CURSOR, 0, 5, 1, 0, 0, 0, 0, 0), ==, OK); /* none */
    g_assert_cmphex(pixel(&g, 5, 1), ==, 0);
    rig_close(&g.r);
}

/* Saved and loaded it shows the same; the wish of a window arrives as an event, and outlives a reset. */
static void test_load_and_wish(gconstpointer kind)
{
    Gpu g;
    gpu_open(&g, GPOINTER_TO_INT(kind), NULL);
    make_screen(&g);
    g_assert_cmphex(RUN(&g, TRANSFER, 0, 0, WIDTH, HEIGHT, 0, 0, ID, 0), ==, OK);
    g_autoptr(GByteArray) saved = device_save(&g.r.v->dev);
    rig_reset_device(&g.r);
    g_assert_cmpuint(width(&g), ==, 640);
    g_assert_true(device_load(&g.r.v->dev, saved->data, saved->len, NULL));
    rig_loop();
    g_assert_cmphex(pixel(&g, 3, 2), ==, 2 * WIDTH + 3 + 1);
    console_wish(g.console, 1024, 768);
    rig_loop();
    g_assert_cmpuint(rig_config(&g.r, 0, 4), ==, 1);
    rig_config_write(&g.r, 4, 4, 1);
    g_assert_cmpuint(rig_config(&g.r, 0, 4), ==, 0);
    rig_reset_device(&g.r);
    rig_start(&g.r, UINT64_MAX);
    rig_queue(&g.r, &g.control, 0, 16);
    rig_driver_ok(&g.r);
    g_assert_cmphex(RUN(&g, INFO, 0), ==, 0x1101);
    g_assert_cmpuint(load_le((uint8_t *)rig_ram(&g.r, ANSWER) + 24 + 8, 4), ==, 1024);
    rig_close(&g.r);
}

/* Four screens of one device, and a picture so large that it takes many turns. */
static void test_heads_and_turns(gconstpointer kind)
{
    Gpu g;
    gpu_open(&g, GPOINTER_TO_INT(kind), "max_outputs=4");
    g_assert_cmpuint(consoles_count(g.r.m->consoles), ==, 4);
    g_assert_cmphex(RUN(&g, CREATE, 1, 2, 1024, 1024), ==, OK);
    g_assert_cmphex(RUN(&g, ATTACH, 1, 1, RIG_RAM + (4 << 20), 0, 4 << 20, 0), ==, OK);
    store_le(rig_ram(&g.r, RIG_RAM + (8 << 20) - 4), 4, 0xabcdef);
    g_assert_cmphex(RUN(&g, SCANOUT, 0, 0, 1024, 1024, 3, 1), ==, OK);
    g_assert_cmphex(RUN(&g, TRANSFER, 0, 0, 1024, 1024, 0, 0, 1, 0), ==, OK);
    g_assert_cmphex(RUN(&g, FLUSH, 0, 0, 1024, 1024, 1, 0), ==, OK);
    g.console = consoles_get(g.r.m->consoles, 3);
    g_assert_cmphex(pixel(&g, 1023, 1023), ==, 0xabcdef);
    rig_close(&g.r);
}

/* ---- blobs ------------------------------------------------------------------------- */

enum { BGRX = 2, STRIDE = 40, FIRST = 12, BYTES = FIRST + HEIGHT * STRIDE };

/* In two pieces of memory, of which the second is before the first: 12 bytes, then rows that are 40 bytes apart. */
static void make_blob(Gpu *g)
{
    memset(rig_ram(&g->r, PIXELS), 0xee, 4096);
    for (uint32_t i = 0; i < WIDTH * HEIGHT; i++) {
        unsigned at = FIRST + i / WIDTH * STRIDE + i % WIDTH * 4;
        store_le(rig_ram(&g->r, at < 100 ? PIXELS + 1024 + at : PIXELS + at - 100), 4, i + 1);
    }
    g_assert_cmphex(
        RUN(g, BLOB, ID, 1, 2, 2, 0, 0, BYTES, 0, PIXELS + 1024, 0, 100, 0, PIXELS, 0, BYTES - 100, 0), ==,
        OK);
}

static uint32_t show_blob(Gpu *g, uint32_t id, uint32_t format, uint32_t stride, uint32_t offset)
{
    return RUN(g, SCANOUT_BLOB, 0, 0, WIDTH, HEIGHT, 0, id, WIDTH, HEIGHT, format, 0, stride, 0, 0, 0, offset,
               0, 0, 0);
}

static void test_blob(gconstpointer kind)
{
    Gpu g;
    gpu_open(&g, GPOINTER_TO_INT(kind), "blob=on");
    make_blob(&g);
    g_assert_cmphex(show_blob(&g, ID, BGRX, STRIDE, FIRST), ==, OK);
    g_assert_cmpuint(width(&g), ==, WIDTH);
    g_assert_cmphex(pixel(&g, 0, 0), ==, 0);                                      /* not flushed */
    g_assert_cmphex(RUN(&g, TRANSFER, 0, 0, WIDTH, HEIGHT, 0, 0, ID, 0), ==, OK); /* nothing to do */
    g_assert_cmphex(RUN(&g, FLUSH, 1, 1, 2, 2, ID, 0), ==, OK);
    g_assert_cmphex(pixel(&g, 0, 0), ==, 0);
    g_assert_cmphex(pixel(&g, 2, 2), ==, 2 * WIDTH + 2 + 1);
    g_assert_cmphex(RUN(&g, FLUSH, 0, 0, WIDTH, HEIGHT, ID, 0), ==, OK);
    for (unsigned i = 0; i < WIDTH * HEIGHT; i++) {
        g_assert_cmphex(pixel(&g, i % WIDTH, i / WIDTH), ==, i + 1);
    }
    store_le(rig_ram(&g.r, PIXELS + 1024 + FIRST), 4, 0xabcdef); /* the memory is the picture */
    g_assert_cmphex(RUN(&g, FLUSH, 0, 0, 1, 1, ID, 0), ==, OK);
    g_assert_cmphex(pixel(&g, 0, 0), ==, 0xabcdef);

    g_autoptr(GByteArray) saved = device_save(&g.r.v->dev);
    rig_reset_device(&g.r);
    g_assert_true(device_load(&g.r.v->dev, saved->data, saved->len, NULL));
    rig_loop();
    g_assert_cmphex(pixel(&g, 7, 3), ==, WIDTH * HEIGHT);
    rig_close(&g.r);
}

/* What leaves the blob, or its memory, is refused; screens show what they showed. */
static void test_blob_refused(gconstpointer kind)
{
    Gpu g;
    gpu_open(&g, GPOINTER_TO_INT(kind), NULL);
    g_assert_cmphex(RUN(&g, BLOB, 1, 1, 0, 0, 0, 0, 4096, 0), ==, UNSPEC); /* not offered */
    rig_close(&g.r);
    gpu_open(&g, GPOINTER_TO_INT(kind), "blob=on,max_hostmem=1M");
    make_blob(&g);
    g_assert_cmphex(RUN(&g, BLOB, 0, 1, 0, 0, 0, 0, 4096, 0), ==, BAD_RESOURCE);
    g_assert_cmphex(RUN(&g, BLOB, ID, 1, 0, 0, 0, 0, 4096, 0), ==, BAD_RESOURCE);
    g_assert_cmphex(RUN(&g, BLOB, 1, 2, 0, 0, 0, 0, 4096, 0), ==, BAD_PARAMETER); /* the host's memory */
    g_assert_cmphex(RUN(&g, BLOB, 1, 1, 8, 0, 0, 0, 4096, 0), ==, BAD_PARAMETER); /* no such flag */
    g_assert_cmphex(RUN(&g, BLOB, 1, 1, 0, 0, 0, 0, 0, 0), ==, BAD_PARAMETER);    /* of no size */
    g_assert_cmphex(RUN(&g, BLOB, 1, 1, 0, 2, 0, 0, 4096, 0, 0, 0), ==,
                    UNSPEC);                                           /* entries that are not there */
    g_assert_cmphex(RUN(&g, BLOB, 1, 1, 0, 0, 0, 0, 4096, 0), ==, OK); /* so nothing was left of it */
    g_assert_cmphex(show_blob(&g, 2, BGRX, STRIDE, FIRST), ==, BAD_RESOURCE);
    g_assert_cmphex(show_blob(&g, ID, 5, STRIDE, FIRST), ==, BAD_PARAMETER);
    g_assert_cmphex(show_blob(&g, ID, BGRX, WIDTH * 4 - 1, FIRST), ==, BAD_PARAMETER);
    g_assert_cmphex(show_blob(&g, ID, BGRX, UINT32_MAX, FIRST), ==, BAD_PARAMETER);
    g_assert_cmphex(show_blob(&g, ID, BGRX, STRIDE, FIRST + 9), ==, BAD_PARAMETER);
    g_assert_cmphex(show_blob(&g, ID, BGRX, STRIDE, UINT32_MAX), ==, BAD_PARAMETER);
    g_assert_cmphex(RUN(&g, SCANOUT_BLOB, 0, 0, 0, 4, 0, ID, 8, 4, BGRX, 0, STRIDE, 0, 0, 0, 0), ==,
                    BAD_PARAMETER);
    g_assert_cmphex(RUN(&g, SCANOUT_BLOB, 1, 0, 8, 4, 0, ID, 8, 4, BGRX, 0, STRIDE, 0, 0, 0, 0), ==,
                    BAD_PARAMETER);
    g_assert_cmphex(RUN(&g, SCANOUT_BLOB, 0, 0, 8, 4, 1, ID, 8, 4, BGRX, 0, STRIDE, 0, 0, 0, 0), ==,
                    BAD_SCANOUT);
    g_assert_cmphex(RUN(&g, SCANOUT, 0, 0, WIDTH, HEIGHT, 0, ID), ==, BAD_PARAMETER); /* it has no size */
    g_assert_cmpuint(width(&g), ==, 640);
    g_assert_cmphex(RUN(&g, BLOB, 3, 1, 0, 0, 0, 0, 0, 1), ==, NO_MEMORY);
    g_assert_cmphex(RUN(&g, BLOB, 3, 1, 0, 0, 0, 0, UINT32_MAX, 0), ==, OK); /* 4 GiB, of no memory */
    g_assert_cmphex(RUN(&g, SCANOUT_BLOB, 0, 0, 1024, 1024, 0, 3, 1024, 1024, BGRX, 0, 4096, 0, 0, 0, 0), ==,
                    NO_MEMORY);
    g_assert_cmphex(RUN(&g, SCANOUT_BLOB, 0, 0, 512, 512, 0, 3, 512, 512, BGRX, 0, 4096, 0, 0, 0, 0), ==, OK);
    g_assert_cmphex(RUN(&g, CREATE, 4, 2, 512, 512), ==, NO_MEMORY); /* the screen's picture counts */
    g_assert_cmphex(RUN(&g, FLUSH, 0, 0, 512, 512, 3, 0), ==, UNSPEC);
    g_assert_cmphex(RUN(&g, FLUSH, 0, 0, UINT32_MAX, 1, 3, 0), ==, BAD_PARAMETER);
    g_assert_cmphex(RUN(&g, ATTACH, 3, 1, 0x10000000, 0, 4 << 20, 0), ==, OK); /* no RAM is there */
    g_assert_cmphex(RUN(&g, FLUSH, 0, 0, 512, 512, 3, 0), ==, UNSPEC);
    g_assert_cmphex(show_blob(&g, ID, BGRX, STRIDE, FIRST), ==, OK);
    g_assert_cmphex(RUN(&g, FLUSH, 0, 0, WIDTH, HEIGHT, ID, 0), ==, OK);
    g_assert_cmphex(RUN(&g, DETACH, ID, 0), ==, OK);
    g_assert_cmphex(RUN(&g, FLUSH, 0, 0, WIDTH, HEIGHT, ID, 0), ==, UNSPEC);
    g_assert_cmphex(pixel(&g, 7, 3), ==, WIDTH * HEIGHT);
    g_assert_cmphex(RUN(&g, UNREF, ID, 0), ==, OK);
    g_assert_cmpuint(width(&g), ==, 640);
    rig_close(&g.r);
}

static void test_blob_cursor(gconstpointer kind)
{
    Gpu g;
    gpu_open(&g, GPOINTER_TO_INT(kind), "blob=on");
    make_blob(&g);
    g_assert_cmphex(show_blob(&g, ID, BGRX, STRIDE, FIRST), ==, OK);
    g_assert_cmphex(RUN(&g, FLUSH, 0, 0, WIDTH, HEIGHT, ID, 0), ==, OK);
    g_assert_cmphex(RUN(&g, BLOB, 9, 1, 0, 1, 0, 0, 64 * 64 * 4, 0, RIG_RAM + (4 << 20), 0, 64 * 64 * 4, 0),
                    ==, OK);
    store_le(rig_ram(&g.r, RIG_RAM + (4 << 20)), 4, 0xff00ff00);
    g_assert_cmphex(POINT(&g, CURSOR, 0, 2, 1, 0, 9, 0, 0, 0), ==, OK);
    g_assert_cmphex(pixel(&g, 2, 1), ==, 0xff00);
    g_assert_cmphex(pixel(&g, 3, 1), ==, WIDTH + 3 + 1);
    g_assert_cmphex(POINT(&g, CURSOR, 0, 2, 1, 0, ID, 0, 0, 0), ==,
                    OK); /* too small for one: there is none */
    g_assert_cmphex(pixel(&g, 2, 1), ==, WIDTH + 2 + 1);
    rig_close(&g.r);
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        void (*test)(gconstpointer kind);
    } tests[] = {
        { "screen", test_screen }, { "refused", test_refused },           { "formats", test_formats },
        { "cursor", test_cursor }, { "load", test_load_and_wish },        { "heads", test_heads_and_turns },
        { "blob", test_blob },     { "blob-refused", test_blob_refused }, { "blob-cursor", test_blob_cursor },
    };
    g_test_init(&argc, &argv, NULL);
    for (int kind = RIG_MODERN; kind <= RIG_PCI; kind++) {
        for (unsigned i = 0; i < G_N_ELEMENTS(tests); i++) {
            g_autofree char *path = g_strdup_printf("/virtio-gpu/%s/%s", tests[i].name, rig_kind_names[kind]);
            g_test_add_data_func(path, GINT_TO_POINTER(kind), tests[i].test);
        }
    }
    return g_test_run();
}
