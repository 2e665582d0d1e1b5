/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Commands that add objects and devices to a machine and take them away, and those on the balloon. */
#include <string.h>

#include "hw/board.h"
#include "hw/migration.h"
#include "hw/events.h"
#include "hw/iothread.h"
#include "hw/object.h"
#include "hw/tree.h"
#include "hw/virtio_balloon.h"
#include "monitor/command.h"
#include "monitor/monitor_priv.h"

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
    virtio_balloon_set_target(balloon, a->bytes);
    return true;
}

static bool run_query_balloon(Control *c, const void *args, void *result, GError **err)
{
    BalloonValue *info = result;
    Device *balloon = need_balloon(c, err);
    info->bytes = balloon ? virtio_balloon_actual(balloon) : 0;
    return balloon;
}

/* ---- objects and devices ------------------------------------------------- */

static bool run_object_add(Control *c, const void *args, void *result, GError **err)
{
    return object_new(c->machine->objects, args, true, err);
}

static bool run_object_del(Control *c, const void *args, void *result, GError **err)
{
    const IdArgument *a = args;
    Object *o = object_find(c->machine->objects, a->id);
    if (!o) {
        return command_error(err, ERROR_GENERIC, "object '%s' not found", a->id);
    }
    const Device *user = machine_find_user(c->machine, PROP_LINK, o);
    if (user || object_is_held(o)) {
        return command_error(err, ERROR_GENERIC, "object '%s' is in use, can not be deleted. %s has it",
                             a->id, user ? device_user_path(user) : "The machine");
    }
    return object_del(c->machine->objects, o, err);
}

typedef struct IoThreadInfo {
    char *id;
    int64_t thread, none; /* none: what polling would need */
} IoThreadInfo;

#define T IoThreadInfo
static const Prop iothread_props[] = {
    { "id", PROP_STRING, ALWAYS(id) },
    { "thread-id", PROP_I64, ALWAYS(thread), .help = "the host's number" },
    { "poll-max-ns", PROP_I64, ALWAYS(none) },
    { "poll-grow", PROP_I64, ALWAYS(none) },
    { "poll-shrink", PROP_I64, ALWAYS(none) },
    { "poll-weight", PROP_I64, ALWAYS(none) },
    { "aio-max-batch", PROP_I64, ALWAYS(none) },
    { NULL },
};
#undef T
static const Shape iothread_shape = { "IOThreadInfo", sizeof(IoThreadInfo), iothread_props };

static void add_iothread(const Object *o, void *opaque)
{
    const IoThread *t = object_iothread(o);
    if (t) {
        IoThreadInfo *info = prop_list_add(opaque, &iothread_shape);
        info->id = g_strdup(object_id(o));
        info->thread = iothread_id(t);
    }
}

static bool run_query_iothreads(Control *c, const void *args, void *result, GError **err)
{
    objects_foreach(c->machine->objects, add_iothread, result);
    return true;
}

void monitor_show_iothreads(const void *result, GString *out)
{
    const PropList *list = result;
    for (size_t i = 0; i < list->count; i++) {
        const IoThreadInfo *info = prop_list_struct(list, i);
        g_string_append_printf(out, "%s:\n  thread_id=%d\n", info->id, (int)info->thread);
    }
}

/* Buses whose guests hear of a device that comes or goes. */
static bool check_takes_plugs(const Bus *bus, GError **err)
{
    return (bus && strcmp(bus->kind, "virtio-serial-bus") == 0) ||
           command_error(
               err, ERROR_GENERIC,
               "Bus '%s' does not support hotplugging. What comes and goes sits on a virtio-serial bus",
               bus ? bus->name : "main-system-bus");
}

static bool run_device_add(Control *c, const void *args, void *result, GError **err)
{
    if (migration_refuses(c->machine->migration, err)) {
        return false;
    }
    const DeviceOptions *a = args;
    const DeviceClass *class = device_class_find(a->driver);
    Bus *bus = a->bus                ? machine_find_bus(c->machine, a->bus)
               : class && class->bus ? machine_find_bus_of_kind(c->machine, class->bus)
                                     : NULL;
    if (class && class->user_creatable && bus && !check_takes_plugs(bus, err)) {
        return false;
    }
    return machine_add_device(c->machine, a, true, err) != NULL;
}

static bool run_device_del(Control *c, const void *args, void *result, GError **err)
{
    if (migration_refuses(c->machine->migration, err)) {
        return false;
    }
    const IdArgument *a = args;
    Device *dev = machine_device_at(c->machine, a->id);
    if (!dev || !dev->id) {
        return command_no_device(err, a->id);
    }
    if (!check_takes_plugs(dev->bus, err)) {
        return false;
    }
    g_autofree char *path = device_tree_path(dev), *id = g_strdup(dev->id);
    device_free(dev);
    events_emit(c->machine->events, &event_device_deleted, &(DeviceEvent){ id, path });
    return true;
}

/* clang-format off */
const Command commands_device[] = {
    { "object-add", "add an object", &object_shape, NULL, 0, run_object_add },
    { "object-del", "remove an object that nothing uses", &command_id_shape, NULL, 0, run_object_del },
    { "query-iothreads", "threads for disks", NULL, RETURNS_LIST(iothread_shape), 0, run_query_iothreads },
    { "device_add", "add a device, where its bus can tell the guest", &device_shape, NULL, 0, run_device_add },
    { "device_del", "remove a device, where its bus can tell the guest", &command_id_shape, NULL, 0, run_device_del },
    { "balloon", "ask the guest for memory, or give it back", &balloon_shape, NULL, 0, run_balloon },
    { "query-balloon", "how much memory the guest has", NULL, RETURNS_STRUCT(actual_shape), 0, run_query_balloon },
    { NULL },
};
/* clang-format on */
