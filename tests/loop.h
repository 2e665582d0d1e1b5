/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The loop and the clock of a test: of its main thread and GLib's default context, for good. */
#pragma once
#include "base/clock.h"
#include "base/event_loop.h"

/* Weak: the same in all files of a test. */
__attribute__((weak)) EventLoop *test_the_loop;
__attribute__((weak)) Clock *test_the_clock;

static inline EventLoop *test_loop(void)
{
    if (!test_the_loop) { /* threads may ask, when it is there */
        test_the_loop = event_loop_new(g_main_context_default());
    }
    return test_the_loop;
}

static inline Clock *test_clock(void)
{
    if (!test_the_clock) {
        test_the_clock = clock_new(test_loop());
    }
    return test_the_clock;
}
