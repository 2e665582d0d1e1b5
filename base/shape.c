/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Shapes: a tree of values into a struct, along its table of rows. */
#include "base/props_priv.h"

#include <json-c/json.h>
#include <string.h>

#include "util/json.h"
#include "util/keyval.h"

enum { OPTION_DEPTH = 32 }; /* nesting of JSON on a command line */

/* A struct that is being filled. */
typedef struct Filling {
    const Shape *shape;
    const Shape *arm; /* NULL: none, or not known yet */
    char *s;
    const PropWhere *up; /* the struct is a member of; NULL: of nothing */
    const PropContext *c;
} Filling;

/* ---- shapes -------------------------------------------------------------- */

static unsigned arm_count(const Shape *shape)
{
    return shape->tag ? g_strv_length((char **)prop_enum_names(shape->tag)) : 0;
}

size_t shape_size(const Shape *shape)
{
    size_t size = shape->size;
    for (unsigned i = 0; i < arm_count(shape); i++) {
        size = shape->arms[i] ? MAX(size, shape->arms[i]->size) : size;
    }
    return size;
}

const Shape *shape_arm(const Shape *shape, const void *s)
{
    if (!shape->tag) {
        return NULL;
    }
    int tag = *(const int *)((const char *)s + shape->tag->offset);
    return tag >= 0 && (unsigned)tag < arm_count(shape) ? shape->arms[tag] : NULL;
}

static void set_defaults(const Prop *props, void *s)
{
    for (const Prop *p = props; p && p->name; p++) {
        prop_set_default(s, p);
    }
}

void shape_init(const Shape *shape, void *s)
{
    memset(s, 0, shape_size(shape));
    set_defaults(shape->props, s);
    const Shape *arm = shape_arm(shape, s);
    if (arm) {
        set_defaults(arm->props, s);
    }
}

static void clear_props(const Prop *props, void *s)
{
    for (const Prop *p = props; p && p->name; p++) {
        prop_clear(s, p);
    }
}

void shape_clear(const Shape *shape, void *s)
{
    const Shape *arm = shape_arm(shape, s);
    if (arm) {
        clear_props(arm->props, s);
    }
    clear_props(shape->props, s);
    if (shape->rest) {
        prop_clear(s, shape->rest);
    }
}

void shape_free(const Shape *shape, void *s)
{
    if (s) {
        shape_clear(shape, s);
        g_free(s);
    }
}

/* ---- messages about members ---------------------------------------------- */

static PropWhere member(const Filling *f, const char *name)
{
    return (PropWhere){ .c = f->c, .up = f->up, .name = name };
}

static bool fail_unknown(const Filling *f, const char *name, GError **err)
{
    PropWhere w = member(f, name);
    g_autofree char *path = where_path(&w);
    g_autofree char *advice = props_advice(name, f->shape->props, f->arm ? f->arm->props : NULL);
    return f->c->class && !f->up
               ? where_fail(&w, err, "Property '%s.%s' not found%s", f->c->class, path, advice)
               : where_fail(&w, err, "Parameter '%s' is unexpected%s", path, advice);
}

static bool fail_missing(const Filling *f, const Prop *p, GError **err)
{
    PropWhere w = member(f, p->name);
    g_autofree char *path = where_path(&w);
    return where_fail(&w, err, "Parameter '%s' is missing%s%s", path, p->help ? ". It is the " : "",
                      p->help ? p->help : "");
}

/* ---- filling ------------------------------------------------------------- */

static const Prop *find_row(const Filling *f, const char *name)
{
    const Prop *p = props_find(f->shape->props, name);
    return p || !f->arm ? p : props_find(f->arm->props, name);
}

/* Whether a spelling of this row is among the values. */
static bool is_given(const Prop *props, const Prop *row, json_object *values)
{
    for (const Prop *p = props; p->name; p++) {
        bool spelling = p == row || (p->same_as && strcmp(p->same_as, row->name) == 0);
        if (spelling && json_object_object_get_ex(values, p->name, NULL)) {
            return true;
        }
    }
    return false;
}

static bool check_required(const Filling *f, const Prop *props, json_object *values, GError **err)
{
    for (const Prop *p = props; p && p->name; p++) {
        if (p->required && !is_given(props, p, values)) {
            return fail_missing(f, p, err);
        }
    }
    return true;
}

static bool set_member(const Filling *f, const Prop *p, const char *name, json_object *value, GError **err)
{
    PropWhere w = member(f, name);
    if (p->refused || p->only) {
        return prop_set_fixed(p, value, &w, err);
    }
    if (!prop_read(f->s, p, value, &w, err)) {
        return false;
    }
    if (p->has) {
        *(bool *)(f->s + p->has) = true;
    }
    return true;
}

/* "nowait": the old spelling of wait=off. */
static const Prop *row_of_no(const Filling *f, const char *name, json_object *value)
{
    bool bare = !f->c->typed && json_object_is_type(value_last(value), json_type_boolean);
    const Prop *p = bare && g_str_has_prefix(name, "no") ? find_row(f, name + 2) : NULL;
    return p && p->kind == PROP_BOOL ? p : NULL;
}

static bool fill_member(const Filling *f, const char *name, json_object *value, GError **err);

/* {"cache": {"direct": true}} for a row that is called cache.direct. */
static bool fill_dotted(const Filling *f, const char *name, json_object *value, GError **err)
{
    json_object_object_foreach(value, key, inner)
    {
        g_autofree char *path = g_strdup_printf("%s.%s", name, key);
        if (!fill_member(f, path, inner, err)) {
            return false;
        }
    }
    return true;
}

static bool has_dotted(const Prop *props, const char *name)
{
    size_t n = strlen(name);
    for (const Prop *p = props; p && p->name; p++) {
        if (strncmp(p->name, name, n) == 0 && p->name[n] == '.') {
            return true;
        }
    }
    return false;
}

static bool fill_member(const Filling *f, const char *name, json_object *value, GError **err)
{
    const Prop *p = find_row(f, name);
    bool object = json_object_is_type(value, json_type_object);
    if (object && (!p || (p->kind != PROP_STRUCT && p->kind != PROP_ANY)) &&
        (has_dotted(f->shape->props, name) || (f->arm && has_dotted(f->arm->props, name)))) {
        return fill_dotted(f, name, value, err);
    }
    if (p) {
        return set_member(f, p, name, value, err);
    }
    if ((p = row_of_no(f, name, value))) {
        json_object *off = json_object_new_boolean(false);
        bool ok = set_member(f, p, name + 2, off, err);
        json_object_put(off);
        return ok;
    }
    if (f->shape->rest) {
        json_object **rest = (json_object **)(f->s + f->shape->rest->offset);
        *rest = *rest ? *rest : json_object_new_object();
        json_object_object_add(*rest, name, json_object_get(value));
        return true;
    }
    return fail_unknown(f, name, err);
}

/* The arm that the values choose: its tag is read first. */
static bool choose_arm(Filling *f, json_object *values, GError **err)
{
    const Prop *tag = f->shape->tag;
    json_object *value;
    if (!tag) {
        return true;
    }
    if (json_object_object_get_ex(values, tag->name, &value)) {
        const Shape *preset = shape_arm(f->shape, f->s);
        if (preset) {
            clear_props(preset->props, f->s);
            memset(f->s + f->shape->size, 0, shape_size(f->shape) - f->shape->size);
        }
        if (!set_member(f, tag, tag->name, value, err)) {
            return false;
        }
        f->arm = shape_arm(f->shape, f->s);
        set_defaults(f->arm ? f->arm->props : NULL, f->s);
        return true;
    }
    f->arm = shape_arm(f->shape, f->s);
    return !tag->required || fail_missing(f, tag, err);
}

/* Of key=value: addr.host=x, where addr is a struct, becomes {"addr": {"host": "x"}}. */
static json_object *nest_keys(const Filling *f, json_object *values)
{
    json_object *nested = json_object_new_object();
    json_object_object_foreach(values, key, value)
    {
        const char *dot = find_row(f, key) ? NULL : strchr(key, '.');
        g_autofree char *first = dot ? g_strndup(key, dot - key) : NULL;
        const Prop *p = dot ? find_row(f, first) : NULL;
        json_object *inside;
        if (!p || p->kind != PROP_STRUCT || p->list) {
            json_object_object_add(nested, key, json_object_get(value));
            continue;
        }
        if (!json_object_object_get_ex(nested, first, &inside) ||
            !json_object_is_type(inside, json_type_object)) {
            inside = json_object_new_object();
            json_object_object_add(nested, first, inside);
        }
        json_object_object_add(inside, dot + 1, json_object_get(value));
    }
    return nested;
}

static bool fill_all(Filling *f, json_object *values, GError **err)
{
    json_object_object_foreach(values, name, value)
    {
        bool tag = f->shape->tag && strcmp(f->shape->tag->name, name) == 0;
        if (!tag && !fill_member(f, name, value, err)) {
            return false;
        }
    }
    return check_required(f, f->shape->props, values, err) &&
           (!f->arm || check_required(f, f->arm->props, values, err));
}

static bool read_at(const Shape *shape, void *s, json_object *values, const PropContext *c,
                    const PropWhere *up, GError **err)
{
    Filling f = { .shape = shape, .s = s, .up = up, .c = c };
    shape_init(shape, s);
    bool ok = choose_arm(&f, values, err);
    if (ok) {
        json_object *nested = c->typed ? json_object_get(values) : nest_keys(&f, values);
        ok = fill_all(&f, nested, err);
        json_object_put(nested);
    }
    if (!ok) {
        shape_clear(shape, s);
    }
    return ok;
}

void *shape_new_at(const Shape *shape, json_object *values, const PropWhere *w, GError **err)
{
    void *s = g_malloc0(shape_size(shape));
    if (!read_at(shape, s, values, w->c, w, err)) {
        g_free(s);
        return NULL;
    }
    return s;
}

bool shape_read(const Shape *shape, void *s, json_object *values, const PropContext *c, GError **err)
{
    static const PropContext plain = { 0 };
    return read_at(shape, s, values, c ? c : &plain, NULL, err);
}

void *shape_new(const Shape *shape, json_object *values, const PropContext *c, GError **err)
{
    void *s = g_malloc0(shape_size(shape));
    if (!shape_read(shape, s, values, c, err)) {
        g_free(s);
        return NULL;
    }
    return s;
}

void *shape_parse(const Shape *shape, const char *text, const PropContext *c, GError **err)
{
    PropContext context = c ? *c : (PropContext){ 0 };
    context.typed = text[0] == '{';
    json_object *values = context.typed ? json_read(text, strlen(text), OPTION_DEPTH, err)
                                        : keyval_read(text, shape->implied, err);
    void *s = values ? shape_new(shape, values, &context, err) : NULL;
    json_object_put(values);
    return s;
}
