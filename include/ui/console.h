/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Consoles: between the devices that draw and the front ends that show.
 *
 *   device      draws into the picture of its console, under its own lock, in any thread
 *   console     keeps picture and cursor, and for each front end what has changed
 *   front end   is told once that something has, and looks when it likes, in a thread of its own
 *
 * Nobody waits for a front end: one that sleeps finds the sum of what it missed.  A device whose guest draws into
 * memory without a word looks at it when it is asked (ConsoleOps.refresh), 30 times a second while somebody
 * watches, and never else.
 *
 * Consoles come and go with their devices, in the main loop; front ends are closed before (docs/screen.md). */
#pragma once
#include "base/lock.h"
#include "ui/damage.h"
#include "ui/picture.h"

typedef struct Clock Clock;
typedef struct EventLoop EventLoop;
typedef struct Console Console;
typedef struct Consoles Consoles; /* of one machine */

enum { CONSOLE_REFRESH_MS = 33 };

Consoles *consoles_new(EventLoop *loop, Clock *clock);
void consoles_free(Consoles *all); /* behind the devices; NULL is fine */
unsigned consoles_count(const Consoles *all);
/* In the order of their creation, text consoles behind the others; NULL: not so many. */
Console *consoles_get(const Consoles *all, unsigned index);
/* By the id or path of its device; NULL: there is none, or it has no such head.  No text consoles. */
Console *consoles_find(const Consoles *all, const char *device, unsigned head);

/* ---- the device ------------------------------------------------------------------ */

/* Keys of a console that takes text: a character of Unicode, or one of these. */
enum {
    CONSOLE_KEY_FIRST = 0x110000, /* behind all characters */
    CONSOLE_KEY_UP = CONSOLE_KEY_FIRST,
    CONSOLE_KEY_DOWN,
    CONSOLE_KEY_LEFT,
    CONSOLE_KEY_RIGHT,
    CONSOLE_KEY_HOME,
    CONSOLE_KEY_END,
    CONSOLE_KEY_PAGE_UP,
    CONSOLE_KEY_PAGE_DOWN,
    CONSOLE_KEY_INSERT,
    CONSOLE_KEY_DELETE,
    CONSOLE_KEY_ENTER,
    CONSOLE_KEY_TAB,
    CONSOLE_KEY_BACKSPACE,
    CONSOLE_KEY_ESCAPE,
    CONSOLE_KEY_F1,
    CONSOLE_KEY_F12 = CONSOLE_KEY_F1 + 11,
};
enum { CONSOLE_SHIFT = 1, CONSOLE_ALT = 2, CONSOLE_CTRL = 4 };
typedef struct ConsoleKey {
    uint32_t code;
    unsigned mods; /* of a character: what is not in it already */
} ConsoleKey;

/* What a console shows, as text. */
typedef struct ConsoleCell {
    uint32_t ch;     /* Unicode, one column */
    uint32_t fg, bg; /* 0xRRGGBB */
    bool line;       /* under or through it */
} ConsoleCell;
typedef struct ConsoleText {
    unsigned cols, rows;
    int cursor_x, cursor_y; /* -1: none */
    ConsoleCell *cells;     /* rows from above */
} ConsoleText;
void console_text_size(ConsoleText *t, unsigned cols, unsigned rows); /* zeroed at first; cells are anyhow */
void console_text_clear(ConsoleText *t);

/* Called in the main loop but for type and text (any thread), under the lock given to console_new but for prepare. */
typedef struct ConsoleOps {
    /* Draw what has changed; all of it while nobody watches.  NULL: the guest says when. */
    void (*refresh)(void *opaque);
    void (*watched)(void *opaque,
                    bool watched); /* somebody watches from now on, or nobody; NULL: no matter */
    /* A front end would have room for a picture of this size; NULL: the guest alone decides. */
    void (*wish)(void *opaque, unsigned width, unsigned height);
    bool tells; /* refresh is called when console_changed has said so, and for whoever takes a picture */
    /* It is a text console: somebody types on it.  NULL: keys go to the machine's devices. */
    void (*type)(void *opaque, const ConsoleKey *k);
    bool (*text)(void *opaque, ConsoleText *t); /* false: it shows no text now; NULL: never */
    /* Before refresh, without the lock: what has not come yet comes.  NULL: nothing comes late. */
    void (*prepare)(void *opaque);
} ConsoleOps;

/* device: its name, of which a copy is kept; lock: the device's.  Main loop, no lock. */
Console *console_new(Consoles *all, const char *device, unsigned head, Lock *lock, const ConsoleOps *ops,
                     void *opaque);
void console_free(Console *c); /* NULL is fine */
/* There is something to draw: refresh is called soon, if somebody watches.  Any thread, any lock before the console's. */
void console_changed(Console *c);

/* From now on it shows a picture of this size, black; 0, 0: none.  The same size: all is damage. */
void console_set_size(Console *c, unsigned width, unsigned height);
/* Draw a rectangle, which must be inside: its first pixel is at `from`, its rows are `stride` bytes apart.  format NULL: as
 * in a Picture. */
void console_draw(Console *c, const PictureRect *r, const void *from, size_t stride,
                  const PixelFormat *format);
/* The pointer that the device draws: a shape with alpha (NULL: none) that the guest points with at hot_x, hot_y. */
void console_set_cursor(Console *c, const Picture *shape, int hot_x, int hot_y);
void console_move_cursor(Console *c, int x, int y);

/* ---- front ends -------------------------------------------------------------------- */

typedef struct Cursor {
    Picture shape; /* no size: the guest shows none */
    int hot_x, hot_y;
    int x, y; /* where it points */
} Cursor;

typedef struct ConsoleView {
    Picture picture; /* no size: there is nothing to show yet */
    Cursor cursor;
} ConsoleView;

/* A front end's ear.  Its owner sets `notify` and `opaque`; the rest is the console's. */
typedef struct ConsoleListener {
    /* Something is new: once, until it is looked at.  Any thread, any lock: takes a note, no more. */
    void (*notify)(struct ConsoleListener *l);
    void *opaque;
    bool told, resized, cursor_shape, cursor_moved;
    Damage damage;
} ConsoleListener;

/* These from any thread, under no lock.  At first all is new. */
void console_listen(Console *c, ConsoleListener *l);
void console_unlisten(Console *c, ConsoleListener *l); /* it hears no more when this returns */
/* fn sees picture, cursor and what has changed, while the device waits: it copies, and returns.  Then nothing is new. */
void console_look(Console *c, ConsoleListener *l,
                  void (*fn)(const ConsoleView *v, const ConsoleListener *news, void *opaque), void *opaque);
bool console_takes_wishes(const Console *c);
/* See ConsoleOps.wish. */
void console_wish(Console *c, unsigned width, unsigned height);

bool console_takes_text(const Console *c);
void console_type(Console *c, const ConsoleKey *k); /* of one that takes text */
bool console_text(Console *c, ConsoleText *t);      /* see ConsoleOps.text */

const char *console_device(const Console *c); /* of a text console: its name */
unsigned console_head(const Console *c);
/* What it shows now, with the pointer in it: the caller's (picture_clear).  Main loop, no lock.  Of a console that
 * shows nothing yet: black, 640 by 480. */
void console_snapshot(Console *c, Picture *p);
/* Have it looked at now, in the main loop, instead of in the next thirtieth of a second. */
void console_refresh(Console *c);
