/* SPDX-License-Identifier: GPL-2.0-or-later */
/* JSON on a wire: what is taken, what is refused, how often an error is told, and what it costs. */
#include "util/json.h"

#include <string.h>
#include <time.h>

static char *written(json_object *value, bool pretty)
{
    JsonWriter w = { .out = g_string_new(NULL), .pretty = pretty };
    json_write_value(&w, value);
    return g_string_free(w.out, false);
}

/* All that the reader says to `text`, in pieces of `piece` bytes: values as they are written, errors as E. */
static char *told(const char *text, size_t len, size_t piece)
{
    JsonReader *r = json_reader_new(JSON_MAX_DEPTH);
    g_autoptr(GString) all = g_string_new(NULL);
    for (size_t at = 0; at < len;) {
        g_autoptr(GError) err = NULL;
        json_object *value;
        size_t used;
        JsonStep step = json_reader_feed(r, text + at, MIN(piece, len - at), &used, &value, &err);
        g_autofree char *shown = step == JSON_VALUE ? written(value, false) : g_strdup("E");
        at += used;
        g_assert_true((step == JSON_ERROR) == (err != NULL));
        if (step != JSON_MORE) {
            g_string_append_printf(all, "%s%s", all->len ? " " : "", shown);
        }
        json_object_put(value);
    }
    if (!json_reader_is_idle(r)) {
        g_string_append(all, "...");
    }
    json_reader_free(r);
    return g_string_free(g_steal_pointer(&all), false);
}

static void expect_bytes(const char *text, size_t len, const char *answer)
{
    for (size_t piece = 1; piece <= len; piece += MAX(len / 7, 1)) {
        g_autofree char *got = told(text, len, piece);
        g_assert_cmpstr(got, ==, answer);
    }
}

static void expect(const char *text, const char *answer)
{
    expect_bytes(text, strlen(text), answer);
}

static void test_stream(void)
{
    expect("{}{}", "{} {}");
    expect("{\"a\":1}\r\n\n  [1,2 , \"x\"] ", "{\"a\": 1} [1, 2, \"x\"]");
    expect("{'a': 'it''s'}", "E...");
    expect("{'a': 'x\"y', \"b\": \"x'y\"}\n", "{\"a\": \"x\\\"y\", \"b\": \"x'y\"}");
    expect("{\n \"execute\":\n\t\"stop\"\n}", "{\"execute\": \"stop\"}");
    expect("true false null 1 ", "true false null 1");
    expect("{\"a\":{\"b\":[[],{},[{}]]}}", "{\"a\": {\"b\": [[], {}, [{}]]}}");
    expect("{\"a\": 1", "...");
    expect("", "");
}

static void test_numbers(void)
{
    expect("[0,-0,9223372036854775807,-9223372036854775808,18446744073709551615]",
           "[0, 0, 9223372036854775807, -9223372036854775808, 18446744073709551615]");
    expect("[1.50,1e6,-0.0,18446744073709551616,-9223372036854775809]",
           "[1.50, 1e6, -0.0, 18446744073709551616, -9223372036854775809]");
    expect("[1e400]\n[-1e400]\n", "E E");
    expect("[01]\n[1.]\n[.5]\n[+1]\n[1e]\n[--1]\n[0x10]\n[1-2]\n", "E E E E E E E E");
    expect("[NaN]\n[Infinity]\n[nul]\n[True]\n", "E E E E");
}

static void test_strings(void)
{
    expect("[\"\\u0041\\n\\/\\\\\\'\\u00e9\\ud83d\\ude00\"]", "[\"A\\n/\\\\'\\u00E9\\uD83D\\uDE00\"]");
    expect("[\"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\x7f\"]", "[\"\\u00E9\\u20AC\\uD83D\\uDE00\\u007F\"]");
    expect("[\"a\\u0000b\"]\n{\"a\\u0000b\":1}\n", "E E");
    expect("[\"\\ud83d\"]\n[\"\\ude00\"]\n[\"\\ud83dx\"]\n[\"\\ud83d\\n\"]\n[\"\\ud83d\\u0041\"]\n",
           "E E E E E");
    expect("[\"\xc0\x80\"]\n[\"\xed\xa0\x80\"]\n[\"\xf5\x80\x80\x80\"]\n[\"\xe2\x82\"]\n", "E E E E");
    expect("[\"\xe2\\u0082\xac\"]\n", "E");
    expect("[\"\\x\"]\n[\"\\u12g4\"]\n", "E E");
}

static void test_errors(void)
{
    expect("{\"a\":1,\"a\":1}\n", "E");
    expect("[{\"b\":{\"a\":1,\"\\u0061\":2}}]\n{}", "E {}");
    expect("{]}}}}}} [] {}\n{}", "E {}"); /* once a line */
    expect("[1 2 3 4]\n[1,]\n[,1]\n{\"a\"}\n{\"a\" 1}\n{1:2}\n{\"a\":1,}\n{,}\n", "E E E E E E E E");
    expect("}\n]\n,\n:\n@\n", "E E E E E");
    expect("[\"no end\n{}", "E {}");
    expect("[\"tab\tin it\"]\n{}", "E {}");
}

static void test_resynchronize(void)
{
    expect("{\"a\": \"b\x01{}", "E {}"); /* on the same line, in the middle of a string */
    expect("{\"a\": [1, 2\xff{}", "E {}");
    expect("\xff{}\x02", "E {} E");
    expect("{]\x01{}", "E {}"); /* it ends what is skipped as well */
    expect_bytes("{\"a\0{}", 6, "E {}");
}

/* `n` times `c`. */
static char *many(size_t n, char c)
{
    char *text = g_malloc(n + 1);
    memset(text, c, n);
    text[n] = 0;
    return text;
}

static char *nested(size_t depth, const char *end)
{
    g_autofree char *open = many(depth, '['), *close = many(depth, ']');
    return g_strconcat(open, close, end, NULL);
}

static void test_limits(void)
{
    g_autofree char *deep = nested(JSON_MAX_DEPTH, ""), *deeper = nested(JSON_MAX_DEPTH + 1, "\n{}");
    g_autofree char *got = told(deep, strlen(deep), 4096);
    g_assert_cmpstr(got, ==, deep);
    g_autofree char *refused = told(deeper, strlen(deeper), 4096);
    g_assert_cmpstr(refused, ==, "E {}");
    g_autofree char *comma = many(2 * (size_t)JSON_MAX_TOKENS, ',');
    for (size_t i = 0; i < 2 * (size_t)JSON_MAX_TOKENS; i += 2) {
        comma[i] = '1';
    }
    g_autofree char *list = g_strconcat("[", comma, "\n{}", NULL);
    g_autofree char *tokens = told(list, strlen(list), 1 << 16);
    g_assert_cmpstr(tokens, ==, "E {}");
    g_autofree char *x = many(JSON_MAX_BYTES, 'x');
    g_autofree char *large = g_strconcat("[\"", x, "\"]\n{}", NULL);
    g_autofree char *bytes = told(large, strlen(large), 1 << 20);
    g_assert_cmpstr(bytes, ==, "E {}");
}

/* Of this thread: what the others on the machine do is not in it. */
static gint64 cpu_time_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return t.tv_sec * G_USEC_PER_SEC + t.tv_nsec / 1000;
}

/* A long string, many small values, many members: each byte is looked at once. */
static void test_speed(void)
{
    g_autofree char *x = many(1 << 20, 'x');
    g_autofree char *text = g_strconcat("[\"", x, "\"]", NULL);
    g_autoptr(GString) members = g_string_new("{");
    g_autoptr(GString) numbers = g_string_new("[0");
    while (numbers->len < 1 << 20) {
        g_string_append_printf(numbers, ",%u", (unsigned)numbers->len);
    }
    for (unsigned i = 0; members->len < 1 << 20; i++) {
        g_string_append_printf(members, "%s\"member%u\": %u", i ? ", " : "", i, i);
    }
    g_string_append_c(numbers, ']');
    g_string_append_c(members, '}');
    const char *all[] = { text, numbers->str, members->str };
    static const char *const names[] = { "a string", "numbers", "members" };
    static const gint64 most_us[] = { 20000, 100000, 200000 }; /* much more under sanitizers */
    for (unsigned i = 0; i < G_N_ELEMENTS(all); i++) {
        gint64 best = G_MAXINT64;
        for (unsigned run = 0; run < 5; run++) {
            size_t used;
            json_object *value;
            JsonReader *r = json_reader_new(JSON_MAX_DEPTH);
            gint64 before = cpu_time_us();
            g_assert_cmpint(json_reader_feed(r, all[i], strlen(all[i]), &used, &value, NULL), ==, JSON_VALUE);
            best = MIN(best, cpu_time_us() - before);
            json_object_put(value);
            json_reader_free(r);
        }
        g_test_message("%s: 1 MiB in %" G_GINT64_FORMAT " us", names[i], best);
        g_assert_cmpint(best, <, most_us[i] * (g_test_perf() ? 1 : 20));
    }
}

/* ---- a text that is one value ---- */

static void test_taken(void)
{
    static const char *const rows[] = {
        "{}",
        " {\"a\" : [1, -2.5e3, true, false, null, \"\\u00e4\\ud83d\\ude00\\n\"]}\r\n",
        "{'a': 'it is \"quoted\"', 'b': {'a': 1}}",
        "{\"a\": 18446744073709551615, \"b\": -9223372036854775808}",
        "[]",
        "\"x\"",
        "12",
    };
    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(GError) err = NULL;
        json_object *value = json_read(rows[i], strlen(rows[i]), 8, &err);
        g_assert_no_error(err);
        json_object_put(value);
    }
}

static void test_refused(void)
{
    static const struct {
        const char *text, *why;
    } rows[] = {
        { "", "expecting value" },
        { "{\"a\": 1", "end is missing" },
        { "{\"a\": 1, \"a\": 2}", "duplicate key 'a'" },
        { "{\"a\": {\"b\": 1, \"\\u0062\": 2}}", "duplicate key 'b'" },
        { "[{\"a\": 1, 'a': 2}]", "duplicate key 'a'" },
        { "{\"a\": 1e400}", "does not fit" },
        { "{\"a\": 01}", "JSON parse error" },
        { "{\"a\": 1.}", "JSON parse error" },
        { "{\"a\": NaN}", "JSON parse error" },
        { "{\"a\": [1,]}", "JSON parse error" },
        { "{\"a\": 1,}", "JSON parse error" },
        { "{\"a\": /* x */ 1}", "JSON parse error" },
        { "{\"a\": \"\\ud800\"}", "surrogate" },
        { "{\"a\": \"\\udc00\\ud800\"}", "surrogate" },
        { "{\"a\": \"\\u0000\"}", "NUL" },
        { "{\"a\": \"\xc0\x80\"}", "UTF-8" },
        { "{\"a\": \"\t\"}", "control character" },
        { "{\"a\": \"\\x\"}", "JSON parse error" },
        { "{\"a\": 1} {}", "at most one JSON value: '{}'" },
        { "{\"a\": [[[[[[[[1]]]]]]]]}", "nesting" },
        { "null", "null" },
        { "{a: 1}", "JSON parse error" },
    };
    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(GError) err = NULL;
        g_assert_null(json_read(rows[i].text, strlen(rows[i].text), 8, &err));
        if (!strstr(err->message, rows[i].why)) {
            g_error("'%s': '%s' lacks '%s'", rows[i].text, err->message, rows[i].why);
        }
    }
}

static void test_pretty(void)
{
    static const char text[] = "{'a': [], 'b': {}, 'c': [1, {'d': null}]}";
    json_object *value = json_read(text, strlen(text), 8, NULL);
    g_autofree char *shown = written(value, true);
    g_assert_cmpstr(shown, ==,
                    "{\r\n    \"a\": [\r\n    ],\r\n    \"b\": {\r\n    },\r\n    \"c\": [\r\n        1,\r\n"
                    "        {\r\n            \"d\": null\r\n        }\r\n    ]\r\n}");
    json_object_put(value);
    JsonWriter w = { .out = g_string_new(NULL) };
    json_write_begin(&w, '{');
    json_write_key(&w, "bad\xff");
    json_write_string(&w, "\xc3");
    json_write_key(&w, "d");
    json_write_double(&w, 0.5);
    json_write_end(&w, '}');
    g_assert_cmpstr(w.out->str, ==, "{\"bad\\uFFFD\": \"\\uFFFD\", \"d\": 0.5}");
    g_string_free(w.out, true);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/json/stream", test_stream);
    g_test_add_func("/json/numbers", test_numbers);
    g_test_add_func("/json/strings", test_strings);
    g_test_add_func("/json/errors", test_errors);
    g_test_add_func("/json/resynchronize", test_resynchronize);
    g_test_add_func("/json/limits", test_limits);
    g_test_add_func("/json/speed", test_speed);
    g_test_add_func("/json/taken", test_taken);
    g_test_add_func("/json/refused", test_refused);
    g_test_add_func("/json/pretty", test_pretty);
    return g_test_run();
}
