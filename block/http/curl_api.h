/* SPDX-License-Identifier: GPL-2.0-or-later */
/* libcurl, loaded when the first disk of a web server asks for it.  Manual: "libcurl programming tutorial" and the
 * pages of its functions. */
#pragma once
#define CURL_DISABLE_TYPECHECK /* its macros would hide the functions that are called by pointer */
#include <curl/curl.h>
#include <glib.h>
#undef curl_easy_setopt
#undef curl_easy_getinfo

/* clang-format off */
#define CURL_FUNCTIONS(F)                                                                                    \
    F(curl_global_init) F(curl_easy_init) F(curl_easy_duphandle) F(curl_easy_cleanup) F(curl_easy_setopt)    \
    F(curl_easy_getinfo) F(curl_easy_perform) F(curl_easy_strerror)
#define CURL_FIELD(name) __typeof__(name) *name;
/* clang-format on */
typedef struct CurlApi {
    CURL_FUNCTIONS(CURL_FIELD)
} CurlApi;

/* NULL: the host has none.  Any thread. */
const CurlApi *curl_api_load(GError **err);
