/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The run state of a machine: who may ask for a reset, a shutdown or a pause, and what follows.
 *
 * Requests come from any thread under any lock (a guest's write to the finisher, a
 * monitor, a disk that is full), so they only leave a note and wake the machine's
 * loop; the loop carries them out one after the other, a shutdown before a
 * reset.
 *
 * Exit statuses: the finisher's code when the guest gave one, else 0, also for
 * -no-reboot (as QEMU).
 *
 * An end that the user asked for has a deadline (base/ending.h), whatever the guest does.
 *
 * Events: one that a request causes is emitted when it is carried out.  STOP and RESUME are told of what stays; an end
 * is SHUTDOWN alone.
 *
 * Not modelled: suspend and wake-up, watchdogs. */
#include "hw/runstate.h"

#include <stdatomic.h>

#include "accel/accel.h"
#include "base/clock.h"
#include "base/ending.h"
#include "base/event_loop.h"
#include "block/block.h"
#include "hw/board.h"
#include "hw/events.h"
#include "hw/migration.h"

typedef struct Listener {
    void (*fn)(RunState now, void *opaque);
    void *opaque;
} Listener;

enum { NOTHING = -1 };

struct RunControl {
    Bh *bh;
    GArray *listeners; /* of Listener */
    atomic_int state;
    atomic_int shutdown, exit_status; /* cause, or NOTHING */
    atomic_int reset;                 /* cause, or NOTHING */
    atomic_bool powerdown, io_stop, internal_error, panic;
    atomic_bool over; /* nothing is carried out any more */
    RunActions actions;
    bool runs_then; /* when the state that it waits for is there */
    bool finishing; /* runstate_begin_finish; `then` is what it is if that fails */
    RunState then;
};

/* clang-format off */
const char *const runstate_names[] = {
    [RUN_PRELAUNCH] = "prelaunch", [RUN_RUNNING] = "running",   [RUN_PAUSED] = "paused",
    [RUN_DEBUG] = "debug",         [RUN_IO_ERROR] = "io-error", [RUN_PANICKED] = "guest-panicked",
    [RUN_INTERNAL_ERROR] = "internal-error", [RUN_SHUTDOWN] = "shutdown", [RUN_INMIGRATE] = "inmigrate",
    [RUN_FINISH_MIGRATE] = "finish-migrate", [RUN_POSTMIGRATE] = "postmigrate", "restore-vm", "save-vm", "suspended", "watchdog",
    "colo", NULL,
};
const char *const shutdown_reasons[] = {
    [SHUTDOWN_GUEST_POWEROFF] = "guest-shutdown", [SHUTDOWN_GUEST_RESET] = "guest-reset",
    [SHUTDOWN_GUEST_PANIC] = "guest-panic",       [SHUTDOWN_HOST_QUIT] = "host-qmp-quit",
    [SHUTDOWN_HOST_RESET] = "host-qmp-system-reset", [SHUTDOWN_HOST_SIGNAL] = "host-signal",
    "none", "host-error", "host-ui", "subsystem-reset", "snapshot-load", NULL,
};
static const char *const reboot_actions[] = { [REBOOT_RESET] = "reset", [REBOOT_SHUTDOWN] = "shutdown", NULL };
static const char *const shutdown_actions[] = { [SHUTDOWN_POWEROFF] = "poweroff", [SHUTDOWN_PAUSE] = "pause", NULL };
static const char *const panic_actions[] = {
    [PANIC_SHUTDOWN] = "shutdown", [PANIC_PAUSE] = "pause", [PANIC_EXIT_FAILURE] = "exit-failure",
    [PANIC_NONE] = "none", NULL,
};
const char *const watchdog_actions[] = {
    "reset", "shutdown", "poweroff", "pause", "debug", "none", "inject-nmi", NULL,
};
/* clang-format on */

RunState runstate_get(const Machine *m)
{
    return atomic_load(&m->run->state);
}

static void runstate_enter(Machine *m, RunState s)
{
    RunControl *run = m->run;
    if (atomic_exchange(&run->state, s) == (int)s) {
        return;
    }
    for (guint i = 0; i < run->listeners->len; i++) {
        Listener *l = &g_array_index(run->listeners, Listener, i);
        l->fn(s, l->opaque);
    }
}

void runstate_add_listener(Machine *m, void (*fn)(RunState now, void *opaque), void *opaque)
{
    Listener l = { fn, opaque };
    g_array_append_val(m->run->listeners, l);
}

void runstate_remove_listener(Machine *m, void (*fn)(RunState now, void *opaque), void *opaque)
{
    GArray *all = m->run->listeners;
    for (guint i = 0; i < all->len; i++) {
        const Listener *l = &g_array_index(all, Listener, i);
        if (l->fn == fn && l->opaque == opaque) {
            g_array_remove_index(all, i);
            return;
        }
    }
}

static void vcpus_pause(Machine *m)
{
    Accel *a = m->accel;
    if (a) {
        ending_waits_for("the vCPUs to stand still");
        a->class->pause(a);
        ending_waits_for(NULL);
    }
    clock_virtual_stop(m->clock);
}

static void pause_disks(Machine *m)
{
    ending_waits_for("requests of disks to end");
    drives_pause(m->drives);
    ending_waits_for(NULL);
}

static void vcpus_resume(Machine *m)
{
    Accel *a = m->accel;
    drives_resume(m->drives);
    clock_virtual_start(m->clock);
    if (a) {
        a->class->resume(a);
    }
}

void runstate_start(Machine *m)
{
    if (runstate_get(m) == RUN_RUNNING) {
        return;
    }
    if (runstate_get(m) == RUN_INMIGRATE) {
        m->run->runs_then = true;
        return;
    }
    if (m->run->finishing) {
        m->run->then = RUN_RUNNING;
        return;
    }
    if (runstate_get(m) == RUN_SHUTDOWN) {
        machine_reset(m);
    }
    runstate_enter(m, RUN_RUNNING);
    events_emit(m->events, &event_resume, NULL);
    vcpus_resume(m);
}

/* False: it stood still before. */
static bool stand_still(Machine *m, RunState why)
{
    bool ran = runstate_get(m) == RUN_RUNNING;
    if (ran) {
        vcpus_pause(m);
        pause_disks(m);
    }
    runstate_enter(m, why);
    return ran;
}

void runstate_hand_over(Machine *m)
{
    bool runs = runstate_get(m) == RUN_RUNNING;
    if (runs) {
        vcpus_pause(m);
        pause_disks(m); /* threads of disks raise no interrupts meanwhile */
    }
    machine_hand_over(m);
    if (runs) {
        drives_resume(m->drives);
        clock_virtual_start(m->clock);
        m->accel->class->resume(m->accel);
    }
}

void runstate_await_state(Machine *m)
{
    g_assert(runstate_get(m) == RUN_PRELAUNCH);
    runstate_enter(m, RUN_INMIGRATE);
}

void runstate_state_came(Machine *m)
{
    runstate_enter(m, RUN_PAUSED);
    if (m->run->runs_then) {
        runstate_start(m);
    }
}

void runstate_stop(Machine *m, RunState why)
{
    if (runstate_get(m) == RUN_INMIGRATE && why == RUN_PAUSED) {
        m->run->runs_then = false;
        return;
    }
    if (m->run->finishing) {
        m->run->then = why;
        return;
    }
    if (stand_still(m, why)) {
        events_emit(m->events, &event_stop, NULL);
    }
}

void runstate_begin_finish(Machine *m)
{
    m->run->then = runstate_get(m);
    runstate_stop(m, RUN_FINISH_MIGRATE);
    m->run->finishing = true;
}

void runstate_end_finish(Machine *m, bool gone)
{
    RunState then = m->run->then;
    m->run->finishing = false;
    if (gone) {
        runstate_enter(m, RUN_POSTMIGRATE);
    } else if (then == RUN_RUNNING) {
        runstate_start(m);
    } else {
        runstate_enter(m, then);
    }
    bh_schedule(m->run->bh); /* a reset may have been asked for */
}

bool runstate_is_finishing(const Machine *m)
{
    return m->run->finishing;
}

#define AT(field) offsetof(RunActionsChange, field)
static const Prop action_props[] = {
    { "reboot", PROP_ENUM, AT(to.reboot), "when the guest resets", .names = reboot_actions,
      .has = AT(has_reboot) },
    { "shutdown", PROP_ENUM, AT(to.shutdown), "when it powers off", .names = shutdown_actions,
      .has = AT(has_shutdown) },
    { "panic", PROP_ENUM, AT(to.panic), "when it panics (pvpanic)", .names = panic_actions,
      .has = AT(has_panic) },
    { "watchdog", PROP_ENUM, .help = "when a watchdog bites", .names = watchdog_actions,
      .only = "no watchdog is built" },
    { NULL },
};
#undef AT
const Shape run_actions_shape = { "RunActions", sizeof(RunActionsChange), action_props };

void run_actions_change(RunActions *actions, const RunActionsChange *change)
{
    actions->reboot = change->has_reboot ? change->to.reboot : actions->reboot;
    actions->shutdown = change->has_shutdown ? change->to.shutdown : actions->shutdown;
    actions->panic = change->has_panic ? change->to.panic : actions->panic;
}

RunActions runstate_actions(const Machine *m)
{
    return m->run->actions;
}

void runstate_set_actions(Machine *m, RunActions actions)
{
    m->run->actions = actions;
}

/* ---- requests ---- */

static bool is_by_guest(ShutdownCause cause)
{
    return cause == SHUTDOWN_GUEST_POWEROFF || cause == SHUTDOWN_GUEST_RESET || cause == SHUTDOWN_GUEST_PANIC;
}

static void tell_cause(Machine *m, const Event *event, ShutdownCause cause)
{
    events_emit(m->events, event, &(ShutdownEvent){ is_by_guest(cause), (int)cause });
}

/* The machine stops; with -no-shutdown it stays, unless it is the user who wants the end. */
static void do_shutdown(Machine *m, ShutdownCause cause, int exit_status)
{
    bool asked = cause == SHUTDOWN_HOST_QUIT || cause == SHUTDOWN_HOST_SIGNAL;
    tell_cause(m, &event_shutdown, cause);
    if (!asked && runstate_actions(m).shutdown == SHUTDOWN_PAUSE) {
        runstate_stop(m, RUN_SHUTDOWN);
    } else {
        stand_still(m, RUN_SHUTDOWN);
        event_loop_quit(m->loop, exit_status);
    }
}

static void do_reset(Machine *m, ShutdownCause cause)
{
    if (runstate_actions(m).reboot == REBOOT_SHUTDOWN) {
        do_shutdown(m, cause, 0);
        return;
    }
    bool running = runstate_get(m) == RUN_RUNNING;
    if (running) {
        vcpus_pause(m);
        pause_disks(m);
    }
    machine_reset(m);
    if (running) {
        vcpus_resume(m);
    } else if (runstate_get(m) == RUN_SHUTDOWN || runstate_get(m) == RUN_IO_ERROR ||
               runstate_get(m) == RUN_PANICKED || runstate_get(m) == RUN_INTERNAL_ERROR) {
        runstate_enter(m, RUN_PRELAUNCH);
    }
    tell_cause(m, &event_reset, cause);
}

static void do_panic(Machine *m)
{
    static const int told[] = {
        [PANIC_SHUTDOWN] = PANIC_TOLD_POWEROFF,
        [PANIC_PAUSE] = PANIC_TOLD_PAUSE,
        [PANIC_EXIT_FAILURE] = PANIC_TOLD_POWEROFF,
        [PANIC_NONE] = PANIC_TOLD_RUN,
    };
    int action = runstate_actions(m).panic;
    events_emit(m->events, &event_guest_panicked, &(PanicEvent){ told[action] });
    if (action == PANIC_PAUSE) {
        runstate_stop(m, RUN_PANICKED);
    } else if (action != PANIC_NONE) {
        do_shutdown(m, SHUTDOWN_GUEST_PANIC, action == PANIC_EXIT_FAILURE);
    }
}

void runstate_carry_out(Machine *m)
{
    RunControl *run = m->run;
    if (atomic_load(&run->over)) {
        return;
    }
    int shutdown = atomic_exchange(&run->shutdown, NOTHING);
    int reset = run->finishing ? NOTHING : atomic_exchange(&run->reset, NOTHING);
    if (runstate_get(m) == RUN_INMIGRATE && migration_is_active(m->migration)) {
        reset = NOTHING; /* of a machine that another is about to replace, in whose memory that comes */
    }
    if (shutdown != NOTHING) {
        do_shutdown(m, shutdown, atomic_load(&run->exit_status));
    } else if (reset != NOTHING) {
        do_reset(m, reset);
    }
    if (atomic_exchange(&run->panic, false)) {
        do_panic(m);
    }
    if (atomic_exchange(&run->io_stop, false) && runstate_get(m) == RUN_RUNNING &&
        drives_keep_requests(m->drives)) { /* a reset may have dropped them */
        runstate_stop(m, RUN_IO_ERROR);
    }
    if (atomic_exchange(&run->internal_error, false) && runstate_get(m) == RUN_RUNNING) {
        runstate_stop(m, RUN_INTERNAL_ERROR);
    }
    if (atomic_exchange(&run->powerdown, false)) {
        events_emit(m->events, &event_powerdown, NULL);
        irq_raise(&m->powerdown);
        irq_lower(&m->powerdown);
    }
}

/* In the main loop, some time after a request. */
static void carry_out(void *opaque)
{
    runstate_carry_out(opaque);
}

void runstate_request_shutdown(Machine *m, ShutdownCause cause, int exit_status)
{
    RunControl *run = m->run;
    if (!run) { /* a machine of a test, which nobody runs */
        return;
    }
    if (cause == SHUTDOWN_HOST_QUIT) { /* of a signal there is one already */
        ending_deadline("quit", exit_status);
    }
    atomic_store(&run->exit_status, exit_status);
    atomic_store(&run->shutdown, cause);
    bh_schedule(run->bh);
}

void runstate_request_reset(Machine *m, ShutdownCause cause)
{
    if (m->run) {
        atomic_store(&m->run->reset, cause);
        bh_schedule(m->run->bh);
    }
}

void runstate_request_internal_error(void *machine)
{
    Machine *m = machine;
    if (m->run) {
        atomic_store(&m->run->internal_error, true);
        bh_schedule(m->run->bh);
    }
}

void runstate_request_panic(Machine *m)
{
    if (m->run) {
        atomic_store(&m->run->panic, true);
        bh_schedule(m->run->bh);
    }
}

void runstate_request_powerdown(Machine *m)
{
    atomic_store(&m->run->powerdown, true);
    bh_schedule(m->run->bh);
}

/* The block layer keeps a request that failed. */
static void request_io_stop(void *opaque)
{
    RunControl *run = opaque;
    atomic_store(&run->io_stop, true);
    bh_schedule(run->bh);
}

/* ---- life ---- */

RunControl *run_control_new(Machine *m)
{
    RunControl *run = g_new0(RunControl, 1);
    run->listeners = g_array_new(false, false, sizeof(Listener));
    run->bh = bh_new(m->loop, NULL, carry_out, m);
    atomic_init(&run->state, RUN_PRELAUNCH);
    atomic_init(&run->shutdown, NOTHING);
    atomic_init(&run->reset, NOTHING);
    drives_set_stop_hook(m->drives, request_io_stop, run);
    return run;
}

void runstate_finish(Machine *m)
{
    if (runstate_get(m) == RUN_RUNNING) {
        vcpus_pause(m);
        pause_disks(m); /* threads of disks leave the accelerator alone from here on */
        atomic_store(&m->run->state, RUN_SHUTDOWN);
    }
    atomic_store(&m->run->over, true);
}

void run_control_free(RunControl *run)
{
    bh_free(run->bh);
    g_array_unref(run->listeners);
    g_free(run);
}
