/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Text consoles at VNC viewers: Ctrl-Alt-1 ... change the console, and what is typed goes to it as characters.
 *
 * Not modelled: characters by their older keysyms (other than Latin-1), and those by place alone. */
#include "ui/keysyms.h"
#include "ui/vnc/vnc_priv.h"

/* What is held at the viewer's. */
static void follow_mods(VncViewer *w, uint32_t sym, bool down)
{
    unsigned bit = sym == 0xffe1 || sym == 0xffe2   ? CONSOLE_SHIFT
                   : sym == 0xffe3 || sym == 0xffe4 ? CONSOLE_CTRL
                   : sym == 0xffe9 || sym == 0xffea ? CONSOLE_ALT
                                                    : 0;
    w->mods = down ? w->mods | bit : w->mods & ~bit;
}

static void switch_console(VncServer *v, Console *to)
{
    if (to == v->console) {
        return;
    }
    if (v->listens) {
        console_unlisten(v->console, &v->ear);
        console_listen(to, &v->ear);
    }
    v->console = to;
    v->seat = input_seat_of(v->inputs, to);
}

bool vnc_text_key(VncViewer *w, bool down, uint32_t sym)
{
    VncServer *v = w->v;
    unsigned both = CONSOLE_CTRL | CONSOLE_ALT, index = sym - '1';
    follow_mods(w, sym, down);
    if (down && (w->mods & both) == both && sym >= '1' && sym <= '9' && index < v->console_count) {
        input_release_all(v->seat); /* the guest has seen the keys that began it */
        switch_console(v, v->consoles[index]);
        return true;
    }
    if (!console_takes_text(v->console)) {
        return false;
    }
    uint32_t key = keysym_console_key(sym);
    if (down && key) {
        /* a character says itself whether Shift is in it */
        unsigned mods = key < CONSOLE_KEY_FIRST ? w->mods & ~CONSOLE_SHIFT : w->mods;
        console_type(v->console, &(ConsoleKey){ key, mods });
    }
    return true;
}
