/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Clocks, timers, and work handed to the main loop. */
#include "base/clock.h"
#include "tests/loop.h"

static GString *trace;

static void note(void *opaque)
{
    g_string_append(trace, opaque);
}

static void test_order(void)
{
    trace = g_string_new(NULL);
    clock_virtual_stop(test_clock());
    clock_virtual_set_ns(test_clock(), 1000);
    Timer *a = timer_new(test_clock(), CLK_VIRTUAL, NULL, note, "a"),
          *b = timer_new(test_clock(), CLK_VIRTUAL, NULL, note, "b");
    Timer *c = timer_new(test_clock(), CLK_VIRTUAL, NULL, note, "c");
    timer_set_deadline(a, 3000);
    timer_set_deadline(b, 2000);
    timer_set_deadline(c, 2500);
    clock_run_timers(test_clock());
    g_assert_cmpstr(trace->str, ==, "");
    clock_virtual_set_ns(test_clock(), 2999);
    timer_cancel(c);
    g_assert_cmpint(timer_deadline(c), ==, -1);
    clock_run_timers(test_clock());
    g_assert_cmpstr(trace->str, ==, "b");
    clock_virtual_set_ns(test_clock(), 3000);
    clock_run_timers(test_clock());
    clock_run_timers(test_clock());
    g_assert_cmpstr(trace->str, ==, "ba");
    timer_set_deadline(a, 1);
    timer_free(a);
    clock_run_timers(test_clock());
    g_assert_cmpstr(trace->str, ==, "ba");
    timer_free(b);
    timer_free(c);
    clock_virtual_start(test_clock());
    g_string_free(trace, TRUE);
}

static void test_stop(void)
{
    clock_virtual_stop(test_clock());
    int64_t at = clock_get_ns(test_clock(), CLK_VIRTUAL), stopped = clock_get_ns(test_clock(), CLK_REALTIME);
    while (clock_get_ns(test_clock(), CLK_REALTIME) < stopped + 1000000) {
    }
    g_assert_cmpint(clock_get_ns(test_clock(), CLK_VIRTUAL), ==, at);
    int64_t started = clock_get_ns(test_clock(), CLK_REALTIME);
    clock_virtual_start(test_clock());
    int64_t now = clock_get_ns(test_clock(), CLK_VIRTUAL);
    g_assert_cmpint(now, >=, at);
    g_assert_cmpint(now, <=,
                    at + (clock_get_ns(test_clock(), CLK_REALTIME) - started)); /* no more than has passed */
    g_assert_cmpint(clock_get_ns(test_clock(), CLK_HOST), >, INT64_C(1600000000) * 1000000000);
}

static void quit_with(void *opaque)
{
    event_loop_quit(test_loop(), GPOINTER_TO_INT(opaque));
}

static void test_fires(void)
{
    static const ClockKind kinds[] = { CLK_VIRTUAL, CLK_HOST, CLK_REALTIME };
    for (unsigned i = 0; i < G_N_ELEMENTS(kinds); i++) {
        Timer *t = timer_new(test_clock(), kinds[i], NULL, quit_with, GINT_TO_POINTER(3));
        int64_t due = clock_get_ns(test_clock(), kinds[i]) + 1500000;
        timer_set_deadline(t, clock_get_ns(test_clock(), kinds[i]) + INT64_C(3600) * 1000000000);
        timer_set_deadline(t, due);
        g_assert_cmpint(event_loop_run(test_loop()), ==, 3);
        g_assert_cmpint(clock_get_ns(test_clock(), kinds[i]), >=, due);
        timer_free(t);
    }
}

static Lock device_lock = LOCK_INIT(LOCK_DEVICE);
static void locked_work(void *opaque)
{
    g_assert_false(lock_try(&device_lock));
    (*(unsigned *)opaque)++;
}

static gpointer elsewhere(gpointer opaque)
{
    g_assert_false(event_loop_is_current(test_loop()));
    Bh **bh = opaque;
    bh_schedule(*bh);
    bh_schedule(*bh);
    event_loop_quit(test_loop(), 0);
    return NULL;
}

static void test_work(void)
{
    unsigned runs = 0;
    trace = g_string_new(NULL);
    Bh *bh = bh_new(test_loop(), &device_lock, locked_work, &runs);
    Bh *never = bh_new(test_loop(), NULL, note, "never");
    bh_schedule(never);
    bh_free(never);
    g_assert_true(event_loop_is_current(test_loop()));
    GThread *t = g_thread_new("elsewhere", elsewhere, &bh);
    event_loop_run(test_loop());
    g_thread_join(t);
    while (g_main_context_iteration(event_loop_context(test_loop()), FALSE)) {
    }
    g_assert_cmpuint(runs, >=, 1);
    g_assert_cmpuint(runs, <=, 2);
    g_assert_cmpstr(trace->str, ==, "");
    bh_free(bh);
    g_string_free(trace, TRUE);
}

static gpointer hammer(gpointer opaque)
{
    for (unsigned i = 0; i < 20000; i++) {
        bh_schedule(opaque);
    }
    return NULL;
}

/* No wake-up is lost: after the last schedule the work runs. */
static bool flag;
static void take_flag(void *opaque)
{
    if (__atomic_load_n(&flag, __ATOMIC_SEQ_CST)) {
        event_loop_quit(test_loop(), 0);
    }
}
static gpointer raise_flag(gpointer opaque)
{
    hammer(opaque);
    __atomic_store_n(&flag, true, __ATOMIC_SEQ_CST);
    bh_schedule(opaque);
    return NULL;
}

static void test_wake(void)
{
    for (unsigned i = 0; i < 5; i++) {
        flag = false;
        Bh *bh = bh_new(test_loop(), NULL, take_flag, NULL);
        GThread *t = g_thread_new("hammer", raise_flag, bh);
        event_loop_run(test_loop());
        g_thread_join(t);
        bh_free(bh);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/clock/order", test_order);
    g_test_add_func("/clock/stop", test_stop);
    g_test_add_func("/clock/fires", test_fires);
    g_test_add_func("/mainloop/work", test_work);
    g_test_add_func("/mainloop/wake", test_wake);
    return g_test_run();
}
