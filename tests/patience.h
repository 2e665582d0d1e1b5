/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How long a test waits for an event before it calls the event lost.
 *
 * Long on purpose: it tells a hang from a busy host, nothing else, and no test takes it while
 * all is well.  A test never passes or fails by how fast something was. */
#pragma once
#include <glib.h>

#include "tests/loop.h"

#define TEST_PATIENCE_US (60 * G_USEC_PER_SEC)

/* Runs the main loop until nothing in it is ready: what was sent has arrived, and what has not
 * been done by now waits for something else. */
static inline void test_settle(void)
{
    gint64 end = g_get_monotonic_time() + TEST_PATIENCE_US;
    while (g_main_context_iteration(event_loop_context(test_loop()), FALSE)) {
        g_assert_cmpint(g_get_monotonic_time(), <, end);
    }
}
