/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The thread that runs the vCPUs of a machine in turn: see vcpu.c. */
#pragma once
#include "accel/tcg/internal.h"
#include "base/event_loop.h"
#include "util/container.h"

typedef struct TcgLoop {
    Accel accel; /* first: an Accel * of this class points here */
    TcgState *state;
    GPtrArray *cpus; /* of CPU, in order of creation */
    GThread *thread, *ticker;

    /* Atomic: set by any thread, then the thread is kicked. */
    CPU *current;        /* runs now, or NULL */
    CPU *kicked;         /* asked for last; looked at next */
    uint32_t asleep;     /* futex: 1 while the thread waits for anything to do */
    uint32_t contended;  /* futex: more than one vCPU wants to run: the ticker ticks */
    uint32_t slice_over; /* the ticker's word to the thread */
    uint32_t asked;      /* something below wants the thread's attention */

    Lock lock;  /* leaf; guards what follows */
    GCond done; /* paused, or work done */
    bool pause, paused, quit;
    GQueue work; /* of Work */

    /* The vCPU's thread only. */
    CPU *debug_cpu; /* stopped for the debugger; told once the thread stands */
    unsigned next;  /* whose turn it is */

    Bh *debug_bh;    /* tells the main loop */
    CPU *debug_told; /* under lock */
    void (*debug_hook)(CPU *cpu, void *opaque);
    void *debug_opaque;
} TcgLoop;

extern const AccelClass tcg_accel_class, interp_accel_class;

static inline TcgLoop *tcg_loop_of(const CPU *cpu)
{
    return container_of(cpu->accel, TcgLoop, accel);
}

bool tcg_loop_start(Accel *a, GError **err);
void tcg_loop_stop(TcgLoop *l); /* ends the thread */
void tcg_loop_resume(Accel *a);
void tcg_loop_pause(Accel *a);
void tcg_loop_kick(CPU *cpu);
void tcg_loop_run_on_cpu(CPU *cpu, void (*fn)(CPU *cpu, void *opaque), void *opaque);
void tcg_loop_tell_debugger(void *opaque); /* Bh */

void tcg_breakpoints_changed(CPU *cpu);
void tcg_watchpoints_changed(CPU *cpu);
