/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The threads that run the vCPUs of a machine: see loop.c. */
#pragma once
#include "accel/tcg/state.h"
#include "accel/threads.h"
#include "base/event_loop.h"
#include "util/container.h"

typedef struct TcgLoop TcgLoop;

struct TcgThread {
    VcpuThread base;
    TcgLoop *loop;
    GPtrArray *cpus; /* of CPU: those that it runs, one at a time */
    GThread *ticker;

    /* Atomic: set by any thread, then this one is attracted. */
    CPU *current;         /* runs now, or NULL */
    CPU *kicked;          /* asked for last; looked at next */
    uint32_t asleep;      /* futex: 1 while the thread waits for anything to do */
    uint32_t contended;   /* futex: more than one vCPU wants to run: the ticker ticks */
    uint32_t slice_over;  /* the ticker's word to the thread */
    uint32_t ticker_ends; /* ours to the ticker */

    /* The thread's own. */
    unsigned next;  /* whose turn it is */
    unsigned spins; /* cpu_give_way() */
};

struct TcgLoop {
    Accel accel; /* an Accel * of this class points here */
    TcgState *state;
    GPtrArray *cpus;     /* of CPU, in order of creation */
    VcpuThreads threads; /* each is the base of a TcgThread */
    bool crowded;        /* there are more of them than processors for this process */
};

extern const AccelClass tcg_accel_class, interp_accel_class;

static inline TcgThread *tcg_thread_of(VcpuThread *t)
{
    return container_of(t, TcgThread, base);
}

void tcg_loop_attract(VcpuThread *base); /* from its sleep, or from the vCPU that it runs */

bool tcg_loop_start(Accel *a, GError **err);
void tcg_loop_stop(TcgLoop *l); /* ends the threads */
void tcg_loop_resume(Accel *a);
void tcg_loop_pause(Accel *a);
void tcg_loop_kick(CPU *cpu);
void tcg_loop_run_on_cpu(CPU *cpu, void (*fn)(CPU *cpu, void *opaque), void *opaque);
