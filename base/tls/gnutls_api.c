/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/tls/gnutls_api.h"

#include "util/library.h"

const GnutlsApi *gnutls_api_load(GError **err)
{
    static GnutlsApi api;
    static gsize loaded;
    static GError *why;
#define GNUTLS_SYMBOL(name) LIBRARY_SYMBOL(GnutlsApi, "gnutls_", name),
    static const LibrarySymbol symbols[] = { GNUTLS_FUNCTIONS(GNUTLS_SYMBOL) };
#undef GNUTLS_SYMBOL
    static const Library gnutls = {
        "libgnutls.so.30",
        "GnuTLS",
        "libgnutls30",
        "leave TLS out; a machine whose sandbox has closed loads no library, so give it the credentials on its command line",
        symbols,
        G_N_ELEMENTS(symbols),
    };
    if (g_once_init_enter(&loaded)) {
        (void)library_load(&gnutls, &api, &why);
        g_once_init_leave(&loaded, 1);
    }
    if (why && err) {
        *err = g_error_copy(why);
    }
    return why ? NULL : &api;
}
