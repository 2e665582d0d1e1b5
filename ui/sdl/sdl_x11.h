/* SPDX-License-Identifier: GPL-2.0-or-later */
/* By itself: Xlib's names are ours, too. */
#pragma once

/* From now on an error of an X server is logged; else it ends the process.  Before SDL_Init, for SDL_Quit gives back the handler
 * that SDL_Init found and reads what is left of the answers; and behind it.  Without X it does nothing. */
void sdl_x11_keep_alive(void);
/* The windows go: what is refused from now on is no news.  (SDL's message by which it wakes itself may reach the server behind
 * the end of the window it is for: it goes over a connection of its own, and a server takes turns as it likes.) */
void sdl_x11_end(void);
