/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Clocks and timers: the one door through which time enters the machine.
 *
 * Each machine has one Clock, whose timers fire in the machine's loop.
 *
 * CLK_VIRTUAL runs while the machine runs (it stops with `stop`);
 * CLK_HOST is the wall clock (seconds since 1970, in ns); CLK_REALTIME is
 * monotonic and never stops.  All values are nanoseconds. */
#pragma once
#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/lock.h"

typedef enum ClockKind { CLK_VIRTUAL, CLK_HOST, CLK_REALTIME, CLK_KINDS } ClockKind;

typedef struct Clock Clock;
typedef struct EventLoop EventLoop;
Clock *clock_new(EventLoop *loop); /* runs, from 0 on */
void clock_free(Clock *c);         /* behind its timers; NULL is fine */

/* The clock may be NULL but for CLK_VIRTUAL: those are the host's. */
int64_t clock_get_ns(const Clock *c, ClockKind kind);

/* The virtual clock stops and goes on.  Main loop only. */
void clock_virtual_stop(Clock *c);
void clock_virtual_start(Clock *c);
bool clock_virtual_runs(const Clock *c); /* any thread */
/* Set the stopped virtual clock (a machine's state is loaded; tests). */
void clock_virtual_set_ns(Clock *c, int64_t ns);
/* Run the timers that are due now, those of a stopped virtual clock too (tests,
 * qtest).  The main loop does this by itself. */
void clock_run_timers(Clock *c);

/* A deadline on a clock.  Its callback runs in the main loop thread, under
 * `lock` when one was given (a device's own lock).
 * timer_set_deadline may be called from any thread, under any lock; it wakes the main
 * loop only when the new deadline comes before what the loop already sleeps
 * until. */
typedef struct Timer Timer;
typedef void TimerFn(void *opaque);

Timer *timer_new(Clock *c, ClockKind kind, Lock *lock, TimerFn *fn, void *opaque);
void timer_free(Timer *t);                              /* waits for a running callback; main loop only */
void timer_set_deadline(Timer *t, int64_t deadline_ns); /* replaces an earlier deadline */
void timer_cancel(Timer *t);
int64_t timer_deadline(const Timer *t); /* -1 when not pending */
