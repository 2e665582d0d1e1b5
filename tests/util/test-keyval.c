/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/keyval.h"

#include <json-c/json.h>

static void assert_tree(const char *text, const char *implied, const char *want)
{
    json_object *keys = keyval_read(text, implied, NULL);
    g_assert_cmpstr(json_object_to_json_string_ext(keys, JSON_C_TO_STRING_PLAIN), ==, want);
    json_object_put(keys);
}

static void test_parse(void)
{
    assert_tree("virt,a=1,b=x,,y,,,,z,flag,e=,f=p=q", "type",
                "{\"type\":\"virt\",\"a\":\"1\",\"b\":\"x,y,,z\",\"flag\":true,\"e\":\"\",\"f\":\"p=q\"}");
    assert_tree("a=1", "type", "{\"a\":\"1\"}");
    assert_tree("", NULL, "{}");
    assert_tree("a,,b", "type", "{\"type\":\"a,b\"}");
}

static void test_tree(void)
{
    json_object *keys = keyval_read("user,x=tcp::1-:22,wait,x=a,,b,none=1", "type", NULL);
    g_assert_cmpstr(json_object_to_json_string_ext(keys, JSON_C_TO_STRING_NOSLASHESCAPE), ==,
                    "{\"type\":\"user\",\"x\":[\"tcp::1-:22\",\"a,b\"],\"wait\":true,\"none\":\"1\"}");
    g_assert_cmpstr(keyval_text(keys, "x"), ==, "a,b");
    g_assert_cmpstr(keyval_text(keys, "wait"), ==, "on");
    g_assert_null(keyval_text(keys, "y"));
    json_object *more = keyval_read("x=c,y=1,wait=off", NULL, NULL);
    keyval_merge(keys, more);
    keyval_put(keys, "type", "tap");
    g_assert_cmpstr(json_object_to_json_string_ext(keys, JSON_C_TO_STRING_NOSLASHESCAPE), ==,
                    "{\"type\":\"tap\",\"x\":[\"tcp::1-:22\",\"a,b\",\"c\"],\"wait\":[true,\"off\"],"
                    "\"none\":\"1\",\"y\":\"1\"}");
    g_assert_cmpstr(keyval_text(keys, "wait"), ==, "off");
    json_object_put(more);
    json_object_put(keys);
}

static void test_parse_bad(void)
{
    g_autoptr(GError) err = NULL;
    g_assert_null(keyval_read("a=1,=2", NULL, &err));
    g_assert_nonnull(err);
}

static void test_sizes(void)
{
    static const struct {
        const char *text;
        uint64_t unit;
        bool ok;
        uint64_t value;
    } rows[] = {
        { "1024", 1, true, 1024 },
        { "512", 1 << 20, true, 512 << 20 },
        { "0x400", 1, true, 1024 },
        { "4k", 1, true, 4096 },
        { "1M", 1, true, 1 << 20 },
        { "1.5G", 1, true, UINT64_C(3) << 29 },
        { "2T", 1, true, UINT64_C(2) << 40 },
        { "16E", 1, false, 0 },
        { "1.5", 1, false, 0 },
        { "", 1, false, 0 },
        { "-1", 1, false, 0 },
        { "1x", 1, false, 0 },
        { "1kk", 1, false, 0 },
        { "18446744073709551616", 1, false, 0 },
        { "1.", 1, false, 0 },
        { "0", 1, true, 0 },
        { "512B", 1 << 20, true, 512 },
    };
    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        uint64_t v = 0;
        g_test_message("%s", rows[i].text);
        g_assert_cmpint(keyval_size(rows[i].text, rows[i].unit, &v), ==, rows[i].ok);
        g_assert_cmpuint(v, ==, rows[i].value);
    }
}

static void test_uint_bool(void)
{
    uint64_t v;
    bool b;
    g_assert_true(keyval_uint("255", 255, &v));
    g_assert_false(keyval_uint("256", 255, &v));
    g_assert_true(keyval_uint("010", 255, &v));
    g_assert_cmpuint(v, ==, 10);
    g_assert_true(keyval_uint("0xfF", 255, &v));
    g_assert_false(keyval_uint("0x", 255, &v));
    g_assert_false(keyval_uint("+1", 255, &v));
    g_assert_false(keyval_uint("0x-1", 255, &v));
    g_assert_true(keyval_bool("ON", &b));
    g_assert_true(b);
    g_assert_true(keyval_bool("n", &b));
    g_assert_false(b);
    g_assert_false(keyval_bool("1", &b));
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/keyval/parse", test_parse);
    g_test_add_func("/keyval/parse-bad", test_parse_bad);
    g_test_add_func("/keyval/tree", test_tree);
    g_test_add_func("/keyval/sizes", test_sizes);
    g_test_add_func("/keyval/uint-bool", test_uint_bool);
    return g_test_run();
}
