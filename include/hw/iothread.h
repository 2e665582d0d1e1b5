/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A thread with an event loop, for devices that are not to wait for the main loop: what -object iothread makes.
 *
 * The loop serves what was made on it (doorbells, completions of disk requests) under the locks that were given with it, as the main
 * loop does.  Whoever has made something on it frees it there (event_loop_call).  The machine's clock is the main loop's. */
#pragma once
#include <glib.h>

#include "base/event_loop.h"

typedef struct IoThread IoThread;

/* name: of its thread, after "IO ".  It runs when this returns; NULL: the host lets us have none. */
IoThread *iothread_new(const char *name, GError **err) G_GNUC_WARN_UNUSED_RESULT;
void iothread_free(IoThread *t); /* main loop, no lock, nothing is on it any more; NULL is fine */
EventLoop *iothread_loop(const IoThread *t);
int iothread_id(const IoThread *t); /* the host's number of the thread */
