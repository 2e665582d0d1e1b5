/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Types: which there are, and what properties each has.  A device's, an object's, a chardev's and a machine's are its rows. */
#include <string.h>

#include "chardev/chardev.h"
#include "hw/board.h"
#include "hw/object.h"
#include "monitor/command.h"
#include "monitor/qmp_qom.h"
#include "target/cpu.h"

typedef struct TypeInfo {
    char *name, *parent;
    bool abstract, has_abstract;
} TypeInfo;
typedef struct TypeName {
    char *name;
} TypeName;
typedef struct TypeFilter {
    char *implements;
    bool abstract, has_abstract;
} TypeFilter;

#define T TypeInfo
static const Prop type_props[] = {
    { "name", PROP_STRING, ALWAYS(name) },
    { "abstract", PROP_BOOL, MAYBE_HAS(abstract) },
    { "parent", PROP_STRING, MAYBE(parent) },
    { NULL },
};
#undef T
static const Shape type_shape = { "ObjectTypeInfo", sizeof(TypeInfo), type_props };
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
static const Shape type_name_shape = { "TypeName", sizeof(TypeName), type_name_props };
static const Shape filter_shape = { "TypeFilter", sizeof(TypeFilter), filter_props };

static bool run_device_properties(Control *c, const void *args, void *result, GError **err)
{
    const TypeName *a = args;
    const DeviceClass *class = device_class_find(a->name);
    if (!class) {
        return command_error(err, ERROR_DEVICE_NOT_FOUND, "Device '%s' not found", a->name);
    }
    qmp_list_class(class, result);
    return true;
}

static void list_rows(const Prop *props, PropList *list)
{
    for (const Prop *p = props; p && p->name; p++) {
        qmp_list_prop(p, list);
    }
}

/* Rows of the arm of a union that has this name. */
static bool list_arm(const Shape *shape, const char *name, PropList *list)
{
    const char *const *names = prop_enum_names(shape->tag);
    for (unsigned i = 0; name && names[i]; i++) {
        if (g_str_equal(names[i], name)) {
            list_rows(shape->arms[i] ? shape->arms[i]->props : NULL, list);
            return true;
        }
    }
    return false;
}

/* Of a device, an object, a chardev, or a machine. */
static bool run_type_properties(Control *c, const void *args, void *result, GError **err)
{
    const TypeName *a = args;
    const DeviceClass *class = device_class_find(a->name);
    const char *chardev = g_str_has_prefix(a->name, "chardev-") ? a->name + strlen("chardev-") : NULL;
    if (class) {
        qmp_list_class(class, result);
        return true;
    }
    if (list_arm(&object_shape, a->name, result) || list_arm(&chardev_shape, chardev, result)) {
        return true;
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
const Command commands_classes[] = {
    { "qom-list-types", "all types of objects", &filter_shape, RETURNS_LIST(type_shape), 0, run_list_types },
    { "qom-list-properties", "properties of a type", &type_name_shape, RETURNS_LIST(qmp_property_shape), 0, run_type_properties },
    { "device-list-properties", "properties of a device", &type_name_shape, RETURNS_LIST(qmp_property_shape), 0,
      run_device_properties },
    { NULL },
};
/* clang-format on */
