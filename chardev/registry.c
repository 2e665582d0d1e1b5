/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The chardevs of a machine by their ids: making them from options, finding,
 * listing and freeing them.
 * Spelling: the QEMU manual, "invocation", -chardev. */
#include "chardev_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "util/nearest.h"

static const ChardevBackend *const backends[] = {
    &chr_backend_file,    &chr_backend_null,   &chr_backend_pipe,  &chr_backend_pty,
    &chr_backend_ringbuf, &chr_backend_socket, &chr_backend_stdio,
};

static const char *const common_keys[] = { "backend", "id", "mux", "logfile", "logappend" };

static const ChardevBackend *backend_find(const char *name, GError **err)
{
    const char *names[G_N_ELEMENTS(backends) + 1] = { NULL };
    g_autoptr(GString) list = g_string_new(NULL);
    for (unsigned i = 0; i < G_N_ELEMENTS(backends); i++) {
        if (strcmp(backends[i]->name, name) == 0) {
            return backends[i];
        }
        names[i] = backends[i]->name;
        g_string_append_printf(list, "%s%s", i ? ", " : "", names[i]);
    }
    const char *near = nearest_name(name, names);
    chr_error(err, "'%s' is not a valid char driver name: this program has %s%s%s%s", name, list->str,
              near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
    return NULL;
}

static bool key_is_known(const ChardevBackend *b, const char *key)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(common_keys); i++) {
        if (strcmp(key, common_keys[i]) == 0) {
            return true;
        }
    }
    return b->keys && g_strv_contains(b->keys, key);
}

static bool keys_check(const ChardevBackend *b, GHashTable *options, GError **err)
{
    GHashTableIter it;
    gpointer key;
    g_hash_table_iter_init(&it, options);
    while (g_hash_table_iter_next(&it, &key, NULL)) {
        if (!key_is_known(b, key)) {
            g_autofree char *own = b->keys ? names_join(b->keys, ", ") : g_strdup("none");
            const char *near = b->keys ? nearest_name(key, b->keys) : NULL;
            chr_error(err,
                      "Invalid parameter '%s' for chardev '%s': the options of this backend "
                      "are: %s, besides id, mux, logfile, logappend%s%s%s",
                      (char *)key, b->name, own, near ? "; did you mean '" : "", near ? near : "",
                      near ? "'?" : "");
            return false;
        }
    }
    return true;
}

static bool id_is_valid(const char *id)
{
    bool ok = strlen(id) <= 127 && *id;
    for (const char *p = id; *p && ok; p++) {
        ok = (guchar)*p > ' ' && *p != ',';
    }
    return ok;
}

static bool log_open(Chardev *chr, GHashTable *options, GError **err)
{
    const char *path = opt_string(options, "logfile");
    bool append;
    chr->log_fd = -1;
    if (!opt_bool(options, "logappend", false, &append, err)) {
        return false;
    }
    if (!path) {
        return true;
    }
    chr->log_fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | (append ? O_APPEND : O_TRUNC), 0666);
    if (chr->log_fd < 0) {
        chr_error(err,
                  "chardev '%s': could not open the log file '%s': %s; check the folder and "
                  "its permissions",
                  chr->id, path, g_strerror(errno));
        return false;
    }
    return true;
}

static void chr_free(Chardev *chr)
{
    if (chr->bh) {
        if (chr->backend->close) {
            chr->backend->close(chr);
        }
        bh_free(chr->bh);
        lock_finish(&chr->write_lock);
        g_byte_array_unref(chr->own);
        for (int i = 0; i < CHR_SLOTS; i++) {
            g_byte_array_unref(chr->slots[i].in);
        }
    }
    if (chr->log_fd >= 0) {
        close(chr->log_fd);
    }
    g_free(chr->id);
    g_free(chr);
}

static bool chr_init(Chardev *chr, GHashTable *options, GError **err)
{
    if (!opt_bool(options, "mux", false, &chr->mux_on, err) || !log_open(chr, options, err)) {
        return false;
    }
    lock_init(&chr->write_lock, LOCK_CHARDEV_OUT);
    chr->own = g_byte_array_new();
    for (int i = 0; i < CHR_SLOTS; i++) {
        chr->slots[i].in = g_byte_array_new();
    }
    chr->bh = bh_new(chr->all->loop, NULL, chr_refresh, chr);
    return chr->backend->open(chr, options, err);
}

Chardev *chardev_new(Chardevs *all, GHashTable *options, GError **err)
{
    const char *name = opt_string(options, "backend"), *id = opt_string(options, "id");
    const ChardevBackend *b = name ? backend_find(name, err) : NULL;
    if (!b) {
        if (!name) {
            chr_error(err, "chardev: no backend is named; write -chardev BACKEND,id=NAME");
        }
        return NULL;
    }
    if (!id || !id_is_valid(id)) {
        chr_error(err,
                  "chardev: %s%s: an id is up to 127 visible characters without comma; "
                  "add id=NAME",
                  id ? "no usable id: " : "no id specified", id ? id : "");
        return NULL;
    }
    if (chardev_find(all, id)) {
        chr_error(err,
                  "Duplicate ID '%s' for chardev: each one needs its own; change one of "
                  "them",
                  id);
        return NULL;
    }
    if (!keys_check(b, options, err)) {
        return NULL;
    }
    Chardev *chr = g_malloc0(b->size);
    chr->all = all;
    chr->backend = b;
    chr->id = g_strdup(id);
    chr->log_fd = -1;
    if (!chr_init(chr, options, err)) {
        chr_free(chr);
        return NULL;
    }
    g_ptr_array_add(all->list, chr);
    return chr;
}

Chardev *chardev_find(const Chardevs *all, const char *id)
{
    for (guint i = 0; i < all->list->len; i++) {
        Chardev *chr = g_ptr_array_index(all->list, i);
        if (strcmp(chr->id, id) == 0) {
            return chr;
        }
    }
    return NULL;
}

void chardev_foreach(const Chardevs *all, void (*fn)(Chardev *chr, void *opaque), void *opaque)
{
    for (guint i = 0; i < all->list->len; i++) {
        fn(g_ptr_array_index(all->list, i), opaque);
    }
}

void chardev_print_backends(void)
{
    printf("Available chardev backend types: \n");
    for (unsigned i = 0; i < G_N_ELEMENTS(backends); i++) {
        printf("  %s\n", backends[i]->name);
    }
}

void chardev_free(Chardev *chr)
{
    if (g_ptr_array_remove(chr->all->list, chr)) {
        chr_free(chr);
    }
}

Chardevs *chardevs_new(EventLoop *loop)
{
    Chardevs *all = g_new0(Chardevs, 1);
    all->loop = loop;
    all->list = g_ptr_array_new();
    all->escape = 1;
    return all;
}

void chardevs_set_escape(Chardevs *all, uint8_t c)
{
    all->escape = c;
}

void chardevs_free(Chardevs *all)
{
    if (!all) {
        return;
    }
    while (all->list->len) {
        chr_free(g_ptr_array_steal_index(all->list, all->list->len - 1));
    }
    g_ptr_array_unref(all->list);
    g_free(all);
}
