/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Fuzz target: the text of an option, as key=value and as JSON, read by each of the schema's unions.  What is taken has no
 * empty key, and every value goes through the readers of numbers. */
#include <json-c/json.h>
#include <string.h>

#include "block/block.h"
#include "chardev/chardev.h"
#include "fuzz.h"
#include "hw/board.h"
#include "hw/object.h"
#include "net/net.h"
#include "util/keyval.h"

static void look_at(json_object *keys)
{
    json_object_object_foreach(keys, key, unused)
    {
        const char *value = keyval_text(keys, key);
        uint64_t number;
        bool flag;
        (void)unused;
        g_assert_true(*key);
        if (value) {
            (void)(keyval_bool(value, &flag) || keyval_uint(value, UINT32_MAX, &number) ||
                   keyval_size(value, 1 << 20, &number));
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const Shape *const shapes[] = { &chardev_shape, &device_shape, &drive_shape, &netdev_shape,
                                           &object_shape };
    g_autofree char *text = g_strndup((const char *)data, size);
    json_object *keys = keyval_read(text, "type", NULL);
    if (keys) {
        look_at(keys);
    }
    json_object_put(keys);
    for (unsigned i = 0; i < G_N_ELEMENTS(shapes); i++) {
        shape_free(shapes[i], shape_parse(shapes[i], text, NULL, NULL));
    }
    return 0;
}
