/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Running, paused, shut down: the state of the machine as a whole.
 * Main loop only unless said otherwise. */
#pragma once
#include <glib.h>
#include <stdbool.h>

typedef enum RunState {
    RUN_PRELAUNCH, /* -S: not started yet */
    RUN_RUNNING,
    RUN_PAUSED,   /* `stop` */
    RUN_DEBUG,    /* stopped by the debugger: goes on when it leaves */
    RUN_IO_ERROR, /* a drive's request failed, and werror= or rerror= say stop */
    RUN_SHUTDOWN, /* -no-shutdown: the guest powered off, the process stays */
} RunState;

typedef struct Machine Machine;

void runstate_init(Machine *m);
/* The machine is about to be freed: no request is carried out any more. */
void runstate_finish(void);
RunState runstate_get(void);           /* any thread */
const char *runstate_name(RunState s); /* "running", "paused", "prelaunch" ... */
void runstate_start(void);             /* `cont`; after RUN_SHUTDOWN the machine is reset first */
void runstate_stop(RunState why);      /* returns when all vCPUs stand still */
void runstate_add_listener(void (*fn)(RunState now, void *opaque), void *opaque);

/* Signals that end the process (SIGTERM, SIGINT, SIGHUP): "terminating on signal 15 from
 * pid N (comm)" on standard error, then an orderly shutdown with status 0.
 * program: the name that starts the message. */
void runstate_catch_signals(const char *program);
/* From here on the main loop runs: until then such a signal ends the process at once. */
void runstate_loop_begins(void);
