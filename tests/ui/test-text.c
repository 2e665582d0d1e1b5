/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Text consoles: what is written is to be seen, in cells and in pixels, and what is typed is to be read. */
#include <string.h>

#include "tests/loop.h"
#include "ui/text_console.h"

enum { COLS = 20, ROWS = 4 };
enum { GREY = 0xaaaaaa, RED = 0xaa0000, BRIGHT_GREEN = 0x55ff55, BLUE = 0x0000aa };

typedef struct Rig {
    Consoles *all;
    TextConsole *t;
    Console *c;
    ConsoleText text;
    int typed;
} Rig;

static void typed(void *opaque)
{
    Rig *r = opaque;
    r->typed++;
}

static void begin(Rig *r)
{
    *r = (Rig){ .all = consoles_new(test_loop(), test_clock()) };
    r->t = text_console_new(r->all, "line", COLS, ROWS, typed, r, NULL);
    g_assert_nonnull(r->t);
    r->c = consoles_get(r->all, 0);
}

static void end(Rig *r)
{
    console_text_clear(&r->text);
    text_console_free(r->t);
    consoles_free(r->all);
}

static void put(Rig *r, const char *s)
{
    text_console_write(r->t, s, strlen(s));
}

static const ConsoleCell *cell(Rig *r, unsigned row, unsigned col)
{
    g_assert_true(console_text(r->c, &r->text));
    g_assert_cmpuint(r->text.cols, ==, COLS);
    g_assert_cmpuint(r->text.rows, ==, ROWS);
    return &r->text.cells[row * COLS + col];
}

/* The row's text, without blanks at its end. */
static void expect_row(Rig *r, unsigned row, const char *expected)
{
    const ConsoleCell *c = cell(r, row, 0);
    g_autoptr(GString) s = g_string_new(NULL);
    for (unsigned x = 0; x < COLS; x++) {
        g_string_append_unichar(s, c[x].ch);
    }
    g_assert_cmpstr(g_strchomp(s->str), ==, expected);
}

static void expect_typed(Rig *r, const char *expected)
{
    char buf[64];
    size_t n = text_console_read(r->t, buf, sizeof(buf) - 1);
    buf[n] = '\0';
    g_assert_cmpstr(buf, ==, expected);
    g_assert_cmpint(r->typed, >, 0);
    r->typed = 0;
}

static void type(Rig *r, uint32_t code, unsigned mods)
{
    console_type(r->c, &(ConsoleKey){ code, mods });
}

/* ---- what is shown ----------------------------------------------------------------- */

static void test_text(void)
{
    Rig r;
    begin(&r);
    put(&r, "one\r\n\033[31mtwo\033[0m \033[1;32;44mthree\033[0m \xd0\x96\xc3\xa9");
    expect_row(&r, 0, "one");
    expect_row(&r, 1, "two three \xd0\x96\xc3\xa9");
    g_assert_cmphex(cell(&r, 0, 0)->fg, ==, GREY);
    g_assert_cmphex(cell(&r, 1, 0)->fg, ==, RED);
    g_assert_cmphex(cell(&r, 1, 4)->fg, ==, BRIGHT_GREEN);
    g_assert_cmphex(cell(&r, 1, 4)->bg, ==, BLUE);
    g_assert_cmpint(r.text.cursor_x, ==, 12);
    g_assert_cmpint(r.text.cursor_y, ==, 1);
    put(&r, "\033[?25l\033[2J\033[3;5H\033[7mX\033[0m");
    expect_row(&r, 0, "");
    expect_row(&r, 2, "    X");
    g_assert_cmphex(cell(&r, 2, 4)->bg, ==, GREY);
    g_assert_cmpint(r.text.cursor_x, ==, -1);
    end(&r);
}

/* Pixels of a cell that are not of its background. */
static unsigned lit(const Picture *p, unsigned row, unsigned col, uint32_t fg, uint32_t bg)
{
    unsigned n = 0;
    for (unsigned y = 0; y < TEXT_CELL_HEIGHT; y++) {
        for (unsigned x = 0; x < TEXT_CELL_WIDTH; x++) {
            uint32_t got = picture_row(p, row * TEXT_CELL_HEIGHT + y)[col * TEXT_CELL_WIDTH + x] & 0xffffff;
            g_assert_true(got == fg || got == bg);
            n += got == fg;
        }
    }
    return n;
}

/* The picture follows, cell by cell; the block of U+2588 is all foreground, and so is the cursor on a blank. */
static void test_pixels(void)
{
    Rig r;
    Picture p;
    begin(&r);
    put(&r, "\033[31m\xe2\x96\x88\033[0m i");
    console_snapshot(r.c, &p);
    g_assert_cmpuint(p.width, ==, COLS * TEXT_CELL_WIDTH);
    g_assert_cmpuint(p.height, ==, ROWS * TEXT_CELL_HEIGHT);
    g_assert_cmpuint(lit(&p, 0, 0, RED, 0), ==, TEXT_CELL_WIDTH * TEXT_CELL_HEIGHT);
    g_assert_cmpuint(lit(&p, 0, 1, GREY, 0), ==, 0);
    unsigned of_i = lit(&p, 0, 2, GREY, 0);
    g_assert_cmpuint(of_i, >, 4);
    g_assert_cmpuint(lit(&p, 0, 3, GREY, 0), ==, TEXT_CELL_WIDTH * TEXT_CELL_HEIGHT);
    picture_clear(&p);
    put(&r, "\r\n\ni"); /* under the first, a row between: nothing of it moves but the cursor */
    console_snapshot(r.c, &p);
    g_assert_cmpuint(lit(&p, 0, 3, GREY, 0), ==, 0);
    g_assert_cmpuint(lit(&p, 2, 0, GREY, 0), ==, of_i);
    picture_clear(&p);
    end(&r);
}

static void test_history(void)
{
    Rig r;
    begin(&r);
    for (int i = 0; i < 3000; i++) { /* more than is kept */
        g_autofree char *line = g_strdup_printf("%d\r\n", i);
        put(&r, line);
    }
    expect_row(&r, 2, "2999");
    type(&r, CONSOLE_KEY_UP, CONSOLE_CTRL);
    expect_row(&r, 3, "2999");
    expect_row(&r, 0, "2996");
    type(&r, CONSOLE_KEY_PAGE_UP, CONSOLE_CTRL);
    expect_row(&r, 0, "2993");
    put(&r, "more\r\n"); /* who looks back stays where they look */
    expect_row(&r, 0, "2993");
    g_assert_cmpint(r.text.cursor_y, ==, -1);
    for (int i = 0; i < 2000; i++) {
        type(&r, CONSOLE_KEY_UP, CONSOLE_CTRL);
    }
    expect_row(&r, 0, "1998"); /* a thousand above "2998" */
    g_assert_cmpint(r.typed, ==, 0);
    type(&r, 'x', 0);
    expect_row(&r, 2, "more");
    expect_typed(&r, "x");
    end(&r);
}

/* ---- what is typed ------------------------------------------------------------------- */

static void test_typing(void)
{
    Rig r;
    begin(&r);
    type(&r, 'a', 0);
    type(&r, 0xe9, 0);
    type(&r, 'c', CONSOLE_CTRL);
    expect_typed(&r, "a\xc3\xa9\003");
    type(&r, CONSOLE_KEY_ENTER, 0);
    type(&r, CONSOLE_KEY_UP, 0);
    type(&r, CONSOLE_KEY_BACKSPACE, 0);
    type(&r, CONSOLE_KEY_DELETE, 0);
    type(&r, CONSOLE_KEY_F1, 0);
    expect_typed(&r, "\r\033[A\x7f\033[3~\033OP");
    put(&r, "\033[5;7H\033[6n"); /* where is the cursor? */
    expect_typed(&r, "\033[4;7R");
    for (int i = 0; i < 100000; i++) { /* nobody reads: it has a bound */
        put(&r, "\033[6n");
    }
    char buf[256];
    size_t all = 0;
    for (size_t n; (n = text_console_read(r.t, buf, sizeof(buf))); all += n) {
    }
    g_assert_cmpuint(all, <=, 64 * 1024);
    end(&r);
}

/* ---- who looks ------------------------------------------------------------------------- */

typedef struct Ear {
    ConsoleListener l;
    int told;
} Ear;

static void told(ConsoleListener *l)
{
    Ear *e = l->opaque;
    e->told++;
}

static void look(const ConsoleView *v, const ConsoleListener *news, void *opaque)
{
    *(Damage *)opaque = news->damage;
}

/* A listener is told of what is written, and of no more than that. */
static void test_damage(void)
{
    Rig r;
    Ear e = { .l = { .notify = told, .opaque = &e } };
    Damage d;
    PictureRect rect;
    unsigned band = 0;
    begin(&r);
    console_listen(r.c, &e.l);
    console_look(r.c, &e.l, look, &d);
    while (g_main_context_iteration(NULL, FALSE)) {
    }
    console_look(r.c, &e.l, look, &d);
    e.told = 0;
    put(&r, "\033[?25l\033[2;3Hx");
    while (!e.told) {
        g_main_context_iteration(NULL, TRUE);
    }
    console_look(r.c, &e.l, look, &d);
    unsigned first = UINT_MAX, last = 0;
    while (damage_next(&d, &band, ROWS * TEXT_CELL_HEIGHT, &rect)) {
        first = MIN(first, rect.y);
        last = MAX(last, rect.y + rect.height);
    }
    g_assert_cmpuint(first, ==, 0); /* where the cursor was */
    g_assert_cmpuint(last, ==, 2 * TEXT_CELL_HEIGHT);
    console_unlisten(r.c, &e.l);
    end(&r);
}

/* Screens come before text consoles, whichever was made first; a text console is no device's. */
static void test_order(void)
{
    static const ConsoleOps none = { 0 };
    Rig r;
    Lock lock;
    begin(&r);
    lock_init(&lock, LOCK_DEVICE);
    Console *screen = console_new(r.all, "line", 0, &lock, &none, NULL);
    g_assert_true(consoles_get(r.all, 0) == screen && consoles_get(r.all, 1) == r.c);
    g_assert_true(consoles_find(r.all, "line", 0) == screen);
    g_assert_false(console_takes_text(screen));
    g_assert_false(console_text(screen, &r.text));
    console_free(screen);
    g_assert_null(consoles_find(r.all, "line", 0));
    lock_finish(&lock);
    end(&r);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/ui/text/text", test_text);
    g_test_add_func("/ui/text/pixels", test_pixels);
    g_test_add_func("/ui/text/history", test_history);
    g_test_add_func("/ui/text/typing", test_typing);
    g_test_add_func("/ui/text/damage", test_damage);
    g_test_add_func("/ui/text/order", test_order);
    return g_test_run();
}
