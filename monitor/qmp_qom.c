/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The tree of objects that other programs look into, as far as there is something to see: /objects has what -object has
 * made, /machine the CPUs and the devices (hw/tree.h); a device's properties are its rows, and those that live with it.
 *
 * Not modelled: containers of host ends, properties of CPUs and of the machine. */
#include <stdio.h>
#include <string.h>

#include "accel/accel.h"
#include "hw/board.h"
#include "hw/object.h"
#include "hw/tree.h"
#include "monitor/command.h"
#include "monitor/qmp_info.h"
#include "monitor/qmp_qom.h"
#include "target/cpu.h"

/* ---- rows ---------------------------------------------------------------- */

typedef struct PropertyInfo {
    char *name, *type, *description;
    json_object *preset;
} PropertyInfo;
typedef struct PropertyValue {
    char *name, *type;
    json_object *value;
} PropertyValue;
typedef struct PropertyValues {
    PropList properties;
} PropertyValues;
typedef struct Place {
    char *path, *property;
    json_object *value;
} Place;
typedef struct Places {
    PropList paths;
} Places;

#define T PropertyInfo
static const Prop property_props[] = {
    { "name", PROP_STRING, ALWAYS(name) },
    { "type", PROP_STRING, ALWAYS(type) },
    { "description", PROP_STRING, MAYBE(description) },
    { "default-value", PROP_ANY, MAYBE(preset) },
    { NULL },
};
#undef T
const Shape qmp_property_shape = { "ObjectPropertyInfo", sizeof(PropertyInfo), property_props };
#define T PropertyValue
static const Prop value_props[] = {
    { "name", PROP_STRING, ALWAYS(name) },
    { "type", PROP_STRING, ALWAYS(type) },
    { "value", PROP_ANY, MAYBE(value) },
    { NULL },
};
#undef T
static const Shape value_shape = { "ObjectPropertyValue", sizeof(PropertyValue), value_props };
#define T PropertyValues
static const Prop values_props[] = {
    { "properties", PROP_STRUCT, ALWAYS(properties), .list = true, .of = &value_shape },
    { NULL },
};
#undef T
static const Shape values_shape = { "ObjectPropertiesValues", sizeof(PropertyValues), values_props };
#define T Place
static const Prop path_props[] = { { "path", PROP_STRING, ALWAYS(path) }, { NULL } };
static const Prop place_props[] = {
    { "path", PROP_STRING, ALWAYS(path) },
    { "property", PROP_STRING, ALWAYS(property) },
    { NULL },
};
static const Prop set_props[] = {
    { "path", PROP_STRING, ALWAYS(path) },
    { "property", PROP_STRING, ALWAYS(property) },
    { "value", PROP_ANY, ALWAYS(value) },
    { NULL },
};
#undef T
#define T Places
static const Prop paths_props[] = { { "paths", PROP_STRING, ALWAYS(paths), .list = true }, { NULL } };
#undef T
static const Shape path_shape = { "QomPath", sizeof(Place), path_props };
static const Shape paths_shape = { "QomPaths", sizeof(Places), paths_props };
static const Shape place_shape = { "QomPlace", sizeof(Place), place_props };
static const Shape set_shape = { "QomSet", sizeof(Place), set_props };

/* ---- places -------------------------------------------------------------- */

typedef enum NodeKind {
    NODE_NONE,
    NODE_ROOT,
    NODE_OBJECTS,
    NODE_OBJECT,
    NODE_MACHINE,
    NODE_HOME,
    NODE_DEVICE,
    NODE_CPU
} NodeKind;
typedef struct Node {
    NodeKind kind;
    DeviceHome home; /* NODE_HOME */
    Device *dev;     /* NODE_DEVICE, else NULL */
    Object *object;  /* NODE_OBJECT */
} Node;

static const struct {
    const char *path, *name; /* name: of a child of /machine */
    Node node;
} fixed[] = {
    { "/", NULL, { NODE_ROOT } },
    { "/objects", NULL, { NODE_OBJECTS } },
    { "/machine", NULL, { NODE_MACHINE } },
    { "/machine/peripheral", "peripheral", { NODE_HOME, HOME_PERIPHERAL } },
    { "/machine/peripheral-anon", "peripheral-anon", { NODE_HOME, HOME_ANON } },
    { "/machine/unattached", "unattached", { NODE_HOME, HOME_UNATTACHED } },
};

static Node find_node(const Machine *m, const char *path, GError **err)
{
    unsigned cpu;
    int end = 0;
    for (unsigned i = 0; i < G_N_ELEMENTS(fixed); i++) {
        if (g_str_equal(path, fixed[i].path)) {
            return fixed[i].node;
        }
    }
    if (sscanf(path, "/machine/cpu[%u]%n", &cpu, &end) == 1 && end && !path[end] && cpu < m->cpu_count) {
        return (Node){ NODE_CPU };
    }
    Object *object =
        g_str_has_prefix(path, "/objects/") ? object_find(m->objects, path + strlen("/objects/")) : NULL;
    Device *dev = machine_device_at(m, path);
    if (!dev && !object) {
        command_no_device(err, path);
    }
    return (Node){ dev ? NODE_DEVICE : object ? NODE_OBJECT : NODE_NONE, .dev = dev, .object = object };
}

static char *node_type(const Machine *m, const Node *n)
{
    switch (n->kind) {
    case NODE_MACHINE: return g_strdup_printf("%s-machine", m->board->name);
    case NODE_DEVICE: return g_strdup(n->dev->class->name);
    case NODE_OBJECT: return g_strdup(object_type(n->object));
    case NODE_CPU: return qmp_cpu_type(m);
    default: return g_strdup("container");
    }
}

/* ---- listing ------------------------------------------------------------- */

void qmp_add_property(PropList *list, const char *name, char *type)
{
    PropertyInfo *info = prop_list_add(list, &qmp_property_shape);
    info->name = g_strdup(name);
    info->type = type;
}

static void add_child(PropList *list, const char *name, const char *type)
{
    qmp_add_property(list, name, g_strdup_printf("child<%s>", type));
}

void qmp_list_prop(const Prop *p, void *opaque)
{
    if (prop_is_listed(p) && !p->only) {
        PropertyInfo *info = prop_list_add(opaque, &qmp_property_shape);
        info->name = g_strdup(p->name);
        info->type = g_strdup(p->kind == PROP_LINK ? "link<object>" : prop_type_name(p));
        info->description = g_strdup(p->help);
    }
}

void qmp_list_class(const DeviceClass *class, PropList *list)
{
    device_class_foreach_prop(class, qmp_list_prop, list);
    for (const LiveProp *p = class->live; p && p->name; p++) {
        PropertyInfo *info = prop_list_add(list, &qmp_property_shape);
        info->name = g_strdup(p->name);
        info->type = g_strdup(p->type);
        info->description = g_strdup(p->help);
    }
    if (class->inner) {
        qmp_list_class(class->inner, list);
    }
}

static void list_home(const Machine *m, DeviceHome home, PropList *list)
{
    const Device *dev;
    for (unsigned n = 0; (dev = machine_device_of_home(m, home, n)); n++) {
        g_autofree char *path = device_tree_path(dev);
        add_child(list, strrchr(path, '/') + 1, dev->class->name);
    }
}

static void list_machine(const Machine *m, PropList *list)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(fixed); i++) {
        if (fixed[i].name) {
            add_child(list, fixed[i].name, "container");
        }
    }
    for (unsigned i = 0; i < m->cpu_count; i++) {
        g_autofree char *name = g_strdup_printf("cpu[%u]", i), *type = qmp_cpu_type(m);
        add_child(list, name, type);
    }
}

static void list_object(const Object *o, void *list)
{
    add_child(list, object_id(o), object_type(o));
}

static void list_node(const Machine *m, const Node *n, PropList *list)
{
    g_autofree char *machine = g_strdup_printf("%s-machine", m->board->name);
    qmp_add_property(list, "type", g_strdup("string"));
    switch (n->kind) {
    case NODE_ROOT:
        add_child(list, "objects", "container");
        add_child(list, "machine", machine);
        break;
    case NODE_OBJECTS: objects_foreach(m->objects, list_object, list); break;
    case NODE_MACHINE: list_machine(m, list); break;
    case NODE_HOME: list_home(m, n->home, list); break;
    case NODE_DEVICE:
        qmp_add_property(list, "realized", g_strdup("bool"));
        qmp_list_class(n->dev->class, list);
        if (n->dev->inner) {
            add_child(list, "virtio-backend", n->dev->inner->class->name);
        }
        break;
    default: break;
    }
}

static bool run_qom_list(Control *c, const void *args, void *result, GError **err)
{
    const Place *a = args;
    Node n = find_node(c->machine, a->path, err);
    if (n.kind != NODE_NONE) {
        list_node(c->machine, &n, result);
    }
    return n.kind != NODE_NONE;
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

/* Of the device or the one inside, which *dev becomes; NULL: there is none. */
static const Prop *find_prop(Device **dev, const char *name)
{
    Search s = { name, NULL };
    for (Device *d = *dev; d && !s.found; d = d->inner) {
        device_class_foreach_prop(d->class, match_prop, &s);
        *dev = d;
    }
    return s.found;
}

static const LiveProp *find_live(Device **dev, const char *name)
{
    for (Device *d = *dev; d; d = d->inner) {
        for (const LiveProp *p = d->class->live; p && p->name; p++) {
            if (g_str_equal(p->name, name)) {
                *dev = d;
                return p;
            }
        }
    }
    return NULL;
}

static json_object *device_value(Device *dev, const char *name)
{
    const LiveProp *live = find_live(&dev, name);
    if (live) {
        return live->get(dev);
    }
    const Prop *p = find_prop(&dev, name);
    return p ? device_prop_json(dev, p) : NULL;
}

/* NULL: it has no such property, or one without a value. */
static json_object *node_value(const Machine *m, const Node *n, const char *property)
{
    if (g_str_equal(property, "type")) {
        g_autofree char *type = node_type(m, n);
        return json_object_new_string(type);
    }
    if (n->dev && g_str_equal(property, "realized")) {
        return json_object_new_boolean(n->dev->realized);
    }
    return n->dev ? device_value(n->dev, property) : NULL;
}

static bool no_property(const Machine *m, const Node *n, const char *property, GError **err)
{
    g_autofree char *type = node_type(m, n);
    return command_error(err, ERROR_GENERIC, "Property '%s.%s' not found", type, property);
}

static bool run_qom_get(Control *c, const void *args, void *result, GError **err)
{
    const Place *a = args;
    Node n = find_node(c->machine, a->path, err);
    json_object **value = result;
    if (n.kind == NODE_NONE) {
        return false;
    }
    *value = node_value(c->machine, &n, a->property);
    return *value || no_property(c->machine, &n, a->property, err);
}

static bool get_all(const Machine *m, const char *path, PropList *list, GError **err)
{
    Node n = find_node(m, path, err);
    if (n.kind == NODE_NONE) {
        return false;
    }
    PropertyValues *all = prop_list_add(list, &values_shape);
    PropList names = { NULL, 0 };
    list_node(m, &n, &names);
    for (size_t i = 0; i < names.count; i++) {
        PropertyInfo *info = prop_list_struct(&names, i);
        PropertyValue *one = prop_list_add(&all->properties, &value_shape);
        one->value = node_value(m, &n, info->name);
        one->name = g_steal_pointer(&info->name);
        one->type = g_steal_pointer(&info->type);
    }
    prop_clear(&names, &(Prop){ "names", PROP_STRUCT, .list = true, .of = &qmp_property_shape });
    return true;
}

/* Each path may cost kilobytes of answer: a request of two million would take the host's memory. */
enum { PATHS_MAX = 1024 };

static bool run_qom_list_get(Control *c, const void *args, void *result, GError **err)
{
    const Places *a = args;
    if (a->paths.count > PATHS_MAX) {
        return command_error(err, ERROR_GENERIC,
                             "Parameter 'paths' expects at most %d paths; ask for the rest apart", PATHS_MAX);
    }
    for (size_t i = 0; i < a->paths.count; i++) {
        if (!get_all(c->machine, prop_list_struct(&a->paths, i), result, err)) {
            return false;
        }
    }
    return true;
}

/* ---- setting ------------------------------------------------------------- */

static bool run_qom_set(Control *c, const void *args, void *result, GError **err)
{
    const Place *a = args;
    Node n = find_node(c->machine, a->path, err);
    if (n.kind == NODE_NONE) {
        return false;
    }
    Device *dev = n.dev;
    const LiveProp *live = find_live(&dev, a->property);
    if (live && live->set) {
        return live->set(dev, a->value, err);
    }
    if (live || g_str_equal(a->property, "type") || (dev && g_str_equal(a->property, "realized"))) {
        g_autofree char *type = live ? g_strdup(dev->class->name) : node_type(c->machine, &n);
        return command_error(err, ERROR_GENERIC, "Property '%s.%s' is not writable", type, a->property);
    }
    if (!find_prop(&dev, a->property)) {
        return no_property(c->machine, &n, a->property, err);
    }
    return command_error(err, ERROR_GENERIC,
                         "Attempt to set property '%s' on device '%s' (type '%s') after it was realized. "
                         "Give it with -device",
                         a->property, device_user_path(dev), dev->class->name);
}

/* clang-format off */
const Command commands_qom[] = {
    { "qom-list", "what is at a place of the tree", &path_shape, RETURNS_LIST(qmp_property_shape), 0, run_qom_list },
    { "qom-get", "a property of what is at a place", &place_shape, RETURNS_ANY, 0, run_qom_get },
    { "qom-list-get", "all properties of what is at places", &paths_shape, RETURNS_LIST(values_shape), 0,
      run_qom_list_get },
    { "qom-set", "change a property that may change while the machine runs", &set_shape, NULL, 0, run_qom_set },
    { NULL },
};
/* clang-format on */
