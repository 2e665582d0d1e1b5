/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/library.h"
#include "ui/sdl/sdl.h"

const SdlApi *sdl_api_load(GError **err)
{
    static SdlApi api;
#define SDL_SYMBOL(name) LIBRARY_SYMBOL(SdlApi, "SDL_", name),
    static const LibrarySymbol symbols[] = { SDL_FUNCTIONS(SDL_SYMBOL) };
#undef SDL_SYMBOL
    static const Library sdl = {
        "libSDL2-2.0.so.0",  "SDL",   "libsdl2-2.0-0 (2.0.16 or newer)", /* SDL_SetWindowKeyboardGrab */
        "use -display none", symbols, G_N_ELEMENTS(symbols)
    };
    return library_load(&sdl, &api, err) ? &api : NULL;
}
