/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Keysyms of X to keys of a US board, for viewers and terminals that name characters, not places.
 * Source: X11's keysymdef (numbers), RFB protocol, "KeyEvent". */
#include <linux/input-event-codes.h>

#include "ui/keysyms.h"

/* Without Shift, and with it. */
static const struct {
    char plain, shifted;
    uint16_t code;
} characters[] = {
    { '`', '~', KEY_GRAVE },     { '1', '!', KEY_1 },           { '2', '@', KEY_2 },
    { '3', '#', KEY_3 },         { '4', '$', KEY_4 },           { '5', '%', KEY_5 },
    { '6', '^', KEY_6 },         { '7', '&', KEY_7 },           { '8', '*', KEY_8 },
    { '9', '(', KEY_9 },         { '0', ')', KEY_0 },           { '-', '_', KEY_MINUS },
    { '=', '+', KEY_EQUAL },     { '[', '{', KEY_LEFTBRACE },   { ']', '}', KEY_RIGHTBRACE },
    { ';', ':', KEY_SEMICOLON }, { '\'', '"', KEY_APOSTROPHE }, { '\\', '|', KEY_BACKSLASH },
    { ',', '<', KEY_COMMA },     { '.', '>', KEY_DOT },         { '/', '?', KEY_SLASH },
    { 'a', 'A', KEY_A },         { 'b', 'B', KEY_B },           { 'c', 'C', KEY_C },
    { 'd', 'D', KEY_D },         { 'e', 'E', KEY_E },           { 'f', 'F', KEY_F },
    { 'g', 'G', KEY_G },         { 'h', 'H', KEY_H },           { 'i', 'I', KEY_I },
    { 'j', 'J', KEY_J },         { 'k', 'K', KEY_K },           { 'l', 'L', KEY_L },
    { 'm', 'M', KEY_M },         { 'n', 'N', KEY_N },           { 'o', 'O', KEY_O },
    { 'p', 'P', KEY_P },         { 'q', 'Q', KEY_Q },           { 'r', 'R', KEY_R },
    { 's', 'S', KEY_S },         { 't', 'T', KEY_T },           { 'u', 'U', KEY_U },
    { 'v', 'V', KEY_V },         { 'w', 'W', KEY_W },           { 'x', 'X', KEY_X },
    { 'y', 'Y', KEY_Y },         { 'z', 'Z', KEY_Z },           { ' ', ' ', KEY_SPACE },
};

/* Those that Shift does not change: from `first` on, one behind the other. */
#define KEYS(...)                                                                                            \
    (const uint16_t[])                                                                                       \
    {                                                                                                        \
        __VA_ARGS__, 0                                                                                       \
    }
static const struct {
    uint16_t first;
    const uint16_t *codes;
} functions[] = {
    { 0xff08, KEYS(KEY_BACKSPACE, KEY_TAB, KEY_LINEFEED) },
    { 0xff0d, KEYS(KEY_ENTER) },
    { 0xff13, KEYS(KEY_PAUSE, KEY_SCROLLLOCK, KEY_SYSRQ) },
    { 0xff1b, KEYS(KEY_ESC) },
    { 0xff50, KEYS(KEY_HOME, KEY_LEFT, KEY_UP, KEY_RIGHT, KEY_DOWN, KEY_PAGEUP, KEY_PAGEDOWN, KEY_END) },
    { 0xff61, KEYS(KEY_SYSRQ) },
    { 0xff63, KEYS(KEY_INSERT) },
    { 0xff67, KEYS(KEY_COMPOSE) },
    { 0xff7f, KEYS(KEY_NUMLOCK) },
    { 0xff8d, KEYS(KEY_KPENTER) },
    { 0xff95, KEYS(KEY_KP7, KEY_KP4, KEY_KP8, KEY_KP6, KEY_KP2, KEY_KP9, KEY_KP3, KEY_KP1, KEY_KP5, KEY_KP0,
                   KEY_KPDOT) },
    { 0xffaa, KEYS(KEY_KPASTERISK, KEY_KPPLUS, KEY_KPCOMMA, KEY_KPMINUS, KEY_KPDOT, KEY_KPSLASH, KEY_KP0,
                   KEY_KP1, KEY_KP2, KEY_KP3, KEY_KP4, KEY_KP5, KEY_KP6, KEY_KP7, KEY_KP8, KEY_KP9) },
    { 0xffbd,
      KEYS(KEY_KPEQUAL, KEY_F1, KEY_F2, KEY_F3, KEY_F4, KEY_F5, KEY_F6, KEY_F7, KEY_F8, KEY_F9, KEY_F10,
           KEY_F11, KEY_F12, KEY_F13, KEY_F14, KEY_F15, KEY_F16, KEY_F17, KEY_F18, KEY_F19, KEY_F20) },
    { 0xffe1, KEYS(KEY_LEFTSHIFT, KEY_RIGHTSHIFT, KEY_LEFTCTRL, KEY_RIGHTCTRL, KEY_CAPSLOCK, KEY_CAPSLOCK,
                   KEY_LEFTMETA, KEY_RIGHTMETA, KEY_LEFTALT, KEY_RIGHTALT, KEY_LEFTMETA, KEY_RIGHTMETA) },
    { 0xffff, KEYS(KEY_DELETE) },
    { 0xfe03, KEYS(KEY_RIGHTALT) },
    { 0xfe20, KEYS(KEY_TAB) },
};

/* Of text consoles. */
static const struct {
    uint16_t sym;
    uint32_t key;
} names[] = {
    { 0xff08, CONSOLE_KEY_BACKSPACE }, { 0xff09, CONSOLE_KEY_TAB },   { 0xfe20, CONSOLE_KEY_TAB },
    { 0xff0d, CONSOLE_KEY_ENTER },     { 0xff8d, CONSOLE_KEY_ENTER }, { 0xff1b, CONSOLE_KEY_ESCAPE },
    { 0xff50, CONSOLE_KEY_HOME },      { 0xff51, CONSOLE_KEY_LEFT },  { 0xff52, CONSOLE_KEY_UP },
    { 0xff53, CONSOLE_KEY_RIGHT },     { 0xff54, CONSOLE_KEY_DOWN },  { 0xff55, CONSOLE_KEY_PAGE_UP },
    { 0xff56, CONSOLE_KEY_PAGE_DOWN }, { 0xff57, CONSOLE_KEY_END },   { 0xff63, CONSOLE_KEY_INSERT },
    { 0xffff, CONSOLE_KEY_DELETE },
};

uint32_t keysym_console_key(uint32_t sym)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(names); i++) {
        if (names[i].sym == sym) {
            return names[i].key;
        }
    }
    if (sym >= KEYSYM_F1 && sym < KEYSYM_F1 + 12) {
        return CONSOLE_KEY_F1 + (sym - KEYSYM_F1);
    }
    if (sym > KEYSYM_UNICODE && g_unichar_validate(sym - KEYSYM_UNICODE)) {
        return sym - KEYSYM_UNICODE;
    }
    return (sym >= ' ' && sym < 0x7f) || (sym >= 0xa0 && sym <= 0xff) ? sym : 0;
}

static unsigned function_of(uint32_t sym)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(functions); i++) {
        for (unsigned n = 0; functions[i].codes[n]; n++) {
            if (functions[i].first + n == sym) {
                return functions[i].codes[n];
            }
        }
    }
    return 0;
}

unsigned keysym_code(uint32_t sym, int *shift)
{
    *shift = -1;
    for (unsigned i = 0; i < G_N_ELEMENTS(characters) && sym < 0x80; i++) {
        bool plain = sym == (uint32_t)characters[i].plain, shifted = sym == (uint32_t)characters[i].shifted;
        if (plain || shifted) {
            *shift = plain && shifted ? -1 : shifted;
            return characters[i].code;
        }
    }
    return function_of(sym);
}
