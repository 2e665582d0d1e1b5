/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The timer of a local APIC: one-shot, periodic, and by the TSC.
 * Spec: SDM volume 3, "APIC Timer"; it counts the clock that CPUID leaf 15h tells (target/i386/cpuid.c).
 *
 * Nothing counts: the current count follows from the ns of the virtual clock at which the initial one was loaded.  A timer of the
 * host runs only for an interrupt that will be delivered: not while LVT masks it. */
#include "hw/intc/lapic.h"

#include "base/clock.h"
#include "target/x86_apic.h"

enum { MODE_SHIFT = 17, MODE = 3, MASKED = 1 << 16 };
enum { ONE_SHOT, PERIODIC, TSC_DEADLINE };
enum {
    NS_PER_SECOND = 1000000000,
    LEAST_NS = 20000
}; /* periods that are shorter are that long: no host serves them */

static unsigned mode_of(const Lapic *l)
{
    return l->s.lvt[LVT_TIMER] >> MODE_SHIFT & MODE;
}

static bool is_masked(const Lapic *l)
{
    return l->s.lvt[LVT_TIMER] & MASKED;
}

static uint64_t now_ns(const Lapic *l)
{
    return clock_get_ns(device_clock(&l->dev), CLK_VIRTUAL);
}

static uint64_t hz(const Lapic *l)
{
    return l->cpu ? x86_apic_hz(l->cpu) : NS_PER_SECOND;
}

static unsigned divisor(uint32_t divide)
{
    unsigned code = (divide & 3) | (divide & 8) >> 1;
    return code == 7 ? 1 : 2u << code;
}

/* Counts since `start`. */
static uint64_t elapsed(const Lapic *l, uint64_t now)
{
    uint64_t ns = l->s.start && now > l->s.start ? now - l->s.start : 0;
    return (unsigned __int128)ns * hz(l) / NS_PER_SECOND / divisor(l->s.divide);
}

static uint64_t ns_of(const Lapic *l, uint64_t counts)
{
    unsigned __int128 ns = (unsigned __int128)counts * divisor(l->s.divide) * NS_PER_SECOND;
    return (ns + hz(l) - 1) / hz(l);
}

uint32_t lapic_timer_count(const Lapic *l)
{
    if (!l->s.start || !l->s.initial || mode_of(l) == TSC_DEADLINE) {
        return 0;
    }
    uint64_t e = elapsed(l, now_ns(l));
    if (mode_of(l) == PERIODIC) {
        return l->s.initial - e % l->s.initial;
    }
    return e < l->s.initial ? l->s.initial - e : 0;
}

void lapic_timer_stop(Lapic *l)
{
    l->s.start = 0;
    if (l->cpu) {
        x86_deadline_end(l->cpu, x86_deadline(l->cpu));
    }
    timer_cancel(l->timer);
}

/* ---- when it is due --------------------------------------------------------------------- */

static void wait_until(Lapic *l, uint64_t ns)
{
    if (ns < INT64_MAX) {
        timer_set_deadline(l->timer, (int64_t)ns);
    } else {
        timer_cancel(l->timer);
    }
}

static void look_at_deadline(Lapic *l)
{
    uint64_t deadline = l->cpu ? x86_deadline(l->cpu) : 0;
    if (!deadline) {
        timer_cancel(l->timer);
        return;
    }
    int64_t when = x86_tsc_when(l->cpu, deadline);
    if (when > (int64_t)now_ns(l)) {
        if (is_masked(l)) {
            timer_cancel(l->timer);
        } else {
            wait_until(l, when);
        }
        return;
    }
    timer_cancel(l->timer);
    x86_deadline_end(l->cpu, deadline);
    lapic_local_interrupt(l, LVT_TIMER);
}

/* start is moved to the period that runs, so that each end is seen once. */
static void look_at_periods(Lapic *l, uint64_t now)
{
    uint64_t periods = elapsed(l, now) / l->s.initial;
    if (periods) {
        l->s.start += ns_of(l, periods * l->s.initial);
        l->s.start = MIN(l->s.start, now);
        lapic_local_interrupt(l, LVT_TIMER);
    }
    wait_until(l, MAX(l->s.start + ns_of(l, l->s.initial), now + LEAST_NS));
}

static void look_at_count(Lapic *l, uint64_t now)
{
    if (elapsed(l, now) < l->s.initial) {
        wait_until(l, l->s.start + ns_of(l, l->s.initial));
        return;
    }
    l->s.start = 0;
    timer_cancel(l->timer);
    lapic_local_interrupt(l, LVT_TIMER);
}

void lapic_timer_look(Lapic *l)
{
    if (mode_of(l) == TSC_DEADLINE) {
        look_at_deadline(l);
    } else if (!l->s.start || !l->s.initial || is_masked(l)) {
        timer_cancel(l->timer);
    } else if (mode_of(l) == PERIODIC) {
        look_at_periods(l, now_ns(l));
    } else {
        look_at_count(l, now_ns(l));
    }
}

/* In the other modes IA32_TSC_DEADLINE reads 0, and what is written to it is lost (SDM 3, "TSC-Deadline Mode").  One that is
 * loaded stays: the mode may be loaded behind it. */
void lapic_timer_deadline_written(Lapic *l)
{
    if (l->cpu && mode_of(l) != TSC_DEADLINE) {
        x86_deadline_end(l->cpu, x86_deadline(l->cpu));
    }
    lapic_timer_look(l);
}

/* One that has passed is told of when time goes on: an interrupt that is put here now would be lost where this device is loaded
 * behind the CPU, and its deadline is gone already. */
void lapic_timer_deadline_loaded(Lapic *l)
{
    uint64_t deadline = x86_deadline(l->cpu);
    if (mode_of(l) == TSC_DEADLINE && deadline) {
        wait_until(l, MAX((uint64_t)x86_tsc_when(l->cpu, deadline), now_ns(l)));
    } else {
        lapic_timer_look(l);
    }
}

/* Under the lock, which is the timer's. */
void lapic_timer_fired(void *opaque)
{
    lapic_timer_look(opaque);
}

/* ---- registers ------------------------------------------------------------------------------ */

void lapic_timer_set_initial(Lapic *l, uint32_t initial)
{
    if (mode_of(l) == TSC_DEADLINE) {
        return;
    }
    l->s.initial = initial;
    l->s.start = initial ? MAX(now_ns(l), 1) : 0;
    lapic_timer_look(l);
}

/* What is left of the count goes on at the new rate. */
void lapic_timer_set_divide(Lapic *l, uint32_t divide)
{
    uint64_t gone = l->s.initial - lapic_timer_count(l), now = now_ns(l);
    l->s.divide = divide;
    if (l->s.start) {
        uint64_t back = ns_of(l, gone);
        l->s.start = now > back ? now - back : 1;
    }
    lapic_timer_look(l);
}

/* What ended while it was masked is not told of any more. */
static void forget_ended(Lapic *l)
{
    uint64_t now = now_ns(l), e = elapsed(l, now);
    if (!l->s.start || !l->s.initial || e < l->s.initial) {
        return;
    }
    l->s.start =
        mode_of(l) == PERIODIC ? MIN(l->s.start + ns_of(l, e / l->s.initial * l->s.initial), now) : 0;
}

/* A change to or from the TSC stops it.  What is due until now is of the old mode, vector and mask. */
void lapic_timer_set_lvt(Lapic *l, uint32_t lvt)
{
    lapic_timer_look(l);
    if (is_masked(l)) {
        forget_ended(l);
    }
    bool was_tsc = mode_of(l) == TSC_DEADLINE;
    l->s.lvt[LVT_TIMER] = lvt;
    if (was_tsc != (mode_of(l) == TSC_DEADLINE)) {
        lapic_timer_stop(l);
    }
    lapic_timer_look(l);
}
