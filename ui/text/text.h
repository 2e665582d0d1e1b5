/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the files of text consoles share. */
#pragma once
#include <vterm.h>

#include "base/lock.h"
#include "ui/text_console.h"

/* ---- the library (vterm_api.c) ---- */

/* clang-format off */
#define VTERM_FUNCTIONS(F)                                                                                   \
    F(new) F(free) F(set_utf8) F(input_write) F(output_set_callback) F(keyboard_unichar) F(keyboard_key)     \
    F(obtain_screen) F(obtain_state) F(screen_set_callbacks) F(screen_enable_altscreen) F(screen_reset)      \
    F(screen_get_cell) F(screen_convert_color_to_rgb) F(state_set_bold_highbright) F(state_get_cursorpos)    \
    F(state_set_default_colors) F(state_set_palette_color)
#define VTERM_FIELD(name) __typeof__(vterm_##name) *name;
/* clang-format on */
typedef struct VtermApi {
    VTERM_FUNCTIONS(VTERM_FIELD)
} VtermApi;
/* NULL: the host has none, or too old a one. */
const VtermApi *vterm_api_load(GError **err);

/* ---- what has scrolled away (text_history.c) ---- */

enum { TEXT_HISTORY = 1000 };

/* Lines, the newest last. */
typedef struct TextHistory {
    unsigned cols, first, count;
    ConsoleCell *lines[TEXT_HISTORY];
} TextHistory;

ConsoleCell *text_history_add(TextHistory *h); /* a line to be filled; the oldest goes if there is no room */
const ConsoleCell *text_history_line(const TextHistory *h, unsigned back); /* 1: the newest */
void text_history_clear(TextHistory *h);

/* ---- one (text_console.c) ---- */

struct TextConsole {
    Lock lock;
    Console *console;
    const VtermApi *api;
    VTerm *vt;
    VTermScreen *screen;
    unsigned cols, rows;
    bool cursor_shown;
    unsigned back; /* lines that the view is above the newest */
    TextHistory history;
    ConsoleCell *shown;  /* what is drawn, rows by cols */
    GByteArray *to_read; /* bounded */
    void (*typed)(void *opaque);
    void *opaque;
};

/* ---- drawing (text_draw.c), under the lock ---- */

ConsoleCell text_cell(const TextConsole *t, const VTermScreenCell *from);
/* A row of what is looked at: cols cells, the one under the cursor with its colours swapped if that is wanted. */
void text_row(const TextConsole *t, unsigned row, bool cursor, ConsoleCell *cells);
void text_draw(TextConsole *t, bool all);
