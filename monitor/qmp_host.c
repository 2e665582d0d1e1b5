/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Commands on host ends: chardevs, networks, disks as a whole, the balloon; and those that add to a machine. */
#include <string.h>

#include "chardev/chardev.h"
#include "hw/board.h"
#include "hw/events.h"
#include "hw/object.h"
#include "hw/virtio_balloon.h"
#include "monitor/command.h"
#include "net/net.h"

static bool not_found(GError **err, const char *id)
{
    return command_error(err, ERROR_DEVICE_NOT_FOUND, "Device '%s' not found", id);
}

/* ---- chardevs ------------------------------------------------------------ */

typedef struct ChardevInfo {
    char *label, *filename;
    bool open;
} ChardevInfo;

#define T ChardevInfo
static const Prop chardev_props[] = {
    { "label", PROP_STRING, ALWAYS(label) },
    { "filename", PROP_STRING, ALWAYS(filename) },
    { "frontend-open", PROP_BOOL, ALWAYS(open), .help = "something here uses it" },
    { NULL },
};
#undef T
static const Shape chardev_info_shape = { "ChardevInfo", sizeof(ChardevInfo), chardev_props };

static void add_chardev(Chardev *chr, void *opaque)
{
    ChardevInfo *info = prop_list_add(opaque, &chardev_info_shape);
    info->label = g_strdup(chardev_id(chr));
    info->filename = chardev_describe(chr);
    info->open = chardev_is_used(chr);
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

/* ---- networks ------------------------------------------------------------ */

typedef struct SetLink {
    char *name;
    bool up;
} SetLink;

#define T SetLink
static const Prop link_props[] = {
    { "name", PROP_STRING, ALWAYS(name), .help = "of a card, or the id of a netdev" },
    { "up", PROP_BOOL, ALWAYS(up) },
    { NULL },
};
#undef T
static const Shape link_shape = { "SetLink", sizeof(SetLink), link_props };

static bool run_set_link(Control *c, const void *args, void *result, GError **err)
{
    const SetLink *a = args;
    return net_set_link_of(c->machine->nets, a->name, a->up) || not_found(err, a->name);
}

static bool run_netdev_add(Control *c, const void *args, void *result, GError **err)
{
    return net_new(c->machine->nets, args, err) != NULL;
}

/* ---- the balloon --------------------------------------------------------- */

typedef struct BalloonValue {
    int64_t bytes;
} BalloonValue;

#define T BalloonValue
static const Prop balloon_props[] = { { "value", PROP_I64, ALWAYS(bytes), .help = "bytes for the guest" },
                                      { NULL } };
static const Prop actual_props[] = { { "actual", PROP_I64, ALWAYS(bytes), .help = "bytes of the guest" },
                                     { NULL } };
#undef T
static const Shape balloon_shape = { "BalloonArguments", sizeof(BalloonValue), balloon_props };
static const Shape actual_shape = { "BalloonInfo", sizeof(BalloonValue), actual_props };

static Device *need_balloon(Control *c, GError **err)
{
    Device *balloon = virtio_balloon_find(c->machine);
    if (!balloon) {
        command_error(err, ERROR_DEVICE_NOT_ACTIVE, "No balloon device has been activated");
    }
    return balloon;
}

static bool run_balloon(Control *c, const void *args, void *result, GError **err)
{
    const BalloonValue *a = args;
    Device *balloon = need_balloon(c, err);
    if (!balloon) {
        return false;
    }
    if (a->bytes <= 0) {
        return command_error(err, ERROR_GENERIC, "Parameter 'value' expects a size");
    }
    virtio_balloon_set_target(balloon, (uint64_t)a->bytes);
    return true;
}

static bool run_query_balloon(Control *c, const void *args, void *result, GError **err)
{
    BalloonValue *info = result;
    Device *balloon = need_balloon(c, err);
    info->bytes = balloon ? (int64_t)virtio_balloon_actual(balloon) : 0;
    return balloon;
}

/* ---- objects and devices ------------------------------------------------- */

static bool run_object_add(Control *c, const void *args, void *result, GError **err)
{
    return object_new(c->machine->objects, args, err);
}

/* Buses whose guests hear of a device that comes or goes. */
static bool bus_takes_plugs(const Bus *bus)
{
    return strcmp(bus->kind, "virtio-serial-bus") == 0;
}

static bool run_device_add(Control *c, const void *args, void *result, GError **err)
{
    const DeviceOptions *a = args;
    const DeviceClass *class = device_class_find(a->driver);
    Bus *bus = a->bus                ? machine_find_bus(c->machine, a->bus)
               : class && class->bus ? machine_find_bus_of_kind(c->machine, class->bus)
                                     : NULL;
    if (class && class->user_creatable && bus && !bus_takes_plugs(bus)) {
        return command_error(err, ERROR_GENERIC, "Bus '%s' does not support hotplugging", bus->name);
    }
    return machine_add_device(c->machine, a, true, err) != NULL;
}

typedef struct IdOnly {
    char *id;
} IdOnly;

#define T IdOnly
static const Prop id_props[] = { { "id", PROP_STRING, ALWAYS(id) }, { NULL } };
#undef T
static const Shape id_shape = { "IdArgument", sizeof(IdOnly), id_props };

static bool run_device_del(Control *c, const void *args, void *result, GError **err)
{
    const IdOnly *a = args;
    Device *dev = machine_find_device(c->machine, a->id);
    if (!dev || !dev->id) {
        return not_found(err, a->id);
    }
    if (!dev->bus || !bus_takes_plugs(dev->bus)) {
        return command_error(err, ERROR_GENERIC, "Bus '%s' does not support hotplugging",
                             dev->bus ? dev->bus->name : "main-system-bus");
    }
    g_autofree char *path = g_strdup_printf("/machine/peripheral/%s", a->id);
    device_free(dev);
    events_emit(c->machine->events, &event_device_deleted, &(DeviceEvent){ a->id, path });
    return true;
}

static bool run_chardev_remove(Control *c, const void *args, void *result, GError **err)
{
    const IdOnly *a = args;
    Chardev *chr = chardev_find(c->machine->chardevs, a->id);
    if (!chr) {
        return command_error(err, ERROR_GENERIC, "Chardev '%s' not found", a->id);
    }
    if (chardev_is_used(chr)) {
        return command_error(err, ERROR_GENERIC, "Chardev '%s' is busy: a device or a monitor uses it",
                             a->id);
    }
    chardev_free(chr);
    return true;
}

/* clang-format off */
const Command commands_host[] = {
    { "query-chardev", "all chardevs", NULL, RETURNS_LIST(chardev_info_shape), 0, run_query_chardev },
    { "ringbuf-read", "take what a ring buffer keeps", &ringbuf_shape, RETURNS_STRING, 0, run_ringbuf_read },
    { "set_link", "plug or unplug the cable of a network card", &link_shape, NULL, 0, run_set_link },
    { "netdev_add", "add a host end of a network", &netdev_shape, NULL, 0, run_netdev_add },
    { "object-add", "add an object", &object_shape, NULL, 0, run_object_add },
    { "device_add", "add a device, where its bus can tell the guest", &device_shape, NULL, 0, run_device_add },
    { "device_del", "remove a device, where its bus can tell the guest", &id_shape, NULL, 0, run_device_del },
    { "chardev-remove", "remove a chardev that nothing uses", &id_shape, NULL, 0, run_chardev_remove },
    { "balloon", "ask the guest for memory, or give it back", &balloon_shape, NULL, 0, run_balloon },
    { "query-balloon", "how much memory the guest has", NULL, RETURNS_STRUCT(actual_shape), 0, run_query_balloon },
    { NULL },
};
/* clang-format on */
