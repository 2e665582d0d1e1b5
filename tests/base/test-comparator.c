/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The line of a comparator: follows value and counter, and a timer that fires while the value is
 * moved changes nothing. */
#include "base/comparator.h"

#include <glib.h>

#include "base/clock.h"
#include "tests/loop.h"

enum { HZ = 10000000, TICK = 1000000000 / HZ };

typedef struct Fixture {
    Comparator *c;
    int64_t offset;   /* what the guest set the counter to */
    int line, drives; /* atomic */
} Fixture;

static uint64_t now(void *opaque)
{
    const Fixture *f = opaque;
    return clock_get_ns(test_clock(), CLK_VIRTUAL) / TICK + f->offset;
}

static void drive(void *opaque, bool high)
{
    Fixture *f = opaque;
    __atomic_store_n(&f->line, high, __ATOMIC_SEQ_CST);
    __atomic_add_fetch(&f->drives, 1, __ATOMIC_SEQ_CST);
}

static const ComparatorOps ops = { .now = now, .drive = drive };

static void run_to_tick(int64_t tick)
{
    clock_virtual_set_ns(test_clock(), tick * TICK);
    clock_run_timers(test_clock());
}

static void test_line(void)
{
    Fixture f = { .line = -1 };
    f.c = comparator_new(test_clock(), HZ, &ops, &f);
    run_to_tick(1000);
    g_assert_cmpint(f.line, ==, -1); /* off */
    comparator_set(f.c, 1100);
    g_assert_cmpint(f.line, ==, 0);
    run_to_tick(1099);
    g_assert_cmpint(f.line, ==, 0);
    clock_virtual_set_ns(test_clock(), 1100 * TICK + 1);
    clock_run_timers(test_clock());
    g_assert_cmpint(f.line, ==, 1);
    comparator_set(f.c, 1200);
    g_assert_cmpint(f.line, ==, 0);
    comparator_set(f.c, UINT64_MAX); /* never */
    run_to_tick(5000);
    g_assert_cmpint(f.line, ==, 0);
    comparator_set(f.c, 0);
    g_assert_cmpint(f.line, ==, 1);
    comparator_set(f.c, 9000);
    f.offset = 5000; /* the counter jumps over it, and back */
    comparator_look(f.c);
    g_assert_cmpint(f.line, ==, 1);
    f.offset = 0;
    comparator_look(f.c);
    g_assert_cmpint(f.line, ==, 0);
    comparator_off(f.c);
    int drives = f.drives;
    run_to_tick(10000);
    comparator_look(f.c);
    g_assert_cmpint(f.drives, ==, drives);
    comparator_free(f.c);
}

static int done;

/* A hart that moves its comparator away just when it is due. */
static void *hart_main(void *opaque)
{
    Fixture *f = opaque;
    for (unsigned n = 0; n < 30000; n++) {
        comparator_set(f->c, now(f) + 1 + n % 8);
        for (unsigned spin = 0; spin < n % 64; spin++) {
            now(f);
        }
        comparator_set(f->c, UINT64_MAX);
        for (unsigned look = 0; look < 16; look++) {
            if (__atomic_load_n(&f->line, __ATOMIC_SEQ_CST)) {
                __atomic_store_n(&f->offset, -1, __ATOMIC_SEQ_CST);
            }
        }
    }
    __atomic_store_n(&done, 1, __ATOMIC_SEQ_CST);
    return NULL;
}

static void test_moved_while_due(void)
{
    Fixture f = { .line = -1 };
    f.c = comparator_new(test_clock(), HZ, &ops, &f);
    clock_virtual_start(test_clock());
    GThread *hart = g_thread_new("hart", hart_main, &f);
    while (!__atomic_load_n(&done, __ATOMIC_SEQ_CST)) {
        clock_run_timers(test_clock());
    }
    g_thread_join(hart);
    clock_virtual_stop(test_clock());
    g_assert_cmpint(f.offset, ==, 0); /* else: high, though the value was far */
    comparator_free(f.c);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    clock_virtual_stop(test_clock());
    g_test_add_func("/comparator/line", test_line);
    g_test_add_func("/comparator/moved-while-due", test_moved_while_due);
    return g_test_run();
}
