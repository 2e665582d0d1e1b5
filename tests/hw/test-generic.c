/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What every device class must do, proven from its tables: all state is in the
 * table; reset is idempotent; state saved after random accesses loads into a fresh
 * device with the same bytes and the same interrupt lines; a hostile stream is
 * refused or harmless; an access of any size at any offset does not crash.
 *
 * None is skipped: a class that cannot be made with what bench.c gives it fails.  Linked with
 * --wrap=irq_set, which shows all lines. */
#include <string.h>

#include "bench.h"
#include "block/block.h"
#include "chardev/chardev.h"
#include "base/clock.h"
#include "tests/base/coverage.h"
#include "tests/base/stream.h"
#include "tests/ends.h"

enum { ACCESSES = 3000 };

/* ---- interrupt lines ----------------------------------------------------- */

void __real_irq_set(Irq *irq, int level);
void __wrap_irq_set(Irq *irq, int level);
static Device *watched;
static GHashTable *lines; /* offset in the watched device -> level */

void __wrap_irq_set(Irq *irq, int level)
{
    char *at = (char *)irq, *dev = (char *)watched;
    if (dev && at >= dev && at < dev + watched->class->size) {
        g_hash_table_insert(lines, GSIZE_TO_POINTER(at - dev), GINT_TO_POINTER(level));
    }
    __real_irq_set(irq, level);
}

static void watch_lines(Device *dev)
{
    if (lines) {
        g_hash_table_unref(lines);
    }
    watched = dev;
    lines = dev ? g_hash_table_new(NULL, NULL) : NULL;
}

static char *lines_text(void)
{
    GString *s = g_string_new(NULL);
    for (size_t at = 0; at < watched->class->size; at++) {
        gpointer level;
        if (g_hash_table_lookup_extended(lines, GSIZE_TO_POINTER(at), NULL, &level) && level) {
            g_string_append_printf(s, "%zu=%d ", at, GPOINTER_TO_INT(level));
        }
    }
    return g_string_free(s, FALSE);
}

/* ---- accesses ------------------------------------------------------------ */

static void access_once(Bench *b, hwaddr at, unsigned size, bool write, uint64_t value)
{
    if (write) {
        memory_write(b->m.memory, at, size, value);
    } else {
        memory_read(b->m.memory, at, size, &value);
    }
    memory_quiescent();
}

static uint64_t random64(GRand *rnd)
{
    uint64_t v = (uint64_t)g_rand_int(rnd) << 32 | g_rand_int(rnd);
    switch (g_rand_int_range(rnd, 0, 4)) {
    case 0: return v & 0xff;
    case 1: return RAM_BASE + (v & (RAM_SIZE - 1));
    case 2: return v >> (v & 63);
    default: return v;
    }
}

static void accesses_random(Bench *b, GRand *rnd, unsigned count)
{
    for (unsigned i = 0; i < count && b->windows->len; i++) {
        const FlatRange *w = &g_array_index(b->windows, FlatRange, g_rand_int(rnd) % b->windows->len);
        unsigned size = 1u << g_rand_int_range(rnd, 0, 4);
        uint64_t offset = (((uint64_t)g_rand_int(rnd) << 32) | g_rand_int(rnd)) % w->size;
        if (g_rand_int(rnd) & 1) { /* registers stand at the front */
            offset %= 0x100;
        }
        if (g_rand_int(rnd) % 8) {
            offset &= ~(uint64_t)(size - 1);
        }
        access_once(b, w->start + offset, size, g_rand_int(rnd) % 2, random64(rnd));
    }
    bench_look(b);
}

/* ---- the tests ----------------------------------------------------------- */

static void test_covered(gconstpointer data)
{
    const DeviceClass *c = data;
    StateTable table = { .fields = c->state, .version = c->version };
    coverage_check(c->name, &table, 1, c->state_offset, c->state_size);
}

static void test_reset(gconstpointer data)
{
    Bench b;
    bench_open(&b);
    g_autoptr(GRand) rnd = g_rand_new_with_seed(1);
    Device *dev = bench_device(&b, data);
    accesses_random(&b, rnd, ACCESSES);
    device_reset(dev);
    g_autoptr(GByteArray) first = device_save(dev);
    device_reset(dev);
    g_autoptr(GByteArray) second = device_save(dev);
    g_assert_cmpmem(first->data, first->len, second->data, second->len);
    bench_close(&b);
}

static void save_load_save(const DeviceClass *c, unsigned seed)
{
    Bench a, b;
    bench_open(&a);
    bench_open(&b);
    g_autoptr(GRand) rnd = g_rand_new_with_seed(seed);
    Device *from = bench_device(&a, c), *to = bench_device(&b, c);
    g_autoptr(GError) err = NULL;
    watch_lines(from);
    device_reset(from);
    accesses_random(&a, rnd, ACCESSES);
    device_lock(from);
    device_refresh(from);
    device_unlock(from);
    g_autofree char *want = lines_text();
    g_autoptr(GByteArray) first = device_save(from);
    watch_lines(to);
    bool ok = device_load(to, first->data, first->len, &err);
    g_assert_no_error(err);
    g_assert_true(ok);
    g_autofree char *got = lines_text();
    g_assert_cmpstr(got, ==, want);
    g_autoptr(GByteArray) second = device_save(to);
    g_assert_cmpmem(first->data, first->len, second->data, second->len);
    watch_lines(NULL);
    bench_close(&a);
    bench_close(&b);
}

static void test_save_load(gconstpointer data)
{
    for (unsigned seed = 1; seed <= 30; seed++) {
        save_load_save(data, seed);
    }
}

/* Machines saved by earlier releases load. */
static void test_kept(gconstpointer data)
{
    const DeviceClass *c = data;
    Bench b;
    bench_open(&b);
    g_autoptr(GRand) rnd = g_rand_new_with_seed(9);
    g_autoptr(GError) err = NULL;
    Device *dev = bench_device(&b, c);
    accesses_random(&b, rnd, ACCESSES);
    g_autoptr(GByteArray) now = device_save(dev);
    g_autoptr(GByteArray) kept = stream_kept(STREAMS, c->name, now);
    bool ok = device_load(dev, kept->data, kept->len, &err);
    g_assert_no_error(err);
    g_assert_true(ok);
    bench_close(&b);
}

static void test_hostile(gconstpointer data)
{
    Bench b;
    bench_open(&b);
    g_autoptr(GRand) rnd = g_rand_new_with_seed(7);
    Device *dev = bench_device(&b, data);
    g_autoptr(GByteArray) good = device_save(dev);
    for (unsigned round = 0; round < 300; round++) {
        g_autoptr(GByteArray) bad = stream_spoil(good, rnd);
        bool ok = device_load(dev, bad->data, bad->len, NULL);
        (void)ok; /* either way the device must go on */
        accesses_random(&b, rnd, 20);
    }
    bench_close(&b);
}

/* Every size at every offset of the registers, and at places all over larger
 * windows: reads, then writes. */
static void test_any_access(gconstpointer data)
{
    Bench b;
    bench_open(&b);
    g_autoptr(GRand) rnd = g_rand_new_with_seed(3);
    bench_device(&b, data);
    for (unsigned i = 0; i < b.windows->len; i++) {
        FlatRange w = g_array_index(b.windows, FlatRange, i);
        uint64_t step = w.size <= 0x1000 ? 1 : w.size / 0x800 + 1;
        for (uint64_t at = 0; at < w.size; at += at < 0x200 ? 1 : step) {
            for (unsigned size = 1; size <= 8; size *= 2) {
                access_once(&b, w.start + at, size, false, 0);
                access_once(&b, w.start + at, size, true, random64(rnd));
            }
        }
    }
    bench_close(&b);
}

static const struct GenericTest {
    const char *name;
    void (*fn)(gconstpointer data);
} tests[] = {
    { "covered", test_covered }, { "reset", test_reset }, { "save-load", test_save_load },
    { "hostile", test_hostile }, { "kept", test_kept },   { "any-access", test_any_access },
};

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    clock_virtual_stop(test_clock());
    clock_virtual_set_ns(test_clock(), 1000000);
    for (const DeviceClass *const *c = device_classes; *c; c++) {
        for (unsigned i = 0; i < G_N_ELEMENTS(tests); i++) {
            g_autofree char *path = g_strdup_printf("/generic/%s/%s", (*c)->name, tests[i].name);
            g_test_add_data_func(path, *c, tests[i].fn);
        }
    }
    int r = g_test_run();
    test_close_drives();
    test_close_chardevs();
    return r;
}
