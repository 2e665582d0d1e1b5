/* SPDX-License-Identifier: GPL-2.0-or-later */
/* JSON text (RFC 8259) that any reader takes: ASCII, see JsonWriter. */
#include "util/json.h"

#include <inttypes.h>
#include <string.h>

static void new_line(JsonWriter *w)
{
    if (w->pretty) {
        g_string_append(w->out, "\r\n");
        for (unsigned i = 0; i < w->depth; i++) {
            g_string_append(w->out, "    ");
        }
    }
}

/* What comes before a value or a key. */
static void begin_item(JsonWriter *w)
{
    if (w->has_key) {
        w->has_key = false;
        return;
    }
    if (!w->depth) {
        return;
    }
    if (!w->first) {
        g_string_append(w->out, w->pretty ? "," : ", ");
    }
    w->first = false;
    new_line(w);
}

void json_write_begin(JsonWriter *w, char bracket)
{
    begin_item(w);
    g_string_append_c(w->out, bracket);
    w->depth++;
    w->first = true;
}

void json_write_end(JsonWriter *w, char bracket)
{
    w->depth--;
    w->first = false;
    new_line(w);
    g_string_append_c(w->out, bracket);
}

static void append_unit(GString *out, uint32_t unit)
{
    static const char digits[] = "0123456789ABCDEF";
    char text[7] = "\\u";
    for (int i = 0; i < 4; i++) {
        text[2 + i] = digits[unit >> (12 - 4 * i) & 15];
    }
    g_string_append(out, text);
}

static void append_char(GString *out, gunichar c)
{
    static const char plain[] = "\"\\\b\f\n\r\t", names[] = "\"\\bfnrt";
    const char *at = c < 0x80 ? strchr(plain, (int)c) : NULL;
    if (at) {
        g_string_append_c(out, '\\');
        g_string_append_c(out, names[at - plain]);
    } else if (c >= ' ' && c < 0x7f) {
        g_string_append_c(out, (char)c);
    } else if (c > 0xffff) {
        append_unit(out, 0xd800 + ((c - 0x10000) >> 10));
        append_unit(out, 0xdc00 + (c & 0x3ff));
    } else {
        append_unit(out, c);
    }
}

static void append_quoted(GString *out, const char *text)
{
    g_string_append_c(out, '"');
    while (*text) {
        size_t run = 0; /* as it is, at once */
        while (text[run] >= ' ' && text[run] < 0x7f && text[run] != '"' && text[run] != '\\') {
            run++;
        }
        g_string_append_len(out, text, (gssize)run);
        text += run;
        if (!*text) {
            break;
        }
        gunichar c = g_utf8_get_char_validated(text, -1);
        bool valid = c < 0x110000;
        append_char(out, valid ? c : 0xfffd);
        text += valid ? g_unichar_to_utf8(c, NULL) : 1;
    }
    g_string_append_c(out, '"');
}

void json_write_key(JsonWriter *w, const char *key)
{
    begin_item(w);
    append_quoted(w->out, key);
    g_string_append(w->out, ": ");
    w->has_key = true;
}

void json_write_string(JsonWriter *w, const char *text)
{
    begin_item(w);
    append_quoted(w->out, text);
}

void json_write_bool(JsonWriter *w, bool v)
{
    begin_item(w);
    g_string_append(w->out, v ? "true" : "false");
}

void json_write_int(JsonWriter *w, int64_t v)
{
    begin_item(w);
    g_string_append_printf(w->out, "%" PRId64, v);
}

void json_write_uint(JsonWriter *w, uint64_t v)
{
    begin_item(w);
    g_string_append_printf(w->out, "%" PRIu64, v);
}

void json_write_double(JsonWriter *w, double v)
{
    char text[G_ASCII_DTOSTR_BUF_SIZE];
    begin_item(w);
    g_string_append(w->out, g_ascii_dtostr(text, sizeof(text), v));
}

void json_write_null(JsonWriter *w)
{
    begin_item(w);
    g_string_append(w->out, "null");
}

static void write_object(JsonWriter *w, json_object *value)
{
    json_write_begin(w, '{');
    json_object_object_foreach(value, name, member)
    {
        json_write_key(w, name);
        json_write_value(w, member);
    }
    json_write_end(w, '}');
}

static void write_array(JsonWriter *w, json_object *value)
{
    json_write_begin(w, '[');
    for (size_t i = 0; i < json_object_array_length(value); i++) {
        json_write_value(w, json_object_array_get_idx(value, i));
    }
    json_write_end(w, ']');
}

/* One that was read has its text still. */
static void write_double(JsonWriter *w, json_object *value)
{
    const char *text = json_object_get_userdata(value);
    if (text) {
        begin_item(w);
        g_string_append(w->out, text);
    } else {
        json_write_double(w, json_object_get_double(value));
    }
}

void json_write_value(JsonWriter *w, json_object *value)
{
    switch (json_object_get_type(value)) {
    case json_type_null: json_write_null(w); return;
    case json_type_boolean: json_write_bool(w, json_object_get_boolean(value)); return;
    case json_type_double: write_double(w, value); return;
    case json_type_int:
        if (json_object_get_int64(value) < 0) {
            json_write_int(w, json_object_get_int64(value));
        } else {
            json_write_uint(w, json_object_get_uint64(value));
        }
        return;
    case json_type_string: json_write_string(w, json_object_get_string(value)); return;
    case json_type_object: write_object(w, value); return;
    case json_type_array: write_array(w, value); return;
    }
}
