/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Cells of a console on the terminal.  ncurses sends what has changed of them.
 *
 * Not modelled: more than sixteen colours, lines under characters. */
#include <wchar.h>

#include "ui/curses/curses_priv.h"

/* Of the terminal, in the order of its numbers, as Linux' console has them. */
static const uint32_t palette[CURSES_COLOURS] = { 0x000000, 0xaa0000, 0x00aa00, 0xaa5500, 0x0000aa, 0xaa00aa,
                                                  0x00aaaa, 0xaaaaaa, 0x555555, 0xff5555, 0x55ff55, 0xffff55,
                                                  0x5555ff, 0xff55ff, 0x55ffff, 0xffffff };

/* How many of them the terminal has: 0, 8 or 16; and each pair of them. */
static unsigned colours(const CursesDisplay *d)
{
    int n = *d->api->COLORS >= CURSES_COLOURS ? CURSES_COLOURS : *d->api->COLORS >= 8 ? 8 : 0;
    return *d->api->COLOR_PAIRS > n * n ? n : 0;
}

static short pair_of(unsigned fg, unsigned bg, unsigned n)
{
    return 1 + fg * n + bg;
}

void curses_make_colours(const CursesDisplay *d)
{
    d->api->start_color();
    unsigned n = colours(d);
    for (unsigned fg = 0; fg < n; fg++) {
        for (unsigned bg = 0; bg < n; bg++) {
            d->api->init_pair(pair_of(fg, bg, n), fg, bg);
        }
    }
}

static unsigned distance(uint32_t a, uint32_t b)
{
    unsigned sum = 0;
    for (unsigned at = 0; at < 24; at += 8) {
        int one = a >> at & 0xff, other = b >> at & 0xff;
        sum += (one - other) * (one - other);
    }
    return sum;
}

static unsigned nearest(uint32_t rgb)
{
    unsigned best = 0;
    for (unsigned i = 1; i < CURSES_COLOURS; i++) {
        if (distance(rgb, palette[i]) < distance(rgb, palette[best])) {
            best = i;
        }
    }
    return best;
}

static void put_cell(const CursesDisplay *d, const ConsoleCell *c)
{
    unsigned n = colours(d), fg = nearest(c->fg), bg = nearest(c->bg);
    wchar_t text[2] = { g_unichar_isprint(c->ch) && !g_unichar_iswide(c->ch) ? c->ch : L'?', 0 };
    attr_t attributes = 0;
    short pair = 0;
    cchar_t cell;
    if (n == CURSES_COLOURS) {
        pair = pair_of(fg, bg, n);
    } else if (n) { /* brighter is bolder, in the foreground */
        attributes = fg & 8 ? WA_BOLD : 0;
        pair = pair_of(fg & 7, bg & 7, n);
    } else {
        attributes = bg > fg ? WA_REVERSE : 0;
    }
    if (d->api->setcchar(&cell, text, attributes, pair, NULL) == OK) {
        d->api->wadd_wch(*d->api->stdscr, &cell);
    }
}

static void draw_text(const CursesDisplay *d)
{
    WINDOW *w = *d->api->stdscr;
    const ConsoleText *t = &d->text;
    for (unsigned row = 0; row < MIN(t->rows, d->rows); row++) {
        d->api->wmove(w, row, 0);
        for (unsigned x = 0; x < MIN(t->cols, d->cols); x++) {
            put_cell(d, &t->cells[row * t->cols + x]);
        }
    }
    bool seen = t->cursor_x >= 0 && (unsigned)t->cursor_x < d->cols && (unsigned)t->cursor_y < d->rows;
    d->api->curs_set(seen ? 1 : 0);
    if (seen) {
        d->api->wmove(w, t->cursor_y, t->cursor_x);
    }
}

static void size_of(const ConsoleView *v, const ConsoleListener *news, void *opaque)
{
    *(PictureRect *)opaque = (PictureRect){ 0, 0, v->picture.width, v->picture.height };
}

/* A picture cannot be shown here: its size, in the middle. */
static void draw_size(const CursesDisplay *d, const PictureRect *size)
{
    g_autofree char *text = size->width ? g_strdup_printf("%u x %u Graphic mode", size->width, size->height)
                                        : g_strdup("This screen shows nothing yet");
    size_t len = strlen(text);
    if (len < d->cols && d->rows) {
        d->api->wmove(*d->api->stdscr, d->rows / 2, (d->cols - len) / 2);
        for (size_t i = 0; i < len; i++) {
            put_cell(d, &(ConsoleCell){ text[i], 0xaaaaaa, 0, false });
        }
    }
    d->api->curs_set(0);
}

void curses_draw(CursesDisplay *d)
{
    PictureRect size;
    WINDOW *w = *d->api->stdscr;
    console_look(d->console, &d->ear, size_of, &size);
    d->api->werase(w);
    if (console_text(d->console, &d->text)) {
        draw_text(d);
    } else {
        draw_size(d, &size);
    }
    d->api->wnoutrefresh(w);
    d->api->doupdate();
}
