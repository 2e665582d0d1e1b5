/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Fuzz target: accesses to the registers of any device.  First byte: the class; then for each access 1 byte (bit
 * 0: write, 1-2: size, 3: anywhere, else at the front; 4-7: region), 2 of offset, 4 of value. */
#include "block/block.h"
#include "chardev/chardev.h"
#include "fuzz.h"
#include "tests/hw/bench.h"
#include "tests/ends.h"

enum { MAX_ACCESSES = 200, FRONT = 0x200 };

static const DeviceClass *class_of(unsigned n)
{
    unsigned count = 0;
    while (device_classes[count]) {
        count++;
    }
    return device_classes[n % count];
}

static void access_once(Bench *b, FuzzInput *in)
{
    unsigned how = fuzz_take(in, 1), size = 1 << (how >> 1 & 3);
    uint64_t offset = fuzz_take(in, 2), value = fuzz_take(in, 4);
    const FlatRange *w = &g_array_index(b->windows, FlatRange, (how >> 4) % b->windows->len);
    offset = how & 8 ? offset * 0x10001 % w->size : offset % FRONT % w->size;
    if (how & 1) {
        memory_write(b->m.memory, w->start + offset, size, value);
    } else {
        memory_read(b->m.memory, w->start + offset, size, &value);
    }
    memory_quiescent();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    FuzzInput in = { data, size };
    Bench b;
    bench_open(&b);
    bench_device(&b, class_of(fuzz_take(&in, 1)));
    for (unsigned n = 0; in.left && n < MAX_ACCESSES && b.windows->len; n++) {
        access_once(&b, &in);
    }
    bench_look(&b);
    bench_close(&b);
    test_close_drives();
    test_close_chardevs();
    return 0;
}
