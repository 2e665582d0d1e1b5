/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "block/http/curl_api.h"

#include "block/block_priv.h"
#include "util/library.h"

/* Debian has it twice, for two libraries of TLS: either will do. */
static const char *const sonames[] = { "libcurl.so.4", "libcurl-gnutls.so.4" };

static void load(CurlApi *api, GError **why)
{
#define CURL_SYMBOL(name) LIBRARY_SYMBOL(CurlApi, "", name),
    static const LibrarySymbol symbols[] = { CURL_FUNCTIONS(CURL_SYMBOL) };
#undef CURL_SYMBOL
    bool found = false;
    for (unsigned i = 0; i < G_N_ELEMENTS(sonames) && !found; i++) {
        Library curl = { sonames[i],
                         "libcurl",
                         "libcurl4 or libcurl3-gnutls",
                         "copy the image to this host",
                         symbols,
                         G_N_ELEMENTS(symbols) };
        g_clear_error(why);
        found = library_load(&curl, api, why) != NULL;
    }
    if (found && api->curl_global_init(CURL_GLOBAL_DEFAULT)) {
        block_error(why, "libcurl does not start");
    }
}

const CurlApi *curl_api_load(GError **err)
{
    static CurlApi api;
    static gsize loaded;
    static GError *why;
    if (g_once_init_enter(&loaded)) {
        load(&api, &why);
        g_once_init_leave(&loaded, 1);
    }
    if (why && err) {
        *err = g_error_copy(why);
    }
    return why ? NULL : &api;
}
