/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The thread that runs the vCPUs of a machine in turn (round robin).
 *
 * A vCPU runs until it waits for an interrupt, or its slice is over while another one
 * wants to run, or somebody kicks another vCPU (which then runs next: it was
 * sent an interrupt, and the sender probably waits for the answer), or the
 * thread is wanted for something else.  When one vCPU alone wants to run nothing interrupts it; when
 * none does the thread sleeps in a futex.
 *
 * The order that makes no request get lost: who wants something first writes it down
 * (interrupt, queue, `asked`), then sets exit_request of `current`, or wakes the sleeper.
 * The thread first publishes `current` (or `asleep`), then clears exit_request, then looks at
 * everything.  All of these are sequentially consistent.
 *
 * Interrupts are taken between blocks only, with the state of the vCPU complete.  The
 * registers of a vCPU belong to this thread while it runs, and to the main loop while
 * it is paused.
 *
 * Not modelled: a thread for each vCPU; instruction counting. */
#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "accel/tcg/loop.h"
#include "base/log.h"

enum { SLICE_US = 2000 };

typedef struct Work {
    CPU *cpu;
    void (*fn)(CPU *cpu, void *opaque);
    void *opaque;
    bool done; /* under the lock */
} Work;

static uint32_t load(const uint32_t *p)
{
    return __atomic_load_n(p, __ATOMIC_SEQ_CST);
}

static void store(uint32_t *p, uint32_t v)
{
    __atomic_store_n(p, v, __ATOMIC_SEQ_CST);
}

static void futex_wait(uint32_t *word, uint32_t value)
{
    syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, value, NULL, NULL, 0);
}

static void futex_wake(uint32_t *word)
{
    syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
}

/* ---- asking the thread --------------------------------------------------------- */

/* Have the thread come round: from its sleep, or from the vCPU that it runs. */
static void loop_attract(TcgLoop *l)
{
    CPU *cpu = __atomic_load_n(&l->current, __ATOMIC_SEQ_CST);
    if (cpu) {
        store(&cpu->exit_request, 1);
    }
    if (__atomic_exchange_n(&l->asleep, 0, __ATOMIC_SEQ_CST)) {
        futex_wake(&l->asleep);
    }
}

static void loop_ask(TcgLoop *l)
{
    store(&l->asked, 1);
    loop_attract(l);
}

/* The queue is looked at before each run of a vCPU: a sleeper need not wake for it. */
void tcg_kick_thread(TcgState *s)
{
    CPU *cpu = s->loop ? __atomic_load_n(&s->loop->current, __ATOMIC_SEQ_CST) : NULL;
    if (cpu) {
        store(&cpu->exit_request, 1);
    }
}

void tcg_wake_thread(TcgState *s)
{
    if (s->loop) {
        loop_ask(s->loop);
    }
}

void tcg_loop_kick(CPU *cpu)
{
    TcgLoop *l = tcg_loop_of(cpu);
    if (__atomic_load_n(&l->current, __ATOMIC_SEQ_CST) != cpu) {
        __atomic_store_n(&l->kicked, cpu, __ATOMIC_SEQ_CST);
        loop_attract(l);
    }
}

static bool in_thread(const TcgLoop *l)
{
    return l->thread == g_thread_self();
}

/* ---- leaving translated code ------------------------------------------------------ */

void cpu_loop_exit(CPU *cpu)
{
    siglongjmp(cpu->tcg->exit_jmp, 1);
}

void tcg_debug_stop(CPU *cpu)
{
    TcgLoop *l = tcg_loop_of(cpu);
    l->debug_cpu = cpu;
    store(&l->asked, 1);
    store(&cpu->exit_request, 1);
}

/* ---- running one vCPU --------------------------------------------------------------- */

static bool is_held(const CPU *cpu)
{
    return __atomic_load_n(&cpu->held, __ATOMIC_RELAXED);
}

static bool wants_to_run(CPU *cpu)
{
    return !cpu->stopped && !is_held(cpu) && (!cpu->halted || cpu->arch->has_work(cpu));
}

static void run_engine(TcgLoop *l, CPU *cpu)
{
    switch (l->state->engine) {
    case TCG_JIT: tcg_run_jit(cpu); break;
    case TCG_INTERP: tcg_run_interp(cpu); break;
    default: tcg_run_lockstep(cpu); break;
    }
}

/* Is there a reason to leave this vCPU, or to run none at all? */
static bool must_leave(TcgLoop *l, CPU *cpu)
{
    CPU *kicked = __atomic_load_n(&l->kicked, __ATOMIC_SEQ_CST);
    return load(&l->asked) || load(&l->slice_over) || (kicked && kicked != cpu) || !wants_to_run(cpu);
}

/* Until there is a reason to leave.  Whatever leaves translated code by cpu_loop_exit() comes
 * back to the sigsetjmp. */
static void run_vcpu(TcgLoop *l, CPU *cpu)
{
    TcgVcpu *v = cpu->tcg;
    __atomic_store_n(&l->current, cpu, __ATOMIC_SEQ_CST);
    tcg_debug_going_on(cpu);
    if (sigsetjmp(v->exit_jmp, 0)) {
        v->frame = NULL;
        v->running = NULL;
        if (tcg_single(cpu)) {
            tcg_debug_single_done(cpu);
        }
    }
    for (;;) {
        store(&cpu->exit_request, 0);
        memory_quiescent();
        tcg_handle_queue(l->state); /* behind it: what was freed there is in TLBs until here */
        if (must_leave(l, cpu)) {
            break;
        }
        cpu->halted = 0;
        v->alone = v->alone_next;
        v->alone_next = false;
        if (!tcg_single(cpu)) { /* a step ends behind the instruction, not in a handler */
            cpu->arch->take_interrupt(cpu);
        }
        run_engine(l, cpu);
        if (tcg_single(cpu)) {
            tcg_debug_single_done(cpu);
        }
    }
    __atomic_store_n(&l->current, NULL, __ATOMIC_SEQ_CST);
}

/* ---- whose turn it is ------------------------------------------------------------------ */

/* Tell the ticker whether slices matter. */
static void set_contended(TcgLoop *l, bool on)
{
    if (on != load(&l->contended)) {
        store(&l->contended, on);
        if (on) {
            futex_wake(&l->contended);
        }
    }
}

/* The vCPU that steps, else one that was kicked, else the next that wants to run. */
static CPU *choose(TcgLoop *l)
{
    CPU *kicked = __atomic_exchange_n(&l->kicked, NULL, __ATOMIC_SEQ_CST), *best = NULL;
    unsigned count = l->cpus->len, wanting = 0;
    for (unsigned i = 0; i < count; i++) {
        unsigned at = (l->next + i) % count;
        CPU *cpu = g_ptr_array_index(l->cpus, at);
        if (cpu->singlestep && !cpu->stopped && !is_held(cpu)) {
            cpu->halted = 0; /* a step over a wfi goes on behind it */
            return cpu;
        }
        if (wants_to_run(cpu)) {
            wanting++;
            best = !best || cpu == kicked ? cpu : best;
        }
    }
    if (best) {
        l->next = (best->index + 1) % count;
    }
    set_contended(l, wanting > 1);
    return best;
}

/* Sleep until somebody attracts the thread.  `asleep` stands before the last look. */
static void loop_sleep(TcgLoop *l)
{
    set_contended(l, false);
    store(&l->asleep, 1);
    bool idle = !load(&l->asked) && !__atomic_load_n(&l->kicked, __ATOMIC_SEQ_CST);
    for (unsigned i = 0; idle && i < l->cpus->len; i++) {
        idle = !wants_to_run(g_ptr_array_index(l->cpus, i));
    }
    if (idle) {
        memory_thread_sleep();
        while (load(&l->asleep)) {
            futex_wait(&l->asleep, 1);
        }
        memory_thread_wake();
    }
    store(&l->asleep, 0);
}

/* Cuts slices while more than one vCPU wants to run. */
static void *ticker_main(void *opaque)
{
    TcgLoop *l = opaque;
    while (!__atomic_load_n(&l->quit, __ATOMIC_SEQ_CST)) {
        if (!load(&l->contended)) {
            futex_wait(&l->contended, 0);
            continue;
        }
        g_usleep(SLICE_US);
        if (load(&l->contended)) {
            store(&l->slice_over, 1);
            loop_attract(l);
        }
    }
    return NULL;
}

/* ---- what others asked for ------------------------------------------------------------ */

static void do_work(TcgLoop *l)
{
    Work *w;
    while ((w = g_queue_pop_head(&l->work))) {
        lock_release(&l->lock);
        w->fn(w->cpu, w->opaque);
        lock_take(&l->lock);
        w->done = true;
        g_cond_broadcast(&l->done);
    }
}

/* Under the lock: the thread stands until resume, work or the end. */
static void stand_still(TcgLoop *l)
{
    lock_assert_held(&l->lock);
    memory_thread_sleep();
    while (l->pause && !l->quit && g_queue_is_empty(&l->work)) {
        if (!l->paused) { /* again after a resume and a pause that came while this slept */
            l->paused = true;
            g_cond_broadcast(&l->done);
        }
        lock_wait(&l->done, &l->lock);
    }
    memory_thread_wake();
    l->paused = false;
}

/* False: the thread ends. */
static bool serve(TcgLoop *l)
{
    lock_take(&l->lock);
    store(&l->asked, 0);
    if (l->debug_cpu) {
        l->debug_told = l->debug_cpu;
        l->debug_cpu = NULL;
        l->pause = true;
        bh_schedule(l->debug_bh);
    }
    do_work(l);
    while (l->pause && !l->quit) {
        set_contended(l, false);
        stand_still(l);
        do_work(l);
    }
    bool go_on = !l->quit;
    lock_release(&l->lock);
    return go_on;
}

static void *loop_main(void *opaque)
{
    TcgLoop *l = opaque;
    memory_thread_register();
    while (serve(l)) {
        store(&l->slice_over, 0);
        CPU *cpu = choose(l);
        if (cpu) {
            run_vcpu(l, cpu);
        } else {
            tcg_handle_queue(l->state);
            loop_sleep(l);
        }
    }
    memory_thread_unregister();
    return NULL;
}

/* ---- life, and the accelerator's entries -------------------------------------------------- */

static GThread *start_thread(const char *name, GThreadFunc fn, TcgLoop *l, GError **err)
{
    g_autoptr(GError) why = NULL;
    GThread *t = g_thread_try_new(name, fn, l, &why);
    if (!t) {
        g_set_error(err, why->domain, why->code,
                    "no thread can be started for the vCPUs: %s; raise the limit, "
                    "e.g. with ulimit -u 4096",
                    why->message);
    }
    return t;
}

bool tcg_loop_start(Accel *a, GError **err)
{
    TcgLoop *l = container_of(a, TcgLoop, accel);
    l->pause = l->paused = true;
    l->thread = start_thread("vcpu", loop_main, l, err);
    if (!l->thread) {
        return false;
    }
    if (l->cpus->len > 1) {
        l->ticker = start_thread("vcpu-slices", ticker_main, l, err);
    }
    return l->cpus->len == 1 || l->ticker;
}

void tcg_loop_stop(TcgLoop *l)
{
    lock_take(&l->lock);
    __atomic_store_n(&l->quit, true, __ATOMIC_SEQ_CST);
    g_cond_broadcast(&l->done);
    lock_release(&l->lock);
    loop_ask(l);
    if (l->thread) {
        g_thread_join(l->thread);
        l->thread = NULL;
    }
    if (l->ticker) {
        store(&l->contended, 1); /* for its futex_wait to return; it sees `quit` */
        futex_wake(&l->contended);
        g_thread_join(l->ticker);
        l->ticker = NULL;
    }
}

void tcg_loop_resume(Accel *a)
{
    TcgLoop *l = container_of(a, TcgLoop, accel);
    lock_take(&l->lock);
    l->pause = l->paused = false;
    g_cond_broadcast(&l->done);
    lock_release(&l->lock);
}

void tcg_loop_pause(Accel *a)
{
    TcgLoop *l = container_of(a, TcgLoop, accel);
    if (!l->thread) {
        return;
    }
    g_assert(!in_thread(l));
    lock_take(&l->lock);
    l->pause = true;
    if (!l->paused) {
        loop_ask(l);
    }
    while (!l->paused) {
        event_loop_wait(l->accel.loop, &l->done, &l->lock);
    }
    lock_release(&l->lock);
}

void tcg_loop_run_on_cpu(CPU *cpu, void (*fn)(CPU *cpu, void *opaque), void *opaque)
{
    TcgLoop *l = tcg_loop_of(cpu);
    Work w = { .cpu = cpu, .fn = fn, .opaque = opaque };
    if (!l->thread || in_thread(l)) {
        fn(cpu, opaque);
        return;
    }
    lock_take(&l->lock);
    if (l->paused && event_loop_is_current(l->accel.loop)) { /* only the main loop resumes: it stays paused */
        lock_release(&l->lock);
        fn(cpu, opaque);
        return;
    }
    g_queue_push_tail(&l->work, &w);
    loop_ask(l);
    g_cond_broadcast(&l->done);
    while (!w.done) {
        event_loop_wait(l->accel.loop, &l->done, &l->lock);
    }
    lock_release(&l->lock);
}

void tcg_loop_tell_debugger(void *opaque)
{
    TcgLoop *l = opaque;
    tcg_loop_pause(&l->accel); /* it stands, or is about to */
    lock_take(&l->lock);
    CPU *cpu = l->debug_told;
    l->debug_told = NULL;
    lock_release(&l->lock);
    if (cpu && l->debug_hook) {
        l->debug_hook(cpu, l->debug_opaque);
    }
}
