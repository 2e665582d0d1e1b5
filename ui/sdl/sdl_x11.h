/* SPDX-License-Identifier: GPL-2.0-or-later */
/* By itself: Xlib's names are ours, too. */
#pragma once

/* From now on an error of an X server is logged; else it ends the process.  Behind SDL_Init; without X it does nothing. */
void sdl_x11_keep_alive(void);
