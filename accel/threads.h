/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The threads of an accelerator that run vCPUs: how others ask them for something, how they stand still, go on, stop
 * for the debugger, and end.  What a thread runs, and how it sleeps, is its accelerator's.
 *
 * Who wants something of a thread writes it down, sets `asked`, and attracts the thread.  The thread comes round,
 * clears `asked` in vcpu_thread_serve() and does what there is.  `asked` and what an accelerator's attract() looks at are
 * sequentially consistent: a thread that is about to run looks at `asked` after it said so. */
#pragma once
#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/event_loop.h"
#include "base/lock.h"
#include "target/cpu.h"

typedef struct VcpuThreads VcpuThreads;

typedef struct VcpuThread {
    VcpuThreads *all;
    GThread *thread;
    uint32_t asked; /* atomic: something below, or of all, wants the thread's attention */

    /* Under the lock. */
    int id; /* the host's; 0: it has not begun */
    bool paused;
    GQueue work;

    /* The thread's own. */
    CPU *debug_cpu; /* stopped for the debugger; told once the thread stands */
} VcpuThread;

struct VcpuThreads {
    EventLoop *loop;
    GPtrArray *threads; /* of VcpuThread, from start to stop; changed while none runs */
    /* Have the thread come round, from its sleep or from the vCPU that it runs.  Any thread; the lock may be held. */
    void (*attract)(VcpuThread *t);

    Lock lock;  /* guards what follows */
    GCond done; /* a thread is paused, or work is done; or a thread that stands has something to do */
    bool pause, quit;
    CPU *debug_told;

    Bh *debug_bh; /* tells the main loop */
    void (*debug_hook)(CPU *cpu, void *opaque);
    void *debug_opaque;
};

void vcpu_threads_init(VcpuThreads *all, EventLoop *loop, void (*attract)(VcpuThread *t));
void vcpu_threads_finish(VcpuThreads *all); /* they have ended */

/* ---- life; main loop ---- */

/* It is one of them, and will be paused. */
void vcpu_threads_add(VcpuThreads *all, VcpuThread *t);
/* fn(t) begins with vcpu_thread_begin(), then serves. */
bool vcpu_thread_start(VcpuThread *t, const char *name, GThreadFunc fn,
                       GError **err) G_GNUC_WARN_UNUSED_RESULT;
/* A thread beside them that serves nobody; NULL: the host has no more. */
GThread *vcpu_host_thread_new(const char *name, GThreadFunc fn, void *opaque,
                              GError **err) G_GNUC_WARN_UNUSED_RESULT;
/* All end; they are no longer listed, and the caller frees them. */
void vcpu_threads_stop(VcpuThreads *all);

void vcpu_threads_resume(VcpuThreads *all);
void vcpu_threads_pause(VcpuThreads *all); /* returns when all stand */
bool vcpu_threads_run(VcpuThreads *all);   /* there are some, and nobody has them stand still */
/* Run fn in the thread, or at once when it stands and the main loop calls, or when called from it; NULL: there is none. */
void vcpu_thread_run(VcpuThread *t, CPU *cpu, void (*fn)(CPU *cpu, void *opaque), void *opaque);

/* ---- in the thread ---- */

void vcpu_thread_begin(VcpuThread *t);
/* Do what was asked, stand while all are paused; false: the thread is to end.  Holds no lock, and no pointer of base/readers.h. */
bool vcpu_thread_serve(VcpuThread *t);
/* One of its vCPUs stops for the debugger, once it comes round. */
void vcpu_thread_debug_stop(VcpuThread *t, CPU *cpu);
bool vcpu_thread_is_current(const VcpuThread *t);
static inline bool vcpu_thread_is_asked(const VcpuThread *t)
{
    return __atomic_load_n(&t->asked, __ATOMIC_SEQ_CST);
}
