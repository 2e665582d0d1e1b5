/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a display server of X refuses does not end the machine.
 * Spec: Xlib - C Language X Interface, 11.8.2 "Using the Default Error Handlers": that of Xlib ends the process.
 *
 * Not modelled: a server that goes away; Xlib lets nobody but itself say what becomes of the process then. */
#include "ui/sdl/sdl_x11.h"

#include <X11/Xlib.h>
#include <dlfcn.h>
#include <glib.h>
#include <stdlib.h>

#include "base/log.h"

static gint told; /* atomic */

/* Any thread, any lock: whoever happens to read the server's answer. */
static int refused(Display *display, XErrorEvent *e)
{
    if (g_atomic_int_compare_and_exchange(&told, 0, 1)) {
        log_report("warning: the display server has refused request %u.%u for 0x%lx (X error %u); what it "
                   "refuses from now on is not told",
                   e->request_code, e->minor_code, e->resourceid, e->error_code);
    }
    return 0;
}

void sdl_x11_keep_alive(void)
{
    void *xlib = getenv("DISPLAY") ? dlopen("libX11.so.6", RTLD_NOW) : NULL; /* as SDL will; it stays */
    __typeof__(XSetErrorHandler) *set = xlib ? (__typeof__(set))dlsym(xlib, "XSetErrorHandler") : NULL;
    if (set) {
        set(refused);
    }
}

void sdl_x11_end(void)
{
    g_atomic_int_set(&told, 1);
}
