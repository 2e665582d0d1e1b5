/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Running, paused, shut down: the state of the machine as a whole.
 * Main loop only unless said otherwise. */
#pragma once
#include <glib.h>
#include <stdbool.h>

typedef enum RunState {
    RUN_PRELAUNCH,  /* -S: not started yet */
    RUN_RUNNING,
    RUN_PAUSED,     /* `stop` */
    RUN_DEBUG,      /* stopped by the debugger */
    RUN_SHUTDOWN,   /* -no-shutdown: the guest powered off, the process stays */
} RunState;

typedef struct Machine Machine;

void runstate_init(Machine *m);
RunState runstate_get(void); /* any thread */
const char *runstate_name(RunState s); /* "running", "paused", "prelaunch" ... */
void runstate_start(void);   /* `cont` */
void runstate_stop(RunState why); /* returns when all vCPUs stand still */
void runstate_add_listener(void (*fn)(RunState now, void *opaque), void *opaque);
