/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Keys of a terminal.  It says characters and names, not what is held or released: so a key of the guest's is pressed and
 * released at once, with Shift and Ctrl as a US board needs them.
 *
 * Alt-1 ... 9 change the console; a terminal says Alt by Esc before the key. */
#include <linux/input-event-codes.h>

#include "ui/curses/curses_priv.h"
#include "ui/keysyms.h"

enum { ESC = 27, LAST_CONTROL = 0x1f, DEL = 0x7f };

static const struct {
    int key;
    uint32_t sym;
} named[] = {
    { KEY_UP, 0xff52 },    { KEY_DOWN, 0xff54 }, { KEY_LEFT, 0xff51 },  { KEY_RIGHT, 0xff53 },
    { KEY_HOME, 0xff50 },  { KEY_END, 0xff57 },  { KEY_PPAGE, 0xff55 }, { KEY_NPAGE, 0xff56 },
    { KEY_IC, 0xff63 },    { KEY_DC, 0xffff },   { KEY_BTAB, 0xfe20 },  { KEY_BACKSPACE, 0xff08 },
    { KEY_ENTER, 0xff0d },
};

static uint32_t sym_of_name(int key)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(named); i++) {
        if (named[i].key == key) {
            return named[i].sym;
        }
    }
    return key >= KEY_F(1) && key <= KEY_F(12) ? KEYSYM_F1 + key - KEY_F(1) : 0;
}

static uint32_t sym_of_character(uint32_t c)
{
    return c == '\r' || c == '\n'  ? 0xff0d
           : c == '\t'             ? 0xff09
           : c == '\b' || c == DEL ? 0xff08
           : c == ESC              ? 0xff1b
           : c < 0x100             ? c
                                   : KEYSYM_UNICODE + c;
}

/* ---- to a guest's keyboard -------------------------------------------------------------- */

static void press(CursesDisplay *d, uint32_t sym, unsigned mods)
{
    int shift;
    unsigned code = keysym_code(sym, &shift);
    const struct {
        bool wanted;
        unsigned code;
    } held[] = { { mods & CONSOLE_CTRL, KEY_LEFTCTRL },
                 { mods & CONSOLE_ALT, KEY_LEFTALT },
                 { shift == 1 || sym == 0xfe20, KEY_LEFTSHIFT } };
    if (!code) {
        return;
    }
    for (unsigned i = 0; i < G_N_ELEMENTS(held); i++) {
        if (held[i].wanted) {
            input_key(d->seat, held[i].code, true);
        }
    }
    input_key(d->seat, code, true);
    input_key(d->seat, code, false);
    for (unsigned i = 0; i < G_N_ELEMENTS(held); i++) {
        if (held[i].wanted) {
            input_key(d->seat, held[i].code, false);
        }
    }
}

static void send(CursesDisplay *d, uint32_t sym, unsigned mods)
{
    uint32_t key = keysym_console_key(sym);
    if (!console_takes_text(d->console)) {
        press(d, sym, mods);
    } else if (key) {
        console_type(d->console, &(ConsoleKey){ key, mods });
    }
}

/* ---- from the terminal ------------------------------------------------------------------- */

static void character(CursesDisplay *d, uint32_t c, unsigned mods)
{
    bool alone = c == '\r' || c == '\n' || c == '\t' || c == '\b' || c == ESC;
    if (mods & CONSOLE_ALT && c >= '1' && c <= '9') {
        curses_switch(d, c - '1');
    } else if (c <= LAST_CONTROL && !alone) { /* Ctrl-A is 1; Ctrl-Space, -\, -], -^, -_ */
        send(d, c >= 1 && c <= 26 ? 'a' + c - 1 : c ? c + '@' : ' ', mods | CONSOLE_CTRL);
    } else {
        send(d, sym_of_character(c), mods);
    }
}

/* Esc and a key that is there already are Alt with it; Esc alone is itself. */
static void flush_escape(CursesDisplay *d)
{
    if (d->escape) {
        d->escape = false;
        character(d, ESC, 0);
    }
}

void curses_take_keys(CursesDisplay *d)
{
    wint_t c;
    int kind;
    while ((kind = d->api->wget_wch(*d->api->stdscr, &c)) != ERR) {
        unsigned mods = d->escape ? CONSOLE_ALT : 0;
        if (kind != KEY_CODE_YES && c == ESC && !d->escape) {
            d->escape = true;
            continue;
        }
        d->escape = false;
        if (kind != KEY_CODE_YES) {
            character(d, c, mods);
        } else if (c == KEY_RESIZE) {
            g_atomic_int_set(&d->news, 1);
        } else if (sym_of_name(c)) {
            send(d, sym_of_name(c), mods);
        }
    }
    flush_escape(d);
}
