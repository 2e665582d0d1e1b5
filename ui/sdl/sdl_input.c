/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Keys and pointer of the SDL front end.
 *
 * Keys go by their place on the board (scancode), so the guest's layout decides; repeats are the guest's own.  Whatever is
 * down is released when the focus goes, or a command to the window begins.
 *
 * With an absolute pointer in the guest the mouse is free, and places are sent.  With a relative one a click grabs it. */
#include <linux/input-event-codes.h>

#include "ui/sdl/sdl.h"

/* ---- commands to the window --------------------------------------------------------------- */

static bool has_command_keys(const SdlDisplay *d, Uint16 mod)
{
    Uint16 ctrl_alt = KMOD_LCTRL | KMOD_LALT;
    switch (d->options.grab) {
    case GRAB_CTRL_ALT: return (mod & ctrl_alt) == ctrl_alt && !(mod & KMOD_SHIFT);
    case GRAB_CTRL_ALT_SHIFT: return (mod & ctrl_alt) == ctrl_alt && mod & KMOD_LSHIFT;
    default: return mod & KMOD_RCTRL;
    }
}

/* Ctrl-Alt-1 ... 9, the numbers of the consoles; false: there is none of this number. */
static bool switch_console(SdlWindow *w, unsigned index)
{
    SdlDisplay *d = w->d;
    if (index >= d->console_count) {
        return false;
    }
    input_release_all(w->inputs);
    if (console_takes_text(d->consoles[index])) {
        sdl_input_grab(w, false);
    }
    sdl_window_switch(w, d->consoles[index]);
    sdl_input_text_mode(w);
    return true;
}

static void send_ctrl_alt_del(SdlWindow *w)
{
    static const uint16_t keys[] = { KEY_LEFTCTRL, KEY_LEFTALT, KEY_DELETE };
    for (unsigned i = 0; i < G_N_ELEMENTS(keys); i++) {
        input_key(w->inputs, keys[i], true);
    }
    input_release_all(w->inputs);
}

/* False: it is for the guest. */
static bool run_command(SdlWindow *w, SDL_Scancode key)
{
    SdlDisplay *d = w->d;
    if (key >= SDL_SCANCODE_1 && key <= SDL_SCANCODE_9) {
        return switch_console(w, key - SDL_SCANCODE_1);
    }
    switch (key) {
    case SDL_SCANCODE_G:
    case SDL_SCANCODE_F:
    case SDL_SCANCODE_P:
    case SDL_SCANCODE_U:
    case SDL_SCANCODE_END: break;
    default: return false;
    }
    input_release_all(w->inputs); /* the guest has seen the keys that began it */
    if (key == SDL_SCANCODE_G) {
        sdl_input_grab(w, d->grabbed != w);
    } else if (key == SDL_SCANCODE_F) {
        sdl_window_set_full_screen(w, !w->full_screen);
    } else if (key == SDL_SCANCODE_P) {
        sdl_window_shoot(w);
    } else if (key == SDL_SCANCODE_U) {
        sdl_window_natural_size(w);
    } else {
        send_ctrl_alt_del(w);
    }
    return true;
}

/* ---- text consoles ---------------------------------------------------------------------- */

void sdl_input_text_mode(SdlWindow *w)
{
    if (console_takes_text(w->console)) {
        w->d->sdl->StartTextInput();
    } else {
        w->d->sdl->StopTextInput(); /* it eats dead keys, whose places are wanted */
    }
}

static uint32_t named_key(SDL_Keycode key)
{
    switch (key) {
    case SDLK_UP: return CONSOLE_KEY_UP;
    case SDLK_DOWN: return CONSOLE_KEY_DOWN;
    case SDLK_LEFT: return CONSOLE_KEY_LEFT;
    case SDLK_RIGHT: return CONSOLE_KEY_RIGHT;
    case SDLK_HOME: return CONSOLE_KEY_HOME;
    case SDLK_END: return CONSOLE_KEY_END;
    case SDLK_PAGEUP: return CONSOLE_KEY_PAGE_UP;
    case SDLK_PAGEDOWN: return CONSOLE_KEY_PAGE_DOWN;
    case SDLK_INSERT: return CONSOLE_KEY_INSERT;
    case SDLK_DELETE: return CONSOLE_KEY_DELETE;
    case SDLK_RETURN:
    case SDLK_KP_ENTER: return CONSOLE_KEY_ENTER;
    case SDLK_TAB: return CONSOLE_KEY_TAB;
    case SDLK_BACKSPACE: return CONSOLE_KEY_BACKSPACE;
    case SDLK_ESCAPE: return CONSOLE_KEY_ESCAPE;
    default: return key >= SDLK_F1 && key <= SDLK_F12 ? CONSOLE_KEY_F1 + key - SDLK_F1 : 0;
    }
}

/* Keys that make no text: names, and letters with Ctrl or Alt. */
static void type_key(const SdlWindow *w, const SDL_KeyboardEvent *e)
{
    SDL_Keycode sym = e->keysym.sym;
    Uint16 mod = e->keysym.mod;
    ConsoleKey k = { named_key(sym), (mod & KMOD_SHIFT ? CONSOLE_SHIFT : 0u) |
                                         (mod & KMOD_LALT ? CONSOLE_ALT : 0u) |
                                         (mod & KMOD_CTRL ? CONSOLE_CTRL : 0u) };
    bool chord = k.mods & (CONSOLE_CTRL | CONSOLE_ALT) && sym >= ' ' && sym < 0x7f;
    if (!k.code && chord) {
        k = (ConsoleKey){ sym, k.mods & ~CONSOLE_SHIFT };
    }
    if (k.code) {
        console_type(w->console, &k);
    }
}

void sdl_input_text(SdlWindow *w, const SDL_TextInputEvent *e)
{
    bool ours = console_takes_text(w->console) && g_utf8_validate(e->text, -1, NULL);
    if (!ours || w->d->sdl->GetModState() & (KMOD_CTRL | KMOD_LALT)) { /* type_key had it */
        return;
    }
    for (const char *p = e->text; *p; p = g_utf8_next_char(p)) {
        console_type(w->console, &(ConsoleKey){ g_utf8_get_char(p), 0 });
    }
}

void sdl_input_key(SdlWindow *w, const SDL_KeyboardEvent *e)
{
    unsigned code = input_key_of_hid(e->keysym.scancode);
    bool down = e->type == SDL_KEYDOWN;
    if (down && has_command_keys(w->d, e->keysym.mod) && (e->repeat || run_command(w, e->keysym.scancode))) {
        return;
    }
    if (console_takes_text(w->console)) {
        if (down) {
            type_key(w, e);
        }
        return;
    }
    if (e->repeat) {
        return;
    }
    if (code) {
        input_key(w->inputs, code, down);
    }
}

/* ---- pointer -------------------------------------------------------------------------------- */

void sdl_input_show_cursor(SdlWindow *w)
{
    const SdlDisplay *d = w->d;
    bool guest_draws = w->shadow.cursor.width;
    d->sdl->ShowCursor(d->options.show_cursor || (!guest_draws && d->grabbed != w) ? SDL_ENABLE
                                                                                   : SDL_DISABLE);
}

void sdl_input_grab(SdlWindow *w, bool on)
{
    SdlDisplay *d = w->d;
    bool relative = on && !input_takes(w->inputs, INPUT_POINT) && input_takes(w->inputs, INPUT_MOVE);
    if (d->grabbed && d->grabbed != w) {
        sdl_input_grab(d->grabbed, false);
    }
    d->sdl->SetRelativeMouseMode(relative ? SDL_TRUE : SDL_FALSE);
    d->sdl->SetWindowKeyboardGrab(w->window, on ? SDL_TRUE : SDL_FALSE);
    d->grabbed = on ? w : NULL;
    sdl_input_show_cursor(w);
    sdl_window_title(w);
}

/* What SDL makes of fingers for programs that know a mouse only: the guest has been told of the fingers. */
static bool is_touch(const SdlWindow *w, Uint32 which)
{
    return which == SDL_TOUCH_MOUSEID && input_takes(w->inputs, INPUT_TOUCH);
}

void sdl_input_motion(SdlWindow *w, const SDL_MouseMotionEvent *e)
{
    InputEvent event;
    if (console_takes_text(w->console) || is_touch(w, e->which)) {
        return;
    }
    if (input_takes(w->inputs, INPUT_POINT)) {
        sdl_window_point(w, e->x, e->y, &event);
    } else if (w->d->grabbed == w) {
        event = (InputEvent){ INPUT_MOVE, 0, e->xrel, e->yrel };
    } else {
        return;
    }
    input_send(w->inputs, &event);
}

void sdl_input_button(SdlWindow *w, const SDL_MouseButtonEvent *e)
{
    static const uint16_t codes[] = { [SDL_BUTTON_LEFT] = BTN_LEFT,
                                      [SDL_BUTTON_MIDDLE] = BTN_MIDDLE,
                                      [SDL_BUTTON_RIGHT] = BTN_RIGHT,
                                      [SDL_BUTTON_X1] = BTN_SIDE,
                                      [SDL_BUTTON_X2] = BTN_EXTRA };
    bool points = input_takes(w->inputs, INPUT_POINT), down = e->type == SDL_MOUSEBUTTONDOWN;
    if (console_takes_text(w->console) || is_touch(w, e->which)) {
        return;
    }
    if (!points && w->d->grabbed != w) {
        if (down && input_takes(w->inputs, INPUT_MOVE)) {
            sdl_input_grab(w, true); /* this click is for the window */
        }
        return;
    }
    if (points) { /* where the click is meant, even if no motion came before */
        InputEvent event;
        sdl_window_point(w, e->x, e->y, &event);
        input_send(w->inputs, &event);
    }
    if (e->button < G_N_ELEMENTS(codes) && codes[e->button]) {
        input_button(w->inputs, codes[e->button], down);
    }
}

/* Whole clicks; parts of them (a touchpad) add up. */
static int clicks(float *sum, float more)
{
    *sum += more;
    int whole = *sum;
    *sum -= whole;
    return whole;
}

/* The wheel goes through what has scrolled away. */
static void look_back(const SdlWindow *w, int lines)
{
    for (; lines; lines += lines > 0 ? -1 : 1) {
        console_type(w->console,
                     &(ConsoleKey){ lines > 0 ? CONSOLE_KEY_UP : CONSOLE_KEY_DOWN, CONSOLE_CTRL });
    }
}

void sdl_input_wheel(SdlWindow *w, const SDL_MouseWheelEvent *e)
{
    SdlDisplay *d = w->d;
    InputEvent event = { INPUT_WHEEL, 0, clicks(&d->wheel_x, e->preciseX), clicks(&d->wheel_y, e->preciseY) };
    bool ours = d->grabbed == w || input_takes(w->inputs, INPUT_POINT);
    if (console_takes_text(w->console)) {
        look_back(w, event.y);
    } else if (ours && (event.x || event.y)) {
        input_send(w->inputs, &event);
    }
}

/* The guest's finger for one of SDL's; INPUT_FINGERS: there is none left. */
static unsigned finger_of(SdlDisplay *d, SDL_FingerID id, bool begins)
{
    unsigned spare = INPUT_FINGERS;
    for (unsigned i = INPUT_FINGERS; i-- > 0;) {
        if (d->touched[i] && d->fingers[i] == id) {
            return i;
        }
        spare = d->touched[i] ? spare : i;
    }
    if (begins && spare < INPUT_FINGERS) {
        d->touched[spare] = true;
        d->fingers[spare] = id;
        return spare;
    }
    return INPUT_FINGERS;
}

void sdl_input_touch(SdlWindow *w, const SDL_TouchFingerEvent *e)
{
    SdlDisplay *d = w->d;
    bool ours = !console_takes_text(w->console) && input_takes(w->inputs, INPUT_TOUCH);
    unsigned finger = finger_of(d, e->fingerId, ours && e->type == SDL_FINGERDOWN);
    InputEvent event = { INPUT_TOUCH, (uint16_t)finger, 0, 0 };
    if (finger == INPUT_FINGERS || (!ours && e->type != SDL_FINGERUP)) {
        return; /* none is left, or a text is shown meanwhile */
    }
    if (e->type == SDL_FINGERUP) {
        d->touched[finger] = false;
        event.kind = INPUT_LIFT;
    } else {
        sdl_window_touch(w, e->x, e->y, &event);
    }
    input_send(w->inputs, &event);
}

void sdl_input_focus(SdlWindow *w, bool has_it)
{
    w->has_focus = has_it;
    if (has_it) {
        sdl_input_text_mode(w);
        sdl_clipboard_take(w->d);
    } else {
        input_release_all(w->inputs);
        if (w->d->grabbed == w) {
            sdl_input_grab(w, false);
        }
    }
}
