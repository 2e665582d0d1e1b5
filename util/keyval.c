/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Option text "key=value,key2=value2" and the values in it.
 * Spelling: the QEMU manual, "invocation" (a doubled comma is a comma). */
#include "util/keyval.h"

#include <errno.h>
#include <json-c/json.h>
#include <string.h>

/* One item up to a single comma; ",," becomes ",".  Moves *at past it. */
static char *item_next(const char **at)
{
    GString *s = g_string_new(NULL);
    const char *p = *at;
    while (*p) {
        if (*p == ',') {
            if (p[1] != ',') {
                break;
            }
            p++;
        }
        g_string_append_c(s, *p++);
    }
    *at = *p ? p + 1 : p;
    return g_string_free(s, FALSE);
}

/* Behind what was given under this key before: then its value is an array. */
static void tree_append(json_object *keys, const char *key, json_object *value)
{
    json_object *old;
    if (!json_object_object_get_ex(keys, key, &old)) {
        json_object_object_add(keys, key, value);
    } else if (json_object_is_type(old, json_type_array)) {
        json_object_array_add(old, value);
    } else {
        json_object *all = json_object_new_array();
        json_object_array_add(all, json_object_get(old));
        json_object_array_add(all, value);
        json_object_object_add(keys, key, all);
    }
}

static bool tree_add_item(json_object *keys, const char *item, const char *text, GError **err)
{
    const char *eq = strchr(item, '=');
    if (eq == item || !*item) {
        g_set_error(err, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
                    "'%s': there is no name before %s; write name=value,name=value", text,
                    *item ? "a '='" : "a ','");
        return false;
    }
    g_autofree char *key = eq ? g_strndup(item, eq - item) : g_strdup(item);
    tree_append(keys, key, eq ? json_object_new_string(eq + 1) : json_object_new_boolean(true));
    return true;
}

json_object *keyval_read(const char *text, const char *implied, GError **err)
{
    json_object *keys = json_object_new_object();
    const char *at = text;
    bool first = true;
    while (*at) {
        g_autofree char *item = item_next(&at);
        if (first && implied && *item && !strchr(item, '=')) {
            tree_append(keys, implied, json_object_new_string(item));
        } else if (!tree_add_item(keys, item, text, err)) {
            json_object_put(keys);
            return NULL;
        }
        first = false;
    }
    return keys;
}

const char *keyval_text(json_object *keys, const char *key)
{
    json_object *value;
    if (!json_object_object_get_ex(keys, key, &value)) {
        return NULL;
    }
    size_t n = json_object_is_type(value, json_type_array) ? json_object_array_length(value) : 0;
    value = n ? json_object_array_get_idx(value, n - 1) : value;
    switch (json_object_get_type(value)) {
    case json_type_boolean: return json_object_get_boolean(value) ? "on" : "off";
    case json_type_string:
    case json_type_int:
    case json_type_double: return json_object_get_string(value);
    default: return NULL;
    }
}

void keyval_append(json_object *keys, const char *key, const char *value)
{
    tree_append(keys, key, json_object_new_string(value));
}

void keyval_put(json_object *keys, const char *key, const char *value)
{
    json_object_object_add(keys, key, json_object_new_string(value));
}

void keyval_free(void *keys)
{
    json_object_put(keys);
}

json_object *keyval_copy(json_object *keys)
{
    json_object *copy = json_object_new_object();
    keyval_merge(copy, keys);
    return copy;
}

void keyval_merge(json_object *into, json_object *from)
{
    json_object_object_foreach(from, key, value)
    {
        size_t n = json_object_is_type(value, json_type_array) ? json_object_array_length(value) : 1;
        for (size_t i = 0; i < n; i++) {
            json_object *one =
                json_object_is_type(value, json_type_array) ? json_object_array_get_idx(value, i) : value;
            tree_append(into, key, json_object_get(one));
        }
    }
}

/* ---- values ---- */

bool keyval_bool(const char *value, bool *out)
{
    static const char *const words[] = { "off", "on", "no", "yes", "n", "y", "false", "true" };
    for (unsigned i = 0; i < G_N_ELEMENTS(words); i++) {
        if (g_ascii_strcasecmp(value, words[i]) == 0) {
            *out = i & 1;
            return true;
        }
    }
    return false;
}

bool keyval_uint(const char *value, uint64_t max, uint64_t *out)
{
    bool hex = g_ascii_strncasecmp(value, "0x", 2) == 0;
    const char *digits = hex ? value + 2 : value;
    if (!(hex ? g_ascii_isxdigit(*digits) : g_ascii_isdigit(*digits))) {
        return false;
    }
    char *end;
    errno = 0;
    uint64_t v = g_ascii_strtoull(digits, &end, hex ? 16 : 10);
    if (errno || *end || v > max) {
        return false;
    }
    *out = v;
    return true;
}

static bool size_unit(const char *suffix, uint64_t unit, uint64_t *out)
{
    static const char letters[] = "BKMGTPE";
    if (!*suffix) {
        *out = unit;
        return true;
    }
    const char *at = strchr(letters, g_ascii_toupper(*suffix));
    if (!at || suffix[1]) {
        return false;
    }
    *out = UINT64_C(1) << (10 * (at - letters));
    return true;
}

bool keyval_size(const char *value, uint64_t unit, uint64_t *out)
{
    bool hex = g_ascii_strncasecmp(value, "0x", 2) == 0;
    size_t n = hex ? 2 + strspn(value + 2, "0123456789abcdefABCDEF") : strspn(value, "0123456789");
    g_autofree char *digits = g_strndup(value, n);
    uint64_t whole, scale;
    if (!keyval_uint(digits, UINT64_MAX, &whole)) {
        return false;
    }
    const char *rest = value + n;
    double fraction = 0;
    if (*rest == '.' && !hex) {
        size_t m = strspn(rest + 1, "0123456789");
        g_autofree char *part = g_strdup_printf("0.%.*s", (int)m, rest + 1);
        fraction = g_ascii_strtod(part, NULL);
        rest += 1 + m;
        if (m == 0) {
            return false;
        }
    }
    if (!size_unit(rest, unit, &scale) || (fraction > 0 && scale == 1) || whole > UINT64_MAX / scale) {
        return false;
    }
    uint64_t extra = fraction * (double)scale;
    if (whole * scale > UINT64_MAX - extra) {
        return false;
    }
    *out = whole * scale + extra;
    return true;
}

char *keyval_split_switch(char *part, const char **value)
{
    char *eq = strchr(part, '=');
    *value = eq ? eq + 1 : "on";
    if (eq) {
        *eq = '\0';
    } else if (*part == '+' || *part == '-') {
        *value = *part++ == '+' ? "on" : "off";
    }
    return part;
}
