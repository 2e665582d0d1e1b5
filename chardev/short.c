/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The short form of -serial, -monitor, -qmp and -parallel: "stdio", "tcp:HOST:PORT,server", ...
 * turned into the options of -chardev.
 * Spelling: the QEMU manual, "invocation", -serial. */
#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "chardev_priv.h"
#include "util/keyval.h"

static const char forms[] = "stdio, mon:stdio, pty, null, none, file:PATH, pipe:PATH, "
                            "tcp:HOST:PORT, unix:PATH, ringbuf, vc, vc:WxH, chardev:ID";

/* "PATH[,key=value...]" into `key` and the rest. */
static json_object *parse_named(const char *text, const char *key, const char *backend, GError **err)
{
    const char *comma = text;
    while ((comma = strchr(comma, ',')) && comma[1] == ',') {
        comma += 2;
    }
    g_autofree char *first = g_strndup(text, comma ? (gsize)(comma - text) : strlen(text));
    g_auto(GStrv) parts = g_strsplit(first, ",,", -1);
    g_autofree char *name = g_strjoinv(",", parts);
    json_object *t = keyval_read(comma ? comma + 1 : "", NULL, err);
    if (t) {
        keyval_put(t, key, name);
        keyval_put(t, "backend", backend);
    }
    return t;
}

/* "HOST:PORT" or "[V6]:PORT". */
static bool split_host(json_object *t, const char *text, GError **err)
{
    g_autofree char *host = g_strdup(keyval_text(t, "host"));
    char *colon = strrchr(host, ':');
    if (!colon || !colon[1] || strchr(colon, ']')) {
        chr_error(err, "'tcp:%s': no port is given; write tcp:HOST:PORT", text);
        return false;
    }
    keyval_put(t, "port", colon + 1);
    *colon = 0;
    size_t n = strlen(host);
    if (n >= 2 && host[0] == '[' && host[n - 1] == ']') {
        host[n - 1] = 0;
        keyval_put(t, "host", host + 1);
    } else {
        keyval_put(t, "host", host);
    }
    return true;
}

static json_object *parse_unix(const char *text, GError **err)
{
    json_object *t = parse_named(text, "path", "socket", err);
    g_autofree char *path = t ? g_strdup(keyval_text(t, "path")) : g_strdup("");
    if (g_str_has_prefix(path, "fd=")) { /* unix:fd=3,server=on */
        keyval_put(t, "fd", path + 3);
        json_object_object_del(t, "path");
    } else if (g_str_has_prefix(path, "path=")) { /* as Kata writes it: unix:path=NAME,server=on */
        keyval_put(t, "path", path + strlen("path="));
    }
    return t;
}

static json_object *parse_tcp(const char *text, GError **err)
{
    json_object *t = parse_named(text, "host", "socket", err);
    if (t && !split_host(t, text, err)) {
        json_object_put(t);
        t = NULL;
    }
    return t;
}

static json_object *parse_plain(const char *text, GError **err)
{
    return keyval_read(text, "backend", err); /* stdio, null, pty, ringbuf[,size=] */
}

/* "", ":WxH" in pixels, ":COLSCxROWSC" in characters. */
static json_object *parse_vc(const char *size, GError **err)
{
    static const char *const keys[][2] = { { "width", "cols" }, { "height", "rows" } };
    json_object *t = keyval_read("backend=vc", NULL, err);
    g_auto(GStrv) parts = g_strsplit(*size ? size + 1 : "", "x", -1);
    bool ok = !*size || (size[1] && g_strv_length(parts) == 2);
    for (unsigned i = 0; *size && ok && i < G_N_ELEMENTS(keys); i++) {
        size_t n = strlen(parts[i]);
        bool chars = n && parts[i][n - 1] == 'C';
        parts[i][n - chars] = '\0';
        keyval_put(t, keys[i][chars], parts[i]);
        ok = *parts[i];
    }
    if (!ok) {
        chr_error(err, "'vc%s': no size; write vc:800x600 (pixels) or vc:80Cx24C (characters)", size);
        json_object_put(t);
        return NULL;
    }
    return t;
}

static json_object *short_parse(const char *text, GError **err)
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
    if (g_str_equal(text, "vc") || g_str_has_prefix(text, "vc:")) {
        return parse_vc(text + strlen("vc"), err);
    }
    chr_error(err, "'%s' is not a valid char driver: this program has %s; use one of these", text, forms);
    return NULL;
}

static Chardev *new_from_values(Chardevs *all, json_object *values, const char *label, bool mon, GError **err)
{
    keyval_put(values, "id", label);
    if (mon) {
        keyval_put(values, "mux", "on");
        if (strcmp(keyval_text(values, "backend"), "stdio") == 0 && !keyval_text(values, "signal")) {
            keyval_put(values, "signal", "off"); /* Ctrl-C is the guest's */
        }
    }
    ChardevOptions *o = shape_new(&chardev_shape, values, NULL, err);
    Chardev *chr = o ? chardev_new(all, o, err) : NULL;
    shape_free(&chardev_shape, o);
    return chr;
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
    json_object *values = short_parse(rest, err);
    if (!values) {
        return NULL;
    }
    Chardev *chr = new_from_values(all, values, label, mon, err);
    json_object_put(values);
    return chr;
}
