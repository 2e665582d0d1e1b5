/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Clocks, and timers on them.
 *
 * All pending timers of a clock stand in one list, earliest first (a machine has
 * a few dozen).  One timerfd is armed for the earliest deadline of all: setting a
 * deadline never wakes the main loop by itself, and costs a system call only
 * when it comes before what the timerfd is armed for; one that was cancelled
 * leaves a single early wake-up.
 *
 * Not modelled: steps of the host's wall clock while a CLK_HOST timer sleeps
 * (it is looked at again when the time it was armed for has passed). */
#include "base/clock.h"

#include <stdlib.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>
#include <glib-unix.h>

#include "base/mainloop.h"

struct Timer {
    ClockKind kind;
    Lock *lock;
    TimerFn *fn;
    void *opaque;
    int64_t deadline;   /* atomic; -1: not pending */
    bool due;           /* taken from the list, callback not yet called */
    struct Timer *next; /* in the list of its clock */
};

static Lock timer_lock = LOCK_INIT(LOCK_TIMERS); /* leaf; all below */
static Timer *pending[CLK_KINDS];
static int64_t armed = INT64_MAX; /* CLOCK_MONOTONIC ns the timerfd is set to */
static int timer_fd = -1;

static bool virtual_running = true; /* atomic */
static int64_t virtual_offset;      /* atomic: virtual = realtime + offset while running */
static int64_t virtual_frozen;      /* atomic: while stopped */

static int64_t read_ns(clockid_t id)
{
    struct timespec ts;
    clock_gettime(id, &ts);
    return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

int64_t clock_get_ns(ClockKind kind)
{
    if (kind == CLK_HOST) {
        return read_ns(CLOCK_REALTIME);
    }
    int64_t now = read_ns(CLOCK_MONOTONIC);
    if (kind == CLK_REALTIME) {
        return now;
    }
    if (__atomic_load_n(&virtual_running, __ATOMIC_ACQUIRE)) {
        return now + __atomic_load_n(&virtual_offset, __ATOMIC_RELAXED);
    }
    return __atomic_load_n(&virtual_frozen, __ATOMIC_RELAXED);
}

__attribute__((constructor)) static void virtual_begin(void)
{
    virtual_offset = -read_ns(CLOCK_MONOTONIC); /* the machine's time starts at 0 */
}

bool clock_virtual_runs(void)
{
    return __atomic_load_n(&virtual_running, __ATOMIC_ACQUIRE);
}

static bool clock_runs(ClockKind kind)
{
    return kind != CLK_VIRTUAL || clock_virtual_runs();
}

/* ---- the timerfd --------------------------------------------------------- */

/* When the earliest timer is due, on CLOCK_MONOTONIC. */
static int64_t earliest_monotonic(void)
{
    int64_t least = INT64_MAX, now = read_ns(CLOCK_MONOTONIC);
    for (int k = 0; k < CLK_KINDS; k++) {
        if (!pending[k] || !clock_runs(k)) {
            continue;
        }
        int64_t wait = pending[k]->deadline - clock_get_ns(k); /* both >= 0: no overflow */
        if (wait < INT64_MAX - now) {
            least = MIN(least, now + MAX(wait, 0));
        }
    }
    return least;
}

static void arm_locked(void)
{
    int64_t at = earliest_monotonic();
    if (timer_fd < 0 || at >= armed) {
        return;
    }
    at = MAX(at, 1);
    struct itimerspec its = { .it_value = { .tv_sec = at / 1000000000, .tv_nsec = at % 1000000000 } };
    timerfd_settime(timer_fd, TFD_TIMER_ABSTIME, &its, NULL);
    armed = at;
}

static Timer *take_due(bool stopped_too)
{
    lock_take(&timer_lock);
    for (int k = 0; k < CLK_KINDS; k++) {
        Timer *t = stopped_too || clock_runs(k) ? pending[k] : NULL;
        if (t && t->deadline <= clock_get_ns(k)) {
            pending[k] = t->next;
            __atomic_store_n(&t->deadline, -1, __ATOMIC_RELAXED);
            t->due = true;
            lock_release(&timer_lock);
            return t;
        }
    }
    lock_release(&timer_lock);
    return NULL;
}

/* The device's lock comes first: whoever cancelled or moved the timer under it
 * is heard. */
static void timer_fire(Timer *t)
{
    Lock *lock = t->lock;
    if (lock) {
        lock_take(lock);
    }
    lock_take(&timer_lock);
    bool due = t->due;
    t->due = false;
    lock_release(&timer_lock);
    if (due) {
        t->fn(t->opaque);
    }
    if (lock) {
        lock_release(lock);
    }
}

static void run_due(bool stopped_too)
{
    enum { ROUND_MAX = 1000 }; /* a timer that sets itself into the past must not starve the loop */
    Timer *t;
    for (int i = 0; i < ROUND_MAX && (t = take_due(stopped_too)); i++) {
        timer_fire(t);
    }
}

void clock_run_timers(void)
{
    run_due(true);
}

static gboolean timer_fd_ready(gint fd, GIOCondition cond, gpointer unused)
{
    uint64_t count;
    if (read(fd, &count, sizeof(count)) < 0) {
        return G_SOURCE_CONTINUE;
    }
    lock_take(&timer_lock);
    armed = INT64_MAX;
    lock_release(&timer_lock);
    run_due(false);
    lock_take(&timer_lock);
    arm_locked();
    lock_release(&timer_lock);
    return G_SOURCE_CONTINUE;
}

static void timer_fd_open(void)
{
    static gsize once;
    if (g_once_init_enter(&once)) {
        timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
        if (timer_fd < 0) {
            g_error("clock: timerfd_create: %m");
        }
        GSource *s = g_unix_fd_source_new(timer_fd, G_IO_IN);
        g_source_set_callback(s, G_SOURCE_FUNC(timer_fd_ready), NULL, NULL);
        g_source_set_priority(s, G_PRIORITY_HIGH);
        g_source_set_can_recurse(s, TRUE); /* else GLib writes its eventfd after each dispatch */
        g_source_attach(s, mainloop_context());
        g_source_unref(s);
        g_once_init_leave(&once, 1);
    }
}

/* ---- timers -------------------------------------------------------------- */

Timer *timer_new(ClockKind kind, Lock *lock, TimerFn *fn, void *opaque)
{
    timer_fd_open();
    Timer *t = g_new0(Timer, 1);
    *t = (Timer){ .kind = kind, .lock = lock, .fn = fn, .opaque = opaque, .deadline = -1 };
    return t;
}

static void unlink_locked(Timer *t)
{
    t->due = false;
    if (t->deadline < 0) {
        return;
    }
    for (Timer **p = &pending[t->kind]; *p; p = &(*p)->next) {
        if (*p == t) {
            *p = t->next;
            break;
        }
    }
    __atomic_store_n(&t->deadline, -1, __ATOMIC_RELAXED);
}

void timer_set_deadline(Timer *t, int64_t deadline_ns)
{
    lock_take(&timer_lock);
    unlink_locked(t);
    __atomic_store_n(&t->deadline, MAX(deadline_ns, 0), __ATOMIC_RELAXED);
    Timer **p = &pending[t->kind];
    while (*p && (*p)->deadline <= t->deadline) {
        p = &(*p)->next;
    }
    t->next = *p;
    *p = t;
    if (pending[t->kind] == t) {
        arm_locked();
    }
    lock_release(&timer_lock);
}

void timer_cancel(Timer *t)
{
    lock_take(&timer_lock);
    unlink_locked(t);
    lock_release(&timer_lock);
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

void clock_virtual_stop(void)
{
    if (virtual_running) {
        __atomic_store_n(&virtual_frozen, clock_get_ns(CLK_VIRTUAL), __ATOMIC_RELAXED);
        __atomic_store_n(&virtual_running, false, __ATOMIC_RELEASE);
    }
}

void clock_virtual_start(void)
{
    if (!virtual_running) {
        __atomic_store_n(&virtual_offset, virtual_frozen - read_ns(CLOCK_MONOTONIC), __ATOMIC_RELAXED);
        __atomic_store_n(&virtual_running, true, __ATOMIC_RELEASE);
        lock_take(&timer_lock);
        arm_locked();
        lock_release(&timer_lock);
    }
}

void clock_virtual_set_ns(int64_t ns)
{
    g_assert(!virtual_running);
    __atomic_store_n(&virtual_frozen, ns, __ATOMIC_RELAXED);
}
