/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See comparator.h. */
#include "base/comparator.h"

#include <glib.h>

#include "base/clock.h"

enum { NS_PER_SECOND = 1000000000 };

struct Comparator {
    Clock *clock;
    const ComparatorOps *ops;
    void *opaque;
    uint64_t hz;
    Lock lock; /* what follows */
    Timer *timer;
    bool on;
    uint64_t value;
};

/* Under the lock.  The clock is read behind the counter: the timer never comes too early. */
static void look(Comparator *c)
{
    lock_assert_held(&c->lock);
    uint64_t now = c->on ? c->ops->now(c->opaque) : 0;
    if (c->on) {
        c->ops->drive(c->opaque, now >= c->value);
    }
    if (c->on && now < c->value) {
        unsigned __int128 wait = (unsigned __int128)(c->value - now) * NS_PER_SECOND / c->hz + 1;
        int64_t clock = clock_get_ns(c->clock, CLK_VIRTUAL);
        if (wait <= (unsigned __int128)(INT64_MAX - clock)) { /* else in centuries: never */
            timer_set_deadline(c->timer, clock + (int64_t)wait);
            return;
        }
    }
    timer_cancel(c->timer);
}

static void expired(void *opaque)
{
    look(opaque); /* under the lock, which is the timer's */
}

Comparator *comparator_new(Clock *clock, uint64_t hz, const ComparatorOps *ops, void *opaque)
{
    Comparator *c = g_new0(Comparator, 1);
    c->clock = clock;
    c->ops = ops;
    c->opaque = opaque;
    c->hz = hz;
    lock_init(&c->lock, LOCK_COMPARATOR);
    c->timer = timer_new(clock, CLK_VIRTUAL, &c->lock, expired, c);
    return c;
}

void comparator_free(Comparator *c)
{
    if (!c) {
        return;
    }
    timer_free(c->timer);
    lock_finish(&c->lock);
    g_free(c);
}

void comparator_set(Comparator *c, uint64_t value)
{
    lock_take(&c->lock);
    c->value = value;
    c->on = true;
    look(c);
    lock_release(&c->lock);
}

void comparator_look(Comparator *c)
{
    lock_take(&c->lock);
    look(c);
    lock_release(&c->lock);
}

void comparator_off(Comparator *c)
{
    lock_take(&c->lock);
    c->on = false;
    look(c);
    lock_release(&c->lock);
}
