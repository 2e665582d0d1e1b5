/* SPDX-License-Identifier: GPL-2.0-or-later */
/* JSON (RFC 8259) on a wire: a reader of a stream of values, which trusts nothing, and a writer.
 *
 * Values are json-c's.  They are never made by its own parser, which keeps the last of two equal keys, makes
 * the nearest of a number that is too large, and takes what is no JSON. */
#pragma once
#include <glib.h>
#include <json-c/json.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* ---- reading ------------------------------------------------------------- */

/* Limits of one value. */
enum { JSON_MAX_BYTES = 64 << 20, JSON_MAX_TOKENS = 2000000, JSON_MAX_DEPTH = 1024 };

/* Takes bytes as they come: values are apart by nothing or by blanks, and end where they end, not with a line.
 * Strings may stand in 'single quotes' too.  Integers keep all of int64 and uint64; other numbers are doubles
 * with the text that they had (json_object_new_double_s).  Refused: equal keys in an object, numbers that no double
 * holds, text that is no UTF-8, half a surrogate pair, a NUL character.
 *
 * After an error the reader skips the rest of the line.  A control character (but tab, CR and LF), also inside of a
 * string, and the byte 0xFF are an error, after which the next byte begins a value: so a peer gets in step again. */
typedef struct JsonReader JsonReader;

typedef enum JsonStep {
    JSON_MORE,  /* all bytes are taken, and no value has ended */
    JSON_VALUE, /* one has */
    JSON_ERROR,
} JsonStep;

JsonReader *json_reader_new(unsigned depth); /* how deep values may nest, JSON_MAX_DEPTH at most */
void json_reader_free(JsonReader *r);        /* NULL is fine */
/* Reads up to the end of one value or the first error.  *used: how many of the bytes were taken, the others are to be
 * given again.  *value: the caller's (json_object_put); NULL is JSON's null. */
JsonStep json_reader_feed(JsonReader *r, const char *data, size_t len, size_t *used, json_object **value,
                          GError **err);
/* Is it between two values? */
bool json_reader_is_idle(const JsonReader *r);
/* One value with nothing but blanks around it; null is none.  NULL and the reason. */
json_object *json_read(const char *text, size_t len, unsigned depth, GError **err) G_GNUC_WARN_UNUSED_RESULT;

/* ---- writing ------------------------------------------------------------- */

/* Appends to `out`: ASCII alone, other characters as \uXXXX; a blank behind ':' and ','.  Pretty: a line a member,
 * four blanks a level, and lines end in CR LF, also inside of {} and []. */
typedef struct JsonWriter {
    GString *out;
    bool pretty;
    unsigned depth;
    bool first;   /* the next value is the first of its container */
    bool has_key; /* the next value has its place behind a key */
} JsonWriter;

void json_write_begin(JsonWriter *w, char bracket); /* '{' or '[' */
void json_write_end(JsonWriter *w, char bracket);   /* '}' or ']' */
void json_write_key(JsonWriter *w, const char *key);
void json_write_string(JsonWriter *w, const char *text); /* UTF-8; what is none becomes U+FFFD */
void json_write_bool(JsonWriter *w, bool v);
void json_write_int(JsonWriter *w, int64_t v);
void json_write_uint(JsonWriter *w, uint64_t v);
void json_write_double(JsonWriter *w, double v); /* a finite one */
void json_write_null(JsonWriter *w);
void json_write_value(JsonWriter *w, json_object *value); /* any, NULL too */
