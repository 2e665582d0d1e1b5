/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A text console: see ui/text_console.h.
 *
 * Not modelled: the mouse, the bell, titles, other sizes than the first. */
#include "ui/text/text.h"

#include <string.h>

enum { READ_MOST = 64 * 1024, PAGE_KEEPS = 1 };

/* ---- the terminal's calls, under the lock ---------------------------------------------- */

static void terminal_says(const char *bytes, size_t len, void *opaque)
{
    TextConsole *t = opaque;
    if (len <= READ_MOST - t->to_read->len) { /* a guest that asks for ever reads nothing */
        g_byte_array_append(t->to_read, (const guint8 *)bytes, len);
        t->typed(t->opaque);
    }
}

static int property(VTermProp prop, VTermValue *value, void *opaque)
{
    TextConsole *t = opaque;
    if (prop == VTERM_PROP_CURSORVISIBLE) {
        t->cursor_shown = value->boolean;
    }
    return 1;
}

static int line_gone(int cols, const VTermScreenCell *cells, void *opaque)
{
    TextConsole *t = opaque;
    ConsoleCell *line = text_history_add(&t->history);
    for (int x = 0; x < cols && x < (int)t->cols; x++) {
        line[x] = text_cell(t, &cells[x]);
    }
    if (t->back && t->back < t->history.count) { /* who looks at what was goes on to */
        t->back++;
    }
    return 1;
}

/* ---- the console's calls ------------------------------------------------------------------ */

static void refresh(void *opaque)
{
    text_draw(opaque, false);
}

static void look_back(TextConsole *t, int lines)
{
    int most = t->history.count, back = t->back;
    t->back = CLAMP(back + lines, 0, most);
    console_changed(t->console);
}

/* Ctrl with an arrow, PgUp or PgDn looks at what has scrolled away. */
static bool is_look(TextConsole *t, const ConsoleKey *k)
{
    int page = t->rows > PAGE_KEEPS ? t->rows - PAGE_KEEPS : 1;
    int lines = k->code == CONSOLE_KEY_UP        ? 1
                : k->code == CONSOLE_KEY_DOWN    ? -1
                : k->code == CONSOLE_KEY_PAGE_UP ? page
                                                 : -page;
    bool ours =
        k->mods == CONSOLE_CTRL && (k->code == CONSOLE_KEY_UP || k->code == CONSOLE_KEY_DOWN ||
                                    k->code == CONSOLE_KEY_PAGE_UP || k->code == CONSOLE_KEY_PAGE_DOWN);
    if (ours) {
        look_back(t, lines);
    }
    return ours;
}

static void type(void *opaque, const ConsoleKey *k)
{
    static const VTermKey named[] = {
        [CONSOLE_KEY_UP - CONSOLE_KEY_FIRST] = VTERM_KEY_UP,
        [CONSOLE_KEY_DOWN - CONSOLE_KEY_FIRST] = VTERM_KEY_DOWN,
        [CONSOLE_KEY_LEFT - CONSOLE_KEY_FIRST] = VTERM_KEY_LEFT,
        [CONSOLE_KEY_RIGHT - CONSOLE_KEY_FIRST] = VTERM_KEY_RIGHT,
        [CONSOLE_KEY_HOME - CONSOLE_KEY_FIRST] = VTERM_KEY_HOME,
        [CONSOLE_KEY_END - CONSOLE_KEY_FIRST] = VTERM_KEY_END,
        [CONSOLE_KEY_PAGE_UP - CONSOLE_KEY_FIRST] = VTERM_KEY_PAGEUP,
        [CONSOLE_KEY_PAGE_DOWN - CONSOLE_KEY_FIRST] = VTERM_KEY_PAGEDOWN,
        [CONSOLE_KEY_INSERT - CONSOLE_KEY_FIRST] = VTERM_KEY_INS,
        [CONSOLE_KEY_DELETE - CONSOLE_KEY_FIRST] = VTERM_KEY_DEL,
        [CONSOLE_KEY_ENTER - CONSOLE_KEY_FIRST] = VTERM_KEY_ENTER,
        [CONSOLE_KEY_TAB - CONSOLE_KEY_FIRST] = VTERM_KEY_TAB,
        [CONSOLE_KEY_BACKSPACE - CONSOLE_KEY_FIRST] = VTERM_KEY_BACKSPACE,
        [CONSOLE_KEY_ESCAPE - CONSOLE_KEY_FIRST] = VTERM_KEY_ESCAPE,
    };
    TextConsole *t = opaque;
    if (is_look(t, k)) {
        return;
    }
    if (t->back) {
        look_back(t, -TEXT_HISTORY);
    }
    if (k->code >= CONSOLE_KEY_F1 && k->code <= CONSOLE_KEY_F12) {
        t->api->keyboard_key(t->vt, VTERM_KEY_FUNCTION(k->code - CONSOLE_KEY_F1 + 1), k->mods);
    } else if (k->code >= CONSOLE_KEY_FIRST && k->code - CONSOLE_KEY_FIRST < G_N_ELEMENTS(named)) {
        t->api->keyboard_key(t->vt, named[k->code - CONSOLE_KEY_FIRST], k->mods);
    } else if (k->code < CONSOLE_KEY_FIRST) {
        t->api->keyboard_unichar(t->vt, k->code, k->mods);
    }
}

static bool text(void *opaque, ConsoleText *to)
{
    TextConsole *t = opaque;
    VTermPos cursor;
    int rows = t->rows;
    t->api->state_get_cursorpos(t->api->obtain_state(t->vt), &cursor);
    console_text_size(to, t->cols, t->rows);
    for (unsigned row = 0; row < t->rows; row++) {
        text_row(t, row, false, to->cells + (size_t)row * t->cols);
    }
    int row = cursor.row + t->back;
    bool seen = t->cursor_shown && row < rows;
    to->cursor_x = seen ? cursor.col : -1;
    to->cursor_y = seen ? row : -1;
    return true;
}

/* ---- life ------------------------------------------------------------------------------- */

static void set_up_terminal(TextConsole *t)
{
    static const VTermScreenCallbacks calls = { .settermprop = property, .sb_pushline = line_gone };
    /* as Linux' console has them */
    static const uint32_t palette[] = { 0x000000, 0xaa0000, 0x00aa00, 0xaa5500, 0x0000aa, 0xaa00aa,
                                        0x00aaaa, 0xaaaaaa, 0x555555, 0xff5555, 0x55ff55, 0xffff55,
                                        0x5555ff, 0xff55ff, 0x55ffff, 0xffffff };
    VTermState *state = t->api->obtain_state(t->vt);
    VTermColor fg, bg, c;
    t->api->set_utf8(t->vt, 1);
    t->api->output_set_callback(t->vt, terminal_says, t);
    vterm_color_rgb(&fg, 0xaa, 0xaa, 0xaa);
    vterm_color_rgb(&bg, 0, 0, 0);
    t->api->state_set_default_colors(state, &fg, &bg);
    t->api->state_set_bold_highbright(state, 1);
    for (unsigned i = 0; i < G_N_ELEMENTS(palette); i++) {
        vterm_color_rgb(&c, palette[i] >> 16, palette[i] >> 8 & 0xff, palette[i] & 0xff);
        t->api->state_set_palette_color(state, i, &c);
    }
    t->api->screen_set_callbacks(t->screen, &calls, t);
    t->api->screen_enable_altscreen(t->screen, 1);
    t->api->screen_reset(t->screen, 1);
}

TextConsole *text_console_new(Consoles *all, const char *name, unsigned cols, unsigned rows,
                              void (*typed)(void *opaque), void *opaque, GError **err)
{
    static const ConsoleOps ops = { .refresh = refresh, .tells = true, .type = type, .text = text };
    g_assert(cols >= TEXT_MIN_COLS && cols <= TEXT_MAX_COLS && rows && rows <= TEXT_MAX_ROWS);
    const VtermApi *api = vterm_api_load(err);
    if (!api) {
        return NULL;
    }
    TextConsole *t = g_new0(TextConsole, 1);
    lock_init(&t->lock, LOCK_TERMINAL);
    t->api = api;
    t->cols = t->history.cols = cols;
    t->rows = rows;
    t->typed = typed;
    t->opaque = opaque;
    t->to_read = g_byte_array_new();
    t->shown = g_new0(ConsoleCell, (size_t)cols * rows);
    t->vt = api->new (rows, cols);
    t->screen = api->obtain_screen(t->vt);
    set_up_terminal(t);
    t->console = console_new(all, name, 0, &t->lock, &ops, t);
    console_set_size(t->console, cols * TEXT_CELL_WIDTH, rows * TEXT_CELL_HEIGHT);
    lock_take(&t->lock);
    text_draw(t, true);
    lock_release(&t->lock);
    return t;
}

void text_console_free(TextConsole *t)
{
    if (t) {
        console_free(t->console);
        t->api->free(t->vt);
        text_history_clear(&t->history);
        g_byte_array_unref(t->to_read);
        lock_finish(&t->lock);
        g_free(t->shown);
        g_free(t);
    }
}

/* ---- the line -------------------------------------------------------------------------- */

void text_console_write(TextConsole *t, const void *bytes, size_t len)
{
    lock_take(&t->lock);
    t->api->input_write(t->vt, bytes, len);
    lock_release(&t->lock);
    console_changed(t->console);
}

size_t text_console_read(TextConsole *t, void *bytes, size_t max)
{
    lock_take(&t->lock);
    size_t n = MIN(max, t->to_read->len);
    if (n) {
        memcpy(bytes, t->to_read->data, n);
        g_byte_array_remove_range(t->to_read, 0, n);
    }
    lock_release(&t->lock);
    return n;
}
