/* SPDX-License-Identifier: GPL-2.0-or-later */
/* vc: a chardev's bytes on a console, and back. */
#include <string.h>

#include "rig.h"
#include "tests/ends.h"
#include "tests/loop.h"
#include "ui/console.h"

static Consoles *all;

static Console *open_vc(Rig *r, const char *text)
{
    all = consoles_new(test_loop(), test_clock());
    chardevs_set_consoles(test_chardevs(), all);
    rig_init(r, rig_chardev_ok(text), &rig_frontend);
    g_assert_cmpuint(consoles_count(all), ==, 1);
    return consoles_get(all, 0);
}

static void close_vc(Rig *r)
{
    Chardev *chr = r->chr;
    rig_clear(r);
    chardev_free(chr);
    chardevs_set_consoles(test_chardevs(), NULL);
    consoles_free(all);
}

static void expect_size(const char *text, unsigned cols, unsigned rows)
{
    Rig r;
    ConsoleText t = { 0 };
    g_assert_true(console_text(open_vc(&r, text), &t));
    g_assert_cmpuint(t.cols, ==, cols);
    g_assert_cmpuint(t.rows, ==, rows);
    console_text_clear(&t);
    close_vc(&r);
}

static void test_sizes(void)
{
    expect_size("vc,id=v", 80, 24);
    expect_size("vc,id=v,cols=132,rows=50", 132, 50);
    expect_size("vc,id=v,width=800,height=600", 100, 37);
    expect_size("vc,id=v,width=1,height=1", 2, 1); /* libvterm cannot do with one */
}

/* Both ways, with a frontend that takes little at once; it can be neither removed nor changed. */
static void test_line(void)
{
    Rig r;
    ConsoleText t = { 0 };
    Console *c = open_vc(&r, "vc,id=v");
    g_assert_cmpint(chardev_write(r.chr, "hello", 5), ==, 5);
    g_assert_true(console_text(c, &t));
    g_assert_cmpuint(t.cells[4].ch, ==, 'o');
    g_assert_cmpint(t.cursor_x, ==, 5);
    r.room = r.per_turn = 3;
    for (int i = 0; i < 1000; i++) {
        console_type(c, &(ConsoleKey){ (uint32_t)('a' + i % 26), 0 });
    }
    g_assert_true(rig_wait_bytes(&r, 1000));
    for (gsize i = 0; i < 1000; i++) {
        g_assert_cmpint(r.got->str[i], ==, 'a' + (int)(i % 26));
    }
    g_assert_true(chardev_stays(r.chr));
    console_text_clear(&t);
    close_vc(&r);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/chardev/vc/sizes", test_sizes);
    g_test_add_func("/chardev/vc/line", test_line);
    return g_test_run();
}
