/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Clocks, and timers on them.
 *
 * All c->pending timers of a clock stand in one list, earliest first (a machine has
 * a few dozen).  One timerfd is c->armed for the earliest deadline of all: setting a
 * deadline never wakes the main loop by itself, and costs a system call only
 * when it comes before what the timerfd is c->armed for; one that was cancelled
 * leaves a single early wake-up.
 *
 * Not modelled: steps of the host's wall clock while a CLK_HOST timer sleeps
 * (it is looked at again when the time it was c->armed for has passed). */
#include "base/clock.h"

#include <stdlib.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>
#include <glib-unix.h>

#include "base/event_loop.h"

struct Timer {
    Clock *clock;
    ClockKind kind;
    Lock *lock;
    TimerFn *fn;
    void *opaque;
    int64_t deadline;   /* atomic; -1: not c->pending */
    bool due;           /* taken from the list, callback not yet called */
    struct Timer *next; /* in the list of its clock */
};

struct Clock {
    Lock lock; /* what follows, but for the virtual clock */
    Timer *pending[CLK_KINDS];
    int64_t armed; /* CLOCK_MONOTONIC ns the timerfd is set to */
    int timer_fd;
    GSource *source; /* of timer_fd, in the loop */

    bool virtual_running;   /* atomic */
    int64_t virtual_offset; /* atomic: virtual = realtime + offset while running */
    int64_t virtual_frozen; /* atomic: while stopped */
};

static int64_t read_ns(clockid_t id)
{
    struct timespec ts;
    clock_gettime(id, &ts);
    return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

int64_t clock_get_ns(const Clock *c, ClockKind kind)
{
    if (kind == CLK_HOST) {
        return read_ns(CLOCK_REALTIME);
    }
    int64_t now = read_ns(CLOCK_MONOTONIC);
    if (kind == CLK_REALTIME) {
        return now;
    }
    if (__atomic_load_n(&c->virtual_running, __ATOMIC_ACQUIRE)) {
        return now + __atomic_load_n(&c->virtual_offset, __ATOMIC_RELAXED);
    }
    return __atomic_load_n(&c->virtual_frozen, __ATOMIC_RELAXED);
}

bool clock_virtual_runs(const Clock *c)
{
    return __atomic_load_n(&c->virtual_running, __ATOMIC_ACQUIRE);
}

static bool clock_runs(const Clock *c, ClockKind kind)
{
    return kind != CLK_VIRTUAL || clock_virtual_runs(c);
}

/* ---- the timerfd --------------------------------------------------------- */

/* When the earliest timer is due, on CLOCK_MONOTONIC. */
static int64_t earliest_monotonic(const Clock *c)
{
    int64_t least = INT64_MAX, now = read_ns(CLOCK_MONOTONIC);
    for (int k = 0; k < CLK_KINDS; k++) {
        if (!c->pending[k] || !clock_runs(c, k)) {
            continue;
        }
        int64_t wait = c->pending[k]->deadline - clock_get_ns(c, k); /* both >= 0: no overflow */
        if (wait < INT64_MAX - now) {
            least = MIN(least, now + MAX(wait, 0));
        }
    }
    return least;
}

static void arm_locked(Clock *c)
{
    int64_t at = earliest_monotonic(c);
    if (c->timer_fd < 0 || at >= c->armed) {
        return;
    }
    at = MAX(at, 1);
    struct itimerspec its = { .it_value = { .tv_sec = at / 1000000000, .tv_nsec = at % 1000000000 } };
    timerfd_settime(c->timer_fd, TFD_TIMER_ABSTIME, &its, NULL);
    c->armed = at;
}

static Timer *take_due(Clock *c, bool stopped_too)
{
    lock_take(&c->lock);
    for (int k = 0; k < CLK_KINDS; k++) {
        Timer *t = stopped_too || clock_runs(c, k) ? c->pending[k] : NULL;
        if (t && t->deadline <= clock_get_ns(c, k)) {
            c->pending[k] = t->next;
            __atomic_store_n(&t->deadline, -1, __ATOMIC_RELAXED);
            t->due = true;
            lock_release(&c->lock);
            return t;
        }
    }
    lock_release(&c->lock);
    return NULL;
}

/* The device's lock comes first: whoever cancelled or moved the timer under it
 * is heard. */
static void timer_fire(Timer *t)
{
    Clock *c = t->clock;
    Lock *lock = t->lock;
    lock_take_any(lock);
    lock_take(&c->lock);
    bool due = t->due;
    t->due = false;
    lock_release(&c->lock);
    if (due) {
        t->fn(t->opaque);
    }
    lock_release_any(lock);
}

static void run_due(Clock *c, bool stopped_too)
{
    enum { ROUND_MAX = 1000 }; /* a timer that sets itself into the past must not starve the loop */
    Timer *t;
    for (int i = 0; i < ROUND_MAX && (t = take_due(c, stopped_too)); i++) {
        timer_fire(t);
    }
}

void clock_run_timers(Clock *c)
{
    run_due(c, true);
}

static gboolean timer_fd_ready(gint fd, GIOCondition cond, gpointer clock)
{
    Clock *c = clock;
    uint64_t count;
    if (read(fd, &count, sizeof(count)) < 0) {
        return G_SOURCE_CONTINUE;
    }
    lock_take(&c->lock);
    c->armed = INT64_MAX;
    lock_release(&c->lock);
    run_due(c, false);
    lock_take(&c->lock);
    arm_locked(c);
    lock_release(&c->lock);
    return G_SOURCE_CONTINUE;
}

Clock *clock_new(EventLoop *loop)
{
    Clock *c = g_new0(Clock, 1);
    lock_init(&c->lock, LOCK_TIMERS);
    c->armed = INT64_MAX;
    c->virtual_running = true;
    c->virtual_offset = -read_ns(CLOCK_MONOTONIC); /* the machine's time starts at 0 */
    c->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
    if (c->timer_fd < 0) {
        g_error("clock: timerfd_create: %m");
    }
    c->source = g_unix_fd_source_new(c->timer_fd, G_IO_IN);
    g_source_set_callback(c->source, G_SOURCE_FUNC(timer_fd_ready), c, NULL);
    g_source_set_priority(c->source, G_PRIORITY_HIGH);
    g_source_set_can_recurse(c->source, TRUE); /* else GLib writes its eventfd after each dispatch */
    g_source_attach(c->source, event_loop_context(loop));
    return c;
}

void clock_free(Clock *c)
{
    if (c) {
        g_source_destroy(c->source);
        g_source_unref(c->source);
        close(c->timer_fd);
        lock_finish(&c->lock);
        g_free(c);
    }
}

/* ---- timers -------------------------------------------------------------- */

Timer *timer_new(Clock *c, ClockKind kind, Lock *lock, TimerFn *fn, void *opaque)
{
    Timer *t = g_new0(Timer, 1);
    *t = (Timer){ .clock = c, .kind = kind, .lock = lock, .fn = fn, .opaque = opaque, .deadline = -1 };
    return t;
}

static void unlink_locked(Timer *t)
{
    Clock *c = t->clock;
    t->due = false;
    if (t->deadline < 0) {
        return;
    }
    for (Timer **p = &c->pending[t->kind]; *p; p = &(*p)->next) {
        if (*p == t) {
            *p = t->next;
            break;
        }
    }
    __atomic_store_n(&t->deadline, -1, __ATOMIC_RELAXED);
}

void timer_set_deadline(Timer *t, int64_t deadline_ns)
{
    Clock *c = t->clock;
    lock_take(&c->lock);
    unlink_locked(t);
    __atomic_store_n(&t->deadline, MAX(deadline_ns, 0), __ATOMIC_RELAXED);
    Timer **p = &c->pending[t->kind];
    while (*p && (*p)->deadline <= t->deadline) {
        p = &(*p)->next;
    }
    t->next = *p;
    *p = t;
    if (c->pending[t->kind] == t) {
        arm_locked(c);
    }
    lock_release(&c->lock);
}

void timer_cancel(Timer *t)
{
    Clock *c = t->clock;
    lock_take(&c->lock);
    unlink_locked(t);
    lock_release(&c->lock);
}

void timer_free(Timer *t)
{
    if (t) {
        timer_cancel(t);
        g_free(t);
    }
}

int64_t timer_deadline(const Timer *t)
{
    return __atomic_load_n(&t->deadline, __ATOMIC_RELAXED);
}

/* ---- the virtual clock --------------------------------------------------- */

void clock_virtual_stop(Clock *c)
{
    if (c->virtual_running) {
        __atomic_store_n(&c->virtual_frozen, clock_get_ns(c, CLK_VIRTUAL), __ATOMIC_RELAXED);
        __atomic_store_n(&c->virtual_running, false, __ATOMIC_RELEASE);
    }
}

void clock_virtual_start(Clock *c)
{
    if (!c->virtual_running) {
        __atomic_store_n(&c->virtual_offset, c->virtual_frozen - read_ns(CLOCK_MONOTONIC), __ATOMIC_RELAXED);
        __atomic_store_n(&c->virtual_running, true, __ATOMIC_RELEASE);
        lock_take(&c->lock);
        arm_locked(c);
        lock_release(&c->lock);
    }
}

void clock_virtual_set_ns(Clock *c, int64_t ns)
{
    g_assert(!c->virtual_running);
    __atomic_store_n(&c->virtual_frozen, ns, __ATOMIC_RELAXED);
}
