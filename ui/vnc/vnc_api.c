/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <dlfcn.h>

#include "util/library.h"
#include "ui/vnc/vnc_priv.h"

/* It would write to standard error. */
static void keep_quiet(const char *format, ...)
{
}

const VncApi *vnc_api_load(GError **err)
{
    static VncApi api;
#define VNC_SYMBOL(name) LIBRARY_SYMBOL(VncApi, "", name),
    static const LibrarySymbol symbols[] = { VNC_FUNCTIONS(VNC_SYMBOL) };
#undef VNC_SYMBOL
    static const Library vnc = { "libvncserver.so.1", "libvncserver", "libvncserver1 (0.9.14 or newer)",
                                 "leave -vnc out",    symbols,        G_N_ELEMENTS(symbols) };
    void *lib = library_load(&vnc, &api, err);
    if (!lib) {
        return NULL;
    }
    rfbLogProc *log = dlsym(lib, "rfbLog"), *error = dlsym(lib, "rfbErr");
    if (log && error) {
        *log = *error = keep_quiet;
    }
    return &api;
}
