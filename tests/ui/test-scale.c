/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Pictures in another size: exact where it is a multiple, mixed else, the same whatever pieces they are drawn in. */
#include <string.h>

#include "ui/picture.h"

static Picture noise(unsigned width, unsigned height)
{
    Picture p;
    picture_init(&p, width, height);
    for (unsigned i = 0; i < width * height; i++) {
        p.pixels[i] = g_test_rand_int();
    }
    return p;
}

static Picture scaled(const Picture *from, unsigned width, unsigned height)
{
    Picture p;
    picture_init(&p, width, height);
    picture_scale(
        from, &(ScaledPart){ width, height, { 0, 0, width, height }, p.pixels, width * sizeof(uint32_t) });
    return p;
}

static void test_multiples(void)
{
    Picture p = noise(7, 5);
    for (unsigned times = 1; times <= 4; times++) {
        Picture q = scaled(&p, 7 * times, 5 * (times + 1));
        for (unsigned y = 0; y < q.height; y++) {
            for (unsigned x = 0; x < q.width; x++) {
                g_assert_cmphex(picture_row(&q, y)[x], ==, picture_row(&p, y / (times + 1))[x / times]);
            }
        }
        picture_clear(&q);
    }
    picture_clear(&p);
}

/* The middles of three pixels on two: the first's, between them, the second's; of one on two: between them. */
static void test_mixed(void)
{
    uint32_t pixels[] = { 0xff000000, 0xff00ff80 };
    Picture p = { 2, 1, pixels }, q = scaled(&p, 3, 1), r = scaled(&p, 1, 1), s = scaled(&p, 33, 7);
    g_assert_cmphex(q.pixels[0], ==, 0xff000000);
    g_assert_cmphex(q.pixels[1], ==, 0xff007f40);
    g_assert_cmphex(q.pixels[2], ==, 0xff00ff80);
    g_assert_cmphex(r.pixels[0], ==, 0xff007f40);
    for (unsigned i = 0; i < s.width * s.height;
         i++) { /* from left to right it only grows; rows are the same */
        g_assert_cmphex(s.pixels[i], >=, i % s.width ? s.pixels[i - 1] : 0xff000000);
        g_assert_cmphex(s.pixels[i], ==, s.pixels[i % s.width]);
    }
    picture_clear(&q);
    picture_clear(&r);
    picture_clear(&s);
}

static void test_flat(void)
{
    Picture p;
    picture_init(&p, 13, 11);
    for (unsigned i = 0; i < 13 * 11; i++) {
        p.pixels[i] = 0xfe3579ff;
    }
    Picture q = scaled(&p, 31, 7);
    for (unsigned i = 0; i < 31 * 7; i++) {
        g_assert_cmphex(q.pixels[i], ==, 0xfe3579ff);
    }
    picture_clear(&p);
    picture_clear(&q);
}

/* What changes of the result is in the rectangle that is said to, whose drawing makes it what it is as a whole. */
static void test_pieces(void)
{
    for (int round = 0; round < 500; round++) {
        unsigned width = g_test_rand_int_range(1, 40), height = g_test_rand_int_range(1, 40);
        unsigned wide = g_test_rand_int_range(1, 90), tall = g_test_rand_int_range(1, 90);
        Picture p = noise(width, height), before = scaled(&p, wide, tall);
        PictureRect r = { g_test_rand_int_range(0, width), g_test_rand_int_range(0, height), 1, 1 };
        r.width = g_test_rand_int_range(1, width - r.x + 1);
        r.height = g_test_rand_int_range(1, height - r.y + 1);
        for (unsigned y = r.y; y < r.y + r.height; y++) {
            for (unsigned x = r.x; x < r.x + r.width; x++) {
                picture_row(&p, y)[x] = g_test_rand_int();
            }
        }
        Picture after = scaled(&p, wide, tall);
        PictureRect part = picture_scaled_rect(&p, &r, wide, tall);
        g_assert_true(rect_is_inside(&part, wide, tall));
        picture_scale(&p, &(ScaledPart){ wide, tall, part, picture_row(&before, part.y) + part.x, wide * 4 });
        g_assert_cmpmem(before.pixels, (size_t)wide * tall * 4, after.pixels, (size_t)wide * tall * 4);
        picture_clear(&p);
        picture_clear(&before);
        picture_clear(&after);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/scale/multiples", test_multiples);
    g_test_add_func("/scale/mixed", test_mixed);
    g_test_add_func("/scale/flat", test_flat);
    g_test_add_func("/scale/pieces", test_pieces);
    return g_test_run();
}
