/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ui/display.h"

#include <stdlib.h>

#include "ui/curses/curses.h"
#ifdef CONFIG_SDL
#include "ui/sdl/sdl.h"
#endif

const char *const display_type_names[] = {
    [DISPLAY_NONE] = "none", [DISPLAY_SDL] = "sdl", [DISPLAY_CURSES] = "curses", NULL
};
static const char *const unbuilt_types[] = { "gtk", "cocoa", "dbus", "egl-headless", "spice-app", NULL };
static const char *const grab_names[] = { [GRAB_CTRL_ALT] = "lctrl-lalt",
                                          [GRAB_CTRL_ALT_SHIFT] = "lshift-lctrl-lalt",
                                          [GRAB_RIGHT_CTRL] = "rctrl",
                                          NULL };

#define O DisplayOptions
static const Prop display_props[] = {
    { "type", PROP_ENUM, offsetof(O, type), "what shows the screens", .required = true,
      .names = display_type_names, .unbuilt = unbuilt_types },
    { "full-screen", PROP_BOOL, offsetof(O, full_screen), "the first window begins with the whole screen" },
    { "window-close", PROP_BOOL, offsetof(O, window_close), "closing the window presses the power button",
      .def = 1 },
    { "show-cursor", PROP_BOOL, offsetof(O, show_cursor), "the host's pointer is always shown" },
    { "grab-mod", PROP_ENUM, offsetof(O, grab), "keys that begin a command to the window",
      .names = grab_names },
    PROP_ONLY_OFF("gl", "pictures are drawn by the processor"),
    { NULL },
};
const Shape display_shape = { "DisplayOptions", sizeof(O), display_props };

static const DisplayOps *const kinds[DISPLAY_TYPES] = {
#ifdef CONFIG_SDL
    [DISPLAY_SDL] = &display_sdl,
#endif
    [DISPLAY_CURSES] = &display_curses,
};

bool display_has_server(void)
{
    return kinds[DISPLAY_SDL] &&
           (getenv("DISPLAY") || getenv("WAYLAND_DISPLAY") || getenv("SDL_VIDEODRIVER"));
}

/* What is about a window says nothing where there is none. */
static bool none_fits(const DisplayOptions *o, GError **err)
{
    if (o->full_screen || !o->window_close || o->show_cursor || o->grab != GRAB_CTRL_ALT) {
        g_set_error(
            err, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
            "there is no window whose full-screen, window-close, show-cursor or grab-mod could be set; say -display sdl");
        return false;
    }
    return true;
}

bool display_open(const DisplayConfig *c, Display **d, GError **err)
{
    DisplayType type = c->options->type;
    *d = NULL;
    if (type != DISPLAY_SDL && !none_fits(c->options, err)) {
        return false;
    }
    if (type == DISPLAY_NONE) {
        return true;
    }
    if (!kinds[type]) {
        g_set_error(err, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
                    "this program was built without %s; use -display none and screendump",
                    display_type_names[type]);
        return false;
    }
    if (!consoles_count(c->consoles)) {
        g_set_error(err, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
                    "the machine has no screen to show; add one, such as -device virtio-gpu-pci");
        return false;
    }
    if (type == DISPLAY_SDL && !display_has_server()) { /* libraries would say so in lines of their own */
        g_set_error(err, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
                    "there is no display server to open a window on; set DISPLAY or WAYLAND_DISPLAY, or use "
                    "-display none and screendump, or -nographic");
        return false;
    }
    *d = kinds[type]->open(c, err);
    return *d;
}

void display_close(Display *d)
{
    if (d) {
        d->ops->close(d);
    }
}

void display_set_stopped(Display *d, bool stopped)
{
    if (d->ops->stopped) {
        d->ops->stopped(d, stopped);
    }
}
