/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Running, paused, shut down: the state of a machine as a whole, and requests to change it.
 * In the machine's loop only unless said otherwise. */
#pragma once
#include <glib.h>
#include <stdbool.h>

#include "base/props.h"

typedef enum RunState {
    RUN_PRELAUNCH, /* -S: not started yet */
    RUN_RUNNING,
    RUN_PAUSED,         /* `stop` */
    RUN_DEBUG,          /* stopped by the debugger: goes on when it leaves */
    RUN_IO_ERROR,       /* a drive's request failed, and werror= or rerror= say stop */
    RUN_PANICKED,       /* the guest panicked, and -action panic=pause */
    RUN_INTERNAL_ERROR, /* a vCPU cannot go on (KVM): only a reset helps */
    RUN_SHUTDOWN,       /* -no-shutdown: the guest powered off, the process stays */
    RUN_INMIGRATE,      /* the machine waits for a state to begin with */
    RUN_FINISH_MIGRATE, /* its state goes elsewhere (hw/migration.h); it stands for the rest */
    RUN_POSTMIGRATE,    /* it has gone */
} RunState;

typedef struct Machine Machine;
typedef struct RunControl RunControl; /* Machine.run */

RunState runstate_get(const Machine *m);   /* any thread */
extern const char *const runstate_names[]; /* those that QEMU has, ours first, by RunState; ends with NULL */
void runstate_start(Machine *m);           /* `cont`; after RUN_SHUTDOWN the machine is reset first */
void runstate_stop(Machine *m, RunState why); /* returns when all vCPUs stand still */
/* A machine that has not run waits for a state; what `cont` and `stop` say meanwhile counts when it is there. */
void runstate_await_state(Machine *m);
void runstate_state_came(Machine *m);
/* The machine stands while the rest of its state goes elsewhere.  What is asked of it meanwhile (cont, stop, a reset, the
 * debugger's continue) counts when that has failed. */
void runstate_begin_finish(Machine *m);
void runstate_end_finish(Machine *m, bool gone);
bool runstate_is_finishing(const Machine *m);
/* The vCPUs go to the accelerator in reserve (Machine.reserve); they stand meanwhile, which nobody is told of. */
void runstate_hand_over(Machine *m);
void runstate_add_listener(Machine *m, void (*fn)(RunState now, void *opaque), void *opaque);
void runstate_remove_listener(Machine *m, void (*fn)(RunState now, void *opaque), void *opaque);
/* The machine is about to be freed: its vCPUs stand still, and no request is carried out any more. */
void runstate_finish(Machine *m);

/* Requests from guest or user: any thread, any lock; carried out in the machine's loop, soon.  One that ends
 * the machine ends its loop, with the status. */
typedef enum ShutdownCause {
    SHUTDOWN_GUEST_POWEROFF,
    SHUTDOWN_GUEST_RESET,
    SHUTDOWN_GUEST_PANIC,
    SHUTDOWN_HOST_QUIT,
    SHUTDOWN_HOST_RESET,
    SHUTDOWN_HOST_SIGNAL,
} ShutdownCause;
extern const char *const shutdown_reasons[]; /* QEMU's, ours first, by ShutdownCause; ends with NULL */
void runstate_request_shutdown(Machine *m, ShutdownCause cause, int exit_status);
void runstate_request_reset(Machine *m, ShutdownCause cause);
void runstate_request_internal_error(void *machine); /* a vCPU cannot go on */
void runstate_request_panic(
    Machine *m); /* the guest says that it has panicked: what -action says of it follows */
void runstate_request_powerdown(Machine *m); /* press the power button */
/* What is requested happens now, not soon: for commands, whose reply comes behind.  In the machine's loop, and not from
 * inside of a device. */
void runstate_carry_out(Machine *m);

/* What follows when the guest (or `system_reset`) resets the machine, powers it off, or panics: -action, -no-reboot,
 * -no-shutdown, and the command set-action.  Enums by their names below; 0 is what happens unless told. */
typedef struct RunActions {
    int reboot, shutdown, panic;
} RunActions;
enum { REBOOT_RESET, REBOOT_SHUTDOWN };
enum { SHUTDOWN_POWEROFF, SHUTDOWN_PAUSE };
enum { PANIC_SHUTDOWN, PANIC_PAUSE, PANIC_EXIT_FAILURE, PANIC_NONE };
extern const char *const watchdog_actions[];
/* What the option and the command take: those that are given change. */
typedef struct RunActionsChange {
    RunActions to;
    bool has_reboot, has_shutdown, has_panic;
} RunActionsChange;
extern const Shape run_actions_shape;
void run_actions_change(RunActions *actions, const RunActionsChange *change);
RunActions runstate_actions(const Machine *m);
void runstate_set_actions(Machine *m, RunActions actions);

/* For machine_new and machine_free. */
RunControl *run_control_new(Machine *m);
void run_control_free(RunControl *run);
