/* SPDX-License-Identifier: GPL-2.0-or-later */
/* JSON of strangers.  json-c makes the tree; then the text is walked once more along the grammar of RFC 8259,
 * for what json-c lets pass.  The walk needs no bounds but the text's end: json-c has counted the depth. */
#include "util/json.h"

#include <errno.h>
#include <json-c/json.h>
#include <stdbool.h>
#include <string.h>

typedef struct Walk {
    const char *at, *end;
    GError *err;
} Walk;

static bool walk_value(Walk *w);

static bool walk_fail(Walk *w, const char *fmt, ...) G_GNUC_PRINTF(2, 3);
static bool walk_fail(Walk *w, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    w->err = g_error_new_valist(G_CONVERT_ERROR, G_CONVERT_ERROR_ILLEGAL_SEQUENCE, fmt, ap);
    va_end(ap);
    return false;
}

static bool walk_stray(Walk *w)
{
    return w->at < w->end ? walk_fail(w, "JSON parse error, stray '%c'", *w->at)
                          : walk_fail(w, "JSON parse error, its end is missing");
}

static void walk_blanks(Walk *w)
{
    while (w->at < w->end && strchr(" \t\r\n", *w->at)) {
        w->at++;
    }
}

static bool walk_char(Walk *w, char c)
{
    walk_blanks(w);
    if (w->at < w->end && *w->at == c) {
        w->at++;
        return true;
    }
    return false;
}

/* \uXXXX at w->at + 1; -1: it is none. */
static int walk_hex(const Walk *w)
{
    int value = 0;
    if (w->end - w->at < 6 || w->at[0] != '\\' || w->at[1] != 'u') {
        return -1;
    }
    for (unsigned i = 2; i < 6; i++) {
        int digit = g_ascii_xdigit_value(w->at[i]);
        if (digit < 0) {
            return -1;
        }
        value = value << 4 | digit;
    }
    return value;
}

static bool walk_escape(Walk *w)
{
    int code = walk_hex(w);
    if (code < 0) {
        bool known = w->end - w->at >= 2 && w->at[1] && strchr("\"'\\/bfnrt", w->at[1]);
        w->at += 2;
        return known || walk_fail(w, "JSON parse error, invalid escape in a string");
    }
    w->at += 6;
    if (code == 0) {
        return walk_fail(w, "JSON parse error, a NUL character in a string");
    }
    if (code >> 11 != 0xd800 >> 11) {
        return true;
    }
    int low = code < 0xdc00 ? walk_hex(w) : -1;
    w->at += 6;
    return low >> 10 == 0xdc00 >> 10 || walk_fail(w, "JSON parse error, half a surrogate pair in a string");
}

static bool walk_string(Walk *w)
{
    char quote = *w->at++;
    while (w->at < w->end && *w->at != quote) {
        if ((guchar)*w->at < ' ') {
            return walk_fail(w, "JSON parse error, a control character in a string");
        }
        if (*w->at != '\\') {
            w->at++;
        } else if (!walk_escape(w)) {
            return false;
        }
    }
    return walk_char(w, quote) || walk_stray(w);
}

/* A member's name, decoded. */
static char *walk_name(Walk *w)
{
    walk_blanks(w);
    const char *start = w->at;
    if (start >= w->end || (*start != '"' && *start != '\'')) {
        walk_stray(w);
        return NULL;
    }
    if (!walk_string(w)) {
        return NULL;
    }
    if (!memchr(start, '\\', w->at - start)) {
        return g_strndup(start + 1, w->at - start - 2);
    }
    g_autofree char *text = g_strndup(start, w->at - start);
    json_object *decoded = json_tokener_parse(text);
    char *name = g_strdup(json_object_get_string(decoded));
    json_object_put(decoded);
    return name;
}

static bool walk_object(Walk *w)
{
    g_autoptr(GHashTable) seen = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    w->at++;
    if (walk_char(w, '}')) {
        return true;
    }
    do {
        char *name = walk_name(w);
        if (!name) {
            return false;
        }
        if (!g_hash_table_add(seen, name)) { /* the set keeps the name either way */
            return walk_fail(w, "JSON parse error, duplicate key '%s'", name);
        }
        if (!walk_char(w, ':')) {
            return walk_stray(w);
        }
        if (!walk_value(w)) {
            return false;
        }
    } while (walk_char(w, ','));
    return walk_char(w, '}') || walk_stray(w);
}

static bool walk_array(Walk *w)
{
    w->at++;
    if (walk_char(w, ']')) {
        return true;
    }
    do {
        if (!walk_value(w)) {
            return false;
        }
    } while (walk_char(w, ','));
    return walk_char(w, ']') || walk_stray(w);
}

/* Digits after an optional sign, of which json-c keeps 64 bits. */
static bool number_fits(const char *text)
{
    errno = 0;
    if (text[strspn(text, "-0123456789")]) {
        double d = g_ascii_strtod(text, NULL);
        return d - d == 0;
    }
    (void)(*text == '-' ? (guint64)g_ascii_strtoll(text, NULL, 10) : g_ascii_strtoull(text, NULL, 10));
    return errno == 0;
}

static bool walk_number(Walk *w)
{
    static const char shape[] = "^-?(0|[1-9][0-9]*)(\\.[0-9]+)?([eE][-+]?[0-9]+)?$";
    const char *start = w->at;
    while (w->at < w->end && (g_ascii_isdigit(*w->at) || strchr("+-.eE", *w->at))) {
        w->at++;
    }
    g_autofree char *text = g_strndup(start, w->at - start);
    if (!g_regex_match_simple(shape, text, G_REGEX_RAW, 0)) {
        return walk_fail(w, "JSON parse error, '%s' is no number", text);
    }
    return number_fits(text) ||
           walk_fail(w, "JSON parse error, the number '%s' does not fit into 64 bits", text);
}

static bool walk_word(Walk *w)
{
    static const char *const words[] = { "true", "false", "null" };
    for (unsigned i = 0; i < G_N_ELEMENTS(words); i++) {
        size_t n = strlen(words[i]);
        if ((size_t)(w->end - w->at) >= n && memcmp(w->at, words[i], n) == 0) {
            w->at += n;
            return true;
        }
    }
    return walk_stray(w);
}

static bool walk_value(Walk *w)
{
    walk_blanks(w);
    switch (w->at < w->end ? *w->at : 0) {
    case '{': return walk_object(w);
    case '[': return walk_array(w);
    case '"':
    case '\'': return walk_string(w);
    case '-':
    case '0' ... '9': return walk_number(w);
    default: return walk_word(w);
    }
}

static json_object *parse(const char *text, size_t len, int depth, GError **err)
{
    json_tokener *t = json_tokener_new_ex(depth);
    json_object *value = json_tokener_parse_ex(t, text, (int)len);
    if (!value && json_tokener_get_error(t) == json_tokener_continue) {
        value = json_tokener_parse_ex(t, "\n", 1); /* the end of a number or word */
    }
    enum json_tokener_error why = json_tokener_get_error(t);
    json_tokener_free(t);
    if (!value) {
        g_set_error(err, G_CONVERT_ERROR, G_CONVERT_ERROR_ILLEGAL_SEQUENCE, "JSON parse error, %s",
                    why == json_tokener_success    ? "it is null"
                    : why == json_tokener_continue ? "its end is missing"
                                                   : json_tokener_error_desc(why));
    }
    return value;
}

json_object *json_read(const char *text, size_t len, int depth, GError **err)
{
    if (len > G_MAXINT || !g_utf8_validate_len(text, len, NULL)) {
        g_set_error(err, G_CONVERT_ERROR, G_CONVERT_ERROR_ILLEGAL_SEQUENCE,
                    len > G_MAXINT ? "JSON parse error, it is too long"
                                   : "JSON parse error, it is not UTF-8, or has a NUL character");
        return NULL;
    }
    json_object *value = parse(text, len, depth, err);
    if (!value) {
        return NULL;
    }
    Walk w = { text, text + len, NULL };
    if (walk_value(&w)) {
        walk_blanks(&w);
        if (w.at == w.end) {
            return value;
        }
        walk_fail(&w, "Expecting at most one JSON value: '%.*s' follows it", (int)MIN(w.end - w.at, 40),
                  w.at);
    }
    json_object_put(value);
    g_propagate_error(err, w.err);
    return NULL;
}
