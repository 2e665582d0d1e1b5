/* SPDX-License-Identifier: GPL-2.0-or-later */
/* An event loop: a thread, a GLib context, and work handed to it from other threads.
 *
 * Each machine has one, and its host ends (chardevs, networks, drives) are served by it: "the main loop"
 * in comments is the loop of the machine that is meant.  A loop belongs to the thread that made it, or runs it. */
#pragma once
#include <glib.h>
#include <stdbool.h>

#include "base/lock.h"

typedef struct EventLoop EventLoop;

/* context: whose sources it serves; NULL: one of its own. */
EventLoop *event_loop_new(GMainContext *context);
void event_loop_free(EventLoop *loop); /* behind all that was made on it; NULL is fine */
/* Sources of the host are attached here. */
GMainContext *event_loop_context(EventLoop *loop);

/* Run until event_loop_quit(); returns the exit status given there. */
int event_loop_run(EventLoop *loop);
void event_loop_quit(EventLoop *loop, int status); /* any thread */

/* Work to be run once in the loop's thread, soon.  Scheduling again before it ran
 * is one run.  The callback runs under `lock` when one was given.
 * bh_schedule: any thread, any lock; wakes the loop only when it sleeps. */
typedef struct Bh Bh;
Bh *bh_new(EventLoop *loop, Lock *lock, void (*fn)(void *opaque), void *opaque);
void bh_schedule(Bh *bh);
void bh_free(Bh *bh); /* the loop's thread only */

/* Run fn once in the loop's thread, which runs it or will, and wait until it has.  In that thread: at once.  No lock. */
void event_loop_call(EventLoop *loop, void (*fn)(void *opaque), void *opaque);
bool event_loop_is_current(const EventLoop *loop); /* is this its thread? */
/* lock_wait, for code of the loop that waits until vCPUs stand: a vCPU may itself be waiting,
 * inside a device, for a host request to end, and requests end in the loop.  So they go
 * on ending meanwhile, by the functions that the block layer has added (loop's thread only). */
void event_loop_wait(EventLoop *loop, GCond *cond, Lock *lock);
void event_loop_add_wait_poll(EventLoop *loop, void (*poll)(void *opaque), void *opaque);
void event_loop_remove_wait_poll(EventLoop *loop, void (*poll)(void *opaque), void *opaque);
