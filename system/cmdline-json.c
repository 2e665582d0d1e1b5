/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Arguments in JSON: -device '{"driver": "virtio-net-pci", "bootindex": 1}'.
 *
 * They become the text that key=value has, and the type of each value is kept beside:
 * a number where a property is a string, or "1" where it is a number, is refused (as
 * QEMU does), for it is another program that wrote it, and wrote it wrong. */
#include <json-c/json.h>
#include <string.h>

#include "hw/device.h"
#include "system/cmdline.h"
#include "util/nearest.h"

static bool json_flatten(json_object *value, const char *prefix, GHashTable *keys, int depth, GError **err);

/* [{"str": "a"}, {"str": "b"}], QEMU's form of a key that may be repeated; NULL: another array. */
static char *json_strings(json_object *array)
{
    g_autoptr(GPtrArray) lines = g_ptr_array_new();
    for (size_t i = 0; i < json_object_array_length(array); i++) {
        json_object *item = json_object_array_get_idx(array, i), *text;
        if (json_object_get_type(item) != json_type_object || json_object_object_length(item) != 1 ||
            !json_object_object_get_ex(item, "str", &text) ||
            json_object_get_type(text) != json_type_string) {
            return NULL;
        }
        g_ptr_array_add(lines, (void *)json_object_get_string(text));
    }
    g_ptr_array_add(lines, NULL);
    return lines->len > 1 ? names_join(names_of(lines), "\n") : NULL;
}

static bool json_add(const char *key, json_object *value, GHashTable *keys, int depth, GError **err)
{
    char *lines;
    switch (json_object_get_type(value)) {
    case json_type_object: return json_flatten(value, key, keys, depth + 1, err);
    case json_type_array:
        if ((lines = json_strings(value))) {
            g_hash_table_replace(keys, g_strdup(key), lines);
            return true;
        }
        for (size_t i = 0; i < json_object_array_length(value); i++) {
            g_autofree char *name = g_strdup_printf("%s.%zu", key, i);
            if (!json_add(name, json_object_array_get_idx(value, i), keys, depth + 1, err)) {
                return false;
            }
        }
        return true;
    case json_type_boolean:
        g_hash_table_replace(keys, g_strdup(key), g_strdup(json_object_get_boolean(value) ? "on" : "off"));
        return true;
    case json_type_null: cmdline_fail(err, "Parameter '%s' has no value", key); return false;
    default:
        if (json_object_get_type(value) == json_type_string &&
            strlen(json_object_get_string(value)) != (size_t)json_object_get_string_len(value)) {
            cmdline_fail(err, "Parameter '%s' has a NUL character in it", key);
            return false;
        }
        g_hash_table_replace(keys, g_strdup(key), g_strdup(json_object_get_string(value)));
        return true;
    }
}

/* {"a": {"b": 1}} becomes a.b=1, as the key=value form has it. */
static bool json_flatten(json_object *value, const char *prefix, GHashTable *keys, int depth, GError **err)
{
    if (depth > 8) {
        cmdline_fail(err, "JSON is nested too deeply");
        return false;
    }
    json_object_object_foreach(value, name, child)
    {
        g_autofree char *key = prefix ? g_strdup_printf("%s.%s", prefix, name) : g_strdup(name);
        if (!json_add(key, child, keys, depth, err)) {
            return false;
        }
    }
    return true;
}

static json_object *json_parse(const char *text, GError **err)
{
    json_tokener *t = json_tokener_new();
    json_object *value = json_tokener_parse_ex(t, text, strlen(text));
    enum json_tokener_error why = json_tokener_get_error(t);
    const char *tail = text + json_tokener_get_parse_end(t);
    json_tokener_free(t);
    tail += strspn(tail, " \t\r\n");
    if (!value || json_object_get_type(value) != json_type_object) {
        cmdline_fail(err, "not a JSON object: %s",
                     value                          ? "another value"
                     : why == json_tokener_continue ? "its end is missing"
                                                    : json_tokener_error_desc(why));
    } else if (*tail) {
        cmdline_fail(err, "Expecting at most one JSON value: '%s' follows it", tail);
    } else {
        return value;
    }
    json_object_put(value);
    return NULL;
}

static const char *json_type_text(json_object *value)
{
    switch (json_object_get_type(value)) {
    case json_type_boolean: return JSON_BOOL;
    case json_type_int: return JSON_INT;
    case json_type_string: return JSON_STRING;
    case json_type_array: return JSON_LIST;
    default: return "";
    }
}

GHashTable *cmdline_json(const char *text, GHashTable **types, GError **err)
{
    json_object *value = json_parse(text, err);
    if (!value) {
        return NULL;
    }
    g_autoptr(GHashTable) keys = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    bool ok = json_flatten(value, NULL, keys, 0, err);
    if (ok && types) {
        *types = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
        json_object_object_foreach(value, name, child)
        {
            g_hash_table_replace(*types, g_strdup(name), (void *)json_type_text(child));
        }
    }
    json_object_put(value);
    return ok ? g_steal_pointer(&keys) : NULL;
}

/* ---- types ---- */

bool cmdline_json_is(const CmdItem *item, const char *key, const char *type, GError **err)
{
    const char *given = item->json ? g_hash_table_lookup(item->json, key) : NULL;
    return !given || g_str_equal(given, type) ||
           cmdline_fail(err, "Invalid parameter type for '%s', expected: %s", key, type);
}

static bool check_common(const CmdItem *item, GError **err)
{
    return cmdline_json_is(item, item->option->implied, JSON_STRING, err) &&
           cmdline_json_is(item, "id", JSON_STRING, err);
}

bool cmdline_json_props(const CmdItem *item, const Prop *props, GError **err)
{
    for (const Prop *p = props; p && p->name; p++) {
        if (!cmdline_json_is(item, p->name, prop_json_type(p), err)) {
            return false;
        }
    }
    return check_common(item, err);
}
