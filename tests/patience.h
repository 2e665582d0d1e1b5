/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How long a test waits for an event before it calls the event lost.
 *
 * Long on purpose: it tells a hang from a busy host, nothing else, and no test takes it while
 * all is well.  A test never passes or fails by how fast something was. */
#pragma once
#include <glib.h>

#define TEST_PATIENCE_US (60 * G_USEC_PER_SEC)
