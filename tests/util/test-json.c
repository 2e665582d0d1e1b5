/* SPDX-License-Identifier: GPL-2.0-or-later */
/* JSON of strangers: what is taken, and what is refused although json-c would take it. */
#include "util/json.h"

#include <json-c/json.h>
#include <string.h>

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
        { "", "end is missing" },
        { "{\"a\": 1", "end is missing" },
        { "{\"a\": 1, \"a\": 2}", "duplicate key 'a'" },
        { "{\"a\": {\"b\": 1, \"\\u0062\": 2}}", "duplicate key 'b'" },
        { "[{\"a\": 1, 'a': 2}]", "duplicate key 'a'" },
        { "{\"a\": 18446744073709551616}", "does not fit" },
        { "{\"a\": -9223372036854775809}", "does not fit" },
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

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/json/taken", test_taken);
    g_test_add_func("/json/refused", test_refused);
    return g_test_run();
}
