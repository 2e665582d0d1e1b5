/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Replies for people: see monitor/ctl_priv.h.
 *
 *   an object            key: value, a line each, values in one column; what is nested stands below, indented
 *   a list of objects    a table, if it is narrow enough; else each as above, with its number
 *   a list of values     a line each
 *   a text               as it is */
#include "monitor/ctl_priv.h"

#include <string.h>

#include "util/json.h"

enum { TABLE_WIDTH = 120, INDENT = 2 };

static void show_value(json_object *value, unsigned indent, GString *out);

/* ---- single values ------------------------------------------------------- */

static bool is_container(json_object *v)
{
    return json_object_is_type(v, json_type_object) || json_object_is_type(v, json_type_array);
}

/* A terminal does what control characters say, and a guest may have chosen them. */
static void append_clean(GString *out, const char *text, bool lines)
{
    for (const char *p = text; *p; p = g_utf8_next_char(p)) {
        gunichar c = g_utf8_get_char(p); /* the reader has seen to it that it is one */
        if (g_unichar_isprint(c) || (lines && (c == '\n' || c == '\t'))) {
            g_string_append_unichar(out, c);
        } else if (!(lines && c == '\r')) {
            g_string_append_printf(out, "\\u%04x", c);
        }
    }
}

char *ctl_clean(const char *text)
{
    g_autofree char *valid = g_utf8_make_valid(text, -1); /* what the user has typed may not be */
    GString *out = g_string_new(NULL);
    append_clean(out, valid, true);
    return g_string_free(out, false);
}

/* One line: scalars, lists of them, and what is empty. */
static bool is_short(json_object *v)
{
    size_t n = json_object_is_type(v, json_type_array) ? json_object_array_length(v) : 0;
    if (json_object_is_type(v, json_type_object)) {
        return json_object_object_length(v) == 0;
    }
    for (size_t i = 0; i < n; i++) {
        if (is_container(json_object_array_get_idx(v, i))) {
            return false;
        }
    }
    return true;
}

static void append_short(GString *out, json_object *v)
{
    if (json_object_is_type(v, json_type_string)) {
        append_clean(out, json_object_get_string(v), false);
    } else if (json_object_is_type(v, json_type_array)) {
        size_t n = json_object_array_length(v);
        for (size_t i = 0; i < n; i++) {
            g_string_append(out, i ? ", " : "");
            append_short(out, json_object_array_get_idx(v, i));
        }
        g_string_append(out, n ? "" : "-");
    } else {
        g_string_append(out, !v || is_container(v) ? "-" : json_object_to_json_string(v));
    }
}

static void end_line(GString *out)
{
    while (out->len && out->str[out->len - 1] == ' ') {
        g_string_truncate(out, out->len - 1);
    }
    g_string_append_c(out, '\n');
}

static void pad(GString *out, size_t from, size_t width)
{
    size_t used = g_utf8_strlen(out->str + from, -1);
    for (; used < width; used++) {
        g_string_append_c(out, ' ');
    }
}

/* ---- objects ------------------------------------------------------------- */

static void show_object(json_object *object, unsigned indent, GString *out)
{
    size_t width = 0;
    json_object_object_foreach(object, name, member)
    {
        width = MAX(width, is_short(member) ? strlen(name) + 2 : 0);
    }
    json_object_object_foreach(object, key, value)
    {
        g_string_append_printf(out, "%*s", indent, "");
        size_t from = out->len;
        append_clean(out, key, false);
        g_string_append_c(out, ':');
        if (is_short(value)) {
            pad(out, from, width);
            append_short(out, value);
        }
        end_line(out);
        if (!is_short(value)) {
            show_value(value, indent + INDENT, out);
        }
    }
}

/* ---- tables -------------------------------------------------------------- */

typedef struct Table {
    GPtrArray *columns; /* of char *: a.b is b in a */
    GPtrArray *rows;    /* of GHashTable: column to text */
    GHashTable *widths; /* of columns */
    bool fits;
} Table;

static void row_free(void *row)
{
    g_hash_table_unref(row);
}

static void add_cells(Table *t, GHashTable *row, const char *prefix, json_object *object)
{
    json_object_object_foreach(object, key, value)
    {
        g_autofree char *name = g_strconcat(prefix, key, NULL);
        if (json_object_is_type(value, json_type_object) && !is_short(value)) {
            g_autofree char *inner = g_strconcat(name, ".", NULL);
            add_cells(t, row, inner, value);
            continue;
        }
        GString *text = g_string_new(NULL);
        t->fits = t->fits && is_short(value);
        append_short(text, value);
        size_t width = g_utf8_strlen(text->str, -1),
               before = GPOINTER_TO_SIZE(g_hash_table_lookup(t->widths, name));
        if (!before) {
            g_ptr_array_add(t->columns, g_strdup(name));
            before = strlen(name);
        }
        g_hash_table_insert(t->widths, g_strdup(name), GSIZE_TO_POINTER(MAX(width, before)));
        g_hash_table_insert(row, g_strdup(name), g_string_free(text, false));
    }
}

static size_t column_width(const Table *t, guint column)
{
    return GPOINTER_TO_SIZE(g_hash_table_lookup(t->widths, t->columns->pdata[column]));
}

static Table table_new(json_object *list)
{
    Table t = { g_ptr_array_new_with_free_func(g_free), g_ptr_array_new_with_free_func(row_free),
                g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL), true };
    for (size_t i = 0; i < json_object_array_length(list); i++) {
        GHashTable *row = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
        add_cells(&t, row, "", json_object_array_get_idx(list, i));
        g_ptr_array_add(t.rows, row);
    }
    size_t width = 0;
    for (guint i = 0; i < t.columns->len; i++) {
        width += column_width(&t, i) + 2;
    }
    t.fits = t.fits && width <= TABLE_WIDTH;
    return t;
}

static void table_free(Table *t)
{
    g_ptr_array_unref(t->columns);
    g_ptr_array_unref(t->rows);
    g_hash_table_unref(t->widths);
}

/* row: NULL: the heads. */
static void show_row(const Table *t, GHashTable *row, unsigned indent, GString *out)
{
    g_string_append_printf(out, "%*s", indent, "");
    for (guint i = 0; i < t->columns->len; i++) {
        const char *name = t->columns->pdata[i], *cell = row ? g_hash_table_lookup(row, name) : NULL;
        g_autofree char *head = g_ascii_strup(name, -1);
        size_t from = out->len;
        g_string_append(out, !row ? head : cell ? cell : "-");
        pad(out, from, column_width(t, i) + 2);
    }
    end_line(out);
}

static bool all_objects(json_object *list)
{
    size_t n = json_object_array_length(list);
    for (size_t i = 0; i < n; i++) {
        if (!json_object_is_type(json_object_array_get_idx(list, i), json_type_object)) {
            return false;
        }
    }
    return n > 0;
}

static bool show_table(json_object *list, unsigned indent, GString *out)
{
    Table t = table_new(list);
    bool fits = t.fits;
    if (fits) {
        show_row(&t, NULL, indent, out);
    }
    for (guint i = 0; fits && i < t.rows->len; i++) {
        show_row(&t, t.rows->pdata[i], indent, out);
    }
    table_free(&t);
    return fits;
}

static void show_list(json_object *list, unsigned indent, GString *out)
{
    if (all_objects(list) && show_table(list, indent, out)) {
        return;
    }
    for (size_t i = 0; i < json_object_array_length(list); i++) {
        json_object *v = json_object_array_get_idx(list, i);
        if (is_short(v)) {
            g_string_append_printf(out, "%*s", indent, "");
            append_short(out, v);
            end_line(out);
        } else {
            g_string_append_printf(out, "%*s[%zu]\n", indent, "", i);
            show_value(v, indent + INDENT, out);
        }
    }
}

static void show_value(json_object *value, unsigned indent, GString *out)
{
    if (json_object_is_type(value, json_type_object)) {
        show_object(value, indent, out);
    } else if (json_object_is_type(value, json_type_array)) {
        show_list(value, indent, out);
    } else {
        g_string_append_printf(out, "%*s", indent, "");
        append_short(out, value);
        g_string_append_c(out, '\n');
    }
}

/* ---- whole replies ------------------------------------------------------- */

void ctl_show(json_object *value, GString *out)
{
    if (!json_object_is_type(value, json_type_string)) {
        show_value(value, 0, out);
        return;
    }
    append_clean(out, json_object_get_string(value), true);
    if (out->len && out->str[out->len - 1] != '\n') {
        g_string_append_c(out, '\n');
    }
}

static void append_pairs(GString *out, const char *prefix, json_object *object)
{
    json_object_object_foreach(object, key, value)
    {
        if (json_object_is_type(value, json_type_object)) {
            g_autofree char *inner = g_strconcat(prefix, key, ".", NULL);
            append_pairs(out, inner, value);
        } else {
            g_string_append_c(out, ' ');
            append_clean(out, prefix, false);
            append_clean(out, key, false);
            g_string_append_c(out, '=');
            append_short(out, value);
        }
    }
}

void ctl_show_event(json_object *event, GString *out)
{
    json_object *stamp = NULL, *v = NULL;
    const char *name = ctl_text(event, "event");
    json_object_object_get_ex(event, "timestamp", &stamp);
    gint64 seconds = stamp && json_object_object_get_ex(stamp, "seconds", &v) ? json_object_get_int64(v) : 0;
    int millis =
        stamp && json_object_object_get_ex(stamp, "microseconds", &v) ? json_object_get_int(v) / 1000 : 0;
    g_autoptr(GDateTime) time = g_date_time_new_from_unix_local(seconds);
    g_autofree char *text = time ? g_date_time_format(time, "%F %T") : g_strdup("-");
    g_string_append_printf(out, "%s.%03d ", text, millis);
    append_clean(out, name ? name : "", false);
    if (json_object_object_get_ex(event, "data", &v) && json_object_is_type(v, json_type_object)) {
        append_pairs(out, "", v);
    }
    g_string_append_c(out, '\n');
}

void ctl_show_json(json_object *value, GString *out)
{
    JsonWriter w = { .out = out };
    json_write_value(&w, value);
    g_string_append_c(out, '\n');
}
