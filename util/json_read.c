/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A stream of JSON values (RFC 8259), byte for byte: a lexer that makes tokens, and a parser with a stack of its own
 * that makes json-c's values of them.  Each byte is looked at once, however the input is cut; what one value may cost
 * (JSON_MAX_*) is counted while it is read. */
#include "util/json.h"

#include <glib.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

typedef enum Lex {
    LEX_BLANK, /* between tokens */
    LEX_WORD,
    LEX_NUMBER,
    LEX_STRING,
    LEX_ESCAPE, /* behind a backslash */
    LEX_HEX,    /* behind \u */
    LEX_SKIP,   /* behind an error */
} Lex;

typedef enum Expect {
    EXPECT_VALUE,
    EXPECT_VALUE_OR_END, /* behind [ */
    EXPECT_KEY,
    EXPECT_KEY_OR_END, /* behind { */
    EXPECT_COLON,
    EXPECT_COMMA_OR_END,
} Expect;

typedef struct Frame {
    json_object *container;
    char *key; /* of the member that is being read */
} Frame;

struct JsonReader {
    unsigned depth; /* most nesting */
    Lex lex;
    Expect expect;
    GString *text; /* of the token */
    char quote;
    unsigned hex_digits;
    uint32_t hex, high; /* \u: what was read; a surrogate that waits for its other half */
    GArray *frames;     /* of Frame */
    size_t bytes, tokens;
    bool done; /* `value` is complete */
    json_object *value;
};

static bool is_blank(unsigned char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* Gets a stream in step again. */
static bool is_control(unsigned char c)
{
    return (c < ' ' && !is_blank(c)) || c == 0xff;
}

G_GNUC_PRINTF(2, 3) static bool parse_error(GError **err, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    g_autofree char *text = g_strdup_vprintf(fmt, ap);
    va_end(ap);
    g_set_error(err, G_FILE_ERROR, G_FILE_ERROR_INVAL, "JSON parse error, %s", text);
    return false;
}

/* ---- the parser: tokens to values ---------------------------------------- */

static Frame *top_frame(JsonReader *r)
{
    return r->frames->len ? &g_array_index(r->frames, Frame, r->frames->len - 1) : NULL;
}

static bool expects_value(const JsonReader *r)
{
    return r->expect == EXPECT_VALUE || r->expect == EXPECT_VALUE_OR_END;
}

/* A value has ended (or a container begins): it goes to its place. */
static void place_value(JsonReader *r, json_object *value)
{
    Frame *f = top_frame(r);
    if (!f) {
        r->value = value;
        r->done = true;
    } else if (f->key) {
        json_object_object_add_ex(f->container, f->key, value, JSON_C_OBJECT_ADD_KEY_IS_NEW);
        g_clear_pointer(&f->key, g_free);
    } else {
        json_object_array_add(f->container, value);
    }
    r->expect = EXPECT_COMMA_OR_END;
}

static bool take_value(JsonReader *r, json_object *value, GError **err)
{
    if (!expects_value(r)) {
        json_object_put(value);
        return parse_error(err, r->expect == EXPECT_COLON          ? "expecting ':' after a key"
                                : r->expect == EXPECT_COMMA_OR_END ? "expecting ',' or the end after a value"
                                                                   : "expecting a key, which is a string");
    }
    place_value(r, value);
    return true;
}

static bool take_key(JsonReader *r, GError **err)
{
    Frame *f = top_frame(r);
    if (json_object_object_get_ex(f->container, r->text->str, NULL)) {
        return parse_error(err, "duplicate key '%.40s'", r->text->str);
    }
    f->key = g_strndup(r->text->str, r->text->len);
    r->expect = EXPECT_COLON;
    return true;
}

static bool take_open(JsonReader *r, char c, GError **err)
{
    Frame f = { NULL, NULL };
    if (r->frames->len >= r->depth) {
        return parse_error(err, "nesting is deeper than %u levels", r->depth);
    }
    f.container = c == '{' ? json_object_new_object() : json_object_new_array_ext(4);
    if (!expects_value(r)) {
        return take_value(r, f.container, err);
    }
    if (r->frames->len) {
        place_value(r, f.container); /* its parent has it from now on */
    } else {
        r->value = f.container;
    }
    g_array_append_val(r->frames, f);
    r->expect = c == '{' ? EXPECT_KEY_OR_END : EXPECT_VALUE_OR_END;
    return true;
}

static bool take_close(JsonReader *r, char c, GError **err)
{
    Frame *f = top_frame(r);
    bool object = f && json_object_is_type(f->container, json_type_object);
    Expect empty = object ? EXPECT_KEY_OR_END : EXPECT_VALUE_OR_END;
    if (!f || object != (c == '}')) {
        return parse_error(err, "'%c' ends nothing", c);
    }
    if (r->expect != empty && r->expect != EXPECT_COMMA_OR_END) {
        return parse_error(err, "'%c' where a value or key is expected", c);
    }
    g_array_set_size(r->frames, r->frames->len - 1);
    r->expect = EXPECT_COMMA_OR_END;
    r->done = r->frames->len == 0;
    return true;
}

static bool take_comma(JsonReader *r, GError **err)
{
    Frame *f = top_frame(r);
    if (!f || r->expect != EXPECT_COMMA_OR_END) {
        return parse_error(err, "',' where none is expected");
    }
    r->expect = json_object_is_type(f->container, json_type_object) ? EXPECT_KEY : EXPECT_VALUE;
    return true;
}

static bool take_colon(JsonReader *r, GError **err)
{
    if (r->expect != EXPECT_COLON) {
        return parse_error(err, "':' where none is expected");
    }
    r->expect = EXPECT_VALUE;
    return true;
}

static bool take_sign(JsonReader *r, char c, GError **err)
{
    switch (c) {
    case '{':
    case '[': return take_open(r, c, err);
    case '}':
    case ']': return take_close(r, c, err);
    case ',': return take_comma(r, err);
    default: return take_colon(r, err);
    }
}

static bool count_token(JsonReader *r, GError **err)
{
    return ++r->tokens <= JSON_MAX_TOKENS || parse_error(err, "more than %d tokens", JSON_MAX_TOKENS);
}

/* ---- tokens from their text ---------------------------------------------- */

static bool end_string(JsonReader *r, GError **err)
{
    r->lex = LEX_BLANK;
    if (r->high) {
        return parse_error(err, "half of a surrogate pair in a string");
    }
    if (!g_utf8_validate_len(r->text->str, r->text->len, NULL)) {
        return parse_error(err, "invalid UTF-8 sequence in string");
    }
    if (r->expect == EXPECT_KEY || r->expect == EXPECT_KEY_OR_END) {
        return take_key(r, err);
    }
    return take_value(r, json_object_new_string_len(r->text->str, (int)r->text->len), err);
}

static bool end_word(JsonReader *r, GError **err)
{
    const char *word = r->text->str;
    r->lex = LEX_BLANK;
    if (g_str_equal(word, "null")) {
        return take_value(r, NULL, err);
    }
    bool yes = g_str_equal(word, "true");
    if (!yes && !g_str_equal(word, "false")) {
        return parse_error(err, "invalid keyword '%.40s'", word);
    }
    return take_value(r, json_object_new_boolean(yes), err);
}

/* RFC 8259, section 6. *integer: no fraction, no exponent. */
static bool is_number(const char *p, bool *integer)
{
    p += *p == '-';
    size_t n = strspn(p, "0123456789");
    if (!n || (n > 1 && *p == '0')) {
        return false;
    }
    p += n;
    *integer = !*p;
    if (*p == '.') {
        n = strspn(++p, "0123456789");
        p += n;
        if (!n) {
            return false;
        }
    }
    if (*p == 'e' || *p == 'E') {
        p++;
        p += *p == '-' || *p == '+';
        n = strspn(p, "0123456789");
        p += n;
        return n && !*p;
    }
    return !*p;
}

/* What fits into int64 or uint64; else NULL. */
static json_object *integer_of(const char *text)
{
    bool minus = *text == '-';
    uint64_t v = 0;
    for (text += minus; *text; text++) {
        if (__builtin_mul_overflow(v, 10, &v) || __builtin_add_overflow(v, (uint64_t)(*text - '0'), &v)) {
            return NULL;
        }
    }
    if (minus) {
        return v <= (uint64_t)INT64_MAX + 1 ? json_object_new_int64((int64_t)-v) : NULL;
    }
    return v > INT64_MAX ? json_object_new_uint64(v) : json_object_new_int64((int64_t)v);
}

static bool end_number(JsonReader *r, GError **err)
{
    const char *text = r->text->str;
    bool integer;
    r->lex = LEX_BLANK;
    if (!is_number(text, &integer)) {
        return parse_error(err, "invalid number '%.40s'", text);
    }
    json_object *number = integer ? integer_of(text) : NULL;
    if (number) {
        return take_value(r, number, err);
    }
    double v = g_ascii_strtod(text, NULL);
    if (!isfinite(v)) {
        return parse_error(err, "number '%.40s' does not fit a double", text);
    }
    return take_value(r, json_object_new_double_s(v, text), err);
}

/* ---- the lexer: bytes to tokens ------------------------------------------ */

static bool end_hex(JsonReader *r, GError **err)
{
    uint32_t c = r->hex;
    r->lex = LEX_STRING;
    if (!c) { /* C's strings end with it */
        return parse_error(err, "a NUL character in a string");
    }
    if (r->high) {
        if (c < 0xdc00 || c > 0xdfff) {
            return parse_error(err, "half of a surrogate pair in a string");
        }
        c = 0x10000 + ((r->high & 0x3ff) << 10) + (c & 0x3ff);
        r->high = 0;
    } else if (c >= 0xd800 && c <= 0xdbff) {
        r->high = c;
        return true;
    } else if (c >= 0xdc00 && c <= 0xdfff) {
        return parse_error(err, "half of a surrogate pair in a string");
    }
    g_string_append_unichar(r->text, c);
    return true;
}

static bool lex_hex(JsonReader *r, char c, GError **err)
{
    int digit = g_ascii_xdigit_value(c);
    if (digit < 0) {
        return parse_error(err, "invalid escape: four hexadecimal digits follow \\u");
    }
    r->hex = r->hex << 4 | (uint32_t)digit;
    return ++r->hex_digits < 4 || end_hex(r, err);
}

static bool lex_escape(JsonReader *r, char c, GError **err)
{
    static const char names[] = "\"'\\/bfnrt", stand_for[] = "\"'\\/\b\f\n\r\t";
    const char *at = c ? strchr(names, c) : NULL;
    r->lex = LEX_STRING;
    if (c == 'u') {
        r->lex = LEX_HEX;
        r->hex = r->hex_digits = 0;
        return true;
    }
    if (!at || r->high) {
        return parse_error(err,
                           r->high ? "half of a surrogate pair in a string" : "invalid escape in string");
    }
    g_string_append_c(r->text, stand_for[at - names]);
    return true;
}

/* As many bytes as are plain text; then one that is not. */
static bool lex_string(JsonReader *r, const char *data, size_t len, size_t *n, GError **err)
{
    size_t run = 0;
    while (run < len && (unsigned char)data[run] >= ' ' && data[run] != '\\' && data[run] != r->quote &&
           (unsigned char)data[run] != 0xff) {
        run++;
    }
    if (run && r->high) {
        return parse_error(err, "half of a surrogate pair in a string");
    }
    g_string_append_len(r->text, data, (gssize)run);
    *n = run;
    if (run == len) {
        return true;
    }
    *n = run + 1;
    if (data[run] == '\\') {
        r->lex = LEX_ESCAPE;
        return true;
    }
    if (data[run] == r->quote) {
        return end_string(r, err);
    }
    *n = run; /* the end of the line, or what a reader begins afresh with */
    return parse_error(err, data[run] == '\n' ? "a string without an end" : "control character in a string");
}

static bool lex_blank(JsonReader *r, char c, GError **err)
{
    if (is_blank(c)) {
        return true;
    }
    if (!count_token(r, err)) {
        return false;
    }
    g_string_truncate(r->text, 0);
    if (c == '"' || c == '\'') {
        r->lex = LEX_STRING;
        r->quote = c;
        r->high = 0;
        return true;
    }
    if (strchr("{}[],:", c)) {
        return take_sign(r, c, err);
    }
    r->lex = g_ascii_isalpha(c) ? LEX_WORD : g_ascii_isdigit(c) || c == '-' ? LEX_NUMBER : LEX_BLANK;
    g_string_append_c(r->text, c);
    return r->lex != LEX_BLANK || parse_error(err, g_ascii_isgraph(c) ? "stray '%c'" : "stray byte", c);
}

/* Words and numbers end in front of what is no part of them. */
static bool lex_plain(JsonReader *r, const char *data, size_t len, size_t *n, GError **err)
{
    bool word = r->lex == LEX_WORD;
    size_t run = 0;
    while (run < len && (g_ascii_isalnum(data[run]) ||
                         (!word && (data[run] == '+' || data[run] == '-' || data[run] == '.')))) {
        run++;
    }
    g_string_append_len(r->text, data, (gssize)run);
    *n = run;
    return run == len || (word ? end_word(r, err) : end_number(r, err));
}

/* Some bytes, at least one but at the end of a word or number. */
static bool lex(JsonReader *r, const char *data, size_t len, size_t *n, GError **err)
{
    *n = 1;
    switch (r->lex) {
    case LEX_BLANK: return lex_blank(r, *data, err);
    case LEX_STRING: return lex_string(r, data, len, n, err);
    case LEX_ESCAPE: return lex_escape(r, *data, err);
    case LEX_HEX: return lex_hex(r, *data, err);
    default: return lex_plain(r, data, len, n, err);
    }
}

/* ---- the stream ---------------------------------------------------------- */

static void forget(JsonReader *r)
{
    for (guint i = 0; i < r->frames->len; i++) {
        g_free(g_array_index(r->frames, Frame, i).key);
    }
    g_array_set_size(r->frames, 0);
    json_object_put(r->value);
    r->value = NULL;
    r->done = false;
    r->lex = LEX_BLANK;
    r->expect = EXPECT_VALUE;
    r->bytes = r->tokens = 0;
    if (r->text->allocated_len > 1 << 16) { /* a long string's room */
        g_string_free(r->text, true);
        r->text = g_string_new(NULL);
    }
}

bool json_reader_is_idle(const JsonReader *r)
{
    return r->lex == LEX_BLANK && !r->frames->len;
}

/* The rest of a line in which something was wrong. */
static size_t skip(JsonReader *r, const char *data, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (data[i] == '\n' || is_control(data[i])) {
            r->lex = LEX_BLANK;
            return i + 1;
        }
    }
    return len;
}

static JsonStep step_error(JsonReader *r, Lex then)
{
    forget(r);
    r->lex = then;
    return JSON_ERROR;
}

JsonStep json_reader_feed(JsonReader *r, const char *data, size_t len, size_t *used, json_object **value,
                          GError **err)
{
    size_t at = 0, n;
    *used = 0;
    *value = NULL;
    while (at < len) {
        if (r->lex == LEX_SKIP) {
            at += skip(r, data + at, len - at);
            continue;
        }
        bool plain = r->lex == LEX_WORD || r->lex == LEX_NUMBER; /* ends in front of it */
        if (!plain && is_control(data[at])) {
            *used = at + 1;
            parse_error(err, "stray control byte 0x%02x", (unsigned char)data[at]);
            return step_error(r, LEX_BLANK);
        }
        bool ok = lex(r, data + at, len - at, &n, err);
        *used = at += n;
        r->bytes += json_reader_is_idle(r) ? 0 : n;
        if (ok && r->bytes > JSON_MAX_BYTES) {
            ok = parse_error(err, "a value of more than %d bytes", JSON_MAX_BYTES);
        }
        if (!ok) {
            return step_error(r, LEX_SKIP);
        }
        if (r->done) {
            *value = g_steal_pointer(&r->value);
            forget(r);
            return JSON_VALUE;
        }
    }
    *used = len;
    return JSON_MORE;
}

JsonReader *json_reader_new(unsigned depth)
{
    JsonReader *r = g_new0(JsonReader, 1);
    r->depth = depth;
    r->text = g_string_new(NULL);
    r->frames = g_array_new(false, false, sizeof(Frame));
    return r;
}

void json_reader_free(JsonReader *r)
{
    if (r) {
        forget(r);
        g_array_unref(r->frames);
        g_string_free(r->text, true);
        g_free(r);
    }
}

json_object *json_read(const char *text, size_t len, unsigned depth, GError **err)
{
    JsonReader *r = json_reader_new(depth);
    json_object *value = NULL, *second = NULL;
    size_t used, more;
    JsonStep step = json_reader_feed(r, text, len, &used, &value, err);
    if (step == JSON_MORE) { /* the line's end ends a number, too */
        step = json_reader_feed(r, "\n", 1, &more, &value, err);
    }
    if (step == JSON_MORE) {
        parse_error(err, json_reader_is_idle(r) ? "expecting value" : "the end is missing");
    } else if (step == JSON_VALUE && !value) {
        parse_error(err, "null is no value here");
    } else if (step == JSON_VALUE &&
               (json_reader_feed(r, text + used, len - used, &more, &second, NULL) != JSON_MORE ||
                !json_reader_is_idle(r))) {
        used += strspn(text + used, " \t\r\n");
        parse_error(err, "Expecting at most one JSON value: '%.*s' follows it", (int)MIN(len - used, 40),
                    text + used);
        json_object_put(second);
        g_clear_pointer(&value, json_object_put);
    }
    json_reader_free(r);
    return value;
}
