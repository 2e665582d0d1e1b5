/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What has scrolled is found, and a viewer that moves its pixels and takes the damage has what is shown. */
#include <string.h>

#include "tests/loop.h"
#include "ui/scroll.h"
#include "ui/shadow.h"

enum { WIDTH = 200, HEIGHT = 160 };

/* Lines of text: some rows of each look alike, as those of letters do, and there are empty ones. */
static void draw_text(Picture *p, unsigned line)
{
    for (unsigned y = 0; y < p->height; y++) {
        unsigned at = y + line * 16;
        for (unsigned x = 0; x < p->width; x++) {
            uint32_t h = (at / 16 * 131 + x / 8) * 2654435761u;
            picture_row(p, y)[x] = at % 16 < 12 && h >> (at % 16 / 3 * 4) & 1 ? 0xffffff : 0;
        }
    }
}

static void test_find(void)
{
    Picture a, b;
    PictureRect all = { 0, 0, WIDTH, HEIGHT }, low = { 0, 0, WIDTH, 16 };
    picture_init(&a, WIDTH, HEIGHT);
    picture_init(&b, WIDTH, HEIGHT);
    draw_text(&a, 0);
    draw_text(&b, 1);
    g_assert_cmpint(scroll_find(&a, &b, &all), ==, -16);
    g_assert_cmpint(scroll_find(&b, &a, &all), ==, 16);
    g_assert_cmpint(scroll_find(&a, &a, &all), ==, 0);
    g_assert_cmpint(scroll_find(&a, &b, &low), ==, 0); /* too little of it */
    draw_text(&b, 1000);
    g_assert_cmpint(scroll_find(&a, &b, &all), ==, 0);
    memset(b.pixels, 0, (size_t)WIDTH * HEIGHT * 4); /* no marks */
    g_assert_cmpint(scroll_find(&a, &b, &all), ==, 0);
    g_assert_cmpint(scroll_find(&b, &b, &all), ==, 0);
    picture_clear(&a);
    picture_clear(&b);
}

/* Rows of which most are many times there: those that are there once decide, if they say more than standing still. */
static void test_repeats(void)
{
    Picture a, b;
    PictureRect all = { 0, 0, 8, 4096 };
    picture_init(&a, 8, 4096);
    picture_init(&b, 8, 4096);
    for (unsigned y = 0; y < 4096; y++) {
        picture_row(&a, y)[0] = y % 7 ? y % 2 : 0x1000 + y;
    }
    memcpy(picture_row(&b, 0), picture_row(&a, 5), (size_t)4091 * 8 * 4);
    g_assert_cmpint(scroll_find(&a, &b, &all), ==, -5);
    g_assert_cmpint(scroll_find(&b, &a, &all), ==, 5);
    for (unsigned y = 0; y < 4096; y++) {
        picture_row(&a, y)[0] = picture_row(&b, y)[0] = y % 2; /* no mark is there once */
    }
    g_assert_cmpint(scroll_find(&a, &b, &all), ==, 0);
    picture_clear(&a);
    picture_clear(&b);
}

static void test_target(void)
{
    PictureRect r = { 5, 3, 11, 20 }, up = scroll_target(&r, -6), down = scroll_target(&r, 6);
    g_assert_true(up.x == 5 && up.y == 3 && up.width == 11 && up.height == 14);
    g_assert_true(down.x == 5 && down.y == 9 && down.width == 11 && down.height == 14);
    g_assert_cmpuint(scroll_target(&r, 21).height, ==, 0);
}

/* ---- a viewer ------------------------------------------------------------------------ */

typedef struct Rig {
    Shadow shadow;
    ConsoleView view;
    ConsoleListener news;
    Picture viewer; /* all that it knows came by moves and damage */
    size_t sent;    /* pixels */
} Rig;

static void rig_init(Rig *r)
{
    *r = (Rig){ .shadow.finds_scrolls = true, .news.resized = true };
    picture_init(&r->view.picture, WIDTH, HEIGHT);
    picture_init(&r->viewer, WIDTH, HEIGHT);
    shadow_take(&r->view, &r->news, &r->shadow);
    r->news.resized = r->shadow.resized = false;
}

static void rig_clear(Rig *r)
{
    shadow_clear(&r->shadow);
    picture_clear(&r->view.picture);
    picture_clear(&r->view.cursor.shape);
    picture_clear(&r->viewer);
}

static void look(Rig *r)
{
    PictureRect d, moved;
    shadow_take(&r->view, &r->news, &r->shadow);
    damage_clear(&r->news.damage);
    moved = r->shadow.moved;
    if (moved.height) {
        g_autofree uint32_t *was = g_memdup2(r->viewer.pixels, (gsize)WIDTH * HEIGHT * 4);
        for (unsigned y = moved.y; y < moved.y + moved.height; y++) {
            memcpy(picture_row(&r->viewer, y) + moved.x,
                   was + (size_t)((int)y - r->shadow.moved_by) * WIDTH + moved.x, moved.width * 4);
        }
        r->shadow.moved = (PictureRect){ 0 };
    }
    for (unsigned band = 0; damage_next(&r->shadow.damage, &band, HEIGHT, &d);) {
        for (unsigned y = d.y; y < d.y + d.height; y++) {
            memcpy(picture_row(&r->viewer, y) + d.x, picture_row(&r->shadow.picture, y) + d.x, d.width * 4);
            r->sent += d.width;
        }
    }
    damage_clear(&r->shadow.damage);
    g_autofree uint32_t *want = g_memdup2(r->view.picture.pixels, (gsize)WIDTH * HEIGHT * 4);
    Picture p = { WIDTH, HEIGHT, want };
    picture_blend(&p, &r->view.cursor.shape, r->view.cursor.x, r->view.cursor.y);
    g_assert_cmpmem(r->viewer.pixels, (size_t)WIDTH * HEIGHT * 4, want, (size_t)WIDTH * HEIGHT * 4);
}

static void change(Rig *r, unsigned line)
{
    draw_text(&r->view.picture, line);
    damage_add(&r->news.damage, &(PictureRect){ 0, 0, WIDTH, HEIGHT });
}

static void test_viewer(void)
{
    Rig r;
    rig_init(&r);
    change(&r, 0);
    look(&r);
    r.sent = 0;
    for (unsigned line = 1; line < 20; line++) { /* a line each time, in whole bands */
        change(&r, line);
        look(&r);
    }
    g_assert_cmpuint(r.sent, <=, (size_t)19 * WIDTH * 24);
    r.sent = 0;
    change(&r, 19); /* the same again */
    look(&r);
    g_assert_cmpuint(r.sent, ==, 0);
    rig_clear(&r);
}

/* A pointer that stands still is not sent again with the lines that it is in; what changes under it is sent alone. */
static void test_still_pointer(void)
{
    Rig r;
    PictureRect line = { 0, 48, WIDTH, 8 };
    rig_init(&r);
    picture_init(&r.view.cursor.shape, 9, 9);
    memset(r.view.cursor.shape.pixels, 0xff, (size_t)9 * 9 * 4);
    r.view.cursor.shape.pixels[0] = 0; /* nothing is covered there */
    r.view.cursor.x = r.view.cursor.y = 50;
    look(&r);
    r.sent = 0;
    look(&r);
    damage_add(&r.news.damage, &line); /* lines through the pointer, as they were */
    look(&r);
    g_assert_cmpuint(r.sent, ==, 0);
    picture_row(&r.view.picture, 50)[50] = 0x123456; /* where it shows */
    picture_row(&r.view.picture, 50)[51] = 0x123456; /* and where it does not */
    damage_add(&r.news.damage, &line);
    look(&r);
    g_assert_cmpuint(r.sent, ==, 2 * DAMAGE_BAND);
    r.view.cursor.shape.pixels[80] = 0xff00ff00; /* another shape of the same size */
    r.news.cursor_shape = true;
    look(&r);
    r.news.cursor_shape = false;
    g_assert_cmpuint(r.sent, >, 2 * DAMAGE_BAND);
    r.view.cursor.x = 60; /* what it covered comes back */
    look(&r);
    g_assert_cmphex(picture_row(&r.viewer, 50)[51], ==, 0x123456);
    rig_clear(&r);
}

/* Scrolls up and down, changes at random, a pointer that moves, damage of a part: what is seen is right. */
static void test_anything(void)
{
    Rig r;
    rig_init(&r);
    picture_init(&r.view.cursor.shape, 9, 9);
    memset(r.view.cursor.shape.pixels, 0xff, (size_t)9 * 9 * 4);
    for (unsigned i = 0, line = 50; i < 3000; i++) {
        line = CLAMP((int)line + g_test_rand_int_range(-2, 3), 0, 100);
        if (g_test_rand_int_range(0, 4)) {
            change(&r, line);
        }
        for (int n = g_test_rand_int_range(0, 5); n > 0; n--) {
            unsigned x = g_test_rand_int_range(0, WIDTH), y = g_test_rand_int_range(0, HEIGHT);
            picture_row(&r.view.picture, y)[x] = g_test_rand_int() & 0xffffff;
            damage_add(&r.news.damage, &(PictureRect){ x, y, 1, 1 });
        }
        r.view.cursor.x = g_test_rand_int_range(-20, WIDTH + 20);
        r.view.cursor.y = g_test_rand_int_range(-20, HEIGHT + 20);
        look(&r);
    }
    rig_clear(&r);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/scroll/find", test_find);
    g_test_add_func("/scroll/repeats", test_repeats);
    g_test_add_func("/scroll/target", test_target);
    g_test_add_func("/scroll/viewer", test_viewer);
    g_test_add_func("/scroll/still-pointer", test_still_pointer);
    g_test_add_func("/scroll/anything", test_anything);
    return g_test_run();
}
