/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Names of disks of NBD servers.  Specification: the NBD project's doc/uri.md; QEMU's manual, "NBD access". */
#include <json-c/json.h>
#include <string.h>

#include "block/block_priv.h"
#include "block/nbd_client.h"
#include "block/nbd/proto.h"

/* As -blockdev has it: a URI says nothing of TLS. */
static char *json_text(const NbdName *n)
{
    json_object *o = json_object_new_object();
    const struct {
        const char *key, *value;
    } members[] = {
        { "driver", "nbd" },
        { "server.type", n->path ? "unix" : "inet" },
        { "server.path", n->path },
        { "server.host", n->host },
        { "server.port", n->path   ? NULL
                         : n->port ? n->port
                                   : NBD_DEFAULT_PORT },
        { "export", n->export[0] ? n->export : NULL },
        { "tls-creds", n->tls_id },
        { "tls-hostname", n->tls_hostname },
    };
    for (unsigned i = 0; i < G_N_ELEMENTS(members); i++) {
        if (members[i].value) {
            json_object_object_add(o, members[i].key, json_object_new_string(members[i].value));
        }
    }
    char *text = g_strconcat(
        "json:", json_object_to_json_string_ext(o, JSON_C_TO_STRING_SPACED | JSON_C_TO_STRING_NOSLASHESCAPE),
        NULL);
    json_object_put(o);
    return text;
}

char *nbd_name_text(const NbdName *n)
{
    if (n->tls_id) {
        return json_text(n);
    }
    g_autofree char *export = g_uri_escape_string(n->export, "/", false);
    if (n->path) {
        g_autofree char *path = g_uri_escape_string(n->path, "/", false);
        return g_strdup_printf("nbd+unix:///%s?socket=%s", export, path);
    }
    bool colon = strchr(n->host, ':') != NULL; /* an address of IPv6 */
    return g_strdup_printf("nbd://%s%s%s:%s/%s", colon ? "[" : "", n->host, colon ? "]" : "",
                           n->port ? n->port : NBD_DEFAULT_PORT, export);
}

void nbd_name_clear(NbdName *n)
{
    g_free(n->path);
    g_free(n->host);
    g_free(n->port);
    g_free(n->export);
    g_free(n->tls_hostname);
    g_free(n->tls_id);
    tls_creds_unref(n->tls);
    *n = (NbdName){ NULL };
}

bool nbd_is_name(const char *text)
{
    return g_str_has_prefix(text, "nbd:") || g_str_has_prefix(text, "nbd+unix:") ||
           g_str_has_prefix(text, "nbd+tcp:");
}

static bool is_wrong(const char *text, const char *why, GError **err)
{
    block_error(err, "'%s' names no disk of an NBD server: %s", text, why);
    return false;
}

/* HOST:PORT or [HOST]:PORT; the port may be missing. */
static void split_host(const char *text, NbdName *n)
{
    const char *end = text[0] == '[' ? strchr(text, ']') : NULL, *colon = strrchr(end ? end : text, ':');
    n->host = end     ? g_strndup(text + 1, (gsize)(end - text - 1))
              : colon ? g_strndup(text, (gsize)(colon - text))
                      : g_strdup(text);
    n->port = g_strdup(colon && colon[1] ? colon + 1 : NBD_DEFAULT_PORT);
    if (!n->host[0]) {
        g_free(n->host);
        n->host = g_strdup("localhost");
    }
}

/* nbd[+unix|+tcp]://[HOST[:PORT]]/[EXPORT][?socket=PATH] */
static bool parse_uri(const char *text, NbdName *n, GError **err)
{
    bool is_unix = g_str_has_prefix(text, "nbd+unix:");
    const char *host = strstr(text, "://") + 3, *slash = strchr(host, '/'), *query = strchr(host, '?');
    const char *host_end = slash && (!query || slash < query) ? slash : query ? query : host + strlen(host);
    const char *name = *host_end == '/' ? host_end + 1 : host_end,
               *name_end = query ? query : name + strlen(name);
    g_autofree char *authority = g_strndup(host, (gsize)(host_end - host));
    n->export = g_uri_unescape_segment(name, name_end, NULL);
    if (!n->export) {
        return is_wrong(text, "the export's name is not escaped as it should be", err);
    }
    if (!is_unix) {
        split_host(authority, n);
        return !query || is_wrong(text, "a host has no parameters", err);
    }
    if (!query || !g_str_has_prefix(query, "?socket=") || authority[0] || strchr(query, '&')) {
        return is_wrong(text, "a unix socket is named nbd+unix:///EXPORT?socket=PATH", err);
    }
    n->path = g_uri_unescape_string(query + 8, NULL);
    return (n->path && n->path[0]) || is_wrong(text, "the socket has no name", err);
}

bool nbd_parse_name(const char *text, NbdName *n, GError **err)
{
    *n = (NbdName){ NULL };
    bool ok;
    if (strstr(text, "://")) {
        ok = parse_uri(text, n, err);
    } else {
        static const char mark[] = ":exportname=";
        const char *at = text + strlen("nbd:"), *export = strstr(at, mark);
        g_autofree char *where = export ? g_strndup(at, (gsize)(export - at)) : g_strdup(at);
        n->export = g_strdup(export ? export + strlen(mark) : "");
        ok = where[0] != 0;
        if (g_str_has_prefix(where, "unix:")) {
            n->path = g_strdup(where + 5);
            ok = n->path[0] != 0;
        } else if (strchr(where, ':')) {
            split_host(where, n);
        } else {
            ok = false;
        }
        ok = ok || is_wrong(text, "write nbd:unix:PATH, nbd:HOST:PORT or nbd://HOST:PORT/EXPORT", err);
    }
    if (!ok) {
        nbd_name_clear(n);
    }
    return ok;
}
