/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Structs of a shape as JSON: replies and events of QMP, and the values of properties. */
#include <json-c/json.h>
#include <string.h>

#include "base/props.h"
#include "util/bytes.h"

static json_object *text_json(const char *text)
{
    return json_object_new_string(text ? text : "");
}

static json_object *uint_json(uint64_t v)
{
    return v > INT64_MAX ? json_object_new_uint64(v) : json_object_new_int64((int64_t)v);
}

/* What `info qtree` has in quotes. */
static json_object *shown_json(const void *base, const Prop *p, const PropContext *c)
{
    g_autofree char *text = prop_get(base, p, c);
    size_t n = strlen(text);
    bool quoted = n >= 2 && text[0] == '"' && text[n - 1] == '"';
    return json_object_new_string_len(text + quoted, (int)(n - (quoted ? 2 : 0)));
}

/* One value, not a list. */
static json_object *value_json(const void *at, const Prop *p, const PropContext *c)
{
    Prop here = *p;
    switch (p->kind) {
    case PROP_BOOL: return json_object_new_boolean(*(const bool *)at);
    case PROP_U8:
    case PROP_U16:
    case PROP_U32:
    case PROP_U64:
    case PROP_SIZE: return uint_json(load_host(at, (unsigned)prop_element_size(p)));
    case PROP_I32: return json_object_new_int64(*(const int32_t *)at);
    case PROP_I64: return json_object_new_int64(*(const int64_t *)at);
    case PROP_F64: return json_object_new_double(*(const double *)at);
    case PROP_STRING: return text_json(*(char *const *)at);
    case PROP_ENUM:
    case PROP_ON_OFF_AUTO: return text_json(prop_enum_names(p)[*(const int *)at]);
    case PROP_STRUCT: return *(void *const *)at ? shape_json(p->of, *(void *const *)at) : NULL;
    case PROP_ANY: return json_object_get(*(json_object *const *)at);
    case PROP_MAC:
    case PROP_PCI_ADDR:
    case PROP_CHARDEV:
    case PROP_DRIVE:
    case PROP_NETDEV:
    case PROP_LINK: here.offset = 0; return shown_json(at, &here, c);
    }
    g_assert_not_reached();
}

json_object *prop_json(const void *base, const Prop *p, const PropContext *c)
{
    const char *at = (const char *)base + p->offset;
    if (!p->list) {
        return value_json(at, p, c);
    }
    const PropList *list = (const PropList *)at;
    json_object *all = json_object_new_array_ext((int)MAX(list->count, 1));
    for (size_t i = 0; i < list->count; i++) {
        json_object_array_add(all, value_json((char *)list->items + i * prop_element_size(p), p, c));
    }
    return all;
}

/* Is an optional member there? */
static bool is_there(const Prop *p, const void *s)
{
    const char *at = (const char *)s + p->offset;
    if (p->required) {
        return true;
    }
    if (p->has) {
        return *(const bool *)((const char *)s + p->has);
    }
    if (p->list) {
        return ((const PropList *)at)->count > 0;
    }
    bool pointer = p->kind == PROP_STRING || p->kind == PROP_STRUCT || p->kind == PROP_ANY;
    return !pointer || *(void *const *)at;
}

static void add_members(json_object *all, const Prop *props, const void *s)
{
    for (const Prop *p = props; p && p->name; p++) {
        if (prop_is_listed(p) && !p->only && is_there(p, s)) {
            json_object_object_add(all, p->name, prop_json(s, p, NULL));
        }
    }
}

json_object *shape_json(const Shape *shape, const void *s)
{
    json_object *all = json_object_new_object();
    const Shape *arm = shape_arm(shape, s);
    add_members(all, shape->props, s);
    if (arm) {
        add_members(all, arm->props, s);
    }
    return all;
}

static void *list_grow(PropList *list, size_t size)
{
    if ((list->count & (list->count - 1)) == 0) { /* a power of two is full */
        list->items = g_realloc_n(list->items, MAX(2 * list->count, 1), size);
    }
    return memset((char *)list->items + list->count++ * size, 0, size);
}

void *prop_list_add(PropList *list, const Shape *shape)
{
    void **at = list_grow(list, sizeof(*at));
    *at = g_malloc0(shape_size(shape));
    shape_init(shape, *at);
    return *at;
}

void prop_list_add_string(PropList *list, const char *text)
{
    char **at = list_grow(list, sizeof(*at));
    *at = g_strdup(text);
}

void prop_list_add_enum(PropList *list, int value)
{
    int *at = list_grow(list, sizeof(*at));
    *at = value;
}

void prop_list_add_number(PropList *list, int64_t value)
{
    int64_t *at = list_grow(list, sizeof(*at));
    *at = value;
}
