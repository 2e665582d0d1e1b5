/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Fuzz target: the stream of a device's state, with a right checksum.  First byte: the class; then for each change
 * 2 bytes of place and 1 of value, on a good stream; a place past its end cuts it there.  What is taken must save
 * again, and load once more. */
#include <string.h>
#include <zlib.h>

#include "tests/ends.h"
#include "block/block.h"
#include "chardev/chardev.h"
#include "fuzz.h"
#include "tests/hw/bench.h"
#include "tests/ends.h"

enum { HEAD = 6, SUM = 4 }; /* magic and number of tables stay */

static const DeviceClass *class_of(unsigned n)
{
    unsigned count = 0;
    while (device_classes[count]) {
        count++;
    }
    return device_classes[n % count];
}

static void change(GByteArray *stream, FuzzInput *in)
{
    unsigned room = stream->len - HEAD - SUM;
    while (in->left && room) {
        unsigned place = fuzz_take(in, 2), value = fuzz_take(in, 1);
        if (place >= 0x8000) {
            g_byte_array_set_size(stream, HEAD + SUM + place % (room + 1));
            break;
        }
        stream->data[HEAD + place % room] = value;
    }
    uint32_t sum = GUINT32_TO_LE((uint32_t)adler32(1, stream->data, stream->len - SUM));
    memcpy(stream->data + stream->len - SUM, &sum, SUM);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    FuzzInput in = { data, size };
    Bench b;
    bench_open(&b);
    Device *dev = bench_device(&b, class_of(fuzz_take(&in, 1)));
    g_autoptr(GByteArray) stream = device_save(dev);
    change(stream, &in);
    if (device_load(dev, stream->data, stream->len, NULL)) {
        g_autoptr(GByteArray) again = device_save(dev);
        bool ok = device_load(dev, again->data, again->len, NULL);
        g_assert_true(ok);
    }
    device_reset(dev);
    bench_close(&b);
    test_close_drives();
    test_close_chardevs();
    return 0;
}
