/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Keysyms: X's numbers of characters and named keys, by which viewers and terminals say what was typed.
 * Source: X11's keysymdef. */
#pragma once
#include "ui/console.h"

enum { KEYSYM_F1 = 0xffbe, KEYSYM_UNICODE = 0x1000000 /* and the character */ };

/* The key of a character or function on a US board, evdev's code; 0: there is none.  *shift: 1 with Shift, 0 without, -1:
 * either. */
unsigned keysym_code(uint32_t sym, int *shift);
/* For ConsoleKey.code; 0: none. */
uint32_t keysym_console_key(uint32_t sym);
