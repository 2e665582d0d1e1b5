/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the files of the SDL front end share.
 *
 * All of SDL is called in one thread, which waits for its events and sleeps between them; other threads only push an event
 * that wakes it. */
#pragma once
#include <SDL2/SDL.h>

#include "ui/display.h"
#include "ui/shadow.h"

extern const DisplayOps display_sdl;

/* ---- the library (sdl_api.c) ----
 *
 * It is loaded when a window is opened, for it brings a dozen others along that every start would pay for. */
/* clang-format off */
#define SDL_FUNCTIONS(F)                                                                                     \
    F(CreateWindow) F(DestroyWindow) F(GetError) F(GetModState) F(GetTicks)                                \
    F(GetWindowID) F(GetWindowSize) F(GetWindowSurface) F(Init) F(PollEvent) F(PushEvent) F(Quit)            \
    F(RegisterEvents) F(SetHint) F(SetRelativeMouseMode) F(SetWindowFullscreen) F(SetWindowKeyboardGrab)     \
    F(SetWindowSize) F(SetWindowTitle) F(ShowCursor) F(StopTextInput) F(UpdateWindowSurfaceRects)            \
    F(StartTextInput) F(WaitEvent) F(WaitEventTimeout) F(GetClipboardText) F(SetClipboardText) F(free)
#define SDL_FIELD(name) __typeof__(SDL_##name) *name;
/* clang-format on */
typedef struct SdlApi {
    SDL_FUNCTIONS(SDL_FIELD)
} SdlApi;
/* NULL: the host has none, or too old a one. */
const SdlApi *sdl_api_load(GError **err);

/* ---- a window (sdl_window.c) ---- */

enum { WINDOW_MAX = 64, WINDOW_FRAME_MS = 16, WINDOW_WISH_MS = 200 };

typedef struct SdlDisplay SdlDisplay;
typedef struct SdlWindow {
    SdlDisplay *d;
    SDL_Window *window;
    Console *console;
    Inputs *inputs; /* the seat before it */
    ConsoleListener ear;
    Shadow shadow;
    bool news;    /* the console has something */
    bool exposed; /* all is to be shown again */
    bool hidden, full_screen, has_focus;
    int width, height;          /* of the surface, pixels */
    int expected_w, expected_h; /* what it was told to become: no wish of the user's */
    PictureRect shown;          /* where the picture is in it */
    Uint32 wish_at;             /* SDL's ticks: tell the device of the new size then; 0: nothing to tell */
} SdlWindow;

/* Show another console in it. */
void sdl_window_switch(SdlWindow *w, Console *console);
bool sdl_window_open(SdlWindow *w, SdlDisplay *d, Console *console, GError **err);
void sdl_window_close(SdlWindow *w);
void sdl_window_update(SdlWindow *w); /* show what is new */
void sdl_window_resized(SdlWindow *w);
void sdl_window_title(SdlWindow *w);
void sdl_window_natural_size(
    SdlWindow *w); /* a pixel of the guest's for each of the window's, or for a square of them */
void sdl_window_wish(SdlWindow *w);        /* tell the device of the size that the window has */
void sdl_window_shoot(const SdlWindow *w); /* write what it shows to a file (sdl_shot.c) */
void sdl_window_set_full_screen(SdlWindow *w, bool on);
/* Where a place in the window is in the picture, each 0 to INPUT_ABS_MAX. */
void sdl_window_point(const SdlWindow *w, int x, int y, InputEvent *e);
/* Likewise of a finger, at a part of the window's size; sets the place alone. */
void sdl_window_touch(const SdlWindow *w, float x, float y, InputEvent *e);

/* ---- keys and pointer (sdl_input.c) ---- */

void sdl_input_key(SdlWindow *w, const SDL_KeyboardEvent *e);
void sdl_input_text(SdlWindow *w, const SDL_TextInputEvent *e); /* of a window that shows a text console */
void sdl_input_motion(SdlWindow *w, const SDL_MouseMotionEvent *e);
void sdl_input_button(SdlWindow *w, const SDL_MouseButtonEvent *e);
void sdl_input_wheel(SdlWindow *w, const SDL_MouseWheelEvent *e);
void sdl_input_touch(SdlWindow *w, const SDL_TouchFingerEvent *e);
void sdl_input_focus(SdlWindow *w, bool has_it);
/* Do keys of this window make text, with dead keys and all?  Else they go by their places. */
void sdl_input_text_mode(SdlWindow *w);
void sdl_input_grab(SdlWindow *w, bool on);
void sdl_input_show_cursor(SdlWindow *w); /* the host's, or not */

/* ---- the clipboard (sdl_clipboard.c) ---- */

void sdl_clipboard_open(SdlDisplay *d, Clipboard *c);
void sdl_clipboard_close(SdlDisplay *d);
void sdl_clipboard_show(SdlDisplay *d); /* the guest's text, if it is new, to the user's other programs */
void sdl_clipboard_take(SdlDisplay *d); /* theirs, to the guest */

/* ---- all of them (sdl.c) ---- */

struct SdlDisplay {
    Display display;
    const SdlApi *sdl;
    DisplayOptions options;
    char *name;
    const char *accel;
    Inputs *inputs;
    DisplayHost host;
    GThread *thread;
    Clipboard *clipboard;
    ClipboardPeer peer;
    gint copied; /* atomic: the clipboard has another text, which is not ours */
    Uint32 wake; /* type of the event that others push: news of a console, the end */
    SdlWindow windows[WINDOW_MAX];
    unsigned count;
    Console *consoles[WINDOW_MAX]; /* all, by the numbers of Ctrl-Alt-1 ... */
    unsigned console_count;
    SdlWindow *grabbed;                  /* NULL: none */
    float wheel_x, wheel_y;              /* parts of clicks */
    bool touched[INPUT_FINGERS];         /* fingers of the guest's that are in use */
    SDL_FingerID fingers[INPUT_FINGERS]; /* by whom */
    Uint64 close_asked; /* SDL's ticks of the first attempt to close, while a second one ends; 0: none */
    GAsyncQueue *steps; /* the thread has windows, or none and err; who closes it has woken it */
    GError *err;
    gint ending, stopped; /* atomic */
};
