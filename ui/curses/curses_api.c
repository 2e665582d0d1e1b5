/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ui/curses/curses_priv.h"
#include "util/library.h"

const CursesApi *curses_api_load(GError **err)
{
    static CursesApi api;
#define CURSES_SYMBOL(name) LIBRARY_SYMBOL(CursesApi, "", name),
    static const LibrarySymbol symbols[] = { CURSES_FUNCTIONS(CURSES_SYMBOL)
                                                 CURSES_VARIABLES(CURSES_SYMBOL) };
#undef CURSES_SYMBOL
    static const Library curses = {
        "libncursesw.so.6",   "ncurses", "libncursesw6", "use -display none, or -nographic", symbols,
        G_N_ELEMENTS(symbols)
    };
    return library_load(&curses, &api, err) ? &api : NULL;
}
