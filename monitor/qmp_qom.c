/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The tree of objects that other programs look into, as far as there is something to see: /machine has the CPUs, the
 * devices with an id (peripheral) and without (peripheral-anon); a device's properties are its rows.
 *
 * Not modelled: containers of host ends, devices of the board, setting properties of what is there. */
#include <stdio.h>
#include <string.h>

#include "accel/accel.h"
#include "chardev/chardev.h"
#include "hw/board.h"
#include "hw/object.h"
#include "monitor/command.h"
#include "monitor/qmp_info.h"
#include "target/cpu.h"

/* ---- rows ---------------------------------------------------------------- */

typedef struct PropertyInfo {
    char *name, *type, *description;
    json_object *preset;
} PropertyInfo;
typedef struct TypeInfo {
    char *name, *parent;
    bool abstract, has_abstract;
} TypeInfo;
typedef struct Place {
    char *path, *property;
} Place;
typedef struct TypeName {
    char *name;
} TypeName;
typedef struct TypeFilter {
    char *implements;
    bool abstract, has_abstract;
} TypeFilter;

#define T PropertyInfo
static const Prop property_props[] = {
    { "name", PROP_STRING, ALWAYS(name) },
    { "type", PROP_STRING, ALWAYS(type) },
    { "description", PROP_STRING, MAYBE(description) },
    { "default-value", PROP_ANY, MAYBE(preset) },
    { NULL },
};
#undef T
static const Shape property_shape = { "ObjectPropertyInfo", sizeof(PropertyInfo), property_props };
#define T TypeInfo
static const Prop type_props[] = {
    { "name", PROP_STRING, ALWAYS(name) },
    { "abstract", PROP_BOOL, MAYBE_HAS(abstract) },
    { "parent", PROP_STRING, MAYBE(parent) },
    { NULL },
};
#undef T
static const Shape type_shape = { "ObjectTypeInfo", sizeof(TypeInfo), type_props };
#define T Place
static const Prop path_props[] = { { "path", PROP_STRING, ALWAYS(path) }, { NULL } };
static const Prop place_props[] = {
    { "path", PROP_STRING, ALWAYS(path) },
    { "property", PROP_STRING, ALWAYS(property) },
    { NULL },
};
#undef T
#define T TypeName
static const Prop type_name_props[] = { { "typename", PROP_STRING, ALWAYS(name) }, { NULL } };
#undef T
#define T TypeFilter
static const Prop filter_props[] = {
    { "implements", PROP_STRING, MAYBE(implements), .help = "a type and those derived from it" },
    { "abstract", PROP_BOOL, MAYBE_HAS(abstract), .help = "those too that nothing is made of" },
    { NULL },
};
#undef T
static const Shape path_shape = { "QomPath", sizeof(Place), path_props };
static const Shape place_shape = { "QomPlace", sizeof(Place), place_props };
static const Shape type_name_shape = { "TypeName", sizeof(TypeName), type_name_props };
static const Shape filter_shape = { "TypeFilter", sizeof(TypeFilter), filter_props };

static void add_property(PropList *list, const char *name, char *type)
{
    PropertyInfo *info = prop_list_add(list, &property_shape);
    info->name = g_strdup(name);
    info->type = type;
}

/* ---- places -------------------------------------------------------------- */

typedef enum PlaceKind {
    PLACE_NONE,
    PLACE_ROOT,
    PLACE_MACHINE,
    PLACE_PERIPHERAL,
    PLACE_ANON,
    PLACE_DEVICE,
    PLACE_CPU
} PlaceKind;

/* The n-th device of the user's that has no id; NULL: there are fewer. */
static Device *anonymous(Machine *m, unsigned n)
{
    for (guint i = 0; i < m->devices->len; i++) {
        Device *dev = m->devices->pdata[i];
        if (!dev->id && !dev->outer && dev->class->user_creatable && dev->bus && !n--) {
            return dev;
        }
    }
    return NULL;
}

static PlaceKind find_place(Machine *m, const char *path, Device **dev, unsigned *cpu)
{
    unsigned n;
    int end = 0;
    *dev = NULL;
    if (g_str_equal(path, "/")) {
        return PLACE_ROOT;
    }
    if (g_str_equal(path, "/machine")) {
        return PLACE_MACHINE;
    }
    if (g_str_equal(path, "/machine/peripheral")) {
        return PLACE_PERIPHERAL;
    }
    if (g_str_equal(path, "/machine/peripheral-anon")) {
        return PLACE_ANON;
    }
    if (sscanf(path, "/machine/cpu[%u]%n", cpu, &end) == 1 && end && !path[end] && *cpu < m->cpu_count) {
        return PLACE_CPU;
    }
    if (sscanf(path, "/machine/peripheral-anon/device[%u]%n", &n, &end) == 1 && end && !path[end]) {
        *dev = anonymous(m, n);
    } else {
        bool full = g_str_has_prefix(path, "/machine/peripheral/");
        const char *id = full ? path + strlen("/machine/peripheral/") : path;
        Device *found = machine_find_device(m, id);
        *dev = found && found->id && g_str_equal(found->id, id) ? found : NULL;
    }
    return *dev ? PLACE_DEVICE : PLACE_NONE;
}

static bool no_place(const char *path, GError **err)
{
    return command_error(err, ERROR_DEVICE_NOT_FOUND, "Device '%s' not found", path);
}

/* ---- listing ------------------------------------------------------------- */

static void list_prop(const Prop *p, void *opaque)
{
    if (prop_is_listed(p) && !p->only) {
        PropertyInfo *info = prop_list_add(opaque, &property_shape);
        info->name = g_strdup(p->name);
        info->type = g_strdup(p->kind == PROP_LINK ? "link<object>" : prop_type_name(p));
        info->description = g_strdup(p->help);
    }
}

static void list_class(const DeviceClass *class, PropList *list)
{
    device_class_foreach_prop(class, list_prop, list);
    if (class->inner) {
        list_class(class->inner, list);
    }
}

static void list_devices(Machine *m, bool with_id, PropList *list)
{
    unsigned n = 0;
    for (guint i = 0; i < m->devices->len; i++) {
        const Device *dev = m->devices->pdata[i];
        if (with_id && dev->id && !dev->outer) {
            add_property(list, dev->id, g_strdup_printf("child<%s>", dev->class->name));
        }
    }
    for (const Device *dev; !with_id && (dev = anonymous(m, n)); n++) {
        g_autofree char *name = g_strdup_printf("device[%u]", n);
        add_property(list, name, g_strdup_printf("child<%s>", dev->class->name));
    }
}

static void list_machine(Machine *m, PropList *list)
{
    add_property(list, "peripheral", g_strdup("child<container>"));
    add_property(list, "peripheral-anon", g_strdup("child<container>"));
    for (unsigned i = 0; i < m->cpu_count; i++) {
        g_autofree char *name = g_strdup_printf("cpu[%u]", i), *type = qmp_cpu_type(m);
        add_property(list, name, g_strdup_printf("child<%s>", type));
    }
}

static bool list_place(Machine *m, const char *path, PropList *list, GError **err)
{
    Device *dev;
    unsigned cpu;
    PlaceKind kind = find_place(m, path, &dev, &cpu);
    if (kind == PLACE_NONE) {
        return no_place(path, err);
    }
    add_property(list, "type", g_strdup("string"));
    switch (kind) {
    case PLACE_ROOT:
        add_property(list, "machine", g_strdup_printf("child<%s-machine>", m->board->name));
        break;
    case PLACE_MACHINE: list_machine(m, list); break;
    case PLACE_PERIPHERAL: list_devices(m, true, list); break;
    case PLACE_ANON: list_devices(m, false, list); break;
    case PLACE_DEVICE:
        add_property(list, "realized", g_strdup("bool"));
        list_class(dev->class, list);
        break;
    default: break;
    }
    return true;
}

static bool run_qom_list(Control *c, const void *args, void *result, GError **err)
{
    const Place *a = args;
    return list_place(c->machine, a->path, result, err);
}

/* ---- getting ------------------------------------------------------------- */

typedef struct Search {
    const char *name;
    const Prop *found;
} Search;

static void match_prop(const Prop *p, void *opaque)
{
    Search *s = opaque;
    if (prop_is_listed(p) && !p->only && g_str_equal(p->name, s->name)) {
        s->found = p;
    }
}

static json_object *device_property(Device *dev, const char *name)
{
    Search s = { name, NULL };
    for (Device *d = dev; d && !s.found; d = d->inner) {
        device_class_foreach_prop(d->class, match_prop, &s);
        if (s.found) {
            return device_prop_json(d, s.found);
        }
    }
    return NULL;
}

static char *place_type(Machine *m, PlaceKind kind, const Device *dev)
{
    switch (kind) {
    case PLACE_MACHINE: return g_strdup_printf("%s-machine", m->board->name);
    case PLACE_DEVICE: return g_strdup(dev->class->name);
    case PLACE_CPU: return qmp_cpu_type(m);
    default: return g_strdup("container");
    }
}

static bool get_value(Machine *m, const char *path, const char *property, json_object **value, GError **err)
{
    Device *dev;
    unsigned cpu;
    PlaceKind kind = find_place(m, path, &dev, &cpu);
    if (kind == PLACE_NONE) {
        return no_place(path, err);
    }
    g_autofree char *type = place_type(m, kind, dev);
    if (g_str_equal(property, "type")) {
        *value = json_object_new_string(type);
    } else if (dev && g_str_equal(property, "realized")) {
        *value = json_object_new_boolean(dev->realized);
    } else {
        *value = dev ? device_property(dev, property) : NULL;
    }
    return *value || command_error(err, ERROR_GENERIC, "Property '%s.%s' not found", type, property);
}

static bool run_qom_get(Control *c, const void *args, void *result, GError **err)
{
    const Place *a = args;
    return get_value(c->machine, a->path, a->property, result, err);
}

/* ---- types --------------------------------------------------------------- */

static bool run_device_properties(Control *c, const void *args, void *result, GError **err)
{
    const TypeName *a = args;
    const DeviceClass *class = device_class_find(a->name);
    if (!class) {
        return command_error(err, ERROR_DEVICE_NOT_FOUND, "Device '%s' not found", a->name);
    }
    list_class(class, result);
    return true;
}

static void list_rows(const Prop *props, PropList *list)
{
    for (const Prop *p = props; p && p->name; p++) {
        list_prop(p, list);
    }
}

/* Of a device, an object, or a machine. */
static bool run_type_properties(Control *c, const void *args, void *result, GError **err)
{
    const TypeName *a = args;
    const DeviceClass *class = device_class_find(a->name);
    const char *const *objects = prop_enum_names(object_shape.tag);
    if (class) {
        list_class(class, result);
        return true;
    }
    for (unsigned i = 0; objects[i]; i++) {
        if (g_str_equal(objects[i], a->name)) {
            list_rows(object_shape.arms[i] ? object_shape.arms[i]->props : NULL, result);
            return true;
        }
    }
    for (const BoardClass *const *b = board_classes; *b; b++) {
        g_autofree char *name = g_strdup_printf("%s-machine", (*b)->name);
        if (g_str_equal(name, a->name) && g_str_equal((*b)->arch, c->machine->board->arch)) {
            list_rows((*b)->options, result);
            list_rows(machine_options, result);
            return true;
        }
    }
    return command_error(err, ERROR_DEVICE_NOT_FOUND, "Class '%s' not found", a->name);
}

static void add_type(PropList *list, const TypeFilter *f, const char *name, const char *parent)
{
    if (!f->implements || g_str_equal(f->implements, parent) || g_str_equal(f->implements, name) ||
        g_str_equal(f->implements, "object")) {
        TypeInfo *info = prop_list_add(list, &type_shape);
        info->name = g_strdup(name);
        info->parent = g_strdup(parent);
    }
}

static bool run_list_types(Control *c, const void *args, void *result, GError **err)
{
    const TypeFilter *f = args;
    const char *const *names = prop_enum_names(object_shape.tag);
    for (const DeviceClass *const *d = device_classes; *d; d++) {
        add_type(result, f, (*d)->name, (*d)->parent ? (*d)->parent->name : "device");
    }
    for (; *names; names++) {
        bool memory = g_str_has_prefix(*names, "memory-backend");
        add_type(result, f, *names,
                 memory                            ? "memory-backend"
                 : g_str_has_prefix(*names, "rng") ? "rng-backend"
                                                   : "object");
    }
    for (names = prop_enum_names(chardev_shape.tag); *names; names++) {
        g_autofree char *name = g_strdup_printf("chardev-%s", *names);
        add_type(result, f, name, "chardev");
    }
    for (const BoardClass *const *b = board_classes; *b; b++) {
        g_autofree char *name = g_strdup_printf("%s-machine", (*b)->name);
        if (g_str_equal((*b)->arch, c->machine->board->arch)) {
            add_type(result, f, name, "machine");
        }
    }
    add_type(result, f, "tcg-accel", "accel");
    return true;
}

/* clang-format off */
const Command commands_qom[] = {
    { "qom-list", "what is at a place of the tree", &path_shape, RETURNS_LIST(property_shape), 0, run_qom_list },
    { "qom-get", "a property of what is at a place", &place_shape, RETURNS_ANY, 0, run_qom_get },
    { "qom-list-types", "all types of objects", &filter_shape, RETURNS_LIST(type_shape), 0, run_list_types },
    { "qom-list-properties", "properties of a type", &type_name_shape, RETURNS_LIST(property_shape), 0, run_type_properties },
    { "device-list-properties", "properties of a device", &type_name_shape, RETURNS_LIST(property_shape), 0,
      run_device_properties },
    { NULL },
};
/* clang-format on */
