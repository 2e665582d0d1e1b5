/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Displays: front ends that show all consoles of a machine and send what a user types and points at. */
#pragma once
#include "base/props.h"
#include "ui/clipboard.h"
#include "ui/console.h"
#include "ui/input.h"

typedef enum DisplayType { DISPLAY_NONE, DISPLAY_SDL, DISPLAY_CURSES, DISPLAY_TYPES } DisplayType;
extern const char *const display_type_names[];
typedef enum GrabKeys { GRAB_CTRL_ALT, GRAB_CTRL_ALT_SHIFT, GRAB_RIGHT_CTRL } GrabKeys;

/* What -display takes. */
typedef struct DisplayOptions {
    int type; /* DisplayType */
    int grab; /* GrabKeys */
    bool full_screen, show_cursor, window_close;
} DisplayOptions;
extern const Shape display_shape;

/* What a display asks of the machine's owner; any thread. */
typedef struct DisplayHost {
    void (*powerdown)(void *opaque); /* press the power button */
    void (*quit)(void *opaque);
    void *opaque;
} DisplayHost;

typedef struct DisplayConfig {
    const DisplayOptions *options;
    const char *name;  /* the guest's, for the title; NULL: it has none */
    const char *accel; /* what its CPUs begin with, likewise: "tcg"; NULL: it has no CPUs */
    Consoles *consoles;
    Inputs *inputs;
    Clipboard *clipboard;
    DisplayHost host;
} DisplayConfig;

typedef struct Display Display;
/* A kind of display.  It runs in threads of its own; the functions are called in the main loop. */
typedef struct DisplayOps {
    Display *(*open)(const DisplayConfig *c, GError **err);
    void (*close)(Display *d);
    void (*stopped)(Display *d, bool stopped); /* the machine stands, or goes on; NULL: no matter */
} DisplayOps;
/* What each kind begins with. */
struct Display {
    const DisplayOps *ops;
};

/* Before the sandbox closes: libraries are loaded here.  A kind that shows nothing: *d is NULL, and all is well. */
bool display_open(const DisplayConfig *c, Display **d, GError **err) G_GNUC_WARN_UNUSED_RESULT;
void display_close(Display *d); /* before the devices go; NULL is fine */
void display_set_stopped(Display *d, bool stopped);
/* Is a window the natural thing: is there a display server to open one on, and was SDL built in? */
bool display_has_server(void);
