/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A test card in the modes of a VGA, compared bit by bit with a drawing that is made otherwise: the test keeps four planes of
 * its own, to which it applies each write a bit at a time, and computes each pixel from where it must lie, not line by
 * line. */
#include <string.h>

#include "base/clock.h"
#include "tests/loop.h"
#include "vga-rig.h"

/* Where the line's memory begins (in steps of the display's address), its row scan, and its pan. */
typedef struct Source {
    unsigned address, scan, pan;
} Source;

static unsigned line_compare(const Card *c)
{
    const uint8_t *cr = c->mode.cr;
    return cr[0x18] + (cr[7] & 0x10 ? 256 : 0) + (cr[9] & 0x40 ? 512 : 0);
}

static Source source_of(const Card *c, unsigned y)
{
    const uint8_t *cr = c->mode.cr;
    unsigned rows = (cr[9] & 31) + 1u, compare = line_compare(c), start = cr[12] * 256u + cr[13];
    unsigned scan = cr[8] & 31, pan = c->mode.ar[0x13], bytes = cr[8] >> 5;
    if (y > compare) {
        y -= compare + 1;
        start = scan = 0;
        pan = c->mode.ar[0x10] & 0x20 ? (c->mode.seq[1] & 1 ? 0 : 8) : pan;
        bytes = c->mode.ar[0x10] & 0x20 ? 0 : bytes;
    }
    scan += cr[9] & 0x80 ? y / 2 : y;
    return (Source){ start + bytes + scan / rows * 2u * cr[0x13], scan % rows, pan };
}

static unsigned bit_of(const Card *c, unsigned plane, unsigned at, unsigned bit)
{
    return c->planes[plane][at & (PLANE - 1)] >> (7 - bit) & 1;
}

/* Sixteen colours in four planes, of bytes. */
static uint32_t planar_pixel(const Card *c, unsigned x, unsigned y)
{
    Source s = source_of(c, y);
    x = x / (c->mode.seq[1] & 8 ? 2 : 1) + (s.pan & 7);
    unsigned at = s.address + x / 8, n = 0;
    for (unsigned p = 0; p < 4; p++) {
        n |= bit_of(c, p, at, x % 8) << p;
    }
    return rgb(c->mode.ar[n & c->mode.ar[0x12]]);
}

/* 256 colours: a byte a pixel, that of four neighbours in four planes, at every fourth byte of them; or at each (mode X). */
static uint32_t byte_pixel(const Card *c, unsigned x, unsigned y)
{
    Source s = source_of(c, y);
    unsigned pixel = x / 2 + s.pan / 2, step = (s.address + pixel / 4) & 0xffff;
    unsigned at = c->mode.cr[0x14] & 0x40 ? step * 4 + (step >> 12 & 3) : step;
    return rgb(c->planes[pixel % 4][at & (PLANE - 1)]);
}

/* CGA: four pixels a byte; the bytes lie one behind the other in even and odd planes, odd lines 8 KiB on. */
static uint32_t cga_pixel(const Card *c, unsigned x, unsigned y)
{
    unsigned line = y / 2, byte = line / 2 * 80 + x / 8;
    unsigned at = (byte & ~1u) + (line & 1 ? 0x2000 : 0), plane = byte & 1;
    return rgb(c->mode.ar[c->planes[plane][at] >> (6 - 2 * (x / 2 % 4)) & 3]);
}

/* ---- graphics ------------------------------------------------------------------------------ */

static void test_planar(void)
{
    Card *c = card_open();
    card_set(c, &mode_12);
    fill_planes(c);
    expect_picture(c, 640, 480, planar_pixel);
    g_autoptr(GByteArray) saved = device_save(c->dev);
    device_reset(c->dev);
    g_assert_true(device_load(c->dev, saved->data, saved->len, NULL));
    expect_picture(c, 640, 480, planar_pixel);
    set_ar(c, 0x12, c->mode.ar[0x12] = 5);
    expect_picture(c, 640, 480, planar_pixel);
    card_set(c, &mode_0d);
    expect_picture(c, 640, 400, planar_pixel);
    card_close(c);
}

static void test_bytes(void)
{
    Card *c = card_open();
    card_set(c, &mode_13);
    fill_planes(c);
    expect_picture(c, 640, 400, byte_pixel);
    for (unsigned i = 0; i < 4; i++) { /* pixels, in half steps */
        set_ar(c, 0x13, c->mode.ar[0x13] = 2 * i);
        expect_picture(c, 640, 400, byte_pixel);
    }
    set(c, SEQ, 4, 6); /* mode X */
    set_cr(c, 0x14, 0);
    set_cr(c, 0x17, 0xe3);
    set_cr(c, 0x0c, 0x3e);
    expect_picture(c, 640, 400, byte_pixel);
    set_cr(c, 0x09, 0x40); /* 320 by 400 */
    expect_picture(c, 640, 400, byte_pixel);
    card_close(c);
}

static void test_cga(void)
{
    Card *c = card_open();
    card_set(c, &mode_04);
    fill_planes(c);
    expect_picture(c, 640, 400, cga_pixel);
    card_close(c);
}

static void test_scrolling(void)
{
    static const struct {
        uint8_t pan, preset, split_low, mode10;
        uint16_t start;
    } rows[] = {
        { 3, 0, 100, 0x01, 0x1234 }, { 7, 0x20, 100, 0x21, 0x1234 }, { 1, 0x60, 0, 0x21, 0xfff0 },
        { 0, 0, 1, 0x01, 0x8000 },   { 5, 0x40, 239, 0x01, 0x00ff }, { 5, 0x40, 254, 0x21, 0x00ff },
    };
    Card *c = card_open();
    card_set(c, &mode_12);
    fill_planes(c);
    set_cr(c, 7, 0x2e); /* line compare without its upper bits */
    set_cr(c, 9, 0x00);
    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        set_ar(c, 0x13, c->mode.ar[0x13] = rows[i].pan);
        set_ar(c, 0x10, c->mode.ar[0x10] = rows[i].mode10);
        set_cr(c, 8, rows[i].preset);
        set_cr(c, 0x18, rows[i].split_low);
        set_cr(c, 0x0c, rows[i].start >> 8);
        set_cr(c, 0x0d, rows[i].start & 0xff);
        expect_picture(c, 640, 480, planar_pixel);
    }
    set_cr(c, 8, 3); /* rows of five lines, each twice, from the fourth on */
    set_cr(c, 9, 0x84);
    expect_picture(c, 640, 480, planar_pixel);
    card_close(c);
}

/* ---- text --------------------------------------------------------------------------------- */

static uint8_t glyph(unsigned map, unsigned code, unsigned row)
{
    unsigned by = row & 7;
    return (uint8_t)((code >> by | code << (8 - by)) ^ row ^ (map * 0x55));
}

static unsigned map_place(unsigned map)
{
    return map < 4 ? map * 0x4000 : (map - 4) * 0x4000 + 0x2000;
}

/* The guest's way: fonts through the window at A0000h, text through that at B8000h. */
static void load_fonts(Card *c)
{
    set(c, SEQ, 2, 4);
    set(c, SEQ, 4, 6);
    set(c, GR, 5, 0);
    set(c, GR, 6, 4);
    for (unsigned map = 0; map < 8; map++) {
        for (unsigned i = 0; i < 256 * 32; i++) {
            bench_write(&c->b, c->window + 0xa0000 + map_place(map) + i, 1, glyph(map, i / 32, i % 32));
        }
    }
    set(c, SEQ, 2, 3);
    set(c, SEQ, 4, 2);
    set(c, GR, 5, 0x10);
    set(c, GR, 6, 0x0e);
}

static void write_text(Card *c)
{
    for (unsigned i = 0; i < 0x4000; i++) {
        c->planes[i & 1][i & ~1u] = (uint8_t)g_rand_int(c->rnd);
        bench_write(&c->b, c->window + 0xb8000 + i, 1, c->planes[i & 1][i & ~1u]);
    }
    for (unsigned i = 0; i < 0x4000; i += 4) {
        uint32_t word = c->planes[0][i] | c->planes[1][i] << 8 | c->planes[0][i + 2] << 16 |
                        (uint32_t)c->planes[1][i + 2] << 24;
        g_assert_cmphex(bench_read(&c->b, c->window + 0xb8000 + i, 4), ==, word);
    }
}

static bool cursor_shown, blink_hidden;

static uint32_t text_pixel(const Card *c, unsigned x, unsigned y)
{
    unsigned dots = c->mode.seq[1] & 1 ? 8 : 9, maps = c->mode.seq[3];
    Source s = source_of(c, y);
    unsigned pan = dots == 8 ? s.pan & 7 : s.pan >= 8 ? 0 : s.pan + 1;
    x = x / (c->mode.seq[1] & 8 ? 2 : 1) + pan;
    unsigned cell = (s.address + x / dots) & 0xffff, dot = x % dots, at = cell * 2 & 0xffff;
    unsigned code = c->planes[0][at], attribute = c->planes[1][at], blinks = c->mode.ar[0x10] & 8;
    unsigned map = attribute & 8 ? (maps >> 2 & 3) + (maps >> 5) * 4 : (maps & 3) + (maps >> 4 & 1) * 4;
    unsigned bits = glyph(map, code, s.scan);
    bool on =
        dot < 8 ? bits >> (7 - dot) & 1 : (bits & 1) && code >= 0xc0 && code < 0xe0 && c->mode.ar[0x10] & 4;
    on = on && !(blinks && attribute & 0x80 && blink_hidden);
    on = on || ((attribute & 0x77) == 1 && s.scan == (c->mode.cr[0x14] & 31u));
    bool in_lines = s.scan >= (c->mode.cr[10] & 31u) && s.scan <= (c->mode.cr[11] & 31u);
    on = on || (cursor_shown && in_lines && cell == c->mode.cr[14] * 256u + c->mode.cr[15]);
    return rgb(c->mode.ar[on ? attribute & 15 : attribute >> 4 & (blinks ? 7 : 15)]);
}

/* Virtual time of a frame's middle, ns: 449 lines of 900 dots at 28.322 MHz. */
static int64_t frame_ns(unsigned frame)
{
    return (int64_t)((2 * frame + 1) * 449 * 900 * 500000ull / 28322);
}

static void at_frame(unsigned frame)
{
    clock_virtual_set_ns(test_clock(), frame_ns(frame));
}

static void test_text(void)
{
    Card *c = card_open();
    at_frame(0);
    cursor_shown = true;
    blink_hidden = false;
    card_set(c, &mode_03);
    load_fonts(c);
    write_text(c);
    set_cr(c, 15, 81);
    expect_picture(c, 720, 400, text_pixel);
    set_ar(c, 0x10, c->mode.ar[0x10] = 8); /* blink, no joined ninth column */
    set(c, SEQ, 3, c->mode.seq[3] = 0x2d); /* fonts 1 and 7 */
    set_cr(c, 0x14, 7);                    /* underline */
    set_cr(c, 10, 0);
    expect_picture(c, 720, 400, text_pixel);
    set(c, SEQ, 1, c->mode.seq[1] = 1); /* eight dots */
    set_ar(c, 0x13, c->mode.ar[0x13] = 5);
    set_cr(c, 0x0d, 40);
    expect_picture(c, 640, 400, text_pixel);
    card_set(c, &mode_01);
    expect_picture(c, 720, 400, text_pixel);
    set_ar(c, 0x13, c->mode.ar[0x13] = 2);
    set_cr(c, 8, 9); /* from a row's tenth line on */
    expect_picture(c, 720, 400, text_pixel);
    card_close(c);
}

/* The cursor is there for 8 frames of 16, a blinking character for 16 of 32. */
static void test_blinking(void)
{
    Card *c = card_open();
    card_set(c, &mode_03);
    load_fonts(c);
    write_text(c);
    set_ar(c, 0x10, c->mode.ar[0x10] = 0x0c);
    for (unsigned frame = 0; frame < 40; frame += frame % 8 == 7 ? 1 : 7) { /* on both sides of each change */
        at_frame(frame);
        cursor_shown = frame % 16 < 8;
        blink_hidden = frame % 32 >= 16;
        expect_picture(c, 720, 400, text_pixel);
    }
    at_frame(0);
    cursor_shown = false;
    blink_hidden = false;
    set_cr(c, 10, 0x2d); /* off */
    expect_picture(c, 720, 400, text_pixel);
    card_close(c);
}

/* ---- the window ------------------------------------------------------------------------------ */

/* A write, a plane and a bit at a time. */
static void model_write(Card *c, const uint8_t *gr, uint8_t map_mask, unsigned at, uint8_t byte)
{
    unsigned by = gr[3] & 7, mode = gr[5] & 3;
    for (unsigned p = 0; p < 4; p++) {
        for (unsigned bit = 0; bit < 8 && map_mask >> p & 1; bit++) {
            bool cpu = byte >> ((bit + by) & 7) & 1, latch = c->latch[p] >> bit & 1,
                 set_reset = gr[0] >> p & 1;
            bool masked = mode == 3 ? cpu && gr[8] >> bit & 1 : gr[8] >> bit & 1;
            bool data = mode == 3 ? set_reset : mode == 2 ? byte >> p & 1 : gr[1] >> p & 1 ? set_reset : cpu;
            switch (mode == 3 ? 0 : gr[3] >> 3 & 3) {
            case 1: data = data && latch; break;
            case 2: data = data || latch; break;
            case 3: data = data != latch; break;
            default: break;
            }
            bool now = mode == 1 || !masked ? latch : data;
            c->planes[p][at] = (uint8_t)((c->planes[p][at] & ~(1u << bit)) | now << bit);
        }
    }
}

static uint8_t model_read(Card *c, const uint8_t *gr, unsigned at)
{
    uint8_t same = 0;
    for (unsigned p = 0; p < 4; p++) {
        c->latch[p] = c->planes[p][at];
    }
    for (unsigned bit = 0; bit < 8; bit++) {
        bool equal = true;
        for (unsigned p = 0; p < 4; p++) {
            equal = equal && (!(gr[7] >> p & 1) || (c->latch[p] >> bit & 1) == (gr[2] >> p & 1));
        }
        same |= (uint8_t)(equal << bit);
    }
    return gr[5] & 8 ? same : c->latch[gr[4] & 3];
}

static void expect_planes(const Card *c)
{
    for (unsigned at = 0; at < PLANE; at++) {
        for (unsigned p = 0; p < 4; p++) {
            g_assert_cmphex(c->vram[4 * at + p], ==, c->planes[p][at]);
        }
    }
}

/* Every write mode, function, rotation and mask, by random vectors. */
static void test_write_modes(void)
{
    Card *c = card_open();
    card_set(c, &mode_12);
    fill_planes(c);
    for (unsigned round = 0; round < 4 * 4 * 8 * 16; round++) {
        uint8_t gr[9], map_mask = g_rand_int(c->rnd) & 15;
        for (unsigned i = 0; i < 9; i++) {
            gr[i] = (uint8_t)g_rand_int(c->rnd) & (i == 8 ? 255 : i == 4 ? 3 : 15);
        }
        gr[3] = (uint8_t)(round & 31);
        gr[5] = (uint8_t)((round >> 5 & 3) | (g_rand_int(c->rnd) & 8));
        gr[6] = 5;
        for (unsigned i = 0; i < 9; i++) {
            set(c, GR, i, gr[i]);
        }
        set(c, SEQ, 2, map_mask);
        for (unsigned i = 0; i < 4; i++) {
            unsigned from = g_rand_int(c->rnd) & (PLANE - 1), to = g_rand_int(c->rnd) & (PLANE - 1);
            uint8_t byte = (uint8_t)g_rand_int(c->rnd);
            g_assert_cmphex(bench_read(&c->b, c->window + 0xa0000 + from, 1), ==, model_read(c, gr, from));
            model_write(c, gr, map_mask, to, byte);
            bench_write(&c->b, c->window + 0xa0000 + to, 1, byte);
        }
    }
    expect_planes(c);
    expect_picture(c, 640, 480, planar_pixel);
    card_close(c);
}

static uint8_t chained[PLANE]; /* by address */

static uint32_t chained_pixel(const Card *c, unsigned x, unsigned y)
{
    return rgb(chained[y / 2 * 320 + x / 2]);
}

/* Pixels are in the order of their addresses, to the end of the memory. */
static void test_chain_4(void)
{
    Card *c = card_open();
    card_set(c, &mode_13);
    for (unsigned at = 0; at < PLANE; at++) {
        chained[at] = (uint8_t)g_rand_int(c->rnd);
        bench_write(&c->b, c->window + 0xa0000 + at, 1, chained[at]);
    }
    set(c, SEQ, 2, 11); /* the map mask counts here, too */
    for (unsigned at = 0; at < PLANE; at += 3) {
        chained[at] = at % 4 == 2 ? chained[at] : 0x17;
        bench_write(&c->b, c->window + 0xa0000 + at, 1, 0x17);
        g_assert_cmphex(bench_read(&c->b, c->window + 0xa0000 + at, 1), ==, chained[at]);
    }
    expect_picture(c, 640, 400, chained_pixel);
    card_close(c);
}

/* What is outside the window that is set reads as ones and takes nothing. */
static void test_windows(void)
{
    static const unsigned windows[4][2] = {
        { 0, 0x20000 }, { 0, 0x10000 }, { 0x10000, 0x8000 }, { 0x18000, 0x8000 }
    };
    Card *c = card_open();
    card_set(c, &mode_12);
    fill_planes(c);
    for (unsigned w = 0; w < 4; w++) {
        set(c, GR, 6, (uint8_t)(1 | w << 2));
        for (unsigned at = 0; at < 0x20000; at += 0x7ff) {
            bool inside = at >= windows[w][0] && at - windows[w][0] < windows[w][1];
            uint8_t want = inside ? c->planes[0][(at - windows[w][0]) & (PLANE - 1)] : 0xff;
            g_assert_cmphex(bench_read(&c->b, c->window + 0xa0000 + at, 1), ==, want);
            if (!inside) {
                bench_write(&c->b, c->window + 0xa0000 + at, 1, 0);
            }
        }
    }
    out(c, 0x3c2, 0xe1); /* memory off */
    g_assert_cmphex(bench_read(&c->b, c->window + 0xb8000, 1), ==, 0xff);
    expect_planes(c);
    card_close(c);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    clock_virtual_stop(test_clock());
    g_test_add_func("/vga/card/planar", test_planar);
    g_test_add_func("/vga/card/bytes", test_bytes);
    g_test_add_func("/vga/card/cga", test_cga);
    g_test_add_func("/vga/card/scrolling", test_scrolling);
    g_test_add_func("/vga/card/text", test_text);
    g_test_add_func("/vga/card/blinking", test_blinking);
    g_test_add_func("/vga/card/write-modes", test_write_modes);
    g_test_add_func("/vga/card/chain-4", test_chain_4);
    g_test_add_func("/vga/card/windows", test_windows);
    return g_test_run();
}
