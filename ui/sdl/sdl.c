/* SPDX-License-Identifier: GPL-2.0-or-later */
/* -display sdl: a window for each screen; text consoles are shown in any of them.
 *
 * Not modelled: OpenGL. */
#include "ui/sdl/sdl.h"

#include <stdlib.h>
#include <string.h>

#include "ui/sdl/sdl_x11.h"

enum { CLOSE_AGAIN_MS = 5000 };

static SdlDisplay *sdl_display(Display *d)
{
    return (SdlDisplay *)d; /* its first member */
}

/* ---- events ---------------------------------------------------------------------------------- */

static SdlWindow *window_of(SdlDisplay *d, Uint32 id)
{
    for (unsigned i = 0; i < d->count; i++) {
        if (d->sdl->GetWindowID(d->windows[i].window) == id) {
            return &d->windows[i];
        }
    }
    return NULL; /* it was on its way when the window went */
}

static void titles(SdlDisplay *d)
{
    for (unsigned i = 0; i < d->count; i++) {
        sdl_window_title(&d->windows[i]);
    }
}

/* What the title says of it is true for that long.  Milliseconds until it is over, -1: nobody has asked. */
static int forget_close(SdlDisplay *d)
{
    Uint64 gone = d->sdl->GetTicks() - d->close_asked;
    if (!d->close_asked) {
        return -1;
    }
    if (gone < CLOSE_AGAIN_MS) {
        return (int)(CLOSE_AGAIN_MS - gone);
    }
    d->close_asked = 0;
    titles(d);
    return -1;
}

/* The power button first; who closes again soon means it. */
static void close_window(SdlDisplay *d)
{
    Uint64 now = MAX(d->sdl->GetTicks(), 1);
    if (!d->options.window_close) {
        return;
    }
    if (forget_close(d) >= 0) {
        d->host.quit(d->host.opaque);
        return;
    }
    d->close_asked = now;
    d->host.powerdown(d->host.opaque);
    titles(d);
}

/* Nobody sees it: the guest's memory is not followed for it. */
static void set_hidden(SdlWindow *w, bool hidden)
{
    if (hidden && !w->hidden) {
        console_unlisten(w->console, &w->ear);
    } else if (!hidden && w->hidden) {
        console_listen(w->console, &w->ear);
    }
    w->hidden = hidden;
    w->exposed = true;
}

static void window_event(SdlWindow *w, const SDL_WindowEvent *e)
{
    switch (e->event) {
    case SDL_WINDOWEVENT_EXPOSED: w->exposed = true; break;
    case SDL_WINDOWEVENT_SIZE_CHANGED: sdl_window_resized(w); break;
    case SDL_WINDOWEVENT_MINIMIZED:
    case SDL_WINDOWEVENT_HIDDEN: set_hidden(w, true); break;
    case SDL_WINDOWEVENT_RESTORED:
    case SDL_WINDOWEVENT_SHOWN: set_hidden(w, false); break;
    case SDL_WINDOWEVENT_FOCUS_GAINED: sdl_input_focus(w, true); break;
    case SDL_WINDOWEVENT_FOCUS_LOST: sdl_input_focus(w, false); break;
    case SDL_WINDOWEVENT_ENTER: sdl_input_show_cursor(w); break;
    case SDL_WINDOWEVENT_CLOSE: close_window(w->d); break;
    default: break;
    }
}

static void woken(SdlDisplay *d, const SDL_UserEvent *e)
{
    SdlWindow *w = e->data1;
    if (w) {
        w->news = true;
    } else {
        titles(d); /* the machine has stopped, or goes on */
        sdl_clipboard_show(d);
    }
}

static void input_event(SdlDisplay *d, const SDL_Event *e)
{
    SdlWindow *w = window_of(d, e->key.windowID); /* in the same place of all of these */
    if (!w) {
        return;
    }
    switch (e->type) {
    case SDL_KEYDOWN:
    case SDL_KEYUP: sdl_input_key(w, &e->key); break;
    case SDL_TEXTINPUT: sdl_input_text(w, &e->text); break;
    case SDL_MOUSEMOTION: sdl_input_motion(w, &e->motion); break;
    case SDL_MOUSEBUTTONDOWN:
    case SDL_MOUSEBUTTONUP: sdl_input_button(w, &e->button); break;
    case SDL_MOUSEWHEEL: sdl_input_wheel(w, &e->wheel); break;
    default: break;
    }
}

static void touch_event(SdlDisplay *d, const SDL_TouchFingerEvent *e)
{
    SdlWindow *w = window_of(d, e->windowID);
    if (w) {
        sdl_input_touch(w, e);
    }
}

static void handle(SdlDisplay *d, const SDL_Event *e)
{
    SdlWindow *w;
    if (e->type == d->wake) {
        woken(d, &e->user);
    } else if (e->type == SDL_WINDOWEVENT) {
        w = window_of(d, e->window.windowID);
        if (w) {
            window_event(w, &e->window);
        }
    } else if (e->type == SDL_FINGERDOWN || e->type == SDL_FINGERUP || e->type == SDL_FINGERMOTION) {
        touch_event(d, &e->tfinger);
    } else if (e->type == SDL_CLIPBOARDUPDATE) {
        sdl_clipboard_take(d);
    } else {
        input_event(d, e);
    }
}

/* ---- the thread ---------------------------------------------------------------------------------- */

/* Tell devices of sizes whose time has come; milliseconds until the next, -1: there is none. */
static int tell_wishes(SdlDisplay *d)
{
    int next = -1;
    for (unsigned i = 0; i < d->count; i++) {
        SdlWindow *w = &d->windows[i];
        int left = w->wish_at ? (int)(w->wish_at - d->sdl->GetTicks()) : -1;
        if (w->wish_at && left <= 0) {
            w->wish_at = 0;
            sdl_window_wish(w);
        } else if (w->wish_at) {
            next = next < 0 ? left : MIN(next, left);
        }
    }
    return next;
}

/* A guest that draws all the time is shown sixty times a second. */
static int until_next_frame(SdlDisplay *d, Uint32 last)
{
    bool any = false;
    for (unsigned i = 0; i < d->count; i++) {
        any |= d->windows[i].news || d->windows[i].exposed;
    }
    Uint32 gone = d->sdl->GetTicks() - last;
    return !any ? -1 : gone >= WINDOW_FRAME_MS ? 0 : (int)(WINDOW_FRAME_MS - gone);
}

/* Of two times to wait, each -1: none. */
static int sooner(int a, int b)
{
    return a < 0 ? b : b < 0 ? a : MIN(a, b);
}

static void run(SdlDisplay *d)
{
    Uint32 last = d->sdl->GetTicks() - WINDOW_FRAME_MS;
    SDL_Event e;
    while (!g_atomic_int_get(&d->ending)) {
        int frame = until_next_frame(d, last), wait = sooner(sooner(tell_wishes(d), forget_close(d)), frame);
        if (frame == 0) {
            for (unsigned i = 0; i < d->count; i++) {
                sdl_window_update(&d->windows[i]);
            }
            last = d->sdl->GetTicks();
            continue;
        }
        int got = wait < 0 ? d->sdl->WaitEvent(&e) : d->sdl->WaitEventTimeout(&e, wait);
        for (; got; got = d->sdl->PollEvent(&e)) {
            handle(d, &e);
        }
    }
}

/* Those that the user has, and no other: SDL would go on to a driver that shows nothing. */
static const char *driver_names(void)
{
    bool x11 = getenv("DISPLAY"), wayland = getenv("WAYLAND_DISPLAY");
    return x11 && wayland ? "x11,wayland" : wayland ? "wayland" : "x11";
}

static bool start(SdlDisplay *d, GError **err)
{
    /* SDL's names; see sdl_window.c for the first */
    static const char *const hints[][2] = {
        { SDL_HINT_FRAMEBUFFER_ACCELERATION, "0" },    { SDL_HINT_NO_SIGNAL_HANDLERS, "1" },
        { SDL_HINT_VIDEO_ALLOW_SCREENSAVER, "1" },     { SDL_HINT_VIDEO_X11_NET_WM_BYPASS_COMPOSITOR, "0" },
        { SDL_HINT_ALLOW_ALT_TAB_WHILE_GRABBED, "0" }, { SDL_HINT_MOUSE_FOCUS_CLICKTHROUGH, "1" }
    };
    d->sdl->SetHint(SDL_HINT_VIDEODRIVER, driver_names()); /* but for a SDL_VIDEODRIVER of the user's */
    for (unsigned i = 0; i < G_N_ELEMENTS(hints); i++) {
        d->sdl->SetHint(hints[i][0], hints[i][1]);
    }
    sdl_x11_keep_alive();
    if (d->sdl->Init(SDL_INIT_VIDEO) < 0) {
        g_set_error(
            err, G_FILE_ERROR, G_FILE_ERROR_FAILED,
            "there is no display server to open a window on (%s); set DISPLAY or WAYLAND_DISPLAY, or use "
            "-display none and screendump, or -nographic",
            d->sdl->GetError());
        return false;
    }
    sdl_x11_keep_alive();
    d->wake = d->sdl->RegisterEvents(1);
    for (unsigned i = 0; i < d->count; i++) {
        if (!sdl_window_open(&d->windows[i], d, d->windows[i].console, err)) {
            return false;
        }
        sdl_window_title(&d->windows[i]);
    }
    sdl_input_text_mode(&d->windows[0]);
    if (d->options.full_screen) {
        sdl_window_set_full_screen(&d->windows[0], true);
    }
    return true;
}

static gpointer thread(gpointer data)
{
    SdlDisplay *d = data;
    bool ok = start(d, &d->err);
    if (ok) {
        g_async_queue_push(d->steps, GINT_TO_POINTER(true + 1));
        run(d);
        /* SDL wakes by a message to a window: that is to be on its way before the window goes. */
        g_async_queue_pop(d->steps);
    }
    sdl_x11_end();
    for (unsigned i = 0; i < d->count; i++) {
        input_release_all(d->windows[i].inputs ? d->windows[i].inputs : d->inputs);
        sdl_window_close(&d->windows[i]);
    }
    d->sdl->Quit();
    if (!ok) {
        g_async_queue_push(d->steps, GINT_TO_POINTER(false + 1));
    }
    return NULL;
}

/* ---- life -------------------------------------------------------------------------------------- */

static void push_wake(SdlDisplay *d)
{
    SDL_Event e = { .user = { .type = d->wake } };
    d->sdl->PushEvent(&e);
}

static void sdl_free(SdlDisplay *d)
{
    g_thread_join(d->thread);
    g_async_queue_unref(d->steps);
    g_free(d->name);
    g_free(d);
}

static void sdl_close(Display *display)
{
    SdlDisplay *d = sdl_display(display);
    sdl_clipboard_close(d);
    g_atomic_int_set(&d->ending, 1);
    push_wake(d);
    g_async_queue_push(d->steps, d);
    sdl_free(d);
}

static void sdl_stopped(Display *display, bool stopped)
{
    SdlDisplay *d = sdl_display(display);
    g_atomic_int_set(&d->stopped, stopped);
    push_wake(d);
}

/* A window for each screen; of a machine that has none: one for all text consoles. */
static void choose_consoles(SdlDisplay *d, const Consoles *all)
{
    d->console_count = MIN(consoles_count(all), WINDOW_MAX);
    for (unsigned i = 0; i < d->console_count; i++) {
        Console *c = d->consoles[i] = consoles_get(all, i);
        if (!i || !console_takes_text(c)) {
            d->windows[d->count++].console = c;
        }
    }
}

static Display *sdl_open(const DisplayConfig *c, GError **err)
{
    const SdlApi *api = sdl_api_load(err);
    if (!api) {
        return NULL;
    }
    SdlDisplay *d = g_new0(SdlDisplay, 1);
    d->display.ops = &display_sdl;
    d->sdl = api;
    d->options = *c->options;
    d->name = g_strdup(c->name);
    d->accel = c->accel;
    d->inputs = c->inputs;
    d->host = c->host;
    choose_consoles(d, c->consoles);
    d->steps = g_async_queue_new();
    d->thread = g_thread_new("sdl", thread, d);
    if (g_async_queue_pop(d->steps) == GINT_TO_POINTER(false + 1)) {
        g_propagate_error(err, g_steal_pointer(&d->err));
        sdl_free(d);
        return NULL;
    }
    sdl_clipboard_open(d, c->clipboard);
    return &d->display;
}

const DisplayOps display_sdl = { sdl_open, sdl_close, sdl_stopped };
