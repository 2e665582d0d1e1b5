/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The chardevs of a machine by their ids: making them from options, finding,
 * listing and freeing them.
 * Spelling: the QEMU manual, "invocation", -chardev. */
#include "chardev_priv.h"
#include "base/fdset.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

const char *const chr_type_names[] = {
    [CHR_FILE] = "file",
    [CHR_NULL] = "null",
    [CHR_PIPE] = "pipe",
    [CHR_PTY] = "pty",
    [CHR_RINGBUF] = "ringbuf",
    [CHR_SOCKET] = "socket",
    [CHR_STDIO] = "stdio",
    [CHR_VC] = "vc",
    [CHR_VDAGENT] = "qemu-vdagent",
    NULL,
};

static const ChardevBackend *const backends[] = {
    [CHR_FILE] = &chr_backend_file,       [CHR_NULL] = &chr_backend_null,
    [CHR_PIPE] = &chr_backend_pipe,       [CHR_PTY] = &chr_backend_pty,
    [CHR_RINGBUF] = &chr_backend_ringbuf, [CHR_SOCKET] = &chr_backend_socket,
    [CHR_STDIO] = &chr_backend_stdio,     [CHR_VC] = &chr_backend_vc,
    [CHR_VDAGENT] = &chr_backend_vdagent,
};

static const Shape *const arms[] = {
    [CHR_FILE] = &chr_file_shape,       [CHR_NULL] = NULL,
    [CHR_PIPE] = &chr_pipe_shape,       [CHR_PTY] = &chr_pty_shape,
    [CHR_RINGBUF] = &chr_ringbuf_shape, [CHR_SOCKET] = &chr_socket_shape,
    [CHR_STDIO] = &chr_stdio_shape,     [CHR_VC] = &chr_vc_shape,
    [CHR_VDAGENT] = &chr_vdagent_shape,
};

/* What QEMU has besides. */
static const char *const unbuilt[] = {
    "braille", "console",   "dbus",     "hub",     "memory", "mouse",    "msmouse", "parallel",
    "serial",  "spiceport", "spicevmc", "testdev", "udp",    "wctablet", NULL,
};

static const Prop chardev_props[] = {
    { "backend", PROP_ENUM, offsetof(ChardevOptions, backend), "kind of host end", .names = chr_type_names,
      .unbuilt = unbuilt, .required = true },
    { "id", PROP_STRING, offsetof(ChardevOptions, id), "name by which devices choose it", .required = true },
    { "mux", PROP_BOOL, offsetof(ChardevOptions, mux), "several may use it, Ctrl-A c goes round" },
    { "logfile", PROP_STRING, offsetof(ChardevOptions, logfile), "file that keeps what goes out" },
    { "logappend", PROP_BOOL, offsetof(ChardevOptions, logappend), "keep what is in it" },
    { NULL },
};

const Shape chardev_shape = {
    "Chardev",    sizeof(ChardevOptions), chardev_props, .tag = &chardev_props[0],
    .arms = arms, .implied = "backend",
};

void chr_error(GError **err, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    g_autofree char *text = g_strdup_vprintf(fmt, ap);
    va_end(ap);
    g_set_error_literal(err, G_OPTION_ERROR, G_OPTION_ERROR_FAILED, text);
}

static bool id_is_valid(const char *id)
{
    bool ok = strlen(id) <= 127 && *id;
    for (const char *p = id; *p && ok; p++) {
        ok = (guchar)*p > ' ' && *p != ',';
    }
    return ok;
}

static bool log_open(Chardev *chr, const ChardevOptions *o, GError **err)
{
    chr->log_fd = -1;
    if (!o->logfile) {
        return true;
    }
    /* A pipe that nobody reads is an error: it would make a machine wait that runs. */
    chr->log_fd = fdset_open(o->logfile, O_WRONLY | O_CREAT | O_NONBLOCK | O_NOCTTY |
                                             (o->logappend ? O_APPEND : O_TRUNC));
    if (chr->log_fd < 0) {
        chr_error(err, "chardev '%s': could not open the log file '%s': %s; %s", chr->id, o->logfile,
                  g_strerror(errno),
                  errno == ENXIO ? "start what reads it first" : "check the folder and its permissions");
        return false;
    }
    return true;
}

void chr_free(Chardev *chr)
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

static Chardev *chr_alloc(Chardevs *all, const ChardevBackend *b, const char *id)
{
    Chardev *chr = g_malloc0(b->size);
    chr->all = all;
    chr->backend = b;
    chr->id = g_strdup(id);
    chr->log_fd = -1;
    return chr;
}

static void chr_init(Chardev *chr, LockClass class)
{
    lock_init(&chr->write_lock, class);
    chr->own = g_byte_array_new();
    for (int i = 0; i < CHR_SLOTS; i++) {
        chr->slots[i].in = g_byte_array_new();
    }
    chr->bh = bh_new(chr->all->loop, NULL, chr_refresh, chr);
}

static bool chr_open(Chardev *chr, const ChardevOptions *o, LockClass class, GError **err)
{
    chr->mux_on = o->mux;
    if (!log_open(chr, o, err)) {
        return false;
    }
    chr_init(chr, class);
    return chr->backend->open(chr, o, err);
}

Chardev *chr_new_peer(Chardev *listener)
{
    Chardev *chr = chr_alloc(listener->all, listener->backend, listener->id);
    chr->type = listener->type;
    chr->log_fd = listener->log_fd < 0 ? -1 : fcntl(listener->log_fd, F_DUPFD_CLOEXEC, 3);
    chr_init(chr, LOCK_CHARDEV_OUT);
    return chr;
}

static Chardev *make(Chardevs *all, const ChardevOptions *o, LockClass class, GError **err)
{
    Chardev *chr = chr_alloc(all, backends[o->backend], o->id);
    chr->type = o->backend;
    if (!chr_open(chr, o, class, err)) {
        chr_free(chr);
        return NULL;
    }
    return chr;
}

Chardev *chr_new_behind(Chardevs *all, const ChardevOptions *o, GError **err)
{
    return make(all, o, LOCK_CHARDEV_BEHIND, err);
}

Chardev *chardev_new(Chardevs *all, const ChardevOptions *o, GError **err)
{
    if (!id_is_valid(o->id)) {
        chr_error(
            err,
            "chardev: '%s' is no id, which is up to 127 visible characters without comma; choose another",
            o->id);
        return NULL;
    }
    if (chardev_find(all, o->id)) {
        chr_error(err,
                  "Duplicate ID '%s' for chardev: each one needs its own; change one of "
                  "them",
                  o->id);
        return NULL;
    }
    Chardev *chr = make(all, o, LOCK_CHARDEV_OUT, err);
    if (!chr) {
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

void chardev_free(Chardev *chr)
{
    g_ptr_array_remove(chr->all->list, chr); /* a peer of a socket is not in it */
    chr_free(chr);
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

void chardevs_set_consoles(Chardevs *all, Consoles *consoles)
{
    all->consoles = consoles;
}

void chardevs_set_clipboard(Chardevs *all, Clipboard *clipboard)
{
    all->clipboard = clipboard;
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
