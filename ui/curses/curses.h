/* SPDX-License-Identifier: GPL-2.0-or-later */
/* -display curses: text consoles, and screens that show text, on the terminal. */
#pragma once
#include "ui/display.h"

extern const DisplayOps display_curses;
