/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <dlfcn.h>

#include "ui/vnc/vnc_priv.h"

#define SONAME "libvncserver.so.1"
#define TEXT_OF(name) TEXT(name)
#define TEXT(name) #name

/* It would write to standard error. */
static void keep_quiet(const char *format, ...)
{
}

static bool silence(void *lib)
{
    rfbLogProc *log = dlsym(lib, "rfbLog"), *error = dlsym(lib, "rfbErr");
    if (log && error) {
        *log = *error = keep_quiet;
    }
    return log && error;
}

const VncApi *vnc_api_load(GError **err)
{
    static VncApi api;
#define VNC_SYMBOL(name) { TEXT_OF(name), offsetof(VncApi, name) },
    static const struct {
        const char *name;
        size_t at;
    } symbols[] = { VNC_FUNCTIONS(VNC_SYMBOL) };
#undef VNC_SYMBOL
    void *lib = dlopen(SONAME, RTLD_NOW | RTLD_LOCAL);
    if (!lib) {
        g_set_error(err, G_FILE_ERROR, G_FILE_ERROR_NOENT,
                    "libvncserver cannot be loaded: %s; install libvncserver1, or leave -vnc out", dlerror());
        return NULL;
    }
    bool ok = silence(lib);
    for (unsigned i = 0; i < G_N_ELEMENTS(symbols) && ok; i++) {
        void *found = dlsym(lib, symbols[i].name);
        *(void **)((char *)&api + symbols[i].at) = found;
        ok = found;
    }
    if (!ok) {
        g_set_error(err, G_FILE_ERROR, G_FILE_ERROR_NOENT,
                    "libvncserver is too old; install 0.9.14 or newer, or leave -vnc out");
        return NULL;
    }
    return &api;
}
