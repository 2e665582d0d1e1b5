/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Locks with ranks: a mutex that knows what it guards and where it stands in the order.
 *
 * Who holds a lock may take only locks of a later class, so no two threads can wait for each
 * other.  A build with checks (the option `checks`, docs/locks.md) aborts, with a message that names
 * both locks and the places where they were taken, when a thread
 *   - takes a lock whose class does not come behind those of all that it holds, or one twice, or
 *     any but the log's under a leaf;
 *   - waits on a condition while it holds any other lock;
 *   - releases what it does not hold, or ends the life of what anybody holds.
 * Without checks a lock is a GMutex and nothing else.
 *
 * To add a lock: choose its class here, or add one, with a row in base/lock_classes.c. */
#pragma once
#include <glib.h>
#include <stdbool.h>

/* In the order in which they may be taken: the place is the rank. */
typedef enum LockClass {
    LOCK_UNSET, /* a lock that nobody made */
    LOCK_KVM_LATE,
    LOCK_BUS,
    LOCK_DEVICE,
    LOCK_IRQ_ROUTER,
    LOCK_IRQ_CHIP,
    LOCK_COMPARATOR,
    LOCK_MEMORY_MAP,
    LOCK_VCPUS,
    LOCK_NBD_SERVER,
    LOCK_OVERLAY,
    LOCK_IMAGE,
    LOCK_FILE_WRITES,
    LOCK_IMAGE_TABLES,
    LOCK_NBD_CLIENT,
    LOCK_TLS,
    LOCK_WATCH,
    LOCK_BLKDEBUG,
    LOCK_BITMAPS,
    LOCK_JOB,
    LOCK_THROTTLE,
    LOCK_KEPT_REQUESTS,
    LOCK_RING,
    LOCK_WORKERS,
    LOCK_ENDED_REQUESTS,
    LOCK_CHARDEV_OUT,
    LOCK_CHARDEV_BEHIND,
    LOCK_TERMINAL,
    LOCK_CONSOLE,
    LOCK_VIEWERS,
    LOCK_INPUT,
    LOCK_CLIPBOARD,
    LOCK_EVENTS,
    LOCK_LISTENERS,
    LOCK_KVM_SLOTS,
    LOCK_CODE,
    LOCK_MAIL,
    LOCK_RETRIES,
    LOCK_READERS,
    LOCK_RAM_BLOCKS,
    LOCK_LOOP_CALL,
    LOCK_LOOP_WORK,
    LOCK_TIMERS,
    LOCK_DESCRIPTORS,
    LOCK_LOG,
    LOCK_CLASSES
} LockClass;

typedef struct LockClassInfo {
    const char *name;
    const char *guards;
    const char *calls; /* what is called while it is held, and may take locks; NULL: it is a leaf */
} LockClassInfo;

extern const LockClassInfo lock_classes[LOCK_CLASSES];

typedef struct Lock {
    GMutex mutex;
    LockClass class;
    const void *holder; /* with checks, atomic: the thread that has it */
    const char *where;  /* with checks: the place where that took it */
} Lock;

/* Of a static lock, or of one that is part of another initializer. */
#define LOCK_INIT(lock_class)                                                                                \
    {                                                                                                        \
        .class = (lock_class)                                                                                \
    }
void lock_init(Lock *l, LockClass class);
void lock_finish(Lock *l);

/* ---- with checks: lock.c --------------------------------------------------------------- */

enum { LOCKS_CHECKED = LYREBIRD_CHECKS };

void lock_checked_take(Lock *l, const char *where);
bool lock_checked_try(Lock *l, const char *where);
void lock_checked_release(Lock *l);
bool lock_checked_wait(GCond *cond, Lock *l, const gint64 *end);
void lock_checked_assert_held(const Lock *l, const char *where);
void lock_checked_assert_none(const char *where);

/* ---- use ------------------------------------------------------------------------------- */

#define lock_take(l) lock_take_at(l, G_STRLOC)
static inline void lock_take_at(Lock *l, const char *where)
{
    if (LOCKS_CHECKED) {
        lock_checked_take(l, where);
    } else {
        g_mutex_lock(&l->mutex);
    }
}

/* Takes it if it is free.  Who does not wait may do so in any order. */
#define lock_try(l) lock_try_at(l, G_STRLOC)
static inline bool lock_try_at(Lock *l, const char *where)
{
    return LOCKS_CHECKED ? lock_checked_try(l, where) : g_mutex_trylock(&l->mutex);
}

static inline void lock_release(Lock *l)
{
    if (LOCKS_CHECKED) {
        lock_checked_release(l);
    } else {
        g_mutex_unlock(&l->mutex);
    }
}

/* For the main loop, which is often woken by who is about to release it: looks for a while before it sleeps. */
#define lock_take_spinning(l) lock_take_spinning_at(l, G_STRLOC)
void lock_take_spinning_at(Lock *l, const char *where);

/* Under the lock alone: let it go until the condition is signalled, as g_cond_wait. */
static inline void lock_wait(GCond *cond, Lock *l)
{
    if (LOCKS_CHECKED) {
        lock_checked_wait(cond, l, NULL);
    } else {
        g_cond_wait(cond, &l->mutex);
    }
}

/* The same, until a time of g_get_monotonic_time; false: it has passed. */
static inline bool lock_wait_until(GCond *cond, Lock *l, gint64 end)
{
    return LOCKS_CHECKED ? lock_checked_wait(cond, l, &end) : g_cond_wait_until(cond, &l->mutex, end);
}

/* For a function that is to be called under the lock: aborts if this thread has not got it. */
#define lock_assert_held(l) lock_assert_held_at(l, G_STRLOC)
static inline void lock_assert_held_at(const Lock *l, const char *where)
{
    if (LOCKS_CHECKED) {
        lock_checked_assert_held(l, where);
    }
}

/* For one that waits for other threads: aborts if this thread has any lock. */
#define lock_assert_none() lock_assert_none_at(G_STRLOC)
static inline void lock_assert_none_at(const char *where)
{
    if (LOCKS_CHECKED) {
        lock_checked_assert_none(where);
    }
}

/* Locks for those whose callers choose whether there is one. */
#define lock_take_any(l) lock_take_any_at(l, G_STRLOC)
static inline void lock_take_any_at(Lock *l, const char *where)
{
    if (l) {
        lock_take_at(l, where);
    }
}
static inline void lock_release_any(Lock *l)
{
    if (l) {
        lock_release(l);
    }
}
