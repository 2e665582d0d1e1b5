/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A value of a tree into the field of a row.
 * Spelling of values: the QEMU manual, "invocation"; of messages: what programs know from QMP. */
#include "base/props_priv.h"

#include <inttypes.h>
#include <json-c/json.h>
#include <stdio.h>
#include <string.h>

#include "util/bytes.h"
#include "util/keyval.h"

/* ---- what is wrong ------------------------------------------------------- */

static void path_append(const PropWhere *w, GString *out)
{
    if (!w) {
        return;
    }
    path_append(w->up, out);
    if (!w->name) {
        g_string_append_printf(out, "[%zu]", w->index);
    } else {
        g_string_append_printf(out, "%s%s", out->len ? "." : "", w->name);
    }
}

char *where_path(const PropWhere *w)
{
    GString *out = g_string_new(NULL);
    path_append(w, out);
    return g_string_free(out, FALSE);
}

bool where_fail(const PropWhere *w, GError **err, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    g_autofree char *text = g_strdup_vprintf(fmt, ap);
    va_end(ap);
    g_set_error(err, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE, "%s%s%s", w->c->who ? w->c->who : "",
                w->c->who ? ": " : "", text);
    return false;
}

static char *prop_takes(const Prop *p)
{
    const char *takes = prop_kinds[p->kind].takes;
    uint64_t min, max;
    int64_t least, most;
    if (prop_kinds[p->kind].width && (p->min || p->max || p->kind < PROP_U64)) {
        prop_uint_bounds(p, &min, &max);
        return g_strdup_printf("%s from %" PRIu64 " to %" PRIu64, takes, min, max);
    }
    if (p->kind == PROP_I32 || p->kind == PROP_I64) {
        prop_int_bounds(p, &least, &most);
        return g_strdup_printf("%s from %" PRId64 " to %" PRId64, takes, least, most);
    }
    return g_strdup(takes);
}

/* The value as it was written. */
static const char *shown(json_object *value)
{
    return json_object_is_type(value, json_type_string)
               ? json_object_get_string(value)
               : json_object_to_json_string_ext(value, JSON_C_TO_STRING_NOSLASHESCAPE);
}

static bool is_integer(const Prop *p)
{
    return g_str_equal(prop_kinds[p->kind].json, "integer");
}

static bool is_text(const Prop *p)
{
    return g_str_equal(prop_kinds[p->kind].json, "string");
}

static bool bad_type(const Prop *p, const PropWhere *w, GError **err)
{
    g_autofree char *path = where_path(w);
    return where_fail(w, err, "Invalid parameter type for '%s', expected: %s", path,
                      prop_kinds[p->kind].json);
}

static bool bad_value(const Prop *p, const PropWhere *w, json_object *value, GError **err)
{
    g_autofree char *path = where_path(w), *takes = prop_takes(p);
    if (w->c->typed && is_integer(p)) {
        return where_fail(w, err, "Parameter '%s' expects %s. It takes %s, not %s", path,
                          p->kind == PROP_SIZE ? "uint64" : prop_kinds[p->kind].type, takes, shown(value));
    }
    return where_fail(w, err, "Parameter '%s' expects %s, not '%s'", path, takes, shown(value));
}

static bool bad_name(const Prop *p, const PropWhere *w, const char *value, GError **err)
{
    g_autofree char *path = where_path(w), *advice = names_advice(value, prop_enum_names(p));
    if (p->kind == PROP_ENUM && p->unbuilt && g_strv_contains(p->unbuilt, value)) {
        return where_fail(w, err, "Parameter '%s' does not accept value '%s'. It is not built%s", path, value,
                          advice);
    }
    return where_fail(w, err, "Parameter '%s' does not accept value '%s'%s", path, value, advice);
}

/* ---- text to value ------------------------------------------------------- */

static bool parse_mac(const char *text, uint8_t mac[6])
{
    unsigned v[6];
    char sep[5];
    int used = 0;
    if (sscanf(text, "%2x%c%2x%c%2x%c%2x%c%2x%c%2x%n", &v[0], &sep[0], &v[1], &sep[1], &v[2], &sep[2], &v[3],
               &sep[3], &v[4], &sep[4], &v[5], &used) != 11 ||
        text[used]) {
        return false;
    }
    for (unsigned i = 0; i < 5; i++) {
        if (sep[i] != ':' && sep[i] != '-') {
            return false;
        }
    }
    for (unsigned i = 0; i < 6; i++) {
        mac[i] = v[i];
    }
    return true;
}

static bool parse_pci_addr(const char *text, int32_t *devfn)
{
    unsigned slot, fn = 0;
    int used = 0;
    if (!g_ascii_isxdigit(text[0])) {
        return false;
    }
    if (sscanf(text, "%x.%x%n", &slot, &fn, &used) != 2 || text[used]) {
        fn = 0;
        used = 0;
        if (sscanf(text, "%x%n", &slot, &used) != 1 || text[used]) {
            return false;
        }
    }
    if (slot > 31 || fn > 7) {
        return false;
    }
    *devfn = slot << 3 | fn;
    return true;
}

static bool parse_name(const char *text, const char *const *names, bool exact, int *index)
{
    for (int i = 0; names[i]; i++) {
        if (exact ? strcmp(text, names[i]) == 0 : g_ascii_strcasecmp(text, names[i]) == 0) {
            *index = i;
            return true;
        }
    }
    return false;
}

static bool parse_double(const char *text, double *out)
{
    char *end;
    double d = g_ascii_strtod(text, &end);
    if (end == text || *end || d - d != 0) {
        return false;
    }
    *out = d;
    return true;
}

static bool store_uint(void *at, const Prop *p, uint64_t v)
{
    uint64_t min, max;
    prop_uint_bounds(p, &min, &max);
    if (v < min || v > max) {
        return false;
    }
    store_host(at, prop_kinds[p->kind].width, v);
    return true;
}

static bool store_int(void *at, const Prop *p, int64_t v)
{
    int64_t min, max;
    prop_int_bounds(p, &min, &max);
    if (v < min || v > max) {
        return false;
    }
    store_host(at, prop_kinds[p->kind].size, (uint64_t)v);
    return true;
}

static bool set_uint_text(void *at, const Prop *p, const char *text)
{
    uint64_t v;
    bool ok = p->kind == PROP_SIZE ? keyval_size(text, p->unit ? p->unit : 1, &v)
                                   : keyval_uint(text, UINT64_MAX, &v);
    return ok && store_uint(at, p, v);
}

static bool set_int_text(void *at, const Prop *p, const char *text)
{
    uint64_t v;
    bool minus = *text == '-';
    return keyval_uint(text + minus, minus ? UINT64_C(1) << 63 : INT64_MAX, &v) &&
           store_int(at, p, minus ? (int64_t)-v : (int64_t)v);
}

static bool set_link(void **at, const Prop *p, const PropWhere *w, const char *id, GError **err)
{
    const PropContext *c = w->c;
    void *found = c->links ? c->links->find(c->scope, p->kind, id) : NULL;
    if (!found) {
        g_autofree char *path = where_path(w);
        return where_fail(
            w, err, "Parameter '%s': there is nothing with the id '%s'. It takes %s, which must be given too",
            path, id, prop_kinds[p->kind].takes);
    }
    *at = found;
    return true;
}

static bool set_text(void *at, const Prop *p, const char *text, json_object *value, const PropWhere *w,
                     GError **err)
{
    bool ok = false;
    switch (p->kind) {
    case PROP_BOOL: ok = keyval_bool(text, at); break;
    case PROP_U8:
    case PROP_U16:
    case PROP_U32:
    case PROP_U64:
    case PROP_SIZE: ok = set_uint_text(at, p, text); break;
    case PROP_I32:
    case PROP_I64: ok = set_int_text(at, p, text); break;
    case PROP_F64: ok = parse_double(text, at); break;
    case PROP_STRING:
        g_free(*(char **)at);
        *(char **)at = g_strdup(text);
        return true;
    case PROP_ENUM:
    case PROP_ON_OFF_AUTO:
        return parse_name(text, prop_enum_names(p), w->c->typed, at) || bad_name(p, w, text, err);
    case PROP_MAC: ok = parse_mac(text, at); break;
    case PROP_PCI_ADDR: ok = parse_pci_addr(text, at); break;
    case PROP_CHARDEV:
    case PROP_DRIVE:
    case PROP_NETDEV:
    case PROP_LINK: return set_link(at, p, w, text, err);
    case PROP_STRUCT:
    case PROP_ANY: break; /* see set_value */
    }
    return ok || bad_value(p, w, value, err);
}

/* ---- JSON to value ------------------------------------------------------- */

static bool json_type_fits(const Prop *p, json_object *value)
{
    switch (json_object_get_type(value)) {
    case json_type_boolean: return p->kind == PROP_BOOL;
    case json_type_int: /* as PCI address slot * 8 + function */
        return is_integer(p) || p->kind == PROP_F64 || p->kind == PROP_PCI_ADDR;
    case json_type_double: return p->kind == PROP_F64;
    case json_type_string: return is_text(p);
    default: return false;
    }
}

static bool set_json_int(void *at, const Prop *p, json_object *value)
{
    bool minus = json_object_get_int64(value) < 0;
    uint64_t v = minus ? (uint64_t)json_object_get_int64(value) : json_object_get_uint64(value);
    if (p->kind == PROP_PCI_ADDR) {
        *(int32_t *)at = v > 255 ? *(int32_t *)at : (int32_t)v;
        return v <= 255;
    }
    if (prop_kinds[p->kind].width) {
        return !minus && store_uint(at, p, v);
    }
    return (minus || v <= INT64_MAX) && store_int(at, p, (int64_t)v);
}

static bool set_json(void *at, const Prop *p, json_object *value, const PropWhere *w, GError **err)
{
    if (!json_type_fits(p, value)) {
        return bad_type(p, w, err);
    }
    if (p->kind == PROP_BOOL) {
        *(bool *)at = json_object_get_boolean(value);
        return true;
    }
    if (p->kind == PROP_F64) {
        *(double *)at = json_object_get_double(value);
        return true;
    }
    if (json_object_is_type(value, json_type_int)) {
        return set_json_int(at, p, value) || bad_value(p, w, value, err);
    }
    return set_text(at, p, json_object_get_string(value), value, w, err);
}

/* ---- a value, whatever it is made of ------------------------------------- */

json_object *value_last(json_object *value)
{
    size_t n = json_object_is_type(value, json_type_array) ? json_object_array_length(value) : 0;
    return n ? json_object_array_get_idx(value, n - 1) : value;
}

const char *value_text(json_object *value)
{
    switch (json_object_get_type(value)) {
    case json_type_boolean: return json_object_get_boolean(value) ? "on" : "off";
    case json_type_string: return json_object_get_string(value);
    default: return NULL;
    }
}

static bool set_struct(void **at, const Prop *p, json_object *value, const PropWhere *w, GError **err)
{
    if (!json_object_is_type(value, json_type_object)) {
        return bad_type(p, w, err);
    }
    void *s = shape_new_at(p->of, value, w, err);
    if (!s) {
        return false;
    }
    shape_free(p->of, *at);
    *at = s;
    return true;
}

static bool set_value(void *at, const Prop *p, json_object *value, const PropWhere *w, GError **err)
{
    if (p->kind == PROP_STRUCT) {
        return set_struct(at, p, value, w, err);
    }
    if (p->kind == PROP_ANY) {
        json_object_put(*(json_object **)at);
        *(json_object **)at = json_object_get(value);
        return true;
    }
    if (w->c->typed) {
        return set_json(at, p, value, w, err);
    }
    const char *text = value_text(value);
    return text ? set_text(at, p, text, value, w, err) : bad_type(p, w, err);
}

/* {"str": "x"}: "x"; another value: NULL, which has the type of no row. */
static json_object *unwrap(json_object *value)
{
    json_object *text;
    bool is_one = json_object_is_type(value, json_type_object) && json_object_object_length(value) == 1 &&
                  json_object_object_get_ex(value, "str", &text);
    return is_one ? text : NULL;
}

/* Of key=value a list may have one element, which is not in an array. */
static bool read_list(PropList *list, const Prop *p, json_object *value, const PropWhere *w, GError **err)
{
    bool array = json_object_is_type(value, json_type_array);
    if (!array && w->c->typed) {
        g_autofree char *path = where_path(w);
        return where_fail(w, err, "Invalid parameter type for '%s', expected: %s", path, prop_json_type(p));
    }
    size_t count = array ? json_object_array_length(value) : 1;
    PropList all = { g_malloc0_n(count + 1, prop_element_size(p)), 0 };
    while (all.count < count) {
        PropWhere element = { .c = w->c, .up = w, .index = all.count };
        void *at = (char *)all.items + all.count * prop_element_size(p);
        json_object *one = array ? json_object_array_get_idx(value, all.count) : value;
        all.count++;
        if (p->wrapped && w->c->typed) {
            one = unwrap(one);
        }
        if (!set_value(at, p, one, array && w->c->typed ? &element : w, err)) {
            prop_list_clear(&all, p);
            return false;
        }
    }
    prop_list_clear(list, p);
    *list = all;
    return true;
}

bool prop_read(void *base, const Prop *p, json_object *value, const PropWhere *w, GError **err)
{
    char *at = (char *)base + p->offset;
    if (p->list) {
        return read_list((PropList *)at, p, value, w, err);
    }
    json_object *one = w->c->typed ? value : value_last(value);
    if (p->or_text && json_object_is_type(one, json_type_string)) {
        const Prop text = { p->name, PROP_STRING };
        return set_value((char *)base + p->or_text, &text, one, w, err);
    }
    return set_value(at, p, one, w, err);
}

/* ---- rows that say what is so anyway, or what is not there ---------------- */

/* A property that has one value. */
typedef union OnlyValue {
    uint64_t u64;
    int32_t i32;
    bool yes;
    char *text;
} OnlyValue;

static Prop only_plain(const Prop *p)
{
    Prop plain = *p;
    plain.only = NULL;
    plain.offset = 0;
    return plain;
}

char *prop_only_text(const Prop *p)
{
    OnlyValue v = { 0 };
    Prop plain = only_plain(p);
    prop_set_default(&v, &plain);
    char *text = prop_get(&v, &plain, NULL);
    prop_clear(&v, &plain);
    return text;
}

/* As the user writes it. */
static char *only_word(const Prop *p)
{
    switch (p->kind) {
    case PROP_BOOL: return g_strdup(p->def ? "on" : "off");
    case PROP_STRING: return g_strdup(p->def_string ? p->def_string : "");
    case PROP_ENUM:
    case PROP_ON_OFF_AUTO: return g_strdup(prop_enum_names(p)[p->def]);
    default: return g_strdup_printf("%" PRId64, p->def);
    }
}

static bool set_only(const Prop *p, json_object *value, const PropWhere *w, GError **err)
{
    OnlyValue v = { 0 };
    Prop plain = only_plain(p);
    if (!prop_read(&v, &plain, value, w, err)) {
        return false;
    }
    g_autofree char *got = prop_get(&v, &plain, NULL), *have = prop_only_text(p);
    prop_clear(&v, &plain);
    if (strcmp(got, have) == 0) {
        return true;
    }
    const char *text = value_text(value_last(value));
    g_autofree char *word = only_word(p);
    return where_fail(w, err, "'%s=%s' is not built: %s; '%s=%s' is all there is", p->name,
                      text ? text : shown(value), p->only, p->name, word);
}

bool prop_set_fixed(const Prop *p, json_object *value, const PropWhere *w, GError **err)
{
    return p->refused ? where_fail(w, err, "'%s' is not built: %s", w->name, p->refused)
                      : set_only(p, value, w, err);
}

bool prop_set(void *base, const Prop *p, json_object *value, const PropContext *c, GError **err)
{
    static const PropContext plain = { 0 };
    PropWhere w = { .c = c ? c : &plain, .name = p->name };
    return p->refused || p->only ? prop_set_fixed(p, value, &w, err) : prop_read(base, p, value, &w, err);
}
