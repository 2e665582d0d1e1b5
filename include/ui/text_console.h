/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Text consoles: a terminal (xterm's control sequences, by libvterm) on a console of its own, for a serial line or a
 * monitor in a window or at a viewer's.
 *
 * What is written is drawn when somebody looks, at most 30 times a second; what is typed waits to be read.  The library is
 * loaded when the first one is made. */
#pragma once
#include "ui/console.h"

typedef struct TextConsole TextConsole;

enum { TEXT_CELL_WIDTH = 8, TEXT_CELL_HEIGHT = 16, TEXT_MAX_COLS = 512, TEXT_MAX_ROWS = 256 };
/* libvterm writes a character of two columns even where there is but one, past the end. */
enum { TEXT_MIN_COLS = 2 };

/* cols: TEXT_MIN_COLS to TEXT_MAX_COLS; rows: 1 to TEXT_MAX_ROWS.  typed: there is something to read; any thread, takes
 * a note, no more.  NULL: *err. */
TextConsole *text_console_new(Consoles *all, const char *name, unsigned cols, unsigned rows,
                              void (*typed)(void *opaque), void *opaque, GError **err);
void text_console_free(TextConsole *t); /* behind the front ends; NULL is fine */
/* Show it; any thread. */
void text_console_write(TextConsole *t, const void *bytes, size_t len);
/* What was typed, and the terminal's own answers: up to `max` bytes of it; 0: nothing. */
size_t text_console_read(TextConsole *t, void *bytes, size_t max);
/* Can there be one: was the library built in, and is it there? */
bool text_console_is_possible(void);
