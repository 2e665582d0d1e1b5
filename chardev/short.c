/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The short form of -serial, -monitor, -qmp and -parallel: "stdio", "tcp:HOST:PORT,server", ...
 * turned into the options of -chardev.
 * Spelling: the QEMU manual, "invocation", -serial. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "chardev_priv.h"
#include "util/keyval.h"

static const char forms[] = "stdio, mon:stdio, pty, null, none, file:PATH, pipe:PATH, "
                            "tcp:HOST:PORT, unix:PATH, ringbuf, chardev:ID";

static void put(GHashTable *t, const char *key, const char *value)
{
    g_hash_table_replace(t, g_strdup(key), g_strdup(value));
}

/* "PATH[,key=value...]" into `key` and the rest. */
static GHashTable *parse_named(const char *text, const char *key, const char *backend, GError **err)
{
    const char *comma = text;
    while ((comma = strchr(comma, ',')) && comma[1] == ',') {
        comma += 2;
    }
    g_autofree char *first = g_strndup(text, comma ? (gsize)(comma - text) : strlen(text));
    g_auto(GStrv) parts = g_strsplit(first, ",,", -1);
    g_autofree char *name = g_strjoinv(",", parts);
    GHashTable *t = keyval_parse(comma ? comma + 1 : "", NULL, err);
    if (t) {
        put(t, key, name);
        put(t, "backend", backend);
    }
    return t;
}

/* "HOST:PORT" or "[V6]:PORT". */
static bool split_host(GHashTable *t, const char *text, GError **err)
{
    g_autofree char *host = g_strdup(opt_string(t, "host"));
    char *colon = strrchr(host, ':');
    if (!colon || !colon[1] || strchr(colon, ']')) {
        chr_error(err, "'tcp:%s': no port is given; write tcp:HOST:PORT", text);
        return false;
    }
    put(t, "port", colon + 1);
    *colon = 0;
    size_t n = strlen(host);
    if (n >= 2 && host[0] == '[' && host[n - 1] == ']') {
        host[n - 1] = 0;
        put(t, "host", host + 1);
    } else {
        put(t, "host", host);
    }
    return true;
}

static GHashTable *parse_unix(const char *text, GError **err)
{
    GHashTable *t = parse_named(text, "path", "socket", err);
    const char *path = t ? opt_string(t, "path") : "";
    if (g_str_has_prefix(path, "fd=")) { /* unix:fd=3,server=on */
        put(t, "fd", path + 3);
        g_hash_table_remove(t, "path");
    }
    return t;
}

static GHashTable *parse_tcp(const char *text, GError **err)
{
    GHashTable *t = parse_named(text, "host", "socket", err);
    if (t && !split_host(t, text, err)) {
        g_hash_table_unref(t);
        t = NULL;
    }
    return t;
}

static GHashTable *parse_plain(const char *text, GError **err)
{
    return keyval_parse(text, "backend", err); /* stdio, null, pty, ringbuf[,size=] */
}

static GHashTable *short_parse(const char *text, GError **err)
{
    static const char *const plain[] = { "stdio", "null", "pty", "ringbuf" };
    size_t word = strcspn(text, ":,");
    for (unsigned i = 0; i < G_N_ELEMENTS(plain); i++) {
        if (strlen(plain[i]) == word && memcmp(text, plain[i], word) == 0 && text[word] != ':') {
            return parse_plain(text, err);
        }
    }
    if (g_str_has_prefix(text, "file:")) {
        return parse_named(text + 5, "path", "file", err);
    }
    if (g_str_has_prefix(text, "pipe:")) {
        return parse_named(text + 5, "path", "pipe", err);
    }
    if (g_str_has_prefix(text, "pty:")) {
        return parse_named(text + 4, "path", "pty", err);
    }
    if (g_str_has_prefix(text, "unix:")) {
        return parse_unix(text + 5, err);
    }
    if (g_str_has_prefix(text, "tcp:")) {
        return parse_tcp(text + 4, err);
    }
    chr_error(err, "'%s' is not a valid char driver: this program has %s; use one of these%s", text, forms,
              g_str_has_prefix(text, "vc") ? " (vc needs a graphical console)" : "");
    return NULL;
}

Chardev *chardev_new_from_short(Chardevs *all, const char *label, const char *text, bool *with_monitor,
                                GError **err)
{
    bool mon = g_str_has_prefix(text, "mon:");
    const char *rest = mon ? text + 4 : text;
    if (with_monitor) {
        *with_monitor = mon;
    } else if (mon) {
        chr_error(err,
                  "'%s': mon: adds a monitor to a serial line, and this is none; write it "
                  "without mon:",
                  text);
        return NULL;
    }
    if (strcmp(rest, "none") == 0) {
        return NULL;
    }
    if (g_str_has_prefix(rest, "chardev:")) {
        Chardev *chr = chardev_find(all, rest + 8);
        if (!chr) {
            chr_error(err,
                      "chardev '%s' not found: no -chardev has this id; add -chardev "
                      "BACKEND,id=%s",
                      rest + 8, rest + 8);
        }
        return chr;
    }
    g_autoptr(GHashTable) t = short_parse(rest, err);
    if (!t) {
        return NULL;
    }
    put(t, "id", label);
    if (mon) {
        put(t, "mux", "on");
        if (strcmp(opt_string(t, "backend"), "stdio") == 0 && !opt_string(t, "signal")) {
            put(t, "signal", "off"); /* Ctrl-C is the guest's */
        }
    }
    return chardev_new(all, t, err);
}
