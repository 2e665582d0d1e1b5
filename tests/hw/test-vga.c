/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A VGA's registers, its DISPI modes, when it blanks, where its beam is, and what of a picture it draws again.  What it
 * draws: test-vga-card.c. */
#include <string.h>

#include "base/clock.h"
#include "tests/loop.h"
#include "vga-rig.h"

/* ---- registers -------------------------------------------------------------------- */

/* All that is written reads back, as far as there are such bits; what is not there reads as 0. */
static void test_read_back(void)
{
    Card *c = card_open();
    card_set(c, &mode_03);
    for (unsigned i = 0; i < 5; i++) {
        out(c, SEQ, i);
        g_assert_cmphex(in(c, SEQ + 1), ==, mode_03.seq[i]);
    }
    for (unsigned i = 0; i < 9; i++) {
        out(c, GR, i);
        g_assert_cmphex(in(c, GR + 1), ==, mode_03.gr[i]);
    }
    for (unsigned i = 0; i < 25; i++) {
        out(c, CR, i);
        g_assert_cmphex(in(c, CR + 1), ==, mode_03.cr[i]);
    }
    for (unsigned i = 0; i < 21; i++) {
        in(c, 0x3da);
        out(c, 0x3c0, i);
        g_assert_cmphex(in(c, 0x3c0), ==, i);
        g_assert_cmphex(in(c, 0x3c1), ==, mode_03.ar[i]);
    }
    out(c, SEQ, 5);
    g_assert_cmphex(in(c, SEQ + 1), ==, 0);
    set(c, GR, 0xff, 0xff);
    g_assert_cmphex(in(c, GR + 1), ==, 0);
    g_assert_cmphex(in(c, 0x3cc), ==, 0x67);
    g_assert_cmphex(in(c, 0x3bc), ==, 0xff); /* a parallel port's, not ours */
    card_close(c);
}

/* CR0 to CR7 are protected by CR11, but for the line compare's bit; the colour bit of misc moves the controller. */
static void test_crt(void)
{
    Card *c = card_open();
    card_set(c, &mode_03);
    set(c, CR, 1, 0x11);
    set(c, CR, 7, 0xef);
    out(c, CR, 1);
    g_assert_cmphex(in(c, CR + 1), ==, 0x4f);
    out(c, CR, 7);
    g_assert_cmphex(in(c, CR + 1), ==, 0x0f);
    out(c, 0x3c2, 0x66);
    g_assert_cmphex(in(c, CR + 1), ==, 0xff);
    g_assert_cmphex(in(c, 0x3da), ==, 0xff);
    g_assert_cmphex(in(c, 0x3b5), ==, 0x0f);
    in(c, 0x3ba);
    out(c, 0x3c0, 3); /* status that is not decoded leaves the flip-flop alone */
    in(c, 0x3da);
    out(c, 0x3c0, 0x2a);
    in(c, 0x3ba);
    out(c, 0x3c0, 3);
    g_assert_cmphex(in(c, 0x3c1), ==, 0x2a);
    out(c, 0x3c0, 0x15); /* the palette is locked while the screen has it */
    out(c, 0x3c0, 0x23);
    out(c, 0x3c0, 0x11);
    g_assert_cmphex(in(c, 0x3c1), ==, 0x15);
    card_close(c);
}

static void test_colours(void)
{
    Card *c = card_open();
    card_set(c, &mode_13);
    out(c, 0x3c8, 7);
    out(c, 0x3c9, 0xff); /* six bits */
    out(c, 0x3c9, 2);
    out(c, 0x3c7, 7);
    g_assert_cmphex(in(c, 0x3c7), ==, 3);
    uint8_t before = in(c, 0x3c9); /* two parts are no colour yet */
    g_assert_cmphex(before, !=, 0x3f);
    out(c, 0x3c8, 7);
    out(c, 0x3c9, 0xff);
    out(c, 0x3c9, 2);
    out(c, 0x3c9, 3);
    g_assert_cmphex(in(c, 0x3c8), ==, 8);
    out(c, 0x3c7, 7);
    g_assert_cmphex(in(c, 0x3c9), ==, 0x3f);
    g_assert_cmphex(in(c, 0x3c9), ==, 2);
    g_assert_cmphex(in(c, 0x3c9), ==, 3);
    out(c, 0x3c8, 0);
    g_assert_cmphex(in(c, 0x3c7), ==, 0);
    card_close(c);
}

/* ---- what is shown, and when ----------------------------------------------------------- */

static uint32_t black(const Card *c, unsigned x, unsigned y)
{
    return 0;
}

static uint32_t border(const Card *c, unsigned x, unsigned y)
{
    return rgb(9);
}

static uint32_t masked(const Card *c, unsigned x, unsigned y)
{
    unsigned step = y / 2 * 80 + x / 8; /* of four bytes */
    return rgb(c->planes[x / 2 % 4][step * 4 + (step >> 12)] & 0x3c);
}

static uint32_t high_colours(const Card *c, unsigned x, unsigned y)
{
    unsigned n = 0;
    for (unsigned p = 0; p < 4; p++) {
        n |= (c->planes[p][y * 80 + x / 8] >> (7 - x % 8) & 1) << p;
    }
    return rgb((c->mode.ar[n] & 15) | 0x90); /* AR14 = 9: bits 7-6 are 2, 5-4 are 1 */
}

static void test_blanks(void)
{
    Card *c = card_open();
    expect_picture(c, 640, 480, black); /* nothing is set up: the console's own */
    card_set(c, &mode_13);
    fill_planes(c);
    set_ar(c, 0x11, 9);
    in(c, 0x3da);
    out(c, 0x3c0, 0x11); /* the palette is the CPU's */
    expect_picture(c, 640, 400, border);
    out(c, 0x3c0, 9);
    out(c, 0x3c0, 0x20);
    set(c, SEQ, 1, 0x21);
    expect_picture(c, 640, 400, black);
    set(c, SEQ, 1, 1);
    set(c, SEQ, 0, 1);
    expect_picture(c, 640, 400, black);
    set(c, SEQ, 0, 3);
    out(c, 0x3c6, 0x3c);
    expect_picture(c, 640, 400, masked);
    card_set(c, &mode_12);
    set_ar(c, 0x10, 0x81);
    set_ar(c, 0x14, 9);
    expect_picture(c, 640, 480, high_colours);
    card_close(c);
}

static uint32_t dispi_4(const Card *c, unsigned x, unsigned y)
{
    unsigned column = x + 11, at = (y + 5) * 128 + column / 8, n = 0;
    for (unsigned p = 0; p < 4; p++) {
        n |= (c->vram[4 * at + p] >> (7 - column % 8) & 1u) << p;
    }
    return rgb(c->mode.ar[n]);
}

static uint32_t dispi_8(const Card *c, unsigned x, unsigned y)
{
    return rgb(c->vram[(y + 5) * 1000 + x + 3]);
}

static uint32_t dispi_32(const Card *c, unsigned x, unsigned y)
{
    uint32_t v;
    memcpy(&v, c->vram + 4 * (y * 640 + x), 4);
    return v & 0xffffff;
}

static uint32_t wide_grey(const Card *c, unsigned x, unsigned y)
{
    return c->vram[y * 640 + x] == 1 ? 0xfd0180 : 0;
}

static void dispi_mode_set(Card *c, unsigned width, unsigned height, unsigned bits, unsigned enable)
{
    dispi(c, 1 + DISPI_ENABLE, 0);
    dispi(c, 1 + DISPI_XRES, (uint16_t)width);
    dispi(c, 1 + DISPI_YRES, (uint16_t)height);
    dispi(c, 1 + DISPI_BPP, (uint16_t)bits);
    dispi(c, 1 + DISPI_ENABLE, (uint16_t)enable);
}

static void test_dispi(void)
{
    Card *c = card_open();
    card_set(c, &mode_12);
    for (unsigned i = 0; i < 1 << 20; i++) {
        c->vram[i] = (uint8_t)g_rand_int(c->rnd);
    }
    dispi_mode_set(c, 640, 480, 32, 0xc1);
    expect_picture(c, 640, 480, dispi_32);
    dispi_mode_set(c, 800, 600, 8, 0xc1);
    dispi(c, 1 + DISPI_VIRT_WIDTH, 1000);
    dispi(c, 1 + DISPI_X_OFFSET, 3);
    dispi(c, 1 + DISPI_Y_OFFSET, 5);
    expect_picture(c, 800, 600, dispi_8);
    dispi_mode_set(c, 800, 600, 4, 0xc1);
    dispi(c, 1 + DISPI_VIRT_WIDTH, 1024);
    dispi(c, 1 + DISPI_X_OFFSET, 11);
    dispi(c, 1 + DISPI_Y_OFFSET, 5);
    expect_picture(c, 800, 600, dispi_4);
    dispi_mode_set(c, 640, 480, 8, 0x61);  /* black, and eight bits a colour */
    for (unsigned at = 0; at < 16; at++) { /* by the window: the second bank */
        dispi(c, 1 + DISPI_BANK, 1);
        bench_write(&c->b, c->window + 0xa0000 + at, 1, 1);
        g_assert_cmphex(bench_read(&c->b, c->window + 0xa0000 + at, 1), ==, 1);
    }
    g_assert_cmphex(c->vram[0x1000f], ==, 1);
    out(c, 0x3c8, 0);
    for (unsigned i = 0; i < 6; i++) {
        out(c, 0x3c9, (const uint8_t[]){ 0, 0, 0, 0xfd, 1, 0x80 }[i]);
    }
    expect_picture(c, 640, 480, wide_grey);
    dispi(c, 1 + DISPI_BANK, UINT16_MAX); /* behind the memory */
    g_assert_cmphex(bench_read(&c->b, c->window + 0xa0000, 1), ==, 0xff);
    bench_write(&c->b, c->window + 0xa0000, 1, 0);
    dispi_mode_set(c, 8192, 8192, 4, 0xc1); /* does not fit */
    expect_picture(c, 640, 480, black);
    dispi_mode_set(c, 8192, 8192, 8, 0xc1);
    expect_picture(c, 640, 480, black);
    dispi(c, 1 + DISPI_ENABLE, 0);
    Picture p;
    console_snapshot(c->console, &p);
    g_assert_cmpuint(p.height, ==, 480); /* mode 12h again */
    picture_clear(&p);
    card_close(c);
}

/* The memory area has DISPI's registers and the ports from 3C0h on; a write of 16 bits is index and data. */
static void test_memory_area(void)
{
    Card *c = card_open();
    bench_write(&c->b, c->mmio + 0x402, 1, 0x67);
    bench_write(&c->b, c->mmio + 0x414, 2, 0x4f01);
    g_assert_cmphex(bench_read(&c->b, c->mmio + 0x414, 2), ==, 0x4f01);
    g_assert_cmphex(bench_read(&c->b, c->mmio + 0x40c, 1), ==, 0x67);
    bench_write(&c->b, c->mmio + 0x502, 2, 640);
    bench_write(&c->b, c->mmio + 0x504, 2, 480);
    bench_write(&c->b, c->mmio + 0x506, 2, 32);
    bench_write(&c->b, c->mmio + 0x508, 2, 0x41);
    expect_picture(c, 640, 480, black); /* not yet: the palette is the CPU's */
    c->vram[0] = 0x12;
    expect_picture(c, 640, 480, black);
    bench_write(&c->b, c->mmio + 0x400, 1, 0x20);
    expect_picture(c, 640, 480, dispi_32);
    card_close(c);
}

/* ---- the beam ------------------------------------------------------------------------------- */

static uint8_t status_at(Card *c, uint64_t dot)
{
    clock_virtual_set_ns(test_clock(), (int64_t)(dot * 1000000 / 28322 + 1));
    return in(c, 0x3da);
}

/* Mode 3: 900 dots a line, of which 720 are shown; 449 lines, of which 400; the beam goes back from line 412 to 413. */
static void test_status(void)
{
    Card *c = card_open();
    card_set(c, &mode_03);
    for (unsigned frame = 0; frame < 3; frame++) {
        uint64_t at = frame * UINT64_C(449) * 900;
        g_assert_cmphex(status_at(c, at + 5 * 900 + 100), ==, 0);
        g_assert_cmphex(status_at(c, at + 5 * 900 + 715), ==, 0);
        g_assert_cmphex(status_at(c, at + 5 * 900 + 725), ==, 1);
        g_assert_cmphex(status_at(c, at + 399 * 900 + 10), ==, 0);
        g_assert_cmphex(status_at(c, at + 400 * 900 + 10), ==, 1);
        g_assert_cmphex(status_at(c, at + 411 * 900 + 890), ==, 1);
        g_assert_cmphex(status_at(c, at + 412 * 900 + 10), ==, 9);
        g_assert_cmphex(status_at(c, at + 413 * 900 + 890), ==, 9);
        g_assert_cmphex(status_at(c, at + 414 * 900 + 10), ==, 1);
        g_assert_cmphex(status_at(c, at + 448 * 900 + 10), ==, 1);
    }
    card_close(c);
}

/* ---- damage ----------------------------------------------------------------------------------- */

typedef struct Ear {
    ConsoleListener l;
    unsigned told;
    PictureRect first;
} Ear;

static void note(ConsoleListener *l)
{
    ((Ear *)l->opaque)->told++;
}

static void keep_first(const ConsoleView *v, const ConsoleListener *news, void *opaque)
{
    Ear *e = opaque;
    unsigned band = 0;
    e->first = (PictureRect){ 0 };
    (void)!damage_next(&news->damage, &band, v->picture.height, &e->first);
}

static void look(Card *c, Ear *e)
{
    e->told = 0;
    console_refresh(c->console);
    console_look(c->console, &e->l, keep_first, e);
}

static void run_loop(void)
{
    while (g_main_context_iteration(event_loop_context(test_loop()), FALSE)) {
    }
}

/* Only rows that look different are drawn again, and none while nothing happens. */
static void test_damage(void)
{
    Card *c = card_open();
    Ear e = { .l = { .notify = note, .opaque = &e } };
    card_set(c, &mode_12);
    console_refresh(c->console);
    console_listen(c->console, &e.l);
    run_loop();
    look(c, &e);
    look(c, &e);
    look(c, &e);
    g_assert_cmpuint(e.told, ==, 0);
    bench_write(&c->b, c->window + 0xa0000 + 80 * 100 + 10, 1, 0xff);
    look(c, &e);
    g_assert_cmpuint(e.told, ==, 1);
    g_assert_true(e.first.y == 96 && e.first.height == 8); /* the band of row 100 */
    look(c, &e);
    look(c, &e);
    g_assert_cmpuint(e.told, ==, 0);
    c->vram[4 * 80 * 50] = 0x80; /* by BAR 0, as a guest's store */
    ram_mark_written(c->vram_block, 4 * 80 * 50, 1);
    look(c, &e);
    g_assert_true(e.first.y == 48 && e.first.height == 8);
    console_unlisten(c->console, &e.l);
    run_loop();
    g_assert_false(ram_is_followed(c->vram_block));
    card_close(c);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    clock_virtual_stop(test_clock());
    g_test_add_func("/vga/read-back", test_read_back);
    g_test_add_func("/vga/crt", test_crt);
    g_test_add_func("/vga/colours", test_colours);
    g_test_add_func("/vga/blanks", test_blanks);
    g_test_add_func("/vga/dispi", test_dispi);
    g_test_add_func("/vga/memory-area", test_memory_area);
    g_test_add_func("/vga/status", test_status);
    g_test_add_func("/vga/damage", test_damage);
    return g_test_run();
}
