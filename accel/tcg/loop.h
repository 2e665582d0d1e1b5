/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The threads that run the vCPUs of a machine: see loop.c. */
#pragma once
#include "accel/tcg/state.h"
#include "base/event_loop.h"
#include "util/container.h"

typedef struct TcgLoop TcgLoop;

struct TcgThread {
    TcgLoop *loop;
    GPtrArray *cpus; /* of CPU: those that it runs, one at a time */
    GThread *thread, *ticker;

    /* Atomic: set by any thread, then this one is kicked. */
    CPU *current;        /* runs now, or NULL */
    CPU *kicked;         /* asked for last; looked at next */
    uint32_t asleep;     /* futex: 1 while the thread waits for anything to do */
    uint32_t contended;  /* futex: more than one vCPU wants to run: the ticker ticks */
    uint32_t slice_over; /* the ticker's word to the thread */
    uint32_t asked;      /* something below, or of the loop, wants the thread's attention */

    /* Under the loop's lock. */
    int id; /* the host's; 0: it has not begun */
    bool paused;
    GQueue work; /* of Work */

    /* The thread's own. */
    CPU *debug_cpu; /* stopped for the debugger; told once the thread stands */
    unsigned next;  /* whose turn it is */
    unsigned spins; /* cpu_give_way() */
};

struct TcgLoop {
    Accel accel; /* an Accel * of this class points here */
    TcgState *state;
    GPtrArray *cpus;    /* of CPU, in order of creation */
    GPtrArray *threads; /* of TcgThread; from start to stop */
    bool crowded;       /* there are more of them than processors for this process */

    Lock lock;  /* guards what follows */
    GCond done; /* a thread is paused, or work is done; or a thread that stands has something to do */
    bool pause, quit;
    CPU *debug_told;

    Bh *debug_bh; /* tells the main loop */
    void (*debug_hook)(CPU *cpu, void *opaque);
    void *debug_opaque;
};

extern const AccelClass tcg_accel_class, interp_accel_class;

static inline TcgLoop *tcg_loop_of(const CPU *cpu)
{
    return container_of(cpu->accel, TcgLoop, accel);
}

bool tcg_loop_start(Accel *a, GError **err);
void tcg_loop_stop(TcgLoop *l); /* ends the threads */
void tcg_loop_resume(Accel *a);
void tcg_loop_pause(Accel *a);
void tcg_loop_kick(CPU *cpu);
void tcg_loop_run_on_cpu(CPU *cpu, void (*fn)(CPU *cpu, void *opaque), void *opaque);
void tcg_loop_tell_debugger(void *opaque); /* Bh */
