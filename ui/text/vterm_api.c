/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/library.h"
#include "ui/text/text.h"

const VtermApi *vterm_api_load(GError **err)
{
    static VtermApi api;
#define VTERM_SYMBOL(name) LIBRARY_SYMBOL(VtermApi, "vterm_", name),
    static const LibrarySymbol symbols[] = { VTERM_FUNCTIONS(VTERM_SYMBOL) };
#undef VTERM_SYMBOL
    static const Library vterm = { "libvterm.so.0", "libvterm", "libvterm0 (0.1.4 or newer)",
                                   "leave vc out",  symbols,    G_N_ELEMENTS(symbols) };
    return library_load(&vterm, &api, err) ? &api : NULL;
}

bool text_console_is_possible(void)
{
    return vterm_api_load(NULL);
}
