/* SPDX-License-Identifier: GPL-2.0-or-later */
/* query-qmp-schema: the rows of commands and events, and the types that they lead to.
 *
 * Types have numbers instead of names, in the order in which the walk meets them, so that nobody depends on how they are
 * called here.  One table of rows is one type, and so is one table of an enum's names.
 * Form: QEMU's manual, "QMP reference", query-qmp-schema. */
#include <string.h>

#include "base/events.h"
#include "monitor/command.h"

/* ---- what it tells, as rows ---------------------------------------------- */

enum { META_BUILTIN, META_ENUM, META_ARRAY, META_OBJECT, META_ALTERNATE, META_COMMAND, META_EVENT };
/* clang-format off */
static const char *const meta_types[] = {
    [META_BUILTIN] = "builtin", [META_ENUM] = "enum", [META_ARRAY] = "array", [META_OBJECT] = "object",
    [META_ALTERNATE] = "alternate", [META_COMMAND] = "command", [META_EVENT] = "event", NULL,
};
static const char *const json_types[] = {
    "string", "number", "int", "boolean", "null", "object", "array", "value", NULL,
};
/* clang-format on */

typedef struct Info {
    char *name;
    int meta;
    PropList features; /* always empty */
} Info;
typedef struct BuiltinInfo {
    Info info;
    int json_type;
} BuiltinInfo;
typedef struct NameInfo {
    char *name;
    PropList features;
} NameInfo;
typedef struct EnumInfo {
    Info info;
    PropList members, values;
} EnumInfo;
typedef struct ArrayInfo {
    Info info;
    char *element;
} ArrayInfo;
typedef struct MemberInfo {
    char *name, *type;
    json_object *preset; /* JSON's null: there is one, and it is not told */
    bool has_preset;
    PropList features;
} MemberInfo;
typedef struct VariantInfo {
    char *name, *type;
} VariantInfo;
typedef struct ObjectInfo {
    Info info;
    PropList members, variants;
    char *tag;
} ObjectInfo;
typedef struct AlternateInfo {
    Info info;
    PropList members;
} AlternateInfo;
typedef struct AlternateMember {
    char *type;
} AlternateMember;
typedef struct CommandInfo {
    Info info;
    char *args, *result;
    bool oob;
    bool has_oob;
} CommandInfo;
typedef struct EventInfo {
    Info info;
    char *args;
} EventInfo;

#define FEATURES                                                                                             \
    {                                                                                                        \
        "features", PROP_STRING, MAYBE(features), .list = true                                               \
    }
#define T NameInfo
static const Prop name_props[] = { { "name", PROP_STRING, ALWAYS(name) }, FEATURES, { NULL } };
#undef T
static const Shape name_shape = { "SchemaInfoEnumMember", sizeof(NameInfo), name_props };
#define T BuiltinInfo
static const Prop builtin_props[] = { { "json-type", PROP_ENUM, ALWAYS(json_type), .names = json_types },
                                      { NULL } };
#undef T
#define T EnumInfo
static const Prop enum_props[] = {
    { "members", PROP_STRUCT, ALWAYS(members), .list = true, .of = &name_shape },
    { "values", PROP_STRING, ALWAYS(values), .list = true },
    { NULL },
};
#undef T
#define T ArrayInfo
static const Prop array_props[] = { { "element-type", PROP_STRING, ALWAYS(element) }, { NULL } };
#undef T
#define T MemberInfo
static const Prop member_props[] = {
    { "name", PROP_STRING, ALWAYS(name) },
    { "type", PROP_STRING, ALWAYS(type) },
    { "default", PROP_ANY, MAYBE_HAS(preset) },
    FEATURES,
    { NULL },
};
#undef T
static const Shape member_shape = { "SchemaInfoObjectMember", sizeof(MemberInfo), member_props };
#define T VariantInfo
static const Prop variant_props[] = {
    { "case", PROP_STRING, ALWAYS(name) },
    { "type", PROP_STRING, ALWAYS(type) },
    { NULL },
};
#undef T
static const Shape variant_shape = { "SchemaInfoObjectVariant", sizeof(VariantInfo), variant_props };
#define T ObjectInfo
static const Prop object_props[] = {
    { "members", PROP_STRUCT, ALWAYS(members), .list = true, .of = &member_shape },
    { "tag", PROP_STRING, MAYBE(tag) },
    { "variants", PROP_STRUCT, MAYBE(variants), .list = true, .of = &variant_shape },
    { NULL },
};
#undef T
#define T AlternateMember
static const Prop alternate_member_props[] = { { "type", PROP_STRING, ALWAYS(type) }, { NULL } };
#undef T
static const Shape alternate_member_shape = { "SchemaInfoAlternateMember", sizeof(AlternateMember),
                                              alternate_member_props };
#define T AlternateInfo
static const Prop alternate_props[] = {
    { "members", PROP_STRUCT, ALWAYS(members), .list = true, .of = &alternate_member_shape },
    { NULL },
};
#undef T
#define T CommandInfo
static const Prop command_props[] = {
    { "arg-type", PROP_STRING, ALWAYS(args) },
    { "ret-type", PROP_STRING, ALWAYS(result) },
    { "allow-oob", PROP_BOOL, MAYBE_HAS(oob) },
    { NULL },
};
#undef T
#define T EventInfo
static const Prop event_props[] = { { "arg-type", PROP_STRING, ALWAYS(args) }, { NULL } };
#undef T
static const Shape builtin_shape = { "SchemaInfoBuiltin", sizeof(BuiltinInfo), builtin_props };
static const Shape enum_shape = { "SchemaInfoEnum", sizeof(EnumInfo), enum_props };
static const Shape array_shape = { "SchemaInfoArray", sizeof(ArrayInfo), array_props };
static const Shape object_shape = { "SchemaInfoObject", sizeof(ObjectInfo), object_props };
static const Shape alternate_shape = { "SchemaInfoAlternate", sizeof(AlternateInfo), alternate_props };
static const Shape command_shape = { "SchemaInfoCommand", sizeof(CommandInfo), command_props };
static const Shape event_shape = { "SchemaInfoEvent", sizeof(EventInfo), event_props };
static const Shape *const info_arms[] = {
    [META_BUILTIN] = &builtin_shape,     [META_ENUM] = &enum_shape,
    [META_ARRAY] = &array_shape,         [META_OBJECT] = &object_shape,
    [META_ALTERNATE] = &alternate_shape, [META_COMMAND] = &command_shape,
    [META_EVENT] = &event_shape,         NULL,
};
#define T Info
static const Prop info_props[] = {
    { "name", PROP_STRING, ALWAYS(name) },
    { "meta-type", PROP_ENUM, ALWAYS(meta), .names = meta_types },
    FEATURES,
    { NULL },
};
#undef T
static const Shape info_shape = { "SchemaInfo", sizeof(Info), info_props, .tag = &info_props[1],
                                  .arms = info_arms };

/* ---- the walk ------------------------------------------------------------ */

typedef struct Type {
    const Shape *shape;       /* of an object */
    const char *const *names; /* of an enum */
    const Prop *alternate;    /* its row */
} Type;

typedef struct Walk {
    PropList *out;
    GArray *types;       /* of Type: their place is their name */
    GHashTable *numbers; /* of shapes and tables of names: their place + 1 */
    GHashTable *others;  /* names of arrays and builtins that are told already */
} Walk;

static const Shape empty_shape = { "", 1, NULL };
static const Prop wrapped_props[] = { { "str", PROP_STRING, .required = true }, { NULL } };
static const Shape wrapped_shape = { "String", sizeof(char *), wrapped_props };

static void *add_info(Walk *w, const char *name, int meta)
{
    Info *info = prop_list_add(w->out, &info_shape);
    info->name = g_strdup(name);
    info->meta = meta;
    return info;
}

static char *type_number(Walk *w, const void *key, Type t)
{
    unsigned place = GPOINTER_TO_UINT(g_hash_table_lookup(w->numbers, key));
    if (!place) {
        g_array_append_val(w->types, t);
        place = w->types->len;
        g_hash_table_insert(w->numbers, (void *)key, GUINT_TO_POINTER(place));
    }
    return g_strdup_printf("%u", place - 1);
}

static char *shape_type(Walk *w, const Shape *shape)
{
    shape = shape ? shape : &empty_shape;
    return type_number(w, shape, (Type){ .shape = shape });
}

/* Names and JSON types of QAPI's own. */
static char *builtin_type(Walk *w, const Prop *p)
{
    static const char *const names[] = { "str", "number", "int", "bool", "null", "", "", "any" };
    const char *json = prop_json_type(&(const Prop){ "", p->kind });
    json = g_str_equal(json, "integer") ? "int" : json;
    int type = 0;
    while (!g_str_equal(json_types[type], json)) {
        type++;
    }
    if (g_hash_table_add(w->others, g_strdup(names[type]))) {
        BuiltinInfo *b = add_info(w, names[type], META_BUILTIN);
        b->json_type = type;
    }
    return g_strdup(names[type]);
}

static char *value_type(Walk *w, const Prop *p)
{
    const char *const *names = prop_enum_names(p);
    if (p->wrapped) {
        return shape_type(w, &wrapped_shape);
    }
    if (p->or_text) {
        return type_number(w, p, (Type){ .alternate = p });
    }
    if (p->kind == PROP_STRUCT) {
        return shape_type(w, p->of);
    }
    return names ? type_number(w, names, (Type){ .names = names }) : builtin_type(w, p);
}

static char *prop_type(Walk *w, const Prop *p)
{
    g_autofree char *one = value_type(w, p);
    if (!p->list) {
        return g_steal_pointer(&one);
    }
    char *name = g_strdup_printf("[%s]", one);
    if (g_hash_table_add(w->others, g_strdup(name))) {
        ArrayInfo *a = add_info(w, name, META_ARRAY);
        a->element = g_steal_pointer(&one);
    }
    return name;
}

static void tell_object(Walk *w, const char *name, const Shape *shape)
{
    ObjectInfo *o = add_info(w, name, META_OBJECT);
    for (const Prop *p = shape->props; p && p->name; p++) {
        if (prop_is_listed(p)) {
            MemberInfo *m = prop_list_add(&o->members, &member_shape);
            m->name = g_strdup(p->name);
            m->type = prop_type(w, p);
            m->has_preset = !p->required;
        }
    }
    const char *const *cases = shape->tag ? prop_enum_names(shape->tag) : NULL;
    o->tag = shape->tag ? g_strdup(shape->tag->name) : NULL;
    for (unsigned i = 0; cases && cases[i]; i++) {
        VariantInfo *v = prop_list_add(&o->variants, &variant_shape);
        v->name = g_strdup(cases[i]);
        v->type = shape_type(w, shape->arms[i]);
    }
}

static void tell_enum(Walk *w, const char *name, const char *const *names)
{
    EnumInfo *e = add_info(w, name, META_ENUM);
    for (; *names; names++) {
        NameInfo *n = prop_list_add(&e->members, &name_shape);
        n->name = g_strdup(*names);
        prop_list_add_string(&e->values, *names);
    }
}

static void tell_alternate(Walk *w, const char *name, const Prop *p)
{
    AlternateInfo *a = add_info(w, name, META_ALTERNATE);
    AlternateMember *object = prop_list_add(&a->members, &alternate_member_shape);
    object->type = shape_type(w, p->of);
    AlternateMember *text = prop_list_add(&a->members, &alternate_member_shape);
    text->type = builtin_type(w, &(const Prop){ "", PROP_STRING });
}

static void tell_commands(Walk *w)
{
    g_autoptr(GPtrArray) all = command_list();
    for (guint i = 0; i < all->len; i++) {
        const Command *cmd = all->pdata[i];
        CommandInfo *info = add_info(w, cmd->name, META_COMMAND);
        info->args = shape_type(w, cmd->args);
        info->result = cmd->returns ? prop_type(w, cmd->returns) : shape_type(w, NULL);
        info->oob = info->has_oob = cmd->flags & COMMAND_OOB;
    }
}

static void tell_events(Walk *w)
{
    for (const Event *const *e = command_events; *e; e++) {
        EventInfo *info = add_info(w, (*e)->name, META_EVENT);
        info->args = shape_type(w, (*e)->data);
    }
}

static bool run_schema(Control *c, const void *args, void *result, GError **err)
{
    Walk w = { result, g_array_new(false, false, sizeof(Type)), g_hash_table_new(NULL, NULL),
               g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL) };
    g_free(shape_type(&w, NULL)); /* the empty object is 0 */
    tell_commands(&w);
    tell_events(&w);
    for (guint i = 0; i < w.types->len; i++) { /* they bring more */
        Type t = g_array_index(w.types, Type, i);
        g_autofree char *name = g_strdup_printf("%u", i);
        if (t.shape) {
            tell_object(&w, name, t.shape);
        } else if (t.alternate) {
            tell_alternate(&w, name, t.alternate);
        } else {
            tell_enum(&w, name, t.names);
        }
    }
    g_array_unref(w.types);
    g_hash_table_unref(w.numbers);
    g_hash_table_unref(w.others);
    return true;
}

const Command commands_schema[] = {
    { "query-qmp-schema", "commands, events, and the types of their data", NULL, RETURNS_LIST(info_shape), 0,
      run_schema },
    { NULL },
};
