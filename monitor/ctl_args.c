/* SPDX-License-Identifier: GPL-2.0-or-later */
/* key=value words become the arguments of a command, each value of the type that the schema gives its member.
 *
 *   up=off                          bool, number, text, word of an enum
 *   addr.type=inet addr.port=1      members of objects
 *   cpus=0 cpus=1                   elements of a list, in their order
 *   keys.0.type=number              those of a list of objects
 *   props='{"size": 1}'             a whole object, list or any value, in JSON
 *
 * The members of a union's arm are known when its tag is; so words wait for each other, whatever their order. */
#include "monitor/ctl_priv.h"

#include <glib.h>
#include <stdlib.h>
#include <string.h>

#include "util/json.h"
#include "util/keyval.h"
#include "util/nearest.h"

enum { MAX_INDEX = 4096 };

typedef struct Arguments {
    CtlClient *client;
    const CtlSchema *schema;
    json_object *root;
    GArray *extra; /* of CtlMember: what the schema does not tell of the outermost object */
} Arguments;

typedef enum Put { PUT_DONE, PUT_UNKNOWN, PUT_WRONG } Put;

G_GNUC_PRINTF(2, 3) static Put wrong(GError **err, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    g_autofree char *text = g_strdup_vprintf(fmt, ap);
    va_end(ap);
    g_set_error_literal(err, G_FILE_ERROR, G_FILE_ERROR_INVAL, text);
    return PUT_WRONG;
}

/* ---- single values ------------------------------------------------------- */

static bool is_meta(json_object *info, const char *meta)
{
    const char *is = ctl_text(info, "meta-type");
    return is && g_str_equal(is, meta);
}

/* -1, 12, 0x1f, 4k, 2G */
static json_object *integer_of(const char *text)
{
    gint64 v;
    uint64_t u;
    if (g_ascii_string_to_signed(text, 10, INT64_MIN, INT64_MAX, &v, NULL)) {
        return json_object_new_int64(v);
    }
    return keyval_uint(text, UINT64_MAX, &u) || keyval_size(text, 1, &u) ? json_object_new_uint64(u) : NULL;
}

static json_object *any_of(const char *text)
{
    json_object *v = json_read(text, strlen(text), JSON_MAX_DEPTH, NULL);
    return v ? v : json_object_new_string(text);
}

/* Of JSON's type; NULL: it is none. */
static json_object *builtin_of(const char *json, const char *text)
{
    bool b;
    if (g_str_equal(json, "int")) {
        return integer_of(text);
    }
    if (g_str_equal(json, "boolean")) {
        return keyval_bool(text, &b) ? json_object_new_boolean(b) : NULL;
    }
    if (g_str_equal(json, "number")) {
        json_object *v = json_read(text, strlen(text), 1, NULL);
        bool number = json_object_is_type(v, json_type_double) || json_object_is_type(v, json_type_int);
        if (!number) {
            json_object_put(v);
        }
        return number ? v : NULL;
    }
    return g_str_equal(json, "string") ? json_object_new_string(text) : any_of(text);
}

static json_object *value_of(const CtlSchema *s, const char *type, const char *text);

/* The first of its kinds that takes the text, text itself last. */
static json_object *alternate_of(const CtlSchema *s, json_object *info, const char *text)
{
    json_object *members = ctl_list(info, "members"), *v = NULL;
    size_t n = members ? json_object_array_length(members) : 0;
    for (unsigned last = 0; !v && last < 2; last++) {
        for (size_t i = 0; !v && i < n; i++) {
            const char *type = ctl_text(json_object_array_get_idx(members, i), "type");
            bool is_text = type && g_str_equal(type, "str"),
                 nested = type && ctl_schema_find(s, type, "alternate");
            v = type && is_text == last && !nested ? value_of(s, type, text) : NULL;
        }
    }
    return v;
}

/* One that has a single member (QMP's String) is meant by its value. */
static json_object *object_of(const CtlSchema *s, json_object *info, const char *text)
{
    const char *name = ctl_schema_single(s, info);
    g_autoptr(GArray) members = ctl_schema_members(s, info, NULL, true);
    json_object *v = name ? value_of(s, g_array_index(members, CtlMember, 0).type, text) : NULL;
    json_object *object = v ? json_object_new_object() : NULL;
    if (v) {
        json_object_object_add(object, name, v);
    }
    return object;
}

/* NULL: no value of this type. */
static json_object *value_of(const CtlSchema *s, const char *type, const char *text)
{
    json_object *info = ctl_schema_type(s, type);
    const char *json = ctl_text(info, "json-type");
    if (is_meta(info, "enum")) {
        g_autoptr(GPtrArray) words = ctl_schema_words(s, type);
        return g_strv_contains(names_of(words), text) ? json_object_new_string(text) : NULL;
    }
    if (is_meta(info, "alternate")) {
        return alternate_of(s, info, text);
    }
    if (is_meta(info, "object") || is_meta(info, "array")) {
        json_object *v = json_read(text, strlen(text), JSON_MAX_DEPTH, NULL);
        if (json_object_is_type(v, is_meta(info, "array") ? json_type_array : json_type_object)) {
            return v;
        }
        json_object_put(v);
        return is_meta(info, "object") ? object_of(s, info, text) : NULL;
    }
    return builtin_of(json ? json : "value", text);
}

static Put no_value(const CtlSchema *s, const char *name, const char *type, const char *text, GError **err)
{
    json_object *info = ctl_schema_type(s, type);
    g_autofree char *wanted = ctl_schema_text(s, type);
    if (is_meta(info, "enum")) {
        g_autoptr(GPtrArray) words = ctl_schema_words(s, type);
        g_autofree char *advice = names_advice(text, names_of(words));
        return wrong(err, "'%s' is no value of '%s'%s", text, name, advice);
    }
    if (is_meta(info, "object")) {
        return wrong(err, "'%s' is an object: give its members as %s.MEMBER=VALUE, or all of it as JSON",
                     name, name);
    }
    return wrong(err, "'%s' is no value of '%s', which is: %s", text, name, wanted);
}

/* ---- places -------------------------------------------------------------- */

/* A member's value, or the element of a list that it is. */
static Put put_value(Arguments *a, json_object *object, const char *name, const char *type, const char *text,
                     GError **err)
{
    json_object *info = ctl_schema_type(a->schema, type), *before;
    bool there = json_object_object_get_ex(object, name, &before),
         whole = *text == '[' || !is_meta(info, "array");
    json_object *v = value_of(a->schema, whole ? type : ctl_text(info, "element-type"), text);
    if (!v) {
        return no_value(a->schema, name, whole ? type : ctl_text(info, "element-type"), text, err);
    }
    if (whole && there) {
        json_object_put(v);
        return wrong(err, "'%s' is given twice, and is no list", name);
    }
    if (whole) {
        json_object_object_add(object, name, v);
        return PUT_DONE;
    }
    if (!there) {
        before = json_object_new_array();
        json_object_object_add(object, name, before);
    }
    json_object_array_add(before, v);
    return PUT_DONE;
}

static Put put_member(Arguments *a, json_object *object, const char *type, char **path, const char *text,
                      GError **err);

/* path: behind the list's name: INDEX.MEMBER... */
static Put put_element(Arguments *a, json_object *array, const char *type, char **path, const char *text,
                       GError **err)
{
    uint64_t index;
    if (!keyval_uint(path[0], MAX_INDEX, &index) || !path[1] || index > json_object_array_length(array)) {
        return wrong(
            err, "'%s' is no place in a list: elements are numbered from 0, in their order (keys.0.type=...)",
            path[0]);
    }
    if (index == json_object_array_length(array)) {
        json_object_array_add(array, json_object_new_object());
    }
    json_object *element = json_object_array_get_idx(array, index);
    return put_member(a, element, type, path + 1, text, err);
}

static Put put_inside(Arguments *a, json_object *object, const char *type, char **path, const char *text,
                      GError **err)
{
    json_object *info = ctl_schema_type(a->schema, type), *inside;
    bool array = is_meta(info, "array"), any = g_strcmp0(ctl_text(info, "json-type"), "value") == 0;
    if (!array && !any && !is_meta(info, "object") && !is_meta(info, "alternate")) {
        return wrong(err, "'%s' has no members", path[0]);
    }
    if (!json_object_object_get_ex(object, path[0], &inside)) {
        inside = array ? json_object_new_array() : json_object_new_object();
        json_object_object_add(object, path[0], inside);
    }
    if (!json_object_is_type(inside, array ? json_type_array : json_type_object)) {
        return wrong(err, "'%s' is given twice", path[0]);
    }
    return array ? put_element(a, inside, ctl_text(info, "element-type"), path + 1, text, err)
                 : put_member(a, inside, any ? NULL : type, path + 1, text, err);
}

/* The members that an object may have, given what it has; an alternate's are those of its object. */
static GArray *members_of(Arguments *a, json_object *object, const char *type)
{
    json_object *info = ctl_schema_type(a->schema, type), *kinds = ctl_list(info, "members");
    if (is_meta(info, "alternate") && kinds) {
        for (size_t i = 0; i < json_object_array_length(kinds); i++) {
            json_object *kind =
                ctl_schema_type(a->schema, ctl_text(json_object_array_get_idx(kinds, i), "type"));
            info = is_meta(kind, "object") ? kind : info;
        }
    }
    GArray *members = ctl_schema_members(a->schema, info, object, false);
    if (object == a->root && a->extra) {
        g_array_append_vals(members, a->extra->data, a->extra->len);
    }
    return members;
}

static const CtlMember *find_member(const GArray *members, const char *name)
{
    for (guint i = 0; i < members->len; i++) {
        const CtlMember *m = &g_array_index(members, CtlMember, i);
        if (g_str_equal(m->name, name)) {
            return m;
        }
    }
    return NULL;
}

static Put unknown(const GArray *members, const char *name, GError **err)
{
    g_autoptr(GPtrArray) names = g_ptr_array_new();
    for (guint i = 0; i < members->len; i++) {
        g_ptr_array_add(names, (void *)g_array_index(members, CtlMember, i).name);
    }
    g_ptr_array_add(names, NULL);
    g_autofree char *advice = names_advice(name, names_of(names));
    wrong(err, "there is no argument '%s'%s", name, advice);
    return PUT_UNKNOWN;
}

/* type: NULL: an object of any kind, whose values are JSON's or texts. */
static Put put_member(Arguments *a, json_object *object, const char *type, char **path, const char *text,
                      GError **err)
{
    CtlMember any = { path[0], "any", false, NULL };
    g_autoptr(GArray) members = type ? members_of(a, object, type) : NULL;
    const CtlMember *m = type ? find_member(members, path[0]) : &any;
    if (!m) {
        return unknown(members, path[0], err);
    }
    return path[1] ? put_inside(a, object, m->type, path, text, err)
                   : put_value(a, object, m->name, m->type, text, err);
}

/* ---- words --------------------------------------------------------------- */

static Put put_word(Arguments *a, const char *type, const char *word, GError **err)
{
    const char *equals = strchr(word, '=');
    if (!equals || equals == word) {
        return wrong(err, "'%s' is no argument: write KEY=VALUE, or all arguments in JSON", word);
    }
    g_autofree char *key = g_strndup(word, equals - word);
    g_auto(GStrv) path = g_strsplit(key, ".", -1);
    return put_member(a, a->root, type, path, equals + 1, err);
}

/* The schema of QEMU, and ours, does not tell the properties of devices: the driver's are asked for. */
static bool learn_properties(Arguments *a)
{
    const char *driver = ctl_text(a->root, "driver");
    if (!driver || a->extra) {
        return false;
    }
    json_object *args = json_object_new_object();
    json_object_object_add(args, "typename", json_object_new_string(driver));
    json_object *reply = ctl_ask(a->client, "device-list-properties", args, NULL);
    json_object_put(args);
    a->extra = g_array_new(false, false, sizeof(CtlMember));
    json_object *list = ctl_list(reply, "return");
    for (size_t i = 0; list && i < json_object_array_length(list); i++) {
        json_object *p = json_object_array_get_idx(list, i);
        const char *name = g_intern_string(ctl_text(p, "name")), *type = ctl_text(p, "type");
        bool number = type && (g_str_has_prefix(type, "int") || g_str_has_prefix(type, "uint") ||
                               g_str_equal(type, "size"));
        CtlMember m = { name, number ? "int" : g_strcmp0(type, "bool") == 0 ? "bool" : "str", false, NULL };
        g_array_append_val(a->extra, m);
    }
    json_object_put(reply);
    return a->extra->len > 0;
}

/* Until no word is left, or none of those that are has found a place. */
static bool put_words(Arguments *a, const char *command, const char *type, char **words, GError **err)
{
    g_autoptr(GPtrArray) left = g_ptr_array_new();
    for (unsigned i = 0; words[i]; i++) {
        g_ptr_array_add(left, words[i]);
    }
    while (left->len) {
        guint before = left->len;
        g_autoptr(GError) why = NULL;
        for (guint i = 0; i < left->len;) {
            g_clear_error(&why);
            Put put = put_word(a, type, left->pdata[i], &why);
            if (put == PUT_WRONG) {
                g_propagate_error(err, g_steal_pointer(&why));
                return false;
            }
            if (put == PUT_DONE) {
                g_ptr_array_remove_index(left, i);
            } else {
                i++;
            }
        }
        if (left->len == before && !(g_str_equal(command, "device_add") && learn_properties(a))) {
            g_propagate_error(err, g_steal_pointer(&why));
            return false;
        }
    }
    return true;
}

json_object *ctl_args_new(CtlClient *c, const CtlSchema *s, const char *command, char **words, GError **err)
{
    json_object *info = ctl_schema_find(s, command, "command");
    if (words[0] && words[0][0] == '{' && !words[1]) {
        return json_read(words[0], strlen(words[0]), JSON_MAX_DEPTH, err);
    }
    Arguments a = { c, s, json_object_new_object(), NULL };
    if (!put_words(&a, command, ctl_text(info, "arg-type"), words, err)) {
        json_object_put(a.root);
        a.root = NULL;
    }
    if (a.extra) {
        g_array_unref(a.extra);
    }
    return a.root;
}
