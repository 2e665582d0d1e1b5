/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The checks of locks: see lock.h.
 *
 * A thread keeps the locks that it holds in an array of its own, so a check looks at two or three
 * entries that no other thread writes. */
#include "base/lock.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/sanitizer.h"

enum { HELD_MAX = 16 };

/* Its address stands for the thread. */
typedef struct Held {
    unsigned count;
    Lock *locks[HELD_MAX]; /* in the order in which they were taken */
} Held;
static __thread Held held;

/* ---- what is wrong ------------------------------------------------------------------------ */

static void print_held(const Lock *but)
{
    for (unsigned i = 0; i < held.count; i++) {
        const Lock *l = held.locks[i];
        if (l != but) {
            fprintf(stderr, "  this thread holds the '%s' lock %p, taken at %s\n",
                    lock_classes[l->class].name, l, l->where);
        }
    }
}

static G_NORETURN void fail(const Lock *l, const char *where, const char *what)
{
    fprintf(stderr, "%s: the '%s' lock %p %s\n", where, lock_classes[l->class].name, l, what);
    print_held(NULL);
    fprintf(stderr, "  docs/locks.md has the order of locks\n");
    abort();
}

static const void *holder_of(const Lock *l)
{
    return __atomic_load_n(&l->holder, __ATOMIC_RELAXED);
}

static void check_order(const Lock *l, const char *where)
{
    if (l->class == LOCK_UNSET) {
        fail(l, where, "is taken, and nobody has made it");
    }
    if (holder_of(l) == &held) {
        fail(l, where, "is taken twice by one thread");
    }
    for (unsigned i = 0; i < held.count; i++) {
        LockClass class = held.locks[i]->class;
        if (class >= l->class) {
            fail(l, where, "is taken too late: it comes before what the thread has");
        }
        if (!lock_classes[class].calls && l->class != LOCK_LOG) {
            fail(l, where, "is taken under a leaf");
        }
    }
}

static void check_held(const Lock *l, const char *where, const char *what)
{
    if (holder_of(l) != &held) {
        fail(l, where, what);
    }
}

/* ---- taking and releasing ----------------------------------------------------------------- */

static void note_taken(Lock *l, const char *where)
{
    sanitizer_acquired(&l->mutex); /* it does not see into GLib's futex */
    __atomic_store_n(&l->holder, &held, __ATOMIC_RELAXED);
    l->where = where;
    if (held.count == HELD_MAX) {
        fail(l, where, "is one more than a thread may hold");
    }
    held.locks[held.count++] = l;
}

static void note_released(Lock *l)
{
    unsigned i = held.count - 1;
    while (held.locks[i] != l) {
        i--;
    }
    for (held.count--; i < held.count; i++) {
        held.locks[i] = held.locks[i + 1];
    }
    __atomic_store_n(&l->holder, NULL, __ATOMIC_RELAXED);
    sanitizer_releases(&l->mutex);
}

void lock_checked_take(Lock *l, const char *where)
{
    check_order(l, where);
    g_mutex_lock(&l->mutex);
    note_taken(l, where);
}

bool lock_checked_try(Lock *l, const char *where)
{
    bool taken = g_mutex_trylock(&l->mutex);
    if (taken) {
        note_taken(l, where);
    }
    return taken;
}

void lock_checked_release(Lock *l)
{
    check_held(l, G_STRFUNC, "is released by a thread that does not hold it");
    note_released(l);
    g_mutex_unlock(&l->mutex);
}

void lock_take_spinning_at(Lock *l, const char *where)
{
    enum { SPINS = 200, PAUSE = 16 };
    for (int i = 0; i < SPINS && !LOCKS_CHECKED; i++) { /* a try would not look at the order */
        if (lock_try_at(l, where)) {
            return;
        }
        for (int k = 0; k < PAUSE; k++) {
            __asm__ volatile("" ::: "memory");
        }
    }
    lock_take_at(l, where);
}

bool lock_checked_wait(GCond *cond, Lock *l, const gint64 *end)
{
    check_held(l, G_STRFUNC, "is to be let go in a wait, and the thread does not hold it");
    if (held.count != 1) {
        fail(l, l->where, "is let go in a wait, and others are not");
    }
    const char *where = l->where;
    note_released(l);
    bool in_time = true;
    if (end) {
        in_time = g_cond_wait_until(cond, &l->mutex, *end);
    } else {
        g_cond_wait(cond, &l->mutex);
    }
    note_taken(l, where);
    return in_time;
}

void lock_checked_assert_held(const Lock *l, const char *where)
{
    check_held(l, where, "is needed here, and the thread does not hold it");
}

void lock_checked_assert_none(const char *where)
{
    if (held.count) {
        fail(held.locks[0], where, "is held by a thread that is about to wait for another");
    }
}

/* ---- life --------------------------------------------------------------------------------- */

void lock_init(Lock *l, LockClass class)
{
    *l = (Lock){ .class = class };
    g_mutex_init(&l->mutex);
}

void lock_finish(Lock *l)
{
    if (LOCKS_CHECKED && holder_of(l)) {
        fail(l, G_STRFUNC,
             holder_of(l) == &held ? "ends while this thread holds it"
                                   : "ends while another thread holds it");
    }
    g_mutex_clear(&l->mutex);
    l->class = LOCK_UNSET;
}
