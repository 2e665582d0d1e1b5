/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/atomic128.h"

#include <glib.h>
#include <stdint.h>

typedef unsigned __int128 Wide;

enum { THREADS = 4, ROUNDS = 20000 };
static const Wide step = (Wide)3 << 64 | UINT64_MAX; /* carries into the upper half nearly each time */

static void test_result(void)
{
    Wide cell = step;
    g_assert_true(atomic_cas128(&cell, 7, 1) == step); /* not what was expected: stays */
    g_assert_true(cell == step);
    g_assert_true(atomic_cas128(&cell, step, 1) == step);
    g_assert_true(cell == 1);
}

static void *add(void *opaque)
{
    Wide seen = 0;
    for (unsigned i = 0; i < ROUNDS; i++) {
        for (Wide was; (was = atomic_cas128(opaque, seen, seen + step)) != seen;) {
            seen = was;
        }
        seen += step;
    }
    return NULL;
}

/* No half of it is lost or mixed with another's. */
static void test_threads(void)
{
    Wide cell = 0;
    GThread *threads[THREADS];
    for (unsigned i = 0; i < THREADS; i++) {
        threads[i] = g_thread_new("adder", add, &cell);
    }
    for (unsigned i = 0; i < THREADS; i++) {
        g_thread_join(threads[i]);
    }
    g_assert_true(cell == step * (THREADS * ROUNDS));
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/atomic128/result", test_result);
    g_test_add_func("/atomic128/threads", test_threads);
    return g_test_run();
}
