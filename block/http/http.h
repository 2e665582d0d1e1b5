/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Disks of web servers: what a user says of one, and how its bytes are fetched. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/props.h"
#include "block/node.h"
#include "block/secret.h"

/* Strings are owned. */
typedef struct HttpOptions {
    char *url;
    uint64_t readahead; /* bytes of a piece of the cache */
    uint32_t timeout;   /* seconds in which a server is to move */
    bool sslverify, force_range;
    char *username, *password_secret, *proxy_username, *proxy_password_secret, *cookie, *cookie_secret;
} HttpOptions;

#define HTTP_ROW(kind, p, name, at, field, text, ...)                                                        \
    {                                                                                                        \
        p name, kind, (at) + offsetof(HttpOptions, field), text, __VA_ARGS__                                 \
    }
/* p: a prefix of the names; defaults: QEMU's manual, "Disk image file locations". */
#define HTTP_ROWS(at, p)                                                                                     \
    HTTP_ROW(PROP_SIZE, p, "readahead", at, readahead, "bytes that are fetched at once, a multiple of 512",  \
             .def = HTTP_READAHEAD),                                                                         \
        HTTP_ROW(PROP_U32, p, "timeout", at, timeout, "seconds that a server may be silent",                 \
                 .def = HTTP_TIMEOUT),                                                                       \
        HTTP_ROW(PROP_BOOL, p, "sslverify", at, sslverify, "https: is the server who it says?", .def = 1),   \
        HTTP_ROW(PROP_STRING, p, "username", at, username, "for the server"),                                \
        HTTP_ROW(PROP_STRING, p, "password-secret", at, password_secret, "the -object secret that has it"),  \
        HTTP_ROW(PROP_STRING, p, "proxy-username", at, proxy_username, "for the proxy"),                     \
        HTTP_ROW(PROP_STRING, p, "proxy-password-secret", at, proxy_password_secret,                         \
                 "the -object secret that has it"),                                                          \
        HTTP_ROW(PROP_STRING, p, "cookie", at, cookie, "NAME=VALUE; NAME=VALUE, sent with requests"),        \
        HTTP_ROW(PROP_STRING, p, "cookie-secret", at, cookie_secret, "the -object secret that has them"),    \
        HTTP_ROW(PROP_BOOL, p, "force-range", at, force_range, "never send HEAD, but GET of a range")
enum { HTTP_READAHEAD = 256 << 10, HTTP_READAHEAD_MAX = 64 << 20, HTTP_TIMEOUT = 5 };

extern const Shape http_shape;       /* of HttpOptions: of a node whose URL says all (http_node_open_url) */
bool http_is_name(const char *text); /* does it begin like a URL that is built? */
bool http_is_of(const char *text, bool tls); /* of https, or of http */

/* Of -drive: members of `keys` that begin with `prefix`; the caller's (shape_free).  NULL: they are not what they should be. */
HttpOptions *http_options_of(const char *url, struct json_object *keys, const char *prefix, GError **err);

/* A disk, to be read; waits until the server has answered, as reads do.  secrets: NULL is fine. */
BlockNode *http_node_open(const HttpOptions *o, const Secrets *secrets, GError **err);
BlockNode *http_node_open_url(const char *url, const Secrets *secrets, GError **err);

/* ---- fetch.c: any thread ---- */
typedef struct Fetcher Fetcher; /* connections to one file */
/* NULL: it cannot be read by ranges of bytes.  *size: its bytes. */
Fetcher *fetcher_new(const HttpOptions *o, const Secrets *secrets, uint64_t *size, GError **err);
void fetcher_free(Fetcher *f); /* nobody uses it */
/* So many bytes from there on, which the file has.  0 or -errno, with a line in the log. */
int fetcher_read(Fetcher *f, uint64_t offset, uint8_t *buf, uint64_t length);
