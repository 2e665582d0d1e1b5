/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the files of the curses front end share.
 *
 * All of ncurses is called in one thread, which polls the terminal and sleeps between events; others set a notifier that wakes
 * it. */
#pragma once
#define NCURSES_NOMACROS
#include <curses.h>

#include "base/event_notifier.h"
#include "ui/curses/curses.h"

/* ---- the library (curses_api.c) ---- */

/* clang-format off */
#define CURSES_FUNCTIONS(F)                                                                                  \
    F(newterm) F(delscreen) F(endwin) F(raw) F(noecho) F(nonl) F(keypad) F(nodelay) F(set_escdelay)          \
    F(start_color) F(init_pair) F(wget_wch) F(setcchar) F(wadd_wch) F(wmove) F(werase) F(wnoutrefresh)       \
    F(doupdate) F(curs_set) F(resizeterm) F(clearok)
#define CURSES_VARIABLES(F) F(stdscr) F(COLORS) F(COLOR_PAIRS)
#define CURSES_FIELD(name) __typeof__(name) *name;
/* clang-format on */
typedef struct CursesApi {
    CURSES_FUNCTIONS(CURSES_FIELD)
    CURSES_VARIABLES(CURSES_FIELD)
} CursesApi;
/* NULL: the host has none, or too old a one. */
const CursesApi *curses_api_load(GError **err);

/* ---- it (curses.c) ---- */

enum { CURSES_CONSOLES = 9, CURSES_COLOURS = 16, CURSES_FRAME_US = 33000 };

typedef struct CursesDisplay {
    Display display;
    const CursesApi *api;
    SCREEN *screen;
    Inputs *inputs, *seat; /* the machine's; before the console */
    Console *consoles[CURSES_CONSOLES];
    unsigned count;
    Console *console; /* that is shown */
    ConsoleListener ear;
    ConsoleText text;
    EventNotifier *wake;
    GThread *thread;
    unsigned rows, cols; /* of the terminal */
    bool escape;         /* Esc was the last: Alt with what follows */
    gint ending, news;   /* atomic */
} CursesDisplay;

void curses_switch(CursesDisplay *d, unsigned index);
/* What the console shows, or that it is a picture (curses_draw.c). */
void curses_draw(CursesDisplay *d);
void curses_make_colours(const CursesDisplay *d);
/* All that was typed (curses_keys.c). */
void curses_take_keys(CursesDisplay *d);
