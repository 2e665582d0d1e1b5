/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The main loop: one thread, a GLib main context, and work handed to it from
 * other threads. */
#pragma once
#include <glib.h>
#include <stdbool.h>

#include "base/lock.h"

/* The context of the main loop; host ends (chardev, netdev, block completions)
 * attach their sources here. */
GMainContext *mainloop_context(void);

/* Run until mainloop_quit(); returns the exit status given there. */
int mainloop_run(void);
void mainloop_quit(int status); /* any thread */

/* Work to be run once in the main loop, soon.  Scheduling again before it ran
 * is one run.  The callback runs under `lock` when one was given.
 * bh_schedule: any thread, any lock; wakes the loop only when it sleeps. */
typedef struct Bh Bh;
Bh *bh_new(Lock *lock, void (*fn)(void *opaque), void *opaque);
void bh_schedule(Bh *bh);
void bh_free(Bh *bh); /* main loop only */

bool mainloop_is_current(void);
/* g_cond_wait, for code of the main loop that waits until vCPUs stand: a vCPU may itself be waiting,
 * inside a device, for a host request to end, and requests end in the main loop.  So they go
 * on ending meanwhile, by the functions that the block layer has added (main loop only). */
void mainloop_wait(GCond *cond, Lock *lock);
void mainloop_add_wait_poll(void (*poll)(void *opaque), void *opaque);
void mainloop_remove_wait_poll(void (*poll)(void *opaque), void *opaque);
