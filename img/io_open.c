/* SPDX-License-Identifier: GPL-2.0-or-later */
/* lyrebird-io: which image is open, and how. */
#include <errno.h>
#include <getopt.h>
#include <json-c/json.h>
#include <string.h>

#include "img/io.h"
#include "util/keyval.h"

static bool try_open(Io *io, const char *name, bool by_options, GError **err)
{
    ToolOptions tool = { .secrets = io->tool->secrets, .image_opts = by_options };
    io->node = tool_open(&tool, name, io->wanted_format, &io->flags, &io->format, err);
    return io->node != NULL;
}

bool io_open(Io *io, const char *name, bool by_options)
{
    g_autoptr(GError) err = NULL;
    if (!io->flags.locking && !io->flags.readonly) {
        img_error("can't open%s%s: force-share=on can only be used with read-only images",
                  name[0] ? " device " : "", name);
        return false;
    }
    if (!try_open(io, name, by_options, &err)) {
        img_error("can't open%s%s: %s", name[0] ? " device " : "", name, err->message);
        return false;
    }
    g_free(io->name);
    io->name = g_strdup(name);
    io->by_options = by_options;
    return true;
}

void io_close(Io *io)
{
    io_wait(io);
    node_unref(io->node);
    io->node = NULL;
}

bool io_take_discard(const char *text, OpenFlags *flags)
{
    flags->discard = strcmp(text, "unmap") == 0 || strcmp(text, "on") == 0;
    if (!flags->discard && strcmp(text, "ignore") != 0 && strcmp(text, "off") != 0) {
        img_error("Invalid discard option: %s", text);
        return false;
    }
    return true;
}

/* As a value of an option. */
static char *comma_doubled(const char *path)
{
    g_auto(GStrv) parts = g_strsplit(path, ",", -1);
    return g_strjoinv(",,", parts);
}

/* Options of nodes; the path, if there is one, is that of the file below. */
static bool open_by_options(Io *io, const char *options, const char *path)
{
    g_autofree char *doubled = comma_doubled(path ? path : "");
    g_autofree char *text = g_strdup_printf("%s%s%s", options, path ? ",file.filename=" : "", doubled);
    return io_open(io, text, true);
}

int io_open_image(Io *io, const IoCommand *self, int argc, char **argv)
{
    Io asked = *io;
    bool ok = true;
    const char *options = NULL;
    asked.flags = (OpenFlags){ .locking = true };
    asked.sync = false;
    for (int c; ok && (c = getopt(argc, argv, "rnUt:d:f:o:")) != -1;) {
        switch (c) {
        case 'r': asked.flags.readonly = true; break;
        case 'n': asked.flags.direct = true; break;
        case 'U': asked.flags.locking = false; break;
        case 't': ok = img_take_cache("cache", optarg, &asked.flags, &asked.sync); break;
        case 'd': ok = io_take_discard(optarg, &asked.flags); break;
        case 'f': asked.wanted_format = optarg; break;
        case 'o': options = optarg; break;
        default: ok = false;
        }
    }
    int count = argc - optind;
    if (!ok || count > 1 || (count == 0 && !options)) {
        return io_usage(self);
    }
    if (io->node) {
        img_error("file open already, try 'help close'");
        return -EBUSY;
    }
    io->flags = asked.flags;
    io->sync = asked.sync;
    io->wanted_format = asked.wanted_format;
    ok = options ? open_by_options(io, options, count ? argv[optind] : NULL)
                 : io_open(io, argv[optind], io->tool->image_opts);
    return ok ? 0 : -EINVAL;
}

/* ---- reopen ------------------------------------------------------------------- */

typedef struct Reopening {
    OpenFlags flags;
    bool sync, access, cache; /* access: -r or -w; cache: -c */
    const char *options;
} Reopening;

static bool refuse(const char *text)
{
    img_error("%s", text);
    return false;
}

static bool take_access(Reopening *r, bool readonly)
{
    if (r->access) {
        return refuse("Only one -r/-w option may be given");
    }
    r->access = true;
    r->flags.readonly = readonly;
    return true;
}

/* What the options say of the file and of access; the rest is the node's to refuse. */
static bool check_option(const Io *io, Reopening *r, const char *key, const char *value)
{
    bool readonly = false;
    if (strcmp(key, "driver") == 0 || strcmp(key, "file") == 0 || g_str_has_prefix(key, "file.")) {
        img_error("Cannot change the option '%s'", strncmp(key, "file.", 5) == 0 ? key + 5 : key);
        return false;
    }
    if (g_str_has_prefix(key, "cache.") && r->cache) {
        return refuse("Cannot set both -c and the cache options");
    }
    if (strcmp(key, "read-only") != 0) {
        return true;
    }
    if (r->access) {
        return refuse("Cannot set both -r/-w and 'read-only'");
    }
    if (!keyval_bool(value ? value : "", &readonly)) {
        return refuse("Parameter 'read-only' expects 'on' or 'off'");
    }
    if (readonly && !io->flags.readonly) {
        img_error("Read-only block node '%s' cannot support read-write users", io->name);
        return false;
    }
    r->flags.readonly = readonly;
    return true;
}

static bool check_options(const Io *io, Reopening *r)
{
    g_autoptr(GError) err = NULL;
    json_object *keys = r->options ? keyval_read(r->options, NULL, &err) : NULL;
    bool ok = true;
    if (r->options && !keys) {
        return refuse(err->message);
    }
    if (keys) {
        json_object_object_foreach(keys, key, value)
        {
            (void)value;
            ok = ok && check_option(io, r, key, keyval_text(keys, key));
        }
    }
    json_object_put(keys);
    return ok;
}

/* All that was said of the image, and what is said now: of two that contradict the later holds. */
static char *new_name(const Io *io, const Reopening *r)
{
    bool by_options = io->by_options || r->options;
    GString *text = g_string_new(by_options && io->by_options ? io->name : NULL);
    if (!by_options) {
        return g_string_free(g_string_append(text, io->name), FALSE);
    }
    if (!io->by_options) {
        g_autofree char *doubled = comma_doubled(io->name);
        g_string_append_printf(text, "driver=%s,file.filename=%s", io->format, doubled);
    }
    if (r->cache) {
        g_string_append_printf(text, ",cache.direct=%s,cache.no-flush=%s", r->flags.direct ? "on" : "off",
                               r->flags.no_flush ? "on" : "off");
    }
    if (r->options) {
        g_string_append_printf(text, ",%s", r->options);
    }
    if (r->access) {
        g_string_append_printf(text, ",read-only=%s", r->flags.readonly ? "on" : "off");
    }
    return g_string_free(text, FALSE);
}

/* It is closed and opened: what it is on has one lock for each process. */
static int reopen(Io *io, const Reopening *r)
{
    g_autoptr(GError) err = NULL, again = NULL;
    g_autofree char *name = new_name(io, r);
    bool by_options = io->by_options || r->options;
    Io before = *io;
    if (!r->flags.locking && !r->flags.readonly) {
        img_error("force-share=on can only be used with read-only images");
        return -EINVAL;
    }
    int e = io->flags.readonly ? 0 : node_flush(io->node);
    if (e) {
        img_error("%s", g_strerror(-e));
        return e;
    }
    io_close(io);
    io->flags = r->flags;
    io->sync = r->sync;
    io->wanted_format = by_options ? NULL : before.format;
    if (try_open(io, name, by_options, &err)) {
        g_free(io->name);
        io->name = g_steal_pointer(&name);
        io->by_options = by_options;
        return 0;
    }
    img_error("%s", err->message);
    io->flags = before.flags;
    io->sync = before.sync;
    io->wanted_format = before.by_options ? NULL : before.format;
    if (!try_open(io, io->name, before.by_options, &again)) {
        img_error("and it cannot be opened as it was: %s", again->message);
    }
    return -EINVAL;
}

int io_reopen(Io *io, const IoCommand *self, int argc, char **argv)
{
    Reopening r = { .flags = io->flags, .sync = io->sync };
    bool ok = true;
    for (int c; ok && (c = getopt(argc, argv, "rwc:o:")) != -1;) {
        switch (c) {
        case 'r': ok = take_access(&r, true); break;
        case 'w': ok = take_access(&r, false); break;
        case 'c':
            r.cache = true;
            ok = img_take_cache("cache", optarg, &r.flags, &r.sync);
            break;
        case 'o':
            if (r.options) {
                return io_usage(self);
            }
            r.options = optarg;
            break;
        default: return io_usage(self);
        }
    }
    if (ok && optind != argc) {
        return io_usage(self);
    }
    return ok && check_options(io, &r) ? reopen(io, &r) : -EINVAL;
}
