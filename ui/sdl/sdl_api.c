/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <dlfcn.h>

#include "ui/sdl/sdl.h"

#define SONAME "libSDL2-2.0.so.0"
enum { OLDEST_MINOR = 0, OLDEST_PATCH = 16 }; /* SDL_SetWindowKeyboardGrab */

typedef struct Symbol {
    const char *name;
    size_t at;
} Symbol;

const SdlApi *sdl_api_load(GError **err)
{
    static SdlApi api;
#define SDL_SYMBOL(name) { "SDL_" #name, offsetof(SdlApi, name) },
    static const Symbol symbols[] = { SDL_FUNCTIONS(SDL_SYMBOL) };
#undef SDL_SYMBOL
    void *lib = dlopen(SONAME, RTLD_NOW | RTLD_LOCAL);
    if (!lib) {
        g_set_error(err, G_FILE_ERROR, G_FILE_ERROR_NOENT,
                    "SDL cannot be loaded: %s; install libsdl2-2.0-0, or use -display none", dlerror());
        return NULL;
    }
    for (unsigned i = 0; i < G_N_ELEMENTS(symbols); i++) {
        void *found = dlsym(lib, symbols[i].name);
        if (!found) {
            g_set_error(err, G_FILE_ERROR, G_FILE_ERROR_NOENT,
                        "SDL is too old: it has no %s; install 2.%d.%d or newer, or use -display none",
                        symbols[i].name, OLDEST_MINOR, OLDEST_PATCH);
            return NULL;
        }
        *(void **)((char *)&api + symbols[i].at) = found;
    }
    return &api;
}
