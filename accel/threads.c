/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "accel/threads.h"

#include <unistd.h>

#include "base/readers.h"

typedef struct Work {
    CPU *cpu;
    void (*fn)(CPU *cpu, void *opaque);
    void *opaque;
    bool done; /* under the lock */
} Work;

static VcpuThread *thread_at(const VcpuThreads *all, unsigned i)
{
    return g_ptr_array_index(all->threads, i);
}

/* ---- asking ------------------------------------------------------------------------------ */

static void ask(VcpuThread *t)
{
    __atomic_store_n(&t->asked, 1, __ATOMIC_SEQ_CST);
    t->all->attract(t);
}

static void ask_all(VcpuThreads *all)
{
    for (unsigned i = 0; i < all->threads->len; i++) {
        ask(thread_at(all, i));
    }
}

bool vcpu_thread_is_current(const VcpuThread *t)
{
    return t->thread == g_thread_self();
}

/* ---- in the thread ------------------------------------------------------------------------- */

void vcpu_thread_begin(VcpuThread *t)
{
    memory_thread_register();
    lock_take(&t->all->lock);
    t->id = gettid();
    g_cond_broadcast(&t->all->done);
    lock_release(&t->all->lock);
}

void vcpu_thread_debug_stop(VcpuThread *t, CPU *cpu)
{
    t->debug_cpu = cpu;
    __atomic_store_n(&t->asked, 1, __ATOMIC_SEQ_CST);
}

static void do_work(VcpuThread *t)
{
    VcpuThreads *all = t->all;
    Work *w;
    while ((w = g_queue_pop_head(&t->work))) {
        lock_release(&all->lock);
        w->fn(w->cpu, w->opaque);
        lock_take(&all->lock);
        w->done = true;
        g_cond_broadcast(&all->done);
    }
}

/* Under the lock: the thread stands until resume, work or the end. */
static void stand_still(VcpuThread *t)
{
    VcpuThreads *all = t->all;
    lock_assert_held(&all->lock);
    memory_thread_sleep();
    while (all->pause && !all->quit && g_queue_is_empty(&t->work)) {
        if (!t->paused) { /* again after a resume and a pause that came while this slept */
            t->paused = true;
            g_cond_broadcast(&all->done);
        }
        lock_wait(&all->done, &all->lock);
    }
    memory_thread_wake();
    t->paused = false;
}

/* Under the lock: a vCPU of this thread has stopped.  If another thread's did so at the same time the debugger is told
 * of that one alone: this one stops there again when it goes on. */
static void debugger_stop(VcpuThread *t)
{
    VcpuThreads *all = t->all;
    if (!all->debug_told) {
        all->debug_told = t->debug_cpu;
        bh_schedule(all->debug_bh);
    } else {
        t->debug_cpu->watch_hit_kind = 0; /* its access has not been told */
    }
    t->debug_cpu = NULL;
    all->pause = true;
    ask_all(all);
}

bool vcpu_thread_serve(VcpuThread *t)
{
    VcpuThreads *all = t->all;
    lock_take(&all->lock);
    if (t->debug_cpu) {
        debugger_stop(t); /* asks this thread, too */
    }
    __atomic_store_n(&t->asked, 0, __ATOMIC_SEQ_CST);
    do_work(t);
    while (all->pause && !all->quit) {
        stand_still(t);
        do_work(t);
    }
    bool go_on = !all->quit;
    lock_release(&all->lock);
    return go_on;
}

/* ---- life ------------------------------------------------------------------------------------ */

static CPU *debugger_stop_of(VcpuThreads *all)
{
    lock_take(&all->lock);
    CPU *cpu = all->debug_told;
    lock_release(&all->lock);
    return cpu;
}

/* Bh. */
static void tell_debugger(void *opaque)
{
    VcpuThreads *all = opaque;
    CPU *cpu = debugger_stop_of(all);
    if (!cpu) { /* they went on before */
        return;
    }
    vcpu_threads_pause(all); /* they stand, or are about to */
    lock_take(&all->lock);
    all->debug_told = NULL;
    lock_release(&all->lock);
    if (all->debug_hook) {
        all->debug_hook(cpu, all->debug_opaque);
    }
}

void vcpu_threads_init(VcpuThreads *all, EventLoop *loop, void (*attract)(VcpuThread *t))
{
    *all = (VcpuThreads){ .loop = loop, .threads = g_ptr_array_new(), .attract = attract, .pause = true };
    lock_init(&all->lock, LOCK_VCPUS);
    g_cond_init(&all->done);
    all->debug_bh = bh_new(loop, NULL, tell_debugger, all);
}

void vcpu_threads_finish(VcpuThreads *all)
{
    g_assert(!all->threads->len);
    bh_free(all->debug_bh);
    g_ptr_array_free(all->threads, TRUE);
    lock_finish(&all->lock);
    g_cond_clear(&all->done);
}

void vcpu_threads_add(VcpuThreads *all, VcpuThread *t)
{
    t->all = all;
    t->paused = true;
    g_queue_init(&t->work);
    g_ptr_array_add(all->threads, t);
}

/* For listings, whether the vCPUs run or stand. */
static void learn_id(VcpuThread *t)
{
    lock_take(&t->all->lock);
    while (!t->id) {
        lock_wait(&t->all->done, &t->all->lock);
    }
    lock_release(&t->all->lock);
}

GThread *vcpu_host_thread_new(const char *name, GThreadFunc fn, void *opaque, GError **err)
{
    g_autoptr(GError) why = NULL;
    GThread *thread = g_thread_try_new(name, fn, opaque, &why);
    if (!thread) {
        g_set_error(err, why->domain, why->code,
                    "no thread can be started for the vCPUs: %s; raise the limit, "
                    "e.g. with ulimit -u 4096",
                    why->message);
    }
    return thread;
}

bool vcpu_thread_start(VcpuThread *t, const char *name, GThreadFunc fn, GError **err)
{
    t->thread = vcpu_host_thread_new(name, fn, t, err);
    if (!t->thread) {
        return false;
    }
    learn_id(t);
    return true;
}

void vcpu_threads_stop(VcpuThreads *all)
{
    lock_take(&all->lock);
    all->quit = true;
    g_cond_broadcast(&all->done);
    lock_release(&all->lock);
    ask_all(all);
    for (unsigned i = 0; i < all->threads->len; i++) {
        VcpuThread *t = thread_at(all, i);
        if (t->thread) {
            g_thread_join(t->thread);
        }
    }
    g_ptr_array_set_size(all->threads, 0);
}

/* ---- pause and resume ---------------------------------------------------------------------- */

/* Nobody has been told, and somebody else lets the vCPUs go on: what the vCPU stopped for comes again. */
static void forget_debugger_stop(VcpuThreads *all)
{
    if (all->debug_told) {
        all->debug_told->watch_hit_kind = 0;
        all->debug_told = NULL;
    }
}

void vcpu_threads_resume(VcpuThreads *all)
{
    lock_take(&all->lock);
    all->pause = false;
    forget_debugger_stop(all);
    for (unsigned i = 0; i < all->threads->len; i++) {
        thread_at(all, i)->paused = false;
    }
    g_cond_broadcast(&all->done);
    lock_release(&all->lock);
}

bool vcpu_threads_run(VcpuThreads *all)
{
    lock_take(&all->lock);
    bool run = all->threads->len && !all->pause;
    lock_release(&all->lock);
    return run;
}

static bool all_paused(const VcpuThreads *all)
{
    for (unsigned i = 0; i < all->threads->len; i++) {
        if (!thread_at(all, i)->paused) {
            return false;
        }
    }
    return true;
}

void vcpu_threads_pause(VcpuThreads *all)
{
    lock_take(&all->lock);
    all->pause = true;
    for (unsigned i = 0; i < all->threads->len; i++) {
        VcpuThread *t = thread_at(all, i);
        g_assert(!vcpu_thread_is_current(t));
        if (!t->paused) {
            ask(t);
        }
    }
    while (!all_paused(all)) {
        event_loop_wait(all->loop, &all->done, &all->lock);
    }
    lock_release(&all->lock);
}

void vcpu_thread_run(VcpuThread *t, CPU *cpu, void (*fn)(CPU *cpu, void *opaque), void *opaque)
{
    Work w = { .cpu = cpu, .fn = fn, .opaque = opaque };
    if (!t || !t->thread || vcpu_thread_is_current(t)) {
        fn(cpu, opaque);
        return;
    }
    VcpuThreads *all = t->all;
    lock_take(&all->lock);
    if (t->paused && event_loop_is_current(all->loop)) { /* only the main loop resumes: it stays paused */
        lock_release(&all->lock);
        fn(cpu, opaque);
        return;
    }
    g_queue_push_tail(&t->work, &w);
    ask(t);
    g_cond_broadcast(&all->done);
    while (!w.done) {
        event_loop_wait(all->loop, &all->done, &all->lock);
    }
    lock_release(&all->lock);
}
