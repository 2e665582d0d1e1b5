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

static bool move_server(json_object *values, const char *prefix, GError **err)
{
    static const char *const keys[] = { "path", "host", "port" };
    const char *type = NULL;
    g_autofree char *server = g_strconcat(prefix, "server.", NULL);
    for (unsigned i = 0; i < G_N_ELEMENTS(keys); i++) {
        g_autofree char *from = g_strconcat(prefix, keys[i], NULL);
        g_autofree char *to = g_strconcat(prefix, "server.", keys[i], NULL);
        const char *value = keyval_text(values, from);
        if (value && !type && has_prefix(values, server)) {
            block_error(err, "%s and %s... are two ways to say where the server is; leave one of them out",
                        from, server);
            return false;
        }
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
    return true;
}

/* QEMU's manual, "TLS Pre-Shared Keys": file.host, file.port and file.path of driver nbd are its server's. */
static bool add_servers(json_object *values, GError **err)
{
    g_autoptr(GString) prefix = g_string_new(NULL);
    bool ok = true;
    do {
        g_autofree char *driver = g_strdup_printf("%sdriver", prefix->str);
        if (g_strcmp0(keyval_text(values, driver), "nbd") == 0) {
            ok = move_server(values, prefix->str, err);
        }
        g_string_append(prefix, "file.");
    } while (ok && has_prefix(values, prefix->str));
    return ok;
}

static void put_if(json_object *values, bool wanted, const char *key, const char *value)
{
    if (wanted && !json_object_object_get(values, key)) {
        keyval_put(values, key, value);
    }
}

/* What the command line says for all images (-t, -d, -U) holds where the options of this one say nothing. */
static void add_flags(json_object *values, const OpenFlags *flags)
{
    put_if(values, flags->no_flush, "cache.no-flush", "on");
    put_if(values, flags->discard, "discard", "unmap");
    g_autoptr(GPtrArray) files =
        g_ptr_array_new_with_free_func(g_free); /* an object is not changed while it is walked */
    json_object_object_foreach(values, key, value)
    {
        const char *name = json_object_get_string(value);
        if (g_str_has_suffix(key, "driver") &&
            (strcmp(name, "file") == 0 || strcmp(name, "host_device") == 0)) {
            g_ptr_array_add(files,
                            g_strdup_printf("%.*slocking", (int)(strlen(key) - strlen("driver")), key));
        }
    }
    put_if(values, flags->direct && files->len, "cache.direct",
           "on"); /* of a server nothing is cached here */
    for (guint i = 0; i < files->len; i++) {
        put_if(values, !flags->locking, g_ptr_array_index(files, i), "off");
    }
}

const char *const *image_drivers(void)
{
    return blockdev_driver_names;
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

BlockNode *image_open_options(const char *text, const OpenFlags *flags, GError **err)
{
    json_object *values = keyval_read(text, "driver", err);
    bool readonly = flags->readonly;
    if (!values) {
        return NULL;
    }
    add_drivers(values);
    if (!add_servers(values, err)) {
        json_object_put(values);
        return NULL;
    }
    add_flags(values, flags);
    if (readonly || !keyval_text(values, "read-only")) {
        keyval_put(values, "read-only", readonly ? "on" : "off");
    }
    if (flags->no_backing && !has_prefix(values, "backing") &&
        g_strcmp0(keyval_text(values, "driver"), "qcow2") == 0) {
        json_object_object_add(values, "backing", NULL);
    }
    keyval_put(values, "node-name", "image");
    BlockNode *n = image_open_values(values, flags->secrets, err);
    json_object_put(values);
    if (n && n->readonly && !readonly) {
        block_error(err, "'%s': read-only, as its options say", n->filename);
        g_clear_pointer(&n, node_unref);
    }
    return n;
}
