/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Text consoles: from the terminal's cells to the picture.
 *
 * What is to be seen is compared with what is drawn, and the columns of a row that differ are drawn anew: so text that
 * scrolls by costs what a person can see of it.
 *
 * Not modelled: slanted and bold shapes (bold is bright), blinking, combined characters, characters of two columns (a box). */
#include <string.h>

#include "ui/text/font.h"
#include "ui/text/text.h"

const uint8_t *font_rows(uint32_t code)
{
    unsigned from = 0, to = font_count; /* the last is the box */
    while (from < to) {
        unsigned middle = from + (to - from) / 2;
        if (font_glyphs[middle].code == code) {
            return font_glyphs[middle].rows;
        }
        if (font_glyphs[middle].code < code) {
            from = middle + 1;
        } else {
            to = middle;
        }
    }
    return font_glyphs[font_count - 1].rows;
}

static uint32_t rgb(const TextConsole *t, VTermColor c)
{
    t->api->screen_convert_color_to_rgb(t->screen, &c);
    return c.rgb.red << 16 | c.rgb.green << 8 | c.rgb.blue;
}

ConsoleCell text_cell(const TextConsole *t, const VTermScreenCell *from)
{
    uint32_t fg = rgb(t, from->fg), bg = rgb(t, from->bg), ch = from->chars[0];
    bool none = !ch || ch == UINT32_MAX; /* empty; or behind a character of two columns */
    return (ConsoleCell){ none ? ' ' : ch, from->attrs.reverse ? bg : fg, from->attrs.reverse ? fg : bg,
                          from->attrs.underline || from->attrs.strike };
}

void text_row(const TextConsole *t, unsigned row, bool with_cursor, ConsoleCell *cells)
{
    VTermPos cursor;
    VTermScreenCell cell;
    if (row < t->back) {
        memcpy(cells, text_history_line(&t->history, t->back - row), t->cols * sizeof(*cells));
        return;
    }
    t->api->state_get_cursorpos(t->api->obtain_state(t->vt), &cursor);
    for (unsigned x = 0; x < t->cols; x++) {
        VTermPos at = { row - t->back, x };
        cells[x] = (ConsoleCell){ ' ', 0, 0, false };
        if (t->api->screen_get_cell(t->screen, at, &cell)) {
            cells[x] = text_cell(t, &cell);
        }
        if (with_cursor && t->cursor_shown && at.row == cursor.row && at.col == cursor.col) {
            cells[x] = (ConsoleCell){ cells[x].ch, cells[x].bg, cells[x].fg, cells[x].line };
        }
    }
}

static void draw_cell(const ConsoleCell *c, uint32_t *to, unsigned stride)
{
    const uint8_t *rows = font_rows(c->ch);
    for (unsigned y = 0; y < TEXT_CELL_HEIGHT; y++) {
        unsigned bits = c->line && y == TEXT_CELL_HEIGHT - 2 ? 0xff : rows[y];
        for (unsigned x = 0; x < TEXT_CELL_WIDTH; x++) {
            to[y * stride + x] = bits & (0x80 >> x) ? c->fg : c->bg;
        }
    }
}

static bool same_cell(const ConsoleCell *a, const ConsoleCell *b)
{
    return a->ch == b->ch && a->fg == b->fg && a->bg == b->bg && a->line == b->line;
}

void text_draw(TextConsole *t, bool all)
{
    unsigned stride = t->cols * TEXT_CELL_WIDTH;
    g_autofree ConsoleCell *cells = g_new(ConsoleCell, t->cols);
    g_autofree uint32_t *pixels = g_new(uint32_t, (size_t)stride * TEXT_CELL_HEIGHT);
    for (unsigned row = 0; row < t->rows; row++) {
        ConsoleCell *shown = t->shown + (size_t)row * t->cols;
        unsigned from = 0, to = t->cols;
        text_row(t, row, true, cells);
        while (!all && from < to && same_cell(&cells[from], &shown[from])) {
            from++;
        }
        while (!all && to > from && same_cell(&cells[to - 1], &shown[to - 1])) {
            to--;
        }
        for (unsigned x = from; x < to; x++) {
            draw_cell(&cells[x], pixels + (size_t)x * TEXT_CELL_WIDTH, stride);
        }
        if (from < to) {
            PictureRect r = { from * TEXT_CELL_WIDTH, row * TEXT_CELL_HEIGHT, (to - from) * TEXT_CELL_WIDTH,
                              TEXT_CELL_HEIGHT };
            console_draw(t->console, &r, pixels + (size_t)from * TEXT_CELL_WIDTH, stride * sizeof(*pixels),
                         NULL);
            memcpy(shown, cells, t->cols * sizeof(*cells));
        }
    }
}
