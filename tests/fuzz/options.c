/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Fuzz target: the text of an option, as key=value and as JSON.  Both make a table of keys; what they take has no
 * empty key, and every value goes through the readers of numbers. */
#include "fuzz.h"
#include "system/cmdline.h"
#include "util/keyval.h"

static void look_at(GHashTable *keys)
{
    GHashTableIter it;
    gpointer key, value;
    g_hash_table_iter_init(&it, keys);
    while (g_hash_table_iter_next(&it, &key, &value)) {
        uint64_t number;
        bool flag;
        (void)(keyval_bool(value, &flag) || keyval_uint(value, UINT32_MAX, &number) ||
               keyval_size(value, 1 << 20, &number));
    }
    g_hash_table_unref(keys);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    g_autofree char *text = g_strndup((const char *)data, size);
    GHashTable *types = NULL;
    GHashTable *keys = keyval_parse(text, "type", NULL);
    if (keys) {
        g_assert_false(g_hash_table_contains(keys, ""));
        look_at(keys);
    }
    keys = cmdline_json(text, &types, NULL);
    if (keys) {
        look_at(keys);
        g_hash_table_unref(types);
    }
    return 0;
}
