/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Signals that end the process (SIGTERM, SIGINT, SIGHUP): "terminating on signal 15 from
 * pid N (comm)" on standard error, then the machine's end is asked for. */
#pragma once
#include "base/event_loop.h"

/* program: the name that starts the message.  end: called in the loop's thread when a signal has come, from
 * signals_loop_begins on. */
void signals_catch(const char *program, EventLoop *loop, void (*end)(void *opaque), void *opaque);
/* From here on the main loop runs: until then such a signal ends the process at once. */
void signals_loop_begins(void);
