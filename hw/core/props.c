/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The properties of devices: rows of the schema (base/props.h) in the tables of their classes, and links to what a
 * machine has under an id. */
#include <json-c/json.h>
#include <string.h>

#include "block/block.h"
#include "chardev/chardev.h"
#include "hw/board.h"
#include "hw/core/device_priv.h"
#include "hw/object.h"
#include "net/net.h"

/* ---- links --------------------------------------------------------------- */

static void *find_by_id(const void *machine, PropKind kind, const char *id)
{
    const Machine *m = machine;
    if (!m) { /* a device of a test */
        return NULL;
    }
    switch (kind) {
    case PROP_CHARDEV: return chardev_find(m->chardevs, id);
    case PROP_DRIVE: return block_find(m->drives, id);
    case PROP_NETDEV: return net_find(m->nets, id);
    default: return object_find(m->objects, id);
    }
}

static const char *id_of(PropKind kind, const void *what)
{
    switch (kind) {
    case PROP_CHARDEV: return chardev_id(what);
    case PROP_DRIVE: return block_id(what);
    case PROP_NETDEV: return net_id(what);
    default: return object_id(what);
    }
}

PropContext machine_prop_context(const Machine *m, const char *who)
{
    static const PropLinks links = { find_by_id, id_of };
    return (PropContext){ .who = who, .links = &links, .scope = m };
}

/* ---- a device's properties ----------------------------------------------- */

unsigned class_lineage(const DeviceClass *c, const DeviceClass *line[CLASS_DEPTH])
{
    unsigned n = 0;
    for (const DeviceClass *p = c; p; p = p->parent) {
        n++;
    }
    g_assert(n <= CLASS_DEPTH);
    unsigned i = n;
    for (const DeviceClass *p = c; p; p = p->parent) {
        line[--i] = p;
    }
    return n;
}

void device_class_foreach_prop(const DeviceClass *c, void (*fn)(const Prop *p, void *opaque), void *opaque)
{
    const DeviceClass *line[CLASS_DEPTH];
    unsigned n = class_lineage(c, line);
    for (unsigned i = 0; i < n; i++) {
        for (const Prop *p = line[i]->props; p && p->name; p++) {
            fn(p, opaque);
        }
    }
}

static const Prop *class_find_prop(const DeviceClass *c, const char *name)
{
    const Prop *p = NULL;
    for (; c && !p; c = c->parent) {
        p = props_find(c->props, name);
    }
    return p;
}

int32_t device_bootindex(const Device *dev)
{
    const Prop *p = class_find_prop(dev->class, "bootindex");
    return p ? *(const int32_t *)((const char *)dev + p->offset) : -1;
}

static void collect_name(const Prop *p, void *opaque)
{
    g_ptr_array_add(opaque, (void *)p->name);
}

static bool fail_unknown(const Device *dev, const char *name, GError **err)
{
    g_autoptr(GPtrArray) names = g_ptr_array_new();
    device_class_foreach_prop(dev->class, collect_name, names);
    if (dev->class->inner) {
        device_class_foreach_prop(dev->class->inner, collect_name, names);
    }
    g_ptr_array_add(names, NULL);
    g_autofree char *advice = names_advice(name, (const char *const *)names->pdata);
    g_set_error(err, G_OPTION_ERROR, G_OPTION_ERROR_UNKNOWN_OPTION, "%s: Property '%s.%s' not found%s",
                dev->class->name, dev->class->name, name, advice);
    return false;
}

static bool has_bool(const Device *dev, const char *name)
{
    const Prop *p = class_find_prop(dev->class, name);
    return p ? p->kind == PROP_BOOL : dev->inner && has_bool(dev->inner, name);
}

/* "nomultifunction": the old spelling of multifunction=off. */
static bool is_bare_no(const Device *dev, const char *name, json_object *value, bool typed)
{
    return !typed && json_object_is_type(value, json_type_boolean) && g_str_has_prefix(name, "no") &&
           has_bool(dev, name + 2);
}

static bool set_off(Device *dev, const char *name, GError **err)
{
    json_object *off = json_object_new_boolean(false);
    bool ok = device_set_value(dev, name, off, false, err);
    json_object_put(off);
    return ok;
}

bool device_set_value(Device *dev, const char *name, json_object *value, bool typed, GError **err)
{
    const Prop *p = class_find_prop(dev->class, name);
    if (!p && dev->inner && class_find_prop(dev->inner->class, name)) {
        return device_set_value(dev->inner, name, value, typed, err);
    }
    if (!p && is_bare_no(dev, name, value, typed)) {
        return set_off(dev, name + 2, err);
    }
    if (!p) {
        return fail_unknown(dev, name, err);
    }
    if (dev->realized) {
        g_set_error(err, G_OPTION_ERROR, G_OPTION_ERROR_FAILED,
                    "%s: property '%s' cannot be changed: the device is in use; give it with -device",
                    dev->path, name);
        return false;
    }
    PropContext c = machine_prop_context(dev->machine, device_user_name(dev));
    c.typed = typed;
    return prop_set(dev, p, value, &c, err);
}

bool device_set_prop(Device *dev, const char *name, const char *value, GError **err)
{
    json_object *text = json_object_new_string(value);
    bool ok = device_set_value(dev, name, text, false, err);
    json_object_put(text);
    return ok;
}

char *device_get_prop(Device *dev, const Prop *prop)
{
    PropContext c = machine_prop_context(dev->machine, NULL);
    return prop_get(dev, prop, &c);
}

json_object *device_prop_json(Device *dev, const Prop *prop)
{
    PropContext c = machine_prop_context(dev->machine, NULL);
    return prop_json(dev, prop, &c);
}
