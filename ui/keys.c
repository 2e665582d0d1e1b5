/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Names and numbers of keys, each to its evdev code.
 * Sources: QMP reference (QKeyCode), USB HID usage tables (page 7), codes of a PC keyboard (set 1). */
#include "ui/input.h"

#include <linux/input-event-codes.h>
#include <string.h>

#include "util/keyval.h"

enum {
    SET1_BREAK = 0x80,
    SET1_E0 = 0xe000,
    SET1_PLAIN_LAST = 0x53 /* up to here evdev's codes are the same */
};

/* clang-format off */
#define KEYS(X) \
    X("unmapped", KEY_RESERVED) X("shift", KEY_LEFTSHIFT) X("shift_r", KEY_RIGHTSHIFT) \
    X("alt", KEY_LEFTALT) X("alt_r", KEY_RIGHTALT) X("ctrl", KEY_LEFTCTRL) X("ctrl_r", KEY_RIGHTCTRL) \
    X("menu", KEY_MENU) X("esc", KEY_ESC) X("1", KEY_1) X("2", KEY_2) X("3", KEY_3) X("4", KEY_4) \
    X("5", KEY_5) X("6", KEY_6) X("7", KEY_7) X("8", KEY_8) X("9", KEY_9) X("0", KEY_0) \
    X("minus", KEY_MINUS) X("equal", KEY_EQUAL) X("backspace", KEY_BACKSPACE) X("tab", KEY_TAB) \
    X("q", KEY_Q) X("w", KEY_W) X("e", KEY_E) X("r", KEY_R) X("t", KEY_T) X("y", KEY_Y) X("u", KEY_U) \
    X("i", KEY_I) X("o", KEY_O) X("p", KEY_P) X("bracket_left", KEY_LEFTBRACE) \
    X("bracket_right", KEY_RIGHTBRACE) X("ret", KEY_ENTER) X("a", KEY_A) X("s", KEY_S) X("d", KEY_D) \
    X("f", KEY_F) X("g", KEY_G) X("h", KEY_H) X("j", KEY_J) X("k", KEY_K) X("l", KEY_L) \
    X("semicolon", KEY_SEMICOLON) X("apostrophe", KEY_APOSTROPHE) X("grave_accent", KEY_GRAVE) \
    X("backslash", KEY_BACKSLASH) X("z", KEY_Z) X("x", KEY_X) X("c", KEY_C) X("v", KEY_V) X("b", KEY_B) \
    X("n", KEY_N) X("m", KEY_M) X("comma", KEY_COMMA) X("dot", KEY_DOT) X("slash", KEY_SLASH) \
    X("asterisk", KEY_KPASTERISK) X("spc", KEY_SPACE) X("caps_lock", KEY_CAPSLOCK) X("f1", KEY_F1) \
    X("f2", KEY_F2) X("f3", KEY_F3) X("f4", KEY_F4) X("f5", KEY_F5) X("f6", KEY_F6) X("f7", KEY_F7) \
    X("f8", KEY_F8) X("f9", KEY_F9) X("f10", KEY_F10) X("num_lock", KEY_NUMLOCK) \
    X("scroll_lock", KEY_SCROLLLOCK) X("kp_divide", KEY_KPSLASH) X("kp_multiply", KEY_KPASTERISK) \
    X("kp_subtract", KEY_KPMINUS) X("kp_add", KEY_KPPLUS) X("kp_enter", KEY_KPENTER) \
    X("kp_decimal", KEY_KPDOT) X("sysrq", KEY_SYSRQ) X("kp_0", KEY_KP0) X("kp_1", KEY_KP1) \
    X("kp_2", KEY_KP2) X("kp_3", KEY_KP3) X("kp_4", KEY_KP4) X("kp_5", KEY_KP5) X("kp_6", KEY_KP6) \
    X("kp_7", KEY_KP7) X("kp_8", KEY_KP8) X("kp_9", KEY_KP9) X("less", KEY_102ND) X("f11", KEY_F11) \
    X("f12", KEY_F12) X("print", KEY_SYSRQ) X("home", KEY_HOME) X("pgup", KEY_PAGEUP) \
    X("pgdn", KEY_PAGEDOWN) X("end", KEY_END) X("left", KEY_LEFT) X("up", KEY_UP) X("down", KEY_DOWN) \
    X("right", KEY_RIGHT) X("insert", KEY_INSERT) X("delete", KEY_DELETE) X("stop", KEY_STOP) \
    X("again", KEY_AGAIN) X("props", KEY_PROPS) X("undo", KEY_UNDO) X("front", KEY_FRONT) \
    X("copy", KEY_COPY) X("open", KEY_OPEN) X("paste", KEY_PASTE) X("find", KEY_FIND) X("cut", KEY_CUT) \
    X("lf", KEY_LINEFEED) X("help", KEY_HELP) X("meta_l", KEY_LEFTMETA) X("meta_r", KEY_RIGHTMETA) \
    X("compose", KEY_COMPOSE) X("pause", KEY_PAUSE) X("ro", KEY_RO) X("hiragana", KEY_HIRAGANA) \
    X("henkan", KEY_HENKAN) X("yen", KEY_YEN) X("muhenkan", KEY_MUHENKAN) \
    X("katakanahiragana", KEY_KATAKANAHIRAGANA) X("kp_comma", KEY_KPCOMMA) X("kp_equals", KEY_KPEQUAL) \
    X("power", KEY_POWER) X("sleep", KEY_SLEEP) X("wake", KEY_WAKEUP) X("audionext", KEY_NEXTSONG) \
    X("audioprev", KEY_PREVIOUSSONG) X("audiostop", KEY_STOPCD) X("audioplay", KEY_PLAYPAUSE) \
    X("audiomute", KEY_MUTE) X("volumeup", KEY_VOLUMEUP) X("volumedown", KEY_VOLUMEDOWN) \
    X("mediaselect", KEY_MEDIA) X("mail", KEY_MAIL) X("calculator", KEY_CALC) \
    X("computer", KEY_COMPUTER) X("ac_home", KEY_HOMEPAGE) X("ac_back", KEY_BACK) \
    X("ac_forward", KEY_FORWARD) X("ac_refresh", KEY_REFRESH) X("ac_bookmarks", KEY_BOOKMARKS) \
    X("lang1", KEY_HANGEUL) X("lang2", KEY_HANJA) X("f13", KEY_F13) X("f14", KEY_F14) X("f15", KEY_F15) \
    X("f16", KEY_F16) X("f17", KEY_F17) X("f18", KEY_F18) X("f19", KEY_F19) X("f20", KEY_F20) \
    X("f21", KEY_F21) X("f22", KEY_F22) X("f23", KEY_F23) X("f24", KEY_F24)

#define NAME(name, code) name,
const char *const input_key_names[] = { KEYS(NAME) NULL };
#undef NAME
#define CODE(name, code) code,
const uint16_t input_key_codes[] = { KEYS(CODE) };
#undef CODE

static const uint16_t hid_codes[] = {
    [0x04] = KEY_A, [0x05] = KEY_B, [0x06] = KEY_C, [0x07] = KEY_D, [0x08] = KEY_E, [0x09] = KEY_F,
    [0x0a] = KEY_G, [0x0b] = KEY_H, [0x0c] = KEY_I, [0x0d] = KEY_J, [0x0e] = KEY_K, [0x0f] = KEY_L,
    [0x10] = KEY_M, [0x11] = KEY_N, [0x12] = KEY_O, [0x13] = KEY_P, [0x14] = KEY_Q, [0x15] = KEY_R,
    [0x16] = KEY_S, [0x17] = KEY_T, [0x18] = KEY_U, [0x19] = KEY_V, [0x1a] = KEY_W, [0x1b] = KEY_X,
    [0x1c] = KEY_Y, [0x1d] = KEY_Z, [0x1e] = KEY_1, [0x1f] = KEY_2, [0x20] = KEY_3, [0x21] = KEY_4,
    [0x22] = KEY_5, [0x23] = KEY_6, [0x24] = KEY_7, [0x25] = KEY_8, [0x26] = KEY_9, [0x27] = KEY_0,
    [0x28] = KEY_ENTER, [0x29] = KEY_ESC, [0x2a] = KEY_BACKSPACE, [0x2b] = KEY_TAB, [0x2c] = KEY_SPACE,
    [0x2d] = KEY_MINUS, [0x2e] = KEY_EQUAL, [0x2f] = KEY_LEFTBRACE, [0x30] = KEY_RIGHTBRACE,
    [0x31] = KEY_BACKSLASH, [0x32] = KEY_BACKSLASH, [0x33] = KEY_SEMICOLON, [0x34] = KEY_APOSTROPHE,
    [0x35] = KEY_GRAVE, [0x36] = KEY_COMMA, [0x37] = KEY_DOT, [0x38] = KEY_SLASH, [0x39] = KEY_CAPSLOCK,
    [0x3a] = KEY_F1, [0x3b] = KEY_F2, [0x3c] = KEY_F3, [0x3d] = KEY_F4, [0x3e] = KEY_F5, [0x3f] = KEY_F6,
    [0x40] = KEY_F7, [0x41] = KEY_F8, [0x42] = KEY_F9, [0x43] = KEY_F10, [0x44] = KEY_F11,
    [0x45] = KEY_F12, [0x46] = KEY_SYSRQ, [0x47] = KEY_SCROLLLOCK, [0x48] = KEY_PAUSE, [0x49] = KEY_INSERT,
    [0x4a] = KEY_HOME, [0x4b] = KEY_PAGEUP, [0x4c] = KEY_DELETE, [0x4d] = KEY_END, [0x4e] = KEY_PAGEDOWN,
    [0x4f] = KEY_RIGHT, [0x50] = KEY_LEFT, [0x51] = KEY_DOWN, [0x52] = KEY_UP, [0x53] = KEY_NUMLOCK,
    [0x54] = KEY_KPSLASH, [0x55] = KEY_KPASTERISK, [0x56] = KEY_KPMINUS, [0x57] = KEY_KPPLUS,
    [0x58] = KEY_KPENTER, [0x59] = KEY_KP1, [0x5a] = KEY_KP2, [0x5b] = KEY_KP3, [0x5c] = KEY_KP4,
    [0x5d] = KEY_KP5, [0x5e] = KEY_KP6, [0x5f] = KEY_KP7, [0x60] = KEY_KP8, [0x61] = KEY_KP9,
    [0x62] = KEY_KP0, [0x63] = KEY_KPDOT, [0x64] = KEY_102ND, [0x65] = KEY_COMPOSE, [0x66] = KEY_POWER,
    [0x67] = KEY_KPEQUAL, [0x68] = KEY_F13, [0x69] = KEY_F14, [0x6a] = KEY_F15, [0x6b] = KEY_F16,
    [0x6c] = KEY_F17, [0x6d] = KEY_F18, [0x6e] = KEY_F19, [0x6f] = KEY_F20, [0x70] = KEY_F21,
    [0x71] = KEY_F22, [0x72] = KEY_F23, [0x73] = KEY_F24, [0x74] = KEY_OPEN, [0x75] = KEY_HELP,
    [0x76] = KEY_PROPS, [0x77] = KEY_FRONT, [0x78] = KEY_STOP, [0x79] = KEY_AGAIN, [0x7a] = KEY_UNDO,
    [0x7b] = KEY_CUT, [0x7c] = KEY_COPY, [0x7d] = KEY_PASTE, [0x7e] = KEY_FIND, [0x7f] = KEY_MUTE,
    [0x80] = KEY_VOLUMEUP, [0x81] = KEY_VOLUMEDOWN, [0x85] = KEY_KPCOMMA, [0x87] = KEY_RO,
    [0x88] = KEY_KATAKANAHIRAGANA, [0x89] = KEY_YEN, [0x8a] = KEY_HENKAN, [0x8b] = KEY_MUHENKAN,
    [0x8c] = KEY_KPJPCOMMA, [0x90] = KEY_HANGEUL, [0x91] = KEY_HANJA, [0x92] = KEY_KATAKANA,
    [0x93] = KEY_HIRAGANA, [0x94] = KEY_ZENKAKUHANKAKU, [0xe0] = KEY_LEFTCTRL, [0xe1] = KEY_LEFTSHIFT,
    [0xe2] = KEY_LEFTALT, [0xe3] = KEY_LEFTMETA, [0xe4] = KEY_RIGHTCTRL, [0xe5] = KEY_RIGHTSHIFT,
    [0xe6] = KEY_RIGHTALT, [0xe7] = KEY_RIGHTMETA,
};
static const uint16_t set1_codes[SET1_BREAK] = {
    [0x54] = KEY_SYSRQ, [0x56] = KEY_102ND, [0x57] = KEY_F11, [0x58] = KEY_F12, [0x59] = KEY_KPEQUAL,
    [0x70] = KEY_KATAKANAHIRAGANA, [0x73] = KEY_RO, [0x77] = KEY_HIRAGANA, [0x78] = KEY_KATAKANA,
    [0x79] = KEY_HENKAN, [0x7b] = KEY_MUHENKAN, [0x7d] = KEY_YEN, [0x7e] = KEY_KPCOMMA,
};
static const uint16_t set1_e0_codes[SET1_BREAK] = {
    [0x1c] = KEY_KPENTER, [0x1d] = KEY_RIGHTCTRL, [0x20] = KEY_MUTE, [0x2e] = KEY_VOLUMEDOWN,
    [0x30] = KEY_VOLUMEUP, [0x35] = KEY_KPSLASH, [0x37] = KEY_SYSRQ, [0x38] = KEY_RIGHTALT,
    [0x47] = KEY_HOME, [0x48] = KEY_UP, [0x49] = KEY_PAGEUP, [0x4b] = KEY_LEFT, [0x4d] = KEY_RIGHT,
    [0x4f] = KEY_END, [0x50] = KEY_DOWN, [0x51] = KEY_PAGEDOWN, [0x52] = KEY_INSERT, [0x53] = KEY_DELETE,
    [0x5b] = KEY_LEFTMETA, [0x5c] = KEY_RIGHTMETA, [0x5d] = KEY_COMPOSE, [0x5e] = KEY_POWER,
    [0x5f] = KEY_SLEEP, [0x63] = KEY_WAKEUP,
};
/* clang-format on */

unsigned input_key_of_hid(unsigned usage)
{
    return usage < G_N_ELEMENTS(hid_codes) ? hid_codes[usage] : 0;
}

bool input_key_exists(unsigned code)
{
    for (unsigned usage = 0; usage < G_N_ELEMENTS(hid_codes) && code; usage++) {
        if (hid_codes[usage] == code) {
            return true;
        }
    }
    for (unsigned i = 0; input_key_names[i] && code; i++) {
        if (input_key_codes[i] == code) {
            return true;
        }
    }
    return false;
}

unsigned input_key_of_number(uint64_t number)
{
    unsigned key = number & 0x7f;
    if (number == key) {
        return key <= SET1_PLAIN_LAST ? key : set1_codes[key];
    }
    return number == (key | SET1_BREAK) || number == (key | SET1_E0) ? set1_e0_codes[key] : 0;
}

unsigned input_key_code(const char *name)
{
    uint64_t number;
    if (g_str_has_prefix(name, "0x")) {
        return keyval_uint(name, UINT16_MAX, &number) ? input_key_of_number(number) : 0;
    }
    name = g_str_equal(name, "<") ? "less" : name;
    for (unsigned i = 0; input_key_names[i]; i++) {
        if (g_str_equal(input_key_names[i], name)) {
            return input_key_codes[i];
        }
    }
    return 0;
}
