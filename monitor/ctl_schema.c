/* SPDX-License-Identifier: GPL-2.0-or-later */
/* An index over a reply of query-qmp-schema: see monitor/ctl_priv.h.
 * Form: the QEMU manual, "QMP reference", query-qmp-schema. */
#include "monitor/ctl_priv.h"

#include <string.h>

struct CtlSchema {
    json_object *infos;
    GHashTable *by_name; /* of json_object */
};

const char *ctl_text(json_object *object, const char *key)
{
    json_object *value;
    bool there = object && json_object_object_get_ex(object, key, &value);
    return there && json_object_is_type(value, json_type_string) ? json_object_get_string(value) : NULL;
}

json_object *ctl_list(json_object *object, const char *key)
{
    json_object *value;
    bool there = object && json_object_object_get_ex(object, key, &value);
    return there && json_object_is_type(value, json_type_array) ? value : NULL;
}

static size_t length(json_object *array)
{
    return array ? json_object_array_length(array) : 0;
}

CtlSchema *ctl_schema_new(json_object *infos)
{
    CtlSchema *s = g_new0(CtlSchema, 1);
    s->infos = infos;
    s->by_name = g_hash_table_new(g_str_hash, g_str_equal);
    bool is_list = json_object_is_type(infos, json_type_array);
    for (size_t i = 0; is_list && i < length(infos); i++) {
        json_object *info = json_object_array_get_idx(infos, i);
        const char *name = ctl_text(info, "name");
        if (name && ctl_text(info, "meta-type")) {
            g_hash_table_insert(s->by_name, (void *)name, info);
        }
    }
    return s;
}

void ctl_schema_free(CtlSchema *s)
{
    if (s) {
        g_hash_table_unref(s->by_name);
        json_object_put(s->infos);
        g_free(s);
    }
}

json_object *ctl_schema_type(const CtlSchema *s, const char *name)
{
    return name ? g_hash_table_lookup(s->by_name, name) : NULL;
}

json_object *ctl_schema_find(const CtlSchema *s, const char *name, const char *meta)
{
    json_object *info = ctl_schema_type(s, name); /* NULL: no name either */
    return info && g_str_equal(ctl_text(info, "meta-type"), meta) ? info : NULL;
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

GPtrArray *ctl_schema_names(const CtlSchema *s, const char *meta)
{
    GPtrArray *names = g_ptr_array_new();
    GHashTableIter i;
    void *name;
    g_hash_table_iter_init(&i, s->by_name);
    while (g_hash_table_iter_next(&i, &name, NULL)) {
        if (ctl_schema_find(s, name, meta)) {
            g_ptr_array_add(names, name);
        }
    }
    g_ptr_array_sort(names, compare_names);
    g_ptr_array_add(names, NULL);
    return names;
}

/* ---- members ------------------------------------------------------------- */

static void add_members(GArray *into, json_object *object, const char *arm)
{
    json_object *members = ctl_list(object, "members");
    for (size_t i = 0; i < length(members); i++) {
        json_object *m = json_object_array_get_idx(members, i);
        CtlMember member = { ctl_text(m, "name"), ctl_text(m, "type"),
                             !json_object_object_get_ex(m, "default", NULL), arm };
        if (member.name && member.type) {
            g_array_append_val(into, member);
        }
    }
}

GArray *ctl_schema_members(const CtlSchema *s, json_object *object, json_object *given, bool all)
{
    GArray *members = g_array_new(false, false, sizeof(CtlMember));
    json_object *variants = ctl_list(object, "variants");
    const char *tag = ctl_text(object, "tag"), *value = tag ? ctl_text(given, tag) : NULL;
    add_members(members, object, NULL);
    for (size_t i = 0; i < length(variants); i++) {
        json_object *v = json_object_array_get_idx(variants, i);
        const char *arm = ctl_text(v, "case"), *type = ctl_text(v, "type");
        if (arm && type && (all || (value && g_str_equal(value, arm)))) {
            add_members(members, ctl_schema_type(s, type), arm);
        }
    }
    return members;
}

/* ---- types in words ------------------------------------------------------ */

static void add_enum(GPtrArray *words, json_object *info)
{
    json_object *members = ctl_list(info, "members"), *values = ctl_list(info, "values"); /* newer, older */
    for (size_t i = 0; i < length(members); i++) {
        g_ptr_array_add(words, (void *)ctl_text(json_object_array_get_idx(members, i), "name"));
    }
    for (size_t i = 0; !members && i < length(values); i++) {
        g_ptr_array_add(words, (void *)json_object_get_string(json_object_array_get_idx(values, i)));
    }
}

GPtrArray *ctl_schema_words(const CtlSchema *s, const char *type)
{
    GPtrArray *words = g_ptr_array_new();
    json_object *info = ctl_schema_type(s, type);
    const char *meta = ctl_text(info, "meta-type"), *json = ctl_text(info, "json-type");
    if (meta && g_str_equal(meta, "enum")) {
        add_enum(words, info);
    } else if (json && g_str_equal(json, "boolean")) {
        g_ptr_array_add(words, "on");
        g_ptr_array_add(words, "off");
    }
    g_ptr_array_add(words, NULL);
    return words;
}

const char *ctl_schema_single(const CtlSchema *s, json_object *object)
{
    g_autoptr(GArray) members = ctl_schema_members(s, object, NULL, true);
    const CtlMember *m = members->len == 1 ? &g_array_index(members, CtlMember, 0) : NULL;
    return m && ctl_schema_find(s, m->type, "builtin") ? m->name : NULL;
}

/* Of what is no list. */
static char *element_text(const CtlSchema *s, const char *type)
{
    json_object *info = ctl_schema_type(s, type);
    const char *json = ctl_text(info, "json-type");
    g_autoptr(GPtrArray) words = ctl_schema_words(s, type);
    if (words->len > 1) {
        return g_strjoinv("|", (char **)words->pdata);
    }
    if (ctl_schema_find(s, type, "object")) {
        return g_strdup(ctl_schema_single(s, info) ? "string" : "object");
    }
    bool any = !json || g_str_equal(json, "value");
    return g_strdup(any ? "any" : g_str_equal(json, "int") ? "integer" : json);
}

char *ctl_schema_text(const CtlSchema *s, const char *type)
{
    json_object *array = type ? ctl_schema_find(s, type, "array") : NULL;
    g_autofree char *element = element_text(s, array ? ctl_text(array, "element-type") : type);
    return array ? g_strdup_printf("list of %s", element) : g_steal_pointer(&element);
}
