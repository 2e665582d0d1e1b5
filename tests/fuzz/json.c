/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Fuzz target: a stream of JSON values.  However it is cut, the same values and errors come; what was read and
 * written is read again as the same text. */
#include "fuzz.h"
#include "util/json.h"

#include <string.h>

static char *written(json_object *value, bool pretty)
{
    JsonWriter w = { .out = g_string_new(NULL), .pretty = pretty };
    json_write_value(&w, value);
    return g_string_free(w.out, false);
}

static void check_again(json_object *value, const char *text, bool pretty)
{
    g_autofree char *broken = pretty ? written(value, true) : NULL;
    const char *shown = broken ? broken : text;
    json_object *again = json_read(shown, strlen(shown), JSON_MAX_DEPTH, NULL);
    g_assert_true((again == NULL) == (value == NULL));
    if (again) {
        g_autofree char *second = written(again, false);
        g_assert_cmpstr(text, ==, second);
    }
    json_object_put(again);
}

static char *read_all(const char *data, size_t size, size_t piece)
{
    JsonReader *r = json_reader_new(JSON_MAX_DEPTH);
    GString *all = g_string_new(NULL);
    for (size_t at = 0, used; at < size; at += used) {
        json_object *value;
        JsonStep step = json_reader_feed(r, data + at, MIN(piece, size - at), &used, &value, NULL);
        g_assert_true(used || step != JSON_MORE); /* a number ends in front of what follows it */
        if (step == JSON_VALUE) {
            g_autofree char *text = written(value, false);
            g_string_append(all, text);
            check_again(value, text, piece & 1);
            json_object_put(value);
        }
        g_string_append(all, step == JSON_ERROR ? "E" : "");
    }
    json_reader_free(r);
    return g_string_free(all, false);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *text = (const char *)data;
    g_autofree char *whole = read_all(text, size, MAX(size, 1)), *bytes = read_all(text, size, 1),
                    *threes = read_all(text, size, 3);
    g_assert_cmpstr(whole, ==, bytes);
    g_assert_cmpstr(whole, ==, threes);
    return 0;
}
