/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Commands on chardevs. */
#include <string.h>

#include "chardev/chardev.h"
#include "hw/board.h"
#include "monitor/command.h"

typedef struct ChardevInfo {
    char *label, *filename;
    bool open;
} ChardevInfo;

#define T ChardevInfo
static const Prop chardev_props[] = {
    { "label", PROP_STRING, ALWAYS(label) },
    { "filename", PROP_STRING, ALWAYS(filename) },
    { "frontend-open", PROP_BOOL, ALWAYS(open),
      .help = "something here uses it, and its guest has opened it" },
    { NULL },
};
#undef T
static const Shape chardev_info_shape = { "ChardevInfo", sizeof(ChardevInfo), chardev_props };

typedef struct BackendInfo {
    char *name;
} BackendInfo;

#define T BackendInfo
static const Prop backend_props[] = { { "name", PROP_STRING, ALWAYS(name) }, { NULL } };
#undef T
static const Shape backend_shape = { "ChardevBackendInfo", sizeof(BackendInfo), backend_props };

static void add_chardev(Chardev *chr, void *opaque)
{
    ChardevInfo *info = prop_list_add(opaque, &chardev_info_shape);
    info->label = g_strdup(chardev_id(chr));
    info->filename = chardev_describe(chr);
    info->open = chardev_is_open(chr);
}

static bool run_query_chardev(Control *c, const void *args, void *result, GError **err)
{
    chardev_foreach(c->machine->chardevs, add_chardev, result);
    return true;
}

static const char *const data_formats[] = { "utf8", "base64", NULL };
typedef struct RingbufRead {
    char *device;
    int64_t size;
    int format;
} RingbufRead;

#define T RingbufRead
static const Prop ringbuf_props[] = {
    { "device", PROP_STRING, ALWAYS(device), .help = "id of the chardev" },
    { "size", PROP_I64, ALWAYS(size), .help = "most bytes" },
    { "format", PROP_ENUM, MAYBE(format), .names = data_formats },
    { NULL },
};
#undef T
static const Shape ringbuf_shape = { "RingbufRead", sizeof(RingbufRead), ringbuf_props };

typedef struct RingbufWrite {
    char *device, *data;
    int format;
} RingbufWrite;

#define T RingbufWrite
static const Prop write_props[] = {
    { "device", PROP_STRING, ALWAYS(device), .help = "id of the chardev" },
    { "data", PROP_STRING, ALWAYS(data) },
    { "format", PROP_ENUM, MAYBE(format), .names = data_formats },
    { NULL },
};
#undef T
static const Shape write_shape = { "RingbufWrite", sizeof(RingbufWrite), write_props };

static bool run_ringbuf_write(Control *c, const void *args, void *result, GError **err)
{
    const RingbufWrite *a = args;
    Chardev *chr = chardev_find(c->machine->chardevs, a->device);
    if (!chr) {
        return command_error(err, ERROR_GENERIC, "Device '%s' not found", a->device);
    }
    if (a->format == 0) {
        return chardev_ringbuf_write(chr, a->data, strlen(a->data), err);
    }
    gsize n;
    g_autofree guchar *bytes = g_base64_decode(a->data, &n);
    g_autofree char *again = g_base64_encode(bytes, n);
    if (!g_str_equal(again, a->data)) {
        return command_error(err, ERROR_GENERIC, "Parameter 'data' expects base64");
    }
    return chardev_ringbuf_write(chr, bytes, n, err);
}

static void add_backend(PropList *list, const char *name)
{
    BackendInfo *info = prop_list_add(list, &backend_shape);
    info->name = g_strdup(name);
}

static bool run_query_backends(Control *c, const void *args, void *result, GError **err)
{
    for (const char *const *names = prop_enum_names(chardev_shape.tag); *names; names++) {
        add_backend(result, *names);
    }
    return true;
}

static bool run_ringbuf_read(Control *c, const void *args, void *result, GError **err)
{
    const RingbufRead *a = args;
    Chardev *chr = chardev_find(c->machine->chardevs, a->device);
    if (!chr) {
        return command_error(err, ERROR_GENERIC, "Device '%s' not found", a->device);
    }
    if (a->size <= 0) {
        return command_error(err, ERROR_GENERIC, "size must be greater than zero");
    }
    g_autoptr(GBytes) bytes = chardev_ringbuf_read(chr, (gsize)a->size, err);
    if (!bytes) {
        return false;
    }
    gsize n;
    const char *data = g_bytes_get_data(bytes, &n);
    if (a->format == 1) {
        *(char **)result = g_base64_encode((const guchar *)data, n);
        return true;
    }
    g_autofree char *text = g_strndup(data ? data : "", n);
    *(char **)result = g_utf8_make_valid(text, -1);
    return true;
}

static bool run_chardev_remove(Control *c, const void *args, void *result, GError **err)
{
    const IdArgument *a = args;
    Chardev *chr = chardev_find(c->machine->chardevs, a->id);
    if (!chr) {
        return command_error(err, ERROR_GENERIC, "Chardev '%s' not found", a->id);
    }
    if (chardev_is_used(chr)) {
        return command_error(err, ERROR_GENERIC, "Chardev '%s' is busy: a device or a monitor uses it",
                             a->id);
    }
    if (chardev_stays(chr)) {
        return command_error(err, ERROR_GENERIC, "Chardev '%s' is a text console, which stays", a->id);
    }
    chardev_free(chr);
    return true;
}

/* clang-format off */
const Command commands_chardev[] = {
    { "query-chardev", "all chardevs", NULL, RETURNS_LIST(chardev_info_shape), 0, run_query_chardev },
    { "query-chardev-backends", "kinds of chardevs", NULL, RETURNS_LIST(backend_shape), 0, run_query_backends },
    { "ringbuf-write", "put data into a ring buffer", &write_shape, NULL, 0, run_ringbuf_write },
    { "ringbuf-read", "take what a ring buffer keeps", &ringbuf_shape, RETURNS_STRING, 0, run_ringbuf_read },
    { "chardev-remove", "remove a chardev that nothing uses", &command_id_shape, NULL, 0, run_chardev_remove },
    { NULL },
};
/* clang-format on */
