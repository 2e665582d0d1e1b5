/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Pictures, damage and consoles: what a front end is told, and what it then finds. */
#include <string.h>
#include <zlib.h>

#include "tests/loop.h"
#include "ui/console.h"

/* ---- pictures -------------------------------------------------------------------- */

static void expect_pixel(const PixelFormat *f, const char *bytes, uint32_t expected)
{
    uint32_t got;
    pixels_convert(&got, bytes, f, 1);
    uint32_t mask = f->alpha ? UINT32_MAX : 0xffffff;
    g_assert_cmphex(got & mask, ==, expected & mask);
}

/* Red 0x12, green 0x34, blue 0x56 (and alpha 0x78), as the names say from the highest bits down. */
static void test_formats(void)
{
    expect_pixel(&pixels_xrgb8888, "\x56\x34\x12\xaa", 0x123456);
    expect_pixel(&pixels_argb8888, "\x56\x34\x12\x78", 0x78123456);
    expect_pixel(&pixels_xbgr8888, "\x12\x34\x56\xaa", 0x123456);
    expect_pixel(&pixels_abgr8888, "\x12\x34\x56\x78", 0x78123456);
    expect_pixel(&pixels_rgbx8888, "\xaa\x56\x34\x12", 0x123456);
    expect_pixel(&pixels_rgba8888, "\x78\x56\x34\x12", 0x78123456);
    expect_pixel(&pixels_bgrx8888, "\xaa\x12\x34\x56", 0x123456);
    expect_pixel(&pixels_bgra8888, "\x78\x12\x34\x56", 0x78123456);
    expect_pixel(&pixels_rgb888, "\x56\x34\x12", 0x123456);
    expect_pixel(&pixels_rgb565, "\xff\xff", 0xffffff);
    expect_pixel(&pixels_rgb565, "\x10\x84", 0x848284); /* 16, 32, 16 of 31, 63, 31 */
    expect_pixel(&pixels_xrgb1555, "\x00\x7c", 0xff0000);
}

static void test_rects(void)
{
    PictureRect r = { 10, 10, 20, 20 };
    g_assert_true(rect_is_inside(&r, 30, 30));
    g_assert_false(rect_is_inside(&r, 29, 30));
    g_assert_false(rect_is_inside(&(PictureRect){ 1, 0, UINT32_MAX, 1 }, 16, 16));
    g_assert_true(rect_intersect(&r, &(PictureRect){ 0, 25, 15, 100 }));
    g_assert_cmpuint(r.x, ==, 10);
    g_assert_cmpuint(r.y, ==, 25);
    g_assert_cmpuint(r.width, ==, 5);
    g_assert_cmpuint(r.height, ==, 5);
    g_assert_false(rect_intersect(&r, &(PictureRect){ 15, 0, UINT32_MAX, UINT32_MAX }));
}

static void test_blend(void)
{
    Picture p, over;
    picture_init(&p, 2, 2);
    picture_init(&over, 2, 2);
    for (unsigned i = 0; i < 4; i++) {
        p.pixels[i] = 0x404040;
    }
    over.pixels[0] = 0xff010203; /* covers */
    over.pixels[1] = 0x80800000; /* half, its red is multiplied already */
    over.pixels[3] = 0x00000000;
    picture_blend(&p, &over, 0, 1); /* its lower half is outside */
    picture_blend(&p, &over, INT32_MAX, INT32_MIN);
    picture_blend(&p, &over, -2, 0);
    g_assert_cmphex(p.pixels[0], ==, 0x404040);
    g_assert_cmphex(p.pixels[2], ==, 0x010203);
    g_assert_cmphex(p.pixels[3], ==, 0xa02020);
    picture_clear(&over);
    picture_clear(&p);
}

/* ---- files ------------------------------------------------------------------------- */

static Picture gradient(void)
{
    Picture p;
    picture_init(&p, 5, 3);
    for (unsigned i = 0; i < 15; i++) {
        p.pixels[i] = 0xaa000000 | i << 16 | (100 + i) << 8 | (200 + i);
    }
    return p;
}

static void expect_gradient(const uint8_t *rgb, unsigned first, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        g_assert_cmpuint(rgb[3 * i], ==, first + i);
        g_assert_cmpuint(rgb[3 * i + 1], ==, first + 100 + i);
        g_assert_cmpuint(rgb[3 * i + 2], ==, first + 200 + i);
    }
}

static void test_ppm(void)
{
    Picture p = gradient();
    g_autoptr(GBytes) file = picture_encode(&p, PICTURE_PPM);
    gsize size;
    const uint8_t *data = g_bytes_get_data(file, &size);
    g_assert_cmpmem(data, 11, "P6\n5 3\n255\n", 11);
    g_assert_cmpuint(size, ==, 11 + 45);
    expect_gradient(data + 11, 0, 15);
    picture_clear(&p);
}

static uint32_t be32(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | p[1] << 16 | p[2] << 8 | p[3];
}

/* Read as the standard says: chunks with their sums, then zlib's stream, then rows with a filter each. */
static void test_png(void)
{
    Picture p = gradient();
    g_autoptr(GBytes) file = picture_encode(&p, PICTURE_PNG);
    gsize size;
    const uint8_t *at = g_bytes_get_data(file, &size), *end = at + size;
    static const char *const types[] = { "IHDR", "IDAT", "IEND" };
    g_assert_cmpmem(at, 8, "\x89PNG\r\n\x1a\n", 8);
    at += 8;
    for (unsigned i = 0; i < 3; i++) {
        uint32_t len = be32(at);
        g_assert_cmpmem(at + 4, 4, types[i], 4);
        g_assert_cmphex(be32(at + 8 + len), ==, crc32(0, at + 4, len + 4));
        if (i == 0) {
            g_assert_cmpmem(at + 8, len, "\0\0\0\5\0\0\0\3\10\2\0\0\0", 13);
        } else if (i == 1) {
            uint8_t rows[48];
            uLongf got = sizeof(rows);
            g_assert_cmpint(uncompress(rows, &got, at + 8, len), ==, Z_OK);
            g_assert_cmpuint(got, ==, sizeof(rows));
            for (unsigned y = 0; y < 3; y++) {
                g_assert_cmpuint(rows[16 * y], ==, 0);
                expect_gradient(rows + 16 * y + 1, 5 * y, 5);
            }
        }
        at += 12 + len;
    }
    g_assert_true(at == end);
    picture_clear(&p);
}

/* ---- damage ------------------------------------------------------------------------ */

static Damage damage;

static unsigned count_rects(unsigned height, PictureRect *first)
{
    PictureRect r;
    unsigned n = 0;
    for (unsigned band = 0; damage_next(&damage, &band, height, &r); n++) {
        if (n == 0) {
            *first = r;
        }
    }
    return n;
}

static void test_damage(void)
{
    PictureRect r = { 0 };
    damage_clear(&damage);
    g_assert_false(damage_any(&damage));
    damage_add(&damage, &(PictureRect){ 5, 3, 0, 9 }); /* of no size */
    g_assert_false(damage_any(&damage));
    damage_add(&damage, &(PictureRect){ 10, 2, 30, 20 });
    g_assert_cmpuint(count_rects(100, &r), ==, 1);
    g_assert_cmpuint(r.x, ==, 10);
    g_assert_cmpuint(r.width, ==, 30);
    g_assert_cmpuint(r.y, ==, 0);
    g_assert_cmpuint(r.height, ==, 24); /* whole bands */
    damage_add(&damage, &(PictureRect){ 600, 90, 5, 10 });
    g_assert_cmpuint(count_rects(100, &r), ==, 2); /* far apart: two, and none past the picture's end */
    g_assert_cmpuint(count_rects(80, &r), ==, 1);
    damage_add(&damage, &(PictureRect){ 0, PICTURE_MAX_SIZE - 1, PICTURE_MAX_SIZE, 1 });
    damage_clear(&damage);
    g_assert_cmpuint(count_rects(PICTURE_MAX_SIZE, &r), ==, 0);
}

/* ---- consoles ---------------------------------------------------------------------- */

typedef struct Fake {
    Lock lock;
    Consoles *all;
    Console *console;
    ConsoleListener ears[2];
    unsigned told[2];
    unsigned refreshes, wish_width, wish_height;
    bool watched, moves; /* moves: each refresh draws */
} Fake;

static void fake_refresh(void *opaque)
{
    Fake *f = opaque;
    lock_assert_held(&f->lock);
    f->refreshes++;
    if (f->moves) {
        uint32_t white = UINT32_MAX;
        console_draw(f->console, &(PictureRect){ f->refreshes % 64, 9, 1, 1 }, &white, 4, &pixels_xrgb8888);
    }
}

static void fake_watched(void *opaque, bool watched)
{
    ((Fake *)opaque)->watched = watched;
}

static void fake_wish(void *opaque, unsigned width, unsigned height)
{
    Fake *f = opaque;
    f->wish_width = width;
    f->wish_height = height;
}

static const ConsoleOps fake_ops = { fake_refresh, fake_watched, fake_wish };

static void note(ConsoleListener *l)
{
    Fake *f = l->opaque;
    f->told[l - f->ears]++;
}

static void fake_open(Fake *f)
{
    *f = (Fake){ .all = consoles_new(test_loop(), test_clock()) };
    lock_init(&f->lock, LOCK_DEVICE);
    f->console = console_new(f->all, "gpu0", 1, &f->lock, &fake_ops, f);
    f->ears[0] = f->ears[1] = (ConsoleListener){ .notify = note, .opaque = f };
}

static void fake_close(Fake *f)
{
    console_free(f->console);
    consoles_free(f->all);
    lock_finish(&f->lock);
}

typedef struct Seen {
    unsigned width, rects, cursor_width;
    bool resized;
    PictureRect first;
    uint32_t pixel;
} Seen;

static void see(const ConsoleView *v, const ConsoleListener *news, void *opaque)
{
    Seen *s = opaque;
    PictureRect r;
    *s = (Seen){ .width = v->picture.width, .cursor_width = v->cursor.shape.width, .resized = news->resized };
    for (unsigned band = 0; damage_next(&news->damage, &band, v->picture.height, &r); s->rects++) {
        s->first = s->rects ? s->first : r;
    }
    s->pixel = v->picture.width ? picture_row(&v->picture, s->first.y)[s->first.x] : 0;
}

static void test_console(void)
{
    Fake f;
    Seen seen;
    uint32_t pixels[4] = { 0x010101, 0x020202, 0x030303, 0x040404 };
    fake_open(&f);
    g_assert_true(consoles_find(f.all, "gpu0", 1) == f.console && consoles_get(f.all, 0) == f.console);
    g_assert_null(consoles_find(f.all, "gpu0", 0));
    g_assert_null(consoles_get(f.all, 1));
    console_listen(f.console, &f.ears[0]);
    console_listen(f.console, &f.ears[1]);
    g_assert_cmpuint(f.told[0], ==, 1);
    console_set_size(f.console, 64, 32);
    g_assert_cmpuint(f.told[0], ==, 1); /* it knows that there is something */
    console_look(f.console, &f.ears[0], see, &seen);
    g_assert_true(seen.resized && seen.width == 64 && seen.rects == 1 && seen.first.height == 32);
    console_draw(f.console, &(PictureRect){ 3, 8, 2, 2 }, pixels, 8, &pixels_xrgb8888);
    g_assert_cmpuint(f.told[0], ==, 2);
    console_look(f.console, &f.ears[0], see, &seen);
    g_assert_true(!seen.resized && seen.rects == 1 && seen.first.x == 3 && seen.first.width == 2);
    g_assert_cmphex(seen.pixel, ==, 0x010101);
    console_look(f.console, &f.ears[0], see, &seen);
    g_assert_cmpuint(seen.rects, ==, 0);
    g_assert_cmpuint(f.told[1], ==, 1); /* the other has slept: one look shows it all */
    console_look(f.console, &f.ears[1], see, &seen);
    g_assert_true(seen.resized && seen.first.width == 64);
    console_set_size(f.console, 64, 32); /* the same: shown anew, but no new size */
    console_look(f.console, &f.ears[1], see, &seen);
    g_assert_true(!seen.resized && seen.first.width == 64);
    console_unlisten(f.console, &f.ears[0]);
    console_unlisten(f.console, &f.ears[1]);
    fake_close(&f);
}

static void run_loop(void)
{
    while (g_main_context_iteration(event_loop_context(test_loop()), FALSE)) {
    }
}

static void test_refresh(void)
{
    Fake f;
    fake_open(&f);
    console_set_size(f.console, 64, 32);
    run_loop();
    g_assert_cmpuint(f.refreshes, ==, 0); /* nobody looks */
    f.moves = true;
    console_listen(f.console, &f.ears[0]);
    while (f.refreshes < 3) {
        g_main_context_iteration(event_loop_context(test_loop()), TRUE);
    }
    g_assert_true(f.watched);
    console_wish(f.console, 1024, UINT32_MAX);
    console_unlisten(f.console, &f.ears[0]);
    run_loop();
    g_assert_false(f.watched);
    g_assert_cmpuint(f.wish_width, ==, 1024);
    g_assert_cmpuint(f.wish_height, ==, PICTURE_MAX_SIZE);
    Picture p;
    unsigned before = f.refreshes;
    console_snapshot(f.console, &p);
    g_assert_cmpuint(f.refreshes, ==, before + 1);
    g_assert_cmpuint(p.width, ==, 64);
    picture_clear(&p);
    fake_close(&f);
}

static void test_cursor(void)
{
    Fake f;
    Seen seen;
    Picture shape, p;
    fake_open(&f);
    console_set_size(f.console, 16, 16);
    picture_init(&shape, 2, 2);
    shape.pixels[3] = 0xff102030;
    console_listen(f.console, &f.ears[0]);
    console_look(f.console, &f.ears[0], see, &seen);
    console_set_cursor(f.console, &shape, 1, 1);
    console_move_cursor(f.console, 5, 6);
    g_assert_cmpuint(f.told[0], ==, 2);
    console_look(f.console, &f.ears[0], see, &seen);
    g_assert_cmpuint(seen.cursor_width, ==, 2);
    console_snapshot(f.console, &p);
    g_assert_cmphex(picture_row(&p, 6)[5], ==, 0x102030);
    picture_clear(&p);
    console_set_cursor(f.console, NULL, 0, 0);
    console_snapshot(f.console, &p);
    g_assert_cmphex(picture_row(&p, 6)[5], ==, 0);
    picture_clear(&p);
    picture_clear(&shape);
    console_unlisten(f.console, &f.ears[0]);
    fake_close(&f);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/picture/formats", test_formats);
    g_test_add_func("/picture/rects", test_rects);
    g_test_add_func("/picture/blend", test_blend);
    g_test_add_func("/picture/ppm", test_ppm);
    g_test_add_func("/picture/png", test_png);
    g_test_add_func("/damage", test_damage);
    g_test_add_func("/console/news", test_console);
    g_test_add_func("/console/refresh", test_refresh);
    g_test_add_func("/console/cursor", test_cursor);
    return g_test_run();
}
