/* SPDX-License-Identifier: GPL-2.0-or-later */
/* An image by the options of its nodes, without a machine: --image-opts of the tools, json: names. */
#include <string.h>

#include "block/blockdev.h"
#include "util/keyval.h"

static bool has_prefix(json_object *values, const char *prefix)
{
    json_object_object_foreach(values, key, value)
    {
        (void)value;
        if (g_str_has_prefix(key, prefix)) {
            return true;
        }
    }
    return false;
}

/* Of what is below (file.filename, file.file.filename) key=value need not say that it is a file. */
static void add_drivers(json_object *values)
{
    g_autoptr(GString) prefix = g_string_new("file.");
    for (; has_prefix(values, prefix->str); g_string_append(prefix, "file.")) {
        g_autofree char *driver = g_strdup_printf("%sdriver", prefix->str);
        if (!keyval_text(values, driver)) {
            keyval_put(values, driver, "file");
        }
    }
}

static void move_server(json_object *values, const char *prefix)
{
    static const char *const keys[] = { "path", "host", "port" };
    const char *type = NULL;
    for (unsigned i = 0; i < G_N_ELEMENTS(keys); i++) {
        g_autofree char *from = g_strconcat(prefix, keys[i], NULL);
        g_autofree char *to = g_strconcat(prefix, "server.", keys[i], NULL);
        const char *value = keyval_text(values, from);
        if (value) {
            keyval_put(values, to, value);
            json_object_object_del(values, from);
            type = type ? type : i ? "inet" : "unix";
        }
    }
    g_autofree char *type_key = g_strconcat(prefix, "server.type", NULL);
    g_autofree char *port_key = g_strconcat(prefix, "server.port", NULL);
    if (type && !keyval_text(values, type_key)) {
        keyval_put(values, type_key, type);
    }
    if (g_strcmp0(type, "inet") == 0 && !keyval_text(values, port_key)) {
        keyval_put(values, port_key, "10809");
    }
}

/* QEMU's manual, "TLS Pre-Shared Keys": file.host, file.port and file.path of driver nbd are its server's. */
static void add_servers(json_object *values)
{
    g_autoptr(GString) prefix = g_string_new(NULL);
    do {
        g_autofree char *driver = g_strdup_printf("%sdriver", prefix->str);
        if (g_strcmp0(keyval_text(values, driver), "nbd") == 0) {
            move_server(values, prefix->str);
        }
        g_string_append(prefix, "file.");
    } while (has_prefix(values, prefix->str));
}

BlockNode *image_open_values(json_object *values, const Secrets *secrets, GError **err)
{
    BlockdevOptions *o = shape_new(&blockdev_shape, values, NULL, err);
    EventLoop *loop = event_loop_new(NULL);
    Drives *all = drives_new(loop, NULL);
    Secrets *own = all->secrets;
    all->secrets = (Secrets *)secrets;
    BlockBackend *blk = o ? blockdev_open(all, o, err) : NULL;
    BlockNode *n = blk ? node_ref(blk->node) : NULL; /* which has all that it is on */
    all->secrets = own;
    drives_free(all);
    event_loop_free(loop);
    shape_free(&blockdev_shape, o);
    return n;
}

BlockNode *image_open_options(const char *text, const Secrets *secrets, bool readonly, GError **err)
{
    json_object *values = keyval_read(text, "driver", err);
    if (!values) {
        return NULL;
    }
    add_drivers(values);
    add_servers(values);
    if (readonly || !keyval_text(values, "read-only")) {
        keyval_put(values, "read-only", readonly ? "on" : "off");
    }
    keyval_put(values, "node-name", "image");
    BlockNode *n = image_open_values(values, secrets, err);
    json_object_put(values);
    if (n && n->readonly && !readonly) {
        block_error(err, "'%s': read-only, as its options say", n->filename);
        g_clear_pointer(&n, node_unref);
    }
    return n;
}
